//! `registrations list` and `show`: reading, which is checked against the statement and written down.

use std::collections::HashSet;

use anstream::eprintln;
use clap::Args;
use form_handler::IndexKey;
use form_handler::correction::Former;
use form_handler::purpose::{self, Request};
use form_handler::records::{Refusal, Role};
use form_handler::registration::{Mail, MailKind, Registration, indented, to_seconds};
use form_handler::seal::Identities;
use form_handler::store::{Envelope, Order, Scan, Store, StoreError, Stored};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::identity::{IdentityArguments, explained};
use crate::office::{DeskArguments, Office};
use crate::{Answer, Failure, pretty};

/// So many registrations are looked at for the key of the index.
const CHECKED: u32 = 10;

#[derive(Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    desk: DeskArguments,
    #[command(flatten)]
    identity: IdentityArguments,
    /// Only those of this form
    #[arg(long, value_name = "ID")]
    form: Option<String>,
    /// Only those of the person with this e-mail address or telephone number; CANDOR_INDEX_KEY must be that of the function
    #[arg(long, value_name = "ADDRESS")]
    person: Option<String>,
    /// Those that are held as suspected spam instead of the others
    #[arg(long)]
    held: bool,
    /// At most this many
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

#[derive(Args)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    desk: DeskArguments,
    #[command(flatten)]
    identity: IdentityArguments,
    /// The reference
    #[arg(value_name = "REFERENCE")]
    id: Uuid,
    /// What for, in a word of the statement like `support-services`; needed where staff are named
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<String>,
}

pub(crate) async fn list_all(arguments: ListArguments) -> Result<Answer, Failure> {
    let ListArguments { desk, identity, form, person, held, limit } = arguments;
    let office = desk.open().await?;
    let at = office.desk();
    let allowed = at.must_be(Role::Reader, "list registrations");
    at.settle("list", form.as_deref().unwrap_or("all"), allowed).await?;
    at.note(Role::Reader, "list", form.as_deref().unwrap_or("all"), None, &[]).await?;
    let hidden = if at.who().roles.contains(&Role::Legal) { HashSet::new() } else { restricted(&office).await? };
    let is_wanted = |envelope: &Envelope| {
        let is_of_form = form.as_ref().is_none_or(|form| envelope.form == *form);
        envelope.held.is_some() == held && is_of_form && !hidden.contains(&envelope.id)
    };
    let limit = limit.map_or(usize::MAX, |limit| limit as usize);
    // Of each only what is printed is kept: there may be more than there is memory.
    let (mut heads, mut rows) = (Vec::new(), Vec::new());
    let mut told = |stored: &Stored| if desk.json { heads.push(head(stored)) } else { rows.push(row(stored)) };
    match person {
        Some(person) => {
            let (settings, identities) = (desk.store.settings()?, identity.read()?);
            let index = settings.seal().index_key();
            list_of_person(&*office.store, index, identities.as_ref(), &person, is_wanted, limit, &mut told).await?;
        }
        None => list(&*office.store, is_wanted, limit, &mut told).await.map_err(|error| error.to_string())?,
    }
    Ok(if desk.json { pretty(&heads.into()) } else { table(rows) }.into())
}

/// What only legal may see.
pub(crate) async fn restricted(office: &Office) -> Result<HashSet<Uuid>, Failure> {
    office.records().restricted().await.map(HashSet::from_iter).map_err(|error| Failure::Machine(error.to_string()))
}

