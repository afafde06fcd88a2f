//! The headers a host sends with the site's files: rules by path, in a neutral form and in Netlify's.
//!
//! What a browser may do comes from [`Policy`]; here are the paths, and what a host cannot do.

use std::collections::BTreeSet;

use serde::Serialize;
use statement::diagnostic::{Diagnostic, Diagnostics};

use crate::address;
use crate::admin::{self, AdminConfig};
use crate::policy::Policy;
use crate::publication::{self, Publication};
use crate::site::{Occupant, Site};
use crate::site_config;

/// The file Netlify reads.
pub const NETLIFY: &str = "/_headers";
/// The same for any other host.
pub const NEUTRAL: &str = "/headers.json";

/// How many rules a host reads, and how long a line may be.
const RULES_MAX: usize = 100;
const LINE_MAX: usize = 2000;

const A_YEAR: &str = "public, max-age=31536000, immutable";
const SHORT: &str = "public, max-age=300, must-revalidate";

/// All headers of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Headers {
    /// All rules that match a path hold for it.
    pub rules: Vec<Rule>,
    /// The paths of versions whose text may not be shown: what stands there is answered with the status 410 (RFC 9110,
    /// section 15.5.11).
    pub gone: Vec<String>,
    /// What a host that sends no headers, or reads no more of them, does not do.
    pub lost: Vec<String>,
}

/// The headers of some paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// A site path in which `*` at the end is anything, and `:name` any one part.
    pub path: String,
    /// Name and value, in the order they are written.
    pub headers: Vec<(&'static str, String)>,
}

impl Headers {
    /// The headers of the site; `scripts` are the scripts of the theme that stand on its pages.
    #[must_use]
    pub fn of(site: &Site, policy: &Policy<'_>, scripts: &BTreeSet<usize>) -> Self {
        let mut headers = Self { rules: vec![everywhere(site, policy, scripts)], gone: gone(site), lost: Vec::new() };
        headers.rules.extend(site.config.admin.as_ref().map(of_editors));
        for publication in site.publications.iter().filter(|publication| publication.in_force().is_some()) {
            let home = &publication.home;
            headers.add(home.clone(), vec![("Cache-Control", SHORT.to_owned())]);
            for file in ["statement.md", "facts.json", ":language/statement.md"] {
                let path = format!("{home}:version/{file}");
                headers.add(path, vec![("Cache-Control", A_YEAR.to_owned())]);
            }
            let forget = publication.shared("forget");
            if site.by_address.contains_key(&forget) {
                let clear = ("Clear-Site-Data", "\"cookies\", \"storage\"".to_owned());
                headers.add(forget, vec![clear, ("Cache-Control", "no-store".to_owned())]);
            }
        }
        for rule in fingerprinted(site).into_iter().chain(versions(site)) {
            if headers.rules.len() < RULES_MAX && rule.headers.iter().all(|(_, value)| value.len() < LINE_MAX - 100) {
                headers.rules.push(rule);
            } else {
                headers.lost.push(format!("{}: more rules, or longer ones, than hosts read", rule.path));
            }
        }
        if !site.config.declared.sends_headers() {
            headers.lost.extend(LOST_IN_PAGES.map(str::to_owned));
        }
        headers
    }

    /// Says once what a host without headers, or too many versions, cost.
    pub fn check(&self, site: &Site, diagnostics: &mut Diagnostics) {
        if self.lost.is_empty() {
            return;
        }
        let span = site.config.declared.hosting.as_ref().map_or(0..0, |hosting| hosting.span.clone());
        let lost = Diagnostic::warning(&site_config::PATH.into(), span, "not all headers of the site are sent")
            .help("either publish on a host that sends what stands in `_headers` or `headers.json`")
            .help("or keep to what a page can say of itself, which leaves out what is noted here");
        diagnostics.push(self.lost.iter().fold(lost, |lost, what| lost.note(what.clone())));
    }

