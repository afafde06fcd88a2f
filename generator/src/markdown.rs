//! A page's markdown as HTML: anchors, table of contents, checked links, shortcodes, mathematics, colours for code.
//!
//! It knows addresses and which shortcodes the theme has, not how they look. CommonMark is pulldown-cmark's business;
//! here its events are only looked at.

mod anchors;
mod links;
mod shortcodes;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ahash::AHashSet;
use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::version::{Contact, Statement};
use statement::yaml::Located;

use crate::address::{self, Destination};
use crate::highlight::{self, Highlighted};
use crate::images::{Size, markup};
use crate::link::AnchorLinks;
use crate::math;
use crate::publication::Companion;
use crate::shortcode::{self, Fault};
use crate::site::{PageId, PageKind, Site, SitePage};
use crate::template::Theme;

/// CommonMark with the extensions an author expects.
pub const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES)
    .union(Options::ENABLE_GFM)
    .union(Options::ENABLE_DEFINITION_LIST);

/// How a page's markdown is read.
#[must_use]
pub fn options(site: &Site, page: &SitePage) -> Options {
    if statement_of(site, page).is_some() {
        // A statement is published letter for letter: nothing in it means more than it says.
        return OPTIONS.difference(Options::ENABLE_GFM.union(Options::ENABLE_DEFINITION_LIST));
    }
    let mut options = OPTIONS;
    options.set(Options::ENABLE_SMART_PUNCTUATION, site.config.markdown.smart_punctuation);
    options.set(Options::ENABLE_MATH, site.config.markdown.math);
    options
}

/// The version of the statement that a page shows, in its own words or in another language.
fn statement_of<'a>(site: &'a Site, page: &SitePage) -> Option<&'a Statement> {
    match page.kind {
        PageKind::Statement(version) => Some(&site.statements[version]),
        PageKind::Companion(publication, Companion::Translation(translation)) => {
            let publication = &site.publications[publication];
            let version = publication.document.history.find(&site.translations[translation].version)?;
            publication.document.history.versions[version].statement.map(|file| &site.statements[file])
        }
        _ => None,
    }
}

/// Finds the shortcodes in a text.
#[must_use]
pub fn shortcodes(text: &str, options: Options) -> (Vec<shortcode::Tag>, Vec<Fault>) {
    if shortcode::may_be_in(text) { shortcode::find(text, &code(text, options)) } else { (Vec::new(), Vec::new()) }
}

/// Where code, mathematics and comments stand: nothing in them is a shortcode.
fn code(text: &str, options: Options) -> Vec<Range<usize>> {
    let events = Parser::new_ext(text, options).into_offset_iter();
    let code = events.filter(|(event, range)| match event {
        Event::Start(Tag::CodeBlock(_)) | Event::Code(_) | Event::InlineMath(_) | Event::DisplayMath(_) => true,
        Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_) => text[range.clone()].trim_start().starts_with("<!--"),
        _ => false,
    });
    code.map(|(_, range)| range).collect()
}

/// A rendered page and what was found in it.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The HTML.
    pub html: String,
    /// The headings, in order.
    pub headings: Vec<Heading>,
    /// Links to a place on a page, to be checked when all pages are rendered.
    pub anchors: AnchorLinks,
    /// Links that lead nowhere, for which a near match may be searched.
    pub broken: Vec<BrokenLink>,
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

/// A link that leads nowhere.
#[derive(Debug)]
pub struct BrokenLink {
    /// What is to be said about it.
    pub diagnostic: Diagnostic,
    /// Where it should lead, as it is written.
    pub destination: String,
}

