//! The pipeline from a source tree to an output: every stage once, in order, and publishing only what has no mistake.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use rayon::prelude::*;
use statement::contract::Contract;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};

use crate::contract::Placement;
use crate::gate::{Gate, Used};
use crate::headers::{self, Headers};
use crate::images::scaled;
use crate::markdown::{AnchorLink, BrokenLink};
use crate::observe::{Nobody, Observer, Stage, Watched};
use crate::output::{Nowhere, Output};
use crate::policy::Policy;
use crate::scan::{self, Ids};
use crate::site::{Occupant, Options, PageId, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::template::Theme;
use crate::{
    Failure, address, contract, drift, feed, images, link, lint, markdown, starter, statement_files, well_known,
};

/// For how many broken links a near match is looked for, which costs as much as there is to choose from.
const SEARCHES_MAX: usize = 100;

/// What a build came to.
#[derive(Debug)]
pub struct Built {
    /// Everything found, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// What was published; none where a mistake forbade it.
    pub published: Option<Published>,
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    /// The contract for the function.
    pub contract: Contract,
    /// How many pages there are.
    pub pages: usize,
    /// When another version of the statement is in force next, and which; none in force is a change too.
    pub next_transition: Option<(Timestamp, Option<String>)>,
    /// What the host sends with the files.
    pub headers: Headers,
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
    let published = publish(tree, options, output, observer, &mut diagnostics)?;
    Ok(Built { diagnostics: diagnostics.into_sorted(), published })
}

fn publish(
    tree: &SourceTree,
    options: &Options,
    output: impl Output,
    observer: &dyn Observer,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Published>, Failure> {
    observer.begins(Stage::Assemble, 0);
    let Some(site) = Site::assemble(tree, options, diagnostics) else { return Ok(None) };
    observer.begins(Stage::Theme, 0);
    let Some(theme) = Theme::compile(&site, tree, diagnostics) else { return Ok(None) };
    if diagnostics.has_errors() {
        // Two things may have one address. So nothing is written, and the pages are rendered for what is wrong in them.
        render(&site, tree, &theme, options, &Nowhere, observer, diagnostics)?;
        return Ok(None);
    }
    starter::check_replaced(&site, tree, diagnostics);
    let headers = Headers::of(&site, &Policy::of(&site));
    let contract = render(&site, tree, &theme, options, &output, observer, diagnostics)?;
    if diagnostics.has_errors() {
        return Ok(None);
    }
    observer.begins(Stage::Publish, 0);
    output.publish(&contract.to_json())?;
    let next_transition = site.next_transition();
    Ok(Some(Published { contract, pages: site.pages.len(), headers, next_transition }))
}

/// Renders the whole site into `output`.
fn render(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    options: &Options,
    output: &impl Output,
    observer: &dyn Observer,
    diagnostics: &mut Diagnostics,
) -> Result<Contract, Failure> {
    observer.begins(Stage::Render, site.by_address.len());
    let forms = contract::empty_forms(site, theme, diagnostics);
    let policy = Policy::of(site);
    policy.check(site, diagnostics);
    lint::check_profiles(site, diagnostics);
    let gate = Gate::new(site, tree, &policy);
    let own = well_known::RESERVED.into_iter().chain([well_known::ROBOTS]);
    let written = site.by_address.iter().filter(|(_, occupant)| !matches!(occupant, Occupant::Reserved(_)));
    let of_statements = statement_files::all_addresses(site);
    let others = of_statements.iter().map(String::as_str).chain(own);
    output.prepare(&mut written.map(|(address, _)| address.as_str()).chain(others))?;
    let pages = (0..site.pages.len())
        .into_par_iter()
        .map(|id| render_page(site, tree, theme, &gate, &forms, id, output))
        .collect::<Result<Vec<RenderedPage>, Failure>>()?;
    let used = write_others(site, tree, theme, options, &gate, output, diagnostics)?;
    observer.begins(Stage::Check, 0);
    let pages = join(site, pages, diagnostics);
    check_anchors(site, &pages, diagnostics);
    write_policy(site, &policy, used, &pages, output, diagnostics)?;
    Ok(contract::assemble(site, tree, theme, &placements(site, &pages), diagnostics))
}

/// What remains of a page when its bytes are written.
struct RenderedPage {
    /// The anchors on it; none where it could not be rendered.
    ids: Option<Ids>,
    anchors: Vec<AnchorLink>,
    broken: Vec<BrokenLink>,
    forms: Vec<statement::yaml::Located<String>>,
    used: Vec<Used>,
    diagnostics: Diagnostics,
}

fn render_page(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    gate: &Gate<'_>,
    forms: &HashMap<String, String>,
    id: PageId,
    output: &impl Output,
) -> Result<RenderedPage, Failure> {
    let page = &site.pages[id];
    let mut diagnostics = Diagnostics::new();
    let file = tree.text(&page.path).expect("invariant: a page's file is in the tree");
    let rendered = markdown::render(site, theme, id, file, forms, &mut diagnostics);
    let (mut ids, mut used) = (None, Vec::new());
    if let Some(html) = theme.page(site, id, &rendered, None, &mut diagnostics) {
        let found = scan::page(&html);
        used = gate.check_page(page, &found.findings, &mut diagnostics);
        lint::check_date(site, page, &rendered, &html, &mut diagnostics);
        lint::check_privacy_link(site, page, &html, &mut diagnostics);
        if site.requires_privacy_link() && !scan::has_privacy_link(&html) {
            diagnostics.push(no_privacy_link(site, page));
        }
        if !diagnostics.has_errors() {
            refuse_repeated_ids(page, &found.ids, &mut diagnostics);
        }
        ids = Some(found.ids);
        output.write(&page.address, html.into_bytes())?;
    }
    let markdown::Rendered { anchors, broken, forms, .. } = rendered;
    Ok(RenderedPage { ids, anchors, broken, forms, used, diagnostics })
}

/// The statement must be found from every page. It is the theme that lacks the link, so it is said once.
fn no_privacy_link(site: &Site, page: &SitePage) -> Diagnostic {
    let theme = format!("themes/{}/templates", site.config.theme.value).into();
    Diagnostic::error(&theme, 0..0, "a page has no visible link to the privacy statement")
        .code("P231")
        .note(format!("found on `{}`", page.name()))
        .note("it is looked for in the page's `<header>` and `<footer>`, with the word “Privacy”")
        .help("print `<a href=\"{{ statement.url }}\" rel=\"privacy-policy\">Privacy statement</a>` in the theme's footer")
}

/// A heading may have the id of something in the theme or of a form's field; then links and labels lead astray.
fn refuse_repeated_ids(page: &SitePage, ids: &Ids, diagnostics: &mut Diagnostics) {
    for id in ids.repeated() {
        diagnostics.push(
            Diagnostic::error(&page.path, 0..0, format!("two elements of the finished page have the id `{id}`"))
                .help("give the heading another anchor, as in `## Title {#other}`, or change the theme"),
        );
    }
}

/// Writes everything that is not a page: files as they are, redirects, the files of the site as a whole. Returns what
/// was found in them and is allowed.
fn write_others(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    options: &Options,
    gate: &Gate<'_>,
    output: &impl Output,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Used>, Failure> {
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
            if let Err(fact) = scaled::scale(&bytes, planned, options.cache.as_deref(), write)? {
                let message = format!("the picture cannot be scaled: {fact}");
                found.push(Diagnostic::error(&file.path, 0..0, message).help("save the picture again"));
            }
        }
        let used = gate.check_file(&file.path, address, &bytes, &mut found);
        output.write(address, bytes).map(|()| (used, found))
    });
    let mut used = Vec::new();
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
    for (path, text) in well_known::sitemaps(site).into_iter().chain(feed::render_all(site, tree, theme)) {
        output.write(&path, text.into_bytes())?;
    }
    statement_files::render_all(site, tree, theme, diagnostics)
        .into_iter()
        .try_for_each(|(path, text)| output.write(&path, text.into_bytes()))?;
    output.write(well_known::REDIRECTS, well_known::redirects(site).into_bytes())?;
    if !site.by_address.contains_key(well_known::ROBOTS) {
        output.write(well_known::ROBOTS, well_known::robots(site).into_bytes())?;
    }
    Ok(used)
}

