//! YAML 1.2 with the place of every key and value: strict, so that a slip is noticed and not guessed at.
//!
//! Front matter, site settings, forms and facts are all read through [`Fields`], which reports everything wrong with
//! a mapping at once: unknown keys with a near match, missing keys, values of another type.

use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::diagnostic::{Diagnostic, Diagnostics, near_match};
use crate::plain_yaml;

/// A value and its bytes in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Byte offsets into the file (not into the YAML part of it).
    pub span: Range<usize>,
}

/// The kinds of value YAML's core schema has.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `~`, `null` or nothing.
    Null,
    /// `true` or `false`; `yes` and `NO` are strings.
    Boolean(bool),
    /// Whole numbers.
    Integer(i64),
    /// Numbers with a point or an exponent.
    Float(f64),
    /// All other scalars.
    String(String),
    /// `[a, b]` or lines with `- `.
    Sequence(Vec<Node>),
    /// Keys in the order they stand in the file.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its bytes in the file.
    pub key_span: Range<usize>,
    /// The value.
    pub node: Node,
}

/// How deep values may stand in each other; what we read ourselves is never deeper than eight.
const DEPTH_MAX: usize = 32;

/// Reads the YAML in `text[part]`; places are offsets into `text`. Reports what is not YAML and then returns none.
pub fn parse(path: &Arc<str>, text: &str, part: Range<usize>, diagnostics: &mut Diagnostics) -> Option<Node> {
    let yaml = &text[part.clone()];
    plain_yaml::parse(yaml, part.start).or_else(|| parse_any(path, yaml, part.start, diagnostics))
}

/// Reads any YAML.
pub(crate) fn parse_any(path: &Arc<str>, yaml: &str, base: usize, diagnostics: &mut Diagnostics) -> Option<Node> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        // Each level is some calls deep, and threads have little stack.
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(yaml, options) {
        Ok(raw) => Some(raw_to_node(raw, base)),
        Err(error) => {
            let at = error.location().map_or(0, |location| byte_offset(yaml, location.line(), location.column()));
            let rest = &yaml[at..];
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len()).max(usize::from(!rest.is_empty()));
            let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let message = message.split_once(" at line ").map_or(message.as_str(), |(fact, _)| fact);
            let start = base + at;
            let is_too_large = message.contains("too large or too complex");
            let message = if is_too_large { "nested too deep, or far too much of it" } else { message };
            let help = if is_too_large {
                "write it out, and simpler: what one anchor repeats counts each time"
            } else if message.contains("duplicate") {
                "remove one of the two"
            } else if message.contains("tabs") {
                "indent with spaces"
            } else {
                "put text that contains `: `, `#`, quotes or brackets between double quotes"
            };
            diagnostics
                .push(Diagnostic::error(path, start..start + length, format!("not valid YAML: {message}")).help(help));
            None
        }
    }
}

/// The byte offset of a 1-based line and a 1-based column counted in characters.
fn byte_offset(text: &str, line: u64, column: u64) -> usize {
    let line_start: usize = text
        .split_inclusive('\n')
        .take(usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX))
        .map(str::len)
        .sum();
    let in_line = text[line_start..]
        .char_indices()
        .nth(usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX))
        .map_or(text.len() - line_start, |(offset, _)| offset);
    line_start + in_line
}

/// A value as the deserializer gives it, before places are made absolute.
enum Raw {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(String),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Boolean(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Integer(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
                i64::try_from(value)
                    .map(Raw::Integer)
                    .map_err(|_| E::custom(format!("the number {value} is too large")))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::String(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::String(value))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Raw::Sequence(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Mapping(entries))
            }
        }
        deserializer.deserialize_any(RawVisitor)
    }
}

fn span_of<T>(spanned: &Spanned<T>, base: usize) -> Range<usize> {
    let span = spanned.referenced.span();
    let offset = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok());
    let start = base + offset(span.byte_offset()).unwrap_or(0);
    start..start + offset(span.byte_len()).unwrap_or(0)
}

fn raw_to_node(raw: Spanned<Raw>, base: usize) -> Node {
    let span = span_of(&raw, base);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Boolean(value) => Value::Boolean(value),
        Raw::Integer(value) => Value::Integer(value),
        Raw::Float(value) => Value::Float(value),
        Raw::String(value) => Value::String(value),
        Raw::Sequence(items) => Value::Sequence(items.into_iter().map(|item| raw_to_node(item, base)).collect()),
        Raw::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key_span: span_of(&key, base),
                    key: key.value,
                    node: raw_to_node(value, base),
                })
                .collect(),
        ),
    };
    Node { value, span }
}

