//! After a backup was restored: what the ledger says was done since is done again, so that nothing that was erased is back
//! and no hold is missing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::{Desk, DeskError};
use crate::records::deed::Done;
use crate::records::ledger::{self, Step, Tombstone};
use crate::records::{Deed, Extension, Fate, Matters, Recheck, Refusal, Role, decide_again};

/// So many records are erased in one transaction.
const LOT: usize = 100;

/// What was done again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Records that were back.
    pub erased: u64,
    /// Holds that were missing or older.
    pub holds: u64,
    /// Requests that were missing or older.
    pub requests: u64,
    /// Records that are restricted, kept longer or out of suspected spam again.
    pub changed: u64,
    /// Records whose corrections are lost, because their words are in no ledger.
    pub corrections: Vec<Uuid>,
}

impl Desk<'_> {
    /// Does again what was done since a backup was made that is now in the store's place.
    ///
    /// # Errors
    /// When it is refused, the ledger is broken, or something fails.
    pub async fn replay(&self) -> Result<Replayed, DeskError> {
        self.must_be(Role::Records, "erase again what a backup has brought back")?;
        let mut ledger = self.ledger().await?;
        drop(ledger);
        let past = self.past()?;
        ledger = self.ledger().await?;
        let mut replayed = Replayed::default();
        // First what was erased: a hold that was placed since had nothing of it to keep.
        let mut back = Vec::new();
        let ids: Vec<Uuid> = past.tombstones.keys().copied().collect();
        for lot in ids.chunks(LOT) {
            for record in self.store()?.find(lot).await? {
                let tombstone = &past.tombstones[&record.id];
                back.extend(decide_again(&record, tombstone).map(|decision| (tombstone.clone(), decision)));
            }
        }
        let recheck = Recheck::Tombstones(Arc::new(past.tombstones.into_iter().collect::<HashMap<_, _>>()));
        for lot in back.chunks(LOT) {
            let (tombstones, decisions): (Vec<_>, Vec<_>) = lot.iter().cloned().unzip();
            let act = self.act(Role::Records.word(), "erase replay", "restored store", None, Step::Begun);
            let fates = self.erase(&mut ledger, act, tombstones, &decisions, &recheck).await?;
            replayed.erased += fates.iter().filter(|fate| **fate == Fate::Erased).count() as u64;
        }
        let matters = self.store()?.matters().await?;
        for deed in past.deeds.into_values() {
            let target = match &deed {
                Deed::Hold(hold) if !matters.holds.iter().any(|found| same(found, hold)) => {
                    replayed.holds += 1;
                    hold.id.clone()
                }
                Deed::Request(request) if !matters.requests.iter().any(|found| same(found, request)) => {
                    replayed.requests += 1;
                    request.id.clone()
                }
                Deed::Restrict { record, request } => match self.store()?.record(*record).await? {
                    Some(found) if found.restricted.as_ref() != Some(request) => record.to_string(),
                    _ => continue,
                },
                Deed::Extend { record, extension } => match self.store()?.record(*record).await? {
                    Some(found) if found.extension.as_ref() != Some(extension) => record.to_string(),
                    _ => continue,
                },
                Deed::Release { record, .. } => match self.store()?.record(*record).await? {
                    Some(found) if found.is_suspected => record.to_string(),
                    _ => continue,
                },
                Deed::Correct { record, revision, .. } => {
                    if self.store()?.record(*record).await?.is_some_and(|found| found.revision < *revision) {
                        replayed.corrections.push(*record);
                    }
                    continue;
                }
                _ => continue,
            };
            replayed.changed +=
                u64::from(matches!(deed, Deed::Restrict { .. } | Deed::Extend { .. } | Deed::Release { .. }));
            let act = self.act(Role::Records.word(), "erase replay", &target, None, Step::Begun);
            self.perform(&mut ledger, act, &deed).await?;
        }
        Ok(replayed)
    }

    /// The holds and requests, and what each record is kept longer for by the ledger; unless the ledger knows of one that the store has not: then a backup was restored or the store
    /// is a copy, and what the missing one keeps would be erased.
    pub(super) async fn matters_in_line(&self) -> Result<(Matters, BTreeMap<Uuid, Extension>), DeskError> {
        // First the ledger: what is added meanwhile is in the store before it is in there.
        let past = self.past()?;
        let matters = self.store()?.matters().await?;
        let mut extensions = BTreeMap::new();
        for deed in past.deeds.into_values() {
            let missing = match deed {
                Deed::Extend { record, extension } => {
                    extensions.insert(record, extension);
                    continue;
                }
                Deed::Hold(hold) if !matters.holds.iter().any(|found| found.id == hold.id) => hold.id,
                Deed::Request(request) if !matters.requests.iter().any(|found| found.id == request.id) => request.id,
                _ => continue,
            };
            return Err(not_in_line(&missing));
        }
        Ok((matters, extensions))
    }

    /// What the ledger says was done.
    fn past(&self) -> Result<Past, DeskError> {
        let mut past = Past::default();
        let mut begun: Option<(u64, Deed)> = None;
        ledger::read(self.ledger, |entry| {
            let detail = entry.act.detail.clone().unwrap_or_default();
            let broken =
                |_| Refusal::new("P540", format!("the ledger was altered: line {} is not one of ours", entry.seq));
            if entry.act.outcome == Step::Begun {
                begun = Some((entry.seq, serde_json::from_value(detail).map_err(broken)?));
            } else if let Some((seq, deed)) = begun.take()
                && entry.act.outcome == Step::Done
            {
                let done: Done = serde_json::from_value(detail).map_err(broken)?;
                if done.of == seq {
                    past.add(deed, &done);
                }
            }
            Ok(())
        })?;
        Ok(past)
    }
}

/// Refuses a store that lacks something the ledger has.
pub(super) fn not_in_line(missing: &str) -> DeskError {
    let fact = format!(
        "the ledger has {missing}, and the store has not: after a backup was restored or a store copied, \
         `registrations erase replay` comes first"
    );
    Refusal::new("P516", fact).into()
}

/// What was done, the last of each kind for each thing.
#[derive(Default)]
struct Past {
    tombstones: BTreeMap<Uuid, Tombstone>,
    deeds: BTreeMap<(u8, String), Deed>,
}

impl Past {
    fn add(&mut self, deed: Deed, done: &Done) {
        let key = match &deed {
            Deed::Erase(tombstones) => {
                let erased = tombstones.iter().filter(|tombstone| done.erased.contains(&tombstone.record));
                self.tombstones.extend(erased.map(|tombstone| (tombstone.record, tombstone.clone())));
                return;
            }
            Deed::Hold(hold) => (0, hold.id.clone()),
            Deed::Request(request) => (1, request.id.clone()),
            Deed::Restrict { record, .. } => (2, record.to_string()),
            Deed::Extend { record, .. } => (3, record.to_string()),
            Deed::Correct { record, .. } => (4, record.to_string()),
            Deed::Release { record, .. } => (5, record.to_string()),
        };
        self.deeds.insert(key, deed);
    }
}

/// Whether two are written alike: what the index has of them at the moment is no part of them.
fn same<T: serde::Serialize>(one: &T, other: &T) -> bool {
    super::detail(one) == super::detail(other)
}
