//! One version of the privacy statement, or of another document that is kept in versions: its facts, if it has any, and
//! its text.
//!
//! It does not know the other versions; which one is in force is asked of their [`History`](crate::history::History).

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{Digests, canonical_text};
use crate::period::Period;
use crate::promise::{Promises, Reader, has_provenance};
use crate::yaml::{Fields, Located, Node, Value};
use crate::{prose, quote};

/// The only schema of facts this software reads.
pub const SCHEMA: &str = "privacy-statement/1";

/// The longest text of a version, in bytes: 300 pages, and still compared in a moment.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// The version of a statement that is being written.
pub const DRAFT: &str = "draft";

/// A version of the statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The file.
    pub path: Arc<str>,
    /// The document's id, the same for all versions.
    pub document: String,
    /// The version, which is also the file's name: `2018-09-26`, `2018-09-26-2`.
    pub version: String,
    /// Where the front matter names it.
    pub version_span: Range<usize>,
    /// The title above the text.
    pub title: String,
    /// The authoritative language, as a BCP 47 tag.
    pub language: String,
    /// The day from which it is in force, as it is written.
    pub effective: Date,
    /// The moment from which it is in force, where one is written; else it is 00:00 of the day in the site's time zone.
    pub effective_at: Option<Timestamp>,
    /// Where the front matter says from when it is in force.
    pub effective_span: Range<usize>,
    /// Whether it has facts that the software is held to; what has none is only kept, dated and compared.
    pub has_facts: bool,
    /// Whom to ask; whatever has facts says it.
    pub contact: Option<Contact>,
    /// What a visitor may be asked for.
    pub fields: Vec<DeclaredField>,
    /// How long a registration is kept at least.
    pub retention_minimum: Option<Period>,
    /// Everything else it promises, and the phrases its facts rest on.
    pub promises: Box<Promises>,
    /// The canonical text, markdown.
    pub text: String,
    /// Where the text stands in the file.
    pub text_span: Range<usize>,
    /// The anchors of the text's headings, in order, and where in the file each heading stands.
    pub sections: Vec<Located<String>>,
    /// All facts, as they are digested.
    pub facts: serde_json::Value,
    /// What a registration records.
    pub digests: Digests,
}

/// Where questions go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// An address, `support@example.org`.
    pub email: String,
    /// The subject line the statement asks for, if any.
    pub subject: Option<String>,
}

/// A field the statement declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredField {
    /// The name a form uses for it.
    pub key: String,
    /// What it holds.
    pub category: Category,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// What somebody is called.
    Name,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Telephone,
    /// Anything the visitor writes.
    FreeText,
}

const CATEGORIES: [(&str, Category); 4] = [
    ("name", Category::Name),
    ("email", Category::Email),
    ("telephone", Category::Telephone),
    ("free-text", Category::FreeText),
];

impl Category {
    /// The word in the front matter.
    #[must_use]
    pub fn word(self) -> &'static str {
        let found = CATEGORIES.iter().find(|(_, category)| *category == self);
        found.map(|(word, _)| *word).expect("invariant: every category has a word")
    }
}

