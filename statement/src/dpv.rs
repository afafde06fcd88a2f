//! What a version promises, in the words of the Data Privacy Vocabulary (DPV 2, <https://w3id.org/dpv>), as JSON-LD.
//!
//! An export and nothing else: no rule of ours is asked of it. Each closed word has the nearest term, a wider one
//! where there is none of its own. What the vocabulary has no words for (channels, cookies, readers' roles, how
//! changes are announced) is left out; the canonical facts have it all.

use serde_json::{Map, Value, json};

use crate::promise::{Datum, Origin, Purpose, Retention, RightKind, Safeguard, SharingGround};
use crate::version::{Category, Statement};

/// The version as a notice about processes, one for each purpose. `url` is its permalink, which names it.
#[must_use]
pub fn export(statement: &Statement, url: &str) -> Value {
    let promises = &statement.promises;
    let mut notice = json!({
        "@context": {
            "dct": "http://purl.org/dc/terms/",
            "dpv": "https://w3id.org/dpv#",
            "loc": "https://w3id.org/dpv/loc#",
            "pd": "https://w3id.org/dpv/pd#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@id": url,
        "@type": "dpv:PrivacyNotice",
        "dct:identifier": statement.version,
        "dct:title": {"@language": statement.language, "@value": statement.title},
    });
    let mut add = |key: &str, value: Value| {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            notice[key] = value;
        }
    };
    let mut controller =
        json!({"@type": "dpv:DataController", "dpv:hasContact": format!("mailto:{}", statement.contact.email)});
    if let Some(known) = &promises.controller {
        controller["dpv:hasName"] = known.name.as_str().into();
    }
    add("dpv:hasDataController", controller);
    add("dpv:hasProcess", promises.uses.iter().map(|used| process(statement, used.purpose, &used.of)).collect());
    add(
        "dpv:hasProhibition",
        promises.never.iter().map(|never| prohibition(statement, never.purpose, &never.of)).collect(),
    );
    if let Some(shares) = &promises.shares {
        let recipient = |name: &String| json!({"@type": "dpv:Recipient", "dpv:hasName": name});
        add("dpv:hasRecipient", shares.recipients.iter().map(recipient).collect());
        add("dpv:hasLegalBasis", terms(shares.exceptions.iter().map(|ground| sharing_ground(*ground))));
    }
    let mut storage: Vec<Value> = Vec::new();
    if let Some(known) = &promises.storage {
        let places = known.countries.iter().map(|country| json!({"@id": format!("loc:{}", country.code())}));
        storage.push(json!({"@type": "dpv:StorageLocation", "dpv:hasLocation": places.collect::<Vec<_>>()}));
    }
    storage.extend(promises.retention.iter().flat_map(durations));
    add("dpv:hasStorageCondition", storage.into());
    if let Some(safeguards) = &promises.safeguards {
        add("dpv:hasTechnicalOrganisationalMeasure", terms(safeguards.kinds.iter().map(|kind| safeguard(*kind))));
    }
    let right = |kind: &RightKind| json!({"@type": "dpv:DataSubjectRight", "dct:title": kind.word()});
    add("dpv:hasRight", promises.rights.iter().map(right).collect());
    if let Some(law) = promises.law {
        add("dpv:hasJurisdiction", json!({"@id": format!("loc:{}", law.code())}));
    }
    notice
}

fn term(name: &str) -> Value {
    json!({"@id": name})
}

/// Terms in their order, each once.
fn terms(names: impl Iterator<Item = &'static str>) -> Value {
    let mut found: Vec<&str> = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found.into_iter().map(term).collect()
}

