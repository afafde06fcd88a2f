//! Makes a long statement and the versions that come after it, each a plausible revision of the one before.
//!
//! The same seed makes the same texts. It knows what revisers of public policies do, and nothing of how texts are
//! compared.

/// What the sentences are made of; half of their longer words are exchanged.
const FIRST_VERSION: &str = include_str!("../../../content/privacy/2018-09-26.md");

/// Numbers that look random, the same everywhere (the constants are Knuth's, for MMIX).
pub(crate) struct Dice(u64);

/// A history in the making.
pub(crate) struct Revisions {
    dice: Dice,
    sentences: Vec<Vec<String>>,
    vocabulary: Vec<String>,
    sections: Vec<Section>,
    ids: usize,
}

struct Section {
    id: usize,
    title: String,
    blocks: Vec<Block>,
}

enum Block {
    Paragraph(Vec<String>),
    List(Vec<String>),
    Table(Vec<[String; 3]>),
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below the limit, or 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }
}

impl Revisions {
    /// The first version, of about so many words.
    pub(crate) fn new(words: usize, seed: u64) -> Self {
        let text = FIRST_VERSION.rsplit("\n---\n").next().unwrap_or_default();
        let prose = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let sentences: Vec<Vec<String>> = prose
            .flat_map(|line| line.split(". "))
            .map(|sentence| sentence.split(' ').map(|word| word.trim_end_matches(['.', ':']).to_owned()).collect())
            .filter(|sentence: &Vec<String>| sentence.len() > 6)
            .collect();
        let mut vocabulary: Vec<String> = sentences.iter().flatten().filter(|word| word.len() > 4).cloned().collect();
        for stem in ["record", "account", "device", "consent", "contract", "transfer", "profile", "audit", "invoice"] {
            for end in ["", "s", "ing", "-holder", "-keeper", " number", " history", " settings", " terms"] {
                vocabulary.push(format!("{stem}{end}"));
            }
        }
        let mut made = Self { dice: Dice::new(seed), sentences, vocabulary, sections: Vec::new(), ids: 0 };
        let mut count = 0;
        while count < words {
            let section = made.section();
            count += section.to_text(0).split_whitespace().count();
            made.sections.push(section);
        }
        made
    }

    /// The version as it stands, headings numbered.
    pub(crate) fn text(&self) -> String {
        (1..).zip(&self.sections).map(|(number, section)| section.to_text(number)).collect()
    }

    /// Makes the next version: a handful of edits, and now and then a larger one.
    pub(crate) fn revise(&mut self, version: usize) {
        for _ in 0..6 {
            self.reword();
        }
        self.add_or_drop_sentence();
        self.split_or_merge();
        self.change_list_and_table();
        if version.is_multiple_of(3) {
            self.move_block();
        }
        if version.is_multiple_of(5) {
            let at = self.dice.below(self.sections.len());
            self.sections[at].title = self.title();
        }
        if version.is_multiple_of(7) {
            let (a, b) = (self.dice.below(self.sections.len()), self.dice.below(self.sections.len()));
            self.sections.swap(a, b);
        }
        if version.is_multiple_of(10) {
            let (at, section) = (self.dice.below(self.sections.len()), self.section());
            self.sections.insert(at, section);
        }
        if version.is_multiple_of(13) {
            let at = self.dice.below(self.sections.len());
            let rewritten = self.section();
            self.sections[at].blocks = rewritten.blocks;
        }
    }

    fn sentence(&mut self) -> String {
        let mut words = self.sentences[self.dice.below(self.sentences.len())].clone();
        for word in &mut words {
            if word.len() > 4 && self.dice.below(2) == 0 {
                *word = self.vocabulary[self.dice.below(self.vocabulary.len())].clone();
            }
        }
        format!("{}.", words.join(" "))
    }

    fn title(&mut self) -> String {
        let words: Vec<String> =
            (0..3).map(|_| self.vocabulary[self.dice.below(self.vocabulary.len())].clone()).collect();
        words.join(" ")
    }

    fn few(&mut self, least: usize, most: usize, mut make: impl FnMut(&mut Self) -> String) -> Vec<String> {
        (0..least + self.dice.below(most - least + 1)).map(|_| make(self)).collect()
    }

    fn row(&mut self) -> [String; 3] {
        let months = 1 + self.dice.below(84);
        [self.title(), self.title(), format!("{months} months")]
    }

    fn section(&mut self) -> Section {
        self.ids += 1;
        let mut blocks = Vec::new();
        for _ in 0..6 + self.dice.below(6) {
            blocks.push(match self.dice.below(8) {
                0 => Block::List(self.few(3, 7, Self::title)),
                1 => Block::Table((0..3 + self.dice.below(5)).map(|_| self.row()).collect()),
                _ => Block::Paragraph(self.few(2, 5, Self::sentence)),
            });
        }
        Section { id: self.ids, title: self.title(), blocks }
    }

