//! Language tags (RFC 5646): whether a text is one, and whether its language is written from right to left.
//!
//! Does not know which languages there are.

/// Scripts written from right to left (Unicode Character Database, `Bidi_Class` of their letters), by ISO 15924.
const RIGHT_TO_LEFT: [&str; 12] =
    ["adlm", "arab", "aran", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "thaa", "yezi"];

/// Languages whose most likely script is one of these (Unicode CLDR, `likelySubtags`), and the codes they had before.
const LIKELY: [&str; 32] = [
    "ar", "arc", "ars", "ary", "arz", "azb", "bal", "bgn", "bqi", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "khw",
    "ks", "lrc", "mzn", "nqo", "pnb", "prs", "ps", "rhg", "sd", "sdh", "skr", "syr", "ug", "ur", "yi",
];

/// Whether a text has the form of a language tag (RFC 5646, section 2.1): parts of one to eight letters or digits, of
/// which the first is a language or a single `x`.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_language = (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_language || (first.eq_ignore_ascii_case("x") && text.len() > 2)) && parts.all(is_part)
}

/// Whether text in the language of this tag begins at the right; the script in the tag says so, else the language.
#[must_use]
pub fn is_right_to_left(tag: &str) -> bool {
    let is_one_of = |list: &[&str], part: &str| list.iter().any(|one| one.eq_ignore_ascii_case(part));
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    // After a language of two or three letters, its extensions have three letters and its script has four.
    match parts.find(|part| part.len() != 3) {
        Some(script) if script.len() == 4 && script.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            is_one_of(&RIGHT_TO_LEFT, script)
        }
        _ => is_one_of(&LIKELY, language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for tag in ["en", "de-CH-1996", "zh-Hant-TW", "x-klingon", "ast", "sl-rozaj-biske"] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in ["", "e", "en_US", "en-", "-en", "english language", "x-", "en-ninecharss", "日本", "1a"] {
            assert!(!is_tag(text), "{text}");
        }
    }

    #[test]
    fn directions() {
        for tag in ["ar", "AR-EG", "he", "fa-IR", "ur", "az-Arab", "zh-min-arab", "yi", "ks"] {
            assert!(is_right_to_left(tag), "{tag}");
        }
        for tag in ["en", "ar-Latn", "ur-Latn-PK", "ku", "az", "pa", "arn", "de-CH-1996"] {
            assert!(!is_right_to_left(tag), "{tag}");
        }
    }
}
