//! Draws diagnostics for people: the fact, the place in the file, what to do.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use memchr::{memchr, memchr_iter, memrchr};
use statement::diagnostic::{Diagnostic, Severity};

use crate::source_tree::SourceTree;

/// How long the lines of a place may be to be drawn: a terminal shows a few hundred letters of them.
const DRAWN_BYTES_MAX: usize = 4_096;

/// Draws everything found, with colours for a terminal.
#[must_use]
pub fn draw(diagnostics: &[Diagnostic], tree: &SourceTree) -> String {
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    diagnostics.iter().fold(String::new(), |mut drawn, diagnostic| {
        drawn.push_str(&renderer.render(&[group(diagnostic, tree)]));
        drawn.push_str("\n\n");
        drawn
    })
}

/// `2 errors, 1 warning`; empty where nothing was found.
#[must_use]
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let count = |severity: Severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let counts = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, one)| plural(count, one));
    counts.collect::<Vec<_>>().join(", ")
}

/// `1 page`, `2 pages`.
#[must_use]
pub fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The lines of a place, and only those: a file with ten thousand mistakes is not read ten thousand times. What is too
/// long to be drawn is told by line and column.
fn snippet<'a>(
    text: &'a str,
    span: Range<usize>,
    diagnostic: &'a Diagnostic,
    path: &'a str,
) -> Result<Snippet<'a, Annotation<'a>>, Origin<'a>> {
    let start = memrchr(b'\n', &text.as_bytes()[..span.start]).map_or(0, |newline| newline + 1);
    let end = memchr(b'\n', &text.as_bytes()[span.end..]).map_or(text.len(), |newline| span.end + newline);
    let line = memchr_iter(b'\n', &text.as_bytes()[..start]).count() + 1;
    if end - start > DRAWN_BYTES_MAX {
        let column = text[start..span.start].chars().count() + 1;
        return Err(Origin::path(path).line(line).char_column(column));
    }
    let annotation = AnnotationKind::Primary.span(span.start - start..span.end - start);
    let annotation = if diagnostic.label.is_empty() { annotation } else { annotation.label(&diagnostic.label) };
    Ok(Snippet::source(&text[start..end]).line_start(line).path(path).annotation(annotation))
}

fn group<'a>(diagnostic: &'a Diagnostic, tree: &'a SourceTree) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(&diagnostic.message);
    if let Some(code) = diagnostic.code {
        title = title.id(code);
    }
    let notes = diagnostic.notes.iter().map(|note| Level::NOTE.message(note));
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(help));
    let group = match &diagnostic.place {
        None => Group::with_title(title),
        Some(place) => {
            let span = std::ops::Range::from(place.span);
            match tree.text(&place.path).filter(|text| !span.is_empty() && span.end <= text.len()) {
                None => title.element(Origin::path(&*place.path)),
                Some(text) => match snippet(text, span, diagnostic, &place.path) {
                    Ok(snippet) => title.element(snippet),
                    Err(origin) => title.element(origin),
                },
            }
        }
    };
    group.elements(notes).elements(help)
}
