//! Findings as a person reads them: the line, the offending part marked, what to write instead.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::finding::{Finding, Findings, Severity};
use super::span::Span;

/// How many findings are shown; a file with more is broken in some way that the first ones explain.
const SHOWN: usize = 100;

/// How many bytes around the offending part are shown of a line that is very long.
const WINDOW: usize = 400;

impl Findings {
    /// Shows all findings, each with its line and the offending part marked. The text ends with a line break.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for finding in self.list.iter().take(SHOWN) {
            text.push_str(&renderer.render(&[self.group(finding)]));
            text.push_str("\n\n");
        }
        if self.list.len() > SHOWN {
            text.push_str(&format!("... and {} more findings\n", self.list.len() - SHOWN));
        } else {
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    fn group<'a>(&'a self, finding: &'a Finding) -> Group<'a> {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let group = match finding.span {
            Some(_) => Group::with_title(level.primary_title(&finding.message)),
            None => Group::with_title(level.primary_title(format!("{}: {}", self.file.display(), finding.message))),
        };
        let mut group = group.elements(finding.span.map(|span| self.snippet(span, AnnotationKind::Primary, None)));
        for also in &finding.also {
            group = group.element(self.snippet(also.span, AnnotationKind::Context, Some(&also.label)));
        }
        group.elements(finding.instead.as_deref().map(|text| Level::HELP.message(text)))
    }

    /// Only the lines that the span touches: the whole file would cost time for each finding.
    fn snippet<'a>(&'a self, span: Span, kind: AnnotationKind, label: Option<&'a str>) -> Snippet<'a, Annotation<'a>> {
        let (from, to) = self.window(span);
        let span = span.start.clamp(from, to) - from..span.end.clamp(from, to) - from;
        Snippet::source(&self.source[from..to])
            .line_start(self.source[..from].matches('\n').count() + 1)
            .path(self.file.display().to_string())
            .annotation(kind.span(span).label(label))
    }

    /// The first line that the span touches, unless it is longer than anyone reads.
    fn window(&self, span: Span) -> (usize, usize) {
        let source = &*self.source;
        let start = floor(source, span.start.min(source.len()));
        let mut from = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let mut to = source[start..].find('\n').map_or(source.len(), |at| start + at);
        if to - from > 4 * WINDOW {
            from = floor(source, start.saturating_sub(WINDOW).max(from));
            to = floor(source, (start + WINDOW).min(to));
        }
        (from, to)
    }
}

/// The last character boundary at or before a byte.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
