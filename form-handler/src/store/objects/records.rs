//! What a bucket does for staff. Nothing spans several objects there, so whatever must not happen is kept from happening by
//! the version of one: that of the registration.
//!
//! ```text
//! destroying   read the registration, then all holds and requests, decide, and write over it only if it is as it was read
//! holding      write the hold, then write every registration that it covers once more
//! ```
//!
//! So a hold that is placed before a registration is destroyed is seen, or has changed the registration; and when the hold is
//! said to be placed, nobody who had not seen it can destroy any more.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::{ObjectMeta, UpdateVersion};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::{DataKeyRecord, Object, Staff, data_key_record, marks, record};
use super::{Claim, Objects, READS_MAX};
use crate::private::Private;
use crate::records::{
    Decision, Extension, Fate, HOLD, Hold, Matters, Outcome, REQUEST, Recheck, Record, RecordStore, Request, Scope,
    to_json,
};
use crate::store::{CONFIRMATIONS_MAX, Store, StoreError, Stored};

/// So many registrations are looked at, at once.
const LOT: u32 = 1000;

/// A hold or a request as an object.
#[derive(Serialize, Deserialize)]
struct Matter {
    kind: String,
    /// JSON.
    content: String,
}

#[async_trait]
impl RecordStore for Objects {
    fn store(&self) -> &dyn Store {
        self
    }

    async fn records(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Record>, StoreError> {
        let after = after.map_or_else(String::new, |id| id.to_string());
        let mut names = self.names("registration", &after).fuse();
        let mut records = Vec::new();
        loop {
            // One that is erased meanwhile makes room for the next.
            let room = (limit as usize).saturating_sub(records.len());
            let ids: Vec<Uuid> = names.by_ref().take(room).map(id).try_collect().await?;
            if ids.is_empty() {
                return Ok(records);
            }
            records.extend(self.find(&ids).await?);
        }
    }

    async fn find(&self, ids: &[Uuid]) -> Result<Vec<Record>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        stream::iter(ids)
            .map(|id| self.record(id))
            .buffered(READS_MAX)
            .try_filter_map(async |found| Ok(found))
            .try_collect()
            .await
    }

    async fn record(&self, id: Uuid) -> Result<Option<Record>, StoreError> {
        let Some((object, _)) = self.read_remains(id).await? else { return Ok(None) };
        // What a stopped program has left to be done; whoever may only read leaves it to others.
        let _ = self.tidy(&object).await;
        if object.staff.is_erased { Ok(None) } else { seen(&object).map(Some) }
    }

    async fn restricted(&self) -> Result<Vec<Uuid>, StoreError> {
        self.names("restricted", "").map(id).try_collect().await
    }

    async fn matters(&self) -> Result<Matters, StoreError> {
        let rows = self
            .names("matter", "")
            .map(|found| async {
                let found = self.read_json::<Matter>(&format!("matter/{}", found?.0)).await?;
                Ok::<_, StoreError>(found.map(|(Matter { kind, content }, _)| (kind, content)))
            })
            .buffered(READS_MAX)
            .try_filter_map(async |found| Ok(found))
            .try_collect::<Vec<_>>()
            .await?;
        let mut matters = Matters::read(rows)?;
        let mut records = HashMap::new();
        for key in matters.people() {
            let found = self.ids_of_person(&key).await?;
            records.insert(key, found);
        }
        Ok(matters.with_people(&records))
    }

