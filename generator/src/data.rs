//! Data files: `content/data/NAME.{yaml,json,csv,toml}` as the value templates know as `data.NAME`.
//!
//! It knows formats, not what the data means.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::yaml;

use crate::source_tree::SourceTree;

/// A file under `content/` that is data and not published, if it is one: its name and its format.
#[must_use]
pub fn name_and_format(content_path: &str) -> Option<(&str, &str)> {
    let (name, format) = content_path.strip_prefix("data/")?.rsplit_once('.')?;
    ["yaml", "json", "csv", "toml"].contains(&format).then_some((name, format))
}

/// Reads all data files, by name; reports what is wrong in them, and has none in the place of what cannot be used.
pub fn parse(tree: &SourceTree, diagnostics: &mut Diagnostics) -> BTreeMap<String, Option<Value>> {
    let mut data = BTreeMap::new();
    let mut paths: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
    for file in tree.files() {
        let in_content = file.path.strip_prefix("content/");
        let Some((name, format)) = in_content.and_then(name_and_format) else { continue };
        let Some(text) = file.text() else { continue };
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if !name.chars().all(is_word) || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            diagnostics.push(
                Diagnostic::error(&file.path, 0..0, format!("`{name}` is not a name templates could write"))
                    .help("put the file into `content/data/` itself, named with letters, digits and `_` only"),
            );
            continue;
        }
        if let Some(other) = paths.insert(name, &file.path) {
            diagnostics.push(
                Diagnostic::error(&file.path, 0..0, format!("two data files have the name `{name}`"))
                    .note(format!("`{other}` has it too"))
                    .help("rename one of them"),
            );
            continue;
        }
        let value = match format {
            "yaml" => yaml::parse(&file.path, text, 0..text.len(), diagnostics).map(|node| node.to_json()),
            "json" => report(&file.path, parse_json(text), "JSON", diagnostics),
            "csv" => report(&file.path, parse_csv(text), "CSV", diagnostics),
            _ => report(&file.path, parse_toml(text), "TOML", diagnostics),
        };
        data.insert(name.to_owned(), value);
    }
    data
}

/// What is wrong, and where.
type Fault = (Range<usize>, String);

fn report(path: &Arc<str>, parsed: Result<Value, Fault>, format: &str, diagnostics: &mut Diagnostics) -> Option<Value> {
    parsed
        .map_err(|(span, fact)| {
            let fact = fact.lines().next().unwrap_or_default().to_owned();
            diagnostics.push(Diagnostic::error(path, span, format!("not valid {format}: {fact}")));
        })
        .ok()
}

fn parse_json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = text.floor_char_boundary((line_start + error.column().saturating_sub(1)).min(text.len()));
        let length = text[at..].chars().next().map_or(0, char::len_utf8);
        let fact = error.to_string();
        (at..at + length, fact.split(" at line ").next().unwrap_or_default().to_owned())
    })
}

fn parse_toml(text: &str) -> Result<Value, Fault> {
    fn to_json(value: toml::Value) -> Value {
        match value {
            toml::Value::String(value) => value.into(),
            toml::Value::Integer(value) => value.into(),
            toml::Value::Float(value) => value.into(),
            toml::Value::Boolean(value) => value.into(),
            toml::Value::Datetime(value) => value.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(to_json).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, to_json(value))).collect(),
        }
    }
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(to_json(toml::Value::Table(table))),
        Err(error) => Err((error.span().unwrap_or(0..0), error.message().to_owned())),
    }
}

/// A list of rows, each a mapping from the words of the first line; every value is text.
fn parse_csv(text: &str) -> Result<Value, Fault> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let line_at = |position: Option<&csv::Position>| {
        let at = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0).min(text.len());
        // A record begins at the end of the line before it.
        let rest = text[text.floor_char_boundary(at)..].trim_start_matches(['\n', '\r']);
        let at = text.len() - rest.len();
        at..at + rest.find(['\n', '\r']).unwrap_or(rest.len())
    };
    let fault = |error: csv::Error| {
        let fact = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("this line has {len} values, the first has {expected_len}")
            }
            _ => error.to_string(),
        };
        (line_at(error.position()), fact)
    };
    let columns = reader.headers().map_err(fault)?.clone();
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|other| other == column) {
            return Err((line_at(columns.position()), format!("two columns have the name `{column}`")));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        let row: Map<String, Value> =
            columns.iter().zip(&record).map(|(column, value)| (column.to_owned(), value.into())).collect();
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows))
}
