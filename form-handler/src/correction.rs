//! Corrections: another answer in the place of one, which is kept as long as the registration is.
//!
//! It knows neither who corrects nor why, and no store.

use jiff::Timestamp;
use statement::contract::FormContract;

use crate::content::Content;
use crate::fields;
use crate::private::Private;
use crate::registration::Registration;
use crate::seal::{self, Identities, Seal, SealError};
use crate::store::Stored;

/// An answer that was corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// The field's name.
    pub field: String,
    /// What stood there.
    pub value: Private<String>,
    /// When it was corrected.
    pub until: Timestamp,
}

impl Registration {
    /// The answers that were corrected, the first to be corrected first.
    ///
    /// # Errors
    /// When the content cannot be opened, or is not ours.
    pub fn former_answers(stored: &Stored, identities: Option<&Identities>) -> Result<Vec<Former>, SealError> {
        Ok(match open(stored, identities)? {
            Content::Sent(_) => Vec::new(),
            Content::Corrected { former, .. } => {
                let former = former.into_iter();
                former.map(|(field, value, until)| Former { field, value: Private::new(value), until }).collect()
            }
        })
    }

    /// The registration with another answer to a field, sealed anew; it is found by old and new addresses.
    ///
    /// # Errors
    /// Says why there is no such answer; it repeats none.
    pub fn corrected(
        stored: &Stored,
        form: &FormContract,
        seal: &Seal,
        identities: Option<&Identities>,
        (name, value): (&str, &Private<String>),
        now: Timestamp,
    ) -> Result<Stored, String> {
        let field = form.fields.iter().find(|field| field.name == name);
        let field = field.ok_or_else(|| format!("the form has no field `{name}`"))?;
        let value = fields::normalise(field.kind, value.expose());
        let (mut answers, mut former) = match open(stored, identities).map_err(|error| error.to_string())? {
            Content::Sent(answers) => (answers, Vec::new()),
            Content::Corrected { answers, former } => (answers, former),
        };
        let answer = |wanted: &str| {
            let found = answers.iter().find(|(name, _)| name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        if let Some(fact) = fields::check(field, &value, answer) {
            return Err(format!("the new answer is none: {fact}"));
        }
        if stored.data_key.is_some() && seal.keys().is_none() {
            return Err("it is sealed, and CANDOR_KEYS does not say to whom it is to be sealed again".to_owned());
        }
        match answers.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => former.push((name.to_owned(), std::mem::replace(old, value), now)),
            None => {
                former.push((name.to_owned(), String::new(), now));
                answers.push((name.to_owned(), value));
            }
        }
        let content = serde_json::to_vec(&Content::Corrected { answers, former });
        let content = content.expect("invariant: texts can be written as JSON");
        let registration =
            Self::of(&stored.envelope, &Private::new(content.clone())).map_err(|error| error.to_string())?;
        let (content, data_key) = seal.seal(content);
        let mut person_keys = registration.person_keys(form, seal.index_key());
        person_keys.extend(stored.person_keys.iter().cloned());
        person_keys.sort();
        person_keys.dedup();
        Ok(Stored { content: Private::new(content), data_key, person_keys, ..stored.clone() })
    }
}

fn open(stored: &Stored, identities: Option<&Identities>) -> Result<Content, SealError> {
    let content = seal::open(stored.content.expose(), stored.data_key.as_ref(), identities)?;
    Content::parse(content.expose()).ok_or(SealError::Damaged)
}
