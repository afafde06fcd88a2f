//! The store: registrations in SQLite, durable before anyone is told that they are; and its outbox, the mail about each of
//! them that has yet to be sent.
//!
//! It knows neither forms nor mail, only that a mail of some kind is due at some time.

#![expect(clippy::disallowed_methods, reason = "it makes the folder of its own file, for its owner only")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior, params};
use uuid::Uuid;

use crate::delivery::Numbers;
use crate::private::Private;
use crate::registration::{Mail, MailKind, MailState, Registration};

mod schema;

use schema::{MIGRATIONS, VERSION};

/// How long an operation may wait for others to end.
pub(crate) const BUSY_TIME_MAX: Duration = Duration::from_secs(5);

/// Who has a mail to send has this long for it; then it is due again, for whoever comes next.
const LEASE_SECONDS: i64 = 120;
/// The same answers to the same form are one registration for this long: a double click, a browser that tries again, an
/// event that a host plays twice.
const SAME_SECONDS: i64 = 24 * 60 * 60;
/// Whoever types an address may have mail sent there this often in [`SAME_SECONDS`], whosever it is.
const CONFIRMATIONS_MAX: i64 = 3;
/// A mail that failed is tried again after a minute, then after four, sixteen…, at last every six hours.
const RETRY_SECONDS_MIN: i64 = 60;
const RETRY_SECONDS_MAX: i64 = 6 * 60 * 60;
/// After this many attempts, four days, a mail waits for staff to say that it should be tried again.
const ATTEMPTS_MAX: u32 = 20;

/// What a store could not do. None of it says anything of a registration's content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another program keeps it busy.
    #[error("the database is locked by another program")]
    Locked,
    /// What is written there does not outlast the process.
    #[error("what is written there would not be safe: SQLite cannot keep its write-ahead log and sync it")]
    NotDurable,
    /// No room.
    #[error("the disk is full")]
    Full,
    /// It may only be read.
    #[error("the database is read-only")]
    ReadOnly,
    /// It is not what we wrote.
    #[error("the file is not a database, or it is damaged")]
    Damaged,
    /// It is not there, or not ours to open.
    #[error("the database cannot be opened: {0}")]
    CannotOpen(String),
    /// An earlier program wrote it, and this one may only read.
    #[error(
        "the database was written by an earlier version of this software; `registrations redeliver` brings it up to date"
    )]
    FromEarlier,
    /// A later program wrote it.
    #[error("the database was written by a later version of this software")]
    FromLater,
    /// Anything else.
    #[error("the database failed: {0}")]
    Other(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::CannotOpen) => Self::CannotOpen("no such file, or no permission".to_owned()),
            // Its text may quote a statement, never a parameter.
            Some(code) => Self::Other(format!("{code:?}")),
            None => Self::Other("an unexpected answer".to_owned()),
        }
    }
}

/// A registration as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The registration.
    pub registration: Registration,
    /// What its author was shown and promised, as JSON; empty for one from before there were receipts.
    pub receipt: String,
    /// The mail about it, by kind.
    pub mails: Vec<Mail>,
}

/// What became of a registration that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is new, and its mail of these kinds is the caller's to send.
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

