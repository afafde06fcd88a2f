//! What happens to a version after it was published: it is taken back, translated, and compared with what was
//! published before.

use std::sync::Arc;

use jiff::Timestamp;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::history::{History, State};
use statement::lock::{Event, Line, Lock, extends};
use statement::translation;
use statement::version::Statement;

use crate::documents::{VersionedDocument, folder_of};
use crate::starter::NewFile;
use crate::statement_commands::Desk;
use crate::{Failure, language};

/// What is told of a version when it is taken back or its text is taken out.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// The version.
    pub version: &'a str,
    /// For readers: why.
    pub reason: &'a str,
    /// Who does it.
    pub author: &'a str,
    /// From when on.
    pub now: Timestamp,
}

impl Taken<'_> {
    /// The line that says so.
    ///
    /// # Errors
    /// When readers are not told why.
    fn line(&self, document: &VersionedDocument, event: Event) -> Result<Line, Failure> {
        if self.reason.trim().is_empty() {
            return Err(Failure(
                "no reason is given\n  = help: say it with `--reason \"…\"`: readers see it".to_owned(),
            ));
        }
        let line = document.lock.next_line(event, self.version, self.now, self.author);
        Ok(Line { reason: Some(self.reason.to_owned()), ..line })
    }
}

/// The lock with a version withdrawn.
///
/// # Errors
/// When there is no such version in the lock, or it may not be withdrawn.
pub fn withdraw(desk: &Desk<'_>, document: &VersionedDocument, taken: &Taken<'_>) -> Result<(String, String), Failure> {
    let Taken { version, now, .. } = *taken;
    let history = &document.history;
    let refused = match history.state(locked(document, version)?, now) {
        State::Withdrawn => Some("was withdrawn already"),
        State::Redacted => Some("was redacted"),
        State::Backfilled => Some("never was in force here"),
        State::Upcoming | State::InForce | State::Superseded => None,
    };
    if let Some(refused) = refused {
        return Err(Failure(format!(
            "version {version} {refused}\n  = help: `candor statement list` says which version is in force"
        )));
    }
    let line = Line { effective: Some(now), ..taken.line(document, Event::Withdrawn)? };
    let text = desk.lock_with(document, &line);
    let lock =
        Lock::parse(&document.lock_path, &text, &mut Diagnostics::new()).expect("invariant: the lock grows by a line");
    let files: Vec<&Statement> = desk.files(document).collect();
    let after = History::new(&lock, &files, &[], |statement| statement.effective_in(&desk.config.timezone));
    let Some(next) = after.in_force(now) else {
        return Err(Failure(format!(
            "without version {version} no statement is in force\n  = help: publish another version first"
        )));
    };
    if after.versions[next].redacted.is_some() {
        return Err(Failure(format!(
            "without version {version} the one in force is {}, whose text was redacted\n  = help: publish another \
             version first",
            after.versions[next].version
        )));
    }
    let told = format!("Version {version} is withdrawn; in force: {}\n", after.versions[next].version);
    Ok((text, told))
}

/// The lock with a version redacted, and the files that have its text, which are to be kept elsewhere: its own and its
/// translations.
///
/// # Errors
/// When there is no such version in the lock, or readers need it still.
pub fn redact(
    desk: &Desk<'_>,
    document: &VersionedDocument,
    taken: &Taken<'_>,
) -> Result<(String, Vec<NewFile>), Failure> {
    let Taken { version, now, .. } = *taken;
    let statement = desk.statement(document, version)?;
    let state = document.history.state(locked(document, version)?, now);
    if matches!(state, State::InForce | State::Upcoming) {
        return Err(Failure(format!(
            "version {version} is {}\n  = help: publish another version first, or withdraw this one",
            state.word()
        )));
    }
    let line = taken.line(document, Event::Redacted)?;
    let translations = desk
        .translations
        .iter()
        .filter(|translation| translation.version == version && folder_of(&translation.path) == document.folder);
    let paths = std::iter::once(&statement.path).chain(translations.map(|translation| &translation.path));
    let files = paths.map(|path| {
        let text = desk.tree.text(path).expect("invariant: a version was read from its file");
        (path.to_string(), text.as_bytes().to_vec())
    });
    Ok((desk.lock_with(document, &line), files.collect()))
}

