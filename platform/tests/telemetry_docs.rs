//! Checks that `docs/telemetry.md` matches the code: its tables are made from the same rows as the constants. To
//! write them anew, run `make telemetry-docs`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::HashSet, fmt::Write, path::Path};

use carrel_platform::telemetry::{
    attribute, metric,
    registry::{Attribute, Instrument, InstrumentKind, SpanName},
    span,
};

/// When set, the document is written instead of compared.
const WRITE: &str = "CARREL_WRITE_DOCS";

#[test]
fn the_document_has_what_the_code_has() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/telemetry.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let mut made = written.clone();
    for (name, table) in [
        ("spans", spans()),
        ("metrics", metrics()),
        ("attributes", attributes()),
    ] {
        made = with_table(&made, name, &table);
    }
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        assert!(
            written == made,
            "docs/telemetry.md is not what the code has; run `make telemetry-docs`"
        );
    }
}

#[test]
fn every_name_is_declared_once_and_used() {
    let mut names = HashSet::new();
    for row in attribute::ALL {
        assert!(names.insert(row.name), "{} is declared twice", row.name);
        let used = spans_with(row).next().is_some() || metrics_with(row).next().is_some();
        assert!(used, "no span and no metric has {}", row.name);
    }
    let mut names = HashSet::new();
    for row in span::ALL {
        assert!(names.insert(row.name), "{} is declared twice", row.name);
    }
    for row in metric::ALL {
        assert!(names.insert(row.name), "{} is declared twice", row.name);
    }
}

/// Returns the text with the part between a table's marks replaced.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- made from the code: {name} -->\n"),
        format!("<!-- end: {name} -->"),
    );
    let (before, rest) = text.split_once(&begin).expect("the table's first mark");
    let (_, after) = rest.split_once(&end).expect("the table's last mark");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

fn spans() -> String {
    let mut table = String::from(
        "| span | kind | by | below | what it covers | attributes |\n|---|---|---|---|---|---|\n",
    );
    for row in span::ALL {
        let SpanName {
            name,
            text,
            shown,
            kind,
            by,
            below,
            attributes,
        } = row;
        let attributes: Vec<_> = attributes.iter().map(|name| format!("`{name}`")).collect();
        writeln!(
            table,
            "| `{}` | {kind} | {by} | {below} | {} | {} |",
            shown.unwrap_or(name),
            text.trim(),
            attributes.join(", ")
        )
        .unwrap();
    }
    table
}

fn attributes() -> String {
    let mut table = String::from(
        "| attribute | from | value | what it says | spans | metrics |\n|---|---|---|---|---|---|\n",
    );
    for row in attribute::ALL {
        let Attribute { name, text, value } = row;
        let from = match row.is_conventional() {
            true => "OpenTelemetry",
            false => "Carrel",
        };
        let mut spans: Vec<_> = spans_with(row).map(|name| format!("`{name}`")).collect();
        // The span of a call and that of its service have the same name.
        spans.dedup();
        let metrics: Vec<_> = metrics_with(row).map(|name| format!("`{name}`")).collect();
        writeln!(
            table,
            "| `{name}` | {from} | {} | {} | {} | {} |",
            value.name(),
            text.trim(),
            spans.join(", "),
            metrics.join(", ")
        )
        .unwrap();
    }
    table
}

fn metrics() -> String {
    let mut table = String::from(
        "| metric | for Prometheus | kind | unit | what it says | labels |\n|---|---|---|---|---|---|\n",
    );
    for row in metric::ALL {
        let Instrument {
            name,
            text,
            kind,
            unit,
            labels,
        } = row;
        let kind = match kind {
            InstrumentKind::Counter => "counter",
            InstrumentKind::UpDownCounter => "up-down counter",
            InstrumentKind::Gauge => "gauge",
            InstrumentKind::Histogram => "histogram",
        };
        let labels: Vec<_> = labels.iter().map(|name| format!("`{name}`")).collect();
        writeln!(
            table,
            "| `{name}` | `{}` | {kind} | {unit} | {text} | {} |",
            row.prometheus_name(),
            labels.join(", ")
        )
        .unwrap();
    }
    table
}

fn metrics_with(row: &Attribute) -> impl Iterator<Item = &'static str> {
    let all = metric::ALL.iter();
    all.filter(|metric| metric.labels.contains(&row.name))
        .map(|metric| metric.name)
}

fn spans_with(row: &Attribute) -> impl Iterator<Item = &'static str> {
    let all = span::ALL.iter();
    all.filter(|span| span.attributes.contains(&row.name))
        .map(|span| span.shown.unwrap_or(span.name))
}