impl Statement {
    /// Reads a version from its file: `root` is the front matter, `text_span` where the text stands. Reports everything
    /// wrong and returns none if it cannot be used.
    pub fn parse(
        path: &Arc<str>,
        file: &str,
        root: &Node,
        text_span: Range<usize>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        if text_span.len() > TEXT_BYTES_MAX {
            let fact = format!("the text has {} bytes, and a statement may have {TEXT_BYTES_MAX}", text_span.len());
            diagnostics.push(
                Diagnostic::error(path, text_span.start..text_span.start, fact)
                    .help("keep what readers agree to short, and link to the rest"),
            );
            return None;
        }
        let mut facts = Fields::new(path, "the statement's front matter", root, diagnostics)?;

        let has_facts = has_schema(root);
        let schema = facts.one_of("schema", &[(SCHEMA, ())]);
        if has_facts {
            // What facts of another schema mean is not known, so nothing else is said of them.
            facts.required("schema", schema)?;
        }
        let document = facts.words("document");
        let document = facts.required("document", document);
        let version = facts.parsed("version", parse_version_or_draft);
        let version = facts.required("version", version);
        let title = facts.words("title");
        let title = facts.required("title", title);
        let language = facts.words("language");
        let language = facts.required("language", language);
        let effective = facts.parsed("effective", parse_effective);
        let effective = facts.required("effective", effective);

        let mut reader = Reader::new(has_provenance(root));
        let mut promises = Promises::default();
        let (mut contact, mut fields) = (None, Some(Vec::new()));
        if has_facts {
            let node = facts.node("contact");
            contact = facts
                .required("contact", node)
                .and_then(|node| parse_contact(path, node, &mut reader, &mut promises, facts.diagnostics));
            let node = facts.node("collects");
            fields = facts
                .required("collects", node)
                .and_then(|node| parse_collects(path, node, &mut reader, &mut promises, facts.diagnostics));
            reader.root(&mut facts, fields.as_deref().unwrap_or_default(), &mut promises);
        } else {
            reader.without_facts(&mut facts, &mut promises);
        }
        facts.finish();

        let stem = path.rsplit('/').next().and_then(|name| name.strip_suffix(".md"));
        if let Some(version) = &version
            && version.value != DRAFT
            && stem != Some(version.value.as_str())
        {
            diagnostics.push(
                Diagnostic::error(
                    path,
                    version.span.clone(),
                    format!("the version is `{}`, and the file has another name", version.value),
                )
                .help(format!("name the file `{}.md`", version.value)),
            );
        }

        if let Some(effective) = &effective {
            quote::check(path, file, text_span.clone(), effective.value.0, &promises, diagnostics);
        }
        let text = canonical_text(&file[text_span.clone()]);
        let facts = root.to_json();
        let sections = prose::sections(&file[text_span.clone()], text_span.start);
        let (version, effective) = (version?, effective?);
        Some(Self {
            path: Arc::clone(path),
            document: document?.value,
            version: version.value,
            version_span: version.span,
            title: title?.value,
            language: language?.value,
            effective: effective.value.0,
            effective_at: effective.value.1,
            effective_span: effective.span,
            has_facts,
            contact: if has_facts { Some(contact?) } else { None },
            fields: fields?,
            retention_minimum: promises
                .retention
                .as_ref()
                .and_then(|retention| retention.minimum.as_ref())
                .map(|minimum| minimum.value),
            promises: Box::new(promises),
            digests: Digests::new(&text, &facts),
            text,
            text_span,
            sections: sections.filter(|section| !section.value.is_empty()).collect(),
            facts,
        })
    }

    /// Whether it is not published yet.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.version == DRAFT
    }

    /// From when it is in force, on a site in `timezone`.
    #[must_use]
    pub fn effective_in(&self, timezone: &TimeZone) -> Timestamp {
        self.effective_at.unwrap_or_else(|| start_of(self.effective, timezone))
    }

    /// Whether the version can be in force from this moment on, in some time zone: a site may move to another one, and
    /// the moments of its versions stay.
    #[must_use]
    pub fn can_be_effective_at(&self, at: Timestamp) -> bool {
        // Clocks are at most 14 hours before UTC and 12 behind it, and where they skip midnight a day begins at 01:00.
        let midnight = start_of(self.effective, &TimeZone::UTC);
        let hours = at.duration_since(midnight).as_secs_f64() / 3600.0;
        self.effective_at.map_or((-14.0..=13.0).contains(&hours), |own| own == at)
    }

    /// From when it is in force, as its front matter writes it.
    #[must_use]
    pub fn effective_written(&self) -> String {
        self.effective_at.map_or_else(|| self.effective.to_string(), |at| at.to_string())
    }

    /// Who may receive what visitors give: those it is shared with, and those who work for the controller.
    #[must_use]
    pub fn named_recipients(&self) -> Vec<&str> {
        let recipients = self.promises.shares.iter().flat_map(|shares| &shares.recipients).map(String::as_str);
        recipients.chain(self.promises.processors.iter().map(|processor| processor.name.as_str())).collect()
    }

    /// Whether a form may ask for `name`.
    #[must_use]
    pub fn declares_field(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.key == name)
    }
}