/// A store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the store for writing, and makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be opened or was written by a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let cannot = |error: std::io::Error| StoreError::CannotOpen(error.to_string());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_private_folder(folder).map_err(cannot)?;
        }
        // Before SQLite does, whose companion files have the permissions of this one.
        drop(make_private_file(path).map_err(cannot)?);
        let connection = Connection::open(as_file(path))?;
        connection.busy_timeout(BUSY_TIME_MAX)?;
        make_durable(&connection)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let mut store = Self { connection };
        store.migrate()?;
        Ok(store)
    }

    /// Opens a store that is there, for reading only.
    ///
    /// # Errors
    /// When there is none, it cannot be opened, or it was written by a later version.
    pub fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        // Writable all the same: after a crash the first reader brings the journal in order.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(as_file(path), flags)?;
        connection.busy_timeout(BUSY_TIME_MAX)?;
        connection.pragma_update(None, "query_only", true)?;
        match version(&connection)? {
            0 => Err(StoreError::Damaged),
            found if found > VERSION => Err(StoreError::FromLater),
            found if found < VERSION => Err(StoreError::FromEarlier),
            _ => Ok(Self { connection }),
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&transaction)?;
        let Some(missing) = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..)) else {
            return Err(StoreError::FromLater);
        };
        for migration in missing {
            transaction.execute_batch(migration)?;
        }
        if !missing.is_empty() {
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        Ok(transaction.commit()?)
    }

    /// From now on, how long an operation waits for another program to end its own.
    pub(crate) fn set_busy_time_max(&self, time: Duration) -> Result<(), StoreError> {
        Ok(self.connection.busy_timeout(time)?)
    }

    /// Stores a registration with its receipt, and notes the mail of these kinds as the caller's to send. When this
    /// returns it is on the disk.
    ///
    /// # Errors
    /// When it is not stored.
    pub fn insert(
        &mut self,
        registration: &Registration,
        receipt: &str,
        kinds: &[MailKind],
    ) -> Result<Inserted, StoreError> {
        let now = registration.received.as_second();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let submission = registration.submission_sha256();
        let same = transaction
            .prepare(
                "select id from registration where submission_sha256 = ?1 and abs(received_seconds - ?2) < ?3 limit 1",
            )?
            .query_row(params![submission, now, SAME_SECONDS], |row| row.get::<_, String>(0))
            .optional()?;
        if let Some(id) = same {
            return Ok(Inserted::Already(id.parse().map_err(|_| StoreError::Damaged)?));
        }
        let fields: Vec<(&str, &str)> =
            registration.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        let fields = serde_json::to_string(&fields).expect("invariant: texts can be written as JSON");
        let id = registration.id.to_string();
        transaction
            .prepare(
                "insert into registration (id, received, form, form_sha256, statement_version, statement_digest, fields, \
                 received_seconds, submission_sha256, receipt, held) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                id,
                registration.received.to_string(),
                registration.form,
                registration.form_sha256,
                registration.statement_version,
                registration.statement_digest,
                fields,
                now,
                submission,
                receipt,
                registration.held,
            ])?;
        let mut confirmation = false;
        for kind in kinds {
            let address = match kind {
                MailKind::Staff => None,
                MailKind::Confirmation => match registration.address_sha256() {
                    Some(address) if !has_enough(&transaction, &address, now)? => Some(address),
                    _ => continue,
                },
            };
            confirmation |= *kind == MailKind::Confirmation;
            transaction
                .prepare(
                    "insert into mail (registration, kind, address_sha256, state, due) values (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![id, kind.word(), address, MailState::Pending.word(), now + LEASE_SECONDS])?;
        }
        transaction.commit()?;
        Ok(Inserted::New { confirmation })
    }

    /// Writes down what became of a mail: sent, or why not. `is_final` where trying again by oneself is of no use.
    ///
    /// # Errors
    /// When that is not stored.
    pub fn note_mail(
        &self,
        id: Uuid,
        kind: MailKind,
        sent: Result<(), (&str, bool)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = id.to_string();
        let attempts = self
            .connection
            .query_row("select attempts from mail where registration = ?1 and kind = ?2", [&id, kind.word()], |row| {
                row.get::<_, u32>(0)
            })
            .optional()?
            .unwrap_or(0)
            .saturating_add(1);
        let (state, error, due) = match sent {
            Ok(()) => (MailState::Sent, None, None),
            Err((error, is_final)) => {
                (MailState::Failed, Some(error), retry_at(attempts, now.as_second()).filter(|_| !is_final))
            }
        };
        self.connection.execute(
            "update mail set state = ?3, error = ?4, attempts = ?5, due = ?6 where registration = ?1 and kind = ?2",
            params![id, kind.word(), state.word(), error, attempts, due],
        )?;
        Ok(())
    }

    /// Takes mails that are due, the longest overdue first: nobody else is given them until the lease has ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<(Stored, MailKind)>, StoreError> {
        let now = now.as_second();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let due: Vec<(String, String)> = transaction
            .prepare("select registration, kind from mail where due <= ?1 order by due, registration limit ?2")?
            .query_map(params![now, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (id, kind) in &due {
            transaction.execute(
                "update mail set due = ?3 where registration = ?1 and kind = ?2",
                params![id, kind, now + LEASE_SECONDS],
            )?;
        }
        transaction.commit()?;
        due.into_iter()
            .map(|(id, kind)| {
                let id = id.parse().map_err(|_| StoreError::Damaged)?;
                let kind = MailKind::from_word(&kind).ok_or(StoreError::Damaged)?;
                Ok((self.get(id)?.ok_or(StoreError::Damaged)?, kind))
            })
            .collect()
    }

    /// Makes mail that has failed due now, of one registration or of all; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "update mail set due = ?2, attempts = 0 where state = 'failed' and (?1 is null or registration = ?1)",
            params![id.map(|id| id.to_string()), now.as_second()],
        )?)
    }

    /// How many registrations and mails there are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn numbers(&self, now: Timestamp) -> Result<Numbers, StoreError> {
        let query = "select count(*), count(*) filter (where received_seconds > ?1), count(held) from registration";
        let outbox = self.outbox()?;
        let numbers = self.connection.query_row(query, [now.as_second() - SAME_SECONDS], |row| {
            let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
            Ok(Numbers { registrations: count(0)?, lately: count(1)?, held: count(2)?, outbox })
        });
        Ok(numbers?)
    }

    /// How many mails wait.
    ///
    /// # Errors
    /// When the store fails.
    pub fn outbox(&self) -> Result<Outbox, StoreError> {
        let count = |condition: &str| {
            self.connection.query_row(&format!("select count(*) from mail where {condition}"), [], |row| {
                row.get::<_, i64>(0).map(i64::unsigned_abs)
            })
        };
        Ok(Outbox {
            pending: count("state = 'pending'")?,
            failing: count("state = 'failed' and due is not null")?,
            resting: count("state = 'failed' and due is null")?,
        })
    }

    /// The newest registrations first, of one form or of all: those that are held as suspected spam, or the others.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self, form: Option<&str>, is_held: bool, limit: Option<u32>) -> Result<Vec<Stored>, StoreError> {
        let mut query = self.connection.prepare(
            "select * from registration where (?1 is null or form = ?1) and (held is not null) = ?2 \
             order by id desc limit ?3",
        )?;
        let limit = limit.map_or(-1, i64::from);
        query.query_and_then(params![form, is_held, limit], |row| self.read_row(row))?.collect()
    }

    /// Takes a registration out of those that are held, with the mail to staff due now; whether it was held.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release(&mut self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_string();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let released =
            transaction.execute("update registration set held = null where id = ?1 and held is not null", [&id])?;
        if released > 0 {
            transaction.execute(
                "insert into mail (registration, kind, state, due) values (?1, ?2, ?3, ?4)",
                params![id, MailKind::Staff.word(), MailState::Pending.word(), now.as_second()],
            )?;
        }
        transaction.commit()?;
        Ok(released > 0)
    }

    /// One registration.
    ///
    /// # Errors
    /// When the store fails.
    pub fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        let mut query = self.connection.prepare("select * from registration where id = ?1")?;
        let found = query.query_row([id.to_string()], |row| Ok(self.read_row(row))).optional()?;
        found.transpose()
    }

    fn read_row(&self, row: &Row<'_>) -> Result<Stored, StoreError> {
        let text = |column: &str| row.get::<_, String>(column);
        let fields: Vec<(String, String)> = serde_json::from_str(&text("fields")?).map_err(|_| StoreError::Damaged)?;
        Ok(Stored {
            registration: Registration {
                id: text("id")?.parse().map_err(|_| StoreError::Damaged)?,
                received: text("received")?.parse::<Timestamp>().map_err(|_| StoreError::Damaged)?,
                form: text("form")?,
                form_sha256: text("form_sha256")?,
                statement_version: text("statement_version")?,
                statement_digest: text("statement_digest")?,
                held: row.get("held")?,
                address: None,
                fields: fields.into_iter().map(|(name, value)| (name, Private::new(value))).collect(),
            },
            receipt: text("receipt")?,
            mails: self
                .connection
                .prepare("select kind, state, error from mail where registration = ?1 order by kind desc")?
                .query_and_then([text("id")?], read_mail)?
                .collect::<Result<_, _>>()?,
        })
    }
}

