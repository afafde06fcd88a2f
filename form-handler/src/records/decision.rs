//! The decision about one record, by the order of authority: an active hold, then a law that compels, then the statement's
//! minimum, then the person's request, then the end of the minimum.
//!
//! A [`Decision`] is made here and nowhere else, and no store destroys anything without one.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::records::ledger::Tombstone;
use crate::records::{Hold, Request, RequestKind, RequestState, Rules, Term};

/// Where a reason is on record to keep what a person wants erased, legal has this many days to decide; silence erases.
const LEGAL_DAYS: i64 = 30;

/// What must be known of a registration to decide about it: none of its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// When it arrived.
    pub received: Timestamp,
    /// The form's id.
    pub form: String,
    /// The version of the statement it was collected under.
    pub statement_version: String,
    /// That version's digest.
    pub statement_digest: String,
    /// How often it was changed: a decision is about this revision and no other.
    pub revision: u64,
    /// Whether it is kept apart as suspected spam.
    pub is_suspected: bool,
    /// The request for whose sake only legal may see it.
    pub restricted: Option<String>,
    /// Why it is kept longer.
    pub extension: Option<Extension>,
}

/// A reason to keep a record after its minimum, and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Until when.
    pub until: Timestamp,
    /// Why, in words without personal data.
    pub reason: String,
    /// When that was decided.
    pub decided: Timestamp,
    /// Whether legal decided it.
    pub by_legal: bool,
}

/// What is to become of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept: until then, or, where the statement gives no period, until somebody asks.
    Keep {
        /// The end of its minimum, or of its class.
        until: Option<Timestamp>,
    },
    /// It is kept, because nobody knows what was promised about it: its version is not in the contract.
    Unknown,
    /// It is kept, whatever else is due.
    Held {
        /// The holds.
        holds: Vec<String>,
        /// The answered requests for erasure that wait for them.
        waiting: Vec<String>,
        /// Whether a law compels its erasure, which legal must be told.
        is_compelled: bool,
    },
    /// A person wants it erased before its minimum is over: only legal may see it, and it is erased then.
    Restrict {
        /// The end of its minimum.
        until: Timestamp,
        /// The request.
        request: String,
    },
    /// Its time is over, and a request about it is to be answered first.
    AwaitRequest {
        /// The request.
        request: String,
        /// It waits until then at most.
        until: Timestamp,
    },
    /// A person wants it erased, and a reason to keep it is on record: legal decides.
    AwaitLegal {
        /// The request.
        request: String,
        /// Without a decision it is erased then.
        until: Timestamp,
    },
    /// It is kept for a reason that is on record.
    Extended {
        /// Until then.
        until: Timestamp,
    },
    /// Its minimum is over, and the statement has somebody look at it.
    Review,
    /// It is erased.
    Erase {
        /// Why.
        cause: Cause,
        /// Since when.
        since: Timestamp,
    },
}

/// Why a record is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cause {
    /// Its time is over.
    Expiry,
    /// The time of its class is over.
    Class(String),
    /// The person asked for it.
    Request(String),
    /// A law compels it.
    Compelled {
        /// The request.
        request: String,
        /// The law.
        citation: String,
    },
}

/// What was decided about a record as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    record: Uuid,
    revision: u64,
    outcome: Outcome,
    statement: String,
}

impl Decision {
    /// The record's id.
    #[must_use]
    pub fn record(&self) -> Uuid {
        self.record
    }

