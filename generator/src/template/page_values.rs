//! The values of a page: what its own template sees, and the part of it that other pages show.

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;
use jiff::civil::Date;
use statement::yaml;
use tera::value::Key;
use tera::{Map, Value};

use super::site_values::feed_value;
use super::{Beside, Theme, map};
use crate::address;
use crate::cards;
use crate::markdown::{Heading, Rendered};
use crate::moment::Moment;
use crate::search::{self, Script};
use crate::site::{PageId, PageKind, Part, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::statement_values;
use crate::structured_data;
use crate::summary;
use crate::taxonomy::{self, Filing};

/// The values of moments: many pages have the same.
pub(super) type Dates<'a> = BTreeMap<&'a Moment, Value>;

pub(super) fn dates<'a>(pages: impl IntoIterator<Item = &'a SitePage>) -> Dates<'a> {
    let mut dates = Dates::default();
    for date in pages.into_iter().filter_map(|page| page.front.date.as_ref()) {
        dates.entry(date).or_insert_with(|| moment_value(date));
    }
    dates
}

/// What other pages show of a page; shared by all of them, and by the page itself.
pub(super) fn summary_value(
    site: &Site,
    page: &SitePage,
    tree: &SourceTree,
    wants_summary: bool,
    dates: &Dates<'_>,
) -> Value {
    let description = Value::from(page.front.description.as_str());
    let text = tree.text(&page.path).filter(|_| wants_summary);
    let summary = text.map_or_else(String::new, |text| summary::summary(site, page, text));
    // It is the description more often than not.
    let summary = if summary == page.front.description { description.clone() } else { summary.into() };
    map! {
        title: page.front.title.as_str(),
        url: address::href(&page.address),
        description: description,
        summary: summary,
        date: page.front.date.as_ref().map(|date| dates[date].clone()),
    }
}

impl Theme {
    /// Of what other pages show of a page, the value of a key.
    pub(super) fn own(&self, id: PageId, key: &'static str) -> Value {
        let summary = self.summaries[id].as_map().and_then(|summary| summary.get(&Key::Str(key)));
        summary.cloned().expect("invariant: a summary has all its keys")
    }

    /// Of each page with pages below it, the summaries of those above it and its own.
    pub(super) fn trails(&self, site: &Site) -> AHashMap<PageId, Value> {
        let parents: BTreeSet<PageId> = site.pages.iter().filter_map(|page| page.parent).collect();
        let trail = |id: PageId| self.values_of(site.ancestors(id).iter().chain([&id]));
        parents.into_iter().map(|id| (id, trail(id).into())).collect()
    }

    pub(super) fn page_value(
        &self,
        site: &Site,
        id: PageId,
        template: &str,
        rendered: &Rendered,
        beside: Beside<'_>,
    ) -> Value {
        let page = &site.pages[id];
        let own = |key: &'static str| self.own(id, key);
        let summary = |id: PageId| self.summaries[id].clone();
        // A taxonomy lists its terms, which are no pages of an author.
        let (children, terms) = match page.kind {
            PageKind::Taxonomy(taxonomy) => (Vec::new(), self.taxonomies[taxonomy].terms.clone()),
            _ => (self.values_of(&page.children), Vec::new()),
        };
        let subsections: Vec<Value> = page
            .children
            .iter()
            .filter(|child| site.pages[**child].kind == PageKind::Section)
            .map(|child| summary(*child))
            .collect();
        let tags: Vec<Value> = page
            .front
            .filed
            .iter()
            .filter(|filed| filed.taxonomy.value == "tags")
            .flat_map(|filed| &filed.terms)
            .map(|tag| Value::from(tag.value.as_str()))
            .collect();
        let extra = page.front.extra.as_ref().map(yaml::Node::to_json).filter(|extra| !extra.is_null());
        let extra = extra.map_or_else(|| Map::new().into(), |extra| Value::from_serializable(&extra));
        map! {
            kind: kind(page),
            title: own("title"),
            description: own("description"),
            url: own("url"),
            permalink: address::permalink(&site.config.base_url, &page.address),
            language: statement_values::language(site, page),
            date: own("date"),
            updated: page.front.updated.as_ref().map(moment_value),
            tags: tags,
            taxonomies: self.filed_values(&page.filings),
            terms: terms,
            section: page.parent.map(summary),
            ancestors: page.parent.map_or_else(|| Vec::<Value>::new().into(), |parent| self.trails[&parent].clone()),
            subsections: subsections,
            previous: page.previous.map(summary),
            next: page.next.map(summary),
            related: self.values_of(&taxonomy::related(&site.taxonomies, &site.pages, id)),
            feed: page.has_feed.then(|| feed_value(&site.pages[page.part.map_or(id, |part| part.first)].address)),
            structured_data: structured_data::of_page(site, id).map(|json| Value::safe_string(&json)),
            extra: extra,
            content: Value::safe_string(&rendered.html),
            toc: rendered.headings.iter().filter(|_| self.want_toc.contains(self.files.own_name(template))).map(heading_value).collect::<Vec<Value>>(),
            outline: if self.want_outline.contains(self.files.own_name(template)) { outline(&rendered.headings) } else { Vec::new() },
            summary: own("summary"),
            pages: children,
            problem: beside.problem.map(Value::safe_string),
            card: beside.card.map(|card| card_value(site, page, card)),
            noindex: page.noindex,
        }
    }