/// Whether front matter is that of a version of a document: it names the `schema` of its facts, or else its `document`.
#[must_use]
pub fn is_version(root: &Node) -> bool {
    has_schema(root) || has_key(root, "document")
}

fn has_schema(root: &Node) -> bool {
    has_key(root, "schema")
}

fn has_key(root: &Node, key: &str) -> bool {
    matches!(&root.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == key))
}

fn parse_contact(
    path: &Arc<str>,
    node: &Node,
    reader: &mut Reader,
    promises: &mut Promises,
    diagnostics: &mut Diagnostics,
) -> Option<Contact> {
    let mut contact = Fields::new(path, "contact", node, diagnostics)?;
    let email = contact.parsed("email", parse_email);
    let email = contact.required("email", email);
    let subject = contact.string("subject").map(|subject| subject.value);
    promises.contact_for = reader.contact(&mut contact);
    contact.finish();
    Some(Contact { email: email?.value, subject })
}

fn parse_collects(
    path: &Arc<str>,
    node: &Node,
    reader: &mut Reader,
    promises: &mut Promises,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<DeclaredField>> {
    let mut collects = Fields::new(path, "collects", node, diagnostics)?;
    let node = collects.node("voluntary");
    let node = collects.required("voluntary", node);
    reader.collects(&mut collects, promises);
    collects.finish();
    let mut voluntary = Fields::new(path, "collects.voluntary", node?, diagnostics)?;
    let nodes = voluntary.sequence("fields");
    let nodes = voluntary.required("fields", nodes);
    reader.voluntary(&mut voluntary, promises);
    voluntary.finish();
    let mut declared: Vec<DeclaredField> = Vec::new();
    for node in nodes? {
        let Some(mut field) = Fields::new(path, "a declared field", node, diagnostics) else {
            continue;
        };
        let key = field.string("key");
        let key = field.required("key", key);
        let category = field.one_of("category", &CATEGORIES);
        let category = field.required("category", category);
        if let Some(key) = &key {
            reader.field(&mut field, &key.value);
        }
        field.finish();
        if let (Some(key), Some(category)) = (key, category) {
            if declared.iter().any(|other| other.key == key.value) {
                diagnostics.push(Diagnostic::error(
                    path,
                    key.span,
                    format!("the field `{}` is declared twice", key.value),
                ));
                continue;
            }
            declared.push(DeclaredField { key: key.value, category: category.value });
        }
    }
    Some(declared)
}

/// The name of a version: a day, `2018-09-26`, and from the second on that day its number, `2018-09-26-2`.
///
/// # Errors
/// Says what a version is named like.
pub fn parse_version(version: &str) -> Result<String, String> {
    let (date, ordinal) = (version.get(..10), version.get(10..).unwrap_or_default());
    let dated = date.is_some_and(|date| date.parse::<Date>().is_ok() && date.len() == 10);
    let ordinal = ordinal.is_empty()
        || ordinal
            .strip_prefix('-')
            .and_then(|ordinal| ordinal.parse::<u32>().ok())
            .is_some_and(|ordinal| ordinal >= 2 && version == format!("{}-{ordinal}", &version[..10]));
    if dated && ordinal {
        Ok(version.to_owned())
    } else {
        Err(format!(
            "`{version}` is not a version: write a date like `2018-09-26`, or `2018-09-26-2` for a second one on that day"
        ))
    }
}

/// Whether front matter is that of a version that is being written.
#[must_use]
pub fn is_draft(root: &Node) -> bool {
    let is_draft = |node: &Node| matches!(&node.value, Value::String(version) if version == DRAFT);
    matches!(&root.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "version" && is_draft(&entry.node)))
}

fn parse_version_or_draft(version: &str) -> Result<String, String> {
    if version == DRAFT { Ok(version.to_owned()) } else { parse_version(version) }
}

