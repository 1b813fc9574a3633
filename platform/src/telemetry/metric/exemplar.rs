//! Exemplars: for each bucket of a histogram the last value whose trace is kept, so that a slow bucket leads to such a
//! trace.
//!
//! OpenTelemetry's SDK for Rust keeps none, so they are kept here and exposed to scrapers; none are sent by OTLP.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::telemetry::TraceIds;

/// One value and its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The value.
    pub value: f64,
    /// The trace, in hexadecimal digits.
    pub trace_id: String,
    /// The span within it in which the value was measured.
    pub span_id: String,
    /// When it was measured, since the Unix epoch.
    pub at: Duration,
}

impl Exemplar {
    /// Creates an exemplar for a value measured now, within a span.
    pub(super) fn now(value: f64, span: TraceIds) -> Self {
        Self {
            value,
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            // A clock before 1970 is a problem of its own.
            at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }
}

/// The exemplars of one histogram: one per bucket, for each combination of its labels.
pub(super) struct Exemplars(Mutex<Vec<Series>>);

struct Series {
    labels: Vec<String>,
    buckets: Vec<Option<Exemplar>>,
}

impl Exemplars {
    pub(super) const fn none() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Keeps an exemplar for its bucket.
    pub(super) fn keep(&self, labels: Vec<String>, bounds: &[f64], exemplar: Exemplar) {
        let bucket = bounds.partition_point(|bound| *bound < exemplar.value);
        let mut all = self.lock();
        let at = match all.iter().position(|series| series.labels == labels) {
            Some(at) => at,
            None => {
                all.push(Series {
                    labels,
                    buckets: vec![None; bounds.len() + 1],
                });
                all.len() - 1
            }
        };
        if let Some(kept) = all[at].buckets.get_mut(bucket) {
            *kept = Some(exemplar);
        }
    }

    /// Returns the exemplar of the bucket with this upper bound.
    pub(super) fn of(&self, labels: &[&str], bounds: &[f64], upper_bound: f64) -> Option<Exemplar> {
        let bucket = bounds.partition_point(|bound| *bound < upper_bound);
        let all = self.lock();
        let series = all.iter().find(|series| series.labels == labels)?;
        series.buckets.get(bucket).cloned().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Series>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_bucket_keeps_its_last_value() {
        const BOUNDS: &[f64] = &[1.0, 2.0];
        let exemplars = Exemplars::none();
        let exemplar = |value| Exemplar {
            value,
            trace_id: "7".to_owned(),
            span_id: "8".to_owned(),
            at: Duration::ZERO,
        };
        for value in [0.5, 1.0, 1.5, 7.0] {
            exemplars.keep(vec!["staff".to_owned()], BOUNDS, exemplar(value));
        }
        let of = |label, bound| exemplars.of(&[label], BOUNDS, bound);
        assert_eq!(of("staff", 1.0), Some(exemplar(1.0)));
        assert_eq!(of("staff", 2.0), Some(exemplar(1.5)));
        assert_eq!(of("staff", f64::INFINITY), Some(exemplar(7.0)));
        assert_eq!(of("patron", 1.0), None);
    }
}
