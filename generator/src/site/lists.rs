//! Sections, terms, feeds and whatever else lists pages: what is in each, in which order, and on how many pages.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use statement::diagnostic::Diagnostics;

use super::{Occupant, PageId, PageKind, Part, Site, SitePage};
use crate::address;
use crate::feed;
use crate::page::{FrontMatter, SortBy};
use crate::search;
use crate::site_config;
use crate::source_tree::SourceTree;
use crate::taxonomy;

impl Site {
    /// A page belongs to the nearest folder above it that has an `_index.md`.
    pub(super) fn order_sections(&mut self) {
        for id in 0..self.pages.len() {
            if !matches!(self.pages[id].kind, PageKind::Page | PageKind::Section) {
                continue;
            }
            let path = self.pages[id].content_path();
            let own_folder = path.strip_suffix("/_index.md").or_else(|| path.strip_suffix("/index.md")).unwrap_or(path);
            let parent = own_folder
                .match_indices('/')
                .rev()
                .find_map(|(at, _)| self.page_of(&format!("{}/_index.md", &own_folder[..at])))
                .or_else(|| self.home());
            let Some(parent) = parent.filter(|parent| *parent != id) else { continue };
            self.pages[id].parent = Some(parent);
            if !self.pages[id].noindex {
                self.pages[parent].children.push(id);
            }
        }
        for id in 0..self.pages.len() {
            let mut children = std::mem::take(&mut self.pages[id].children);
            let sort_by = self.pages[id].front.listing.sort_by;
            // The path decides ties, so that the order is always the same.
            children.sort_by_cached_key(|id| {
                let page = &self.pages[*id];
                let weight = if sort_by == SortBy::Weight { page.front.weight.unwrap_or(i64::MAX) } else { 0 };
                let date = page.front.date.as_ref().filter(|_| sort_by != SortBy::Title);
                (weight, Reverse(date), page.front.title.to_lowercase(), &page.path)
            });
            if self.pages[id].kind == PageKind::Section {
                let pages: Vec<PageId> =
                    children.iter().copied().filter(|child| self.pages[*child].kind == PageKind::Page).collect();
                for pair in pages.windows(2) {
                    self.pages[pair[0]].next = Some(pair[1]);
                    self.pages[pair[1]].previous = Some(pair[0]);
                }
            }
            self.pages[id].children = children;
        }
    }

    /// Gives each taxonomy and each term a page; an `_index.md` at its address is taken for its title and text.
    pub(super) fn add_taxonomies(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        self.taxonomies = taxonomy::gather(&self.config, &self.theme, tree, &mut self.pages, diagnostics);
        let path: Arc<str> = site_config::PATH.into();
        for index in 0..self.taxonomies.len() {
            let taxonomy = &self.taxonomies[index];
            let (address, title) = (taxonomy.address.clone(), taxonomy.config.title.clone());
            let at = (path.clone(), taxonomy.config.name.span.clone());
            let top = self.add_listing(address, title, PageKind::Taxonomy(index), at, diagnostics);
            self.pages[top].parent = self.home();
            let terms: Vec<PageId> = (0..self.taxonomies[index].terms.len())
                .map(|term_index| {
                    let taxonomy = &self.taxonomies[index];
                    let term = &taxonomy.terms[term_index];
                    let (address, title) = (address::below(&taxonomy.address, &term.slug), term.name.clone());
                    let (at, pages) = ((Arc::clone(&term.first.0), term.first.1.span.clone()), term.pages.clone());
                    let id = self.add_listing(address, title, PageKind::Term(index, term_index), at, diagnostics);
                    self.pages[id].children = pages;
                    self.pages[id].parent = Some(top);
                    id
                })
                .collect();
            self.pages[top].children = terms;
        }
    }

