//! Carrying out a plan: only what it showed, only while that is still so, and each lot with a line in the ledger before and
//! after it.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Desk, DeskError, Subject, detail};
use crate::records::deed::{self, Done};
use crate::records::ledger::{Act, Ledger, Step, Tombstone};
use crate::records::{
    Decision, Deed, Fate, Matters, Outcome, Plan, PlanId, Recheck, Record, Refusal, Request, RequestKind, RequestState,
    Role,
};

/// So many records are erased in one transaction.
const LOT: usize = 100;
/// So often it is told how many were looked at.
const LOOKS: u64 = 1000;

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// So many records were erased.
    pub erased: u64,
    /// So many can now be seen by legal alone.
    pub restricted: u64,
    /// What was to be erased and is there all the same, with what keeps it.
    pub kept: Vec<(Uuid, Outcome)>,
    /// The requests that are answered to their end.
    pub closed: Vec<String>,
}

impl Applied {
    /// What a hold has kept from being erased, in words; none where none has.
    #[must_use]
    pub fn held(&self, matters: &Matters) -> Option<Refusal> {
        let held = self.kept.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Held { holds, .. } => holds.first(),
            _ => None,
        });
        let held: Vec<&String> = held.collect();
        let hold = matters.holds.iter().find(|hold| Some(&&hold.id) == held.first())?;
        let all = self.erased + self.kept.len() as u64;
        let fact = format!(
            "hold {} ({}) covers {} of {all} records; none of those was deleted",
            hold.id,
            hold.ground,
            held.len()
        );
        Some(Refusal::new("P520", fact))
    }
}

