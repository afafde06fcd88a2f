//! Delivery: stored first, then mailed, as configured; done when what was configured is durable.
//!
//! Mail that fails stays in the store's outbox and is sent again, by whoever comes next.

use std::sync::Arc;

use jiff::Timestamp;
use statement::contract::Contract;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::mail::Mailer;
use crate::receipt;
use crate::registration::{MailKind, MailState, Registration};
use crate::settings::{Settings, StoreSettings};
use crate::store::{BUSY_TIME_MAX, Inserted, Outbox, Store, StoreError, Stored};

/// A visitor waits while the mails of this many others are tried again, where their own has just been sent.
const OTHERS_MAX: u32 = 2;

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

/// A registration that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Its id: that of the first, where the same answers came before.
    pub(crate) id: Uuid,
    /// Its receipt; none where it is that of the first.
    pub(crate) receipt: Option<String>,
}

/// How an attempt to send what was due went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redelivered {
    /// So many mails were sent.
    pub sent: usize,
    /// So many failed again.
    pub failed: usize,
}

/// What is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Registrations.
    pub registrations: u64,
    /// Those of them that have come in the last 24 hours.
    pub lately: u64,
    /// Those of them that are held as suspected spam.
    pub held: u64,
    /// Mail.
    pub outbox: Outbox,
}

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
    ) -> Result<Delivered, Undelivered> {
        self.under_way.send_modify(|count| *count += 1);
        let under_way = UnderWay(Arc::clone(self));
        let (registration, contract) = (registration.clone(), Arc::clone(contract));
        let task = tokio::spawn(async move { under_way.0.store_and_mail(&registration, &contract).await });
        task.await.unwrap_or(Err(Undelivered))
    }

    async fn store_and_mail(&self, registration: &Registration, contract: &Contract) -> Result<Delivered, Undelivered> {
        let (id, form_id) = (registration.id, &registration.form);
        let (Some(form), Some(statement)) = (contract.forms.get(form_id), &contract.statement) else {
            return Err(Undelivered);
        };
        let receipt = receipt::receipt(registration, form, statement);
        let mut kinds = vec![MailKind::Staff];
        kinds.extend(registration.address.as_ref().map(|_| MailKind::Confirmation));
        // Where nothing is stored there is nowhere to hold it.
        if self.mailer.is_none() || (registration.held.is_some() && self.store.is_some()) {
            kinds.clear();
        }
        let stored = Stored { registration: registration.clone(), receipt: receipt.clone(), mails: Vec::new() };
        let delivered = Delivered { id, receipt: Some(receipt) };
        let Some(store) = &self.store else {
            return self.mail_only(&stored, &kinds, contract).await.map(|()| delivered);
        };
        let (copy, wanted) = (stored.clone(), kinds.clone());
        let work = move |store: &mut Store| store.insert(&copy.registration, &copy.receipt, &wanted);
        match in_background(store, work).await {
            Err(error) => {
                // It is not mailed either: a mail about a registration that nobody can find misleads, and the visitor
                // is told to send it again.
                tracing::error!(%id, form = form_id, %error, "a registration could not be stored");
                return Err(Undelivered);
            }
            Ok(Inserted::Already(first)) => {
                tracing::info!(id = %first, form = form_id, "a registration is stored already");
                return Ok(Delivered { id: first, receipt: None });
            }
            Ok(Inserted::New { confirmation }) => {
                if kinds.contains(&MailKind::Confirmation) && !confirmation {
                    tracing::warn!(%id, form = form_id, "no confirmation is sent, because its address has had enough");
                    kinds.retain(|kind| *kind != MailKind::Confirmation);
                }
            }
        }
        if let Some(reason) = &registration.held {
            tracing::warn!(%id, form = form_id, reason, "a registration was stored and is held");
        } else if kinds.is_empty() {
            tracing::info!(%id, form = form_id, mail = MailState::None.word(), "a registration was stored");
        }
        let mut is_well = !kinds.is_empty();
        for kind in kinds {
            is_well &= self.send_and_note(store, &stored, kind, contract, registration.received).await;
        }
        if is_well && let Err(error) = self.redeliver(contract, registration.received, OTHERS_MAX).await {
            tracing::error!(%error, "mail that is due could not be looked for");
        }
        // The registration is safe whatever became of the mail.
        Ok(delivered)
    }

    /// Where nothing is stored, the mail to staff is what makes a registration safe.
    async fn mail_only(&self, stored: &Stored, kinds: &[MailKind], contract: &Contract) -> Result<(), Undelivered> {
        let Registration { id, form, .. } = &stored.registration;
        let mailer = self.mailer.as_ref().ok_or(Undelivered)?;
        for kind in kinds {
            match (mailer.send(stored, *kind, contract).await, kind) {
                (Ok(()), _) => {
                    tracing::info!(%id, form, kind = kind.word(), mail = MailState::Sent.word(), "a registration was mailed");
                }
                (Err(error), MailKind::Staff) => {
                    tracing::error!(%id, form, error = error.word(), "a registration could not be mailed");
                    return Err(Undelivered);
                }
                (Err(error), MailKind::Confirmation) => {
                    tracing::error!(%id, form, error = error.word(), "a confirmation could not be mailed");
                }
            }
        }
        Ok(())
    }

    /// Tries again to send mail that is due, at most so many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redeliver(&self, contract: &Contract, now: Timestamp, limit: u32) -> Result<Redelivered, StoreError> {
        let mut done = Redelivered::default();
        let (Some(store), Some(_)) = (&self.store, &self.mailer) else { return Ok(done) };
        for (stored, kind) in in_background(store, move |store| store.take_due(now, limit)).await? {
            if self.send_and_note(store, &stored, kind, contract, now).await {
                done.sent += 1;
            } else {
                done.failed += 1;
            }
        }
        Ok(done)
    }

    /// Takes a registration out of those that are held, with the mail to staff due now; whether it was held.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let Some(store) = &self.store else { return Ok(false) };
        in_background(store, move |store| store.release(id, now)).await
    }

    /// What is in the store, where there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn numbers(&self, now: Timestamp) -> Result<Option<Numbers>, StoreError> {
        let Some(store) = &self.store else { return Ok(None) };
        in_background(store, move |store| store.numbers(now)).await.map(Some)
    }

    /// Makes mail that has failed due now, of one registration or of all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        let Some(store) = &self.store else { return Ok(0) };
        in_background(store, move |store| store.make_due(id, now)).await
    }

    /// Whether the mail was sent; what became of it is in the store and in the log.
    async fn send_and_note(
        &self,
        store: &Arc<Mutex<Store>>,
        stored: &Stored,
        kind: MailKind,
        contract: &Contract,
        now: Timestamp,
    ) -> bool {
        let Registration { id, form, .. } = &stored.registration;
        let id = *id;
        let Some(mailer) = &self.mailer else { return false };
        let sent = mailer.send(stored, kind, contract).await;
        let word = kind.word();
        match sent {
            Ok(()) => {
                tracing::info!(%id, form, kind = word, mail = MailState::Sent.word(), "a registration was stored")
            }
            Err(error) => {
                let (mail, error) = (MailState::Failed.word(), error.word());
                tracing::error!(%id, form, kind = word, mail, error, "a registration was stored, its mail was not sent");
            }
        }
        let outcome = sent.map_err(|error| (error.word(), error.is_final()));
        if let Err(error) = in_background(store, move |store| store.note_mail(id, kind, outcome, now)).await {
            tracing::error!(%id, %error, "what became of a mail could not be stored");
        }
        sent.is_ok()
    }
}

/// Counts as a delivery under way until it is dropped, a panic included.
struct UnderWay(Arc<Delivery>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

/// Runs what waits for the disk where it holds up nobody. Waiting for one's turn and for other programs together has a
/// limit: in a queue, nobody waits for those in front to reach theirs.
async fn in_background<T: Send + 'static>(
    store: &Arc<Mutex<Store>>,
    work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let deadline = Instant::now() + BUSY_TIME_MAX;
    let turn = tokio::time::timeout_at(deadline, Arc::clone(store).lock_owned()).await;
    let mut store = turn.map_err(|_| StoreError::Locked)?;
    let done = tokio::task::spawn_blocking(move || {
        store.set_busy_time_max(deadline.saturating_duration_since(Instant::now()))?;
        work(&mut store)
    })
    .await;
    done.unwrap_or_else(|_| Err(StoreError::Other("the work was cut short".to_owned())))
}
