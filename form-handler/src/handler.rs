//! The one function: a request in, an answer out, and a registration in between.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use jiff::Timestamp;
use serde_json::json;
use statement::contract::{
    Contract, FieldContract, FormContract, PROOF_FIELD, STATEMENT_DIGEST_FIELD, STATEMENT_VERSION_FIELD,
    StatementInForce, UNSEEN_FIELD,
};
use statement::form::{FieldKind, Notify};
use tracing::Instrument as _;

use crate::answer::{Asked, answer_json, html, json_error, see_other, told, wants_json};
use crate::body::{self, Pairs};
use crate::delivery::{Delivered, Delivery, Redelivered};
use crate::door::{Counter, RECEIPTS_MAX, SUBMISSIONS_MAX, is_of_another_site};
use crate::fields;
use crate::page::{self, Values};
use crate::private::Private;
use crate::proof::{ProofKey, Unproven};
use crate::proxy::ProxySecret;
use crate::refusal::{FieldMessage, Refusal};
use crate::registration::Registration;
use crate::request_id::RequestId;
use crate::store::{Numbers, StoreError};

mod receipt;

/// Every form may be sent bodies of this length, whatever it asks.
const SIZE_BYTES_FLOOR: usize = 64 * 1024;
/// How much longer a body may be and still be read, so that who pasted too much keeps it: far more than people write, and
/// less than any host hands on.
const SIZE_BYTES_SPARE: usize = 1024 * 1024;
/// Around a name and a value, in JSON with spaces between.
const SIZE_BYTES_OF_PAIR: usize = 16;
/// The hidden fields: their names, a version, a digest and a proof of work.
const SIZE_BYTES_HIDDEN: usize = 4 * 1024;

/// Answers requests by a contract.
#[derive(Debug)]
pub struct Handler {
    contract: Arc<Contract>,
    delivery: Arc<Delivery>,
    proxy_secret: Option<ProxySecret>,
    counter: Option<Counter>,
    /// What browsers are told on every answer, as on the site's pages.
    content_security_policy: Option<HeaderValue>,
    /// Counts those who ask for receipts.
    reading: Option<Counter>,
    /// Where the host says what it calls a request.
    request_id_header: Option<HeaderName>,
}

/// A form of the contract with its id and the statement it is shown under.
#[derive(Clone, Copy)]
struct Form<'a> {
    id: &'a str,
    form: &'a FormContract,
    statement: &'a StatementInForce,
}

impl Handler {
    /// Refuses a contract that could not be obeyed.
    ///
    /// # Errors
    /// Says which form asks for what is not declared, or would have its answers lost.
    pub fn new(contract: Contract, delivery: Arc<Delivery>) -> Result<Self, String> {
        for (id, form) in &contract.forms {
            check_delivery(id, form, contract.statement.as_ref(), &delivery)?;
            let declared = contract.statement.as_ref().map(|statement| statement.fields.as_slice()).unwrap_or_default();
            if let Some(field) = form.fields.iter().find(|field| !declared.contains(&field.name)) {
                return Err(format!(
                    "the contract's form `{id}` asks for `{}`, which its statement does not declare; build the site again",
                    field.name
                ));
            }
            if !delivery.stores() && form.notify == Notify::Reference {
                return Err(format!(
                    "CANDOR_STORE is `none`, and the mail of the form `{id}` does not hold the answers: they would be \
                     lost; configure a store, or set `notify: full` in content/forms/{id}.yaml"
                ));
            }
        }
        let policy = contract.content_security_policy.as_deref().map(HeaderValue::from_str).transpose();
        let content_security_policy = policy
            .map_err(|_| "the contract's `content_security_policy` is no header; build the site again".to_owned())?;
        let contract = Arc::new(contract);
        Ok(Self {
            contract,
            delivery,
            proxy_secret: None,
            counter: None,
            reading: None,
            request_id_header: None,
            content_security_policy,
        })
    }

