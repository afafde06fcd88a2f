//! Requests: what a person, or a law, has asked for about records, and how far it is answered.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::records::{Record, Scope};

/// A request is answered within this many days; nothing waits longer for it.
pub const REQUEST_DAYS_MAX: i64 = 45;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `R-2026-004`.
    pub id: String,
    /// For what.
    pub kind: RequestKind,
    /// About which records.
    pub scope: Scope,
    /// Since when.
    pub opened: Timestamp,
    /// Who took it in.
    pub by: String,
    /// How it is known that it is the person's own, in words without personal data.
    pub verified_by: String,
    /// How far it is.
    pub state: RequestState,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestKind {
    /// To see what is kept.
    Access,
    /// To have it corrected.
    Correction,
    /// To have it erased.
    Erasure {
        /// The law that compels it, whatever the statement's minimum; none where the person asks.
        citation: Option<String>,
    },
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Not answered.
    Open,
    /// Answered; what could not be erased yet is erased as soon as it can be.
    Deferred,
    /// Nothing is left to be done.
    Closed,
}

impl Request {
    /// The last moment for an answer.
    #[must_use]
    pub fn answer_until(&self) -> Timestamp {
        self.opened + SignedDuration::from_hours(24 * REQUEST_DAYS_MAX)
    }

    /// Whether it concerns a record and still counts.
    #[must_use]
    pub fn concerns(&self, record: &Record) -> bool {
        self.state != RequestState::Closed && record.received <= self.opened && self.scope.covers(record)
    }

    /// The same, once it is answered: what is decided about it is carried out.
    #[must_use]
    pub fn answered(mut self) -> Self {
        self.state = RequestState::Deferred;
        self
    }
}
