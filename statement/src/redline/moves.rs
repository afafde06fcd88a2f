//! Which blocks moved. It does not know which of their words changed.
//!
//! Blocks are sought by the rare words they share, so that a long text is not compared block by block with itself.

use std::collections::{HashMap, HashSet};

use crate::prose::{self, Block, BlockKind};

/// Blocks that share this much (Dice's coefficient of their words) are one block that moved.
const SIMILARITY_MIN: f64 = 0.6;
/// Shorter blocks are not said to have moved: one sentence of a contract is much like another.
const WORDS_MIN: usize = 12;
/// A block that shares rare words with more than this many others is boilerplate: no more of them are looked at.
const CANDIDATES_MAX: usize = 64;

/// A block that is not the same in both texts. Its words are numbers, the rarest first; a word that stands twice has
/// two numbers.
struct Loose {
    index: usize,
    words: Vec<usize>,
}

impl Loose {
    /// How many of its rarest words hold at least one word of every block that is like it. A block that is at least
    /// [`SIMILARITY_MIN`] like it shares no less than `SIMILARITY_MIN / (2 - SIMILARITY_MIN)` of its words; so among
    /// any more than the rest, one is shared.
    fn telling(&self) -> &[usize] {
        let shared_min = (self.words.len() as f64 * SIMILARITY_MIN / (2.0 - SIMILARITY_MIN)).ceil();
        let rest = self.words.len() as f64 - shared_min;
        &self.words[..self.words.len().min(rest as usize + 1)]
    }

    /// Dice's coefficient of the words of both.
    fn similarity(&self, other: &Self) -> f64 {
        let (mut at, mut shared) = (0, 0_usize);
        for word in &self.words {
            at += other.words[at..].partition_point(|other| other < word);
            if other.words.get(at) == Some(word) {
                shared += 1;
                at += 1;
            }
        }
        2.0 * shared as f64 / (self.words.len() + other.words.len()) as f64
    }
}

/// The blocks of both texts that may have moved.
fn loose(old: &[Block<'_>], new: &[Block<'_>], anchors: &[(usize, usize)]) -> (Vec<Loose>, Vec<Loose>) {
    let mut numbers: HashMap<(String, usize), usize> = HashMap::new();
    let mut frequencies: Vec<usize> = Vec::new();
    let mut read = |blocks: &[Block<'_>], taken: HashSet<usize>| -> Vec<Loose> {
        let free = blocks.iter().enumerate();
        let free = free
            .filter(|(index, block)| !taken.contains(index) && !matches!(block.kind, BlockKind::Heading(_)))
            .filter(|(_, block)| prose::words(block.text).nth(WORDS_MIN - 1).is_some());
        let read = free.map(|(index, block)| {
            let mut seen: HashMap<String, usize> = HashMap::new();
            let words = prose::words(block.text).map(|word| {
                let occurrence = seen.entry(word.clone()).or_default();
                *occurrence += 1;
                let next = numbers.len();
                let number = *numbers.entry((word, *occurrence)).or_insert(next);
                frequencies.resize(numbers.len(), 0);
                frequencies[number] += 1;
                number
            });
            let words = words.collect();
            Loose { index, words }
        });
        read.collect()
    };
    let mut old = read(old, anchors.iter().map(|(old, _)| *old).collect());
    let mut new = read(new, anchors.iter().map(|(_, new)| *new).collect());
    let mut by_rarity: Vec<usize> = (0..frequencies.len()).collect();
    by_rarity.sort_by_key(|number| frequencies[*number]);
    let mut ranks = vec![0; by_rarity.len()];
    by_rarity.into_iter().enumerate().for_each(|(rank, number)| ranks[number] = rank);
    for block in old.iter_mut().chain(&mut new) {
        block.words.iter_mut().for_each(|word| *word = ranks[*word]);
        block.words.sort_unstable();
    }
    (old, new)
}

/// Blocks of both texts that are like one another: how much, and which.
fn alike(old: &[Loose], new: &[Loose]) -> Vec<(f64, usize, usize)> {
    let mut by_word: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, block) in old.iter().enumerate() {
        block.telling().iter().for_each(|word| by_word.entry(*word).or_default().push(at));
    }
    let mut pairs = Vec::new();
    let mut last_seen = vec![usize::MAX; old.len()];
    for (at, block) in new.iter().enumerate() {
        let mut looked_at = 0;
        for other in block.telling().iter().filter_map(|word| by_word.get(word)).flatten() {
            if std::mem::replace(&mut last_seen[*other], at) == at {
                continue;
            }
            let other = &old[*other];
            let similarity = block.similarity(other);
            if similarity >= SIMILARITY_MIN {
                pairs.push((similarity, other.index, block.index));
            }
            looked_at += 1;
            if looked_at == CANDIDATES_MAX {
                break;
            }
        }
    }
    pairs
}

/// Pairs of old and new blocks that moved, by new index. What stands between the same two unchanged blocks in both
/// texts, and in the same order, did not move.
pub(super) fn moves(old: &[Block<'_>], new: &[Block<'_>], anchors: &[(usize, usize)]) -> HashMap<usize, usize> {
    let (old, new) = loose(old, new, anchors);
    let mut pairs = alike(&old, &new);
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
