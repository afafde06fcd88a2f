//! The pipeline from a source tree to an output: every stage once, in order, and publishing only what has no mistake.

#![expect(clippy::vec_box, reason = "what remains of a page is moved from list to list, and is large")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use statement::contract::Contract;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::yaml::{Located, in_backticks};

use crate::admin;
use crate::cards::Card;
use crate::contract::Placement;
use crate::feed::{self, Feed};
use crate::gate::{self, Gate, Used};
use crate::headers::{self, Headers};
use crate::images::scaled;
use crate::link::{AnchorLink, AnchorLinks};
use crate::markdown::BrokenLink;
use crate::observe::{Nobody, Observer, Stage, Watched};
use crate::output::{Nowhere, Output};
use crate::policy::Policy;
use crate::rebuild::{Kept, Last, Ready};
use crate::scan::{self, Ids};
use crate::search::{self, Indexed};
use crate::site::{Occupant, Options, PageId, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::template::{Beside, Theme};
use crate::{Failure, address, contract, drift, images, link, lint, markdown, starter, statement_files, well_known};

/// For how many broken links a near match is looked for, which costs as much as there is to choose from.
const SEARCHES_MAX: usize = 100;

/// What a build came to.
#[derive(Debug)]
pub struct Built {
    /// Everything found, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// What was published; none where a mistake forbade it.
    pub published: Option<Published>,
    /// What the next build can begin with, where this one found no mistake.
    pub last: Option<Last>,
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    /// The contract for the function.
    pub contract: Contract,
    /// How many pages there are.
    pub pages: usize,
    /// What the host sends with the files.
    pub headers: Headers,
    /// When another version of the statement is in force next, and which; none in force is a change too.
    pub next_transition: Option<(Timestamp, Option<String>)>,
}

/// Builds the site into `output`.
///
/// # Errors
/// When the machine fails; what was published before stays. An author's mistakes are diagnostics, and publish nothing.
pub fn build(
    tree: &SourceTree,
    options: &Options,
    diagnostics: Diagnostics,
    output: impl Output,
) -> Result<Built, Failure> {
    build_watched(tree, options, diagnostics, Watched { output, observer: &Nobody })
}

/// The same, telling an observer how far it is.
///
/// # Errors
/// As [`build`].
pub fn build_watched(
    tree: &SourceTree,
    options: &Options,
    mut diagnostics: Diagnostics,
    output: Watched<'_, impl Output>,
) -> Result<Built, Failure> {
    let observer = output.observer;
    let ready = prepare(tree, options, observer, &mut diagnostics);
    let published =
        ready.map_or(Ok(None), |ready| publish(tree, ready, options, output, observer, &mut diagnostics))?;
    Ok(Built::new(diagnostics, published))
}

/// Builds the site again after the files of `changed` were edited, by their paths in `tree`; `output` has what the last
/// build published.
///
/// # Errors
/// As [`build`].
pub fn build_again(
    tree: &SourceTree,
    last: Last,
    changed: &[Arc<str>],
    options: &Options,
    mut diagnostics: Diagnostics,
    output: impl Output,
) -> Result<Built, Failure> {
    match last.after(tree, changed, options) {
        None => build(tree, options, diagnostics, output),
        Some(ready) => {
            let published = publish(tree, ready, options, output, &Nobody, &mut diagnostics)?;
            Ok(Built::new(diagnostics, published))
        }
    }
}

impl Built {
    fn new(diagnostics: Diagnostics, published: Option<(Published, Last)>) -> Self {
        let (published, last) = published.unzip();
        Self { diagnostics: diagnostics.into_sorted(), published, last }
    }
}

/// Assembles the site and compiles its theme.
fn prepare(
    tree: &SourceTree,
    options: &Options,
    observer: &dyn Observer,
    diagnostics: &mut Diagnostics,
) -> Option<Ready> {
    let mut found = Diagnostics::new();
    observer.begins(Stage::Assemble, 0);
    let site = Site::assemble(tree, options, &mut found);
    observer.begins(Stage::Theme, 0);
    let theme = site.as_ref().and_then(|site| Theme::compile(site, tree, &mut found));
    match site.zip(theme) {
        Some((site, theme)) => Some(Ready { kept: Kept::nothing(&site), site, theme, found }),
        None => {
            diagnostics.append(found);
            None
        }
    }
}

fn publish(
    tree: &SourceTree,
    ready: Ready,
    options: &Options,
    output: impl Output,
    observer: &dyn Observer,
    diagnostics: &mut Diagnostics,
) -> Result<Option<(Published, Last)>, Failure> {
    let Ready { site, theme, found, kept } = ready;
    diagnostics.append(found.clone());
    if diagnostics.has_errors() {
        // Two things may have one address. So nothing is written, and the pages are rendered for what is wrong in them.
        render(&site, tree, &theme, kept, options, &Nowhere, observer, diagnostics)?;
        return Ok(None);
    }
    starter::check_replaced(&site, tree, diagnostics);
    let Rendering { contract, headers, pages, others } =
        render(&site, tree, &theme, kept, options, &output, observer, diagnostics)?;
    if diagnostics.has_errors() {
        return Ok(None);
    }
    observer.begins(Stage::Publish, 0);
    output.publish(&contract.to_json())?;
    let next_transition = site.next_transition();
    let (day, until) = (site.config.today(options), next_transition.as_ref().map(|(until, _)| *until));
    let published = Published { contract, pages: site.pages.len(), headers, next_transition };
    Ok(Some((published, Last { site, theme, found, pages, others, day, until })))
}

/// What a build made, but for what is in its output.
struct Rendering {
    contract: Contract,
    headers: Headers,
    pages: Vec<Box<RenderedPage>>,
    others: Others,
}

/// Renders the site into `output`, but for what is kept there.
#[expect(clippy::too_many_arguments, reason = "the stages hand on what they made, and reach back for nothing")]
fn render(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    kept: Kept,
    options: &Options,
    output: &impl Output,
    observer: &dyn Observer,
    diagnostics: &mut Diagnostics,
) -> Result<Rendering, Failure> {
    observer.begins(Stage::Render, site.by_address.len());
    let forms = contract::empty_forms(site, theme, diagnostics);
    let policy = Policy::of(site);
    policy.check(site, diagnostics);
    lint::check_profiles(site, diagnostics);
    let gate = Gate::new(site, tree, &policy);
    let own = well_known::RESERVED.into_iter().chain([well_known::ROBOTS]);
    let written = site.by_address.iter().filter(|(_, occupant)| !matches!(occupant, Occupant::Reserved(_)));
    let of_statements = statement_files::all_addresses(site);
    let of_search = search::script(site).map(|script| [script.address, search::INDEX]);
    let of_editors = of_search.into_iter().flatten().chain(admin::addresses(site));
    let others = of_statements.iter().map(String::as_str).chain(own).chain(of_editors);
    output.prepare(&mut written.map(|(address, _)| address.as_str()).chain(others))?;
    let pages = kept
        .pages
        .into_par_iter()
        .enumerate()
        .map(|(id, page)| match page {
            Some(page) if page.is_kept(&site.pages[id], output) => Ok(page),
            _ => render_page(site, tree, theme, &gate, &forms, id, options, output).map(Box::new),
        })
        .collect::<Result<Vec<Box<RenderedPage>>, Failure>>()?;
    let others = match kept.others {
        Some(others) if keep_files(site, output) => others,
        _ => write_files(site, tree, theme, options, &gate, output)?,
    };
    diagnostics.append(others.found.clone());
    write_lists(site, tree, theme, &pages, kept.edited.as_ref(), output)?;
    write_search(site, &pages, output)?;
    admin::write(site, tree, output)?;
    observer.begins(Stage::Check, 0);
    let mut searches_left = SEARCHES_MAX;
    join(site, &pages, &mut searches_left, diagnostics);
    check_anchors(site, &pages, &mut searches_left, diagnostics);
    let on_pages = pages.iter().flat_map(|page| &page.used);
    let mut used: BTreeSet<Used> = others.used.iter().chain(on_pages).copied().collect();
    let contract = contract::assemble(site, tree, theme, &forms, &placements(site, &pages), &mut used, diagnostics);
    let headers = Headers::of(site, &policy, &gate::scripts(&used));
    write_policy(site, &headers, &others.used, &pages, output, diagnostics)?;
    Ok(Rendering { contract, headers, pages, others })
}

/// What remains of a page when its bytes are written.
pub(crate) struct RenderedPage {
    /// The anchors on it; none where it could not be rendered.
    ids: Option<Ids>,
    /// Its text as feeds show it, where one does.
    content: Option<String>,
    anchors: AnchorLinks,
    broken: Vec<BrokenLink>,
    forms: Vec<Located<String>>,
    used: Vec<Used>,
    /// The site path of its card.
    card: Option<String>,
    /// What the search finds it by, where there is one.
    words: Option<String>,
    diagnostics: Diagnostics,
}

impl RenderedPage {
    /// Takes its files from the last build; says whether they are there.
    fn is_kept(&self, page: &SitePage, output: &impl Output) -> bool {
        output.keep(&page.address) && self.card.as_ref().is_none_or(|card| output.keep(card))
    }
}

#[expect(clippy::too_many_arguments, reason = "the stages hand on what they made, and reach back for nothing")]
fn render_page(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    gate: &Gate<'_>,
    forms: &HashMap<String, String>,
    id: PageId,
    options: &Options,
    output: &impl Output,
) -> Result<RenderedPage, Failure> {
    let page = &site.pages[id];
    let mut diagnostics = Diagnostics::new();
    let file = tree.text(&page.path).expect("invariant: a page's file is in the tree");
    let rendered = markdown::render(site, theme, id, file, forms, &mut diagnostics);
    let card = theme.card(site, id, options.cache.as_deref(), output.is_kept(), &mut diagnostics)?;
    let card = match card {
        Some(Card { address, png }) => output.write(&address, png).map(|()| Some(address))?,
        None => None,
    };
    let words = (output.is_kept() && search::has(site, page)).then(|| scan::visible_text(&rendered.html));
    let (mut ids, mut used) = (None, Vec::new());
    let beside = Beside { card: card.as_deref(), problem: None };
    if let Some(html) = theme.page(site, id, &rendered, beside, &mut diagnostics) {
        let found = scan::page(&html);
        used = gate.check_page(page, &found.findings, &mut diagnostics);
        lint::check_date(site, page, &rendered, &html, &mut diagnostics);
        lint::check_privacy_link(site, page, &html, &mut diagnostics);
        if !diagnostics.has_errors() {
            refuse_repeated_ids(site, page, &rendered.forms, &found.ids, &mut diagnostics);
        }
        ids = Some(found.ids);
        output.write(&page.address, html.into_bytes())?;
    }
    // A form's answers belong to the page it stands on: without forms, the text is another.
    let is_shown = page.is_in_feed && rendered.forms.is_empty();
    let content = is_shown.then(|| feed::content(site, page, &rendered.html));
    let markdown::Rendered { anchors, broken, forms, .. } = rendered;
    Ok(RenderedPage { ids, content, anchors, broken, forms, used, card, words, diagnostics })
}

/// A heading may have the id of something in the theme or of a form's field, and two forms may ask for the same; then
/// links and labels lead astray.
fn refuse_repeated_ids(
    site: &Site,
    page: &SitePage,
    placed: &[Located<String>],
    ids: &Ids,
    diagnostics: &mut Diagnostics,
) {
    let fields = |form: &str| -> Vec<&str> {
        let form = site.forms.iter().find(|known| known.id == form);
        form.into_iter().flat_map(|form| &form.fields).map(|field| field.name.value.as_str()).collect()
    };
    let is_repeated = |name: &str| ids.repeated().any(|id| id == name);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (at, form) in placed.iter().enumerate() {
        for first in placed[..at].iter().filter(|first| first.value != form.value) {
            let of_first = fields(&first.value);
            let shared: Vec<&str> = fields(&form.value)
                .into_iter()
                .filter(|name| of_first.contains(name) && is_repeated(name) && !told.contains(name))
                .collect();
            if shared.is_empty() {
                continue;
            }
            let message = format!(
                "the forms `{}` and `{}` on one page both ask for {}",
                first.value,
                form.value,
                in_backticks(&shared)
            );
            diagnostics.push(
                Diagnostic::error(&page.path, form.span.clone(), message)
                    .label("its labels and messages would lead to the fields of the other")
                    .help("place one of them on a page of its own, and link to it"),
            );
            told.extend(shared);
        }
    }
    // The theme names by a field what belongs to it: `email-hint`.
    let is_told = |id: &str| {
        told.iter().any(|name| id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    };
    for id in ids.repeated().filter(|id| !is_told(id)) {
        diagnostics.push(
            Diagnostic::error(&page.path, 0..0, format!("two elements of the finished page have the id `{id}`"))
                .help("give the heading another anchor, as in `## Title {#other}`, or change the theme"),
        );
    }
}

/// What was found in files that are no pages.
#[derive(Default)]
pub(crate) struct Others {
    /// What is declared, and was found.
    used: Vec<Used>,
    found: Diagnostics,
}

/// Takes the files that no edit of a page changes from the last build; says whether it has them.
fn keep_files(site: &Site, output: &impl Output) -> bool {
    let no_pages = |occupant: &Occupant| matches!(occupant, Occupant::File(_) | Occupant::Redirect(_));
    let files = site.by_address.iter().filter(|(_, occupant)| no_pages(occupant)).map(|(address, _)| address);
    files.chain(&statement_files::all_addresses(site)).all(|address| output.keep(address))
}

/// Writes the files as they are, redirects, and the files of the statement.
fn write_files(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    options: &Options,
    gate: &Gate<'_>,
    output: &impl Output,
) -> Result<Others, Failure> {
    let mut all = Others::default();
    let written = site.files.par_iter().map(|(index, address)| {
        let (file, mut found) = (&tree.files()[*index], Diagnostics::new());
        let bytes = match images::published(&file.path, file.bytes()?) {
            Ok(bytes) => bytes,
            Err(diagnostic) => {
                found.push(*diagnostic);
                return Ok((Vec::new(), found));
            }
        };
        if let Some(planned) = site.scaled.get(index).filter(|_| output.is_kept()) {
            let write = |address: &str, bytes| output.write(address, bytes);
            let speed = site.config.images.as_ref().and_then(|config| config.avif).unwrap_or_default();
            if let Err(fact) = scaled::scale(&bytes, planned, speed, options.cache.as_deref(), write)? {
                let message = format!("the picture cannot be scaled: {fact}");
                found.push(Diagnostic::error(&file.path, 0..0, message).help("save the picture again"));
            }
        }
        let used = gate.check_file(&file.path, address, &bytes, &mut found);
        output.write(address, bytes).map(|()| (used, found))
    });
    let Others { used, found: diagnostics } = &mut all;
    for (used_by_file, found) in written.collect::<Result<Vec<_>, Failure>>()? {
        used.extend(used_by_file);
        diagnostics.append(found);
    }
    for (name, file) in site.theme.assets(tree) {
        let file = &tree.files()[file];
        let bytes = file.in_memory().unwrap_or_default();
        used.extend(gate.check_file(&file.path, &address::of_asset(name, None), bytes, diagnostics));
    }
    for (_, asset) in site.assets.iter() {
        // Places are told in what the author wrote; what Sass makes is nobody's.
        let file = &tree.files()[asset.file];
        if file.path.ends_with(".scss") {
            used.extend(gate.check_file(&file.path, &asset.address, &asset.bytes, diagnostics));
        }
        output.write(&asset.address, asset.bytes.clone())?;
    }
    for (from, to) in &site.redirects {
        if let Some(html) = theme.redirect(site, *to, diagnostics) {
            let path = theme.path("redirect.html");
            used.extend(gate.check_file(&path, from, html.as_bytes(), diagnostics));
            output.write(from, html.into_bytes())?;
        }
    }
    statement_files::render_all(site, tree, theme, diagnostics)
        .into_iter()
        .try_for_each(|(path, text)| output.write(&path, text.into_bytes()))?;
    Ok(all)
}

/// Writes what lists pages: sitemaps, feeds, redirects. Where only the texts of pages are others, what does not show
/// them is kept.
fn write_lists(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    pages: &[Box<RenderedPage>],
    edited: Option<&BTreeSet<PageId>>,
    output: &impl Output,
) -> Result<(), Failure> {
    let parts = well_known::sitemap_parts(site);
    let sitemaps = parts.iter().map(String::as_str).chain([well_known::SITEMAP]);
    let is_kept = edited.is_some() && { sitemaps }.all(|address| output.keep(address));
    if !is_kept {
        well_known::sitemaps(site).into_iter().try_for_each(|(path, text)| output.write(&path, text.into_bytes()))?;
    }
    let shows_edited = |feed: &Feed| edited.is_none_or(|edited| feed.entries.iter().any(|id| edited.contains(id)));
    let is_fresh = |feed: &&Feed| shows_edited(feed) || !feed.addresses().iter().all(|address| output.keep(address));
    let fresh: Vec<&Feed> = site.feeds.iter().filter(is_fresh).collect();
    let content = |id: PageId| pages[id].content.as_deref();
    let write = |address: &str, text: String| output.write(address, text.into_bytes());
    feed::render(site, tree, theme, &fresh, &content, write)?;
    output.write(well_known::REDIRECTS, well_known::redirects(site).into_bytes())?;
    if !site.by_address.contains_key(well_known::ROBOTS) {
        output.write(well_known::ROBOTS, well_known::robots(site).into_bytes())?;
    }
    Ok(())
}

/// Writes the index of all words, and what searches it.
fn write_search(site: &Site, pages: &[Box<RenderedPage>], output: &impl Output) -> Result<(), Failure> {
    let Some(script) = search::script(site).filter(|_| output.is_kept()) else { return Ok(()) };
    let indexed = site.pages.iter().zip(pages).filter_map(|(page, rendered)| {
        let (title, description) = (&page.front.title, &page.front.description);
        Some(Indexed { address: &page.address, title, description, words: rendered.words.as_deref()? })
    });
    let index = search::index(&site.config.language, &indexed.collect::<Vec<_>>());
    output.write(search::INDEX, index.into_bytes())?;
    output.write(script.address, script.text.as_bytes().to_vec())
}

/// Writes what browsers are told to refuse, and what the statement declares that was never found.
fn write_policy(
    site: &Site,
    headers: &Headers,
    used: &[Used],
    pages: &[Box<RenderedPage>],
    output: &impl Output,
    diagnostics: &mut Diagnostics,
) -> Result<(), Failure> {
    output.write(headers::NETLIFY, headers.to_netlify().into_bytes())?;
    output.write(headers::NEUTRAL, headers.to_json().into_bytes())?;
    headers.check(site, diagnostics);
    let mut counts = BTreeMap::new();
    let of_pages = pages.iter().flat_map(|page| page.used.iter().copied().collect::<BTreeSet<Used>>());
    used.iter().copied().chain(of_pages).for_each(|used| *counts.entry(used).or_default() += 1);
    match drift::report(site, &counts, diagnostics) {
        Some((path, json)) => output.write(&path, json.into_bytes()),
        None => Ok(()),
    }
}

/// Collects what parallel work found, in the order of the pages.
fn join(site: &Site, pages: &[Box<RenderedPage>], searches_left: &mut usize, diagnostics: &mut Diagnostics) {
    for (id, page) in pages.iter().enumerate() {
        diagnostics.append(page.diagnostics.clone());
        for broken in &page.broken {
            let from = site.pages[id].content_path();
            let searched = link::resolve(site, from, Some(id), &broken.destination, take_one(searches_left));
            diagnostics.push(match searched.err().and_then(|searched| searched.help) {
                Some(help) => broken.diagnostic.clone().help(help),
                None => broken.diagnostic.clone(),
            });
        }
    }
}

/// Whether one more search may be made.
fn take_one(searches_left: &mut usize) -> bool {
    let is_left = *searches_left > 0;
    *searches_left -= usize::from(is_left);
    is_left
}

fn check_anchors<'a>(
    site: &Site,
    pages: &'a [Box<RenderedPage>],
    searches_left: &mut usize,
    diagnostics: &mut Diagnostics,
) {
    // Why a page could not be rendered is said already.
    let is_broken = |link: &AnchorLink<'_>| pages[link.page].ids.as_ref().is_some_and(|ids| !ids.contains(link.anchor));
    let of_page =
        |(id, page): (PageId, &'a RenderedPage)| page.anchors.iter().filter(is_broken).map(move |link| (id, link));
    let all = pages.par_iter().map(|page| &**page).enumerate();
    let broken: Vec<(PageId, AnchorLink<'_>)> = all.flat_map_iter(of_page).collect();
    for (id, link) in broken {
        let ids = pages[link.page].ids.as_ref().expect("invariant: an anchor is compared with the ids of its page");
        let target = &site.pages[link.page];
        let diagnostic = Diagnostic::error(&site.pages[id].path, link.span, "link target does not exist")
            .label(format!("no anchor `{}` on `{}`", link.anchor, target.path));
        let near = if take_one(searches_left) { near_match(link.anchor, ids.iter()) } else { None };
        diagnostics.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `#{near}`?")),
            None => diagnostic,
        });
    }
}

fn placements(site: &Site, pages: &[Box<RenderedPage>]) -> BTreeMap<String, Vec<Placement>> {
    let mut placements: BTreeMap<String, Vec<Placement>> = BTreeMap::new();
    for (id, page) in pages.iter().enumerate() {
        for form in &page.forms {
            let path = std::sync::Arc::clone(&site.pages[id].path);
            placements.entry(form.value.clone()).or_default().push(Placement {
                page: id,
                path,
                span: form.span.clone(),
            });
        }
    }
    placements
}
