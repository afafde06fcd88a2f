//! `registrations export`: registrations for another program, as far as the statement that each was collected under allows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anstream::eprintln;
use clap::{Args, ValueEnum};
use form_handler::export::Table;
use form_handler::purpose::{self, Request};
use form_handler::records::Role;
use form_handler::registration::Registration;
use form_handler::seal::{Identities, PublicKeys};
use form_handler::store::{Order, Scan};
use statement::contract::Contract;
use uuid::Uuid;

use crate::identity::{IdentityArguments, explained};
use crate::office::{Office, SeatArguments};
use crate::{Answer, Failure, reading, write_new};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    seat: SeatArguments,
    #[command(flatten)]
    identity: IdentityArguments,
    /// What they are for, in a word of the statement like `support-services`
    #[arg(long, value_name = "PURPOSE")]
    purpose: String,
    /// To whom they are given, where that is not the organisation itself
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// Only those of this form
    #[arg(long, value_name = "ID")]
    form: Option<String>,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// With a byte order mark before CSV, for spreadsheets that take it for another encoding otherwise
    #[arg(long)]
    bom: bool,
    /// The file to be written; without it, CSV and JSON go to the standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Encrypt the file to this public key, or to those in this file; `age -d` opens it
    #[arg(long = "to", value_name = "KEY")]
    to: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, for spreadsheets: what looks like a formula has an apostrophe before it
    Csv,
    /// A list of objects, for programs
    Json,
    /// A workbook
    Xlsx,
}

/// What may be exported, and what may not.
struct Gathered {
    table: Table,
    /// How many are left out, by the reason.
    left_out: BTreeMap<String, u64>,
    /// How many could not be read, by the reason.
    unread: BTreeMap<String, u64>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Answer, Failure> {
    let Arguments { seat, identity, purpose, recipient, form, format, bom, out, to } = arguments;
    let request = Request { purpose: purpose::parse(&purpose)?, recipient };
    let to = encryption_keys(&to)?;
    if out.is_none() && (format == Format::Xlsx || to.is_some()) {
        return Err("a workbook or an encrypted file is no text; name a file with `--out FILE`".into());
    }
    let office = seat.open().await?;
    let at = office.desk();
    let word = request.purpose.word();
    let allowed = at.must_be(Role::Reader, "export registrations");
    at.settle("export", word, allowed).await?;
    let identities = identity.read()?;
    let gathered = gather(&office, &seat.store.contract()?, &request, form.as_deref(), identities.as_ref()).await?;
    for reason in gathered.left_out.keys() {
        at.note_refusal("export", word, reason).await?;
    }
    let ids: Vec<Uuid> = gathered.table.ids().collect();
    at.note(Role::Reader, "export", word, request.recipient.as_deref(), &ids).await?;
    let file = match format {
        Format::Csv => gathered.table.to_csv(bom),
        Format::Json => gathered.table.to_json(),
        Format::Xlsx => workbook(&gathered.table)?,
    };
    let file = match to {
        Some(keys) => keys.encrypt(&file),
        None => file,
    };
    report(&gathered, word);
    let is_well = gathered.left_out.is_empty() && gathered.unread.is_empty();
    let text = match &out {
        Some(path) => write_new(path, &file).map(|()| String::new())?,
        None => String::from_utf8(file).map_err(|_| "the export is no text".to_owned())?,
    };
    Ok(Answer { text, is_well })
}

async fn gather(
    office: &Office,
    contract: &Contract,
    request: &Request,
    form: Option<&str>,
    identities: Option<&Identities>,
) -> Result<Gathered, Failure> {
    let (store, hidden) = (&*office.store, reading::restricted(office).await?);
    let mut gathered = Gathered { table: Table::default(), left_out: BTreeMap::new(), unread: BTreeMap::new() };
    let mut scan = Scan::new(store, Order::Oldest);
    while let Some(envelope) = scan.next().await.map_err(|error| error.to_string())? {
        // Suspected spam is nobody's registration yet, and what is to be erased is for nobody any more.
        let is_hidden = envelope.held.is_some() || hidden.contains(&envelope.id);
        if is_hidden || form.is_some_and(|form| envelope.form != form) {
            continue;
        }
        let stored = store.get(envelope.id).await.map_err(|error| error.to_string())?;
        let Some(stored) = stored else { continue };
        let registration = match Registration::from_stored(&stored, identities) {
            Ok(registration) => registration,
            Err(error) => {
                *gathered.unread.entry(explained(error)).or_default() += 1;
                continue;
            }
        };
        let filled = registration.fields.iter().filter(|(_, value)| !value.expose().is_empty());
        let filled: Vec<&str> = filled.map(|(name, _)| name.as_str()).collect();
        let promises = contract.version_of(&envelope.statement_digest);
        match purpose::allowed(&envelope.statement_version, promises, &filled, request) {
            Ok(()) => gathered.table.add(registration),
            Err(reason) => *gathered.left_out.entry(reason.to_string()).or_default() += 1,
        }
    }
    Ok(gathered)
}

/// Tells what was exported and what was not; no answer is in it.
fn report(gathered: &Gathered, purpose: &str) {
    eprintln!("{} registrations for {purpose}", gathered.table.ids().len());
    for (reason, count) in &gathered.left_out {
        eprintln!("refused {reason} ({count} registrations)");
    }
    for (reason, count) in &gathered.unread {
        eprintln!("error: {count} registrations: {reason}");
    }
}

/// The keys that an export is encrypted to; none where nobody asks for that.
fn encryption_keys(to: &[String]) -> Result<Option<PublicKeys>, String> {
    if to.is_empty() {
        return Ok(None);
    }
    let mut texts = Vec::new();
    for to in to {
        texts.push(if to.starts_with("age1") { to.clone() } else { read(Path::new(to))? });
    }
    PublicKeys::parse(&texts.join("\n")).map(Some).map_err(|fact| format!("--to: {fact}"))
}

#[expect(clippy::disallowed_methods, reason = "the program reads the keys its user names")]
fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

#[cfg(feature = "xlsx")]
fn workbook(table: &Table) -> Result<Vec<u8>, String> {
    table.to_xlsx()
}

#[cfg(not(feature = "xlsx"))]
fn workbook(_: &Table) -> Result<Vec<u8>, String> {
    Err("this program was built without the feature `xlsx`".to_owned())
}
