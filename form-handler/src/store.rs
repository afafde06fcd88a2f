//! The store: registrations, durable before anyone is told that they are; and the outbox, the mail about each of them that has
//! yet to be sent. What every store promises, and what they share; where and how it is kept is the business of `store/*`.
//!
//! It knows neither forms, nor answers, nor mail: what was typed is bytes to it, and of a mail it knows that one of some kind
//! is due at some time.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::private::Private;
#[cfg(feature = "staff")]
use crate::records::RecordStore;
use crate::registration::{Mail, MailKind, MailState};
use crate::seal::DataKey;

#[cfg(feature = "staff")]
mod copy;
mod location;
#[cfg(feature = "objects")]
mod objects;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

pub(crate) use location::Place;

#[cfg(feature = "staff")]
pub use copy::{Copied, copy};
pub use location::Location;

/// How long an operation may take, with waiting for others to end theirs.
pub(crate) const OPERATION_TIME_MAX: Duration = Duration::from_secs(5);

/// Who has a mail to send has this long for it; then it is due again, for whoever comes next.
const LEASE_SECONDS: i64 = 120;
/// The same answers to the same form are one registration for this long: a double click, a browser that tries again, an
/// event that a host plays twice.
const SAME_SECONDS: i64 = 24 * 60 * 60;
/// Whoever types an address may have mail sent there this often in [`SAME_SECONDS`], whosever it is.
const CONFIRMATIONS_MAX: u32 = 3;
/// A mail that failed is tried again after a minute, then after four, sixteen…, at last every six hours.
const RETRY_SECONDS_MIN: i64 = 60;
const RETRY_SECONDS_MAX: i64 = 6 * 60 * 60;
/// After this many attempts, four days, a mail waits for staff to say that it should be tried again.
const ATTEMPTS_MAX: u32 = 20;
/// So many envelopes are in memory while all are gone through.
const SCAN_LOT: u32 = 500;

/// What a store could not do. None of it says anything of a registration's content.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Others keep it busy.
    #[error("the store is locked by another program")]
    Locked,
    /// What is written there does not outlast the process.
    #[error("what is written there would not be safe: {0}")]
    NotDurable(&'static str),
    /// No room.
    #[error("the disk is full")]
    Full,
    /// It may only be read.
    #[error("the store is read-only")]
    ReadOnly,
    /// It is not what we wrote.
    #[error("it is not a store of ours, or it is damaged")]
    Damaged,
    /// What was to be changed has been changed since it was read.
    #[error("it was changed meanwhile")]
    Changed,
    /// A registration in it is not what we wrote.
    #[error("the registration {0} is damaged: put it back from a backup, or take it out of the store by hand")]
    DamagedRegistration(Uuid),
    /// Nothing has been stored there yet.
    #[error("there is no store yet")]
    Missing,
    /// It cannot be reached, or is not ours to open.
    #[error("the store cannot be opened: {0}")]
    CannotOpen(String),
    /// An earlier program wrote it, and this one may only read.
    #[error(
        "the store was written by an earlier version of this software; `registrations redeliver` brings it up to date"
    )]
    FromEarlier,
    /// A later program wrote it.
    #[error("the store was written by a later version of this software")]
    FromLater,
    /// Anything else.
    #[error("the store failed: {0}")]
    Other(String),
}

impl StoreError {
    /// Whether what was asked for was not done, for certain. Of anything else nobody knows.
    #[cfg(feature = "staff")]
    pub(crate) fn is_certain(&self) -> bool {
        match self {
            Self::Locked | Self::NotDurable(_) | Self::Full | Self::ReadOnly | Self::Changed => true,
            Self::Missing | Self::FromEarlier | Self::FromLater => true,
            Self::Damaged | Self::DamagedRegistration(_) | Self::CannotOpen(_) | Self::Other(_) => false,
        }
    }
}

