//! The instruments that metrics are recorded on.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use opentelemetry::{
    KeyValue, Value,
    metrics::{self, BoundHistogram, Meter},
};

use super::exemplar::{Exemplar, Exemplars};
use crate::telemetry::{
    TraceIds,
    registry::{Instrument, InstrumentKind},
};

/// The meter that creates the instruments, once telemetry has started.
static METER: OnceLock<Meter> = OnceLock::new();

/// For how many label combinations a histogram keeps a bound instrument. They are searched linearly, so they must be
/// few; values with other labels are looked up by the meter.
const BOUND: usize = 64;

/// Sets the meter for all metrics. Only the first call has an effect.
pub(in crate::telemetry) fn start(meter: Meter) {
    let _ = METER.set(meter);
}

/// A label's value: a word known to the code, or a small number. Never text from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Label(Value);

impl From<&'static str> for Label {
    fn from(word: &'static str) -> Self {
        Self(Value::from(word))
    }
}

impl From<u16> for Label {
    fn from(number: u16) -> Self {
        Self(Value::from(i64::from(number)))
    }
}

impl Label {
    /// A word that was known when the process started, such as a method of its services or a route of its pages.
    #[must_use]
    pub fn known(word: impl Into<Arc<str>>) -> Self {
        Self(Value::String(word.into().into()))
    }
}

/// A metric with `N` labels, measured by a `By`.
pub struct Metric<By, const N: usize> {
    row: Instrument,
    labels: [&'static str; N],
    by: By,
}

impl<By, const N: usize> Metric<By, N> {
    /// Returns its description, as the documentation lists it.
    #[must_use]
    pub const fn row(&self) -> &Instrument {
        &self.row
    }
}

/// A histogram.
pub type Histogram<const N: usize> = Metric<Buckets<N>, N>;
/// A count that only grows.
pub type Counter<const N: usize> = Metric<OnceLock<metrics::Counter<u64>>, N>;
/// A count that grows and shrinks.
pub type UpDownCounter<const N: usize> = Metric<OnceLock<metrics::UpDownCounter<i64>>, N>;
/// A value that is observed whenever the metrics are read.
pub type Gauge<const N: usize> = Metric<LookedAt, N>;
/// A sum that only grows, is kept elsewhere, and is observed whenever the metrics are read.
pub type Sum<const N: usize> = Metric<AddedUp, N>;

/// Counts values by their size.
pub struct Buckets<const N: usize> {
    bounds: &'static [f64],
    made: OnceLock<metrics::Histogram<f64>>,
    /// Bound instruments by labels. Without them the meter would hash all labels for each value.
    bound: RwLock<Vec<([Label; N], BoundHistogram<f64>)>>,
    exemplars: Exemplars,
}

impl<const N: usize> Buckets<N> {
    /// Counts a value if its labels have a bound instrument. Returns whether they have.
    fn record_bound(&self, value: f64, labels: &[Label; N]) -> bool {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let known = bound.iter().find(|(known, _)| known == labels);
        known.inspect(|(_, bound)| bound.record(value)).is_some()
    }

    /// Keeps a bound instrument for these labels, given also as `pairs`, if there is room.
    fn bind(&self, made: &metrics::Histogram<f64>, labels: [Label; N], pairs: &[KeyValue]) {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        if bound.len() < BOUND && bound.iter().all(|(known, _)| *known != labels) {
            bound.push((labels, made.bind(pairs)));
        }
    }
}

/// Measures by observing the value whenever the metrics are read.
pub struct LookedAt;

/// Measures by observing the sum, which is kept elsewhere, whenever the metrics are read.
pub struct AddedUp;

impl<const N: usize> Histogram<N> {
    pub(super) const KIND: InstrumentKind = InstrumentKind::Histogram;

    pub(super) const fn new(
        row: Instrument,
        labels: [&'static str; N],
        buckets: &'static [f64],
    ) -> Self {
        let by = Buckets {
            bounds: buckets,
            made: OnceLock::new(),
            bound: RwLock::new(Vec::new()),
            exemplars: Exemplars::none(),
        };
        Self { row, labels, by }
    }

    /// Counts a value, in the metric's unit. Before telemetry was started, it is not counted.
    pub fn record(&self, value: f64, labels: [Label; N]) {
        let Some(meter) = METER.get() else {
            return;
        };
        if self.by.record_bound(value, &labels) {
            return;
        }
        let made = self.by.made.get_or_init(|| {
            meter
                .f64_histogram(self.row.name)
                .with_unit(self.row.unit)
                .with_description(self.row.text)
                .with_boundaries(self.by.bounds.to_vec())
                .build()
        });
        let pairs = pairs(self.labels, labels.clone());
        made.record(value, &pairs);
        self.by.bind(made, labels, &pairs);
    }

    /// Counts a value that was measured within a span. If the span's trace is kept, the value becomes the exemplar of
    /// its bucket, replacing the previous one.
    pub fn record_in(&self, span: Option<TraceIds>, value: f64, labels: [Label; N]) {
        if METER.get().is_some()
            && let Some(span) = span.and_then(TraceIds::sampled)
        {
            let words = labels.iter().map(|label| label.0.to_string()).collect();
            let exemplar = Exemplar::now(value, span);
            self.by.exemplars.keep(words, self.by.bounds, exemplar);
        }
        self.record(value, labels);
    }

    /// Returns the exemplar of the bucket with this upper bound, for these label values.
    #[must_use]
    pub fn exemplar(&self, labels: &[&str], upper_bound: f64) -> Option<Exemplar> {
        self.by.exemplars.of(labels, self.by.bounds, upper_bound)
    }
}

impl<const N: usize> Counter<N> {
    pub(super) const KIND: InstrumentKind = InstrumentKind::Counter;

