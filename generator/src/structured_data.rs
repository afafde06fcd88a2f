//! What a page says to search engines about itself, as JSON-LD in the words of schema.org.
//!
//! Only what the site knows is said, and nothing where a page's title says it all.

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

/// The facts of a page, fit to stand in a `<script type="application/ld+json">`; none where there are none to tell.
#[must_use]
pub fn of_page(site: &Site, id: PageId) -> Option<String> {
    let page = &site.pages[id];
    let is_dated = page.front.date.is_some();
    // A page right below the home page has no trail worth telling.
    let trail = site.ancestors(id);
    if matches!(page.kind, PageKind::NotFound | PageKind::Statement(_)) || (!is_dated && trail.len() < 2) {
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
    let document = Document { context: "https://schema.org", graph };
    let json = serde_json::to_string(&document).expect("invariant: text and numbers are JSON");
    // A script ends at `</script`, whatever its text means (HTML Standard, section 4.12.1.3).
    Some(json.replace('<', "\\u003c"))
}

fn list_item<'a>(site: &Site, position: usize, page: &'a SitePage) -> Thing<'a> {
    Thing::ListItem { position, name: &page.front.title, item: permalink(site, page) }
}

fn permalink(site: &Site, page: &SitePage) -> String {
    address::permalink(&site.config.base_url, &page.address)
}