/// What is known of a registration besides what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Names it everywhere, and tells when it arrived: a UUID of version 7 (RFC 9562, section 5.7), by which stores are ordered.
    pub id: Uuid,
    /// When it arrived.
    pub received: Timestamp,
    /// The form's id.
    pub form: String,
    /// The form's declaration, as a digest.
    pub form_sha256: String,
    /// The version of the statement its author saw.
    pub statement_version: String,
    /// The digest of the statement its author saw.
    pub statement_digest: String,
    /// Why it is kept apart as suspected spam, in a word. None for the others.
    pub held: Option<String>,
    /// What its author was shown and promised, as JSON; empty for one from before there were receipts.
    pub receipt: String,
    /// 1 at first; every change of the envelope or the content raises it, so that whoever decided on what they read can say
    /// which that was. Mail has no part in it.
    pub revision: u64,
}

/// A registration as it stands in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What is known of it.
    pub envelope: Envelope,
    /// What was typed, in whatever form its author gives it.
    pub content: Private<Vec<u8>>,
    /// What the content can be read with, where it is sealed. It is kept apart from it: whoever copies one need not have the
    /// other, and without it nobody can read the content again. None where it was destroyed, too.
    pub data_key: Option<DataKey>,
    /// The same for the same person, and for no others; each of them finds it.
    pub person_keys: Vec<String>,
    /// The same for the same answers to the same form, and for no others.
    pub submission_key: String,
    /// The mail about it, that to staff first.
    pub mails: Vec<Mail>,
}

impl Stored {
    fn has_confirmation(&self) -> bool {
        self.mails.iter().any(|mail| mail.kind == MailKind::Confirmation)
    }
}

/// What became of a registration that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is new, and its mail is the caller's to send.
    New {
        /// Whether there is a confirmation to be sent; there is none for an address that has had too many.
        confirmation: bool,
    },
    /// The same answers are there already, under this id.
    Already(Uuid),
}

/// How many mails are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outbox {
    /// Not tried yet.
    pub pending: u64,
    /// Tried, and to be tried again.
    pub failing: u64,
    /// Given up until staff say otherwise.
    pub resting: u64,
}

/// What is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Registrations.
    pub registrations: u64,
    /// Those of them that have come in the last 24 hours.
    pub lately: u64,
    /// Those of them that are held as suspected spam.
    pub held: u64,
    /// Mail.
    pub outbox: Outbox,
}

/// In which order registrations are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first to arrive first.
    Oldest,
    /// The last to arrive first.
    Newest,
}

/// A store. Several processes may have the same one open; what one is told is done, all others see.
///
/// Every operation fails with a [`StoreError`] when the store does, and no later than about `OPERATION_TIME_MAX`; then it
/// may have been done all the same, so each may be tried again.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// What it does for staff.
    #[cfg(feature = "staff")]
    fn records(&self) -> &dyn RecordStore;

    /// After how many days the place it is in removes what it holds, by a rule of its own; none where there is no such rule.
    async fn removes_after(&self) -> Result<Option<u32>, StoreError> {
        Ok(None)
    }

    /// Whether it answers.
    async fn reach(&self) -> Result<(), StoreError>;

    /// Stores a registration and its mail, which is the caller's to send until it is due. When this returns it is durable.
    ///
    /// It is not stored where one of the same submission key has arrived within a day, and its confirmation is left out where
    /// that address has had too many.
    async fn insert(&self, new: &Stored) -> Result<Inserted, StoreError>;

    /// One registration.
    async fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError>;

    /// The registrations after one, or from the end that comes first in this order, by their ids; at most so many, and fewer
    /// only where there are no more.
    async fn page(&self, order: Order, after: Option<Uuid>, limit: u32) -> Result<Vec<Envelope>, StoreError>;

    /// Stores a registration as it stood in another store, with its mail and whatever became of that; not where its id is
    /// there already. Whether it did.
    async fn restore(&self, stored: &Stored) -> Result<bool, StoreError>;

    /// Takes a registration out of those that are held, with the mail to staff due now; whether it was held.
    async fn release(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes mails that are due, the longest overdue first: nobody else is given them until the lease has ended.
    async fn take_due(&self, now: Timestamp, limit: u32) -> Result<Vec<(Stored, MailKind)>, StoreError>;

    /// Writes down what became of a mail.
    async fn note_mail(&self, id: Uuid, kind: MailKind, outcome: Attempt, now: Timestamp) -> Result<(), StoreError>;

    /// Whether `key` is `owner`'s until then: nobody else has claimed it. The same owner may claim it again; what has ended may
    /// be forgotten.
    async fn claim(&self, key: &str, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError>;

    /// Makes mail that has failed due now, of one registration or of all; how many.
    async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError>;

    /// The registrations of a person by one of [`Stored::person_keys`], in the order of their ids.
    async fn ids_of_person(&self, key: &str) -> Result<Vec<Uuid>, StoreError>;

    /// The data keys after that of one registration, or from the first, by their registrations' ids; at most so many, and
    /// fewer only where there are no more.
    async fn data_keys(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(Uuid, DataKey)>, StoreError>;

    /// Puts another data key into the place of the one that was seen; whether that was still there.
    async fn replace_data_key(&self, id: Uuid, seen: &DataKey, new: &DataKey) -> Result<bool, StoreError>;

    /// How many registrations and mails there are.
    async fn numbers(&self, now: Timestamp) -> Result<Numbers, StoreError>;
}

/// How an attempt to send a mail went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is on its way.
    Sent,
    /// It is not.
    Failed {
        /// Why, in a word.
        error: &'static str,
        /// Whether the same would happen again, however long one waits.
        is_final: bool,
    },
}

impl Mail {
    /// A mail that whoever stores its registration is about to send; due for others when they would have been done with it.
    pub(crate) fn to_be_sent(kind: MailKind, address_key: Option<String>, now: Timestamp) -> Self {
        let due = Some(now.as_second() + LEASE_SECONDS);
        Self { kind, state: MailState::Pending, error: None, attempts: 0, due, address_key, letter: None }
    }

    /// Takes an attempt into account.
    fn after(self, outcome: Attempt, now: Timestamp) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let (state, error, due) = match outcome {
            Attempt::Sent => (MailState::Sent, None, None),
            Attempt::Failed { error, is_final } => {
                let due = retry_at(attempts, now.as_second()).filter(|_| !is_final);
                (MailState::Failed, Some(error.to_owned()), due)
            }
        };
        // What was sent is needed no more.
        let letter = self.letter.filter(|_| state != MailState::Sent);
        Self { state, error, attempts, due, letter, ..self }
    }
}

