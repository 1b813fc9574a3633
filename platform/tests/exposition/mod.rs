//! A strict reader of the metrics that a process exposes: Prometheus's text format, or OpenMetrics.

use std::{collections::BTreeMap, net::SocketAddr};

use carrel_platform::telemetry::registry::{Instrument, InstrumentKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A whole exposition.
pub(crate) struct Exposition {
    /// The text as it was received.
    pub(crate) text: String,
    families: BTreeMap<String, Family>,
    /// Whether it is OpenMetrics.
    open: bool,
}

#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    samples: Vec<Sample>,
}

/// One line with a value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// The name, with its suffix.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    /// The labels and the value of its exemplar.
    pub(crate) exemplar: Option<(BTreeMap<String, String>, f64)>,
}

/// Scrapes a process at its health listener.
pub(crate) async fn scrape(health: SocketAddr, open: bool) -> Exposition {
    let accept = if open {
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    } else {
        "text/plain;version=0.0.4"
    };
    let (head, body) = get(health, "/metrics", accept).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let content_type = if open {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4"
    };
    assert!(head.contains(content_type), "{head}");
    Exposition::read(body, open)
}

/// Sends an HTTP GET; returns the head of the response and its body.
pub(crate) async fn get(address: SocketAddr, path: &str, accept: &str) -> (String, String) {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: {accept}\r\nconnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

impl Exposition {
    fn read(text: String, open: bool) -> Self {
        let mut families = BTreeMap::<String, Family>::new();
        let mut lines: Vec<&str> = text.strip_suffix('\n').unwrap().split('\n').collect();
        if open {
            assert_eq!(lines.pop(), Some("# EOF"), "the end");
        }
        for line in lines {
            if let Some(comment) = line.strip_prefix("# ") {
                let (word, rest) = comment.split_once(' ').unwrap();
                let (name, said) = rest.split_once(' ').unwrap();
                let family = families.entry(name.to_owned()).or_default();
                assert!(
                    family.samples.is_empty(),
                    "what is said of {name} comes first"
                );
                let place = match word {
                    "TYPE" => &mut family.kind,
                    "HELP" => &mut family.help,
                    _ => panic!("{line}"),
                };
                assert!(place.is_empty(), "{word} of {name} is said twice");
                *place = said.to_owned();
                continue;
            }
            let sample = Sample::read(line, open);
            let name = Self::family_of(&sample.name, &families, open)
                .unwrap_or_else(|| panic!("{line} is of nothing that was declared"));
            let family = families.get_mut(&name).unwrap();
            let twice =
                |before: &Sample| before.name == sample.name && before.labels == sample.labels;
            assert!(!family.samples.iter().any(twice), "{line} is there twice");
            family.samples.push(sample);
        }
        for (name, family) in &families {
            assert!(
                !family.kind.is_empty() && !family.help.is_empty(),
                "{name} says what it is"
            );
            family.is_sound(name);
        }
        Self {
            text,
            families,
            open,
        }
    }

    fn family_of(sample: &str, families: &BTreeMap<String, Family>, open: bool) -> Option<String> {
        let is = |name: &str, kind: &str| families.get(name).is_some_and(|f| f.kind == kind);
        for suffix in ["_bucket", "_sum", "_count"] {
            if let Some(name) = sample.strip_suffix(suffix)
                && is(name, "histogram")
            {
                return Some(name.to_owned());
            }
        }
        if open {
            if let Some(name) = sample.strip_suffix("_total")
                && is(name, "counter")
            {
                return Some(name.to_owned());
            }
        } else if is(sample, "counter") {
            return Some(sample.to_owned());
        }
        is(sample, "gauge").then(|| sample.to_owned())
    }

    /// Returns all samples of a metric.
    pub(crate) fn of(&self, row: &Instrument) -> &[Sample] {
        let name = row.prometheus_name();
        let name = match self.open && row.kind == InstrumentKind::Counter {
            true => name.trim_end_matches("_total"),
            false => name.as_str(),
        };
        self.families
            .get(name)
            .map_or(&[], |family| &family.samples)
    }

    /// Returns the only value of a metric with these labels.
    pub(crate) fn value(&self, row: &Instrument, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.of(row).iter().filter(|sample| {
            let has = |(name, value): &(&str, &str)| {
                sample.labels.get(*name).is_some_and(|has| has == value)
            };
            !sample.name.ends_with("_bucket")
                && !sample.name.ends_with("_sum")
                && labels.iter().all(has)
        });
        let value = found.next()?.value;
        assert!(found.next().is_none(), "{} has more such values", row.name);
        Some(value)
    }

    /// Checks that only declared metrics are shown, each with exactly its labels.
    pub(crate) fn is_declared(&self, all: &[&Instrument]) {
        for (name, family) in &self.families {
            if name == "target_info" {
                continue;
            }
            let declared = all.iter().find(|row| {
                let declared = row.prometheus_name();
                declared == *name || (self.open && declared == format!("{name}_total"))
            });
            let row = declared.unwrap_or_else(|| panic!("{name} is in no list"));
            let kind = match row.kind {
                InstrumentKind::Counter => "counter",
                InstrumentKind::UpDownCounter | InstrumentKind::Gauge => "gauge",
                InstrumentKind::Histogram => "histogram",
            };
            assert_eq!(family.kind, kind, "{name}");
            let mut labels: Vec<_> = row.prometheus_labels().collect();
            labels.sort();
            for sample in &family.samples {
                let shown = sample.labels.keys().filter(|label| *label != "le");
                assert!(
                    shown.eq(&labels),
                    "{sample:?} has other labels than {labels:?}"
                );
            }
        }
    }
}

impl Family {
    /// Checks that the buckets of a histogram only grow, and that the last is its count.
    fn is_sound(&self, name: &str) {
        if self.kind != "histogram" {
            return;
        }
        let mut series = BTreeMap::<_, Vec<&Sample>>::new();
        for sample in &self.samples {
            let mut labels = sample.labels.clone();
            labels.remove("le");
            series.entry(labels).or_default().push(sample);
        }
        for (labels, samples) in series {
            let named = |suffix: &str| {
                let name = format!("{name}_{suffix}");
                samples.iter().filter(move |sample| sample.name == name)
            };
            let buckets: Vec<_> = named("bucket").collect();
            assert!(
                buckets.windows(2).all(|two| two[0].value <= two[1].value),
                "{name} {labels:?}"
            );
            let last = buckets.last().unwrap();
            assert_eq!(last.labels["le"], "+Inf");
            assert_eq!(last.value, named("count").next().unwrap().value);
            assert_eq!(named("sum").count(), 1);
        }
    }
}

impl Sample {
    fn read(line: &str, open: bool) -> Self {
        let (line, exemplar) = match line.split_once(" # ") {
            None => (line, None),
            Some((line, exemplar)) => {
                assert!(open, "an exemplar is of OpenMetrics: {line}");
                let (labels, rest) = labels(exemplar.strip_prefix('{').unwrap());
                let (value, at) = rest.trim_start().split_once(' ').unwrap();
                let _: f64 = at.parse().unwrap();
                (line, Some((labels, value.parse().unwrap())))
            }
        };
        let end = line.find(['{', ' ']).unwrap();
        let (name, rest) = line.split_at(end);
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest),
            None => (BTreeMap::new(), rest),
        };
        let value = value.strip_prefix(' ').unwrap();
        Self {
            name: name.to_owned(),
            labels,
            value: value.parse().unwrap_or_else(|_| panic!("{line}")),
            exemplar,
        }
    }
}

/// Reads labels up to their closing brace. Also returns what follows it.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        let (name, quoted) = rest.split_once("=\"").unwrap();
        let (value, after) = quoted.split_once('"').unwrap();
        assert!(!value.contains('\\'), "no label needs it: {value}");
        assert!(labels.insert(name.to_owned(), value.to_owned()).is_none());
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}
