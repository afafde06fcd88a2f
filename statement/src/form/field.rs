//! A field of a form: what is asked, what may be answered, and what is said when it is answered otherwise.
//!
//! It knows neither the form around it nor the statement.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::contract::{PROOF_FIELD, STATEMENT_DIGEST_FIELD, STATEMENT_VERSION_FIELD, UNSEEN_FIELD};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::yaml::{Fields, Located, Node};

/// What may be typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number, as its owner writes it.
    Tel,
    /// Several lines of text.
    Multiline,
    /// One of the options.
    Choice,
    /// Any of the options.
    Choices,
    /// A day (ISO 8601, `2026-03-31`).
    Date,
    /// A number.
    Number,
    /// A box that is ticked or not.
    Agreement,
}

impl FieldKind {
    const WORDS: [(&'static str, Self); 9] = [
        ("text", Self::Text),
        ("email", Self::Email),
        ("tel", Self::Tel),
        ("multiline", Self::Multiline),
        ("choice", Self::Choice),
        ("choices", Self::Choices),
        ("date", Self::Date),
        ("number", Self::Number),
        ("agreement", Self::Agreement),
    ];

    /// The word in a form's declaration.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map(|(word, _)| *word)
            .expect("invariant: every kind has a word")
    }

    /// Whether the author lists what can be answered.
    #[must_use]
    pub fn has_options(self) -> bool {
        matches!(self, Self::Choice | Self::Choices)
    }

    /// Most characters when the form does not say; the longest e-mail address is RFC 5321, section 4.5.3.1.3.
    fn characters_max_default(self) -> usize {
        match self {
            Self::Text => 200,
            Self::Email => 254,
            Self::Tel | Self::Number => 40,
            Self::Date => 10,
            Self::Multiline => 2000,
            // Their answers are the author's own words.
            Self::Choice | Self::Choices | Self::Agreement => OPTIONS_MAX * (OPTION_CHARACTERS_MAX + 1),
        }
    }
}

/// The value of an agreement box that was ticked.
pub const AGREED: &str = "yes";
const OPTIONS_MAX: usize = 50;
const OPTION_CHARACTERS_MAX: usize = 200;

/// When a field must be answered: when another one has this answer, or has it among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The other field's name; it stands before this one.
    pub field: String,
    /// The answer: one of its options, or `yes` for an agreement.
    pub is: String,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The key the statement declares.
    pub name: Located<String>,
    /// What may be typed.
    pub kind: FieldKind,
    /// The visible label.
    pub label: String,
    /// A sentence under the label; empty for none.
    pub hint: String,
    /// The autocomplete token (HTML Standard, section 4.10.18.7.1); empty for none.
    pub autocomplete: String,
    /// Whether the form cannot be sent without it.
    pub required: bool,
    /// When it cannot be sent without it although it is not required otherwise.
    pub required_when: Option<Located<Condition>>,
    /// What can be chosen, in order; for an agreement only [`AGREED`], for other kinds nothing.
    pub options: Vec<String>,
    /// The smallest number.
    pub min: Option<i64>,
    /// The largest number.
    pub max: Option<i64>,
    /// Most characters.
    pub characters_max: usize,
    /// “Enter your full name”.
    pub message_empty: String,
    /// “Full name must be 200 characters or less”.
    pub message_too_long: String,
    /// “Enter an email address in the correct format, like name@example.com”.
    pub message_malformed: String,
}