    /// From now on takes only what the site's host has signed with the secret, if there is one.
    #[must_use]
    pub fn behind_proxy(self, proxy_secret: Option<ProxySecret>) -> Self {
        Self { proxy_secret, ..self }
    }

    /// From now on counts submissions by the network that a header of the host names, where the statement lets the
    /// visitor's address be looked at for the security of the network.
    #[must_use]
    pub fn counting(self, client_address_header: Option<HeaderName>) -> Self {
        let statement = self.contract.statement.as_ref();
        let may = statement.is_some_and(|statement| statement.security_data.iter().any(|datum| datum == "ip-address"));
        let header = client_address_header.filter(|_| may);
        Self {
            counter: header.clone().map(|header| Counter::new(header, SUBMISSIONS_MAX)),
            reading: header.map(|header| Counter::new(header, RECEIPTS_MAX)),
            ..self
        }
    }

    /// From now on calls a request what a header of the host calls it.
    #[must_use]
    pub fn calling_requests_by(self, request_id_header: Option<HeaderName>) -> Self {
        Self { request_id_header, ..self }
    }

    /// Tries again to send mail that is due, at most so many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redeliver(&self, now: Timestamp, limit: u32) -> Result<Redelivered, StoreError> {
        self.delivery.redeliver(&self.contract, now, limit).await
    }

    /// What is in the store, where there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn numbers(&self, now: Timestamp) -> Result<Option<Numbers>, StoreError> {
        self.delivery.numbers(now).await
    }

    /// Whether the store answers, where there is one.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reach(&self) -> Result<(), StoreError> {
        self.delivery.reach().await
    }

    /// Waits until no delivery is under way; for before the process ends.
    pub async fn finish(&self) {
        self.delivery.finish().await;
    }

    /// Answers a request that arrives `now`.
    pub async fn handle<B>(&self, request: Request<B>, now: Timestamp) -> Response<Bytes>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = RequestId::of(request.headers(), self.request_id_header.as_ref());
        let span = tracing::info_span!("request", request = id.as_str());
        let mut response = self.answer_to(request, &id, now).instrument(span).await;
        if let Some(policy) = &self.content_security_policy {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    }

    async fn answer_to<B>(&self, request: Request<B>, id: &RequestId, now: Timestamp) -> Response<Bytes>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let asked = Asked { headers: &head.headers, id };
        if let Some((form, kind)) = self.receipt_at(head.uri.path()) {
            return self.show_receipt(form, kind, &head, asked, now).await;
        }
        if let Some((form, key)) = self.challenge_at(head.uri.path()) {
            return challenge(form, key, &head.method, asked, now);
        }
        let Some(form) = self.form_at(head.uri.path()) else {
            tracing::warn!(status = 404, "a request for no form");
            let text = "There is no form at this address.";
            return told(StatusCode::NOT_FOUND, "Page not found", text, asked);
        };
        match head.method {
            Method::POST => {}
            // Somebody reloads the address bar after a mistake: the form is where they want to be.
            Method::GET | Method::HEAD => return see_other(&form.form.page),
            _ => {
                tracing::warn!(form = form.id, status = 405, "a request of another method");
                let text = "A form is sent with POST.";
                let mut response = told(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", text, asked);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
                return response;
            }
        }
        let mut values = Values::new();
        match self.take(form, &head.headers, body, now, &mut values).await {
            Ok(delivered) => accepted(form, &delivered, self.delivery.stores(), asked),
            Err(refusal) => {
                tracing::warn!(
                    form = form.id,
                    status = refusal.status().as_u16(),
                    reason = refusal.log_word(),
                    "a submission was refused"
                );
                refused(form, &values, &refusal, asked)
            }
        }
    }

    /// The form whose endpoint a path is; hosts may put a stage in front of it.
    fn form_at(&self, path: &str) -> Option<Form<'_>> {
        let statement = self.contract.statement.as_ref()?;
        let (id, form) = self.contract.forms.iter().find(|(_, form)| path.ends_with(&form.endpoint))?;
        Some(Form { id, form, statement })
    }

    /// Turns a submission into a durable registration; `values` is what was typed, for showing it again.
    async fn take<B>(
        &self,
        form: Form<'_>,
        headers: &HeaderMap,
        body: B,
        now: Timestamp,
        values: &mut Values,
    ) -> Result<Delivered, Refusal>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(secret) = &self.proxy_secret
            && !secret.has_signed(headers, &self.contract.base_url, now)
        {
            return Err(Refusal::Unsigned);
        }
        if is_of_another_site(headers, &self.contract.base_url) {
            return Err(Refusal::ForeignOrigin);
        }
        let format = body::format(headers)?;
        let size_usual = size_bytes_usual(form.form);
        let limits = body::Limits { size_bytes_max: size_usual + SIZE_BYTES_SPARE, pairs_max: pairs_max(form.form) };
        let body::Read { pairs, size_bytes, refusal } = body::read(headers, format, body, limits).await;
        let sorted = sort_pairs(form.form, pairs, limits.pairs_max, values);
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        // After the body, so that what was typed is kept.
        if self.counter.as_ref().is_some_and(|counter| counter.is_too_many(headers, now)) {
            return Err(Refusal::TooOften);
        }
        // In a long body that is ours it is an answer that is too long, and its own message says so.
        let shown = sorted.map_err(|refusal| if size_bytes > size_usual { Refusal::TooLarge } else { refusal })?;
        let Shown { statement: shown, is_by_program, proof } = shown;
        if shown != (Some(form.statement.version.clone()), Some(form.statement.digest.clone())) {
            return Err(Refusal::StatementChanged(shown.1));
        }
        let answer = |name: &str| values.get(name).map_or("", |value| value.expose().as_str());
        let wrong: Vec<FieldMessage> = form
            .form
            .fields
            .iter()
            .filter_map(|field| {
                let message = fields::check(field, answer(&field.name), answer)?;
                Some(FieldMessage { field: field.name.clone(), message: message.to_owned() })
            })
            .collect();
        if !wrong.is_empty() {
            return Err(Refusal::Invalid(wrong));
        }
        let mut registration = Registration {
            id: Registration::id(now),
            received: now,
            form: form.id.to_owned(),
            form_sha256: form.form.sha256.clone(),
            statement_version: form.statement.version.clone(),
            statement_digest: form.statement.digest.clone(),
            held: is_by_program.then(|| "unseen_field".to_owned()),
            address: form.form.confirmation.as_ref().and_then(|field| values.get(field)).cloned().filter(is_given),
            fields: form
                .form
                .fields
                .iter()
                .map(|field| {
                    let value = values.get(&field.name).cloned().unwrap_or_else(|| Private::new(String::new()));
                    (field.name.clone(), value)
                })
                .collect(),
        };
        if let Err(reason) = self.check_proof(form, &proof, &registration).await? {
            registration.held.get_or_insert_with(|| reason.word().to_owned());
        }
        self.delivery.deliver(&registration, &self.contract).await.map_err(|_| Refusal::Unavailable)
    }

    /// Whether the browser has proven its work, where the form asks for that.
    async fn check_proof(
        &self,
        form: Form<'_>,
        proof: &str,
        registration: &Registration,
    ) -> Result<Result<(), Unproven>, Refusal> {
        let Some(key) = self.delivery.proof_key().filter(|_| form.form.proof_of_work) else { return Ok(Ok(())) };
        let solved = match key.check(proof, form.id, registration.received) {
            Ok(solved) => solved,
            Err(reason) => return Ok(Err(reason)),
        };
        match self.delivery.claim(&solved, registration).await {
            Ok(is_first) => Ok(if is_first { Ok(()) } else { Err(Unproven::Used) }),
            Err(error) => {
                tracing::error!(form = form.id, %error, "a proof of work could not be claimed");
                Err(Refusal::Unavailable)
            }
        }
    }

    /// The form whose challenges are at a path, and what they are signed with.
    fn challenge_at(&self, path: &str) -> Option<(Form<'_>, &ProofKey)> {
        let form = self.form_at(path.strip_suffix("/challenge")?)?;
        Some((form, self.delivery.proof_key().filter(|_| form.form.proof_of_work)?))
    }
}

