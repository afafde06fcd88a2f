//! Shortcodes as an author writes them: `{{ name(key="value") }}`, and `{% name() %}` … `{% end %}` around markdown.
//!
//! It finds them in a text, reads them and compares their arguments with what the theme declares. What they stand for is
//! the theme's business; where code begins, in which nothing is a shortcode, is markdown's.

use std::ops::Range;

use statement::diagnostic::near_match;
use statement::yaml::{Located, in_backticks};
use tera::{ComponentArgType, ComponentInfo};

/// How deep bodies may stand in bodies: each level copies what is in it once more.
const DEPTH_MAX: usize = 16;

/// A shortcode's mark in a text.
#[derive(Debug, PartialEq)]
pub struct Tag {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// What it does.
    pub kind: TagKind,
    /// Whether nothing else stands on its line, so that it stands between blocks.
    is_alone: bool,
}

/// What a tag does.
#[derive(Debug, PartialEq)]
pub enum TagKind {
    /// `{{ name() }}` stands for something.
    Call(Call),
    /// `{% name() %}` begins a body.
    Open(Call),
    /// `{% end %}` ends the body that the tag of this index began.
    Close(usize),
}

/// A call, with places as offsets into the text it was read from.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub name: Located<String>,
    /// What it is given, in order.
    pub arguments: Arguments,
}

/// Names of parameters, and what they are given.
pub type Arguments = Vec<(Located<String>, Located<Argument>)>;

/// What a parameter is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// `"text"` or `'text'`.
    Text(String),
    /// `3`
    Integer(i64),
    /// `0.5`
    Float(f64),
    /// `true`
    Boolean(bool),
    /// `["a", "b"]`
    List(Vec<Argument>),
}

/// What is wrong with a shortcode, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The fact, in the author's words.
    pub message: String,
    /// Offsets into the text it was read from.
    pub span: Range<usize>,
    /// What stands there instead, for under the place; may be empty.
    pub label: &'static str,
    /// What to do; may be empty.
    pub help: String,
}

impl Fault {
    /// A fault with a way out.
    pub fn new(message: impl Into<String>, span: Range<usize>, help: impl Into<String>) -> Self {
        Self { message: message.into(), span, label: "", help: help.into() }
    }
}

/// Whether a text may hold shortcodes; most do not, and need no further look.
#[must_use]
pub fn may_be_in(text: &str) -> bool {
    let finder = |pattern: &[u8]| memchr::memmem::find(text.as_bytes(), pattern).is_some();
    finder(b"{{") || finder(b"{%")
}

/// Finds the shortcodes in a text, except those that begin in one of the ranges of `code`, which are in order.
#[must_use]
pub fn find(text: &str, code: &[Range<usize>]) -> (Vec<Tag>, Vec<Fault>) {
    let (mut tags, mut faults) = (Vec::new(), Vec::new());
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    let mut code = code.iter().peekable();
    while let Some(brace) = memchr::memchr(b'{', &text.as_bytes()[at..]) {
        let start = at + brace;
        at = start + 1;
        while code.next_if(|range| range.end <= start).is_some() {}
        let is_escaped = text[..start].ends_with('\\');
        if is_escaped || code.peek().is_some_and(|range| range.start <= start) {
            continue;
        }
        let mut reader = Reader { text, at: start };
        match reader.tag(&open) {
            None => {}
            Some(Err(fault)) => {
                // What was read already is not read again: the time does not grow faster than the text.
                at = fault.span.start.max(at);
                faults.push(fault);
            }
            Some(Ok(kind)) => {
                at = reader.at;
                match kind {
                    TagKind::Open(_) => open.push(tags.len()),
                    TagKind::Close(_) => drop(open.pop()),
                    TagKind::Call(_) => {}
                }
                tags.push(Tag { span: start..at, kind, is_alone: is_alone(text, start..at) });
            }
        }
    }
    faults.extend(open.into_iter().map(|opening| {
        Fault::new(
            "the shortcode's body does not end",
            tags[opening].span.clone(),
            "write `{% end %}` after it, or `{{ … }}` for a shortcode without a body",
        )
    }));
    (tags, faults)
}

