//! From a request's body to the pairs of names and values in it, up to limits.
//!
//! It knows formats, not forms.

use std::time::Duration;

use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::private::Private;
use crate::refusal::Refusal;

/// The longest body that is read.
pub(crate) const SIZE_BYTES_MAX: usize = 64 * 1024;
/// How long a body may take to arrive.
const READ_TIME_MAX: Duration = Duration::from_secs(10);

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

/// Reads the whole body and takes it apart.
pub(crate) async fn read<B>(headers: &HeaderMap, format: Format, body: B) -> Result<Pairs, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > SIZE_BYTES_MAX) {
        return Err(Refusal::TooLarge);
    }
    let read = tokio::time::timeout(READ_TIME_MAX, Limited::new(body, SIZE_BYTES_MAX).collect()).await;
    let bytes = match read {
        Err(_) => return Err(Refusal::TooSlow),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::TooLarge),
        Ok(Err(_)) => return Err(Refusal::Truncated),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    if length.is_some_and(|length| length > bytes.len()) {
        return Err(Refusal::Truncated);
    }
    match format {
        Format::Form => parse_form(&bytes),
        Format::Json => parse_json(&bytes),
    }
}

fn parse_form(bytes: &[u8]) -> Result<Pairs, Refusal> {
    bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = equals.map_or((pair, &pair[pair.len()..]), |at| (&pair[..at], &pair[at + 1..]));
            Ok((decode(name)?, Private::new(decode(value)?)))
        })
        .collect()
}

/// Decodes strictly: a lossy decoder would store what nobody typed.
fn decode(text: &[u8]) -> Result<String, Refusal> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| Refusal::Malformed)
}

fn parse_json(bytes: &[u8]) -> Result<Pairs, Refusal> {
    /// An object of texts, with repeated keys kept so that they can be refused.
    struct Object(Pairs);

    impl<'de> Deserialize<'de> for Object {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct ObjectVisitor;
            impl<'de> Visitor<'de> for ObjectVisitor {
                type Value = Object;

                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("an object of texts")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
                    let mut pairs = Pairs::new();
                    while let Some((name, value)) = access.next_entry::<String, Option<String>>()? {
                        pairs.push((name, Private::new(value.unwrap_or_default())));
                    }
                    Ok(Object(pairs))
                }
            }
            deserializer.deserialize_map(ObjectVisitor)
        }
    }
    serde_json::from_slice::<Object>(bytes).map(|object| object.0).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<Vec<(String, String)>, Refusal> {
        parse_form(body.as_bytes())
            .map(|pairs| pairs.into_iter().map(|(name, value)| (name, value.expose().clone())).collect())
    }

    #[test]
    fn forms_are_decoded_as_browsers_write_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            form("a=1+2%2B3&b=%E6%97%A5&&c&=d&a=").unwrap(),
            [pair("a", "1 2+3"), pair("b", "日"), pair("c", ""), pair("", "d"), pair("a", ""),]
        );
        assert_eq!(form("a=%FF"), Err(Refusal::Malformed));
        assert_eq!(form("%C3=a"), Err(Refusal::Malformed));
        assert_eq!(form("a=100%&b=%zz").unwrap(), [pair("a", "100%"), pair("b", "%zz")]);
    }

    #[test]
    fn json_keeps_repeated_keys_and_refuses_other_values() {
        let names = |body: &str| parse_json(body.as_bytes()).map(|pairs| pairs.len());
        assert_eq!(names(r#"{"a": "1", "a": null}"#), Ok(2));
        for wrong in ["", "[]", "\"a\"", r#"{"a": 1}"#, r#"{"a": ["1"]}"#, r#"{"a": "1"} x"#, "{"] {
            assert_eq!(names(wrong), Err(Refusal::Malformed), "{wrong}");
        }
        assert_eq!(parse_json(b"{\"a\": \"\xff\"}"), Err(Refusal::Malformed));
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