    /// The record's revision that was seen.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What is to become of it.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The version of the statement by which this was decided.
    #[must_use]
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// Why it is erased, if it is.
    #[must_use]
    pub fn erases(&self) -> Option<&Cause> {
        match &self.outcome {
            Outcome::Erase { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// Decides about a record.
#[must_use]
pub fn decide(record: &Record, holds: &[Hold], requests: &[Request], rules: &Rules, now: Timestamp) -> Decision {
    let term = rules.term(record);
    let outcome = match &term {
        _ if holds.iter().any(|hold| hold.keeps(record)) => held(record, holds, requests),
        Some(term) => unheld(record, term, requests, now),
        None => Outcome::Unknown,
    };
    let statement = term.map_or_else(|| record.statement_version.clone(), |term| term.version);
    Decision { record: record.id, revision: record.revision, outcome, statement }
}

/// Decides about a record that a restored backup has brought back, and that was erased before: it is erased again. None where
/// it is not the record that was erased.
#[must_use]
pub fn decide_again(record: &Record, tombstone: &Tombstone) -> Option<Decision> {
    (tombstone.is_of(record)).then(|| Decision {
        record: record.id,
        revision: record.revision,
        outcome: Outcome::Erase { cause: tombstone.cause.clone(), since: record.received },
        statement: record.statement_version.clone(),
    })
}

fn held(record: &Record, holds: &[Hold], requests: &[Request]) -> Outcome {
    let waiting: Vec<&Request> = requests
        .iter()
        .filter(|request| request.state == RequestState::Deferred && is_erasure(request) && request.concerns(record))
        .collect();
    Outcome::Held {
        holds: holds.iter().filter(|hold| hold.keeps(record)).map(|hold| hold.id.clone()).collect(),
        is_compelled: waiting.iter().any(|request| citation(request).is_some()),
        waiting: waiting.into_iter().map(|request| request.id.clone()).collect(),
    }
}

fn unheld(record: &Record, term: &Term, requests: &[Request], now: Timestamp) -> Outcome {
    let concerning = || requests.iter().filter(|request| request.concerns(record));
    // Nothing waits longer than an answer may take: a request that got none is carried out, or no longer stands in the way.
    let is_waiting = |request: &&Request| request.state == RequestState::Open && now < request.answer_until();
    let open = concerning().find(is_waiting);
    let open_other = concerning().filter(is_waiting).find(|request| !is_erasure(request));
    let mut erasures: Vec<&Request> =
        concerning().filter(|request| is_erasure(request) && !is_waiting(request)).collect();
    // Of several, the first one asked, and a law before a person.
    erasures.sort_by_key(|request| (citation(request).is_none(), request.opened, &request.id));
    let erasure = erasures.first().copied();
    let after = |open: Option<&Request>, cause: Cause, since: Timestamp| match open {
        Some(open) => Outcome::AwaitRequest { request: open.id.clone(), until: open.answer_until() },
        None => Outcome::Erase { cause, since },
    };

    if let Some(request) = erasure
        && let Some(citation) = citation(request)
    {
        let cause = Cause::Compelled { request: request.id.clone(), citation: citation.to_owned() };
        return after(open_other, cause, request.opened);
    }
    if let Some((class, end)) = &term.class {
        // A class that is kept longer than the statement's floor keeps neither the floor from a request nor the ceiling.
        let end = term.ceiling.map_or(*end, |ceiling| ceiling.min(*end));
        let floor = term.floor.filter(|floor| *floor <= end);
        return match (erasure, floor.filter(|floor| now < *floor)) {
            (Some(request), Some(floor)) => Outcome::Restrict { until: floor, request: request.id.clone() },
            (Some(request), None) => {
                let since = floor.map_or(request.opened, |floor| floor.max(request.opened));
                after(open_other, Cause::Request(request.id.clone()), since)
            }
            (None, _) if now < end => Outcome::Keep { until: Some(end) },
            (None, _) => after(open, Cause::Class(class.clone()), end),
        };
    }
    if let Some(floor) = term.floor.filter(|floor| now < *floor) {
        return match erasure {
            Some(request) => Outcome::Restrict { until: floor, request: request.id.clone() },
            None => Outcome::Keep { until: Some(floor) },
        };
    }
    let over = term.ceiling.filter(|ceiling| *ceiling <= now);
    let extension = record.extension.as_ref().filter(|_| over.is_none());
    let until = extension.map(|extension| term.ceiling.map_or(extension.until, |end| end.min(extension.until)));
    if let (Some(extension), Some(until)) = (extension, until)
        && now < until
    {
        let Some(request) = erasure else { return Outcome::Extended { until } };
        let decide_until = request.opened + SignedDuration::from_hours(24 * LEGAL_DAYS);
        if extension.by_legal && request.opened <= extension.decided {
            return Outcome::Extended { until };
        }
        if now < decide_until {
            return Outcome::AwaitLegal { request: request.id.clone(), until: decide_until };
        }
    }
    if let Some(request) = erasure {
        let since = term.floor.map_or(request.opened, |floor| floor.max(request.opened));
        return after(open_other, Cause::Request(request.id.clone()), since);
    }
    let Some(end) = over.or(until.max(term.floor)) else { return Outcome::Keep { until: term.ceiling } };
    if term.is_reviewed && over.is_none() && until.is_none() {
        return Outcome::Review;
    }
    after(open, Cause::Expiry, end)
}

fn is_erasure(request: &Request) -> bool {
    matches!(request.kind, RequestKind::Erasure { .. })
}

fn citation(request: &Request) -> Option<&str> {
    match &request.kind {
        RequestKind::Erasure { citation } => citation.as_deref(),
        _ => None,
    }
}
