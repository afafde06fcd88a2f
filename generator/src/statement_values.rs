//! What templates are told about versions: when each was in force, what changed, what is promised.
//!
//! It makes values of what [`publication`](crate::publication) gathered; the words around them are the theme's.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value as Json;
use statement::explain::{explain, in_words};
use statement::history::State;
use statement::redline::{Change, FactChange, Piece, RedlineBlock};
use statement::version::Statement;
use tera::{Map, Value};

use crate::address;
use crate::publication::{Companion, Comparison, Publication};
use crate::site::{PageKind, Site, SitePage};
use crate::template::{date_words, map, statement_value};

/// The language a page is in.
pub(crate) fn language<'a>(site: &'a Site, page: &SitePage) -> &'a str {
    match page.kind {
        PageKind::Statement(file) => &site.statements[file].language,
        PageKind::Companion(_, Companion::Translation(translation)) => &site.translations[translation].language,
        _ => &site.config.language,
    }
}

fn publication_of<'a>(site: &'a Site, statement: &Statement) -> Option<&'a Publication> {
    let home = Site::statement_home(statement);
    site.publications.iter().find(|publication| publication.home == home && publication.has_companions)
}

/// Where all versions of a statement are listed, where there is such a page.
pub(crate) fn changes_url(site: &Site, statement: &Statement) -> Option<String> {
    publication_of(site, statement).map(|publication| address::href(&publication.shared("changes")))
}

/// Where the feed of all versions of a statement stands, where there is one.
pub(crate) fn changes_feed(site: &Site, statement: &Statement) -> Option<String> {
    publication_of(site, statement).map(|publication| address::href(&feed(publication)))
}

/// The site path of the feed of changes.
pub(crate) fn feed(publication: &Publication) -> String {
    address::beside(&publication.shared("changes"), "feed.xml")
}

/// The variables that a page about versions has, beside those of every page.
pub(crate) fn of_page(site: &Site, page: &SitePage) -> Vec<(&'static str, Value)> {
    match page.kind {
        PageKind::Statement(file) => {
            let Some(publication) = site.publications.iter().find(|found| found.statements.contains(&file)) else {
                return Vec::new();
            };
            vec![("document", document(site, publication)), ("version", file_value(site, publication, file))]
        }
        PageKind::Companion(index, companion) => {
            let publication = &site.publications[index];
            let mut values = vec![("document", document(site, publication))];
            values.extend(of_companion(site, publication, companion));
            values
        }
        _ => Vec::new(),
    }
}

fn of_companion(site: &Site, publication: &Publication, companion: Companion) -> Vec<(&'static str, Value)> {
    match companion {
        Companion::Changes | Companion::Verify => {
            let versions = (0..publication.document.history.versions.len()).rev();
            let versions = versions.map(|version| version_value(site, publication, version).into());
            vec![("versions", versions.collect::<Vec<Value>>().into())]
        }
        Companion::Comparison(index) => {
            vec![("comparison", comparison_value(site, publication, &publication.comparisons[index]))]
        }
        Companion::Explanation(file) => vec![
            ("version", file_value(site, publication, file)),
            ("explanation", explanation_value(publication, &site.statements[file])),
        ],
        Companion::Translation(index) => {
            let translation = &site.translations[index];
            let version = publication.document.history.find(&translation.version);
            let version = version.map(|version| (version, &publication.document.history.versions[version]));
            let of = version.and_then(|(_, version)| {
                version.translations.iter().find(|other| other.language == translation.language)
            });
            let folder = address::below(&publication.address_of(&translation.version), &translation.language);
            let value = map! {
                language: translation.language.as_str(),
                sha256: translation.sha256.as_str(),
                is_stale: of.is_some_and(|of| of.is_stale),
                posted: of.and_then(|of| of.posted).map(|posted| moment(site, posted)),
                text_url: address::href(&address::beside(&folder, "statement.md")),
            };
            let file = version.and_then(|(_, version)| publication.file_of(version));
            let version = file.map_or_else(Value::none, |file| file_value(site, publication, file));
            vec![("translation", value), ("version", version)]
        }
        Companion::Tombstone(version) => vec![("version", version_value(site, publication, version).into())],
        Companion::Forget => Vec::new(),
    }
}

