//! Many short texts in two pieces of memory: what is kept of each page until all are rendered must be small.
//!
//! It does not know what they mean.

/// Texts, by their place in the order they were added.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    /// Where each ends in `text`, in bytes.
    ends: Vec<u32>,
}

impl Words {
    /// Adds one.
    pub fn push(&mut self, word: &str) {
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
        assert!(["aa", "b", "ê"].iter().all(|word| !words.contains_in_order(word)));
    }
}
