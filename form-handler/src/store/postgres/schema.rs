//! The tables in PostgreSQL, version by version. They have a schema of their own, beside whatever else is in the database.

use tokio_postgres::{Client, Transaction};

use super::Failure;
use crate::store::StoreError;

/// Written into the database, so that an older program does not misread it.
const VERSION: i32 = 3;
/// What each version has that the one before it had not.
const MIGRATIONS: [&str; VERSION as usize] = [
    // `due` is in seconds since 1970; null where nothing is to be done.
    "
    create schema if not exists candor;
    create table candor.store (version integer not null);
    insert into candor.store values (0);
    create table candor.registration (
        id uuid primary key,
        received text not null,
        received_seconds bigint not null,
        form text not null,
        form_sha256 text not null,
        statement_version text not null,
        statement_digest text not null,
        held text,
        receipt text not null,
        revision bigint not null,
        content bytea not null,
        submission_key text not null
    );
    create index registration_by_submission on candor.registration (submission_key, received_seconds);
    create table candor.mail (
        registration uuid not null references candor.registration (id) on delete cascade,
        kind text not null,
        state text not null,
        error text,
        attempts bigint not null,
        due bigint,
        address_key text,
        letter bytea,
        primary key (registration, kind)
    );
    create table candor.data_key (
        registration uuid primary key references candor.registration (id) on delete cascade,
        sealed bytea not null,
        keys text not null
    );
    create table candor.person_key (
        key text not null,
        registration uuid not null references candor.registration (id) on delete cascade,
        primary key (key, registration)
    );
    create index person_key_by_registration on candor.person_key (registration);
    create index mail_by_due on candor.mail (due) where due is not null;
    create index mail_by_address on candor.mail (address_key) where address_key is not null;
    ",
    // `matter` has holds and requests, as JSON.
    "
    create table candor.matter (id text primary key, kind text not null, content text not null);
    alter table candor.registration add column restricted text;
    alter table candor.registration add column extension text;
    create index registration_by_restriction on candor.registration (restricted) where restricted is not null;
    ",
    // What counts once, like a proof of work, and for what.
    "
    create table candor.claim (
        key text primary key,
        owner text not null,
        until_seconds bigint not null
    );
    create index claim_by_end on candor.claim (until_seconds);
    ",
];
/// Whoever brings the tables up to date holds this lock; the number is of no other use (`candor`, in ASCII).
const LOCK: i64 = 0x6361_6e64_6f72;

/// Refuses tables that another version wrote.
pub(super) async fn check(client: &Client) -> Result<(), Failure> {
    match found(client).await? {
        None => Err(Failure::Final(StoreError::Missing)),
        Some(found) if found > VERSION => Err(Failure::Final(StoreError::FromLater)),
        Some(found) if found < VERSION => Err(Failure::Final(StoreError::FromEarlier)),
        Some(_) => Ok(()),
    }
}

/// Makes the tables, or brings them up to date; one of several programs does, and the others wait for it.
pub(super) async fn migrate(client: &mut Client) -> Result<(), Failure> {
    if found(client).await? == Some(VERSION) {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(&format!("select pg_advisory_xact_lock({LOCK})")).await?;
    let found = found(transaction.client()).await?.unwrap_or(0);
    let Some(missing) = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..)) else {
        return Err(Failure::Final(StoreError::FromLater));
    };
    apply(&transaction, missing).await?;
    Ok(transaction.commit().await?)
}

async fn apply(transaction: &Transaction<'_>, missing: &[&str]) -> Result<(), Failure> {
    for migration in missing {
        transaction.batch_execute(migration).await?;
    }
    Ok(transaction.batch_execute(&format!("update candor.store set version = {VERSION}")).await?)
}

/// The version of the tables that are there.
async fn found(client: &Client) -> Result<Option<i32>, Failure> {
    // Not by the name, which the server would remember as unknown until the end of a transaction.
    let query = "select from pg_tables where schemaname = 'candor' and tablename = 'store'";
    if client.query_typed(query, &[]).await?.is_empty() {
        return Ok(None);
    }
    Ok(Some(client.query_typed_one("select version from candor.store", &[]).await?.try_get(0)?))
}
