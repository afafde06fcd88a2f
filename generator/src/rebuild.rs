//! What a build leaves for the next one, and what of it still holds after some pages were edited.
//!
//! A page is rendered again when its file changed, when its place among the others did, or when it shows something of
//! a page of which there is something else to show. Whatever else changes, a form, a template, a file that is new,
//! is a reason to build anew: then nothing of this is used.

#![expect(clippy::vec_box, reason = "what remains of a page is moved from list to list, and is large")]

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use statement::diagnostic::Diagnostics;

use crate::build::{Others, RenderedPage};
use crate::page::{self, Document};
use crate::site::{Options, PageId, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::taxonomy;
use crate::template::Theme;

/// A site that was built without a mistake, as it was rendered.
pub struct Last {
    pub(crate) site: Site,
    pub(crate) theme: Theme,
    /// What was found before anything was rendered.
    pub(crate) found: Diagnostics,
    /// By page.
    pub(crate) pages: Vec<Box<RenderedPage>>,
    pub(crate) others: Others,
    /// The day it was built for, and until when that holds.
    pub(crate) day: Date,
    pub(crate) until: Option<Timestamp>,
}

impl Last {
    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Its theme.
    #[must_use]
    pub fn theme(&self) -> &Theme {
        &self.theme
    }
}

impl std::fmt::Debug for Last {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Last").field("site", &self.site).finish_non_exhaustive()
    }
}

/// What of the last build still holds.
pub(crate) struct Kept {
    /// The pages that are as they were; none where a page must be rendered again.
    pub(crate) pages: Vec<Option<Box<RenderedPage>>>,
    pub(crate) others: Option<Others>,
    /// The pages whose text is another, where nothing else is.
    pub(crate) edited: Option<BTreeSet<PageId>>,
}

impl Kept {
    /// A first build keeps nothing.
    pub(crate) fn nothing(site: &Site) -> Self {
        Self { pages: site.pages.iter().map(|_| None).collect(), others: None, edited: None }
    }
}

/// A site and its theme, ready to be rendered.
pub(crate) struct Ready {
    pub(crate) site: Site,
    pub(crate) theme: Theme,
    pub(crate) found: Diagnostics,
    pub(crate) kept: Kept,
}

impl Last {
    /// What there is to render after the files of `changed` were edited; none where the site must be built anew.
    pub(crate) fn after(self, tree: &SourceTree, changed: &[Arc<str>], options: &Options) -> Option<Ready> {
        let is_over = self.until.is_some_and(|until| until <= options.now);
        if is_over || self.site.config.today(options) != self.day {
            return None;
        }
        // A page must have been a page, and must still be one.
        let parsed: Vec<(PageId, page::Page)> =
            changed.iter().map(|path| parse(&self.site, tree, path)).collect::<Option<_>>()?;
        if parsed.iter().all(|(id, page)| page.front == self.site.pages[*id].front) {
            return Some(self.with_other_texts(tree, parsed));
        }
        self.assembled_again(tree, changed, options)
    }

    /// Only texts are others, so all pages stay where they are.
    fn with_other_texts(self, tree: &SourceTree, parsed: Vec<(PageId, page::Page)>) -> Ready {
        let Self { mut site, mut theme, found, pages, others, .. } = self;
        let mut shown_otherwise = BTreeSet::new();
        let mut edited = BTreeSet::new();
        for (id, page) in parsed {
            site.replace_text(id, page.text);
            edited.insert(id);
            if theme.reread(&site, id, tree) {
                shown_otherwise.insert(id);
            }
        }
        let is_fresh = |id: PageId| edited.contains(&id) || shows_any(&site, id, &shown_otherwise);
        let pages = keep(pages, is_fresh);
        let edited = shown_otherwise.is_empty().then_some(edited);
        Ready { site, theme, found, kept: Kept { pages, others: Some(others), edited } }
    }

    fn assembled_again(self, tree: &SourceTree, changed: &[Arc<str>], options: &Options) -> Option<Ready> {
        let last = self.site;
        let mut found = Diagnostics::new();
        let known = |path: &str| last.parsed(path).filter(|_| !changed.iter().any(|changed| **changed == *path));
        let site = Site::assemble_knowing(tree, options, &known, &mut found)?;
        let theme = Theme::compile(&site, tree, &mut found)?;
        if found.has_errors() || !is_same_shape(&last, &site) {
            return None;
        }
        let is_edited = |id: &PageId| changed.iter().any(|path| *site.pages[*id].path == **path);
        let edited: BTreeSet<PageId> = (0..site.pages.len()).filter(is_edited).collect();
        let is_fresh = |id: PageId| {
            edited.contains(&id)
                || is_elsewhere(&last, &site, id)
                || shows_any(&last, id, &edited)
                || shows_any(&site, id, &edited)
        };
        let pages = keep(self.pages, is_fresh);
        Some(Ready { site, theme, found, kept: Kept { pages, others: Some(self.others), edited: None } })
    }
}

fn parse(site: &Site, tree: &SourceTree, path: &Arc<str>) -> Option<(PageId, page::Page)> {
    site.parsed(path)?;
    let id = site.page_of_file(path)?;
    let mut found = Diagnostics::new();
    match page::parse(path, tree.text(path)?, &site.config.timezone, &mut found) {
        Some(Document::Page(page)) if found.is_empty() => Some((id, page)),
        _ => None,
    }
}

fn keep(pages: Vec<Box<RenderedPage>>, is_fresh: impl Fn(PageId) -> bool) -> Vec<Option<Box<RenderedPage>>> {
    pages.into_iter().enumerate().map(|(id, page)| (!is_fresh(id)).then_some(page)).collect()
}

/// Whether a page shows something of one of these: above it, beside it, below it, or related to it.
fn shows_any(site: &Site, id: PageId, others: &BTreeSet<PageId>) -> bool {
    if others.is_empty() {
        return false;
    }
    let page = &site.pages[id];
    let mut above = std::iter::successors(page.parent, |above| site.pages[*above].parent);
    let beside = page.previous.iter().chain(&page.next).chain(&page.children);
    above.any(|above| others.contains(&above))
        || beside.into_iter().any(|other| others.contains(other))
        || others.iter().any(|other| taxonomy::may_be_related(&site.pages[*other], page))
}

/// Whether all pages have the addresses they had, and all terms are what they were.
fn is_same_shape(last: &Site, next: &Site) -> bool {
    let is_same_page = |(last, next): (&SitePage, &SitePage)| {
        last.path == next.path
            && last.kind == next.kind
            && last.address == next.address
            && last.noindex == next.noindex
            && last.part == next.part
            && last.has_feed == next.has_feed
    };
    let terms = |site: &Site| -> Vec<(String, usize)> {
        let terms = site.taxonomies.iter().flat_map(|taxonomy| &taxonomy.terms);
        terms.map(|term| (term.name.clone(), term.pages.len())).collect()
    };
    last.pages.len() == next.pages.len()
        && last.pages.iter().zip(&next.pages).all(is_same_page)
        && terms(last) == terms(next)
        && last.by_address == next.by_address
        && last.redirects == next.redirects
}

/// Whether a page has another place among the others than it had.
fn is_elsewhere(last: &Site, next: &Site, id: PageId) -> bool {
    let (last, next) = (&last.pages[id], &next.pages[id]);
    last.parent != next.parent
        || last.previous != next.previous
        || last.next != next.next
        || last.children != next.children
        || last.filings != next.filings
}
