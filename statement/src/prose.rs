//! The blocks, sentences and words of a statement's text, as far as facts and comparisons need them.
//!
//! It is no Markdown renderer. A heading is a line of one to six `#`, with its anchor in `{#…}` at the end; a list
//! item, a table row and a heading are blocks of their own; blank lines part the others. A heading without an anchor
//! begins a section that cannot be quoted. Lines between fences are text and nothing else.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::yaml::Located;

/// The section before the first heading.
pub const TOP: &str = "top";

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// A heading of this level, 1 to 6.
    Heading(usize),
    /// Running text.
    Paragraph,
    /// An item of a list.
    Item,
    /// A row of a table.
    Row,
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The anchor of the section it stands in; [`TOP`], or empty under a heading without an anchor.
    pub section: &'a str,
    /// What it is.
    pub kind: BlockKind,
    /// Its source, without `#` and `{#…}` for a heading.
    pub text: &'a str,
    /// Where that stands, in bytes of the text.
    pub span: Range<usize>,
}

impl Block<'_> {
    /// Whether it is the line below a table's head.
    #[must_use]
    pub fn is_rule(&self) -> bool {
        self.kind == BlockKind::Row && self.text.bytes().all(|byte| b"|-: \t".contains(&byte))
    }
}

/// The blocks of a text, in order. Every byte that is not white space and no mark of a heading is in one of them.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut section, mut open, mut fenced, mut at) = (TOP, false, false, 0);
    for line in text.split_inclusive('\n') {
        let start = at + (line.len() - line.trim_start().len());
        let trimmed = line.trim();
        at += line.len();
        let fence = trimmed.starts_with("```") || trimmed.starts_with("~~~");
        let heading = if fenced { None } else { heading(trimmed) };
        fenced ^= fence;
        if trimmed.is_empty() {
            open = false;
            continue;
        }
        let span = start..start + trimmed.len();
        if let Some((level, title, id)) = heading {
            section = id.unwrap_or_default();
            let span = start + title.start..start + title.end;
            blocks.push(Block { section, kind: BlockKind::Heading(level), text: &text[span.clone()], span });
            open = false;
            continue;
        }
        let kind = if fenced || fence { None } else { line_kind(trimmed) };
        match blocks.last_mut() {
            Some(block) if open && kind.is_none() => {
                block.span.end = span.end;
                block.text = &text[block.span.clone()];
            }
            _ => blocks.push(Block {
                section,
                kind: kind.unwrap_or(BlockKind::Paragraph),
                text: &text[span.clone()],
                span,
            }),
        }
        open = true;
    }
    blocks
}

/// The anchor of each heading, in order, empty where it has none, and where the heading stands if the text begins at
/// the byte `start`.
pub(crate) fn sections(text: &str, start: usize) -> impl Iterator<Item = Located<String>> {
    let headings = blocks(text).into_iter().filter(|block| matches!(block.kind, BlockKind::Heading(_)));
    headings.map(move |block| Located {
        value: block.section.to_owned(),
        span: start + block.span.start..start + block.span.end,
    })
}

/// Level, title and anchor of a heading, if the line is one.
fn heading(line: &str) -> Option<(usize, Range<usize>, Option<&str>)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let rest = &line[level..];
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let anchor = rest.strip_suffix('}').and_then(|rest| rest.rsplit_once("{#"));
    let (title, id) = anchor.map_or((rest, None), |(title, id)| (title, Some(id.trim())));
    let start = level + (title.len() - title.trim_start().len());
    Some((level, start.min(level + title.len())..level + title.trim_end().len().max(start - level), id))
}

fn line_kind(line: &str) -> Option<BlockKind> {
    let digits = line.len() - line.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let ordered = (1..=9).contains(&digits) && [". ", ") "].iter().any(|mark| line[digits..].starts_with(mark));
    if ordered || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark)) {
        Some(BlockKind::Item)
    } else if line.starts_with('|') {
        Some(BlockKind::Row)
    } else {
        None
    }
}

/// The sentences of a block (UAX #29, section 5), as ranges without the white space around them. What holds no letter
/// and no digit is no sentence.
#[must_use]
pub fn sentences(block: &str) -> Vec<Range<usize>> {
    let trimmed = |(start, sentence): (usize, &str)| {
        let start = start + (sentence.len() - sentence.trim_start().len());
        start..start + sentence.trim().len()
    };
    block
        .split_sentence_bound_indices()
        .filter(|(_, sentence)| sentence.contains(char::is_alphanumeric))
        .map(trimmed)
        .collect()
}

/// The words of a text (UAX #29, section 4), in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.unicode_words().map(str::to_lowercase)
}

/// A number in figures or in English words, up to ninety.
pub(crate) fn number(word: &str) -> Option<i32> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let small = (0..).zip(SMALL).find(|(_, name)| *name == word).map(|(number, _)| number);
    let tens = || (2..).zip(TENS).find(|(_, name)| *name == word).map(|(tens, _)| tens * 10);
    small.or_else(tens).or_else(|| word.parse().ok())
}

