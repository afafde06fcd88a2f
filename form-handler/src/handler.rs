//! The one function: a request in, an answer out, and a registration in between.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use jiff::Timestamp;
use serde_json::json;
use statement::contract::{Contract, FormContract, STATEMENT_DIGEST_FIELD, STATEMENT_VERSION_FIELD, StatementInForce};
use statement::form::Notify;

use crate::body::{self, Pairs};
use crate::delivery::Delivery;
use crate::fields;
use crate::page::{self, Values};
use crate::private::Private;
use crate::refusal::{FieldMessage, Refusal};
use crate::registration::Registration;

/// Answers requests by a contract.
#[derive(Debug)]
pub struct Handler {
    contract: Arc<Contract>,
    delivery: Arc<Delivery>,
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
        Ok(Self { contract: Arc::new(contract), delivery })
    }

    /// Answers a request that arrives `now`.
    pub async fn handle<B>(&self, request: Request<B>, now: Timestamp) -> Response<Bytes>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let Some(form) = self.form_at(head.uri.path()) else {
            tracing::warn!(status = 404, "a request for no form");
            let page = page::plain("Page not found", "There is no form at this address.");
            return html(StatusCode::NOT_FOUND, page);
        };
        match head.method {
            Method::POST => {}
            // Somebody reloads the address bar after a mistake: the form is where they want to be.
            Method::GET | Method::HEAD => return see_other(&form.form.page),
            _ => {
                tracing::warn!(form = form.id, status = 405, "a request of another method");
                let page = page::plain("Method not allowed", "A form is sent with POST.");
                let mut response = html(StatusCode::METHOD_NOT_ALLOWED, page);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
                return response;
            }
        }
        let mut values = Values::new();
        match self.take(form, &head.headers, body, now, &mut values).await {
            Ok(registration) => accepted(form, &registration, &head.headers),
            Err(refusal) => {
                tracing::warn!(
                    form = form.id,
                    status = refusal.status().as_u16(),
                    reason = refusal.log_word(),
                    "a submission was refused"
                );
                refused(form, &values, &refusal, &head.headers)
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
    ) -> Result<Registration, Refusal>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let format = body::format(headers)?;
        let pairs = body::read(headers, format, body).await?;
        let shown = sort_pairs(form.form, pairs, values)?;
        if shown != (Some(form.statement.version.clone()), Some(form.statement.digest.clone())) {
            return Err(Refusal::StatementChanged);
        }
        let wrong: Vec<FieldMessage> = form
            .form
            .fields
            .iter()
            .filter_map(|field| {
                let message = fields::check(field, values.get(&field.name).map_or("", |value| value.expose()))?;
                Some(FieldMessage { field: field.name.clone(), message: message.to_owned() })
            })
            .collect();
        if !wrong.is_empty() {
            return Err(Refusal::Invalid(wrong));
        }
        let registration = Registration {
            id: Registration::id(now),
            received: now,
            form: form.id.to_owned(),
            form_sha256: form.form.sha256.clone(),
            statement_version: form.statement.version.clone(),
            statement_digest: form.statement.digest.clone(),
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
        match self.delivery.deliver(&registration, &self.contract).await {
            Ok(()) => Ok(registration),
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}

/// Sorts pairs into the form's values, normalised, and the version and digest of the statement that was shown.
fn sort_pairs(
    form: &FormContract,
    pairs: Pairs,
    values: &mut Values,
) -> Result<(Option<String>, Option<String>), Refusal> {
    let (mut version, mut digest) = (None, None);
    let is_too_many = pairs.len() > form.fields.len() + 2;
    let mut refusal = None;
    for (name, value) in pairs {
        let is_repeated = if name == STATEMENT_VERSION_FIELD {
            version.replace(value.expose().clone()).is_some()
        } else if name == STATEMENT_DIGEST_FIELD {
            digest.replace(value.expose().clone()).is_some()
        } else if let Some(field) = form.fields.iter().find(|field| field.name == name) {
            let value = Private::new(fields::normalise(field.kind, value.expose()));
            values.insert(name, value).is_some()
        } else {
            refusal.get_or_insert(Refusal::UndeclaredField);
            false
        };
        if is_repeated {
            refusal.get_or_insert(Refusal::RepeatedField);
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None if is_too_many => Err(Refusal::TooManyFields),
        None => Ok((version, digest)),
    }
}

/// Whether the answer is wanted as JSON and not as a page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |kind: &str| {
        headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(kind)))
    };
    accepts("application/json") && !accepts("text/html")
}

fn accepted(form: Form<'_>, registration: &Registration, headers: &HeaderMap) -> Response<Bytes> {
    let thanks = format!("{}?reference={}", form.form.thanks, registration.id);
    if wants_json(headers) {
        let answer = json!({"reference": registration.id, "thanks": thanks});
        return answer_json(StatusCode::CREATED, &answer);
    }
    see_other(&thanks)
}

fn refused(form: Form<'_>, values: &Values, refusal: &Refusal, headers: &HeaderMap) -> Response<Bytes> {
    if wants_json(headers) {
        let fields: Vec<_> =
            refusal.fields().iter().map(|field| json!({"field": field.field, "message": field.message})).collect();
        let error = refusal.message(&form.form.messages).unwrap_or("Some answers must be changed");
        return answer_json(refusal.status(), &json!({"error": error, "fields": fields}));
    }
    html(refusal.status(), page::render(form.id, form.form, values, refusal))
}

/// After a POST, a page that can be reloaded (RFC 9110, section 15.4.4).
fn see_other(location: &str) -> Response<Bytes> {
    let mut response = answer(StatusCode::SEE_OTHER, Bytes::new());
    let location = HeaderValue::from_str(location).expect("invariant: site paths are escaped by the build");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn html(status: StatusCode, page: String) -> Response<Bytes> {
    let mut response = answer(status, Bytes::from(page));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    );
    response
}

fn answer_json(status: StatusCode, value: &serde_json::Value) -> Response<Bytes> {
    let mut response = answer(status, Bytes::from(format!("{value}\n")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer nobody may keep: it may hold what was typed.
fn answer(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
