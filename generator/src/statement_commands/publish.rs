//! Publishing a version: what a draft becomes, the line of the lock, and what readers of the change are shown first.
//!
//! The rules are [`publication`]'s, the same that every build asks. Here they are asked of what is not published yet,
//! so the author hears of them before anything is written.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use statement::comparison::Comparison;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::front_matter;
use statement::history::History;
use statement::lock::{Event, Line, Note, check_correction, more_than_a_correction};
use statement::promise::{ChangesEffective, Kind, Source};
use statement::publication;
use statement::version::{Statement, parse_effective, start_of};
use statement::yaml::{self, Node, Value};

use crate::documents::VersionedDocument;
use crate::starter::{self, NewFile};
use crate::statement_commands::Desk;
use crate::{Failure, address};

/// What the author says about a version.
#[derive(Debug)]
pub struct Request<'a> {
    /// The draft's file or an unpublished version; none for the only one there is.
    pub draft: Option<&'a str>,
    /// What readers are told.
    pub note: Note,
    /// Who publishes it.
    pub author: &'a str,
    /// From when it is in force, as front matter says it; none leaves it to the draft and the rules.
    pub effective: Option<&'a str>,
    /// Where a version was found that is older than the first one; none for any other.
    pub found_in: Option<&'a str>,
    /// When it is posted.
    pub now: Timestamp,
}

/// What publishing does.
#[derive(Debug)]
pub struct Publication {
    /// The version.
    pub version: String,
    /// The version's file, where it was a draft.
    pub file: Option<NewFile>,
    /// The draft, which goes.
    pub draft: Option<Arc<str>>,
    /// The lock's new text.
    pub lock: String,
    /// What changed and what is done, for the author.
    pub told: String,
}

/// The version to be published: a draft, or a file that has its name and is not in the lock.
///
/// # Errors
/// When there is none, or several.
pub fn find<'d>(
    desk: &'d Desk<'_>,
    document: &VersionedDocument,
    name: Option<&str>,
) -> Result<&'d Statement, Failure> {
    let is_unpublished =
        |statement: &&Statement| document.lock.published().all(|line| line.version != statement.version);
    let candidates: Vec<&Statement> = desk.files(document).filter(is_unpublished).collect();
    let names = |statement: &&&Statement, name: &str| {
        let file = statement.path.rsplit('/').next().and_then(|file| file.strip_suffix(".md"));
        statement.version == name || Some(name) == file || name.ends_with(&*statement.path)
    };
    let drafts: Vec<&&Statement> = candidates.iter().filter(|statement| statement.is_draft()).collect();
    match (name, drafts.as_slice(), candidates.as_slice()) {
        (Some(name), _, _) => candidates.iter().find(|statement| names(statement, name)).copied().ok_or_else(|| {
            Failure(format!("there is no draft and no unpublished version `{name}`\n  = help: make a draft with `candor statement draft --from VERSION`"))
        }),
        (None, [only], _) => Ok(only),
        (None, [], [only]) => Ok(only),
        (None, [], []) => Err(Failure("there is no draft\n  = help: make one with `candor statement draft --from VERSION`".to_owned())),
        (None, _, several) => {
            let several: Vec<&str> = several.iter().map(|statement| &*statement.path).collect();
            Err(Failure(format!("several versions are not published: {}\n  = help: name the one to publish", several.join(", "))))
        }
    }
}

