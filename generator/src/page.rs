//! One markdown file with checked front matter: a page that has no address and no HTML yet.

use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::front_matter;
use statement::translation::{self, Translation};
use statement::version::{self, Statement};
use statement::yaml::{self, Fields, Located, Node, Value};

use crate::address;
use crate::moment::Moment;

/// What a markdown file turned out to be.
#[derive(Debug)]
pub enum Document {
    /// A page.
    Page(Page),
    /// A version of the privacy statement or of another document: a file whose front matter names its `document`.
    Statement(Box<Statement>),
    /// A version that is being written; none where it cannot be used yet, which has been reported.
    Draft(Option<Box<Statement>>),
    /// A translation of a version: a file whose front matter says what it is a translation `of`.
    Translation(Box<Translation>),
}

/// A page as its author wrote it.
#[derive(Debug, Clone)]
pub struct Page {
    /// The file.
    pub path: Arc<str>,
    /// Where its text stands in the file, in bytes.
    pub text: Range<usize>,
    /// The checked front matter.
    pub front: Arc<FrontMatter>,
}

/// A page's front matter.
#[derive(Debug, Default, PartialEq)]
pub struct FrontMatter {
    /// The page's title.
    pub title: String,
    /// One sentence for search engines and listings; may be empty.
    pub description: String,
    /// When it was written.
    pub date: Option<Moment>,
    /// When it was last changed in substance.
    pub updated: Option<Moment>,
    /// The first day it is left out again.
    pub expires: Option<Moment>,
    /// Published with `--drafts` only.
    pub draft: bool,
    /// Replaces the last part of the address.
    pub slug: Option<String>,
    /// Former addresses.
    pub aliases: Vec<Located<String>>,
    /// What it is filed under, taxonomy by taxonomy; `tags` is one of them.
    pub filed: Vec<Filed>,
    /// Its place among its neighbours; the smallest first.
    pub weight: Option<i64>,
    /// The template, instead of the one for its kind.
    pub template: Option<Located<String>>,
    /// Anything else, for templates.
    pub extra: Option<Node>,
    /// What an `_index.md` says about the list of its pages.
    pub listing: Listing,
}

/// The terms of one taxonomy that a page is filed under.
#[derive(Debug, PartialEq)]
pub struct Filed {
    /// The taxonomy's name.
    pub taxonomy: Located<String>,
    /// The terms, in the author's order.
    pub terms: Vec<Located<String>>,
}

/// How the pages of a section are listed.
#[derive(Debug, Default, PartialEq)]
pub struct Listing {
    /// Their order.
    pub sort_by: SortBy,
    /// How many stand on one page; 0 is all of them, none leaves it to the settings.
    pub paginate: Option<usize>,
    /// The place of `feed: true`: the section has a feed of its own.
    pub feed: Option<Range<usize>>,
}

/// What decides the order of a section's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// The smallest weight first, then the newest, then the title.
    #[default]
    Weight,
    /// The newest first, then the title.
    Date,
    /// The title.
    Title,
}

/// Reads a markdown file, its moments in `timezone`; reports everything wrong and returns none if it cannot be used.
pub fn parse(path: &Arc<str>, file: &str, timezone: &TimeZone, diagnostics: &mut Diagnostics) -> Option<Document> {
    let parts = front_matter::split(path, file, diagnostics)?;
    let root = yaml::parse(path, file, parts.yaml, diagnostics)?;
    let is_version = version::is_version(&root);
    if is_version && version::is_draft(&root) {
        let draft = Statement::parse(path, file, &root, parts.text, diagnostics);
        return Some(Document::Draft(draft.map(Box::new)));
    }
    if is_version {
        return Statement::parse(path, file, &root, parts.text, diagnostics)
            .map(|statement| Document::Statement(Box::new(statement)));
    }
    if translation::is_translation(&root) {
        return Translation::parse(path, file, &root, parts.text, diagnostics)
            .map(|translation| Document::Translation(Box::new(translation)));
    }
    let front = FrontMatter::parse(path, &root, timezone, diagnostics)?;
    Some(Document::Page(Page { path: Arc::clone(path), text: parts.text, front: Arc::new(front) }))
}

