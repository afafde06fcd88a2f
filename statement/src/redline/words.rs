//! Which blocks are the same in both texts, and which words between them: by Patience, so that rare words hold a
//! comparison together. It does not know of moves; a block that moved is a token like any other.
//!
//! White space within a block is one space, however much there is, as in the rendered text: lines filled anew and
//! columns of a table drawn wider are no change.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::prose::{Block, BlockKind};

/// Longer stretches with little in common are not compared word by word, which would take the square of their length.
const UNLIKE_TOKENS_MAX: usize = 20_000;

/// A unit of comparison.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    /// A word, a space or a punctuation mark.
    Word {
        /// As it is written.
        text: &'a str,
        /// What it is compared by.
        key: &'a str,
    },
    /// The end of a block.
    Mark,
    /// The new block of this index, which stood elsewhere.
    Here(usize),
    /// The old block of this index, which stands elsewhere.
    Away(usize),
}

/// What is equal where tokens are the same.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Word(&'a str),
    Mark,
    Here(usize),
    Away(usize),
}

/// Small numbers for things that are equal, so that a diff hashes and compares no texts.
struct Numbers<K>(HashMap<K, u32>);

impl<K: Hash + Eq> Numbers<K> {
    fn of(&mut self, keys: impl Iterator<Item = K>) -> Vec<u32> {
        let number = |key| {
            let next = u32::try_from(self.0.len()).expect("invariant: a text has fewer than 2^32 words");
            *self.0.entry(key).or_insert(next)
        };
        keys.map(number).collect()
    }
}

/// Compares numbers by Patience: rare ones hold the comparison together.
fn diff(old: &[u32], new: &[u32]) -> Vec<DiffOp> {
    capture_diff_slices(Algorithm::Patience, old, new)
}

/// Pairs of blocks, old and new, that are the same and in the same order. A heading is the same where its anchor is,
/// whatever it says: sections whose numbers moved on would be taken for one another.
pub(super) fn unchanged(old: &[Block<'_>], new: &[Block<'_>]) -> Vec<(usize, usize)> {
    let mut numbers = Numbers(HashMap::with_capacity(old.len() + new.len()));
    let key = |block: &Block<'_>| {
        if matches!(block.kind, BlockKind::Heading(_)) && !block.section.is_empty() {
            return (block.kind, block.section.to_owned());
        }
        let text = if block.is_rule() {
            block.text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
        } else if is_code(block.text) {
            block.text.to_owned()
        } else {
            block.text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        (block.kind, text)
    };
    let (old, new) = (numbers.of(old.iter().map(key)), numbers.of(new.iter().map(key)));
    let equal = diff(&old, &new).into_iter().filter(|op| op.tag() == DiffTag::Equal);
    equal.flat_map(|op| op.old_range().zip(op.new_range())).collect()
}

/// Whether every space of a block counts.
fn is_code(text: &str) -> bool {
    text.starts_with("```") || text.starts_with("~~~")
}

/// Appends the tokens of a block. Together they are its text.
pub(super) fn tokens<'a>(block: &Block<'a>, tokens: &mut Vec<Token<'a>>) {
    let text = block.text;
    let is_code = is_code(text);
    let is_rule = block.is_rule();
    let first = tokens.len();
    let mut run = 0..0;
    for (at, word) in text.split_word_bound_indices() {
        let key = match word {
            _ if is_code => word,
            space if space.chars().all(char::is_whitespace) => " ",
            // A line of a table has as many as its column is wide.
            "-" if is_rule => "-",
            _ => word,
        };
        let is_run = key == " " || (key == "-" && is_rule);
        match tokens[first..].last_mut() {
            Some(Token::Word { text: last, key: last_key }) if !is_code && is_run && *last_key == key => {
                run.end = at + word.len();
                *last = &text[run.clone()];
            }
            _ => {
                run = at..at + word.len();
                tokens.push(Token::Word { text: word, key });
            }
        }
    }
}

