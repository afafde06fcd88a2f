//! The theme's templates, and the values made for them: templates see these and no others.
//!
//! What many pages share (menu, statement, summaries) is turned into a value once and handed over by reference count.

mod asked_for;
pub(crate) mod faults;
mod form_values;
mod page_values;
#[cfg(test)]
mod readme;
mod site_values;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use tera::{ComponentInfo, Context, ErrorKind, Kwargs, State, Tera, Value};

use self::asked_for::{asset_function, ids, script_function, shortcodes, templates_with};
use self::faults::{across_templates, diagnose, no_templates_for_versions, no_theme, report_syntax};
pub use self::form_values::Shown;
use self::form_values::{Given, argument_value, field_value, form_value};
pub(crate) use self::page_values::date_words;
use self::page_values::{dates, kind, paginator_value, summary_value};
pub(crate) use self::site_values::statement_value;
use self::site_values::{TaxonomyValues, data_value, menu, site_value, taxonomy_values, with_policy};
use crate::Failure;
use crate::address;
use crate::cards::{self, Card, Cards};
use crate::frames;
use crate::language;
use crate::markdown::Rendered;
use crate::publication::{self, Comparison, Publication};
use crate::search;
use crate::shortcode::Call;
use crate::site::{PageId, PageKind, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::statement_values;
use crate::theme_files::{Template, ThemeFiles};

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
    summaries: Vec<Value>,
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

/// A value that is a mapping, written as its keys and values.
macro_rules! map {
    ($($key:ident: $value:expr),* $(,)?) => {
        ::tera::Value::from(::tera::Map::from_iter([$((stringify!($key).into(), Value::from($value))),*]))
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
        let summary = |page: &SitePage| summary_value(site, page, tree, wants_summary, &dates);
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

    /// Takes note of a page whose text is another; returns whether other pages show something else of it now.
    pub fn reread(&mut self, site: &Site, id: PageId, tree: &SourceTree) -> bool {
        let page = &site.pages[id];
        let summary = summary_value(site, page, tree, self.wants_summary, &dates([page]));
        let differs = summary != self.summaries[id];
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
        let page = &site.pages[id];
        let (Some(cards), Some(address)) = (&self.cards, cards::address_of(site, page)) else { return Ok(None) };
        let mut context = Context::new();
        context.insert_value("site", self.site_for(&page.address));
        context.insert_value(
            "page",
            map! {
                kind: kind(page),
                title: self.own(id, "title"),
                description: self.own(id, "description"),
                url: self.own(id, "url"),
                permalink: address::permalink(&site.config.base_url, &page.address),
                language: statement_values::language(site, page),
                date: self.own(id, "date"),
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
        around.insert_value("page", self.summaries[page].clone());
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