impl Field {
    /// Reads a field's declaration; reports everything wrong and returns none if the field cannot be used.
    pub(super) fn parse(path: &Arc<str>, node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut field = Fields::new(path, "a field", node, diagnostics)?;
        let name = field.parsed("name", field_name);
        let name = field.required("name", name);
        let label = field.words("label");
        let label = field.required("label", label).map(|label| label.value);
        let kind = field.one_of("kind", &FieldKind::WORDS);
        let kind = kind.map_or(FieldKind::Text, |kind| kind.value);
        let hint = field.string("hint").map_or_else(String::new, |hint| hint.value);
        let autocomplete =
            field.parsed("autocomplete", autocomplete_token).map_or_else(String::new, |token| token.value);
        let required = field.boolean("required").filter(|required| required.value);
        let required_when = condition(&mut field);
        let because = field.words("because");
        let options = options(kind, &mut field);
        let (min, max) = bounds(kind, &mut field);
        let characters_max = characters_max(kind, &mut field);
        let mut messages = field.mapping("messages", "`messages`");
        let mut message = |key: &'static str| {
            messages.as_mut().and_then(|messages| messages.string(key)).map(|message| message.value)
        };
        let (empty, too_long, malformed) = (message("empty"), message("too_long"), message("malformed"));
        if let Some(messages) = messages {
            messages.finish();
        }
        let required_at = required.as_ref().map(|required| &required.span);
        let required_at = required_at.or(required_when.as_ref().map(|condition| &condition.span));
        if let (Some(span), None) = (required_at, &because) {
            let name = name.as_ref().map_or_else(|| "a field".to_owned(), |name| format!("`{}`", name.value));
            let (drop, required) = match required {
                Some(_) => ("either drop `required`", "is required"),
                None => ("either drop `required_when`", "can be required"),
            };
            field.diagnostics.push(
                Diagnostic::error(
                    path,
                    span.clone(),
                    format!("{name} {required}; the statement says giving it is a choice"),
                )
                .code("P103")
                .help(drop)
                .help("or say with `because:` which service is impossible without it"),
            );
        }
        field.finish();
        let (name, label) = (name?, label?);
        Some(Self {
            message_empty: empty.unwrap_or_else(|| message_empty(kind, &label)),
            message_too_long: too_long
                .unwrap_or_else(|| format!("{label} must be {characters_max} characters or less")),
            message_malformed: malformed.unwrap_or_else(|| message_malformed(kind, &label, min, max)),
            name,
            kind,
            label,
            hint,
            autocomplete,
            required: required.is_some(),
            required_when,
            options,
            min,
            max,
            characters_max,
        })
    }

    /// Reports a condition that no answer to a field before this one can meet.
    pub(super) fn check_condition(&self, path: &Arc<str>, before: &[Self], diagnostics: &mut Diagnostics) {
        let Some(Located { value: Condition { field, is }, span }) = &self.required_when else { return };
        let Some(other) = before.iter().find(|other| other.name.value == *field) else {
            let names: Vec<&str> = before.iter().map(|other| other.name.value.as_str()).collect();
            let mut diagnostic =
                Diagnostic::error(path, span.clone(), format!("no field `{field}` stands before this one"));
            if let Some(near) = crate::diagnostic::near_match(field, names) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            diagnostics.push(diagnostic.help("people answer from top to bottom: ask first what it depends on"));
            return;
        };
        if other.options.iter().any(|option| option == is) {
            return;
        }
        let options: Vec<&str> = other.options.iter().map(String::as_str).collect();
        let diagnostic = Diagnostic::error(path, span.clone(), format!("nobody can answer `{field}` with `{is}`"));
        diagnostics.push(if options.is_empty() {
            diagnostic.help("let it depend on a field of kind `choice`, `choices` or `agreement`")
        } else {
            diagnostic.help(format!("it can be answered with {}", crate::yaml::in_backticks(&options)))
        });
    }

    /// Where in the form's file the field is declared.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.name.span.clone()
    }
}

fn condition(field: &mut Fields<'_, '_>) -> Option<Located<Condition>> {
    let mut condition = field.mapping("required_when", "`required_when`")?;
    let span = condition.span();
    let other = condition.string("field");
    let other = condition.required("field", other);
    let is = condition.string("is");
    let is = condition.required("is", is);
    condition.finish();
    Some(Located { value: Condition { field: other?.value, is: is?.value }, span })
}

fn options(kind: FieldKind, field: &mut Fields<'_, '_>) -> Vec<String> {
    if kind == FieldKind::Agreement {
        return vec![AGREED.to_owned()];
    }
    if !kind.has_options() {
        return Vec::new();
    }
    let listed = field.strings("options");
    let path = field.path().clone();
    let wrong = |span: &Range<usize>, fact: String| Diagnostic::error(&path, span.clone(), fact);
    if listed.len() < 2 {
        let span = field.node("options").map_or_else(|| field.span(), |node| node.span.clone());
        let diagnostic = wrong(&span, format!("a field of kind `{}` needs two options or more", kind.word()));
        field.diagnostics.push(diagnostic.help("list them, like `options: [By telephone, By letter]`"));
    }
    let mut options: Vec<String> = Vec::new();
    for Located { value, span } in listed {
        let is_plain = !value.trim().is_empty() && value.trim() == value && !value.chars().any(char::is_control);
        if !is_plain || value.chars().count() > OPTION_CHARACTERS_MAX {
            let fact = format!(
                "an option is one line of {OPTION_CHARACTERS_MAX} characters or less, without spaces around it"
            );
            field.diagnostics.push(wrong(&span, fact));
        } else if options.contains(&value) {
            field.diagnostics.push(wrong(&span, format!("`{value}` can be chosen twice")).help("remove one of them"));
        } else if options.len() == OPTIONS_MAX {
            field
                .diagnostics
                .push(wrong(&span, format!("more than {OPTIONS_MAX} options")).help("ask with `kind: text`"));
            break;
        } else {
            options.push(value);
        }
    }
    options
}

