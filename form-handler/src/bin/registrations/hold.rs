//! `registrations hold`: orders to keep.

use clap::Subcommand;
use form_handler::records::Hold;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::office::{DeskArguments, FilterArguments, ScopeArguments};
use crate::retention::words;
use crate::{Answer, Failure, pretty};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Order that registrations are kept, whatever else is due
    Place {
        #[command(flatten)]
        desk: DeskArguments,
        /// On what ground, in a word of the statement like `litigation-hold`
        #[arg(long, value_name = "GROUND")]
        ground: String,
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        filter: FilterArguments,
        /// Also what comes later
        #[arg(long)]
        standing: bool,
        /// Why, without personal data
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// End a hold, and tell what is due now of what it kept
    Release {
        #[command(flatten)]
        desk: DeskArguments,
        /// The hold
        #[arg(long, value_name = "HOLD")]
        id: String,
        /// Why, without personal data
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// List all holds
    List {
        #[command(flatten)]
        desk: DeskArguments,
    },
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Place { desk, ground, scope, filter, standing, note } => {
            let office = desk.open_for_change().await?;
            let at = office.desk();
            let settings = desk.store.settings()?;
            let may_stand = if standing { scope.must_be_secret(&settings) } else { Ok(()) };
            at.settle("hold place", &ground, may_stand.map_err(Into::into)).await?;
            let scope = filter.narrow(scope.scope(&settings)?);
            let placed = at.place_hold(&ground, scope, standing, &note).await;
            let (hold, covered) = at.settle("hold place", &ground, placed).await?;
            Ok(match desk.json {
                true => pretty(&json!({"hold": hold, "covers": covered})).into(),
                false => format!("hold {} is placed; it covers {covered} registrations now\n", hold.id).into(),
            })
        }
        Command::Release { desk, id, note } => {
            let office = desk.open_for_change().await?;
            let at = office.desk();
            let released = at.release_hold(&id, &note).await;
            let due = at.settle("hold release", &id, released).await?;
            let why = |(record, outcome): &(form_handler::records::Record, _)| {
                (record.id, words(outcome, record.id, at.version()))
            };
            if desk.json {
                let due = due.iter().map(why).map(|(id, why)| json!({"record": id, "why": why}));
                return Ok(pretty(&json!({"released": id, "due": due.collect::<Value>()})).into());
            }
            let mut text = format!("hold {id} is released; {} of what it kept are due with the next plan\n", due.len());
            text.extend(due.iter().map(why).map(|(id, why)| format!("{id}  {why}\n")));
            Ok(text.into())
        }
        Command::List { desk } => {
            let office = desk.open().await?;
            let at = office.desk();
            let matters = at.matters("hold list").await;
            let holds = at.settle("hold list", "all", matters).await?.holds;
            Ok(if desk.json { pretty(&json!(holds)).into() } else { table(&holds).into() })
        }
    }
}

fn table(holds: &[Hold]) -> String {
    if holds.is_empty() {
        return "no holds\n".to_owned();
    }
    let day = |moment| TimeZone::UTC.to_datetime(moment).date();
    let line = |hold: &Hold| {
        let state =
            hold.released.as_ref().map_or("active".to_owned(), |release| format!("released {}", day(release.at)));
        format!("{}  {}  {}  {}  {state}  {}\n", hold.id, hold.ground, day(hold.placed), hold.by, hold.note)
    };
    holds.iter().map(line).collect()
}
