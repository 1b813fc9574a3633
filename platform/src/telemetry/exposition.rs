//! The metrics as they are scraped: in Prometheus's own text format, or in OpenMetrics with exemplars for a client that
//! asks for it, as Prometheus does.

use std::fmt::Write as _;

use http::HeaderValue;
use prometheus::{
    Encoder, Registry, TextEncoder,
    proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::metric::{DELIVERY_DURATION, Exemplar};

/// The media type of OpenMetrics in HTTP headers.
const OPEN_METRICS: &str = "application/openmetrics-text";
const OPEN_METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of this process, ready to be rendered. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Exposition(Registry);

/// All metrics at one moment, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The content type of the text.
    pub content_type: HeaderValue,
    /// The text.
    pub text: String,
}

impl Exposition {
    /// Exposes what is collected in a registry.
    pub(super) fn of(registry: Registry) -> Self {
        Self(registry)
    }

    /// Renders all metrics as they are now, in the format that an `Accept` header asks for.
    #[must_use]
    pub fn show(&self, accept: &str) -> Exposed {
        let families = self.0.gather();
        if accept.contains(OPEN_METRICS) {
            return Exposed {
                content_type: HeaderValue::from_static(OPEN_METRICS_TYPE),
                text: open_metrics(&families),
            };
        }
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            tracing::error!(%error, "metrics could not be written as text");
        }
        Exposed {
            content_type: HeaderValue::from_str(TextEncoder::new().format_type())
                .unwrap_or(HeaderValue::from_static("text/plain")),
            text,
        }
    }
}

/// Renders the OpenMetrics text format, version 1.0.0.
fn open_metrics(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        write_family(&mut text, family);
    }
    text.push_str("# EOF\n");
    text
}

fn write_family(text: &mut String, family: &MetricFamily) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        // None of our instruments is of these types.
        MetricType::SUMMARY | MetricType::UNTYPED => return,
    };
    // A counter's family name has no suffix; its samples have it.
    let name = family.name().strip_suffix("_total");
    let name = name.filter(|_| kind == "counter").unwrap_or(family.name());
    let help = escaped(family.help());
    // Writing to a string does not fail.
    let _ = write!(text, "# TYPE {name} {kind}\n# HELP {name} {help}\n");
    for metric in family.get_metric() {
        let labels = labels(metric.get_label());
        match family.get_field_type() {
            MetricType::COUNTER => sample(
                text,
                family.name(),
                &labels,
                metric.get_counter().get_value(),
            ),
            MetricType::GAUGE => sample(text, name, &labels, metric.get_gauge().get_value()),
            _ => write_histogram(text, name, &labels, metric),
        }
    }
}

fn write_histogram(text: &mut String, name: &str, labels: &str, metric: &Metric) {
    let histogram: &Histogram = metric.get_histogram();
    let count = histogram.get_sample_count();
    let bounds = histogram.get_bucket().iter();
    let buckets = bounds
        .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
        .chain([(f64::INFINITY, count)]);
    for (bound, count) in buckets {
        let comma = if labels.is_empty() { "" } else { "," };
        let _ = write!(
            text,
            "{name}_bucket{{{labels}{comma}le=\"{}\"}} {count}",
            number(bound)
        );
        if let Some(exemplar) = exemplar(name, metric.get_label(), bound) {
            let Exemplar {
                value,
                trace_id,
                span_id,
                at,
            } = exemplar;
            let _ = write!(
                text,
                " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {} {:.3}",
                number(value),
                at.as_secs_f64()
            );
        }
        text.push('\n');
    }
    sample(
        text,
        &format!("{name}_sum"),
        labels,
        histogram.get_sample_sum(),
    );
    let _ = writeln!(text, "{name}_count{} {count}", in_braces(labels));
}

/// Returns a bucket's exemplar; only one metric has any.
fn exemplar(name: &str, labels: &[LabelPair], bound: f64) -> Option<Exemplar> {
    if name != DELIVERY_DURATION.row().prometheus_name() {
        return None;
    }
    let words: Vec<&str> = labels.iter().map(LabelPair::value).collect();
    DELIVERY_DURATION.exemplar(&words, bound)
}

fn sample(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(text, "{name}{} {}", in_braces(labels), number(value));
}

fn in_braces(labels: &str) -> String {
    if labels.is_empty() {
        String::new()
    } else {
        format!("{{{labels}}}")
    }
}

fn labels(pairs: &[LabelPair]) -> String {
    let mut text = String::new();
    for pair in pairs {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{}=\"{}\"", pair.name(), escaped(pair.value()));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        // With a decimal point, as in OpenMetrics: 1.0.
        format!("{value:?}")
    }
}
