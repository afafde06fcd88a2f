//! What laws wish for, where the settings name one (P208), and the date a statement's page must show (P211).
//!
//! Facts about law are here only where they make a check; nothing here is legal advice.

use std::sync::Arc;

use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::promise::SignalAnswer;

use crate::address;
use crate::declared::Profile;
use crate::markdown::Rendered;
use crate::site::{PageKind, Site, SitePage};
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

/// Reports a page without a visible link to the statement that has the word “privacy”, where a profile wishes for one.
pub fn check_privacy_link(site: &Site, page: &SitePage, html: &str, diagnostics: &mut Diagnostics) {
    let Some(statement) = site.statement().filter(|_| !site.config.declared.lint.is_empty()) else { return };
    let home = address::href(&Site::statement_home(statement));
    let opening = format!("href=\"{home}\"");
    let is_link = |at: usize| {
        let is_anchor = html[..at].rfind('<').is_some_and(|start| html[start..].starts_with("<a "));
        let end = html[at..].find("</a>").map_or(html.len(), |end| at + end);
        is_anchor && html[at + opening.len()..end].to_lowercase().contains("privacy")
    };
    if html.match_indices(&opening).any(|(at, _)| is_link(at)) {
        return;
    }
    let path: Arc<str> = format!("themes/{}/templates", site.config.theme.value).into();
    diagnostics.push(
        Diagnostic::warning(&path, 0..0, "profile us-caloppa: a page has no link with the word `privacy`")
            .code("P208")
            .note(format!("found in `{}`", page.address))
            .help(format!("either link to `{home}` in the theme, with the word “Privacy”"))
            .help("or remove `us-caloppa` from `lint` in `content/site.yaml`"),
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
    if [statement.effective.to_string(), date_words(statement.effective)].iter().any(|date| above.contains(date)) {
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
