//! The desk: what staff may do with records, each act checked against who they are and what the statement says, and written
//! into the ledger before and after it is done.
//!
//! It knows the store and the ledger; it knows neither answers nor how anything is shown.

mod erasing;
mod keeping;
mod replay;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use statement::contract::{Contract, StatementInForce, VersionPromises};
use uuid::Uuid;

use crate::records::deed::Done;
use crate::records::ledger::{Act, Ledger, LedgerError, Step};
use crate::records::{
    Deed, Matters, Outcome, People, Plan, PlanClass, Record, RecordStore, Refusal, Request, RequestKind, RequestState,
    Role, Rules, Scope, Who,
};
use crate::store::{Envelope, StoreError, Stored};

pub use erasing::Applied;
pub use replay::Replayed;

/// So many records are looked at, at once.
const LOT: u32 = 1000;

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The statement, or who asks, does not allow it.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// There is nothing of this name.
    #[error("there is no {0}")]
    NotFound(String),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The store failed while something was done.
    #[error("{0}; whether it was done is not known: the next command ends it, so look before you try again")]
    Unknown(StoreError),
    /// The ledger failed.
    #[error("{0}")]
    Ledger(LedgerError),
}

impl From<LedgerError> for DeskError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(refusal) => Self::Refused(refusal),
            error => Self::Ledger(error),
        }
    }
}

/// What a plan is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All records, for whatever is due.
    Retention,
    /// Those of a request for erasure, to answer it.
    Request(String),
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Self::Retention => "retention".to_owned(),
            Self::Request(id) => format!("request {id}"),
        }
    }

    fn request(&self) -> Option<&str> {
        match self {
            Self::Retention => None,
            Self::Request(id) => Some(id),
        }
    }
}

/// Who is at the desk, when, and what lies on it.
pub struct Desk<'a> {
    store: Option<&'a dyn RecordStore>,
    ledger: &'a Path,
    contract: Option<&'a Contract>,
    rules: Arc<Rules>,
    who: Who,
    now: Timestamp,
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Desk").field("who", &self.who).field("now", &self.now).finish_non_exhaustive()
    }
}

impl<'a> Desk<'a> {
    /// A desk for one command. Without a contract nobody knows what was promised: then nothing is erased.
    #[must_use]
    pub fn new(
        store: Option<&'a dyn RecordStore>,
        ledger: &'a Path,
        contract: Option<&'a Contract>,
        people: &People,
        who: Who,
        now: Timestamp,
    ) -> Self {
        let rules = contract.map(|contract| Rules::new(contract, &people.classes)).unwrap_or_default();
        Self { store, ledger, contract, rules: Arc::new(rules), who, now }
    }