    /// The page on which the site is searched.
    pub(super) fn search_value(&self, site: &Site, script: Script) -> Value {
        let sections = search::listed(site).into_iter().map(|(section, pages)| {
            map! {
                section: section.map(|section| self.summaries[section].clone()),
                pages: self.values_of(&pages),
            }
        });
        map! {
            index: search::INDEX,
            script: address::href(script.address),
            integrity: script.integrity,
            sections: sections.collect::<Vec<Value>>(),
        }
    }

    /// What other pages show of these pages.
    fn values_of<'a>(&self, ids: impl IntoIterator<Item = &'a PageId>) -> Vec<Value> {
        ids.into_iter().map(|id| self.summaries[*id].clone()).collect()
    }

    /// Of the taxonomies a page is filed in, the terms it is filed under.
    fn filed_values(&self, filings: &[Filing]) -> Vec<Value> {
        filings
            .chunk_by(|one, other| one.taxonomy == other.taxonomy)
            .map(|filings| {
                let taxonomy = &self.taxonomies[filings[0].taxonomy];
                let terms: Vec<Value> = filings.iter().map(|filing| taxonomy.terms[filing.term].clone()).collect();
                map! {
                    name: taxonomy.name.clone(),
                    title: taxonomy.title.clone(),
                    url: taxonomy.url.clone(),
                    terms: terms,
                }
            })
            .collect()
    }
}

/// The word for what kind of page it is.
pub(super) fn kind(page: &SitePage) -> &'static str {
    match page.kind {
        PageKind::Home => "home",
        PageKind::Page => "page",
        PageKind::Section => "section",
        PageKind::Statement(_) => "statement",
        PageKind::Companion(_, companion) => companion.template().trim_end_matches(".html"),
        PageKind::NotFound => "not-found",
        PageKind::Taxonomy(_) => "taxonomy",
        PageKind::Term(..) => "term",
        PageKind::Search => "search",
    }
}

fn card_value(site: &Site, page: &SitePage, address: &str) -> Value {
    let (width, height) = cards::SIZE;
    map! {
        url: address::permalink(&site.config.base_url, address),
        width: width,
        height: height,
        alt: page.front.title.as_str(),
    }
}

pub(super) fn paginator_value(site: &Site, part: Part) -> Value {
    let url = |number: usize| part.other(number).map(|id| address::href(&site.pages[id].address));
    map! {
        number: part.number,
        count: part.count,
        listed: part.listed,
        first: url(1),
        previous: url(part.number - 1),
        next: url(part.number + 1),
        last: url(part.count),
    }
}

fn heading_value(heading: &Heading) -> Value {
    map! { id: heading.id.as_str(), title: heading.title.as_str(), level: u64::from(heading.level) }
}

/// Each heading with those under it.
fn outline(headings: &[Heading]) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut rest = headings;
    while let [heading, after @ ..] = rest {
        let end = after.iter().position(|other| other.level <= heading.level).unwrap_or(after.len());
        let (inside, next) = after.split_at(end);
        entries.push(map! {
            id: heading.id.as_str(),
            title: heading.title.as_str(),
            level: u64::from(heading.level),
            children: outline(inside),
        });
        rest = next;
    }
    entries
}

fn moment_value(moment: &Moment) -> Value {
    map! { iso: moment.iso(), words: date_words(moment.date()) }
}

/// `September 26, 2018`.
pub(crate) fn date_words(date: Date) -> String {
    date.strftime("%B %-d, %Y").to_string()
}
