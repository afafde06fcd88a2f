//! `registrations keys`: who may read registrations. The keys stand in a file of the authors'; the store is brought in line
//! with it.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anstream::{eprint, eprintln};
use clap::{Args, Subcommand};
use form_handler::records::{Desk, Role};
use form_handler::seal::rotation::{self, Sealed};
use form_handler::seal::{PublicKeys, key_file};
use form_handler::store::StoreError;
use serde_json::json;

use crate::identity::{IdentityArguments, explained};
use crate::office::{SeatArguments, is_local};
use crate::{Answer, Failure, StoreArguments, pretty, variable};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List whose keys registrations are sealed to
    List {
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        keys: KeysArguments,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add somebody's public key to the file; `age-keygen` makes one
    Add {
        #[command(flatten)]
        seat: SeatArguments,
        #[command(flatten)]
        keys: KeysArguments,
        /// Whose it is
        #[arg(value_name = "NAME")]
        name: String,
        /// The public key, `age1…`
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Take somebody's public key out of the file
    Retire {
        #[command(flatten)]
        seat: SeatArguments,
        #[command(flatten)]
        keys: KeysArguments,
        /// The name above it, or the key
        #[arg(value_name = "NAME")]
        who: String,
    },
    /// Seal every registration to the keys that are in the file now; without --plan, only say what would be done
    Reencrypt {
        #[command(flatten)]
        seat: SeatArguments,
        #[command(flatten)]
        keys: KeysArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// Do what the plan of this number says
        #[arg(long, value_name = "NUMBER")]
        plan: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct KeysArguments {
    /// The file of public keys
    #[arg(long = "keys", value_name = "FILE", env = "CANDOR_KEYS_FILE")]
    file: Option<PathBuf>,
}

impl KeysArguments {
    fn file(&self) -> Result<&Path, String> {
        self.file.as_deref().ok_or_else(|| match variable("CANDOR_KEYS") {
            Some(_) => "CANDOR_KEYS holds the keys themselves: change it where it is set".to_owned(),
            None => "there is no file of keys: name it with `--keys FILE` or in CANDOR_KEYS_FILE".to_owned(),
        })
    }

    fn read(&self) -> Result<PublicKeys, String> {
        let text = match (&self.file, variable("CANDOR_KEYS")) {
            (None, Some(text)) => text,
            _ => read(self.file()?)?,
        };
        PublicKeys::parse(&text).map_err(|fact| format!("the public keys: {fact}"))
    }
}

#[expect(clippy::disallowed_methods, reason = "the file of keys is the authors'")]
fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// Puts a changed file into the place of the one that was read, whole or not at all.
#[expect(clippy::disallowed_methods, reason = "the file of keys is the authors', who have asked for the change")]
fn write(path: &Path, text: &str) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    let mut staged = path.as_os_str().to_owned();
    staged.push(".part");
    let mut part = std::fs::File::create(&staged).map_err(cannot)?;
    part.write_all(text.as_bytes()).and_then(|()| part.sync_all()).map_err(cannot)?;
    std::fs::rename(&staged, path).map_err(cannot)
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::List { store, keys, json } => Ok(list(&store, &keys.read()?, json).await?),
        Command::Add { seat, keys, name, key } => {
            let path = keys.file()?;
            note(&seat.sit(is_local())?.bare_desk(), "keys add", &name).await?;
            let file = match read(path) {
                Err(_) if is_missing(path) => String::new(),
                file => file?,
            };
            write(path, &key_file::add(&file, &name, &key)?)?;
            Ok(changed(&format!("{name} may read what is registered once the function has this file")))
        }
        Command::Retire { seat, keys, who } => {
            let path = keys.file()?;
            note(&seat.sit(is_local())?.bare_desk(), "keys retire", &who).await?;
            write(path, &key_file::retire(&read(path)?, &who)?)?;
            Ok(changed(&format!("{who} may not read what is registered once the function has this file")))
        }
        Command::Reencrypt { seat, keys, identity, plan } => reencrypt(&seat, &keys.read()?, &identity, plan).await,
    }
}

/// Refuses whoever may not say who may read; and writes down that they do, before they do.
async fn note(at: &Desk<'_>, action: &str, target: &str) -> Result<(), Failure> {
    let allowed = at.must_be(Role::Records, "change who may read registrations");
    at.settle(action, target, allowed).await?;
    Ok(at.note(Role::Records, action, target, None, &[]).await?)
}

fn changed(fact: &str) -> Answer {
    format!("{fact};\nfor what is in the store already: registrations keys reencrypt\n").into()
}

fn is_missing(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

async fn list(store: &StoreArguments, keys: &PublicKeys, as_json: bool) -> Result<Answer, String> {
    let location = store.location()?;
    let sealed = match location.open_for_reading().await {
        Ok(store) => rotation::count(&*store, keys).await,
        // Before the first registration there is none.
        Err(StoreError::Missing) => Ok(Sealed::default()),
        Err(error) => Err(error),
    };
    let Sealed { to_these, to_others } = sealed.map_err(|error| format!("cannot read `{location}`: {error}"))?;
    if as_json {
        let all: Vec<_> = keys.iter().map(|key| json!({"name": key.name, "key": key.to_string()})).collect();
        let fingerprint = keys.fingerprint();
        let told = json!({"keys": all, "set": fingerprint, "sealed_to_these": to_these, "sealed_to_others": to_others});
        return Ok(pretty(&told).into());
    }
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "–".to_owned());
    let width = keys.iter().map(|key| name(&key.name).chars().count()).max().unwrap_or(0);
    let lines = keys.iter().map(|key| format!("{:width$}  {key}\n", name(&key.name)));
    let mut text = lines.collect::<String>();
    text.push_str(&format!("\n{to_these} registrations are sealed to these keys, {to_others} to others\n"));
    if to_others > 0 {
        text.push_str("to seal all to these: registrations keys reencrypt\n");
    }
    Ok(text.into())
}

async fn reencrypt(
    seat: &SeatArguments,
    keys: &PublicKeys,
    identity: &IdentityArguments,
    plan: Option<String>,
) -> Result<Answer, Failure> {
    let location = seat.store.location()?;
    let cannot = |error: StoreError| format!("cannot use `{location}`: {error}");
    let office = seat.sit(is_local())?.open(&location, true).await?;
    let opened = &*office.store;
    let sealed = rotation::count(opened, keys).await.map_err(cannot)?;
    let all = sealed.to_these + sealed.to_others;
    let readable = rotation::seal_readable(opened, None).await.map_err(cannot)?;
    let number = keys.fingerprint();
    let Some(plan) = plan else {
        let readable = match readable {
            0 => String::new(),
            _ => format!("{readable} that were stored before there were keys would be sealed.\n"),
        };
        let names: Vec<String> = keys.iter().map(|key| key.name.clone().unwrap_or_else(|| key.to_string())).collect();
        return Ok(format!(
            "{} of {all} registrations would be sealed to other keys than now.\n{readable}\
             Then all can be read by: {}; and by nobody else.\n\
             To do it: registrations keys reencrypt --plan {number}\n",
            sealed.to_others,
            names.join(", "),
        )
        .into());
    };
    if plan != number {
        return Err("the keys are not those of the plan any more; look at the new plan first".into());
    }
    let identities = identity.read()?.ok_or_else(|| explained(form_handler::seal::SealError::NoIdentity))?;
    if !identities.are_among(keys) {
        return Err("your identity is none of the keys, so nobody could check what is done; add its public key".into());
    }
    note(&office.desk(), "keys reencrypt", &number).await?;
    let is_watched = std::io::stderr().is_terminal();
    let mut tell = |seen: u64| {
        if is_watched {
            eprint!("\r{seen} of {all}");
        }
    };
    let done = rotation::reseal(opened, keys, &identities, &mut tell).await.map_err(cannot)?;
    if is_watched {
        eprintln!();
    }
    let readable = rotation::seal_readable(opened, Some(keys)).await.map_err(cannot)?;
    let left = rotation::count(opened, keys).await.map_err(cannot)?.to_others;
    let mut text =
        format!("{} registrations are sealed to the keys there are now, {left} to others\n", done.done + readable);
    if readable > 0 {
        text.push_str(&format!("{readable} of them could be read by whoever could read the store\n"));
    }
    for (id, error) in &done.failed {
        text.push_str(&format!("{id}: {error}\n"));
    }
    Ok(Answer { text, is_well: left == 0 })
}
