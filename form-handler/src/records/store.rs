//! What a store does for staff, beside taking registrations in: it shows records without their answers, keeps holds and
//! requests, and destroys what was decided to be.
//!
//! It knows no rules: who decides is [`decide`](crate::records::decide), before a record is destroyed and once more in the
//! same transaction, so that a hold placed meanwhile wins.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::records::ledger::Tombstone;
use crate::records::{Decision, Extension, Hold, Outcome, Record, Request, Rules, Scope, decide, decide_again};
use crate::store::{Store, StoreError, Stored};

/// The kind of a hold's row.
pub(crate) const HOLD: &str = "hold";
/// The kind of a request's row.
pub(crate) const REQUEST: &str = "request";

/// A hold, a request or a reason to keep longer as it stands in a store.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("invariant: it is plain data")
}

/// All holds and requests there ever were; of those about people, with the records that the index has of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matters {
    /// By id.
    pub holds: Vec<Hold>,
    /// By id.
    pub requests: Vec<Request>,
}

impl Matters {
    /// Out of a store's rows: `hold` or `request`, and what [`RecordStore::put_hold`] and [`RecordStore::put_request`] were
    /// given, as JSON.
    pub(crate) fn read(rows: impl IntoIterator<Item = (String, String)>) -> Result<Self, StoreError> {
        let mut matters = Self::default();
        for (kind, json) in rows {
            if kind == HOLD {
                matters.holds.push(serde_json::from_str(&json).map_err(|_| StoreError::Damaged)?);
            } else {
                matters.requests.push(serde_json::from_str(&json).map_err(|_| StoreError::Damaged)?);
            }
        }
        Ok(matters)
    }

    fn scopes(&mut self) -> impl Iterator<Item = &mut Scope> {
        let holds = self.holds.iter_mut().map(|hold| &mut hold.scope);
        holds.chain(self.requests.iter_mut().map(|request| &mut request.scope))
    }

    /// The keys of all people that are named.
    pub(crate) fn people(&mut self) -> BTreeSet<String> {
        self.scopes().flat_map(|scope| scope.people.iter().cloned()).collect()
    }

    /// Puts in which records the index has of them.
    pub(crate) fn with_people(mut self, records: &HashMap<String, Vec<Uuid>>) -> Self {
        for scope in self.scopes() {
            let found = scope.people.iter().filter_map(|key| records.get(key));
            scope.of_people = found.flatten().copied().collect();
        }
        self
    }

    /// The same, as if this request were answered.
    #[must_use]
    pub fn answering(mut self, id: Option<&str>) -> Self {
        for request in self.requests.iter_mut().filter(|request| Some(request.id.as_str()) == id) {
            *request = request.clone().answered();
        }
        self
    }

    /// Decides about a record.
    #[must_use]
    pub fn decide(&self, record: &Record, rules: &Rules, now: Timestamp) -> Decision {
        decide(record, &self.holds, &self.requests, rules, now)
    }
}

/// How it is decided once more, when a record is about to be destroyed.
#[derive(Debug, Clone)]
pub enum Recheck {
    /// By the rules.
    Rules {
        /// The rules.
        rules: Arc<Rules>,
        /// The moment.
        now: Timestamp,
        /// The request that is being answered.
        answering: Option<String>,
    },
    /// By what stayed of what was erased before a backup was restored.
    Tombstones(Arc<HashMap<Uuid, Tombstone>>),
}

impl Recheck {
    /// The holds and requests as they count for it.
    pub(crate) fn of(&self, matters: Matters) -> Matters {
        match self {
            Self::Rules { answering, .. } => matters.answering(answering.as_deref()),
            Self::Tombstones(_) => matters,
        }
    }

    /// Decides; none where there is nothing to decide by.
    fn decide(&self, record: &Record, matters: &Matters) -> Option<Decision> {
        match self {
            Self::Rules { rules, now, .. } => Some(matters.decide(record, rules, *now)),
            Self::Tombstones(tombstones) => decide_again(record, tombstones.get(&record.id)?),
        }
    }
}

/// What became of a record that was to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is destroyed.
    Erased,
    /// It was not there.
    Gone,
    /// It is there: it was changed, or something keeps it, since it was decided about.
    Kept(Outcome),
}

impl Fate {
    /// What becomes of a record as it is now, of which this was decided before: the one rule of all stores.
    pub(crate) fn of(now: Option<&Record>, decision: &Decision, recheck: &Recheck, matters: &Matters) -> Self {
        let Some(record) = now else { return Self::Gone };
        match recheck.decide(record, matters) {
            Some(again) if again.erases().is_some() && decision.erases().is_some() => {
                let is_as_seen = record.revision == decision.revision();
                if is_as_seen { Self::Erased } else { Self::Kept(Outcome::Unknown) }
            }
            Some(again) => Self::Kept(again.outcome().clone()),
            None => Self::Kept(Outcome::Unknown),
        }
    }
}

/// What a store does for staff.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// The store whose records they are.
    fn store(&self) -> &dyn Store;

    /// The records after one, or from the first, by their ids; at most so many, and fewer only where there are no more.
    async fn records(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Record>, StoreError>;

    /// Those of these records that are there, in the order of their ids.
    async fn find(&self, ids: &[Uuid]) -> Result<Vec<Record>, StoreError>;

    /// One record.
    async fn record(&self, id: Uuid) -> Result<Option<Record>, StoreError> {
        Ok(self.find(&[id]).await?.pop())
    }

    /// The records that only legal may see.
    async fn restricted(&self) -> Result<Vec<Uuid>, StoreError>;

    /// The holds and requests.
    async fn matters(&self) -> Result<Matters, StoreError>;

    /// Adds a hold, or puts it in the place of the one with its id.
    async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError>;

    /// Adds a request, or puts it in the place of the one with its id.
    async fn put_request(&self, request: &Request) -> Result<(), StoreError>;

    /// Has only legal see a record, for the sake of a request, and drops mail about it; whether it is there.
    async fn restrict(&self, id: Uuid, request: &str) -> Result<bool, StoreError>;

    /// Notes why a record is kept longer; whether it is there.
    async fn extend(&self, id: Uuid, extension: &Extension) -> Result<bool, StoreError>;

    /// Puts the content, the data key and the person keys of a corrected registration in the place of its own; whether it is
    /// there in the revision that was seen.
    async fn correct(&self, corrected: &Stored) -> Result<bool, StoreError>;

    /// Destroys those records of which that was decided and of which it is decided again, with all that hangs on them, in one
    /// transaction; what became of each.
    async fn destroy(&self, decisions: &[Decision], recheck: &Recheck) -> Result<Vec<Fate>, StoreError>;
}
