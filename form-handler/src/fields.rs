//! What was typed: brought into one spelling, and compared with what the form asks for.

use std::cmp::Ordering;

use lettre::Address;
use statement::contract::FieldContract;
use statement::form::{Condition, FieldKind};
use unicode_normalization::UnicodeNormalization;

/// More digits after a number are another number.
const EXTENSION_DIGITS_MAX: usize = 6;

/// The value as it is kept: NFC, without stray spaces around it and without characters that show nothing.
///
/// Line breaks become LF in an answer of several lines, and a space in an answer of one. Nothing else is changed.
pub(crate) fn normalise(kind: FieldKind, typed: &str) -> String {
    let lines = typed.replace("\r\n", "\n").replace('\r', "\n");
    let kept = lines.chars().filter_map(|letter| match letter {
        '\n' if matches!(kind, FieldKind::Multiline | FieldKind::Choices) => Some('\n'),
        '\n' | '\t' => Some(' '),
        letter if is_invisible(letter) => None,
        letter => Some(letter),
    });
    // Last, because what was between a letter and its accent may be gone.
    kept.nfc().collect::<String>().trim().to_owned()
}

/// Control characters, and marks that only hide or reorder text. The joiners U+200C and U+200D stay: some scripts need
/// them inside words.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || is_noncharacter(letter)
}

/// Unicode Standard, section 23.7.
fn is_noncharacter(letter: char) -> bool {
    let code = u32::from(letter);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

/// Whether an option is among the answers, which stand in a line each.
pub(crate) fn has_chosen(value: &str, option: &str) -> bool {
    value.split('\n').any(|chosen| chosen == option)
}

/// What is wrong with a normalised value, in the form's words; `answer` gives those of the other fields.
pub(crate) fn check<'a, 'v>(
    field: &'a FieldContract,
    value: &str,
    answer: impl Fn(&str) -> &'v str,
) -> Option<&'a str> {
    if value.is_empty() {
        let is_required_now = |when: &Condition| has_chosen(answer(&when.field), &when.is);
        let is_required = field.required || field.required_when.as_ref().is_some_and(is_required_now);
        return is_required.then_some(&field.message_empty);
    }
    if value.chars().count() > field.characters_max {
        return Some(&field.message_too_long);
    }
    let is_option = |chosen: &str| field.options.iter().any(|option| option == chosen);
    let is_well_formed = match field.kind {
        FieldKind::Text | FieldKind::Multiline => true,
        FieldKind::Email => email(value).is_some(),
        FieldKind::Tel => telephone_digits(value).is_some(),
        FieldKind::Choice | FieldKind::Agreement => is_option(value),
        FieldKind::Choices => {
            let chosen: Vec<&str> = value.split('\n').collect();
            let is_once = |(at, option): (usize, &&str)| !chosen[..at].contains(option);
            chosen.iter().all(|chosen| is_option(chosen)) && chosen.iter().enumerate().all(is_once)
        }
        FieldKind::Date => is_day(value),
        FieldKind::Number => number(value).is_some_and(|number| {
            let is_in = |bound: Option<i64>, order: Ordering| {
                bound.is_none_or(|bound| number.partial_cmp(&(bound as f64)) != Some(order))
            };
            is_in(field.min, Ordering::Less) && is_in(field.max, Ordering::Greater)
        }),
    };
    (!is_well_formed).then_some(&field.message_malformed)
}

/// A day of the calendar as browsers send it (HTML Standard, section 2.3.5.2): `2026-03-31`.
fn is_day(value: &str) -> bool {
    let has_shape = value.len() == 10
        && value.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    has_shape && value.parse::<jiff::civil::Date>().is_ok()
}

/// A number as people write it: digits, with a point or a comma before its fraction.
fn number(value: &str) -> Option<f64> {
    let digits = value.strip_prefix(['-', '\u{2212}']).unwrap_or(value);
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let sign = if digits.len() < value.len() { "-" } else { "" };
    (plain(whole) && plain(fraction)).then(|| format!("{sign}{whole}.{fraction}").parse().ok()).flatten()
}

