//! Where the function runs and where its store is, held against where the statement says that data is collected, stored and
//! processed.
//!
//! It believes what the host says of itself in the environment, and what a store's address says; it looks nowhere else.

use statement::contract::StatementInForce;
use statement::country::Country;

use crate::store::{Location, Place};

/// The regions of AWS by their country (docs.aws.amazon.com, "AWS Regions"); of `us-` and `us-gov-` all are in one.
const REGIONS: [(&str, &str); 33] = [
    ("af-south-1", "ZA"),
    ("ap-east-1", "HK"),
    ("ap-east-2", "TW"),
    ("ap-northeast-1", "JP"),
    ("ap-northeast-2", "KR"),
    ("ap-northeast-3", "JP"),
    ("ap-south-1", "IN"),
    ("ap-south-2", "IN"),
    ("ap-southeast-1", "SG"),
    ("ap-southeast-2", "AU"),
    ("ap-southeast-3", "ID"),
    ("ap-southeast-4", "AU"),
    ("ap-southeast-5", "MY"),
    ("ap-southeast-6", "NZ"),
    ("ap-southeast-7", "TH"),
    ("ca-central-1", "CA"),
    ("ca-west-1", "CA"),
    ("cn-north-1", "CN"),
    ("cn-northwest-1", "CN"),
    ("eu-central-1", "DE"),
    ("eu-central-2", "CH"),
    ("eu-north-1", "SE"),
    ("eu-south-1", "IT"),
    ("eu-south-2", "ES"),
    ("eu-west-1", "IE"),
    ("eu-west-2", "GB"),
    ("eu-west-3", "FR"),
    ("il-central-1", "IL"),
    ("me-central-1", "AE"),
    ("me-south-1", "BH"),
    ("mx-central-1", "MX"),
    ("sa-east-1", "BR"),
    ("us-", "US"),
];

/// Refuses to run, or to store, where the statement does not allow it (P150), or where nobody says where that is (P151).
///
/// # Errors
/// Says which variable says what, and what to do; one line for each.
pub fn check_place(
    lookup: &dyn Fn(&str) -> Option<String>,
    statement: Option<&StatementInForce>,
    store: Option<&Location>,
) -> Result<(), String> {
    let Some(statement) = statement.filter(|statement| !statement.countries.is_empty()) else { return Ok(()) };
    let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    // The host knows better than whoever set up the function.
    let function = match get("AWS_REGION") {
        Some(region) => in_region("AWS_REGION", "the function runs", &region, statement),
        None => in_country("CANDOR_COUNTRY", "the function runs", get("CANDOR_COUNTRY").as_deref(), statement),
    };
    let store = match store.map_or(Place::Here, Location::place) {
        Place::Here => Ok(()),
        Place::Region(region) => in_region("CANDOR_STORE", "the store is", region, statement),
        Place::Elsewhere => {
            let country = get("CANDOR_STORE_COUNTRY");
            in_country("CANDOR_STORE_COUNTRY", "the store is", country.as_deref(), statement)
        }
    };
    let errors: Vec<String> = [function, store].into_iter().filter_map(Result::err).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

fn in_region(variable: &str, what: &str, region: &str, statement: &StatementInForce) -> Result<(), String> {
    match country_of(region) {
        Some(country) => held_against(format!("{variable}: {what} in {region} ({country})"), country, statement),
        None => Err(format!(
            "P151: {variable}: no country is known for `{region}`, and {}; deploy it to a region there",
            promise(statement)
        )),
    }
}

fn in_country(variable: &str, what: &str, country: Option<&str>, statement: &StatementInForce) -> Result<(), String> {
    let Some(country) = country else {
        return Err(format!(
            "P151: {variable}: nothing says where {what}, and {}; pin it to one place there, and set the variable to its \
             country",
            promise(statement)
        ));
    };
    let country = Country::parse(country.trim()).map_err(|fact| format!("{variable}: {fact}"))?.to_string();
    held_against(format!("{variable}: {what} in {country}"), &country, statement)
}

fn held_against(fact: String, country: &str, statement: &StatementInForce) -> Result<(), String> {
    if statement.countries.iter().any(|allowed| allowed == country) {
        return Ok(());
    }
    Err(format!("P150: {fact}, and {}; deploy it there", promise(statement)))
}

fn promise(statement: &StatementInForce) -> String {
    format!("statement {} keeps data in {}", statement.version, statement.countries.join(", "))
}

fn country_of(region: &str) -> Option<&'static str> {
    let is_it = |name: &str| if name.ends_with('-') { region.starts_with(name) } else { region == name };
    REGIONS.iter().find(|(name, _)| is_it(name)).map(|(_, country)| *country)
}