impl Node {
    /// What the value is, in the author's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "true or false",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The value as JSON; what is not a number in JSON (`.nan`, `.inf`) becomes null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::String(value) => value.as_str().into(),
            Value::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Value::Mapping(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect(),
        }
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// Reads a mapping key by key. The keys that were asked for are the keys that are known: [`Fields::finish`] reports
/// the others, so a schema is written down once, where it is read.
pub struct Fields<'a, 'd> {
    path: &'a Arc<str>,
    what: &'static str,
    entries: &'a [Entry],
    span: Range<usize>,
    asked: Vec<&'static str>,
    /// Where findings go; public so that a reader can report on a value it judges itself.
    pub diagnostics: &'d mut Diagnostics,
}

impl<'a, 'd> Fields<'a, 'd> {
    /// Starts reading `node` as a mapping; `what` names it in messages (“front matter”, “a field”). Reports and returns
    /// none for another kind of value. Nothing at all counts as an empty mapping.
    pub fn new(
        path: &'a Arc<str>,
        what: &'static str,
        node: &'a Node,
        diagnostics: &'d mut Diagnostics,
    ) -> Option<Self> {
        let entries: &[Entry] = match &node.value {
            Value::Mapping(entries) => entries,
            Value::Null => &[],
            _ => {
                diagnostics.push(
                    Diagnostic::error(path, node.span.clone(), format!("{what} must be a mapping"))
                        .label(format!("this is {}", node.kind()))
                        .help("write `key: value` lines"),
                );
                return None;
            }
        };
        Some(Self { path, what, entries, span: node.span.clone(), asked: Vec::new(), diagnostics })
    }

    /// The file that is read.
    #[must_use]
    pub fn path(&self) -> &'a Arc<str> {
        self.path
    }

    /// Where the mapping begins: its first key, or its own place when it has none.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.entries.first().map_or_else(|| self.span.clone(), |first| first.key_span.clone())
    }

    /// Where `key` stands, if it is there.
    pub fn key_span(&mut self, key: &'static str) -> Option<Range<usize>> {
        self.entry(key).map(|entry| entry.key_span.clone())
    }

    /// The value under `key`, if the key is there.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<Located<T>> {
        let node = self.node(key)?;
        let Some(value) = read(&node.value) else {
            self.of_another_kind(key, wanted, node);
            return None;
        };
        Some(Located { value, span: node.span.clone() })
    }

    fn of_another_kind(&mut self, key: &str, wanted: &str, node: &Node) {
        self.diagnostics.push(
            Diagnostic::error(self.path, node.span.clone(), format!("`{key}` must be {wanted}"))
                .label(format!("this is {}", node.kind())),
        );
    }

    /// Text. Numbers and booleans are not text: `title: 2024` needs quotes.
    pub fn string(&mut self, key: &'static str) -> Option<Located<String>> {
        self.typed(key, "text; put it between double quotes", |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// Text that a reader will see, so that it must not be empty.
    pub fn words(&mut self, key: &'static str) -> Option<Located<String>> {
        let text = self.string(key)?;
        if text.value.trim().is_empty() {
            self.diagnostics
                .push(Diagnostic::error(self.path, text.span, format!("`{key}` is empty")).help("write what it says"));
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str) -> Option<Located<bool>> {
        self.typed(key, "`true` or `false`", |value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        })
    }

    /// A whole number.
    pub fn integer(&mut self, key: &'static str) -> Option<Located<i64>> {
        self.typed(key, "a whole number", |value| match value {
            Value::Integer(value) => Some(*value),
            _ => None,
        })
    }

    /// A list, its items unread.
    pub fn sequence(&mut self, key: &'static str) -> Option<&'a [Node]> {
        self.typed(key, "a list", |value| match value {
            Value::Sequence(items) => Some(items.as_slice()),
            Value::Null => Some(&[]),
            _ => None,
        })
        .map(|located| located.value)
    }

    /// A list of texts; one text counts as a list of one.
    pub fn strings(&mut self, key: &'static str) -> Vec<Located<String>> {
        self.node(key).map(|node| self.strings_in(key, node)).unwrap_or_default()
    }

    /// The same, of a node whose key is the author's own word.
    pub fn strings_in(&mut self, key: &str, node: &'a Node) -> Vec<Located<String>> {
        let items: &[Node] = match node {
            Node { value: Value::Sequence(items), .. } => items,
            Node { value: Value::Null, .. } => &[],
            node => std::slice::from_ref(node),
        };
        let mut strings = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::String(text) => strings.push(Located { value: text.clone(), span: item.span.clone() }),
                _ => self.diagnostics.push(
                    Diagnostic::error(
                        self.path,
                        item.span.clone(),
                        format!("each entry of `{key}` must be text; put it between double quotes"),
                    )
                    .label(format!("this is {}", item.kind())),
                ),
            }
        }
        strings
    }

    /// A word out of a closed list, as the value beside it.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Located<T>> {
        let text = self.string(key)?;
        let index = self.index_of(key, &text, &|index| words.get(index).map(|(word, _)| *word))?;
        Some(Located { value: words[index].1, span: text.span })
    }

    /// A list of words out of a closed list, as the values beside them; one word counts as a list of one.
    pub fn each_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Vec<Located<T>> {
        let mut values = Vec::new();
        for text in self.strings(key) {
            if let Some(index) = self.index_of(key, &text, &|index| words.get(index).map(|(word, _)| *word)) {
                values.push(Located { value: words[index].1, span: text.span });
            }
        }
        values
    }

    /// The place of a word in a closed list; reports one that is not in it. There are dozens of such lists, so what they
    /// have in common is compiled once.
    fn index_of<'w>(
        &mut self,
        key: &str,
        text: &Located<String>,
        word: &dyn Fn(usize) -> Option<&'w str>,
    ) -> Option<usize> {
        let known: Vec<&str> = (0..).map_while(word).collect();
        let index = known.iter().position(|word| *word == text.value);
        if index.is_none() {
            let mut diagnostic =
                Diagnostic::error(self.path, text.span.clone(), format!("`{}` is not a known `{key}`", text.value));
            if let Some(near) = near_match(&text.value, known.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.diagnostics.push(diagnostic.help(format!("known are {}", in_backticks(&known))));
        }
        index
    }

    /// Text that `read` turns into something else, or into the reason why not.
    pub fn parsed<T>(&mut self, key: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<Located<T>> {
        let text = self.string(key)?;
        match read(&text.value) {
            Ok(value) => Some(Located { value, span: text.span }),
            Err(fact) => {
                self.unreadable(key, text.span, &fact);
                None
            }
        }
    }

    fn unreadable(&mut self, key: &str, span: Range<usize>, fact: &str) {
        self.diagnostics.push(Diagnostic::error(self.path, span, format!("`{key}`: {fact}")));
    }

    /// A mapping under `key`.
    pub fn mapping(&mut self, key: &'static str, what: &'static str) -> Option<Fields<'a, '_>> {
        let node = self.node(key)?;
        Fields::new(self.path, what, node, self.diagnostics)
    }

    /// Reports that `key` is missing if it is, and hands the value through.
    pub fn required<T>(&mut self, key: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.missing(key);
        }
        value
    }

    fn missing(&mut self, key: &str) {
        if !self.entries.iter().any(|entry| entry.key == key) {
            let span = self.span();
            self.diagnostics.push(
                Diagnostic::error(self.path, span, format!("{} has no `{key}`", self.what))
                    .help(format!("add a line `{key}: …`")),
            );
        }
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        for entry in self.entries {
            if self.asked.contains(&entry.key.as_str()) {
                continue;
            }
            let mut diagnostic = Diagnostic::error(
                self.path,
                entry.key_span.clone(),
                format!("{} has no key `{}`", self.what, entry.key),
            )
            .label("unknown key");
            if let Some(near) = near_match(&entry.key, self.asked.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            } else {
                diagnostic = diagnostic.help(format!("known keys are {}", in_backticks(&self.asked)));
            }
            self.diagnostics.push(diagnostic);
        }
    }
}

