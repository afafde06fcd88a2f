//! Whether the text says what the facts say: quoted phrases, numerals, coverage, and the defects of a text.
//!
//! A version without a provenance is asked for its quotes only. It knows one version and no other, and nothing of
//! what the software does about a promise.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::diagnostic::{Diagnostic, Diagnostics, near_match};
use crate::period::{Period, Unit};
use crate::promise::{DefectKind, Promises, Provenance, Quote, QuoteRole, Source};
use crate::prose::{self, BlockKind, Folded, MONTHS, TOP, fold};
use crate::yaml::{Located, in_backticks};

/// How far the facts reach into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Phrases that are quoted: by facts, as unclaimed, as defects.
    pub phrases: usize,
    /// Sentences of the text, headings apart.
    pub sentences: usize,
    /// Those that hold a quoted phrase.
    pub covered: usize,
}

/// A block, ready to be searched.
struct Part<'a> {
    section: &'a str,
    kind: BlockKind,
    folded: Folded,
    sentences: Vec<Range<usize>>,
}

/// A phrase's place: which part, and where in its folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    part: usize,
    range: Range<usize>,
}

impl Found {
    fn overlaps(&self, part: usize, range: &Range<usize>) -> bool {
        self.part == part && self.range.start < range.end && range.start < self.range.end
    }
}

struct Checker<'a, 'd> {
    path: &'a Arc<str>,
    promises: &'a Promises,
    effective: Date,
    parts: Vec<Part<'a>>,
    /// Where each quote of the promises was found.
    found: Vec<Option<Found>>,
    diagnostics: &'d mut Diagnostics,
}

/// Reports every quote that the text does not hold, and, where the version says where its text comes from, every
/// promise without a fact and every defect that is not listed.
pub(crate) fn check(
    path: &Arc<str>,
    file: &str,
    text_span: Range<usize>,
    effective: Date,
    promises: &Promises,
    diagnostics: &mut Diagnostics,
) {
    if promises.quotes.is_empty() && promises.provenance.is_none() {
        return;
    }
    let parts = parts(&file[text_span.clone()], text_span.start);
    let mut checker = Checker { path, promises, effective, parts, found: Vec::new(), diagnostics };
    checker.quotes();
    checker.numerals();
    if let Some(provenance) = promises.provenance {
        checker.coverage(provenance);
        checker.date_line(provenance);
        checker.topics(provenance);
        checker.empty_lists(provenance);
        checker.references(provenance);
        checker.countries(provenance);
        checker.addresses();
        checker.furniture();
    }
}

/// Counts what is checked: phrases that are quoted, and sentences of the text.
#[must_use]
pub fn coverage(text: &str, quotes: &[Quote]) -> Coverage {
    let parts = parts(text, 0);
    let found: Vec<Found> = quotes.iter().flat_map(|quote| find(&parts, &quote.at.value, &quote.text.value)).collect();
    let covered = parts.iter().enumerate().map(|(index, part)| {
        let covers = |sentence: &&Range<usize>| found.iter().any(|found| found.overlaps(index, sentence));
        part.sentences.iter().filter(covers).count()
    });
    Coverage {
        phrases: quotes.len(),
        sentences: parts.iter().map(|part| part.sentences.len()).sum(),
        covered: covered.sum(),
    }
}

fn parts(text: &str, start: usize) -> Vec<Part<'_>> {
    let part = |block: prose::Block<'_>, section| {
        let folded = Folded::new(block.text, start + block.span.start);
        let sentences = match block.kind {
            BlockKind::Heading(_) => Vec::new(),
            _ => prose::sentences(&folded.text),
        };
        Part { section, kind: block.kind, folded, sentences }
    };
    prose::blocks(text).into_iter().map(|block| part(block.clone(), block.section)).collect()
}

