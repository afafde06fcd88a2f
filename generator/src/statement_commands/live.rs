//! Whether the statement that is served is the one that was published: the live lock, texts and facts by digest, and
//! the page itself, word for word, with what it makes a browser do.
//!
//! It compares answers; how they are fetched is given to it, and the moment is the one the site is built for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::digest::sha256_hex;
use statement::history::History;
use statement::lock::Lock;
use statement::version::Statement;

use crate::gate::Gate;
use crate::headers::Headers;
use crate::policy::{self, Policy};
use crate::publication::Publication;
use crate::scan::{self, tags, visible_text};
use crate::site::{PageId, PageKind, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::statement_commands::change::check_prefix;
use crate::template::{Theme, date_words};
use crate::{Failure, address, markdown, statement_values};

const POLICY: &str = "Content-Security-Policy";

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status (RFC 9110, section 15).
    pub status: u16,
    /// The fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

/// The site that was built, to which what is served is compared.
pub struct Live<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its files.
    pub tree: &'a SourceTree,
    /// Its theme.
    pub theme: &'a Theme,
    /// What its host sends with its files.
    pub headers: &'a Headers,
    /// Where it is served, without a final slash.
    pub base_url: &'a str,
}

impl Live<'_> {
    /// Holds what is served of a document against it; reports whatever differs.
    ///
    /// # Errors
    /// When something could not be fetched, so that nobody can tell.
    pub fn check(
        &self,
        publication: &Publication,
        mut fetch: impl FnMut(&str) -> Result<Answer, Failure>,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), Failure> {
        let files = publication.statements.iter().map(|file| &self.site.statements[*file]);
        let files: Vec<&Statement> = files.filter(|statement| !statement.is_draft()).collect();
        let url = |site_path: &str| address::permalink(self.base_url, site_path);
        let lock_url = url(&address::beside(&publication.home, "lock.jsonl"));
        let answer = fetch(&lock_url)?;
        let path = &publication.document.lock_path;
        if answer.status != 200 {
            diagnostics.push(unserved(path, &lock_url, answer.status));
            return Ok(());
        }
        let served = String::from_utf8_lossy(&answer.body).into_owned();
        if !check_prefix(path, self.tree.text(path).unwrap_or_default(), &served, &lock_url, diagnostics) {
            return Ok(());
        }
        let live_path: Arc<str> = lock_url.as_str().into();
        let lock = Lock::parse(&live_path, &served, diagnostics).unwrap_or_default();
        for line in lock.published() {
            let Some(statement) = files.iter().find(|statement| statement.version == line.version) else { continue };
            let page = publication.address_of(&line.version);
            for (name, digest) in [("statement.md", &line.text_sha256), ("facts.json", &line.facts_sha256)] {
                let url = url(&address::beside(&page, name));
                let answer = fetch(&url)?;
                if answer.status != 200 {
                    diagnostics.push(unserved(&statement.path, &url, answer.status));
                } else if digest.as_ref().is_some_and(|digest| *digest != sha256_hex(&answer.body)) {
                    let fact = format!("another text is served than was published: {url}");
                    diagnostics.push(
                        Diagnostic::error(&statement.path, 0..0, fact)
                            .code("P210")
                            .help("publish the site again from the files that the lock names"),
                    );
                }
            }
        }
        for version in publication.document.history.versions.iter().filter(|version| version.redacted.is_some()) {
            let url = url(&address::beside(&publication.address_of(&version.version), "statement.md"));
            if fetch(&url)?.status == 200 {
                let fact = format!("the text of version {} is still served, and is redacted: {url}", version.version);
                diagnostics.push(
                    Diagnostic::error(path, 0..0, fact)
                        .help("publish the site again, and empty what the host, or who stands in front of it, keeps"),
                );
            }
        }
        // What should be in force by what is served: a version that is not served yet cannot be missing.
        let history = History::new(&lock, &files, &[], |file| file.effective_in(&self.site.config.timezone));
        let in_force = history.in_force(publication.at).and_then(|index| history.versions[index].statement);
        let Some(in_force) = in_force.map(|file| files[file]) else { return Ok(()) };
        let url = url(&publication.home);
        let answer = fetch(&url)?;
        if answer.status == 200 {
            self.check_page(in_force, &publication.home, &url, &answer, diagnostics);
        } else {
            diagnostics.push(unserved(&in_force.path, &url, answer.status));
        }
        Ok(())
    }

    /// The page of the version in force: its date, its contact and its words, no cookie, nobody asked who is not
    /// declared, and the fields that bind browsers.
    fn check_page(
        &self,
        statement: &Statement,
        site_path: &str,
        url: &str,
        answer: &Answer,
        diagnostics: &mut Diagnostics,
    ) {
        let page = String::from_utf8_lossy(&answer.body);
        let error = |fact: String| Diagnostic::error(&statement.path, 0..0, fact);
        let day = statement_values::effective_date(self.site, statement);
        let date = day.to_string();
        // A link to a version has its date, too.
        let text = visible_text(&page);
        let is_told = text.contains(&date) || text.contains(&date_words(day));
        if !is_told && !page.contains(&format!("datetime=\"{date}")) {
            diagnostics.push(
                error(format!("{url} does not have the date of version {}", statement.version))
                    .code("P211")
                    .note(format!("{date} stands nowhere on it: the live site is behind its lock, or ahead of it"))
                    .help("build and publish the site"),
            );
        } else if let Some(until) = self.first_difference(statement, &text) {
            diagnostics.push(
                error(format!("{url} does not have the words of version {}", statement.version))
                    .code("P210")
                    .note(match until.as_str() {
                        "" => "it does not have its first words".to_owned(),
                        until => format!("the same words stand on it until “… {until}”"),
                    })
                    .help("find what changes the page, at the host or in front of it, and publish the site again"),
            );
        }
        if let Some(contact) = statement.contact.as_ref().filter(|contact| !page.contains(&contact.email)) {
            diagnostics.push(
                error(format!("{url} does not have the contact of version {}", statement.version))
                    .code("P214")
                    .note(format!("`{}` stands nowhere on it", contact.email))
                    .help("build and publish the site"),
            );
        }
        if let Some(id) = self.page_of(statement) {
            let policy = Policy::of(self.site);
            let gate = Gate::new(self.site, self.tree, &policy);
            // What was found before has nothing to do with it.
            let mut found = Diagnostics::new();
            let _ = gate.check_served(&self.site.pages[id], url, &scan::page(&page).findings, &mut found);
            diagnostics.append(found);
        }
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let name = cookie.split('=').next().unwrap_or_default();
            diagnostics.push(
                error(format!("{url} sets the cookie `{name}`"))
                    .code("P112")
                    .help("find what sets it, at the host or in front of it, and stop it"),
            );
        }
        let mut differences = match self.site.config.declared.sends_headers() {
            true => self.other_headers(site_path, url, answer),
            false => Vec::new(),
        };
        differences.extend(self.other_policy(url, &page));
        for (fact, notes) in differences {
            let diagnostic = notes.into_iter().fold(error(fact), Diagnostic::note);
            diagnostics
                .push(diagnostic.help("let the host send what the build writes, and nothing in front of it change it"));
        }
    }

    /// Which headers are served otherwise than they were built: what is to be said, and the notes below it.
    fn other_headers(&self, site_path: &str, url: &str, answer: &Answer) -> Vec<(String, Vec<String>)> {
        let path = address::href(site_path);
        let mut built: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in self.headers.matching(&path) {
            built.entry(name).or_default().push(value);
        }
        let mut others = Vec::new();
        for (name, built) in built {
            let built = built.join(", ");
            let served = answer.headers.iter().filter(|(served, _)| served.eq_ignore_ascii_case(name));
            let served: Vec<&str> = served.map(|(_, value)| value.trim()).collect();
            let all = served.join(", ");
            let is_same = match name {
                // Of several policies each binds, and what a host says of further links concerns nobody here.
                POLICY => served.contains(&built.as_str()),
                "Link" => all.contains(&built),
                _ => all == built,
            };
            if served.is_empty() {
                others.push((format!("{url} is served without `{name}`"), vec![format!("built was `{built}`")]));
            } else if !is_same {
                let fact = format!("{url} is served with another `{name}` than was built");
                others.push((fact, differences(name, &all, &built)));
            }
        }
        others
    }

    /// Where no header says the browser's policy, the page itself does.
    fn other_policy(&self, url: &str, page: &str) -> Option<(String, Vec<String>)> {
        let policy = Policy::of(self.site);
        let scripts = policy.scripts_in(page);
        let built = policy.content_security_policy(&scripts, true).filter(|_| policy::is_in_pages(self.site))?;
        let mut served = Vec::new();
        tags(page, |tag, attributes| {
            let value = |wanted: &str| attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            let is_policy = value("http-equiv").is_some_and(|(_, value)| value.eq_ignore_ascii_case(POLICY));
            if tag.eq_ignore_ascii_case("meta") && is_policy {
                served.extend(value("content").map(|(_, value)| scan::decode(value).into_owned()));
            }
        });
        if served.contains(&built) {
            return None;
        }
        if served.is_empty() {
            return Some((
                format!("{url} does not say the browser's policy"),
                vec![format!("it should say `{built}`")],
            ));
        }
        Some((format!("{url} says another policy than was built"), differences(POLICY, &served.join(", "), &built)))
    }

    /// A page on which a version stands.
    fn page_of(&self, statement: &Statement) -> Option<PageId> {
        let is_it = |page: &SitePage| match page.kind {
            PageKind::Statement(file) => self.site.statements[file].path == statement.path,
            _ => false,
        };
        self.site.pages.iter().position(is_it)
    }

    /// The last words before the page says something else than the version, as the version's page is built; none
    /// where it says the same. Only letters and figures count: a host may set the page in another way.
    fn first_difference(&self, statement: &Statement, served: &str) -> Option<String> {
        let id = self.page_of(statement)?;
        let file = self.tree.text(&statement.path)?;
        // What is wrong with the text was said when the site was built.
        let built = markdown::render(self.site, self.theme, id, file, &HashMap::new(), &mut Diagnostics::new());
        let is_word = |word: &&str| !word.is_empty();
        let text = visible_text(&built.html);
        let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).filter(is_word).collect();
        let letters: String = served.chars().filter(|letter| letter.is_alphanumeric()).collect();
        // If its first words are not on the page, no more of them are.
        let is_there = |count: usize| letters.contains(&words[..count].concat());
        if is_there(words.len()) {
            return None;
        }
        let (mut same, mut other) = (0, words.len());
        while other - same > 1 {
            let middle = same.midpoint(other);
            if is_there(middle) { same = middle } else { other = middle }
        }
        Some(words[same.saturating_sub(6)..same].join(" "))
    }
}

/// What of a header is not served, and what is served in its place; of a policy, directive by directive.
fn differences(name: &str, served: &str, built: &str) -> Vec<String> {
    let parts = |value: &'_ str| -> Vec<String> {
        match name {
            POLICY => value.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
            _ => vec![value.to_owned()],
        }
    };
    let (served, built) = (parts(served), parts(built));
    let lost = built.iter().filter(|part| !served.contains(part)).map(|part| format!("built was `{part}`"));
    lost.chain(served.iter().filter(|part| !built.contains(part)).map(|part| format!("served is `{part}`"))).collect()
}

fn unserved(path: &Arc<str>, url: &str, status: u16) -> Diagnostic {
    Diagnostic::error(path, 0..0, format!("nothing is served at {url}"))
        .note(format!("the server answers {status}"))
        .help("publish the site, and ask again")
}