/// Renders the text of a page; `file` is the whole file, `forms` the markup of each form by id.
pub fn render(
    site: &Site,
    theme: &Theme,
    id: PageId,
    file: &str,
    forms: &HashMap<String, String>,
    diagnostics: &mut Diagnostics,
) -> Rendered {
    let page = &site.pages[id];
    let source = &file[page.text.clone()];
    let options = options(site, page);
    let (tags, faults) = shortcodes(source, options);
    let masked = (!tags.is_empty()).then(|| shortcode::mask(source, &tags));
    let contact = statement_of(site, page).and_then(|statement| statement.contact.as_ref());
    let mut renderer = Renderer {
        site,
        theme,
        id,
        path: &page.path,
        file,
        base: page.text.start,
        source,
        text: masked.as_deref().unwrap_or(source),
        is_met: vec![false; tags.len()],
        tags: &tags,
        bodies: Vec::new(),
        depth: 0,
        contact,
        forms,
        rendered: Rendered::default(),
        // About as many as there are in prose, so that they are not moved again and again.
        events: Vec::with_capacity(source.len() / 16),
        headings: Vec::new(),
        ids: AHashSet::new(),
        links_open: 0,
        images_open: 0,
        pictures: 0,
        picture: None,
        is_in_code: false,
        diagnostics,
    };
    faults.into_iter().for_each(|fault| renderer.report(fault));
    renderer.read(options);
    renderer.refuse_lost_shortcodes();
    renderer.name_headings();
    if contact.is_some() {
        renderer.name_paragraphs();
    }
    let mut html = String::with_capacity(source.len() + source.len() / 2);
    html::push_html(&mut html, std::mem::take(&mut renderer.events).into_iter());
    renderer.rendered.html = if tags.is_empty() { html } else { renderer.wrap_bodies(&html) };
    renderer.rendered.anchors.shrink();
    renderer.rendered
}

struct Renderer<'a, 'd> {
    site: &'a Site,
    theme: &'a Theme,
    id: PageId,
    path: &'a Arc<str>,
    file: &'a str,
    /// Where `text` begins in the file.
    base: usize,
    /// The text as it was written.
    source: &'a str,
    /// The text with its shortcodes masked, at the same places.
    text: &'a str,
    tags: &'a [shortcode::Tag],
    /// Which of the tags were met in the text.
    is_met: Vec<bool>,
    /// The bodies of shortcodes that have not ended.
    bodies: Vec<OpenBody>,
    /// How many elements are open.
    depth: usize,
    /// On a statement, whom to ask: its addresses become links.
    contact: Option<&'a Contact>,
    forms: &'a HashMap<String, String>,
    rendered: Rendered,
    events: Vec<Event<'a>>,
    headings: Vec<OpenHeading>,
    /// What has an id already: an anchor of our own must be another.
    ids: AHashSet<String>,
    links_open: usize,
    images_open: usize,
    /// How many pictures of the site have been met.
    pictures: usize,
    /// The picture whose description is being read: its file, its size, and its start among the events.
    picture: Option<(usize, Size, usize)>,
    is_in_code: bool,
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

/// The body of a shortcode that has not ended.
struct OpenBody {
    /// The tag that began it.
    tag: usize,
    /// How many elements were open there.
    depth: usize,
}

impl<'a> Renderer<'a, '_> {
    /// A place in the file from a place in the text.
    fn in_file(&self, range: &Range<usize>) -> Range<usize> {
        self.base + range.start..self.base + range.end
    }

    fn report(&mut self, fault: Fault) {
        let span = self.in_file(&fault.span);
        let diagnostic = Diagnostic::error(self.path, span, fault.message).label(fault.label);
        self.diagnostics.push(if fault.help.is_empty() { diagnostic } else { diagnostic.help(fault.help) });
    }

