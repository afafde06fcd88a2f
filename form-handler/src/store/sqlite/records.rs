//! What the SQLite store does for staff: holds and requests in one table, and destroying in one transaction, in which nobody
//! else writes.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Statement, params};
use uuid::Uuid;

use super::{Sqlite, id};
use crate::records::{
    Decision, Extension, Fate, HOLD, Hold, Matters, REQUEST, Recheck, Record, RecordStore, Request, to_json,
};
use crate::seal::DataKey;
use crate::store::{Store, StoreError, Stored};

/// The columns of a [`Record`].
const RECORD: &str =
    "id, received, form, statement_version, statement_digest, revision, held is not null, restricted, extension";

#[async_trait]
impl RecordStore for Sqlite {
    fn store(&self) -> &dyn Store {
        self
    }

    async fn records(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.in_background(move |connection| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let query = format!("select {RECORD} from registration where id > ?1 order by id limit ?2");
            connection.prepare(&query)?.query_and_then(params![after, limit], read)?.collect()
        })
        .await
    }

    async fn find(&self, ids: &[Uuid]) -> Result<Vec<Record>, StoreError> {
        let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
        self.in_background(move |connection| {
            let mut query = by_id(connection)?;
            ids.into_iter().filter_map(|id| record(&mut query, id).transpose()).collect()
        })
        .await
    }

    async fn restricted(&self) -> Result<Vec<Uuid>, StoreError> {
        self.in_background(|connection| {
            let mut query = connection.prepare("select id from registration where restricted is not null")?;
            query.query_and_then([], |row| id(row, 0))?.collect()
        })
        .await
    }

    async fn matters(&self) -> Result<Matters, StoreError> {
        self.in_background(|connection| matters(connection)).await
    }

    async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.put(HOLD, hold.id.clone(), hold).await
    }

    async fn put_request(&self, request: &Request) -> Result<(), StoreError> {
        self.put(REQUEST, request.id.clone(), request).await
    }

    async fn restrict(&self, id: Uuid, request: &str) -> Result<bool, StoreError> {
        let request = request.to_owned();
        self.in_transaction(move |transaction| {
            let id = id.to_string();
            transaction.execute("delete from mail where registration = ?1", [&id])?;
            let query = "update registration set restricted = ?2, revision = revision + 1 where id = ?1";
            Ok(transaction.execute(query, [&id, &request])? > 0)
        })
        .await
    }

    async fn extend(&self, id: Uuid, extension: &Extension) -> Result<bool, StoreError> {
        let extension = to_json(extension);
        self.in_transaction(move |transaction| {
            let query = "update registration set extension = ?2, revision = revision + 1 where id = ?1";
            Ok(transaction.execute(query, [id.to_string(), extension])? > 0)
        })
        .await
    }

    async fn correct(&self, corrected: &Stored) -> Result<bool, StoreError> {
        let Stored { envelope, content, data_key, person_keys, .. } = corrected.clone();
        self.in_transaction(move |transaction| {
            let id = envelope.id.to_string();
            let query = "update registration set content = ?3, revision = revision + 1 where id = ?1 and revision = ?2";
            if transaction.execute(query, params![id, envelope.revision.cast_signed(), content.expose()])? == 0 {
                return Ok(false);
            }
            transaction.execute("delete from data_key where registration = ?1", [&id])?;
            if let Some(DataKey { sealed, keys }) = data_key {
                let query = "insert into data_key (registration, sealed, keys) values (?1, ?2, ?3)";
                transaction.execute(query, params![id, sealed, keys])?;
            }
            for key in person_keys {
                let query = "insert or ignore into person_key (key, registration) values (?1, ?2)";
                transaction.execute(query, params![key, id])?;
            }
            Ok(true)
        })
        .await
    }

    async fn destroy(&self, decisions: &[Decision], recheck: &Recheck) -> Result<Vec<Fate>, StoreError> {
        let (decisions, recheck) = (decisions.to_vec(), recheck.clone());
        let fates = self
            .in_transaction(move |transaction| {
                let matters = recheck.of(matters(transaction)?);
                let mut query = by_id(transaction)?;
                let mut delete = transaction.prepare("delete from registration where id = ?1")?;
                let fates = decisions.iter().map(|decision| {
                    let now = record(&mut query, decision.record())?;
                    let fate = Fate::of(now.as_ref(), decision, &recheck, &matters);
                    if fate == Fate::Erased {
                        // What hangs on it goes with it: foreign keys cascade.
                        delete.execute([decision.record().to_string()])?;
                    }
                    Ok(fate)
                });
                fates.collect()
            })
            .await?;
        // Until a checkpoint the file still has what was erased; who is kept from it by a reader makes it with the next.
        let checkpoint = |connection: &mut Connection| {
            let _ = connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
            Ok(())
        };
        let _ = self.in_background(checkpoint).await;
        Ok(fates)
    }
}

impl Sqlite {
    async fn put(&self, kind: &'static str, id: String, matter: &impl serde::Serialize) -> Result<(), StoreError> {
        let content = to_json(matter);
        self.in_transaction(move |transaction| {
            let query = "insert or replace into matter (id, kind, content) values (?1, ?2, ?3)";
            transaction.execute(query, params![id, kind, content])?;
            Ok(())
        })
        .await
    }
}

fn by_id(connection: &Connection) -> Result<Statement<'_>, StoreError> {
    Ok(connection.prepare(&format!("select {RECORD} from registration where id = ?1"))?)
}

fn record(query: &mut Statement<'_>, id: Uuid) -> Result<Option<Record>, StoreError> {
    query.query_row([id.to_string()], |row| Ok(read(row))).optional()?.transpose()
}

fn read(row: &Row<'_>) -> Result<Record, StoreError> {
    let id = id(row, 0)?;
    let damaged = || StoreError::DamagedRegistration(id);
    let received = row.get_ref(1)?.as_str().map_err(|_| damaged())?;
    let extension: Option<String> = row.get(8)?;
    Ok(Record {
        id,
        received: received.parse().map_err(|_| damaged())?,
        form: row.get(2)?,
        statement_version: row.get(3)?,
        statement_digest: row.get(4)?,
        revision: row.get::<_, i64>(5)?.cast_unsigned(),
        is_suspected: row.get(6)?,
        restricted: row.get(7)?,
        extension: extension.map(|json| serde_json::from_str(&json)).transpose().map_err(|_| damaged())?,
    })
}

fn matters(connection: &Connection) -> Result<Matters, StoreError> {
    let mut query = connection.prepare("select kind, content from matter order by id")?;
    let rows: Vec<_> = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut matters = Matters::read(rows)?;
    let mut query = connection.prepare("select registration from person_key where key = ?1")?;
    let mut records = HashMap::new();
    for key in matters.people() {
        let found = query.query_and_then([&key], |row| id(row, 0))?.collect::<Result<_, _>>()?;
        records.insert(key, found);
    }
    Ok(matters.with_people(&records))
}