/// What publishing would do; reports whatever keeps it from being done and returns none then.
///
/// # Errors
/// When the version to publish cannot be told.
pub fn plan(
    desk: &Desk<'_>,
    document: &VersionedDocument,
    request: &Request<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Publication>, Failure> {
    let draft = find(desk, document, request.draft)?;
    let text = desk.tree.text(&draft.path).expect("invariant: a version was read from its file");
    refuse_invisible(&draft.path, text, draft, diagnostics);
    refuse_unfinished(&draft.path, text, draft, diagnostics);
    for part in publication::silent_parts(&request.note) {
        diagnostics.push(
            Diagnostic::error(&draft.path, 0..0, format!("change note is empty: `{part}`"))
                .code("P213")
                .help(format!("say it with `--{part} \"…\"`: readers see it beside the change")),
        );
    }
    let published = Published::new(desk, document);
    refuse_unpublished(desk, document, draft)?;
    let Some(dated) = date(desk, &published, draft, request, diagnostics)? else { return Ok(None) };
    let before = published.in_force(dated.effective).filter(|before| before.version != draft.version);
    let (new, written) = match draft.is_draft() {
        true => {
            let version = free_name(desk, document, dated.day);
            let corrects = before.filter(|before| is_correction(before, draft)).map(|before| before.version.as_str());
            let written = write_names(desk, draft, text, &version, &dated.written, before.is_some(), corrects);
            let path: Arc<str> = format!("{}/{version}.md", document.folder).into();
            match parse(&path, &written, diagnostics) {
                Some(new) => (new, Some(written)),
                None => return Ok(None),
            }
        }
        false => (draft.clone(), None),
    };
    if !new.can_be_effective_at(dated.effective) {
        diagnostics.push(
            Diagnostic::error(
                &new.path,
                draft.effective_span.clone(),
                format!("version {} is effective from {}, as its file says", new.version, new.effective_written()),
            )
            .help("leave out `--effective`, or name the file by the other day and write it there"),
        );
    }
    let comparison = before.map(|before| Comparison::new(before, &new));
    if request.found_in.is_none() {
        judge(&published, &as_drafted(&new, draft), before, comparison.as_ref(), diagnostics);
    }
    if diagnostics.has_errors() {
        return Ok(None);
    }
    let event = if dated.effective > request.now { Event::Scheduled } else { Event::Published };
    let line =
        document.lock.publishing(&new, event, dated.effective, dated.posted, request.author, request.note.clone());
    let line = Line { backfilled: request.found_in.is_some(), source: request.found_in.map(str::to_owned), ..line };
    let told = tell(desk, &new, before, comparison.as_ref(), &line, &dated);
    let file = written.map(|written| (new.path.to_string(), written.into_bytes()));
    let draft = file.is_some().then(|| Arc::clone(&draft.path));
    Ok(Some(Publication { version: new.version.clone(), file, draft, lock: desk.lock_with(document, &line), told }))
}

/// The versions that are in the lock.
struct Published<'d> {
    history: History,
    files: Vec<&'d Statement>,
}

impl<'d> Published<'d> {
    fn new(desk: &'d Desk<'_>, document: &VersionedDocument) -> Self {
        let is_locked = |version: &str| document.lock.published().any(|line| line.version == version);
        let files: Vec<&Statement> = desk.files(document).filter(|statement| is_locked(&statement.version)).collect();
        let effective = |statement: &Statement| statement.effective_in(&desk.config.timezone);
        Self { history: History::new(&document.lock, &files, &[], effective), files }
    }

    /// The version in force at a moment, if its text is there.
    fn in_force(&self, at: Timestamp) -> Option<&'d Statement> {
        self.history.in_force(at).and_then(|index| self.history.versions[index].statement).map(|file| self.files[file])
    }
}

/// Versions are published in their order.
fn refuse_unpublished(desk: &Desk<'_>, document: &VersionedDocument, new: &Statement) -> Result<(), Failure> {
    let first = document.history.versions.iter().find(|version| !version.is_locked && version.version != new.version);
    match first.filter(|first| first.effective <= new.effective_in(&desk.config.timezone)) {
        Some(first) => Err(Failure(format!(
            "version {0} is not in the lock\n  = help: publish it first: `candor statement publish {0}`",
            first.version
        ))),
        None => Ok(()),
    }
}