/// Writes what browsers are told to refuse, and what the statement declares that was never found.
fn write_policy(
    site: &Site,
    policy: &Policy<'_>,
    used: Vec<Used>,
    pages: &[RenderedPage],
    output: &impl Output,
    diagnostics: &mut Diagnostics,
) -> Result<(), Failure> {
    let headers = Headers::of(site, policy);
    output.write(headers::NETLIFY, headers.to_netlify().into_bytes())?;
    output.write(headers::NEUTRAL, headers.to_json().into_bytes())?;
    headers.check(site, diagnostics);
    let mut counts = BTreeMap::new();
    let of_pages = pages.iter().flat_map(|page| page.used.iter().copied().collect::<BTreeSet<Used>>());
    used.into_iter().chain(of_pages).for_each(|used| *counts.entry(used).or_default() += 1);
    match drift::report(site, &counts, diagnostics) {
        Some((path, json)) => output.write(&path, json.into_bytes()),
        None => Ok(()),
    }
}

/// Collects what parallel work found, in the order of the pages.
fn join(site: &Site, mut pages: Vec<RenderedPage>, diagnostics: &mut Diagnostics) -> Vec<RenderedPage> {
    let mut searches_left = SEARCHES_MAX;
    for (id, page) in pages.iter_mut().enumerate() {
        diagnostics.append(std::mem::take(&mut page.diagnostics));
        for broken in std::mem::take(&mut page.broken) {
            let from = site.pages[id].content_path();
            searches_left = searches_left.saturating_sub(1);
            let searched = link::resolve(site, from, Some(id), &broken.destination, searches_left > 0);
            diagnostics.push(match searched.err().and_then(|searched| searched.help) {
                Some(help) => broken.diagnostic.help(help),
                None => broken.diagnostic,
            });
        }
    }
    pages
}

fn check_anchors(site: &Site, pages: &[RenderedPage], diagnostics: &mut Diagnostics) {
    // Why a page could not be rendered is said already.
    let is_broken = |link: &&AnchorLink| pages[link.page].ids.as_ref().is_some_and(|ids| !ids.contains(&link.anchor));
    let broken: Vec<&AnchorLink> =
        pages.par_iter().flat_map_iter(|page| page.anchors.iter().filter(is_broken)).collect();
    let mut searches_left = SEARCHES_MAX;
    for link in broken {
        let ids = pages[link.page].ids.as_ref().expect("invariant: an anchor is compared with the ids of its page");
        let target = &site.pages[link.page];
        let diagnostic = Diagnostic::error(&link.path, link.span.clone(), "link target does not exist")
            .label(format!("no anchor `{}` on `{}`", link.anchor, target.path));
        searches_left = searches_left.saturating_sub(1);
        let near = if searches_left > 0 { near_match(&link.anchor, ids.iter()) } else { None };
        diagnostics.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `#{near}`?")),
            None => diagnostic,
        });
    }
}

fn placements(site: &Site, pages: &[RenderedPage]) -> BTreeMap<String, Vec<Placement>> {
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
