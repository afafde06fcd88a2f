//! Keeping what would be due otherwise: holds, and reasons with an end.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use statement::period::Period;
use uuid::Uuid;

use super::{Desk, DeskError, LOT, day, midnight, no_registration};
use crate::records::ledger::Step;
use crate::records::{Deed, Extension, Hold, Matters, Outcome, Record, Refusal, Release, Role, Scope, decide};

/// A record is kept longer for so long at most, unless legal says so.
const EXTENSION_MAX: &str = "P2Y";

impl Desk<'_> {
    /// Keeps a record longer than its minimum, for a reason, until the beginning of a day (UTC).
    ///
    /// # Errors
    /// When it is refused, there is no such record, or something fails.
    pub async fn extend(&self, id: Uuid, until: Date, reason: &str) -> Result<Extension, DeskError> {
        self.must_be(Role::Records, "keep a registration longer")
            .or_else(|_| self.must_be(Role::Legal, "keep a registration longer"))?;
        Refusal::of_personal(reason)?;
        let mut ledger = self.ledger().await?;
        let record = self.store()?.record(id).await?.ok_or_else(|| no_registration(id))?;
        let by_legal = self.who.roles.contains(&Role::Legal);
        let extension = Extension { until: midnight(until), reason: reason.to_owned(), decided: self.now, by_legal };
        let refuse = |fact: String| DeskError::from(Refusal::new("P514", fact));
        let limit = Period::parse(EXTENSION_MAX).expect("invariant: it is a period");
        if extension.until > limit.after(self.now) && !by_legal {
            let fact = format!("{until} is more than {} away, which takes the role `legal`", limit.to_words());
            return Err(refuse(fact));
        }
        if record.restricted.is_some() && !by_legal {
            return Err(refuse(format!(
                "somebody has asked for {id} to be erased: to keep it longer takes the role `legal`"
            )));
        }
        let term = self.rules.term(&record);
        if let Some((class, end)) = term.as_ref().and_then(|term| term.class.as_ref()) {
            let fact =
                format!("the class `{class}` keeps {id} until {}: what is to be kept longer takes a hold", day(*end));
            return Err(refuse(fact));
        }
        if let Some(end) = term.as_ref().and_then(|term| term.ceiling).filter(|end| *end < extension.until) {
            let version = term.map_or_else(String::new, |term| term.version);
            return Err(refuse(format!("statement {version} keeps {id} until {} at most", day(end))));
        }
        if let Some(floor) = term.as_ref().and_then(|term| term.floor).filter(|floor| extension.until <= *floor) {
            return Err(refuse(format!("{id} is kept until {} in any case", day(floor))));
        }
        let role = if by_legal { Role::Legal } else { Role::Records };
        let act = self.act(role.word(), "retention extend", &id.to_string(), Some(reason), Step::Begun);
        self.perform(&mut ledger, act, &Deed::Extend { record: id, extension: extension.clone() }).await?;
        Ok(extension)
    }

    /// Places a hold; with how many records it covers now.
    ///
    /// # Errors
    /// When it is refused, or something fails.
    pub async fn place_hold(
        &self,
        ground: &str,
        scope: Scope,
        is_standing: bool,
        note: &str,
    ) -> Result<(Hold, u64), DeskError> {
        self.must_be(Role::Legal, "place a hold")?;
        Refusal::of_personal(note)?;
        let grounds = self.statement().map_or(&[][..], |statement| &statement.hold_grounds);
        if !grounds.iter().any(|known| known == ground) {
            let known = if grounds.is_empty() { "none".to_owned() } else { grounds.join(", ") };
            let fact = format!("statement {} has no ground `{ground}` for a hold; it has {known}", self.version());
            return Err(Refusal::new("P521", fact).into());
        }
        if scope.is_empty() {
            let fact = "a hold on everything is no hold: say which people, records, form, days or version it is about";
            return Err(Refusal::new("P522", fact).into());
        }
        let mut ledger = self.ledger().await?;
        let scope = if is_standing { scope } else { self.by_records(scope).await? };
        if scope.records.as_ref().is_some_and(BTreeSet::is_empty) {
            let fact = "nobody of these has a registration, so the hold would keep nothing: with `--standing` it keeps \
                        what comes later";
            return Err(Refusal::new("P524", fact).into());
        }
        let hold = Hold {
            id: self.new_id('H', &ledger).await?,
            ground: ground.to_owned(),
            scope,
            is_standing,
            placed: self.now,
            by: self.who.name.clone(),
            note: note.to_owned(),
            released: None,
        };
        let act = self.act(Role::Legal.word(), "hold place", &hold.id, Some(note), Step::Begun);
        self.perform(&mut ledger, act, &Deed::Hold(hold.clone())).await?;
        drop(ledger);
        let mut covered = 0;
        self.walk(&hold.id, |_, record, hold| covered += u64::from(hold.keeps(record))).await?;
        Ok((hold, covered))
    }

    /// Releases a hold; with what is due now of what it kept.
    ///
    /// # Errors
    /// When it is refused, there is no such hold, or something fails.
    pub async fn release_hold(&self, id: &str, note: &str) -> Result<Vec<(Record, Outcome)>, DeskError> {
        self.must_be(Role::Legal, "release a hold")?;
        Refusal::of_personal(note)?;
        let mut ledger = self.ledger().await?;
        let matters = self.store()?.matters().await?;
        let mut hold = matters
            .holds
            .into_iter()
            .find(|hold| hold.id == id)
            .ok_or_else(|| DeskError::NotFound(format!("hold {id}")))?;
        if let Some(release) = &hold.released {
            return Err(Refusal::new("P523", format!("hold {id} was released on {}", day(release.at))).into());
        }
        hold.released = Some(Release { at: self.now, by: self.who.name.clone(), note: note.to_owned() });
        let act = self.act(Role::Legal.word(), "hold release", id, Some(note), Step::Begun);
        self.perform(&mut ledger, act, &Deed::Hold(hold)).await?;
        drop(ledger);
        let mut resumed = Vec::new();
        let (rules, now) = (Arc::clone(&self.rules), self.now);
        self.walk(id, |matters, record, hold| {
            if (Hold { released: None, ..hold.clone() }).keeps(record) {
                let outcome = decide(record, &matters.holds, &matters.requests, &rules, now).outcome().clone();
                if matches!(outcome, Outcome::Erase { .. } | Outcome::Restrict { .. } | Outcome::Review) {
                    resumed.push((record.clone(), outcome));
                }
            }
        })
        .await?;
        Ok(resumed)
    }

    /// Goes through all records with a hold.
    async fn walk(&self, id: &str, mut each: impl FnMut(&Matters, &Record, &Hold)) -> Result<(), DeskError> {
        let matters = self.store()?.matters().await?;
        let Some(hold) = matters.holds.iter().find(|hold| hold.id == id) else { return Ok(()) };
        let mut after = None;
        loop {
            let page = self.store()?.records(after, LOT).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            page.iter().for_each(|record| each(&matters, record, hold));
        }
    }
}
