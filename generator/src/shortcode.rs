//! Shortcodes: a paragraph `{{ name(key="value") }}` that stands for something the site makes.
//!
//! It knows how they are written, not what they stand for.

use std::ops::Range;

use statement::yaml::Located;

/// A call, with places as offsets into the text it was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub name: Located<String>,
    /// What it is given, in order.
    pub arguments: Vec<(Located<String>, Located<String>)>,
}

/// What is wrong with a call, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The fact, in the author's words.
    pub message: String,
    /// Offsets into the text it was read from.
    pub span: Range<usize>,
}

/// Whether a paragraph's source is meant as a shortcode: two braces, a word, a bracket.
#[must_use]
pub fn is_call(paragraph: &str) -> bool {
    let paragraph = paragraph.trim();
    paragraph.ends_with("}}") && call_name(paragraph).is_some()
}

/// The name of the shortcode that `text` begins with, if it begins with one.
#[must_use]
pub fn call_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.trim_start();
    let (name, _) = inner.split_once('(')?;
    let name = name.trim_end();
    (!name.is_empty() && name.chars().all(is_word)).then_some(name)
}

/// Reads a call.
///
/// # Errors
/// Says what was expected, and where.
pub fn parse(paragraph: &str) -> Result<Call, Fault> {
    let mut reader = Reader { text: paragraph, at: 0 };
    reader.expect("{{")?;
    let name = reader.word("the shortcode's name")?;
    reader.expect("(")?;
    let mut arguments: Vec<(Located<String>, Located<String>)> = Vec::new();
    while !reader.take(")") {
        if !arguments.is_empty() {
            reader.expect(",")?;
            if reader.take(")") {
                break;
            }
        }
        let key = reader.word("a parameter's name")?;
        reader.expect("=")?;
        let value = reader.quoted()?;
        if arguments.iter().any(|(other, _)| other.value == key.value) {
            return Err(Fault { message: format!("`{}` is given twice", key.value), span: key.span });
        }
        arguments.push((key, value));
    }
    reader.expect("}}")?;
    reader.end()?;
    Ok(Call { name, arguments })
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), Fault> {
        if self.take(token) { Ok(()) } else { Err(self.fault(format!("expected `{token}`"))) }
    }

    fn word(&mut self, what: &str) -> Result<Located<String>, Fault> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.fault(format!("expected {what}")));
        }
        let span = self.at..self.at + length;
        self.at = span.end;
        Ok(Located { value: self.text[span.clone()].to_owned(), span })
    }

    fn quoted(&mut self) -> Result<Located<String>, Fault> {
        self.expect("\"")?;
        let start = self.at;
        let Some(length) = self.text[start..].find('"') else {
            return Err(Fault {
                message: "the quotation is not closed".to_owned(),
                span: start.saturating_sub(1)..self.text.trim_end().len(),
            });
        };
        self.at = start + length + 1;
        Ok(Located { value: self.text[start..start + length].to_owned(), span: start..start + length })
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.fault("expected nothing more".to_owned())) }
    }

    fn fault(&self, message: String) -> Fault {
        let next = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        Fault { message, span: self.at..self.at + next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_calls() {
        assert!(is_call("{{ form(id=\"register\") }}"));
        assert!(!is_call("{{ not a call }}"));
        assert!(!is_call("about {{ form(id=\"register\") }}"));
        let call = parse("{{ form( id = \"register\", b=\"\" ) }}").unwrap();
        assert_eq!(call.name.value, "form");
        let arguments: Vec<_> = call.arguments.iter().map(|(key, value)| (&*key.value, &*value.value)).collect();
        assert_eq!(arguments, [("id", "register"), ("b", "")]);
    }

    #[test]
    fn says_what_is_wrong() {
        let fault = |text: &str| parse(text).map_err(|fault| (fault.message, fault.span)).unwrap_err();
        assert_eq!(fault("{{ form(id=register) }}"), ("expected `\"`".to_owned(), 11..12));
        assert_eq!(fault("{{ form(id=\"register) }}"), ("the quotation is not closed".to_owned(), 11..24));
        assert_eq!(fault("{{ form(id=\"a\" b=\"c\") }}"), ("expected `,`".to_owned(), 15..16));
        assert_eq!(fault("{{ form(id=\"a\", id=\"c\") }}"), ("`id` is given twice".to_owned(), 16..18));
        assert_eq!(fault("{{ form() }} more"), ("expected nothing more".to_owned(), 13..14));
    }
}