/// The index of a version that is in the lock.
fn locked(document: &VersionedDocument, version: &str) -> Result<usize, Failure> {
    let found = document.history.find(version).filter(|index| document.history.versions[*index].is_locked);
    found.ok_or_else(|| {
        Failure(format!(
            "version {version} is not in the lock\n  = help: publish it first: `candor statement publish {version}`"
        ))
    })
}

/// The file of a translation to be made: the text that is to be translated.
///
/// # Errors
/// When there is no such version, or no such language.
pub fn translation_to_be_made(
    desk: &Desk<'_>,
    document: &VersionedDocument,
    version: &str,
    language: &str,
) -> Result<NewFile, Failure> {
    let statement = desk.statement(document, version)?;
    if !language::is_tag(language) {
        return Err(Failure(format!("`{language}` is not a language\n  = help: write its tag, like `es` or `pt-BR`")));
    }
    if language.eq_ignore_ascii_case(&statement.language) {
        return Err(Failure(format!(
            "version {version} is in the language `{language}` already\n  = help: name the language to translate it into"
        )));
    }
    let title = serde_json::Value::from(statement.title.as_str());
    let file = format!("---\nof: {}\ntitle: {title}\n---\n{}", statement.digests.digest, statement.text);
    Ok((format!("{}/{version}.{language}.md", document.folder), file.into_bytes()))
}

/// The lock with a translation published; reports where the translation does not have what the original has, and
/// returns none then.
///
/// # Errors
/// When there is no such version or no such translation.
pub fn publish_translation(
    desk: &Desk<'_>,
    document: &VersionedDocument,
    version: &str,
    language: &str,
    author: &str,
    now: Timestamp,
    diagnostics: &mut Diagnostics,
) -> Result<Option<String>, Failure> {
    let statement = desk.statement(document, version)?;
    let index = locked(document, version)?;
    let path = format!("{}/{version}.{language}.md", document.folder);
    let text = desk.translations.iter().find(|text| *text.path == *path).ok_or_else(|| {
        Failure(format!(
            "there is no translation `{path}`\n  = help: begin it: `candor statement translate {version} {language}`"
        ))
    })?;
    if text.text == statement.text {
        return Err(Failure(format!(
            "`{path}` is not translated yet: it is the text of version {version}\n  = help: translate what stands below \
             its second `---` line, and publish it then"
        )));
    }
    let file = desk.tree.text(&text.path).expect("invariant: a translation was read from its file");
    translation::check_parity(statement, text, file, diagnostics);
    let published = document.history.versions[index].translations.iter().find(|known| known.language == language);
    if published.is_some_and(|known| known.posted.is_some() && !known.is_stale) {
        return Err(Failure(format!(
            "the translation `{path}` is published as it is\n  = help: change its text first, if it is to be mended"
        )));
    }
    if diagnostics.has_errors() {
        return Ok(None);
    }
    let line = document.lock.next_line(Event::Translated, version, now, author);
    let line = Line {
        text_sha256: Some(text.sha256.clone()),
        language: Some(language.to_owned()),
        of: Some(text.of.clone()),
        ..line
    };
    Ok(Some(desk.lock_with(document, &line)))
}

/// Reports the first line in which the lock `text` is not what it was in `earlier`, which `source` names (P216); says
/// whether there is none.
pub fn check_prefix(path: &Arc<str>, text: &str, earlier: &str, source: &str, diagnostics: &mut Diagnostics) -> bool {
    let Err(number) = extends(text, earlier) else { return true };
    let start: usize = text.split_inclusive('\n').take(number - 1).map(str::len).sum();
    let length = text[start..].find('\n').unwrap_or(text.len() - start);
    let fact = if length == 0 { "is missing, and stands" } else { "is not the one" };
    diagnostics.push(
        Diagnostic::error(path, start..start + length, format!("line {number} of the lock {fact} in {source}"))
            .code("P216")
            .help("bring back the lock as it was published; lines may only be added at its end"),
    );
    false
}
