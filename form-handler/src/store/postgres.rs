//! A store in a database of PostgreSQL, which several instances share.
//!
//! What breaks, because the server is started anew or the network is gone for a moment, is tried again as long as the
//! operation has time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Transaction};
use uuid::Uuid;

use super::{
    Attempt, CONFIRMATIONS_MAX, Envelope, Inserted, LEASE_SECONDS, Numbers, OPERATION_TIME_MAX, Order, Outbox,
    SAME_SECONDS, Store, StoreError, Stored,
};
use crate::private::Private;
#[cfg(feature = "staff")]
use crate::records::RecordStore;
use crate::registration::{Mail, MailKind, MailState};
use crate::seal::DataKey;

mod database;
#[cfg(feature = "staff")]
mod records;
mod schema;

pub(super) use database::Database;

/// So many operations of one instance are done at a time; the others wait for their turn.
const CONNECTIONS_MAX: usize = 8;
/// How long the server may take for a statement: less than an operation, so that it ends before we go away.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(4);
/// How long to wait before what broke is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The columns of an [`Envelope`].
const ENVELOPE: &str = "id, received, form, form_sha256, statement_version, statement_digest, held, receipt, revision";

/// Why something was not done.
#[derive(Debug)]
enum Failure {
    /// It may go well the next time.
    Broken(StoreError),
    /// It would not.
    Final(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let cannot = |fact: &str| StoreError::CannotOpen(fact.to_owned());
        let Some(code) = error.code() else {
            // Its text is of the network and not of what was sent.
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return Self::Broken(cannot(&format!("{error}{cause}")));
        };
        match *code {
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                Self::Broken(cannot("the server is being started or stopped"))
            }
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Broken(StoreError::Locked),
            SqlState::TOO_MANY_CONNECTIONS => Self::Broken(cannot("the server has too many connections")),
            SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => Self::Final(StoreError::Locked),
            SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY => Self::Final(StoreError::Full),
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::Final(StoreError::ReadOnly),
            SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                Self::Final(cannot("the server refuses the user or the password"))
            }
            SqlState::INVALID_CATALOG_NAME => Self::Final(cannot("the server has no such database")),
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Final(cannot("the user may not do that in this database")),
            SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN => Self::Final(StoreError::Damaged),
            // Its message may quote what was sent.
            _ => Self::Final(StoreError::Other(format!("PostgreSQL says {}", code.code()))),
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(_) => Self::Final(StoreError::Locked),
            _ => Self::Final(StoreError::Other("no connection".to_owned())),
        }
    }
}

type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A database of PostgreSQL, opened.
pub(super) struct Postgres {
    pool: Pool,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Postgres")
    }
}

impl Postgres {
    /// Opens the database for writing, and makes the tables where there are none.
    pub(super) async fn open(database: &Database) -> Result<Self, StoreError> {
        let store = Self::connect(database, "off")?;
        store
            .run(|mut client| {
                Box::pin(async move {
                    make_durable(&client).await?;
                    schema::migrate(&mut client).await
                })
            })
            .await?;
        Ok(store)
    }

    /// Opens tables that are there, for reading only.
    pub(super) async fn open_for_reading(database: &Database) -> Result<Self, StoreError> {
        let store = Self::connect(database, "on")?;
        store.run(|client| Box::pin(async move { schema::check(&client).await })).await?;
        Ok(store)
    }

    fn connect(database: &Database, read_only: &str) -> Result<Self, StoreError> {
        // Not recycled by a question of its own: a connection that is closed is known to be.
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(database.config.clone(), database.tls()?, how);
        let time = STATEMENT_TIME_MAX.as_millis();
        // What one transaction has committed the next must see, for submissions that come twice at a time.
        let session = format!(
            "set statement_timeout = {time}; set lock_timeout = {time}; set idle_in_transaction_session_timeout = {time}; \
             set default_transaction_isolation = 'read committed'; set default_transaction_read_only = {read_only}"
        );
        let begin = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let session = session.clone();
            Box::pin(async move { client.batch_execute(&session).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS_MAX)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(OPERATION_TIME_MAX))
            .post_create(begin)
            .build()
            .map_err(|_| StoreError::Other("no connections can be kept".to_owned()))?;
        Ok(Self { pool })
    }