    async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.put(HOLD, &hold.id, to_json(hold)).await?;
        if hold.released.is_some() {
            return Ok(());
        }
        match self.named(&hold.scope).await? {
            Some(ids) => self.touch(ids).await,
            None => {
                let mut after = None;
                loop {
                    let page = RecordStore::records(self, after, LOT).await?;
                    let Some(last) = page.last() else { return Ok(()) };
                    after = Some(last.id);
                    self.touch(page.iter().filter(|record| hold.keeps(record)).map(|record| record.id)).await?;
                }
            }
        }
    }

    async fn put_request(&self, request: &Request) -> Result<(), StoreError> {
        self.put(REQUEST, &request.id, to_json(request)).await?;
        self.touch(self.named(&request.scope).await?.into_iter().flatten()).await
    }

    async fn restrict(&self, id: Uuid, request: &str) -> Result<bool, StoreError> {
        let restrict = |object: &mut Object| {
            object.staff.restricted = Some(request.to_owned());
            object.stored.mails.clear();
            object.stored.envelope.revision += 1;
            Some(())
        };
        Ok(self.change(id, restrict).await?.is_some())
    }

    async fn extend(&self, id: Uuid, extension: &Extension) -> Result<bool, StoreError> {
        let extend = |object: &mut Object| {
            object.staff.extension = Some(to_json(extension));
            object.stored.envelope.revision += 1;
            Some(())
        };
        Ok(self.change(id, extend).await?.is_some())
    }

    async fn correct(&self, corrected: &Stored) -> Result<bool, StoreError> {
        let Stored { envelope, content, data_key, person_keys, .. } = corrected;
        let correct = |Object { stored, .. }: &mut Object| {
            if stored.envelope.revision == envelope.revision + 1 && stored.content.expose() == content.expose() {
                // Done, by a try whose answer was lost.
                return Some(());
            }
            if stored.envelope.revision != envelope.revision {
                return None;
            }
            stored.envelope.revision += 1;
            stored.content = content.clone();
            // The new content and its key in one, so that nobody sees the one without the other.
            stored.data_key.clone_from(data_key);
            stored.person_keys.clone_from(person_keys);
            Some(())
        };
        let Some(((), object)) = self.change(envelope.id, correct).await? else { return Ok(false) };
        self.tidy(&object).await?;
        Ok(true)
    }

    async fn destroy(&self, decisions: &[Decision], recheck: &Recheck) -> Result<Vec<Fate>, StoreError> {
        let read = stream::iter(decisions.iter().map(Decision::record)).map(|id| self.read_remains(id));
        let objects: Vec<_> = read.buffered(READS_MAX).try_collect().await?;
        // After the registrations: what was written before one of them was read is seen now.
        let matters = &recheck.of(self.matters().await?);
        let both = decisions.iter().zip(objects);
        let destroyed = both.map(|(decision, found)| self.destroy_one(decision, found, recheck, matters));
        stream::iter(destroyed.collect::<Vec<_>>()).buffered(READS_MAX).try_collect().await
    }
}

impl Objects {
    async fn destroy_one(
        &self,
        decision: &Decision,
        found: Option<(Object, UpdateVersion)>,
        recheck: &Recheck,
        matters: &Matters,
    ) -> Result<Fate, StoreError> {
        let Some((object, version)) = found else { return Ok(Fate::Gone) };
        if object.staff.is_erased {
            // Decided and done, except for what hangs on it.
            self.tidy(&object).await?;
            return Ok(Fate::Erased);
        }
        let fate = Fate::of(Some(&seen(&object)?), decision, recheck, matters);
        if fate != Fate::Erased {
            return Ok(fate);
        }
        let remains = remains(object);
        let name = format!("registration/{}", decision.record());
        if !self.replace(&name, &record(&remains), version).await? {
            // Changed since, or done by a try whose answer was lost.
            let is_done = self.read_remains(decision.record()).await?.is_none_or(|(object, _)| object.staff.is_erased);
            if !is_done {
                return Ok(Fate::Kept(Outcome::Unknown));
            }
        }
        self.tidy(&remains).await?;
        Ok(Fate::Erased)
    }

