//! The program `registrations`: staff read and export what was registered, say who may read it, send mail again that could not
//! be sent, and ask how it all is.

mod export;
mod identity;
mod keys;

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::eprintln;
use clap::{Args, Parser, Subcommand};
use form_handler::registration::{Mail, MailKind, Registration, indented, to_seconds};
use form_handler::store::{Copied, Envelope, Location, Order, Scan, Store, StoreError, Stored};
use form_handler::{Delivery, LocalDefaults, Redelivered, Settings, doctor, store};
use identity::IdentityArguments;
use jiff::Timestamp;
use serde_json::{Value, json};
use statement::contract::Contract;
use uuid::Uuid;

/// So many mails are taken out of the outbox at once.
const LOT: u32 = 10;

/// Reads the registrations that the site's forms have taken, and looks after their mail
///
/// The store is the one CANDOR_STORE names, or `.candor/registrations.sqlite` in the site's folder.
#[derive(Parser)]
#[command(
    name = "registrations",
    version,
    after_help = "Exit codes: 0 all is well, 1 there is no such registration, or a mail or a part of the whole fails, 2 the machine failed."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List registrations, the newest first, without the answers
    List {
        #[command(flatten)]
        store: StoreArguments,
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
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one registration with its answers
    Show {
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// The reference
        #[arg(value_name = "REFERENCE")]
        id: Uuid,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write registrations into a file for another program: those whose own version of the statement allows the purpose
    Export(export::Arguments),
    /// Say who may read registrations, by their public keys
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Take a registration out of those that are held as suspected spam, and mail it to staff
    Release {
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// The reference
        #[arg(value_name = "REFERENCE")]
        id: Uuid,
    },
    /// Send mail again that could not be sent
    Redeliver {
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// Only that about this registration
        #[arg(value_name = "REFERENCE")]
        id: Option<Uuid>,
    },
    /// Copy all registrations into another store, and compare both; may be interrupted and done again
    Copy {
        /// The store they are in, as CANDOR_STORE has it
        #[arg(long, value_name = "STORE")]
        from: String,
        /// The store they are to be in
        #[arg(long, value_name = "STORE")]
        to: String,
    },
    /// Tell what is configured, what can be reached, what waits and what fails
    Doctor {
        #[command(flatten)]
        store: StoreArguments,
    },
}

#[derive(Args)]
struct StoreArguments {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

impl StoreArguments {
    fn local(&self) -> LocalDefaults {
        LocalDefaults { folder: self.root.join(".candor") }
    }

    fn location(&self) -> Result<Location, String> {
        Settings::location(&variable, &self.local()).map_err(|errors| errors.to_string())
    }

    async fn open(&self) -> Result<Arc<dyn Store>, String> {
        let location = self.location()?;
        location.open_for_reading().await.map_err(|error| format!("cannot read `{location}`: {error}"))
    }

    fn settings(&self) -> Result<Settings, String> {
        Settings::from_environment(&variable, Some(&self.local())).map_err(|errors| errors.to_string())
    }

    #[expect(clippy::disallowed_methods, reason = "the program reads its contract")]
    fn contract(&self) -> Result<Contract, String> {
        let path = variable("CANDOR_CONTRACT").map_or_else(|| self.root.join("contract.json"), PathBuf::from);
        let json = std::fs::read(&path).map_err(|error| {
            format!("cannot read `{}`: {error}\n  = help: `candor build` writes it", path.display())
        })?;
        Contract::parse(&json).map_err(|fact| format!("`{}`: {fact}", path.display()))
    }
}

#[expect(clippy::disallowed_methods, reason = "the program reads the environment, and nobody else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the program reads the clock, and nobody else")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// What to print, and whether all is well.
struct Answer {
    text: String,
    is_well: bool,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, is_well: true }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(Some(answer)) => {
            let mut output = std::io::stdout().lock();
            match output.write_all(answer.text.as_bytes()).and_then(|()| output.flush()) {
                // Who pipes into `head` has seen enough.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    eprintln!("error: cannot write to the standard output: {error}");
                    ExitCode::from(2)
                }
                _ => ExitCode::from(u8::from(!answer.is_well)),
            }
        }
        Ok(None) => {
            eprintln!("error: there is no such registration");
            ExitCode::from(1)
        }
        Err(fact) => {
            eprintln!("error: {fact}");
            ExitCode::from(2)
        }
    }
}