impl<'a> Token<'a> {
    fn to_key(self) -> Key<'a> {
        match self {
            Token::Word { key, .. } => Key::Word(key),
            Token::Mark => Key::Mark,
            Token::Here(index) => Key::Here(index),
            Token::Away(index) => Key::Away(index),
        }
    }
}

/// Compares token by token: each with whether it was kept, deleted or inserted.
pub(super) fn compare<'a>(old: &[Token<'a>], new: &[Token<'a>]) -> Vec<(DiffTag, Token<'a>)> {
    let deleted = |range: Range<usize>| old[range].iter().map(|token| (DiffTag::Delete, *token));
    let inserted = |range: Range<usize>| new[range].iter().map(|token| (DiffTag::Insert, *token));
    if old.is_empty() || new.is_empty() {
        return deleted(0..old.len()).chain(inserted(0..new.len())).collect();
    }
    let mut numbers = Numbers(HashMap::new());
    let mut of = |tokens: &[Token<'a>]| numbers.of(tokens.iter().map(|token| token.to_key()));
    let (old_numbers, new_numbers) = (of(old), of(new));
    if old.len().max(new.len()) > UNLIKE_TOKENS_MAX {
        let known: HashSet<u32> = old_numbers.iter().copied().collect();
        let shared = new_numbers.iter().filter(|number| known.contains(number)).count();
        if shared * 2 < new.len() {
            return deleted(0..old.len()).chain(inserted(0..new.len())).collect();
        }
    }
    let mut compared = Vec::with_capacity(old.len().max(new.len()));
    for op in diff(&old_numbers, &new_numbers) {
        if op.tag() == DiffTag::Equal {
            compared.extend(new[op.new_range()].iter().map(|token| (DiffTag::Equal, *token)));
        } else {
            compared.extend(deleted(op.old_range()));
            compared.extend(inserted(op.new_range()));
        }
    }
    merged(&compared)
}

/// Merges islands: up to two function words between changes are read more easily as changed too.
fn merged<'a>(compared: &[(DiffTag, Token<'a>)]) -> Vec<(DiffTag, Token<'a>)> {
    let mut merged = Vec::with_capacity(compared.len());
    let mut run: Vec<(DiffTag, Token<'a>)> = Vec::new();
    let mut at = 0;
    while at < compared.len() {
        if compared[at].0 != DiffTag::Equal {
            run.push(compared[at]);
            at += 1;
            continue;
        }
        let length = compared[at..].iter().take_while(|(tag, _)| *tag == DiffTag::Equal).count();
        let island = &compared[at..at + length];
        if !run.is_empty() && at + length < compared.len() && is_island(island) {
            run.extend(island);
        } else {
            close(&mut run, &mut merged);
            merged.extend(island);
        }
        at += length;
    }
    close(&mut run, &mut merged);
    merged
}

/// Writes a run of changes: first all that is gone, then all that is new.
fn close<'a>(run: &mut Vec<(DiffTag, Token<'a>)>, merged: &mut Vec<(DiffTag, Token<'a>)>) {
    for side in [DiffTag::Delete, DiffTag::Insert] {
        let of_side = run.iter().filter(|(tag, _)| *tag == side || *tag == DiffTag::Equal);
        merged.extend(of_side.map(|(_, token)| (side, *token)));
    }
    run.clear();
}

fn is_island(tokens: &[(DiffTag, Token<'_>)]) -> bool {
    const FUNCTION_WORDS: [&str; 16] =
        ["a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "that", "the", "to", "with"];
    let mut words = 0;
    tokens.iter().all(|(_, token)| match token {
        Token::Word { text, .. } if text.contains(char::is_alphanumeric) => {
            words += 1;
            words <= 2 && FUNCTION_WORDS.contains(&text.to_lowercase().as_str())
        }
        Token::Word { .. } => true,
        Token::Mark | Token::Here(_) | Token::Away(_) => false,
    })
}
