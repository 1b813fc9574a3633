//! Log lines: which are written, how they name the trace that they belong to, and how they go to the collector.
//!
//! Our own lines obey the same rule as attributes, see [`attribute`](super::attribute). Library lines more verbose than
//! INFO are never written, whatever the filter asks for: they show the data that passes through, such as statements
//! with their parameters and headers with tokens.

use std::{fmt, io::IsTerminal as _};

use opentelemetry::{Context as TraceContext, trace::TraceContextExt as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, logs::SdkLoggerProvider};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{Directive, FilterExt as _, FilterFn, LevelFilter},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer,
    registry::LookupSpan,
};

use super::{EXPORT_TIMEOUT, LogFormat, TelemetryError, export::Exports, scope::TraceIds};

/// Libraries that take part in every export: their lines about an export would be exported in turn.
const EXPORTING: [&str; 5] = ["opentelemetry", "tonic", "h2", "hyper", "tower"];

/// Returns a layer that writes lines to standard error.
pub(super) fn written<S>(
    log_format: LogFormat,
    filter: &str,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = parse(filter)?.and(of_any_level(may_be_written));
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours && log_format == LogFormat::Text);
    Ok(match log_format {
        LogFormat::Text => {
            // A line is formatted into a string first, which does not know about the terminal.
            let lines = lines.map_event_format(move |event| Traced::text(event.with_ansi(colours)));
            WithinTrace(lines).with_filter(filter).boxed()
        }
        LogFormat::Json => {
            let lines = lines
                .json()
                .with_current_span(false)
                .with_span_list(false)
                .map_event_format(Traced::json);
            WithinTrace(lines).with_filter(filter).boxed()
        }
    })
}

/// Returns a layer that sends to the collector the lines that are written, except those of the exporting libraries.
pub(super) fn exported<S>(
    provider: &SdkLoggerProvider,
    filter: &str,
) -> Result<impl Layer<S> + use<S>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = parse(filter)?
        .and(of_any_level(may_be_written))
        .and(of_any_level(is_exported));
    Ok(WithinTrace(OpenTelemetryTracingBridge::new(provider)).with_filter(filter))
}

/// Returns the provider that sends lines to the collector.
pub(super) fn provider(
    resource: Resource,
    endpoint: &str,
    exports: &Exports,
) -> Result<SdkLoggerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::LogExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| TelemetryError::Endpoint(endpoint.to_owned(), error.to_string()))?;
    Ok(SdkLoggerProvider::builder()
        .with_resource(resource)
        .with_log_processor(exports.logs(exporter))
        .build())
}

/// Checks that a filter says what it was meant to. A mistyped level is taken for the name of a part by the parser, and
/// would switch off all other lines; so would a filter that only names parts.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn check(filter: &str) -> Result<(), String> {
    let wrong = |what: &str| {
        Err(format!(
            "{filter:?} {what}; write the level of everything, and then perhaps of parts, as in \"info\" or \
             \"info,carrel_session=debug\". The levels are off, error, warn, info, debug and trace"
        ))
    };
    if filter.contains(char::is_whitespace) {
        return wrong("has a space in it");
    }
    let (parts, levels): (Vec<_>, Vec<_>) = filter
        .split(',')
        .filter(|directive| !directive.is_empty())
        .partition(|directive| directive.contains(['=', '[']));
    if let Some(word) = levels
        .iter()
        .find(|word| word.parse::<LevelFilter>().is_err())
    {
        return wrong(&format!("has no level, but {word:?}"));
    }
    if levels.is_empty() {
        return wrong("has no level for everything");
    }
    match parts
        .into_iter()
        .find(|part| part.parse::<Directive>().is_err())
    {
        Some(part) => wrong(&format!("can't be understood at {part:?}")),
        None => Ok(()),
    }
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter(filter.to_owned(), error))
}

