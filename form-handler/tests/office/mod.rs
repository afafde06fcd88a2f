//! An office of its own: a real store, a real ledger apart from it, and staff.

#![allow(dead_code, reason = "each test program uses what it needs")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use form_handler::Handler;
use form_handler::records::ledger::{Entry, Step, read};
use form_handler::records::{Applied, Desk, DeskError, People, Record, RecordStore, Subject};
use form_handler::store::{Location, Store};
use jiff::{SignedDuration, Timestamp};
use statement::contract::Contract;
use statement::form::Notify;
use uuid::Uuid;

use crate::sample::{body, contract, database, handler, now, post};
use crate::servers::{PostgresServer, S3Server, aws_variables};

/// So many days after the first registration.
pub(crate) fn after(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

/// An office of its own: a store, a ledger apart from it, and staff.
pub(crate) struct Office {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) contract: Contract,
    pub(crate) people: People,
    pub(crate) backing: Backing,
}

/// Where the store is; with its URL and the name of its database or bucket.
pub(crate) enum Backing {
    File,
    Postgres(Arc<PostgresServer>, String, String),
    Bucket(Arc<S3Server>, String, String),
}

impl Office {
    pub(crate) fn new() -> Self {
        Self::backed_by(Backing::File)
    }

    pub(crate) fn backed_by(backing: Backing) -> Self {
        let people = "people:\n  ada: {login: ada, access: employee, roles: [reader, records]}\n  \
                      lea: {login: lea, access: employee, roles: [legal]}\n  \
                      vic: {login: vic, access: volunteer, roles: [reader, records, legal]}\n\
                      classes:\n  spam: {keep: P90D, suspected: true, basis: nobody has asked for anything}\n";
        let people = People::parse(people).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), contract: contract(Notify::Reference), people, backing }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder().join("apart/ledger.jsonl")
    }

    /// Somebody registers; the reference.
    pub(crate) async fn register(&self, name: &str, on: Timestamp) -> Uuid {
        self.register_with(&format!("name={name}"), on).await
    }

    pub(crate) async fn register_with(&self, fields: &str, on: Timestamp) -> Uuid {
        register(&self.handler().await, fields, on).await
    }

    /// So many people register, in the days of a week.
    pub(crate) async fn register_many(&self, count: i64) {
        let handler = self.handler().await;
        for number in 0..count {
            register(&handler, &format!("name=Ada{number}"), after(number % 7)).await;
        }
    }

    async fn handler(&self) -> Handler {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        handler(self.folder(), Notify::Reference, &variables).await
    }

    /// What the function is told of the store.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![("CANDOR_MAIL", "none".to_owned())];
        match &self.backing {
            Backing::File => {}
            Backing::Postgres(_, url, _) => variables.push(("CANDOR_STORE", url.clone())),
            Backing::Bucket(server, url, _) => {
                variables.push(("CANDOR_STORE", url.clone()));
                variables.push(("CANDOR_STORE_COUNTRY", "US".to_owned()));
                variables.extend(aws_variables(server.port));
            }
        }
        variables
    }

    pub(crate) fn place(&self) -> Location {
        let variables = self.variables();
        let lookup = |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
        let url = lookup("CANDOR_STORE");
        url.map_or_else(|| database(self.folder()), |url| Location::parse(&url, &lookup).unwrap())
    }

    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        self.place().open().await.unwrap()
    }

    pub(crate) fn desk<'a>(
        &'a self,
        store: &'a dyn RecordStore,
        ledger: &'a Path,
        who: &str,
        now: Timestamp,
    ) -> Desk<'a> {
        Desk::new(Some(store), ledger, Some(&self.contract), &self.people, self.people.who(who, None).unwrap(), now)
    }

    /// Plans and carries it out at once.
    pub(crate) async fn sweep(&self, subject: Subject, who: &str, now: Timestamp) -> Result<Applied, DeskError> {
        let (store, ledger) = (self.store().await, self.ledger());
        let desk = self.desk(store.records(), &ledger, "ada", now);
        let plan = desk.plan(&subject, &mut |_, _, _| {}).await?;
        let desk = self.desk(store.records(), &ledger, who, now);
        desk.apply(&subject, &plan.id(), &mut |_| {}).await
    }

    pub(crate) async fn records(&self) -> Vec<Record> {
        self.store().await.records().records(None, 10_000).await.unwrap()
    }

    pub(crate) async fn ids(&self) -> Vec<Uuid> {
        self.records().await.iter().map(|record| record.id).collect()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let head = read(&self.ledger(), |entry| {
            entries.push(entry.clone());
            Ok(())
        });
        assert_eq!(head.unwrap().seq, entries.len() as u64);
        entries
    }

    /// The records that the ledger says were erased, each as often as it says so.
    pub(crate) fn erased(&self) -> Vec<Uuid> {
        let of = |entry: &Entry| -> Vec<Uuid> {
            let detail = entry.act.detail.clone().filter(|_| entry.act.outcome == Step::Done).unwrap_or_default();
            detail.get("erased").map_or_else(Vec::new, |erased| serde_json::from_value(erased.clone()).unwrap())
        };
        let mut erased: Vec<Uuid> = self.entries().iter().flat_map(of).collect();
        erased.sort();
        erased
    }

    /// Changes what the store has of a registration into what we would not write.
    pub(crate) fn damage(&self, id: Uuid) {
        let update = |table: &str| format!("update {table} set received = 'some day' where id = '{id}'");
        match &self.backing {
            Backing::File => {
                let file = rusqlite::Connection::open(self.folder().join("registrations.sqlite")).unwrap();
                assert_eq!(file.execute(&update("registration"), []).unwrap(), 1);
            }
            Backing::Postgres(server, _, database) => drop(server.sql(database, &update("candor.registration"))),
            Backing::Bucket(server, _, bucket) => {
                let put = server.put(&format!("{bucket}/candor/registration/{id}"), "{}");
                assert!(put.starts_with("HTTP/1.1 200"), "{put}");
            }
        }
    }

    /// A backup of the store as people make it: a copy of its file while nobody writes, a dump, or a copy of all objects.
    pub(crate) fn back_up(&self) {
        match &self.backing {
            Backing::File => {
                std::fs::copy(self.folder().join("registrations.sqlite"), self.folder().join("backup")).unwrap();
            }
            Backing::Postgres(server, _, database) => server.dump(database),
            Backing::Bucket(server, _, bucket) => server.copy_bucket(bucket, &format!("{bucket}-backup")),
        }
    }

    /// Puts the backup in the store's place.
    pub(crate) fn restore(&self) {
        match &self.backing {
            Backing::File => {}
            Backing::Postgres(server, _, database) => return server.restore(database),
            Backing::Bucket(server, _, bucket) => return server.copy_bucket(&format!("{bucket}-backup"), bucket),
        }
        for companion in ["registrations.sqlite-wal", "registrations.sqlite-shm"] {
            let _ = std::fs::remove_file(self.folder().join(companion));
        }
        std::fs::copy(self.folder().join("backup"), self.folder().join("registrations.sqlite")).unwrap();
    }
}

async fn register(handler: &Handler, fields: &str, on: Timestamp) -> Uuid {
    let response = handler.handle(post(body(fields)), on).await;
    let location = response.headers()["location"].to_str().unwrap();
    location.split_once("reference=").unwrap().1.parse().unwrap()
}

/// Does this with the desk of somebody at a moment.
macro_rules! at_desk {
    ($office:expr, $who:expr, $now:expr, |$desk:ident| $work:expr) => {{
        let (store, ledger) = ($office.store().await, $office.ledger());
        let $desk = $office.desk(store.records(), &ledger, $who, $now);
        $work
    }};
}
pub(crate) use at_desk;
