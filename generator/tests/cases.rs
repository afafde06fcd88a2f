//! Whole sites in memory, and what becomes of them: every message an author can meet, and the pages of sites without mistakes.
//!
//! A file in `cases/` holds a site, then what is expected of it: `== report ==` is all that is said about it,
//! `== /a/ ==` what is published there. `CANDOR_ACCEPT=1 cargo test -p generator --test cases` writes down what comes
//! out now; read the difference.

#![expect(clippy::disallowed_methods, reason = "the cases are files, and accepting them is asked for by a variable")]

use std::fs;
use std::path::{Path, PathBuf};

use statement::diagnostic::Diagnostics;

#[cfg(feature = "cards")]
mod cards;
mod docs;
mod pictures;
#[cfg(feature = "search")]
mod search;
mod site_archive;
mod spec;

/// What the program can be built with, and whether it was; each has folders of cases for both.
const FEATURES: [(&str, bool); 6] = [
    ("avif", cfg!(feature = "avif")),
    ("cards", cfg!(feature = "cards")),
    ("highlight", cfg!(feature = "highlight")),
    ("images", cfg!(feature = "images")),
    ("sass", cfg!(feature = "sass")),
    ("search", cfg!(feature = "search")),
];

#[test]
fn sites_become_what_they_should() {
    let accept = std::env::var_os("CANDOR_ACCEPT").is_some();
    let mut files = files_in("cases");
    for (feature, is_on) in FEATURES {
        let folder = format!("cases_{}_{feature}", if is_on { "with" } else { "without" });
        files.extend(files_in(&folder));
    }
    files.sort();
    assert!(!files.is_empty());
    let mut wrong = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let actual = outcome(&text);
        if text == actual {
            continue;
        }
        if accept {
            fs::write(&file, actual).unwrap();
        } else {
            wrong.push_str(&format!("{}:\n{actual}\n", file.display()));
        }
    }
    assert!(wrong.is_empty(), "these cases came out otherwise, as follows:\n{wrong}");
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = fs::read_dir(&folder).expect("the cases are a folder");
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

/// The case with every expectation replaced by what comes out.
fn outcome(case: &str) -> String {
    let mut lines = case.split_inclusive('\n');
    let site: String = lines.by_ref().take_while(|line| expectation(line).is_none()).collect();
    let wanted = case.lines().filter_map(expectation);
    let outcome = site_archive::build_case(&site, &site_archive::options());
    wanted.fold(site, |mut text, wanted| {
        let actual = match wanted {
            "report" => &outcome.report,
            path => outcome.files.get(path).map_or("nothing is published\n", String::as_str),
        };
        let end = if actual.is_empty() || actual.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("== {wanted} ==\n{actual}{end}"));
        text
    })
}

/// What a line says is expected next: `report`, or a site path.
fn expectation(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix("== ")?.strip_suffix(" ==")
}

#[test]
fn a_site_with_errors_publishes_nothing() {
    let outcome = site_archive::build_case("-- content/a.md --\nno front matter\n", &site_archive::options());
    assert!(outcome.files.is_empty());
}

/// A host reads 100 rules, and 2,000 characters of a line.
#[test]
fn many_versions_keep_to_what_a_host_reads() {
    let version = |number: i32| {
        let day = format!("{}-01-01", 1900 + number);
        format!(
            "-- content/privacy/{day}.md --\n---\nschema: privacy-statement/1\ndocument: example-privacy\nversion: \"{day}\"\n\
             title: Privacy\nlanguage: en\neffective: \"{day}\"\ncontact: {{email: support@example.org}}\n\
             collects: {{voluntary: {{fields: [{{key: name, category: name}}]}}}}\n---\nText.\n"
        )
    };
    let case: String = (0..120).map(version).collect();
    let outcome = site_archive::build_case(&case, &site_archive::options());
    let headers = &outcome.files["/_headers"];
    let rules: Vec<&str> = headers.lines().filter(|line| line.starts_with('/')).collect();
    assert_eq!(rules.len(), 100);
    assert!(headers.lines().all(|line| line.len() <= 2000));
    assert!(rules.contains(&"/privacy/2019-01-01/") && !rules.contains(&"/privacy/1900-01-01/"), "the newest are kept");
    assert!(outcome.report.contains("/privacy/1900-01-01/: more rules"), "{}", outcome.report);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let pages = ["-- content/a.md --\n---\ntitle: A\n---\n", "-- content/b.md --\n---\ntitle: B\n---\n"];
    let build = |case: String| site_archive::build_case(&case, &site_archive::options()).files;
    assert_eq!(build(pages.concat()), build([pages[1], pages[0]].concat()));
}