/// What is the same for all pages of a document.
fn document(site: &Site, publication: &Publication) -> Value {
    let beside = |name: &str| address::href(&address::beside(&publication.home, name));
    let shared = |name: &str| address::href(&publication.shared(name));
    let absolute = |path: &str| address::permalink(&site.config.base_url, path);
    let newest = publication.document.history.versions.iter().rev().find_map(|version| publication.file_of(version));
    let in_force =
        publication.in_force().and_then(|version| publication.file_of(&publication.document.history.versions[version]));
    let title = in_force.or(newest).map(|file| site.statements[file].title.as_str());
    map! {
        title: title,
        url: address::href(&publication.home),
        permalink: absolute(&publication.home),
        changes_url: publication.has_companions.then(|| shared("changes")),
        changes_permalink: publication.has_companions.then(|| absolute(&publication.shared("changes"))),
        feed_url: publication.has_companions.then(|| address::href(&feed(publication))),
        verify_url: publication.has_companions.then(|| shared("verify")),
        has_facts: publication.has_facts,
        in_force: in_force.map(|file| in_force_value(site, &site.statements[file])),
        forget_url: (publication.has_companions && publication.has_facts).then(|| shared("forget")),
        upcoming_url: publication.upcoming().map(|_| shared("upcoming")),
        manifest_url: beside("manifest.json"),
        timemap_url: beside("timemap.link"),
        lock_url: publication.document.is_locked.then(|| beside("lock.jsonl")),
        timezone: site.config.timezone.iana_name().unwrap_or("UTC"),
    }
}

/// What the other pages of a document say of the version in force.
fn in_force_value(site: &Site, statement: &Statement) -> Value {
    let at = moment(site, effective(site, statement));
    map! {
        title: statement.title.as_str(),
        url: address::href(&Site::statement_home(statement)),
        effective_words: at.get_from_path("words").cloned(),
        effective_datetime: at.get_from_path("iso").cloned(),
    }
}

/// A version or a draft whose text is shown.
fn file_value(site: &Site, publication: &Publication, file: usize) -> Value {
    let statement = &site.statements[file];
    let mut value = statement_value(site, statement).into_map().unwrap_or_default();
    match publication.version_of(file) {
        Some(version) => value.extend(version_value(site, publication, version)),
        None => value.extend(draft_value(site, publication, file)),
    }
    value.into()
}

/// From when a version is in force: as the lock says it, where the version is in one.
pub(crate) fn effective(site: &Site, statement: &Statement) -> Timestamp {
    let is_it = |file: Option<usize>| file.is_some_and(|file| site.statements[file].path == statement.path);
    let mut versions = site.publications.iter().flat_map(|publication| &publication.document.history.versions);
    let locked = versions.find(|version| is_it(version.statement)).map(|version| version.effective);
    locked.unwrap_or_else(|| statement.effective_in(&site.config.timezone))
}

/// The day of that moment in the site's time zone.
pub(crate) fn effective_date(site: &Site, statement: &Statement) -> Date {
    site.config.timezone.to_datetime(effective(site, statement)).date()
}

/// A moment as people and programs read it; the time of day is told where it is not the beginning of the day.
pub(crate) fn moment(site: &Site, at: Timestamp) -> Value {
    let zoned = at.to_zoned_datetime(site.config.timezone.clone());
    let words = date_words(zoned.date());
    let time = zoned.strftime("%H:%M").to_string();
    map! {
        iso: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        words: if time == "00:00" { words } else { format!("{words}, {time}") },
    }
}