pub(crate) async fn show(arguments: ShowArguments) -> Result<Answer, Failure> {
    let ShowArguments { desk, identity, id, purpose } = arguments;
    let office = desk.open().await?;
    let at = office.desk();
    let target = id.to_string();
    let allowed = at.must_be(Role::Reader, "read a registration");
    at.settle("show", &target, allowed).await?;
    let found = office.store.get(id).await.map_err(|error| error.to_string())?.ok_or(Failure::Missing)?;
    let sees_all = at.who().roles.contains(&Role::Legal);
    if !sees_all && restricted(&office).await?.contains(&id) {
        at.settle("show", &target, Err(Refusal::of_restricted(id).into())).await?;
    }
    let registration = Registration::from_stored(&found, identity.read()?.as_ref()).map_err(explained)?;
    let may = may_be_read(&office, &found.envelope, &registration, purpose.as_deref());
    at.settle("show", &target, may.map_err(Into::into)).await?;
    at.note(Role::Reader, "show", &target, purpose.as_deref(), &[]).await?;
    let former = if sees_all {
        Registration::former_answers(&found, identity.read()?.as_ref()).map_err(explained)?
    } else {
        Vec::new()
    };
    Ok(if desk.json {
        pretty(&with_former(whole(&found, &registration), &former))
    } else {
        card(&found, &registration, &former)
    }
    .into())
}

/// Refuses what the version of the statement that a registration was collected under does not allow.
fn may_be_read(
    office: &Office,
    envelope: &Envelope,
    registration: &Registration,
    word: Option<&str>,
) -> Result<(), Refusal> {
    let version = &envelope.statement_version;
    let promises = office.contract.as_ref().and_then(|contract| contract.version_of(&envelope.statement_digest));
    let Some(word) = word else {
        if !office.has_staff {
            return Ok(());
        }
        let uses = promises.map_or(String::new(), |promises| promises.uses.join("`, `"));
        return Err(Refusal::new(
            "P104",
            format!("say what it is for, with `--purpose`: statement {version} has `{uses}`"),
        ));
    };
    let refusal = |fact: String| {
        let code = ["P104", "P105", "P106", "P140"].into_iter().find(|code| fact.starts_with(code)).unwrap_or("P104");
        Refusal::new(code, fact.trim_start_matches(code).trim_start_matches(": "))
    };
    let request = Request { purpose: purpose::parse(word).map_err(refusal)?, recipient: None };
    let filled = registration.fields.iter().filter(|(_, value)| !value.expose().is_empty());
    let filled: Vec<&str> = filled.map(|(name, _)| name.as_str()).collect();
    purpose::allowed(version, promises, &filled, &request).map_err(|reason| refusal(reason.to_string()))
}

/// With the answers that were corrected.
pub(crate) fn with_former(mut value: Value, former: &[Former]) -> Value {
    if !former.is_empty() {
        let former = former
            .iter()
            .map(|former| json!({"field": former.field, "value": former.value.expose(), "until": former.until}));
        value["corrected"] = former.collect();
    }
    value
}

/// Tells of the newest registrations that are wanted.
async fn list(
    store: &dyn Store,
    is_wanted: impl Fn(&Envelope) -> bool,
    limit: usize,
    told: &mut impl FnMut(&Stored),
) -> Result<(), StoreError> {
    let (mut scan, mut count) = (Scan::new(store, Order::Newest), 0);
    while count < limit
        && let Some(envelope) = scan.next().await?
    {
        // One that is gone meanwhile is gone.
        if is_wanted(&envelope)
            && let Some(stored) = store.get(envelope.id).await?
        {
            told(&stored);
            count += 1;
        }
    }
    Ok(())
}

/// The same of one person, found by the index.
async fn list_of_person(
    store: &dyn Store,
    index: &IndexKey,
    identities: Option<&Identities>,
    person: &str,
    is_wanted: impl Fn(&Envelope) -> bool,
    limit: usize,
    told: &mut impl FnMut(&Stored),
) -> Result<(), String> {
    let key = index.person(person);
    let key = key.ok_or_else(|| format!("`{person}` is neither an e-mail address nor a telephone number"))?;
    let ids = store.ids_of_person(&key).await.map_err(|error| error.to_string())?;
    if ids.is_empty() {
        check_index_key(store, index, identities).await?;
    }
    let (mut ids, mut count) = (ids.into_iter().rev(), 0);
    while count < limit
        && let Some(id) = ids.next()
    {
        let stored = store.get(id).await.map_err(|error| error.to_string())?;
        if let Some(stored) = stored.filter(|stored| is_wanted(&stored.envelope)) {
            told(&stored);
            count += 1;
        }
    }
    Ok(())
}

