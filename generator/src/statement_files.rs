//! The files beside a document's pages, for programs: texts and facts as they are digested, the manifest, the lock, the
//! TimeMap, what changed as JSON, and the feed of changes.
//!
//! Nothing in them comes from a clock: what is in force is decided by the moment the site is built for.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use statement::diagnostic::Diagnostics;
use statement::digest::canonical_json;
use statement::dpv;
use statement::history::Version;
use statement::promise::Kind;
use statement::translation::Translation;
use statement::version::Statement;

use crate::address;
use crate::feed::{attribute, element, link};
use crate::publication::{Comparison, Publication};
use crate::site::Site;
use crate::source_tree::SourceTree;
use crate::statement_values;
use crate::template::{Theme, date_words};

/// The site paths of a document's files.
#[must_use]
pub fn addresses(publication: &Publication, statements: &[Statement], translations: &[Translation]) -> Vec<String> {
    let mut paths = vec![manifest_path(publication), timemap_path(publication)];
    if publication.document.is_locked {
        paths.push(lock_path(publication));
    }
    if publication.has_companions {
        paths.push(statement_values::feed(publication));
        paths.extend(publication.comparisons.iter().map(|comparison| diff_path(publication, statements, comparison)));
        paths.extend(publication.shown_translations(translations).map(|translation| {
            let folder = address::below(&publication.address_of(&translation.version), &translation.language);
            address::beside(&folder, "statement.md")
        }));
    }
    for version in publication.document.history.versions.iter().filter(|version| publication.file_of(version).is_some())
    {
        let folder = publication.address_of(&version.version);
        let export = publication.has_facts.then_some("facts.jsonld");
        let names = ["statement.md", "facts.json"].into_iter().chain(export);
        paths.extend(names.map(|name| address::beside(&folder, name)));
    }
    paths
}

/// The same of all documents of a site.
#[must_use]
pub fn all_addresses(site: &Site) -> Vec<String> {
    site.publications
        .iter()
        .flat_map(|publication| addresses(publication, &site.statements, &site.translations))
        .collect()
}

/// All files of all documents: site path and text.
#[must_use]
pub fn render_all(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, String)> {
    site.publications.iter().flat_map(|publication| render(site, tree, theme, publication, diagnostics)).collect()
}

fn render(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    publication: &Publication,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, String)> {
    let mut files = vec![
        (manifest_path(publication), pretty(&manifest(site, publication))),
        (timemap_path(publication), timemap(site, publication)),
    ];
    if let Some(lock) = tree.text(&publication.path).filter(|_| publication.document.is_locked) {
        files.push((lock_path(publication), lock.to_owned()));
    }
    for version in &publication.document.history.versions {
        let Some(statement) = publication.file_of(version).map(|file| &site.statements[file]) else { continue };
        let folder = publication.address_of(&version.version);
        files.push((address::beside(&folder, "statement.md"), statement.text.clone()));
        files.push((address::beside(&folder, "facts.json"), canonical_json(&statement.facts)));
        if publication.has_facts {
            let url = address::permalink(&site.config.base_url, &folder);
            files.push((address::beside(&folder, "facts.jsonld"), pretty(&dpv::export(statement, &url))));
        }
    }
    if publication.has_companions {
        for translation in publication.shown_translations(&site.translations) {
            let folder = address::below(&publication.address_of(&translation.version), &translation.language);
            files.push((address::beside(&folder, "statement.md"), translation.text.clone()));
        }
        files.par_extend(publication.comparisons.par_iter().map(|comparison| {
            let path = diff_path(publication, &site.statements, comparison);
            (path, pretty(&comparison.changes))
        }));
        files.push((statement_values::feed(publication), feed(site, theme, publication, diagnostics)));
    }
    files
}

fn manifest_path(publication: &Publication) -> String {
    address::beside(&publication.home, "manifest.json")
}

fn timemap_path(publication: &Publication) -> String {
    address::beside(&publication.home, "timemap.link")
}

fn lock_path(publication: &Publication) -> String {
    address::beside(&publication.home, "lock.jsonl")
}

