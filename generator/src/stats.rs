//! What is big and what is slow in a site: counted from its files and from what a build told while it ran.
//!
//! It measures nothing itself: sizes and times are given.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use statement::diagnostic::Diagnostics;
use statement::front_matter;

use crate::observe::Stage;
use crate::source_tree::SourceTree;

/// How many of the largest are listed.
const LARGEST: usize = 10;

/// What a build told.
#[derive(Debug, Default)]
pub struct Record {
    /// How long each stage took, in order.
    pub stages: Vec<(Stage, Duration)>,
    /// Every file that was written, with its bytes.
    pub written: Vec<(String, usize)>,
}

/// Figures about a site and a build of it.
#[derive(Debug, PartialEq)]
pub struct Stats {
    pages: usize,
    words: usize,
    /// Files and bytes, by what the files are.
    kinds: BTreeMap<&'static str, (usize, usize)>,
    largest_outputs: Vec<(String, usize)>,
    largest_sources: Vec<(String, usize)>,
    stages: Vec<(Stage, Duration)>,
}

impl Stats {
    /// Counts.
    #[must_use]
    pub fn count(tree: &SourceTree, record: Record, pages: usize) -> Self {
        let sources =
            tree.files().iter().filter(|file| file.path.starts_with("content/") && file.path.ends_with(".md"));
        let sources: Vec<(&str, &str)> = sources.filter_map(|file| Some((&*file.path, file.text()?))).collect();
        let words = sources.iter().map(|(path, text)| words_in(path, text)).sum();
        let mut kinds = BTreeMap::new();
        for (path, bytes) in &record.written {
            let (files, sum) = kinds.entry(kind(path)).or_insert((0, 0));
            *files += 1;
            *sum += bytes;
        }
        Self {
            pages,
            words,
            kinds,
            largest_outputs: largest(record.written),
            largest_sources: largest(sources.iter().map(|(path, text)| ((*path).to_owned(), text.len())).collect()),
            stages: record.stages,
        }
    }

    /// The figures for a program; times in milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |files: &[(String, usize)]| -> Value {
            files.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect()
        };
        let stage = |(stage, time): &(Stage, Duration)| json!({ "stage": stage.label(), "milliseconds": time.as_secs_f64() * 1e3 });
        let kind =
            |(kind, (files, bytes)): (&&str, &(usize, usize))| json!({ "kind": kind, "files": files, "bytes": bytes });
        json!({
            "pages": self.pages,
            "words": self.words,
            "output": self.kinds.iter().map(kind).collect::<Vec<_>>(),
            "largest_outputs": list(&self.largest_outputs),
            "largest_sources": list(&self.largest_sources),
            "stages": self.stages.iter().map(stage).collect::<Vec<_>>(),
        })
    }

    /// The figures for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut section = |title: &str, rows: Vec<(String, String, String)>| {
            let separator = if text.is_empty() { "" } else { "\n" };
            writeln!(text, "{separator}{title}").expect(WRITABLE);
            let width = rows.iter().map(|(_, figure, _)| figure.chars().count()).max().unwrap_or_default();
            for (what, figure, share) in rows {
                writeln!(text, "{}", format!("  {figure:>width$}  {share}{what}").trim_end()).expect(WRITABLE);
            }
        };
        let row = |what: &str, figure: String| (what.to_owned(), figure, String::new());
        section("content", vec![row("pages", grouped(self.pages)), row("words", grouped(self.words))]);
        let kinds = self.kinds.iter().map(|(kind, (files, bytes))| row(&format!("{kind} ({files})"), size(*bytes)));
        let total = self.kinds.values().fold((0, 0), |sum, (files, bytes)| (sum.0 + files, sum.1 + bytes));
        section("output", kinds.chain([row(&format!("together ({})", total.0), size(total.1))]).collect());
        let list =
            |files: &[(String, usize)]| files.iter().map(|(path, bytes)| row(path, size(*bytes))).collect::<Vec<_>>();
        section("largest output files", list(&self.largest_outputs));
        section("largest source pages", list(&self.largest_sources));
        let sum: Duration = self.stages.iter().map(|(_, time)| *time).sum();
        let stages = self.stages.iter().map(|(stage, time)| {
            let share = time.as_secs_f64() / sum.as_secs_f64().max(f64::MIN_POSITIVE) * 100.0;
            (stage.label().to_owned(), milliseconds(*time), format!("{share:>3.0} %  "))
        });
        section("time", stages.chain([("together".to_owned(), milliseconds(sum), "100 %  ".to_owned())]).collect());
        text
    }
}

const WRITABLE: &str = "invariant: a string can be written to";

/// Words of the text, without front matter.
fn words_in(path: &str, file: &str) -> usize {
    // What is wrong with a file was said by the build.
    let parts = front_matter::split(&path.into(), file, &mut Diagnostics::new());
    let text = parts.map_or(file, |parts| &file[parts.text]);
    // A mark of markdown alone is no word.
    text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// What a published file is.
fn kind(site_path: &str) -> &'static str {
    let name = site_path.rsplit('/').next().unwrap_or_default();
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix).to_ascii_lowercase();
    match suffix.as_str() {
        "" if name.is_empty() => "pages",
        "html" => "pages",
        "xml" => "feeds and sitemaps",
        "json" if name.contains("feed") => "feeds and sitemaps",
        "css" | "js" | "mjs" => "styles and scripts",
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" | "ico" => "pictures",
        "woff" | "woff2" | "ttf" | "otf" => "fonts",
        "gz" | "br" | "zst" => "compressed copies",
        _ => "other files",
    }
}

fn largest(mut files: Vec<(String, usize)>) -> Vec<(String, usize)> {
    files.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    files.truncate(LARGEST);
    files
}

/// `12 345`, with narrow spaces (ISO 80000-1, section 7.3.1).
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

fn size(bytes: usize) -> String {
    if bytes < 1000 { format!("{bytes} B") } else { format!("{} kB", grouped(bytes.div_ceil(1000))) }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_big_and_slow() {
        let tree = SourceTree::from_archive(
            "-- content/a.md --\n---\ntitle: A long title\n---\nTwo words.\n\n- and *three* more\n-- content/b.txt --\nno\n",
        );
        let written = [("/", 700), ("/a/", 1_234_567), ("/site.css", 20), ("/sitemap.xml", 300), ("/x", 1)];
        let record = Record {
            stages: vec![(Stage::Read, Duration::from_millis(1)), (Stage::Render, Duration::from_millis(3))],
            written: written.iter().map(|(path, bytes)| ((*path).to_owned(), *bytes)).collect(),
        };
        let stats = Stats::count(&tree, record, 2);
        assert_eq!(
            stats.table().replace('\u{202f}', "'"),
            "content\n  2  pages\n  5  words\n\n\
             output\n     300 B  feeds and sitemaps (1)\n       1 B  other files (1)\n  1'236 kB  pages (2)\n      \
             20 B  styles and scripts (1)\n  1'236 kB  together (5)\n\n\
             largest output files\n  1'235 kB  /a/\n     700 B  /\n     300 B  /sitemap.xml\n      20 B  /site.css\n       \
             1 B  /x\n\n\
             largest source pages\n  59 B  content/a.md\n\n\
             time\n  1.0 ms   25 %  read\n  3.0 ms   75 %  render and write\n  4.0 ms  100 %  together\n"
        );
        assert_eq!(stats.to_json()["output"][2], json!({"kind": "pages", "files": 2, "bytes": 1_235_267}));
        assert_eq!(stats.to_json()["stages"][1], json!({"stage": "render and write", "milliseconds": 3.0}));
    }
}
