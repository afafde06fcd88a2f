//! Whatever staff do in whatever order, on a real store: nothing is destroyed early, and nothing is kept late.
//!
//! The model knows four rules and none of the code: a hold keeps; before the minimum only hiding is possible; an answered
//! request, and one that got no answer in 45 days, erases what is past its minimum; the rest goes when its time is over,
//! unless a request waits for its answer.

use std::collections::{BTreeMap, BTreeSet};

use form_handler::records::{RequestKind, Scope, Subject};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use crate::office::{Office, after, at_desk};

/// What somebody does. Numbers choose among what is there.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Wait(i64),
    Register,
    Hold(usize),
    Release(usize),
    Ask(usize),
    Answer(usize),
    Sweep,
    BackUp,
    Restore,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_i64..900).prop_map(Step::Wait),
        1 => (2000_i64..3000).prop_map(Step::Wait),
        4 => Just(Step::Register),
        2 => any::<usize>().prop_map(Step::Hold),
        2 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Ask),
        2 => any::<usize>().prop_map(Step::Answer),
        4 => Just(Step::Sweep),
        1 => Just(Step::BackUp),
        1 => Just(Step::Restore),
    ]
}

#[derive(Debug, Clone, Default)]
struct Model {
    /// When each record that is there arrived.
    records: BTreeMap<Uuid, Timestamp>,
    erased: BTreeSet<Uuid>,
    /// Active holds, with what they cover.
    holds: BTreeMap<String, Uuid>,
    /// Requests: about what, since when, and whether they are answered.
    requests: BTreeMap<String, (Uuid, Timestamp, bool)>,
}

impl Model {
    fn is_held(&self, id: Uuid) -> bool {
        self.holds.values().any(|held| *held == id)
    }

    /// Seven years later to the second; none of the days used is the 29th of February.
    fn is_past(&self, id: Uuid, now: Timestamp) -> bool {
        let received = jiff::tz::TimeZone::UTC.to_datetime(self.records[&id]);
        let end = received.with().year(received.year() + 7).build().unwrap();
        jiff::tz::TimeZone::UTC.to_timestamp(end).unwrap() <= now
    }

    fn sweep(&mut self, now: Timestamp) {
        let goes = |id: &Uuid| {
            let of = || self.requests.values().filter(|(about, _, _)| about == id);
            let late = |opened: &Timestamp| *opened + SignedDuration::from_hours(24 * 45) <= now;
            let acts = of().any(|(_, opened, is_answered)| *is_answered || late(opened));
            let waits = of().any(|(_, opened, is_answered)| !is_answered && !late(opened));
            !self.is_held(*id) && self.is_past(*id, now) && (acts || !waits)
        };
        let gone: Vec<Uuid> = self.records.keys().filter(|id| goes(id)).copied().collect();
        self.erase(gone);
    }

    fn erase(&mut self, gone: Vec<Uuid>) {
        self.records.retain(|id, _| !gone.contains(id));
        self.erased.extend(gone);
    }
}

fn chosen<T: Clone>(number: usize, of: impl ExactSizeIterator<Item = T>) -> Option<T> {
    let count = of.len();
    if count == 0 { None } else { of.into_iter().nth(number % count) }
}

pub(crate) async fn run(office: Office, steps: Vec<Step>) {
    let (mut model, mut now, mut backup) = (Model::default(), after(0), None);
    let steps = std::iter::once(Step::Register).chain(steps).chain([Step::Wait(3000), Step::Sweep, Step::Sweep]);
    for (number, step) in steps.enumerate() {
        // No two things happen at one moment, and none on the 29th of February.
        now += SignedDuration::from_secs(1);
        match step {
            Step::Wait(days) => {
                now += SignedDuration::from_hours(24 * days);
                if now.strftime("%m-%d").to_string() == "02-29" {
                    now += SignedDuration::from_hours(24);
                }
            }
            Step::Register => {
                model.records.insert(office.register(&format!("Ada{number}"), now).await, now);
            }
            Step::Hold(number) => {
                let Some(id) = chosen(number, model.records.keys()).copied() else { continue };
                let scope = Scope { records: Some([id].into()), ..Scope::default() };
                let hold = at_desk!(office, "lea", now, |desk| {
                    desk.place_hold("litigation-hold", scope, false, "a case").await.unwrap().0
                });
                model.holds.insert(hold.id, id);
            }
            Step::Release(number) => {
                let Some(id) = chosen(number, model.holds.keys()).cloned() else { continue };
                at_desk!(office, "lea", now, |desk| desk.release_hold(&id, "settled").await.unwrap());
                model.holds.remove(&id);
            }
            Step::Ask(number) => {
                let Some(id) = chosen(number, model.records.keys()).copied() else { continue };
                let scope = Scope { records: Some([id].into()), ..Scope::default() };
                let request = at_desk!(office, "ada", now, |desk| {
                    desk.open_request(RequestKind::Erasure { citation: None }, scope, "a letter").await.unwrap()
                });
                model.requests.insert(request.id, (id, now, false));
            }
            Step::Answer(number) => {
                let Some(request) = chosen(number, model.requests.keys()).cloned() else { continue };
                office.sweep(Subject::Request(request.clone()), "ada", now).await.unwrap();
                let (id, _, is_answered) = model.requests.get_mut(&request).unwrap();
                *is_answered = true;
                let id = *id;
                if model.records.contains_key(&id) && !model.is_held(id) && model.is_past(id, now) {
                    model.erase(vec![id]);
                }
            }
            Step::Sweep => {
                office.sweep(Subject::Retention, "ada", now).await.unwrap();
                model.sweep(now);
            }
            Step::BackUp => {
                office.back_up();
                backup = Some(model.records.clone());
            }
            Step::Restore => {
                let Some(records) = backup.clone() else { continue };
                office.restore();
                at_desk!(office, "ada", now, |desk| desk.replay().await.unwrap());
                // What came since the backup is lost; what was erased stays erased.
                model.records = records.into_iter().filter(|(id, _)| !model.erased.contains(id)).collect();
            }
        }
        let there: BTreeSet<Uuid> = office.ids().await.into_iter().collect();
        assert_eq!(there, model.records.keys().copied().collect(), "step {number}");
        let erased: BTreeSet<Uuid> = office.erased().into_iter().collect();
        assert_eq!(erased, model.erased, "step {number}");
    }
    for id in model.records.keys() {
        assert!(model.is_held(*id), "only holds keep what is seven years old");
    }
}
