//! Plans: what would be done, counted, and known again by a digest, so that what is done is what was seen.
//!
//! A plan is made by walking all records once; it keeps counts and a digest, and not the records.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::records::{Decision, Outcome, Record, Refusal};

/// A plan may be carried out for this long.
const HOURS_MAX: i64 = 24;

/// Where a record stands in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Its time is not over.
    Keep,
    /// A hold keeps it.
    Held,
    /// It is to be erased.
    Due,
    /// It is kept for a reason that is on record.
    Extended,
    /// Only legal may see it, until it is erased.
    Restricted,
    /// That time has come.
    RestrictedDue,
    /// A request is to be answered first.
    AwaitingRequest,
    /// Legal is to decide.
    AwaitingLegal,
    /// Somebody is to look at it.
    Review,
    /// Its version of the statement is not in the contract.
    Unknown,
}

impl Class {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Keep,
        Self::Held,
        Self::Due,
        Self::Extended,
        Self::Restricted,
        Self::RestrictedDue,
        Self::AwaitingRequest,
        Self::AwaitingLegal,
        Self::Review,
        Self::Unknown,
    ];

    /// Where a decision puts a record.
    #[must_use]
    pub fn of(record: &Record, decision: &Decision) -> Self {
        match decision.outcome() {
            Outcome::Keep { .. } => Self::Keep,
            Outcome::Held { .. } => Self::Held,
            Outcome::Erase { .. } if record.restricted.is_some() => Self::RestrictedDue,
            Outcome::Erase { .. } => Self::Due,
            Outcome::Extended { .. } => Self::Extended,
            Outcome::Restrict { .. } => Self::Restricted,
            Outcome::AwaitRequest { .. } => Self::AwaitingRequest,
            Outcome::AwaitLegal { .. } => Self::AwaitingLegal,
            Outcome::Review => Self::Review,
            Outcome::Unknown => Self::Unknown,
        }
    }

    /// In a word or two.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Held => "held",
            Self::Due => "due",
            Self::Extended => "extended",
            Self::Restricted => "restricted",
            Self::RestrictedDue => "restricted, due",
            Self::AwaitingRequest => "awaiting request",
            Self::AwaitingLegal => "awaiting legal",
            Self::Review => "to be reviewed",
            Self::Unknown => "statement unknown",
        }
    }
}

/// The name of a plan: when it was made and what it says. It is written `20330304T090000Z-` and 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanId {
    /// When it was made, to the second.
    pub at: Timestamp,
    digest: String,
}

impl fmt::Display for PlanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.at.strftime("%Y%m%dT%H%M%SZ"), self.digest)
    }
}

impl FromStr for PlanId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a plan: copy what the plan printed, like `20330304T090000Z-0f3c…`");
        let (at, digest) = text.split_once('-').ok_or_else(wrong)?;
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", at).map_err(|_| wrong())?;
        let at = jiff::tz::TimeZone::UTC.to_timestamp(at).map_err(|_| wrong())?;
        let is_hex = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex { Ok(Self { at, digest: digest.to_owned() }) } else { Err(wrong()) }
    }
}

/// Why a plan is not carried out.
pub type PlanError = Refusal;

/// What would be done.
#[derive(Debug, Clone)]
pub struct Plan {
    at: Timestamp,
    counts: BTreeMap<Class, u64>,
    digest: Sha256,
    overdue: u64,
    overdue_since: Option<Timestamp>,
}

impl Plan {
    /// An empty plan, of this kind, made now.
    #[must_use]
    pub fn new(kind: &str, now: Timestamp) -> Self {
        // A plan is named by the second, so what it says is what was so at that second.
        let at = now.round(jiff::Unit::Second).ok().filter(|at| *at <= now);
        let at = at.or_else(|| Timestamp::from_second(now.as_second()).ok()).unwrap_or(now);
        let mut digest = Sha256::new();
        digest.update(format!("{kind}\n{at}\n"));
        Self { at, counts: BTreeMap::new(), digest, overdue: 0, overdue_since: None }
    }

    /// The moment it is about.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Adds what was decided about a record; records come in the order of their ids.
    pub fn add(&mut self, record: &Record, decision: &Decision) -> Class {
        let class = Class::of(record, decision);
        *self.counts.entry(class).or_default() += 1;
        // What is kept changes nothing about what is done: new registrations do not make a plan old.
        if !matches!(class, Class::Keep | Class::Unknown) {
            let (id, revision, outcome) = (decision.record(), decision.revision(), decision.outcome());
            self.digest.update(format!("{id} {revision} {outcome:?}\n"));
        }
        if let Outcome::Erase { since, .. } = decision.outcome() {
            self.overdue += 1;
            self.overdue_since = self.overdue_since.map_or(Some(*since), |first| Some(first.min(*since)));
        }
        class
    }

    /// How many records stand where.
    #[must_use]
    pub fn count(&self, class: Class) -> u64 {
        self.counts.get(&class).copied().unwrap_or(0)
    }

    /// The plan's name.
    #[must_use]
    pub fn id(&self) -> PlanId {
        let digest = self.digest.clone().finalize();
        PlanId { at: self.at, digest: digest[..16].iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// What waits for somebody to carry out a plan, in words; none where nothing does.
    #[must_use]
    pub fn overdue(&self, version: &str) -> Option<Refusal> {
        let days = self.at.duration_since(self.overdue_since?).as_hours() / 24;
        let (plural, passed) = (
            if self.overdue == 1 { "" } else { "s" },
            if days == 1 { "1 day".to_owned() } else { format!("{days} days") },
        );
        let fact = format!(
            "{} registration{plural} passed the minimum up to {passed} ago without a decision; statement {version} keeps none longer than is necessary",
            self.overdue
        );
        (days > 0).then(|| Refusal::new("P510", fact))
    }

    /// Whether the plan that was asked for may still be carried out, before all is walked again.
    ///
    /// # Errors
    /// When it is too old, or from the future.
    pub fn may_begin(asked: &PlanId, now: Timestamp) -> Result<(), PlanError> {
        if now < asked.at {
            let fact = format!("the plan is of {}, and the clock says {now}", asked.at);
            return Err(Refusal::new("P515", fact));
        }
        if now.duration_since(asked.at) > SignedDuration::from_hours(HOURS_MAX) {
            let fact =
                format!("the plan is of {}, more than {HOURS_MAX} hours ago: make another and look at it", asked.at);
            return Err(Refusal::new("P515", fact));
        }
        Ok(())
    }

    /// Whether this is the plan that was asked for.
    ///
    /// # Errors
    /// When what would be done is not what it says.
    pub fn is_still(&self, asked: &PlanId) -> Result<(), PlanError> {
        if self.id() == *asked {
            return Ok(());
        }
        let fact = "records, holds or requests have changed since the plan was made: make another and look at it";
        Err(Refusal::new("P515", fact))
    }
}
