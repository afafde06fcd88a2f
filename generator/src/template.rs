//! The theme's templates, and the values made for them: templates see these and no others.
//!
//! What many pages share (menu, statement, summaries) is turned into a value once and handed over by reference count.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use jiff::civil::Date;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::version::Statement;
use statement::yaml;
use tera::{ComponentInfo, Context, ErrorKind, Kwargs, Map, State, Tera, Value};

use crate::Failure;
use crate::address;
use crate::cards::{self, Card, Cards};
use crate::contract::mark;
use crate::feed;
use crate::frames;
use crate::language;
use crate::link;
use crate::markdown::{Heading, Rendered};
use crate::moment::Moment;
use crate::policy::{self, Policy};
use crate::publication::{self, Comparison, Publication};
use crate::scan::Ids;
use crate::search::{self, Script};
use crate::shortcode::{Argument, Call};
use crate::site::{PageId, PageKind, Part, Site, SitePage};
use crate::site_config;
use crate::source_tree::SourceTree;
use crate::statement_values;
use crate::structured_data;
use crate::summary;
use crate::taxonomy::{self, Filing, Taxonomy};
use crate::theme_files::{self, Template, ThemeFiles};

/// The templates a theme must have.
const REQUIRED: [&str; 7] =
    ["home.html", "page.html", "section.html", "statement.html", "404.html", "redirect.html", "shortcodes/form.html"];

/// The templates a theme must have where pages are filed under terms.
const REQUIRED_FOR_TERMS: [&str; 2] = ["taxonomy.html", "term.html"];

/// The components a theme must have, for a form and for what is wrong with an answer.
const REQUIRED_COMPONENTS: [&str; 4] = ["form_field", "error_summary", "error_item", "error_request"];

/// The templates of what pages share, which is rendered once for all of them.
const SHARED: &str = "shared/";

/// What is shown to somebody who filled in a form while the statement changed.
const FORM_CHANGES: &str = "form-changes.html";

/// A compiled theme with the values all pages share.
pub struct Theme {
    tera: Tera,
    /// Where its templates stand.
    files: ThemeFiles,
    /// What is the same on all pages, where no entry of the menu is current.
    around: Around,
    /// The same where the entry is current that leads to this address, or the page is one that templates tell apart.
    arounds: AHashMap<String, Around>,
    statement: Value,
    /// What the statement says of what a form asks for.
    given: Given,
    /// Of each page, what other pages show of it.
    summaries: Vec<Summary>,
    /// Whether a template shows a page in a few words.
    wants_summary: bool,
    /// Of each page with pages below it, the summaries of those above it and its own.
    trails: AHashMap<PageId, Value>,
    /// Of each taxonomy, what its terms' pages show of them.
    taxonomies: Vec<TaxonomyValues>,
    /// The data files that can be used.
    data: Value,
    /// What is said where a template reads one that cannot: not the template's mistake.
    without_data: Vec<String>,
    /// What each shortcode may be given; all but `form`.
    shortcodes: BTreeMap<String, ComponentInfo>,
    /// The ids that stand in the templates as they are.
    ids: AHashSet<String>,
    /// What draws the pages' cards, where they have some.
    cards: Option<Cards>,
    /// The templates that ask for the headings, and for the headings as a tree.
    want_toc: HashSet<String>,
    want_outline: HashSet<String>,
}

/// What pages share: the settings, and what is made of them and of the statement once.
struct Around {
    site: Value,
    shared: Value,
}

/// What a page is rendered with besides its text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The error summary of a form that is shown again.
    pub problem: Option<&'a str>,
    /// The site path of its card.
    pub card: Option<&'a str>,
}

/// What other pages show of a page; shared by all of them, and by the page itself.
struct Summary {
    title: Value,
    url: Value,
    description: Value,
    date: Value,
    summary: Value,
    /// All of them together.
    whole: Value,
}

/// A taxonomy's values, shared by all pages that are filed in it.
struct TaxonomyValues {
    name: Value,
    title: Value,
    url: Value,
    terms: Vec<Value>,
}

/// A value that is a mapping, written as its keys and values.
macro_rules! map {
    ($($key:ident: $value:expr),* $(,)?) => {
        Value::from(Map::from_iter([$((stringify!($key).into(), Value::from($value))),*]))
    };
}

pub(crate) use map;

