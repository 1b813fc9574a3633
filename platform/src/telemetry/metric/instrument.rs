//! What metrics are measured with.

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

/// Where instruments are made, once the process is watched.
static METER: OnceLock<Meter> = OnceLock::new();

/// For how many combinations of its labels a histogram knows where their values go. Each is looked for among them, so
/// they are few; what the others say is looked up by the meter.
const BOUND: usize = 64;

/// Has everything measured by this meter from now on. The first counts.
pub(in crate::telemetry) fn start(meter: Meter) {
    let _ = METER.set(meter);
}

/// What a label says: a word that the code knows, or a small number. Never a text that came from elsewhere.
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
    /// One of the words that were known when the process began, such as the methods of its services and the routes of
    /// its pages.
    #[must_use]
    pub fn known(word: impl Into<Arc<str>>) -> Self {
        Self(Value::String(word.into().into()))
    }
}

/// A metric with `N` labels, which is measured by a `By`.
pub struct Metric<By, const N: usize> {
    row: Instrument,
    labels: [&'static str; N],
    by: By,
}

impl<By, const N: usize> Metric<By, N> {
    /// As documents list it.
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
/// Something that is what it is when it is looked at.
pub type Gauge<const N: usize> = Metric<LookedAt, N>;
/// A sum that only grows and that somebody else keeps.
pub type Sum<const N: usize> = Metric<AddedUp, N>;

/// Values by how large they are.
pub struct Buckets<const N: usize> {
    bounds: &'static [f64],
    made: OnceLock<metrics::Histogram<f64>>,
    /// Where values with these labels go. The meter would find that out for each value, by a hash of all its labels.
    bound: RwLock<Vec<([Label; N], BoundHistogram<f64>)>>,
    exemplars: Exemplars,
}

impl<const N: usize> Buckets<N> {
    /// Counts a value if it is known where it goes.
    fn record_bound(&self, value: f64, labels: &[Label; N]) -> bool {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let known = bound.iter().find(|(known, _)| known == labels);
        known.inspect(|(_, bound)| bound.record(value)).is_some()
    }

    /// Has it known where values go that have these labels, which are `pairs`, if there is room.
    fn bind(&self, made: &metrics::Histogram<f64>, labels: [Label; N], pairs: &[KeyValue]) {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        if bound.len() < BOUND && bound.iter().all(|(known, _)| *known != labels) {
            bound.push((labels, made.bind(pairs)));
        }
    }
}

/// By looking when somebody wants to know.
pub struct LookedAt;

/// By asking whoever keeps the sum when somebody wants to know.
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

    /// Counts a value, of seconds if that is the unit.
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

    /// Counts a value that was measured within a span. If the span's trace is kept, the value stands for its bucket as
    /// an exemplar, in place of the one before.
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

    /// The exemplar of the bucket with this upper bound, for these values of its labels.
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

    /// Counts so many more. Nothing more makes it known that so far there were none.
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

    /// Counts so many more, or fewer.
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

    /// Has it looked at whenever somebody wants to know, as long as the process is watched: `look` gives each value
    /// with its labels, and must neither wait nor hold what is to end.
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

    /// Has it be 1 from now on, with labels that are read from the configuration or the build.
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

    /// As [`Gauge::observe`].
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

/// Declares metrics: for each the instrument, and all of them as rows in `ALL`. The comment above a name is its text in
/// documents and for whoever scrapes, too.
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
