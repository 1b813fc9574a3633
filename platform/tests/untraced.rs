//! The cost of telemetry that is not wanted. Telemetry starts once in a process, so there is one test.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use carrel_platform::telemetry::{self, LogFormat, TelemetryConfig};
use tracing::level_filters::LevelFilter;

#[tokio::test]
async fn without_a_collector_no_span_is_made_and_no_line_prepared_that_nobody_wants() {
    let config = TelemetryConfig {
        otlp_endpoint: None,
        sample_ratio: 1.0,
        slow_after: Duration::from_secs(1).into(),
        log_format: LogFormat::Text,
        log_filter: "info".to_owned(),
    };
    telemetry::init("carrel-test", &config).unwrap();
    let span = tracing::info_span!(target: "carrel::test", "act");
    assert!(span.is_disabled());
    // Libraries that use `log` are limited to this level as well.
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
}
