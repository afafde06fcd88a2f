//! A store in a bucket of S3, or of what speaks like it: one object for each registration, for places without a database.
//!
//! What must happen once is a conditional write: of an object that must not be there yet (`If-None-Match`), or that must be as
//! it was read (`If-Match`; both RFC 9110, section 13.1). A server that does not keep to these conditions is refused.
//!
//! ```text
//! store.json                        the version of all this
//! registration/ID                   a registration with its mail: the truth
//! outbox/DUE.ID.KIND.STATE          empty; says that there is mail due then, so that what is due is found without reading all
//! resting/ID.KIND, held/ID          empty; likewise for mail that was given up, and for what is held
//! restricted/ID                     empty; likewise for what only legal may see
//! matter/ID                         a hold or a request
//! person/KEY/ID                     empty; finds a person's
//! data_key/ID                       what its content can be read with, apart from it
//! same/KEY, address/KEY/NUMBER      who had these answers last, or sent one of an address' confirmations, and when
//! ```
//!
//! The empty ones may tell of what is not so any more, and are then passed over; there is always one for what is so.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::aws::AmazonS3;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Attempt, Envelope, Inserted, LEASE_SECONDS, Numbers, OPERATION_TIME_MAX, Order, Outbox, SAME_SECONDS, Store,
    StoreError, Stored,
};
#[cfg(feature = "staff")]
use crate::records::RecordStore;
use crate::registration::{Mail, MailKind, MailState, Registration};
use crate::seal::DataKey;

mod bucket;
mod insert;
mod record;
#[cfg(feature = "staff")]
mod records;

pub(super) use bucket::Bucket;
use insert::Claim;
use record::{DataKeyRecord, Object, Record, data_key, data_key_record, marks, object, read_mark, record};

/// Written into the bucket, so that an older program does not misread it.
const VERSION: u32 = 1;
/// So many at a time try to make one object, before a new store is trusted.
const TRIAL: usize = 8;
/// So many objects are read at a time.
const READS_MAX: usize = 16;
/// A mark that says nothing true is taken away when it is this old: until then somebody may be about to make it true.
const MARK_SECONDS_MIN: i64 = 600;

/// A bucket, opened.
#[derive(Debug)]
pub(super) struct Objects {
    objects: Arc<AmazonS3>,
    bucket: Bucket,
    prefix: String,
}

/// The object `store.json`.
#[derive(Serialize, Deserialize)]
struct About {
    version: u32,
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // Answers and addresses are not repeated: they hold keys.
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        let mut kind = None;
        while let Some(error) = cause {
            kind = kind.or_else(|| error.downcast_ref::<HttpError>().map(HttpError::kind));
            cause = error.source();
        }
        match (error, kind) {
            (Error::NotFound { .. }, _) => {
                Self::CannotOpen("there is no such bucket, or no store of ours in it".to_owned())
            }
            (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) => {
                Self::CannotOpen("the key or the role may not do that in this bucket".to_owned())
            }
            (_, Some(HttpErrorKind::Connect)) => Self::CannotOpen("the server cannot be reached".to_owned()),
            (_, Some(HttpErrorKind::Timeout | HttpErrorKind::Interrupted)) => {
                Self::Other("no answer in time".to_owned())
            }
            _ => Self::Other("the server's answer is none of S3's, or an error".to_owned()),
        }
    }
}

impl Objects {
    /// Opens the bucket for writing, and begins a store where there is none.
    pub(super) async fn open(bucket: &Bucket) -> Result<Self, StoreError> {
        let store = Self::of(bucket)?;
        in_time(async {
            let found = store.version().await?;
            // It was there already, or is now; a server that says that it made it again does not look before it writes.
            let created = store.create("store.json", &About { version: VERSION }).await?;
            if created && (found.is_some() || store.create("store.json", &About { version: VERSION }).await?) {
                return Err(StoreError::NotDurable("the server writes over objects although it is told not to"));
            }
            if created { store.try_conditions().await } else { Ok(()) }
        })
        .await?;
        Ok(store)
    }

