//! The staff's file: who may do what, which records have a time of their own and why, and when safeguards were last
//! confirmed.
//!
//! It knows neither how somebody signed in nor which command is asked for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use statement::diagnostic::near_match;
use statement::period::Period;

use crate::records::{Class, ClassOf, Refusal};

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read registrations.
    Reader,
    /// Look after them: retention, access, correction, erasure.
    Records,
    /// Order that they are kept, decide what a law compels, and see what is restricted.
    Legal,
}

impl Role {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Records => "records",
            Self::Legal => "legal",
        }
    }
}

/// Somebody who may use the program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name of the account they use.
    pub login: String,
    /// As whom of those to whom the statement gives access: `employee`.
    pub access: String,
    /// What they may do.
    pub roles: BTreeSet<Role>,
}

/// That a safeguard is in place, as somebody has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// `physical`, `administrative` or `technical`.
    pub safeguard: String,
    /// What was confirmed.
    pub what: String,
    /// The day.
    pub confirmed: Date,
    /// How often it is to be confirmed, ISO 8601.
    pub every: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    keep: String,
    basis: Option<String>,
    #[serde(default)]
    suspected: bool,
    #[serde(default)]
    forms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    people: BTreeMap<String, Person>,
    #[serde(default)]
    classes: BTreeMap<String, ClassFile>,
    #[serde(default)]
    attestations: Vec<Attestation>,
}

/// The staff's file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    people: BTreeMap<String, Person>,
    /// Records with a time of their own.
    pub classes: Vec<Class>,
    /// Safeguards.
    pub attestations: Vec<Attestation>,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name in the staff's file.
    pub name: String,
    /// As whom of those to whom the statement gives access; none for the owner of a machine without staff.
    pub access: Option<String>,
    /// What they may do.
    pub roles: BTreeSet<Role>,
}

impl People {
    /// Reads the file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let mut logins = BTreeMap::new();
        for (name, person) in &file.people {
            if let Some(other) = logins.insert(&person.login, name) {
                return Err(format!(
                    "`{other}` and `{name}` have one login, `{}`: then nobody knows who it was",
                    person.login
                ));
            }
        }
        let classes = file.classes.into_iter().map(|(name, class)| {
            if class.basis.as_ref().is_none_or(|basis| basis.trim().is_empty()) {
                return Err(Refusal::new("P512", format!("class `{name}` has no basis")).to_string());
            }
            let keep = Period::parse(&class.keep).map_err(|fact| format!("class `{name}`: {fact}"))?;
            let of = match (class.suspected, class.forms.is_empty()) {
                (true, true) => ClassOf::Suspected,
                (false, false) => ClassOf::Forms(class.forms),
                _ => return Err(format!("class `{name}` needs either `suspected: true` or `forms`")),
            };
            Ok(Class { name, keep, of })
        });
        let classes = classes.collect::<Result<_, _>>()?;
        for attestation in &file.attestations {
            Period::parse(&attestation.every).map_err(|fact| format!("`{}`: {fact}", attestation.what))?;
        }
        Ok(Self { people: file.people, classes, attestations: file.attestations })
    }

    /// Who uses this login; `claimed` is the name they say they have.
    ///
    /// # Errors
    /// When nobody has this login, or somebody else has.
    pub fn who(&self, login: &str, claimed: Option<&str>) -> Result<Who, Refusal> {
        let found = self.people.iter().find(|(_, person)| person.login == login);
        let Some((name, person)) = found else {
            return Err(Refusal::new("P503", format!("nobody among the staff has the login `{login}`")));
        };
        if let Some(claimed) = claimed.filter(|claimed| *claimed != name) {
            let near = near_match(claimed, self.people.keys().map(String::as_str));
            let known = if self.people.contains_key(claimed) {
                format!("`{claimed}` has another login than `{login}`, which is that of `{name}`")
            } else {
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                format!("nobody among the staff is called `{claimed}`{near}")
            };
            return Err(Refusal::new("P503", known));
        }
        Ok(Who { name: name.clone(), access: Some(person.access.clone()), roles: person.roles.clone() })
    }

    /// What is to be confirmed again, in words.
    #[must_use]
    pub fn overdue(&self, now: jiff::Timestamp) -> Vec<Refusal> {
        let midnight = |day: Date| jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(now);
        let is_over = |attestation: &&Attestation| {
            Period::parse(&attestation.every).is_ok_and(|every| every.after(midnight(attestation.confirmed)) <= now)
        };
        let due = self.attestations.iter().filter(is_over).map(|attestation| {
            let Attestation { safeguard, what, confirmed, .. } = attestation;
            Refusal::new("P160", format!("{safeguard} safeguard “{what}” was last confirmed on {confirmed}"))
        });
        due.collect()
    }
}

