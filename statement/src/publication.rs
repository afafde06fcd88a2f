//! What may be published after what: dates and notice, notes for readers, and the names of sections.
//!
//! The rules hold for a version before it is published and ever after, so `publish` and every build ask the same. It
//! knows texts and moments given to it, and neither the present nor any file.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::history::History;
use crate::lock::{Lock, Note};
use crate::promise::{Changes, ChangesEffective};
use crate::version::Statement;

/// The first moment at which a change may take effect that is posted at `posted`, by what the version in force then
/// says of changes: none where a change may not be announced, and any where no notice is promised.
#[must_use]
pub fn earliest(changes: Option<&Changes>, posted: Timestamp, timezone: &TimeZone) -> Option<Timestamp> {
    let changes = changes.filter(|changes| changes.effective == Some(ChangesEffective::Scheduled))?;
    let Some(notice) = &changes.notice else { return Some(Timestamp::MIN) };
    let earliest = posted.to_zoned_datetime(timezone.clone()).checked_add(notice.period.value.to_span());
    Some(earliest.map_or(Timestamp::MAX, |earliest| earliest.timestamp()))
}

/// The parts of a note that say nothing: empty, or the `…` of a line that was to be filled in.
#[must_use]
pub fn silent_parts(note: &Note) -> Vec<&'static str> {
    let parts = [("summary", &note.summary), ("why", &note.why), ("who", &note.who), ("do", &note.action)];
    parts.into_iter().filter(|(_, text)| matches!(text.trim(), "" | "…" | "...")).map(|(name, _)| name).collect()
}

/// The anchors of a text's headings, in order.
fn sections(statement: &Statement) -> impl Iterator<Item = &str> {
    statement.sections.iter().map(|section| section.value.as_str())
}

/// Reports a version whose sections break with those published before it: one that is gone without a word (P218), and
/// one that had been gone and is another now (P219). `earlier` are the versions before it, the first one first, and
/// none for one whose text is not here: after that one nothing is known.
pub fn check_sections(earlier: &[Option<&Statement>], new: &Statement, diagnostics: &mut Diagnostics) {
    let now: HashMap<&str, &Range<usize>> =
        new.sections.iter().map(|section| (section.value.as_str(), &section.span)).collect();
    let Some((Some(previous), before)) = earlier.split_last() else { return };
    let previously: HashSet<&str> = sections(previous).collect();
    let explained = |id: &str| {
        let promises = &new.promises;
        promises.retired.iter().any(|retired| retired == id) || promises.moved_to.iter().any(|(from, _)| from == id)
    };
    let error = |place: &Range<usize>, fact: String| Diagnostic::error(&new.path, place.clone(), fact);
    // What is gone has no place, but what it stood behind has one.
    let mut behind = &new.version_span;
    for id in sections(previous) {
        if let Some(place) = now.get(id) {
            behind = *place;
            continue;
        }
        if explained(id) {
            continue;
        }
        diagnostics.push(
            error(behind, format!("the section `{id}` is gone, and nothing says where to"))
                .code("P218")
                .label("it came after this")
                .note(format!("links to `#{id}` of version {} are in use", previous.version))
                .help(format!("either say which section holds its matter now: `moved_to: {{{id}: <section>}}`"))
                .help(format!("or say that there is nothing of it: `retired: [{id}]`")),
        );
    }
    let mut seen = HashSet::new();
    let gone = before.iter().rev().flatten().flat_map(|version| sections(version).map(|id| (id, &version.version)));
    for (id, version) in gone {
        let Some(place) = now.get(id) else { continue };
        if !previously.contains(id) && seen.insert(id) {
            diagnostics.push(
                error(place, format!("the section id `{id}` was used before"))
                    .code("P219")
                    .note(format!(
                        "version {version} has a section of that name, and version {} has not",
                        previous.version
                    ))
                    .help("give the section another id: links to the old one must not lead to another matter"),
            );
        }
    }
    for (_, to) in new.promises.moved_to.iter().filter(|(_, to)| !now.contains_key(to.value.as_str())) {
        let fact = format!("`{}` is no section of this version", to.value);
        diagnostics.push(
            Diagnostic::error(&new.path, to.span.clone(), fact)
                .code("P218")
                .help("name the section that holds the matter now"),
        );
    }
}