/// A version with the places its draft has, so that its author is shown what they wrote.
fn as_drafted(new: &Statement, draft: &Statement) -> Statement {
    let mut judged = Statement {
        path: Arc::clone(&draft.path),
        version_span: draft.version_span.clone(),
        sections: draft.sections.clone(),
        ..new.clone()
    };
    if let Some(kind) = &mut judged.promises.kind {
        kind.span = draft.promises.kind.as_ref().map_or(draft.version_span.clone(), |kind| kind.span.clone());
    }
    judged.promises.moved_to.clone_from(&draft.promises.moved_to);
    judged
}

/// From when a version is in force.
struct Dated {
    effective: Timestamp,
    /// The day it is named by.
    day: Date,
    /// As front matter says it.
    written: String,
    posted: Timestamp,
    /// The day the draft had, where it is another.
    instead_of: Option<Date>,
}

/// Dates a version; reports a date that the statement in force does not allow.
fn date(
    desk: &Desk<'_>,
    published: &Published<'_>,
    draft: &Statement,
    request: &Request<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Dated>, Failure> {
    let timezone = &desk.config.timezone;
    let today = timezone.to_datetime(request.now).date();
    let day_of = |moment: Timestamp| timezone.to_datetime(moment).date();
    let dated = |written: String, (day, moment): (Date, Option<Timestamp>), posted| {
        let effective = moment.unwrap_or_else(|| start_of(day, timezone));
        Dated { effective, day: day_of(effective), written, posted, instead_of: None }
    };
    let own = || (draft.effective, draft.effective_at);
    let own_written = || draft.effective_at.map_or_else(|| draft.effective.to_string(), |moment| desk.written(moment));
    let history = &published.history;
    let in_force = published.in_force(request.now).filter(|_| request.found_in.is_none());
    let Some(in_force) = in_force else {
        // The first version, or one found later: it was made known when it says so, if it was published elsewhere.
        let written = request.effective.map(str::to_owned).unwrap_or_else(own_written);
        let found = dated(written.clone(), parse_effective(&written).map_err(Failure)?, request.now);
        let is_imported = draft.promises.provenance.is_some_and(|provenance| provenance.source == Source::Imported);
        let posted = if is_imported { found.effective.min(request.now) } else { request.now };
        return Ok(Some(Dated { posted, ..found }));
    };
    let changes = in_force.promises.changes.as_ref();
    let is_scheduled = changes.is_some_and(|changes| changes.effective == Some(ChangesEffective::Scheduled));
    let written = request.effective.map(str::to_owned);
    let mut found = match written {
        Some(written) => dated(written.clone(), parse_effective(&written).map_err(Failure)?, request.now),
        None if is_scheduled || !draft.is_draft() => dated(own_written(), own(), request.now),
        // What is effective on posting is effective today, whatever day it was begun; two on a day need two moments.
        None if !history.changes_within(start_of(today, timezone)..=request.now) && draft.effective <= today => {
            let found = dated(today.to_string(), (today, None), request.now);
            Dated { instead_of: Some(draft.effective).filter(|day| *day != today), ..found }
        }
        None if draft.effective > today => dated(own_written(), own(), request.now),
        None => dated(desk.written(request.now), (today, Some(request.now)), request.now),
    };
    if !draft.is_draft() && !draft.version.starts_with(&found.day.to_string()) {
        found.day = draft.effective;
    }
    let place = || draft.effective_span.clone();
    let earliest = publication::earliest(changes, request.now, timezone);
    if publication::is_refused(found.effective, request.now, earliest) {
        let name = &in_force.version;
        diagnostics.push(publication::wrong_moment(&draft.path, place(), found.effective, name, earliest, timezone));
        return Ok(None);
    }
    if earliest.is_none() && found.day != today {
        diagnostics.push(
            Diagnostic::error(&draft.path, place(), format!("dated {}, today is {today}", found.day))
                .code("P223")
                .note(format!("statement {} makes changes effective on posting", in_force.version))
                .help("leave the date out of the command: a draft is dated when it is published")
                .help(format!("or re-date the version: name it {today}")),
        );
        return Ok(None);
    }
    // What was in force is not changed afterwards, and what was announced is not overtaken.
    if let Some((from, Some(other))) = history.change_since(found.effective) {
        let other = &history.versions[other].version;
        diagnostics.push(
            Diagnostic::error(&draft.path, place(), format!("version {other} is not effective before this one"))
                .code("P223")
                .note(format!("it is effective from {}", desk.written(from)))
                .help("give this version a later moment, with `--effective`"),
        );
        return Ok(None);
    }
    Ok(Some(found))
}

/// The rules between a version and those before it.
fn judge(
    published: &Published<'_>,
    new: &Statement,
    before: Option<&Statement>,
    comparison: Option<&Comparison>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(other) = published.files.iter().find(|other| other.document != new.document) {
        diagnostics.push(
            Diagnostic::error(
                &new.path,
                0..0,
                format!("`{}` is another document than `{}`", new.document, other.document),
            )
            .help("all versions of the statement have the same `document`"),
        );
    }
    let Some(before) = before else { return };
    let earlier = published.history.versions.iter().filter(|version| !version.is_backfilled);
    let earlier: Vec<Option<&Statement>> =
        earlier.map(|version| version.statement.map(|file| published.files[file])).collect();
    publication::check_sections(&earlier, new, diagnostics);
    // A correction corrects the version before it, which has its text: only what was in force may be corrected.
    check_correction(&[before, new], |_| false, new, diagnostics);
    let Some(comparison) = comparison else { return };
    if comparison.facts.is_empty() && before.text == new.text {
        diagnostics.push(
            Diagnostic::error(&new.path, 0..0, format!("nothing changed since version {}", before.version))
                .help("change the text or the facts first"),
        );
    } else if comparison.moved_only {
        diagnostics.push(
            Diagnostic::warning(&new.path, 0..0, "moved only: readers' comparisons will show moves")
                .code("P224")
                .help("ask whether this is needed: the text is the same in another order"),
        );
    }
}

/// A draft that mends spelling and nothing else corrects the version before it; what the draft says itself counts more.
fn is_correction(before: &Statement, draft: &Statement) -> bool {
    let is_one = || more_than_a_correction(before, draft).is_empty();
    draft.promises.kind.as_ref().map_or_else(is_one, |kind| kind.value == Kind::Correction)
}

/// The first version of a day that has no file and no line yet.
fn free_name(desk: &Desk<'_>, document: &VersionedDocument, day: Date) -> String {
    let taken = |name: &str| {
        document.history.find(name).is_some() || desk.tree.text(&format!("{}/{name}.md", document.folder)).is_some()
    };
    let later = (2..).map(|ordinal| format!("{day}-{ordinal}"));
    std::iter::once(day.to_string()).chain(later).find(|name| !taken(name)).expect("invariant: names do not end")
}

fn front(path: &Arc<str>, file: &str) -> Node {
    let mut unreported = Diagnostics::new();
    let parts = front_matter::split(path, file, &mut unreported).expect("invariant: a version has front matter");
    yaml::parse(path, file, parts.yaml, &mut unreported).expect("invariant: a version's facts were read")
}

fn value<'n>(root: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Mapping(entries) = &root.value else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
}

