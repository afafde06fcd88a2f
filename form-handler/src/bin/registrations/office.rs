//! Who uses the program, and what lies on their desk: the store, the ledger, the contract, and who may do what.
//!
//! Who somebody is, the machine's user database says of the account they are signed in with; nobody types it.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use form_handler::Settings;
use form_handler::records::ledger::Ledger;
use form_handler::records::{Desk, DeskError, People, RecordStore, Refusal, Scope, Who};
use form_handler::store::{Location, Store};
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
    #[arg(id = "as", long = "as", value_name = "NAME")]
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

/// Who sits at a desk, and what they need whatever the store.
pub(crate) struct Seat {
    pub(crate) contract: Option<Contract>,
    people: People,
    pub(crate) ledger: PathBuf,
    pub(crate) now: Timestamp,
    who: Who,
    /// Whether staff are named; else whoever owns the machine may do everything on it.
    pub(crate) has_staff: bool,
}

/// Everything that is needed to act.
pub(crate) struct Office {
    seat: Seat,
    pub(crate) store: Arc<dyn Store>,
}

impl Deref for Office {
    type Target = Seat;

    fn deref(&self) -> &Seat {
        &self.seat
    }
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
        let seat = self.sit(is_local())?;
        if is_for_change && seat.contract.is_none() {
            self.store.contract()?;
        }
        seat.open(&self.store.location()?, is_for_change).await
    }

    /// Who asks. Without named staff, that is the owner of a machine whose store is its own (`is_local`).
    pub(crate) fn sit(&self, is_local: bool) -> Result<Seat, Failure> {
        let login = User::from_uid(Uid::current()).ok().flatten().map(|user| user.name);
        let login = login.ok_or("this account has no name in the machine's user database")?;
        let people = people()?;
        let (people, who, has_staff) = match people {
            Some(people) => {
                let who = people.who(&login, self.name.as_deref())?;
                (people, who, true)
            }
            None if is_local => (People::default(), Who::owner(&login), false),
            None => return Err("CANDOR_PEOPLE: not set; name the file that says who may do what".to_owned().into()),
        };
        Ok(Seat { contract: self.store.contract().ok(), people, ledger: self.ledger()?, now: now(), who, has_staff })
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
pub(crate) fn is_local() -> bool {
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

impl Seat {
    /// Opens a store. Whoever only looks opens it for change, too, where the ledger has something begun and not ended: that
    /// is ended before anything is written down.
    pub(crate) async fn open(self, location: &Location, is_for_change: bool) -> Result<Office, Failure> {
        let begun = match Ledger::open(&self.ledger) {
            Ok(ledger) => ledger.unfinished().map(|entry| entry.seq),
            // A ledger that cannot be used is told by whoever writes into it.
            Err(_) => None,
        };
        let is_for_change = is_for_change || begun.is_some();
        let opened = if is_for_change { location.open().await } else { location.open_for_reading().await };
        let store = opened.map_err(|error| match begun {
            None => format!("cannot read `{location}`: {error}"),
            Some(seq) => {
                format!("cannot use `{location}`, to end what line {seq} of the ledger has begun: {error}")
            }
        })?;
        Ok(Office { seat: self, store })
    }

    /// Their desk, for what takes no store.
    pub(crate) fn bare_desk(&self) -> Desk<'_> {
        self.desk_at(None)
    }

    fn desk_at<'a>(&'a self, store: Option<&'a dyn RecordStore>) -> Desk<'a> {
        Desk::new(store, &self.ledger, self.contract.as_ref(), &self.people, self.who.clone(), self.now)
    }
}

impl Office {
    /// What the store does for staff.
    pub(crate) fn records(&self) -> &dyn RecordStore {
        self.store.records()
    }

    pub(crate) fn desk(&self) -> Desk<'_> {
        self.seat.desk_at(Some(self.records()))
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
        let records = Some(&self.records).filter(|records| !records.is_empty());
        Ok(Scope { people, records: records.map(|records| records.iter().copied().collect()), ..Scope::default() })
    }
}

impl ScopeArguments {
    /// Refuses people in what covers what comes later, where no secret keeps others from trying addresses out.
    pub(crate) fn must_be_secret(&self, settings: &Settings) -> Result<(), Refusal> {
        if self.people.is_empty() || settings.seal().index_key().is_secret() {
            return Ok(());
        }
        let fact = "a standing hold on people keeps hashes of their addresses in the ledger for ever, which takes \
                    CANDOR_INDEX_KEY: without it, anybody could try addresses out";
        Err(Refusal::new("P525", fact))
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
            DeskError::Store(_) | DeskError::Unknown(_) | DeskError::Ledger(_) => Self::Machine(error.to_string()),
        }
    }
}
