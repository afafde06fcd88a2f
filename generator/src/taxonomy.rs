//! Taxonomies: the terms pages are filed under, gathered into one index from term to pages.
//!
//! It knows what pages say about themselves; their place in the site and what templates make of it are not its business.

use std::cmp::Reverse;
use std::sync::Arc;

use ahash::AHashMap;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::yaml::{Located, in_backticks};

use crate::address;
use crate::site::{PageId, SitePage};
use crate::site_config::{SiteConfig, TaxonomyConfig};
use crate::source_tree::SourceTree;
use crate::theme_files::ThemeFiles;

/// A taxonomy with everything filed in it.
#[derive(Debug)]
pub struct Taxonomy {
    /// As the settings declare it.
    pub config: TaxonomyConfig,
    /// The site path of the page of all terms.
    pub address: String,
    /// The terms, by name.
    pub terms: Vec<Term>,
}

/// A term.
#[derive(Debug)]
pub struct Term {
    /// As it is written where it is written first.
    pub name: String,
    /// The last part of its address.
    pub slug: String,
    /// The pages filed under it, the newest first.
    pub pages: Vec<PageId>,
    /// Of each of them, its place among all pages from the newest to the oldest.
    ranks: Vec<u32>,
    /// Where it is written first.
    pub first: (Arc<str>, Located<()>),
}

/// Where a page stands in the list of a term: indices into taxonomies, terms and the term's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filing {
    /// The taxonomy.
    pub taxonomy: usize,
    /// The term in it.
    pub term: usize,
    /// The page's place among the term's pages.
    pub position: usize,
}

/// How far from a page, in the list of each of its terms, related pages are looked for: the work for a page does not
/// grow with the site.
const REACH: usize = 10;
/// The most related pages of a page.
const RELATED_MAX: usize = 5;

/// The taxonomies of the settings; without any there, `tags`, if the theme has templates for it.
fn declared(config: &SiteConfig, theme: &ThemeFiles, tree: &SourceTree) -> Vec<TaxonomyConfig> {
    if let Some(declared) = &config.taxonomies {
        return declared.clone();
    }
    let is_shown = ["taxonomy.html", "term.html"].iter().all(|name| theme.has_template(name, tree));
    let tags = TaxonomyConfig::named(Located { value: "tags".to_owned(), span: 0..0 });
    is_shown.then_some(tags).into_iter().collect()
}

/// Gathers all terms; tells each page where it is filed.
pub fn gather(
    config: &SiteConfig,
    theme: &ThemeFiles,
    tree: &SourceTree,
    pages: &mut [SitePage],
    diagnostics: &mut Diagnostics,
) -> Vec<Taxonomy> {
    let mut taxonomies: Vec<Taxonomy> = declared(config, theme, tree)
        .into_iter()
        .map(|config| Taxonomy { address: address::below("/", &config.name.value), config, terms: Vec::new() })
        .collect();
    let mut indices: Vec<TermIndex<'_>> = taxonomies.iter().map(|_| TermIndex::default()).collect();
    for (id, page) in pages.iter().enumerate().filter(|(_, page)| !page.noindex) {
        for filed in &page.front.filed {
            let Some(index) = taxonomies.iter().position(|known| known.config.name.value == filed.taxonomy.value)
            else {
                // Tags are words of the page where no taxonomy is made of them.
                if filed.taxonomy.value != "tags" {
                    diagnostics.push(unknown_taxonomy(page, &filed.taxonomy, &taxonomies));
                }
                continue;
            };
            for term in &filed.terms {
                let terms = &mut taxonomies[index].terms;
                let Some(term) = indices[index].term(&page.path, term, terms, diagnostics) else { continue };
                // A page that names a term twice is in its list once.
                if terms[term].pages.last() != Some(&id) {
                    terms[term].pages.push(id);
                }
            }
        }
    }
    let ranks = rank_by_newness(pages);
    taxonomies.retain(|taxonomy| config.taxonomies.is_some() || !taxonomy.terms.is_empty());
    for (index, taxonomy) in taxonomies.iter_mut().enumerate() {
        taxonomy.terms.sort_by_cached_key(|term| (term.name.to_lowercase(), term.name.clone()));
        for term in &mut taxonomy.terms {
            term.pages.sort_unstable_by_key(|id| ranks[*id]);
            term.ranks = term.pages.iter().map(|id| ranks[*id]).collect();
        }
        for (term_index, term) in taxonomy.terms.iter().enumerate() {
            for (position, id) in term.pages.iter().enumerate() {
                pages[*id].filings.push(Filing { taxonomy: index, term: term_index, position });
            }
        }
    }
    taxonomies
}

/// Finds terms by how they are written.
#[derive(Default)]
struct TermIndex<'a> {
    by_name: AHashMap<&'a str, Option<usize>>,
    by_slug: AHashMap<String, usize>,
}

