//! What staff do with records, on a real store of any kind and a real ledger: plans and their application, holds, requests,
//! two at once, lost connections, and a restored backup. Each function is a test, in stores of its own.

use std::sync::Arc;

use async_trait::async_trait;
use form_handler::records::ledger::Step;
use form_handler::records::{
    Applied, Decision, DeskError, Extension, Fate, Hold, Matters, Outcome, PlanClass, Recheck, Record, RecordStore,
    Request, RequestKind, RequestState, Role, Scope, Subject, Who,
};
use form_handler::store::{Store, StoreError, Stored};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::office::{Office, after, at_desk};
use crate::sample::{self, now};

/// Makes an office with a store of its own.
pub(crate) type New<'a> = &'a dyn Fn() -> Office;

const YEAR: i64 = 366;
const ERASURE: RequestKind = RequestKind::Erasure { citation: None };

fn of(records: &[Uuid]) -> Scope {
    Scope { records: Some(records.iter().copied().collect()), ..Scope::default() }
}

fn said<T: std::fmt::Debug>(result: Result<T, DeskError>) -> String {
    result.unwrap_err().to_string()
}

pub(crate) async fn what_is_due_is_erased_and_the_rest_is_kept(new: New<'_>) {
    let office = new();
    let old = office.register("Ada", now()).await;
    let spam = office.register_with("name=Spam&web_address=x", after(6 * YEAR)).await;
    let young = office.register("Eve", after(6 * YEAR + 1)).await;
    let at = after(7 * YEAR);
    let mut seen = Vec::new();
    let plan = at_desk!(office, "ada", at, |desk| {
        let each = &mut |record: &Record, _: &Outcome, class| seen.push((record.id, class));
        desk.plan(&Subject::Retention, each).await.unwrap()
    });
    assert_eq!(seen, [(old, PlanClass::Due), (spam, PlanClass::Due), (young, PlanClass::Keep)]);
    let applied =
        at_desk!(office, "ada", at, |desk| desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await.unwrap());
    assert_eq!(applied, Applied { erased: 2, ..Applied::default() });
    assert_eq!(office.ids().await, [young]);
    let mut gone = vec![old, spam];
    gone.sort();
    assert_eq!(office.erased(), gone);
    let begun = office.entries().into_iter().find(|entry| entry.act.action == "erase").unwrap();
    assert_eq!(
        begun.act.detail.unwrap()["erase"][0],
        serde_json::json!({
            "record": old, "form": "register", "statement_digest": sample::DIGEST, "received": "2024-05-01", "cause": "expiry",
        })
    );
    // Nothing of a person is in the ledger.
    let text = std::fs::read_to_string(office.ledger()).unwrap();
    assert!(!text.contains("Ada") && !text.contains("Spam"), "{text}");
    // The same plan again is another situation.
    let again = at_desk!(office, "ada", at, |desk| desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await);
    assert!(said(again).starts_with("P515: "));
}

pub(crate) async fn nothing_is_destroyed_before_its_minimum_whoever_calls(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let store = office.store().await;
    let records = store.records();
    let record = records.record(id).await.unwrap().unwrap();
    let rules = Arc::new(form_handler::records::Rules::new(&office.contract, &[]));
    let decided = |at: i64| form_handler::records::decide(&record, &[], &[], &rules, after(at));
    let recheck = |at: i64| Recheck::Rules { rules: rules.clone(), now: after(at), answering: None };
    let until = now() + SignedDuration::from_hours(24 * (7 * 365 + 1));
    // With what was decided before the end, and after it by a clock that was wrong.
    for (decision, recheck) in [(decided(YEAR), recheck(8 * YEAR)), (decided(8 * YEAR), recheck(YEAR))] {
        let fates = records.destroy(&[decision], &recheck).await.unwrap();
        assert!(matches!(fates[..], [Fate::Kept(_)]), "{fates:?}");
    }
    assert!(matches!(decided(YEAR).outcome(), Outcome::Keep { until: Some(end) } if *end <= until));
    // A record that was changed since is another.
    let extension = Extension { until, reason: "r".into(), decided: now(), by_legal: true };
    assert!(records.extend(id, &extension).await.unwrap());
    let fates = records.destroy(&[decided(8 * YEAR)], &recheck(8 * YEAR)).await.unwrap();
    assert_eq!(fates, [Fate::Kept(Outcome::Unknown)]);
    assert_eq!(office.ids().await, [id]);
}

