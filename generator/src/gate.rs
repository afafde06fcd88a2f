//! Holds what was found in the finished files against what the statement allows, and says where to mend it.
//!
//! It neither scans nor decides: [`crate::scan`] finds, [`Policy`] allows. Where no statement is in force nothing was
//! promised, and nothing is refused.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;
use percent_encoding::percent_decode_str;
use statement::diagnostic::{Diagnostic, Diagnostics};

use crate::address;
use crate::declared::Kind;
use crate::policy::{self, Asked, Policy};
use crate::scan::script::{Power, powers};
use crate::scan::{self, Finding, FindingKind, Load, style};
use crate::site::{Occupant, PageKind, Site, SitePage};
use crate::source_tree::SourceTree;

/// What was found and is allowed, for the report of what is declared and never found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// A provider, by its place among those declared.
    Provider(usize),
    /// A cookie is read or set.
    Cookies,
    /// A script of the theme or of this program, by its place among them.
    Script(usize),
}

/// The scripts among what was found, by their places.
#[must_use]
pub fn scripts(used: &BTreeSet<Used>) -> BTreeSet<usize> {
    let script = |used: &Used| match used {
        Used::Script(script) => Some(*script),
        Used::Provider(_) | Used::Cookies => None,
    };
    used.iter().filter_map(script).collect()
}

/// Everything a finding is held against.
pub struct Gate<'a> {
    site: &'a Site,
    tree: &'a SourceTree,
    policy: &'a Policy<'a>,
}

/// Where something was found.
struct Within<'a> {
    /// The file that is looked into first.
    path: &'a Arc<str>,
    /// The site path, for the note.
    address: &'a str,
    /// Whether the theme may have written it.
    is_page: bool,
}

impl<'a> Gate<'a> {
    /// A gate of the site.
    #[must_use]
    pub fn new(site: &'a Site, tree: &'a SourceTree, policy: &'a Policy<'a>) -> Self {
        Self { site, tree, policy }
    }

