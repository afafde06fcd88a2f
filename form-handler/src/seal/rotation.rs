//! Lets other people read what is sealed, and nobody any more: every data key is sealed again, to the keys there are now.
//!
//! What a leaver has copied before stays readable to them; what is in the store does not. Whoever stops it may begin again:
//! each data key says which keys it is sealed to, and is changed only if it is still the one that was seen.

use uuid::Uuid;

#[cfg(feature = "staff")]
use super::AGE_FILE;
use super::{Identities, PublicKeys, SealError};
#[cfg(feature = "staff")]
use crate::private::Private;
#[cfg(feature = "staff")]
use crate::store::{Order, Scan, Stored};
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

/// Goes through what was stored before there were keys, and seals it where keys are given; how many that are or were. What has
/// mail due is left for the next time: the function could not read it any more.
///
/// # Errors
/// When the store fails; what was done till then stays.
#[cfg(feature = "staff")]
pub async fn seal_readable(store: &dyn Store, keys: Option<&PublicKeys>) -> Result<u64, StoreError> {
    let records = store.records();
    let (mut scan, mut count) = (Scan::new(store, Order::Oldest), 0);
    while let Some(envelope) = scan.next().await? {
        let Some(stored) = store.get(envelope.id).await? else { continue };
        let content = stored.content.expose();
        let is_readable = stored.data_key.is_none() && !content.is_empty() && !content.starts_with(AGE_FILE);
        if !is_readable || stored.mails.iter().any(|mail| mail.due.is_some()) {
            continue;
        }
        count += match keys {
            None => 1,
            Some(keys) => {
                let (content, data_key) = keys.seal(content);
                let sealed = Stored { content: Private::new(content), data_key: Some(data_key), ..stored };
                u64::from(records.correct(&sealed).await?)
            }
        };
    }
    Ok(count)
}
