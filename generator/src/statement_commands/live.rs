//! Whether the statement that is served is the one that was published: the live lock, texts and facts by digest, and
//! the page itself, word for word, with what it makes a browser do.
//!
//! It compares answers; how they are fetched is given to it, and the moment is the one the site is built for.

use std::collections::HashMap;
use std::sync::Arc;

use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::digest::sha256_hex;
use statement::history::History;
use statement::lock::{Lock, extends};
use statement::version::Statement;

use crate::gate::Gate;
use crate::policy::Policy;
use crate::publication::Publication;
use crate::scan::visible_text;
use crate::site::{PageKind, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::template::{Theme, date_words};
use crate::{Failure, address, markdown, statement_values};

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

/// What browsers are told on every page, so that they hold the site to its statement.
const HEADERS: [&str; 5] = [
    "content-security-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
];

/// The site that was built, to which what is served is compared.
pub struct Live<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its files.
    pub tree: &'a SourceTree,
    /// Its theme.
    pub theme: &'a Theme,
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
        if let Err(number) = extends(self.tree.text(path).unwrap_or_default(), &served) {
            diagnostics.push(
                Diagnostic::error(path, 0..0, format!("line {number} of the lock is not the one that is served"))
                    .code("P216")
                    .note(format!("it is served at {lock_url}"))
                    .help("bring back the lock as it was published; lines may only be added at its end"),
            );
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
        // What should be in force by what is served: a version that is not served yet cannot be missing.
        let history = History::new(&lock, &files, &[], |file| file.effective_in(&self.site.config.timezone));
        let in_force = history.in_force(publication.at).and_then(|index| history.versions[index].statement);
        let Some(in_force) = in_force.map(|file| files[file]) else { return Ok(()) };
        let url = url(&publication.home);
        let answer = fetch(&url)?;
        if answer.status == 200 {
            self.check_page(in_force, &url, &answer, diagnostics);
        } else {
            diagnostics.push(unserved(&in_force.path, &url, answer.status));
        }
        Ok(())
    }

    /// The page of the version in force: its date, its contact and its words, no cookie, nobody asked who is not
    /// declared, and the fields that bind browsers.
    fn check_page(&self, statement: &Statement, url: &str, answer: &Answer, diagnostics: &mut Diagnostics) {
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
        let policy = Policy::of(self.site);
        let gate = Gate::new(self.site, self.tree, &policy);
        let _ = gate.check_file(&statement.path, url, &answer.body, diagnostics);
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let name = cookie.split('=').next().unwrap_or_default();
            diagnostics.push(
                error(format!("{url} sets the cookie `{name}`"))
                    .code("P112")
                    .help("find what sets it, at the host or in front of it, and stop it"),
            );
        }
        let is_sent = |wanted: &str| answer.headers.iter().any(|(name, _)| name == wanted);
        for wanted in HEADERS.iter().filter(|wanted| !is_sent(wanted)) {
            diagnostics.push(
                error(format!("{url} is served without `{wanted}`"))
                    .help("let the host send the headers that the build writes"),
            );
        }
    }

    /// The last words before the page says something else than the version, as the version's page is built; none
    /// where it says the same. Only letters and figures count: a host may set the page in another way.
    fn first_difference(&self, statement: &Statement, served: &str) -> Option<String> {
        let is_it = |page: &SitePage| match page.kind {
            PageKind::Statement(file) => self.site.statements[file].path == statement.path,
            _ => false,
        };
        let id = self.site.pages.iter().position(is_it)?;
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

fn unserved(path: &Arc<str>, url: &str, status: u16) -> Diagnostic {
    Diagnostic::error(path, 0..0, format!("nothing is served at {url}"))
        .note(format!("the server answers {status}"))
        .help("publish the site, and ask again")
}