/// An address that mail can be sent to: `x@y.z`, as RFC 5321 has it.
pub(crate) fn email(value: &str) -> Option<Address> {
    let (local, domain) = value.rsplit_once('@')?;
    let plain = |part: &str| !part.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    let has_domain = domain.split('.').count() > 1 && domain.split('.').all(|label| !label.is_empty());
    if !plain(local) || !plain(domain) || !has_domain { None } else { value.parse().ok() }
}

/// The digits of a telephone number: seven to fifteen of any script (fifteen are the longest number of ITU-T E.164) with
/// any formatting, and after them an extension or a remark, which is no part of them; more letters than digits are no
/// number any more. Digits that only look wider are those of ASCII.
pub(crate) fn telephone_digits(value: &str) -> Option<String> {
    let digits = |text: &str| text.chars().filter(|letter| letter.is_numeric()).count();
    let start = value.find(char::is_numeric).unwrap_or(value.len());
    let end = value[start..].find(char::is_alphabetic).map_or(value.len(), |length| start + length);
    let (number, rest) = value.split_at(end);
    let letters = value.chars().filter(|letter| letter.is_alphabetic()).count();
    let is_number =
        (7..=15).contains(&digits(number)) && digits(rest) <= EXTENSION_DIGITS_MAX && letters <= digits(value);
    is_number.then(|| number.nfkc().filter(|letter| letter.is_numeric()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldKind, required: bool) -> FieldContract {
        FieldContract {
            name: "f".into(),
            kind,
            label: "F".into(),
            required,
            required_when: None,
            options: Vec::new(),
            min: None,
            max: None,
            characters_max: 40,
            message_empty: "empty".into(),
            message_too_long: "too long".into(),
            message_malformed: "malformed".into(),
        }
    }

    #[test]
    fn values_keep_what_was_typed() {
        let text = |typed: &str| normalise(FieldKind::Text, typed);
        assert_eq!(text("  Ada  Lovelace \u{200b}\u{feff}"), "Ada  Lovelace");
        assert_eq!(text("Zoe\u{308}"), "Zoë");
        assert_eq!(text("a\r\nBcc: b\0\u{202e}"), "a Bcc: b");
        assert_eq!(text("نامه\u{200c}ای"), "نامه\u{200c}ای");
        assert_eq!(text("\u{fdd0}field:name\u{fdd1}"), "field:name");
        assert_eq!(normalise(FieldKind::Multiline, "a\r\nb\rc\n\n"), "a\nb\nc");
    }

    #[test]
    fn addresses() {
        let asked = field(FieldKind::Email, true);
        let wrong = |value: &str| check(&asked, value, |_| "");
        for right in ["a@example.org", "a+b_c-d@sub.example.museum", "o'brien@example.org", "é@example.org"] {
            assert_eq!(wrong(right), None, "{right}");
        }
        for value in
            ["a", "a@b", "a@.org", "a@b..c", "@b.c", "a b@c.de", "a@b.c\n", "a@@b.c", "<a@b.c>", "a@b.c, d@e.f"]
        {
            assert_eq!(wrong(value), Some("malformed"), "{value}");
        }
        assert_eq!(wrong(""), Some("empty"));
        assert_eq!(wrong(&format!("{}@example.org", "a".repeat(40))), Some("too long"));
        assert_eq!(check(&field(FieldKind::Email, false), "", |_| ""), None);
    }

    #[test]
    fn telephone_numbers() {
        let asked = field(FieldKind::Tel, false);
        let wrong = |value: &str| check(&asked, value, |_| "");
        for right in [
            "01632 960 001",
            "07700 900 982",
            "+44 808 157 0192",
            "(206) 555-0100",
            "206.555.0100 ext. 12",
            "2065550100x9",
            "+1–206–555–0100",
            "5550100",
            "(+44) 808 157 0192",
            "555-1234, ext. 5",
            "206 555 0100 extension 5",
            "206−555−0100",
            "٠١٢٣٤٥٦٧٨٩",
            "０３（１２３４）５６７８",
            "0800 123456 (home)",
            "Tel: 0800 123456",
        ] {
            assert_eq!(wrong(right), None, "{right}");
        }
        for value in [
            "123",
            "call me",
            "+",
            "555-01OO",
            "1234567890123456",
            "5550100 extension",
            "between 5550100 and 5550199",
            "2065550100 or 2065550101",
            "555 ext. 0100",
            "a1b2c3d4e5f6g7",
        ] {
            assert_eq!(wrong(value), Some("malformed"), "{value}");
        }
    }

    #[test]
    fn days_and_numbers() {
        let wrong = |kind, value: &str| check(&field(kind, false), value, |_| "").is_some();
        for (value, is_wrong) in [
            ("2026-03-31", false),
            ("2024-02-29", false),
            ("2025-02-29", true),
            ("2026-13-01", true),
            ("31.3.2026", true),
            ("2026-3-1", true),
            ("+02026-03-31", true),
            ("20260331", true),
            ("2026-03-31T00:00", true),
        ] {
            assert_eq!(wrong(FieldKind::Date, value), is_wrong, "{value}");
        }
        for (value, is_wrong) in [
            ("0", false),
            ("12", false),
            ("-3", false),
            ("\u{2212}3", false),
            ("1.5", false),
            ("1,5", false),
            ("", false),
            ("1e3", true),
            ("inf", true),
            ("NaN", true),
            ("1.", true),
            (".5", true),
            ("1.2.3", true),
            ("--1", true),
            ("1 000", true),
            ("twelve", true),
        ] {
            assert_eq!(wrong(FieldKind::Number, value), is_wrong, "{value}");
        }
        let age = FieldContract { min: Some(3), max: Some(18), ..field(FieldKind::Number, false) };
        for (value, is_wrong) in [("3", false), ("18", false), ("2.9", true), ("18.1", true), ("-4", true)] {
            assert_eq!(check(&age, value, |_| "").is_some(), is_wrong, "{value}");
        }
    }

    #[test]
    fn what_is_chosen_is_an_option() {
        let options: Vec<String> = ["By letter", "By telephone"].map(String::from).into();
        for (kind, value, is_wrong) in [
            (FieldKind::Choice, "By letter", false),
            (FieldKind::Choice, "by letter", true),
            (FieldKind::Choice, "By letter\nBy telephone", true),
            (FieldKind::Choices, "By letter\nBy telephone", false),
            (FieldKind::Choices, "By telephone", false),
            (FieldKind::Choices, "By letter\nBy letter", true),
            (FieldKind::Choices, "By letter\nBy pigeon", true),
        ] {
            let asked = FieldContract { options: options.clone(), ..field(kind, true) };
            assert_eq!(check(&asked, value, |_| ""), is_wrong.then_some("malformed"), "{value}");
        }
    }

    #[test]
    fn an_answer_can_make_another_field_required() {
        let when = Condition { field: "by".into(), is: "By telephone".into() };
        let phone = FieldContract { required_when: Some(when), ..field(FieldKind::Tel, false) };
        for (by, message) in [("By letter", None), ("", None), ("By letter\nBy telephone", Some("empty"))] {
            assert_eq!(check(&phone, "", |name| if name == "by" { by } else { "" }), message, "{by}");
        }
    }

    proptest::proptest! {
        #[test]
        fn normalising_twice_changes_nothing(typed in "\\PC{0,20}[ \\t\\r\\n\\x00-\\x1f\u{200b}\u{301}a]{0,10}") {
            for kind in [FieldKind::Text, FieldKind::Multiline] {
                let once = normalise(kind, &typed);
                proptest::prop_assert_eq!(&normalise(kind, &once), &once);
            }
        }
    }
}