    /// Does some work on a connection, and again on another one where it breaks, within the time of an operation.
    async fn run<'a, T>(&self, work: impl Fn(Object) -> Work<'a, T>) -> Result<T, StoreError> {
        let deadline = Instant::now() + OPERATION_TIME_MAX;
        let mut broken = None;
        let done = async {
            loop {
                let attempt = async { work(self.pool.get().await?).await };
                match attempt.await {
                    Ok(done) => return Ok(done),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Broken(error)) => broken = Some(error),
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        };
        let done = tokio::time::timeout_at(deadline, done).await;
        done.unwrap_or_else(|_| Err(broken.unwrap_or_else(|| StoreError::Other("no answer in time".to_owned()))))
    }
}

/// Refuses a server that says it is done before anything is on the disk
/// (postgresql.org/docs/current/runtime-config-wal.html).
async fn make_durable(client: &Client) -> Result<(), Failure> {
    for (setting, fact) in
        [("synchronous_commit", "PostgreSQL has `synchronous_commit = off`"), ("fsync", "PostgreSQL has `fsync = off`")]
    {
        let row = client.query_typed_one(&format!("show {setting}"), &[]).await?;
        if row.try_get::<_, &str>(0)? == "off" {
            return Err(StoreError::NotDurable(fact).into());
        }
    }
    Ok(())
}

#[async_trait]
impl Store for Postgres {
    #[cfg(feature = "staff")]
    fn records(&self) -> &dyn RecordStore {
        self
    }

    async fn reach(&self) -> Result<(), StoreError> {
        self.run(|client| Box::pin(async move { Ok(client.batch_execute("select 1").await?) })).await
    }

    async fn insert(&self, new: &Stored) -> Result<Inserted, StoreError> {
        self.run(|mut client| Box::pin(async move { insert(&mut client, new).await })).await
    }

