//! Builds sites from texts nobody would write, for as long as it is told, and reports panics and time that grows faster
//! than the text: `cargo run -p generator --example fuzz -- markdown 600`.
//!
//! Texts are bred from the repository's own: cut, joined, repeated, and salted with the signs the target reads. The same
//! seed breeds the same texts. It does not look for what is wrong with a site, only for what no text may do.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program for a terminal that reads its seeds")]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs};

use generator::build::build;
use generator::output::Memory;
use generator::report;
use statement::diagnostic::Diagnostics;

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/site_archive/mod.rs"]
mod site_archive;

/// Where a text is put, which files it is bred from, and with what it is salted.
struct Target {
    name: &'static str,
    around: (&'static str, &'static str),
    seeds: fn(&str) -> bool,
    salt: &'static [&'static str],
}

const SETTINGS: &str = "-- content/site.yaml --\n\
    {title: A, base_url: \"https://example.org\", language: en, timezone: UTC, theme: plain, \
    markdown: {math: true, smart_punctuation: true}}\n\
    -- themes/plain/templates/shortcodes/n.html --\n\
    {% component n(a: string = \"\") %}{{ a }}{% endcomponent n %}\n\
    -- themes/plain/templates/shortcodes/b.html --\n\
    {% component b() %}<i>{{ body }}</i>{% endcomponent b %}\n";

const MARKDOWN: &[&str] = &[
    "# ",
    "> ",
    "- ",
    "1. ",
    "```",
    "~~~",
    "`",
    "*",
    "**",
    "_",
    "~~",
    "[",
    "](",
    ")",
    "![",
    "|",
    "|-|-|\n",
    "$",
    "$$",
    "\\",
    "<!--",
    "-->",
    "[^a]",
    "[^a]: ",
    "{#a}",
    "> [!NOTE]\n",
    "\n\n",
    "    ",
    "\t",
    "<b>",
    "&#xFDD2;",
    "é",
    "日",
    "\u{202e}",
    "a\u{301}",
    "\0",
    "\r\n",
    ": ",
    "[a]: b\n",
];

const FACTS: &str = "-- content/privacy/2018-09-26.md --\n---\nschema: privacy-statement/1\ndocument: a\n\
    version: \"2018-09-26\"\ntitle: A\nlanguage: en\neffective: \"2018-09-26\"\ncontact: {email: a@example.org}\n\
    collects: {voluntary: {fields: [{key: name, category: name}]}}\n";

const FACTS_AND_QUOTES: &str = concat!(
    "-- content/privacy/2018-09-26.md --\n---\nschema: privacy-statement/1\ndocument: a\nversion: \"2018-09-26\"\n",
    "title: A\nlanguage: en\neffective: \"2018-09-26\"\ncontact: {email: a@example.org, says: {at: a, text: \"We\"}}\n",
    "collects: {voluntary: {fields: [{key: name, category: name, says: {at: top, text: name}}]}}\n",
    "provenance: {source: imported, verbatim: true}\nstorage: {countries: [US], says: {at: a, text: \"We will\"}}\n",
    "retention: {minimum: P7Y, says: {at: top, text: \"seven (7) years\"}}\n---\n",
);

/// Two versions; what is bred is the text of the second.
const REDLINE: &str = concat!(
    "-- content/privacy/2018-09-26.md --\n---\nschema: privacy-statement/1\ndocument: a\nversion: \"2018-09-26\"\n",
    "title: A\nlanguage: en\neffective: \"2018-09-26\"\ncontact: {email: a@example.org}\n",
    "collects: {voluntary: {fields: [{key: name, category: name}]}}\n---\n",
    "We keep your name for seven (7) years after you gave it to us, and then we delete it.\n\n",
    "## A {#a}\n\nWe use what we know about you:\n\n- to answer you;\n- to improve the site.\n\n",
    "## B {#b}\n\n| who | where |\n|---|---|\n| Alder | US |\n\nWe do not sell it. We will not share it.\n",
    "-- content/privacy/2019-01-01.md --\n---\nschema: privacy-statement/1\ndocument: a\nversion: \"2019-01-01\"\n",
    "title: A\nlanguage: en\neffective: \"2019-01-01\"\ncontact: {email: a@example.org}\n",
    "collects: {voluntary: {fields: [{key: name, category: name}]}}\n---\n",
);