pub(crate) async fn a_hold_placed_after_the_plan_wins(new: New<'_>) {
    let office = new();
    let ids = [office.register("Ada", now()).await, office.register("Eve", after(1)).await];
    let at = after(8 * YEAR);
    let plan = at_desk!(office, "ada", at, |desk| desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap());
    let scope = of(&ids[..1]);
    let (hold, covered) = at_desk!(office, "lea", at, |desk| {
        desk.place_hold("litigation-hold", scope, false, "case 2031-7").await.unwrap()
    });
    assert_eq!((covered, hold.id.as_str()), (1, "H-2032-002"));
    let apply = at_desk!(office, "ada", at, |desk| desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await);
    assert_eq!(
        said(apply),
        "P515: records, holds or requests have changed since the plan was made: make another and look at it"
    );

    // And one placed while the plan is being applied, between the last look and the deed.
    let late = Hold { id: "H-late".into(), scope: of(&ids[1..]), ..hold };
    let (store, ledger) = (Meddler { late: Some(late), ..Meddler::new(office.store().await) }, office.ledger());
    let desk = office.desk(&store, &ledger, "ada", at);
    let plan = desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap();
    assert_eq!((plan.count(PlanClass::Held), plan.count(PlanClass::Due)), (1, 1));
    let applied = desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await.unwrap();
    assert_eq!(applied.erased, 0);
    let matters = store.matters().await.unwrap();
    assert_eq!(
        applied.held(&matters).unwrap().to_string(),
        "P520: hold H-late (litigation-hold) covers 1 of 1 records; none of those was deleted"
    );
    assert_eq!(office.ids().await, ids);
    assert!(office.erased().is_empty());
}

pub(crate) async fn the_end_of_a_hold_resumes_what_it_deferred(new: New<'_>) {
    let office = new();
    let (old, young) = (office.register("Ada", now()).await, office.register("Eve", after(7 * YEAR)).await);
    let at = after(8 * YEAR);
    let scope = Scope { form: Some("register".into()), ..Scope::default() };
    let (hold, covered) = at_desk!(office, "lea", at, |desk| {
        desk.place_hold("litigation-hold", scope, false, "case 7").await.unwrap()
    });
    assert_eq!(covered, 2);
    let request = at_desk!(office, "ada", at, |desk| {
        desk.open_request(ERASURE, of(&[old, young]), "a mail to the address on record").await.unwrap()
    });
    let subject = Subject::Request(request.id.clone());
    let applied = office.sweep(subject.clone(), "ada", at).await.unwrap();
    assert_eq!((applied.erased, applied.restricted, applied.closed.len()), (0, 2, 0));
    assert!(
        applied
            .kept
            .iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::Held { waiting, .. } if *waiting == [request.id.clone()]))
    );
    assert!(office.records().await.iter().all(|record| record.restricted.as_ref() == Some(&request.id)));
    assert_eq!(office.sweep(Subject::Retention, "ada", at).await.unwrap().erased, 0);

    let resumed =
        at_desk!(office, "lea", after(9 * YEAR), |desk| desk.release_hold(&hold.id, "settled").await.unwrap());
    let resumed: Vec<(Uuid, bool)> =
        resumed.iter().map(|(record, outcome)| (record.id, matches!(outcome, Outcome::Erase { .. }))).collect();
    assert_eq!(resumed, [(old, true), (young, false)]);
    let again = at_desk!(office, "lea", after(9 * YEAR), |desk| desk.release_hold(&hold.id, "settled").await);
    assert!(said(again).starts_with(&format!("P523: hold {} was released on ", hold.id)));
    assert_eq!(office.sweep(Subject::Retention, "ada", after(9 * YEAR)).await.unwrap().erased, 1);
    assert_eq!(office.ids().await, [young]);
    let applied = office.sweep(Subject::Retention, "ada", after(15 * YEAR)).await.unwrap();
    assert_eq!(applied, Applied { erased: 1, closed: vec![request.id], ..Applied::default() });
    assert!(office.ids().await.is_empty());
}

