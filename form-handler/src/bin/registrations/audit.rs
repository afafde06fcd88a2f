//! `registrations audit`: whether the ledger is whole.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use form_handler::records::ledger::{self, Head, LedgerError};
use serde_json::json;

use crate::office::DeskArguments;
use crate::{Answer, Failure, pretty};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check every line of the ledger, and its end against the anchor
    Verify {
        #[command(flatten)]
        desk: DeskArguments,
        /// The anchor; without it, `ledger-anchor.json` in the site's folder where there is one
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
    },
    /// Write down where the ledger ends, in a file to be committed with the site
    Anchor {
        #[command(flatten)]
        desk: DeskArguments,
        /// The file; without it, `ledger-anchor.json` in the site's folder
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[expect(clippy::disallowed_methods, reason = "the program reads and writes the anchor its user names")]
pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Verify { desk, anchor } => {
            let path = anchor.clone().unwrap_or_else(|| default_of(&desk));
            let read = match std::fs::read(&path) {
                Ok(json) => Some(json),
                Err(error) if anchor.is_some() => return Err(cannot("read", &path, &error).into()),
                Err(_) => None,
            };
            let head = match read {
                Some(json) => {
                    let seen: Head = serde_json::from_slice(&json)
                        .map_err(|_| format!("`{}` is no anchor of a ledger", path.display()))?;
                    ledger::check_anchor(&desk.ledger()?, &seen)
                }
                None => ledger::read(&desk.ledger()?, |_| Ok(())),
            };
            let head = head.map_err(failure)?;
            let is_anchored = path.exists();
            Ok(if desk.json {
                pretty(&json!({"head": head, "anchored": is_anchored})).into()
            } else {
                let anchored = if is_anchored {
                    ", and the anchor is in it"
                } else {
                    "; there is no anchor to tell a missing end"
                };
                format!("the ledger is whole: {} lines{anchored}\n", head.seq).into()
            })
        }
        Command::Anchor { desk, out } => {
            let path = out.unwrap_or_else(|| default_of(&desk));
            let head = ledger::read(&desk.ledger()?, |_| Ok(())).map_err(failure)?;
            // An anchor is only moved forward along one chain.
            if let Ok(json) = std::fs::read(&path)
                && let Ok(seen) = serde_json::from_slice::<Head>(&json)
            {
                ledger::check_anchor(&desk.ledger()?, &seen).map_err(failure)?;
            }
            std::fs::write(&path, pretty(&json!(head))).map_err(|error| cannot("write", &path, &error))?;
            Ok(match desk.json {
                true => pretty(&json!(head)).into(),
                false => format!("line {} is the anchor in {}\n", head.seq, path.display()).into(),
            })
        }
    }
}

fn default_of(desk: &DeskArguments) -> PathBuf {
    desk.store.root.join("ledger-anchor.json")
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} `{}`: {error}", path.display())
}

fn failure(error: LedgerError) -> Failure {
    match error {
        LedgerError::Refused(refusal) => Failure::Refused(refusal.to_string()),
        error => Failure::Machine(error.to_string()),
    }
}
