//! The anchors of headings, and of a statement's paragraphs: known when the whole text is read.

use ahash::{AHashMap, AHashSet};
use pulldown_cmark::{CowStr, Event, InlineStr, Tag};
use pulldown_cmark_escape::escape_html;
use statement::diagnostic::Diagnostic;
use statement::prose::TOP;

use super::{Heading, Renderer};
use crate::address;
use crate::template::Theme;

impl Renderer<'_, '_> {
    /// Gives each heading its anchor: the author's, else one made from its text that nothing else on the page has.
    pub(super) fn name_headings(&mut self) {
        let mut taken = std::mem::take(&mut self.ids);
        for heading in &self.headings {
            let Event::Start(Tag::Heading { id: Some(id), .. }) = &self.events[heading.event] else { continue };
            if !taken.insert(id.to_string()) {
                self.diagnostics.push(
                    Diagnostic::error(
                        self.path,
                        self.base + heading.span.start..self.base + heading.span.end,
                        format!("two places on the page have the anchor `{id}`"),
                    )
                    .help("give one of them another, as in `## Title {#other}`"),
                );
            }
        }
        let mut counts: AHashMap<String, usize> = AHashMap::new();
        for heading in std::mem::take(&mut self.headings) {
            let Event::Start(Tag::Heading { level, id, .. }) = &mut self.events[heading.event] else {
                unreachable!("invariant: a heading's event is where it was put")
            };
            let anchor = match id {
                Some(id) => id.to_string(),
                None => {
                    let anchor = unused_anchor(&heading.title, self.theme, &mut taken, &mut counts);
                    // Most are so short that they need no memory of their own.
                    let short = InlineStr::try_from(anchor.as_str()).map(CowStr::Inlined);
                    *id = Some(short.unwrap_or_else(|_| anchor.clone().into()));
                    anchor
                }
            };
            let level = *level as u8;
            let trimmed = heading.title.trim();
            let title = if trimmed.len() == heading.title.len() { heading.title } else { trimmed.to_owned() };
            self.rendered.headings.push(Heading { id: anchor, title, level });
        }
        self.ids = taken;
    }

    /// Gives each paragraph of a statement an anchor, so that a sentence can be pointed at: `retention-2`.
    pub(super) fn name_paragraphs(&mut self) {
        let (mut section, mut count) = (TOP.to_owned(), 0);
        for event in &mut self.events {
            match event {
                Event::Start(Tag::Heading { id: Some(id), .. }) => (section, count) = (id.to_string(), 0),
                Event::Start(Tag::Paragraph) => {
                    count += 1;
                    let anchor = format!("{section}-{count}");
                    // A heading may have that anchor, and had it first.
                    if self.ids.insert(anchor.clone()) {
                        let mut tag = String::from("<p id=\"");
                        escape_html(&mut tag, &anchor).expect("invariant: a string can be written to");
                        tag.push_str("\">");
                        *event = Event::Html(tag.into());
                    }
                }
                _ => {}
            }
        }
    }
}

/// The anchor that follows from a title, with a number from 1 where something on the page or in the theme has it.
fn unused_anchor(
    title: &str,
    theme: &Theme,
    taken: &mut AHashSet<String>,
    counts: &mut AHashMap<String, usize>,
) -> String {
    let anchor = address::anchor(title);
    let base = if anchor.is_empty() { "section".to_owned() } else { anchor };
    if !theme.has_id(&base) && taken.insert(base.clone()) {
        return base;
    }
    let count = counts.entry(base.clone()).or_insert(0);
    loop {
        *count += 1;
        let anchor = format!("{base}-{count}");
        if !theme.has_id(&anchor) && taken.insert(anchor.clone()) {
            return anchor;
        }
    }
}
