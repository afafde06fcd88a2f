//! A store in a file of SQLite, the one that needs nothing else. It is for one machine, whose disk stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Attempt, CONFIRMATIONS_MAX, Envelope, Inserted, LEASE_SECONDS, Numbers, OPERATION_TIME_MAX, Order, Outbox,
    SAME_SECONDS, Store, StoreError, Stored, make_private_file, make_private_folder,
};
use crate::private::Private;
#[cfg(feature = "staff")]
use crate::records::RecordStore;
use crate::registration::{Mail, MailKind, MailState};
use crate::seal::DataKey;

mod group;
#[cfg(feature = "staff")]
mod records;
mod schema;

use group::Groups;
use schema::{MIGRATIONS, VERSION};

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

/// The columns of an [`Envelope`].
const ENVELOPE: &str = "id, received, form, form_sha256, statement_version, statement_digest, held, receipt, revision";

/// As many as are used for every registration, with room.
const STATEMENTS_KEPT: usize = 32;

/// A file of SQLite, opened.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
    /// What waits to be written.
    groups: Arc<Groups>,
}

impl Sqlite {
    /// Opens the file for writing, and makes it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let cannot = |error: std::io::Error| StoreError::CannotOpen(error.to_string());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_private_folder(folder).map_err(cannot)?;
        }
        // Before SQLite does, whose companion files have the permissions of this one.
        drop(make_private_file(path).map_err(cannot)?);
        let mut connection = Connection::open(as_file(path))?;
        connection.busy_timeout(OPERATION_TIME_MAX)?;
        make_durable(&connection)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is erased is overwritten (sqlite.org/pragma.html#pragma_secure_delete): of a data key nothing may stay.
        connection.pragma_update(None, "secure_delete", true)?;
        migrate(&mut connection)?;
        Ok(Self::of(connection))
    }

    /// Opens a file that is there, for reading only.
    pub(super) fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        if !as_file(path).exists() {
            return Err(StoreError::Missing);
        }
        // Writable all the same: after a crash the first reader brings the journal in order.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(as_file(path), flags)?;
        connection.busy_timeout(OPERATION_TIME_MAX)?;
        connection.pragma_update(None, "query_only", true)?;
        match version(&connection)? {
            0 => Err(StoreError::Damaged),
            found if found > VERSION => Err(StoreError::FromLater),
            found if found < VERSION => Err(StoreError::FromEarlier),
            _ => Ok(Self::of(connection)),
        }
    }

    fn of(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Self { connection: Arc::new(Mutex::new(connection)), groups: Arc::default() }
    }

    /// Runs what waits for the disk where it holds up nobody. Waiting for one's turn and for other programs together has a
    /// limit: in a queue, nobody waits for those in front to reach theirs.
    async fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + OPERATION_TIME_MAX;
        let turn = tokio::time::timeout_at(deadline, Arc::clone(&self.connection).lock_owned()).await;
        let mut connection = turn.map_err(|_| StoreError::Locked)?;
        let done = tokio::task::spawn_blocking(move || {
            connection.busy_timeout(deadline.saturating_duration_since(Instant::now()))?;
            work(&mut connection)
        })
        .await;
        done.unwrap_or_else(|_| Err(cut_short()))
    }

    /// The same within a transaction, which has the right to write from its beginning; what waits meanwhile is committed with it.
    /// When this returns, it is durable.
    async fn in_transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + OPERATION_TIME_MAX;
        let mut answer = self.groups.submit(work);
        let mut connection = tokio::select! {
            biased;
            answer = &mut answer => return answer.unwrap_or_else(|_| Err(cut_short())),
            turn = tokio::time::timeout_at(deadline, Arc::clone(&self.connection).lock_owned()) => {
                turn.map_err(|_| StoreError::Locked)?
            }
        };
        // Whoever has its turn writes for all who wait.
        let groups = Arc::clone(&self.groups);
        let committed = tokio::task::spawn_blocking(move || {
            let time_max = deadline.saturating_duration_since(Instant::now());
            groups.commit(&mut connection, time_max)
        });
        committed.await.unwrap_or_else(|_| Err(cut_short()))?;
        answer.await.unwrap_or_else(|_| Err(cut_short()))
    }
}

fn cut_short() -> StoreError {
    StoreError::Other("the work was cut short".to_owned())
}

