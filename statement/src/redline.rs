//! What changed between two versions: the facts, then the text with insertions, deletions and moves.
//!
//! Two texts in, blocks out; how they are shown (HTML, mail, JSON) is others' business, apart from the plain-text
//! form. It does not know which versions it compares, or whether they may follow one another.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;
use similar::{Algorithm, DiffTag, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::prose::{self, Block, BlockKind};

/// Blocks that share this much (Dice's coefficient of their words) are one block that moved.
const MOVE_SIMILARITY_MIN: f64 = 0.6;
/// Shorter blocks are not said to have moved: one sentence of a contract is much like another.
const MOVE_WORDS_MIN: usize = 12;
/// Longer stretches with little in common are not compared word by word, which would take the square of their length.
const UNLIKE_TOKENS_MAX: usize = 20_000;

/// A comparison, in the order of the new text; what was deleted stands where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redline {
    /// Every block, changed or not.
    pub blocks: Vec<RedlineBlock>,
}

/// A block of either text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedlineBlock {
    /// The anchor of its section.
    pub section: String,
    /// The level, if it is a heading.
    pub heading: Option<usize>,
    /// What became of it.
    pub change: Change,
    /// Its words.
    pub pieces: Vec<Piece>,
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing.
    Kept,
    /// Some of its words changed.
    Edited,
    /// It is new.
    Inserted,
    /// It is gone.
    Deleted,
    /// It stood elsewhere; its words may have changed too.
    Moved {
        /// The section it stood in.
        from: String,
    },
    /// It now stands elsewhere; its pieces are as they were.
    MovedAway {
        /// The section it stands in.
        to: String,
    },
}

/// A run of words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// In both texts.
    Kept(String),
    /// Only in the new one.
    Inserted(String),
    /// Only in the old one.
    Deleted(String),
}

/// How much changed in a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SectionChange {
    /// Its anchor.
    pub section: String,
    /// Words that are new.
    pub words_inserted: usize,
    /// Words that are gone.
    pub words_deleted: usize,
    /// Blocks that came from elsewhere.
    pub blocks_moved: usize,
}

/// A fact that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactChange {
    /// `retention.minimum`, `collects.voluntary.fields.school`.
    pub fact: String,
    /// What it was; none for a new one.
    pub old: Option<Value>,
    /// What it is; none for one that is gone.
    pub new: Option<Value>,
}

/// A unit of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Token<'a> {
    /// A word, a space or a punctuation mark.
    Word(&'a str),
    /// The end of a block.
    Mark,
    /// The new block of this index, which stood elsewhere.
    Here(usize),
    /// The old block of this index, which stands elsewhere.
    Away(usize),
}

impl RedlineBlock {
    /// How many of its words are new, and how many are gone.
    #[must_use]
    pub fn words_changed(&self) -> (usize, usize) {
        self.pieces.iter().fold((0, 0), |(inserted, deleted), piece| match piece {
            Piece::Kept(_) => (inserted, deleted),
            Piece::Inserted(text) => (inserted + text.unicode_words().count(), deleted),
            Piece::Deleted(text) => (inserted, deleted + text.unicode_words().count()),
        })
    }
}

impl Redline {
    /// Compares two canonical texts.
    #[must_use]
    pub fn new(old: &str, new: &str) -> Self {
        let (old, new) = (prose::blocks(old), prose::blocks(new));
        let key = |block: &Block<'_>| (block.kind, block.text.to_owned());
        let old_keys: Vec<_> = old.iter().map(key).collect();
        let new_keys: Vec<_> = new.iter().map(key).collect();
        let mut anchors = Vec::new();
        for op in capture_diff_slices(Algorithm::Patience, &old_keys, &new_keys) {
            if op.tag() == DiffTag::Equal {
                anchors.extend(op.old_range().zip(op.new_range()));
            }
        }
        let moves = moves(&old, &new, &anchors);
        let mut writer = Writer::new(&old, &new, &moves);
        let (mut old_at, mut new_at) = (0, 0);
        for (old_index, new_index) in anchors {
            writer.gap(old_at..old_index, new_at..new_index);
            writer.keep(new_index);
            (old_at, new_at) = (old_index + 1, new_index + 1);
        }
        writer.gap(old_at..old.len(), new_at..new.len());
        Self { blocks: writer.blocks }
    }