/// Where a phrase stands in a section; headings are not searched.
fn find(parts: &[Part<'_>], section: &str, phrase: &str) -> Vec<Found> {
    let phrase = fold(phrase);
    let in_section = parts.iter().enumerate().filter(|(_, part)| part.section == section && !is_heading(part));
    in_section
        .flat_map(|(index, part)| part.folded.find(&phrase).into_iter().map(move |range| Found { part: index, range }))
        .collect()
}

fn is_heading(part: &Part<'_>) -> bool {
    matches!(part.kind, BlockKind::Heading(_))
}

impl Checker<'_, '_> {
    fn quotes(&mut self) {
        for quote in &self.promises.quotes {
            let found = find(&self.parts, &quote.at.value, &quote.text.value);
            match found.as_slice() {
                [] if self.stands_in_the_date_line(quote) => {}
                [] => self.gone(quote),
                [_] => {}
                several => self.diagnostics.push(
                    Diagnostic::error(
                        self.path,
                        quote.text.span.clone(),
                        format!(
                            "`{}` stands {} times in section `{}`",
                            quote.text.value,
                            several.len(),
                            quote.at.value
                        ),
                    )
                    .code("P221")
                    .label(format!("quoted for `{}`", quote.fact))
                    .help("quote more of the sentence, so that it is one of them"),
                ),
            }
            self.found.push(found.into_iter().next());
            if let QuoteRole::Defect { against: Some(against), .. } = &quote.role {
                self.section_exists(against);
            }
        }
    }

    /// The date line is made from the front matter and is no part of the text; an import may list how it was misspelt.
    fn stands_in_the_date_line(&self, quote: &Quote) -> bool {
        let month = self.effective.strftime("%B").to_string();
        quote.at.value == TOP
            && near_match(&quote.text.value, [month.as_str()]).is_some()
            && matches!(&quote.role, QuoteRole::Defect { kind: DefectKind::Typo, read_as, .. } if *read_as == month)
    }

    fn section_exists(&mut self, at: &Located<String>) -> bool {
        let mut sections: Vec<&str> = self.parts.iter().map(|part| part.section).collect();
        sections.retain(|section| !section.is_empty());
        sections.dedup();
        if sections.contains(&at.value.as_str()) {
            return true;
        }
        let mut diagnostic =
            Diagnostic::error(self.path, at.span.clone(), format!("the text has no section `{}`", at.value))
                .code("P229");
        if let Some(near) = near_match(&at.value, sections.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.diagnostics.push(diagnostic.help(format!("sections are {}", in_backticks(&sections))));
        false
    }

    fn gone(&mut self, quote: &Quote) {
        if !self.section_exists(&quote.at) {
            return;
        }
        let mut diagnostic = Diagnostic::error(
            self.path,
            quote.text.span.clone(),
            format!("`{}` does not stand in section `{}`", quote.text.value, quote.at.value),
        )
        .code("P220")
        .label(format!("quoted for `{}`", quote.fact));
        let phrase = fold(&quote.text.value);
        let elsewhere = self.parts.iter().find(|part| !is_heading(part) && !part.folded.find(&phrase).is_empty());
        if let Some(part) = elsewhere {
            diagnostic = diagnostic.note(format!("it stands in section `{}`", part.section));
        } else if let Some(near) = self.near_text(&quote.at.value, &phrase) {
            diagnostic = diagnostic.note(format!("the section says `{near}`"));
        }
        let instead = match quote.role {
            QuoteRole::Says => "either quote what the text says now, and make the fact agree with it",
            QuoteRole::Unclaimed(_) | QuoteRole::Defect { .. } => {
                "either quote what the text says now, or take the entry out if nothing says it any more"
            }
        };
        self.diagnostics.push(diagnostic.help(instead).help("or write the words into the text"));
    }

    /// The stretch of a section that shares most words with a phrase, if it shares half of them.
    fn near_text(&self, section: &str, phrase: &str) -> Option<String> {
        let wanted: HashSet<String> = prose::words(phrase).collect();
        let count = phrase.unicode_words().count();
        let mut best: Option<(usize, String)> = None;
        for part in self.parts.iter().filter(|part| part.section == section && !is_heading(part)) {
            let words: Vec<(usize, &str)> = part.folded.text.unicode_word_indices().collect();
            let shared: Vec<bool> = words.iter().map(|(_, word)| wanted.contains(&word.to_lowercase())).collect();
            let length = count.min(words.len());
            let mut score = shared[..length].iter().filter(|shared| **shared).count();
            for first in 0..=words.len() - length {
                if first > 0 {
                    score = score + usize::from(shared[first + length - 1]) - usize::from(shared[first - 1]);
                }
                if length > 0 && score * 2 >= count && best.as_ref().is_none_or(|(most, _)| score > *most) {
                    let (last, word) = words[first + length - 1];
                    best = Some((score, part.folded.text[words[first].0..last + word.len()].to_owned()));
                }
            }
        }
        best.map(|(_, text)| text)
    }

    /// A length of time and the phrase it rests on name the same numbers and units.
    fn numerals(&mut self) {
        if let Some(retention) = &self.promises.retention {
            let facts = [("minimum", &retention.minimum), ("maximum", &retention.maximum)];
            self.periods("retention", &facts);
        }
        if let Some(notice) = self.promises.changes.as_ref().and_then(|changes| changes.notice.as_ref()) {
            self.periods("changes", &[("notice.period", &Some(notice.period.clone()))]);
        }
    }

    fn periods(&mut self, fact: &str, periods: &[(&str, &Option<Located<Period>>)]) {
        let quotes: Vec<&Quote> = self.promises.quotes.iter().filter(|quote| quote.fact == fact).collect();
        if quotes.is_empty() {
            return;
        }
        let said: Vec<(&Quote, (i32, Unit))> = quotes
            .iter()
            .flat_map(|quote| lengths(&quote.text.value).into_iter().map(move |said| (*quote, said)))
            .collect();
        let mut meant: Vec<(i32, Unit)> = Vec::new();
        let mut agrees = true;
        for (key, period) in periods {
            let Some(period) = period else { continue };
            let parts = period.value.parts();
            if !parts.iter().all(|part| said.iter().any(|(_, said)| said == part)) {
                agrees = false;
                let mut diagnostic = Diagnostic::error(
                    self.path,
                    period.span.clone(),
                    format!("`{fact}.{key}` is {}, and the words it rests on do not say so", period.value.to_words()),
                )
                .code("P225");
                for quote in &quotes {
                    diagnostic = diagnostic.note(format!("it quotes `{}`", quote.text.value));
                }
                self.diagnostics.push(
                    diagnostic
                        .help("either write the length of time that the text says")
                        .help("or change the text, and quote it"),
                );
            }
            meant.extend(parts);
        }
        let stray = said.iter().find(|(_, said)| !meant.contains(said));
        if let (true, Some((quote, (count, unit)))) = (agrees, stray) {
            self.diagnostics.push(
                Diagnostic::error(
                    self.path,
                    quote.text.span.clone(),
                    format!("the text says {count} {}, and no fact of `{fact}` does", unit.word(*count)),
                )
                .code("P225")
                .help("either let the number in words and the number in figures be the same")
                .help("or give the fact that the words state"),
            );
        }
    }

    /// Reports a defect, unless a verbatim import lists it at this place.
    fn defect(
        &mut self,
        provenance: Provenance,
        kind: DefectKind,
        (part, range): (usize, Range<usize>),
        write: impl FnOnce(&Arc<str>, Range<usize>) -> Diagnostic,
    ) {
        let listed = self.promises.quotes.iter().zip(&self.found).any(|(quote, found)| {
            matches!(&quote.role, QuoteRole::Defect { kind: listed, .. } if *listed == kind)
                && found.as_ref().is_some_and(|found| found.overlaps(part, &range))
        });
        if listed {
            return;
        }
        let place = self.parts[part].folded.origin(&range);
        self.report(provenance, write(self.path, place), |diagnostic| {
            diagnostic.help(format!(
                "or, to keep the text letter for letter, list it under provenance.defects with `kind: {}`",
                kind.word()
            ))
        });
    }

    /// An error in an authored version; in an imported one a warning, with one more way out.
    fn report(
        &mut self,
        provenance: Provenance,
        mut diagnostic: Diagnostic,
        imported: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        if provenance.source == Source::Imported {
            diagnostic.severity = crate::diagnostic::Severity::Warning;
            diagnostic = imported(diagnostic);
        }
        self.diagnostics.push(diagnostic);
    }

    fn coverage(&mut self, provenance: Provenance) {
        let mut uncovered = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            for sentence in &part.sentences {
                let covers =
                    |found: &Option<Found>| found.as_ref().is_some_and(|found| found.overlaps(index, sentence));
                let promises = promise_word(&part.folded.text[sentence.clone()]);
                if let (false, Some(word)) = (self.found.iter().any(covers), promises) {
                    uncovered.push((part.folded.origin(sentence), part.section.to_owned(), word));
                }
            }
        }
        for (place, section, word) in uncovered {
            let diagnostic = Diagnostic::error(
                self.path,
                place,
                format!("a sentence with `{word}` is quoted by no fact"),
            )
            .code("P226")
            .help("either quote it for the fact that states it: `says: {at: …, text: …}`")
            .help(format!(
                "or list it under `unclaimed`, with why it promises nothing: `{{at: {section}, text: …, why: …}}`"
            ));
            self.report(provenance, diagnostic, |diagnostic| diagnostic);
        }
    }

    /// A date in the text is the day the facts say (P201).
    fn date_line(&mut self, provenance: Provenance) {
        for index in 0..self.parts.len() {
            let part = &self.parts[index];
            let line = &part.folded.text;
            let opens = ["effective", "last updated", "last revised", "last changed"];
            let lower = line.to_lowercase();
            if part.section != TOP || !opens.iter().any(|opening| lower.starts_with(opening)) {
                continue;
            }
            let Some(WrittenDate { date, misspelt }) = date_in(line) else { continue };
            let effective = self.effective;
            if date == Some(effective) && misspelt.is_none() {
                continue;
            }
            let range = 0..line.len();
            let place = part.folded.origin(&range);
            let help = "remove the line: the page shows the date from the front matter";
            match (misspelt, date) {
                (Some((found, month)), Some(date)) if date == effective => {
                    self.defect(provenance, DefectKind::Typo, (index, range), |path, place| {
                        Diagnostic::error(path, place, format!("`{found}` is read as {month}")).code("P201").help(help)
                    });
                }
                // Another day is no matter of spelling, so no list excuses it.
                (_, date) => {
                    let dated = date.map_or_else(|| "a day that does not exist".to_owned(), |date| date.to_string());
                    self.diagnostics.push(
                        Diagnostic::error(self.path, place, format!("the text is dated {dated}, not {effective}"))
                            .code("P201")
                            .help(format!("either {help}"))
                            .help("or let `effective` be the day the text says"),
                    );
                }
            }
        }
    }

    /// Topics that the opening announces have facts (P203).
    fn topics(&mut self, provenance: Provenance) {
        let promises = self.promises;
        let topics: [(&str, &str, bool); 4] = [
            ("use", "uses", !promises.uses.is_empty()),
            ("share", "shares", promises.shares.is_some()),
            ("protect", "safeguards", promises.safeguards.is_some()),
            ("rights", "rights", !promises.rights.is_empty()),
        ];
        for index in 0..self.parts.len() {
            let part = &self.parts[index];
            if part.section != TOP {
                continue;
            }
            let announces = |sentence: &&Range<usize>| {
                prose::words(&part.folded.text[(*sentence).clone()])
                    .any(|word| ["explain", "explains", "describe", "describes"].contains(&word.as_str()))
            };
            let sentences: Vec<Range<usize>> = part.sentences.iter().filter(announces).cloned().collect();
            for sentence in sentences {
                for (word, key, _) in topics.iter().filter(|(_, _, has_facts)| !has_facts) {
                    let inside = |found: &Range<usize>| sentence.start <= found.start && found.end <= sentence.end;
                    let Some(place) = self.parts[index].folded.find(word).into_iter().find(inside) else { continue };
                    self.defect(provenance, DefectKind::MissingTopic, (index, place), |path, place| {
                        Diagnostic::error(path, place, format!("the opening announces `{word}`; no fact is about it"))
                            .code("P203")
                            .label(format!("nothing under `{key}`"))
                            .help(format!("write a section about it, and its facts under `{key}`"))
                    });
                }
            }
        }
    }

    /// A sentence that ends in a colon is followed by a list, or by sections one level deeper (P205).
    fn empty_lists(&mut self, provenance: Provenance) {
        let mut level = 0;
        for index in 0..self.parts.len() {
            let part = &self.parts[index];
            if let BlockKind::Heading(own) = part.kind {
                level = own;
                continue;
            }
            let listed = match self.parts.get(index + 1).map(|next| next.kind) {
                Some(BlockKind::Item | BlockKind::Row) => true,
                Some(BlockKind::Heading(next)) => next > level,
                Some(BlockKind::Paragraph) | None => false,
            };
            let Some(last) = part.sentences.last().filter(|_| part.folded.text.ends_with(':') && !listed) else {
                continue;
            };
            let place = last.clone();
            self.defect(provenance, DefectKind::EmptyList, (index, place), |path, place| {
                Diagnostic::error(path, place, "a sentence ends in a colon and no list follows")
                    .code("P205")
                    .help("write the list, or delete the sentence")
            });
        }
    }

    /// Other documents that the text names exist (P206).
    fn references(&mut self, provenance: Provenance) {
        let promises = self.promises;
        let well_known = ["Terms of Use", "Terms of Service", "Terms and Conditions", "Cookie Policy"];
        let resolved =
            |name: &str| promises.references.iter().any(|known| known.name.value == name && known.url.is_some());
        let declared = promises.references.iter().map(|reference| reference.name.value.as_str());
        let mut names: Vec<&str> = declared.chain(well_known).filter(|name| !resolved(name)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            for index in 0..self.parts.len() {
                for place in self.parts[index].folded.find(&fold(name)) {
                    self.defect(provenance, DefectKind::DanglingReference, (index, place), |path, place| {
                        Diagnostic::error(path, place, format!("`{name}` is named, and there is no such page"))
                            .code("P206")
                            .help(format!("either say where it is: `references: [{{name: {name}, url: …}}]`"))
                            .help("or remove it from the text")
                    });
                }
            }
        }
    }

    /// An address without a scheme is one that the references name, so that it is known where it leads (P204).
    fn addresses(&mut self) {
        let known = |host: &str| {
            let urls = self.promises.references.iter().filter_map(|reference| reference.url.as_deref());
            let hosts = urls.filter_map(|url| url.split_once("://")?.1.split('/').next());
            hosts.into_iter().any(|other| other.eq_ignore_ascii_case(host))
        };
        for part in &self.parts {
            let text = &part.folded.text;
            for (at, _) in text.match_indices("www.") {
                if text[..at].ends_with(|before: char| before.is_alphanumeric() || "/.-@".contains(before)) {
                    continue;
                }
                let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
                let end = text[at..].find(|letter| !is_host(letter)).map_or(text.len(), |end| at + end);
                let host = text[at..end].trim_end_matches(['.', '-']);
                if known(host) {
                    continue;
                }
                let place = part.folded.origin(&(at..at + host.len()));
                self.diagnostics.push(
                    Diagnostic::warning(
                        self.path,
                        place,
                        format!("`{host}` has no scheme; published as `https://{host}`"),
                    )
                    .code("P204")
                    .help(format!("either list it: `references: [{{name: …, url: \"https://{host}\"}}]`"))
                    .help("or write the scheme in the text of a new version"),
                );
            }
        }
    }

    /// The line at the foot of every page is the theme's, and no part of what is digested (P215).
    fn furniture(&mut self) {
        for part in &self.parts {
            let text = part.folded.text.to_lowercase();
            // Where lower case has other lengths, the place is the whole block's.
            if text.len() != part.folded.text.len() {
                continue;
            }
            for (at, words) in text.match_indices("all rights reserved") {
                let place = part.folded.origin(&(at..at + words.len()));
                self.diagnostics.push(
                    Diagnostic::error(self.path, place, "the line at the foot of the page stands inside the statement")
                        .code("P215")
                        .note("the theme prints `footer` of `content/site.yaml` there; it is not digested")
                        .help("either remove the line from the text")
                        .help("or say it in other words, if it is a part of the statement"),
                );
            }
        }
    }

    /// Data stays in the countries named (P207).
    fn countries(&mut self, provenance: Provenance) {
        let Some(storage) = self.promises.storage.as_ref().filter(|storage| !storage.countries.is_empty()) else {
            return;
        };
        let codes: Vec<&str> = storage.countries.iter().map(|country| country.code()).collect();
        let codes = codes.join(", ");
        for index in 0..self.parts.len() {
            for phrase in ["other countries", "any country", "outside your country"] {
                for place in self.parts[index].folded.find(phrase) {
                    self.defect(provenance, DefectKind::Contradiction, (index, place), |path, place| {
                        Diagnostic::error(path, place, format!("`{phrase}` contradicts storage.countries"))
                            .code("P207")
                            .note(format!("the software keeps to the stricter reading: {codes}"))
                            .help("name every country, in the text and under storage.countries")
                    });
                }
            }
        }
    }
}

/// A word that makes a sentence a promise.
fn promise_word(sentence: &str) -> Option<String> {
    const PROMISING: [&str; 6] = ["will", "never", "only", "not", "must", "shall"];
    prose::words(sentence).find(|word| PROMISING.contains(&word.as_str()) || word.ends_with("n't"))
}

/// Every length of time in a phrase: “seven (7) years” is 7 years twice.
fn lengths(phrase: &str) -> Vec<(i32, Unit)> {
    let mut lengths = Vec::new();
    let mut numbers: Vec<i32> = Vec::new();
    let mut tens = None;
    for word in prose::words(phrase) {
        if let Some(unit) = Unit::parse(&word) {
            lengths.extend(numbers.drain(..).map(|number| (number, unit)));
        } else if let Some(number) = prose::number(&word) {
            match (tens, numbers.last_mut()) {
                (Some(whole), Some(last)) if number < 10 && word.parse::<i32>().is_err() => *last = whole + number,
                _ => numbers.push(number),
            }
            tens = Some(number).filter(|number| number % 10 == 0 && *number >= 20 && word.parse::<i32>().is_err());
            continue;
        } else if !["calendar", "business", "full", "consecutive"].contains(&word.as_str()) {
            numbers.clear();
        }
        tens = None;
    }
    lengths
}

/// A date as a line writes it.
struct WrittenDate {
    date: Option<Date>,
    misspelt: Option<(String, &'static str)>,
}

/// The date in a line like “Effective: September 26, 2018” or “Last updated 2018-09-26”.
fn date_in(line: &str) -> Option<WrittenDate> {
    let numbers: Vec<i16> =
        line.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let year = numbers.iter().copied().find(|number| *number >= 1000)?;
    let mut rest = numbers.iter().copied().filter(|number| *number < 1000);
    let month = line.unicode_words().find_map(|word| {
        let known = near_match(word, MONTHS).filter(|_| word.len() > 2)?;
        Some((word.to_owned(), known, !known.eq_ignore_ascii_case(word)))
    });
    let (number, misspelt) = match month {
        Some((word, known, wrong)) => {
            let number = (1..).zip(MONTHS).find(|(_, name)| *name == known).map(|(number, _)| number)?;
            (number, wrong.then_some((word, known)))
        }
        None => (i8::try_from(rest.next()?).ok()?, None),
    };
    let day = i8::try_from(rest.next()?).ok()?;
    Some(WrittenDate { date: Date::new(year, number, day).ok(), misspelt })
}
