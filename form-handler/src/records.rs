//! What becomes of a registration after it is stored: who may see it, how long it is kept, what is put on hold, corrected
//! and erased, and the ledger of all that.
//!
//! ```text
//! record, holds, requests, rules, now ─decide→ Decision ─┬ plan (digest) → apply ┐
//!                                                        └ ledger: begun ────────┴→ destroyed → ledger: done
//! ```
//!
//! Everything here is told the moment and who asks; it knows neither the clock nor the environment, and no answers.

mod decision;
mod deed;
mod desk;
mod hold;
pub mod ledger;
mod people;
mod plan;
mod refusal;
mod request;
mod rules;
mod stats;
mod store;

pub use decision::{Cause, Decision, Extension, Outcome, Record, decide, decide_again};
pub use deed::Deed;
pub use desk::{Applied, Desk, DeskError, Replayed, Subject};
pub use hold::{Hold, Release, Scope};
pub use people::{Attestation, People, Person, Role, Who};
pub use plan::{Class as PlanClass, Plan, PlanError, PlanId};
pub use refusal::Refusal;
pub use request::{REQUEST_DAYS_MAX, Request, RequestKind, RequestState};
pub use rules::{Class, ClassOf, Rules, Term, VersionRules};
pub use stats::{Counts, Unit};
pub use store::{Fate, Matters, Recheck, RecordStore};
pub(crate) use store::{HOLD, REQUEST, to_json};