    /// Holds a page's findings against the statement; returns what is allowed and was found.
    pub fn check_page(&self, page: &SitePage, findings: &[Finding<'_>], diagnostics: &mut Diagnostics) -> Vec<Used> {
        self.check_served(page, &page.address, findings, diagnostics)
    }

    /// The same for a page as somebody serves it at `address`.
    pub fn check_served(
        &self,
        page: &SitePage,
        address: &str,
        findings: &[Finding<'_>],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Used> {
        let mut used = Vec::new();
        if findings.is_empty() || self.policy.statement.is_none() {
            return used;
        }
        let within = Within { path: &page.path, address, is_page: true };
        let is_statement = matches!(page.kind, PageKind::Statement(_));
        let has_form = findings.iter().any(|finding| matches!(finding.kind, FindingKind::Form(_)));
        for finding in findings {
            if is_statement && matches!(finding.kind, FindingKind::Mail(_)) {
                continue;
            }
            self.check(&within, finding, has_form, &mut used, diagnostics);
        }
        used
    }

    /// Holds a file that is published as it is, or made for the site as a whole, against the statement.
    pub fn check_file(&self, path: &Arc<str>, address: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> Vec<Used> {
        let mut used = Vec::new();
        let suffix = address.rsplit_once('.').map_or("", |(_, suffix)| suffix).to_ascii_lowercase();
        let is_page = matches!(suffix.as_str(), "html" | "htm" | "xhtml" | "svg") || address.ends_with('/');
        let is_script = matches!(suffix.as_str(), "js" | "mjs" | "cjs");
        if self.policy.statement.is_none() || !(is_page || is_script || suffix == "css") {
            return used;
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return used };
        let within = Within { path, address, is_page: false };
        if is_page {
            let findings = scan::page(text).findings;
            let has_form = findings.iter().any(|finding| matches!(finding.kind, FindingKind::Form(_)));
            for finding in &findings {
                self.check(&within, finding, has_form, &mut used, diagnostics);
            }
        } else if is_script {
            self.check_script(&within, text, false, &mut used, diagnostics);
        } else {
            style::requests(text, |written, asked| {
                self.check_load(&within, written, Load::OfStyle, &asked, &mut used, diagnostics);
            });
        }
        used
    }

    fn check(
        &self,
        within: &Within<'_>,
        finding: &Finding<'_>,
        has_form: bool,
        used: &mut Vec<Used>,
        diagnostics: &mut Diagnostics,
    ) {
        let written = finding.written;
        match &finding.kind {
            FindingKind::Load(load, asked) => self.check_load(within, written, *load, asked, used, diagnostics),
            FindingKind::Form(action) => self.check_form(within, written, action, used, diagnostics),
            FindingKind::Password => diagnostics.push(
                self.refusal(within, written, "P111", "a field asks for a password")
                    .note("this site has no accounts, and the software keeps no password, whatever the statement says")
                    .help("either remove the field: a registration needs no password")
                    .help("or lead to the site that has the accounts, with a link"),
            ),
            FindingKind::Script(text) => self.check_script(within, text, has_form, used, diagnostics),
            FindingKind::ScriptFile(integrity) => {
                if let Asked::Stranger(_) | Asked::Unencrypted(_) = self.policy.asked(&scan::decode(written)) {
                    self.check_load(within, written, Load::Other, &scan::decode(written), used, diagnostics);
                } else if !self.policy.allows_script(integrity) {
                    self.refuse_script_file(within, written, diagnostics);
                } else {
                    used.extend(self.policy.script(integrity).map(Used::Script));
                    if has_form {
                        self.check_cookies_of_file(within, written, diagnostics);
                    }
                }
            }
            FindingKind::Handler => diagnostics.push(
                self.refusal(within, written, "P121", "a script stands in an attribute, where the policy blocks it")
                    .help("either remove it: everything here works without scripts")
                    .help("or put it into a script, and list its hash under `scripts` in `content/site.yaml`"),
            ),
            FindingKind::Cookie => self.refuse_cookie(within, written, "the page", diagnostics),
            FindingKind::Mail(link) => self.check_mail(within, written, link, diagnostics),
        }
    }

    fn check_load(
        &self,
        within: &Within<'_>,
        written: &str,
        load: Load,
        asked: &str,
        used: &mut Vec<Used>,
        diagnostics: &mut Diagnostics,
    ) {
        let what = if within.is_page { "the page" } else { "the file" };
        match self.policy.asked(asked) {
            Asked::Nobody => {}
            Asked::Unencrypted(host) => diagnostics.push(
                self.refusal(within, written, "P161", format!("{what} asks `{host}` for something without encryption"))
                    .label("begins with `http:`")
                    .help("either write `https://`, if the statement declares the host")
                    .help("or keep what is loaded on this site"),
            ),
            Asked::Provider(index, provider) => {
                let kinds: &[Kind] = match load {
                    Load::Image => &[Kind::Images],
                    Load::Style => &[Kind::Styles],
                    Load::OfStyle => &[Kind::Images, Kind::Fonts, Kind::Styles],
                    Load::Media => &[Kind::Media],
                    Load::Frame => &[Kind::Frames],
                    Load::Connection => &[Kind::Connections],
                    Load::Form => &[Kind::Forms],
                    Load::Other => &[],
                };
                if kinds.is_empty() || kinds.iter().any(|kind| provider.loads.contains(kind)) {
                    used.push(Used::Provider(index));
                    return;
                }
                let name = &provider.name.value;
                let message =
                    format!("{what} loads {} from `{name}`, which is declared for other things", kinds[0].word());
                diagnostics.push(
                    self.refusal(within, written, "P120", message)
                        .help("either keep what is loaded on this site")
                        .help(format!("or add `{}` to what `{name}` `loads` in `content/site.yaml`", kinds[0].word())),
                );
            }
            Asked::Stranger(host) => diagnostics.push(
                self.refusal(
                    within,
                    written,
                    "P120",
                    format!("{what} asks `{host}` for something: the statement in force declares no such third party"),
                )
                .note(self.version())
                .help("either keep what is loaded on this site, or link to it")
                .help(format!(
                    "or name who receives the visitor's address under `shares.recipients` in a new version of the \
                     statement, and `{host}` under `providers` in `content/site.yaml`"
                )),
            ),
        }
    }

    fn check_form(
        &self,
        within: &Within<'_>,
        written: &str,
        action: &str,
        used: &mut Vec<Used>,
        diagnostics: &mut Diagnostics,
    ) {
        if self.site.forms.iter().any(|form| address::of_form(&form.id) == action) {
            return;
        }
        if !matches!(self.policy.asked(action), Asked::Nobody) {
            return self.check_load(within, written, Load::Form, action, used, diagnostics);
        }
        // Why a form in a text is refused was said where the text was read.
        if diagnostics.has_errors() {
            return;
        }
        diagnostics.push(
            self.refusal(within, written, "P102", "a form is written by hand, where the statement cannot vouch for it")
                .help("either remove it")
                .help("or declare it in `content/forms/` and place it with `{{ form(id=\"…\") }}`"),
        );
    }

    /// A script's text, which begins at `start` in its file.
    fn check_script(
        &self,
        within: &Within<'_>,
        text: &str,
        has_form: bool,
        used: &mut Vec<Used>,
        diagnostics: &mut Diagnostics,
    ) {
        let hash = policy::hash(text);
        used.extend(self.policy.script(&hash).map(Used::Script));
        if !self.policy.allows_script(&hash) {
            diagnostics.push(
                self.refusal(within, text, "P121", "a script is published that is not listed")
                    .label("begins here")
                    .help("either remove it: everything here works without scripts")
                    .help(format!(
                        "or list it in `content/site.yaml`, so that the policy lets it run: `scripts: [{hash}]`"
                    )),
            );
        }
        // Looked for only where something is refused: a theme's script is on every page.
        let place = OnceCell::new();
        for (at, word, power) in powers(text) {
            let refuse = |code, message: String| {
                let (path, Range { start, end }) = place.get_or_init(|| self.place(within, text));
                let found_at = if start == end { 0..0 } else { start + at..start + at + word.len() };
                Diagnostic::error(path, found_at, message)
                    .code(code)
                    .note(format!("found in `{}`", within.address))
                    .note(self.version())
            };
            diagnostics.push(match power {
                Power::Cookies if !self.policy.allows_cookies() => refuse(
                    "P110",
                    "a script uses cookies: the statement in force declares none that the site sets".to_owned(),
                )
                .help("either remove it from the script")
                .help("or declare the cookie under `collects.cookies.declared` in a new version of the statement"),
                Power::Cookies if has_form && self.policy.is_cookie_refusable() => refuse(
                    "P112",
                    "the form's page uses a cookie: the statement says that cookies can be refused".to_owned(),
                )
                .help("either remove the script from pages with a form, which must work without it")
                .help("or say `refusable: false` under `collects.cookies` in a new version of the statement"),
                Power::Cookies => {
                    used.push(Used::Cookies);
                    continue;
                }
                Power::Storage => refuse("P113", format!("a script keeps something in the browser with `{word}`"))
                    .help("either remove it: a page works with what it has by default")
                    .help("or keep it in a cookie that the statement declares under `collects.cookies.declared`"),
                // What a theme's script asks, the policy confines to this site.
                Power::Requests if !self.policy.allows_connections() && self.policy.script(&hash).is_none() => refuse(
                    "P120",
                    format!("a script asks for something with `{word}`: nobody is declared it may ask"),
                )
                .help("either remove it from the script")
                .help(
                    "or name whom it asks under `shares.recipients` in a new version of the statement, and under \
                             `providers` in `content/site.yaml`, with `loads: [connections]`",
                ),
                Power::Requests => continue,
                Power::Location if !self.policy.allows_location() => {
                    refuse("P132", "a script finds out where the visitor is, which is not declared".to_owned())
                        .help("either remove it from the script")
                        .help("or declare `location` under `collects.automated.data` in a new version of the statement")
                }
                Power::Location => continue,
            });
        }
    }

    fn refuse_script_file(&self, within: &Within<'_>, written: &str, diagnostics: &mut Diagnostics) {
        let file = self.file(written);
        let hash = file.map(policy::hash);
        let help = match hash.as_deref().filter(|hash| self.policy.allows_script(hash)) {
            Some(hash) => format!("or say which script is meant: `integrity=\"{hash}\"`"),
            None => {
                "or list its hash under `scripts` in `content/site.yaml`, and write it as its `integrity`".to_owned()
            }
        };
        diagnostics.push(
            self.refusal(within, written, "P121", format!("the script `{written}` is not let in by its hash"))
                .help("either remove it: everything here works without scripts")
                .help(help),
        );
    }

    fn check_cookies_of_file(&self, within: &Within<'_>, written: &str, diagnostics: &mut Diagnostics) {
        let uses = |text: &str| powers(text).iter().any(|(_, _, power)| *power == Power::Cookies);
        if self.policy.is_cookie_refusable() && self.file(written).is_some_and(uses) {
            diagnostics.push(
                self.refusal(
                    within,
                    written,
                    "P112",
                    "the form's page uses a cookie: the statement says that cookies can be refused",
                )
                .note(self.version())
                .help("either remove the script from pages with a form, which must work without it")
                .help("or say `refusable: false` under `collects.cookies` in a new version of the statement"),
            );
        }
    }

    fn refuse_cookie(&self, within: &Within<'_>, written: &str, what: &str, diagnostics: &mut Diagnostics) {
        diagnostics.push(
            self.refusal(
                within,
                written,
                "P110",
                format!("{what} sets a cookie with `http-equiv`, which no browser obeys"),
            )
            .note(self.version())
            .help("either remove it")
            .help("or set a cookie that the statement declares from a script that is listed"),
        );
    }

    fn check_mail(&self, within: &Within<'_>, written: &str, link: &str, diagnostics: &mut Diagnostics) {
        let contact = self.policy.statement.and_then(|statement| statement.contact.as_ref());
        let Some(contact) = contact else { return };
        let to = link.split_once(':').map_or("", |(_, to)| to).split('?').next().unwrap_or_default();
        let to = percent_decode_str(to).decode_utf8_lossy();
        for shown in to.split(',').map(str::trim).filter(|shown| !shown.is_empty()) {
            if shown.eq_ignore_ascii_case(&contact.email) {
                continue;
            }
            // Markdown makes a link of an address alone.
            let places = [written, shown].map(|written| self.place(within, written));
            let [found, of_address] = places;
            let (path, place) = if found.1.is_empty() { of_address } else { found };
            let message = format!("the page shows `{shown}`; the statement says `{}`", contact.email);
            diagnostics.push(
                Diagnostic::warning(&path, place, message)
                    .code("P214")
                    .note(format!("found in `{}`", within.address))
                    .help(format!("either show `{}`", contact.email))
                    .help("or give the other address under `contact` in a new version of the statement"),
            );
        }
    }

    /// The text of a file of the site that a page names.
    fn file(&self, written: &str) -> Option<&'a str> {
        let decoded = scan::decode(written);
        let path = decoded.split(['?', '#']).next().unwrap_or_default();
        match self.site.by_address.get(path) {
            Some(Occupant::File(index)) => self.tree.files()[*index].text(),
            _ => None,
        }
    }

    fn version(&self) -> String {
        let version = self.policy.statement.map_or("", |statement| statement.version.as_str());
        format!("statement {version} is in force")
    }

    fn refusal(
        &self,
        within: &Within<'_>,
        written: &str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let (path, mut place) = self.place(within, written);
        // A script can be long; its first line shows which one is meant.
        let lines = self.tree.text(&path).and_then(|text| text.get(place.clone())).unwrap_or_default();
        place.start += lines.len() - lines.trim_start().len();
        place.end = place.start + lines.trim_start().lines().next().map_or(0, str::len);
        Diagnostic::error(&path, place, message).code(code).note(format!("found in `{}`", within.address))
    }

    /// Where something is written: in the page's own file, else in the theme, else nobody knows.
    fn place(&self, within: &Within<'_>, written: &str) -> (Arc<str>, Range<usize>) {
        let find = |path: &Arc<str>| {
            let text = self.tree.text(path)?;
            let at = memmem::find(text.as_bytes(), written.as_bytes())?;
            Some((Arc::clone(path), at..at + written.len()))
        };
        let decoded = scan::decode(written);
        let of_theme = || self.site.theme.sources(self.tree).find_map(find).filter(|_| within.is_page);
        let nowhere = || (Arc::clone(within.path), 0..0);
        if written.trim().is_empty() {
            return nowhere();
        }
        find(within.path)
            .or_else(|| {
                let text = self.tree.text(within.path)?;
                let at = memmem::find(text.as_bytes(), decoded.as_bytes())?;
                Some((Arc::clone(within.path), at..at + decoded.len()))
            })
            .or_else(of_theme)
            .unwrap_or_else(nowhere)
    }
}
