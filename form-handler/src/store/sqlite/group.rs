//! Group commit: what waits to be written is written in one transaction, because the disk takes as long for many as for one.
//!
//! Each piece of work stands in a savepoint of its own, so that one that fails takes nothing of the others back; each is
//! answered after the commit, which is when it is durable. It knows nothing of what is written.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::store::StoreError;

/// A group waits for others for this part of the time that the disk took for the one before.
const GATHERING_PART: u32 = 4;

/// Work, and what became of it.
type Done = (Box<dyn Work>, Result<(), StoreError>);

/// What waits to be written.
#[derive(Default)]
pub(super) struct Groups {
    waiting: Mutex<Waiting>,
    /// Told of work that is added.
    added: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: Vec<Box<dyn Work>>,
    /// How much work was in the last group.
    last: usize,
    /// How long its commit took.
    last_time: Duration,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Groups")
    }
}

/// Some work and the one who waits for it, whatever the work gives.
trait Work: Send {
    /// Whether anybody waits.
    fn is_wanted(&self) -> bool;

    /// Does it, once. What it gives is kept until it is durable.
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError>;

    /// Tells what became of it and of the transaction.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Submitted<T, W> {
    work: Option<W>,
    done: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, W> Work for Submitted<T, W>
where
    W: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let work = self.work.take().expect("invariant: work is done once");
        self.done = Some(work(transaction)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { done, reply, .. } = *self;
        // Who went away is told nothing; it was done all the same, and may be done again.
        let _ = reply.send(committed.map(|()| done.expect("invariant: what was committed was done")));
    }
}

impl Groups {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has some work done by the next who commits; what becomes of it.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.waiting().work.push(Box::new(Submitted { work: Some(work), done: None, reply }));
        self.added.notify_one();
        answer
    }

    /// Does all that waits in one transaction, and answers each when it is durable.
    ///
    /// # Errors
    /// When other programs keep the file busy for longer than this; then the work still waits, for whoever has more time.
    pub(super) fn commit(&self, connection: &mut Connection, time_max: Duration) -> Result<(), StoreError> {
        connection.busy_timeout(time_max)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut group = self.gather();
        let begun = Instant::now();
        let committed = write(transaction, &mut group);
        let mut waiting = self.waiting();
        (waiting.last, waiting.last_time) = (group.len(), begun.elapsed());
        drop(waiting);
        for (work, done) in group {
            work.answer(done.and_then(|()| committed.clone()));
        }
        Ok(())
    }

    /// What waits. Where there were several a moment ago they are about to come again: without waiting for them they would
    /// come one half at a time, and each half would wait for the other's commit.
    fn gather(&self) -> Vec<Done> {
        let waiting = self.waiting();
        let (expected, time_max) = (waiting.last, waiting.last_time / GATHERING_PART);
        let is_alone = |waiting: &mut Waiting| waiting.work.len() < expected;
        let gathered = self.added.wait_timeout_while(waiting, time_max, is_alone);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let wanted = std::mem::take(&mut waiting.work).into_iter().filter(|work| work.is_wanted());
        wanted.map(|work| (work, Ok(()))).collect()
    }
}

/// Writes a group, and notes what became of each.
fn write(transaction: Transaction<'_>, group: &mut [Done]) -> Result<(), StoreError> {
    let say = |sql: &str| transaction.prepare_cached(sql)?.execute([]);
    for (work, done) in group {
        say("savepoint one")?;
        *done = work.run(&transaction);
        if let Err(error) = done {
            // A full disk takes the whole transaction back, and with it the savepoint.
            say("rollback to one").map_err(|_| error.clone())?;
        }
        say("release one")?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;
    use crate::store::sqlite::Sqlite;

    /// Has numbers written, all at a time, each with so many bytes; those that were said to be there, those that are, and what
    /// was said of the others.
    async fn write_at_once(
        store: &Arc<Sqlite>,
        numbers: std::ops::Range<i64>,
        size_bytes: usize,
    ) -> (Vec<i64>, Vec<i64>, Vec<StoreError>) {
        let mut tasks = JoinSet::new();
        for number in numbers {
            let store = Arc::clone(store);
            let work = move |transaction: &Transaction<'_>| {
                transaction.execute("insert into number values (?1, zeroblob(?2))", (number, size_bytes as i64))?;
                if number % 3 == 0 { Err(StoreError::Missing) } else { Ok(number) }
            };
            tasks.spawn(async move { store.in_transaction(work).await });
        }
        let (mut told, mut failed) = (Vec::new(), Vec::new());
        for answer in tasks.join_all().await {
            match answer {
                Ok(number) => told.push(number),
                Err(error) => failed.push(error),
            }
        }
        told.sort_unstable();
        let read = |connection: &mut Connection| {
            let mut query = connection.prepare("select number from number order by number")?;
            Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        (told, store.in_background(read).await.unwrap(), failed)
    }

    async fn store(folder: &tempfile::TempDir) -> Arc<Sqlite> {
        let store = Arc::new(Sqlite::open(&folder.path().join("a.sqlite")).unwrap());
        let table = |connection: &mut Connection| {
            Ok(connection.execute_batch("create table number (number integer primary key, content blob)")?)
        };
        store.in_background(table).await.unwrap();
        store
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_fails_takes_nothing_back_that_others_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let (told, written, failed) = write_at_once(&store, 0..300, 1).await;
        assert_eq!(told, (0..300).filter(|number| number % 3 > 0).collect::<Vec<_>>());
        assert_eq!(written, told);
        assert!(failed.len() == 100 && failed.iter().all(|error| matches!(error, StoreError::Missing)), "{failed:?}");
        assert!(store.groups.waiting().work.is_empty());
    }

    /// It takes the whole transaction back, and whoever stands in it is told so.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_disk_that_fills_up_while_many_write_keeps_what_was_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let pages = |count: i64| {
            move |connection: &mut Connection| {
                Ok(connection.pragma_update_and_check(None, "max_page_count", count, |row| row.get::<_, i64>(0))?)
            }
        };
        let most = store.in_background(pages(100)).await.unwrap();
        assert_eq!(most, 100);
        let mut all = Vec::new();
        for lot in 0..20 {
            let (told, written, failed) = write_at_once(&store, 10 * lot + 1..10 * lot + 11, 4000).await;
            all.extend(told);
            assert_eq!(written, all);
            let is_known = |error: &StoreError| matches!(error, StoreError::Full | StoreError::Missing);
            assert!(failed.iter().all(is_known), "{failed:?}");
        }
        assert!((40..100).contains(&all.len()), "{}", all.len());
        store.in_background(pages(1_000_000)).await.unwrap();
        let (told, ..) = write_at_once(&store, 1000..1100, 4000).await;
        assert_eq!(told.len(), 67, "there is room again");
    }
}
