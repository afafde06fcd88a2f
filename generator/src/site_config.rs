//! `content/site.yaml`: what holds for the whole site.

use std::sync::Arc;

use jiff::tz::TimeZone;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::yaml::{self, Fields, Located};

use crate::source_tree::SourceTree;

/// Where the settings stand.
pub const PATH: &str = "content/site.yaml";

/// A site's settings.
#[derive(Debug, Clone)]
pub struct SiteConfig {
    /// The site's name.
    pub title: String,
    /// One sentence about the site, for search engines; may be empty.
    pub description: String,
    /// `https://example.org`, without a final slash.
    pub base_url: String,
    /// A BCP 47 tag, for `<html lang>`.
    pub language: String,
    /// Where days begin and end.
    pub timezone: TimeZone,
    /// The folder under `themes/`.
    pub theme: Located<String>,
    /// The line at the foot of every page; may be empty.
    pub footer: String,
    /// The main menu, in order.
    pub menu: Vec<MenuEntry>,
    /// How markdown is read.
    pub markdown: Markdown,
}

/// What markdown means beyond CommonMark and GFM; everything is off unless asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Markdown {
    /// Quotation marks, dashes and dots become typographic ones.
    pub smart_punctuation: bool,
    /// `$…$` and `$$…$$` are mathematics.
    pub math: bool,
    /// Code with a known language gets classes for colours.
    pub highlight: bool,
}

/// An entry of the main menu.
#[derive(Debug, Clone)]
pub struct MenuEntry {
    /// What it says.
    pub label: String,
    /// A link as a page in `content/` would write it.
    pub to: Located<String>,
}

impl SiteConfig {
    /// Reads the settings; `base_url` replaces the file's if given.
    pub fn parse(tree: &SourceTree, base_url: Option<&str>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let path: Arc<str> = PATH.into();
        let Some(text) = tree.text(PATH) else {
            diagnostics.push(
                Diagnostic::error(&path, 0..0, "the site has no settings")
                    .help("write `content/site.yaml` with `title`, `base_url`, `language`, `timezone` and `theme`"),
            );
            return None;
        };
        let root = yaml::parse(&path, text, 0..text.len(), diagnostics)?;
        let mut config = Fields::new(&path, "the settings file", &root, diagnostics)?;
        let title = config.words("title");
        let title = config.required("title", title);
        let in_file = config.parsed("base_url", parse_base_url);
        let in_file = config.required("base_url", in_file).map(|url| url.value);
        let language = config.words("language");
        let language = config.required("language", language);
        let timezone = config.parsed("timezone", parse_timezone);
        let timezone = config.required("timezone", timezone);
        let theme = config.parsed("theme", parse_theme);
        let theme = config.required("theme", theme);
        let text_of = |text: Option<Located<String>>| text.map_or_else(String::new, |text| text.value);
        let description = text_of(config.string("description"));
        let footer = text_of(config.string("footer"));
        let mut menu = Vec::new();
        for node in config.sequence("menu").unwrap_or_default() {
            let Some(mut entry) = Fields::new(&path, "a menu entry", node, config.diagnostics) else { continue };
            let label = entry.words("label");
            let label = entry.required("label", label);
            let to = entry.string("to");
            let to = entry.required("to", to);
            entry.finish();
            if let (Some(label), Some(to)) = (label, to) {
                menu.push(MenuEntry { label: label.value, to });
            }
        }
        let markdown = config.mapping("markdown", "`markdown`").map_or_else(Markdown::default, Markdown::parse);
        config.finish();
        let base_url = match base_url {
            None => in_file,
            Some(url) => match parse_base_url(url) {
                Ok(url) => Some(url),
                Err(fact) => {
                    diagnostics.push(Diagnostic::error(&path, 0..0, format!("`--base-url`: {fact}")));
                    None
                }
            },
        };
        Some(Self {
            title: title?.value,
            description,
            base_url: base_url?,
            language: language?.value,
            timezone: timezone?.value,
            theme: theme?,
            footer,
            menu,
            markdown,
        })
    }
}

impl Markdown {
    fn parse(mut fields: Fields<'_, '_>) -> Self {
        let smart_punctuation = fields.boolean("smart_punctuation").is_some_and(|on| on.value);
        let math = fields.boolean("math").is_some_and(|on| on.value);
        let highlight = fields.boolean("highlight").filter(|on| on.value);
        if let Some(on) = highlight.as_ref().filter(|_| !crate::highlight::IS_AVAILABLE) {
            fields.diagnostics.push(
                Diagnostic::error(fields.path(), on.span.clone(), "this candor was built without highlighting")
                    .help("build it with `--features highlight`, or write `highlight: false`"),
            );
        }
        fields.finish();
        Self { smart_punctuation, math, highlight: highlight.is_some() }
    }
}

fn parse_base_url(url: &str) -> Result<String, String> {
    let trimmed = url.trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte))
    };
    match host {
        Some(host) if plain(host) => Ok(trimmed.to_owned()),
        _ => Err(format!(
            "`{url}` is not the address of a site: write `https://` and a host, without a path, like `https://example.org`"
        )),
    }
}

fn parse_timezone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is not a time zone: write a name like `America/Chicago`"))
}

fn parse_theme(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(format!("`{name}` is not the name of a folder under `themes/`"));
    }
    Ok(name.to_owned())
}
