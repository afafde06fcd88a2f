//! A page in a few plain words, for listings and feeds.
//!
//! Plain, because a listing shows many summaries: links, anchors and forms of other pages have no place in it.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::markdown;
use crate::shortcode;
use crate::site::{Site, SitePage};

/// Where an author ends the summary, on a line of its own.
const MARK: &str = "<!-- more -->";

/// What stands before `<!-- more -->`, else the description, else the first paragraph. `file` is the page's file.
#[must_use]
pub fn summary(site: &Site, page: &SitePage, file: &str) -> String {
    let text = &file[page.text.clone()];
    let options = markdown::options(site, page);
    let marked = memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).and_then(|_| words(text, options, Until::Mark));
    match marked {
        Some(words) => words,
        None if !page.front.description.is_empty() => page.front.description.clone(),
        None => words(text, options, Until::Paragraph).unwrap_or_default(),
    }
}

#[derive(PartialEq)]
enum Until {
    Mark,
    Paragraph,
}

/// The words of a text without its headings, code, pictures and notes; none if the end is not met.
fn words(text: &str, options: Options, until: Until) -> Option<String> {
    let (tags, _) = markdown::shortcodes(text, options);
    let masked = (!tags.is_empty()).then(|| shortcode::mask(text, &tags));
    let text = masked.as_deref().unwrap_or(text);
    let mut words = String::new();
    let mut left_out = 0_usize;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(tag) if left_out > 0 || is_left_out(&tag) => left_out += 1,
            Event::End(TagEnd::Paragraph) if left_out == 0 && until == Until::Paragraph && !words.trim().is_empty() => {
                break;
            }
            Event::End(_) if left_out > 0 => left_out -= 1,
            Event::Html(html) if html.trim() == MARK && until == Until::Mark => return Some(one_line(&words)),
            _ if left_out > 0 => {}
            Event::Start(Tag::Paragraph | Tag::Item | Tag::TableCell) | Event::SoftBreak | Event::HardBreak => {
                words.push(' ')
            }
            Event::Text(found) => push_without_tags(&mut words, &found, text, &tags, &range),
            Event::Code(found) | Event::InlineMath(found) | Event::DisplayMath(found) => words.push_str(&found),
            _ => {}
        }
    }
    (until == Until::Paragraph).then(|| one_line(&words))
}

fn is_left_out(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::Image { .. } | Tag::FootnoteDefinition(_))
}

/// Shortcodes are not words.
fn push_without_tags(words: &mut String, found: &str, text: &str, tags: &[shortcode::Tag], range: &Range<usize>) {
    let first = |at: usize| tags.partition_point(|tag| tag.span.start < at);
    let mut rest = found;
    for tag in &tags[first(range.start)..first(range.end)] {
        if let Some((before, after)) = rest.split_once(&text[tag.span.clone()]) {
            words.push_str(before);
            rest = after;
        }
    }
    words.push_str(rest);
}

fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
