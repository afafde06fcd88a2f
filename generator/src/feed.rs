//! Feeds: Atom (RFC 4287) and JSON Feed 1.1, of the whole site, of sections that ask for one and of terms.
//!
//! Nothing in them comes from a clock: a feed is as new as its newest entry.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use pulldown_cmark_escape::escape_html;
use rayon::prelude::*;
use serde::Serialize;
use statement::diagnostic::{Diagnostic, Diagnostics};

use crate::Failure;
use crate::address;
use crate::markdown;
use crate::moment::Moment;
use crate::scan;
use crate::site::{PageId, PageKind, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::summary;
use crate::template::Theme;

/// The name of an Atom feed.
pub const ATOM: &str = "atom.xml";
/// The name of a JSON feed.
pub const JSON: &str = "feed.json";

/// A feed, in both formats.
#[derive(Debug)]
pub struct Feed {
    /// The page whose news it tells; none for the whole site.
    pub page: Option<PageId>,
    /// The site path both formats stand at.
    pub folder: String,
    /// The pages in it, the newest first; each has a date.
    pub entries: Vec<PageId>,
}

/// The feeds of the site, of every section that asks for one, and of terms: which pages are in them.
pub fn gather(site: &Site, diagnostics: &mut Diagnostics) -> Vec<Feed> {
    let limit = site.config.feed.limit;
    let is_news = |id: &PageId| {
        let page = &site.pages[*id];
        page.kind == PageKind::Page && page.front.date.is_some() && !page.noindex
    };
    let mut news: Vec<PageId> = (0..site.pages.len()).filter(is_news).collect();
    news.sort_by_key(|id| (Reverse(&site.pages[*id].front.date), *id));

    let mut of_pages: BTreeMap<PageId, Vec<PageId>> = BTreeMap::new();
    for (id, page) in site.pages.iter().enumerate() {
        match page.kind {
            PageKind::Section if page.front.listing.feed.is_some() => {
                of_pages.insert(id, Vec::new());
            }
            PageKind::Term(taxonomy, term) if site.taxonomies[taxonomy].config.feed => {
                let filed = &site.taxonomies[taxonomy].terms[term].pages;
                of_pages.insert(id, filed.iter().copied().filter(is_news).take(limit).collect());
            }
            _ => {}
        }
    }
    for id in &news {
        for section in site.ancestors(*id) {
            if let Some(entries) = of_pages.get_mut(&section).filter(|entries| entries.len() < limit) {
                entries.push(*id);
            }
        }
    }
    news.truncate(limit);
    let of_pages = of_pages.into_iter().map(|(id, entries)| {
        let page = &site.pages[id];
        if entries.is_empty()
            && let Some(span) = &page.front.listing.feed
        {
            diagnostics.push(
                Diagnostic::warning(&page.path, span.clone(), "the feed has nothing to tell")
                    .help("give the pages of the section a `date`, or remove the line"),
            );
        }
        Feed { page: Some(id), folder: page.address.clone(), entries }
    });
    let whole = Feed { page: None, folder: "/".to_owned(), entries: news };
    of_pages.chain([whole]).filter(|feed| !feed.entries.is_empty()).collect()
}

impl Feed {
    /// The site paths of both formats.
    #[must_use]
    pub fn addresses(&self) -> [String; 2] {
        [ATOM, JSON].map(|file| address::beside(&self.folder, file))
    }
}

/// Hands both formats of each feed to `write`, by their site paths. What [`content`] made of a page is taken from
/// `known`, if it is there.
///
/// # Errors
/// Those of `write`.
pub fn render<'a>(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    feeds: &[&Feed],
    known: &(dyn Fn(PageId) -> Option<&'a str> + Sync),
    write: impl Fn(&str, String) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    // What is said of a page that is in several feeds is made once.
    let mut counts: BTreeMap<PageId, usize> = BTreeMap::new();
    feeds.iter().flat_map(|feed| &feed.entries).for_each(|id| *counts.entry(*id).or_default() += 1);
    let entry = |id: PageId| Entry::new(site, tree, theme, id, known(id));
    let shared: HashMap<PageId, Entry> =
        counts.into_par_iter().filter(|(_, count)| *count > 1).map(|(id, _)| (id, entry(id))).collect();
    feeds.par_iter().try_for_each(|feed| {
        let of_page = |id: &PageId| shared.get(id).map_or_else(|| Cow::Owned(entry(*id)), Cow::Borrowed);
        let entries: Vec<Cow<'_, Entry>> = feed.entries.iter().map(of_page).collect();
        let [in_atom, in_json] = feed.addresses();
        write(&in_atom, atom(site, feed, &entries))?;
        write(&in_json, json(site, feed, &entries))
    })
}

/// What each format says about a page, as it stands in every feed.
#[derive(Clone)]
struct Entry {
    atom: String,
    json: String,
}

impl Entry {
    fn new(site: &Site, tree: &SourceTree, theme: &Theme, id: PageId, known: Option<&str>) -> Self {
        let page = &site.pages[id];
        let file = tree.text(&page.path).expect("invariant: a page's file is in the tree");
        let url = address::permalink(&site.config.base_url, &page.address);
        let published = page.front.date.as_ref().map(Moment::rfc3339).unwrap_or_default();
        let updated = page.front.updated.as_ref().map_or_else(|| published.clone(), Moment::rfc3339);
        let summary = summary::summary(site, page, file);
        let terms = page.front.filed.iter().flat_map(|filed| &filed.terms).map(|term| term.value.as_str()).collect();
        // What is wrong with the text has been said when the page was rendered.
        let render = || markdown::render(site, theme, id, file, &HashMap::new(), &mut Diagnostics::new()).html;
        // The whole text, with absolute links; none where the settings want summaries.
        let made = || known.map_or_else(|| Cow::Owned(content(site, page, &render())), Cow::Borrowed);
        let content = site.config.feed.is_full.then(made);
        // An item must have content (JSON Feed 1.1, “Items”): what describes the page, else its title.
        let content_text = if summary.is_empty() { &page.front.title } else { &summary };
        let item = Item {
            content_html: content.as_deref(),
            content_text: content.is_none().then_some(content_text),
            date_modified: &updated,
            date_published: &published,
            id: &url,
            summary: &summary,
            tags: terms,
            title: &page.front.title,
            url: &url,
        };
        Self { atom: item.to_atom(), json: serde_json::to_string(&item).expect("invariant: text is JSON") }
    }
}

/// A page, in the words of JSON Feed.
#[derive(Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<&'a str>,
    date_modified: &'a str,
    date_published: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    title: &'a str,
    url: &'a str,
}