pub(crate) async fn a_request_before_the_minimum_is_over_restricts_and_a_law_erases(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let at = after(30);
    let request = at_desk!(office, "ada", at, |desk| desk.open_request(ERASURE, of(&[id]), "letter").await.unwrap());
    let applied = office.sweep(Subject::Request(request.id.clone()), "ada", at).await.unwrap();
    assert_eq!((applied.erased, applied.restricted), (0, 1));
    assert!(matches!(&applied.kept[..], [(_, Outcome::Restrict { until, .. })] if *until > after(7 * 365)));
    let kind = RequestKind::Erasure { citation: Some("Code § 1".into()) };
    let refused = at_desk!(office, "ada", at, |desk| desk.open_request(kind.clone(), of(&[id]), "court order").await);
    assert_eq!(said(refused), "P502: `ada` has not the role `legal`, which it takes to erase what a law compels");
    let law = at_desk!(office, "lea", at, |desk| desk.open_request(kind, of(&[id]), "court order").await.unwrap());
    let subject = Subject::Request(law.id.clone());
    assert!(said(office.sweep(subject.clone(), "ada", at).await).starts_with("P502: "));
    let applied = office.sweep(subject, "lea", at).await.unwrap();
    assert_eq!((applied.erased, applied.closed), (1, vec![law.id]));
    let line = office.entries().into_iter().find(|entry| entry.act.action == "erase").unwrap();
    assert_eq!(line.act.detail.unwrap()["erase"][0]["cause"]["compelled"]["citation"], "Code § 1");
    assert_eq!(line.act.role, "legal");
}

pub(crate) async fn what_the_statement_or_the_role_does_not_allow_is_refused_and_written_down(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let at = after(1);
    let place = |who: &'static str, ground: &'static str, scope: Scope, note: &'static str| {
        let office = &office;
        async move {
            at_desk!(office, who, at, |desk| {
                let placed = desk.place_hold(ground, scope, false, note).await;
                said(desk.settle("hold place", "-", placed).await)
            })
        }
    };
    let fine = || of(&[id]);
    assert_eq!(
        place("ada", "litigation-hold", fine(), "n").await,
        "P502: `ada` has not the role `legal`, which it takes to place a hold"
    );
    assert_eq!(
        place("vic", "litigation-hold", fine(), "n").await,
        "P501: role `volunteer` has no access under 2018-09-26"
    );
    assert_eq!(
        place("lea", "curiosity", fine(), "n").await,
        "P521: statement 2018-09-26 has no ground `curiosity` for a hold; it has litigation-hold"
    );
    assert_eq!(
        place("lea", "litigation-hold", Scope::default(), "n").await,
        "P522: a hold on everything is no hold: say which people, records, form, days or version it is about"
    );
    assert!(place("lea", "litigation-hold", fine(), "of eve@example.org").await.starts_with("P543: "));
    let entries = office.entries();
    assert!(entries.iter().all(|entry| entry.act.outcome == Step::Refused), "{entries:?}");
    assert_eq!(
        entries.iter().map(|entry| entry.act.who.as_str()).collect::<Vec<_>>(),
        ["ada", "vic", "lea", "lea", "lea"]
    );
    assert_eq!(entries[0].act.reason.as_deref().map(|reason| &reason[..5]), Some("P502:"));

    let refused =
        at_desk!(office, "ada", at, |desk| desk.open_request(RequestKind::Access, Scope::default(), "mail").await);
    assert_eq!(
        said(refused),
        "P530: a request is answered when it is known whose it is: say who or which records, and how that was verified"
    );
    let access =
        at_desk!(office, "ada", at, |desk| desk.open_request(RequestKind::Access, fine(), "mail").await.unwrap());
    assert_eq!(
        said(office.sweep(Subject::Request(access.id.clone()), "ada", at).await),
        format!("P530: request {} does not ask for anything to be erased", access.id)
    );
    assert_eq!(said(office.sweep(Subject::Request("R-1".into()), "ada", at).await), "there is no request R-1");
}