/// Everything that is known about a version beside its text.
fn version_value(site: &Site, publication: &Publication, index: usize) -> Map {
    let version = &publication.document.history.versions[index];
    let state = publication.state(index);
    let folder = publication.address_of(&version.version);
    let is_shown = publication.file_of(version).is_some();
    let beside = |name: &str| is_shown.then(|| address::href(&address::beside(&folder, name)));
    let effective = version.effective.to_zoned_datetime(site.config.timezone.clone());
    let (before, after) = publication.neighbours(index);
    let is_explained =
        publication.file_of(version).is_some_and(|file| !site.statements[file].promises.quotes.is_empty());
    let translations: Vec<Value> = version
        .translations
        .iter()
        .filter(|translation| translation.file.is_some() && publication.has_companions)
        .map(|translation| {
            let url = address::href(&address::below(&folder, &translation.language));
            map! { language: translation.language.as_str(), url: url, is_stale: translation.is_stale }
        })
        .collect();
    let note = version.note.as_ref().map(|note| {
        map! {
            summary: note.summary.as_str(),
            why: note.why.as_str(),
            who: note.who.as_str(),
            action: note.action.as_str(),
        }
    });
    let since = |what: &Option<(Timestamp, String)>| {
        what.as_ref().map(|(at, reason)| map! { at: moment(site, *at), reason: reason.as_str() })
    };
    let value = map! {
        version: version.version.as_str(),
        version_url: address::href(&folder),
        permalink: address::permalink(&site.config.base_url, &folder),
        state: state.word().replace(' ', "-"),
        in_force: state == State::InForce,
        kind: version.kind.word(),
        effective: effective.date().to_string(),
        effective_words: moment(site, version.effective).get_from_path("words").cloned(),
        effective_datetime: moment(site, version.effective).get_from_path("iso").cloned(),
        was_in_force: version.in_force.iter().any(|interval| interval.from <= publication.at),
        until: version.until().map(|until| moment(site, until)),
        posted: version.is_locked.then(|| moment(site, version.posted)),
        note: note,
        author: version.author.as_deref(),
        corrects: version.corrects.as_deref(),
        source: version.source.as_deref(),
        withdrawn: since(&version.withdrawn),
        redacted: since(&version.redacted),
        digest: version.digests.digest.as_str(),
        text_sha256: version.digests.text_sha256.as_str(),
        facts_sha256: version.digests.facts_sha256.as_str(),
        text_url: beside("statement.md"),
        facts_url: beside("facts.json"),
        explained_url: (is_explained && publication.has_companions).then(|| address::href(&address::below(&folder, "explained"))),
        translations: translations,
        predecessor: before.map(|other| neighbour(site, publication, other, Some((other, index)))),
        successor: after.map(|other| neighbour(site, publication, other, Some((index, other)))),
        change: before.and_then(|before| change_value(site, publication, before, index)),
        compare_in_force: compare_in_force(site, publication, publication.file_of(version)),
    };
    value.into_map().unwrap_or_default()
}

/// What is known about a draft beside its text: it has no place in the history yet.
fn draft_value(site: &Site, publication: &Publication, file: usize) -> Map {
    let statement = &site.statements[file];
    let folder = publication.address_of_file(statement);
    let is_explained = publication.has_companions && !statement.promises.quotes.is_empty();
    let value = map! {
        version_url: address::href(&folder),
        permalink: address::permalink(&site.config.base_url, &folder),
        state: "draft",
        in_force: false,
        was_in_force: false,
        kind: statement.promises.kind.as_ref().map_or("revision", |kind| kind.value.word()),
        until: Value::none(),
        posted: Value::none(),
        note: Value::none(),
        author: Value::none(),
        corrects: statement.promises.corrects.as_deref(),
        source: Value::none(),
        withdrawn: Value::none(),
        redacted: Value::none(),
        text_sha256: statement.digests.text_sha256.as_str(),
        facts_sha256: statement.digests.facts_sha256.as_str(),
        text_url: Value::none(),
        facts_url: Value::none(),
        explained_url: is_explained.then(|| address::href(&address::below(&folder, "explained"))),
        translations: Vec::<Value>::new(),
        predecessor: Value::none(),
        successor: Value::none(),
        change: Value::none(),
        compare_in_force: compare_in_force(site, publication, Some(file)),
    };
    value.into_map().unwrap_or_default()
}

/// Where a file is compared with the version in force.
fn compare_in_force(site: &Site, publication: &Publication, file: Option<usize>) -> Option<String> {
    let in_force = publication.file_of(&publication.document.history.versions[publication.in_force()?])?;
    let file = file?;
    let comparison = publication.comparison(file, in_force).or_else(|| publication.comparison(in_force, file))?;
    comparison_url(site, publication, comparison)
}