impl Item<'_> {
    fn to_atom(&self) -> String {
        let mut xml = String::from("<entry>\n");
        element("title", self.title, &mut xml);
        link("alternate", "text/html", self.url, &mut xml);
        element("id", self.id, &mut xml);
        element("published", self.date_published, &mut xml);
        element("updated", self.date_modified, &mut xml);
        for term in &self.tags {
            xml.push_str("<category");
            attribute("term", term, &mut xml);
            xml.push_str("/>\n");
        }
        if !self.summary.is_empty() {
            element("summary", self.summary, &mut xml);
        }
        if let Some(content) = self.content_html {
            xml.push_str("<content type=\"html\">");
            escape(content, &mut xml);
            xml.push_str("</content>\n");
        }
        xml.push_str("</entry>\n");
        xml
    }
}

/// A page's text with absolute links, from its HTML without forms, whose answers belong to the page they stand on.
#[must_use]
pub fn content(site: &Site, page: &SitePage, html: &str) -> String {
    let mut absolute = String::with_capacity(html.len());
    let mut done = 0;
    scan::tags(html, |_, attributes| {
        for (_, value) in attributes.iter().filter(|(name, _)| ["href", "src", "srcset", "poster"].contains(name)) {
            let url = Some(value).filter(|value| !value.is_empty());
            // In a `srcset` there are several, each with its width behind it.
            let absolute_url = |value: &str| address::absolute(&site.config.base_url, &page.address, value);
            let urls: Option<Vec<String>> = url.and_then(|value| value.split(", ").map(absolute_url).collect());
            let Some(url) = urls.map(|urls| urls.join(", ")) else { continue };
            // The value is a piece of the HTML; its place is where it begins there.
            let at = value.as_ptr() as usize - html.as_ptr() as usize;
            absolute.push_str(&html[done..at]);
            absolute.push_str(&url);
            done = at + value.len();
        }
    });
    absolute.push_str(&html[done..]);
    absolute
}