impl FrontMatter {
    fn parse(path: &Arc<str>, root: &Node, timezone: &TimeZone, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut front = Fields::new(path, "front matter", root, diagnostics)?;
        let title = front.words("title");
        let title = front.required("title", title);
        let description = front.string("description").map_or_else(String::new, |text| text.value);
        let mut moment =
            |key| front.parsed(key, |text| Moment::parse(text, timezone)).map(|moment: Located<Moment>| moment.value);
        let (date, updated, expires) = (moment("date"), moment("updated"), moment("expires"));
        let draft = front.boolean("draft").is_some_and(|draft| draft.value);
        let slug = front.parsed("slug", parse_slug).map(|slug| slug.value);
        let mut aliases = front.strings("aliases");
        for alias in &mut aliases {
            alias.value = address::nfc(&alias.value).into_owned();
        }
        let filed = parse_filed(&mut front);
        let weight = front.integer("weight").map(|weight| weight.value);
        let template = front.string("template");
        let extra = front.node("extra").cloned();
        let listing = parse_listing(path, &mut front);
        let (aliases, wrong): (Vec<_>, Vec<_>) = aliases.into_iter().partition(|alias| is_former_address(&alias.value));
        for alias in wrong {
            front.diagnostics.push(
                Diagnostic::error(path, alias.span, format!("`{}` is not an address of this site", alias.value))
                    .help("write the former address from the root, like `/old/page/`"),
            );
        }
        for alias in &aliases {
            if let Some(fault) = alias.value.split('/').find_map(address::fault_of_name) {
                let message = format!("`{}` cannot be an address: {fault}", alias.value);
                front.diagnostics.push(Diagnostic::error(path, alias.span.clone(), message));
            }
        }
        if let Some(extra) = &extra
            && !matches!(extra.value, Value::Mapping(_) | Value::Null)
        {
            front.diagnostics.push(
                Diagnostic::error(path, extra.span.clone(), "`extra` must be a mapping")
                    .label(format!("this is {}", extra.kind())),
            );
        }
        front.finish();
        Some(Self {
            title: title?.value,
            description,
            date,
            updated,
            expires,
            draft,
            slug,
            aliases,
            filed,
            weight,
            template,
            extra,
            listing,
        })
    }
}

/// Whether hosts take it for one address: `*` and `:` stand for many in their rules.
fn is_former_address(alias: &str) -> bool {
    let fit =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['?', '#', '\\', '*', ':']);
    let parts = alias.strip_prefix('/').map(|path| path.strip_suffix('/').unwrap_or(path).split('/'));
    parts.is_some_and(|mut parts| parts.all(fit))
}

/// Reads `tags`, and under `taxonomies` the terms of the others.
fn parse_filed(front: &mut Fields<'_, '_>) -> Vec<Filed> {
    let tags = front.strings("tags");
    let mut filed = vec![Filed { taxonomy: Located { value: "tags".to_owned(), span: 0..0 }, terms: tags }];
    if let Some(node) = front.node("taxonomies") {
        match &node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    let taxonomy = Located { value: entry.key.clone(), span: entry.key_span.clone() };
                    filed.push(Filed { taxonomy, terms: front.strings_in(&entry.key, &entry.node) });
                }
            }
            Value::Null => {}
            _ => front.diagnostics.push(
                Diagnostic::error(front.path(), node.span.clone(), "`taxonomies` must be a mapping")
                    .label(format!("this is {}", node.kind()))
                    .help("write `taxonomies: {topics: [one, two]}`"),
            ),
        }
    }
    filed.retain(|filed| !filed.terms.is_empty());
    for term in filed.iter_mut().flat_map(|filed| &mut filed.terms) {
        term.value = address::nfc(term.value.trim()).into_owned();
    }
    filed
}

fn parse_listing(path: &Arc<str>, front: &mut Fields<'_, '_>) -> Listing {
    let words = [("weight", SortBy::Weight), ("date", SortBy::Date), ("title", SortBy::Title)];
    let sort_by = front.one_of("sort_by", &words);
    let paginate = parse_count(front, "paginate");
    let feed = front.boolean("feed");
    let is_list = path.ends_with("/_index.md");
    if !is_list {
        let spans = [
            ("sort_by", sort_by.as_ref().map(|sort_by| &sort_by.span)),
            ("paginate", paginate.as_ref().map(|paginate| &paginate.span)),
            ("feed", feed.as_ref().map(|feed| &feed.span)),
        ];
        for (key, span) in spans {
            let Some(span) = span else { continue };
            front.diagnostics.push(
                Diagnostic::error(
                    path,
                    span.clone(),
                    format!("`{key}` is for a list of pages, which this page has not"),
                )
                .help("write it in the `_index.md` of a folder"),
            );
        }
    }
    Listing {
        sort_by: sort_by.map(|sort_by| sort_by.value).unwrap_or_default(),
        paginate: paginate.map(|paginate| paginate.value),
        feed: feed.filter(|feed| feed.value && is_list).map(|feed| feed.span),
    }
}

/// A whole number that is not negative.
pub(crate) fn parse_count(fields: &mut Fields<'_, '_>, key: &'static str) -> Option<Located<usize>> {
    let number = fields.integer(key)?;
    match usize::try_from(number.value) {
        Ok(value) => Some(Located { value, span: number.span }),
        Err(_) => {
            let message = format!("`{key}` must not be negative");
            fields.diagnostics.push(Diagnostic::error(fields.path(), number.span, message));
            None
        }
    }
}

fn parse_slug(slug: &str) -> Result<String, String> {
    if slug.is_empty() || slug.starts_with('.') || !address::is_plain(slug) {
        return Err(format!(
            "`{slug}` cannot be part of an address: use letters, digits, `-`, `_`, `.` and `~`, and no `.` at the start"
        ));
    }
    if slug.eq_ignore_ascii_case("index.html") {
        return Err("`index.html` is what hosts serve for a folder; leave the slug out".to_owned());
    }
    match address::fault_of_name(slug) {
        Some(fault) => Err(format!("`{slug}` cannot be part of an address: {fault}")),
        None => Ok(address::nfc(slug).into_owned()),
    }
}
