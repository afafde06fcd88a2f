//! `registrations erase`: what a person asks for or a law compels, and what a restored backup has brought back.

use clap::Subcommand;
use form_handler::records::{PlanId, Replayed, RequestKind, Subject};
use serde_json::json;

use crate::office::{DeskArguments, RequestArguments};
use crate::{Answer, Failure, pretty, retention};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Take a request for erasure in
    Request {
        #[command(flatten)]
        request: RequestArguments,
        /// A law compels it, before the statement's minimum is over too
        #[arg(long, requires = "citation")]
        compelled: bool,
        /// The law
        #[arg(long, value_name = "LAW", requires = "compelled")]
        citation: Option<String>,
    },
    /// Tell what would become of each registration of a request, and name the plan
    Plan {
        #[command(flatten)]
        desk: DeskArguments,
        /// The request
        #[arg(long, value_name = "REQUEST")]
        request: String,
    },
    /// Carry out a plan, and tell what the answer to the person is
    Apply {
        #[command(flatten)]
        desk: DeskArguments,
        /// The request
        #[arg(long, value_name = "REQUEST")]
        request: String,
        /// The plan, as `plan` named it within the last 24 hours
        #[arg(long, value_name = "PLAN")]
        plan: PlanId,
    },
    /// After a backup was restored: erase again what was erased, and place holds again
    Replay {
        #[command(flatten)]
        desk: DeskArguments,
    },
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Request { request, compelled: _, citation } => {
            take_in(&request, RequestKind::Erasure { citation }).await
        }
        Command::Plan { desk, request } => {
            let next = format!("registrations erase apply --request {request}");
            retention::plan(&desk, &Subject::Request(request), &next).await
        }
        Command::Apply { desk, request, plan } => {
            retention::apply(&desk, &Subject::Request(request), &plan, "erase apply").await
        }
        Command::Replay { desk } => {
            let office = desk.open_for_change().await?;
            let at = office.desk();
            let replayed = at.replay().await;
            let Replayed { erased, holds, requests, changed, corrections } =
                at.settle("erase replay", "restored store", replayed).await?;
            if desk.json {
                let answer = json!({"erased": erased, "holds": holds, "requests": requests, "changed": changed,
                    "corrections_lost": corrections});
                return Ok(Answer { text: pretty(&answer), is_well: corrections.is_empty() });
            }
            let mut text = format!(
                "{erased} erased again, {holds} holds and {requests} requests put back, {changed} restricted, extended or released again\n"
            );
            for id in &corrections {
                text.push_str(&format!("{id}  its correction is lost with the backup: correct it again\n"));
            }
            Ok(Answer { text, is_well: corrections.is_empty() })
        }
    }
}

/// Takes a request of any kind in.
pub(crate) async fn take_in(asked: &RequestArguments, kind: RequestKind) -> Result<Answer, Failure> {
    let RequestArguments { desk, scope, verified_by } = asked;
    let office = desk.open_for_change().await?;
    let at = office.desk();
    let scope = scope.scope(&desk.store.settings()?)?;
    let opened = at.open_request(kind, scope, verified_by).await;
    let request = at.settle("request", "-", opened).await?;
    let found = request.scope.named().unwrap_or_default().len();
    let until = jiff::tz::TimeZone::UTC.to_datetime(request.answer_until()).date();
    Ok(match desk.json {
        true => pretty(&json!({"request": request, "registrations": found, "answer_until": until})).into(),
        false => {
            format!("request {} is open; it is about {found} registrations; answer it by {until}\n", request.id).into()
        }
    })
}
