//! What changed between two versions: the facts, then the text with insertions, deletions and moves.
//!
//! Two texts in, blocks out; how they are shown (HTML, mail, JSON) is others' business, apart from the plain-text
//! form. It does not know which versions it compares, or whether they may follow one another.

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;
use serde_json::Value;
use similar::DiffTag;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::prose::{self, Block, BlockKind};

mod fact_changes;
mod moves;
mod words;

pub use fact_changes::facts;
use words::Token;

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
        let anchors = words::unchanged(&old, &new);
        let moves = moves::moves(&old, &new, &anchors);
        let mut writer = Writer::new(&old, &new, &moves);
        let (mut old_at, mut new_at) = (0, 0);
        for (old_index, new_index) in anchors {
            writer.gap(old_at..old_index, new_at..new_index);
            writer.same(old_index, new_index);
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

    /// A block that is the same in both texts; a heading may say something else.
    fn same(&mut self, old: usize, new: usize) {
        let block = &self.new[new];
        if matches!(block.kind, BlockKind::Heading(_)) && block.text != self.old[old].text {
            self.gap(old..old + 1, new..new + 1);
        } else {
            self.push(block, Change::Kept, vec![Piece::Kept(block.text.to_owned())]);
        }
    }

    /// Compares what stands between two unchanged blocks.
    fn gap(&mut self, old: Range<usize>, new: Range<usize>) {
        let (mut old_next, mut new_next) = (old.start, new.start);
        let mut old_tokens = Vec::new();
        for index in old.clone() {
            if self.away.contains_key(&index) {
                old_tokens.push(Token::Away(index));
            } else {
                words::tokens(&self.old[index], &mut old_tokens);
                old_tokens.push(Token::Mark);
            }
        }
        let mut new_tokens = Vec::new();
        for index in new.clone() {
            if self.here.contains_key(&index) {
                new_tokens.push(Token::Here(index));
            } else {
                words::tokens(&self.new[index], &mut new_tokens);
                new_tokens.push(Token::Mark);
            }
        }
        for (tag, token) in words::compare(&old_tokens, &new_tokens) {
            match (token, tag) {
                (Token::Word { text, .. }, _) => self.piece(tag, text),
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
                    let (mut old, mut new) = (Vec::new(), Vec::new());
                    words::tokens(source, &mut old);
                    words::tokens(block, &mut new);
                    let before = std::mem::take(&mut self.pieces);
                    for (tag, token) in words::compare(&old, &new) {
                        if let Token::Word { text, .. } = token {
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
}
