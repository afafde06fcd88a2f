//! What the function tells in numbers, in the two forms that those who watch it read.
//!
//! It counts; it knows no form, no visitor and no answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::store::Numbers;

/// The namespace of the metrics at CloudWatch.
const NAMESPACE: &str = "Candor";

/// What is in the store, each with its name and what it is.
fn gauges(numbers: &Numbers) -> [(&'static str, &'static str, u64); 5] {
    [
        ("registrations", "Registrations in the store.", numbers.registrations),
        ("registrations_held", "Registrations held as suspected spam.", numbers.held),
        ("mails_pending", "Mails to be sent for the first time.", numbers.outbox.pending),
        ("mails_failing", "Mails that failed and are tried again.", numbers.outbox.failing),
        ("mails_resting", "Mails that were given up until staff say otherwise.", numbers.outbox.resting),
    ]
}

/// Answers by status, and what is in the store: Prometheus' text format, version 0.0.4.
#[must_use]
pub fn prometheus(answers: &BTreeMap<u16, u64>, numbers: Option<&Numbers>) -> String {
    let mut text = String::from(
        "# HELP candor_answers_total Answers to submissions, by status.\n# TYPE candor_answers_total counter\n",
    );
    for (status, count) in answers {
        writeln!(text, "candor_answers_total{{status=\"{status}\"}} {count}").expect("invariant: a string takes text");
    }
    for (name, help, value) in numbers.map(gauges).into_iter().flatten() {
        writeln!(text, "# HELP candor_{name} {help}\n# TYPE candor_{name} gauge\ncandor_{name} {value}")
            .expect("invariant: a string takes text");
    }
    text
}

/// One answer, as a line of CloudWatch's embedded metric format: a count of answers by status, and of those that told a
/// visitor to try again later.
#[must_use]
pub fn embedded_answer(function: &str, status: u16, now: Timestamp) -> Value {
    let values = [("answers", 1), ("unavailable", u64::from(status >= 500))];
    embedded(function, &values, &[("status", json!(status))], now)
}

/// What is in the store, as a line of CloudWatch's embedded metric format.
#[must_use]
pub fn embedded_numbers(function: &str, numbers: &Numbers, now: Timestamp) -> Value {
    let values = gauges(numbers).map(|(name, _, value)| (name, value));
    embedded(function, &values, &[], now)
}

/// The format's specification, version 0: `_aws` says which members are metrics; the others are properties of the line.
fn embedded(function: &str, values: &[(&str, u64)], properties: &[(&str, Value)], now: Timestamp) -> Value {
    let metrics: Vec<Value> = values.iter().map(|(name, _)| json!({"Name": name, "Unit": "Count"})).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": metrics}],
        }),
    );
    line.insert("function".to_owned(), json!(function));
    line.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    line.extend(values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Outbox;

    fn numbers() -> Numbers {
        Numbers { registrations: 7, lately: 2, held: 1, outbox: Outbox { pending: 0, failing: 3, resting: 4 } }
    }

    #[test]
    fn an_embedded_line_names_every_metric_it_has() {
        let line = embedded_numbers("register", &numbers(), Timestamp::UNIX_EPOCH);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), 5);
        for metric in metrics {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        assert_eq!(line["mails_resting"], 4);
        assert_eq!(embedded_answer("register", 503, Timestamp::UNIX_EPOCH)["unavailable"], 1);
        assert_eq!(embedded_answer("register", 303, Timestamp::UNIX_EPOCH)["unavailable"], 0);
    }

    #[test]
    fn numbers_are_told_in_the_text_format() {
        let text = prometheus(&BTreeMap::from([(303, 2)]), Some(&numbers()));
        assert!(text.contains("candor_answers_total{status=\"303\"} 2\n"), "{text}");
        assert!(text.ends_with("# TYPE candor_mails_resting gauge\ncandor_mails_resting 4\n"), "{text}");
    }
}
