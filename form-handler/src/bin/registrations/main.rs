//! The program `registrations`: what staff do with registrations. What they may do is decided in the library; here are words.

mod access;
mod audit;
mod erase;
mod export;
mod hold;
mod identity;
mod keys;
mod office;
mod reading;
mod receipt;
mod retention;
mod stats;

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::eprintln;
use clap::{Args, Parser, Subcommand};
use form_handler::records::{Refusal, Role};
use form_handler::store::{Copied, Location, StoreError};
use form_handler::{Delivery, LocalDefaults, Redelivered, Settings, doctor, store};
use identity::IdentityArguments;
use jiff::Timestamp;
use office::SeatArguments;
use serde_json::Value;
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
    List(reading::ListArguments),
    /// Show one registration with its answers
    Show(reading::ShowArguments),
    /// Write registrations into a file for another program: those whose own version of the statement allows the purpose
    Export(export::Arguments),
    /// Say who may read registrations, by their public keys
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Let go of what is due by the statement, or keep it for a reason
    Retention {
        #[command(subcommand)]
        command: retention::Command,
    },
    /// Order that registrations are kept, or end such an order
    Hold {
        #[command(subcommand)]
        command: hold::Command,
    },
    /// Show a person what is kept about them, or correct it
    Access {
        #[command(subcommand)]
        command: access::Command,
    },
    /// Erase what a person asks for or a law compels, or what a restored backup has brought back
    Erase {
        #[command(subcommand)]
        command: erase::Command,
    },
    /// Check the ledger of all that staff have done
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// Check a receipt
    Receipt {
        #[command(subcommand)]
        command: receipt::Command,
    },
    /// Count registrations over time
    Stats(stats::Arguments),
    /// Take a registration out of those that are held as suspected spam, and mail it to staff
    Release {
        #[command(flatten)]
        seat: SeatArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// The reference
        #[arg(value_name = "REFERENCE")]
        id: Uuid,
    },
    /// Send mail again that could not be sent
    Redeliver {
        #[command(flatten)]
        seat: SeatArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// Only that about this registration
        #[arg(value_name = "REFERENCE")]
        id: Option<Uuid>,
    },
    /// Copy all registrations into another store, and compare both; may be interrupted and done again
    Copy {
        #[command(flatten)]
        seat: SeatArguments,
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

/// Why there is nothing to print.
enum Failure {
    /// There is no such registration.
    Missing,
    /// The statement, or who asks, does not allow it; or there is nothing of that name.
    Refused(String),
    /// The machine failed.
    Machine(String),
}

impl From<String> for Failure {
    fn from(fact: String) -> Self {
        Self::Machine(fact)
    }
}

impl From<&str> for Failure {
    fn from(fact: &str) -> Self {
        Self::Machine(fact.to_owned())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.to_string())
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, is_well: true }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(answer) => {
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
        Err(Failure::Missing) => {
            eprintln!("error: there is no such registration");
            ExitCode::from(1)
        }
        Err(Failure::Refused(fact)) => {
            eprintln!("error: {fact}");
            ExitCode::from(1)
        }
        Err(Failure::Machine(fact)) => {
            eprintln!("error: {fact}");
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::List(arguments) => reading::list_all(arguments).await,
        Command::Show(arguments) => reading::show(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Keys { command } => keys::run(command).await,
        Command::Retention { command } => retention::run(command).await,
        Command::Hold { command } => hold::run(command).await,
        Command::Access { command } => access::run(command).await,
        Command::Erase { command } => erase::run(command).await,
        Command::Audit { command } => audit::run(command).await,
        Command::Receipt { command } => receipt::run(command),
        Command::Stats(arguments) => stats::run(arguments).await,
        Command::Release { seat, identity, id } => {
            let office = seat.open_for_change().await?;
            let at = office.desk();
            let released = at.release(id).await;
            at.settle("release", &id.to_string(), released).await?;
            redeliver(&seat, &identity, Some(id)).await
        }
        Command::Redeliver { seat, identity, id } => redeliver(&seat, &identity, id).await,
        Command::Copy { seat, from, to } => copy(&seat, &from, &to).await,
        Command::Doctor { store } => {
            let findings = doctor::examine(&store.settings()?, store.contract(), now()).await;
            let overdue = office::people()?.map(|people| people.overdue(now())).unwrap_or_default();
            let is_well = findings.iter().all(|finding| finding.help.is_none()) && overdue.is_empty();
            let text = findings.iter().map(ToString::to_string).chain(overdue.iter().map(|fact| format!("{fact}\n")));
            Ok(Answer { text: text.collect(), is_well })
        }
    }
}

/// Copies one store into another.
async fn copy(seat: &SeatArguments, from: &str, to: &str) -> Result<Answer, Failure> {
    let location = |value: &str| Location::parse(value, &variable);
    let (from, to) = (location(from)?, location(to)?);
    let cannot = |place: &Location| {
        let place = place.to_string();
        move |error: StoreError| format!("`{place}`: {error}")
    };
    // Whose is a file is the machine's business; of another store, only staff's.
    let is_local = office::is_local() && matches!(from, Location::Sqlite(_));
    let office = seat.sit(is_local)?.open(&from, false).await?;
    let at = office.desk();
    let target_name = to.to_string();
    let allowed = at.must_be(Role::Records, "copy registrations into another store");
    at.settle("copy", &target_name, allowed).await?;
    at.note(Role::Records, "copy", &target_name, None, &[]).await?;
    let target = to.open().await.map_err(cannot(&to))?;
    let done = store::copy(&*office.store, &*target, office.contract.as_ref()).await;
    let Copied { copied, already, different, outside } = done.map_err(|error| error.to_string())?;
    let mut text = format!("{copied} copied, {already} there already, {} different\n", different.len());
    for id in &different {
        text.push_str(&format!("{id} is not the same in both\n"));
    }
    for (_, refusal) in &outside {
        text.push_str(&format!("{refusal}\n"));
    }
    Ok(Answer { text, is_well: different.is_empty() && outside.is_empty() })
}

/// Sends what has failed, of one registration or of all, in small lots so that a lease outlasts each.
async fn redeliver(seat: &SeatArguments, identity: &IdentityArguments, id: Option<Uuid>) -> Result<Answer, Failure> {
    let office = seat.open_for_change().await?;
    let (at, target) = (office.desk(), id.map_or_else(|| "all".to_owned(), |id| id.to_string()));
    let allowed = at.must_be(Role::Records, "send mail again");
    at.settle("redeliver", &target, allowed).await?;
    if let Some(id) = id
        && office.records().record(id).await.map_err(|error| error.to_string())?.is_none()
    {
        return Err(Failure::Missing);
    }
    at.note(Role::Records, "redeliver", &target, None, &[]).await?;
    let (settings, contract) = (seat.store.settings()?, seat.store.contract()?);
    let delivery = Delivery::open(&settings).await.map_err(|error| error.to_string())?;
    let delivery = delivery.opening_with(identity.read()?);
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
    Ok(Answer { text: format!("{sent} sent, {failed} failed\n"), is_well: failed == 0 })
}

/// Writes a new file that only its owner can read.
#[expect(clippy::disallowed_methods, reason = "the program writes the file its user names")]
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(cannot)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(cannot)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
