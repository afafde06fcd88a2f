//! The store: registrations in SQLite, durable before anyone is told that they are.
//!
//! It knows neither forms nor mail.

#![expect(clippy::disallowed_methods, reason = "it makes the folder of its own file, for its owner only")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::private::Private;
use crate::registration::{MailState, Registration};

/// Written into the file, so that an older program does not misread it.
const VERSION: i64 = 1;
/// How long an operation may wait for others to end.
pub(crate) const BUSY_TIME_MAX: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    create table registration (
        id text primary key,
        received text not null,
        form text not null,
        form_sha256 text not null,
        statement_version text not null,
        statement_digest text not null,
        fields text not null,
        mail text not null,
        mail_error text
    ) strict, without rowid;
";

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
    /// What became of the mail about it.
    pub mail: MailState,
    /// Why the mail failed, in one word.
    pub mail_error: Option<String>,
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
            _ => Ok(Self { connection }),
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        if version(&self.connection)? > VERSION {
            return Err(StoreError::FromLater);
        }
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        if version(&transaction)? == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        Ok(transaction.commit()?)
    }

    /// From now on, how long an operation waits for another program to end its own.
    pub(crate) fn set_busy_time_max(&self, time: Duration) -> Result<(), StoreError> {
        Ok(self.connection.busy_timeout(time)?)
    }

    /// Stores a registration. When this returns it is on the disk.
    ///
    /// # Errors
    /// When it is not stored.
    pub fn insert(&self, registration: &Registration, mail: MailState) -> Result<(), StoreError> {
        let fields: Vec<(&str, &str)> =
            registration.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        let fields = serde_json::to_string(&fields).expect("invariant: texts can be written as JSON");
        self.connection.execute(
            "insert into registration values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, null)",
            params![
                registration.id.to_string(),
                registration.received.to_string(),
                registration.form,
                registration.form_sha256,
                registration.statement_version,
                registration.statement_digest,
                fields,
                mail.word(),
            ],
        )?;
        Ok(())
    }

    /// Writes down what became of the mail.
    ///
    /// # Errors
    /// When that is not stored.
    pub fn set_mail(&self, id: Uuid, mail: MailState, error: Option<&str>) -> Result<(), StoreError> {
        self.connection.execute(
            "update registration set mail = ?2, mail_error = ?3 where id = ?1",
            params![id.to_string(), mail.word(), error],
        )?;
        Ok(())
    }

    /// The newest registrations first, of one form or of all.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self, form: Option<&str>, limit: Option<u32>) -> Result<Vec<Stored>, StoreError> {
        let mut query = self
            .connection
            .prepare("select * from registration where ?1 is null or form = ?1 order by id desc limit ?2")?;
        let limit = limit.map_or(-1, i64::from);
        query.query_and_then(params![form, limit], read_row)?.collect()
    }

    /// One registration.
    ///
    /// # Errors
    /// When the store fails.
    pub fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        let mut query = self.connection.prepare("select * from registration where id = ?1")?;
        let found = query.query_row([id.to_string()], |row| Ok(read_row(row))).optional()?;
        found.transpose()
    }
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

fn read_row(row: &Row<'_>) -> Result<Stored, StoreError> {
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
            fields: fields.into_iter().map(|(name, value)| (name, Private::new(value))).collect(),
        },
        mail: MailState::from_word(&text("mail")?).ok_or(StoreError::Damaged)?,
        mail_error: row.get("mail_error")?,
    })
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
