//! What a version promises, in plain words: each fact with the phrase it rests on and what the software does about it,
//! and each reading that is not the text's own.
//!
//! It reads the version and nothing else; how the explanation is shown is others' business, apart from plain text.

use serde::Serialize;
use serde_json::Value;

use crate::promise::{Promises, QuoteRole};
use crate::quote::coverage;
use crate::version::Statement;

/// Everything there is to say about a version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The document's id.
    pub document: String,
    /// The version.
    pub version: String,
    /// Sentences of the text.
    pub sentences: usize,
    /// Those that hold a quoted phrase.
    pub covered: usize,
    /// Each phrase a fact rests on, in the order of the front matter.
    pub promises: Vec<Promise>,
    /// Sentences that promise nothing.
    pub unclaimed: Vec<Unclaimed>,
    /// How the software reads what the text leaves open or gets wrong.
    pub readings: Vec<Reading>,
}

/// A fact and the words it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Promise {
    /// The fact, as a path of keys.
    pub fact: String,
    /// What it says; none where the phrase is all there is.
    pub value: Option<Value>,
    /// The section's anchor.
    pub section: String,
    /// The words.
    pub phrase: String,
    /// What the software does about it.
    pub kept_by: &'static str,
}

/// A sentence that promises nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unclaimed {
    /// The section's anchor.
    pub section: String,
    /// Words of the sentence.
    pub phrase: String,
    /// `disclaimer`, `advice` and so on.
    pub why: &'static str,
}

/// How the software reads something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The defect's id; none for what the text is silent on.
    pub defect: Option<String>,
    /// The words, or the fact that no words state.
    pub of: String,
    /// The reading.
    pub read_as: String,
}

/// Explains a version.
#[must_use]
pub fn explain(statement: &Statement) -> Explanation {
    let coverage = coverage(&statement.text, &statement.promises.quotes);
    let mut explanation = Explanation {
        document: statement.document.clone(),
        version: statement.version.clone(),
        sentences: coverage.sentences,
        covered: coverage.covered,
        promises: Vec::new(),
        unclaimed: Vec::new(),
        readings: Vec::new(),
    };
    for quote in &statement.promises.quotes {
        let (section, phrase) = (quote.at.value.clone(), quote.text.value.clone());
        match &quote.role {
            QuoteRole::Says => {
                let value = fact(&statement.facts, &quote.fact);
                let (fact, kept_by) = (quote.fact.clone(), kept_by(&quote.fact));
                explanation.promises.push(Promise { fact, value, section, phrase, kept_by });
            }
            QuoteRole::Unclaimed(why) => {
                explanation.unclaimed.push(Unclaimed { section, phrase, why: why.word() });
            }
            QuoteRole::Defect { id, read_as, .. } => {
                let reading = Reading { defect: Some(id.clone()), of: phrase, read_as: read_as.clone() };
                explanation.readings.push(reading);
            }
        }
    }
    explanation.readings.extend(silences(&statement.promises));
    explanation
}

/// What the software does about the facts below a path of keys; of several paths, the first that holds counts. The rows
/// of `docs/PROMISES.md` say where.
const KEPT_BY: [(&str, &str); 24] = [
    (
        "collects.voluntary.fields",
        "A form may ask for this. One that asks for anything else is refused when the site is built, and again when an \
         answer arrives.",
    ),
    ("collects.voluntary", "A form may demand an answer only where it says why."),
    ("collects.automated", "A registration records no IP address and nothing about the browser."),
    (
        "collects.cookies",
        "The site and its forms work without cookies. A script that uses one is refused unless it is declared as set; \
         one with a password is refused in any case.",
    ),
    ("collects.tracking", "A page that asks another host for anything is refused unless the host is declared."),
    ("uses", "A form has one of these purposes; an export for any other is refused."),
    ("never", "A form with this purpose is refused, and so is an export for it."),
    ("shares.exceptions", "Decided by people; an export to anybody not named as a recipient is refused."),
    ("shares", "A page, a form or an export that gives something to anybody not named here is refused."),
    ("processors", "A page, a form or an export that gives something to anybody not named here is refused."),
    ("access", "The commands for registrations refuse whoever has none of these positions."),
    ("storage.databases", "A mail has answers only where its mailbox is declared as a store."),
    (
        "storage",
        "The function does not start in another country, and mails answers only to mailboxes that are declared as stores.",
    ),
    ("safeguards", "Kept by people, who confirm it again in time or are reminded of it."),
    ("retention.holds", "What a hold covers is not erased, whoever asks."),
    ("retention", "Nothing is erased before the shortest period has passed, and what is due is listed."),
    ("rights.access", "A command exports what is kept about a person, and writes down that it did."),
    ("rights.correction", "A command corrects it, and writes down that it did."),
    ("rights.deletion", "A command erases it when the statement allows, and writes down that it did."),
    ("law", "Every receipt says so."),
    ("controller", "Every receipt says so."),
    ("contact", "The address in the text becomes a link with this subject, and another one on a page is told."),
    ("scope", "Registrations come through the forms of this site, and every receipt says so."),
    (
        "changes",
        "The date at the top is made from the facts, and a published version that was altered is refused when the site \
         is built.",
    ),
];