/// The draft's file with its version, date and kind; all else stays as its author wrote it.
fn write_names(
    desk: &Desk<'_>,
    draft: &Statement,
    file: &str,
    version: &str,
    effective: &str,
    has_predecessor: bool,
    corrects: Option<&str>,
) -> String {
    let root = front(&draft.path, desk.tree.text(&draft.path).unwrap_or(file));
    let kind = match (has_predecessor, corrects) {
        (false, _) => Kind::Original,
        (true, Some(_)) => Kind::Correction,
        (true, None) => Kind::Revision,
    };
    let mut wanted = vec![("effective", format!("\"{effective}\"")), ("kind", kind.word().to_owned())];
    wanted.extend(corrects.map(|corrects| ("corrects", format!("\"{corrects}\""))));
    let named = value(&root, "version").expect("invariant: a version was read").span.clone();
    let line_end = if file.contains("\r\n") { "\r\n" } else { "\n" };
    let mut edits = Vec::new();
    let mut beside = format!("\"{version}\"");
    for (key, text) in wanted {
        match value(&root, key) {
            Some(node) => edits.push((node.span.clone(), text)),
            // A mapping between braces parts its entries with commas.
            None if file[root.span.start..].starts_with('{') => beside.push_str(&format!(", {key}: {text}")),
            None => beside.push_str(&format!("{line_end}{key}: {text}")),
        }
    }
    edits.push((named, beside));
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut written = file.to_owned();
    for (span, text) in edits {
        written.replace_range(span, &text);
    }
    written
}

