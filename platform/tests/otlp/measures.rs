//! The metrics and log lines that a collector keeps.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse, logs_service_server::LogsService,
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::MetricsService,
        },
    },
    logs::v1::LogRecord,
    metrics::v1::Metric,
};
use tonic::{Request, Response, Status};

/// The metrics and log lines received so far. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Measures {
    metrics: Arc<Mutex<Vec<Metric>>>,
    lines: Arc<Mutex<Vec<LogRecord>>>,
}

impl Measures {
    /// Returns all metrics, as often as they came.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        self.metrics.lock().unwrap().clone()
    }

    /// Returns all log lines.
    pub(crate) fn lines(&self) -> Vec<LogRecord> {
        self.lines.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl MetricsService for Measures {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let metrics = resources
            .flat_map(|resource| resource.scope_metrics)
            .flat_map(|scope| scope.metrics);
        self.metrics.lock().unwrap().extend(metrics);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Measures {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let resources = request.into_inner().resource_logs.into_iter();
        let lines = resources
            .flat_map(|resource| resource.scope_logs)
            .flat_map(|scope| scope.log_records);
        self.lines.lock().unwrap().extend(lines);
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