impl Desk<'_> {
    /// Carries out a plan that somebody has looked at; how many records were looked at is told to `progress`.
    ///
    /// Safe to be stopped and to be run by two at once: what is done is in the ledger and is not done twice.
    ///
    /// # Errors
    /// When it is refused, because the plan is old or no longer so, or something fails.
    pub async fn apply(
        &self,
        subject: &Subject,
        asked: &PlanId,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Applied, DeskError> {
        let matters = self.store()?.matters().await?;
        self.must_apply(subject, &matters)?;
        Plan::may_begin(asked, self.now)?;
        let answered = matters.clone().answering(subject.request());
        let mut work = Work { applied: Applied::default(), lot: Vec::new(), alive: BTreeSet::new() };
        let (mut concerned, mut seen) = (Vec::new(), 0);
        // All are looked at once; after that, only those with which something is to be done.
        let mut look = |record: &Record, outcome: &Outcome, _| {
            seen += 1;
            if seen % LOOKS == 0 {
                progress(seen);
            }
            if subject.request().is_some() || is_to_be_done(record, outcome) {
                concerned.push(record.id);
            } else {
                work.survives(record, &answered);
            }
        };
        self.plan_at(subject, asked.at, &mut look).await?.is_still(asked)?;
        let request = matters.requests.iter().find(|request| Some(&*request.id) == subject.request());
        if let Some(request) = request {
            // Answered first: what is stopped now is ended by the next plan of what is due.
            self.move_request(request, RequestState::Deferred).await?;
        }
        let matters = answered;
        for lot in concerned.chunks(LOT) {
            for record in self.store()?.find(lot).await? {
                let planned = matters.decide(&record, &self.rules, asked.at);
                let decision = matters.decide(&record, &self.rules, self.now);
                if planned.erases().is_some() && decision.erases().is_some() {
                    work.lot.push((record, decision));
                    if work.lot.len() == LOT {
                        self.erase_lot(subject, asked, &matters, &mut work).await?;
                    }
                    continue;
                }
                self.restrict(&record, decision.outcome(), asked, &mut work.applied).await?;
                work.survives(&record, &matters);
                if subject.request().is_some() {
                    work.applied.kept.push((record.id, decision.outcome().clone()));
                }
            }
            progress(seen);
        }
        self.erase_lot(subject, asked, &matters, &mut work).await?;
        for request in matters.requests.iter().filter(|request| is_due(request) && !work.alive.contains(&request.id)) {
            if subject.request().is_none_or(|id| id == request.id) {
                let request = Request { state: RequestState::Deferred, ..request.clone() };
                self.move_request(&request, RequestState::Closed).await?;
                work.applied.closed.push(request.id);
            }
        }
        Ok(work.applied)
    }

    fn must_apply(&self, subject: &Subject, matters: &Matters) -> Result<(), DeskError> {
        let Some(id) = subject.request() else { return self.must_be(Role::Records, "erase what is due") };
        let request = matters.requests.iter().find(|request| request.id == id);
        match request.map(|request| &request.kind) {
            None => Err(DeskError::NotFound(format!("request {id}"))),
            Some(RequestKind::Erasure { citation: Some(_) }) => self.must_be(Role::Legal, "erase what a law compels"),
            Some(RequestKind::Erasure { citation: None }) => self.must_be(Role::Records, "erase what is asked for"),
            Some(_) => Err(Refusal::new("P530", format!("request {id} does not ask for anything to be erased")).into()),
        }
    }

    /// Hides what a person wants erased and what must be kept for now.
    async fn restrict(
        &self,
        record: &Record,
        outcome: &Outcome,
        plan: &PlanId,
        applied: &mut Applied,
    ) -> Result<(), DeskError> {
        let request = match outcome {
            Outcome::Restrict { request, .. } | Outcome::AwaitLegal { request, .. } => Some(request),
            Outcome::Held { waiting, .. } => waiting.first(),
            _ => None,
        };
        let Some(request) = request.filter(|_| record.restricted.is_none()) else { return Ok(()) };
        let mut ledger = self.ledger().await?;
        let act =
            self.act(Role::Records.word(), "restrict", &record.id.to_string(), Some(&plan.to_string()), Step::Begun);
        self.perform(&mut ledger, act, &Deed::Restrict { record: record.id, request: request.clone() }).await?;
        applied.restricted += 1;
        Ok(())
    }

    async fn erase_lot(
        &self,
        subject: &Subject,
        plan: &PlanId,
        matters: &Matters,
        work: &mut Work,
    ) -> Result<(), DeskError> {
        if work.lot.is_empty() {
            return Ok(());
        }
        let lot = std::mem::take(&mut work.lot);
        let tombstones = lot.iter().filter_map(|(record, decision)| {
            decision.erases().map(|cause| Tombstone::new(record, cause.clone(), &matters.holds))
        });
        let decisions: Vec<Decision> = lot.iter().map(|(_, decision)| decision.clone()).collect();
        let answering = subject.request().map(str::to_owned);
        let recheck = Recheck::Rules { rules: self.rules.clone(), now: self.now, answering };
        let role = if work_of_legal(&lot) { Role::Legal } else { Role::Records };
        let act = self.act(role.word(), "erase", &subject.name(), Some(&plan.to_string()), Step::Begun);
        let mut ledger = self.ledger().await?;
        let fates = self.erase(&mut ledger, act, tombstones.collect(), &decisions, &recheck).await?;
        for ((record, _), fate) in lot.iter().zip(fates) {
            match fate {
                Fate::Erased => work.applied.erased += 1,
                Fate::Gone => {}
                Fate::Kept(outcome) => {
                    work.survives(record, matters);
                    work.applied.kept.push((record.id, outcome));
                }
            }
        }
        Ok(())
    }

    /// Has the store destroy a lot, with a line before and one that says which are gone.
    pub(super) async fn erase(
        &self,
        ledger: &mut Ledger,
        act: Act,
        tombstones: Vec<Tombstone>,
        decisions: &[Decision],
        recheck: &Recheck,
    ) -> Result<Vec<Fate>, DeskError> {
        let begun = Act { detail: Some(detail(&Deed::Erase(tombstones.clone()))), ..act };
        let of = ledger.append(begun.clone(), self.now)?;
        let fates = match self.store()?.destroy(decisions, recheck).await {
            Ok(fates) => fates,
            failed => return self.end_of(ledger, begun, of, failed),
        };
        self.end(ledger, begun, true, Done { of, erased: deed::erased(&tombstones, &fates) })?;
        Ok(fates)
    }
}

/// Whether something is to be done with a record: it is erased, or hidden until it may be.
fn is_to_be_done(record: &Record, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Erase { .. } => true,
        Outcome::Restrict { .. } | Outcome::AwaitLegal { .. } => record.restricted.is_none(),
        Outcome::Held { waiting, .. } => record.restricted.is_none() && !waiting.is_empty(),
        _ => false,
    }
}

/// What is under way.
struct Work {
    applied: Applied,
    lot: Vec<(Record, Decision)>,
    /// The answered requests that concern something that is still there.
    alive: BTreeSet<String>,
}

impl Work {
    fn survives(&mut self, record: &Record, matters: &Matters) {
        let of = matters.requests.iter().filter(|request| is_due(request) && request.concerns(record));
        self.alive.extend(of.map(|request| request.id.clone()));
    }
}

fn is_due(request: &Request) -> bool {
    request.state == RequestState::Deferred && matches!(request.kind, RequestKind::Erasure { .. })
}

fn work_of_legal(lot: &[(Record, Decision)]) -> bool {
    lot.iter().any(|(_, decision)| matches!(decision.erases(), Some(crate::records::Cause::Compelled { .. })))
}
