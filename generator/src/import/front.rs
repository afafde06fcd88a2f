//! Front matter and settings in YAML, TOML or JSON, as the one kind of value the importers read.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use statement::diagnostic::Diagnostics;
use statement::yaml::{self, Entry, Node, Value};
use toml::de::{DeTable, DeValue};

use super::{Front, Import, line_of};

/// A file in its two parts.
pub(super) struct Parts {
    /// The keys, with their places in the file.
    pub(super) entries: Vec<Entry>,
    /// Where the text stands.
    pub(super) body: Range<usize>,
}

/// How front matter or settings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Toml,
    Json,
}

impl Format {
    /// By a file's name.
    pub(super) fn of(path: &str) -> Self {
        match path.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
            "toml" => Self::Toml,
            "json" => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Splits a page; a file without front matter is all text. Lists front matter that cannot be read.
pub(super) fn split(import: &mut Import, path: &str, file: &str) -> Parts {
    let start = if file.starts_with('\u{feff}') { 3 } else { 0 };
    let rest = &file[start..];
    let fenced = [("---", Format::Yaml), ("+++", Format::Toml)]
        .into_iter()
        .find(|(fence, _)| rest.lines().next().is_some_and(|line| line.trim_end() == *fence));
    let (format, source, body) = if let Some((fence, format)) = fenced {
        let mut at = start;
        let mut lines = rest.split_inclusive('\n').map(|line| {
            let range = at..at + line.len();
            at = range.end;
            range
        });
        let open = lines.next().unwrap_or(start..start);
        match lines.find(|range| file[range.clone()].trim_end() == fence) {
            Some(close) => (format, open.end..close.start, close.end..file.len()),
            None => {
                import.list(path, 1, "the front matter is not closed; the file was taken as text");
                return Parts { entries: Vec::new(), body: start..file.len() };
            }
        }
    } else if rest.starts_with('{') && !rest.starts_with("{{") && !rest.starts_with("{%") {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        match values.next() {
            Some(Ok(serde_json::Value::Object(_))) => {
                let end = start + values.byte_offset();
                (Format::Json, start..end, end..file.len())
            }
            _ => return Parts { entries: Vec::new(), body: start..file.len() },
        }
    } else {
        return Parts { entries: Vec::new(), body: start..file.len() };
    };
    Parts { entries: parse(import, path, file, source, format), body }
}

/// Reads the keys in a part of a file; lists what cannot be read.
pub(super) fn parse(import: &mut Import, path: &str, file: &str, part: Range<usize>, format: Format) -> Vec<Entry> {
    let source = &file[part.clone()];
    let root = match format {
        Format::Yaml => {
            let mut diagnostics = Diagnostics::new();
            let root = yaml::parse(&path.into(), file, part, &mut diagnostics);
            for found in diagnostics.into_sorted() {
                let line = found.place.map_or(1, |place| line_of(file, place.span.start));
                import.list(path, line, format!("{}; its keys were left out", found.message));
            }
            root
        }
        Format::Toml => match DeTable::parse(source) {
            Ok(table) => Some(from_toml(table.get_ref(), part.start)),
            Err(error) => {
                let line = line_of(file, part.start + error.span().map_or(0, |span| span.start));
                let fact = error.message().lines().next().unwrap_or_default().to_owned();
                import.list(path, line, format!("not valid TOML: {fact}; its keys were left out"));
                None
            }
        },
        Format::Json => match serde_json::from_str(source) {
            Ok(value) => Some(from_json(&value, file, part)),
            Err(error) => {
                let line = line_of(file, part.start) + error.line().saturating_sub(1);
                import.list(path, line, "not valid JSON; its keys were left out");
                None
            }
        },
    };
    match root {
        Some(Node { value: Value::Mapping(entries), .. }) => entries,
        _ => Vec::new(),
    }
}

fn from_toml(table: &DeTable<'_>, base: usize) -> Node {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: base + key.span().start..base + key.span().end,
            node: toml_value(value.get_ref(), base + value.span().start..base + value.span().end, base),
        })
        .collect();
    // The parser sorts keys by their letters; an author's order is that of the file.
    entries.sort_by_key(|entry| entry.key_span.start);
    Node { value: Value::Mapping(entries), span: base..base }
}

fn toml_value(value: &DeValue<'_>, span: Range<usize>, base: usize) -> Node {
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_or_else(|_| Value::String(number.to_string()), Value::Integer),
        DeValue::Float(number) => {
            number.as_str().replace('_', "").parse().map_or_else(|_| Value::String(number.to_string()), Value::Float)
        }
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => Value::Sequence(
            items
                .iter()
                .map(|item| toml_value(item.get_ref(), base + item.span().start..base + item.span().end, base))
                .collect(),
        ),
        DeValue::Table(table) => from_toml(table, base).value,
    };
    Node { value, span }
}

