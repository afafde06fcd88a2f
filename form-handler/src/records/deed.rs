//! Deeds: what changes records, holds and requests, written into the ledger before it is done and after.
//!
//! A deed can be done twice with the same effect. So whoever comes next ends what a stopped program has begun, and after a
//! backup was restored all deeds can be done again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::records::ledger::Tombstone;
use crate::records::{Extension, Fate, Hold, RecordStore, Request};
use crate::store::StoreError;

/// What is changed, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// These records are erased.
    Erase(Vec<Tombstone>),
    /// A hold is placed or released.
    Hold(Hold),
    /// A request is opened, answered or closed.
    Request(Request),
    /// Only legal may see a record.
    Restrict {
        /// The record.
        record: Uuid,
        /// For this request's sake.
        request: String,
    },
    /// A record is kept longer.
    Extend {
        /// The record.
        record: Uuid,
        /// Why, and until when.
        extension: Extension,
    },
    /// A record is no suspected spam any more, and mailed to staff.
    Release {
        /// The record.
        record: Uuid,
        /// When.
        at: Timestamp,
    },
    /// An answer is corrected; the words are in the store alone.
    Correct {
        /// The record.
        record: Uuid,
        /// The fields.
        fields: Vec<String>,
        /// The revision that has the correction.
        revision: u64,
    },
}

/// What is known of a deed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Done {
    /// The line that began it.
    pub(crate) of: u64,
    /// Which records are erased.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) erased: Vec<Uuid>,
}

impl Deed {
    /// Does it, except for erasing, which takes a decision, and for correcting, which takes the words.
    pub(crate) async fn carry_out(&self, store: &dyn RecordStore) -> Result<(), StoreError> {
        match self {
            Self::Hold(hold) => store.put_hold(hold).await,
            Self::Request(request) => store.put_request(request).await,
            Self::Restrict { record, request } => store.restrict(*record, request).await.map(drop),
            Self::Extend { record, extension } => store.extend(*record, extension).await.map(drop),
            Self::Release { record, at } => store.store().release(*record, *at).await.map(drop),
            Self::Erase(_) | Self::Correct { .. } => Ok(()),
        }
    }

    /// Which of the records that were to be erased are not there any more.
    pub(crate) async fn erased(&self, store: &dyn RecordStore) -> Result<Vec<Uuid>, StoreError> {
        let Self::Erase(tombstones) = self else { return Ok(Vec::new()) };
        let mut erased: Vec<Uuid> = tombstones.iter().map(|tombstone| tombstone.record).collect();
        let there = store.find(&erased).await?;
        erased.retain(|id| !there.iter().any(|record| record.id == *id));
        Ok(erased)
    }
}

/// The records that are destroyed, of those that were to be.
pub(crate) fn erased(tombstones: &[Tombstone], fates: &[Fate]) -> Vec<Uuid> {
    let both = tombstones.iter().zip(fates);
    both.filter(|(_, fate)| **fate == Fate::Erased).map(|(tombstone, _)| tombstone.record).collect()
}
