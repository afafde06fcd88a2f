//! Who uses the program, and what lies on their desk: the store, the ledger, the contract, and who may do what.
//!
//! Who somebody is, the machine's user database says of the account they are signed in with; nobody types it.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use form_handler::Settings;
use form_handler::records::{Desk, DeskError, People, RecordStore, Scope, Who};
use form_handler::store::Store;
use jiff::Timestamp;
use jiff::civil::Date;
use nix::unistd::{Uid, User};
use statement::contract::Contract;
use uuid::Uuid;

use crate::{Failure, StoreArguments, now, variable};

#[derive(Args)]
pub(crate) struct SeatArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Your name among the staff; it is refused where the account is somebody else's
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

#[derive(Args)]
pub(crate) struct DeskArguments {
    #[command(flatten)]
    seat: SeatArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Deref for DeskArguments {
    type Target = SeatArguments;

    fn deref(&self) -> &SeatArguments {
        &self.seat
    }
}

/// Which registrations are meant.
#[derive(Args)]
pub(crate) struct ScopeArguments {
    /// Those of the person with this e-mail address or telephone number; may be given several times
    #[arg(long = "person", value_name = "ADDRESS")]
    people: Vec<String>,
    /// This registration; may be given several times
    #[arg(long = "record", value_name = "REFERENCE")]
    records: Vec<Uuid>,
}

/// What a person asks for.
#[derive(Args)]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    pub(crate) desk: DeskArguments,
    #[command(flatten)]
    pub(crate) scope: ScopeArguments,
    /// How it is known that it is the person's own, like `a mail to the address on record`
    #[arg(long, value_name = "TEXT")]
    pub(crate) verified_by: String,
}

/// More that may be said of them.
#[derive(Args)]
pub(crate) struct FilterArguments {
    /// Only those of this form
    #[arg(long, value_name = "ID")]
    form: Option<String>,
    /// Only those that came on this day (UTC) or later
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Only those that came on this day (UTC) or earlier
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// Only those that were collected under this version of the statement
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Everything that is needed to act.
pub(crate) struct Office {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) contract: Option<Contract>,
    pub(crate) people: People,
    pub(crate) ledger: PathBuf,
    pub(crate) now: Timestamp,
    who: Who,
    /// Whether staff are named; else whoever owns the machine may do everything on it.
    pub(crate) has_staff: bool,
}

impl SeatArguments {
    /// For commands that only look.
    pub(crate) async fn open(&self) -> Result<Office, Failure> {
        self.open_with(false).await
    }

    /// For commands that change something, which takes the site's contract.
    pub(crate) async fn open_for_change(&self) -> Result<Office, Failure> {
        self.open_with(true).await
    }

    async fn open_with(&self, is_for_change: bool) -> Result<Office, Failure> {
        let login = User::from_uid(Uid::current()).ok().flatten().map(|user| user.name);
        let login = login.ok_or("this account has no name in the machine's user database")?;
        let people = people()?;
        let (people, who, has_staff) = match people {
            Some(people) => {
                let who = people.who(&login, self.name.as_deref())?;
                (people, who, true)
            }
            None if is_local() => (People::default(), Who::owner(&login), false),
            None => return Err("CANDOR_PEOPLE: not set; name the file that says who may do what".to_owned().into()),
        };
        let ledger = self.ledger()?;
        let contract = match self.store.contract() {
            Ok(contract) => Some(contract),
            Err(fact) if is_for_change => return Err(fact.into()),
            Err(_) => None,
        };
        let location = self.store.location()?;
        let opened = if is_for_change { location.open().await } else { location.open_for_reading().await };
        let store = opened.map_err(|error| format!("cannot read `{location}`: {error}"))?;
        Ok(Office { store, contract, people, ledger, now: now(), who, has_staff })
    }

    /// The ledger's file.
    pub(crate) fn ledger(&self) -> Result<PathBuf, String> {
        match variable("CANDOR_LEDGER") {
            Some(path) => Ok(PathBuf::from(path)),
            None if is_local() => Ok(self.store.local().folder.join("ledger.jsonl")),
            None => {
                Err("CANDOR_LEDGER: not set; name a file that is kept apart from the store and its backups".to_owned())
            }
        }
    }
}

/// Whether the store is the one in the site's folder, as on a machine that one person uses.
fn is_local() -> bool {
    variable("CANDOR_STORE").is_none() && variable("CANDOR_STORE_FILE").is_none()
}

/// The staff's file, where one is named.
#[expect(clippy::disallowed_methods, reason = "the program reads its staff's file")]
pub(crate) fn people() -> Result<Option<People>, String> {
    let Some(path) = variable("CANDOR_PEOPLE") else { return Ok(None) };
    let said = |fact: String| format!("CANDOR_PEOPLE: `{path}`: {fact}");
    let text = std::fs::read_to_string(&path).map_err(|error| said(format!("cannot read it: {error}")))?;
    People::parse(&text).map(Some).map_err(said)
}

impl Office {
    /// What the store does for staff.
    pub(crate) fn records(&self) -> Result<&dyn RecordStore, String> {
        self.store.records().ok_or_else(|| "this takes a store in SQLite or PostgreSQL".to_owned())
    }

    pub(crate) fn desk(&self) -> Result<Desk<'_>, Failure> {
        let contract = self.contract.as_ref();
        Ok(Desk::new(self.store.records(), &self.ledger, contract, &self.people, self.who.clone(), self.now))
    }
}

impl ScopeArguments {
    /// The scope, with people as the index knows them.
    pub(crate) fn scope(&self, settings: &Settings) -> Result<Scope, Failure> {
        let people = self.people.iter().map(|person| {
            let key = settings.seal().index_key().person(person);
            key.ok_or_else(|| format!("`{person}` is neither an e-mail address nor a telephone number"))
        });
        let people = people.collect::<Result<_, _>>()?;
        Ok(Scope { people, records: self.records.iter().copied().collect(), ..Scope::default() })
    }
}

impl FilterArguments {
    pub(crate) fn narrow(self, scope: Scope) -> Scope {
        let Self { form, from, until, version } = self;
        Scope { form, from, until, version, ..scope }
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(_) | DeskError::NotFound(_) => Self::Refused(error.to_string()),
            DeskError::Store(_) | DeskError::Ledger(_) => Self::Machine(error.to_string()),
        }
    }
}