    /// Does what is left to be done of a registration: what is erased goes with all that hangs on it, and the data key of one
    /// that was corrected comes into its own place.
    async fn tidy(&self, object: &Object) -> Result<(), StoreError> {
        let id = object.stored.envelope.id;
        let key_name = format!("data_key/{id}");
        if object.staff.is_erased {
            self.remove(&key_name).await?;
            for mark in marks(object) {
                self.remove(&mark).await?;
            }
            for number in 0..CONFIRMATIONS_MAX {
                for key in &object.stored.person_keys {
                    self.remove(&format!("address/{key}/{number}")).await?;
                }
            }
            let same = format!("same/{}", object.stored.submission_key);
            if self.read_json::<Claim>(&same).await?.is_some_and(|(claim, _)| claim.owner == id.to_string()) {
                self.remove(&same).await?;
            }
            // At last, so that until then somebody finds out what else is to go.
            return self.remove(&format!("registration/{id}")).await;
        }
        let Some(data_key) = &object.stored.data_key else { return Ok(()) };
        let data_key = data_key_record(data_key);
        while !self.create(&key_name, &data_key).await? {
            let Some((_, version)) = self.read_json::<DataKeyRecord>(&key_name).await? else { continue };
            if self.replace(&key_name, &data_key, version).await? {
                break;
            }
        }
        let seen = object.stored.data_key.clone();
        let settle = |now: &mut Object| (now.stored.data_key == seen).then(|| now.stored.data_key = None);
        self.change(id, settle).await.map(drop)
    }

    /// Writes a hold or a request, whatever there was before: the ledger says in which order they are written.
    async fn put(&self, kind: &str, id: &str, content: String) -> Result<(), StoreError> {
        let (name, matter) = (format!("matter/{id}"), Matter { kind: kind.to_owned(), content });
        while !self.create(&name, &matter).await? {
            let Some((_, version)) = self.read_json::<Matter>(&name).await? else { continue };
            if self.replace(&name, &matter, version).await? {
                break;
            }
        }
        Ok(())
    }

    /// The registrations that a scope names; none where it is about all.
    async fn named(&self, scope: &Scope) -> Result<Option<Vec<Uuid>>, StoreError> {
        let Some(mut ids) = scope.named() else { return Ok(None) };
        for key in &scope.people {
            ids.extend(self.ids_of_person(key).await?);
        }
        Ok(Some(ids.into_iter().collect()))
    }

    /// Has whoever has read these registrations, and is about to destroy them, read them again.
    async fn touch(&self, ids: impl IntoIterator<Item = Uuid>) -> Result<(), StoreError> {
        let touch = |object: &mut Object| {
            object.staff.matters += 1;
            Some(())
        };
        let touched = ids.into_iter().map(|id| self.change(id, touch)).collect::<Vec<_>>();
        stream::iter(touched).buffer_unordered(READS_MAX).try_for_each(async |_| Ok(())).await
    }
}

/// A registration, by the name of its object or of a mark.
fn id(found: Result<(String, ObjectMeta), StoreError>) -> Result<Uuid, StoreError> {
    found?.0.parse().map_err(|_| StoreError::Damaged)
}

/// What is to be known of a registration to decide about it.
fn seen(Object { stored, staff }: &Object) -> Result<Record, StoreError> {
    let envelope = stored.envelope.clone();
    let extension = staff.extension.as_deref().map(serde_json::from_str).transpose();
    Ok(Record {
        id: envelope.id,
        received: envelope.received,
        form: envelope.form,
        statement_version: envelope.statement_version,
        statement_digest: envelope.statement_digest,
        revision: envelope.revision,
        is_suspected: envelope.held.is_some(),
        restricted: staff.restricted.clone(),
        extension: extension.map_err(|_| StoreError::DamagedRegistration(envelope.id))?,
    })
}

/// What stands in the place of a registration that was erased, until all that hangs on it is gone.
fn remains(Object { mut stored, staff }: Object) -> Object {
    stored.envelope.receipt = String::new();
    stored.content = Private::new(Vec::new());
    stored.data_key = None;
    stored.mails.iter_mut().for_each(|mail| mail.letter = None);
    Object { stored, staff: Staff { is_erased: true, ..staff } }
}