#[test]
fn what_is_not_yet_published_can_be_looked_at() {
    let case = "-- content/a.md --\n---\ntitle: A\ndate: \"2024-05-02\"\n---\n\
                -- content/b.md --\n---\ntitle: B\ndraft: true\n---\n\
                -- content/c.md --\n---\ntitle: C\nexpires: \"2024-05-01\"\n---\n";
    let published = |options: generator::site::Options| {
        let files = site_archive::build_case(case, &options).files;
        ["/a/", "/b/", "/c/"].map(|path| files.contains_key(path))
    };
    let on = |day| Some(jiff::civil::date(2024, 5, day));
    assert_eq!(published(site_archive::options()), [false, false, false]);
    assert_eq!(published(generator::site::Options { drafts: true, ..site_archive::options() }), [true, true, false]);
    assert_eq!(published(generator::site::Options { today: on(2), ..site_archive::options() }), [true, false, false]);
    let morning = "2024-04-30T05:00:00Z".parse().unwrap();
    let by_clock = generator::site::Options { now: morning, ..generator::site::Options::default() };
    assert_eq!(published(by_clock), [false, false, true]);
}

/// Builds a page on a site with everything on; every place that is told is in the file.
fn build_page(text: &str) {
    let site = "-- content/site.yaml --\n\
        {title: A, base_url: \"https://example.org\", language: en, timezone: UTC, theme: plain, \
        markdown: {math: true, smart_punctuation: true}}\n\
        -- themes/plain/templates/shortcodes/n.html --\n\
        {% component n(a: string = \"\") %}{{ a }}{% endcomponent n %}\n\
        -- themes/plain/templates/shortcodes/b.html --\n\
        {% component b() %}<i>{{ body }}</i>{% endcomponent b %}\n";
    let page = format!("-- content/register.md --\n---\ntitle: A\n---\n{{{{ form(id=\"register\") }}}}\n\n{text}\n");
    let tree = site_archive::tree(&format!("{site}{page}"));
    let mut published = generator::output::Files::new();
    let output = generator::output::Memory::new(&mut published);
    let built = generator::build::build(&tree, &site_archive::options(), Diagnostics::new(), output);
    let built = built.expect("no disk is involved");
    let _ = generator::report::draw(&built.diagnostics, &tree);
    for place in built.diagnostics.iter().filter_map(|found| found.place.as_ref()) {
        let span = std::ops::Range::from(place.span);
        let is_in_file = tree.text(&place.path).is_none_or(|text| text.get(span.clone()).is_some());
        assert!(is_in_file, "{span:?} in {text:?}");
    }
    let masks = ['\u{fdd2}', '\u{fdd3}'];
    let is_masked = |html: &[u8]| masks.iter().any(|mask| String::from_utf8_lossy(html).contains(*mask));
    assert!(
        text.contains(masks) || text.contains("&#xFDD2;") || !published.values().any(|html| is_masked(html)),
        "{text:?}"
    );
}

proptest::proptest! {
    #[test]
    fn no_page_makes_it_panic(text in "([-#\\[\\](){}<>`*_~|!=\":/.$\\\\a-c1é日\u{fdd0}-\u{fdd3} \\n]|&#xFDD2;|> ?\\[!NOTE\\]|<!-- more -->){0,60}") {
        build_page(&text);
    }

    #[test]
    fn no_shortcode_makes_it_panic(text in "(\\{\\{ ?[nbx]\\((a=(\"[^\"]?\"|1|\\[)?)?\\) ?\\}\\}|\\{% ?[nbx]\\(\\) ?%\\}|\\{% ?end ?%\\}|[-#`*_|>!$:a-c{}%é \\n]|- |> |\\]\\(|!?\\[|\n\n|<!--|-->|<b>){0,30}") {
        build_page(&text);
    }

    #[test]
    fn no_front_matter_makes_it_panic(text in "(---\n)?((title|date|slug|aliases|extra|tags|taxonomies|expires|x): ?[-\\[{\"a-c/é\\]}0-9]{0,6}\n){0,4}(---\n)?[a-c\n]{0,5}") {
        site_archive::build_case(&format!("-- content/a.md --\n{text}\n"), &site_archive::options());
    }

    #[test]
    fn no_data_file_makes_it_panic(
        format in "(json|csv|toml|yaml)",
        text in "\u{feff}?[-{}\\[\\]\"',:=a-c0-9.é日#\t\r\n ]{0,40}",
    ) {
        site_archive::build_case(&format!("-- content/data/a.{format} --\n{text}\n"), &site_archive::options());
    }

    #[test]
    fn no_template_makes_it_panic(text in "[{}%a-z. |<>/()\"=\n]{0,60}") {
        site_archive::build_case(&format!("-- themes/plain/templates/page.html --\n{text}\n"), &site_archive::options());
    }
}
