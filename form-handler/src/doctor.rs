//! How the function is: what is configured, what can be reached, what waits, what fails, and what to do about it.
//!
//! It changes nothing and prints nothing.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use statement::contract::Contract;
use statement::period::Period;

use crate::mail::Mailer;
use crate::seal::Seal;
use crate::settings::{MailRoute, MailSettings, Settings};
use crate::store::{Numbers, Outbox, StoreError};

/// The promise that a place may not break which removes what is old.
const EXPIRY: &str = "P513";

/// One part of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word.
    pub part: &'static str,
    /// How it is.
    pub fact: String,
    /// What to do, where something is wrong.
    pub help: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.help.is_some() { "wrong" } else { "well" };
        writeln!(formatter, "{mark:5}  {:10}  {}", self.part, self.fact)?;
        self.help.iter().try_for_each(|help| writeln!(formatter, "       = help: {help}"))
    }
}

fn well(part: &'static str, fact: impl Into<String>) -> Finding {
    Finding { part, fact: fact.into(), help: None }
}

fn wrong(part: &'static str, fact: impl Into<String>, help: impl Into<String>) -> Finding {
    Finding { part, fact: fact.into(), help: Some(help.into()) }
}

/// Looks at everything.
pub async fn examine(settings: &Settings, contract: Result<Contract, String>, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![match &contract {
        Ok(contract) => well("contract", contract_description(contract)),
        Err(fact) => wrong("contract", fact, "build the site again, with the version this program is of"),
    }];
    findings.extend(store(settings, now).await);
    if let Ok(contract) = &contract {
        findings.extend(expiry(settings, contract, now).await);
    }
    findings.extend(settings.store.as_ref().map(|_| keys(&settings.seal)));
    findings.push(mail(settings).await);
    findings
}

fn contract_description(contract: &Contract) -> String {
    let forms: Vec<&str> = contract.forms.keys().map(String::as_str).collect();
    let statement = contract.statement.as_ref().map_or("none", |statement| &statement.version);
    format!("{}, statement {statement}, forms: {}", contract.base_url, forms.join(", "))
}

async fn store(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let Some(place) = &settings.store else { return vec![well("store", settings.store_description())] };
    let numbers = async { place.open_for_reading().await?.numbers(now).await };
    match numbers.await {
        Ok(Numbers { registrations, lately, held, outbox }) => {
            let fact = format!("{place}: {registrations} stored, {lately} of them in the last 24 hours, {held} held");
            vec![well("store", fact), mails(outbox)]
        }
        Err(StoreError::Missing) => vec![well("store", format!("{place}: not there yet"))],
        Err(error) => vec![wrong(
            "store",
            format!("{place}: {error}"),
            "see to its file or its server, and to who may write there",
        )],
    }
}

/// Whether the place where registrations are removes them before the statement lets it (P513).
async fn expiry(settings: &Settings, contract: &Contract, now: Timestamp) -> Option<Finding> {
    let store = settings.store.as_ref()?.open_for_reading().await.ok()?;
    let days = match store.removes_after().await {
        Ok(days) => days?,
        Err(error) => {
            let fact = format!("whether its place removes what is old cannot be read: {error}");
            return Some(wrong("expiry", fact, "let the role read it: `s3:GetLifecycleConfiguration`"));
        }
    };
    let end = now + SignedDuration::from_hours(24 * i64::from(days));
    let mut promised = contract.versions.iter().filter_map(|version| {
        let minimum = version.retention.as_ref()?.minimum.as_ref()?;
        Period::parse(minimum).is_ok_and(|period| end < period.after(now)).then_some((&version.version, minimum))
    });
    let (version, minimum) = promised.next_back()?;
    let fact = format!("{EXPIRY}: its place removes what is {days} days old; statement {version} promises {minimum}");
    Some(wrong("expiry", fact, "take away the rule: what is due goes with `registrations retention`"))
}

fn keys(seal: &Seal) -> Finding {
    let fact = seal.description();
    if seal.hangs_on_one_key() {
        let help = "whoever loses it loses all registrations; add another: `registrations keys add`";
        return wrong("keys", fact, help);
    }
    well("keys", fact)
}

fn mails(outbox: Outbox) -> Finding {
    let Outbox { pending, failing, resting } = outbox;
    let fact = format!("{pending} to be sent, {failing} failing, {resting} given up");
    match (failing, resting) {
        (0, 0) => well("outbox", fact),
        (_, 0) => wrong("outbox", fact, "they are tried again by themselves; `registrations redeliver` tries now"),
        _ => wrong("outbox", fact, "mend the mail, then `registrations redeliver`; `registrations list` says why"),
    }
}

async fn mail(settings: &Settings) -> Finding {
    let place = settings.mail_description();
    let Some(mail @ MailSettings { route: MailRoute::Smtp(_), .. }) = &settings.mail else {
        return well("mail", place);
    };
    let reached = match Mailer::new(mail) {
        Ok(mailer) => mailer.reach().await.map_err(|error| error.word().to_owned()),
        Err(fact) => Err(fact),
    };
    match reached {
        Ok(()) => well("mail", place),
        Err(fact) => {
            wrong("mail", format!("{place}: {fact}"), "see to CANDOR_MAIL, its user, password and certificates")
        }
    }
}