/// `a`, `b` and `c`, for messages.
#[must_use]
pub fn in_backticks(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<serde_json::Value, Vec<String>> {
        let mut diagnostics = Diagnostics::new();
        let node = parse(&"a.yaml".into(), text, 0..text.len(), &mut diagnostics);
        let said: Vec<String> = diagnostics.into_sorted().into_iter().map(|found| found.message).collect();
        node.map(|node| node.to_json()).ok_or(said)
    }

    /// The country Norway, a time of day and a version stay what they are.
    #[test]
    fn nothing_is_guessed() {
        let read = read("[NO, yes, 12:30, 0123, 1_000, 2018-09-26, true, 7, 0x1F, 1.5, ~, '']").unwrap();
        let expected =
            serde_json::json!(["NO", "yes", "12:30", "0123", "1_000", "2018-09-26", true, 7, 31, 1.5, null, ""]);
        assert_eq!(read, expected);
    }

    #[test]
    fn places_are_those_of_the_file() {
        let file = "é---\nkey: [one, \"zwei\"]\n";
        let node = parse(&"a.md".into(), file, 6..file.len(), &mut Diagnostics::new()).unwrap();
        let Value::Mapping(entries) = &node.value else { panic!("a mapping") };
        assert_eq!(&file[entries[0].key_span.clone()], "key");
        let Value::Sequence(items) = &entries[0].node.value else { panic!("a list") };
        assert_eq!(&file[items[0].span.clone()], "one");
        assert_eq!(&file[items[1].span.clone()], "\"zwei\"");
    }

    #[test]
    fn bombs_are_refused() {
        let mut aliases = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            aliases.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(&aliases).is_err());
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("{}x{}", "[".repeat(2_000), "]".repeat(2_000))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_places_are_in_the_file(text in "[-:a#\\[\\]{}&*!|>'\"%@`,? \\n\\té]{0,60}") {
            fn check(node: &Node, text: &str) {
                assert!(text.get(node.span.clone()).is_some(), "{:?} in {text:?}", node.span);
                match &node.value {
                    Value::Sequence(items) => items.iter().for_each(|item| check(item, text)),
                    Value::Mapping(entries) => entries.iter().for_each(|entry| check(&entry.node, text)),
                    _ => {}
                }
            }
            let mut diagnostics = Diagnostics::new();
            if let Some(node) = parse(&"a.yaml".into(), &text, 0..text.len(), &mut diagnostics) {
                check(&node, &text);
            }
            for found in diagnostics.into_sorted() {
                let place = found.place.expect("a mistake in YAML has a place");
                assert!(text.get(Range::from(place.span)).is_some(), "{:?} in {text:?}", place.span);
            }
        }
    }
}
