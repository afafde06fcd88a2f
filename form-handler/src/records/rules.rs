//! How long a registration is kept: what each version of the statement promises, and the classes that staff have given
//! reasons for.
//!
//! It knows no registration's content, and nothing of holds and requests, which come before it.

use jiff::Timestamp;
use statement::contract::{Contract, VersionPromises};
use statement::period::Period;

use crate::records::Record;

/// What a version of the statement says about how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRules {
    /// The document it is a version of.
    pub document: String,
    /// `2018-09-26`.
    pub version: String,
    /// Its digest, by which a record names it.
    pub digest: String,
    /// How long a record is kept at least.
    pub minimum: Option<Period>,
    /// How long at most.
    pub maximum: Option<Period>,
    /// Whether somebody looks at a record when its minimum is over, instead of its being erased.
    pub is_reviewed: bool,
    /// Whether its periods are for records under earlier versions too.
    pub is_for_all_records: bool,
}

impl VersionRules {
    fn new(promises: &VersionPromises) -> Self {
        let retention = promises.retention.as_ref();
        // The build has read them before it wrote them; one that cannot be read gives no right to erase.
        let never = || Period::parse("P9000Y").ok();
        let period = |text: Option<&String>| text.and_then(|text| Period::parse(text).ok().or_else(never));
        let has = |word: Option<&String>, wanted: &str| word.is_some_and(|word| word == wanted);
        Self {
            document: promises.document.clone(),
            version: promises.version.clone(),
            digest: promises.digest.clone(),
            minimum: period(retention.and_then(|retention| retention.minimum.as_ref())),
            maximum: period(retention.and_then(|retention| retention.maximum.as_ref())),
            is_reviewed: has(retention.and_then(|retention| retention.at_minimum.as_ref()), "review"),
            is_for_all_records: has(retention.and_then(|retention| retention.applies_to.as_ref()), "all-records"),
        }
    }
}

/// Records that are kept for another time than the statement's minimum, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name: `spam`.
    pub name: String,
    /// How long they are kept.
    pub keep: Period,
    /// Which they are.
    pub of: ClassOf,
}

/// Which records are in a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassOf {
    /// Those that are held apart as suspected spam.
    Suspected,
    /// All of these forms.
    Forms(Vec<String>),
}

/// All rules: the versions in the order in which they came into force, and the classes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// The versions, the first one first.
    pub versions: Vec<VersionRules>,
    /// The classes; the first that a record is in rules it.
    pub classes: Vec<Class>,
}

/// How long one record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The version whose periods these are.
    pub version: String,
    /// Before this it is not erased, whoever asks but a law; none where the statement gives no minimum.
    pub floor: Option<Timestamp>,
    /// At this it is erased, whatever was decided; none where the statement gives no maximum.
    pub ceiling: Option<Timestamp>,
    /// Whether somebody looks at it when its floor is over.
    pub is_reviewed: bool,
    /// The class that rules instead of floor and ceiling, with its end.
    pub class: Option<(String, Timestamp)>,
}

impl Rules {
    /// The rules of a site, with the classes of its staff.
    #[must_use]
    pub fn new(contract: &Contract, classes: &[Class]) -> Self {
        Self { versions: contract.versions.iter().map(VersionRules::new).collect(), classes: classes.to_vec() }
    }

    /// How long a record is kept; none where the version it was collected under is not among the rules.
    ///
    /// The version it was collected under rules it. A later one does only where it says that its periods are for all
    /// records, whether they are longer or shorter.
    #[must_use]
    pub fn term(&self, record: &Record) -> Option<Term> {
        let own = self.versions.iter().position(|version| version.digest == record.statement_digest)?;
        let document = &self.versions[own].document;
        let later = self.versions[own + 1..]
            .iter()
            .rfind(|version| version.is_for_all_records && version.document == *document);
        let ruling = later.unwrap_or(&self.versions[own]);
        let end = |period: Option<Period>| period.map(|period| period.after(record.received));
        let class = self.classes.iter().find(|class| match &class.of {
            ClassOf::Suspected => record.is_suspected,
            ClassOf::Forms(forms) => forms.contains(&record.form),
        });
        Some(Term {
            version: ruling.version.clone(),
            floor: end(ruling.minimum),
            ceiling: end(ruling.maximum),
            is_reviewed: ruling.is_reviewed,
            class: class.map(|class| (class.name.clone(), class.keep.after(record.received))),
        })
    }
}