    /// The blocks of the new text: the redline applied.
    pub fn new_blocks(&self) -> impl Iterator<Item = String> {
        let stays = |block: &&RedlineBlock| !matches!(block.change, Change::Deleted | Change::MovedAway { .. });
        self.blocks.iter().filter(stays).map(|block| {
            let stays = |piece: &Piece| match piece {
                Piece::Kept(text) | Piece::Inserted(text) => Some(text.clone()),
                Piece::Deleted(_) => None,
            };
            block.pieces.iter().filter_map(stays).collect()
        })
    }

    /// Whether anything changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.iter().all(|block| block.change == Change::Kept)
    }

    /// Every run of words that is in one text only.
    pub fn changed(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().flat_map(|block| &block.pieces).filter_map(|piece| match piece {
            Piece::Kept(_) => None,
            Piece::Inserted(text) | Piece::Deleted(text) => Some(text.as_str()),
        })
    }

    /// Words that are in one text only.
    #[must_use]
    pub fn words_marked(&self) -> usize {
        self.changed().map(|text| text.unicode_words().count()).sum()
    }

    /// The sections in which anything changed, in the order they stand.
    #[must_use]
    pub fn sections(&self) -> Vec<SectionChange> {
        let mut sections: Vec<SectionChange> = Vec::new();
        let mut index: HashMap<&str, usize> = HashMap::new();
        for block in self.blocks.iter().filter(|block| block.change != Change::Kept) {
            let at = *index.entry(&block.section).or_insert_with(|| {
                let section = block.section.clone();
                sections.push(SectionChange { section, words_inserted: 0, words_deleted: 0, blocks_moved: 0 });
                sections.len() - 1
            });
            let section = &mut sections[at];
            section.blocks_moved += usize::from(matches!(block.change, Change::Moved { .. }));
            let (inserted, deleted) = block.words_changed();
            section.words_inserted += inserted;
            section.words_deleted += deleted;
        }
        sections
    }

    /// The words that carry obligation among those that changed, for reviewers: negations, modal verbs, numbers.
    #[must_use]
    pub fn obligations(&self) -> Vec<String> {
        let words = self.changed().flat_map(prose::words);
        words.filter(|word| carries_obligation(word)).collect()
    }

    /// For mail and terminals: `[-gone-] {+new+}`. Unchanged blocks are left out.
    #[must_use]
    pub fn to_plain(&self) -> String {
        let mut plain = String::new();
        let mut section: Option<&str> = None;
        for block in self.blocks.iter().filter(|block| block.change != Change::Kept) {
            if section != Some(&block.section) {
                plain.push_str(&format!("§ {}\n\n", block.section));
                section = Some(&block.section);
            }
            match &block.change {
                Change::Moved { from } => plain.push_str(&format!("(moved from section {from}) ")),
                Change::MovedAway { to } => {
                    plain.push_str(&format!("(moved to section {to})\n\n"));
                    continue;
                }
                Change::Kept | Change::Edited | Change::Inserted | Change::Deleted => {}
            }
            for piece in &block.pieces {
                match piece {
                    Piece::Kept(text) => plain.push_str(text),
                    Piece::Inserted(text) => plain.push_str(&format!("{{+{text}+}}")),
                    Piece::Deleted(text) => plain.push_str(&format!("[-{}-]", text.replace("\n\n", "¶"))),
                }
            }
            plain.push_str("\n\n");
        }
        plain
    }
}

/// Whether a change of this word is more than a matter of spelling: a negation, a modal verb, a number.
pub(crate) fn carries_obligation(word: &str) -> bool {
    const WORDS: [&str; 13] =
        ["not", "no", "never", "only", "unless", "may", "must", "shall", "will", "cannot", "can", "should", "except"];
    WORDS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t") || prose::is_number(word)
}