pub(crate) async fn longer_takes_a_reason_an_end_and_beyond_two_years_legal(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let at: Timestamp = "2031-06-01T00:00:00Z".parse().unwrap();
    let extend = |who: &'static str, until: &'static str, reason: &'static str| {
        let office = &office;
        async move { at_desk!(office, who, at, |desk| desk.extend(id, until.parse().unwrap(), reason).await) }
    };
    assert_eq!(
        said(extend("ada", "2034-01-01", "warranty").await),
        "P514: 2034-01-01 is more than 2 years away, which takes the role `legal`"
    );
    assert_eq!(
        said(extend("ada", "2031-05-01", "warranty").await),
        format!("P514: {id} is kept until 2031-05-01 in any case")
    );
    assert!(said(extend("ada", "2032-01-01", "of eve@example.org").await).starts_with("P543: "));
    extend("ada", "2032-01-01", "warranty").await.unwrap();
    assert_eq!(office.sweep(Subject::Retention, "ada", at).await.unwrap().erased, 0);
    assert!(extend("lea", "2034-01-01", "warranty").await.unwrap().by_legal);
    let end: Timestamp = "2034-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(office.sweep(Subject::Retention, "ada", end - SignedDuration::from_secs(1)).await.unwrap().erased, 0);
    assert_eq!(office.sweep(Subject::Retention, "ada", end).await.unwrap().erased, 1);
}

pub(crate) async fn a_clock_that_was_set_back_is_refused(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", after(10)).await;
    let plan = office.sweep(Subject::Retention, "ada", after(9)).await;
    let arrived = after(10);
    assert_eq!(
        said(plan),
        format!(
            "P541: the clock says {}, and the registration {id} arrived at {arrived}: set the clock right",
            after(9)
        )
    );
    office.sweep(Subject::Retention, "ada", after(11)).await.unwrap();
    let before = at_desk!(office, "ada", after(10), |desk| {
        let read = desk.note(Role::Reader, "show", &id.to_string(), None, &[]).await;
        said(desk.settle("show", "-", read).await)
    });
    assert!(
        before.starts_with("P541: the clock says 2024-05-11T12:00:00.5Z, and the ledger's last entry is of "),
        "{before}"
    );
}

pub(crate) async fn a_plan_of_yesterday_is_refused(new: New<'_>) {
    let office = new();
    office.register("Ada", now()).await;
    let plan = at_desk!(office, "ada", after(8 * YEAR), |desk| {
        desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap().id()
    });
    let late = after(8 * YEAR + 1) + SignedDuration::from_secs(1);
    let apply = at_desk!(office, "ada", late, |desk| desk.apply(&Subject::Retention, &plan, &mut |_| {}).await);
    assert!(said(apply).ends_with("more than 24 hours ago: make another and look at it"));
    assert_eq!(office.ids().await.len(), 1);
}

pub(crate) async fn two_who_apply_one_plan_erase_each_record_once(new: New<'_>) {
    let office = new();
    let at = after(8 * YEAR);
    office.register_many(120).await;
    let plan =
        at_desk!(office, "ada", at, |desk| desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap().id());
    let apply = || async {
        let apply = at_desk!(office, "ada", at, |desk| desk.apply(&Subject::Retention, &plan, &mut |_| {}).await);
        // The second may come so late that it sees another situation.
        apply.map_or(0, |applied| applied.erased)
    };
    let (one, other) = tokio::join!(apply(), apply());
    assert_eq!(one + other, 120);
    assert!(office.ids().await.is_empty());
    let mut once = office.erased();
    once.dedup();
    assert_eq!((once.len(), office.erased().len()), (120, 120));
}

/// A store to which something happens just before it destroys, or just after.
struct Meddler {
    store: Arc<dyn Store>,
    /// Somebody places this hold before.
    late: Option<Hold>,
    /// The connection is lost: before it has destroyed, or after.
    lost: Option<bool>,
}

impl Meddler {
    fn new(store: Arc<dyn Store>) -> Self {
        Self { store, late: None, lost: None }
    }

    fn inner(&self) -> &dyn RecordStore {
        self.store.records()
    }
}

fn lost() -> StoreError {
    StoreError::Other("no answer in time".into())
}

