//! Lets other people read what is sealed, and nobody any more: every data key is sealed again, to the keys there are now.
//!
//! What a leaver has copied before stays readable to them; what is in the store does not. Whoever stops it may begin again:
//! each data key says which keys it is sealed to, and is changed only if it is still the one that was seen.

use uuid::Uuid;

use super::{Identities, PublicKeys, SealError};
use crate::store::{Store, StoreError};

/// So many data keys are in memory at once.
const LOT: u32 = 500;

/// How many registrations are sealed, and to which keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// To the keys there are now.
    pub to_these: u64,
    /// To others.
    pub to_others: u64,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resealed {
    /// So many were sealed again.
    pub done: u64,
    /// Those that could not be opened, and why; they are as they were.
    pub failed: Vec<(Uuid, SealError)>,
}

/// Counts what is sealed.
///
/// # Errors
/// When the store fails.
pub async fn count(store: &dyn Store, keys: &PublicKeys) -> Result<Sealed, StoreError> {
    let (fingerprint, mut sealed, mut last) = (keys.fingerprint(), Sealed::default(), None);
    loop {
        let lot = store.data_keys(last, LOT).await?;
        for (_, data_key) in &lot {
            *(if data_key.keys == fingerprint { &mut sealed.to_these } else { &mut sealed.to_others }) += 1;
        }
        last = lot.last().map(|(id, _)| *id);
        if lot.len() < LOT as usize {
            return Ok(sealed);
        }
    }
}

/// Seals again what is sealed to other keys. `identities` open it, and must be among the keys; `tell` is told how many data keys
/// have been looked at.
///
/// # Errors
/// When the store fails; what was done till then stays.
pub async fn reseal(
    store: &dyn Store,
    keys: &PublicKeys,
    identities: &Identities,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Resealed, StoreError> {
    let (fingerprint, mut resealed, mut last, mut seen) = (keys.fingerprint(), Resealed::default(), None, 0);
    loop {
        let lot = store.data_keys(last, LOT).await?;
        for (id, data_key) in lot.iter().filter(|(_, data_key)| data_key.keys != fingerprint) {
            match keys.reseal(data_key, identities) {
                // Where it has gone meanwhile, or another has done it, there is nothing to do.
                Ok(again) => resealed.done += u64::from(store.replace_data_key(*id, data_key, &again).await?),
                Err(error) => resealed.failed.push((*id, error)),
            }
        }
        seen += lot.len() as u64;
        tell(seen);
        last = lot.last().map(|(id, _)| *id);
        if lot.len() < LOT as usize {
            return Ok(resealed);
        }
    }
}
