//! `registrations stats`: counts over time, as a chart for the terminal, as JSON, or as a page without personal data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use form_handler::records::{Counts, Role, Unit};
use serde_json::json;

use crate::office::DeskArguments;
use crate::{Answer, Failure, pretty};

/// So wide is the longest bar in a terminal.
const BAR: u64 = 50;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: DeskArguments,
    /// For how long a bar stands
    #[arg(long, value_enum, default_value_t = By::Month)]
    by: By,
    /// Write a page (`.html`) or a picture (`.svg`) instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Month,
    Year,
}

#[expect(clippy::disallowed_methods, reason = "the program writes the report its user names")]
pub(crate) async fn run(arguments: Arguments) -> Result<Answer, Failure> {
    let Arguments { desk, by, out } = arguments;
    let office = desk.open().await?;
    let at = office.desk();
    let allowed = at.must_be(Role::Reader, "count registrations");
    at.settle("stats", "all", allowed).await?;
    let unit = match by {
        By::Day => Unit::Day,
        By::Month => Unit::Month,
        By::Year => Unit::Year,
    };
    let (mut counts, mut after) = (Counts::new(unit), None);
    loop {
        let page = office.records().records(after, 1000).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        page.iter().for_each(|record| counts.add(record));
    }
    if let Some(path) = out {
        let report = report(&counts, &path).ok_or("name a file that ends in `.html` or `.svg`")?;
        std::fs::write(&path, report).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        return Ok(format!("the report is in {}\n", path.display()).into());
    }
    let Counts { over_time, by_form, by_version, suspected, restricted, .. } = &counts;
    if desk.json {
        return Ok(pretty(&json!({"over_time": over_time, "by_form": by_form, "by_version": by_version,
            "suspected_spam": suspected, "restricted": restricted}))
        .into());
    }
    let mut text = String::new();
    for (heading, counts) in [("Over time", over_time), ("By form", by_form), ("By statement", by_version)] {
        text.push_str(&format!("{heading}\n{}\n", chart(counts)));
    }
    text.push_str(&format!("Beside these, {suspected} held as suspected spam and {restricted} that only legal sees\n"));
    Ok(text.into())
}

/// Bars of block elements (Unicode Standard, section 22.7), in eighths of a letter.
fn chart(counts: &BTreeMap<String, u64>) -> String {
    let (most, width) =
        (counts.values().max().copied().unwrap_or(0), counts.keys().map(String::len).max().unwrap_or(0));
    let line = |(name, count): (&String, &u64)| {
        let eighths = (count * BAR * 8).div_ceil(most.max(1));
        let whole = usize::try_from(eighths / 8).unwrap_or(0);
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][usize::try_from(eighths % 8).unwrap_or(0)];
        format!("  {name:width$}  {}{rest} {count}\n", "█".repeat(whole))
    };
    counts.iter().map(line).collect()
}

/// The report as its file's name asks for it; none for another.
fn report(counts: &Counts, path: &Path) -> Option<String> {
    match path.extension()?.to_str()? {
        "svg" => Some(picture(&counts.over_time)),
        "html" => Some(page(counts)),
        _ => None,
    }
}

/// A chart of columns as SVG, which says in words what it shows.
fn picture(counts: &BTreeMap<String, u64>) -> String {
    let most = counts.values().max().copied().unwrap_or(0).max(1);
    let columns = counts.iter().enumerate().map(|(number, (name, count))| {
        let (x, height) = (number * 40, count * 200 / most);
        let (name, y) = (escape(name), 220 - height);
        format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"30\" height=\"{height}\"><title>{name}: {count}</title></rect>\
             <text x=\"{center}\" y=\"{above}\">{count}</text><text x=\"{center}\" y=\"236\">{name}</text>\n",
            center = x + 15,
            above = y - 4,
        )
    });
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} 240\" role=\"img\" aria-label=\"Registrations over \
         time\" font-family=\"sans-serif\" font-size=\"8\" text-anchor=\"middle\" fill=\"#1a5276\">\n{columns}</svg>\n",
        width = counts.len().max(1) * 40,
        columns = columns.collect::<String>(),
    )
}

fn page(counts: &Counts) -> String {
    let table = |heading: &str, counts: &BTreeMap<String, u64>| {
        let rows = counts
            .iter()
            .map(|(name, count)| format!("<tr><th scope=\"row\">{}</th><td>{count}</td></tr>\n", escape(name)));
        format!("<h2>{heading}</h2>\n<table>\n{}</table>\n", rows.collect::<String>())
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Registrations</title>\n<h1>Registrations</h1>\n{}{}{}{}\
         <p>Beside these, {} are held as suspected spam, and {} only legal sees.</p>\n</html>\n",
        picture(&counts.over_time),
        table("Over time", &counts.over_time),
        table("By form", &counts.by_form),
        table("By statement", &counts.by_version),
        counts.suspected,
        counts.restricted,
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
