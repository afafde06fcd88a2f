//! Values as YAML that reads back as the same values.
//!
//! Text that could be taken for anything else is put between double quotes, as JSON would (YAML 1.2, section 1.3).

use std::fmt::Write as _;

use statement::yaml::{Entry, Node, Value};

const WRITABLE: &str = "invariant: a string can be written to";

/// A mapping as `key: value` lines.
#[must_use]
pub fn mapping<'a>(entries: impl IntoIterator<Item = (&'a str, &'a Value)>) -> String {
    let mut text = String::new();
    for (key, value) in entries {
        write_entry(key, value, 0, &mut text);
    }
    text
}

fn write_entry(key: &str, value: &Value, indent: usize, text: &mut String) {
    write!(text, "{:indent$}{}:", "", scalar(key)).expect(WRITABLE);
    match value {
        Value::Mapping(entries) if !entries.is_empty() => {
            text.push('\n');
            for Entry { key, node, .. } in entries {
                write_entry(key, &node.value, indent + 2, text);
            }
        }
        // A list of mappings is read line by line.
        Value::Sequence(items) if items.iter().any(|item| matches!(item.value, Value::Mapping(_))) => {
            text.push('\n');
            for item in items {
                write!(text, "{:width$}- ", "", width = indent + 2).expect(WRITABLE);
                write_flow(&item.value, text);
                text.push('\n');
            }
        }
        value => {
            text.push(' ');
            write_flow(value, text);
            text.push('\n');
        }
    }
}

fn write_flow(value: &Value, text: &mut String) {
    let mut list = |open: char, close: char, items: &mut dyn Iterator<Item = (Option<&str>, &Node)>| {
        text.push(open);
        for (index, (key, node)) in items.enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            if let Some(key) = key {
                write!(text, "{}: ", scalar(key)).expect(WRITABLE);
            }
            write_flow(&node.value, text);
        }
        text.push(close);
    };
    match value {
        Value::Null => text.push_str("null"),
        Value::Boolean(value) => write!(text, "{value}").expect(WRITABLE),
        Value::Integer(value) => write!(text, "{value}").expect(WRITABLE),
        Value::Float(value) if value.is_nan() => text.push_str(".nan"),
        Value::Float(value) if value.is_infinite() => text.push_str(if *value > 0.0 { ".inf" } else { "-.inf" }),
        Value::Float(value) => write!(text, "{value:?}").expect(WRITABLE),
        Value::String(value) => text.push_str(&scalar(value)),
        Value::Sequence(items) => list('[', ']', &mut items.iter().map(|node| (None, node))),
        Value::Mapping(entries) => {
            list('{', '}', &mut entries.iter().map(|entry| (Some(entry.key.as_str()), &entry.node)));
        }
    }
}

/// Text as a scalar: plain where that is safe everywhere, else between double quotes.
#[must_use]
pub fn scalar(text: &str) -> String {
    let is_date = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let is_word = |letter: char| letter.is_alphanumeric() || " -_./()'".contains(letter);
    let is_reserved = |text: &str| {
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"];
        words.iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    let is_plain = text.starts_with(|first: char| first.is_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(is_word)
        && !is_reserved(text);
    if is_date || is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => {
                write!(quoted, "\\u{:04X}", u32::from(letter)).expect(WRITABLE);
            }
            letter if letter.is_control() => write!(quoted, "\\u{:04X}", u32::from(letter)).expect(WRITABLE),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A value that stands in no file.
#[must_use]
pub fn node(value: Value) -> Node {
    Node { value, span: 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statement::diagnostic::Diagnostics;
    use statement::yaml;

    fn read_back(text: &str) -> serde_json::Value {
        let mut diagnostics = Diagnostics::new();
        let node = yaml::parse(&"a.yaml".into(), text, 0..text.len(), &mut diagnostics);
        node.unwrap_or_else(|| panic!("{text}: {diagnostics:?}")).to_json()
    }

    #[test]
    fn nested_values_keep_their_shape() {
        let entry = |key: &str, value| Entry { key: key.to_owned(), key_span: 0..0, node: node(value) };
        let inner = Value::Mapping(vec![
            entry("menu", Value::Sequence(vec![node(Value::Mapping(vec![entry("to", Value::Null)]))])),
            entry("list", Value::Sequence(vec![node(Value::Integer(-1)), node(Value::String("a: b".into()))])),
            entry("deep er", Value::Mapping(vec![entry("x", Value::Mapping(vec![])), entry("z", Value::Float(1e300))])),
        ]);
        let text = mapping([("title", &Value::String("It's".into())), ("extra", &inner), ("none", &Value::Null)]);
        assert_eq!(
            text,
            "title: It's\nextra:\n  menu:\n    - {to: null}\n  list: [-1, \"a: b\"]\n  deep er:\n    x: {}\n    z: 1e300\nnone: null\n"
        );
        assert_eq!(
            read_back(&text),
            serde_json::json!({"title": "It's", "extra": {"menu": [{"to": null}], "list": [-1, "a: b"], "deep er": {"x": {}, "z": 1e300}}, "none": null})
        );
    }

    proptest::proptest! {
        #[test]
        fn text_reads_back_as_it_was(text in "\\PC{0,12}|[-:a#\\[\\]{}&*!|>'\"%@`,? \\n\\té0-9.e_~]{0,12}|true|No|~|2018-09-26|0x1F|1_0|\\p{Cc}{0,3}") {
            let yaml = mapping([(text.as_str(), &Value::Sequence(vec![node(Value::String(text.clone()))]))]);
            proptest::prop_assert_eq!(read_back(&yaml), serde_json::json!({text.clone(): [text]}), "{}", yaml);
        }
    }
}
