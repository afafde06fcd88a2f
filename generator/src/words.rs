//! Many short texts in two pieces of memory: what is kept of each page until all are rendered must be small.
//!
//! It does not know what they mean.

const USUAL_COUNT: usize = 16;
const USUAL_LENGTH: usize = 8;

/// Texts, by their place in the order they were added.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    /// Where each ends in `text`, in bytes.
    ends: Vec<u32>,
}

impl Words {
    /// Texts that are all there already, in as much memory as they need.
    #[must_use]
    pub fn of(words: &[impl AsRef<str>]) -> Self {
        let mut text = String::with_capacity(words.iter().map(|word| word.as_ref().len()).sum());
        let mut ends = Vec::with_capacity(words.len());
        for word in words {
            text.push_str(word.as_ref());
            ends.push(small(text.len()));
        }
        Self { text, ends }
    }

    /// Adds one.
    pub fn push(&mut self, word: &str) {
        if self.ends.is_empty() {
            // As many as most pages have, so that they are not moved again and again.
            self.text.reserve(USUAL_COUNT * USUAL_LENGTH);
            self.ends.reserve(USUAL_COUNT);
        }
        self.text.push_str(word);
        self.ends.push(small(self.text.len()));
    }

    /// The one at a place.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |former| self.ends[former]);
        &self.text[start as usize..self.ends[index] as usize]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.get(index))
    }

    /// Whether `word` is one of them; they must have been added in order.
    #[must_use]
    pub fn contains_in_order(&self, word: &str) -> bool {
        let mut left = 0..self.ends.len();
        while !left.is_empty() {
            let middle = left.start.midpoint(left.end);
            match self.get(middle).cmp(word) {
                std::cmp::Ordering::Less => left.start = middle + 1,
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Greater => left.end = middle,
            }
        }
        false
    }

    /// Gives back the memory that more of them would have taken.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// A place in a page, or of one among all pages, in half the memory.
///
/// # Panics
/// From 4 GiB on, which no page has.
#[must_use]
pub fn small(place: usize) -> u32 {
    u32::try_from(place).expect("invariant: no page has 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_added() {
        let mut words = Words::default();
        assert!(!words.contains_in_order(""));
        let added = ["", "a", "a", "ab", "é"];
        added.iter().for_each(|word| words.push(word));
        words.shrink();
        assert!(words.iter().eq(added));
        assert!(added.iter().all(|word| words.contains_in_order(word)));
        assert!(Words::of(&added).iter().eq(added));
        assert!(["aa", "b", "ê"].iter().all(|word| !words.contains_in_order(word)));
    }
}
