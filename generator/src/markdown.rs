//! A page's markdown as HTML: anchors, table of contents, checked links, shortcodes.
//!
//! It knows addresses, not templates. CommonMark is pulldown-cmark's business; here its events are only looked at.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::escape_html;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::version::Contact;
use statement::yaml::{Located, in_backticks};

use crate::address;
use crate::link;
use crate::scan;
use crate::shortcode;
use crate::site::{PageId, PageKind, Site};

/// CommonMark with the extensions an author expects.
pub const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// A rendered page and what was found in it.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The HTML.
    pub html: String,
    /// The headings, in order.
    pub headings: Vec<Heading>,
    /// Links to a place on a page, to be checked when all pages are rendered.
    pub anchors: Vec<AnchorLink>,
    /// The forms that stand on the page, by id.
    pub forms: Vec<Located<String>>,
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its anchor.
    pub id: String,
    /// Its text.
    pub title: String,
    /// 1 to 6.
    pub level: u8,
}

/// A link to a place on a page.
#[derive(Debug)]
pub struct AnchorLink {
    /// The file the link stands in.
    pub path: Arc<str>,
    /// Where in the file.
    pub span: Range<usize>,
    /// The page it leads to.
    pub page: PageId,
    /// The place there.
    pub anchor: String,
}

/// Renders the text of a page; `file` is the whole file, `forms` the markup of each form by id.
pub fn render(
    site: &Site,
    id: PageId,
    file: &str,
    forms: &HashMap<String, String>,
    diagnostics: &mut Diagnostics,
) -> Rendered {
    let page = &site.pages[id];
    let contact = match page.kind {
        PageKind::Statement(version) => Some(&site.statements[version].contact),
        _ => None,
    };
    let mut renderer = Renderer {
        site,
        id,
        path: &page.path,
        base: page.text.start,
        text: &file[page.text.clone()],
        contact,
        forms,
        rendered: Rendered::default(),
        events: Vec::new(),
        headings: Vec::new(),
        footnotes: HashSet::new(),
        links_open: 0,
        diagnostics,
    };
    renderer.read();
    renderer.name_headings();
    let Renderer { mut rendered, events, .. } = renderer;
    html::push_html(&mut rendered.html, events.into_iter());
    rendered
}

struct Renderer<'a, 'd> {
    site: &'a Site,
    id: PageId,
    path: &'a Arc<str>,
    /// Where `text` begins in the file.
    base: usize,
    text: &'a str,
    /// On a statement, whom to ask: its addresses become links.
    contact: Option<&'a Contact>,
    forms: &'a HashMap<String, String>,
    rendered: Rendered,
    events: Vec<Event<'a>>,
    headings: Vec<OpenHeading>,
    footnotes: HashSet<String>,
    links_open: usize,
    diagnostics: &'d mut Diagnostics,
}

/// A heading whose anchor is not decided yet.
struct OpenHeading {
    /// Its start among the events.
    event: usize,
    span: Range<usize>,
    title: String,
    is_open: bool,
}

