//! Search without a service: the page that lists all pages, the index of their words, and the script that reads it.
//!
//! The library that makes the index costs more to compile than a newcomer should wait for, so it is in only where
//! `--features search` asks for it. The script is this program's and not the theme's: it must know the index, and the
//! statement's gates must know that it asks for nothing else. What it says and how it looks is the theme's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::address;
use crate::policy;
use crate::site::{PageId, PageKind, Site, SitePage};

/// Whether this program can make an index.
pub const IS_AVAILABLE: bool = cfg!(feature = "search");

/// The template of the page that lists all pages.
pub const TEMPLATE: &str = "search.html";

/// Where that page stands.
pub const PAGE: &str = "/search/";

/// Where the index stands.
pub const INDEX: &str = "/search/index.json";

/// elasticlunr.js 0.9.5 (MIT licence), which reads what elasticlunr-rs writes; then what shows what it finds.
const SCRIPT: &str = concat!(include_str!("elasticlunr.min.js"), include_str!("search.js"));

/// How a browser knows the script.
static INTEGRITY: LazyLock<String> = LazyLock::new(|| policy::hash(SCRIPT));

/// The site path of the script; another where it is another.
static SCRIPT_ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let digest = statement::digest::sha256_hex(SCRIPT.as_bytes());
    address::of_asset("search.js", Some(&digest[..16]))
});

/// The script, with what names it.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Its site path.
    pub address: &'static str,
    /// What a browser compares it with (Subresource Integrity, section 3).
    pub integrity: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// The script that searches; none where the site is not searched.
#[must_use]
pub fn script(site: &Site) -> Option<Script> {
    let script = || Script { address: &SCRIPT_ADDRESS, integrity: &INTEGRITY, text: SCRIPT };
    site.config.search.then(script)
}

/// Whether a page is listed, and its words are in the index.
#[must_use]
pub fn has(site: &Site, page: &SitePage) -> bool {
    let is_own = match page.kind {
        PageKind::Search | PageKind::NotFound => false,
        // The version in force stands at two addresses.
        PageKind::Statement(file) => page.address != Site::statement_address(&site.statements[file]),
        _ => true,
    };
    site.config.search && is_own && !page.noindex && !page.is_later_part() && !page.front.title.is_empty()
}

/// The pages that are listed, by the section they are in, in the order of their addresses; first those in none.
#[must_use]
pub fn listed(site: &Site) -> Vec<(Option<PageId>, Vec<PageId>)> {
    let home = site.home();
    let mut sections: BTreeMap<&str, (Option<PageId>, Vec<PageId>)> = BTreeMap::new();
    let mut listed: Vec<PageId> = (0..site.pages.len()).filter(|id| has(site, &site.pages[*id])).collect();
    listed.sort_unstable_by_key(|id| site.pages[*id].address.as_str());
    for id in listed {
        let section = site.pages[id].parent.filter(|section| Some(*section) != home);
        let address = section.map_or("", |section| site.pages[section].address.as_str());
        sections.entry(address).or_insert((section, Vec::new())).1.push(id);
    }
    sections.into_values().collect()
}

/// A page in the index.
#[derive(Debug, Clone, Copy)]
pub struct Indexed<'a> {
    /// Its site path.
    pub address: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What is shown below the title; may be empty.
    pub description: &'a str,
    /// What is searched.
    pub words: &'a str,
}

#[cfg(not(feature = "search"))]
mod codec {
    pub(super) fn index(_: &str, _: &[super::Indexed<'_>]) -> String {
        unreachable!("invariant: the settings that ask for search are refused")
    }
}

#[cfg(feature = "search")]
mod codec {
    use elasticlunr::lang::English;
    use elasticlunr::{IndexBuilder, Language, Pipeline};

    use super::Indexed;
    use crate::address;

    /// The index of a site, in its language: English words are found by their stems, those of other languages by how they
    /// begin.
    struct Words {
        is_english: bool,
    }

    impl Language for Words {
        fn name(&self) -> String {
            if self.is_english { "English" } else { "Words" }.to_owned()
        }

        fn code(&self) -> String {
            if self.is_english { "en" } else { "und" }.to_owned()
        }

        fn tokenize(&self, text: &str) -> Vec<String> {
            tokens(text)
        }

        fn make_pipeline(&self) -> Pipeline {
            let mut queue = if self.is_english { English::new().make_pipeline().queue } else { Vec::new() };
            // In the browser it takes every letter but those of ASCII for a sign; our words have none at their ends.
            queue.retain(|function| function.name() != "trimmer");
            Pipeline { queue }
        }
    }

    /// Whether a letter is of a script that has no spaces between words; the script in the browser has the same list.
    fn stands_alone(letter: char) -> bool {
        matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
            || matches!(letter, '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
            || letter >= '\u{20000}'
    }

    fn tokens(text: &str) -> Vec<String> {
        let text = address::nfc(text).to_lowercase();
        let mut tokens = Vec::new();
        let mut word = String::new();
        for letter in text.chars() {
            let is_word = address::is_word(letter);
            if is_word && !stands_alone(letter) {
                word.push(letter);
                continue;
            }
            tokens.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            tokens.extend(is_word.then(|| letter.to_string()));
        }
        tokens.extend((!word.is_empty()).then_some(word));
        tokens
    }

    pub(super) fn index(language: &str, pages: &[Indexed<'_>]) -> String {
        let is_english = language.split('-').next().is_some_and(|language| language.eq_ignore_ascii_case("en"));
        let builder = IndexBuilder::with_language(Box::new(Words { is_english }));
        let mut index = builder.save_docs(false).add_fields(["title", "text"]).build();
        for (at, page) in pages.iter().enumerate() {
            index.add_doc(&at.to_string(), [page.title, page.words]);
        }
        let shown: Vec<[String; 3]> = pages
            .iter()
            .map(|page| [address::href(page.address), page.title.to_owned(), page.description.to_owned()])
            .collect();
        let shown = serde_json::to_string(&shown).expect("invariant: text is JSON");
        format!("{{\"pages\":{shown},\"index\":{}}}\n", index.to_json())
    }

    #[cfg(test)]
    mod tests {
        use super::tokens;

        #[test]
        fn words_of_any_script() {
            assert_eq!(tokens("Rock'n'Roll, e-mail; E\u{301}té_2"), ["rock", "n", "roll", "e", "mail", "été_2"]);
            assert_eq!(tokens("東京のTokyo、2025年"), ["東", "京", "の", "tokyo", "2025", "年"]);
            assert_eq!(tokens("  "), [""; 0]);
        }
    }
}

/// The index of these pages, as the script reads it: JSON with `pages`, each its URL, title and description, and `index`,
/// whose references are their places.
#[must_use]
pub fn index(language: &str, pages: &[Indexed<'_>]) -> String {
    codec::index(language, pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::script::powers;

    #[test]
    fn the_script_asks_this_site_for_the_index_and_does_nothing_else() {
        let words: Vec<&str> = powers(SCRIPT).into_iter().map(|(_, word, _)| word).collect();
        assert_eq!(words, ["fetch"]);
        assert_eq!(SCRIPT.matches("fetch(").count(), 1);
        assert!(SCRIPT.contains("fetch(box.dataset.search)"));
        assert!(!SCRIPT.contains("eval(") && !SCRIPT.contains("new Function"));
    }
}
