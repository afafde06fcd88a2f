//! A page's markdown as HTML: anchors, table of contents, checked links, shortcodes, mathematics, colours for code.
//!
//! It knows addresses and which shortcodes the theme has, not how they look. CommonMark is pulldown-cmark's business;
//! here its events are only looked at.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::escape_html;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::prose::TOP;
use statement::version::{Contact, Statement};
use statement::yaml::{Located, in_backticks};

use crate::address::{self, Destination};
use crate::highlight::{self, Highlighted};
use crate::images::{Size, markup};
use crate::link::{self, AnchorLink, AnchorLinks};
use crate::math;
use crate::publication::Companion;
use crate::scan::{self, Ids};
use crate::shortcode::{self, Argument, Call, Fault, TagKind};
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

/// Around the number of a body's tag in finished HTML: noncharacters of Unicode, which no text contains (Unicode
/// Standard, section 23.7).
const BODY: (char, char) = ('\u{fdd2}', '\u{fdd3}');

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

    /// The tags that begin in a range.
    fn tags_in(&self, range: &Range<usize>) -> Range<usize> {
        let first = |at: usize| self.tags.partition_point(|tag| tag.span.start < at);
        if self.tags.is_empty() { 0..0 } else { first(range.start)..first(range.end) }
    }

    /// Whether a paragraph is nothing but a shortcode without a body.
    fn is_one_call(&self, paragraph: &Range<usize>) -> bool {
        let Some(tag) = self.tags.get(self.tags_in(paragraph).start) else { return false };
        matches!(tag.kind, TagKind::Call(_)) && self.text[paragraph.clone()].trim() == &self.text[tag.span.clone()]
    }

    /// A text that was read from `range`, cut at its tags: what stands before each, and last what stands after them.
    fn pieces(&self, text: &str, range: &Range<usize>) -> Option<Vec<(String, Option<usize>)>> {
        let mut rest = text;
        let mut pieces = Vec::new();
        for tag in self.tags_in(range) {
            if let Some((before, after)) = rest.split_once(&self.text[self.tags[tag].span.clone()]) {
                pieces.push((before.to_owned(), Some(tag)));
                rest = after;
            }
        }
        if pieces.is_empty() {
            return None;
        }
        pieces.push((rest.to_owned(), None));
        Some(pieces)
    }

    /// A text as it was written, where no shortcode is meant.
    fn restore(&mut self, text: CowStr<'a>, range: &Range<usize>) -> CowStr<'a> {
        let Some(pieces) = self.pieces(&text, range) else { return text };
        let mut restored = String::with_capacity(text.len());
        for (plain, tag) in pieces {
            restored.push_str(&plain);
            if let Some(tag) = tag {
                self.is_met[tag] = true;
                restored.push_str(&self.source[self.tags[tag].span.clone()]);
            }
        }
        restored.into()
    }

    /// Puts what a tag stands for into a sentence, or begins or ends a body there.
    fn place(&mut self, tag: usize) {
        self.is_met[tag] = true;
        let tags = self.tags;
        match &tags[tag].kind {
            TagKind::Call(call) if call.name.value == "form" => self.report(Fault::new(
                "a form stands inside other text",
                tags[tag].span.clone(),
                "put it in a paragraph of its own, or write it as code between backticks",
            )),
            TagKind::Call(call) => {
                let html = self.expand(call, None);
                self.events.push(Event::InlineHtml(html.into()));
            }
            TagKind::Open(call) => {
                if self.is_callable(call) {
                    self.bodies.push(OpenBody { tag, depth: self.depth });
                    self.events.push(Event::InlineHtml(format!("{}{tag}{}", BODY.0, BODY.1).into()));
                }
            }
            TagKind::Close(opening) => match self.bodies.pop_if(|body| body.tag == *opening) {
                Some(body) if body.depth == self.depth => {
                    self.events.push(Event::InlineHtml(format!("{}/{}", BODY.0, BODY.1).into()));
                }
                Some(body) => self.refuse_torn_body(body.tag),
                // Why it did not begin is said already.
                None => {}
            },
        }
    }

    /// Puts what a shortcode stands for in the place of its paragraph.
    fn place_alone(&mut self, tag: usize) {
        self.is_met[tag] = true;
        let tags = self.tags;
        let TagKind::Call(call) = &tags[tag].kind else { return };
        if call.name.value == "form" {
            return self.place_form(call);
        }
        let html = self.expand(call, None);
        self.events.push(Event::Html((html + "\n").into()));
    }

    /// Whether the theme has the shortcode, with these parameters; reports why not.
    fn is_callable(&mut self, call: &Call) -> bool {
        let Some(declared) = self.theme.shortcode(&call.name.value) else {
            self.report_unknown(&call.name);
            return false;
        };
        let faults = shortcode::check(call, declared);
        let is_callable = faults.is_empty();
        faults.into_iter().for_each(|fault| self.report(fault));
        is_callable
    }

    fn report_unknown(&mut self, name: &Located<String>) {
        let known: Vec<&str> = self.theme.shortcodes().chain(["form"]).collect();
        let help = match near_match(&name.value, known.iter().copied()) {
            Some("form") if name.value == "form" => "a form has no body: write `{{ form(id=\"…\") }}`".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", in_backticks(&known)),
        };
        let fault = Fault::new(format!("there is no shortcode `{}`", name.value), name.span.clone(), help);
        self.report(fault);
    }

    /// What a shortcode stands for.
    fn expand(&mut self, call: &Call, body: Option<&str>) -> String {
        // A call with a body was checked where the body began.
        if body.is_none() && !self.is_callable(call) {
            return String::new();
        }
        match self.theme.expand(self.site, self.id, call, body) {
            Ok(html) => {
                self.ids.extend(Ids::of(&html).iter().map(str::to_owned));
                markup::complete(self.site, self.id, &html).unwrap_or(html)
            }
            Err(diagnostic) => {
                let before = &self.file.as_bytes()[..self.base + call.name.span.start];
                let line = memchr::memchr_iter(b'\n', before).count() + 1;
                let note = format!("while the shortcode `{}` at {}:{line} was rendered", call.name.value, self.path);
                self.diagnostics.push(diagnostic.note(note));
                String::new()
            }
        }
    }

    /// Puts each body that stands between its marks in finished HTML into what its shortcode makes of it.
    fn wrap_bodies(&mut self, html: &str) -> String {
        let tags = self.tags;
        let mut outer: Vec<(&Call, String)> = Vec::new();
        let mut current = String::with_capacity(html.len());
        let mut rest = html;
        while let Some((before, after)) = rest.split_once(BODY.0) {
            current.push_str(before);
            let Some((mark, after)) = after.split_once(BODY.1) else { break };
            rest = after;
            if mark == "/" {
                if let Some((call, around)) = outer.pop() {
                    let body = std::mem::replace(&mut current, around);
                    current.push_str(&self.expand(call, Some(body.trim())));
                }
            } else if let Some(TagKind::Open(call)) =
                mark.parse().ok().and_then(|tag: usize| Some(&tags.get(tag)?.kind))
            {
                outer.push((call, std::mem::take(&mut current)));
            }
        }
        current.push_str(rest);
        // Bodies without an end are mistakes, which are reported.
        outer.into_iter().rev().fold(current, |inner, (_, around)| around + &inner)
    }

    fn refuse_torn_body(&mut self, tag: usize) {
        self.report(Fault::new(
            "the shortcode's body ends in another paragraph, list or quote than it begins in",
            self.tags[tag].span.clone(),
            "put `{% end %}` where the shortcode begins: both in one paragraph, or both on lines of their own",
        ));
    }

    /// What is left of a shortcode in a picture's description or a reference would be published as a mask.
    fn refuse_lost_shortcodes(&mut self) {
        let tags = self.tags;
        for (tag, _) in tags.iter().zip(self.is_met.clone()).filter(|(_, is_met)| !is_met) {
            self.report(Fault::new(
                "a shortcode stands where it cannot be expanded",
                tag.span.clone(),
                "put it into the text, or write it as code between backticks",
            ));
        }
    }

    /// Gives each heading its anchor: the author's, else one made from its text that nothing else on the page has.
    fn name_headings(&mut self) {
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
                    *id = Some(anchor.clone().into());
                    anchor
                }
            };
            let level = *level as u8;
            self.rendered.headings.push(Heading { id: anchor, title: heading.title.trim().to_owned(), level });
        }
        self.ids = taken;
    }

    /// Gives each paragraph of a statement an anchor, so that a sentence can be pointed at: `retention-2`.
    fn name_paragraphs(&mut self) {
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

    fn resolve(&mut self, link_type: LinkType, destination: CowStr<'a>, range: &Range<usize>) -> CowStr<'a> {
        if matches!(link_type, LinkType::Autolink | LinkType::Email) {
            return destination;
        }
        // An inline link shows its destination; a reference stands for it.
        let span = self.in_file(&destination_in(self.text, range, &destination));
        let from = self.site.pages[self.id].content_path();
        match link::resolve(self.site, from, Some(self.id), &destination, false) {
            Ok(link) => {
                if let Some((page, anchor)) = link.anchor {
                    self.rendered.anchors.push(&AnchorLink { span, page, anchor: &anchor });
                }
                link.href.map_or(destination, CowStr::from)
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

    fn place_form(&mut self, call: &Call) {
        for (key, _) in call.arguments.iter().filter(|(key, _)| key.value != "id") {
            self.report(shortcode::unknown_parameter("form", key, &["id"]));
        }
        let id = call.arguments.iter().find(|(key, _)| key.value == "id").map(|(_, id)| (&id.value, &id.span));
        let Some((Argument::Text(id), span)) = id else {
            self.report(Fault {
                help: "write `{{ form(id=\"register\") }}` for `content/forms/register.yaml`".to_owned(),
                ..shortcode::missing_parameter(call, "id")
            });
            return;
        };
        let span = self.in_file(span);
        let forms = self.forms;
        if let Some(markup) = forms.get(id) {
            self.ids.extend(Ids::of(markup).iter().map(str::to_owned));
            self.events.push(Event::Html(markup.as_str().into()));
            self.rendered.forms.push(Located { value: id.clone(), span });
        } else if !self.site.is_unusable(&format!("forms/{id}.yaml")) {
            let mut known: Vec<&str> = forms.keys().map(String::as_str).collect();
            known.sort_unstable();
            let mut diagnostic = Diagnostic::error(self.path, span, format!("there is no form `{id}`"))
                .label(format!("no file content/forms/{id}.yaml"));
            if let Some(near) = near_match(id, known.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            } else if !known.is_empty() {
                diagnostic = diagnostic.help(format!("known are {}", in_backticks(&known)));
            }
            self.diagnostics.push(diagnostic);
        }
    }

    /// Notes the ids in HTML the author wrote. A form written by hand would ask for things behind the statement's back.
    fn look_at_tags(&mut self, html: &str, range: &Range<usize>) {
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