#[async_trait]
impl Store for Sqlite {
    #[cfg(feature = "staff")]
    fn records(&self) -> &dyn RecordStore {
        self
    }

    async fn reach(&self) -> Result<(), StoreError> {
        self.in_background(|connection| version(connection).map(drop)).await
    }

    async fn insert(&self, new: &Stored) -> Result<Inserted, StoreError> {
        let mut new = new.clone();
        self.in_transaction(move |transaction| {
            let received = new.envelope.received.as_second();
            let same = transaction
                .prepare_cached(
                    "select id from registration where submission_key = ?1 and abs(received_seconds - ?2) < ?3 limit 1",
                )?
                .query_row(params![new.submission_key, received, SAME_SECONDS], |row| row.get::<_, String>(0))
                .optional()?;
            if let Some(id) = same {
                return Ok(Inserted::Already(id.parse().map_err(|_| StoreError::Damaged)?));
            }
            let mut too_many = None;
            for mail in &new.mails {
                if let Some(address) = &mail.address_key
                    && confirmations(transaction, address, received)? >= CONFIRMATIONS_MAX
                {
                    too_many = Some(mail.kind);
                }
            }
            new.mails.retain(|mail| Some(mail.kind) != too_many);
            write(transaction, &new)?;
            Ok(Inserted::New { confirmation: new.has_confirmation() })
        })
        .await
    }