impl Theme {
    /// Compiles the theme the settings name; reports everything wrong with it and returns none if it cannot be used.
    pub fn compile(site: &Site, tree: &SourceTree, diagnostics: &mut Diagnostics) -> Option<Self> {
        let files = site.theme.clone();
        if !files.is_whole() {
            return None;
        }
        let templates = files.templates(tree);
        if templates.is_empty() {
            diagnostics.push(no_theme(site, tree));
            return None;
        }
        let mut is_whole = true;
        let is_made = |page: &&SitePage| matches!(page.kind, PageKind::Taxonomy(_) | PageKind::Term(..));
        let for_terms: &[&str] = if site.pages.iter().any(|page| is_made(&page)) { &REQUIRED_FOR_TERMS } else { &[] };
        let is_missing = |required: &&&str| !templates.iter().any(|template| template.own_name == **required);
        let optional = [(cards::TEMPLATE, site.config.cards), (search::TEMPLATE, site.config.search)];
        let wanted: Vec<&str> = optional.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect();
        let has_companions = site.publications.iter().any(|publication| publication.has_companions);
        let for_versions: &[&str] = if has_companions { &publication::TEMPLATES } else { &[] };
        let missing: Vec<&str> = for_versions.iter().filter(is_missing).copied().collect();
        if !missing.is_empty() {
            diagnostics.push(no_templates_for_versions(&files, &missing));
            is_whole = false;
        }
        let for_forms: &[&str] = if site.forms.is_empty() { &[] } else { &frames::TEMPLATES };
        for required in REQUIRED.iter().chain(for_terms).chain(for_forms).chain(&wanted) {
            if is_missing(&required) {
                diagnostics.push(
                    Diagnostic::error(
                        &files.template_path(required),
                        0..0,
                        format!("the theme has no template `{required}`"),
                    )
                    .help("copy it from `themes/optimal`, whose README describes every template"),
                );
                is_whole = false;
            }
        }
        let mut tera = Tera::new();
        tera.autoescape_on([".html", ".htm", ".xml", ".svg"]);
        tera.set_fallback_prefixes(files.prefixes()).expect("invariant: there are no templates yet");
        tera.register_function("asset", asset_function(site));
        tera.register_function("script", script_function(site));
        tera.register_test("right_to_left", |tag: &str, _: Kwargs, _: &State| language::is_right_to_left(tag));
        let added = tera.add_raw_templates(templates.iter().map(|template| (&template.name, template.text)));
        if matches!(&added, Err(error) if matches!(error.kind(), ErrorKind::SyntaxError(_))) {
            report_syntax(&templates, diagnostics);
            return None;
        }
        if !is_whole {
            return None;
        }
        if let Err(error) = added {
            match error.kind() {
                ErrorKind::Msg(reports) => across_templates(&files, &templates, reports, diagnostics),
                ErrorKind::MissingParent { current, parent } => {
                    let child = templates.iter().find(|template| template.name == *current);
                    let Template { path, text, .. } =
                        child.expect("invariant: a template extends from within the theme");
                    let at = text.find(&**parent).unwrap_or_default();
                    let message = format!("the template extends `{parent}`, which is not in the theme");
                    diagnostics.push(Diagnostic::error(path, at..at + parent.len(), message));
                }
                _ => diagnostics.push(diagnose(&files, &error)),
            }
            return None;
        }
        for component in REQUIRED_COMPONENTS.into_iter().filter(|component| !tera.contains_component(component)) {
            diagnostics.push(
                Diagnostic::error(
                    &files.template_path("components.html"),
                    0..0,
                    format!("the theme has no component `{component}`"),
                )
                .help("copy it from `themes/optimal/templates/components.html`"),
            );
            is_whole = false;
        }
        let shortcodes = shortcodes(&tera, &templates, diagnostics);
        let menu = menu(site, diagnostics);
        // What costs time for every page is made only where a template prints it.
        let wants = |key: &str| templates.iter().any(|template| template.text.contains(key));
        let wants_summary = wants(".summary") || wants("\"summary\"");
        let dates = dates(&site.pages);
        let summary = |page: &SitePage| Summary::new(site, page, tree, wants_summary, &dates);
        let mut theme = Self {
            around: Around { site: site_value(site, &menu, menu.len()), shared: Value::none() },
            arounds: AHashMap::new(),
            statement: site.statement().map_or_else(Value::none, |statement| statement_value(site, statement)),
            given: Given::new(site.statement()),
            summaries: site.pages.par_iter().map(summary).collect(),
            wants_summary,
            trails: AHashMap::new(),
            taxonomies: site.taxonomies.iter().map(taxonomy_values).collect(),
            data: data_value(site),
            without_data: site
                .data
                .iter()
                .filter(|(_, data)| data.is_none())
                .map(|(name, _)| format!("field `{name}` is not defined"))
                .collect(),
            shortcodes,
            ids: ids(&templates),
            cards: site.config.cards.then(|| Cards::load(&files, tree, diagnostics)),
            want_toc: templates_with("toc", &templates),
            want_outline: templates_with("outline", &templates),
            tera,
            files,
        };
        theme.trails = theme.trails(site);
        theme.around.shared = theme.shared(&theme.around.site, "", diagnostics)?;
        let addresses = menu.iter().map(String::as_str).filter(|address| address.starts_with('/'));
        for address in addresses.chain(["/", search::PAGE]) {
            if !theme.arounds.contains_key(address) {
                let current = menu.iter().position(|other| other == address).unwrap_or(menu.len());
                let site = site_value(site, &menu, current);
                let shared = theme.shared(&site, address, diagnostics)?;
                theme.arounds.insert(address.to_owned(), Around { site, shared });
            }
        }
        is_whole.then_some(theme)
    }

    /// Renders what the pages at an address share, by its name; none where a template of it is wrong.
    fn shared(&self, site: &Value, address: &str, diagnostics: &mut Diagnostics) -> Option<Value> {
        let mut context = Context::new();
        context.insert_value("site", site.clone());
        context.insert_value("statement", self.statement.clone());
        context.insert_value("current", address.into());
        let own_names = self.tera.get_template_names().map(|name| self.files.own_name(name));
        let names: BTreeSet<&str> = own_names.filter(|name| name.starts_with(SHARED)).collect();
        let mut shared = BTreeMap::new();
        for name in names {
            let html = self.render(name, &context, &self.files.template_path(name), diagnostics)?;
            let key = name[SHARED.len()..].split('.').next().unwrap_or_default();
            shared.insert(key.to_owned(), Value::safe_string(html.trim_end()));
        }
        Some(shared.into())
    }