fn comparison_url(site: &Site, publication: &Publication, comparison: usize) -> Option<String> {
    let comparison = &publication.comparisons[comparison];
    publication.has_companions.then(|| address::href(&publication.address_of_comparison(&site.statements, comparison)))
}

fn find_comparison(publication: &Publication, old: usize, new: usize) -> Option<usize> {
    let file = |index: usize| publication.file_of(&publication.document.history.versions[index]);
    publication.comparison(file(old)?, file(new)?)
}

/// Another version in a few words, and where the two are compared.
fn neighbour(site: &Site, publication: &Publication, index: usize, pair: Option<(usize, usize)>) -> Value {
    let version = &publication.document.history.versions[index];
    let comparison = pair.and_then(|(old, new)| find_comparison(publication, old, new));
    let address = publication.address_of(&version.version);
    map! {
        version: version.version.as_str(),
        version_url: address::href(&address),
        permalink: address::permalink(&site.config.base_url, &address),
        effective: moment(site, version.effective),
        compare_url: comparison.and_then(|comparison| comparison_url(site, publication, comparison)),
    }
}

/// What changed since the version before, in short.
fn change_value(site: &Site, publication: &Publication, old: usize, new: usize) -> Option<Value> {
    let index = find_comparison(publication, old, new)?;
    let comparison = &publication.comparisons[index];
    let (inserted, deleted) = words_changed(&comparison.changes.blocks);
    Some(map! {
        url: comparison_url(site, publication, index),
        facts: facts_value(&comparison.changes.facts),
        words_inserted: inserted,
        words_deleted: deleted,
        blocks_moved: blocks_moved(&comparison.changes.blocks),
    })
}

fn words_changed<'a>(blocks: impl IntoIterator<Item = &'a RedlineBlock>) -> (usize, usize) {
    blocks.into_iter().map(RedlineBlock::words_changed).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn blocks_moved<'a>(blocks: impl IntoIterator<Item = &'a RedlineBlock>) -> usize {
    blocks.into_iter().filter(|block| matches!(block.change, Change::Moved { .. })).count()
}

fn facts_value(facts: &[FactChange]) -> Vec<Value> {
    let text = |change: &FactChange, value: &Option<Json>| {
        let value = value.as_ref().filter(|value| !value.is_null())?;
        let name = change.fact.rsplit('.').next().unwrap_or_default();
        // The entry of a list is named by its fact already.
        let rest = match value {
            Json::Object(entries) => in_words(&entries.iter().filter(|(_, value)| *value != name).map(owned).collect()),
            other => in_words(other),
        };
        Some(if rest.is_empty() { in_words(value).replacen("key: ", "", 1) } else { rest })
    };
    let value = |change: &FactChange| {
        map! { fact: change.fact.as_str(), old: text(change, &change.old), new: text(change, &change.new) }
    };
    facts.iter().map(value).collect()
}

fn owned((key, value): (&String, &Json)) -> (String, Json) {
    (key.clone(), value.clone())
}

/// A comparison, heading by heading.
pub(crate) fn comparison_value(site: &Site, publication: &Publication, comparison: &Comparison) -> Value {
    let blocks = &comparison.changes.blocks;
    let is_shown_change = |block: &RedlineBlock| block.change != Change::Kept && !is_rule(block);
    let mut changes = blocks.iter().filter(|block| is_shown_change(block)).count();
    let all = changes;
    let moves = moves(blocks);
    let mut parts: Vec<Value> = Vec::new();
    let mut at = 0;
    while at < blocks.len() {
        let length = 1 + blocks[at + 1..].iter().take_while(|block| block.heading.is_none()).count();
        let part = &blocks[at..at + length];
        let heading = part[0].heading.map(|level| (level, plain(&part[0])));
        let is_changed = part.iter().any(|block| block.change != Change::Kept);
        let values: Vec<Value> = (at..at + length)
            .map(|index| {
                let block = &blocks[index];
                let number = is_shown_change(block).then(|| {
                    changes -= 1;
                    all - changes
                });
                block_value(block, number, number.filter(|number| *number < all), moves[index])
            })
            .collect();
        let (inserted, deleted) = words_changed(part);
        parts.push(map! {
            number: parts.len() + 1,
            title: heading.as_ref().map(|(_, title)| title.as_str()),
            level: heading.as_ref().map(|(level, _)| *level),
            is_changed: is_changed,
            words_inserted: inserted,
            words_deleted: deleted,
            blocks_moved: blocks_moved(part),
            blocks: values,
        });
        at += length;
    }
    let (inserted, deleted) = words_changed(blocks);
    let mut obligations = comparison.changes.obligations.clone();
    obligations.sort();
    obligations.dedup();
    let folder = publication.address_of_comparison(&site.statements, comparison);
    map! {
        old: file_value(site, publication, comparison.old),
        new: file_value(site, publication, comparison.new),
        facts: facts_value(&comparison.changes.facts),
        parts: parts,
        changes: all,
        words_inserted: inserted,
        words_deleted: deleted,
        blocks_moved: blocks_moved(blocks),
        obligations: obligations,
        diff_url: address::href(&address::beside(&folder, "diff.json")),
    }
}