/// Reports what is wrong with what is in the lock, and with what would be if it were posted at `now`: a version posted
/// without the notice that was promised (P212), and sections that are gone without a word. `history` is that of
/// `statements`, the versions in the lock and others.
pub fn check(
    lock_path: &Arc<str>,
    lock: &Lock,
    history: &History,
    statements: &[&Statement],
    timezone: &TimeZone,
    now: Timestamp,
    diagnostics: &mut Diagnostics,
) {
    // A version that is not in the lock was never in force, so it says nothing about the others.
    let is_locked = |statement: &&Statement| lock.published().any(|line| line.version == statement.version);
    let (locked, unlocked): (Vec<&Statement>, Vec<&Statement>) = statements.iter().copied().partition(is_locked);
    let published = History::new(lock, &locked, &[], |statement| statement.effective_in(timezone));
    let in_force = |at: Timestamp| {
        let version = &published.versions[published.in_force(at)?];
        Some((version.version.as_str(), locked[version.statement?].promises.changes.as_ref()))
    };
    for (line, place) in lock.placed() {
        // What is backfilled was never announced here, and the first version changes nothing.
        if !line.publishes() || line.backfilled {
            continue;
        }
        let (Some(effective), Some((before, changes))) = (line.effective, in_force(line.posted)) else { continue };
        let earliest = earliest(changes, line.posted, timezone);
        if before != line.version && is_refused(effective, line.posted, earliest) {
            diagnostics.push(wrong_moment(lock_path, place, effective, before, earliest, timezone));
        }
    }
    for statement in unlocked.into_iter().filter(|statement| !statement.is_draft()) {
        let effective = statement.effective_in(timezone);
        let Some((before, changes)) = in_force(now).filter(|_| effective > now) else { continue };
        let earliest = earliest(changes, now, timezone);
        if is_refused(effective, now, earliest) {
            let place = statement.effective_span.clone();
            diagnostics.push(wrong_moment(&statement.path, place, effective, before, earliest, timezone));
        }
    }
    let mut earlier: Vec<Option<&Statement>> = Vec::new();
    for version in history.versions.iter().filter(|version| !version.is_backfilled) {
        let statement = version.statement.map(|file| statements[file]);
        if let Some(statement) = statement {
            check_sections(&earlier, statement, diagnostics);
        }
        earlier.push(statement);
    }
}

/// Whether a version that is posted at `posted` may not be effective from `effective`, by [`earliest`].
#[must_use]
pub fn is_refused(effective: Timestamp, posted: Timestamp, earliest: Option<Timestamp>) -> bool {
    earliest.map_or(effective > posted, |earliest| effective < earliest)
}

/// The error of a version that is effective from another moment than the version in force allows (P212).
#[must_use]
pub fn wrong_moment(
    path: &Arc<str>,
    span: Range<usize>,
    effective: Timestamp,
    in_force: &str,
    earliest: Option<Timestamp>,
    timezone: &TimeZone,
) -> Diagnostic {
    let written = |moment: Timestamp| {
        let moment = moment.to_zoned_datetime(timezone.clone());
        let format = if moment.time() == jiff::civil::Time::midnight() { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%S%:z" };
        moment.strftime(format).to_string()
    };
    let effective = written(effective);
    match earliest {
        None => Diagnostic::error(path, span, format!("{effective} is in the future"))
            .code("P212")
            .note(format!("statement {in_force} makes changes effective on posting"))
            .help("publish it on the day from which it is effective"),
        Some(earliest) => Diagnostic::error(path, span, format!("{effective} is too soon"))
            .code("P212")
            .note(format!(
                "by the notice that statement {in_force} promises, it is effective from {} on",
                written(earliest)
            ))
            .help("give it a later day"),
    }
}