fn read_mail(row: &Row<'_>) -> Result<Mail, StoreError> {
    Ok(Mail {
        kind: MailKind::from_word(&row.get::<_, String>("kind")?).ok_or(StoreError::Damaged)?,
        state: MailState::from_word(&row.get::<_, String>("state")?).ok_or(StoreError::Damaged)?,
        error: row.get("error")?,
    })
}

/// Whether an address has had as many confirmations of late as it may.
fn has_enough(connection: &Connection, address: &str, now: i64) -> Result<bool, StoreError> {
    let count: i64 = connection.query_row(
        "select count(*) from mail join registration on registration.id = mail.registration \
         where address_sha256 = ?1 and abs(received_seconds - ?2) < ?3",
        params![address, now, SAME_SECONDS],
        |row| row.get(0),
    )?;
    Ok(count >= CONFIRMATIONS_MAX)
}

/// When a mail that has failed this often is tried again.
fn retry_at(attempts: u32, now: i64) -> Option<i64> {
    let wait = 4_i64.checked_pow(attempts.saturating_sub(1)).and_then(|times| times.checked_mul(RETRY_SECONDS_MIN));
    (attempts < ATTEMPTS_MAX).then_some(now + wait.map_or(RETRY_SECONDS_MAX, |wait| wait.min(RETRY_SECONDS_MAX)))
}

/// SQLite reads some names as something else than a file: `:memory:`, and `file:` with parameters.
fn as_file(path: &Path) -> PathBuf {
    Path::new(".").join(path)
}

/// Has every transaction on the disk before it is said to be done.
///
/// WAL lets staff read while a registration is written; FULL makes the system write it to the disk itself
/// (sqlite.org/pragma.html#pragma_synchronous). Where SQLite cannot do that it goes on without, and says so in its answer.
fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    let journal: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if journal == "wal" && synchronous == 2 { Ok(()) } else { Err(StoreError::NotDurable) }
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Makes a folder that only its owner can open; one that is there is left as it is.
pub(crate) fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file that only its owner can read, for writing at its end; one that is there is left as it is.
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

    #[test]
    fn memory_is_no_place_for_a_registration() {
        let memory = Connection::open_in_memory().unwrap();
        assert!(matches!(make_durable(&memory), Err(StoreError::NotDurable)));
    }

    #[test]
    fn every_name_is_a_files() {
        for name in [":memory:", "file:a.sqlite?mode=memory"] {
            // SQLite would open either; there is no file of this name.
            let opened = Store::open_for_reading(Path::new(name)).unwrap_err();
            assert!(matches!(opened, StoreError::CannotOpen(_)), "{name}: {opened}");
        }
    }
}