/// Whoever is told of registrations is declared, and can be told.
fn check_delivery(
    id: &str,
    form: &FormContract,
    statement: Option<&StatementInForce>,
    delivery: &Delivery,
) -> Result<(), String> {
    let declared = statement.and_then(|statement| Some((&statement.version, statement.mailboxes.as_ref()?)));
    let is_declared =
        |address: &String, known: &[String]| known.iter().any(|known| known.eq_ignore_ascii_case(address));
    if let (Notify::Full, Some((version, known))) = (form.notify, declared)
        && let Some(mailbox) = delivery.mailboxes().iter().find(|address| !is_declared(address, known))
    {
        return Err(format!(
            "P152: CANDOR_MAIL_TO: `notify: full` of the form `{id}` would copy what it asks into `{mailbox}`, which is no \
             declared store of statement {version}; write `notify: reference`, or declare the mailbox in \
             content/site.yaml and build again"
        ));
    }
    let addresses = form.recipients.iter().flat_map(|recipients| recipients.to.values().flatten());
    if let Some(wrong) = addresses.into_iter().find(|address| fields::email(address).is_none()) {
        return Err(format!("the contract's form `{id}` sends mail to `{wrong}`, which is no e-mail address"));
    }
    match &form.webhook {
        Some(webhook) if !statement.is_some_and(|statement| statement.receives(&webhook.to)) => Err(format!(
            "P140: the contract's form `{id}` has a webhook for `{}`, which its statement does not declare as a recipient; \
             build the site again",
            webhook.to
        )),
        Some(webhook) if !delivery.can_tell() => Err(format!(
            "CANDOR_WEBHOOK_SECRET: not set, and the form `{id}` tells {}; agree on a secret with them",
            webhook.to
        )),
        _ if !form.proof_of_work => Ok(()),
        _ if delivery.proof_key().is_none() => Err(format!(
            "CANDOR_PROOF_KEY: not set, and the form `{id}` has `proof_of_work: true`; give every instance of the function \
             the same random one: `openssl rand -hex 32`"
        )),
        _ if !delivery.stores() => Err(format!(
            "CANDOR_STORE is `none`, and the form `{id}` has `proof_of_work: true`: who sends it without a proof is held, and \
             there is nowhere to hold it"
        )),
        _ => Ok(()),
    }
}