    fn store(&self) -> Result<&'a dyn RecordStore, DeskError> {
        self.store.ok_or(DeskError::Store(StoreError::Missing))
    }

    /// Who is at it.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The version of the statement in force, for messages.
    #[must_use]
    pub fn version(&self) -> &str {
        self.statement().map_or("(none)", |statement| &statement.version)
    }

    fn statement(&self) -> Option<&StatementInForce> {
        self.contract?.statement.as_ref()
    }

    /// What the version in force promises.
    fn in_force(&self) -> Option<&VersionPromises> {
        self.contract?.version_of(&self.statement()?.digest)
    }

    /// Refuses whoever has not the role, or no access under the statement.
    ///
    /// # Errors
    /// When they have not.
    pub fn must_be(&self, role: Role, what: &str) -> Result<(), DeskError> {
        if let Some(version) = self.in_force() {
            self.who.must_have_access(&version.version, &version.roles)?;
        }
        Ok(self.who.must_be(role, what)?)
    }

    fn act(&self, role: &str, action: &str, target: &str, reason: Option<&str>, outcome: Step) -> Act {
        Act {
            who: self.who.name.clone(),
            role: role.to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            reason: reason.map(str::to_owned),
            statement: self.statement().map(|statement| statement.version.clone()),
            outcome,
            detail: None,
        }
    }

    /// The ledger, for this process alone; what a stopped program has begun is ended first.
    async fn ledger(&self) -> Result<Ledger, DeskError> {
        let path = self.ledger.to_owned();
        // Who waits for another's turn holds up nobody.
        let opened = tokio::task::spawn_blocking(move || Ledger::open(&path)).await;
        let mut ledger = opened.map_err(|_| StoreError::Other("the work was cut short".to_owned()))??;
        let Some(begun) = ledger.unfinished().cloned() else { return Ok(ledger) };
        let unreadable =
            || Refusal::new("P540", format!("the ledger was altered: line {} is not one of ours", begun.seq));
        let deed = begun.act.detail.clone().ok_or_else(unreadable)?;
        let deed: Deed = serde_json::from_value(deed).map_err(|_| unreadable())?;
        deed.carry_out(self.store()?).await?;
        let is_done = match &deed {
            Deed::Correct { record, revision, .. } => {
                self.store()?.record(*record).await?.is_some_and(|found| found.revision >= *revision)
            }
            _ => true,
        };
        let done = Done { of: begun.seq, erased: deed.erased(self.store()?).await? };
        let reason = "a program was stopped; what it had begun was ended";
        let step = if is_done { Step::Done } else { Step::Failed };
        let act = self.act(&begun.act.role, &begun.act.action, &begun.act.target, Some(reason), step);
        ledger.append(Act { detail: Some(detail(&done)), ..act }, self.now)?;
        Ok(ledger)
    }

    /// Does a deed, with a line before and one after.
    async fn perform(&self, ledger: &mut Ledger, act: Act, deed: &Deed) -> Result<(), DeskError> {
        let begun = Act { outcome: Step::Begun, detail: Some(detail(deed)), ..act };
        let of = ledger.append(begun.clone(), self.now)?;
        let done = deed.carry_out(self.store()?).await;
        self.end_of(ledger, begun, of, done)
    }

    /// Writes down how something went. What may have been done all the same is left to whoever comes next, who ends it.
    fn end_of<T>(&self, ledger: &mut Ledger, begun: Act, of: u64, done: Result<T, StoreError>) -> Result<T, DeskError> {
        match done {
            Err(error) if !error.is_certain() => Err(DeskError::Unknown(error)),
            done => {
                self.end(ledger, begun, done.is_ok(), Done { of, erased: Vec::new() })?;
                Ok(done?)
            }
        }
    }

    fn end(&self, ledger: &mut Ledger, begun: Act, is_done: bool, done: Done) -> Result<(), DeskError> {
        let outcome = if is_done { Step::Done } else { Step::Failed };
        ledger.append(Act { outcome, reason: None, detail: Some(detail(&done)), ..begun }, self.now)?;
        Ok(())
    }

    /// Writes down that somebody reads, and which records if they are several, or does what changes no record: before they do.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is shown or done.
    pub async fn note(
        &self,
        role: Role,
        action: &str,
        target: &str,
        reason: Option<&str>,
        records: &[Uuid],
    ) -> Result<(), DeskError> {
        let detail = (!records.is_empty()).then(|| json!({"records": records}));
        let act = Act { detail, ..self.act(role.word(), action, target, reason, Step::Done) };
        self.ledger().await?.append(act, self.now)?;
        Ok(())
    }

    /// Writes down that something was refused, and by what.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn note_refusal(&self, action: &str, target: &str, fact: &str) -> Result<(), DeskError> {
        let roles: Vec<&str> = self.who.roles.iter().map(|role| role.word()).collect();
        let act = self.act(&roles.join(", "), action, target, Some(fact), Step::Refused);
        self.ledger().await?.append(act, self.now)?;
        Ok(())
    }

    /// Writes down that somebody was refused, and gives the refusal back.
    ///
    /// # Errors
    /// What was refused; or the ledger's failure instead.
    pub async fn settle<T>(&self, action: &str, target: &str, result: Result<T, DeskError>) -> Result<T, DeskError> {
        if let Err(DeskError::Refused(refusal)) = &result
            // A ledger that is broken, or of a later time, cannot be written on.
            && !matches!(refusal.code, "P540" | "P541")
        {
            self.note_refusal(action, target, &refusal.to_string()).await?;
        }
        result
    }

    /// The records that a plan is about, after one.
    async fn page(&self, subject: &Subject, matters: &Matters, after: Option<Uuid>) -> Result<Vec<Record>, DeskError> {
        let Some(id) = subject.request() else { return Ok(self.store()?.records(after, LOT).await?) };
        let request = matters.requests.iter().find(|request| request.id == id);
        let scope = &request.ok_or_else(|| DeskError::NotFound(format!("request {id}")))?.scope;
        let ids = scope.named().unwrap_or_default().into_iter();
        let ids: Vec<Uuid> = ids.filter(|id| after.is_none_or(|after| after < *id)).collect();
        let mut records = self.store()?.find(&ids).await?;
        records.retain(|record| scope.covers(record));
        Ok(records)
    }

    /// What would be done now; every record and where it stands is told to `each`.
    ///
    /// # Errors
    /// When it is refused, or the store fails.
    pub async fn plan(
        &self,
        subject: &Subject,
        each: &mut (dyn FnMut(&Record, &Outcome, PlanClass) + Send),
    ) -> Result<Plan, DeskError> {
        self.must_be(Role::Records, "plan what is erased")?;
        let plan = self.plan_at(subject, self.now, each).await?;
        self.note(Role::Records, "plan", &subject.name(), Some(&plan.id().to_string()), &[]).await?;
        Ok(plan)
    }

    async fn plan_at(
        &self,
        subject: &Subject,
        at: Timestamp,
        each: &mut (dyn FnMut(&Record, &Outcome, PlanClass) + Send),
    ) -> Result<Plan, DeskError> {
        let (matters, extensions) = self.matters_in_line().await?;
        let mut matters = matters.answering(subject.request());
        // Most are over after some years.
        matters.holds.retain(|hold| hold.released.is_none());
        matters
            .requests
            .retain(|request| request.state != RequestState::Closed || Some(&*request.id) == subject.request());
        let (mut plan, mut after) = (Plan::new(&subject.name(), at), None);
        loop {
            let page = self.page(subject, &matters, after).await?;
            let Some(last) = page.last() else { return Ok(plan) };
            after = Some(last.id);
            for record in &page {
                self.must_be_past(record)?;
                if extensions.get(&record.id).is_some_and(|extension| record.extension.as_ref() != Some(extension)) {
                    return Err(replay::not_in_line(&format!("an extension of {}", record.id)));
                }
                let decision = matters.decide(record, &self.rules, plan.at());
                let class = plan.add(record, &decision);
                each(record, decision.outcome(), class);
            }
        }
    }

    /// Refuses a clock that is behind what the store has: by it nothing would be due.
    fn must_be_past(&self, record: &Record) -> Result<(), DeskError> {
        if record.received.duration_since(self.now) <= jiff::SignedDuration::from_hours(1) {
            return Ok(());
        }
        let fact = format!(
            "the clock says {}, and the registration {} arrived at {}: set the clock right",
            self.now, record.id, record.received
        );
        Err(Refusal::new("P541", fact).into())
    }

    /// The holds and requests.
    ///
    /// # Errors
    /// When it is refused, or the store fails.
    pub async fn matters(&self, action: &str) -> Result<Matters, DeskError> {
        let role = if self.who.roles.contains(&Role::Legal) { Role::Legal } else { Role::Records };
        self.must_be(role, "see holds and requests")?;
        self.note(role, action, "all", None, &[]).await?;
        Ok(self.store()?.matters().await?)
    }

    /// Takes a request in.
    ///
    /// # Errors
    /// When it is refused, or something fails.
    pub async fn open_request(&self, kind: RequestKind, scope: Scope, verified_by: &str) -> Result<Request, DeskError> {
        match &kind {
            RequestKind::Erasure { citation: Some(citation) } => {
                self.must_be(Role::Legal, "erase what a law compels")?;
                Refusal::of_personal(citation)?;
            }
            _ => self.must_be(Role::Records, "take a request in")?,
        }
        Refusal::of_personal(verified_by)?;
        if verified_by.trim().is_empty() || scope.people.is_empty() && scope.records.is_none() {
            let fact = "a request is answered when it is known whose it is: say who or which records, and how that was verified";
            return Err(Refusal::new("P530", fact).into());
        }
        let mut ledger = self.ledger().await?;
        let request = Request {
            id: self.new_id('R', &ledger).await?,
            kind,
            scope: self.by_records(scope).await?,
            opened: self.now,
            by: self.who.name.clone(),
            verified_by: verified_by.to_owned(),
            state: RequestState::Open,
        };
        let role = if matches!(request.kind, RequestKind::Erasure { citation: Some(_) }) {
            Role::Legal
        } else {
            Role::Records
        };
        let act = self.act(role.word(), "request", &request.id, Some(verified_by), Step::Begun);
        self.perform(&mut ledger, act, &Deed::Request(request.clone())).await?;
        Ok(request)
    }

    /// Notes how far a request is.
    ///
    /// # Errors
    /// When something fails.
    pub async fn move_request(&self, request: &Request, state: RequestState) -> Result<(), DeskError> {
        if request.state == state {
            return Ok(());
        }
        let mut ledger = self.ledger().await?;
        let request = Request { state, ..request.clone() };
        let act = self.act(Role::Records.word(), "request", &request.id, None, Step::Begun);
        self.perform(&mut ledger, act, &Deed::Request(request)).await
    }

    /// Puts a corrected registration in the place of what was typed; `fields` are the fields that were corrected.
    ///
    /// # Errors
    /// When it is refused, the record was changed meanwhile, or something fails.
    pub async fn correct(&self, corrected: &Stored, fields: Vec<String>, reason: &str) -> Result<(), DeskError> {
        let Envelope { id, revision, .. } = corrected.envelope;
        self.must_be(Role::Records, "correct a registration")?;
        Refusal::of_personal(reason)?;
        let mut ledger = self.ledger().await?;
        let deed = Deed::Correct { record: id, fields, revision: revision + 1 };
        let act = self.act(Role::Records.word(), "access correct", &id.to_string(), Some(reason), Step::Begun);
        let begun = Act { detail: Some(detail(&deed)), ..act };
        let of = ledger.append(begun.clone(), self.now)?;
        let done = self.store()?.correct(corrected).await;
        let done = done.and_then(|is_done| if is_done { Ok(()) } else { Err(StoreError::Changed) });
        match self.end_of(&mut ledger, begun, of, done) {
            Err(DeskError::Store(StoreError::Changed)) => {
                Err(Refusal::new("P515", format!("{id} was changed meanwhile: look at it again")).into())
            }
            done => done,
        }
    }

    /// Takes a registration out of those that are held as suspected spam, with the mail about it to staff.
    ///
    /// # Errors
    /// When it is refused, there is no such registration among them, or something fails.
    pub async fn release(&self, id: Uuid) -> Result<(), DeskError> {
        self.must_be(Role::Records, "take a registration out of suspected spam")?;
        let mut ledger = self.ledger().await?;
        let record = self.store()?.record(id).await?.filter(|record| record.is_suspected);
        let record = record.ok_or_else(|| DeskError::NotFound(format!("registration {id} held as suspected spam")))?;
        if record.restricted.is_some() {
            return Err(Refusal::of_restricted(id).into());
        }
        let act = self.act(Role::Records.word(), "release", &id.to_string(), None, Step::Begun);
        self.perform(&mut ledger, act, &Deed::Release { record: id, at: self.now }).await
    }

    /// A scope as it is written down: people by the records they have, so that no hash of an address stays in the ledger.
    async fn by_records(&self, scope: Scope) -> Result<Scope, DeskError> {
        if scope.people.is_empty() {
            return Ok(scope);
        }
        let mut records = scope.records.unwrap_or_default();
        for key in &scope.people {
            records.extend(self.store()?.store().ids_of_person(key).await?);
        }
        Ok(Scope { records: Some(records), people: BTreeSet::new(), ..scope })
    }

    /// An id that no other has: after a backup was restored the ledger goes on, and where the ledger is a new one the store has
    /// the others.
    async fn new_id(&self, letter: char, ledger: &Ledger) -> Result<String, DeskError> {
        let matters = self.store()?.matters().await?;
        let taken: Vec<&String> = (matters.holds.iter().map(|hold| &hold.id))
            .chain(matters.requests.iter().map(|request| &request.id))
            .collect();
        let ids = (ledger.head().seq + 1..).map(|number| format!("{letter}-{}-{number:03}", day(self.now).year()));
        Ok(ids.into_iter().find(|id| !taken.contains(&id)).expect("invariant: numbers have no end"))
    }
}

fn no_registration(id: Uuid) -> DeskError {
    DeskError::NotFound(format!("registration {id}"))
}

fn detail(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("invariant: deeds are plain data")
}

fn midnight(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

/// The day of a moment, in UTC.
fn day(moment: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(moment).date()
}