/// Whether a word is a number, a date or a part of one.
pub(crate) fn is_number(word: &str) -> bool {
    const MORE: [&str; 5] = ["hundred", "thousand", "million", "half", "dozen"];
    number(word).is_some()
        || word.contains(|letter: char| letter.is_numeric())
        || MORE.contains(&word)
        || MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word))
}

/// The months in English.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A text in which phrases are sought: white space collapsed, curly quotes straight, and the way back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folded {
    /// What is sought in.
    pub(crate) text: String,
    /// For each of its bytes, and one more, the byte it comes from.
    origin: Vec<usize>,
}

impl Folded {
    /// Folds a text that stands at `start` of a larger one.
    pub(crate) fn new(text: &str, start: usize) -> Self {
        let mut folded = Self::default();
        for (at, letter) in text.char_indices() {
            let letter = match letter {
                '“' | '”' => '"',
                '‘' | '’' => '\'',
                space if space.is_whitespace() => ' ',
                other => other,
            };
            if letter == ' ' && folded.text.ends_with(' ') {
                continue;
            }
            folded.text.push(letter);
            folded.origin.resize(folded.text.len(), start + at);
        }
        folded.origin.push(start + text.len());
        folded
    }

    /// Where a range of the folded text stands in the larger one.
    pub(crate) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        self.origin[range.start]..self.origin[range.end]
    }

    /// Where `phrase`, itself folded, stands: whole words only, so that “improve” is not found in “improvement”.
    pub(crate) fn find(&self, phrase: &str) -> Vec<Range<usize>> {
        let joined = |before: Option<char>, after: Option<char>| {
            before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
        };
        self.text
            .match_indices(phrase)
            .map(|(at, found)| at..at + found.len())
            .filter(|range| {
                let (before, after) = (&self.text[..range.start], &self.text[range.end..]);
                !joined(before.chars().next_back(), phrase.chars().next())
                    && !joined(phrase.chars().next_back(), after.chars().next())
            })
            .collect()
    }
}

/// A phrase as it is sought.
pub(crate) fn fold(phrase: &str) -> String {
    Folded::new(phrase.trim(), 0).text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_sections_and_kinds() {
        let text = "Before\nit.\n\n## Title {#a}\nOne.\n- item\n  goes on\n2) two\n| a | b |\n\n```\n# no heading\n```\n# Plain\nx\n";
        let read: Vec<_> = blocks(text).into_iter().map(|block| (block.section, block.kind, block.text)).collect();
        assert_eq!(
            read,
            [
                ("top", BlockKind::Paragraph, "Before\nit."),
                ("a", BlockKind::Heading(2), "Title"),
                ("a", BlockKind::Paragraph, "One."),
                ("a", BlockKind::Item, "- item\n  goes on"),
                ("a", BlockKind::Item, "2) two"),
                ("a", BlockKind::Row, "| a | b |"),
                ("a", BlockKind::Paragraph, "```\n# no heading\n```"),
                ("", BlockKind::Heading(1), "Plain"),
                ("", BlockKind::Paragraph, "x"),
            ]
        );
    }

    #[test]
    fn sentences_end_at_full_stops_that_are_none_of_an_abbreviation() {
        let block = "It is under U.S. law. See www.example.org. We keep it “here”! And no stop";
        let read: Vec<&str> = sentences(block).into_iter().map(|range| &block[range]).collect();
        assert_eq!(read, ["It is under U.S. law.", "See www.example.org.", "We keep it “here”!", "And no stop"]);
    }

    #[test]
    fn phrases_are_whole_words_and_lead_back() {
        let text = "An  improvement:\nwe “improve”\n it";
        let folded = Folded::new(text, 100);
        let found = folded.find(&fold("we \"improve\"  it"));
        assert_eq!(found.len(), 1);
        let origin = folded.origin(&found[0]);
        assert_eq!(&text[origin.start - 100..origin.end - 100], "we “improve”\n it");
        assert_eq!(folded.find("improve").len(), 1);
        assert!(folded.find("").len() < 100);
    }

    proptest::proptest! {
        #[test]
        fn blocks_are_the_text_in_order(text in "[-#{}a1. |`\\n\\r\\té“]{0,60}") {
            let mut at = 0;
            for block in blocks(&text) {
                proptest::prop_assert!(block.span.start >= at);
                proptest::prop_assert_eq!(block.text, &text[block.span.clone()]);
                at = block.span.end;
                for sentence in sentences(block.text) {
                    proptest::prop_assert!(block.text.get(sentence).is_some());
                }
                let folded = Folded::new(block.text, block.span.start);
                for range in folded.find("a") {
                    proptest::prop_assert_eq!(&text[folded.origin(&range)], "a");
                }
            }
        }
    }
}
