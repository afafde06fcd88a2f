//! Delivery: stored first, then mailed, as configured; done when what was configured is durable.
//!
//! Mail that fails stays in the store's outbox and is sent again, by whoever comes next.

use std::sync::Arc;

use jiff::Timestamp;
use statement::contract::Contract;
use tokio::sync::watch;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::mail::{MailError, Mailer};
use crate::proof::{ProofKey, Solved};
use crate::receipt;
use crate::registration::{MailKind, MailState, Registration};
use crate::seal::{Identities, Seal};
use crate::settings::Settings;
use crate::signing::SigningKey;
use crate::store::{Attempt, Inserted, Numbers, Store, StoreError, Stored};
use crate::webhook::Webhooks;

/// A visitor waits while the mails of this many others are tried again, where their own has just been sent.
const OTHERS_MAX: u32 = 2;

/// Where registrations go, opened.
#[derive(Debug)]
pub struct Delivery {
    store: Option<Arc<dyn Store>>,
    mailer: Option<Mailer>,
    seal: Seal,
    /// What opens what was stored, where staff do this.
    identities: Option<Identities>,
    webhooks: Option<Arc<Webhooks>>,
    /// Signs receipts.
    receipt_key: Option<Arc<SigningKey>>,
    proof_key: Option<ProofKey>,
    /// Whether nothing has to leave the machine.
    is_local: bool,
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

/// A registration that is not durable; nobody may be told that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undelivered;

impl Delivery {
    /// Opens the store and prepares the mail.
    ///
    /// # Errors
    /// When the store cannot be opened or the mail's settings cannot be used.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let store = match &settings.store {
            None => None,
            Some(location) => {
                let opened = location.open().await;
                Some(opened.map_err(|error| OpenError(format!("CANDOR_STORE: `{location}`: {error}")))?)
            }
        };
        let mailer = settings.mail.as_ref().map(Mailer::new).transpose().map_err(OpenError)?;
        Ok(Self {
            store,
            mailer,
            seal: settings.seal.clone(),
            identities: None,
            webhooks: settings.webhooks.as_ref().map(|webhooks| Arc::new(Webhooks::new(webhooks))),
            receipt_key: settings.receipt_key.clone(),
            proof_key: settings.proof_key.clone(),
            is_local: settings.is_local,
            under_way: watch::Sender::new(0),
        })
    }

    /// The same, opening with these what was sealed; for staff.
    #[must_use]
    pub fn opening_with(self, identities: Option<Identities>) -> Self {
        Self { identities, ..self }
    }

    /// Whether registrations are stored, so that a mail need not hold them.
    pub(crate) fn stores(&self) -> bool {
        self.store.is_some()
    }

    /// Whether a recipient's server would be told, or need not be because this is a machine of one's own.
    pub(crate) fn can_tell(&self) -> bool {
        self.webhooks.is_some() || self.is_local
    }

    /// What challenges for browsers are signed with.
    pub(crate) fn proof_key(&self) -> Option<&ProofKey> {
        self.proof_key.as_ref()
    }

    /// Whether a proof of work has not been used for another registration than this one.
    pub(crate) async fn claim(&self, solved: &Solved, registration: &Registration) -> Result<bool, StoreError> {
        let Some(store) = &self.store else { return Ok(true) };
        store
            .claim(&solved.key, &registration.submission_key(&self.seal.index), solved.until, registration.received)
            .await
    }

    /// The mailboxes that staff's mail goes to by the settings.
    pub(crate) fn mailboxes(&self) -> Vec<String> {
        self.mailer.as_ref().map(Mailer::mailboxes).unwrap_or_default()
    }

    /// A registration of the store, where there is one and it has it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn stored(&self, id: Uuid) -> Result<Option<Stored>, StoreError> {
        let Some(store) = &self.store else { return Ok(None) };
        store.get(id).await
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
        let work = async move { under_way.0.store_and_mail(&registration, &contract).await };
        let task = tokio::spawn(work.in_current_span());
        task.await.unwrap_or(Err(Undelivered))
    }

    async fn store_and_mail(&self, registration: &Registration, contract: &Contract) -> Result<Delivered, Undelivered> {
        let (id, form_id) = (registration.id, &registration.form);
        let (Some(form), Some(statement)) = (contract.forms.get(form_id), &contract.statement) else {
            return Err(Undelivered);
        };
        let receipt = receipt::receipt(registration, form, statement, self.receipt_key.as_deref());
        let mut kinds = Vec::new();
        // Where nothing is stored there is nowhere to hold it.
        if registration.held.is_none() || self.store.is_none() {
            if self.mailer.is_some() {
                kinds.push(MailKind::Staff);
                kinds.extend(registration.address.as_ref().map(|_| MailKind::Confirmation));
            }
            kinds.extend(form.webhook.as_ref().filter(|_| self.webhooks.is_some()).map(|_| MailKind::Webhook));
        }
        let Some(store) = &self.store else {
            self.mail_only(registration, &receipt, &kinds, contract).await?;
            return Ok(Delivered { id, receipt: Some(receipt) });
        };
        match store.insert(&registration.to_stored(form, &self.seal, &receipt, &kinds)).await {
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
            let sent = self.send(registration, &receipt, kind, contract, registration.received).await;
            self.note(&**store, id, kind, sent, registration.received).await;
            is_well &= sent == Attempt::Sent;
        }
        if is_well && let Err(error) = self.redeliver(contract, registration.received, OTHERS_MAX).await {
            tracing::error!(%error, "mail that is due could not be looked for");
        }
        // The registration is safe whatever became of the mail.
        Ok(Delivered { id, receipt: Some(receipt) })
    }

    /// Where nothing is stored, the mail to staff is what makes a registration safe.
    async fn mail_only(
        &self,
        registration: &Registration,
        receipt: &str,
        kinds: &[MailKind],
        contract: &Contract,
    ) -> Result<(), Undelivered> {
        let Registration { id, form, .. } = registration;
        if self.mailer.is_none() {
            return Err(Undelivered);
        }
        for kind in kinds {
            match (self.hand_over(registration, receipt, *kind, contract, registration.received).await, kind) {
                (Ok(()), _) => {
                    tracing::info!(%id, form, kind = kind.word(), mail = MailState::Sent.word(), "a registration was mailed");
                }
                (Err(error), MailKind::Staff) => {
                    tracing::error!(%id, form, error = error.word(), "a registration could not be mailed");
                    return Err(Undelivered);
                }
                (Err(error), _) => {
                    tracing::error!(%id, form, kind = kind.word(), error = error.word(), "somebody else could not be told");
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
        let Some(store) = self.store.as_ref().filter(|_| self.mailer.is_some() || self.webhooks.is_some()) else {
            return Ok(done);
        };
        for (stored, kind) in store.take_due(now, limit).await? {
            let id = stored.envelope.id;
            let registration = match kind {
                // Nothing of the answers leaves.
                MailKind::Webhook => Ok(Registration::without_answers(&stored.envelope)),
                MailKind::Staff | MailKind::Confirmation => {
                    Registration::for_mail(&stored, kind, &self.seal, self.identities.as_ref())
                }
            };
            let sent = match registration {
                Ok(registration) => self.send(&registration, &stored.envelope.receipt, kind, contract, now).await,
                Err(error) => {
                    tracing::error!(%id, kind = kind.word(), %error, "a registration cannot be read, its mail was not sent");
                    // Staff with an identity can send it; waiting does not help.
                    Attempt::Failed { error: error.word(), is_final: true }
                }
            };
            self.note(&**store, id, kind, sent, now).await;
            match sent {
                Attempt::Sent => done.sent += 1,
                Attempt::Failed { .. } => done.failed += 1,
            }
        }
        Ok(done)
    }

    /// What is in the store, where there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn numbers(&self, now: Timestamp) -> Result<Option<Numbers>, StoreError> {
        let Some(store) = &self.store else { return Ok(None) };
        store.numbers(now).await.map(Some)
    }

    /// Whether the store answers, where there is one.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reach(&self) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        store.reach().await
    }

    /// Makes mail that has failed due now, of one registration or of all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn make_due(&self, id: Option<Uuid>, now: Timestamp) -> Result<usize, StoreError> {
        let Some(store) = &self.store else { return Ok(0) };
        store.make_due(id, now).await
    }

    /// Hands it to the mail server or to the recipient's.
    async fn hand_over(
        &self,
        registration: &Registration,
        receipt: &str,
        kind: MailKind,
        contract: &Contract,
        now: Timestamp,
    ) -> Result<(), MailError> {
        if kind != MailKind::Webhook {
            let mailer = self.mailer.as_ref().ok_or(MailError::Unconfigured)?;
            return mailer.send(registration, receipt, kind, contract).await;
        }
        let form = contract.forms.get(&registration.form);
        match (&self.webhooks, form.and_then(|form| form.webhook.as_ref())) {
            (Some(webhooks), Some(webhook)) => webhooks.tell(registration, webhook, now).await,
            _ => Err(MailError::Unconfigured),
        }
    }

    /// Sends a mail about a registration that is stored; what became of it is in the log.
    async fn send(
        &self,
        registration: &Registration,
        receipt: &str,
        kind: MailKind,
        contract: &Contract,
        now: Timestamp,
    ) -> Attempt {
        let Registration { id, form, .. } = registration;
        let word = kind.word();
        match self.hand_over(registration, receipt, kind, contract, now).await {
            Ok(()) => {
                tracing::info!(%id, form, kind = word, mail = MailState::Sent.word(), "a registration was stored");
                Attempt::Sent
            }
            Err(failure) => {
                let (mail, error) = (MailState::Failed.word(), failure.word());
                tracing::error!(%id, form, kind = word, mail, error, "a registration was stored, its mail was not sent");
                Attempt::Failed { error, is_final: failure.is_final() }
            }
        }
    }

    /// Has the store know what became of a mail.
    async fn note(&self, store: &dyn Store, id: Uuid, kind: MailKind, sent: Attempt, now: Timestamp) {
        if let Err(error) = store.note_mail(id, kind, sent, now).await {
            tracing::error!(%id, %error, "what became of a mail could not be stored");
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