#[async_trait]
impl RecordStore for Meddler {
    fn store(&self) -> &dyn Store {
        &*self.store
    }
    async fn records(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.inner().records(after, limit).await
    }
    async fn find(&self, ids: &[Uuid]) -> Result<Vec<Record>, StoreError> {
        self.inner().find(ids).await
    }
    async fn restricted(&self) -> Result<Vec<Uuid>, StoreError> {
        self.inner().restricted().await
    }
    async fn matters(&self) -> Result<Matters, StoreError> {
        self.inner().matters().await
    }
    async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        if self.lost == Some(false) {
            return Err(lost());
        }
        self.inner().put_hold(hold).await?;
        if self.lost == Some(true) { Err(lost()) } else { Ok(()) }
    }
    async fn put_request(&self, request: &Request) -> Result<(), StoreError> {
        self.inner().put_request(request).await
    }
    async fn restrict(&self, id: Uuid, request: &str) -> Result<bool, StoreError> {
        self.inner().restrict(id, request).await
    }
    async fn extend(&self, id: Uuid, extension: &Extension) -> Result<bool, StoreError> {
        self.inner().extend(id, extension).await
    }
    async fn correct(&self, corrected: &Stored) -> Result<bool, StoreError> {
        self.inner().correct(corrected).await
    }
    async fn destroy(&self, decisions: &[Decision], recheck: &Recheck) -> Result<Vec<Fate>, StoreError> {
        if let Some(hold) = &self.late {
            self.put_hold(hold).await?;
        }
        if self.lost == Some(false) {
            return Err(lost());
        }
        let fates = self.inner().destroy(decisions, recheck).await?;
        if self.lost == Some(true) { Err(lost()) } else { Ok(fates) }
    }
}

pub(crate) async fn what_was_cut_short_is_ended_by_whoever_comes_next(new: New<'_>) {
    for is_done in [false, true] {
        let office = new();
        let id = office.register("Ada", now()).await;
        let at = after(8 * YEAR);
        let (store, ledger) = (Meddler { lost: Some(is_done), ..Meddler::new(office.store().await) }, office.ledger());
        let desk = office.desk(&store, &ledger, "ada", at);
        let plan = desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap();
        let apply = desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await;
        assert_eq!(
            said(apply),
            "the store failed: no answer in time; whether it was done is not known: the next command ends it, so look \
             before you try again"
        );
        assert!(office.erased().is_empty());
        assert_eq!(office.entries().last().unwrap().act.outcome, Step::Begun);

        let applied = office.sweep(Subject::Retention, "ada", at).await.unwrap();
        assert_eq!(applied.erased, u64::from(!is_done));
        assert_eq!(office.erased(), [id], "its tombstone is there, and once");
        let ended = office
            .entries()
            .into_iter()
            .find(|entry| entry.act.reason.as_deref() == Some("a program was stopped; what it had begun was ended"));
        assert_eq!(ended.unwrap().act.outcome, Step::Done);
    }
}

pub(crate) async fn a_hold_of_which_nobody_knows_whether_it_was_placed_is_placed(new: New<'_>) {
    for is_done in [false, true] {
        let office = new();
        let id = office.register("Ada", now()).await;
        let (store, ledger) = (Meddler { lost: Some(is_done), ..Meddler::new(office.store().await) }, office.ledger());
        let desk = office.desk(&store, &ledger, "lea", after(1));
        let placed = desk.place_hold("litigation-hold", of(&[id]), false, "case 7").await;
        assert!(said(placed).contains("whether it was done is not known"));
        let steps: Vec<Step> = office.entries().iter().map(|entry| entry.act.outcome).collect();
        assert_eq!(steps, [Step::Begun], "nothing says that it failed");
        let holds = at_desk!(office, "ada", after(2), |desk| desk.matters("hold list").await.unwrap().holds);
        assert_eq!((holds.len(), holds[0].id.as_str()), (1, "H-2024-001"));
        assert_eq!(office.entries()[1].act.outcome, Step::Done);
    }
}

/// Where a store can be opened for reading only; that of a bucket, its keys decide.
pub(crate) async fn what_a_store_says_it_has_not_done_was_not_done(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let (store, ledger) = (office.store().await, office.ledger());
    let reading = office.place().open_for_reading().await.unwrap();
    let desk = office.desk(reading.records(), &ledger, "lea", after(1));
    let placed = desk.place_hold("litigation-hold", of(&[id]), false, "case 7").await;
    assert_eq!(said(placed), "the store is read-only");
    assert_eq!(office.entries()[1].act.outcome, Step::Failed);
    assert!(store.records().matters().await.unwrap().holds.is_empty());
}