/// What is done for a purpose, with which data.
fn process(statement: &Statement, used_for: Purpose, of: &[Origin]) -> Value {
    let mut process = Map::new();
    process.insert("@type".into(), "dpv:Process".into());
    process.insert("dct:title".into(), used_for.word().into());
    process.insert("dpv:hasPurpose".into(), term(purpose(used_for)));
    let typed =
        statement.fields.iter().filter(|_| of.contains(&Origin::Voluntary)).map(|field| category(field.category));
    let automated = statement.promises.automated.iter().filter(|_| of.contains(&Origin::Automated));
    let automated = automated.flat_map(|automated| automated.data.iter().map(|known| datum(*known)));
    process.insert("dpv:hasPersonalData".into(), terms(typed.chain(automated)));
    Value::Object(process)
}

/// What is never done, with these fields or with any.
fn prohibition(statement: &Statement, never: Purpose, of: &[String]) -> Value {
    let fields = statement.fields.iter().filter(|field| of.is_empty() || of.contains(&field.key));
    json!({
        "@type": "dpv:Prohibition",
        "dpv:hasPurpose": term(purpose(never)),
        "dpv:hasPersonalData": terms(fields.map(|field| category(field.category))),
    })
}

/// How long data is kept at least and at most.
fn durations(retention: &Retention) -> Vec<Value> {
    let duration = |title: &str, period: &crate::yaml::Located<crate::period::Period>| {
        json!({
            "@type": "dpv:StorageDuration",
            "dct:title": title,
            "dpv:hasDuration": {"@type": "xsd:duration", "@value": period.value.to_string()},
        })
    };
    let periods = [("minimum", &retention.minimum), ("maximum", &retention.maximum)];
    periods.into_iter().filter_map(|(title, period)| Some(duration(title, period.as_ref()?))).collect()
}

/// The term of a field's category.
fn category(category: Category) -> &'static str {
    match category {
        Category::Name => "pd:Name",
        Category::Email => "pd:EmailAddress",
        Category::Telephone => "pd:TelephoneNumber",
        Category::FreeText => "pd:Communication",
    }
}

/// The term of a datum that is not typed.
fn datum(datum: Datum) -> &'static str {
    match datum {
        Datum::IpAddress => "pd:IPAddress",
        Datum::PacketAddresses | Datum::Technical => "pd:DeviceBased",
        Datum::Browser => "pd:UserAgent",
        Datum::PagesVisited => "pd:BrowserHistory",
        Datum::TimeOfVisit => "pd:ServiceConsumptionBehavior",
        Datum::Location => "pd:Location",
    }
}

/// The term of a purpose.
fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SupportServices => "dpv:ServiceProvision",
        Purpose::Administer => "dpv:TechnicalServiceProvision",
        Purpose::Improve => "dpv:ImproveExistingProductsAndServices",
        Purpose::Personalize => "dpv:ServicePersonalisation",
        Purpose::NetworkSecurity => "dpv:EnforceSecurity",
        Purpose::NetworkPerformance => "dpv:ServiceOptimisation",
        Purpose::CyberDefence => "dpv:MisusePreventionAndDetection",
        Purpose::ComplyAndEnforce => "dpv:LegalCompliance",
        Purpose::Convenience => "dpv:OptimisationForConsumer",
        Purpose::Marketing => "dpv:Marketing",
        Purpose::Profiling => "dpv:Personalisation",
        Purpose::Research => "dpv:ResearchAndDevelopment",
        Purpose::Statistics => "dpv:ServiceUsageAnalytics",
    }
}

/// The term of a ground on which data is passed on.
fn sharing_ground(ground: SharingGround) -> &'static str {
    match ground {
        SharingGround::RequiredByLaw => "dpv:LegalObligation",
        SharingGround::YourInstructions => "dpv:Consent",
        SharingGround::Emergency => "dpv:VitalInterest",
        SharingGround::StatedHere | SharingGround::Succession => "dpv:LegalBasis",
    }
}

/// The term of a kind of protection.
fn safeguard(safeguard: Safeguard) -> &'static str {
    match safeguard {
        Safeguard::Physical => "dpv:PhysicalMeasure",
        Safeguard::Administrative => "dpv:OrganisationalMeasure",
        Safeguard::Technical => "dpv:TechnicalMeasure",
    }
}