impl Who {
    /// The owner of a machine on which nobody else works: no staff are named, and no other store than its own.
    #[must_use]
    pub fn owner(login: &str) -> Self {
        Self { name: login.to_owned(), access: None, roles: [Role::Reader, Role::Records, Role::Legal].into() }
    }

    /// Refuses what takes a role they have not.
    ///
    /// # Errors
    /// When they have not.
    pub fn must_be(&self, role: Role, what: &str) -> Result<(), Refusal> {
        if self.roles.contains(&role) {
            return Ok(());
        }
        Err(Refusal::new(
            "P502",
            format!("`{}` has not the role `{}`, which it takes to {what}", self.name, role.word()),
        ))
    }

    /// Refuses who has no access under a version of the statement, by the words of its `access`.
    ///
    /// # Errors
    /// When the statement gives them none.
    pub fn must_have_access(&self, version: &str, access: &[String]) -> Result<(), Refusal> {
        match &self.access {
            Some(own) if !access.contains(own) => {
                Err(Refusal::new("P501", format!("role `{own}` has no access under {version}")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "people:\n  ada: {login: ada, access: employee, roles: [reader]}\n  \
                        lea: {login: lea7, access: volunteer, roles: [legal, records]}\n";

    #[test]
    fn who_asks_is_known_by_the_login() {
        let people = People::parse(FILE).unwrap();
        let ada = people.who("ada", Some("ada")).unwrap();
        let said = |result: Result<Who, Refusal>| result.unwrap_err().to_string();
        assert_eq!(people.who("ada", None).unwrap(), ada);
        assert_eq!(said(people.who("eve", None)), "P503: nobody among the staff has the login `eve`");
        assert_eq!(
            said(people.who("ada", Some("lea"))),
            "P503: `lea` has another login than `ada`, which is that of `ada`"
        );
        assert_eq!(
            said(people.who("ada", Some("adda"))),
            "P503: nobody among the staff is called `adda`; did you mean `ada`?"
        );
    }

    #[test]
    fn a_role_that_is_missing_is_named() {
        let people = People::parse(FILE).unwrap();
        let (ada, lea) = (people.who("ada", None).unwrap(), people.who("lea7", None).unwrap());
        assert_eq!(ada.must_be(Role::Reader, "list registrations"), Ok(()));
        assert_eq!(
            ada.must_be(Role::Legal, "place a hold").unwrap_err().to_string(),
            "P502: `ada` has not the role `legal`, which it takes to place a hold"
        );
        let access = ["employee".to_owned()];
        assert_eq!(ada.must_have_access("2018-09-26", &access), Ok(()));
        assert_eq!(
            lea.must_have_access("2018-09-26", &access).unwrap_err().to_string(),
            "P501: role `volunteer` has no access under 2018-09-26"
        );
        assert_eq!(Who::owner("eve").must_have_access("2018-09-26", &access), Ok(()));
    }

    #[test]
    fn mistakes_in_the_file_are_told() {
        let error = |text: &str| People::parse(&format!("{FILE}{text}")).unwrap_err();
        assert_eq!(
            error("  bob: {login: ada, access: employee, roles: []}\n"),
            "`ada` and `bob` have one login, `ada`: then nobody knows who it was"
        );
        assert_eq!(
            error("classes:\n  waiting-list: {keep: P1Y, forms: [wait]}\n"),
            "P512: class `waiting-list` has no basis"
        );
        assert_eq!(
            error("classes:\n  spam: {keep: P1Y, basis: nobody's}\n"),
            "class `spam` needs either `suspected: true` or `forms`"
        );
        assert!(
            error("classes:\n  spam: {keep: long, basis: b, suspected: true}\n").starts_with("class `spam`: `long` is")
        );
        assert!(error("persons: 1\n").contains("persons"));
    }

    #[test]
    fn a_safeguard_is_to_be_confirmed_again() {
        let line = "attestations:\n  - {safeguard: administrative, what: leaver access removed, confirmed: 2025-01-10, every: P12M}\n";
        let people = People::parse(&format!("{FILE}{line}")).unwrap();
        let at =
            |moment: &str| people.overdue(moment.parse().unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(at("2026-01-09T23:59:59Z").is_empty());
        assert_eq!(
            at("2026-01-10T00:00:00Z"),
            ["P160: administrative safeguard “leaver access removed” was last confirmed on 2025-01-10"]
        );
    }
}
