//! Colours for code: each part of it gets classes by what it is, at build time; the theme's style sheet has the colours.
//!
//! The library costs as much to compile as a tenth of the whole program, so it is in only where `--features highlight`
//! asks for it.

/// Whether this program can highlight.
pub const IS_AVAILABLE: bool = cfg!(feature = "highlight");

/// What became of a piece of code.
#[derive(Debug, PartialEq, Eq)]
pub enum Highlighted {
    /// HTML to stand inside `<code>`.
    Html(String),
    /// The language is not known; perhaps this one was meant.
    Unknown(Option<String>),
}

/// Leaves everything as it is.
#[cfg(not(feature = "highlight"))]
#[must_use]
pub fn highlight(_language: &str, _code: &str) -> Highlighted {
    Highlighted::Unknown(None)
}

#[cfg(feature = "highlight")]
pub use with_syntect::highlight;

#[cfg(feature = "highlight")]
mod with_syntect {
    use std::sync::LazyLock;

    use statement::diagnostic::near_match;
    use syntect::html::{ClassStyle, ClassedHTMLGenerator};
    use syntect::parsing::SyntaxSet;
    use syntect::util::LinesWithEndings;

    use super::Highlighted;

    static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

    /// The classes begin with `hl-`, so that they meet no other.
    const STYLE: ClassStyle = ClassStyle::SpacedPrefixed { prefix: "hl-" };

    /// Words for code without a language, and those that are not in the collection but are no slip either.
    const PLAIN: [&str; 5] = ["text", "txt", "plain", "plaintext", "console"];

    /// Marks up `code`.
    #[must_use]
    pub fn highlight(language: &str, code: &str) -> Highlighted {
        let Some(syntax) = SYNTAXES.find_syntax_by_token(language) else {
            let is_plain = PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(language));
            return Highlighted::Unknown(near(language).filter(|_| !is_plain));
        };
        let mut generator = ClassedHTMLGenerator::new_with_class_style(syntax, &SYNTAXES, STYLE);
        for line in LinesWithEndings::from(code) {
            if generator.parse_html_for_line_which_includes_newline(line).is_err() {
                // A mistake in a grammar is not the author's: the code stays plain.
                return Highlighted::Unknown(None);
            }
        }
        Highlighted::Html(generator.finalize())
    }

    /// Only whole names are near: an ending like `rs` is one letter from many.
    fn near(language: &str) -> Option<String> {
        let names = SYNTAXES.syntaxes().iter().map(|syntax| syntax.name.as_str()).filter(|name| name.len() > 3);
        let near = near_match(language, names).filter(|_| language.len() > 3)?;
        Some(near.to_lowercase())
    }
}