/// What a browser must solve before it sends the form.
fn challenge(form: Form<'_>, key: &ProofKey, method: &Method, asked: Asked<'_>, now: Timestamp) -> Response<Bytes> {
    if *method == Method::GET {
        return answer_json(StatusCode::OK, &key.challenge(form.id, now));
    }
    let mut response =
        told(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "A challenge is read with GET.", asked);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    response
}

/// The longest body in which all answers can be of the length the form allows: a character takes 12 bytes at most, as
/// four percent-encoded ones (URL Standard, section 1.3) or as two escapes in JSON; a name may be encoded too.
fn size_bytes_usual(form: &FormContract) -> usize {
    let answers: usize =
        form.fields.iter().map(|field| 12 * field.characters_max + 3 * field.name.len() + SIZE_BYTES_OF_PAIR).sum();
    (answers + SIZE_BYTES_HIDDEN).max(SIZE_BYTES_FLOOR)
}

/// As many pairs as a browser can send: the fields, of a field of boxes every box, and the hidden ones.
fn pairs_max(form: &FormContract) -> usize {
    let of = |field: &FieldContract| if field.kind == FieldKind::Choices { field.options.len() } else { 1 };
    form.fields.iter().map(of).sum::<usize>() + 3 + usize::from(form.proof_of_work)
}

