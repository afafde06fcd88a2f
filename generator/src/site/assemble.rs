//! The steps from parsed files to the site, in the order in which they need each other.

use std::collections::HashMap;

use ahash::AHashMap;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::form::Form;
use statement::version::{Statement, start_of};

use super::addresses::refuse_unfit_names;
use super::parse::{Documents, parse_documents, parse_forms};
use super::{LeftOut, Options, Site};
use crate::assets::Assets;
use crate::data;
use crate::documents;
use crate::page;
use crate::publication::{self, Publication};
use crate::site_config::SiteConfig;
use crate::source_tree::SourceTree;
use crate::theme_files::ThemeFiles;

impl Site {
    /// Parses and assembles the site; reports everything wrong and returns none if it has no usable settings.
    pub fn assemble(tree: &SourceTree, options: &Options, diagnostics: &mut Diagnostics) -> Option<Self> {
        Self::assemble_knowing(tree, options, &|_| None, diagnostics)
    }

    /// The same, where some pages were parsed before, by path: what was found in them was nothing.
    pub fn assemble_knowing(
        tree: &SourceTree,
        options: &Options,
        known: &(dyn Fn(&str) -> Option<page::Page> + Sync),
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let config = SiteConfig::parse(tree, options.base_url.as_deref(), diagnostics);
        let timezone = config.as_ref().map_or(TimeZone::UTC, |config| config.timezone.clone());
        // The theme is as much work as a small site's pages, and has nothing to do with them.
        let (documents, theme) = rayon::join(
            || parse_documents(tree, &timezone, options.statement_drafts, known, diagnostics),
            || config.as_ref().map(|config| theme_of(config, tree, options)),
        );
        let Documents { pages, statements, translations, left_out, mut unusable } = documents;
        let forms = parse_forms(tree, &mut unusable, diagnostics);
        let data = data::parse(tree, diagnostics);
        let (config, (theme, assets, found)) = config.zip(theme)?;
        diagnostics.append(found);
        let today = config.today(options);
        let at = options.today.map_or(options.now, |today| start_of(today, &config.timezone));
        let documents = documents::assemble(tree, &statements, &translations, &config.timezone, at, diagnostics);
        let publications = publication::gather(documents, tree, &theme, &statements, &translations, at);
        let in_force = in_force(&publications, &statements).map(|index| &statements[index]);
        // Where the statement itself could not be read, its absence is no news.
        if in_force.is_some() || unusable.is_empty() {
            check_statement(&statements, &forms, in_force, &today, diagnostics);
        }
        let in_force = in_force.and_then(|found| statements.iter().position(|version| std::ptr::eq(version, found)));

        let mut site = Self {
            config,
            theme,
            assets,
            pages: Vec::with_capacity(pages.len() + statements.len() + 1),
            statements,
            translations,
            in_force,
            publications,
            forms,
            files: Vec::new(),
            sizes: HashMap::new(),
            scaled: HashMap::new(),
            redirects: Vec::new(),
            by_address: AHashMap::with_capacity(pages.len()),
            by_content_path: AHashMap::with_capacity(pages.len()),
            taxonomies: Vec::new(),
            feeds: Vec::new(),
            data,
            left_out: left_out.into_iter().map(|path| (path, LeftOut::Draft)).collect(),
            unusable,
        };
        refuse_unfit_names(tree, diagnostics);
        site.reserve_addresses();
        site.add_pages(pages, options, today, diagnostics);
        site.add_statement_pages(diagnostics);
        site.hide_thank_you_pages();
        site.order_sections();
        if options.is_edited {
            site.add_style_guide(tree, diagnostics);
        }
        site.add_taxonomies(tree, diagnostics);
        site.add_feeds(diagnostics);
        site.spread_lists(diagnostics);
        site.add_sitemaps();
        site.add_search(diagnostics);
        site.reserve_admin(tree, diagnostics);
        site.add_files(tree, diagnostics);
        site.add_cards(diagnostics);
        site.add_redirects(diagnostics);
        site.add_statement_redirects();
        site.refuse_file_as_folder(tree, diagnostics);
        site.refuse_same_but_for_case(tree, diagnostics);
        site.require_home(diagnostics);
        Some(site)
    }
}

/// The theme's files, what it publishes of them, and what is wrong with them.
fn theme_of(config: &SiteConfig, tree: &SourceTree, options: &Options) -> (ThemeFiles, Assets, Diagnostics) {
    let mut found = Diagnostics::new();
    let theme = ThemeFiles::find(&config.theme.value, tree, &mut found);
    let assets = Assets::assemble(&theme, tree, options.is_edited, &mut found);
    (theme, assets, found)
}

/// The version in force of the privacy statement: of the documents, the one with facts.
fn in_force(publications: &[Publication], statements: &[Statement]) -> Option<usize> {
    let versions = publications.iter().filter_map(|publication| {
        let version = &publication.document.history.versions[publication.in_force()?];
        Some((version.effective, publication.file_of(version)?))
    });
    versions.filter(|(_, file)| statements[*file].has_facts).max().map(|(_, file)| file)
}

fn check_statement(
    statements: &[Statement],
    forms: &[Form],
    in_force: Option<&Statement>,
    today: &Date,
    diagnostics: &mut Diagnostics,
) {
    let Some(statement) = in_force else {
        for form in forms {
            let diagnostic =
                Diagnostic::error(&form.path, 0..0, format!("no privacy statement is in force on {today}"))
                    .note("a form may only ask for what a statement declares");
            diagnostics.push(
                match statements
                    .iter()
                    .filter(|statement| statement.has_facts)
                    .min_by_key(|statement| statement.effective)
                {
                    Some(first) => diagnostic.help(format!("the first version is effective on {}", first.effective)),
                    None => diagnostic.help("write one, for example `content/privacy/2018-09-26.md`"),
                },
            );
        }
        return;
    };
    for form in forms {
        form.check(statement, diagnostics);
    }
}