const TARGETS: [Target; 8] = [
    Target {
        name: "front-matter",
        around: ("-- content/a.md --\n---\ntitle: A\n", "\n---\n"),
        seeds: |path| path.ends_with(".md") || path.ends_with(".txt"),
        salt: &[
            "---\n",
            "title: ",
            "date: ",
            "aliases: ",
            "tags: [",
            "]",
            "{",
            "}",
            ": ",
            "- ",
            "\"",
            "'",
            "&a",
            "*a",
            "!x ",
            "|\n",
            ">\n",
            "# ",
            "null",
            "no",
            "2018-09-26",
            "\t",
            "  ",
            "\u{feff}",
            "é",
            "\r\n",
            "%",
            "? ",
            "<<: ",
        ],
    },
    Target {
        name: "markdown",
        around: ("-- content/a.md --\n---\ntitle: A\n---\n", "\n"),
        seeds: |path| path.ends_with(".md") || path.contains("commonmark") || path.contains("markdown"),
        salt: MARKDOWN,
    },
    Target {
        name: "shortcodes",
        around: ("-- content/a.md --\n---\ntitle: A\n---\n", "\n"),
        seeds: |path| path.contains("shortcode"),
        salt: &[
            "{{ n() }}",
            "{{ n(a=\"",
            "\") }}",
            "{% b() %}",
            "{% end %}",
            "{{",
            "}}",
            "{%",
            "%}",
            "(",
            ")",
            "=",
            "\"",
            ",",
            "{{ form(id=\"register\") }}",
            "`",
            "\n\n",
            "> ",
            "- ",
            "|",
            "[",
            "](",
            "<!--",
            "-->",
            "\u{fdd0}",
            "\u{fdd2}0",
            "\u{fdd3}",
            "é",
            "[]",
            "true",
            "1",
        ],
    },
    Target {
        name: "templates",
        around: ("-- themes/plain/templates/page.html --\n", "\n"),
        seeds: |path| path.ends_with(".html"),
        salt: &[
            "{{ ",
            " }}",
            "{% if page %}",
            "{% endif %}",
            "{% for a in page.pages %}",
            "{% endfor %}",
            "{% set a = ",
            " %}",
            "{#",
            "#}",
            "| safe",
            "| length",
            "page.content",
            "site.title",
            "[0]",
            "\"",
            "'",
            "(",
            ")",
            "{% block a %}",
            "{% endblock %}",
            "{% extends \"home.html\" %}",
            "{% include \"page.html\" %}",
            "+",
            "*",
            "9999999999",
            ".",
            "é",
        ],
    },
    Target {
        name: "statements",
        around: (FACTS, "\n---\nEffective: September 26, 2018\n\nWe keep your name for seven (7) years.\n"),
        seeds: |path| path.contains("privacy") || path.contains("statement") || path.contains("first_version"),
        salt: &[
            "says: {at: top, text: \"",
            "\"}",
            "provenance: {source: authored}\n",
            "provenance: {source: imported, verbatim: true}\n",
            "unclaimed:\n",
            "retention: {minimum: P7Y}\n",
            "P7Y",
            "seven (7) years",
            "Effective: ",
            "Septempber 26, 2018",
            "www.",
            ":",
            "“",
            "”",
            "’",
            "We will ",
            "not ",
            "## A {#a}\n",
            "- ",
            "| a |\n",
            "\n\n",
            "---\n",
            "é",
            "İ",
            "ß",
            "\u{301}",
            "  ",
            "Terms of Use",
            "other countries",
            "All rights reserved",
        ],
    },
    Target {
        name: "statement-texts",
        around: (FACTS_AND_QUOTES, "\n"),
        seeds: |path| path.contains("privacy") || path.contains("statement") || path.contains("fixtures"),
        salt: &[
            "seven (7) years",
            "Effective: ",
            "Septempber 26, 2018",
            "www.",
            ":",
            "“",
            "”",
            "’",
            "We will ",
            "not ",
            "\n\n",
            "; ",
            "## A {#a}\n",
            "- ",
            "| a |\n",
            "|-|\n",
            "é",
            "İ",
            "ß",
            "\u{301}",
            "  ",
            "Terms of Use",
            "other countries",
            ". ",
            "1.",
            "All rights reserved",
            "e.g. ",
            "<b>",
            "](",
            "[",
            "**",
            "&amp;",
            "\r\n",
            "explains ",
            "rights",
            "thirty-five days",
        ],
    },
    Target {
        name: "redline",
        around: (REDLINE, "\n"),
        seeds: |path| path.contains("redline") || path.contains("privacy"),
        salt: &[
            "We keep your name for seven (7) years after you gave it to us, and then we delete it.",
            "## A {#a}\n",
            "## B {#b}\n",
            "## ",
            "- to answer you;\n",
            "| Alder | US |\n",
            "|---|---|\n",
            "|",
            "-",
            "\n\n",
            "```\n",
            "  \n",
            "\t",
            "the ",
            "of ",
            "not ",
            "é",
            "\u{301}",
            "\u{2028}",
            "日",
            "\r\n",
            "{#",
            "}",
        ],
    },
    Target {
        name: "pages",
        around: ("-- content/a.md --\n---\ntitle: A\n---\n<div>\n", "\n</div>\n"),
        seeds: |path| path.contains("gates_") || path.ends_with(".html") || path.ends_with(".css"),
        salt: &[
            "<img src=",
            "<script>",
            "</script",
            "<style>",
            "</style>",
            "url(",
            "@import ",
            "\"",
            "'",
            "https://a.example",
            "//",
            "&colon;",
            "&#",
            "\\",
            "\\3a ",
            "/*",
            "*/",
            "<!--",
            "--!>",
            "-->",
            "srcset=\"",
            ", ",
            "srcdoc='",
            "<svg",
            "xlink:href=",
            "onclick=",
            ">",
            "=",
            "mailto:",
            "%00",
            "é",
            "document.cookie",
            "fetch(",
        ],
    },
];

