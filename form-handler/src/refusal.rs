//! Every way to refuse a submission: the status, what the visitor is told, what the log may say.

use http::StatusCode;
use statement::contract::Messages;

/// Why a submission was not taken. Nothing of it has been stored or mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It did not come through the site's host, as it must.
    Unsigned,
    /// A page of another site sends it.
    ForeignOrigin,
    /// Its network has sent too many of late.
    TooOften,
    /// The body is longer than any form of ours makes it.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The body is neither a form nor JSON, or not in UTF-8 by its own account.
    UnsupportedType,
    /// The body ends before it should.
    Truncated,
    /// The body is not what its type says, or not UTF-8.
    Malformed,
    /// The body has more fields than the form with its hidden ones.
    TooManyFields,
    /// A field stands in the body twice.
    RepeatedField,
    /// A field that the form, and so the statement, does not declare.
    UndeclaredField,
    /// The visitor was shown another statement, of this digest, or none.
    StatementChanged(Option<String>),
    /// Answers that must be mended, with what is wrong, in the order of the form.
    Invalid(Vec<FieldMessage>),
    /// What was configured to make it durable failed.
    Unavailable,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldMessage {
    /// The field's name.
    pub(crate) field: String,
    /// What to do.
    pub(crate) message: String,
}

impl Refusal {
    /// The status of the answer (RFC 9110, section 15).
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unsigned | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Truncated | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooManyFields | Self::RepeatedField | Self::UndeclaredField | Self::Invalid(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::StatementChanged(_) => StatusCode::CONFLICT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The word the log has for it.
    pub(crate) fn log_word(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::ForeignOrigin => "foreign_origin",
            Self::TooOften => "too_often",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::UnsupportedType => "unsupported_type",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::TooManyFields => "too_many_fields",
            Self::RepeatedField => "repeated_field",
            Self::UndeclaredField => "undeclared_field",
            Self::StatementChanged(_) => "statement_changed",
            Self::Invalid(_) => "invalid",
            Self::Unavailable => "unavailable",
        }
    }

    /// What the visitor is told about the submission as a whole; none where each field has its own message.
    pub(crate) fn message<'a>(&self, messages: &'a Messages) -> Option<&'a str> {
        match self {
            Self::TooOften => Some(&messages.too_often),
            Self::TooLarge => Some(&messages.too_large),
            Self::StatementChanged(_) => Some(&messages.statement_changed),
            Self::Unavailable | Self::TooSlow => Some(&messages.unavailable),
            Self::Invalid(_) => None,
            _ => Some(&messages.not_our_form),
        }
    }

    /// What is wrong field by field.
    pub(crate) fn fields(&self) -> &[FieldMessage] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}