    fn read(&mut self, options: Options) {
        let mut parser = Parser::new_ext(self.text, options).into_offset_iter();
        while let Some((event, range)) = parser.next() {
            match event {
                Event::Start(Tag::Paragraph) if self.is_one_call(&range) => {
                    parser.by_ref().find(|(event, _)| matches!(event, Event::End(TagEnd::Paragraph)));
                    let tag = self.tags_in(&range).start;
                    self.place_alone(tag);
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if self.site.config.markdown.highlight => {
                    let mut code = String::new();
                    for (event, range) in parser.by_ref() {
                        match event {
                            Event::Text(text) => code.push_str(&self.restore(text, &range)),
                            _ => break,
                        }
                    }
                    self.code_block(info, code, &range);
                }
                Event::Start(tag) => self.start(tag, range),
                Event::End(tag) => self.end(tag),
                Event::Text(text) => self.text(text, &range),
                Event::Code(code) => {
                    let code = self.restore(code, &range);
                    self.add_to_heading(&code);
                    self.events.push(Event::Code(code));
                }
                Event::InlineMath(latex) => self.math(&latex, false, &range),
                Event::DisplayMath(latex) => self.math(&latex, true, &range),
                Event::Html(html) => self.html(html, Event::Html, &range),
                Event::InlineHtml(html) => self.html(html, Event::InlineHtml, &range),
                Event::SoftBreak | Event::HardBreak => {
                    self.add_to_heading(" ");
                    self.events.push(event);
                }
                Event::TaskListMarker(is_done) => self.events.push(Event::InlineHtml(task_box(is_done).into())),
                event => self.events.push(event),
            }
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) {
        // A block of HTML may hold only the beginning of a shortcode.
        self.depth += usize::from(tag != Tag::HtmlBlock);
        let event = match tag {
            Tag::Heading { .. } => {
                let event = self.events.len();
                self.headings.push(OpenHeading { event, span: range, title: String::new(), is_open: true });
                tag
            }
            Tag::Link { link_type, dest_url, title, id } => {
                self.links_open += 1;
                let (dest_url, title) = (self.restore(dest_url, &range), self.restore(title, &range));
                let dest_url = self.resolve(link_type, dest_url, &range);
                Tag::Link { link_type, dest_url, title, id }
            }
            Tag::Image { link_type, dest_url, title, id } => {
                self.images_open += 1;
                let (dest_url, title) = (self.restore(dest_url, &range), self.restore(title, &range));
                let dest_url = self.resolve(link_type, dest_url, &range);
                if self.images_open == 1 {
                    self.picture = self.size_of(&dest_url).map(|(file, size)| (file, size, self.events.len()));
                }
                Tag::Image { link_type, dest_url, title, id }
            }
            Tag::FootnoteDefinition(ref name) => {
                self.ids.insert(name.to_string());
                tag
            }
            Tag::BlockQuote(Some(kind)) => return self.events.push(Event::Html(alert(kind).into())),
            Tag::CodeBlock(_) => {
                self.is_in_code = true;
                tag
            }
            tag => tag,
        };
        self.events.push(Event::Start(event));
    }

    fn end(&mut self, tag: TagEnd) {
        self.depth -= usize::from(tag != TagEnd::HtmlBlock);
        while let Some(body) = self.bodies.pop_if(|body| body.depth > self.depth) {
            self.refuse_torn_body(body.tag);
        }
        match tag {
            TagEnd::Heading(_) => self.headings.last_mut().into_iter().for_each(|heading| heading.is_open = false),
            TagEnd::Link => self.links_open -= 1,
            TagEnd::Image => {
                self.images_open -= 1;
                if let Some((file, size, start)) = self.picture.take_if(|_| self.images_open == 0) {
                    self.events.push(Event::End(tag));
                    return self.finish_picture(file, size, start);
                }
            }
            TagEnd::CodeBlock => self.is_in_code = false,
            TagEnd::BlockQuote(Some(_)) => return self.events.push(Event::Html("</div>\n".into())),
            _ => {}
        }
        self.events.push(Event::End(tag));
    }

    /// The picture at an address of the site, and how large it is.
    fn size_of(&self, href: &str) -> Option<(usize, Size)> {
        let Destination::SitePath(path, _) = address::destination("", href) else { return None };
        markup::picture_at(self.site, &path)
    }

    /// Writes a picture so that its place is kept free, and so that those further down come when they are needed.
    fn finish_picture(&mut self, file: usize, size: Size, start: usize) {
        let mut html = String::new();
        html::push_html(&mut html, self.events.drain(start..));
        self.pictures += 1;
        let html = markup::of_markdown(self.site, html, file, size, self.pictures > 1);
        self.events.push(Event::InlineHtml(html.into()));
    }

    fn add_to_heading(&mut self, text: &str) {
        if let Some(heading) = self.headings.last_mut().filter(|heading| heading.is_open) {
            heading.title.push_str(text);
        }
    }

    fn text(&mut self, text: CowStr<'a>, range: &Range<usize>) {
        if self.is_in_code || self.images_open > 0 {
            let text = if self.is_in_code { self.restore(text, range) } else { text };
            return self.plain_text(text);
        }
        match self.pieces(&text, range) {
            None => self.plain_text(text),
            Some(pieces) => {
                for (plain, tag) in pieces {
                    self.plain_text(plain.into());
                    tag.into_iter().for_each(|tag| self.place(tag));
                }
            }
        }
    }

    fn plain_text(&mut self, text: CowStr<'a>) {
        self.add_to_heading(&text);
        match self.contact {
            Some(contact) if self.links_open == 0 => self.link_addresses(contact, text),
            _ => self.events.push(Event::Text(text)),
        }
    }

    /// HTML the author wrote; shortcodes stand in it too.
    fn html(&mut self, html: CowStr<'a>, event: fn(CowStr<'a>) -> Event<'a>, range: &Range<usize>) {
        self.look_at_tags(&html, range);
        let html = markup::complete(self.site, self.id, &html).map_or(html, CowStr::from);
        match self.pieces(&html, range) {
            None => self.events.push(event(html)),
            Some(pieces) => {
                for (plain, tag) in pieces {
                    self.events.push(event(plain.into()));
                    tag.into_iter().for_each(|tag| self.place(tag));
                }
            }
        }
    }

    fn math(&mut self, latex: &str, is_display: bool, range: &Range<usize>) {
        self.add_to_heading(latex);
        match math::render(latex, is_display) {
            Ok(mathml) => self.events.push(Event::InlineHtml(mathml.into())),
            Err(fact) => self.diagnostics.push(
                Diagnostic::error(self.path, self.in_file(range), format!("not mathematics: {fact}"))
                    .help("write it in LaTeX, and a dollar sign that is only that as `\\$`"),
            ),
        }
    }

    /// Code whose language the author names.
    fn code_block(&mut self, info: CowStr<'a>, code: String, range: &Range<usize>) {
        let language = info.split([' ', ',', '{']).next().unwrap_or_default().to_owned();
        let highlighted =
            if language.is_empty() { Highlighted::Unknown(None) } else { highlight::highlight(&language, &code) };
        if let Highlighted::Unknown(Some(near)) = &highlighted {
            let fence = &self.text[range.clone()];
            let at = range.start + fence.find(&*language).unwrap_or_default();
            self.diagnostics.push(
                Diagnostic::warning(
                    self.path,
                    self.in_file(&(at..at + language.len())),
                    format!("`{language}` is not a known language"),
                )
                .help(format!("did you mean `{near}`?")),
            );
        }
        self.events.push(Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))));
        self.events.push(match highlighted {
            Highlighted::Html(html) => Event::InlineHtml(html.into()),
            Highlighted::Unknown(_) => Event::Text(code.into()),
        });
        self.events.push(Event::End(TagEnd::CodeBlock));
    }
}

/// The box of a task, whose name says what the box shows.
fn task_box(is_done: bool) -> &'static str {
    if is_done {
        "<input type=\"checkbox\" disabled checked aria-label=\"Done\"> "
    } else {
        "<input type=\"checkbox\" disabled aria-label=\"To do\"> "
    }
}

/// What an alert of GFM begins with: a sign alone would not be heard.
fn alert(kind: BlockQuoteKind) -> String {
    let (class, title) = match kind {
        BlockQuoteKind::Note => ("note", "Note"),
        BlockQuoteKind::Tip => ("tip", "Tip"),
        BlockQuoteKind::Important => ("important", "Important"),
        BlockQuoteKind::Warning => ("warning", "Warning"),
        BlockQuoteKind::Caution => ("caution", "Caution"),
    };
    format!("<div class=\"alert alert-{class}\" role=\"note\">\n<p class=\"alert-title\">{title}</p>\n")
}