/// A generator of numbers (xorshift64*), so that a seed breeds the same texts everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % limit.max(1)
    }

    /// A place between two letters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn piece<'a>(&mut self, text: &'a str) -> &'a str {
        let (a, b) = (self.place(text), self.place(text));
        &text[a.min(b)..a.max(b)]
    }
}

/// No text is longer, unless time is measured on several of them in a row.
const LENGTH_MAX: usize = 4000;

fn breed(dice: &mut Dice, seeds: &[String], salt: &[&str]) -> String {
    let mut text = dice.piece(&seeds[dice.0 as usize % seeds.len()]).to_owned();
    for _ in 0..=dice.below(8) {
        let at = dice.place(&text);
        match dice.below(6) {
            0 => {
                let other = dice.below(seeds.len());
                text.insert_str(at, dice.piece(&seeds[other]));
            }
            1 => {
                let end = dice.place(&text);
                text.replace_range(at.min(end)..at.max(end), "");
            }
            2 => {
                let piece = dice.piece(&text).to_owned();
                let short: String = piece.chars().take(40).collect();
                text.insert_str(at, &short.repeat(1 + dice.below(60)));
            }
            3 => text.insert_str(at, &salt[dice.below(salt.len())].repeat(1 + dice.below(80))),
            _ => text.insert_str(at, salt[dice.below(salt.len())]),
        }
        let mut end = text.len().min(LENGTH_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn build_site(target: &Target, text: &str) -> Duration {
    let tree = site_archive::tree(&format!("{SETTINGS}{}{text}{}", target.around.0, target.around.1));
    let mut published = HashMap::new();
    let began = Instant::now();
    let built = build(&tree, &site_archive::options(), Diagnostics::new(), Memory::new(&mut published));
    let built = built.expect("no disk is involved");
    let _ = report::draw(&built.diagnostics, &tree);
    began.elapsed()
}

/// Longer than any text of [`LENGTH_MAX`] should take, on a slow machine and without optimisation.
const TIME_MAX: Duration = Duration::from_millis(500);

/// Whether the text takes too long, or four times the text much more than four times as long, of three tries.
fn grows_too_fast(target: &Target, text: &str) -> Option<(Duration, Duration)> {
    let fastest = |text: &str| (0..3).map(|_| build_site(target, text)).min().unwrap_or_default();
    let (once, four) = (fastest(text), fastest(&text.repeat(4)));
    let (twelve, long) = (once * 12, Duration::from_millis(400));
    (once > TIME_MAX || (four > twelve && four > long)).then_some((once, four))
}

fn seeds(folder: &Path, wanted: fn(&str) -> bool, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            seeds(&path, wanted, found);
        } else if wanted(&name)
            && let Ok(text) = fs::read_to_string(&path)
        {
            found.push((name, text));
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let target = arguments.first().and_then(|name| TARGETS.iter().find(|target| target.name == name));
    let (Some(target), Some(seconds)) = (target, arguments.get(1).and_then(|seconds| seconds.parse().ok())) else {
        let names = TARGETS.map(|target| target.name).join("|");
        println!("usage: fuzz {names} SECONDS [SEED]");
        return ExitCode::from(2);
    };
    let seed: u64 = arguments.get(2).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository");
    let mut corpus = Vec::new();
    for folder in ["generator/tests", "tests/fixtures", "tests/golden", "statement/tests/fixtures", "content", "themes"]
    {
        seeds(&repository.join(folder), target.seeds, &mut corpus);
    }
    corpus.sort();
    let corpus: Vec<String> = corpus.into_iter().map(|(_, text)| text).filter(|text| !text.is_empty()).collect();
    let words = Arc::new(Mutex::new(String::new()));
    let said = Arc::clone(&words);
    std::panic::set_hook(Box::new(move |panic| {
        *said.lock().expect("invariant: nothing panics while it holds the words") = panic.to_string();
    }));

    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut tried, mut faults, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) && faults < 20 {
        let text = breed(&mut dice, &corpus, target.salt);
        tried += 1;
        match catch_unwind(AssertUnwindSafe(|| build_site(target, &text))) {
            Err(_) => {
                faults += 1;
                let words = words.lock().expect("invariant: nothing panics while it holds the words");
                println!("panic: {words}\n  text: {text:?}");
            }
            // What is slow only because the machine is busy is not slow twice.
            Ok(taken) if taken > slowest * 2 / 3 && taken > Duration::from_millis(60) => {
                slowest = slowest.max(taken);
                if let Some((once, four)) = grows_too_fast(target, &text) {
                    faults += 1;
                    println!("slow: {once:?} once, {four:?} four times\n  text: {text:?}");
                }
            }
            Ok(taken) => slowest = slowest.max(taken),
        }
    }
    println!("{}: {tried} texts, {faults} faults, slowest {slowest:?}", target.name);
    ExitCode::from(u8::from(faults > 0))
}
