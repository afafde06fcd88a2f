//! Two versions held against each other, for people and for programs: facts first, then sections, then the words.
//!
//! It joins what [`crate::redline`] finds; how it stands on a page is others' business.

use serde::Serialize;

use crate::explain::in_words;
use crate::lock::facts_that_bind;
use crate::prose;
use crate::redline::{self, FactChange, Redline, RedlineBlock, SectionChange};
use crate::version::Statement;

/// What changed from one version to another. Serialised, it is the comparison for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The document's id.
    pub document: String,
    /// The one version.
    pub old: String,
    /// The other.
    pub new: String,
    /// Facts that changed, without the phrases they rest on.
    pub facts: Vec<FactChange>,
    /// Sections that changed, with counts.
    pub sections: Vec<SectionChange>,
    /// The words that carry obligation among those that changed.
    pub obligations: Vec<String>,
    /// Whether the text is the same in another order.
    pub moved_only: bool,
    /// The text, block by block.
    pub blocks: Vec<RedlineBlock>,
}

impl Comparison {
    /// Compares two versions.
    #[must_use]
    pub fn new(old: &Statement, new: &Statement) -> Self {
        let redline = Redline::new(&old.text, &new.text);
        Self {
            document: new.document.clone(),
            old: old.version.clone(),
            new: new.version.clone(),
            facts: redline::facts(&facts_that_bind(&old.facts), &facts_that_bind(&new.facts)),
            sections: redline.sections(),
            obligations: redline.obligations(),
            moved_only: old.text != new.text && sorted(&old.text) == sorted(&new.text),
            blocks: redline.blocks,
        }
    }

    /// Whether neither facts nor text changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.sections.is_empty()
    }

    /// For a terminal or a mail, the text as `[-gone-] {+new+}`.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.is_empty() {
            return format!("Nothing changed from {} to {}.\n", self.old, self.new);
        }
        let mut text = format!("From {} to {}\n\nFacts\n", self.old, self.new);
        let value = |value: &Option<serde_json::Value>| value.as_ref().map_or("–".to_owned(), in_words);
        for FactChange { fact, old, new } in &self.facts {
            text.push_str(&format!("  {fact}: {} → {}\n", value(old), value(new)));
        }
        if self.facts.is_empty() {
            text.push_str("  none changed\n");
        }
        text.push_str("\nSections\n");
        for section in &self.sections {
            let SectionChange { section, words_inserted, words_deleted, blocks_moved } = section;
            text.push_str(&format!(
                "  {section}: words {words_inserted} in, {words_deleted} out; moved {blocks_moved}\n"
            ));
        }
        if self.sections.is_empty() {
            text.push_str("  none changed\n");
        }
        if !self.obligations.is_empty() {
            text.push_str(&format!("\nWords that oblige, changed: {}\n", self.obligations.join(", ")));
        }
        let redline = Redline { blocks: self.blocks.clone() };
        text.push('\n');
        text.push_str(&redline.to_plain());
        text
    }
}

/// The blocks of a text, whatever their order.
fn sorted(text: &str) -> Vec<(&str, &str)> {
    let mut blocks: Vec<_> = prose::blocks(text).into_iter().map(|block| (block.section, block.text)).collect();
    blocks.sort_unstable();
    blocks
}
