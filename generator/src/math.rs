//! Mathematics in LaTeX's notation as MathML Core, which browsers draw without a script.
//!
//! It knows nothing of markdown: where mathematics begins and ends is decided there.

use pulldown_cmark_escape::escape_html;
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};

/// Renders `latex`, in its line or on lines of its own.
///
/// # Errors
/// Says in lower case what is wrong with it.
pub fn render(latex: &str, is_display: bool) -> Result<String, String> {
    let storage = Storage::new();
    let events =
        Parser::new(latex, &storage).collect::<Result<Vec<_>, _>>().map_err(|error| fact(&error.to_string()))?;
    let display_mode = if is_display { DisplayMode::Block } else { DisplayMode::Inline };
    // The annotation keeps what was written for who copies it.
    let mut annotation = String::new();
    escape_html(&mut annotation, latex).expect("invariant: a string can be written to");
    let config = RenderConfig { display_mode, annotation: Some(&annotation), ..RenderConfig::default() };
    let mut mathml = String::new();
    let events = events.into_iter().map(Ok::<_, pulldown_latex::ParserError>);
    push_mathml(&mut mathml, events, config).expect("invariant: a string can be written to");
    // The library writes operators as they are.
    Ok(mathml.replace("><</", ">&lt;</").replace(">&</", ">&amp;</"))
}

/// The library draws its message in several lines; the first says what is wrong.
fn fact(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    // Two of its words are misspelt.
    line.trim_start_matches("parsing error: ").replace("unkown", "unknown").trim_end_matches('.').to_owned()
}
