//! `registrations retention`: what is due, and that it goes.

use std::io::IsTerminal as _;

use anstream::eprint;
use clap::Subcommand;
use form_handler::records::{Applied, Outcome, Plan, PlanClass, PlanId, Record, Refusal, Subject};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::office::{DeskArguments, Office};
use crate::{Answer, Failure, pretty};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Tell what would be erased and what is kept, and name the plan
    Plan {
        #[command(flatten)]
        desk: DeskArguments,
    },
    /// Carry out a plan
    Apply {
        #[command(flatten)]
        desk: DeskArguments,
        /// The plan, as `plan` named it within the last 24 hours
        #[arg(long, value_name = "PLAN")]
        plan: PlanId,
    },
    /// Keep a registration longer than the statement's minimum
    Extend {
        #[command(flatten)]
        desk: DeskArguments,
        /// The registration
        #[arg(long, value_name = "REFERENCE")]
        record: Uuid,
        /// Until this day
        #[arg(long, value_name = "DAY")]
        until: Date,
        /// Why, without personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Plan { desk } => plan(&desk, &Subject::Retention, "registrations retention apply").await,
        Command::Apply { desk, plan } => apply(&desk, &Subject::Retention, &plan, "retention apply").await,
        Command::Extend { desk, record, until, reason } => {
            let office = desk.open_for_change().await?;
            let at = office.desk();
            let extended = at.extend(record, until, &reason).await;
            let extension = at.settle("retention extend", &record.to_string(), extended).await?;
            Ok(match desk.json {
                true => pretty(&json!({"record": record, "extension": extension})).into(),
                false => format!("{record} is kept until {until}\n").into(),
            })
        }
    }
}

/// Plans, and prints what becomes of every record that is not simply kept.
pub(crate) async fn plan(desk: &DeskArguments, subject: &Subject, next: &str) -> Result<Answer, Failure> {
    let office = desk.open_for_change().await?;
    let at = office.desk();
    let (mut lines, mut values, mut progress) = (String::new(), Vec::new(), Progress::new());
    let mut each = |record: &Record, outcome: &Outcome, class: PlanClass| {
        progress.step();
        if class == PlanClass::Keep && *subject == Subject::Retention {
            return;
        }
        let words = words(outcome, record.id, at.version());
        if desk.json {
            values.push(json!({"record": record.id, "class": class.words(), "why": words}));
        } else {
            lines.push_str(&format!("{}  {:16}  {words}\n", record.id, class.words()));
        }
    };
    let planned = at.plan(subject, &mut each).await;
    progress.end();
    let plan = at.settle("plan", "records", planned).await?;
    let overdue = plan.overdue(at.version()).filter(|_| *subject == Subject::Retention);
    Ok(if desk.json {
        let counts: Value = counts(&plan).map(|(class, count)| (class.to_owned(), Value::from(count))).collect();
        let overdue = overdue.map(|overdue| overdue.to_string());
        let plan = plan.id().to_string();
        pretty(&json!({"plan": plan, "counts": counts, "overdue": overdue, "records": values})).into()
    } else {
        for (class, count) in counts(&plan) {
            lines.push_str(&format!("{count:>9}  {class}\n"));
        }
        lines.extend(overdue.map(|overdue| format!("{overdue}\n")));
        let does_something =
            PlanClass::ALL.iter().any(|class| !matches!(class, PlanClass::Keep) && plan.count(*class) > 0);
        if does_something {
            lines.push_str(&format!("To carry this out within 24 hours: {next} --plan {}\n", plan.id()));
        }
        lines.into()
    })
}

fn counts(plan: &Plan) -> impl Iterator<Item = (&'static str, u64)> {
    PlanClass::ALL.into_iter().map(|class| (class.words(), plan.count(class))).filter(|(_, count)| *count > 0)
}

