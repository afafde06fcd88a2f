//! A site that is built again after an edit is the site that is built anew, and most of it was not rendered again.

use std::fmt::Write as _;
use std::sync::Arc;

use generator::build::{Built, build, build_again};
use generator::output::{Files, Memory};
use generator::site::Options;
use generator::source_tree::SourceTree;
use statement::diagnostic::Diagnostics;

const PAGES: usize = 36;

/// What the settings and the theme of the site are.
const AROUND: &str = "\
-- content/site.yaml --
title: Site
base_url: https://example.org
language: en
timezone: America/Chicago
theme: mine
paginate: 5
-- content/_index.md --
---
title: Home
---
See [the first](part-0/page-0.md#one).
-- content/404.md --
---
title: Not here
---
-- themes/mine/theme.yaml --
extends: optimal
-- themes/mine/templates/page.html --
{% extends \"optimal/page.html\" %}
{% block main %}{{ page.summary }} | {% for entry in page.related %}{{ entry.title }}: {{ entry.summary }}
{% endfor %}| {% if page.previous %}{{ page.previous.summary }}{% endif %} | {% for above in page.ancestors %}{{ above.title }} {{ above.summary }}
{% endfor %}{% for heading in page.toc %}{{ heading.title }}{% endfor %}{{ page.content }}{% endblock main %}
";

fn options() -> Options {
    Options { today: Some(jiff::civil::date(2024, 5, 1)), ..Options::default() }
}

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }
}

/// A page of the site, by what an editor may change of it.
#[derive(Clone)]
struct Page {
    path: String,
    title: String,
    description: String,
    day: usize,
    tags: [usize; 2],
    weight: usize,
    text: String,
}

impl Page {
    fn file(&self) -> String {
        let mut file = format!("-- {} --\n---\ntitle: {}\n", self.path, self.title);
        if !self.description.is_empty() {
            writeln!(file, "description: {}", self.description).expect("a string can be written to");
        }
        if self.path.ends_with("_index.md") {
            writeln!(file, "feed: true\nsort_by: {}", ["weight", "date", "title"][self.weight % 3])
                .expect("a string can be written to");
        } else {
            let [one, two] = self.tags;
            writeln!(file, "date: \"2024-01-{:02}\"\ntags: [t{one}, t{two}]", 1 + self.day)
                .expect("a string can be written to");
            if self.weight > 0 {
                writeln!(file, "weight: {}", self.weight).expect("a string can be written to");
            }
        }
        write!(file, "---\n{}\n", self.text).expect("a string can be written to");
        file
    }
}

fn first_site(dice: &mut Dice) -> Vec<Page> {
    let mut pages = Vec::new();
    for (number, folder) in ["part-0", "part-1", "part-1/inner"].iter().enumerate() {
        pages.push(page(dice, format!("content/{folder}/_index.md"), format!("Part {number}")));
    }
    for number in 0..PAGES {
        let folder = ["part-0", "part-1", "part-1/inner"][number % 3];
        pages.push(page(dice, format!("content/{folder}/page-{number}.md"), format!("Page {number}")));
    }
    pages
}

fn page(dice: &mut Dice, path: String, title: String) -> Page {
    let description = if dice.throw(2) == 0 { String::new() } else { format!("About {title}") };
    let text = text(dice);
    Page { path, title, description, day: dice.throw(5), tags: [dice.throw(4), dice.throw(4)], weight: 0, text }
}

fn text(dice: &mut Dice) -> String {
    let (words, other) = (dice.throw(1000), 3 * dice.throw(PAGES / 3));
    format!("## One\n\nWords {words} of [another](/part-0/page-{other}/#one).\n\n## More {words}\n\nThe end.")
}

/// Changes something of a page.
fn edit(dice: &mut Dice, page: &mut Page) {
    match dice.throw(7) {
        0..=2 => page.text = text(dice),
        3 => page.title = format!("Another {}", dice.throw(100)),
        4 => page.description = if page.description.is_empty() { "Some".into() } else { String::new() },
        5 => page.day = dice.throw(5),
        _ => (page.tags, page.weight) = ([dice.throw(4), dice.throw(4)], dice.throw(3)),
    }
}

fn tree(pages: &[Page]) -> SourceTree {
    let files: String = pages.iter().map(Page::file).collect();
    SourceTree::from_archive(&format!("{AROUND}{files}"))
}

fn anew(tree: &SourceTree) -> (Files, Built) {
    let mut files = Files::new();
    let built = build(tree, &options(), Diagnostics::new(), Memory::new(&mut files)).expect("no disk is involved");
    assert!(built.published.is_some(), "{:?}", built.diagnostics);
    (files, built)
}

#[test]
fn a_site_built_again_is_the_site_built_anew() {
    let mut dice = Dice(7);
    let mut pages = first_site(&mut dice);
    let (mut files, mut built) = anew(&tree(&pages));
    let (mut kept, mut all) = (0, 0);
    for round in 0..80 {
        let edited = dice.throw(pages.len());
        let before = pages[edited].file();
        edit(&mut dice, &mut pages[edited]);
        let (tree, last) = (tree(&pages), built.last.take().unwrap());
        let changed: Vec<Arc<str>> = vec![pages[edited].path.as_str().into()];
        let mut next = Files::new();
        let output = Memory::after(&files, &mut next);
        built = build_again(&tree, last, &changed, &options(), Diagnostics::new(), output).unwrap();
        let (expected, expected_built) = anew(&tree);
        let differing: Vec<&String> =
            expected.iter().filter(|(path, bytes)| next.get(*path) != Some(bytes)).map(|(path, _)| path).collect();
        let after = pages[edited].file();
        assert!(differing.is_empty(), "round {round}: {differing:?} differ after {before} became {after}");
        assert_eq!(next.len(), expected.len(), "round {round}: {before} became {after}");
        assert_eq!(format!("{:?}", built.diagnostics), format!("{:?}", expected_built.diagnostics), "round {round}");
        all += next.len();
        kept += next
            .iter()
            .filter(|(path, bytes)| files.get(*path).is_some_and(|last| last.as_ptr() == bytes.as_ptr()))
            .count();
        files = next;
    }
    assert!(kept * 2 > all, "only {kept} of {all} files were kept");
}

#[test]
fn a_mistake_made_and_mended_is_told_and_forgotten() {
    let mut dice = Dice(11);
    let mut pages = first_site(&mut dice);
    let (files, mut built) = anew(&tree(&pages));
    let path: Arc<str> = pages[5].path.as_str().into();
    pages[5].text = "See [nothing](nowhere.md) and [an anchor](/part-0/page-0/#two).".into();
    let mut next = Files::new();
    let again = build_again(
        &tree(&pages),
        built.last.take().unwrap(),
        &[Arc::clone(&path)],
        &options(),
        Diagnostics::new(),
        Memory::after(&files, &mut next),
    )
    .unwrap();
    assert!(again.published.is_none() && again.last.is_none());
    assert_eq!(again.diagnostics.len(), 2, "{:?}", again.diagnostics);
    assert!(again.diagnostics.iter().all(|found| found.place.as_ref().is_some_and(|place| place.path == path)));
}