    async fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        self.run(|client| Box::pin(async move { get(&client, id).await })).await
    }

    async fn page(&self, order: Order, after: Option<Uuid>, limit: u32) -> Result<Vec<Envelope>, StoreError> {
        let (condition, beginning) = match order {
            Order::Oldest => ("id > $1 order by id", Uuid::nil()),
            Order::Newest => ("id < $1 order by id desc", Uuid::max()),
        };
        let after = after.unwrap_or(beginning);
        self.run(|client| {
            Box::pin(async move {
                let query = format!("select {ENVELOPE} from candor.registration where {condition} limit {limit}");
                let rows = client.query_typed(&query, &[(&after, Type::UUID)]).await?;
                rows.iter().map(envelope).collect()
            })
        })
        .await
    }

    async fn restore(&self, stored: &Stored) -> Result<bool, StoreError> {
        self.run(|mut client| {
            Box::pin(async move {
                if get(&client, stored.envelope.id).await?.is_some() {
                    return Ok(false);
                }
                let transaction = client.transaction().await?;
                write(&transaction, stored).await?;
                for mail in &stored.mails {
                    write_mail(&transaction, stored.envelope.id, mail).await?;
                }
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }

    async fn ids_of_person(&self, key: &str) -> Result<Vec<Uuid>, StoreError> {
        self.run(|client| {
            Box::pin(async move {
                let query = "select registration from candor.person_key where key = $1 order by registration";
                let rows = client.query_typed(query, &[(&key, Type::TEXT)]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            })
        })
        .await
    }

    async fn data_keys(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(Uuid, DataKey)>, StoreError> {
        let after = after.unwrap_or(Uuid::nil());
        self.run(|client| {
            Box::pin(async move {
                let query = format!(
                    "select registration, sealed, keys from candor.data_key where registration > $1 \
                     order by registration limit {limit}"
                );
                let rows = client.query_typed(&query, &[(&after, Type::UUID)]).await?;
                let data_key =
                    |row: &Row| Ok((row.try_get(0)?, DataKey { sealed: row.try_get(1)?, keys: row.try_get(2)? }));
                rows.iter().map(data_key).collect()
            })
        })
        .await
    }

    async fn replace_data_key(&self, id: Uuid, seen: &DataKey, new: &DataKey) -> Result<bool, StoreError> {
        self.run(|client| {
            Box::pin(async move {
                let update =
                    "update candor.data_key set sealed = $3, keys = $4 where registration = $1 and sealed = $2";
                let parameters: [Parameter<'_>; 4] = [
                    (&id, Type::UUID),
                    (&seen.sealed, Type::BYTEA),
                    (&new.sealed, Type::BYTEA),
                    (&new.keys, Type::TEXT),
                ];
                Ok(client.execute_typed(update, &parameters).await? > 0)
            })
        })
        .await
    }

    async fn release(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.run(|mut client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let update = "update candor.registration set held = null, revision = revision + 1 \
                              where id = $1 and held is not null";
                let is_released = transaction.execute_typed(update, &[(&id, Type::UUID)]).await? > 0;
                if is_released {
                    let mail = Mail { due: Some(now.as_second()), ..Mail::to_be_sent(MailKind::Staff, None, now) };
                    write_mail(&transaction, id, &mail).await?;
                }
                transaction.commit().await?;
                Ok(is_released)
            })
        })
        .await
    }

    async fn take_due(&self, now: Timestamp, limit: u32) -> Result<Vec<(Stored, MailKind)>, StoreError> {
        let now = now.as_second();
        self.run(|client| {
            Box::pin(async move {
                // What another instance is taking is left to it.
                let query = format!(
                    "with taken as materialized (select registration, kind, due from candor.mail where due <= $1 \
                     order by due, registration limit {limit} for update skip locked) \
                     update candor.mail as mail set due = $2 from taken \
                     where mail.registration = taken.registration and mail.kind = taken.kind \
                     returning taken.due, mail.registration, mail.kind"
                );
                let lease = now + LEASE_SECONDS;
                let rows = client.query_typed(&query, &[(&now, Type::INT8), (&lease, Type::INT8)]).await?;
                let mut taken = Vec::new();
                for row in &rows {
                    let kind = MailKind::from_word(row.try_get(2)?).ok_or(StoreError::Damaged)?;
                    taken.push((row.try_get::<_, i64>(0)?, row.try_get::<_, Uuid>(1)?, kind));
                }
                taken.sort_by_key(|(due, id, _)| (*due, *id));
                let mut found = Vec::new();
                for (_, id, kind) in taken {
                    found.extend(get(&client, id).await?.map(|stored| (stored, kind)));
                }
                Ok(found)
            })
        })
        .await
    }

    async fn note_mail(&self, id: Uuid, kind: MailKind, outcome: Attempt, now: Timestamp) -> Result<(), StoreError> {
        self.run(|mut client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let query = "select * from candor.mail where registration = $1 and kind = $2 for update";
                let parameters: [Parameter<'_>; 2] = [(&id, Type::UUID), (&kind.word(), Type::TEXT)];
                if let Some(row) = transaction.query_typed(query, &parameters).await?.first() {
                    write_mail(&transaction, id, &mail(row)?.after(outcome, now)).await?;
                }
                Ok(transaction.commit().await?)
            })
        })
        .await
    }

    async fn claim(&self, key: &str, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let (until, now) = (until.as_second(), now.as_second());
        self.run(|client| {
            Box::pin(async move {
                let forget = "delete from candor.claim where until_seconds < $1";
                client.execute_typed(forget, &[(&now, Type::INT8)]).await?;
                let insert = "insert into candor.claim (key, owner, until_seconds) values ($1, $2, $3) \
                              on conflict do nothing";
                let parameters: [Parameter<'_>; 3] = [(&key, Type::TEXT), (&owner, Type::TEXT), (&until, Type::INT8)];
                client.execute_typed(insert, &parameters).await?;
                let query = "select owner from candor.claim where key = $1";
                let first: String = client.query_typed_one(query, &[(&key, Type::TEXT)]).await?.try_get(0)?;
                Ok(first == owner)
            })
        })
        .await
    }

    async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        self.run(|client| {
            Box::pin(async move {
                let update = "update candor.mail set due = $2, attempts = 0 \
                              where state = 'failed' and ($1::uuid is null or registration = $1)";
                let parameters: [Parameter<'_>; 2] = [(&id, Type::UUID), (&now.as_second(), Type::INT8)];
                Ok(usize::try_from(client.execute_typed(update, &parameters).await?).unwrap_or(usize::MAX))
            })
        })
        .await
    }

    async fn numbers(&self, now: Timestamp) -> Result<Numbers, StoreError> {
        let since = now.as_second() - SAME_SECONDS;
        self.run(|client| {
            Box::pin(async move {
                let query = "select count(*) filter (where state = 'pending'), \
                     count(*) filter (where state = 'failed' and due is not null), \
                     count(*) filter (where state = 'failed' and due is null) from candor.mail";
                let row = client.query_typed_one(query, &[]).await?;
                let count = |row: &Row, column: usize| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
                let outbox = Outbox { pending: count(&row, 0)?, failing: count(&row, 1)?, resting: count(&row, 2)? };
                let query = "select count(*), count(*) filter (where received_seconds > $1), count(held) \
                     from candor.registration";
                let row = client.query_typed_one(query, &[(&since, Type::INT8)]).await?;
                Ok(Numbers { registrations: count(&row, 0)?, lately: count(&row, 1)?, held: count(&row, 2)?, outbox })
            })
        })
        .await
    }
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

async fn insert(client: &mut Client, new: &Stored) -> Result<Inserted, Failure> {
    let transaction = client.transaction().await?;
    let received = new.envelope.received.as_second();
    // In a transaction of its own snapshots: what another one has stored before it gave up the lock is seen below.
    lock(&transaction, &new.submission_key).await?;
    let query =
        "select id from candor.registration where submission_key = $1 and abs(received_seconds - $2) < $3 limit 1";
    let parameters: [Parameter<'_>; 3] =
        [(&new.submission_key, Type::TEXT), (&received, Type::INT8), (&SAME_SECONDS, Type::INT8)];
    let already = transaction.query_typed(query, &parameters).await?;
    if let Some(row) = already.first() {
        let first: Uuid = row.try_get(0)?;
        if first != new.envelope.id {
            return Ok(Inserted::Already(first));
        }
        // It is our own: the connection broke after it was stored, and before we were told.
        let stored = get(transaction.client(), first).await?;
        return Ok(Inserted::New { confirmation: stored.is_some_and(|stored| stored.has_confirmation()) });
    }
    let mut confirmation = false;
    write(&transaction, new).await?;
    for mail in &new.mails {
        if let Some(address) = &mail.address_key {
            lock(&transaction, address).await?;
            let query = "select count(*) from candor.mail join candor.registration on id = registration \
                         where address_key = $1 and abs(received_seconds - $2) < $3";
            let parameters: [Parameter<'_>; 3] =
                [(address, Type::TEXT), (&received, Type::INT8), (&SAME_SECONDS, Type::INT8)];
            let count: i64 = transaction.query_typed_one(query, &parameters).await?.try_get(0)?;
            if count >= i64::from(CONFIRMATIONS_MAX) {
                continue;
            }
        }
        confirmation |= mail.kind == MailKind::Confirmation;
        write_mail(&transaction, new.envelope.id, mail).await?;
    }
    transaction.commit().await?;
    Ok(Inserted::New { confirmation })
}

/// Waits until no other transaction has this key in its hands; until the end of this one, none has.
async fn lock(transaction: &Transaction<'_>, key: &str) -> Result<(), Failure> {
    transaction.query_typed("select pg_advisory_xact_lock(hashtextextended($1, 0))", &[(&key, Type::TEXT)]).await?;
    Ok(())
}

async fn get(client: &Client, id: Uuid) -> Result<Option<Stored>, Failure> {
    let query = "select * from candor.registration left join candor.data_key on registration = id where id = $1";
    let rows = client.query_typed(query, &[(&id, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let query = "select * from candor.mail where registration = $1 order by kind = 'staff' desc, kind";
    let mails = client.query_typed(query, &[(&id, Type::UUID)]).await?;
    let query = "select key from candor.person_key where registration = $1 order by key collate \"C\"";
    let person_keys = client.query_typed(query, &[(&id, Type::UUID)]).await?;
    let sealed = row.try_get::<_, Option<Vec<u8>>>("sealed")?.zip(row.try_get("keys")?);
    Ok(Some(Stored {
        envelope: envelope(row)?,
        content: Private::new(row.try_get("content")?),
        data_key: sealed.map(|(sealed, keys)| DataKey { sealed, keys }),
        person_keys: person_keys.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
        submission_key: row.try_get("submission_key")?,
        mails: mails.iter().map(mail).collect::<Result<_, _>>()?,
    }))
}

fn envelope(row: &Row) -> Result<Envelope, Failure> {
    Ok(Envelope {
        id: row.try_get("id")?,
        received: row.try_get::<_, &str>("received")?.parse().map_err(|_| StoreError::Damaged)?,
        form: row.try_get("form")?,
        form_sha256: row.try_get("form_sha256")?,
        statement_version: row.try_get("statement_version")?,
        statement_digest: row.try_get("statement_digest")?,
        held: row.try_get("held")?,
        receipt: row.try_get("receipt")?,
        revision: row.try_get::<_, i64>("revision")?.unsigned_abs(),
    })
}

fn mail(row: &Row) -> Result<Mail, Failure> {
    Ok(Mail {
        kind: MailKind::from_word(row.try_get("kind")?).ok_or(StoreError::Damaged)?,
        state: MailState::from_word(row.try_get("state")?).ok_or(StoreError::Damaged)?,
        error: row.try_get("error")?,
        attempts: u32::try_from(row.try_get::<_, i64>("attempts")?).map_err(|_| StoreError::Damaged)?,
        due: row.try_get("due")?,
        address_key: row.try_get("address_key")?,
        letter: row.try_get::<_, Option<Vec<u8>>>("letter")?.map(Private::new),
    })
}

/// Adds a registration without its mail.
async fn write(transaction: &Transaction<'_>, new: &Stored) -> Result<(), Failure> {
    let Stored { envelope, content, data_key, person_keys, submission_key, .. } = new;
    let insert = "insert into candor.registration (id, received, received_seconds, form, form_sha256, statement_version, \
                  statement_digest, held, receipt, revision, content, submission_key) \
                  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let revision = i64::try_from(envelope.revision).map_err(|_| StoreError::Damaged)?;
    let (received, seconds) = (envelope.received.to_string(), envelope.received.as_second());
    let parameters: [Parameter<'_>; 12] = [
        (&envelope.id, Type::UUID),
        (&received, Type::TEXT),
        (&seconds, Type::INT8),
        (&envelope.form, Type::TEXT),
        (&envelope.form_sha256, Type::TEXT),
        (&envelope.statement_version, Type::TEXT),
        (&envelope.statement_digest, Type::TEXT),
        (&envelope.held, Type::TEXT),
        (&envelope.receipt, Type::TEXT),
        (&revision, Type::INT8),
        (content.expose(), Type::BYTEA),
        (submission_key, Type::TEXT),
    ];
    transaction.execute_typed(insert, &parameters).await?;
    if let Some(DataKey { sealed, keys }) = data_key {
        let insert = "insert into candor.data_key (registration, sealed, keys) values ($1, $2, $3)";
        let parameters: [Parameter<'_>; 3] = [(&envelope.id, Type::UUID), (sealed, Type::BYTEA), (keys, Type::TEXT)];
        transaction.execute_typed(insert, &parameters).await?;
    }
    for key in person_keys {
        let insert = "insert into candor.person_key (key, registration) values ($1, $2)";
        transaction.execute_typed(insert, &[(key, Type::TEXT), (&envelope.id, Type::UUID)]).await?;
    }
    Ok(())
}

/// Adds a mail, or puts it in the place of the one of its kind.
async fn write_mail(transaction: &Transaction<'_>, id: Uuid, mail: &Mail) -> Result<(), Failure> {
    let Mail { kind, state, error, attempts, due, address_key, letter } = mail;
    let insert = "insert into candor.mail (registration, kind, state, error, attempts, due, address_key, letter) \
                  values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (registration, kind) do update set \
                  state = $3, error = $4, attempts = $5, due = $6, address_key = $7, letter = $8";
    let letter = letter.as_ref().map(Private::expose);
    let parameters: [Parameter<'_>; 8] = [
        (&id, Type::UUID),
        (&kind.word(), Type::TEXT),
        (&state.word(), Type::TEXT),
        (error, Type::TEXT),
        (&i64::from(*attempts), Type::INT8),
        (due, Type::INT8),
        (address_key, Type::TEXT),
        (&letter, Type::BYTEA),
    ];
    transaction.execute_typed(insert, &parameters).await?;
    Ok(())
}
