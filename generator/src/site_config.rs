//! `content/site.yaml`: what holds for the whole site.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::yaml::{self, Fields, Located, Value};

use crate::address;
use crate::admin::AdminConfig;
use crate::cards;
use crate::declared::Declared;
use crate::images::scaled;
use crate::language;
use crate::page::parse_count;
use crate::search;
use crate::site::Options;
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
    /// What pages are filed under; none leaves it to the pages, see [`crate::taxonomy`].
    pub taxonomies: Option<Vec<TaxonomyConfig>>,
    /// How many pages a list shows at once where it does not say itself; 0 is all of them.
    pub paginate: usize,
    /// What feeds contain.
    pub feed: FeedConfig,
    /// How markdown is read.
    pub markdown: Markdown,
    /// What is declared for the statement's gates.
    pub declared: Declared,
    /// In which widths pictures are published beside themselves, if at all.
    pub images: Option<ImagesConfig>,
    /// Whether each page has a picture for those who link to it.
    pub cards: bool,
    /// Whether there is a page on which the site is searched.
    pub search: bool,
    /// How the site is edited in the browser, if at all.
    pub admin: Option<AdminConfig>,
}

/// In which widths pictures are published.
#[derive(Debug, Clone)]
pub struct ImagesConfig {
    /// In pixels.
    pub widths: Vec<usize>,
    /// How wide a picture stands on a page, for browsers (HTML Standard, section 2.4.4).
    pub sizes: String,
    /// Whether they are published as AVIF too, and how fast: from 1, which makes the smallest files, to 10.
    pub avif: Option<u8>,
}

/// What feeds contain.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// Whether an entry has the page's whole text, or what describes it.
    pub is_full: bool,
    /// The most entries of a feed.
    pub limit: usize,
}

/// A taxonomy, as the settings declare it.
#[derive(Debug, Clone)]
pub struct TaxonomyConfig {
    /// The key in front matter, and the folder of its pages.
    pub name: Located<String>,
    /// What its page is called.
    pub title: String,
    /// How many pages a term shows at once.
    pub paginate: Option<usize>,
    /// Whether each term has a feed.
    pub feed: bool,
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
    /// The day a site is built for.
    #[must_use]
    pub fn today(&self, options: &Options) -> Date {
        options.today.unwrap_or_else(|| self.timezone.to_datetime(options.now).date())
    }

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
        let language = config.parsed("language", parse_language);
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
        let taxonomies = parse_taxonomies(&mut config);
        let paginate = parse_count(&mut config, "paginate").map_or(0, |paginate| paginate.value);
        let feed = parse_feed(&mut config);
        let markdown = config.mapping("markdown", "`markdown`").map_or_else(Markdown::default, Markdown::parse);
        let declared = Declared::parse(&mut config);
        let images = parse_images(&mut config);
        let cards = parse_switch(&mut config, "cards", cards::IS_AVAILABLE, "cards");
        let search = parse_switch(&mut config, "search", search::IS_AVAILABLE, "search");
        let admin = config.mapping("admin", "`admin`").and_then(AdminConfig::parse);
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
            taxonomies,
            paginate,
            feed,
            markdown,
            declared,
            images,
            cards,
            search,
            admin,
        })
    }
}

impl TaxonomyConfig {
    /// A taxonomy that is named and nothing else.
    #[must_use]
    pub fn named(name: Located<String>) -> Self {
        let mut letters = name.value.chars();
        let title = letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
        Self { name, title, paginate: None, feed: true }
    }
}

fn parse_taxonomies(config: &mut Fields<'_, '_>) -> Option<Vec<TaxonomyConfig>> {
    let nodes = config.sequence("taxonomies")?;
    let path = config.path();
    let mut taxonomies: Vec<TaxonomyConfig> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let taxonomy = if let Value::String(name) = &node.value {
            let name = Located { value: name.clone(), span: node.span.clone() };
            match parse_taxonomy_name(&name.value) {
                Ok(_) => TaxonomyConfig::named(name),
                Err(fact) => {
                    config.diagnostics.push(Diagnostic::error(path, name.span, fact));
                    continue;
                }
            }
        } else {
            let Some(mut fields) = Fields::new(path, "a taxonomy", node, config.diagnostics) else { continue };
            let name = fields.parsed("name", parse_taxonomy_name);
            let name = fields.required("name", name);
            let title = fields.string("title");
            let paginate = parse_count(&mut fields, "paginate");
            let feed = fields.boolean("feed");
            fields.finish();
            let Some(name) = name else { continue };
            let named = TaxonomyConfig::named(name);
            TaxonomyConfig {
                title: title.map_or(named.title, |title| title.value),
                paginate: paginate.map(|paginate| paginate.value),
                feed: feed.is_none_or(|feed| feed.value),
                name: named.name,
            }
        };
        if taxonomies.iter().any(|other| other.name.value == taxonomy.name.value) {
            let message = format!("the taxonomy `{}` is declared twice", taxonomy.name.value);
            config.diagnostics.push(Diagnostic::error(path, taxonomy.name.span, message).help("remove one of the two"));
            continue;
        }
        taxonomies.push(taxonomy);
    }
    Some(taxonomies)
}

