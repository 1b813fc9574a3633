//! A telemetry collector that accepts everything and keeps nothing, on a thread of its own in the load.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
};

use anyhow::Context;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use super::settings::{Settings, setting};

/// A running collector. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Collector {
    address: SocketAddr,
    ratio: f64,
    _stop: oneshot::Sender<()>,
}

impl Collector {
    /// Starts a collector for a Carrel that keeps this part of its traces.
    pub(super) fn start(ratio: f64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || runtime.block_on(serve(listener, stopped)))
            .context("no thread for the collector")?;
        Ok(Self {
            address,
            ratio,
            _stop: stop,
        })
    }

    /// Returns the settings that make Carrel send everything here.
    pub(super) fn settings(&self) -> Settings {
        vec![
            setting(
                "TELEMETRY__OTLP_ENDPOINT",
                &format!("http://{}", self.address),
            ),
            setting("TELEMETRY__SAMPLE_RATIO", &self.ratio.to_string()),
        ]
    }
}

async fn serve(listener: TcpListener, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let serving = Server::builder()
        .add_service(TraceServiceServer::new(Nowhere))
        .add_service(MetricsServiceServer::new(Nowhere))
        .add_service(LogsServiceServer::new(Nowhere))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::select! {
        served = serving => Ok(served?),
        _ = stopped => Ok(()),
    }
}

struct Nowhere;

#[tonic::async_trait]
impl TraceService for Nowhere {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Nowhere {
    async fn export(
        &self,
        _: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Nowhere {
    async fn export(
        &self,
        _: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(Default::default()))
    }
}