pub(crate) async fn no_address_leaves_a_trace_in_the_ledger(new: New<'_>) {
    let office = new();
    let id = office.register_with("name=Ada&email=ada@example.org", now()).await;
    let key = office.store().await.get(id).await.unwrap().unwrap().person_keys.remove(0);
    let person = |key: &str| Scope { people: [key.to_owned()].into(), ..Scope::default() };
    let (hold, covered) = at_desk!(office, "lea", after(1), |desk| {
        desk.place_hold("litigation-hold", person(&key), false, "case 7").await.unwrap()
    });
    assert_eq!((hold.scope, covered), (of(&[id]), 1));
    let request =
        at_desk!(office, "ada", after(1), |desk| desk.open_request(ERASURE, person(&key), "letter").await.unwrap());
    assert_eq!(request.scope, of(&[id]));
    let stranger = "f".repeat(64);
    let none =
        at_desk!(office, "ada", after(1), |desk| desk.open_request(ERASURE, person(&stranger), "mail").await.unwrap());
    assert_eq!(none.scope, of(&[]), "a request that is about nothing");
    let applied = office.sweep(Subject::Request(none.id.clone()), "ada", after(8 * YEAR)).await.unwrap();
    assert_eq!(applied, Applied { closed: vec![none.id], ..Applied::default() });
    let refused = at_desk!(office, "lea", after(8 * YEAR), |desk| {
        desk.place_hold("litigation-hold", person(&stranger), false, "case 8").await
    });
    assert_eq!(
        said(refused),
        "P524: nobody of these has a registration, so the hold would keep nothing: with `--standing` it keeps what comes \
         later"
    );
    let ledger = std::fs::read_to_string(office.ledger()).unwrap();
    assert!(!ledger.contains(&key) && !ledger.contains(&stranger), "{ledger}");

    // What covers what comes later cannot do without.
    let (hold, covered) = at_desk!(office, "lea", after(8 * YEAR), |desk| {
        desk.place_hold("litigation-hold", person(&stranger), true, "case 8").await.unwrap()
    });
    assert_eq!((hold.scope, covered), (person(&stranger), 0));
    assert_eq!(office.ids().await, [id]);
}

pub(crate) async fn what_is_released_from_suspicion_is_so_after_a_restore_too(new: New<'_>) {
    let office = new();
    let spam = office.register_with("name=Ada&web_address=x", now()).await;
    let other = office.register_with("name=Eve&web_address=x", now()).await;
    let good = office.register("Bob", now()).await;
    office.back_up();
    let release = |who: &'static str, id: Uuid| {
        let office = &office;
        async move { at_desk!(office, who, after(1), |desk| desk.release(id).await) }
    };
    assert_eq!(
        said(release("lea", spam).await),
        "P502: `lea` has not the role `records`, which it takes to take a registration out of suspected spam"
    );
    assert_eq!(said(release("ada", good).await), format!("there is no registration {good} held as suspected spam"));
    release("ada", spam).await.unwrap();
    assert!(said(release("ada", spam).await).starts_with("there is no registration "));
    assert!(office.store().await.records().restrict(other, "R-1").await.unwrap());
    assert_eq!(
        said(release("ada", other).await),
        format!("P531: {other} is to be erased as soon as it may be, and until then only legal sees it")
    );
    let line = office.entries().into_iter().find(|entry| entry.act.action == "release").unwrap();
    assert_eq!((line.act.target, line.act.role.as_str()), (spam.to_string(), "records"));

    office.restore();
    let replayed = at_desk!(office, "ada", after(2), |desk| desk.replay().await.unwrap());
    assert_eq!(replayed.changed, 1);
    let suspected: Vec<Uuid> =
        office.records().await.iter().filter(|record| record.is_suspected).map(|record| record.id).collect();
    assert_eq!(suspected, [other]);
    // By its class it would have been gone since.
    office.sweep(Subject::Retention, "ada", after(YEAR)).await.unwrap();
    assert!(office.ids().await.contains(&spam));
}

pub(crate) async fn a_lost_extension_is_missed_before_a_plan(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    office.back_up();
    let at = after(7 * 365);
    at_desk!(office, "ada", at, |desk| desk.extend(id, "2032-01-01".parse().unwrap(), "warranty").await.unwrap());
    office.restore();
    assert_eq!(
        said(office.sweep(Subject::Retention, "ada", at).await),
        format!(
            "P516: the ledger has an extension of {id}, and the store has not: after a backup was restored or a store \
             copied, `registrations erase replay` comes first"
        )
    );
    assert_eq!(at_desk!(office, "ada", at, |desk| desk.replay().await.unwrap()).changed, 1);
    assert_eq!(office.sweep(Subject::Retention, "ada", at).await.unwrap().erased, 0);
    assert_eq!(office.ids().await, [id]);
}