/// What a feed says about itself: title, what it is about, the page it belongs to.
fn head<'a>(site: &'a Site, feed: &Feed) -> (String, &'a str, String) {
    let config = &site.config;
    match feed.page.map(|id| &site.pages[id]) {
        Some(page) => (
            format!("{} – {}", page.front.title, config.title),
            &page.front.description,
            address::permalink(&config.base_url, &page.address),
        ),
        None => (config.title.clone(), &config.description, address::permalink(&config.base_url, "/")),
    }
}

fn atom(site: &Site, feed: &Feed, entries: &[Cow<'_, Entry>]) -> String {
    let (title, description, page) = head(site, feed);
    let own = address::permalink(&site.config.base_url, &address::beside(&feed.folder, ATOM));
    let updated = feed.entries.iter().map(|id| newest(&site.pages[*id])).max().flatten();
    let mut xml =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"");
    attribute("xml:lang", &site.config.language, &mut xml);
    xml.push_str(">\n");
    element("title", &title, &mut xml);
    if !description.is_empty() {
        element("subtitle", description, &mut xml);
    }
    link("alternate", "text/html", &page, &mut xml);
    link("self", "application/atom+xml", &own, &mut xml);
    element("id", &page, &mut xml);
    element("updated", &updated.map(Moment::rfc3339).unwrap_or_default(), &mut xml);
    // RFC 4287, section 4.1.1: a feed has an author. What is known of one is whose site it is.
    xml.push_str("<author>");
    element("name", &site.config.title, &mut xml);
    xml.push_str("</author>\n");
    entries.iter().for_each(|entry| xml.push_str(&entry.atom));
    xml.push_str("</feed>\n");
    xml
}

fn newest(page: &SitePage) -> Option<&Moment> {
    page.front.updated.as_ref().or(page.front.date.as_ref())
}

pub(crate) fn element(name: &str, text: &str, xml: &mut String) {
    write!(xml, "<{name}>").expect("invariant: a string can be written to");
    escape(text, xml);
    writeln!(xml, "</{name}>").expect("invariant: a string can be written to");
}

pub(crate) fn attribute(name: &str, value: &str, xml: &mut String) {
    write!(xml, " {name}=\"").expect("invariant: a string can be written to");
    escape(value, xml);
    xml.push('"');
}

pub(crate) fn link(rel: &str, media_type: &str, href: &str, xml: &mut String) {
    xml.push_str("<link");
    attribute("rel", rel, xml);
    attribute("type", media_type, xml);
    attribute("href", href, xml);
    xml.push_str("/>\n");
}

/// Escapes text, without the characters XML cannot contain (XML 1.0, section 2.2).
fn escape(text: &str, xml: &mut String) {
    // Nearly every text is told by its bytes: the last two characters begin with 0xef.
    let is_suspect = |byte: u8| matches!(byte, 0..=8 | 0xb | 0xc | 0xe..=0x1f | 0xef);
    if !text.bytes().fold(false, |found, byte| found | is_suspect(byte)) {
        return escape_html(xml, text).expect("invariant: a string can be written to");
    }
    let is_char = |letter: char| !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    for part in text.split(|letter| !is_char(letter)) {
        escape_html(&mut *xml, part).expect("invariant: a string can be written to");
    }
}

fn json(site: &Site, feed: &Feed, entries: &[Cow<'_, Entry>]) -> String {
    let (title, description, page) = head(site, feed);
    let items: Vec<&str> = entries.iter().map(|entry| entry.json.as_str()).collect();
    let own = address::permalink(&site.config.base_url, &address::beside(&feed.folder, JSON));
    let text = |text: &str| serde_json::to_string(text).expect("invariant: text is JSON");
    let members = [
        (!description.is_empty()).then(|| ("description", text(description))),
        Some(("feed_url", text(&own))),
        Some(("home_page_url", text(&page))),
        Some(("items", format!("[{}]", items.join(",")))),
        Some(("language", text(&site.config.language))),
        Some(("title", text(&title))),
        Some(("version", text("https://jsonfeed.org/version/1.1"))),
    ];
    let members: Vec<String> =
        members.into_iter().flatten().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}\n", members.join(","))
}
