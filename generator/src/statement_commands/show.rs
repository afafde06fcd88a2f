//! What is asked about a document's life: its versions, what changed between two, what was in force when.

use jiff::{Span, Timestamp};
use serde_json::{Value, json};
use statement::history::{State, Version};
use statement::version::{parse_effective, start_of};

use crate::Failure;
use crate::documents::VersionedDocument;
use crate::statement_commands::Desk;

/// Every version, newest first, as a table.
#[must_use]
pub fn list(desk: &Desk<'_>, document: &VersionedDocument, now: Timestamp) -> String {
    let mut rows = vec![["version", "state", "kind", "effective", "until", "note"].map(str::to_owned)];
    for (index, version) in document.history.versions.iter().enumerate().rev() {
        let note = version.note.as_ref().map_or_else(String::new, |note| note.summary.clone());
        rows.push([
            version.version.clone(),
            document.history.state(index, now).word().to_owned(),
            version.kind.word().to_owned(),
            desk.written(version.effective),
            version.until().map_or_else(|| "–".to_owned(), |until| desk.written(until)),
            note,
        ]);
    }
    let mut text = String::new();
    for row in &rows {
        let widths = (0..row.len()).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    for draft in desk.drafts(document) {
        text.push_str(&format!("draft: {}\n", draft.path));
    }
    if let Some((at, next)) = document.history.next_transition(now) {
        let next = next.map_or("no version", |next| document.history.versions[next].version.as_str());
        text.push_str(&format!("next: {next}, from {}\n", desk.written(at)));
    }
    text
}

/// The same for programs.
#[must_use]
pub fn list_json(document: &VersionedDocument, now: Timestamp) -> Value {
    let history = &document.history;
    let version = |(index, version): (usize, &Version)| {
        let translations: Vec<Value> = version
            .translations
            .iter()
            .map(|text| json!({"language": text.language, "sha256": text.sha256, "of": text.of, "stale": text.is_stale, "posted": text.posted}))
            .collect();
        let told =
            |told: &Option<(Timestamp, String)>| told.as_ref().map(|(at, reason)| json!({"at": at, "reason": reason}));
        json!({
            "version": version.version, "state": history.state(index, now).word(), "kind": version.kind.word(),
            "effective": version.effective, "until": version.until(), "posted": version.posted,
            "locked": version.is_locked, "text_sha256": version.digests.text_sha256,
            "facts_sha256": version.digests.facts_sha256, "digest": version.digests.digest, "author": version.author,
            "note": version.note, "corrects": version.corrects, "source": version.source,
            "withdrawn": told(&version.withdrawn), "redacted": told(&version.redacted), "translations": translations,
        })
    };
    json!({
        "document": document.id,
        "in_force": history.in_force(now).map(|index| &history.versions[index].version),
        "next_transition": history.next_transition(now).map(|(at, _)| at),
        "versions": history.versions.iter().enumerate().map(version).collect::<Vec<Value>>(),
    })
}

/// What was in force on a day or at a moment: `2020-01-01` is 00:00 there, a time needs an offset.
///
/// # Errors
/// When `text` is neither.
pub fn as_of(desk: &Desk<'_>, document: &VersionedDocument, text: &str) -> Result<(String, Value), Failure> {
    let (day, moment) = parse_effective(text).map_err(|fact| {
        Failure(format!("{fact}\n  = help: a day asks for its first moment; with a time and an offset, for that one"))
    })?;
    let at = moment.unwrap_or_else(|| start_of(day, &desk.config.timezone));
    let history = &document.history;
    let Some(index) = history.in_force(at) else {
        let said = format!("{}: no version of {} was in force\n", desk.written(at), document.id);
        return Ok((said, json!({"at": at, "version": null})));
    };
    let version = &history.versions[index];
    let interval = version.in_force.iter().rfind(|interval| interval.from <= at);
    let until = interval.and_then(|interval| interval.until);
    let mut said = format!(
        "{}: version {} of {}\n  in force from {} until {}\n  digest {}\n",
        desk.written(at),
        version.version,
        document.id,
        desk.written(interval.map_or(version.effective, |interval| interval.from)),
        until.map_or_else(|| "further notice".to_owned(), |until| desk.written(until)),
        version.digests.digest
    );
    if history.state(index, at) == State::Redacted {
        said.push_str("  its text was redacted\n");
    }
    // A day on which another version took its place is told of both.
    let end = day.checked_add(Span::new().days(1)).map_or(Timestamp::MAX, |day| start_of(day, &desk.config.timezone));
    let next = history.next_transition(at).filter(|(next, _)| moment.is_none() && *next < end);
    if let Some((next, Some(other))) = next {
        said.push_str(&format!(
            "  later that day, from {}: version {}\n",
            desk.written(next),
            history.versions[other].version
        ));
    }
    let found = json!({
        "at": at, "version": version.version, "digest": version.digests.digest, "effective": version.effective,
        "until": until, "later_that_day": next.map(|(at, other)| json!({"at": at, "version": other.map(|other| &history.versions[other].version)})),
    });
    Ok((said, found))
}
