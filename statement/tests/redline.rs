//! Comparisons of whole texts: fixtures made after what public policies' revisions look like, and what holds of any
//! two texts.
//!
//! A fixture is a file of `fixtures/redline/`: the old text, the new one and the redline that was read and found
//! readable. `CANDOR_ACCEPT=1` writes down what comes out now.

#![expect(clippy::disallowed_methods, reason = "a test reads and writes its fixtures")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use statement::prose;
use statement::redline::{Change, Piece, Redline};
use unicode_segmentation::UnicodeSegmentation as _;

mod revisions;

/// What parts a fixture's texts.
const PARTS: [&str; 3] = ["== old ==\n", "== new ==\n", "== redline ==\n"];

#[test]
fn redlines_of_revisions_are_as_they_were_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/redline");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "the fixtures are gone");
    let mut altered = Vec::new();
    for path in paths {
        let file = fs::read_to_string(&path).unwrap();
        let (about, rest) = file.split_once(PARTS[0]).unwrap();
        let (old, rest) = rest.split_once(PARTS[1]).unwrap();
        let (new, wanted) = rest.split_once(PARTS[2]).unwrap();
        check(old, new);
        let redline = Redline::new(old, new).to_plain();
        if redline != wanted {
            if std::env::var_os("CANDOR_ACCEPT").is_some() {
                let [a, b, c] = PARTS;
                fs::write(&path, format!("{about}{a}{old}{b}{new}{c}{redline}")).unwrap();
            }
            altered.push(format!("{}:\n{redline}", path.display()));
        }
    }
    assert!(altered.is_empty() || std::env::var_os("CANDOR_ACCEPT").is_some(), "{}", altered.join("\n"));
}

#[test]
fn a_history_of_revisions_is_compared() {
    let mut revisions = revisions::Revisions::new(1500, 7);
    let mut texts = vec![revisions.text()];
    for version in 1..14 {
        revisions.revise(version);
        texts.push(revisions.text());
    }
    let moved = |pair: &[String]| {
        let redline = check(&pair[0], &pair[1]);
        redline.sections().iter().map(|section| section.blocks_moved).sum::<usize>()
    };
    assert!(texts.windows(2).map(moved).sum::<usize>() > 0, "every third version moves a paragraph");
    for old in &texts {
        check(old, texts.last().unwrap());
    }
}

/// Compares two texts, and checks what holds of every comparison.
fn check(old: &str, new: &str) -> Redline {
    let redline = Redline::new(old, new);
    let wanted: Vec<&str> = prose::blocks(new).iter().map(|block| block.text).collect();
    assert_eq!(redline.new_blocks().collect::<Vec<_>>(), wanted, "applied, it is the new text");
    let (mut undone, mut wanted) = (undone(&redline), words(prose::blocks(old).iter().map(|block| block.text)));
    if redline.blocks.iter().any(|block| matches!(block.change, Change::Moved { .. })) {
        undone.sort();
        wanted.sort();
    }
    assert_eq!(undone, wanted, "undone, it is the old text, with what moved where it stands now");
    for block in &redline.blocks {
        for pair in block.pieces.windows(2) {
            // One replaces the other where a word may end.
            let is_replaced = matches!((&pair[0], &pair[1]), (Piece::Deleted(_), Piece::Inserted(_)));
            let joined = pair.iter().map(text).collect::<String>();
            let is_bound = joined.split_word_bound_indices().any(|(at, _)| at == text(&pair[0]).len());
            assert!(is_replaced || is_bound, "inside a word: {pair:?}");
        }
        for three in block.pieces.windows(3) {
            if let [Piece::Inserted(_) | Piece::Deleted(_), Piece::Kept(island), _] = three {
                let mut words = island.unicode_words();
                let is_island = ["of", "the", "and", "to"].contains(&words.next().unwrap_or("the"));
                assert!(
                    !is_island || words.next().is_some(),
                    "a word between changes is easier to read as changed: {three:?}"
                );
            }
        }
    }
    redline
}

fn text(piece: &Piece) -> &str {
    let (Piece::Kept(text) | Piece::Inserted(text) | Piece::Deleted(text)) = piece;
    text
}

/// The words and marks of the old text, as the redline has them; white space is written as in the new text.
fn undone(redline: &Redline) -> Vec<String> {
    let blocks = redline.blocks.iter().filter(|block| !matches!(block.change, Change::MovedAway { .. }));
    let is_old = |piece: &&Piece| !matches!(piece, Piece::Inserted(_));
    let texts: Vec<String> = blocks.map(|block| block.pieces.iter().filter(is_old).map(text).collect()).collect();
    words(texts.iter().map(String::as_str))
}

fn words<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    // The line below a table's head has as many dashes as the table is wide.
    let words = texts.flat_map(|text| text.split_word_bounds().filter(|word| !word.trim().is_empty() && *word != "-"));
    words.map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn revisions_applied_and_undone_are_both_texts(seed in any::<u64>(), steps in 1..6_usize) {
        let mut revisions = revisions::Revisions::new(200, seed);
        let old = revisions.text();
        (0..steps).for_each(|step| revisions.revise(seed as usize % 15 + step));
        check(&old, &revisions.text());
    }

    #[test]
    fn any_texts_applied_and_undone_are_both_texts(old in text_of_blocks(), new in text_of_blocks()) {
        check(&old, &new);
        prop_assert!(Redline::new(&old, &old).is_empty());
    }
}

const LONG: &str = "We keep what you write for as long as our accountants ask us to, and then we delete it.";

fn text_of_blocks() -> impl Strategy<Value = String> {
    let words = || "(one |two |three |we |may |will |not |of |the |é|  |co-|\\| ){0,16}(end|7)[.:]?";
    let block = prop_oneof![
        4 => words(),
        1 => "(a|b|c)".prop_map(|id| format!("## Title {id} {{#{id}}}")),
        1 => words().prop_map(|words| format!("- {words}")),
        1 => (words(), "-{1,5}").prop_map(|(words, rule)| format!("| {words} |\n|{rule}|\n| end |")),
        1 => Just(LONG.to_owned()),
    ];
    proptest::collection::vec(block, 0..12).prop_map(|blocks| blocks.join("\n\n"))
}