/// Pairs of old and new blocks that moved, by new index. What stands between the same two unchanged blocks in both
/// texts, and in the same order, did not move.
fn moves(old: &[Block<'_>], new: &[Block<'_>], anchors: &[(usize, usize)]) -> HashMap<usize, usize> {
    let candidates = |blocks: &[Block<'_>], taken: HashSet<usize>| -> Vec<(usize, HashMap<String, usize>, usize)> {
        let free = blocks
            .iter()
            .enumerate()
            .filter(|(index, block)| !taken.contains(index) && !matches!(block.kind, BlockKind::Heading(_)));
        let counted = free.map(|(index, block)| {
            let mut counts = HashMap::new();
            prose::words(block.text).for_each(|word| *counts.entry(word).or_default() += 1);
            let total = counts.values().sum();
            (index, counts, total)
        });
        counted.filter(|(_, _, total)| *total >= MOVE_WORDS_MIN).collect()
    };
    let old_free = candidates(old, anchors.iter().map(|(old, _)| *old).collect());
    let new_free = candidates(new, anchors.iter().map(|(_, new)| *new).collect());
    let mut pairs = Vec::new();
    for (new_index, new_words, new_total) in &new_free {
        for (old_index, old_words, old_total) in &old_free {
            let (less, more) = (*old_total.min(new_total) as f64, (old_total + new_total) as f64);
            if 2.0 * less / more < MOVE_SIMILARITY_MIN {
                continue;
            }
            let shared: usize =
                new_words.iter().map(|(word, count)| old_words.get(word).map_or(0, |other| *other.min(count))).sum();
            let similarity = 2.0 * shared as f64 / more;
            if similarity >= MOVE_SIMILARITY_MIN {
                pairs.push((similarity, *old_index, *new_index));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let (mut old_taken, mut new_taken) = (HashSet::new(), HashSet::new());
    pairs.retain(|(_, old, new)| {
        let free = !old_taken.contains(old) && !new_taken.contains(new);
        if free {
            old_taken.insert(*old);
            new_taken.insert(*new);
        }
        free
    });
    let gap_of_old = |index: usize| anchors.partition_point(|(old, _)| *old < index);
    let gap_of_new = |index: usize| anchors.partition_point(|(_, new)| *new < index);
    let mut in_order: Vec<(usize, usize)> = pairs
        .iter()
        .map(|(_, old, new)| (*old, *new))
        .filter(|(old, new)| gap_of_old(*old) == gap_of_new(*new))
        .collect();
    in_order.sort_unstable_by_key(|(_, new)| *new);
    let stays: HashSet<usize> = longest_increasing(&in_order).into_iter().collect();
    pairs.into_iter().filter(|(_, _, new)| !stays.contains(new)).map(|(_, old, new)| (new, old)).collect()
}

/// The new indices of a longest run in which the old indices increase too.
fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<usize> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (old, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *old);
        before.push(length.checked_sub(1).map(|last| ends[last]));
        ends.truncate(ends.len().max(length));
        if length < ends.len() {
            ends[length] = index;
        } else {
            ends.push(index);
        }
    }
    let mut run = Vec::new();
    let mut next = ends.last().copied();
    while let Some(index) = next {
        run.push(pairs[index].1);
        next = before[index];
    }
    run
}

/// Writes the blocks of a redline in order.
struct Writer<'a> {
    old: &'a [Block<'a>],
    new: &'a [Block<'a>],
    /// Moved blocks: new index to old.
    here: &'a HashMap<usize, usize>,
    away: HashMap<usize, usize>,
    blocks: Vec<RedlineBlock>,
    pieces: Vec<Piece>,
    /// Blocks that moved away out of the middle of one that is being written.
    waiting: Vec<usize>,
}