fn is_alone(text: &str, span: Range<usize>) -> bool {
    // Marks of quotes and lists are not text.
    let before = text[..span.start].trim_end_matches(|letter| " \t>-+*.)0123456789".contains(letter));
    let after = text[span.end..].trim_start_matches([' ', '\t', '\r']);
    (before.is_empty() || before.ends_with('\n')) && (after.is_empty() || after.starts_with('\n'))
}

/// The text with something in the place of each tag that markdown takes for a word, or for a block of HTML where the tag
/// stands between blocks. It has the same length, so that all places stay what they are.
#[must_use]
pub fn mask(text: &str, tags: &[Tag]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for tag in tags {
        // The author's own noncharacters have no business in a text (Unicode Standard, section 23.7).
        masked.push_str(&text[done..tag.span.start].replace('\u{fdd2}', "\u{fffd}"));
        let is_block = tag.is_alone && !matches!(tag.kind, TagKind::Call(_));
        let (opening, closing) = if is_block { ("<!--", "-->") } else { ("%\u{fdd2}", "%") };
        masked.push_str(opening);
        masked.extend(std::iter::repeat_n('x', tag.span.len() - opening.len() - closing.len()));
        masked.push_str(closing);
        done = tag.span.end;
    }
    masked.push_str(&text[done..].replace('\u{fdd2}', "\u{fffd}"));
    masked
}

/// Compares the arguments of a call with the parameters its component declares.
#[must_use]
pub fn check(call: &Call, declared: &ComponentInfo) -> Vec<Fault> {
    let name = &call.name.value;
    let known: Vec<&str> = declared.args().iter().map(tera::ComponentArg::name).collect();
    let mut faults = Vec::new();
    for (key, argument) in &call.arguments {
        let Some(parameter) = declared.args().iter().find(|parameter| parameter.name() == key.value) else {
            if declared.rest_param().is_none() {
                faults.push(unknown_parameter(name, key, &known));
            }
            continue;
        };
        if let Some(wanted) = parameter.arg_type().filter(|wanted| !argument.value.is(*wanted)) {
            let message = format!("`{}` must be {}", key.value, describe(wanted));
            faults.push(Fault { label: argument.value.kind(), ..Fault::new(message, argument.span.clone(), "") });
        }
    }
    let given = |name: &str| call.arguments.iter().any(|(key, _)| key.value == name);
    for parameter in declared.args().iter().filter(|parameter| parameter.is_required() && !given(parameter.name())) {
        faults.push(missing_parameter(call, parameter.name()));
    }
    faults
}

/// That there is no such parameter; `known` are those there are.
#[must_use]
pub fn unknown_parameter(name: &str, key: &Located<String>, known: &[&str]) -> Fault {
    let help = match (near_match(&key.value, known.iter().copied()), known) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => format!("write `{{{{ {name}() }}}}`"),
        (None, [only]) => format!("its one parameter is `{only}`"),
        (None, _) => format!("its parameters are {}", in_backticks(known)),
    };
    Fault::new(format!("`{name}` has no parameter `{}`", key.value), key.span.clone(), help)
}

/// That a parameter without a default is not given.
#[must_use]
pub fn missing_parameter(call: &Call, parameter: &str) -> Fault {
    let name = &call.name;
    Fault::new(
        format!("`{}` needs the parameter `{parameter}`", name.value),
        name.span.clone(),
        format!("write it as in `{}({parameter}=…)`", name.value),
    )
}

fn describe(wanted: ComponentArgType) -> &'static str {
    match wanted {
        ComponentArgType::String => "text between quotes",
        ComponentArgType::Bool => "`true` or `false`",
        ComponentArgType::Integer => "a whole number",
        ComponentArgType::Float | ComponentArgType::Number => "a number",
        ComponentArgType::Array => "a list, as in `[\"a\", \"b\"]`",
        // A page cannot write the others.
        _ => "left to the theme",
    }
}