    pub(super) const fn new(row: Instrument, labels: [&'static str; N]) -> Self {
        let by = OnceLock::new();
        Self { row, labels, by }
    }

    /// Adds to the count. Adding 0 makes the counter exist, at zero.
    pub fn add(&self, more: u64, labels: [Label; N]) {
        if let Some(meter) = METER.get() {
            let made = self.by.get_or_init(|| {
                meter
                    .u64_counter(self.row.name)
                    .with_unit(self.row.unit)
                    .with_description(self.row.text)
                    .build()
            });
            made.add(more, &pairs(self.labels, labels));
        }
    }
}

impl<const N: usize> UpDownCounter<N> {
    pub(super) const KIND: InstrumentKind = InstrumentKind::UpDownCounter;

    pub(super) const fn new(row: Instrument, labels: [&'static str; N]) -> Self {
        let by = OnceLock::new();
        Self { row, labels, by }
    }

    /// Adds to the count, or subtracts from it if `more` is negative.
    pub fn add(&self, more: i64, labels: [Label; N]) {
        if let Some(meter) = METER.get() {
            let made = self.by.get_or_init(|| {
                meter
                    .i64_up_down_counter(self.row.name)
                    .with_unit(self.row.unit)
                    .with_description(self.row.text)
                    .build()
            });
            made.add(more, &pairs(self.labels, labels));
        }
    }
}

impl<const N: usize> Gauge<N> {
    pub(super) const KIND: InstrumentKind = InstrumentKind::Gauge;

    pub(super) const fn new(row: Instrument, labels: [&'static str; N]) -> Self {
        Self {
            row,
            labels,
            by: LookedAt,
        }
    }

    /// Observes the value whenever the metrics are read, for as long as telemetry runs. `look` reports each value with
    /// its labels; it must not block, and must not keep alive anything that is to end.
    pub fn observe(&self, look: impl Fn(&mut dyn FnMut(f64, [Label; N])) + Send + Sync + 'static) {
        let Some(meter) = METER.get() else {
            return;
        };
        let keys = self.labels;
        meter
            .f64_observable_gauge(self.row.name)
            .with_unit(self.row.unit)
            .with_description(self.row.text)
            .with_callback(move |seen| {
                look(&mut |value, labels| seen.observe(value, &pairs(keys, labels)));
            })
            .build();
    }

    /// Sets it to 1 for good, with labels that are taken from the configuration or the build.
    pub fn inform(&self, labels: [impl Into<Cow<'static, str>>; N]) {
        let labels = labels.map(|label| Label(Value::from(label.into())));
        self.observe(move |tell| tell(1.0, labels.clone()));
    }
}

impl<const N: usize> Sum<N> {
    pub(super) const KIND: InstrumentKind = InstrumentKind::Counter;

    pub(super) const fn new(row: Instrument, labels: [&'static str; N]) -> Self {
        Self {
            row,
            labels,
            by: AddedUp,
        }
    }

    /// Observes the sum whenever the metrics are read, as [`Gauge::observe`] does.
    pub fn observe(&self, look: impl Fn(&mut dyn FnMut(f64, [Label; N])) + Send + Sync + 'static) {
        let Some(meter) = METER.get() else {
            return;
        };
        let keys = self.labels;
        meter
            .f64_observable_counter(self.row.name)
            .with_unit(self.row.unit)
            .with_description(self.row.text)
            .with_callback(move |seen| {
                look(&mut |value, labels| seen.observe(value, &pairs(keys, labels)));
            })
            .build();
    }
}

fn pairs<const N: usize>(keys: [&'static str; N], labels: [Label; N]) -> [KeyValue; N] {
    let mut at = 0;
    labels.map(|Label(value)| {
        let key = keys[at];
        at += 1;
        KeyValue::new(key, value)
    })
}

/// Declares metrics: an instrument for each, and the rows of all of them in `ALL`. The comment above a name is also its
/// text in the documentation and its help text when scraped.
macro_rules! declare {
    ($(
        $(#[doc = $text:literal])+
        $constant:ident: $kind:ident<$count:literal> = $name:literal {
            unit: $unit:literal, labels: [$($label:expr),*] $(, buckets: $buckets:expr)? $(,)?
        }
    )+) => {
        $(
            $(#[doc = $text])+
            pub static $constant: $kind<$count> = {
                const LABELS: [&str; $count] = [$($label),*];
                const ROW: Instrument = Instrument {
                    name: $name,
                    text: concat!($($text),+).trim_ascii(),
                    kind: $kind::<$count>::KIND,
                    unit: $unit,
                    labels: &LABELS,
                };
                $kind::new(ROW, LABELS $(, $buckets)?)
            };
        )+

        /// All of them.
        pub static ALL: &[&Instrument] = &[$($constant.row()),+];
    };
}

pub(super) use declare;