    /// A block for which `wanted` holds, from a random place on.
    fn find(&mut self, wanted: fn(&Block) -> bool) -> Option<(usize, usize)> {
        let from = self.dice.below(self.sections.len());
        (0..self.sections.len()).map(|step| (from + step) % self.sections.len()).find_map(|section| {
            let blocks = &self.sections[section].blocks;
            let at = self.dice.below(blocks.len());
            let mut places = (0..blocks.len()).map(|step| (at + step) % blocks.len());
            places.find(|block| wanted(&blocks[*block])).map(|block| (section, block))
        })
    }

    fn paragraph(&mut self) -> Option<&mut Vec<String>> {
        let (section, block) = self.find(|block| matches!(block, Block::Paragraph(_)))?;
        match &mut self.sections[section].blocks[block] {
            Block::Paragraph(sentences) => Some(sentences),
            Block::List(_) | Block::Table(_) => None,
        }
    }

    fn reword(&mut self) {
        let other = self.vocabulary[self.dice.below(self.vocabulary.len())].clone();
        let (sentence, word) = (self.dice.below(99), self.dice.below(99));
        let Some(sentences) = self.paragraph() else { return };
        let at = sentence % sentences.len();
        let mut words: Vec<&str> = sentences[at].split(' ').collect();
        let place = word % (words.len() - 1);
        words[place] = &other;
        sentences[at] = words.join(" ");
    }

    fn add_or_drop_sentence(&mut self) {
        let (sentence, place) = (self.sentence(), self.dice.below(99));
        if let Some(sentences) = self.paragraph() {
            sentences.insert(place % (sentences.len() + 1), sentence);
        }
        if let Some(sentences) = self.paragraph()
            && sentences.len() > 1
        {
            sentences.remove(place % sentences.len());
        }
    }

    fn split_or_merge(&mut self) {
        let long = |block: &Block| matches!(block, Block::Paragraph(sentences) if sentences.len() > 3);
        if let Some((section, block)) = self.find(long)
            && let Block::Paragraph(sentences) = &mut self.sections[section].blocks[block]
        {
            let rest = sentences.split_off(2);
            self.sections[section].blocks.insert(block + 1, Block::Paragraph(rest));
        }
        let section = self.dice.below(self.sections.len());
        let blocks = &mut self.sections[section].blocks;
        let paragraphs = |pair: &[Block]| matches!(pair, [Block::Paragraph(_), Block::Paragraph(_)]);
        if let Some(at) = blocks.windows(2).position(paragraphs)
            && let Block::Paragraph(second) = blocks.remove(at + 1)
            && let Block::Paragraph(first) = &mut blocks[at]
        {
            first.extend(second);
        }
    }

    fn change_list_and_table(&mut self) {
        let (item, row, place) = (self.title(), self.row(), self.dice.below(99));
        if let Some((section, block)) = self.find(|block| matches!(block, Block::List(_)))
            && let Block::List(items) = &mut self.sections[section].blocks[block]
        {
            items.insert(place % (items.len() + 1), item);
        }
        if let Some((section, block)) = self.find(|block| matches!(block, Block::Table(_)))
            && let Block::Table(rows) = &mut self.sections[section].blocks[block]
        {
            let at = place % rows.len();
            rows[at][2].clone_from(&row[2]);
            if place % 3 == 0 {
                rows.insert(at, row);
            }
        }
    }

    fn move_block(&mut self) {
        let long = |block: &Block| matches!(block, Block::Paragraph(sentences) if sentences.len() > 1);
        let Some((section, block)) = self.find(long) else { return };
        let mut moved = self.sections[section].blocks.remove(block);
        if let Block::Paragraph(sentences) = &mut moved {
            let first = sentences[0].replacen(' ', " also ", 1);
            sentences[0] = first;
        }
        let to = self.dice.below(self.sections.len());
        let place = self.dice.below(self.sections[to].blocks.len() + 1);
        self.sections[to].blocks.insert(place, moved);
    }
}

impl Section {
    fn to_text(&self, number: usize) -> String {
        let mut text = format!("## {number}. {} {{#s{}}}\n\n", self.title, self.id);
        for block in &self.blocks {
            match block {
                Block::Paragraph(sentences) => text.push_str(&format!("{}\n", sentences.join(" "))),
                Block::List(items) => items.iter().for_each(|item| text.push_str(&format!("- {item}\n"))),
                // Columns as wide as their widest cell, as editors and formatters align them.
                Block::Table(rows) => {
                    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
                    let (a, b, c) = (wide(0), wide(1), wide(2));
                    text.push_str(&format!("| {:a$} | {:b$} | {:c$} |\n", "what", "why", "how long"));
                    text.push_str(&format!("|-{:-<a$}-|-{:-<b$}-|-{:-<c$}-|\n", "", "", ""));
                    for [one, two, three] in rows {
                        text.push_str(&format!("| {one:a$} | {two:b$} | {three:c$} |\n"));
                    }
                }
            }
            text.push('\n');
        }
        text
    }
}