    fn add(&mut self, path: String, headers: Vec<(&'static str, String)>) {
        self.rules.push(Rule { path: address::href(&path), headers });
    }

    /// Name and value of every header for a site path, as it stands in a request.
    pub fn matching<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
        let rules = self.rules.iter().filter(move |rule| matches(&rule.path, path));
        rules.flat_map(|rule| rule.headers.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// As Netlify reads them.
    #[must_use]
    pub fn to_netlify(&self) -> String {
        let mut text = String::new();
        for rule in &self.rules {
            text.push_str(&rule.path);
            text.push('\n');
            for (name, value) in &rule.headers {
                text.push_str(&format!("  {name}: {value}\n"));
            }
        }
        text
    }

    /// As JSON, for hosts of another kind.
    #[must_use]
    pub fn to_json(&self) -> String {
        let headers = |rule: &Rule| {
            let pairs = rule.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
            serde_json::json!({ "path": rule.path, "headers": serde_json::Map::from_iter(pairs) })
        };
        let rules: Vec<serde_json::Value> = self.rules.iter().map(headers).collect();
        let json = serde_json::json!({
            "schema": "candor-headers/1", "rules": rules, "gone": self.gone, "lost": self.lost,
        });
        format!("{json:#}\n")
    }
}

/// Where the versions of a site stood whose text may not be shown.
#[must_use]
pub fn gone(site: &Site) -> Vec<String> {
    let of_publication = |publication: &Publication| -> Vec<String> {
        let versions = publication.document.history.versions.iter();
        let gone = versions.filter(|version| version.redacted.is_some());
        gone.map(|version| address::href(&publication.address_of(&version.version))).collect()
    };
    site.publications.iter().flat_map(of_publication).collect()
}

/// What no page can say of itself.
pub const LOST_IN_PAGES: [&str; 5] = [
    "frame-ancestors: other sites can show this one in a frame",
    "Strict-Transport-Security: a browser's first request may be unencrypted",
    "Cache-Control: the host decides how long files are kept",
    "Memento-Datetime and Link: programs do not see when a version of the statement was in force",
    "Clear-Site-Data: the page that forgets a browser cannot make it forget",
];

/// What holds where the site is edited.
fn of_editors(admin: &AdminConfig) -> Rule {
    let policy = ("Content-Security-Policy", admin.content_security_policy());
    let headers = vec![policy, ("X-Robots-Tag", "noindex".to_owned()), ("Cache-Control", "no-cache".to_owned())];
    Rule { path: format!("{}*", admin::PAGE), headers }
}

/// What holds for every file. Hosts join the policies of all rules that match, so that one for all would bind editors as
/// it binds visitors: then each page says it itself.
fn everywhere(site: &Site, policy: &Policy<'_>, scripts: &BTreeSet<usize>) -> Rule {
    let mut headers = Vec::new();
    let for_all = policy.content_security_policy(scripts, false).filter(|_| !policy.is_in_pages());
    headers.extend(for_all.map(|policy| ("Content-Security-Policy", policy)));
    headers.push(("Referrer-Policy", "no-referrer".to_owned()));
    headers.push(("X-Content-Type-Options", "nosniff".to_owned()));
    headers.push(("X-Frame-Options", "DENY".to_owned()));
    headers.push(("Permissions-Policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()".to_owned()));
    if policy.is_encrypted() {
        headers.push(("Strict-Transport-Security", "max-age=31536000".to_owned()));
    }
    headers
        .extend(site.statement().map(|statement| ("Link", link(&Site::statement_home(statement), "privacy-policy"))));
    Rule { path: "/*".to_owned(), headers }
}

fn link(site_path: &str, relation: &str) -> String {
    format!("<{}>; rel=\"{relation}\"", address::href(site_path))
}

/// Files whose names change with what is in them: `/assets/site.0123456789abcdef.css`.
fn fingerprinted(site: &Site) -> Vec<Rule> {
    let is_hash = |part: &str| part.len() >= 8 && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut paths: Vec<&str> = site.by_address.keys().map(String::as_str).collect();
    paths.retain(|path| path.starts_with("/assets/") && path.rsplit('.').nth(1).is_some_and(is_hash));
    paths.sort_unstable();
    let rule = |path: &str| Rule { path: address::href(path), headers: vec![("Cache-Control", A_YEAR.to_owned())] };
    paths.into_iter().map(rule).collect()
}

/// When each version was in force, and its neighbours (RFC 7089, section 2.1.1; RFC 5829), newest first.
fn versions(site: &Site) -> Vec<Rule> {
    let of_publication = |publication: &Publication| -> Vec<Rule> {
        let versions = &publication.document.history.versions;
        let shown = |version: &usize| publication.file_of(&versions[*version]).is_some();
        (0..versions.len()).filter(shown).rev().map(|version| of_version(site, publication, version)).collect()
    };
    site.publications.iter().flat_map(of_publication).collect()
}

fn of_version(site: &Site, publication: &Publication, index: usize) -> Rule {
    let versions = &publication.document.history.versions;
    let home = &publication.home;
    let relation = if publication.has_facts {
        Some("privacy-policy")
    } else if home == publication::TERMS {
        Some("terms-of-service")
    } else {
        None
    };
    let mut links: Vec<String> =
        relation.into_iter().chain(["original latest-version"]).map(|to| link(home, to)).collect();
    let other = |index: Option<usize>, relation: &str| {
        index.map(|index| link(&publication.address_of(&versions[index].version), relation))
    };
    let (before, after) = publication.neighbours(index);
    links.extend(other(before, "predecessor-version"));
    links.extend(other(after, "successor-version"));
    let exists = |path: &String| !matches!(site.by_address.get(path), None | Some(Occupant::Redirect(_)));
    let timemap = Some(address::beside(home, "timemap.link")).filter(exists);
    links.extend(timemap.map(|timemap| link(&timemap, "timemap")));
    let changes = Some(publication.shared("changes")).filter(exists);
    links.extend(changes.map(|changes| link(&changes, "version-history")));
    let start = versions[index].effective.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = vec![("Link", links.join(", ")), ("Memento-Datetime", start)];
    Rule { path: address::href(&publication.address_of(&versions[index].version)), headers }
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        if wanted == "*" {
            return true;
        }
        match parts.next() {
            Some(part) if part == wanted || (wanted.starts_with(':') && !part.is_empty()) => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_as_the_host_matches_them() {
        for (pattern, path, is_match) in [
            ("/*", "/", true),
            ("/*", "/a/b.css", true),
            ("/privacy/", "/privacy/", true),
            ("/privacy/", "/privacy/2018-09-26/", false),
            ("/privacy/:version/facts.json", "/privacy/2018-09-26/facts.json", true),
            ("/privacy/:version/facts.json", "/privacy//facts.json", false),
            ("/privacy/:version/facts.json", "/privacy/a/b/facts.json", false),
        ] {
            assert_eq!(matches(pattern, path), is_match, "{pattern} {path}");
        }
    }
}