impl<'a> TermIndex<'a> {
    /// The index of a term among `terms`, where it is added if it is new; none if it cannot be one, which is reported.
    fn term(
        &mut self,
        path: &Arc<str>,
        written: &'a Located<String>,
        terms: &mut Vec<Term>,
        diagnostics: &mut Diagnostics,
    ) -> Option<usize> {
        if let Some(known) = self.by_name.get(&*written.value) {
            return *known;
        }
        let slug = address::of_term(&written.value);
        let error = |message: String| Diagnostic::error(path, written.span.clone(), message);
        let found = match self.by_slug.get(&slug) {
            _ if slug.is_empty() => {
                diagnostics.push(
                    error(format!("the term `{}` has nothing an address could be made of", written.value))
                        .help("give it a letter or a digit"),
                );
                None
            }
            Some(known) if terms[*known].name.to_lowercase() == written.value.to_lowercase() => Some(*known),
            Some(known) => {
                let known = &terms[*known];
                diagnostics.push(
                    error(format!("two terms have the address `{slug}`: `{}` and `{}`", known.name, written.value))
                        .note(format!("`{}` has the other", known.first.0))
                        .help("write them alike if they are one, or rename one of them"),
                );
                None
            }
            None => {
                if let Some(fault) = address::fault_of_name(&slug) {
                    diagnostics.push(error(format!("`{}` cannot be part of an address: {fault}", written.value)));
                    return None;
                }
                self.by_slug.insert(slug.clone(), terms.len());
                terms.push(Term {
                    name: written.value.clone(),
                    slug,
                    pages: Vec::new(),
                    ranks: Vec::new(),
                    first: (Arc::clone(path), Located { value: (), span: written.span.clone() }),
                });
                Some(terms.len() - 1)
            }
        };
        self.by_name.insert(&written.value, found);
        found
    }
}

fn unknown_taxonomy(page: &SitePage, taxonomy: &Located<String>, known: &[Taxonomy]) -> Diagnostic {
    let known: Vec<&str> = known.iter().map(|taxonomy| taxonomy.config.name.value.as_str()).collect();
    let message = format!("there is no taxonomy `{}`", taxonomy.value);
    let diagnostic = Diagnostic::error(&page.path, taxonomy.span.clone(), message);
    match near_match(&taxonomy.value, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            diagnostic.help(format!("declare it in `content/site.yaml`: `taxonomies: [tags, {}]`", taxonomy.value))
        }
        None => diagnostic.help(format!("known are {}; `content/site.yaml` declares them", in_backticks(&known))),
    }
}

/// Of each page its place from the newest to the oldest: dates are compared once for all terms.
fn rank_by_newness(pages: &[SitePage]) -> Vec<u32> {
    let mut newest: Vec<PageId> = (0..pages.len()).collect();
    newest.sort_by_key(|id| (Reverse(&pages[*id].front.date), *id));
    let mut ranks = vec![0; pages.len()];
    for (rank, id) in (0..).zip(newest) {
        ranks[id] = rank;
    }
    ranks
}

/// Whether one page can be among those related to the other.
#[must_use]
pub fn may_be_related(one: &SitePage, other: &SitePage) -> bool {
    let is_near = |one: &Filing, other: &Filing| {
        (one.taxonomy, one.term) == (other.taxonomy, other.term) && one.position.abs_diff(other.position) <= REACH
    };
    one.filings.iter().any(|one| other.filings.iter().any(|other| is_near(one, other)))
}

/// The pages that share the most terms with a page, the newest of them first.
#[must_use]
pub fn related(taxonomies: &[Taxonomy], pages: &[SitePage], id: PageId) -> Vec<PageId> {
    let mut near: Vec<(u32, PageId)> = Vec::new();
    for filing in &pages[id].filings {
        let Term { pages, ranks, .. } = &taxonomies[filing.taxonomy].terms[filing.term];
        let around = filing.position.saturating_sub(REACH)..(filing.position + REACH + 1).min(pages.len());
        let ranked = ranks[around.clone()].iter().copied().zip(pages[around].iter().copied());
        near.extend(ranked.filter(|(_, other)| *other != id));
    }
    // Each term's pages are in order already, which a stable sort makes use of.
    near.sort();
    // As often as a page is near, as many terms it shares.
    let counted: Vec<(usize, PageId)> = near.chunk_by(PartialEq::eq).map(|same| (same.len(), same[0].1)).collect();
    let most_first = (1..=pages[id].filings.len()).rev();
    let in_order = most_first.flat_map(|shared| counted.iter().filter(move |(count, _)| *count == shared));
    in_order.take(RELATED_MAX).map(|(_, other)| *other).collect()
}