    /// Of each page with pages below it, the summaries of those above it and its own.
    fn trails(&self, site: &Site) -> AHashMap<PageId, Value> {
        let parents: BTreeSet<PageId> = site.pages.iter().filter_map(|page| page.parent).collect();
        let trail = |id: PageId| self.values_of(site.ancestors(id).iter().chain([&id]));
        parents.into_iter().map(|id| (id, trail(id).into())).collect()
    }

    /// Takes note of a page whose text is another; returns whether other pages show something else of it now.
    pub fn reread(&mut self, site: &Site, id: PageId, tree: &SourceTree) -> bool {
        let page = &site.pages[id];
        let summary = Summary::new(site, page, tree, self.wants_summary, &dates([page]));
        let differs = summary.summary != self.summaries[id].summary;
        if differs {
            self.summaries[id] = summary;
            self.trails = self.trails(site);
        }
        differs
    }

    /// Draws the card of a page, or takes it from `cache`; with `is_kept` false it is only looked at. None where it has
    /// none, or none that can be drawn.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn card(
        &self,
        site: &Site,
        id: PageId,
        cache: Option<&Path>,
        is_kept: bool,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<Card>, Failure> {
        let (page, own) = (&site.pages[id], &self.summaries[id]);
        let (Some(cards), Some(address)) = (&self.cards, cards::address_of(site, page)) else { return Ok(None) };
        let mut context = Context::new();
        context.insert_value("site", self.site_for(&page.address));
        context.insert_value(
            "page",
            map! {
                kind: kind(page),
                title: own.title.clone(),
                description: own.description.clone(),
                url: own.url.clone(),
                permalink: address::permalink(&site.config.base_url, &page.address),
                language: statement_values::language(site, page),
                date: own.date.clone(),
            },
        );
        let Some(svg) = self.render(cards::TEMPLATE, &context, page.name(), diagnostics) else { return Ok(None) };
        let png = cards.draw(page, &svg, cache, is_kept, diagnostics)?;
        Ok(png.map(|png| Card { address, png }))
    }

    /// Renders a page around its HTML.
    pub fn page(
        &self,
        site: &Site,
        id: PageId,
        rendered: &Rendered,
        beside: Beside<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let page = &site.pages[id];
        let template = match (&page.front.template, page.kind) {
            (Some(template), _) => {
                if !self.tera.contains_template(&template.value) {
                    diagnostics.push(self.no_template(page, &template.value, template.span.clone()));
                    return None;
                }
                &template.value
            }
            (None, PageKind::Home) => "home.html",
            (None, PageKind::Page) => "page.html",
            (None, PageKind::Section) => "section.html",
            (None, PageKind::Statement(_)) => "statement.html",
            (None, PageKind::Companion(_, companion)) => companion.template(),
            (None, PageKind::NotFound) => "404.html",
            (None, PageKind::Taxonomy(_)) => "taxonomy.html",
            (None, PageKind::Term(..)) => "term.html",
            (None, PageKind::Search) => search::TEMPLATE,
        };
        let mut context = Context::new();
        for (name, value) in self.values(site, id, template, rendered, beside) {
            context.insert_value(name, value);
        }
        self.render(template, &context, page.name(), diagnostics).map(|html| with_policy(site, html))
    }

    /// The variables of a page's template.
    fn values(
        &self,
        site: &Site,
        id: PageId,
        template: &str,
        rendered: &Rendered,
        beside: Beside<'_>,
    ) -> Vec<(&'static str, Value)> {
        let page = &site.pages[id];
        let mut values = vec![
            ("site", self.site_for(&page.address)),
            ("shared", self.around(&page.address).shared.clone()),
            ("statement", self.statement.clone()),
            ("data", self.data.clone()),
            ("page", self.page_value(site, id, template, rendered, beside)),
            ("paginator", page.part.map_or_else(Value::none, |part| paginator_value(site, part))),
        ];
        values.extend(statement_values::of_page(site, page));
        if let Some(script) = search::script(site).filter(|_| page.kind == PageKind::Search) {
            values.push(("search", self.search_value(site, script)));
        }
        values
    }

    /// Renders what changed in the statement since a form was shown, if the theme has a template for it.
    pub fn changes(
        &self,
        site: &Site,
        publication: &Publication,
        comparison: &Comparison,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        if !self.tera.contains_template(FORM_CHANGES) {
            return None;
        }
        let mut context = Context::new();
        context.insert_value("comparison", statement_values::comparison_value(site, publication, comparison));
        self.render(FORM_CHANGES, &context, &site.statements[comparison.new].path, diagnostics)
    }

