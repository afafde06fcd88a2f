//! What it costs to compare the versions of a long statement, and how many words are marked: the diff library's plain
//! word diff of the same pairs is made in the same run, and is the floor of both.
//!
//! `cargo bench -p statement --bench redline` takes 60 pages and 40 versions; other numbers of words and versions can
//! be given.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "figures are for a person at a terminal")]

use std::time::{Duration, Instant};

use similar::{ChangeTag, TextDiff};
use statement::redline::Redline;
use unicode_segmentation::UnicodeSegmentation as _;

#[path = "../tests/revisions/mod.rs"]
mod revisions;

/// 60 pages of 500 words.
const WORDS: usize = 30_000;
const VERSIONS: usize = 40;
/// No more than this many times the floor.
const RATIO_MAX: f64 = 10.0;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (words, versions) = (numbers.next().unwrap_or(WORDS), numbers.next().unwrap_or(VERSIONS));
    let mut revisions = revisions::Revisions::new(words, 1);
    let mut texts = vec![revisions.text()];
    for version in 1..versions {
        revisions.revise(version);
        texts.push(revisions.text());
    }
    let last = texts.len() - 1;
    let neighbours: Vec<(usize, usize)> = (1..texts.len()).map(|new| (new - 1, new)).collect();
    let in_force: Vec<(usize, usize)> = (0..last.saturating_sub(1)).map(|old| (old, last)).collect();
    println!(
        "{} versions, {} words in the last, {} neighbours and {} pairs with the version in force",
        texts.len(),
        texts[last].unicode_words().count(),
        neighbours.len(),
        in_force.len()
    );
    let (mut floor_all, mut redline_all) = (Duration::ZERO, Duration::ZERO);
    for (name, pairs) in [("neighbours", &neighbours), ("with the one in force", &in_force)] {
        let (floor, floor_words) = measure(pairs, |old, new| plain(&texts[old], &texts[new]));
        let (redline, redline_words) = measure(pairs, |old, new| Redline::new(&texts[old], &texts[new]).words_marked());
        println!(
            "{name}: plain diff {floor:.1?}, {floor_words} words marked; redline {redline:.1?}, {redline_words} words marked; \
             {:.2} times the time, {:.2} times the words",
            redline.as_secs_f64() / floor.as_secs_f64(),
            redline_words as f64 / floor_words as f64
        );
        floor_all += floor;
        redline_all += redline;
    }
    let ratio = redline_all.as_secs_f64() / floor_all.as_secs_f64();
    println!("all: {floor_all:.1?} and {redline_all:.1?}, {ratio:.2} times");
    assert!(ratio <= RATIO_MAX, "a redline costs {ratio:.2} times a plain word diff; it may cost {RATIO_MAX}");
}

fn measure(pairs: &[(usize, usize)], compare: impl Fn(usize, usize) -> usize) -> (Duration, usize) {
    let began = Instant::now();
    let words = pairs.iter().map(|(old, new)| compare(*old, *new)).sum();
    (began.elapsed(), words)
}

/// How many words the library's own diff of words marks.
fn plain(old: &str, new: &str) -> usize {
    let diff = TextDiff::from_words(old, new);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    changes.map(|change| change.value().unicode_words().count()).sum()
}