fn parse(path: &Arc<str>, file: &str, diagnostics: &mut Diagnostics) -> Option<Statement> {
    let parts = front_matter::split(path, file, diagnostics)?;
    let root = yaml::parse(path, file, parts.yaml, diagnostics)?;
    Statement::parse(path, file, &root, parts.text, diagnostics)
}

/// What an editor's habits could change without anybody seeing it: spaces at the ends of the text's lines, and letters
/// that are composed in another way, in the facts too.
fn refuse_invisible(path: &Arc<str>, file: &str, draft: &Statement, diagnostics: &mut Diagnostics) {
    let mut at = 0;
    for line in file.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let words = content.trim_end_matches(' ');
        if at >= draft.text_span.start && content.len() - words.len() >= 2 {
            diagnostics.push(
                Diagnostic::error(path, at + words.len()..at + content.len(), "spaces at the end of a line break it")
                    .label("two or more spaces")
                    .help("remove them, or end the line with `\\` where it is to be broken"),
            );
        }
        let mut start = at;
        for word in content.split(' ') {
            let composed = address::nfc(word);
            if composed != word {
                diagnostics.push(
                    Diagnostic::error(path, start..start + word.len(), format!("`{word}` has letters and marks apart"))
                        .label("not composed (Unicode NFC)")
                        .help(format!("write `{composed}`, which looks the same and is one letter each")),
                );
            }
            start += word.len() + 1;
        }
        at += line.len();
    }
}

/// Words by which a text says that it is not meant to be in force.
const UNFINISHED: [&str; 3] = ["this draft", "this is a draft", "lorem ipsum"];

/// A version that is in force must not say that it is a draft, or have places that were to be filled in.
fn refuse_unfinished(path: &Arc<str>, file: &str, draft: &Statement, diagnostics: &mut Diagnostics) {
    // Of the same length, so that places stay.
    let lower = file.to_ascii_lowercase();
    let text = &lower[draft.text_span.clone()];
    let words = UNFINISHED.iter().filter_map(|words| Some((text.find(words)? + draft.text_span.start, words.len())));
    let marks = starter::MARKS.iter().filter_map(|mark| Some((file.find(mark)?, mark.len())));
    for (at, length) in words.chain(marks) {
        let found = &file[at..at + length];
        diagnostics.push(
            Diagnostic::error(path, at..at + length, format!("`{found}` stands in a version that is to be published"))
                .help("take it out, or write what is meant to be in force"),
        );
    }
}

/// What changed, and what is done.
fn tell(
    desk: &Desk<'_>,
    new: &Statement,
    before: Option<&Statement>,
    comparison: Option<&Comparison>,
    line: &Line,
    dated: &Dated,
) -> String {
    let mut told = comparison.map(Comparison::to_text).unwrap_or_default();
    let kind = match (&new.promises.kind, before) {
        (Some(kind), _) => kind.value.word(),
        (None, Some(_)) => Kind::Revision.word(),
        (None, None) => Kind::Original.word(),
    };
    told.push_str(&format!("Version {}, {kind}, effective from {}\n", new.version, desk.written(dated.effective)));
    if let Some(day) = dated.instead_of {
        told.push_str(&format!("  the draft was dated {day}: it is effective on posting, so it is dated today\n"));
    }
    told.push_str(&format!("  digest {}\n  line {} of the lock\n", new.digests.digest, line.seq));
    told
}
