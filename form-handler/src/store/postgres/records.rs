//! What the PostgreSQL store does for staff: holds and requests in one table, which nobody writes while records are destroyed.

use std::collections::HashMap;

use async_trait::async_trait;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Transaction};
use uuid::Uuid;

use super::{Failure, Parameter, Postgres};
use crate::records::{
    Decision, Extension, Fate, HOLD, Hold, Matters, REQUEST, Recheck, Record, RecordStore, Request, to_json,
};
use crate::seal::DataKey;
use crate::store::{Store, StoreError, Stored};

/// The columns of a [`Record`].
const RECORD: &str =
    "id, received, form, statement_version, statement_digest, revision, held is not null, restricted, extension";

#[async_trait]
impl RecordStore for Postgres {
    fn store(&self) -> &dyn Store {
        self
    }

    async fn records(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Record>, StoreError> {
        let after = after.unwrap_or(Uuid::nil());
        self.run(|client| {
            Box::pin(async move {
                let query = format!("select {RECORD} from candor.registration where id > $1 order by id limit {limit}");
                let rows = client.query_typed(&query, &[(&after, Type::UUID)]).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }

    async fn find(&self, ids: &[Uuid]) -> Result<Vec<Record>, StoreError> {
        self.run(|client| {
            Box::pin(async move {
                let query = format!("select {RECORD} from candor.registration where id = any($1) order by id");
                let rows = client.query_typed(&query, &[(&ids, Type::UUID_ARRAY)]).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }

    async fn restricted(&self) -> Result<Vec<Uuid>, StoreError> {
        self.run(|client| {
            Box::pin(async move {
                let query = "select id from candor.registration where restricted is not null";
                let rows = client.query_typed(query, &[]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            })
        })
        .await
    }

    async fn matters(&self) -> Result<Matters, StoreError> {
        self.run(|client| Box::pin(async move { matters(&client).await })).await
    }

    async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.put(HOLD, &hold.id, &to_json(hold)).await
    }

    async fn put_request(&self, request: &Request) -> Result<(), StoreError> {
        self.put(REQUEST, &request.id, &to_json(request)).await
    }

    async fn restrict(&self, id: Uuid, request: &str) -> Result<bool, StoreError> {
        self.run(|mut client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let delete = "delete from candor.mail where registration = $1";
                transaction.execute_typed(delete, &[(&id, Type::UUID)]).await?;
                let update = "update candor.registration set restricted = $2, revision = revision + 1 where id = $1";
                let parameters: [Parameter<'_>; 2] = [(&id, Type::UUID), (&request, Type::TEXT)];
                let is_there = transaction.execute_typed(update, &parameters).await? > 0;
                transaction.commit().await?;
                Ok(is_there)
            })
        })
        .await
    }

    async fn extend(&self, id: Uuid, extension: &Extension) -> Result<bool, StoreError> {
        let extension = &to_json(extension);
        self.run(|client| {
            Box::pin(async move {
                let update = "update candor.registration set extension = $2, revision = revision + 1 where id = $1";
                let parameters: [Parameter<'_>; 2] = [(&id, Type::UUID), (extension, Type::TEXT)];
                Ok(client.execute_typed(update, &parameters).await? > 0)
            })
        })
        .await
    }

    async fn correct(&self, corrected: &Stored) -> Result<bool, StoreError> {
        self.run(|mut client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let done = async {
                    let is_done = correct(&transaction, corrected).await?;
                    transaction.commit().await?;
                    Ok(is_done)
                };
                once(done.await)
            })
        })
        .await
    }

    async fn destroy(&self, decisions: &[Decision], recheck: &Recheck) -> Result<Vec<Fate>, StoreError> {
        self.run(|mut client| Box::pin(async move { once(destroy(&mut client, decisions, recheck).await) })).await
    }
}

impl Postgres {
    async fn put(&self, kind: &str, id: &str, content: &str) -> Result<(), StoreError> {
        self.run(|client| {
            Box::pin(async move {
                let insert = "insert into candor.matter (id, kind, content) values ($1, $2, $3) \
                              on conflict (id) do update set kind = $2, content = $3";
                let parameters: [Parameter<'_>; 3] = [(&id, Type::TEXT), (&kind, Type::TEXT), (&content, Type::TEXT)];
                client.execute_typed(insert, &parameters).await?;
                Ok(())
            })
        })
        .await
    }
}

/// Not done again where the connection breaks: it may have been done, and then nobody would know by whom.
fn once<T>(done: Result<T, Failure>) -> Result<T, Failure> {
    done.map_err(|failure| match failure {
        Failure::Broken(error) | Failure::Final(error) => Failure::Final(error),
    })
}

async fn destroy(client: &mut Client, decisions: &[Decision], recheck: &Recheck) -> Result<Vec<Fate>, Failure> {
    let transaction = client.transaction().await?;
    // Whoever places a hold has done so before this, and then it counts, or waits until it is over
    // (postgresql.org/docs/current/explicit-locking.html).
    transaction.batch_execute("lock table candor.matter in share mode").await?;
    let matters = recheck.of(matters(transaction.client()).await?);
    let ids: Vec<Uuid> = decisions.iter().map(Decision::record).collect();
    let query = format!("select {RECORD} from candor.registration where id = any($1) order by id for update");
    let rows = transaction.query_typed(&query, &[(&ids, Type::UUID_ARRAY)]).await?;
    let mut records = HashMap::new();
    for row in &rows {
        let record = read(row)?;
        records.insert(record.id, record);
    }
    let fate = |decision: &Decision| Fate::of(records.get(&decision.record()), decision, recheck, &matters);
    let fates: Vec<Fate> = decisions.iter().map(fate).collect();
    let erased = decisions.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Erased);
    let erased: Vec<Uuid> = erased.map(|(decision, _)| decision.record()).collect();
    // What hangs on them goes with them: foreign keys cascade.
    let delete = "delete from candor.registration where id = any($1)";
    transaction.execute_typed(delete, &[(&erased, Type::UUID_ARRAY)]).await?;
    transaction.commit().await?;
    Ok(fates)
}

async fn correct(transaction: &Transaction<'_>, corrected: &Stored) -> Result<bool, Failure> {
    let Stored { envelope, content, data_key, person_keys, .. } = corrected;
    let update = "update candor.registration set content = $3, revision = revision + 1 where id = $1 and revision = $2";
    let revision = envelope.revision.cast_signed();
    let parameters: [Parameter<'_>; 3] =
        [(&envelope.id, Type::UUID), (&revision, Type::INT8), (content.expose(), Type::BYTEA)];
    if transaction.execute_typed(update, &parameters).await? == 0 {
        return Ok(false);
    }
    let delete = "delete from candor.data_key where registration = $1";
    transaction.execute_typed(delete, &[(&envelope.id, Type::UUID)]).await?;
    if let Some(DataKey { sealed, keys }) = data_key {
        let insert = "insert into candor.data_key (registration, sealed, keys) values ($1, $2, $3)";
        let parameters: [Parameter<'_>; 3] = [(&envelope.id, Type::UUID), (sealed, Type::BYTEA), (keys, Type::TEXT)];
        transaction.execute_typed(insert, &parameters).await?;
    }
    for key in person_keys {
        let insert = "insert into candor.person_key (key, registration) values ($1, $2) on conflict do nothing";
        transaction.execute_typed(insert, &[(key, Type::TEXT), (&envelope.id, Type::UUID)]).await?;
    }
    Ok(true)
}

async fn matters(client: &Client) -> Result<Matters, Failure> {
    let rows = client.query_typed("select kind, content from candor.matter order by id collate \"C\"", &[]).await?;
    let mut read = Vec::with_capacity(rows.len());
    for row in &rows {
        read.push((row.try_get(0)?, row.try_get(1)?));
    }
    let mut matters = Matters::read(read)?;
    let keys: Vec<String> = matters.people().into_iter().collect();
    let query = "select key, registration from candor.person_key where key = any($1)";
    let mut records: HashMap<String, Vec<Uuid>> = HashMap::new();
    for row in &client.query_typed(query, &[(&keys, Type::TEXT_ARRAY)]).await? {
        records.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    Ok(matters.with_people(&records))
}

fn read(row: &Row) -> Result<Record, Failure> {
    let extension: Option<&str> = row.try_get(8)?;
    let id = row.try_get(0)?;
    let damaged = || StoreError::DamagedRegistration(id);
    Ok(Record {
        id,
        received: row.try_get::<_, &str>(1)?.parse().map_err(|_| damaged())?,
        form: row.try_get(2)?,
        statement_version: row.try_get(3)?,
        statement_digest: row.try_get(4)?,
        revision: row.try_get::<_, i64>(5)?.cast_unsigned(),
        is_suspected: row.try_get(6)?,
        restricted: row.try_get(7)?,
        extension: extension.map(serde_json::from_str).transpose().map_err(|_| damaged())?,
    })
}