/// Carries out a plan, and prints what became of it.
pub(crate) async fn apply(
    desk: &DeskArguments,
    subject: &Subject,
    plan: &PlanId,
    action: &str,
) -> Result<Answer, Failure> {
    let office = desk.open_for_change().await?;
    let at = office.desk();
    let mut progress = Progress::new();
    let applied = at.apply(subject, plan, &mut |count| progress.at(count)).await;
    progress.end();
    let applied = at.settle(action, &plan.to_string(), applied).await?;
    report(desk, &office, &applied, at.version()).await
}

async fn report(desk: &DeskArguments, office: &Office, applied: &Applied, version: &str) -> Result<Answer, Failure> {
    let matters = office.records().matters().await.map_err(|error| error.to_string())?;
    let held = applied.held(&matters);
    let Applied { erased, restricted, kept, closed } = applied;
    if desk.json {
        let kept = kept.iter().map(|(id, outcome)| json!({"record": id, "why": words(outcome, *id, version)}));
        let kept: Vec<Value> = kept.collect();
        let held = held.map(|held| held.to_string());
        let answer = json!({"erased": erased, "restricted": restricted, "kept": kept, "held": held, "closed": closed});
        return Ok(pretty(&answer).into());
    }
    let mut text = format!("{erased} erased, {restricted} restricted, {} kept\n", kept.len());
    for (id, outcome) in kept {
        text.push_str(&format!("{id}  {}\n", words(outcome, *id, version)));
    }
    text.extend(held.map(|held| format!("{held}\n")));
    text.extend(closed.iter().map(|request| format!("request {request} is closed\n")));
    Ok(text.into())
}

/// What becomes of a record, in words that may be passed on to whoever has asked.
pub(crate) fn words(outcome: &Outcome, id: Uuid, version: &str) -> String {
    match outcome {
        Outcome::Keep { until: Some(until) } => format!("kept until {}", day(*until)),
        Outcome::Keep { until: None } => "kept: the statement gives no period".to_owned(),
        Outcome::Unknown => {
            "kept: it was changed meanwhile, or its version of the statement is not in the contract".to_owned()
        }
        Outcome::Held { holds, waiting, is_compelled } => {
            let mut text = format!("held by {}", holds.join(", "));
            if !waiting.is_empty() {
                text.push_str(&format!("; {} waits for it", waiting.join(", ")));
            }
            if *is_compelled {
                text.push_str("; a law compels its erasure: legal decides whether the hold ends");
            }
            text
        }
        Outcome::Restrict { until, request } => {
            let fact = format!(
                "{id} may not be deleted before {}, as statement {version} says; for {request} only legal sees it until then",
                day(*until)
            );
            Refusal::new("P511", fact).to_string()
        }
        Outcome::AwaitRequest { request, until } => format!("{request} is to be answered first, until {}", day(*until)),
        Outcome::AwaitLegal { request, until } => {
            format!("legal decides about {request} until {}; then it is erased", day(*until))
        }
        Outcome::Extended { until } => format!("kept until {} for a reason", day(*until)),
        Outcome::Review => {
            "its minimum is over: look at it, and say with `retention extend` until when it is kept; today lets it go"
                .to_owned()
        }
        Outcome::Erase { since, .. } => format!("to be erased since {}", day(*since)),
    }
}

fn day(moment: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(moment).date()
}

/// A line that counts, where somebody looks at a terminal.
struct Progress {
    count: u64,
    is_shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { count: 0, is_shown: std::io::stderr().is_terminal() }
    }

    fn step(&mut self) {
        let next = self.count + 1;
        if next.is_multiple_of(10_000) {
            self.at(next);
        }
        self.count = next;
    }

    fn at(&mut self, count: u64) {
        self.count = count;
        if self.is_shown {
            eprint!("\r{count} registrations");
        }
    }

    fn end(&self) {
        if self.is_shown && self.count >= 1000 {
            eprint!("\r{:30}\r", "");
        }
    }
}
