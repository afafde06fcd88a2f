//! Counts over time: how many registrations came when, by form and by version of the statement. No answers, nobody's name.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::records::Record;

/// How long a bar of the chart stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A day.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// The counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    unit: Unit,
    /// By day, month or year (UTC), the first one first.
    pub over_time: BTreeMap<String, u64>,
    /// By form.
    pub by_form: BTreeMap<String, u64>,
    /// By version of the statement.
    pub by_version: BTreeMap<String, u64>,
    /// Those that are held apart as suspected spam; they are counted nowhere else.
    pub suspected: u64,
    /// Those that only legal may see; they are counted nowhere else.
    pub restricted: u64,
}

impl Counts {
    /// None yet.
    #[must_use]
    pub fn new(unit: Unit) -> Self {
        let (over_time, by_form, by_version) = Default::default();
        Self { unit, over_time, by_form, by_version, suspected: 0, restricted: 0 }
    }

    /// Counts a record.
    pub fn add(&mut self, record: &Record) {
        if record.restricted.is_some() {
            self.restricted += 1;
            return;
        }
        if record.is_suspected {
            self.suspected += 1;
            return;
        }
        let date = TimeZone::UTC.to_datetime(record.received).date();
        let time = match self.unit {
            Unit::Day => date.to_string(),
            Unit::Month => date.strftime("%Y-%m").to_string(),
            Unit::Year => date.strftime("%Y").to_string(),
        };
        for (counts, key) in [
            (&mut self.over_time, &time),
            (&mut self.by_form, &record.form),
            (&mut self.by_version, &record.statement_version),
        ] {
            match counts.get_mut(key) {
                Some(count) => *count += 1,
                None => drop(counts.insert(key.clone(), 1)),
            }
        }
    }
}