    /// Renders what is no page: what a feed says of a version, a mail, a receipt.
    pub fn fragment(
        &self,
        template: &str,
        values: Vec<(&'static str, Value)>,
        page: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let mut context = Context::new();
        context.insert_value("site", self.site_for(page));
        context.insert_value("shared", self.around(page).shared.clone());
        context.insert_value("statement", self.statement.clone());
        values.into_iter().for_each(|(name, value)| context.insert_value(name, value));
        self.render(template, &context, page, diagnostics)
    }

    /// The path of a template's file, in the nearest theme that has it.
    #[must_use]
    pub fn path(&self, template: &str) -> Arc<str> {
        let in_parents = self.files.prefixes().map(|prefix| format!("{prefix}{template}"));
        let mut names = std::iter::once(template.to_owned()).chain(in_parents);
        let found = names.find(|name| self.tera.get_template_names().any(|known| known == name));
        self.files.template_path(found.as_deref().unwrap_or(template))
    }

    /// Renders the page at a former address, which leads to `target`, for hosts that read no redirects.
    pub fn redirect(&self, site: &Site, target: PageId, diagnostics: &mut Diagnostics) -> Option<String> {
        let page = &site.pages[target];
        let mut context = Context::new();
        context.insert_value("site", self.site_for(&page.address));
        context.insert_value("target", address::permalink(&site.config.base_url, &page.address).into());
        self.render("redirect.html", &context, &page.path, diagnostics).map(|html| with_policy(site, html))
    }

    /// Renders the `<form>` around its fields, which are HTML already.
    pub fn form(
        &self,
        form: &statement::form::Form,
        fields: impl IntoIterator<Item = String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let mut context = Context::new();
        context.insert_value("form", form_value(form, fields));
        context.insert_value("statement", self.statement.clone());
        self.render("shortcodes/form.html", &context, &form.path, diagnostics)
    }

    /// Renders one field of a form with what is shown in it.
    pub fn field(
        &self,
        form: &statement::form::Form,
        field: &statement::form::Field,
        shown: &Shown,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let field = field_value(form, field, shown, &self.given);
        self.component("form_field", [("field", field)], &form.path, diagnostics)
    }

    /// Renders the summary of everything wrong around its lines, which are HTML already.
    pub fn error_summary(&self, items: &str, path: &Arc<str>, diagnostics: &mut Diagnostics) -> Option<String> {
        self.component("error_summary", [("items", Value::safe_string(items))], path, diagnostics)
    }

    /// Renders one line of the summary: what is wrong, and the id of the place it leads to.
    pub fn error_item(
        &self,
        target: &str,
        message: &str,
        path: &Arc<str>,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        self.component("error_item", [("target", target.into()), ("message", message.into())], path, diagnostics)
    }

    /// Renders what a visitor can quote of a request that was refused.
    pub fn error_request(&self, request: &str, path: &Arc<str>, diagnostics: &mut Diagnostics) -> Option<String> {
        self.component("error_request", [("request", request.into())], path, diagnostics)
    }

    /// What a shortcode may be given, if there is one of that name.
    #[must_use]
    pub fn shortcode(&self, name: &str) -> Option<&ComponentInfo> {
        self.shortcodes.get(name)
    }

    /// The names of all shortcodes but `form`, in order.
    pub fn shortcodes(&self) -> impl Iterator<Item = &str> {
        self.shortcodes.keys().map(String::as_str)
    }

    /// Whether an id stands in a template as it is.
    #[must_use]
    pub fn has_id(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Renders a shortcode that stands on a page, around its body if it has one.
    ///
    /// # Errors
    /// Says what is wrong with the template.
    pub fn expand(
        &self,
        site: &Site,
        page: PageId,
        call: &Call,
        body: Option<&str>,
    ) -> Result<String, Box<Diagnostic>> {
        let mut arguments = Context::new();
        for (key, argument) in &call.arguments {
            arguments.insert_value(key.value.clone(), argument_value(&argument.value));
        }
        // What a component may ask for with `@`, as in `{% component name(@site) %}`.
        let mut around = Context::new();
        around.insert_value("site", self.site_for(&site.pages[page].address));
        around.insert_value("statement", self.statement.clone());
        around.insert_value("page", self.summaries[page].whole.clone());
        self.tera
            .render_component_with_implicits(&call.name.value, &arguments, &around, body, true)
            .map(|html| html.trim().to_owned())
            .map_err(|error| Box::new(diagnose(&self.files, &error)))
    }

    fn around(&self, address: &str) -> &Around {
        self.arounds.get(address).unwrap_or(&self.around)
    }

    fn site_for(&self, address: &str) -> Value {
        self.around(address).site.clone()
    }

    fn page_value(&self, site: &Site, id: PageId, template: &str, rendered: &Rendered, beside: Beside<'_>) -> Value {
        let page = &site.pages[id];
        let own = &self.summaries[id];
        let summary = |id: PageId| self.summaries[id].whole.clone();
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
            title: own.title.clone(),
            description: own.description.clone(),
            url: own.url.clone(),
            permalink: address::permalink(&site.config.base_url, &page.address),
            language: statement_values::language(site, page),
            date: own.date.clone(),
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
            summary: own.summary.clone(),
            pages: children,
            problem: beside.problem.map(Value::safe_string),
            card: beside.card.map(|card| card_value(site, page, card)),
            noindex: page.noindex,
        }
    }

    /// The page on which the site is searched.
    fn search_value(&self, site: &Site, script: Script) -> Value {
        let sections = search::listed(site).into_iter().map(|(section, pages)| {
            map! {
                section: section.map(|section| self.summaries[section].whole.clone()),
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
        ids.into_iter().map(|id| self.summaries[*id].whole.clone()).collect()
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

    fn render(&self, template: &str, context: &Context, page: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        match self.tera.render(template, context) {
            Ok(html) => Some(html),
            Err(error) => {
                let diagnostic = diagnose(&self.files, &error);
                if !self.without_data.contains(&diagnostic.message) {
                    diagnostics.push(diagnostic.note(format!("while `{page}` was rendered")));
                }
                None
            }
        }
    }

    fn component<const N: usize>(
        &self,
        component: &str,
        arguments: [(&'static str, Value); N],
        page: &Arc<str>,
        diagnostics: &mut Diagnostics,
    ) -> Option<String> {
        let mut context = Context::new();
        arguments.into_iter().for_each(|(name, value)| context.insert_value(name, value));
        match self.tera.render_component(component, &context, None, true) {
            Ok(html) => Some(html.trim().to_owned()),
            Err(error) => {
                diagnostics.push(diagnose(&self.files, &error).note(format!("while `{page}` was rendered")));
                None
            }
        }
    }

    fn no_template(&self, page: &SitePage, template: &str, span: std::ops::Range<usize>) -> Diagnostic {
        let own_name = |name| self.files.own_name(name);
        let mut known: Vec<&str> = self.tera.get_template_names().map(own_name).collect();
        known.sort_unstable();
        let diagnostic = Diagnostic::error(&page.path, span, format!("the theme has no template `{template}`"));
        match near_match(template, known) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("write it as `{}`", self.files.template_path(template))),
        }
    }
}

/// The word for what kind of page it is.
fn kind(page: &SitePage) -> &'static str {
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

fn no_theme(site: &Site, tree: &SourceTree) -> Diagnostic {
    let theme = &site.config.theme;
    let path: Arc<str> = site_config::PATH.into();
    let diagnostic = Diagnostic::error(&path, theme.span.clone(), format!("there is no theme `{}`", theme.value))
        .label(format!("no templates under themes/{}/templates/", theme.value));
    let known = theme_files::names(tree);
    match near_match(&theme.value, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("known are {}", yaml::in_backticks(&known))),
    }
}

/// A theme that knows no versions can take what it lacks from one that does.
fn no_templates_for_versions(files: &ThemeFiles, missing: &[&str]) -> Diagnostic {
    let path = files.template_path(missing[0]);
    let fact = "the theme has no templates for the versions of a statement";
    Diagnostic::error(&path, 0..0, fact)
        .note(format!("missing are {}", yaml::in_backticks(missing)))
        .help("either write `extends: optimal` into the theme's `theme.yaml`, which takes them from there")
        .help("or copy them from `themes/optimal`, whose README describes every template")
}

/// `asset(path="site.css")`: where a file of the theme is published, and what a browser may compare it with.
fn asset_function(site: &Site) -> impl Fn(Kwargs, &State<'_>) -> tera::TeraResult<Value> + Send + Sync + 'static {
    let values: BTreeMap<String, Value> = site
        .assets
        .iter()
        .map(|(name, asset)| {
            let value = map! { url: address::href(&asset.address), integrity: asset.integrity.as_str() };
            (name.to_owned(), value)
        })
        .collect();
    move |arguments, _| {
        let path = arguments.must_get::<&str>("path")?;
        values.get(path).cloned().ok_or_else(|| {
            let known: Vec<&str> = values.keys().map(String::as_str).collect();
            tera::Error::message(format!(
                "the theme has no file `assets/{path}`. Available files: {}",
                known.join(", ")
            ))
        })
    }
}

/// `script(path="form.js")`: a script of the theme as an element of the page.
fn script_function(site: &Site) -> impl Fn(Kwargs, &State<'_>) -> tera::TeraResult<Value> + Send + Sync + 'static {
    let element = |text: &str| Value::safe_string(&format!("<script>{text}</script>"));
    let scripts: BTreeMap<String, Value> =
        site.assets.scripts().map(|(name, script)| (name.to_owned(), element(&script.text))).collect();
    move |arguments, _| {
        let path = arguments.must_get::<&str>("path")?;
        scripts.get(path).cloned().ok_or_else(|| {
            let known: Vec<&str> = scripts.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            tera::Error::message(format!("the theme has no file `scripts/{path}`. Available files: {known}"))
        })
    }
}

/// The addresses of the menu's entries.
fn menu(site: &Site, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut menu = Vec::new();
    for entry in &site.config.menu {
        match link::resolve(site, "site.yaml", None, &entry.to.value, true) {
            Ok(link) => menu.push(link.href.unwrap_or_else(|| entry.to.value.clone())),
            Err(broken) => {
                let path: Arc<str> = site_config::PATH.into();
                let diagnostic =
                    Diagnostic::error(&path, entry.to.span.clone(), "link target does not exist").label(broken.label);
                diagnostics.push(match broken.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                });
                // The place is kept, so that entries and addresses stay side by side.
                menu.push(String::new());
            }
        }
    }
    menu
}

fn site_value(site: &Site, menu: &[String], current: usize) -> Value {
    let entries: Vec<Value> = site
        .config
        .menu
        .iter()
        .zip(menu)
        .enumerate()
        .map(|(index, (entry, url))| {
            map! { label: entry.label.as_str(), url: url.as_str(), current: index == current }
        })
        .collect();
    map! {
        title: site.config.title.as_str(),
        description: site.config.description.as_str(),
        base_url: site.config.base_url.as_str(),
        language: site.config.language.as_str(),
        footer: site.config.footer.as_str(),
        policy: policy_in_page(site),
        search_url: site.config.search.then_some(search::PAGE),
        terms_url: site.terms().map(|terms| address::href(&terms.home)),
        menu: entries,
        feed: site.feeds.iter().any(|feed| feed.page.is_none()).then(|| feed_value("/")),
    }
}

/// Where the browser's policy stands in a page, if a page must say it itself.
fn policy_in_page(site: &Site) -> Option<String> {
    (policy::is_in_pages(site) && site.statement().is_some()).then(|| mark("policy"))
}

/// Puts the browser's policy where it stands: which scripts may run is known when the page is.
fn with_policy(site: &Site, html: String) -> String {
    if policy_in_page(site).is_none() {
        return html;
    }
    let policy = Policy::of(site);
    let allowed = policy.content_security_policy(&policy.scripts_in(&html), true).unwrap_or_default();
    html.replace(&mark("policy"), &allowed.replace('\'', "&#39;"))
}

fn data_value(site: &Site) -> Value {
    let usable =
        site.data.iter().filter_map(|(name, data)| Some((name.clone(), Value::from_serializable(data.as_ref()?))));
    usable.collect::<BTreeMap<String, Value>>().into()
}

fn feed_value(folder: &str) -> Value {
    map! {
        atom: address::href(&address::beside(folder, feed::ATOM)),
        json: address::href(&address::beside(folder, feed::JSON)),
    }
}

fn paginator_value(site: &Site, part: Part) -> Value {
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

fn taxonomy_values(taxonomy: &Taxonomy) -> TaxonomyValues {
    let term = |term: &taxonomy::Term| {
        map! {
            title: term.name.as_str(),
            url: address::href(&address::below(&taxonomy.address, &term.slug)),
            count: term.pages.len(),
        }
    };
    TaxonomyValues {
        name: taxonomy.config.name.value.as_str().into(),
        title: taxonomy.config.title.as_str().into(),
        url: address::href(&taxonomy.address).into(),
        terms: taxonomy.terms.iter().map(term).collect(),
    }
}

pub(crate) fn statement_value(site: &Site, statement: &Statement) -> Value {
    let effective = statement_values::moment(site, statement_values::effective(site, statement));
    let contact = statement.contact.as_ref();
    map! {
        title: statement.title.as_str(),
        language: statement.language.as_str(),
        version: statement.version.as_str(),
        url: address::href(&Site::statement_home(statement)),
        permalink: address::permalink(&site.config.base_url, &Site::statement_address(statement)),
        version_url: address::href(&Site::statement_address(statement)),
        effective: statement_values::effective_date(site, statement).to_string(),
        effective_words: effective.get_from_path("words").cloned(),
        effective_datetime: effective.get_from_path("iso").cloned(),
        digest: statement.digests.digest.as_str(),
        contact_email: contact.map(|contact| contact.email.as_str()),
        contact_href: contact.map(|contact| address::mailto(&contact.email, contact.subject.as_deref())),
        retention_words: statement.retention_minimum.map(statement::period::Period::to_words),
        glance: statement_values::glance(statement),
        changes_url: statement_values::changes_url(site, statement),
        changes_feed: statement_values::changes_feed(site, statement),
    }
}

/// What the statement in force says of what visitors give.
struct Given {
    /// For each field it declares, what it is never used for.
    never: BTreeMap<String, Vec<String>>,
    /// How long it is kept at least.
    minimum: Option<String>,
}

impl Given {
    fn new(statement: Option<&Statement>) -> Self {
        let never = |key: &str| {
            let ruled_out = statement.iter().flat_map(|statement| &statement.promises.never);
            let ruled_out = ruled_out.filter(|never| never.of.is_empty() || never.of.iter().any(|of| of == key));
            ruled_out.map(|never| statement_values::spoken(never.purpose.word())).collect()
        };
        let fields = statement.iter().flat_map(|statement| &statement.fields);
        Self {
            never: fields.map(|field| (field.key.clone(), never(&field.key))).collect(),
            minimum: statement
                .and_then(|statement| statement.retention_minimum)
                .map(statement::period::Period::to_words),
        }
    }
}

fn form_value(form: &statement::form::Form, fields: impl IntoIterator<Item = String>) -> Value {
    let fields: Vec<Value> = fields.into_iter().map(|html| map! { html: Value::safe_string(&html) }).collect();
    map! {
        id: form.id.as_str(),
        action: address::href(&address::of_form(&form.id)),
        submit: form.submit.as_str(),
        purpose: statement_values::spoken(form.purpose().word()),
        fields: fields,
        challenge: form.proof_of_work.then(|| address::href(&address::of_challenge(&form.id))),
    }
}

/// What is shown in a field besides what its author declared.
#[derive(Debug, Default)]
pub struct Shown {
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// An attribute for each option, which is HTML, or nothing; a missing one is nothing.
    pub checked: Vec<String>,
}

fn field_value(form: &statement::form::Form, field: &statement::form::Field, shown: &Shown, given: &Given) -> Value {
    let checked = |option: usize| shown.checked.get(option).map_or("", String::as_str);
    let option =
        |(at, value): (usize, &String)| map! { value: value.as_str(), checked: Value::safe_string(checked(at)) };
    let options: Vec<Value> = field.options.iter().enumerate().map(option).collect();
    map! {
        name: field.name.value.as_str(),
        label: field.label.as_str(),
        hint: field.hint.as_str(),
        kind: field.kind.word(),
        autocomplete: field.autocomplete.as_str(),
        required: field.required,
        characters_max: field.characters_max,
        conditional: field.required_when.is_some(),
        purpose: statement_values::spoken(form.purpose().word()),
        never: given.never.get(&field.name.value).cloned().unwrap_or_default(),
        minimum: given.minimum.as_deref(),
        message_empty: field.message_empty.as_str(),
        message_malformed: field.message_malformed.as_str(),
        options: options,
        value: shown.value.as_str(),
        message: shown.message.as_str(),
    }
}

/// The values of moments: many pages have the same.
type Dates<'a> = BTreeMap<&'a Moment, Value>;

fn dates<'a>(pages: impl IntoIterator<Item = &'a SitePage>) -> Dates<'a> {
    let mut dates = Dates::default();
    for date in pages.into_iter().filter_map(|page| page.front.date.as_ref()) {
        dates.entry(date).or_insert_with(|| moment_value(date));
    }
    dates
}

impl Summary {
    fn new(site: &Site, page: &SitePage, tree: &SourceTree, wants_summary: bool, dates: &Dates<'_>) -> Self {
        let text = tree.text(&page.path).filter(|_| wants_summary);
        let title = Value::from(page.front.title.as_str());
        let url = Value::from(address::href(&page.address));
        let description = Value::from(page.front.description.as_str());
        let date = page.front.date.as_ref().map_or_else(Value::none, |date| dates[date].clone());
        let summary = Value::from(text.map_or_else(String::new, |text| summary::summary(site, page, text)));
        let whole = map! {
            title: title.clone(),
            url: url.clone(),
            description: description.clone(),
            summary: summary.clone(),
            date: date.clone(),
        };
        Self { title, url, description, date, summary, whole }
    }
}

/// The templates in which a word stands, themselves or in one that they name: a value that costs something for every
/// page is made for these only. Those of a theme and of the one it extends go by the same name.
fn templates_with(word: &str, templates: &[Template<'_>]) -> HashSet<String> {
    let mut found: HashSet<&str> =
        templates.iter().filter(|template| template.text.contains(word)).map(|template| template.own_name).collect();
    loop {
        let names_one = |text: &str| found.iter().any(|name| text.contains(name));
        let more: Vec<&str> = templates
            .iter()
            .filter(|template| !found.contains(template.own_name) && names_one(template.text))
            .map(|template| template.own_name)
            .collect();
        if more.is_empty() {
            return found.into_iter().map(str::to_owned).collect();
        }
        found.extend(more);
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

/// The ids that stand in templates as they are; the others depend on what is rendered.
fn ids(templates: &[Template<'_>]) -> AHashSet<String> {
    let all = templates.iter().map(|template| Ids::of(template.text));
    all.flat_map(|ids| ids.iter().filter(|id| !id.contains('{')).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A shortcode's file declares a component of its name, and so which parameters it has.
fn shortcodes(
    tera: &Tera,
    templates: &[Template<'_>],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, ComponentInfo> {
    let mut shortcodes = BTreeMap::new();
    for Template { path, own_name, .. } in templates {
        let name = own_name.strip_prefix("shortcodes/").and_then(|name| name.strip_suffix(".html"));
        let Some(name) = name.filter(|name| *name != "form") else { continue };
        match tera.get_component_definition(name) {
            Some(declared) => drop(shortcodes.insert(name.to_owned(), declared)),
            None => diagnostics.push(
                Diagnostic::error(path, 0..0, format!("the shortcode's file has no component `{name}`")).help(format!(
                    "begin it with `{{% component {name}() %}}`, and end it with `{{% endcomponent %}}`"
                )),
            ),
        }
    }
    shortcodes
}

fn argument_value(argument: &Argument) -> Value {
    match argument {
        Argument::Text(text) => text.as_str().into(),
        Argument::Integer(number) => (*number).into(),
        Argument::Float(number) => (*number).into(),
        Argument::Boolean(value) => (*value).into(),
        Argument::List(items) => items.iter().map(argument_value).collect::<Vec<Value>>().into(),
    }
}

fn moment_value(moment: &Moment) -> Value {
    map! { iso: moment.iso(), words: date_words(moment.date()) }
}

/// `September 26, 2018`.
pub(crate) fn date_words(date: Date) -> String {
    date.strftime("%B %-d, %Y").to_string()
}

/// Reads each template by itself, so that all mistakes are found: together, Tera stops at the first.
fn report_syntax(templates: &[Template<'_>], diagnostics: &mut Diagnostics) {
    for Template { path, name, text, .. } in templates {
        if let Err(error) = Tera::new().add_raw_template(name, text)
            && let ErrorKind::SyntaxError(report) = error.kind()
        {
            diagnostics.push(
                Diagnostic::error(path, report.span().range.clone(), sentence(report.message()))
                    .help("templates are written in Tera 2"),
            );
        }
    }
}

/// Splits what Tera says about all templates together, which comes as one drawn text: `error: fact`, then
/// ` --> name:line:column` with the column counted in characters.
fn across_templates(files: &ThemeFiles, templates: &[Template<'_>], reports: &str, diagnostics: &mut Diagnostics) {
    let mut lines = reports.lines().peekable();
    let mut is_placed = false;
    while let Some(line) = lines.next() {
        let Some(fact) = line.strip_prefix("error: ") else { continue };
        let place = lines.peek().and_then(|line| line.trim_start().strip_prefix("--> ")).and_then(|place| {
            let (place, column) = place.rsplit_once(':')?;
            let (name, line) = place.rsplit_once(':')?;
            let Template { path, text, .. } = templates.iter().find(|template| template.name == name)?;
            let line_start: usize =
                text.split_inclusive('\n').take(line.parse::<usize>().ok()? - 1).map(str::len).sum();
            let rest = &text[line_start..];
            let at = rest.char_indices().nth(column.parse::<usize>().ok()? - 1).map_or(0, |(at, _)| at);
            let length = rest[at..].find(|letter: char| " \n|}/>".contains(letter)).unwrap_or(rest.len() - at);
            Some((*path, line_start + at..line_start + at + length))
        });
        if let Some((path, span)) = place {
            diagnostics.push(Diagnostic::error(path, span, sentence(fact)));
            is_placed = true;
        }
    }
    if !is_placed {
        let path: Arc<str> = files.template_path("").trim_end_matches('/').into();
        diagnostics.push(Diagnostic::error(&path, 0..0, sentence(reports)));
    }
}

fn diagnose(files: &ThemeFiles, error: &tera::Error) -> Diagnostic {
    let at = |name: &str, span, message: &str| {
        let path = files.template_path(name);
        // Tera lists what there is behind the fact.
        match message.split_once(". Available ") {
            Some((fact, available)) => {
                Diagnostic::error(&path, span, sentence(fact)).help(format!("available {available}"))
            }
            None => Diagnostic::error(&path, span, sentence(message)),
        }
    };
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            at(report.filename(), report.span().range.clone(), report.message())
        }
        ErrorKind::CircularExtend { tpl, .. } => at(tpl, 0..0, "the template extends itself, in a circle"),
        ErrorKind::CircularInclude { tpl, .. } => at(tpl, 0..0, "the template includes itself, in a circle"),
        other => at("", 0..0, &other.to_string()),
    }
}

/// A library's words in the shape of ours: lower case first, no full stop.
pub(crate) fn sentence(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;
    use crate::markdown;
    use crate::site::Options;

    /// A site in which nothing that templates can be given is missing.
    const SITE: &str = "\
-- content/site.yaml --
title: Site
base_url: https://example.org
language: en
timezone: America/Chicago
theme: plain
paginate: 1
menu: [{label: Home, to: _index.md}]
-- content/guides/_index.md --
---
title: Guides
feed: true
---
-- content/guides/more/_index.md --
---
title: More
---
-- content/guides/a.md --
---
title: A
date: \"2024-01-01\"
updated: \"2024-01-02\"
tags: [x]
---
## Heading
-- content/guides/b.md --
---
title: B
date: \"2024-01-01\"
tags: [x]
---
-- content/guides/c.md --
---
title: C
---
-- themes/plain/templates/taxonomy.html --
{# It asks for what is made only where it is asked for: page.toc. #}
-- themes/plain/templates/term.html --
";

    /// What kind of thing stands at a path, where several paths hold the same kind.
    fn shape(path: &str) -> &str {
        match path {
            "page.pages" | "page.subsections" | "page.ancestors" | "page.related" => "entry",
            "page.section" | "page.previous" | "page.next" => "entry",
            "page.date" | "page.updated" | "entry.date" => "moment",
            "page.taxonomies" => "taxonomy",
            "page.terms" | "taxonomy.terms" => "term",
            "page.toc" => "heading",
            "site.menu" => "item",
            "site.feed" | "page.feed" => "feed",
            "form.fields" => "field",
            "field.options" => "option",
            "statement.glance" => "version.glance",
            path => path,
        }
    }

    /// Adds the path of everything in a value.
    fn walk(path: &str, value: &Value, given: &mut BTreeSet<String>) {
        if let Some(map) = value.as_map() {
            for (key, value) in map {
                let path = format!("{}.{key}", shape(path));
                // What is in there is the site's own.
                if path != "page.extra" {
                    walk(&path, value, given);
                }
                given.insert(path);
            }
        }
        for item in value.as_array().unwrap_or_default() {
            walk(path, item, given);
        }
    }

    #[test]
    fn the_readme_of_the_theme_names_every_variable() {
        let base = include_str!("../tests/site_archive/base_site.txt");
        let base = base.replacen("-- content/site.yaml --", "-- content/former.yaml --", 1);
        let tree = SourceTree::from_archive(&format!("{base}{SITE}"));
        let mut diagnostics = Diagnostics::new();
        let options = Options { today: Some(jiff::civil::date(2024, 5, 1)), ..Options::default() };
        let site = Site::assemble(&tree, &options, &mut diagnostics).expect("the site has settings");
        let theme = Theme::compile(&site, &tree, &mut diagnostics).expect("the theme is whole");

        let by_frames = [
            "answer.label answer.text",
            "letter.answers letter.form letter.page_url letter.received letter.reference letter.statement_url letter.statement_version",
            "receipt.file_url receipt.json receipt.received receipt.reference receipt.statement_url receipt.statement_version",
            "target items message",
        ];
        let mut given: BTreeSet<String> =
            by_frames.iter().flat_map(|names| names.split(' ')).map(str::to_owned).collect();
        for id in 0..site.pages.len() {
            let file = tree.text(&site.pages[id].path).expect("a page has a file");
            let rendered = markdown::render(&site, &theme, id, file, &HashMap::new(), &mut Diagnostics::new());
            for (name, value) in theme.values(&site, id, "taxonomy.html", &rendered, Beside::default()) {
                given.insert(name.to_owned());
                walk(name, &value, &mut given);
            }
        }
        let form = &site.forms[0];
        let of_statement = Given::new(site.statement());
        walk("form", &form_value(form, [String::new()]), &mut given);
        let field = statement::form::Field { options: vec!["one".to_owned()], ..form.fields[0].clone() };
        walk("field", &field_value(form, &field, &Shown::default(), &of_statement), &mut given);
        // A version has the keys of `statement`, and one more.
        given.retain(|path| !path.starts_with("version.") || path == "version.in_force");

        let readme = include_str!("../../themes/optimal/README.md");
        let (_, readme) = readme.split_once("\n## Variables\n").expect("the README has variables");
        let (readme, _) = readme.split_once("\n## What a changed theme must keep\n").expect("the README has an end");
        let documented: BTreeSet<String> = readme
            .lines()
            .filter_map(|line| line.strip_prefix('|')?.split('|').next())
            .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned))
            .collect();
        let roots = ["site", "page", "form"].map(str::to_owned);
        given.retain(|path| !roots.contains(path));
        let missing: Vec<&String> = given.difference(&documented).collect();
        let gone: Vec<&String> = documented.difference(&given).collect();
        assert!(missing.is_empty() && gone.is_empty(), "not documented: {missing:?}; not given: {gone:?}");
    }
}