/// What the software does about a fact.
fn kept_by(fact: &str) -> &'static str {
    let is_below = |path: &str| fact.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let found = KEPT_BY.iter().find(|(path, _)| is_below(path));
    found.map_or("Kept by people: no part of this software does it by itself.", |(_, does)| does)
}

/// A fact as a reader sees it: as it is written, without the phrase it rests on and without marks of JSON.
#[must_use]
pub fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => {
            let entries = entries.iter().filter(|(key, value)| *key != "says" && !value.is_null());
            entries.map(|(key, value)| format!("{key}: {}", in_words(value))).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// Readings where the text says nothing: always the one that permits less.
fn silences(promises: &Promises) -> Vec<Reading> {
    let mut readings = Vec::new();
    let mut read = |of: &str, read_as: &str| {
        readings.push(Reading { defect: None, of: of.to_owned(), read_as: read_as.to_owned() });
    };
    if let Some(retention) = &promises.retention {
        if let Some(starts) = retention.starts {
            read("retention.starts", &format!("the period begins when data is {}", starts.word()));
        }
        if retention.minimum.is_some() && retention.maximum.is_none() {
            read("retention.maximum", "no longest period is stated: deletion is due when the minimum has passed");
        }
    }
    if promises.automated.as_ref().is_some_and(|automated| automated.join_with_voluntary == Some(false)) {
        read("collects.automated.join_with_voluntary", "automated data never stands beside what a visitor typed");
    }
    if promises.shares.as_ref().is_some_and(|shares| shares.recipients.is_empty()) {
        read("shares.recipients", "nobody is listed, so nobody receives anything");
    }
    readings
}

/// The value at a path of keys, without the phrases in it.
fn fact(facts: &Value, path: &str) -> Option<Value> {
    let found = path.split('.').try_fold(facts, |value, name| match value {
        Value::Array(items) => items.iter().find(|item| {
            ["key", "use", "role", "name"].iter().any(|key| item.get(key).and_then(Value::as_str) == Some(name))
        }),
        other => other.get(name),
    })?;
    let Value::Object(entries) = found else { return Some(found.clone()) };
    let plain = |value: &Value| match value {
        Value::Array(items) => items.iter().all(|item| !item.is_object()),
        value => !value.is_object(),
    };
    Some(entries.iter().filter(|(_, value)| plain(value)).map(|(key, value)| (key.clone(), value.clone())).collect())
}

impl Explanation {
    /// For a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "Statement {}, version {}: {} of {} sentences are covered by facts\n\nPromises\n",
            self.document, self.version, self.covered, self.sentences
        );
        for Promise { fact, value, section, phrase, kept_by } in &self.promises {
            let value = value.as_ref().map_or_else(String::new, |value| format!(" – {}", in_words(value)));
            text.push_str(&format!("  {fact}{value}\n    section {section}: “{phrase}”\n    {kept_by}\n"));
        }
        if !self.unclaimed.is_empty() {
            text.push_str("\nSentences that promise nothing\n");
        }
        for Unclaimed { section, phrase, why } in &self.unclaimed {
            text.push_str(&format!("  {why}, section {section}: “{phrase}”\n"));
        }
        if !self.readings.is_empty() {
            text.push_str("\nHow the software reads it\n");
        }
        for Reading { defect, of, read_as } in &self.readings {
            let defect = defect.as_ref().map_or_else(String::new, |id| format!("{id} "));
            text.push_str(&format!("  {defect}`{of}`: {read_as}\n"));
        }
        text
    }
}