/// The name is the folder its pages stand in.
fn parse_taxonomy_name(name: &str) -> Result<String, String> {
    if !name.is_empty() && address::slugify(name) == name && address::fault_of_name(name).is_none() {
        return Ok(name.to_owned());
    }
    Err(format!("`{name}` cannot be the name of a taxonomy: use lower-case letters, digits and `-`, like `topics`"))
}

fn parse_feed(config: &mut Fields<'_, '_>) -> FeedConfig {
    let mut feed = FeedConfig { is_full: true, limit: 20 };
    if let Some(mut fields) = config.mapping("feed", "`feed`") {
        let content = fields.one_of("content", &[("full", true), ("summary", false)]);
        let limit = parse_count(&mut fields, "limit");
        fields.finish();
        feed.is_full = content.is_none_or(|content| content.value);
        feed.limit = limit.map_or(feed.limit, |limit| limit.value);
    }
    feed
}

fn parse_images(config: &mut Fields<'_, '_>) -> Option<ImagesConfig> {
    let span = config.node("images")?.span.clone();
    let mut fields = config.mapping("images", "`images`")?;
    let path = fields.path();
    let mut widths = Vec::new();
    for node in fields.sequence("widths").unwrap_or_default() {
        match node.value {
            Value::Integer(width) if (16..=8192).contains(&width) => widths.extend(usize::try_from(width)),
            _ => fields.diagnostics.push(
                Diagnostic::error(path, node.span.clone(), "a width is a number of pixels, from 16 to 8192")
                    .help("write `widths: [480, 960, 1600]`"),
            ),
        }
    }
    let sizes = fields.words("sizes").map_or_else(|| "100vw".to_owned(), |sizes| sizes.value);
    let speed = fields.integer("avif_speed").and_then(|speed| match u8::try_from(speed.value) {
        Ok(value @ 1..=10) => Some(value),
        _ => {
            let fact = "the speed is a number from 1, which makes the smallest files, to 10";
            fields.diagnostics.push(Diagnostic::error(path, speed.span, fact).help("write `avif_speed: 6`"));
            None
        }
    });
    let avif = fields.boolean("avif").filter(|on| on.value);
    fields.finish();
    if let Some(on) = avif.as_ref().filter(|_| !scaled::HAS_AVIF) {
        config.diagnostics.push(
            Diagnostic::error(path, on.span.clone(), "this candor was built without AVIF")
                .help("build it with `--features avif`, or write `avif: false`"),
        );
        return None;
    }
    if !scaled::IS_AVAILABLE {
        config.diagnostics.push(
            Diagnostic::error(path, span, "this candor was built without scaling of pictures")
                .help("build it with `--features images`, or leave out `images`"),
        );
        return None;
    }
    let avif = avif.map(|_| speed.unwrap_or(6));
    if widths.is_empty() {
        widths = vec![480, 960, 1600];
    }
    Some(ImagesConfig { widths, sizes, avif })
}

/// A switch for what not every program can do.
fn parse_switch(config: &mut Fields<'_, '_>, key: &'static str, is_available: bool, what: &str) -> bool {
    let Some(asked) = config.boolean(key).filter(|on| on.value) else { return false };
    if !is_available {
        config.diagnostics.push(
            Diagnostic::error(config.path(), asked.span, format!("this candor was built without {what}"))
                .help(format!("build it with `--features {key}`, or write `{key}: false`")),
        );
    }
    is_available
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

fn parse_language(tag: &str) -> Result<String, String> {
    if !language::is_tag(tag) {
        return Err(format!("`{tag}` is not a language tag: write one like `en` or `pt-BR`"));
    }
    Ok(tag.to_owned())
}

fn parse_theme(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(format!("`{name}` is not the name of a folder under `themes/`"));
    }
    Ok(name.to_owned())
}
