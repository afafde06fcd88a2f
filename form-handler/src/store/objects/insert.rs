//! How a registration comes into a bucket once, whoever sends it twice at a time or was cut short: whose answers are whose is
//! decided by one object, which is there before the registration is.

use std::time::Duration;

use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Objects;
use super::record::{self, marks};
use crate::store::{CONFIRMATIONS_MAX, Inserted, SAME_SECONDS, StoreError, Stored};

/// Whoever has the same answers and is not stored yet is looked for so often, after so long each time: far more than it takes,
/// and less than an operation may.
const CLAIM_PAUSES: u32 = 4;
const CLAIM_PAUSE: Duration = Duration::from_millis(250);

/// Who had something last.
#[derive(Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) owner: String,
    pub(super) received_seconds: i64,
}

/// What became of a wish to have something for a day.
pub(super) enum Claimed {
    Ours,
    /// Another has it, as the object says that was read in this version.
    Theirs(String, UpdateVersion),
}

impl Objects {
    /// Has something for a day from the moment of a registration, unless another has it.
    pub(super) async fn claim(&self, name: &str, owner: &str, received: i64) -> Result<Claimed, StoreError> {
        let claim = Claim { owner: owner.to_owned(), received_seconds: received };
        loop {
            // Most are the first.
            if self.create(name, &claim).await? {
                return Ok(Claimed::Ours);
            }
            match self.read_json::<Claim>(name).await? {
                None => {}
                Some((found, _)) if found.owner == owner => return Ok(Claimed::Ours),
                Some((found, version)) if (found.received_seconds - received).abs() < SAME_SECONDS => {
                    return Ok(Claimed::Theirs(found.owner, version));
                }
                Some((_, version)) if self.replace(name, &claim, version.clone()).await? => return Ok(Claimed::Ours),
                Some(_) => {}
            }
        }
    }

    /// Has the answers for a registration for a day, unless another that is stored has them.
    ///
    /// Of whoever has them and is not stored yet, nobody knows whether it is about to be or was cut short. It is waited for;
    /// then the answers are taken from it, which it will notice.
    async fn claim_answers(&self, submission_key: &str, id: Uuid, received: i64) -> Result<Option<Uuid>, StoreError> {
        let (name, claim) =
            (format!("same/{submission_key}"), Claim { owner: id.to_string(), received_seconds: received });
        let mut pauses = CLAIM_PAUSES;
        loop {
            let Claimed::Theirs(owner, version) = self.claim(&name, &claim.owner, received).await? else {
                return Ok(None);
            };
            if let Some(first) = self.first(&owner).await? {
                return Ok(Some(first));
            }
            if pauses > 0 {
                pauses -= 1;
                tokio::time::sleep(CLAIM_PAUSE).await;
            } else if self.replace(&name, &claim, version).await? {
                return Ok(None);
            }
        }
    }

    /// The registration that the same answers have already.
    pub(super) async fn first(&self, owner: &str) -> Result<Option<Uuid>, StoreError> {
        let id: Uuid = owner.parse().map_err(|_| StoreError::Damaged)?;
        Ok(self.read(id).await?.map(|_| id))
    }

    /// Whether an address may have another confirmation: there is so much room for each.
    async fn has_room(&self, address_key: &str, new: &Stored) -> Result<bool, StoreError> {
        for number in 0..CONFIRMATIONS_MAX {
            // In the name of the answers, so that several who send them at a time take one place and not one each.
            let name = format!("address/{address_key}/{number}");
            let received = new.envelope.received.as_second();
            if let Claimed::Ours = self.claim(&name, &new.submission_key, received).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn insert(&self, new: &Stored) -> Result<Inserted, StoreError> {
        let (id, received) = (new.envelope.id, new.envelope.received.as_second());
        // First of all, so that whoever sends the same again after we were cut short finds that we began.
        if let Some(first) = self.claim_answers(&new.submission_key, id, received).await? {
            return Ok(Inserted::Already(first));
        }
        let mut new = new.clone();
        let mut too_many = None;
        for mail in &new.mails {
            if let Some(address) = &mail.address_key
                && !self.has_room(address, &new).await?
            {
                too_many = Some(mail.kind);
            }
        }
        new.mails.retain(|mail| Some(mail.kind) != too_many);
        if !self.write(&new).await? && self.read(id).await?.is_none() {
            return Err(StoreError::Locked);
        }
        // Whoever came meanwhile and took us for cut short has the answers now.
        let Some(first) = self.claim_answers(&new.submission_key, id, received).await? else {
            return Ok(Inserted::New { confirmation: new.has_confirmation() });
        };
        // Nobody has been told of ours.
        self.remove(&format!("registration/{id}")).await?;
        self.remove(&format!("data_key/{id}")).await?;
        for mark in marks(&record::new(new)) {
            self.remove(&mark).await?;
        }
        Ok(Inserted::Already(first))
    }
}
