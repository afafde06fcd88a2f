//! Delivery: stored first, then mailed, as configured; done when what was configured is durable.

use std::sync::Arc;

use statement::contract::Contract;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::mail::{MailError, Mailer};
use crate::registration::{MailState, Registration};
use crate::settings::{Settings, StoreSettings};
use crate::store::{BUSY_TIME_MAX, Store, StoreError};

/// Where registrations go, opened.
#[derive(Debug)]
pub struct Delivery {
    store: Option<Arc<Mutex<Store>>>,
    mailer: Option<Mailer>,
    /// How many deliveries are under way.
    under_way: watch::Sender<usize>,
}

/// Why delivery cannot begin; begins with the name of the variable to mend.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);

/// A registration that is not durable; nobody may be told that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undelivered;

impl Delivery {
    /// Opens the store and prepares the mail.
    ///
    /// # Errors
    /// When the store cannot be opened or the mail's settings cannot be used.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let store = match &settings.store {
            StoreSettings::None => None,
            StoreSettings::Sqlite(path) => {
                let opened = Store::open(path);
                let opened =
                    opened.map_err(|error| OpenError(format!("CANDOR_STORE: `{}`: {error}", path.display())))?;
                Some(Arc::new(Mutex::new(opened)))
            }
        };
        let mailer = settings.mail.as_ref().map(Mailer::new).transpose().map_err(OpenError)?;
        Ok(Self { store, mailer, under_way: watch::Sender::new(0) })
    }

    /// Whether registrations are stored, so that a mail need not hold them.
    pub(crate) fn stores(&self) -> bool {
        self.store.is_some()
    }

    /// Waits until no delivery is under way; for before the process ends.
    pub async fn finish(&self) {
        // The sender is our own, so there is always one to wait for.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Makes a registration of the contract's form durable as configured.
    ///
    /// A visitor who goes away takes the request's future along, so the work is a task of its own: what became of a mail
    /// is noted even when nobody waits for the answer.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        registration: &Registration,
        contract: &Arc<Contract>,
    ) -> Result<(), Undelivered> {
        self.under_way.send_modify(|count| *count += 1);
        let under_way = UnderWay(Arc::clone(self));
        let (registration, contract) = (registration.clone(), Arc::clone(contract));
        let task = tokio::spawn(async move { under_way.0.store_and_mail(&registration, &contract).await });
        task.await.unwrap_or(Err(Undelivered))
    }

    async fn store_and_mail(&self, registration: &Registration, contract: &Contract) -> Result<(), Undelivered> {
        let id = registration.id;
        if let Some(store) = &self.store {
            let state = if self.mailer.is_some() { MailState::Pending } else { MailState::None };
            let copy = registration.clone();
            if let Err(error) = in_background(store, move |store| store.insert(&copy, state)).await {
                // It is not mailed either: a mail about a registration that nobody can find misleads, and the visitor
                // is told to send it again.
                tracing::error!(%id, form = registration.form, %error, "a registration could not be stored");
                return Err(Undelivered);
            }
        }
        let Some(mailer) = &self.mailer else {
            tracing::info!(%id, form = registration.form, mail = MailState::None.word(), "a registration was stored");
            return Ok(());
        };
        let sent = mailer.send(registration, contract).await;
        match (&self.store, sent) {
            (None, Err(error)) => {
                tracing::error!(%id, form = registration.form, error = error.word(), "a registration could not be mailed");
                Err(Undelivered)
            }
            (None, Ok(())) => {
                tracing::info!(%id, form = registration.form, mail = MailState::Sent.word(), "a registration was mailed");
                Ok(())
            }
            // The registration is safe whatever became of the mail.
            (Some(store), sent) => {
                note_mail(store, registration, sent).await;
                Ok(())
            }
        }
    }
}

/// Counts as a delivery under way until it is dropped, a panic included.
struct UnderWay(Arc<Delivery>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

async fn note_mail(store: &Arc<Mutex<Store>>, registration: &Registration, sent: Result<(), MailError>) {
    let id = registration.id;
    let (state, word) = match sent {
        Ok(()) => (MailState::Sent, None),
        Err(error) => (MailState::Failed, Some(error.word())),
    };
    match word {
        None => tracing::info!(%id, form = registration.form, mail = state.word(), "a registration was stored"),
        Some(error) => {
            tracing::error!(%id, form = registration.form, mail = state.word(), error, "a registration was stored, its mail was not sent");
        }
    }
    if let Err(error) = in_background(store, move |store| store.set_mail(id, state, word)).await {
        tracing::error!(%id, %error, "what became of a mail could not be stored");
    }
}

/// Runs what waits for the disk where it holds up nobody. Waiting for one's turn and for other programs together has a
/// limit: in a queue, nobody waits for those in front to reach theirs.
async fn in_background<T: Send + 'static>(
    store: &Arc<Mutex<Store>>,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let deadline = Instant::now() + BUSY_TIME_MAX;
    let turn = tokio::time::timeout_at(deadline, Arc::clone(store).lock_owned()).await;
    let store = turn.map_err(|_| StoreError::Locked)?;
    let done = tokio::task::spawn_blocking(move || {
        store.set_busy_time_max(deadline.saturating_duration_since(Instant::now()))?;
        work(&store)
    })
    .await;
    done.unwrap_or_else(|_| Err(StoreError::Other("the work was cut short".to_owned())))
}
