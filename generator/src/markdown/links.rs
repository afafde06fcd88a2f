//! The links of a text, in markdown and in HTML: where they lead, and which of them lead nowhere.
//!
//! What a destination means is `crate::link`'s business.

use std::ops::Range;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{CowStr, Event, LinkType};
use pulldown_cmark_escape::escape_html;
use statement::diagnostic::Diagnostic;
use statement::version::Contact;

use super::{BrokenLink, Renderer};
use crate::address;
use crate::link::{self, AnchorLink};
use crate::scan;

impl<'a> Renderer<'a, '_> {
    pub(super) fn resolve(&mut self, link_type: LinkType, destination: CowStr<'a>, range: &Range<usize>) -> CowStr<'a> {
        if matches!(link_type, LinkType::Autolink | LinkType::Email) {
            return destination;
        }
        // An inline link shows its destination; a reference stands for it.
        let span = self.in_file(&destination_in(self.text, range, &destination));
        let from = self.site.pages[self.id].content_path();
        let resolved = link::resolve(self.site, from, Some(self.id), &destination, false);
        match resolved.map(|link| (link.href, link.anchor)) {
            Ok((href, anchor)) => {
                if let Some((page, anchor)) = anchor {
                    self.rendered.anchors.push(&AnchorLink { span, page, anchor: &anchor });
                }
                href.map_or(destination, CowStr::from)
            }
            Err(broken) => {
                let diagnostic = Diagnostic::error(self.path, span, "link target does not exist").label(broken.label);
                match broken.help {
                    Some(help) => self.diagnostics.push(diagnostic.help(help)),
                    None => self.rendered.broken.push(BrokenLink { diagnostic, destination: destination.to_string() }),
                }
                destination
            }
        }
    }

    /// Notes the ids in HTML the author wrote. A form written by hand would ask for things behind the statement's back.
    pub(super) fn look_at_tags(&mut self, html: &str, range: &Range<usize>) {
        scan::tags(html, |name, attributes| {
            let id = attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case("id"));
            self.ids.extend(id.map(|(_, id)| (*id).to_owned()));
            let name = name.to_ascii_lowercase();
            let key = if matches!(&*name, "a" | "area") { "href" } else { "src" };
            if let Some((_, link)) = attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
                self.check_as_written(link, range);
            }
            if ["form", "input", "select", "textarea", "button"].contains(&name.as_str()) {
                self.diagnostics.push(
                    Diagnostic::error(
                        self.path,
                        self.in_file(range),
                        format!("`<{name}>` is written by hand, where the statement cannot vouch for it"),
                    )
                    .code("P102")
                    .help("either remove it")
                    .help("or declare the form in `content/forms/` and place it with `{{ form(id=\"…\") }}`"),
                );
            }
        });
    }

    /// HTML is the author's own business, so a link in it that leads nowhere is told and no more.
    fn check_as_written(&mut self, link: &str, range: &Range<usize>) {
        let Err(broken) = link::check_as_written(self.site, self.id, scan::decode(link).trim()) else { return };
        let source = &self.text[range.clone()];
        let span = source.find(link).map_or(range.clone(), |at| range.start + at..range.start + at + link.len());
        let diagnostic = Diagnostic::warning(self.path, self.in_file(&span), "link target does not exist");
        self.diagnostics.push(broken.help.into_iter().fold(diagnostic.label(broken.label), Diagnostic::help));
    }

    /// On a statement, addresses that stand in the text lead where they say.
    pub(super) fn link_addresses(&mut self, contact: &Contact, text: CowStr<'a>) {
        let mut finder = LinkFinder::new();
        finder.url_must_have_scheme(false);
        let mut rest = 0;
        for found in finder.links(&text) {
            let word = found.as_str();
            let href = match found.kind() {
                LinkKind::Email if word.eq_ignore_ascii_case(&contact.email) => {
                    address::mailto(&contact.email, contact.subject.as_deref())
                }
                LinkKind::Email => address::mailto(word, None),
                _ if word.starts_with("www.") => format!("https://{word}"),
                _ if word.starts_with("https://") || word.starts_with("http://") => word.to_owned(),
                _ => continue,
            };
            let rel = if href.starts_with("mailto:") { "" } else { " rel=\"noreferrer\"" };
            let mut opening = String::from("<a href=\"");
            escape_html(&mut opening, &href).expect("invariant: a string can be written to");
            opening.push_str(&format!("\"{rel}>"));
            self.events.push(Event::Text(text[rest..found.start()].to_owned().into()));
            self.events.push(Event::InlineHtml(opening.into()));
            self.events.push(Event::Text(word.to_owned().into()));
            self.events.push(Event::InlineHtml("</a>".into()));
            rest = found.end();
        }
        self.events.push(if rest == 0 { Event::Text(text) } else { Event::Text(text[rest..].to_owned().into()) });
    }
}

/// Where a link shows its destination; the whole of it where a reference stands for one.
fn destination_in(text: &str, link: &Range<usize>, destination: &str) -> Range<usize> {
    let source = &text[link.clone()];
    let at = match source.strip_suffix(')').and_then(|source| source.strip_suffix(destination)) {
        // As nearly every link ends; the others are searched.
        Some(before) => Some(before.len()),
        None => source.rfind(destination),
    };
    match at.filter(|_| !destination.is_empty()) {
        Some(at) => link.start + at..link.start + at + destination.len(),
        None => link.clone(),
    }
}
