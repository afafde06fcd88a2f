//! One markdown file with checked front matter: a page that has no address and no HTML yet.

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::front_matter;
use statement::version::{Statement, parse_date};
use statement::yaml::{self, Fields, Located, Node, Value};

use crate::address;

/// What a markdown file turned out to be.
#[derive(Debug)]
pub enum Document {
    /// A page.
    Page(Page),
    /// A version of the privacy statement: a file whose front matter names its `schema`.
    Statement(Statement),
}

/// A page as its author wrote it.
#[derive(Debug)]
pub struct Page {
    /// The file.
    pub path: Arc<str>,
    /// Where its text stands in the file, in bytes.
    pub text: Range<usize>,
    /// The checked front matter.
    pub front: FrontMatter,
}

/// A page's front matter.
#[derive(Debug, Default)]
pub struct FrontMatter {
    /// The page's title.
    pub title: String,
    /// One sentence for search engines and listings; may be empty.
    pub description: String,
    /// When it was written.
    pub date: Option<Date>,
    /// When it was last changed in substance.
    pub updated: Option<Date>,
    /// Published with `--drafts` only.
    pub draft: bool,
    /// Replaces the last part of the address.
    pub slug: Option<String>,
    /// Former addresses.
    pub aliases: Vec<Located<String>>,
    /// What it is about.
    pub tags: Vec<String>,
    /// Its place among its neighbours; the smallest first.
    pub weight: Option<i64>,
    /// The template, instead of the one for its kind.
    pub template: Option<Located<String>>,
    /// Anything else, for templates.
    pub extra: Option<Node>,
}

/// Reads a markdown file; reports everything wrong and returns none if it cannot be used.
pub fn parse(path: &Arc<str>, file: &str, diagnostics: &mut Diagnostics) -> Option<Document> {
    let parts = front_matter::split(path, file, diagnostics)?;
    let root = yaml::parse(path, file, parts.yaml, diagnostics)?;
    let has_schema =
        matches!(&root.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "schema"));
    if has_schema {
        return Statement::parse(path, file, &root, parts.text, diagnostics).map(Document::Statement);
    }
    let front = FrontMatter::parse(path, &root, diagnostics)?;
    Some(Document::Page(Page { path: Arc::clone(path), text: parts.text, front }))
}

impl FrontMatter {
    fn parse(path: &Arc<str>, root: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut front = Fields::new(path, "front matter", root, diagnostics)?;
        let title = front.words("title");
        let title = front.required("title", title);
        let description = front.string("description").map_or_else(String::new, |text| text.value);
        let date = front.parsed("date", parse_date).map(|date| date.value);
        let updated = front.parsed("updated", parse_date).map(|date| date.value);
        let draft = front.boolean("draft").is_some_and(|draft| draft.value);
        let slug = front.parsed("slug", parse_slug).map(|slug| slug.value);
        let aliases = front.strings("aliases");
        let tags = front.strings("tags").into_iter().map(|tag| tag.value).collect();
        let weight = front.integer("weight").map(|weight| weight.value);
        let template = front.string("template");
        let extra = front.node("extra").cloned();
        let (aliases, wrong): (Vec<_>, Vec<_>) = aliases.into_iter().partition(|alias| is_former_address(&alias.value));
        for alias in wrong {
            front.diagnostics.push(
                Diagnostic::error(path, alias.span, format!("`{}` is not an address of this site", alias.value))
                    .help("write the former address from the root, like `/old/page/`"),
            );
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
            draft,
            slug,
            aliases,
            tags,
            weight,
            template,
            extra,
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

fn parse_slug(slug: &str) -> Result<String, String> {
    if slug.is_empty() || slug.starts_with('.') || !address::is_plain(slug) {
        return Err(format!(
            "`{slug}` cannot be part of an address: use letters, digits, `-`, `_`, `.` and `~`, and no `.` at the start"
        ));
    }
    if slug.eq_ignore_ascii_case("index.html") {
        return Err("`index.html` is what hosts serve for a folder; leave the slug out".to_owned());
    }
    Ok(slug.to_owned())
}
