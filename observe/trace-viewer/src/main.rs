//! `carrel-trace-viewer`: takes traces by OTLP over gRPC, keeps the newest in memory, and shows them in Jaeger's user
//! interface. It is for a Carrel on the same machine: it listens on loopback only, since it has no authentication.
//!
//! Carrel sends metrics and log lines to the same endpoint as traces. They are accepted and discarded: metrics are
//! scraped by Prometheus here, and log lines are in files.

mod forgotten;

use std::net::Ipv4Addr;

use anyhow::Context;
use clap::Parser;
use opentelemetry_proto::tonic::collector::{
    logs::v1::logs_service_server::LogsServiceServer,
    metrics::v1::metrics_service_server::MetricsServiceServer,
};
use otlp_embedded::{Config, State, TraceServiceImpl, TraceServiceServer, ui_app};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{codec::CompressionEncoding, transport::Server};

use crate::forgotten::Forgotten;

/// The limits of what is kept; beyond them, the oldest traces are dropped.
const KEPT: Config = Config {
    max_length: 5_000,
    max_memory_usage: 256 << 20,
};

/// Shows the traces of a Carrel on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Ports {
    /// The port where browsers see the traces.
    #[arg(long, default_value_t = 16686)]
    ui: u16,
    /// The port to which traces are sent, by OTLP over gRPC.
    #[arg(long, default_value_t = 4317)]
    otlp: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let ports = Ports::parse();
    let browsers = listen(ports.ui).await?;
    let exporters = listen(ports.otlp).await?;
    let traces = State::new(KEPT);

    let pages = ui_app(traces.clone(), "/");
    let receivers = Server::builder()
        .add_service(
            TraceServiceServer::new(TraceServiceImpl::new(traces))
                .accept_compressed(CompressionEncoding::Gzip),
        )
        .add_service(
            MetricsServiceServer::new(Forgotten).accept_compressed(CompressionEncoding::Gzip),
        )
        .add_service(LogsServiceServer::new(Forgotten).accept_compressed(CompressionEncoding::Gzip))
        .serve_with_incoming(TcpListenerStream::new(exporters));
    println!(
        "carrel-trace-viewer shows traces at http://127.0.0.1:{} and takes them at http://127.0.0.1:{}",
        ports.ui, ports.otlp
    );
    tokio::select! {
        ended = axum::serve(browsers, pages) => ended.context("the pages can't be served any more"),
        ended = receivers => ended.context("traces can't be taken any more"),
        stopped = tokio::signal::ctrl_c() => stopped.context("Ctrl-C can't be waited for"),
    }
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("port {port} can't be listened on; name another one, see --help"))
}