    async fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        self.in_background(move |connection| get(connection, id)).await
    }

    async fn page(&self, order: Order, after: Option<Uuid>, limit: u32) -> Result<Vec<Envelope>, StoreError> {
        // A condition on the key alone, so that the page is found and not looked for.
        let (condition, beginning) = match order {
            Order::Oldest => ("id > ?1 order by id", ""),
            Order::Newest => ("id < ?1 order by id desc", "~"),
        };
        let query = format!("select {ENVELOPE} from registration where {condition} limit ?2");
        self.in_background(move |connection| {
            let after = after.map_or(beginning.to_owned(), |id| id.to_string());
            connection.prepare(&query)?.query_and_then(params![after, limit], envelope)?.collect()
        })
        .await
    }

    async fn restore(&self, stored: &Stored) -> Result<bool, StoreError> {
        let stored = stored.clone();
        self.in_transaction(move |transaction| {
            let is_new = get(transaction, stored.envelope.id)?.is_none();
            if is_new {
                write(transaction, &stored)?;
            }
            Ok(is_new)
        })
        .await
    }

    async fn release(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.in_transaction(move |transaction| {
            let released = transaction.execute(
                "update registration set held = null, revision = revision + 1 where id = ?1 and held is not null",
                [id.to_string()],
            )?;
            if released > 0 {
                let mail = Mail { due: Some(now.as_second()), ..Mail::to_be_sent(MailKind::Staff, None, now) };
                write_mail(transaction, id, &mail)?;
            }
            Ok(released > 0)
        })
        .await
    }

    async fn take_due(&self, now: Timestamp, limit: u32) -> Result<Vec<(Stored, MailKind)>, StoreError> {
        let now = now.as_second();
        self.in_transaction(move |transaction| {
            let due: Vec<(String, String)> = transaction
                .prepare_cached(
                    "select registration, kind from mail where due <= ?1 order by due, registration limit ?2",
                )?
                .query_map(params![now, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let taken = due.into_iter().map(|(id, kind)| {
                transaction
                    .prepare_cached("update mail set due = ?3 where registration = ?1 and kind = ?2")?
                    .execute(params![id, kind, now + LEASE_SECONDS])?;
                let id = id.parse().map_err(|_| StoreError::Damaged)?;
                let kind = MailKind::from_word(&kind).ok_or(StoreError::Damaged)?;
                Ok((get(transaction, id)?.ok_or(StoreError::Damaged)?, kind))
            });
            taken.collect()
        })
        .await
    }

    async fn note_mail(&self, id: Uuid, kind: MailKind, outcome: Attempt, now: Timestamp) -> Result<(), StoreError> {
        self.in_transaction(move |transaction| {
            let mail = mails(transaction, id)?.into_iter().find(|mail| mail.kind == kind);
            mail.map_or(Ok(()), |mail| write_mail(transaction, id, &mail.after(outcome, now)))
        })
        .await
    }

    async fn claim(&self, key: &str, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let (key, owner) = (key.to_owned(), owner.to_owned());
        self.in_transaction(move |transaction| {
            transaction.execute("delete from claim where until_seconds < ?1", [now.as_second()])?;
            transaction.execute(
                "insert into claim (key, owner, until_seconds) values (?1, ?2, ?3) on conflict do nothing",
                params![key, owner, until.as_second()],
            )?;
            let first: String =
                transaction.query_row("select owner from claim where key = ?1", [&key], |row| row.get(0))?;
            Ok(first == owner)
        })
        .await
    }

    async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        self.in_background(move |connection| {
            Ok(connection.execute(
                "update mail set due = ?2, attempts = 0 where state = 'failed' and (?1 is null or registration = ?1)",
                params![id.map(|id| id.to_string()), now.as_second()],
            )?)
        })
        .await
    }

    async fn ids_of_person(&self, key: &str) -> Result<Vec<Uuid>, StoreError> {
        let key = key.to_owned();
        self.in_background(move |connection| {
            let mut query =
                connection.prepare("select registration from person_key where key = ?1 order by registration")?;
            query.query_and_then([key], |row| id(row, 0))?.collect()
        })
        .await
    }

    async fn data_keys(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(Uuid, DataKey)>, StoreError> {
        self.in_background(move |connection| {
            let mut query = connection.prepare(
                "select registration, sealed, keys from data_key where registration > ?1 order by registration limit ?2",
            )?;
            let after = after.map_or(String::new(), |id| id.to_string());
            let found = query.query_and_then(params![after, limit], |row| {
                Ok((id(row, 0)?, DataKey { sealed: row.get(1)?, keys: row.get(2)? }))
            })?;
            found.collect()
        })
        .await
    }

    async fn replace_data_key(&self, id: Uuid, seen: &DataKey, new: &DataKey) -> Result<bool, StoreError> {
        let (seen, new) = (seen.clone(), new.clone());
        self.in_transaction(move |transaction| {
            let replaced = transaction.execute(
                "update data_key set sealed = ?3, keys = ?4 where registration = ?1 and sealed = ?2",
                params![id.to_string(), seen.sealed, new.sealed, new.keys],
            )?;
            Ok(replaced > 0)
        })
        .await
    }

    async fn numbers(&self, now: Timestamp) -> Result<Numbers, StoreError> {
        self.in_background(move |connection| {
            let count = |row: &Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
            let query = "select count(*) filter (where state = 'pending'), \
                 count(*) filter (where state = 'failed' and due is not null), \
                 count(*) filter (where state = 'failed' and due is null) from mail";
            let outbox = connection.query_row(query, [], |row| {
                Ok(Outbox { pending: count(row, 0)?, failing: count(row, 1)?, resting: count(row, 2)? })
            })?;
            let query = "select count(*), count(*) filter (where received_seconds > ?1), count(held) from registration";
            let numbers = connection.query_row(query, [now.as_second() - SAME_SECONDS], |row| {
                Ok(Numbers { registrations: count(row, 0)?, lately: count(row, 1)?, held: count(row, 2)?, outbox })
            });
            Ok(numbers?)
        })
        .await
    }
}

fn get(connection: &Connection, id: Uuid) -> Result<Option<Stored>, StoreError> {
    let mut query = connection
        .prepare_cached("select * from registration left join data_key on registration = id where id = ?1")?;
    let found = query.query_row([id.to_string()], |row| {
        let sealed = row.get::<_, Option<Vec<u8>>>("sealed")?.zip(row.get("keys")?);
        let data_key = sealed.map(|(sealed, keys)| DataKey { sealed, keys });
        Ok((envelope(row), Private::new(row.get("content")?), data_key, row.get("submission_key")?))
    });
    let Some((envelope, content, data_key, submission_key)) = found.optional()? else { return Ok(None) };
    let mut query = connection.prepare_cached("select key from person_key where registration = ?1 order by key")?;
    let person_keys = query.query_map([id.to_string()], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (envelope, mails) = (envelope?, mails(connection, id)?);
    Ok(Some(Stored { envelope, content, data_key, person_keys, submission_key, mails }))
}

fn id(row: &Row<'_>, column: usize) -> Result<Uuid, StoreError> {
    row.get::<_, String>(column)?.parse().map_err(|_| StoreError::Damaged)
}

fn envelope(row: &Row<'_>) -> Result<Envelope, StoreError> {
    let text = |column: &str| row.get::<_, String>(column);
    Ok(Envelope {
        id: text("id")?.parse().map_err(|_| StoreError::Damaged)?,
        received: text("received")?.parse().map_err(|_| StoreError::Damaged)?,
        form: text("form")?,
        form_sha256: text("form_sha256")?,
        statement_version: text("statement_version")?,
        statement_digest: text("statement_digest")?,
        held: row.get("held")?,
        receipt: text("receipt")?,
        revision: row.get::<_, i64>("revision")?.unsigned_abs(),
    })
}

fn mails(connection: &Connection, id: Uuid) -> Result<Vec<Mail>, StoreError> {
    let mut query =
        connection.prepare_cached("select * from mail where registration = ?1 order by kind = 'staff' desc, kind")?;
    let mails = query.query_and_then([id.to_string()], |row| {
        Ok(Mail {
            kind: MailKind::from_word(&row.get::<_, String>("kind")?).ok_or(StoreError::Damaged)?,
            state: MailState::from_word(&row.get::<_, String>("state")?).ok_or(StoreError::Damaged)?,
            error: row.get("error")?,
            attempts: row.get("attempts")?,
            due: row.get("due")?,
            address_key: row.get("address_key")?,
            letter: row.get::<_, Option<Vec<u8>>>("letter")?.map(Private::new),
        })
    })?;
    mails.collect()
}

/// Adds a registration with its mail.
fn write(transaction: &Transaction<'_>, new: &Stored) -> Result<(), StoreError> {
    let Stored { envelope, content, data_key, person_keys, submission_key, mails } = new;
    transaction
        .prepare_cached(
            "insert into registration (id, received, received_seconds, form, form_sha256, statement_version, \
             statement_digest, held, receipt, revision, content, submission_key) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            envelope.id.to_string(),
            envelope.received.to_string(),
            envelope.received.as_second(),
            envelope.form,
            envelope.form_sha256,
            envelope.statement_version,
            envelope.statement_digest,
            envelope.held,
            envelope.receipt,
            i64::try_from(envelope.revision).map_err(|_| StoreError::Damaged)?,
            content.expose(),
            submission_key,
        ])?;
    let id = envelope.id.to_string();
    if let Some(DataKey { sealed, keys }) = data_key {
        transaction
            .prepare_cached("insert into data_key (registration, sealed, keys) values (?1, ?2, ?3)")?
            .execute(params![id, sealed, keys])?;
    }
    for key in person_keys {
        transaction
            .prepare_cached("insert into person_key (key, registration) values (?1, ?2)")?
            .execute(params![key, id])?;
    }
    mails.iter().try_for_each(|mail| write_mail(transaction, envelope.id, mail))
}

/// Adds a mail, or puts it in the place of the one of its kind.
fn write_mail(transaction: &Transaction<'_>, id: Uuid, mail: &Mail) -> Result<(), StoreError> {
    let Mail { kind, state, error, attempts, due, address_key, letter } = mail;
    let letter = letter.as_ref().map(Private::expose);
    transaction
        .prepare_cached(
            "insert or replace into mail (registration, kind, state, error, attempts, due, address_key, letter) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![id.to_string(), kind.word(), state.word(), error, attempts, due, address_key, letter])?;
    Ok(())
}

/// How many confirmations an address has had around this time.
fn confirmations(connection: &Connection, address_key: &str, received: i64) -> Result<u32, StoreError> {
    let query = "select count(*) from mail join registration on registration.id = mail.registration \
         where address_key = ?1 and abs(received_seconds - ?2) < ?3";
    let mut query = connection.prepare_cached(query)?;
    Ok(query.query_row(params![address_key, received, SAME_SECONDS], |row| row.get(0))?)
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
    if journal == "wal" && synchronous == 2 {
        Ok(())
    } else {
        Err(StoreError::NotDurable("SQLite cannot keep its write-ahead log and sync it"))
    }
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_place_for_a_registration() {
        let memory = Connection::open_in_memory().unwrap();
        assert!(matches!(make_durable(&memory), Err(StoreError::NotDurable(_))));
    }

    #[test]
    fn every_name_is_a_files() {
        for name in [":memory:", "file:a.sqlite?mode=memory"] {
            // SQLite would open either; there is no file of this name.
            let opened = Sqlite::open_for_reading(Path::new(name)).unwrap_err();
            assert!(matches!(opened, StoreError::Missing), "{name}: {opened}");
        }
    }
}