/// What to print; none where there is no such registration.
async fn run(command: Command) -> Result<Option<Answer>, String> {
    match command {
        Command::List { store, form, person, held, limit, json } => {
            let opened = store.open().await?;
            let is_wanted = |envelope: &Envelope| {
                envelope.held.is_some() == held && form.as_ref().is_none_or(|form| envelope.form == *form)
            };
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            let found = match person {
                Some(person) => list_of_person(&*opened, &store.settings()?, &person, is_wanted, limit).await?,
                None => list(&*opened, is_wanted, limit).await.map_err(|error| error.to_string())?,
            };
            Ok(Some(if json { pretty(&found.iter().map(head).collect()) } else { table(&found) }.into()))
        }
        Command::Show { store, identity, id, json } => {
            let found = store.open().await?.get(id).await.map_err(|error| error.to_string())?;
            let Some(found) = found else { return Ok(None) };
            let registration =
                Registration::from_stored(&found, identity.read()?.as_ref()).map_err(identity::explained)?;
            let text = if json { pretty(&whole(&found, &registration)) } else { card(&found, &registration) };
            Ok(Some(text.into()))
        }
        Command::Export(arguments) => export::run(arguments).await.map(Some),
        Command::Keys { command } => keys::run(command).await.map(Some),
        Command::Release { store, identity, id } => {
            let delivery = Delivery::open(&store.settings()?).await.map_err(|error| error.to_string())?;
            let is_released = delivery.release(id, now()).await.map_err(|error| error.to_string())?;
            if is_released { redeliver(&store, &identity, None).await } else { Ok(None) }
        }
        Command::Redeliver { store, identity, id } => redeliver(&store, &identity, id).await,
        Command::Copy { from, to } => copy(&from, &to).await.map(Some),
        Command::Doctor { store } => {
            let findings = doctor::examine(&store.settings()?, store.contract(), now()).await;
            let is_well = findings.iter().all(|finding| finding.help.is_none());
            Ok(Some(Answer { text: findings.iter().map(ToString::to_string).collect(), is_well }))
        }
    }
}

/// The newest registrations that are wanted.
async fn list(
    store: &dyn Store,
    is_wanted: impl Fn(&Envelope) -> bool,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let (mut scan, mut found) = (Scan::new(store, Order::Newest), Vec::new());
    while found.len() < limit
        && let Some(envelope) = scan.next().await?
    {
        // One that is gone meanwhile is gone.
        if is_wanted(&envelope)
            && let Some(stored) = store.get(envelope.id).await?
        {
            found.push(stored);
        }
    }
    Ok(found)
}

/// The same of one person, found by the index.
async fn list_of_person(
    store: &dyn Store,
    settings: &Settings,
    person: &str,
    is_wanted: impl Fn(&Envelope) -> bool,
    limit: usize,
) -> Result<Vec<Stored>, String> {
    let key = settings.seal().index_key().person(person);
    let key = key.ok_or_else(|| format!("`{person}` is neither an e-mail address nor a telephone number"))?;
    let ids = store.ids_of_person(&key).await.map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for id in ids.into_iter().rev() {
        let stored = store.get(id).await.map_err(|error| error.to_string())?;
        found.extend(stored.filter(|stored| is_wanted(&stored.envelope)));
    }
    found.truncate(limit);
    Ok(found)
}

/// Copies one store into another.
async fn copy(from: &str, to: &str) -> Result<Answer, String> {
    let location = |value: &str| Location::parse(value, &variable);
    let (from, to) = (location(from)?, location(to)?);
    let cannot = |place: &Location| {
        let place = place.to_string();
        move |error: StoreError| format!("`{place}`: {error}")
    };
    let source = from.open_for_reading().await.map_err(cannot(&from))?;
    let target = to.open().await.map_err(cannot(&to))?;
    let done = store::copy(&*source, &*target).await.map_err(|error| error.to_string())?;
    let Copied { copied, already, different } = done;
    let mut text = format!("{copied} copied, {already} there already, {} different\n", different.len());
    for id in &different {
        text.push_str(&format!("{id} is not the same in both\n"));
    }
    Ok(Answer { text, is_well: different.is_empty() })
}

/// Sends what has failed, of one registration or of all, in small lots so that a lease outlasts each.
async fn redeliver(
    store: &StoreArguments,
    identity: &IdentityArguments,
    id: Option<Uuid>,
) -> Result<Option<Answer>, String> {
    let (settings, contract) = (store.settings()?, store.contract()?);
    let delivery = Delivery::open(&settings).await.map_err(|error| error.to_string())?;
    let delivery = delivery.opening_with(identity.read()?);
    if let Some(id) = id
        && store.open().await?.get(id).await.map_err(|error| error.to_string())?.is_none()
    {
        return Ok(None);
    }
    delivery.make_due(id, now()).await.map_err(|error| error.to_string())?;
    let mut all = Redelivered::default();
    loop {
        let done = delivery.redeliver(&contract, now(), LOT).await.map_err(|error| error.to_string())?;
        if done == Redelivered::default() {
            break;
        }
        all = Redelivered { sent: all.sent + done.sent, failed: all.failed + done.failed };
    }
    let Redelivered { sent, failed } = all;
    Ok(Some(Answer { text: format!("{sent} sent, {failed} failed\n"), is_well: failed == 0 }))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
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

fn whole(stored: &Stored, registration: &Registration) -> Value {
    let mut value = head(stored);
    // Staff have asked for the answers.
    let answers = registration.fields.iter().map(|(name, value)| json!({"field": name, "value": value.expose()}));
    value["answers"] = answers.collect();
    value["receipt"] = serde_json::from_str(&stored.envelope.receipt).unwrap_or(Value::Null);
    value
}

fn table(found: &[Stored]) -> String {
    if found.is_empty() {
        return "no registrations\n".to_owned();
    }
    let rows = found.iter().map(|stored| {
        let envelope = &stored.envelope;
        [
            envelope.id.to_string(),
            to_seconds(envelope.received),
            envelope.form.clone(),
            envelope.statement_version.clone(),
            mail(stored),
        ]
    });
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

fn card(stored: &Stored, registration: &Registration) -> String {
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