impl<'a> Writer<'a> {
    fn new(old: &'a [Block<'a>], new: &'a [Block<'a>], here: &'a HashMap<usize, usize>) -> Self {
        let away = here.iter().map(|(new, old)| (*old, *new)).collect();
        Self { old, new, here, away, blocks: Vec::new(), pieces: Vec::new(), waiting: Vec::new() }
    }

    fn push(&mut self, block: &Block<'_>, change: Change, pieces: Vec<Piece>) {
        let heading = if let BlockKind::Heading(level) = block.kind { Some(level) } else { None };
        self.blocks.push(RedlineBlock { section: block.section.to_owned(), heading, change, pieces });
    }

    fn keep(&mut self, new: usize) {
        let block = &self.new[new];
        self.push(block, Change::Kept, vec![Piece::Kept(block.text.to_owned())]);
    }

    /// Compares what stands between two unchanged blocks.
    fn gap(&mut self, old: std::ops::Range<usize>, new: std::ops::Range<usize>) {
        let (mut old_next, mut new_next) = (old.start, new.start);
        let mut old_tokens = Vec::new();
        for index in old.clone() {
            if self.away.contains_key(&index) {
                old_tokens.push(Token::Away(index));
            } else {
                old_tokens.extend(self.old[index].text.split_word_bounds().map(Token::Word));
                old_tokens.push(Token::Mark);
            }
        }
        let mut new_tokens = Vec::new();
        for index in new.clone() {
            if self.here.contains_key(&index) {
                new_tokens.push(Token::Here(index));
            } else {
                new_tokens.extend(self.new[index].text.split_word_bounds().map(Token::Word));
                new_tokens.push(Token::Mark);
            }
        }
        for (tag, token) in merged(compare(&old_tokens, &new_tokens)) {
            match (token, tag) {
                (Token::Word(text), _) => self.piece(tag, text),
                (Token::Mark, DiffTag::Delete) => {
                    while self.away.contains_key(&old_next) {
                        old_next += 1;
                    }
                    if self.pieces.iter().all(|piece| matches!(piece, Piece::Deleted(_))) {
                        let pieces = std::mem::take(&mut self.pieces);
                        if let Some(block) = self.old.get(old_next) {
                            self.push(block, Change::Deleted, pieces);
                        }
                        self.flush_waiting();
                    } else {
                        self.piece(tag, "\n\n");
                    }
                    old_next += 1;
                }
                (Token::Mark, _) => {
                    while self.here.contains_key(&new_next) {
                        new_next += 1;
                    }
                    let pieces = std::mem::take(&mut self.pieces);
                    let all = |wanted: fn(&Piece) -> bool| pieces.iter().all(wanted);
                    let change = if all(|piece| matches!(piece, Piece::Inserted(_))) {
                        Change::Inserted
                    } else if all(|piece| matches!(piece, Piece::Kept(_))) {
                        // Its mark or its kind is what differs, as when a paragraph was split.
                        if tag == DiffTag::Equal { Change::Kept } else { Change::Edited }
                    } else {
                        Change::Edited
                    };
                    self.push(&self.new[new_next], change, pieces);
                    self.flush_waiting();
                    new_next += 1;
                    if tag == DiffTag::Equal {
                        while self.away.contains_key(&old_next) {
                            old_next += 1;
                        }
                        old_next += 1;
                    }
                }
                (Token::Away(index), _) => {
                    self.waiting.push(index);
                    if self.pieces.is_empty() {
                        self.flush_waiting();
                    }
                }
                (Token::Here(index), _) => {
                    let block = &self.new[index];
                    let source = &self.old[self.here[&index]];
                    let old: Vec<Token<'_>> = source.text.split_word_bounds().map(Token::Word).collect();
                    let new: Vec<Token<'_>> = block.text.split_word_bounds().map(Token::Word).collect();
                    let before = std::mem::take(&mut self.pieces);
                    for (tag, token) in merged(compare(&old, &new)) {
                        if let Token::Word(text) = token {
                            self.piece(tag, text);
                        }
                    }
                    let pieces = std::mem::replace(&mut self.pieces, before);
                    self.push(block, Change::Moved { from: source.section.to_owned() }, pieces);
                }
            }
        }
        self.flush_waiting();
    }

    fn flush_waiting(&mut self) {
        for index in std::mem::take(&mut self.waiting) {
            let block = &self.old[index];
            let to = self.new[self.away[&index]].section.to_owned();
            self.push(block, Change::MovedAway { to }, vec![Piece::Kept(block.text.to_owned())]);
        }
    }

    fn piece(&mut self, tag: DiffTag, text: &str) {
        match (tag, self.pieces.last_mut()) {
            (DiffTag::Equal, Some(Piece::Kept(last)))
            | (DiffTag::Insert, Some(Piece::Inserted(last)))
            | (DiffTag::Delete, Some(Piece::Deleted(last))) => last.push_str(text),
            (DiffTag::Insert, _) => self.pieces.push(Piece::Inserted(text.to_owned())),
            (DiffTag::Delete, _) => self.pieces.push(Piece::Deleted(text.to_owned())),
            (DiffTag::Equal | DiffTag::Replace, _) => self.pieces.push(Piece::Kept(text.to_owned())),
        }
    }
}

