//! Whole sites as one text, for tests: `-- content/a.md --` begins a file, `-- content/a.md: none --` takes one away.

use std::collections::BTreeMap;

use generator::build::build;
use generator::output::Memory;
use generator::report;
use generator::site::Options;
use generator::source_tree::SourceTree;
use statement::diagnostic::Diagnostics;

/// The smallest site with a form and a statement; every case lies over it.
const BASE: &str = include_str!("base_site.txt");

/// A built site.
pub(crate) struct Outcome {
    /// What a person is shown, without colours.
    pub(crate) report: String,
    /// The published files by site path, as text; empty where there were mistakes.
    pub(crate) files: BTreeMap<String, String>,
}

/// The files of `case` laid over the smallest site.
pub(crate) fn tree(case: &str) -> SourceTree {
    let mut files = BTreeMap::new();
    for part in [BASE, case] {
        let mut path = None;
        for line in part.split_inclusive('\n') {
            match line.trim_end().strip_prefix("-- ").and_then(|line| line.strip_suffix(" --")) {
                Some(name) => match name.strip_suffix(": none") {
                    Some(removed) => {
                        files.remove(removed);
                        path = None;
                    }
                    None => {
                        files.insert(name.to_owned(), String::new());
                        path = Some(name.to_owned());
                    }
                },
                None => {
                    if let Some(text) = path.as_ref().and_then(|path| files.get_mut(path)) {
                        text.push_str(line);
                    }
                }
            }
        }
    }
    let archive: String = files.iter().map(|(path, text)| format!("-- {path} --\n{text}")).collect();
    SourceTree::from_archive(&archive)
}

/// Builds `case` laid over the smallest site.
pub(crate) fn build_case(case: &str, options: &Options) -> Outcome {
    let tree = tree(case);
    let mut published = generator::output::Files::new();
    let built = build(&tree, options, Diagnostics::new(), Memory::new(&mut published)).expect("no disk is involved");
    let report = anstream::adapter::strip_str(&report::draw(&built.diagnostics, &tree)).to_string();
    let files =
        published.into_iter().map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect();
    Outcome { report, files }
}

/// The day all cases are built for, unless they say otherwise.
pub(crate) fn options() -> Options {
    Options { today: Some(jiff::civil::date(2024, 5, 1)), ..Options::default() }
}