/// The first moment of a day in a time zone: 00:00, or when the clocks that skip it go on.
#[must_use]
pub fn start_of(day: Date, timezone: &TimeZone) -> Timestamp {
    let start = timezone.to_ambiguous_timestamp(day.at(0, 0, 0, 0));
    // The last day of 9999 ends after the last moment there is.
    start.compatible().unwrap_or(Timestamp::MAX)
}

/// Reads `2018-09-26`, or a moment with an offset like `2018-09-26T09:00:00-05:00` (RFC 3339, section 5.6), as the day
/// that is written and the moment.
///
/// # Errors
/// Says what is wrong, for the author.
pub fn parse_effective(text: &str) -> Result<(Date, Option<Timestamp>), String> {
    let Some((day, time)) = text.split_once('T') else { return parse_date(text).map(|date| (date, None)) };
    let date = parse_date(day)?;
    let moment: Timestamp = text.parse().map_err(|_| {
        if time.contains(['Z', '+', '-']) {
            format!("`{text}` is not a moment: write it like `2018-09-26T09:00:00-05:00`")
        } else {
            format!("`{text}` has no offset: write it like `{text}-05:00`, so that it is one moment everywhere")
        }
    })?;
    Ok((date, Some(moment)))
}

/// Reads `2018-09-26`.
///
/// # Errors
/// Says what is wrong, for the author.
pub fn parse_date(text: &str) -> Result<Date, String> {
    let date = if text.len() == 10 { text.parse().ok() } else { None };
    date.ok_or_else(|| format!("`{text}` is not a date: write year, month and day, like `2018-09-26`"))
}

pub(crate) fn parse_email(text: &str) -> Result<String, String> {
    let plausible = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "<>?&#\"".contains(letter));
    if plausible { Ok(text.to_owned()) } else { Err(format!("`{text}` is not an e-mail address")) }
}

/// Sorts versions: `2018-09-26` before `2018-09-26-2` before `2018-09-26-10`.
#[must_use]
pub fn version_key(version: &str) -> (&str, u32) {
    let (date, rest) = version.split_at(version.len().min(10));
    let ordinal = rest.strip_prefix('-').and_then(|ordinal| ordinal.parse().ok());
    (date, ordinal.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(version: &str, effective: &str) -> Statement {
        let file = format!(
            "---\nschema: privacy-statement/1\ndocument: d\nversion: \"{version}\"\ntitle: t\nlanguage: en\n\
             effective: \"{effective}\"\ncontact: {{email: a@example.org}}\n\
             collects: {{voluntary: {{fields: [{{key: name, category: name}}]}}}}\n---\nText.\n"
        );
        let path = format!("content/privacy/{version}.md").into();
        let mut diagnostics = Diagnostics::new();
        let parts = crate::front_matter::split(&path, &file, &mut diagnostics).unwrap();
        let root = crate::yaml::parse(&path, &file, parts.yaml, &mut diagnostics).unwrap();
        let statement = Statement::parse(&path, &file, &root, parts.text, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        statement.unwrap()
    }

    #[test]
    fn versions_are_dates_with_an_ordinal() {
        for right in ["2018-09-26", "2018-09-26-2", "2018-09-26-10"] {
            assert!(parse_version(right).is_ok(), "{right}");
        }
        for wrong in
            ["2018-9-26", "2018-09-31", "2018-09-26-1", "2018-09-26-02", "2018-09-26-", "next", "", "2018-09-26é"]
        {
            assert!(parse_version(wrong).is_err(), "{wrong}");
        }
    }

    /// The layout of the YAML and the line ends of the text do not count; a word does.
    #[test]
    fn the_digest_is_over_facts_and_text() {
        let first = statement("2018-09-26", "2018-09-26");
        assert_eq!(first.text, "Text.\n");
        assert_eq!(first.digests, statement("2018-09-26", "2018-09-26").digests);
        assert_ne!(first.digests.digest, statement("2018-09-26", "2018-09-27").digests.digest);
    }
}