fn bounds(kind: FieldKind, field: &mut Fields<'_, '_>) -> (Option<i64>, Option<i64>) {
    if kind != FieldKind::Number {
        return (None, None);
    }
    let (min, max) = (field.integer("min"), field.integer("max"));
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value > max.value
    {
        let fact = format!("no number is at least {} and at most {}", min.value, max.value);
        field.diagnostics.push(Diagnostic::error(field.path(), max.span.clone(), fact));
    }
    (min.map(|min| min.value), max.map(|max| max.value))
}

fn characters_max(kind: FieldKind, field: &mut Fields<'_, '_>) -> usize {
    let is_typed = matches!(kind, FieldKind::Text | FieldKind::Email | FieldKind::Tel | FieldKind::Multiline);
    let Some(Located { value, span }) = is_typed.then(|| field.integer("characters_max")).flatten() else {
        return kind.characters_max_default();
    };
    usize::try_from(value).ok().filter(|value| (1..=10_000).contains(value)).unwrap_or_else(|| {
        let fact = "`characters_max` must be between 1 and 10000";
        field.diagnostics.push(Diagnostic::error(field.path(), span, fact));
        kind.characters_max_default()
    })
}

fn message_empty(kind: FieldKind, label: &str) -> String {
    let lower = first_letter_lower(label);
    match kind {
        FieldKind::Choice | FieldKind::Choices => format!("Select your answer to “{label}”"),
        FieldKind::Agreement => format!("Tick the box “{label}”"),
        FieldKind::Date | FieldKind::Number => format!("Enter the {lower}"),
        _ => format!("Enter your {lower}"),
    }
}

fn message_malformed(kind: FieldKind, label: &str, min: Option<i64>, max: Option<i64>) -> String {
    match (kind, min, max) {
        (FieldKind::Email, ..) => "Enter an email address in the correct format, like name@example.com".to_owned(),
        (FieldKind::Tel, ..) => "Enter a phone number, like 206 555 0100 or +44 808 157 0192".to_owned(),
        (FieldKind::Choice | FieldKind::Choices | FieldKind::Agreement, ..) => {
            format!("Select your answer to “{label}” from the list")
        }
        (FieldKind::Date, ..) => format!("{label} must be a day, like 2026-03-31"),
        (FieldKind::Number, None, None) => format!("{label} must be a number"),
        (FieldKind::Number, Some(min), None) => format!("{label} must be a number of {min} or more"),
        (FieldKind::Number, None, Some(max)) => format!("{label} must be a number of {max} or less"),
        (FieldKind::Number, Some(min), Some(max)) => format!("{label} must be a number from {min} to {max}"),
        (FieldKind::Text | FieldKind::Multiline, ..) => "Use letters, numbers and punctuation only".to_owned(),
    }
}

fn first_letter_lower(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn field_name(name: &str) -> Result<String, String> {
    if [STATEMENT_VERSION_FIELD, STATEMENT_DIGEST_FIELD, UNSEEN_FIELD, PROOF_FIELD].contains(&name) {
        return Err(format!("`{name}` is the name of a field of our own"));
    }
    let plain =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-');
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && plain && name.len() <= 64 {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "`{name}` is not a field name: use lower-case letters, digits, `-` and `_`, a letter first, 64 at most"
        ))
    }
}

/// The tokens of HTML's autofill that a registration can ask for (HTML Standard, section 4.10.18.7.1).
const AUTOCOMPLETE: [&str; 33] = [
    "off",
    "on",
    "name",
    "honorific-prefix",
    "given-name",
    "additional-name",
    "family-name",
    "honorific-suffix",
    "nickname",
    "organization",
    "organization-title",
    "street-address",
    "address-line1",
    "address-line2",
    "address-line3",
    "address-level1",
    "address-level2",
    "address-level3",
    "address-level4",
    "country",
    "country-name",
    "postal-code",
    "language",
    "bday",
    "bday-day",
    "bday-month",
    "bday-year",
    "sex",
    "url",
    "tel",
    "tel-national",
    "email",
    "impp",
];

fn autocomplete_token(token: &str) -> Result<String, String> {
    if AUTOCOMPLETE.contains(&token) {
        return Ok(token.to_owned());
    }
    let near = crate::diagnostic::near_match(token, AUTOCOMPLETE);
    Err(near.map_or_else(
        || format!("`{token}` is not an autocomplete token of HTML"),
        |near| format!("`{token}` is not an autocomplete token of HTML; did you mean `{near}`?"),
    ))
}