/// When a mail that has failed this often is tried again.
fn retry_at(attempts: u32, now: i64) -> Option<i64> {
    let wait = 4_i64.checked_pow(attempts.saturating_sub(1)).and_then(|times| times.checked_mul(RETRY_SECONDS_MIN));
    (attempts < ATTEMPTS_MAX).then_some(now + wait.map_or(RETRY_SECONDS_MAX, |wait| wait.min(RETRY_SECONDS_MAX)))
}

/// Goes through all registrations of a store by their ids, in constant memory. One that arrives meanwhile may be missed.
#[derive(Debug)]
pub struct Scan<'a> {
    store: &'a dyn Store,
    order: Order,
    page: std::vec::IntoIter<Envelope>,
    last: Option<Uuid>,
    is_at_end: bool,
}

impl<'a> Scan<'a> {
    /// From the end that comes first in this order.
    pub fn new(store: &'a dyn Store, order: Order) -> Self {
        Self { store, order, page: Vec::new().into_iter(), last: None, is_at_end: false }
    }

    /// The next one; none after the last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self) -> Result<Option<Envelope>, StoreError> {
        if self.page.len() == 0 && !self.is_at_end {
            let page = self.store.page(self.order, self.last, SCAN_LOT).await?;
            self.is_at_end = page.len() < SCAN_LOT as usize;
            self.page = page.into_iter();
        }
        let next = self.page.next();
        self.last = next.as_ref().map(|envelope| envelope.id).or(self.last);
        Ok(next)
    }
}

/// Makes a folder that only its owner can open; one that is there is left as it is.
pub(crate) fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file that only its owner can read, for writing at its end; one that is there is left as it is.
#[expect(clippy::disallowed_methods, reason = "the files of the store and of the mail are ours")]
pub(crate) fn make_private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_again_ever_more_rarely_and_not_forever() {
        let waits: Vec<_> = (1..=6).map(|attempts| retry_at(attempts, 0).unwrap()).collect();
        assert_eq!(waits, [60, 240, 960, 3840, 15360, 21600]);
        assert_eq!((retry_at(19, 0), retry_at(20, 0)), (Some(21600), None));
    }
}