/// The title of a heading as it is now, or as it was.
fn plain(block: &RedlineBlock) -> String {
    let is_gone = block.change == Change::Deleted;
    let pieces = block.pieces.iter().filter_map(|piece| match piece {
        Piece::Kept(text) | Piece::Inserted(text) => Some(text.as_str()),
        Piece::Deleted(text) => is_gone.then_some(text.as_str()),
    });
    pieces.collect()
}

/// For each block that moved, and for each place that one moved away from, the number of the move.
fn moves(blocks: &[RedlineBlock]) -> Vec<Option<usize>> {
    let old_text = |block: &RedlineBlock| -> String {
        let pieces = block.pieces.iter().filter_map(|piece| match piece {
            Piece::Kept(text) | Piece::Deleted(text) => Some(text.as_str()),
            Piece::Inserted(_) => None,
        });
        pieces.collect()
    };
    let mut numbers = vec![None; blocks.len()];
    let mut count = 0;
    for (here, block) in blocks.iter().enumerate() {
        let Change::Moved { from } = &block.change else { continue };
        let text = old_text(block);
        let away = (0..blocks.len()).find(|index| {
            let other = &blocks[*index];
            let is_away = matches!(&other.change, Change::MovedAway { to } if *to == block.section);
            is_away && numbers[*index].is_none() && other.section == *from && old_text(other) == text
        });
        count += 1;
        numbers[here] = Some(count);
        if let Some(away) = away {
            numbers[away] = Some(count);
        }
    }
    numbers
}

/// Whether it is the line below a table's head, a mark of markdown that nobody is shown.
fn is_rule(block: &RedlineBlock) -> bool {
    let mut texts = block.pieces.iter().map(|(Piece::Kept(text) | Piece::Inserted(text) | Piece::Deleted(text))| text);
    block.heading.is_none()
        && texts.clone().next().is_some_and(|first| first.starts_with('|'))
        && texts.all(|text| text.bytes().all(|byte| b"|-: ".contains(&byte)))
}

fn block_value(block: &RedlineBlock, number: Option<usize>, next: Option<usize>, moved: Option<usize>) -> Value {
    let (change, other) = match &block.change {
        Change::Kept => ("kept", None),
        Change::Edited => ("edited", None),
        Change::Inserted => ("inserted", None),
        Change::Deleted => ("deleted", None),
        Change::Moved { from } => ("moved", Some(from.as_str())),
        Change::MovedAway { to } => ("moved-away", Some(to.as_str())),
    };
    let mut pieces: Vec<(&str, &str)> = block
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Kept(text) => ("kept", text.as_str()),
            Piece::Inserted(text) => ("inserted", text.as_str()),
            Piece::Deleted(text) => ("deleted", text.as_str()),
        })
        .collect();
    let kind = match pieces.first_mut() {
        _ if block.heading.is_some() => "heading",
        _ if is_rule(block) => "rule",
        Some((_, first)) if first.starts_with('|') => "row",
        Some((_, first)) => match ["- ", "* ", "+ "].iter().find_map(|mark| first.strip_prefix(mark)) {
            Some(rest) => {
                *first = rest;
                "item"
            }
            None => "paragraph",
        },
        None => "paragraph",
    };
    // The marks of a quotation are no words of it.
    let is_quote = pieces.first().is_some_and(|(_, text)| text.starts_with("> "));
    let pieces: Vec<Value> = pieces
        .into_iter()
        .map(|(change, text)| match is_quote {
            true => map! { change: change, text: text.strip_prefix("> ").unwrap_or(text).replace("\n> ", "\n") },
            false => map! { change: change, text: text },
        })
        .collect();
    map! {
        kind: kind,
        level: block.heading,
        change: change,
        other_section: other,
        number: number,
        next: next.map(|next| next + 1),
        moved: moved,
        pieces: pieces,
    }
}

