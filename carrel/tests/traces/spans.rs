//! The spans that the collector received, as traces.

use std::collections::HashSet;

use carrel_platform::telemetry::{attribute, span};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};

use crate::{
    otlp::{self, ReceivedSpan},
    tab::BrowserTrace,
};

/// All spans.
pub(crate) struct Traces(pub(crate) Vec<ReceivedSpan>);

/// A step of a trace: the span's name, its kind, and its service.
pub(crate) type Step = (&'static str, SpanKind, &'static str);

impl Traces {
    /// Returns the gateway's span of the frame that a browser sent with this trace.
    pub(crate) fn frame(&self, trace: BrowserTrace) -> &ReceivedSpan {
        let found: Vec<_> = self
            .0
            .iter()
            .filter(|received| is_frame_of(received, trace))
            .collect();
        assert_eq!(found.len(), 1, "frames of {trace:?}: {found:#?}");
        let frame = found[0];
        assert!(
            frame.span.parent_span_id.is_empty() && frame.span.trace_id != trace.trace_id(),
            "a browser's trace is not continued: {frame:#?}"
        );
        frame
    }

    /// Returns the children of a span.
    pub(crate) fn below<'a>(
        &'a self,
        above: &'a ReceivedSpan,
    ) -> impl Iterator<Item = &'a ReceivedSpan> {
        self.0.iter().filter(|received| {
            received.span.trace_id == above.span.trace_id
                && received.span.parent_span_id == above.span.span_id
        })
    }

    /// Returns the spans at the end of a path below a span, step by step; there must be some.
    pub(crate) fn at_the_end_of<'a>(
        &'a self,
        above: &'a ReceivedSpan,
        way: &[Step],
    ) -> Vec<&'a ReceivedSpan> {
        let mut here = vec![above];
        for step in way {
            let (name, kind, service) = *step;
            let next: Vec<_> = here
                .iter()
                .flat_map(|above| self.below(above))
                .filter(|received| {
                    received.span.name == name
                        && received.span.kind() == kind
                        && (received.service == service)
                })
                .collect();
            assert!(
                !next.is_empty(),
                "no {step:?} below {:?}, which has {:#?}",
                here[0].span.name,
                self.tree(above, 0)
            );
            here = next;
        }
        here
    }

    /// Returns the only span at the end of a path.
    pub(crate) fn one_at_the_end_of<'a>(
        &'a self,
        above: &'a ReceivedSpan,
        way: &[Step],
    ) -> &'a ReceivedSpan {
        let found = self.at_the_end_of(above, way);
        assert_eq!(found.len(), 1, "at the end of {way:?}: {found:#?}");
        found[0]
    }

    /// Returns the only append at the end of a path that the log took. Before it, the log may have refused appends that
    /// were decided on an old version: each try is a decision and an append.
    pub(crate) fn append_at_the_end_of<'a>(
        &'a self,
        above: &'a ReceivedSpan,
        decide: Step,
        way: &[Step],
    ) -> &'a ReceivedSpan {
        let tries = self.at_the_end_of(above, way);
        let taken: Vec<_> = tries
            .iter()
            .copied()
            .filter(|received| {
                let error = otlp::attribute(&received.span, attribute::ERROR_TYPE);
                assert!(
                    matches!(error.as_deref(), None | Some("conflict")),
                    "{received:#?}"
                );
                error.is_none()
            })
            .collect();
        assert_eq!(taken.len(), 1, "taken at the end of {way:?}: {tries:#?}");
        let decisions = self.at_the_end_of(above, &[decide]);
        assert_eq!(
            decisions.len(),
            tries.len(),
            "{decisions:#?} for {tries:#?}"
        );
        taken[0]
    }

    /// Returns the only span of this name that is linked with another.
    pub(crate) fn linked<'a>(&'a self, name: &'a str, with: &'a ReceivedSpan) -> &'a ReceivedSpan {
        let found: Vec<_> = self
            .0
            .iter()
            .filter(|received| received.span.name == name && links(&received.span, with))
            .collect();
        assert_eq!(
            found.len(),
            1,
            "{name} linked with {with:#?} are {found:#?}"
        );
        found[0]
    }

    /// Returns all spans with this name in a span's trace.
    pub(crate) fn in_trace_of<'a>(
        &'a self,
        one: &'a ReceivedSpan,
        name: &'a str,
    ) -> impl Iterator<Item = &'a ReceivedSpan> {
        self.0.iter().filter(move |received| {
            received.span.trace_id == one.span.trace_id && received.span.name == name
        })
    }

    /// Asserts that every parent and every linked span is there, except those that browsers named.
    pub(crate) fn have_no_orphans(&self) {
        let known = self.known();
        let orphan = self.0.iter().find(|received| is_orphan(received, &known));
        assert!(orphan.is_none(), "an orphan: {orphan:#?}");
        assert_eq!(known.len(), self.0.len(), "told twice");
    }

    /// Whether the last of the deeds was delivered at both gateways, and all spans that led there were exported. Then
    /// those of earlier deeds were too: each process exports its spans in the order in which they end.
    pub(crate) fn have_come_as_far_as(&self, last: BrowserTrace) -> bool {
        let mut frames = self.0.iter().filter(|received| is_frame_of(received, last));
        let Some(frame) = frames.next() else {
            return false;
        };
        let delivered = self.in_trace_of(frame, "deliver");
        let gateways: HashSet<_> = delivered.map(|received| &received.instance).collect();
        let known = self.known();
        gateways.len() == 2 && !self.0.iter().any(|received| is_orphan(received, &known))
    }

    fn known(&self) -> HashSet<Id> {
        self.0.iter().map(|received| id(&received.span)).collect()
    }

    /// Asserts that every span is declared, with its kind and all of its attributes.
    pub(crate) fn are_declared(&self) {
        for received in &self.0 {
            let span = &received.span;
            let kind = span.kind().as_str_name().trim_start_matches("SPAN_KIND_");
            let declared = span::ALL.iter().any(|row| {
                row.shown(|key| otlp::attribute(span, key)) == span.name
                    && row.kind.eq_ignore_ascii_case(kind)
                    && span
                        .attributes
                        .iter()
                        .all(|pair| row.attributes.contains(&pair.key.as_str()))
            });
            assert!(declared, "in no list: {received:#?}");
        }
    }

    fn tree(&self, above: &ReceivedSpan, depth: usize) -> Vec<String> {
        let line = format!(
            "{:indent$}{} {:?} {}",
            "",
            above.span.name,
            above.span.kind(),
            above.service,
            indent = depth * 2
        );
        let mut tree = vec![line];
        for below in self.below(above) {
            tree.extend(self.tree(below, depth + 1));
        }
        tree
    }
}