fn diff_path(publication: &Publication, statements: &[Statement], comparison: &Comparison) -> String {
    address::beside(&publication.address_of_comparison(statements, comparison), "diff.json")
}

fn pretty(value: &impl Serialize) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("invariant: it is plain data"))
}

fn manifest(site: &Site, publication: &Publication) -> Value {
    let history = &publication.document.history;
    let first = history.versions.iter().find_map(|version| publication.file_of(version));
    let name = |index: usize| history.versions[index].version.as_str();
    let next = history.next_transition(publication.at);
    let next = next.map(|(at, version)| json!({"at_utc": at.to_string(), "version": version.map(name)}));
    json!({
        "document": first.map(|file| &site.statements[file].document),
        "base_url": site.config.base_url,
        "timezone": site.config.timezone.iana_name(),
        "in_force": publication.in_force().map(name),
        "next": next,
        "lock_head": history.lock_head,
        "versions": history.versions.iter().map(|version| manifest_version(site, publication, version)).collect::<Vec<_>>(),
        "tool": concat!("candor/", env!("CARGO_PKG_VERSION")),
    })
}

fn manifest_version(site: &Site, publication: &Publication, version: &Version) -> Value {
    let folder = publication.address_of(&version.version);
    let statement = publication.file_of(version).map(|file| &site.statements[file]);
    let url =
        |name: &str| statement.map(|_| address::permalink(&site.config.base_url, &address::beside(&folder, name)));
    let effective = version.effective.to_zoned_datetime(site.config.timezone.clone());
    let mut languages = serde_json::Map::new();
    if let Some(statement) = statement {
        languages.insert(statement.language.clone(), json!({"sha256": version.digests.text_sha256}));
    }
    for other in &version.translations {
        let value = json!({"sha256": other.sha256, "of": other.of, "stale": other.is_stale});
        languages.insert(other.language.clone(), value);
    }
    let since = |what: &Option<(Timestamp, String)>| {
        what.as_ref().map(|(at, reason)| json!({"at_utc": at.to_string(), "reason": reason}))
    };
    json!({
        "version": version.version,
        "kind": version.kind.word(),
        "effective": effective.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        "effective_utc": version.effective.to_string(),
        "until_utc": version.until().map(|until| until.to_string()),
        "posted_utc": version.is_locked.then(|| version.posted.to_string()),
        "text_sha256": version.digests.text_sha256,
        "facts_sha256": version.digests.facts_sha256,
        "digest": version.digests.digest,
        "languages": languages,
        "withdrawn": since(&version.withdrawn),
        "redacted": since(&version.redacted),
        "backfilled": version.is_backfilled,
        "corrects": version.corrects,
        "url": address::permalink(&site.config.base_url, &folder),
        "text_url": url("statement.md"),
        "facts_url": url("facts.json"),
    })
}

/// Every time a version was in force, in link format (RFC 7089, section 5; RFC 6690).
fn timemap(site: &Site, publication: &Publication) -> String {
    let absolute = |path: &str| address::permalink(&site.config.base_url, path);
    let date = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut mementos: Vec<(Timestamp, String)> = Vec::new();
    for version in &publication.document.history.versions {
        let began = version.in_force.iter().map(|interval| interval.from).filter(|from| *from <= publication.at).min();
        mementos.extend(began.map(|from| (from, absolute(&publication.address_of(&version.version)))));
    }
    mementos.sort();
    let mut lines = vec![format!("<{}>;rel=\"original latest-version\"", absolute(&publication.home))];
    let own = absolute(&timemap_path(publication));
    let span = match (mementos.first(), mementos.last()) {
        (Some((from, _)), Some((until, _))) => format!(";from=\"{}\";until=\"{}\"", date(*from), date(*until)),
        _ => String::new(),
    };
    lines.push(format!("<{own}>;rel=\"self\";type=\"application/link-format\"{span}"));
    for (index, (from, url)) in mementos.iter().enumerate() {
        let first = if index == 0 { "first " } else { "" };
        let last = if index + 1 == mementos.len() { "last " } else { "" };
        lines.push(format!("<{url}>;rel=\"{first}{last}memento\";datetime=\"{}\"", date(*from)));
    }
    format!("{}\n", lines.join(",\n"))
}

