//! What a page says to search engines about itself, as JSON-LD in the words of schema.org.
//!
//! Only what the site knows is said, and nothing where a page's title says it all.

use jiff::Timestamp;
use serde::Serialize;

use crate::address;
use crate::moment::Moment;
use crate::site::{PageId, PageKind, Site, SitePage};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@graph")]
    graph: Vec<Thing<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "@type")]
enum Thing<'a> {
    Article(Facts<'a>),
    WebPage(Facts<'a>),
    #[serde(rename = "WebPage")]
    Statement(Version<'a>),
    Organization {
        name: &'a str,
    },
    WebSite {
        name: &'a str,
        url: String,
    },
    BreadcrumbList {
        #[serde(rename = "itemListElement")]
        items: Vec<Thing<'a>>,
    },
    ListItem {
        position: usize,
        name: &'a str,
        item: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    url: String,
    in_language: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_published: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_modified: Option<String>,
    is_part_of: Box<Thing<'a>>,
}

/// A version of the statement. The words of schema.org have no type for it, so its kind is named by Wikidata's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version<'a> {
    additional_type: &'static str,
    name: &'a str,
    version: &'a str,
    url: String,
    in_language: &'a str,
    date_published: String,
    /// ISO 8601, section 4.4: from when to when; `..` is an open end.
    temporal_coverage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<Box<Thing<'a>>>,
}

/// The facts of a version's page; none for a draft, which nobody has published.
fn of_version(site: &Site, file: usize) -> Option<String> {
    let statement = &site.statements[file];
    let publication = site.publications.iter().find(|publication| publication.statements.contains(&file))?;
    let version = &publication.document.history.versions[publication.version_of(file)?];
    let day = |at: Timestamp| at.to_zoned_datetime(site.config.timezone.clone()).date().to_string();
    let until = version.until().map_or_else(|| "..".to_owned(), day);
    let publisher = statement.promises.controller.as_ref();
    let thing = Thing::Statement(Version {
        additional_type: "http://www.wikidata.org/entity/Q1999831",
        name: &statement.title,
        version: &statement.version,
        url: address::permalink(&site.config.base_url, &publication.address_of(&version.version)),
        in_language: &statement.language,
        date_published: day(version.posted),
        temporal_coverage: format!("{}/{until}", day(version.effective)),
        publisher: publisher.map(|controller| Box::new(Thing::Organization { name: &controller.name })),
    });
    Some(json(vec![thing]))
}

/// The facts of a page, fit to stand in a `<script type="application/ld+json">`; none where there are none to tell.
#[must_use]
pub fn of_page(site: &Site, id: PageId) -> Option<String> {
    let page = &site.pages[id];
    if let PageKind::Statement(file) = page.kind {
        return of_version(site, file);
    }
    let is_dated = page.front.date.is_some();
    // A page right below the home page has no trail worth telling.
    let trail = site.ancestors(id);
    if matches!(page.kind, PageKind::NotFound | PageKind::Companion(..)) || (!is_dated && trail.len() < 2) {
        return None;
    }
    let title = Some(page.front.title.as_str());
    let facts = Facts {
        headline: title.filter(|_| is_dated),
        name: title.filter(|_| !is_dated),
        description: &page.front.description,
        url: permalink(site, page),
        in_language: &site.config.language,
        date_published: page.front.date.as_ref().map(Moment::iso),
        date_modified: page.front.updated.as_ref().map(Moment::iso),
        is_part_of: Box::new(Thing::WebSite {
            name: &site.config.title,
            url: address::permalink(&site.config.base_url, "/"),
        }),
    };
    let mut graph = vec![if is_dated { Thing::Article(facts) } else { Thing::WebPage(facts) }];
    if trail.len() > 1 {
        let pages = trail.iter().chain([&id]).map(|id| &site.pages[*id]);
        let item = |(position, page): (usize, _)| list_item(site, position, page);
        graph.push(Thing::BreadcrumbList { items: (1..).zip(pages).map(item).collect() });
    }
    Some(json(graph))
}

fn json(graph: Vec<Thing<'_>>) -> String {
    let document = Document { context: "https://schema.org", graph };
    let json = serde_json::to_string(&document).expect("invariant: text and numbers are JSON");
    // A script ends at `</script`, whatever its text means (HTML Standard, section 4.12.1.3).
    json.replace('<', "\\u003c")
}

fn list_item<'a>(site: &Site, position: usize, page: &'a SitePage) -> Thing<'a> {
    Thing::ListItem { position, name: &page.front.title, item: permalink(site, page) }
}

fn permalink(site: &Site, page: &SitePage) -> String {
    address::permalink(&site.config.base_url, &page.address)
}