fn from_json(value: &serde_json::Value, file: &str, part: Range<usize>) -> Node {
    use serde_json::Value as Json;
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Integer(number),
            (None, Some(number)) => Value::Float(number),
            (None, None) => Value::String(number.to_string()),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Sequence(items.iter().map(|item| from_json(item, file, part.clone())).collect()),
        Json::Object(entries) => {
            let mut entries: Vec<Entry> = entries
                .iter()
                .map(|(key, value)| {
                    // The parser tells no places; a key is looked for by its name.
                    let at = file[part.clone()].find(&format!("\"{key}\"")).map_or(part.start, |at| part.start + at);
                    Entry { key: key.clone(), key_span: at..at, node: from_json(value, file, part.clone()) }
                })
                .collect();
            entries.sort_by_key(|entry| entry.key_span.start);
            Value::Mapping(entries)
        }
    };
    Node { value, span: part.start..part.start }
}

/// The value under a key.
pub(super) fn get<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)).map(|entry| &entry.node)
}

/// The text under a key, if it is text and not empty.
pub(super) fn text(entries: &[Entry], key: &str) -> Option<String> {
    get(entries, key).and_then(as_text).filter(|text| !text.is_empty())
}

/// The mapping under a key.
pub(super) fn mapping<'a>(entries: &'a [Entry], key: &str) -> &'a [Entry] {
    match get(entries, key) {
        Some(Node { value: Value::Mapping(entries), .. }) => entries,
        _ => &[],
    }
}

/// Text, or a number or truth as text.
pub(super) fn as_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A list of texts; one text is a list of one.
pub(super) fn texts(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Sequence(items) => items.iter().filter_map(as_text).filter(|text| !text.is_empty()).collect(),
        _ => as_text(node).filter(|text| !text.is_empty()).into_iter().collect(),
    }
}

/// The day of a date, with or without a time.
pub(super) fn day(text: &str) -> Option<String> {
    let day = text.trim().get(..10)?;
    day.parse::<jiff::civil::Date>().ok().map(|day| day.to_string())
}

/// A day, or a moment where a time is given; midnight is what many programs write for a day.
pub(super) fn moment(text: &str) -> Option<String> {
    let day = day(text)?;
    let time = text.trim()[10..].trim_start_matches(['T', 't', ' ']).replace(' ', "").replace("UTC", "Z");
    if time.is_empty() || time.starts_with("00:00:00") || time == "00:00" {
        return Some(day);
    }
    let with_time = format!("{day}T{time}");
    // What cannot be read as a moment is still a day.
    let is_moment = with_time.parse::<Timestamp>().is_ok() || with_time.parse::<DateTime>().is_ok();
    Some(if is_moment { with_time } else { day })
}

impl Front {
    /// Reads a key that means the same everywhere; whether it was one.
    pub(super) fn read_common(&mut self, entry: &Entry, path: &str, file: &str, import: &mut Import) -> bool {
        let (node, line) = (&entry.node, line_of(file, entry.key_span.start));
        let date = |import: &mut Import| {
            let text = as_text(node).unwrap_or_default();
            let moment = moment(&text);
            if moment.is_none() && !text.is_empty() {
                import.list(path, line, format!("`{text}` is not a date like `2018-09-26`; it was left out"));
            }
            moment
        };
        match entry.key.to_ascii_lowercase().as_str() {
            "title" => self.title = as_text(node).filter(|text| !text.is_empty()),
            "description" => self.description = as_text(node).filter(|text| !text.is_empty()),
            "date" => self.date = date(import).or(self.date.take()),
            "draft" => self.draft = node.value == Value::Boolean(true),
            "weight" => match node.value {
                Value::Integer(weight) => self.weight = Some(weight),
                _ => self.keep(&entry.key, node),
            },
            "tags" => self.tags.extend(texts(node)),
            "slug" => {
                let slug = as_text(node).unwrap_or_default();
                let fit: String = slug
                    .chars()
                    .map(|letter| if letter.is_alphanumeric() || "-_.~".contains(letter) { letter } else { '-' })
                    .collect();
                let fit = fit.trim_matches(['-', '.']).to_owned();
                if fit != slug {
                    import.list(path, line, format!("the slug `{slug}` became `{fit}`"));
                }
                self.slug = Some(fit).filter(|slug| !slug.is_empty());
            }
            "aliases" => {
                for alias in texts(node) {
                    if !self.alias(&alias) {
                        import.list(path, line, format!("the alias `{alias}` is not an address from the root"));
                    }
                }
            }
            "expirydate" => self.expires = date(import),
            "updated" | "lastmod" | "last_modified_at" => self.updated = date(import).or(self.updated.take()),
            "extra" | "params" => match &node.value {
                Value::Mapping(entries) => entries.iter().for_each(|entry| self.keep(&entry.key, &entry.node)),
                _ => self.keep(&entry.key, node),
            },
            _ => return false,
        }
        true
    }
}
