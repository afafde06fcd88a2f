//! What staff are told when the statement, or who they are, does not let them do something: a promise's code and a sentence.

use std::fmt;

use uuid::Uuid;

/// A refusal. It has no personal data, so it may stand in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The promise, by its code: `P501`.
    pub code: &'static str,
    /// What is refused and by what.
    pub fact: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: &'static str, fact: impl Into<String>) -> Self {
        Self { code, fact: fact.into() }
    }

    /// Refuses whoever would see or pass on a registration that somebody wants erased.
    #[must_use]
    pub fn of_restricted(id: Uuid) -> Self {
        Self::new("P531", format!("{id} is to be erased as soon as it may be, and until then only legal sees it"))
    }

    /// Refuses words for the ledger that hold an e-mail address or a telephone number: the ledger keeps them for ever.
    ///
    /// # Errors
    /// When there is one.
    pub fn of_personal(words: &str) -> Result<(), Self> {
        let is_phone = |piece: &str| {
            let digits = piece.bytes().filter(u8::is_ascii_digit).count();
            digits >= 10 || (digits >= 7 && piece.starts_with(['+', '(']))
        };
        let mut pieces =
            words.split(|letter: char| !(letter.is_ascii_digit() || "+-(). /".contains(letter))).map(str::trim);
        if words.contains('@') || pieces.any(is_phone) {
            let fact = "the words have an e-mail address or a telephone number, and the ledger keeps them for ever: \
                        name the record or the case instead";
            return Err(Self::new("P543", fact));
        }
        Ok(())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.fact)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn reasons_have_no_addresses_and_no_numbers() {
        for fine in ["case 2026-CV-1234567", "claim of 2026-03-04, letter 12", "court order 17/2026"] {
            assert_eq!(Refusal::of_personal(fine), Ok(()), "{fine}");
        }
        for personal in ["asked by ada@example.org", "call +1 555 0100", "ring (202) 555-0100", "2025550100"] {
            assert_eq!(
                Refusal::of_personal(personal).unwrap_err().to_string(),
                "P543: the words have an e-mail address or a telephone number, and the ledger keeps them for ever: name \
                 the record or the case instead",
                "{personal}"
            );
        }
    }
}
