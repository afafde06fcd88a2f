//! What laws wish for, where the settings name one (P208), the link to the statement that every page must have (P231),
//! and the date a statement's page must show (P211).
//!
//! Facts about law are here only where they make a check; nothing here is legal advice.

use std::sync::Arc;

use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::promise::SignalAnswer;

use crate::declared::Profile;
use crate::markdown::Rendered;
use crate::scan;
use crate::site::{PageKind, Site, SitePage};
use crate::statement_values;
use crate::template::date_words;

/// Reports what a profile wishes for and the statement in force does not say.
pub fn check_profiles(site: &Site, diagnostics: &mut Diagnostics) {
    let Some(statement) = site.statement() else { return };
    let promises = &statement.promises;
    for profile in &site.config.declared.lint {
        let Profile::UsCaloppa = profile.value;
        let has_dnt = promises.signals.and_then(|signals| signals.dnt).is_some_and(|dnt| dnt != SignalAnswer::Unstated);
        let wishes = [
            (has_dnt, "Do Not Track", "`signals.dnt`"),
            (
                promises.tracking.is_some_and(|tracking| tracking.across_sites.is_some()),
                "others who track visitors from site to site",
                "`collects.tracking.across_sites`",
            ),
            (promises.changes.is_some(), "how changes are made known", "`changes`"),
            (promises.shares.is_some(), "with whom information is shared", "`shares`"),
        ];
        for (_, what, key) in wishes.into_iter().filter(|(is_said, ..)| !is_said) {
            diagnostics.push(
                Diagnostic::warning(&statement.path, 0..0, format!("profile us-caloppa: nothing found about {what}"))
                    .code("P208")
                    .note("California Business and Professions Code, section 22575, subdivision (b)")
                    .help(format!("either say it in a new version of the statement, with its fact under {key}"))
                    .help("or remove `us-caloppa` from `lint` in `content/site.yaml`"),
            );
        }
    }
}

/// Reports a page without a visible link to the statement: an error where its facts are held against its text (P231),
/// a wish where only a profile has it (P208). It is the theme that lacks the link.
pub fn check_privacy_link(site: &Site, page: &SitePage, html: &str, diagnostics: &mut Diagnostics) {
    let Some(statement) = site.statement() else { return };
    let is_required = statement.promises.provenance.is_some();
    let is_wished_for = !site.config.declared.lint.is_empty();
    if !is_required && !is_wished_for || scan::has_privacy_link(html) {
        return;
    }
    let path: Arc<str> = format!("themes/{}/templates", site.config.theme.value).into();
    let fact = "a page has no visible link to the privacy statement";
    let missing = if is_required {
        Diagnostic::error(&path, 0..0, fact).code("P231")
    } else {
        Diagnostic::warning(&path, 0..0, format!("profile us-caloppa: {fact}")).code("P208")
    };
    diagnostics.push(
        missing
            .note(format!("found on `{}`", page.name()))
            .note("it is looked for in the page's `<header>` and `<footer>`, with the word “Privacy”")
            .help("print `<a href=\"{{ statement.url }}\" rel=\"privacy-policy\">Privacy statement</a>` in the theme's footer"),
    );
}

/// Reports a version's page that does not show the version's date above the first section, where the text says so.
pub fn check_date(site: &Site, page: &SitePage, rendered: &Rendered, html: &str, diagnostics: &mut Diagnostics) {
    let PageKind::Statement(version) = page.kind else { return };
    let statement = &site.statements[version];
    if statement.promises.changes.as_ref().is_none_or(|changes| changes.date_at_top != Some(true)) {
        return;
    }
    let first = rendered.headings.first().and_then(|heading| html.find(&format!("id=\"{}\"", heading.id)));
    let above = &html[..first.unwrap_or(html.len())];
    let above = above.split_once("<body").map_or(above, |(_, body)| body);
    let date = statement_values::effective_date(site, statement);
    if [date.to_string(), date_words(date)].iter().any(|date| above.contains(date)) {
        return;
    }
    let path: Arc<str> = format!("themes/{}/templates/statement.html", site.config.theme.value).into();
    diagnostics.push(
        Diagnostic::error(&path, 0..0, "no date stands above the first section of the statement")
            .code("P211")
            .note(format!("statement {} says that its date is at the top of the page", statement.version))
            .help("either print `version.effective_words` in the theme, above `page.content`")
            .help("or say `date_at_top: false` under `changes` in a new version of the statement"),
    );
}
