//! What a registration may be used for: decided by the version of the statement it was collected under, for good.
//!
//! A purpose or a recipient that a later version adds never reaches it. It knows versions and names of fields, and no answer.

use std::fmt;

use statement::contract::VersionPromises;
use statement::diagnostic::near_match;
use statement::promise::Purpose;

/// For what registrations are asked for, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The purpose, in a word of the statement.
    pub purpose: Purpose,
    /// To whom they are given; none where they stay with the controller.
    pub recipient: Option<String>,
}

/// Why a registration may not be used so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotAllowed {
    /// The site has no version of this digest, so nothing is known to be allowed.
    UnknownVersion {
        /// What the registration says the version is.
        version: String,
    },
    /// The version rules the purpose out for fields that were filled in.
    Never {
        /// The version.
        version: String,
        /// The purpose.
        purpose: &'static str,
        /// The fields.
        fields: Vec<String>,
    },
    /// The version does not name the purpose.
    NotAmongUses {
        /// The version.
        version: String,
        /// The purpose.
        purpose: &'static str,
    },
    /// The version does not name the recipient.
    Recipient {
        /// The version.
        version: String,
        /// The recipient.
        recipient: String,
    },
}

impl fmt::Display for NotAllowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion { version } => {
                write!(formatter, "P104: the site has no statement {version} any more that would allow it")
            }
            Self::Never { version, purpose, fields } => {
                write!(formatter, "P105: statement {version} rules out {purpose} with {}", fields.join(", "))
            }
            Self::NotAmongUses { version, purpose } => {
                write!(formatter, "P104: {purpose} is not among the uses of statement {version}")
            }
            Self::Recipient { version, recipient } => {
                write!(formatter, "P140: {recipient} is not among the recipients of statement {version}")
            }
        }
    }
}

/// Reads a purpose.
///
/// # Errors
/// When the statement's vocabulary has no such word; says which may have been meant.
pub fn parse(word: &str) -> Result<Purpose, String> {
    let words = || Purpose::WORDS.iter().map(|(word, _)| *word);
    let found = Purpose::WORDS.iter().find(|(other, _)| *other == word).map(|(_, purpose)| *purpose);
    found.ok_or_else(|| match near_match(word, words()) {
        Some(near) => format!("P106: `{word}` is not a purpose; did you mean `{near}`?"),
        None => format!("P106: `{word}` is not a purpose; there are: {}", words().collect::<Vec<_>>().join(", ")),
    })
}

/// Whether a registration may be used so. `version` is what it says its version is, `promises` what the site knows of that
/// version, `filled` are the names of the fields that have an answer.
///
/// # Errors
/// Says what stands against it; what is ruled out comes before what is not named.
pub fn allowed(
    version: &str,
    promises: Option<&VersionPromises>,
    filled: &[&str],
    request: &Request,
) -> Result<(), NotAllowed> {
    let (version, purpose) = (version.to_owned(), request.purpose.word());
    let Some(promises) = promises else { return Err(NotAllowed::UnknownVersion { version }) };
    let ruled_out = promises.never.iter().filter(|never| never.purpose == purpose);
    let mut fields: Vec<String> = ruled_out
        .flat_map(|never| filled.iter().filter(|field| never.of.is_empty() || never.of.iter().any(|of| of == *field)))
        .map(|field| (*field).to_owned())
        .collect();
    if !fields.is_empty() {
        fields.sort();
        fields.dedup();
        return Err(NotAllowed::Never { version, purpose, fields });
    }
    // A version that names no uses lets what was given be used for what every form is for, and for nothing else.
    let is_silent = promises.uses.is_empty() && request.purpose == Purpose::SupportServices;
    if !is_silent && !promises.uses.iter().any(|used| used == purpose) {
        return Err(NotAllowed::NotAmongUses { version, purpose });
    }
    match &request.recipient {
        Some(recipient) if !promises.recipients.contains(recipient) => {
            Err(NotAllowed::Recipient { version, recipient: recipient.clone() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use statement::contract::NeverUsed;

    use super::*;

    fn promises() -> VersionPromises {
        VersionPromises {
            document: "example-privacy".into(),
            version: "2018-09-26".into(),
            digest: "d".into(),
            text_sha256: "t".into(),
            facts_sha256: "f".into(),
            url: "https://example.org/privacy/2018-09-26/".into(),
            from: "2018-09-26T00:00:00Z".into(),
            uses: vec!["support-services".into(), "marketing".into(), "research".into()],
            never: vec![
                NeverUsed { purpose: "marketing".into(), of: vec!["phone".into(), "email".into()] },
                NeverUsed { purpose: "profiling".into(), of: Vec::new() },
            ],
            recipients: vec!["Post Ltd".into()],
            sharing_exceptions: Vec::new(),
            countries: Vec::new(),
            channels: Vec::new(),
            fields: Vec::new(),
            roles: Vec::new(),
            rights: Vec::new(),
            retention: None,
        }
    }

    #[test]
    fn the_version_decides_and_never_beats_uses() {
        let promises = promises();
        let ask = |purpose, filled: &[&str], recipient: Option<&str>| {
            let request = Request { purpose, recipient: recipient.map(str::to_owned) };
            allowed("2018-09-26", Some(&promises), filled, &request).map_err(|fact| fact.to_string())
        };
        let all = ["name", "phone", "email"];
        assert_eq!(ask(Purpose::SupportServices, &all, None), Ok(()));
        assert_eq!(ask(Purpose::SupportServices, &all, Some("Post Ltd")), Ok(()));
        // It is a use, and ruled out for two fields; a registration that has neither is not touched by that.
        let refused = "P105: statement 2018-09-26 rules out marketing with email, phone";
        assert_eq!(ask(Purpose::Marketing, &all, None).unwrap_err(), refused);
        assert_eq!(ask(Purpose::Marketing, &["name"], None), Ok(()));
        let refused = "P105: statement 2018-09-26 rules out profiling with name";
        assert_eq!(ask(Purpose::Profiling, &["name"], None).unwrap_err(), refused);
        let refused = "P104: improve is not among the uses of statement 2018-09-26";
        assert_eq!(ask(Purpose::Improve, &all, None).unwrap_err(), refused);
        let silent = VersionPromises { uses: Vec::new(), ..promises.clone() };
        let of_silent = |purpose| allowed("2018-09-26", Some(&silent), &all, &Request { purpose, recipient: None });
        assert!(of_silent(Purpose::SupportServices).is_ok() && of_silent(Purpose::Research).is_err());
        let refused = "P140: Ads Ltd is not among the recipients of statement 2018-09-26";
        assert_eq!(ask(Purpose::Research, &all, Some("Ads Ltd")).unwrap_err(), refused);
    }

    #[test]
    fn a_version_that_nobody_knows_allows_nothing() {
        let request = Request { purpose: Purpose::SupportServices, recipient: None };
        let refused = allowed("2017-01-01", None, &[], &request).unwrap_err();
        assert_eq!(refused.to_string(), "P104: the site has no statement 2017-01-01 any more that would allow it");
    }

    #[test]
    fn a_purpose_is_a_word_of_the_statement() {
        assert_eq!(parse("research"), Ok(Purpose::Research));
        assert_eq!(parse("reserch").unwrap_err(), "P106: `reserch` is not a purpose; did you mean `research`?");
        assert!(
            parse("newsletter")
                .unwrap_err()
                .starts_with("P106: `newsletter` is not a purpose; there are: support-services, ")
        );
    }
}