impl Argument {
    fn is(&self, wanted: ComponentArgType) -> bool {
        matches!(
            (self, wanted),
            (Self::Text(_), ComponentArgType::String)
                | (Self::Boolean(_), ComponentArgType::Bool)
                | (Self::Integer(_), ComponentArgType::Integer | ComponentArgType::Number)
                | (Self::Float(_), ComponentArgType::Float | ComponentArgType::Number)
                | (Self::List(_), ComponentArgType::Array)
        )
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "this is text",
            Self::Integer(_) => "this is a whole number",
            Self::Float(_) => "this is a number with a point",
            Self::Boolean(_) => "this is true or false",
            Self::List(_) => "this is a list",
        }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// Reads a tag; none where the braces are no shortcode's. `open` are the bodies that have not ended.
    fn tag(&mut self, open: &[usize]) -> Option<Result<TagKind, Fault>> {
        let start = self.at;
        let is_call = self.take("{{");
        if !is_call && !self.take("{%") {
            return None;
        }
        let name = self.word("the shortcode's name").ok()?;
        if !is_call && name.value == "end" && self.take("%}") {
            let opening = open.last().copied();
            return Some(opening.map(TagKind::Close).ok_or_else(|| {
                Fault::new(
                    "there is no shortcode to end",
                    start..self.at,
                    "begin one with `{% name() %}`, or write this as code between backticks",
                )
            }));
        }
        // Other template languages write a function's name, a space and what it is applied to.
        if !self.text[self.at..].starts_with('(') {
            return None;
        }
        self.at += 1;
        let call = self.arguments().and_then(|arguments| {
            self.expect(if is_call { "}}" } else { "%}" })?;
            Ok(Call { name, arguments })
        });
        Some(call.and_then(|call| match is_call {
            true => Ok(TagKind::Call(call)),
            false if open.len() < DEPTH_MAX => Ok(TagKind::Open(call)),
            false => Err(Fault::new(
                format!("shortcodes stand more than {DEPTH_MAX} deep in each other"),
                call.name.span,
                "end the outer ones first with `{% end %}`",
            )),
        }))
    }

    fn arguments(&mut self) -> Result<Arguments, Fault> {
        let mut arguments = Arguments::new();
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
                if self.take(")") {
                    break;
                }
            }
            let key = self.word("a parameter's name")?;
            if arguments.iter().any(|(other, _)| other.value == key.value) {
                let message = format!("`{}` is given twice", key.value);
                return Err(Fault::new(message, key.span, "remove one of the two"));
            }
            self.expect("=")?;
            arguments.push((key, self.argument()?));
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Located<Argument>, Fault> {
        self.skip_space();
        if !self.text[self.at..].starts_with('[') {
            return self.scalar();
        }
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        while !self.take("]") {
            if !items.is_empty() {
                self.expect(",")?;
                if self.take("]") {
                    break;
                }
            }
            items.push(self.scalar()?.value);
        }
        Ok(Located { value: Argument::List(items), span: start..self.at })
    }