fn explanation_value(publication: &Publication, statement: &Statement) -> Value {
    let explanation = explain(statement);
    let page = publication.address_of_file(statement);
    let place = |section: &str| {
        let suffix = address::Suffix { query: "", fragment: Some(section.into()) };
        address::with_suffix(&page, &suffix)
    };
    let promises = explanation.promises.iter().map(|promise| {
        map! {
            fact: promise.fact.as_str(),
            value: promise.value.as_ref().filter(|value| !value.is_null()).map(in_words),
            phrase: promise.phrase.as_str(),
            url: place(&promise.section),
            kept_by: promise.kept_by,
        }
    });
    let unclaimed = explanation.unclaimed.iter().map(|other| {
        map! { phrase: other.phrase.as_str(), why: other.why, url: place(&other.section) }
    });
    let readings = explanation.readings.iter().map(|reading| {
        map! { defect: reading.defect.as_deref(), of: reading.of.as_str(), read_as: reading.read_as.as_str() }
    });
    map! {
        sentences: explanation.sentences,
        covered: explanation.covered,
        promises: promises.collect::<Vec<Value>>(),
        unclaimed: unclaimed.collect::<Vec<Value>>(),
        readings: readings.collect::<Vec<Value>>(),
    }
}

/// A word of the facts as people write it.
pub(crate) fn spoken(word: &str) -> String {
    word.replace('-', " ")
}

/// The most important facts in their own words; none where no facts are held against the text.
pub(crate) fn glance(statement: &Statement) -> Value {
    let promises = &statement.promises;
    if promises.provenance.is_none() {
        return Value::none();
    }
    let fields: Vec<String> = statement.fields.iter().map(|field| spoken(&field.key)).collect();
    let automated = promises.automated.iter().flat_map(|automated| &automated.data);
    let automated: Vec<String> = automated.map(|datum| spoken(datum.word())).collect();
    let uses: Vec<String> = promises.uses.iter().map(|used| spoken(used.purpose.word())).collect();
    let never = promises.never.iter().map(|never| map! { purpose: spoken(never.purpose.word()), of: never.of.clone() });
    let shares = promises.shares.as_ref();
    let storage = promises.storage.as_ref();
    let countries = storage.map(|storage| storage.countries.iter().map(ToString::to_string).collect::<Vec<_>>());
    let maximum = promises.retention.as_ref().and_then(|retention| retention.maximum.as_ref());
    map! {
        fields: fields,
        automated: automated,
        uses: uses,
        never: never.collect::<Vec<Value>>(),
        recipients: shares.map(|shares| shares.recipients.clone()),
        exceptions: shares.map(|shares| shares.exceptions.iter().map(|ground| spoken(ground.word())).collect::<Vec<_>>()),
        countries: countries.unwrap_or_default(),
        minimum: statement.retention_minimum.map(statement::period::Period::to_words),
        maximum: maximum.map(|maximum| maximum.value.to_words()),
        rights: promises.rights.iter().map(|right| spoken(right.word())).collect::<Vec<_>>(),
    }
}

/// The variables of a feed's entry about a version.
pub(crate) fn of_feed_entry(site: &Site, publication: &Publication, index: usize) -> Vec<(&'static str, Value)> {
    let version = version_value(site, publication, index);
    let (before, _) = publication.neighbours(index);
    let comparison = before.and_then(|before| find_comparison(publication, before, index));
    let comparison = comparison.map_or_else(Value::none, |comparison| {
        comparison_value(site, publication, &publication.comparisons[comparison])
    });
    vec![("document", document(site, publication)), ("version", version.into()), ("comparison", comparison)]
}
