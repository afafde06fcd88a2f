//! The decision about a record: each row of the table of what is kept and erased, and the order of authority for whatever
//! comes together.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use form_handler::records::{
    Cause, Class, ClassOf, Extension, Hold, Outcome, Plan, PlanClass, PlanId, Record, Release, Request, RequestKind,
    RequestState, Rules, Scope, VersionRules, decide,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use statement::period::Period;
use uuid::Uuid;

fn at(moment: &str) -> Timestamp {
    moment.parse().unwrap()
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

fn version(name: &str, minimum: Option<&str>) -> VersionRules {
    let period = |text: &str| Period::parse(text).unwrap();
    VersionRules {
        document: "privacy".into(),
        version: name.into(),
        digest: format!("digest of {name}"),
        minimum: minimum.map(period),
        maximum: None,
        is_reviewed: false,
        is_for_all_records: false,
    }
}

fn rules() -> Rules {
    let spam = Class { name: "spam".into(), keep: Period::parse("P90D").unwrap(), of: ClassOf::Suspected };
    Rules { versions: vec![version("2018", Some("P7Y"))], classes: vec![spam] }
}

const RECEIVED: &str = "2020-03-01T12:00:00Z";
const FLOOR: &str = "2027-03-01T12:00:00Z";

fn record() -> Record {
    Record {
        id: Uuid::from_u128(1),
        received: at(RECEIVED),
        form: "register".into(),
        statement_version: "2018".into(),
        statement_digest: "digest of 2018".into(),
        revision: 1,
        is_suspected: false,
        restricted: None,
        extension: None,
    }
}

fn of_record() -> Scope {
    Scope { records: Some([Uuid::from_u128(1)].into()), ..Scope::default() }
}

fn hold() -> Hold {
    Hold {
        id: "H-1".into(),
        ground: "litigation-hold".into(),
        scope: of_record(),
        is_standing: false,
        placed: at("2021-01-01T00:00:00Z"),
        by: "lea".into(),
        note: "case 7".into(),
        released: None,
    }
}

fn request(kind: RequestKind, opened: &str, state: RequestState) -> Request {
    Request {
        id: "R-1".into(),
        kind,
        scope: of_record(),
        opened: at(opened),
        by: "ada".into(),
        verified_by: "a mail to the address on record".into(),
        state,
    }
}

fn asked(opened: &str) -> Request {
    request(RequestKind::Erasure { citation: None }, opened, RequestState::Deferred)
}

fn compelled(opened: &str) -> Request {
    let citation = Some("Code § 1".into());
    Request { id: "R-2".into(), ..request(RequestKind::Erasure { citation }, opened, RequestState::Deferred) }
}

/// What is decided about a record on a day.
fn outcome(record: &Record, holds: &[Hold], requests: &[Request], now: &str) -> Outcome {
    decide(record, holds, requests, &rules(), at(now)).outcome().clone()
}

fn erase(cause: Cause, since: &str) -> Outcome {
    Outcome::Erase { cause, since: at(since) }
}

const BEFORE: &str = "2026-01-10T00:00:00Z";
const AFTER: &str = "2027-03-20T00:00:00Z";

#[test]
fn under_a_hold_everything_is_kept() {
    let held = |waiting: &[&str], is_compelled| Outcome::Held {
        holds: vec!["H-1".into()],
        waiting: waiting.iter().map(|id| (*id).to_owned()).collect(),
        is_compelled,
    };
    let requests = [asked("2026-01-01T00:00:00Z"), compelled("2026-01-02T00:00:00Z")];
    for now in [BEFORE, AFTER] {
        assert_eq!(outcome(&record(), &[hold()], &[], now), held(&[], false));
        assert_eq!(outcome(&record(), &[hold()], &requests[..1], now), held(&["R-1"], false));
        assert_eq!(outcome(&record(), &[hold()], &requests, now), held(&["R-1", "R-2"], true));
    }
    let release = Release { at: at(BEFORE), by: "lea".into(), note: "settled".into() };
    let released = Hold { released: Some(release), ..hold() };
    let cause = Cause::Request("R-1".into());
    assert_eq!(outcome(&record(), &[released], &requests[..1], AFTER), erase(cause, FLOOR), "and resumed on release");
}

#[test]
fn before_its_minimum_is_over_only_a_law_erases() {
    let until = at(FLOOR);
    assert_eq!(outcome(&record(), &[], &[], BEFORE), Outcome::Keep { until: Some(until) });
    let requests = [asked("2026-01-01T00:00:00Z"), compelled("2026-01-02T00:00:00Z")];
    assert_eq!(outcome(&record(), &[], &requests[..1], BEFORE), Outcome::Restrict { until, request: "R-1".into() });
    let cause = Cause::Compelled { request: "R-2".into(), citation: "Code § 1".into() };
    assert_eq!(outcome(&record(), &[], &requests, BEFORE), erase(cause, "2026-01-02T00:00:00Z"));
    // To the second.
    let restricted = Record { restricted: Some("R-1".into()), ..record() };
    assert!(matches!(outcome(&restricted, &[], &requests[..1], "2027-03-01T11:59:59Z"), Outcome::Restrict { .. }));
    assert_eq!(outcome(&restricted, &[], &requests[..1], FLOOR), erase(Cause::Request("R-1".into()), FLOOR));
}

#[test]
fn past_its_minimum_it_is_erased() {
    assert_eq!(outcome(&record(), &[], &[], FLOOR), erase(Cause::Expiry, FLOOR));
    let opened = "2027-03-10T00:00:00Z";
    assert_eq!(outcome(&record(), &[], &[asked(opened)], AFTER), erase(Cause::Request("R-1".into()), opened));
    let cause = Cause::Compelled { request: "R-2".into(), citation: "Code § 1".into() };
    assert_eq!(outcome(&record(), &[], &[compelled(opened)], AFTER), erase(cause, opened));
}

#[test]
fn extended_it_is_kept_until_the_end_that_was_given() {
    let until = at("2028-01-01T00:00:00Z");
    let extension = Extension { until, reason: "warranty".into(), decided: at(AFTER), by_legal: false };
    let extended = Record { extension: Some(extension.clone()), ..record() };
    assert_eq!(outcome(&extended, &[], &[], AFTER), Outcome::Extended { until });
    assert_eq!(outcome(&extended, &[], &[], "2028-01-01T00:00:00Z"), erase(Cause::Expiry, "2028-01-01T00:00:00Z"));
    let requests = [asked("2027-05-01T00:00:00Z")];
    assert_eq!(
        outcome(&extended, &[], &requests, "2027-05-30T00:00:00Z"),
        Outcome::AwaitLegal { request: "R-1".into(), until: at("2027-05-31T00:00:00Z") }
    );
    let silence = outcome(&extended, &[], &requests, "2027-05-31T00:00:00Z");
    assert_eq!(silence, erase(Cause::Request("R-1".into()), "2027-05-01T00:00:00Z"));
    let decided = Extension { decided: at("2027-05-20T00:00:00Z"), by_legal: true, ..extension };
    let decided = Record { extension: Some(decided), ..record() };
    assert_eq!(outcome(&decided, &[], &requests, "2027-06-30T00:00:00Z"), Outcome::Extended { until });
    let cause = Cause::Compelled { request: "R-2".into(), citation: "Code § 1".into() };
    let compelled = compelled("2027-05-01T00:00:00Z");
    assert_eq!(outcome(&decided, &[], &[compelled], "2027-06-30T00:00:00Z"), erase(cause, "2027-05-01T00:00:00Z"));
}

#[test]
fn a_class_with_a_basis_has_a_time_of_its_own() {
    let spam = Record { is_suspected: true, ..record() };
    let end = "2020-05-30T12:00:00Z";
    assert_eq!(outcome(&spam, &[], &[], "2020-05-30T11:59:59Z"), Outcome::Keep { until: Some(at(end)) });
    assert_eq!(outcome(&spam, &[], &[], end), erase(Cause::Class("spam".into()), end));
    let opened = "2020-03-10T00:00:00Z";
    let cause = Cause::Request("R-1".into());
    assert_eq!(outcome(&spam, &[], &[asked(opened)], "2020-03-11T00:00:00Z"), erase(cause, opened));
    assert!(matches!(outcome(&spam, &[], &[compelled(opened)], "2020-03-11T00:00:00Z"), Outcome::Erase { .. }));
}

#[test]
fn a_class_that_is_kept_longer_keeps_the_floor_and_the_ceiling() {
    let mut rules = rules();
    rules.classes[0].keep = Period::parse("P10Y").unwrap();
    let spam = Record { is_suspected: true, ..record() };
    let decided =
        |rules: &Rules, requests: &[Request], now: &str| decide(&spam, &[], requests, rules, at(now)).outcome().clone();
    let request = asked("2021-03-10T00:00:00Z");
    let restricted = Outcome::Restrict { until: at(FLOOR), request: request.id.clone() };
    assert_eq!(decided(&rules, std::slice::from_ref(&request), "2021-03-11T00:00:00Z"), restricted);
    let erased = erase(Cause::Request(request.id.clone()), FLOOR);
    assert_eq!(decided(&rules, &[request], "2028-01-01T00:00:00Z"), erased);
    rules.versions[0].maximum = Some(Period::parse("P8Y").unwrap());
    let erased = erase(Cause::Class("spam".into()), "2028-03-01T12:00:00Z");
    assert_eq!(decided(&rules, &[], "2029-01-01T00:00:00Z"), erased);
}

#[test]
fn an_open_request_is_answered_first_within_45_days() {
    let opened = "2027-02-20T00:00:00Z";
    let end = at(opened) + days(45);
    let awaits = Outcome::AwaitRequest { request: "R-1".into(), until: end };
    let erasure = RequestKind::Erasure { citation: None };
    for (kind, cause) in [(RequestKind::Access, Cause::Expiry), (erasure, Cause::Request("R-1".into()))] {
        let open = [request(kind, opened, RequestState::Open)];
        assert_eq!(outcome(&record(), &[], &open, AFTER), awaits);
        let late = (end - SignedDuration::from_secs(1)).to_string();
        assert_eq!(outcome(&record(), &[], &open, &late), awaits);
        assert_eq!(outcome(&record(), &[], &open, &end.to_string()), erase(cause, FLOOR));
    }
    let access = request(RequestKind::Access, opened, RequestState::Open);
    let both = [access, compelled("2027-02-21T00:00:00Z")];
    assert_eq!(outcome(&record(), &[], &both, AFTER), awaits, "erased after answering");
}

#[test]
fn a_later_version_rules_only_where_it_says_so() {
    let with = |minimum: &str, is_for_all_records| {
        let later = VersionRules { is_for_all_records, ..version("2022", Some(minimum)) };
        let rules = Rules { versions: vec![version("2018", Some("P7Y")), later], classes: Vec::new() };
        let decision = decide(&record(), &[], &[], &rules, at("2025-06-01T00:00:00Z"));
        (decision.outcome().clone(), decision.statement().to_owned())
    };
    let keep = |until: &str| Outcome::Keep { until: Some(at(until)) };
    assert_eq!(with("P10Y", false), (keep(FLOOR), "2018".into()));
    assert_eq!(with("P10Y", true), (keep("2030-03-01T12:00:00Z"), "2022".into()));
    assert_eq!(with("P5Y", false), (keep(FLOOR), "2018".into()));
    assert_eq!(with("P5Y", true), (erase(Cause::Expiry, "2025-03-01T12:00:00Z"), "2022".into()));
    let stranger = Record { statement_digest: "another".into(), ..record() };
    let unknown = decide(&stranger, &[], &[asked(BEFORE)], &rules(), at("2099-01-01T00:00:00Z"));
    assert_eq!(*unknown.outcome(), Outcome::Unknown);
}

#[test]
fn a_statement_may_give_a_maximum_a_review_or_nothing() {
    let decided = |version: VersionRules, record: &Record, requests: &[Request], now: &str| {
        decide(record, &[], requests, &Rules { versions: vec![version], classes: Vec::new() }, at(now))
            .outcome()
            .clone()
    };
    let silent = version("2018", None);
    assert_eq!(decided(silent.clone(), &record(), &[], "2099-01-01T00:00:00Z"), Outcome::Keep { until: None });
    let cause = Cause::Request("R-1".into());
    let opened = "2020-03-10T00:00:00Z";
    assert_eq!(decided(silent, &record(), &[asked(opened)], "2020-03-11T00:00:00Z"), erase(cause, opened));

    let maximum = Some(Period::parse("P8Y").unwrap());
    let reviewed = VersionRules { is_reviewed: true, maximum, ..version("2018", Some("P7Y")) };
    let end = "2028-03-01T12:00:00Z";
    assert_eq!(decided(reviewed.clone(), &record(), &[], AFTER), Outcome::Review);
    assert_eq!(decided(reviewed.clone(), &record(), &[], end), erase(Cause::Expiry, end));
    let until = at("2035-01-01T00:00:00Z");
    let extension = Extension { until, reason: "r".into(), decided: at(AFTER), by_legal: true };
    let extended = Record { extension: Some(extension), ..record() };
    let let_go = extended.extension.clone().map(|extension| Extension { until: at(AFTER), ..extension });
    let let_go = Record { extension: let_go, ..record() };
    assert_eq!(decided(reviewed.clone(), &let_go, &[], AFTER), erase(Cause::Expiry, AFTER));
    assert_eq!(decided(reviewed.clone(), &extended, &[], AFTER), Outcome::Extended { until: at(end) });
    assert_eq!(decided(reviewed, &extended, &[], end), erase(Cause::Expiry, end));
    let only_maximum = VersionRules { minimum: None, ..VersionRules { maximum, ..version("2018", None) } };
    assert_eq!(decided(only_maximum.clone(), &record(), &[], AFTER), Outcome::Keep { until: Some(at(end)) });
    assert_eq!(decided(only_maximum, &record(), &[], end), erase(Cause::Expiry, end));
}

#[test]
fn a_hold_covers_what_it_says() {
    let with = |scope: Scope| Hold { scope, ..hold() }.keeps(&record());
    let day = |text: &str| Some(text.parse().unwrap());
    assert!(Scope::default().is_empty() && !of_record().is_empty());
    assert!(with(of_record()));
    assert!(!with(Scope { records: Some([Uuid::from_u128(2)].into()), ..Scope::default() }));
    assert!(!with(Scope { records: Some([].into()), ..Scope::default() }), "nobody's are not everybody's");
    let person = Scope { people: ["key".into()].into(), ..Scope::default() };
    assert!(!with(person.clone()), "the index has nothing of the person");
    assert!(with(Scope { of_people: [Uuid::from_u128(1)].into(), ..person }));
    assert!(with(Scope { form: Some("register".into()), ..Scope::default() }));
    assert!(!with(Scope { form: Some("contact".into()), ..of_record() }));
    assert!(with(Scope { version: Some("2018".into()), ..Scope::default() }));
    assert!(!with(Scope { version: Some("2022".into()), ..Scope::default() }));
    assert!(with(Scope { from: day("2020-03-01"), until: day("2020-03-01"), ..Scope::default() }));
    assert!(!with(Scope { from: day("2020-03-02"), ..Scope::default() }));
    assert!(!with(Scope { until: day("2020-02-29"), ..Scope::default() }));
    let later = Record { received: at("2022-01-01T00:00:00Z"), ..record() };
    assert!(!hold().keeps(&later));
    assert!(Hold { is_standing: true, ..hold() }.keeps(&later));
}

#[test]
fn a_plan_is_known_by_what_it_says_and_gets_old() {
    let now = at("2027-03-20T10:00:00.5Z");
    let plan = |holds: &[Hold], records: &[Record], now: Timestamp| {
        let mut plan = Plan::new("retention", now);
        for record in records {
            let decision = decide(record, holds, &[], &rules(), plan.at());
            plan.add(record, &decision);
        }
        plan
    };
    let other = Record { id: Uuid::from_u128(2), received: at("2026-01-01T00:00:00Z"), ..record() };
    let first = plan(&[], &[record(), other.clone()], now);
    assert_eq!((first.count(PlanClass::Due), first.count(PlanClass::Keep)), (1, 1));
    let id = first.id();
    assert!(id.to_string().starts_with("20270320T100000Z-"), "{id}");
    assert_eq!(id.to_string().parse::<PlanId>().unwrap(), id);
    let wrong = "`x` is not a plan: copy what the plan printed, like `20330304T090000Z-0f3c…`";
    assert_eq!("x".parse::<PlanId>().unwrap_err(), wrong);
    assert_eq!(
        first.overdue("2018").unwrap().to_string(),
        "P510: 1 registration passed the minimum up to 18 days ago without a decision; statement 2018 keeps none longer \
         than is necessary"
    );

    // Another registration that is kept changes nothing; a hold does.
    assert_eq!(plan(&[], &[record()], now).is_still(&id), Ok(()));
    let changed = "P515: records, holds or requests have changed since the plan was made: make another and look at it";
    assert_eq!(plan(&[hold()], &[record(), other], now).is_still(&id).unwrap_err().to_string(), changed);
    let touched = Record { revision: 2, ..record() };
    assert_eq!(plan(&[], &[touched], now).is_still(&id).unwrap_err().to_string(), changed);
    assert_eq!(Plan::may_begin(&id, id.at + days(1)), Ok(()));
    assert_eq!(
        Plan::may_begin(&id, id.at + days(1) + SignedDuration::from_secs(1)).unwrap_err().to_string(),
        "P515: the plan is of 2027-03-20T10:00:00Z, more than 24 hours ago: make another and look at it"
    );
    assert_eq!(
        Plan::may_begin(&id, id.at - days(1)).unwrap_err().to_string(),
        "P515: the plan is of 2027-03-20T10:00:00Z, and the clock says 2027-03-19T10:00:00Z"
    );
}

prop_compose! {
    fn any_request()(
        kind in prop_oneof![
            Just(RequestKind::Access),
            Just(RequestKind::Correction),
            Just(RequestKind::Erasure { citation: None }),
            Just(RequestKind::Erasure { citation: Some("Code § 1".into()) }),
        ],
        opened in 0_i64..4000,
        state in prop_oneof![Just(RequestState::Open), Just(RequestState::Deferred), Just(RequestState::Closed)],
    ) -> Request {
        Request { opened: at(RECEIVED) + days(opened), ..request(kind, RECEIVED, state) }
    }
}

proptest! {
    /// Whatever comes together: nothing under a hold is erased, nothing before its minimum but by law, and nothing that is
    /// over and for which no reason is on record is kept longer than an answer may take.
    #[test]
    fn the_order_of_authority_holds(
        requests in prop::collection::vec(any_request(), 0..4),
        is_held: bool,
        is_suspected: bool,
        extended in prop::option::of((0_i64..5000, any::<bool>())),
        now in 0_i64..6000,
    ) {
        let now = at(RECEIVED) + days(now);
        let extension = extended.map(|(until, by_legal)| Extension {
            until: at(RECEIVED) + days(until), reason: "r".into(), decided: at(FLOOR), by_legal,
        });
        let record = Record { is_suspected, extension, ..record() };
        let holds = [hold()];
        let holds = if is_held { &holds[..] } else { &[] };
        let decision = decide(&record, holds, &requests, &rules(), now);
        prop_assert_eq!((decision.record(), decision.revision()), (record.id, 1));
        let end = if is_suspected { at("2020-05-30T12:00:00Z") } else { at(FLOOR) };
        let has = |citation: bool| requests.iter().any(|request| {
            request.state != RequestState::Closed
                && matches!(&request.kind, RequestKind::Erasure { citation: found } if found.is_some() == citation)
        });
        if let Some(cause) = decision.erases() {
            prop_assert!(!is_held);
            match cause {
                Cause::Compelled { .. } => prop_assert!(has(true)),
                Cause::Request(_) => prop_assert!(has(false) && (is_suspected || at(FLOOR) <= now)),
                Cause::Class(_) => prop_assert!(is_suspected && end <= now),
                Cause::Expiry => prop_assert!(!is_suspected && end <= now),
            }
        } else if !is_held && end <= now && extended.is_none() {
            let awaits = matches!(decision.outcome(), Outcome::AwaitRequest { until, .. } if now < *until);
            prop_assert!(awaits, "{:?}", decision.outcome());
        }
    }
}
