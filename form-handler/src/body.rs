//! From a request's body to the pairs of names and values in it, up to limits.
//!
//! It knows formats, not forms.

use std::time::Duration;

use bytes::{Buf, BufMut};
use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::BodyExt;
use percent_encoding::percent_decode;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::private::Private;
use crate::refusal::Refusal;

/// How much of a body that is too long is heard out. A connection that is closed before that is one whose answer browsers
/// do not show.
const SIZE_BYTES_HEARD_MAX: usize = 16 * 1024 * 1024;
/// How long a body may take to arrive.
const READ_TIME_MAX: Duration = Duration::from_secs(10);

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The longest body.
    pub(crate) size_bytes_max: usize,
    /// The most pairs; one more is read, by which it can be seen that there are too many.
    pub(crate) pairs_max: usize,
}

/// Names and values in the order they came.
pub(crate) type Pairs = Vec<(String, Private<String>)>;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/x-www-form-urlencoded` (URL Standard, section 5.1).
    Form,
    /// `application/json` (RFC 8259): an object of texts.
    Json,
}

/// The format a request declares; it must be UTF-8, said or unsaid.
pub(crate) fn format(headers: &HeaderMap) -> Result<Format, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Format::Form,
        "application/json" => Format::Json,
        _ => return Err(Refusal::UnsupportedType),
    };
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    if parts.all(is_utf8) { Ok(format) } else { Err(Refusal::UnsupportedType) }
}

/// A body, as far as it could be read.
pub(crate) struct Read {
    /// What was in it.
    pub(crate) pairs: Pairs,
    /// How long it is.
    pub(crate) size_bytes: usize,
    /// What kept it from being read whole.
    pub(crate) refusal: Option<Refusal>,
}

/// Reads a body and takes it apart.
pub(crate) async fn read<B>(headers: &HeaderMap, format: Format, body: B, limits: Limits) -> Read
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut bytes = Vec::new();
    let unread = match tokio::time::timeout(READ_TIME_MAX, collect(body, limits.size_bytes_max, &mut bytes)).await {
        Err(_) => Some(Refusal::TooSlow),
        Ok(Err(refusal)) => Some(refusal),
        Ok(Ok(())) => match length {
            Some(length) if length > limits.size_bytes_max => Some(Refusal::TooLarge),
            Some(length) if length > bytes.len() => Some(Refusal::Truncated),
            _ => None,
        },
    };
    let (pairs, malformed) = match format {
        Format::Form => parse_form(&bytes, limits.pairs_max),
        Format::Json => match parse_json(&bytes, limits.pairs_max) {
            Ok(pairs) => (pairs, None),
            Err(refusal) => (Pairs::new(), Some(refusal)),
        },
    };
    Read { pairs, size_bytes: bytes.len(), refusal: unread.or(malformed) }
}

/// Appends what arrives to `bytes`, so that it is there even when the rest never comes.
async fn collect<B: Body>(body: B, size_bytes_max: usize, bytes: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut body = std::pin::pin!(body);
    let mut size_bytes = 0;
    while let Some(frame) = body.frame().await {
        // What is not data is trailers, which say nothing of a form.
        let Ok(data) = frame.map_err(|_| Refusal::Truncated)?.into_data() else { continue };
        size_bytes += data.remaining();
        if size_bytes <= size_bytes_max {
            bytes.put(data);
        } else if size_bytes > SIZE_BYTES_HEARD_MAX {
            break;
        }
    }
    if size_bytes > size_bytes_max { Err(Refusal::TooLarge) } else { Ok(()) }
}

/// What can be read of a form, up to one pair more than there may be, and what is wrong with the rest.
fn parse_form(bytes: &[u8], pairs_max: usize) -> (Pairs, Option<Refusal>) {
    let (mut pairs, mut refusal) = (Pairs::new(), None);
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).take(pairs_max + 1) {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = equals.map_or((pair, &pair[pair.len()..]), |at| (&pair[..at], &pair[at + 1..]));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => pairs.push((name, Private::new(value))),
            _ => refusal = Some(Refusal::Malformed),
        }
    }
    (pairs, refusal)
}

/// Decodes strictly: a lossy decoder would store what nobody typed.
fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Reads an object of texts, with repeated keys kept so that they can be refused, up to one pair more than there may be.
fn parse_json(bytes: &[u8], pairs_max: usize) -> Result<Pairs, Refusal> {
    struct Object {
        pairs_max: usize,
    }

    impl<'de> Visitor<'de> for Object {
        type Value = Pairs;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an object of texts")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Pairs, A::Error> {
            let mut pairs = Pairs::new();
            while pairs.len() <= self.pairs_max
                && let Some((name, value)) = access.next_entry::<String, Option<String>>()?
            {
                pairs.push((name, Private::new(value.unwrap_or_default())));
            }
            while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(pairs)
        }
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let pairs = json.deserialize_map(Object { pairs_max }).and_then(|pairs| json.end().map(|()| pairs));
    pairs.map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> (Vec<(String, String)>, Option<Refusal>) {
        let (pairs, refusal) = parse_form(body.as_bytes(), 10);
        (pairs.into_iter().map(|(name, value)| (name, value.expose().clone())).collect(), refusal)
    }

    #[test]
    fn forms_are_decoded_as_browsers_write_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            form("a=1+2%2B3&b=%E6%97%A5&&c&=d&a="),
            (vec![pair("a", "1 2+3"), pair("b", "日"), pair("c", ""), pair("", "d"), pair("a", "")], None)
        );
        assert_eq!(form("a=100%&b=%zz"), (vec![pair("a", "100%"), pair("b", "%zz")], None));
        for wrong in ["a=1&b=%FF&c=2", "a=1&%C3=b&c=2"] {
            assert_eq!(form(wrong), (vec![pair("a", "1"), pair("c", "2")], Some(Refusal::Malformed)), "{wrong}");
        }
    }

    #[test]
    fn no_more_is_taken_in_than_shows_that_it_is_too_much() {
        assert_eq!(form(&"a=1&".repeat(1000)).0.len(), 11);
        let json = format!("{{{}\"a\": \"1\"}}", "\"a\": \"1\", ".repeat(1000));
        assert_eq!(parse_json(json.as_bytes(), 10).unwrap().len(), 11);
    }

    #[test]
    fn json_keeps_repeated_keys_and_refuses_other_values() {
        let names = |body: &str| parse_json(body.as_bytes(), 10).map(|pairs| pairs.len());
        assert_eq!(names(r#"{"a": "1", "a": null}"#), Ok(2));
        for wrong in ["", "[]", "\"a\"", r#"{"a": 1}"#, r#"{"a": ["1"]}"#, r#"{"a": "1"} x"#, "{"] {
            assert_eq!(names(wrong), Err(Refusal::Malformed), "{wrong}");
        }
        assert_eq!(parse_json(b"{\"a\": \"\xff\"}", 10), Err(Refusal::Malformed));
    }

    #[test]
    fn types() {
        let format_of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            format(&headers)
        };
        assert_eq!(format_of("application/x-www-form-urlencoded"), Ok(Format::Form));
        assert_eq!(format_of("Application/JSON; charset=\"UTF-8\""), Ok(Format::Json));
        for wrong in ["multipart/form-data; boundary=x", "text/plain", "application/json; charset=latin1", ""] {
            assert_eq!(format_of(wrong), Err(Refusal::UnsupportedType), "{wrong}");
        }
        assert_eq!(format(&HeaderMap::new()), Err(Refusal::UnsupportedType));
    }
}