pub(crate) async fn no_two_holds_have_one_name_whatever_became_of_the_ledger(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let place = || async {
        at_desk!(office, "lea", after(1), |desk| {
            desk.place_hold("litigation-hold", of(&[id]), false, "case 7").await.unwrap().0.id
        })
    };
    assert_eq!([place().await, place().await], ["H-2024-001", "H-2024-003"]);
    std::fs::remove_file(office.ledger()).unwrap();
    assert_eq!([place().await, place().await], ["H-2024-002", "H-2024-004"]);
}

pub(crate) async fn after_a_restore_nothing_erased_is_back_and_no_hold_is_missing(new: New<'_>) {
    let office = new();
    let (old, middle) = (office.register("Ada", now()).await, office.register("Bob", after(1)).await);
    let young = office.register("Eve", after(7 * YEAR)).await;
    office.back_up();
    let at = after(8 * YEAR);
    let hold = at_desk!(office, "lea", at, |desk| {
        desk.place_hold("litigation-hold", of(&[middle]), false, "case 7").await.unwrap().0
    });
    let request = at_desk!(office, "ada", at, |desk| desk.open_request(ERASURE, of(&[young]), "letter").await.unwrap());
    office.sweep(Subject::Request(request.id.clone()), "ada", at).await.unwrap();
    office.sweep(Subject::Retention, "ada", at).await.unwrap();
    assert_eq!(office.ids().await, [middle, young]);
    let before = office.store().await.records().matters().await.unwrap();

    office.restore();
    assert_eq!(office.ids().await, [old, middle, young]);
    assert!(office.store().await.records().matters().await.unwrap().holds.is_empty());
    assert_eq!(
        said(office.sweep(Subject::Retention, "ada", at).await),
        format!(
            "P516: the ledger has {}, and the store has not: after a backup was restored or a store copied, \
             `registrations erase replay` comes first",
            hold.id
        )
    );
    let replayed = at_desk!(office, "ada", after(8 * YEAR + 1), |desk| desk.replay().await.unwrap());
    assert_eq!((replayed.erased, replayed.holds, replayed.requests, replayed.changed), (1, 1, 1, 1));
    assert_eq!(office.ids().await, [middle, young]);
    assert_eq!(office.store().await.records().matters().await.unwrap(), before);
    assert_eq!(before.holds, [hold]);
    assert_eq!(before.requests[0].state, RequestState::Deferred);
    assert_eq!(office.records().await[1].restricted, Some(request.id));
    let again = at_desk!(office, "ada", after(8 * YEAR + 1), |desk| desk.replay().await.unwrap());
    assert_eq!((again.erased, again.holds, again.requests, again.changed), (0, 0, 0, 0));
    assert_eq!(Who::owner("root").access, None);
}

pub(crate) async fn a_damaged_registration_is_named_and_nothing_is_erased(new: New<'_>) {
    let office = new();
    office.register("Ada", now()).await;
    let damaged = office.register("Bob", after(1)).await;
    let plan = at_desk!(office, "ada", after(8 * YEAR), |desk| {
        desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap().id()
    });
    office.damage(damaged);
    let apply =
        at_desk!(office, "ada", after(8 * YEAR), |desk| desk.apply(&Subject::Retention, &plan, &mut |_| {}).await);
    assert_eq!(
        said(apply),
        format!(
            "the registration {damaged} is damaged: put it back from a backup, or take it out of the store by hand"
        )
    );
    assert!(office.entries().iter().all(|entry| entry.act.outcome == Step::Done), "nothing is under way");
    assert!(office.erased().is_empty());
}

pub(crate) async fn an_altered_ledger_stops_every_plan(new: New<'_>) {
    let office = new();
    let id = office.register("Ada", now()).await;
    let at = after(8 * YEAR);
    let plan = at_desk!(office, "ada", at, |desk| {
        desk.open_request(RequestKind::Access, of(&[id]), "a mail").await.unwrap();
        desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap().id()
    });
    let text = std::fs::read_to_string(office.ledger()).unwrap();
    std::fs::write(office.ledger(), text.replacen("a mail", "a call", 1)).unwrap();
    for refused in [
        said(at_desk!(office, "ada", at, |desk| desk.apply(&Subject::Retention, &plan, &mut |_| {}).await)),
        said(at_desk!(office, "ada", at, |desk| desk.replay().await)),
    ] {
        assert_eq!(refused, "P540: the ledger was altered: line 2 does not follow from the line before it");
    }
    assert_eq!(office.ids().await, [id]);
}