    fn scalar(&mut self) -> Result<Located<Argument>, Fault> {
        self.skip_space();
        let rest = &self.text[self.at..];
        if let Some(quote) = rest.chars().next().filter(|first| "\"'".contains(*first)) {
            return self.quoted(quote);
        }
        let length = rest.find(|letter| !is_word(letter) && letter != '.').unwrap_or(rest.len());
        let word = &rest[..length];
        let value = match word {
            "true" => Argument::Boolean(true),
            "false" => Argument::Boolean(false),
            // `inf` and `nan` are words to an author.
            _ if !word.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
                return Err(self.fault("expected a value".to_owned()));
            }
            _ => match (word.parse(), word.parse::<f64>()) {
                (Ok(number), _) => Argument::Integer(number),
                (_, Ok(number)) if number.is_finite() && word.contains('.') => Argument::Float(number),
                _ => return Err(self.fault(format!("`{word}` is not a number"))),
            },
        };
        let span = self.at..self.at + length;
        self.at = span.end;
        Ok(Located { value, span })
    }

    fn quoted(&mut self, quote: char) -> Result<Located<Argument>, Fault> {
        let start = self.at + 1;
        let rest = &self.text[start..];
        let length = rest.find([quote, '\n']).unwrap_or(rest.len());
        if !rest[length..].starts_with(quote) {
            return Err(Fault::new(
                "the quotation is not closed",
                self.at..start + rest[..length].trim_end().len(),
                format!("end it with `{quote}` on the same line"),
            ));
        }
        self.at = start + length + 1;
        let span = start..start + length;
        Ok(Located { value: Argument::Text(self.text[span.clone()].to_owned()), span })
    }

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

    fn fault(&self, fact: String) -> Fault {
        let next = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        Fault::new(
            format!("not a shortcode: {fact}"),
            self.at..self.at + next,
            "write it like `{{ name(key=\"text\", count=3) }}`, or as code between backticks",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> TagKind {
        let (mut tags, faults) = find(text, &[]);
        assert_eq!(faults, []);
        assert_eq!(tags.len(), 1, "{tags:?}");
        tags.remove(0).kind
    }

    #[test]
    fn reads_calls() {
        let TagKind::Call(call) = only("see {{ show( id = \"a b\", n=-3,\n f=0.5, yes=true, list=['x', 2,],) }}.")
        else {
            panic!("a call")
        };
        assert_eq!(call.name.value, "show");
        let arguments: Vec<_> = call.arguments.into_iter().map(|(key, value)| (key.value, value.value)).collect();
        let list = Argument::List(vec![Argument::Text("x".to_owned()), Argument::Integer(2)]);
        assert_eq!(
            arguments,
            [
                ("id".to_owned(), Argument::Text("a b".to_owned())),
                ("n".to_owned(), Argument::Integer(-3)),
                ("f".to_owned(), Argument::Float(0.5)),
                ("yes".to_owned(), Argument::Boolean(true)),
                ("list".to_owned(), list),
            ]
        );
    }

    #[test]
    fn leaves_other_braces_alone() {
        for text in [
            "{{ not a call }}",
            "{% if x %}",
            "\\{{ show() }}",
            "{{",
            "{%",
            "{ {a()}",
            "{{ 日(x=1) }}",
            "{{ a (b 1) }}",
        ] {
            assert_eq!(find(text, &[]), (vec![], vec![]), "{text}");
        }
        assert_eq!(find("`{{ a() }}`", std::slice::from_ref(&(0..11))).0, []);
    }

    #[test]
    fn bodies_end_where_they_should() {
        let (tags, faults) = find("{% a() %}x{% b() %}y{% end %}{% end %}", &[]);
        assert_eq!(faults, []);
        let ends: Vec<_> =
            tags.iter().filter(|tag| matches!(tag.kind, TagKind::Close(_))).map(|tag| &tag.kind).collect();
        assert_eq!(ends, [&TagKind::Close(1), &TagKind::Close(0)]);
    }

    #[test]
    fn says_what_is_wrong() {
        let fault = |text: &str| {
            let fault = find(text, &[]).1.remove(0);
            (fault.message, fault.span)
        };
        assert_eq!(fault("{{ form(id=register) }}"), ("not a shortcode: expected a value".to_owned(), 11..12));
        assert_eq!(fault("{{ form(id=\"register) }}"), ("the quotation is not closed".to_owned(), 11..24));
        assert_eq!(fault("{{ form(id=\"a\" b=\"c\") }}"), ("not a shortcode: expected `,`".to_owned(), 15..16));
        assert_eq!(fault("{{ form(id=\"a\", id=\"c\") }}"), ("`id` is given twice".to_owned(), 16..18));
        assert_eq!(
            fault("{{ a(n=99999999999999999999) }}").0,
            "not a shortcode: `99999999999999999999` is not a number"
        );
        assert_eq!(fault("{% end %}"), ("there is no shortcode to end".to_owned(), 0..9));
        assert_eq!(fault("{% a() %}"), ("the shortcode's body does not end".to_owned(), 0..9));
    }

    proptest::proptest! {
        #[test]
        fn masks_keep_every_place(text in "([{}%(),=\"' a-c\\n>é\u{fdd2}]|\\{\\{a\\(\\)\\}\\}|\\{%a\\(\\)%\\}|\\{%end%\\}){0,30}") {
            let (tags, faults) = find(&text, &[]);
            let masked = mask(&text, &tags);
            assert_eq!(masked.len(), text.len());
            for span in tags.iter().map(|tag| &tag.span).chain(faults.iter().map(|fault| &fault.span)) {
                assert!(text.get(span.clone()).is_some(), "{span:?} in {text:?}");
            }
        }
    }
}
