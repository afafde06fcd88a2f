//! `registrations receipt`: whether a receipt is one of ours.

use std::path::PathBuf;

use clap::Subcommand;
use form_handler::receipt;
use serde_json::json;

use crate::{Answer, Failure, StoreArguments, pretty};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check a receipt's digest, and that the statement it names is one that the site has published
    Verify {
        #[command(flatten)]
        store: StoreArguments,
        /// The receipt
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[expect(clippy::disallowed_methods, reason = "the program reads the receipt its user names")]
pub(crate) fn run(command: Command) -> Result<Answer, Failure> {
    let Command::Verify { store, file, json } = command;
    let text = std::fs::read(&file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let verified = receipt::verify(&text, &store.contract()?).map_err(|fact| Failure::Refused(fact.to_string()))?;
    Ok(if json {
        pretty(&json!({"record": verified.record, "version": verified.version, "url": verified.url, "signed_by": verified.signed_by})).into()
    } else {
        let receipt::Verified { record, version, url, signed_by } = verified;
        let signed = signed_by.map_or_else(String::new, |key| format!("signed by the holder of the key {key}\n"));
        format!("the receipt is whole; registration {record} was collected under statement {version}\n{url}\n{signed}")
            .into()
    })
}