    fn of(bucket: &Bucket) -> Result<Self, StoreError> {
        Ok(Self { objects: Arc::new(bucket.connect()?), bucket: bucket.clone(), prefix: bucket.prefix.clone() })
    }

    /// Opens a store that is there, for reading only.
    pub(super) async fn open_for_reading(bucket: &Bucket) -> Result<Self, StoreError> {
        let store = Self::of(bucket)?;
        in_time(store.version()).await?.map(|_| store).ok_or(StoreError::Missing)
    }

    /// The version of the store that is there.
    async fn version(&self) -> Result<Option<u32>, StoreError> {
        let Some((About { version }, _)) = self.read_json("store.json").await? else { return Ok(None) };
        match version {
            found if found > VERSION => Err(StoreError::FromLater),
            found if found < VERSION => Err(StoreError::FromEarlier),
            found => Ok(Some(found)),
        }
    }

    /// Refuses a server that lets two writers have the same object, or writes over what has changed meanwhile.
    async fn try_conditions(&self) -> Result<(), StoreError> {
        let name = format!("trial/{}", Registration::id(Timestamp::UNIX_EPOCH));
        let tries = (0..TRIAL).map(|number| {
            let name = name.clone();
            async move { self.create(&name, &number).await }
        });
        let made: Vec<bool> = stream::iter(tries).buffer_unordered(TRIAL).try_collect().await?;
        let outdated = UpdateVersion { e_tag: Some("\"00000000000000000000000000000000\"".to_owned()), version: None };
        let is_replaced = self.replace(&name, &0, outdated).await?;
        self.remove(&name).await?;
        if made.iter().filter(|made| **made).count() > 1 || is_replaced {
            return Err(StoreError::NotDurable("the server does not keep to conditions when several write at a time"));
        }
        Ok(())
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    /// Makes an object; not where there is one. Whether it did.
    async fn create(&self, name: &str, value: &impl Serialize) -> Result<bool, StoreError> {
        match self.objects.put_opts(&self.path(name), json(value), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces an object; not where it has changed since. Whether it did.
    async fn replace(&self, name: &str, value: &impl Serialize, version: UpdateVersion) -> Result<bool, StoreError> {
        match self.objects.put_opts(&self.path(name), json(value), PutMode::Update(version).into()).await {
            Ok(_) => Ok(true),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an object, if it is there.
    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self.objects.delete(&self.path(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<(T, UpdateVersion)>, StoreError> {
        let found = match self.objects.get(&self.path(name)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let value = serde_json::from_slice(&found.bytes().await?).map_err(|_| StoreError::Damaged)?;
        Ok(Some((value, version)))
    }

    /// A registration without its data key, in this version.
    async fn read(&self, id: Uuid) -> Result<Option<(Object, UpdateVersion)>, StoreError> {
        Ok(self.read_remains(id).await?.filter(|(object, _)| !object.staff.is_erased))
    }

    /// The same, or what is left of one that is being erased.
    async fn read_remains(&self, id: Uuid) -> Result<Option<(Object, UpdateVersion)>, StoreError> {
        let named = |error| match error {
            StoreError::Damaged => StoreError::DamagedRegistration(id),
            error => error,
        };
        let found = self.read_json::<Record>(&format!("registration/{id}")).await.map_err(named)?;
        found.map(|(record, version)| Ok((object(record).map_err(named)?, version))).transpose()
    }

    async fn read_data_key(&self, id: Uuid) -> Result<Option<(DataKey, UpdateVersion)>, StoreError> {
        let found = self.read_json::<DataKeyRecord>(&format!("data_key/{id}")).await?;
        found.map(|(record, version)| Ok((data_key(record)?, version))).transpose()
    }

    /// A registration with all that belongs to it.
    async fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        let (found, data_key) = future::try_join(self.read(id), self.read_data_key(id)).await?;
        Ok(found.map(|(object, _)| whole(object, data_key.map(|(data_key, _)| data_key))))
    }

    /// The names of objects in a folder after one, without the folder, in order; they are asked for as they are needed.
    fn names(&self, folder: &str, after: &str) -> stream::BoxStream<'static, Result<(String, ObjectMeta), StoreError>> {
        let (folder, after) = (self.path(folder), self.path(&format!("{folder}/{after}")));
        self.objects
            .list_with_offset(Some(&folder), &after)
            .map(|found| {
                let found = found?;
                Ok((found.location.filename().unwrap_or_default().to_owned(), found))
            })
            .boxed()
    }

    /// Adds a registration, which is durable when this returns; not where its id is there. Whether it did.
    ///
    /// What belongs to it comes first: a registration without its marks would have its mail forgotten.
    async fn write(&self, new: &Stored) -> Result<bool, StoreError> {
        let id = new.envelope.id;
        let data_key = async {
            let Some(data_key) = &new.data_key else { return Ok(()) };
            self.create(&format!("data_key/{id}"), &data_key_record(data_key)).await.map(drop)
        };
        let object = record::new(new.clone());
        let marks = marks(&object);
        future::try_join(self.put_marks(&marks), data_key).await?;
        self.create(&format!("registration/{id}"), &record(&object)).await
    }

    async fn put_marks<'a>(&self, marks: impl IntoIterator<Item = &'a String>) -> Result<(), StoreError> {
        let puts = marks.into_iter().map(|mark| async {
            self.objects.put(&self.path(mark), PutPayload::new()).await?;
            Ok::<_, StoreError>(())
        });
        stream::iter(puts.collect::<Vec<_>>()).buffer_unordered(READS_MAX).try_collect().await
    }

    /// Changes a registration that is there, as it is when it is written. None where it is not there, or there is nothing to
    /// be changed.
    async fn change<T>(
        &self,
        id: Uuid,
        change: impl Fn(&mut Object) -> Option<T>,
    ) -> Result<Option<(T, Object)>, StoreError> {
        loop {
            let Some((mut object, version)) = self.read(id).await? else { return Ok(None) };
            let before = marks(&object);
            let Some(done) = change(&mut object) else { return Ok(None) };
            let after = marks(&object);
            self.put_marks(after.difference(&before)).await?;
            if self.replace(&format!("registration/{id}"), &record(&object), version).await? {
                for mark in before.difference(&after) {
                    self.remove(mark).await?;
                }
                return Ok(Some((done, object)));
            }
        }
    }

    async fn take_due(&self, now: Timestamp, limit: u32) -> Result<Vec<(Stored, MailKind)>, StoreError> {
        let mut marks = self.names("outbox", "");
        let mut taken = Vec::new();
        while taken.len() < limit as usize
            && let Some(mark) = marks.next().await
        {
            let (name, meta) = mark?;
            let Some((due, id, kind)) = read_mark(&name) else { continue };
            if due > now.as_second() {
                break;
            }
            let lease = |object: &mut Object| {
                let mail = object.stored.mails.iter_mut().find(|mail| mail.kind == kind && mail.due == Some(due))?;
                mail.due = Some(now.as_second() + LEASE_SECONDS);
                Some(())
            };
            match self.change(id, lease).await? {
                Some(((), object)) => {
                    let data_key = self.read_data_key(id).await?.map(|(data_key, _)| data_key);
                    taken.push((whole(object, data_key), kind));
                }
                None if now.as_second() - meta.last_modified.timestamp() > MARK_SECONDS_MIN => {
                    self.remove(&format!("outbox/{name}")).await?;
                }
                None => {}
            }
        }
        Ok(taken)
    }

    async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        let ids: BTreeSet<Uuid> = match id {
            Some(id) => BTreeSet::from([id]),
            None => {
                let failing = self.names("outbox", "").try_filter_map(async |(name, _)| {
                    Ok(read_mark(&name).filter(|_| name.ends_with(MailState::Failed.word())).map(|(_, id, _)| id))
                });
                let resting = self
                    .names("resting", "")
                    .try_filter_map(async |(name, _)| Ok(name.split('.').next().and_then(|id| id.parse().ok())));
                failing.chain(resting).try_collect().await?
            }
        };
        let mut count = 0;
        for id in ids {
            let due = |object: &mut Object| {
                let failed = object.stored.mails.iter_mut().filter(|mail| mail.state == MailState::Failed);
                let count = failed.map(|mail| (mail.due, mail.attempts) = (Some(now.as_second()), 0)).count();
                (count > 0).then_some(count)
            };
            count += self.change(id, due).await?.map_or(0, |(count, _)| count);
        }
        Ok(count)
    }

    async fn page(&self, order: Order, after: Option<Uuid>, limit: u32) -> Result<Vec<Envelope>, StoreError> {
        let limit = limit as usize;
        let id = |name: &str| name.parse::<Uuid>().map_err(|_| StoreError::Damaged);
        let ids = match order {
            Order::Oldest => {
                let after = after.map_or_else(String::new, |id| id.to_string());
                self.names("registration", &after).map(move |found| id(&found?.0)).boxed()
            }
            // Buckets are read from one end only, so their names are read up to where the page ends.
            Order::Newest => {
                let mut ids: Vec<Uuid> =
                    self.names("registration", "").map(move |found| id(&found?.0)).try_collect().await?;
                ids.retain(|id| after.is_none_or(|after| *id < after));
                ids.reverse();
                stream::iter(ids.into_iter().map(Ok)).boxed()
            }
        };
        // One that is erased meanwhile makes room for the next.
        ids.map(|id| async { Ok(self.read(id?).await?.map(|(object, _)| object.stored.envelope)) })
            .buffered(READS_MAX.min(limit))
            .try_filter_map(async |found| Ok(found))
            .take(limit)
            .try_collect()
            .await
    }

    async fn numbers(&self, now: Timestamp) -> Result<Numbers, StoreError> {
        let mut numbers = Numbers { registrations: 0, lately: 0, held: 0, outbox: Outbox::default() };
        let since = now.as_second() - SAME_SECONDS;
        let mut registrations = self.names("registration", "");
        while let Some(found) = registrations.next().await {
            let id: Uuid = found?.0.parse().map_err(|_| StoreError::Damaged)?;
            let received = id.get_timestamp().map_or(0, |moment| moment.to_unix().0);
            numbers.registrations += 1;
            numbers.lately += u64::from(i64::try_from(received).is_ok_and(|received| received > since));
        }
        let mut marks = self.names("outbox", "");
        while let Some(found) = marks.next().await {
            let is_failing = found?.0.ends_with(MailState::Failed.word());
            *(if is_failing { &mut numbers.outbox.failing } else { &mut numbers.outbox.pending }) += 1;
        }
        numbers.outbox.resting = self.count("resting").await?;
        numbers.held = self.count("held").await?;
        Ok(numbers)
    }

    async fn count(&self, folder: &str) -> Result<u64, StoreError> {
        self.names(folder, "").try_fold(0, async |count, _| Ok(count + 1)).await
    }
}

#[async_trait]
impl Store for Objects {
    #[cfg(feature = "staff")]
    fn records(&self) -> &dyn RecordStore {
        self
    }

    async fn removes_after(&self) -> Result<Option<u32>, StoreError> {
        in_time(self.bucket.removes_after(&self.objects)).await
    }

    async fn reach(&self) -> Result<(), StoreError> {
        in_time(self.version()).await.map(drop)
    }

    async fn insert(&self, new: &Stored) -> Result<Inserted, StoreError> {
        in_time(self.insert(new)).await
    }

    async fn get(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        in_time(self.get(id)).await
    }

    async fn page(&self, order: Order, after: Option<Uuid>, limit: u32) -> Result<Vec<Envelope>, StoreError> {
        // As long as it takes, with a limit for each answer: a page is many objects, and nobody waits for it but staff.
        self.page(order, after, limit).await
    }

    async fn restore(&self, stored: &Stored) -> Result<bool, StoreError> {
        in_time(async {
            let Envelope { id, received, .. } = stored.envelope;
            let is_new = self.write(stored).await?;
            // The same answers are known here, too, from now on; where another has had them, that is as well.
            self.claim(&format!("same/{}", stored.submission_key), &id.to_string(), received.as_second()).await?;
            Ok(is_new)
        })
        .await
    }

    async fn ids_of_person(&self, key: &str) -> Result<Vec<Uuid>, StoreError> {
        // A mark may have stayed of what is not there.
        let mut names = self.names(&format!("person/{key}"), "");
        let mut ids = Vec::new();
        while let Some(found) = names.next().await {
            ids.extend(self.first(&found?.0).await?);
        }
        Ok(ids)
    }

    async fn data_keys(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(Uuid, DataKey)>, StoreError> {
        let after = after.map_or_else(String::new, |id| id.to_string());
        self.names("data_key", &after)
            .map(|found| async {
                let id: Uuid = found?.0.parse().map_err(|_| StoreError::Damaged)?;
                Ok(self.read_data_key(id).await?.map(|(data_key, _)| (id, data_key)))
            })
            .buffered(READS_MAX.min(limit as usize))
            .try_filter_map(async |found| Ok(found))
            .take(limit as usize)
            .try_collect()
            .await
    }

    async fn replace_data_key(&self, id: Uuid, seen: &DataKey, new: &DataKey) -> Result<bool, StoreError> {
        in_time(async {
            match self.read_data_key(id).await? {
                Some((found, version)) if found.sealed == seen.sealed => {
                    self.replace(&format!("data_key/{id}"), &data_key_record(new), version).await
                }
                _ => Ok(false),
            }
        })
        .await
    }

    async fn release(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let release = |Object { stored, .. }: &mut Object| {
            stored.envelope.held.take()?;
            stored.envelope.revision += 1;
            let mail = Mail { due: Some(now.as_second()), ..Mail::to_be_sent(MailKind::Staff, None, now) };
            stored.mails.retain(|mail| mail.kind != MailKind::Staff);
            stored.mails.insert(0, mail);
            Some(())
        };
        Ok(in_time(self.change(id, release)).await?.is_some())
    }

    async fn take_due(&self, now: Timestamp, limit: u32) -> Result<Vec<(Stored, MailKind)>, StoreError> {
        in_time(self.take_due(now, limit)).await
    }

    async fn note_mail(&self, id: Uuid, kind: MailKind, outcome: Attempt, now: Timestamp) -> Result<(), StoreError> {
        let note = |object: &mut Object| {
            let mail = object.stored.mails.iter_mut().find(|mail| mail.kind == kind)?;
            *mail = mail.clone().after(outcome, now);
            Some(())
        };
        in_time(self.change(id, note)).await.map(drop)
    }

    async fn claim(&self, key: &str, owner: &str, _until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        // What has ended is for the bucket's rule of expiry to remove; until then it does no harm.
        let name = format!("claim/{key}");
        let claim = Claim { owner: owner.to_owned(), received_seconds: now.as_second() };
        in_time(async {
            if self.create(&name, &claim).await? {
                return Ok(true);
            }
            Ok(self.read_json::<Claim>(&name).await?.is_some_and(|(first, _)| first.owner == owner))
        })
        .await
    }

    async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        // As a page: for staff, and as long as it takes.
        self.make_due(id, now).await
    }

    async fn numbers(&self, now: Timestamp) -> Result<Numbers, StoreError> {
        self.numbers(now).await
    }
}

/// A registration with its data key, which is in its own place, or with its content until it is there.
fn whole(Object { stored, .. }: Object, data_key: Option<DataKey>) -> Stored {
    Stored { data_key: stored.data_key.or(data_key), ..stored }
}

/// Ends what a visitor waits for when its time is over.
async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let done = tokio::time::timeout(OPERATION_TIME_MAX, work).await;
    done.unwrap_or_else(|_| Err(StoreError::Other("no answer in time".to_owned())))
}

fn json(value: &impl Serialize) -> PutPayload {
    serde_json::to_vec(value).expect("invariant: what is stored can be written as JSON").into()
}
