//! How the names of telemetry are declared: each once, with its meaning, for the code and for `docs/telemetry.md`,
//! which is generated from it.
//!
//! From one table, `declare!` makes the constants by which the code uses the names, and the rows in `ALL`:
//! [`Attribute`]s in [`attribute`](super::attribute), [`SpanName`]s in [`span`](super::span).

/// An attribute of spans or a label of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What it says, in Markdown.
    pub text: &'static str,
    /// What kind of value it has.
    pub value: Value,
}

impl Attribute {
    /// Whether OpenTelemetry's semantic conventions define it; otherwise it is Carrel's own.
    #[must_use]
    pub fn is_conventional(&self) -> bool {
        !self.name.starts_with("carrel.")
    }
}

/// The kind of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// One of a few words known to the code, or a hash.
    Text,
    /// A whole number.
    Whole,
    /// Yes or no.
    Flag,
}

impl Value {
    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Whole => "whole number",
            Self::Flag => "flag",
        }
    }
}

/// A kind of span.
#[derive(Clone, Copy, Debug)]
pub struct SpanName {
    /// Its name in the code, and in traces unless `shown` is set.
    pub name: &'static str,
    /// What it covers, in Markdown.
    pub text: &'static str,
    /// How it appears in traces if not by its name: attribute names in braces stand for their values.
    pub shown: Option<&'static str>,
    /// Its kind, as OpenTelemetry calls it: `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: &'static str,
    /// Which processes make it.
    pub by: &'static str,
    /// What it is below or linked with, in Markdown.
    pub below: &'static str,
    /// The attributes it may have.
    pub attributes: &'static [&'static str],
}

impl SpanName {
    /// Returns how it is shown when its attributes have these values.
    #[must_use]
    pub fn shown(&self, value_of: impl Fn(&str) -> Option<String>) -> String {
        let mut shown = self.shown.unwrap_or(self.name).to_owned();
        for attribute in self.attributes {
            let place = format!("{{{attribute}}}");
            if shown.contains(&place) {
                shown = shown.replace(&place, &value_of(attribute).unwrap_or_default());
            }
        }
        shown
    }
}

/// An instrument: what a metric is measured with.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    /// Its name.
    pub name: &'static str,
    /// What it measures, in Markdown.
    pub text: &'static str,
    /// Its kind.
    pub kind: InstrumentKind,
    /// Its unit in UCUM notation; empty if it has none.
    pub unit: &'static str,
    /// Its labels; every value has all of them.
    pub labels: &'static [&'static str],
}

impl Instrument {
    /// Returns its name in Prometheus.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        match self.unit {
            "s" => name.push_str("_seconds"),
            "By" => name.push_str("_bytes"),
            _ => {}
        }
        if self.kind == InstrumentKind::Counter {
            name.push_str("_total");
        }
        name
    }

    /// Returns the names of its labels in Prometheus.
    pub fn prometheus_labels(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|label| label.replace('.', "_"))
    }
}

/// The kind of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstrumentKind {
    /// Only grows.
    Counter,
    /// Grows and shrinks.
    UpDownCounter,
    /// Observed whenever the metrics are read.
    Gauge,
    /// Counts values by their size.
    Histogram,
}

/// Declares names: a constant for each, and the rows of all of them in `ALL`. The comment above a name is also its text
/// in the documentation.
macro_rules! declare {
    (
        $row:ident:
        $(
            $(#[doc = $text:literal])+
            $constant:ident = $name:literal { $($field:ident: $value:expr),* $(,)? }
        )+
    ) => {
        $(
            $(#[doc = $text])+
            pub const $constant: &str = $name;
        )+

        /// All of them.
        pub const ALL: &[$row] = &[$(
            $row {
                name: $name,
                text: concat!($($text),+),
                $($field: $value),*
            },
        )+];
    };
}

pub(super) use declare;
