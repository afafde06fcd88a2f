//! Whether the statement that is served is the one that was published: the live lock, texts and facts by digest, and
//! the page itself.
//!
//! It compares answers; how they are fetched is given to it, and the moment too.

use std::sync::Arc;

use jiff::Timestamp;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::digest::sha256_hex;
use statement::history::History;
use statement::lock::{Lock, extends};
use statement::version::Statement;

use crate::documents::{VersionedDocument, folder_of};
use crate::site::Site;
use crate::statement_commands::Desk;
use crate::{Failure, address};

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

/// Holds what is served at `base_url` against the document; reports whatever differs.
///
/// # Errors
/// When something could not be fetched, so that nobody can tell.
pub fn check(
    desk: &Desk<'_>,
    document: &VersionedDocument,
    base_url: &str,
    now: Timestamp,
    mut fetch: impl FnMut(&str) -> Result<Answer, Failure>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Failure> {
    let is_here = |statement: &&Statement| folder_of(&statement.path) == document.folder && !statement.is_draft();
    let files: Vec<&Statement> = desk.statements.iter().filter(is_here).collect();
    let Some(first) = files.first() else { return Ok(()) };
    let home = Site::statement_home(first);
    let url = |site_path: &str| address::permalink(base_url, site_path);
    let lock_url = url(&address::beside(&home, "lock.jsonl"));
    let answer = fetch(&lock_url)?;
    let path = &document.lock_path;
    if answer.status != 200 {
        diagnostics.push(unserved(path, &lock_url, answer.status));
        return Ok(());
    }
    let served = String::from_utf8_lossy(&answer.body).into_owned();
    if let Err(number) = extends(desk.tree.text(path).unwrap_or_default(), &served) {
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
        let page = Site::statement_address(statement);
        for (name, digest) in [("statement.md", &line.text_sha256), ("facts.json", &line.facts_sha256)] {
            let url = url(&address::beside(&page, name));
            let answer = fetch(&url)?;
            if answer.status != 200 {
                diagnostics.push(unserved(&statement.path, &url, answer.status));
            } else if digest.as_ref().is_some_and(|digest| *digest != sha256_hex(&answer.body)) {
                diagnostics.push(
                    Diagnostic::error(
                        &statement.path,
                        0..0,
                        format!("another text is served than was published: {url}"),
                    )
                    .code("P210")
                    .help("publish the site again from the files that the lock names"),
                );
            }
        }
    }
    let history = History::new(&lock, &files, &[], |statement| statement.effective_in(&desk.config.timezone));
    let in_force = history.in_force(now).and_then(|index| history.versions[index].statement).map(|file| files[file]);
    let Some(in_force) = in_force else { return Ok(()) };
    let answer = fetch(&url(&home))?;
    check_page(in_force, &url(&home), &answer, diagnostics);
    Ok(())
}

fn unserved(path: &Arc<str>, url: &str, status: u16) -> Diagnostic {
    Diagnostic::error(path, 0..0, format!("nothing is served at {url}"))
        .note(format!("the server answers {status}"))
        .help("publish the site, and ask again")
}

/// The page of the version in force: its date, its contact, no cookie, and the fields that bind browsers.
fn check_page(statement: &Statement, url: &str, answer: &Answer, diagnostics: &mut Diagnostics) {
    if answer.status != 200 {
        diagnostics.push(unserved(&statement.path, url, answer.status));
        return;
    }
    let page = String::from_utf8_lossy(&answer.body);
    let error = |fact: String| Diagnostic::error(&statement.path, 0..0, fact);
    let date = statement.effective.to_string();
    if !page.contains(&date) {
        diagnostics.push(
            error(format!("{url} does not have the date of version {}", statement.version))
                .code("P211")
                .note(format!("{date} stands nowhere on it: the live site is behind its lock, or ahead of it"))
                .help("build and publish the site"),
        );
    }
    if !page.contains(&statement.contact.email) {
        diagnostics.push(
            error(format!("{url} does not have the contact of version {}", statement.version))
                .code("P214")
                .note(format!("`{}` stands nowhere on it", statement.contact.email))
                .help("build and publish the site"),
        );
    }
    for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
        let name = cookie.split('=').next().unwrap_or_default();
        diagnostics.push(
            error(format!("{url} sets the cookie `{name}`"))
                .code("P112")
                .help("find what sets it, at the host or in front of it, and stop it"),
        );
    }
    for wanted in HEADERS.iter().filter(|wanted| answer.headers.iter().all(|(name, _)| name != *wanted)) {
        diagnostics.push(
            error(format!("{url} is served without `{wanted}`"))
                .help("let the host send the headers that the build writes"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_tree::SourceTree;
    use crate::statement_commands::Drafts;

    const SITE: &str = include_str!("../../tests/site_archive/base_site.txt");

    /// What is said when a server answers as `change` makes it of what it should.
    fn said(change: impl Fn(&str, &mut Answer)) -> Vec<String> {
        let now: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        let mut tree = SourceTree::from_archive(SITE);
        let mut found = Diagnostics::new();
        let desk = Desk::read(&tree, now, Drafts::Unjudged, &mut found).unwrap();
        let statement = desk.statements[0].clone();
        let note = statement::lock::Note { summary: "s".into(), why: "y".into(), who: "w".into(), action: "d".into() };
        let line = Lock::default().publishing(&statement, statement::lock::Event::Published, now, now, "A", note);
        let lock = format!("{}\n", line.to_json());
        drop(desk);
        tree = SourceTree::from_archive(&format!("{SITE}-- content/privacy/statement.lock --\n{lock}"));
        let desk = Desk::read(&tree, now, Drafts::Unjudged, &mut found).unwrap();
        let fetch = |url: &str| {
            let path = url.strip_prefix("https://example.org").expect("it is asked for on its site");
            let body = match path {
                "/privacy/lock.jsonl" => lock.clone(),
                "/privacy/2018-09-26/statement.md" => statement.text.clone(),
                "/privacy/2018-09-26/facts.json" => statement::digest::canonical_json(&statement.facts),
                "/privacy/" => "<time>2018-09-26</time> support@example.org".to_owned(),
                other => panic!("{other}"),
            };
            let headers = HEADERS.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
            let mut answer = Answer { status: 200, headers, body: body.into_bytes() };
            change(path, &mut answer);
            Ok(answer)
        };
        let mut diagnostics = Diagnostics::new();
        check(&desk, &desk.documents[0], "https://example.org", now, fetch, &mut diagnostics).unwrap();
        let found = diagnostics.into_sorted().into_iter();
        found.map(|found| format!("{} {}", found.code.unwrap_or("-"), found.message)).collect()
    }

    #[test]
    fn what_is_served_is_what_was_published() {
        assert_eq!(said(|_, _| {}), [""; 0]);
        let at = |wanted: &'static str, change: fn(&mut Answer)| {
            said(move |path, answer| {
                if path == wanted {
                    change(answer)
                }
            })
        };
        assert_eq!(
            at("/privacy/lock.jsonl", |answer| answer.body[10] ^= 1),
            ["P216 line 1 of the lock is not the one that is served"]
        );
        assert_eq!(
            at("/privacy/lock.jsonl", |answer| answer.status = 404),
            ["- nothing is served at https://example.org/privacy/lock.jsonl"]
        );
        assert_eq!(
            at("/privacy/2018-09-26/statement.md", |answer| answer.body.push(b' ')),
            ["P210 another text is served than was published: https://example.org/privacy/2018-09-26/statement.md"]
        );
        assert_eq!(
            at("/privacy/2018-09-26/facts.json", |answer| answer.status = 410),
            ["- nothing is served at https://example.org/privacy/2018-09-26/facts.json"]
        );
        assert_eq!(
            at("/privacy/", |answer| {
                answer.headers = vec![("set-cookie".into(), "id=1; Path=/".into())];
                answer.headers.extend(HEADERS[1..].iter().map(|name| ((*name).to_owned(), String::new())));
                answer.body.clear();
            }),
            [
                "P214 https://example.org/privacy/ does not have the contact of version 2018-09-26",
                "P211 https://example.org/privacy/ does not have the date of version 2018-09-26",
                "- https://example.org/privacy/ is served without `content-security-policy`",
                "P112 https://example.org/privacy/ sets the cookie `id`",
            ]
        );
    }
}
