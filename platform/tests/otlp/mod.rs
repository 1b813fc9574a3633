//! A collector in the test's own process: it keeps the spans, metrics and log lines that are sent to it.
#![allow(dead_code, reason = "each test that includes it uses its part")]

mod measures;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::logs_service_server::LogsServiceServer,
        metrics::v1::metrics_service_server::MetricsServiceServer,
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use tokio::{net::TcpListener, sync::watch};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

pub(crate) use self::measures::Measures;

/// A collector on a free port of this machine.
pub(crate) struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedSpan>>>,
    arrivals: watch::Receiver<()>,
    measures: Measures,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let measures = Measures::default();
        let (arrived, arrivals) = watch::channel(());
        let keeper = Keeper {
            received: Arc::clone(&received),
            arrived,
        };
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(keeper))
                .add_service(MetricsServiceServer::new(measures.clone()))
                .add_service(LogsServiceServer::new(measures.clone()))
                .serve_with_incoming(TcpIncoming::from(listener)),
        );
        Self {
            address,
            received,
            arrivals,
            measures,
        }
    }

    /// Returns the endpoint to send traces to.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the metrics and log lines that have come, and will come.
    pub(crate) fn measures(&self) -> &Measures {
        &self.measures
    }

    /// Returns all spans received so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received()
            .into_iter()
            .map(|received| received.span)
            .collect()
    }

    /// Returns all spans received so far, with who sent them.
    pub(crate) fn received(&self) -> Vec<ReceivedSpan> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until a condition holds for the spans received so far.
    pub(crate) async fn wait_until(&self, wanted: impl Fn(&[ReceivedSpan]) -> bool) {
        let mut arrivals = self.arrivals.clone();
        loop {
            arrivals.mark_unchanged();
            if wanted(&self.received()) {
                return;
            }
            arrivals.changed().await.unwrap();
        }
    }

    /// Waits for the first span that satisfies `wanted`.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Span) -> bool) -> Span {
        let mut arrivals = self.arrivals.clone();
        loop {
            arrivals.mark_unchanged();
            if let Some(span) = self.spans().into_iter().find(&wanted) {
                return span;
            }
            arrivals.changed().await.unwrap();
        }
    }
}

/// Returns the text of one of a span's attributes.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    value(&span.attributes, key)
}

fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let attribute = attributes.iter().find(|pair| pair.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A span and the process that sent it.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedSpan {
    /// The service.
    pub(crate) service: String,
    /// The instance of the service.
    pub(crate) instance: String,
    pub(crate) span: Span,
}

struct Keeper {
    received: Arc<Mutex<Vec<ReceivedSpan>>>,
    arrived: watch::Sender<()>,
}

#[tonic::async_trait]
impl TraceService for Keeper {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for received in request.into_inner().resource_spans {
            let resource = received.resource.unwrap_or_default();
            let who = |key| value(&resource.attributes, key).unwrap_or_default();
            let (service, instance) = (who("service.name"), who("service.instance.id"));
            let spans = received
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            self.received
                .lock()
                .unwrap()
                .extend(spans.map(|span| ReceivedSpan {
                    service: service.clone(),
                    instance: instance.clone(),
                    span,
                }));
        }
        self.arrived.send_replace(());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
