//! Which facts changed, by name. It does not know what a fact means.

use std::collections::HashSet;

use serde_json::Value;

use super::FactChange;

/// What changed between the facts of two versions. Entries of lists are told apart by their name, so that a new
/// entry is no change of those behind it.
#[must_use]
pub fn facts(old: &Value, new: &Value) -> Vec<FactChange> {
    let mut changes = Vec::new();
    compare_facts("", Some(old), Some(new), &mut changes);
    changes
}

fn compare_facts(fact: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<FactChange>) {
    if old == new {
        return;
    }
    let parts = |value: Option<&Value>| value.map(named_parts).unwrap_or_default();
    match (parts(old), parts(new)) {
        (Some(old), Some(new)) => {
            let mut names: Vec<&str> = old.iter().map(|(name, _)| name.as_str()).collect();
            names.extend(
                new.iter().map(|(name, _)| name.as_str()).filter(|name| !old.iter().any(|(old, _)| old == name)),
            );
            for name in names {
                let find = |parts: &[(String, Value)]| {
                    parts.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
                };
                let fact = if fact.is_empty() { name.to_owned() } else { format!("{fact}.{name}") };
                compare_facts(&fact, find(&old).as_ref(), find(&new).as_ref(), changes);
            }
        }
        _ => changes.push(FactChange { fact: fact.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

/// The entries of a mapping, or of a list whose entries have names of their own.
fn named_parts(value: &Value) -> Option<Vec<(String, Value)>> {
    match value {
        Value::Object(entries) => Some(entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        Value::Array(items) => {
            let name = |item: &Value| {
                ["key", "id", "use", "role", "name"].iter().find_map(|key| item.get(key)?.as_str().map(str::to_owned))
            };
            let named: Option<Vec<_>> = items.iter().map(|item| Some((name(item)?, item.clone()))).collect();
            let mut seen = HashSet::new();
            named.filter(|named| named.iter().all(|(name, _)| seen.insert(name.clone())))
        }
        _ => None,
    }
}