    /// Adds a page that only lists others; `at` is the place that is to blame for its address.
    fn add_listing(
        &mut self,
        address: String,
        title: String,
        kind: PageKind,
        at: (Arc<str>, Range<usize>),
        diagnostics: &mut Diagnostics,
    ) -> PageId {
        if let Some(Occupant::Page(id)) = self.by_address.get(&address).copied()
            && self.pages[id].kind == PageKind::Section
        {
            self.pages[id].kind = kind;
            // It is found through its taxonomy, like the pages that are made for terms.
            if let Some(parent) = self.pages[id].parent.take() {
                self.pages[parent].children.retain(|child| *child != id);
            }
            return id;
        }
        let id = self.pages.len();
        let front = Arc::new(FrontMatter { title, ..FrontMatter::default() });
        self.occupy(&address, Occupant::Page(id), &at.0, at.1, diagnostics);
        self.pages.push(SitePage::new(site_config::PATH.into(), 0..0, front, kind, address));
        id
    }

    /// Keeps a place for each feed, and tells the page it belongs to.
    pub(super) fn add_feeds(&mut self, diagnostics: &mut Diagnostics) {
        let feeds = feed::gather(self, diagnostics);
        for feed in &feeds {
            let path = feed.page.map_or_else(|| site_config::PATH.into(), |id| Arc::clone(&self.pages[id].path));
            for file in [feed::ATOM, feed::JSON] {
                let address = address::beside(&feed.folder, file);
                self.occupy(&address, Occupant::Reserved("a feed stands there"), &path, 0..0, diagnostics);
            }
            if let Some(id) = feed.page {
                self.pages[id].has_feed = true;
            }
            for id in feed.entries.iter().filter(|_| self.config.feed.is_full) {
                self.pages[*id].is_in_feed = true;
            }
        }
        self.feeds = feeds;
    }

    /// Spreads each long list over pages of their own. The text stands on the first one only.
    pub(super) fn spread_lists(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.pages.len() {
            let page = &self.pages[id];
            let own = page.front.listing.paginate;
            let size = match page.kind {
                PageKind::Section => own.unwrap_or(self.config.paginate),
                PageKind::Term(taxonomy, _) => {
                    own.or(self.taxonomies[taxonomy].config.paginate).unwrap_or(self.config.paginate)
                }
                PageKind::Home => own.unwrap_or(0),
                _ => 0,
            };
            if size == 0 {
                continue;
            }
            let listed = self.pages[id].children.split_off(0);
            let second = self.pages.len();
            let count = listed.len().div_ceil(size).max(1);
            let part = Part { number: 1, count, listed: listed.len(), first: id, second };
            let mut parts = listed.chunks(size).map(<[PageId]>::to_vec);
            self.pages[id].children = parts.next().unwrap_or_default();
            self.pages[id].part = Some(part);
            for (number, children) in (2..).zip(parts) {
                let first = &self.pages[id];
                let page = SitePage {
                    children,
                    parent: first.parent,
                    part: Some(Part { number, ..part }),
                    has_feed: first.has_feed,
                    noindex: first.noindex,
                    ..SitePage::new(
                        Arc::clone(&first.path),
                        first.text.end..first.text.end,
                        Arc::clone(&first.front),
                        first.kind,
                        address::of_part(&first.address, number),
                    )
                };
                self.add_page(page, diagnostics);
            }
        }
    }

    /// Adds the page that lists all pages, where there is one; last, so that it lists them all.
    pub(super) fn add_search(&mut self, diagnostics: &mut Diagnostics) {
        let Some(script) = search::script(self) else { return };
        let path: Arc<str> = site_config::PATH.into();
        for address in [search::INDEX, script.address] {
            let occupant = Occupant::Reserved("what searches the site stands there");
            self.occupy(address, occupant, &path, 0..0, diagnostics);
        }
        let front = Arc::new(FrontMatter::default());
        let children = search::listed(self).into_iter().flat_map(|(_, pages)| pages).collect();
        let page = SitePage::new(path, 0..0, front, PageKind::Search, search::PAGE.to_owned());
        self.add_page(SitePage { children, parent: self.home(), ..page }, diagnostics);
    }
}