impl<'a> Renderer<'a, '_> {
    /// A place in the file from a place in the text.
    fn in_file(&self, range: &Range<usize>) -> Range<usize> {
        self.base + range.start..self.base + range.end
    }

    fn read(&mut self) {
        let mut parser = Parser::new_ext(self.text, OPTIONS).into_offset_iter();
        while let Some((event, range)) = parser.next() {
            match event {
                Event::Start(Tag::Paragraph) if shortcode::is_call(&self.text[range.clone()]) => {
                    parser.by_ref().find(|(event, _)| matches!(event, Event::End(TagEnd::Paragraph)));
                    self.expand(range);
                }
                Event::Start(Tag::Heading { .. }) => {
                    self.headings.push(OpenHeading {
                        event: self.events.len(),
                        span: range,
                        title: String::new(),
                        is_open: true,
                    });
                    self.events.push(event);
                }
                Event::End(TagEnd::Heading(_)) => {
                    self.headings.iter_mut().for_each(|heading| heading.is_open = false);
                    self.events.push(event);
                }
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    self.links_open += 1;
                    let dest_url = self.resolve(link_type, dest_url, &range);
                    self.events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
                Event::End(TagEnd::Link) => {
                    self.links_open -= 1;
                    self.events.push(event);
                }
                Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                    let dest_url = self.resolve(link_type, dest_url, &range);
                    self.events.push(Event::Start(Tag::Image { link_type, dest_url, title, id }));
                }
                Event::Start(Tag::FootnoteDefinition(ref name)) => {
                    self.footnotes.insert(name.to_string());
                    self.events.push(event);
                }
                Event::Text(text) => self.text(text, &range),
                Event::Code(ref code) => {
                    self.add_to_heading(code);
                    self.events.push(event);
                }
                Event::Html(ref html) | Event::InlineHtml(ref html) => {
                    self.refuse_form_controls(html, &range);
                    self.events.push(event);
                }
                event => self.events.push(event),
            }
        }
    }

    fn add_to_heading(&mut self, text: &str) {
        if let Some(heading) = self.headings.last_mut().filter(|heading| heading.is_open) {
            heading.title.push_str(text);
        }
    }

    fn text(&mut self, text: CowStr<'a>, range: &Range<usize>) {
        self.add_to_heading(&text);
        self.find_misplaced_shortcode(&text, range);
        match self.contact {
            Some(contact) if self.links_open == 0 => self.link_addresses(contact, text),
            _ => self.events.push(Event::Text(text)),
        }
    }

    /// Gives each heading its anchor: the author's, else one made from its text that nothing else on the page has.
    fn name_headings(&mut self) {
        let mut taken = std::mem::take(&mut self.footnotes);
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
        let mut counts: HashMap<String, usize> = HashMap::new();
        for heading in std::mem::take(&mut self.headings) {
            let Event::Start(Tag::Heading { level, id, .. }) = &mut self.events[heading.event] else {
                unreachable!("invariant: a heading's event is where it was put")
            };
            let anchor = match id {
                Some(id) => id.to_string(),
                None => {
                    let anchor = unused_anchor(&heading.title, &mut taken, &mut counts);
                    *id = Some(anchor.clone().into());
                    anchor
                }
            };
            let level = *level as u8;
            self.rendered.headings.push(Heading { id: anchor, title: heading.title.trim().to_owned(), level });
        }
    }

    fn resolve(&mut self, link_type: LinkType, destination: CowStr<'a>, range: &Range<usize>) -> CowStr<'a> {
        if matches!(link_type, LinkType::Autolink | LinkType::Email) {
            return destination;
        }
        // An inline link shows its destination; a reference stands for it.
        let source = &self.text[range.clone()];
        let span = source
            .rfind(&*destination)
            .filter(|_| !destination.is_empty())
            .map_or_else(|| range.clone(), |at| range.start + at..range.start + at + destination.len());
        let span = self.in_file(&span);
        let from = self.site.pages[self.id].content_path();
        match link::resolve(self.site, from, Some(self.id), &destination) {
            Ok(link) => {
                if let Some((page, anchor)) = link.anchor {
                    self.rendered.anchors.push(AnchorLink { path: Arc::clone(self.path), span, page, anchor });
                }
                link.href.map_or(destination, CowStr::from)
            }
            Err(broken) => {
                let diagnostic = Diagnostic::error(self.path, span, "link target does not exist").label(broken.label);
                self.diagnostics.push(match broken.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                });
                destination
            }
        }
    }

    /// Puts what a shortcode stands for in its place.
    fn expand(&mut self, range: Range<usize>) {
        let source = self.text[range.clone()].trim_end();
        let start = self.base + range.start;
        let here = |span: &Range<usize>| start + span.start..start + span.end;
        let call = match shortcode::parse(source) {
            Ok(call) => call,
            Err(fault) => {
                self.diagnostics.push(
                    Diagnostic::error(self.path, here(&fault.span), format!("not a shortcode: {}", fault.message))
                        .help("write it like `{{ form(id=\"register\") }}`"),
                );
                return;
            }
        };
        if call.name.value != "form" {
            let mut diagnostic = Diagnostic::error(
                self.path,
                here(&call.name.span),
                format!("there is no shortcode `{}`", call.name.value),
            );
            if near_match(&call.name.value, ["form"]).is_some() {
                diagnostic = diagnostic.help("did you mean `form`?");
            }
            self.diagnostics.push(diagnostic);
            return;
        }
        for (key, _) in call.arguments.iter().filter(|(key, _)| key.value != "id") {
            self.diagnostics.push(
                Diagnostic::error(self.path, here(&key.span), format!("`form` has no parameter `{}`", key.value))
                    .help("its one parameter is `id`"),
            );
        }
        let Some((_, form)) = call.arguments.iter().find(|(key, _)| key.value == "id") else {
            self.diagnostics.push(
                Diagnostic::error(self.path, here(&call.name.span), "`form` needs the parameter `id`")
                    .help("write `{{ form(id=\"register\") }}` for `content/forms/register.yaml`"),
            );
            return;
        };
        if let Some(markup) = self.forms.get(&form.value) {
            self.events.push(Event::Html(markup.clone().into()));
            self.rendered.forms.push(Located { value: form.value.clone(), span: here(&form.span) });
        } else if !self.site.is_unusable(&format!("forms/{}.yaml", form.value)) {
            let mut known: Vec<&str> = self.forms.keys().map(String::as_str).collect();
            known.sort_unstable();
            let mut diagnostic =
                Diagnostic::error(self.path, here(&form.span), format!("there is no form `{}`", form.value))
                    .label(format!("no file content/forms/{}.yaml", form.value));
            if let Some(near) = near_match(&form.value, known.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            } else if !known.is_empty() {
                diagnostic = diagnostic.help(format!("known are {}", in_backticks(&known)));
            }
            self.diagnostics.push(diagnostic);
        }
    }

    /// A shortcode inside a sentence would be published as it is written, and nobody would notice.
    fn find_misplaced_shortcode(&mut self, text: &str, range: &Range<usize>) {
        for (at, _) in text.match_indices("{{") {
            if shortcode::call_name(&text[at..]).is_none() {
                continue;
            }
            self.diagnostics.push(
                Diagnostic::error(self.path, self.in_file(range), "a shortcode stands inside other text")
                    .help("put it in a paragraph of its own, or write it as code between backticks"),
            );
        }
    }

    /// A form written by hand would ask for things behind the statement's back.
    fn refuse_form_controls(&mut self, html: &str, range: &Range<usize>) {
        scan::tags(html, |name, _| {
            let name = name.to_ascii_lowercase();
            if ["form", "input", "select", "textarea", "button"].contains(&name.as_str()) {
                self.diagnostics.push(
                    Diagnostic::error(
                        self.path,
                        self.in_file(range),
                        format!("`<{name}>` is written by hand, where the statement cannot vouch for it"),
                    )
                    .code("P102")
                    .help("declare the form in `content/forms/` and place it with `{{ form(id=\"…\") }}`"),
                );
            }
        });
    }

    /// On a statement, addresses that stand in the text lead where they say.
    fn link_addresses(&mut self, contact: &Contact, text: CowStr<'a>) {
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

fn unused_anchor(title: &str, taken: &mut HashSet<String>, counts: &mut HashMap<String, usize>) -> String {
    let slug = address::slugify(title);
    let base = if slug.is_empty() { "section".to_owned() } else { slug };
    let count = counts.entry(base.clone()).or_insert(0);
    loop {
        *count += 1;
        let anchor = if *count == 1 { base.clone() } else { format!("{base}-{count}") };
        if taken.insert(anchor.clone()) {
            return anchor;
        }
    }
}