/// All versions that were made known (RFC 4287), the newest first, each with what changed in it.
fn feed(site: &Site, theme: &Theme, publication: &Publication, diagnostics: &mut Diagnostics) -> String {
    let absolute = |path: &str| address::permalink(&site.config.base_url, path);
    let own = statement_values::feed(publication);
    let mut versions: Vec<usize> = (0..publication.document.history.versions.len()).collect();
    versions.sort_by_key(|index| std::cmp::Reverse((publication.document.history.versions[*index].posted, *index)));
    let entries: Vec<(String, Diagnostics)> = versions
        .par_iter()
        .map(|index| {
            let mut found = Diagnostics::new();
            (entry(site, theme, publication, *index, &mut found), found)
        })
        .collect();
    let newest = versions.first().map(|index| publication.document.history.versions[*index].posted);
    let title = publication.document.history.versions.iter().rev().find_map(|version| publication.file_of(version));
    let mut xml =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"");
    attribute("xml:lang", &site.config.language, &mut xml);
    xml.push_str(">\n");
    element("title", title.map_or(&site.config.title, |file| &site.statements[file].title), &mut xml);
    link("alternate", "text/html", &absolute(&publication.shared("changes")), &mut xml);
    link("self", "application/atom+xml", &absolute(&own), &mut xml);
    element("id", &absolute(&publication.shared("changes")), &mut xml);
    element("updated", &newest.unwrap_or(publication.at).to_string(), &mut xml);
    xml.push_str("<author>");
    element("name", &site.config.title, &mut xml);
    xml.push_str("</author>\n");
    for (entry, found) in entries {
        xml.push_str(&entry);
        diagnostics.append(found);
    }
    xml.push_str("</feed>\n");
    xml
}

fn entry(site: &Site, theme: &Theme, publication: &Publication, index: usize, diagnostics: &mut Diagnostics) -> String {
    let version = &publication.document.history.versions[index];
    let page = publication.address_of(&version.version);
    let permalink = address::permalink(&site.config.base_url, &page);
    let date = date_words(version.effective.to_zoned_datetime(site.config.timezone.clone()).date());
    let title = publication.file_of(version).map_or(&site.config.title, |file| &site.statements[file].title);
    let is_minor = version.kind == Kind::Correction;
    let mut xml = String::from("<entry>\n");
    element("title", &format!("{title} – {date} – {}", version.kind.word()), &mut xml);
    link("alternate", "text/html", &permalink, &mut xml);
    let values = statement_values::of_feed_entry(site, publication, index);
    if let (Some(before), _) = publication.neighbours(index) {
        let file = |index: usize| publication.file_of(&publication.document.history.versions[index]);
        let comparison = file(before).zip(file(index)).and_then(|(old, new)| publication.comparison(old, new));
        if let Some(comparison) = comparison {
            let comparison = &publication.comparisons[comparison];
            let compare = publication.address_of_comparison(&site.statements, comparison);
            link("related", "text/html", &address::permalink(&site.config.base_url, &compare), &mut xml);
        }
    }
    element("id", &permalink, &mut xml);
    element("published", &version.posted.to_string(), &mut xml);
    element("updated", &version.posted.to_string(), &mut xml);
    write!(xml, "<category").expect("invariant: a string can be written to");
    attribute("term", if is_minor { "minor" } else { "major" }, &mut xml);
    xml.push_str("/>\n");
    if let Some(note) = &version.note {
        element("summary", &note.summary, &mut xml);
    }
    if let Some(content) = theme.fragment("statement-feed-entry.html", values, &page, diagnostics) {
        write!(
            xml,
            "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\">\n{}\n</div></content>\n",
            content.trim()
        )
        .expect("invariant: a string can be written to");
    }
    xml.push_str("</entry>\n");
    xml
}
