//! The program `registrations`: staff read what was registered.

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::eprintln;
use clap::{Args, Parser, Subcommand};
use form_handler::registration::indented;
use form_handler::store::{Store, Stored};
use form_handler::{LocalDefaults, Settings};
use serde_json::{Value, json};
use uuid::Uuid;

/// Reads the registrations that the site's forms have taken
///
/// The store is the one CANDOR_STORE names, or `.candor/registrations.sqlite` in the site's folder.
#[derive(Parser)]
#[command(
    name = "registrations",
    version,
    after_help = "Exit codes: 0 all is well, 1 there is no such registration, 2 the machine failed."
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
        /// The reference
        #[arg(value_name = "REFERENCE")]
        id: Uuid,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct StoreArguments {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

impl StoreArguments {
    #[expect(clippy::disallowed_methods, reason = "the program reads the environment, and nobody else")]
    fn open(&self) -> Result<Store, String> {
        let local = LocalDefaults { folder: self.root.join(".candor") };
        let path =
            Settings::database(&|name: &str| std::env::var(name).ok(), &local).map_err(|errors| errors.to_string())?;
        Store::open_for_reading(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(Some(text)) => {
            let mut output = std::io::stdout().lock();
            match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
                // Who pipes into `head` has seen enough.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    eprintln!("error: cannot write to the standard output: {error}");
                    ExitCode::from(2)
                }
                _ => ExitCode::SUCCESS,
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
fn run(command: Command) -> Result<Option<String>, String> {
    match command {
        Command::List { store, form, limit, json } => {
            let found = store.open()?.list(form.as_deref(), limit).map_err(|error| error.to_string())?;
            Ok(Some(if json { pretty(&found.iter().map(head).collect()) } else { table(&found) }))
        }
        Command::Show { store, id, json } => {
            let found = store.open()?.get(id).map_err(|error| error.to_string())?;
            Ok(found.map(|found| if json { pretty(&whole(&found)) } else { card(&found) }))
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// What is known about a registration besides the answers.
fn head(stored: &Stored) -> Value {
    let registration = &stored.registration;
    json!({
        "reference": registration.id,
        "received": registration.received,
        "form": registration.form,
        "form_sha256": registration.form_sha256,
        "statement_version": registration.statement_version,
        "statement_digest": registration.statement_digest,
        "mail": stored.mail,
        "mail_error": stored.mail_error,
    })
}

fn whole(stored: &Stored) -> Value {
    let mut value = head(stored);
    // Staff have asked for the answers.
    let answers =
        stored.registration.fields.iter().map(|(name, value)| json!({"field": name, "value": value.expose()}));
    value["answers"] = answers.collect();
    value
}

fn table(found: &[Stored]) -> String {
    if found.is_empty() {
        return "no registrations\n".to_owned();
    }
    let rows = found.iter().map(|stored| {
        let registration = &stored.registration;
        [
            registration.id.to_string(),
            registration.received_seconds(),
            registration.form.clone(),
            registration.statement_version.clone(),
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

fn card(stored: &Stored) -> String {
    let registration = &stored.registration;
    let mut text = format!(
        "Reference  {}\nReceived   {}\nForm       {}\nStatement  {} ({})\nMail       {}\n",
        registration.id,
        registration.received_seconds(),
        registration.form,
        registration.statement_version,
        registration.statement_digest,
        mail(stored),
    );
    for (name, value) in &registration.fields {
        // Staff have asked for the answers.
        text.push_str(&format!("\n{name}:\n{}\n", indented(value)));
    }
    text
}

fn mail(stored: &Stored) -> String {
    let state = stored.mail.word();
    stored.mail_error.as_ref().map_or_else(|| state.to_owned(), |error| format!("{state} ({error})"))
}
