//! The few forms of YAML that the front matter of most pages has, read in one go: a line for each key, with a word, a
//! quoted text, a whole number, true or false, or a list of such in brackets.
//!
//! What it takes it reads as the whole of YAML is read (a test compares them); whatever else there is, even a mistake,
//! it leaves to that. It is there for speed only: ten thousand pages have front matter.

use std::ops::Range;

use crate::yaml::{Entry, Node, Value};

/// The most lines it takes: each key is compared with all before it.
const LINES_MAX: usize = 32;

/// Words that are not text in every YAML; which of them are in ours is not decided here.
const RESERVED: [&str; 12] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];

/// Reads `yaml`, which begins at the byte `base` of its file; none where there is anything out of the ordinary.
pub(crate) fn parse(yaml: &str, base: usize) -> Option<Node> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    for line in yaml.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let (key, rest) = line.strip_suffix('\n')?.split_once(": ")?;
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !is_key || key.is_empty() || is_reserved(key) || entries.len() == LINES_MAX {
            return None;
        }
        if entries.iter().any(|entry| entry.key == key) {
            return None;
        }
        let written = rest.trim_matches(' ');
        let value_start = base + start + key.len() + 2 + (rest.len() - rest.trim_start_matches(' ').len());
        let node = value(written, value_start)?;
        entries.push(Entry { key: key.to_owned(), key_span: base + start..base + start + key.len(), node });
    }
    let first = entries.first()?;
    let span = first.key_span.start..first.key_span.start;
    Some(Node { value: Value::Mapping(entries), span })
}

fn value(written: &str, start: usize) -> Option<Node> {
    let Some(inside) = written.strip_prefix('[') else { return scalar(written, start, false) };
    let inside = inside.strip_suffix(']')?;
    let mut at = start + 1;
    let mut items = Vec::new();
    for item in inside.split(',') {
        let indent = item.len() - item.trim_start_matches(' ').len();
        items.push(scalar(item.trim_matches(' '), at + indent, true)?);
        at += item.len() + 1;
    }
    Some(Node { value: Value::Sequence(items), span: start..start + 1 })
}

fn scalar(written: &str, start: usize, is_in_list: bool) -> Option<Node> {
    let span: Range<usize> = start..start + written.len();
    let value = match written.as_bytes() {
        b"true" => Value::Boolean(true),
        b"false" => Value::Boolean(false),
        [b'"', inside @ .., b'"'] => {
            let inside = std::str::from_utf8(inside).ok()?;
            let is_plain = |letter: char| is_letter(letter) || " .,'()/-!?;&_+:#".contains(letter);
            // A comma would divide a list here too.
            (inside.chars().all(is_plain) && !(is_in_list && inside.contains(','))).then_some(())?;
            Value::String(inside.to_owned())
        }
        [b'1'..=b'9', ..] => {
            (written.len() < 18 && written.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
            Value::Integer(written.parse().ok()?)
        }
        _ if written.starts_with(char::is_alphabetic) && !is_reserved(written) => {
            let is_plain =
                |letter: char| is_letter(letter) || (!is_in_list && letter == ',') || " .'()/-!?;&_+".contains(letter);
            written.chars().all(is_plain).then_some(())?;
            Value::String(written.to_owned())
        }
        _ => return None,
    };
    Some(Node { value, span })
}

fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || (!letter.is_ascii() && (letter.is_alphanumeric() || "‘’“”–—…".contains(letter)))
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::yaml::parse_any;

    /// What is taken is read as YAML is.
    fn compare(yaml: &str) -> bool {
        let Some(read) = parse(yaml, 4) else { return false };
        let mut diagnostics = Diagnostics::new();
        assert_eq!(parse_any(&"a.md".into(), yaml, 4, &mut diagnostics), Some(read), "{yaml:?}");
        true
    }

    #[test]
    fn takes_what_most_front_matter_has() {
        for yaml in [
            "title: A page\ndescription: \"About: us, the “whole” – of it\"\ndate: \"2024-05-01\"\ntags: [one, two]\n",
            "title:   Überall (und nirgends), it's here   \nweight: 10\ndraft: true\nslug: a-b.c\n",
            "tags: [ \"one\" ,two words,  7, false ]\n",
        ] {
            assert!(compare(yaml), "{yaml:?}");
        }
    }

    #[test]
    fn leaves_what_is_out_of_the_ordinary() {
        for yaml in [
            "",
            "title: x",
            "title:\n",
            "title: x # y\n",
            "a: b\na: c\n",
            "a: no\n",
            "a: ~\n",
            "a: 012\n",
            "a: x: y\n",
            "a: \"\\n\"\n",
            "a: [b]c\n",
            "a: [b, [c]]\n",
            "a: {b: c}\n",
            "- a\n",
            " a: b\n",
            "a: b\r\n",
            "a: &b c\n",
            "a: 'b'\n",
            "a: \"b\nc: d\"\n",
            "a: b\n  c\n",
            "no: x\n",
            "a: 9223372036854775808\n",
            "a: [,]\n",
            "a: []\n",
        ] {
            assert!(parse(yaml, 0).is_none(), "{yaml:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reads_what_it_takes_as_yaml_is_read(yaml in "([a-z_]{1,3}: {1,2}[]\\[a-cyNo0-9\"',.&#!?:;/()é“ -]{0,9}\n){1,3}") {
            compare(&yaml);
        }
    }
}