/// With another key than the function's nothing is found either, so whoever finds nothing is told whether it is that key.
async fn check_index_key(store: &dyn Store, index: &IndexKey, identities: Option<&Identities>) -> Result<(), String> {
    let newest = store.page(Order::Newest, None, CHECKED).await.map_err(|error| error.to_string())?;
    let mut is_sealed = false;
    for envelope in newest {
        let stored = store.get(envelope.id).await.map_err(|error| error.to_string())?;
        let Some(stored) = stored else { continue };
        match Registration::from_stored(&stored, identities).map(|read| read.is_indexed_by(&stored, index)) {
            Ok(Some(true)) => return Ok(()),
            Ok(Some(false)) => return Err("CANDOR_INDEX_KEY is not the function's, so nobody is found".to_owned()),
            Ok(None) => {}
            Err(_) => is_sealed = true,
        }
    }
    if is_sealed {
        eprintln!(
            "warning: nobody is found, as with a CANDOR_INDEX_KEY that is not the function's; with `--identity` it is checked"
        );
    }
    Ok(())
}

/// What is known about a registration besides the answers.
fn head(stored: &Stored) -> Value {
    let envelope = &stored.envelope;
    let staff = mail_of(stored, MailKind::Staff);
    json!({
        "reference": envelope.id,
        "received": envelope.received,
        "form": envelope.form,
        "form_sha256": envelope.form_sha256,
        "held": envelope.held,
        "statement_version": envelope.statement_version,
        "statement_digest": envelope.statement_digest,
        "mail": staff.map_or("none", |mail| mail.state.word()),
        "mail_error": staff.and_then(|mail| mail.error.as_deref()),
        "confirmation": mail_of(stored, MailKind::Confirmation).map_or("none", |mail| mail.state.word()),
    })
}

pub(crate) fn whole(stored: &Stored, registration: &Registration) -> Value {
    let mut value = head(stored);
    // Staff have asked for the answers.
    let answers = registration.fields.iter().map(|(name, value)| json!({"field": name, "value": value.expose()}));
    value["answers"] = answers.collect();
    value["receipt"] = serde_json::from_str(&stored.envelope.receipt).unwrap_or(Value::Null);
    value
}

fn row(stored: &Stored) -> [String; 5] {
    let envelope = &stored.envelope;
    [
        envelope.id.to_string(),
        to_seconds(envelope.received),
        envelope.form.clone(),
        envelope.statement_version.clone(),
        mail(stored),
    ]
}

fn table(rows: Vec<[String; 5]>) -> String {
    if rows.is_empty() {
        return "no registrations\n".to_owned();
    }
    let heading = ["REFERENCE", "RECEIVED", "FORM", "STATEMENT", "MAIL"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(heading).chain(rows).collect();
    let widths: Vec<usize> =
        (0..5).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    rows.iter().fold(String::new(), |mut text, row| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
        text
    })
}

fn card(stored: &Stored, registration: &Registration, former: &[Former]) -> String {
    let envelope = &stored.envelope;
    let mut text = format!(
        "Reference  {}\nReceived   {}\nForm       {}\nStatement  {} ({})\nMail       {}\n",
        envelope.id,
        to_seconds(envelope.received),
        envelope.form,
        envelope.statement_version,
        envelope.statement_digest,
        mail(stored),
    );
    for (name, value) in &registration.fields {
        // Staff have asked for the answers.
        text.push_str(&format!("\n{name}:\n{}\n", indented(value)));
    }
    for Former { field, value, until } in former {
        text.push_str(&format!("\n{field}, until {}:\n{}\n", to_seconds(*until), indented(value)));
    }
    text
}

fn mail_of(stored: &Stored, kind: MailKind) -> Option<&Mail> {
    stored.mails.iter().find(|mail| mail.kind == kind)
}

fn mail(stored: &Stored) -> String {
    let Some(mail) = mail_of(stored, MailKind::Staff) else { return "none".to_owned() };
    let state = mail.state.word();
    mail.error.as_ref().map_or_else(|| state.to_owned(), |error| format!("{state} ({error})"))
}