/// Compares token by token: each with whether it was kept, deleted or inserted.
fn compare<'a>(old: &[Token<'a>], new: &[Token<'a>]) -> Vec<(DiffTag, Token<'a>)> {
    let deleted = |range: std::ops::Range<usize>| old[range].iter().map(|token| (DiffTag::Delete, *token));
    let inserted = |range: std::ops::Range<usize>| new[range].iter().map(|token| (DiffTag::Insert, *token));
    if old.len().max(new.len()) > UNLIKE_TOKENS_MAX {
        let words: HashSet<&Token<'_>> = old.iter().collect();
        let shared = new.iter().filter(|token| words.contains(token)).count();
        if shared * 2 < new.len() {
            return deleted(0..old.len()).chain(inserted(0..new.len())).collect();
        }
    }
    let mut compared = Vec::with_capacity(old.len().max(new.len()));
    for op in capture_diff_slices(Algorithm::Patience, old, new) {
        if op.tag() == DiffTag::Equal {
            compared.extend(new[op.new_range()].iter().map(|token| (DiffTag::Equal, *token)));
        } else {
            compared.extend(deleted(op.old_range()));
            compared.extend(inserted(op.new_range()));
        }
    }
    compared
}

/// Merges islands: up to two function words between changes are read more easily as changed too.
fn merged(compared: Vec<(DiffTag, Token<'_>)>) -> Vec<(DiffTag, Token<'_>)> {
    let mut merged = Vec::with_capacity(compared.len());
    let mut run: Vec<(DiffTag, Token<'_>)> = Vec::new();
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
        Token::Word(text) if text.contains(char::is_alphanumeric) => {
            words += 1;
            words <= 2 && FUNCTION_WORDS.contains(&text.to_lowercase().as_str())
        }
        Token::Word(_) => true,
        Token::Mark | Token::Here(_) | Token::Away(_) => false,
    })
}

/// What changed between the facts of two versions. Entries of lists are told apart by their name, so that a new
/// entry is no change of those behind it.
#[must_use]
pub fn facts(old: &Value, new: &Value) -> Vec<FactChange> {
    let mut changes = Vec::new();
    compare_facts("", Some(old), Some(new), &mut changes);
    changes
}

