//! From one store into another: every registration with its mail, and a look at each whether it arrived.
//!
//! It may be interrupted and done again: what is there already is compared and not written.

use uuid::Uuid;

use super::{Order, Scan, Store, StoreError, Stored};

/// What became of the registrations of a store that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// So many were copied, and read again.
    pub copied: u64,
    /// So many were there, as they are in the other.
    pub already: u64,
    /// These are in both, and not the same; they are left as they are.
    pub different: Vec<Uuid>,
}

/// Copies all registrations of a store into another.
///
/// # Errors
/// When one of the stores fails; what was copied until then is.
pub async fn copy(from: &dyn Store, to: &dyn Store) -> Result<Copied, StoreError> {
    let mut done = Copied::default();
    let mut scan = Scan::new(from, Order::Oldest);
    while let Some(envelope) = scan.next().await? {
        let id = envelope.id;
        // One that was erased meanwhile is not to come back.
        let Some(stored) = from.get(id).await? else { continue };
        let is_new = to.restore(&stored).await?;
        let is_same = to.get(id).await?.is_some_and(|there| is_same(&stored, &there));
        match (is_same, is_new) {
            (false, _) => done.different.push(id),
            (true, true) => done.copied += 1,
            (true, false) => done.already += 1,
        }
    }
    Ok(done)
}

/// Whether two are the same registration. Its mail goes its way in whichever store the function has now, and its data key may
/// have been sealed to other people since.
fn is_same(one: &Stored, other: &Stored) -> bool {
    let parts = |stored: &Stored| {
        let Stored { envelope, content, data_key, person_keys, submission_key, .. } = stored.clone();
        (envelope, content, data_key.is_some(), person_keys, submission_key)
    };
    parts(one) == parts(other)
}
