//! Holds: who has ordered that what is kept, and since when.
//!
//! It knows people only by the keys of the store's index, which say nothing to whoever has not the index's secret.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::records::Record;

/// An order to keep what it covers, whatever else is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// `H-2026-003`.
    pub id: String,
    /// On what ground, in the statement's word.
    pub ground: String,
    /// What it covers.
    pub scope: Scope,
    /// Whether it covers what comes later too.
    pub is_standing: bool,
    /// Since when.
    pub placed: Timestamp,
    /// Who placed it.
    pub by: String,
    /// Why, in words without personal data.
    pub note: String,
    /// How it ended.
    pub released: Option<Release>,
}

/// The end of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub note: String,
}

/// Which records are meant: of the people and records named, or of all where nobody and nothing is, those that fit
/// everything else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Keys of the index: one for each e-mail address and telephone number. What is written down has them only where it
    /// covers what comes later; all else names the records that the people have.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<String>,
    /// Ids of records. An empty set names nobody's records, and none at all does not look at ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<BTreeSet<Uuid>>,
    /// Only those of this form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Only those that came on this day (UTC) or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Only those that came on this day (UTC) or earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Only those that were collected under this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The records of the people, as the store's index has them at the moment.
    #[serde(skip)]
    pub of_people: BTreeSet<Uuid>,
}

impl Scope {
    /// Whether it says nothing, so that it would cover everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The records that are named, themselves or by their people; none where everything is meant that fits the rest.
    #[must_use]
    pub fn named(&self) -> Option<BTreeSet<Uuid>> {
        let is_about_all = self.people.is_empty() && self.records.is_none();
        let records = self.records.iter().flatten().chain(&self.of_people);
        (!is_about_all).then(|| records.copied().collect())
    }

    /// Whether a record is meant.
    #[must_use]
    pub fn covers(&self, record: &Record) -> bool {
        let is_about_all = self.people.is_empty() && self.records.is_none();
        let is_named = is_about_all
            || self.records.as_ref().is_some_and(|records| records.contains(&record.id))
            || self.of_people.contains(&record.id);
        let day = TimeZone::UTC.to_datetime(record.received).date();
        is_named
            && self.form.as_ref().is_none_or(|form| *form == record.form)
            && self.version.as_ref().is_none_or(|version| *version == record.statement_version)
            && self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day <= until)
    }
}

impl Hold {
    /// Whether it keeps a record.
    #[must_use]
    pub fn keeps(&self, record: &Record) -> bool {
        self.released.is_none() && (self.is_standing || record.received <= self.placed) && self.scope.covers(record)
    }
}