fn compare_facts(fact: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<FactChange>) {
    if old == new {
        return;
    }
    let parts = |value: Option<&Value>| value.map(named_parts).unwrap_or_default();
    match (parts(old), parts(new)) {
        (Some(old), Some(new)) => {
            let mut names: Vec<&str> = old.iter().map(|(name, _)| name.as_str()).collect();
            names.extend(
                new.iter().map(|(name, _)| name.as_str()).filter(|name| !old.iter().any(|(old, _)| old == name)),
            );
            for name in names {
                let find = |parts: &[(String, Value)]| {
                    parts.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
                };
                let fact = if fact.is_empty() { name.to_owned() } else { format!("{fact}.{name}") };
                compare_facts(&fact, find(&old).as_ref(), find(&new).as_ref(), changes);
            }
        }
        _ => changes.push(FactChange { fact: fact.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

/// The entries of a mapping, or of a list whose entries have names of their own.
fn named_parts(value: &Value) -> Option<Vec<(String, Value)>> {
    match value {
        Value::Object(entries) => Some(entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        Value::Array(items) => {
            let name = |item: &Value| {
                ["key", "id", "use", "role", "name"].iter().find_map(|key| item.get(key)?.as_str().map(str::to_owned))
            };
            let named: Option<Vec<_>> = items.iter().map(|item| Some((name(item)?, item.clone()))).collect();
            let mut seen = HashSet::new();
            named.filter(|named| named.iter().all(|(name, _)| seen.insert(name.clone())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "We keep what you write for as long as our accountants ask us to, and then we delete it.";

    fn plain(old: &str, new: &str) -> String {
        Redline::new(old, new).to_plain()
    }

    #[test]
    fn words_are_marked_and_never_parts_of_them() {
        assert_eq!(
            plain("We keep it seven years.\n", "We keep it five years.\n"),
            "§ top\n\nWe keep it [-seven-]{+five+} years.\n\n"
        );
        assert_eq!(
            plain("The cat of the house.\n", "The dog of the barn.\n"),
            "§ top\n\nThe [-cat of the house-]{+dog of the barn+}.\n\n",
            "two function words are no reason to stop"
        );
        assert_eq!(plain("Same.\n", "Same.\n"), "");
    }

    #[test]
    fn a_moved_and_edited_paragraph_is_a_move_with_its_edit() {
        let old = format!("## A {{#a}}\n\n{LONG}\n\nOne.\n\n## B {{#b}}\n\nTwo.\n");
        let new = format!("## A {{#a}}\n\nOne.\n\n## B {{#b}}\n\nTwo.\n\n{}\n", LONG.replace("delete", "erase"));
        let redline = Redline::new(&old, &new);
        assert_eq!(
            redline.to_plain(),
            "§ a\n\n(moved to section b)\n\n§ b\n\n(moved from section a) We keep what you write for as long as our \
             accountants ask us to, and then we [-delete-]{+erase+} it.\n\n"
        );
        assert_eq!(redline.words_marked(), 2);
        assert_eq!(redline.sections().iter().map(|section| section.blocks_moved).sum::<usize>(), 1);
    }

    #[test]
    fn splits_and_merges_mark_only_the_paragraph_ends() {
        let split = Redline::new("One thing. Another thing.\n", "One thing.\n\nAnother thing.\n");
        assert_eq!(split.words_marked(), 0, "{split:?}");
        assert!(!split.is_empty());
        let merged = Redline::new("One thing.\n\nAnother thing.\n", "One thing. Another thing.\n");
        assert_eq!(merged.to_plain(), "§ top\n\nOne thing.[-¶-]{+ +}Another thing.\n\n");
    }

    #[test]
    fn obligations_are_listed() {
        let redline = Redline::new("We may keep it seven years.\n", "We will keep it 5 years.\n");
        assert_eq!(redline.obligations(), ["may", "will", "seven", "5"]);
    }

    #[test]
    fn facts_are_compared_by_name() {
        let old = serde_json::json!({"retention": {"minimum": "P7Y"}, "uses": [{"key": "improve"}], "storage": {"countries": ["US"]}});
        let new = serde_json::json!({"retention": {"minimum": "P5Y"}, "uses": [{"key": "administer"}, {"key": "improve"}], "storage": {"countries": ["US", "NO"]}});
        let changes: Vec<String> = facts(&old, &new).into_iter().map(|change| change.fact).collect();
        assert_eq!(changes, ["retention.minimum", "storage.countries", "uses.administer"]);
        assert_eq!(facts(&old, &old), []);
    }

    fn text() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let words = "(one |two |three |we |may |will |not |of |the |é){0,16}(end|7)[.:]?";
        let block = prop_oneof![
            4 => words.prop_map(|words| words),
            1 => "(a|b|c)".prop_map(|id| format!("## Title {id} {{#{id}}}")),
            1 => words.prop_map(|words| format!("- {words}")),
            1 => Just(LONG.to_owned()),
        ];
        proptest::collection::vec(block, 0..12).prop_map(|blocks| blocks.join("\n\n"))
    }

    proptest::proptest! {
        #[test]
        fn applied_it_gives_the_new_text(old in text(), new in text()) {
            let redline = Redline::new(&old, &new);
            let applied: Vec<String> = redline.new_blocks().collect();
            let wanted: Vec<&str> = prose::blocks(&new).into_iter().map(|block| block.text).collect();
            proptest::prop_assert_eq!(applied, wanted);
            // Every word of the old text is there too, somewhere.
            let old_words = |redline: &Redline| {
                let blocks = redline.blocks.iter().filter(|block| !matches!(block.change, Change::MovedAway { .. }));
                let mut words: Vec<String> = blocks
                    .flat_map(|block| {
                        let text: String = block.pieces.iter().map(|piece| match piece {
                            Piece::Kept(text) | Piece::Deleted(text) => text.as_str(),
                            Piece::Inserted(_) => "",
                        }).collect();
                        prose::words(&text).collect::<Vec<_>>()
                    })
                    .collect();
                words.sort();
                words
            };
            let mut words: Vec<String> = prose::blocks(&old).into_iter().flat_map(|block| prose::words(block.text).collect::<Vec<_>>()).collect();
            words.sort();
            proptest::prop_assert_eq!(old_words(&redline), words);
        }

        #[test]
        fn the_same_text_has_no_changes(text in text()) {
            proptest::prop_assert!(Redline::new(&text, &text).is_empty());
        }
    }
}