/// What a submission says besides the answers.
struct Shown {
    /// Version and digest of the statement that was shown.
    statement: (Option<String>, Option<String>),
    /// Whether something stands where no person would write.
    is_by_program: bool,
    /// The proof of work; empty where there is none.
    proof: String,
}

/// Sorts pairs into the form's values, normalised, and the rest. Of a field
/// that is repeated the first value is kept.
fn sort_pairs(form: &FormContract, pairs: Pairs, pairs_max: usize, values: &mut Values) -> Result<Shown, Refusal> {
    let (mut version, mut digest, mut unseen, mut proof) = (None, None, None, None);
    let mut refusal = (pairs.len() > pairs_max).then_some(Refusal::TooManyFields);
    for (name, value) in pairs {
        let is_repeated = if name == STATEMENT_VERSION_FIELD {
            version.replace(value.expose().clone()).is_some()
        } else if name == STATEMENT_DIGEST_FIELD {
            digest.replace(value.expose().clone()).is_some()
        } else if name == UNSEEN_FIELD {
            unseen.replace(!value.expose().is_empty()).is_some()
        } else if name == PROOF_FIELD && form.proof_of_work {
            proof.replace(value.expose().clone()).is_some()
        } else if let Some(field) = form.fields.iter().find(|field| field.name == name) {
            let value = fields::normalise(field.kind, value.expose());
            match values.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(Private::new(value));
                    false
                }
                // Every box that is ticked is a pair of its own.
                Entry::Occupied(mut chosen) if field.kind == FieldKind::Choices => {
                    chosen.insert(Private::new(format!("{}\n{value}", chosen.get().expose())));
                    false
                }
                Entry::Occupied(_) => true,
            }
        } else {
            refusal.get_or_insert(Refusal::UndeclaredField);
            false
        };
        if is_repeated {
            refusal.get_or_insert(Refusal::RepeatedField);
        }
    }
    let shown =
        Shown { statement: (version, digest), is_by_program: unseen == Some(true), proof: proof.unwrap_or_default() };
    refusal.map_or(Ok(shown), Err)
}

fn is_given(value: &Private<String>) -> bool {
    !value.expose().is_empty()
}

/// Where something is stored, the thank-you page has the receipt.
fn accepted(form: Form<'_>, delivered: &Delivered, stores: bool, asked: Asked<'_>) -> Response<Bytes> {
    let thanks = format!("{}?reference={}", form.form.thanks, delivered.id);
    if !wants_json(asked.headers) {
        let receipt = receipt::location(&form.form.endpoint, delivered.id);
        return see_other(if stores { &receipt } else { &thanks });
    }
    let mut answer = json!({"reference": delivered.id, "thanks": thanks, "request": asked.id.as_str()});
    match &delivered.receipt {
        // It is canonical JSON of our own; as a value of the answer it may be put into another order.
        Some(receipt) => {
            answer["receipt"] = serde_json::from_str(receipt).expect("invariant: a receipt is JSON");
            answer_json(StatusCode::CREATED, &answer)
        }
        None => answer_json(StatusCode::OK, &answer),
    }
}

fn refused(form: Form<'_>, values: &Values, refusal: &Refusal, asked: Asked<'_>) -> Response<Bytes> {
    if wants_json(asked.headers) {
        let error = refusal.message(&form.form.messages).unwrap_or("Some answers must be changed");
        return answer_json(refusal.status(), &json_error(error, refusal.fields(), asked.id));
    }
    let earlier = match refusal {
        Refusal::StatementChanged(Some(shown)) => form.statement.earlier.iter().find(|other| other.digest == *shown),
        _ => None,
    };
    let changes = earlier.map_or("", |earlier| &earlier.changes);
    html(refusal.status(), page::render(form.id, form.form, values, refusal, changes, asked.id))
}
