//! From one store into another: every registration with its mail, and a look at each whether it arrived.
//!
//! It may be interrupted and done again: what is there already is compared and not written.

use serde_json::Value;
use statement::contract::Contract;
use uuid::Uuid;

use super::{Envelope, Order, Scan, Store, StoreError, Stored};
use crate::records::Refusal;

/// What became of the registrations of a store that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// So many were copied, and read again.
    pub copied: u64,
    /// So many were there, as they are in the other.
    pub already: u64,
    /// These are in both, and not the same; they are left as they are.
    pub different: Vec<Uuid>,
    /// These came through a channel that the statement they name does not cover, which says so; they are not copied.
    pub outside: Vec<(Uuid, Refusal)>,
}

/// Copies all registrations of a store into another; with a contract, only those that came through a channel of theirs.
///
/// # Errors
/// When one of the stores fails; what was copied until then is.
pub async fn copy(from: &dyn Store, to: &dyn Store, contract: Option<&Contract>) -> Result<Copied, StoreError> {
    let mut done = Copied::default();
    let mut scan = Scan::new(from, Order::Oldest);
    while let Some(envelope) = scan.next().await? {
        let id = envelope.id;
        if let Some(refusal) = contract.and_then(|contract| outside(&envelope, contract)) {
            done.outside.push((id, refusal));
            continue;
        }
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

/// Why a registration may not stand under the version of the statement that it names: it came another way.
fn outside(envelope: &Envelope, contract: &Contract) -> Option<Refusal> {
    let version = contract.version_of(&envelope.statement_digest)?;
    let receipt: Value = serde_json::from_str(&envelope.receipt).ok()?;
    let channel = receipt["channel"].as_str()?;
    let is_covered = version.channels.is_empty() || version.channels.iter().any(|covered| covered == channel);
    let fact = format!(
        "{} came by {channel}, which is outside statement {}: file it under another document or none",
        envelope.id, version.version
    );
    (!is_covered).then(|| Refusal::new("P301", fact))
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