/// Returns a filter that leaves the choice of levels to other filters. Without a level hint, all that libraries log of
/// every packet would be examined before it is thrown away.
fn of_any_level(filter: fn(&Metadata<'_>) -> bool) -> FilterFn {
    FilterFn::new(filter).with_max_level_hint(LevelFilter::TRACE)
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("carrel")
}

/// Whether something may be written as a line. Of libraries only events of level INFO or above are, and none of
/// OpenTelemetry's, which complains at each failed export: `export` says so once.
///
/// No spans are: a line names its trace, and keeping the fields of every span formatted in case a line is written
/// within it would cost each act more than its trace does.
fn may_be_written(metadata: &Metadata<'_>) -> bool {
    let of_library =
        || *metadata.level() <= Level::INFO && !metadata.target().starts_with("opentelemetry");
    metadata.is_event() && (is_ours(metadata) || of_library())
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    is_ours(metadata) || !EXPORTING.iter().any(|library| target.starts_with(library))
}

/// Attaches the current trace to OpenTelemetry's context, which does not know it by itself, while a layer handles an
/// event. The layer is passed nothing but events.
struct WithinTrace<L>(L);

impl<S, L> Layer<S> for WithinTrace<L>
where
    S: Subscriber,
    L: Layer<S>,
{
    fn on_layer(&mut self, subscriber: &mut S) {
        self.0.on_layer(subscriber);
    }

    fn on_event(&self, event: &Event<'_>, context: layer::Context<'_, S>) {
        let _within = TraceIds::current().map(|ids| ids.parent().attach());
        self.0.on_event(event, context);
    }
}

/// An event format that appends the trace to which the event belongs.
struct Traced<F> {
    event: F,
    /// What an event ends with, and what replaces that: the text around the trace id and the span id.
    end: &'static str,
    around: [&'static str; 3],
}

impl<F> Traced<F> {
    fn text(event: F) -> Self {
        Self {
            event,
            end: "\n",
            around: [" trace_id=", " span_id=", "\n"],
        }
    }

    fn json(event: F) -> Self {
        Self {
            event,
            end: "}\n",
            around: [",\"trace_id\":\"", "\",\"span_id\":\"", "\"}\n"],
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let trace = TraceContext::current();
        let span = trace.span();
        let ids = span.span_context();
        if !ids.is_valid() {
            return self.event.format_event(context, writer, event);
        }
        let mut line = String::new();
        let within = Writer::new(&mut line);
        self.event.format_event(context, within, event)?;
        let line_without_end = line.strip_suffix(self.end).unwrap_or(&line);
        let [before, between, after] = self.around;
        write!(
            writer,
            "{line_without_end}{before}{}{between}{}{after}",
            ids.trace_id(),
            ids.span_id()
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use opentelemetry::trace::{SpanContext, TraceFlags, TraceState, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::{Scope, spans_of, trace_context};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    /// A writer into a shared buffer.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns two lines as a layer writes them, the second within a trace.
    fn lines<L>(layer: impl FnOnce(Written) -> L) -> [String; 2]
    where
        L: Layer<tracing_subscriber::Registry> + Send + Sync,
    {
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(layer(written.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(number = 7, "said");
            let ids = SpanContext::new(
                u128::from_str_radix(TRACE, 16).unwrap().into(),
                u64::from_str_radix(SPAN, 16).unwrap().into(),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            );
            let trace = TraceContext::new().with_remote_span_context(ids);
            let _within = trace.attach();
            tracing::info!(number = 8, "said");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.try_into().unwrap()
    }

    #[test]
    fn a_mistyped_filter_is_refused_and_does_not_switch_lines_off() {
        for right in [
            "info",
            "WARN",
            "off",
            "info,carrel_session=debug",
            "carrel=trace,error",
        ] {
            assert_eq!(check(right), Ok(()));
        }
        for wrong in [
            "",
            "warning",
            "inof",
            "bogus",
            "info carrel=debug",
            "info,carrel",
            "carrel=debug",
            "info,carrel=inof",
            "a=b=c",
        ] {
            let problem = check(wrong).unwrap_err();
            assert!(
                problem.contains(wrong) && problem.contains("\"info,carrel_session=debug\""),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_line_for_people_ends_with_its_trace() {
        let [without, within] = lines(|written| {
            tracing_subscriber::fmt::layer()
                .with_writer(move || written.clone())
                .map_event_format(|event| Traced::text(event.with_ansi(false)))
        });
        assert!(without.ends_with("said number=7"), "{without}");
        let end = format!("said number=8 trace_id={TRACE} span_id={SPAN}");
        assert!(within.ends_with(&end), "{within}");
    }

    /// Returns two text lines, as a process that keeps all traces writes them: one that `within` logs, and one after
    /// it. Also returns what `within` returned.
    fn lines_of<T>(within: impl FnOnce(fn()) -> T) -> ([String; 2], T) {
        let written = Written::default();
        let lines = written.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || lines.clone())
            .map_event_format(|event| Traced::text(event.with_ansi(false)));
        let spans = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry()
            .with(spans_of(spans.tracer("test")))
            .with(WithinTrace(lines).with_filter(of_any_level(may_be_written)));
        let given = tracing::subscriber::with_default(subscriber, || {
            let given = within(|| tracing::info!("said"));
            tracing::info!("said later");
            given
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        (lines.try_into().unwrap(), given)
    }

    #[test]
    fn a_line_names_what_is_done_now() {
        for flag in ["00", "01"] {
            let noted = trace_context::parse(&format!("00-{TRACE}-{SPAN}-{flag}"));
            let (lines, ()) = lines_of(|say| Scope::of(noted).run(say));
            let end = format!("said trace_id={TRACE} span_id={SPAN}");
            assert!(lines[0].ends_with(&end), "{lines:?}");
            assert!(lines[1].ends_with("said later"), "{lines:?}");
        }
    }

    #[test]
    fn a_line_names_the_trace_of_the_span_that_it_is_said_in_and_no_other() {
        let (lines, ids) = lines_of(|say| {
            let span = tracing::info_span!("within");
            let ids = trace_context::ids(&span);
            Scope::within(&span).run(say);
            ids
        });
        let ids = ids.unwrap();
        let end = format!("trace_id={} span_id={}", ids.trace_id, ids.span_id);
        assert!(lines[0].ends_with(&end), "{lines:?}");
        assert!(lines[1].ends_with("said later"), "{lines:?}");
    }

    #[test]
    fn a_line_for_machines_is_one_object_with_its_trace() {
        let [without, within] = lines(|written| {
            tracing_subscriber::fmt::layer()
                .with_writer(move || written.clone())
                .json()
                .map_event_format(Traced::json)
        });
        let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let (without, within) = (read(&without), read(&within));
        assert_eq!(without["fields"]["number"], 7);
        assert_eq!(without.get("trace_id"), None);
        assert_eq!(within["fields"]["number"], 8);
        assert_eq!(within["trace_id"], TRACE);
        assert_eq!(within["span_id"], SPAN);
    }
}
