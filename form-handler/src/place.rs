//! Where the function runs, held against where the statement says that data is collected, stored and processed.
//!
//! It believes what its host says of itself in the environment; it looks nowhere else.

use statement::contract::StatementInForce;
use statement::country::Country;

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

/// Refuses to run where the statement does not allow it (P150), or where nobody says where that is (P151).
///
/// # Errors
/// Says which variable says what, and what to do.
pub fn check_place(
    lookup: &dyn Fn(&str) -> Option<String>,
    statement: Option<&StatementInForce>,
) -> Result<(), String> {
    let Some(statement) = statement.filter(|statement| !statement.countries.is_empty()) else { return Ok(()) };
    let allowed = statement.countries.join(", ");
    let version = &statement.version;
    let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    let (place, country) = match (get("AWS_REGION"), get("CANDOR_COUNTRY")) {
        // The host knows better than whoever set up the function.
        (Some(region), _) => match country_of(&region) {
            Some(country) => (format!("AWS_REGION: the function runs in {region} ({country})"), country.to_owned()),
            None => {
                return Err(format!(
                    "P151: AWS_REGION: no country is known for `{region}`, and statement {version} keeps data in \
                     {allowed}; deploy the function to a region there"
                ));
            }
        },
        (None, Some(country)) => {
            let country = Country::parse(country.trim()).map_err(|fact| format!("CANDOR_COUNTRY: {fact}"))?;
            (format!("CANDOR_COUNTRY: the function runs in {country}"), country.to_string())
        }
        (None, None) => {
            return Err(format!(
                "P151: CANDOR_COUNTRY: nothing says where the function runs, and statement {version} keeps data in \
                 {allowed}; pin it to one place there, and set the variable to its country"
            ));
        }
    };
    if statement.countries.contains(&country) {
        return Ok(());
    }
    Err(format!("P150: {place}, and statement {version} keeps data in {allowed}; deploy it there"))
}

fn country_of(region: &str) -> Option<&'static str> {
    let is_it = |name: &str| if name.ends_with('-') { region.starts_with(name) } else { region == name };
    REGIONS.iter().find(|(name, _)| is_it(name)).map(|(_, country)| *country)
}