/// Whether a span is linked with another.
pub(crate) fn links(span: &Span, with: &ReceivedSpan) -> bool {
    let with = id(&with.span);
    let mut links = span.links.iter();
    links.any(|link| (link.trace_id.clone(), link.span_id.clone()) == with)
}

fn is_frame_of(received: &ReceivedSpan, trace: BrowserTrace) -> bool {
    let mut links = received.span.links.iter();
    links.any(|link| link.trace_id == trace.trace_id())
}

/// Whether a span's parent is missing, or a span that it is linked with.
fn is_orphan(received: &ReceivedSpan, known: &HashSet<Id>) -> bool {
    let span = &received.span;
    let parent = (span.trace_id.clone(), span.parent_span_id.clone());
    let said_by_a_browser = received.service == "carrel-gateway";
    let mut links = span.links.iter();
    let linked_with_nothing =
        links.any(|link| !known.contains(&(link.trace_id.clone(), link.span_id.clone())));
    (!span.parent_span_id.is_empty() && !known.contains(&parent))
        || (!said_by_a_browser && linked_with_nothing)
}

/// The id of a trace, and that of a span in it.
type Id = (Vec<u8>, Vec<u8>);

fn id(span: &Span) -> Id {
    (span.trace_id.clone(), span.span_id.clone())
}
