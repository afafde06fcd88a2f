//! Sites that were written for another generator, as a site of ours: front matter, settings, links, common shortcodes.
//!
//! What has no counterpart is listed with its place and never dropped without a word. It knows texts and paths, no disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Parser, Tag};
use statement::yaml::{Entry, Node, Value};

use crate::site_config;
use crate::starter::{self, NewFile};
use crate::yaml_text::{self, node};
use crate::{Failure, address, markdown, report, well_known};

mod front;
mod hugo;
mod jekyll;
mod zola;

/// The generator a site was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// <https://gohugo.io>
    Hugo,
    /// <https://www.getzola.org>
    Zola,
    /// <https://jekyllrb.com>
    Jekyll,
}

impl Origin {
    /// Folders of such a site that are made by the generator or belong to others.
    #[must_use]
    pub fn skipped_folders(self) -> &'static [&'static str] {
        match self {
            Self::Hugo => &["public", "resources", "themes", "node_modules"],
            Self::Zola => &["public", "themes", "node_modules"],
            Self::Jekyll => &["_site", "vendor", "node_modules"],
        }
    }
}

/// What became of a site.
#[derive(Debug)]
pub struct Imported {
    /// The new site's files.
    pub files: Vec<NewFile>,
    pages: usize,
    copied: usize,
    unconverted: Vec<Unconverted>,
}

/// Something that has no counterpart, or that an author should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Unconverted {
    /// The file of the other site.
    path: String,
    line: usize,
    why: String,
}

impl Imported {
    /// What became of the site, for a person: counts, then a line for each thing that was not converted.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!(
            "{} imported, {} copied\n",
            report::plural(self.pages, "page"),
            report::plural(self.copied, "file")
        );
        if !self.unconverted.is_empty() {
            text.push_str("\nnot converted, by place in the other site:\n");
        }
        for Unconverted { path, line, why } in &self.unconverted {
            writeln!(text, "  {path}:{line}: {why}").expect("invariant: a string can be written to");
        }
        text
    }
}

/// Imports the files of a site; `timezone` is the new site's, instead of the one its settings name.
///
/// # Errors
/// When the files are not such a site.
pub fn import(origin: Origin, files: Vec<NewFile>, timezone: Option<&str>) -> Result<Imported, Failure> {
    let mut import = Import { files: files.into_iter().collect(), ..Import::default() };
    match origin {
        Origin::Hugo => hugo::read(&mut import)?,
        Origin::Zola => zola::read(&mut import)?,
        Origin::Jekyll => jekyll::read(&mut import)?,
    }
    Ok(import.finish(timezone))
}

/// A site on its way.
#[derive(Default)]
struct Import {
    /// The other site's files that nothing was made of yet.
    files: BTreeMap<String, Vec<u8>>,
    settings: Settings,
    pages: Vec<ImportedPage>,
    /// Files that are published as they are, by path under `content/`.
    copies: BTreeMap<String, Vec<u8>>,
    unconverted: Vec<Unconverted>,
}

/// What the other site's settings say.
#[derive(Default)]
struct Settings {
    path: String,
    title: Option<String>,
    description: Option<String>,
    base_url: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    menu: Vec<(String, String)>,
}

/// A page on its way.
#[derive(Default)]
struct ImportedPage {
    /// Its file in the other site.
    source: String,
    /// Its file under `content/`.
    path: String,
    /// Where the other generator published it.
    old_url: String,
    front: Front,
    /// The text, with shortcodes converted.
    body: String,
}

/// A page's front matter in our terms.
#[derive(Default)]
struct Front {
    title: Option<String>,
    description: Option<String>,
    date: Option<String>,
    updated: Option<String>,
    expires: Option<String>,
    draft: bool,
    slug: Option<String>,
    aliases: Vec<String>,
    tags: Vec<String>,
    /// The terms of other taxonomies.
    taxonomies: Vec<(String, Vec<String>)>,
    weight: Option<i64>,
    extra: Vec<Entry>,
}

impl Front {
    fn yaml(&self) -> String {
        let text = |text: &str| Value::String(text.to_owned());
        let list = |items: &[String]| Value::Sequence(items.iter().map(|item| node(text(item))).collect());
        let filed = |(taxonomy, terms): &(String, Vec<String>)| Entry {
            key: taxonomy.clone(),
            key_span: 0..0,
            node: node(list(terms)),
        };
        let entries = [
            ("title", self.title.as_deref().map(text)),
            ("description", self.description.as_deref().map(text)),
            ("date", self.date.as_deref().map(text)),
            ("updated", self.updated.as_deref().map(text)),
            ("expires", self.expires.as_deref().map(text)),
            ("draft", self.draft.then_some(Value::Boolean(true))),
            ("slug", self.slug.as_deref().map(text)),
            ("weight", self.weight.map(Value::Integer)),
            ("aliases", (!self.aliases.is_empty()).then(|| list(&self.aliases))),
            ("tags", (!self.tags.is_empty()).then(|| list(&self.tags))),
            (
                "taxonomies",
                (!self.taxonomies.is_empty()).then(|| Value::Mapping(self.taxonomies.iter().map(filed).collect())),
            ),
            ("extra", (!self.extra.is_empty()).then(|| Value::Mapping(self.extra.clone()))),
        ];
        yaml_text::mapping(entries.iter().filter_map(|(key, value)| Some((*key, value.as_ref()?))))
    }

    /// Keeps a value for the theme; what is there already stays.
    fn keep(&mut self, key: &str, value: &Node) {
        if !self.extra.iter().any(|entry| entry.key == key) {
            self.extra.push(Entry { key: key.to_owned(), key_span: 0..0, node: value.clone() });
        }
    }

    /// Files the page under terms of a taxonomy; where its name cannot be one here, they are kept for the theme.
    fn file_under(&mut self, taxonomy: &str, terms: Vec<String>) {
        if taxonomy.eq_ignore_ascii_case("tags") {
            return self.tags.extend(terms);
        }
        if taxonomy.is_empty() || address::slugify(taxonomy) != taxonomy {
            let list = terms.into_iter().map(|term| node(Value::String(term))).collect();
            return self.keep(taxonomy, &node(Value::Sequence(list)));
        }
        match self.taxonomies.iter_mut().find(|(other, _)| other == taxonomy) {
            Some((_, filed)) => filed.extend(terms),
            None if terms.is_empty() => {}
            None => self.taxonomies.push((taxonomy.to_owned(), terms)),
        }
    }

    /// A former address, if it can be one.
    fn alias(&mut self, old: &str) -> bool {
        let old = if old.starts_with('/') { old.to_owned() } else { format!("/{old}") };
        let is_address = old.len() > 1 && !old.contains(['?', '#', '\\']) && !old.contains("..") && !old.contains("//");
        if is_address && !self.aliases.contains(&old) {
            self.aliases.push(old);
        }
        is_address
    }
}

impl Import {
    fn list(&mut self, path: &str, line: usize, why: impl Into<String>) {
        self.unconverted.push(Unconverted { path: path.to_owned(), line, why: why.into() });
    }

    /// Takes a text file out of the other site.
    fn take_text(&mut self, path: &str) -> Option<String> {
        let bytes = self.files.remove(path)?;
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                self.list(path, 1, "the file is not UTF-8");
                Some(String::from_utf8_lossy(error.as_bytes()).into_owned())
            }
        }
    }

    /// Takes every file below a folder, by its path below it.
    fn take_folder(&mut self, folder: &str) -> Vec<NewFile> {
        let prefix = format!("{folder}/");
        let paths: Vec<String> = self.files.keys().filter(|path| path.starts_with(&prefix)).cloned().collect();
        let taken = paths.into_iter().filter_map(|path| {
            let bytes = self.files.remove(&path)?;
            Some((path[prefix.len()..].to_owned(), bytes))
        });
        taken.collect()
    }

    /// Copies a file to a path under `content/`, unless we make the file of that name ourselves.
    fn copy(&mut self, source: &str, path: String, bytes: Vec<u8>) {
        let site_path = address::of_file(&path);
        if well_known::RESERVED.contains(&site_path.as_str()) {
            self.list(source, 1, format!("`{site_path}` is made by Candor, so the file was left out"));
        } else if path.ends_with(".md") {
            self.list(source, 1, "a markdown file that is not a page was left out: only pages end in `.md` here");
        } else if self.copies.insert(path, bytes).is_some() {
            self.list(source, 1, format!("two files would have the address `{site_path}`; this one was taken"));
        }
    }

    /// Lists a folder of files that belong to the other generator.
    fn leave_out(&mut self, folder: &str, why: &str) {
        let files = self.take_folder(folder).len();
        if files > 0 {
            self.list(&format!("{folder}/"), 1, format!("{}: {why}", report::plural(files, "file")));
        }
    }

    fn finish(mut self, timezone: Option<&str>) -> Imported {
        self.settle_taxonomies();
        self.settle_addresses();
        self.add_home();
        let by_url = self.pages_by_url();
        let mut known: HashSet<String> = self.pages.iter().map(|page| page.path.clone()).collect();
        known.extend(self.copies.keys().cloned());
        let base_url = self.settings.base_url.clone().unwrap_or_default();
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for page in &self.pages {
            let body = relink(page, &by_url, &known, &base_url);
            files.insert(
                format!("content/{}", page.path),
                format!("---\n{}---\n{body}", page.front.yaml()).into_bytes(),
            );
        }
        let settings = self.settings_file(timezone, &by_url);
        files.insert(site_config::PATH.to_owned(), settings.into_bytes());
        let (pages, copied) = (self.pages.len(), self.copies.len());
        files.extend(self.copies.into_iter().map(|(path, bytes)| (format!("content/{path}"), bytes)));
        files.extend(starter::theme());
        self.unconverted.sort();
        self.unconverted.dedup();
        Imported { files: files.into_iter().collect(), pages, copied, unconverted: self.unconverted }
    }

    /// The page of a taxonomy stands at the root; where something else does, its terms are kept for the theme.
    fn settle_taxonomies(&mut self) {
        let taken: HashSet<String> = self
            .pages
            .iter()
            .filter(|page| !page.path.ends_with("_index.md"))
            .map(ImportedPage::new_url)
            .filter(|url| url.matches('/').count() == 2)
            .collect();
        for front in self.pages.iter_mut().map(|page| &mut page.front) {
            let (kept, filed): (Vec<_>, Vec<_>) = std::mem::take(&mut front.taxonomies)
                .into_iter()
                .partition(|(taxonomy, _)| taken.contains(&address::below("/", taxonomy)));
            front.taxonomies = filed;
            for (taxonomy, terms) in kept {
                let list = terms.into_iter().map(|term| node(Value::String(term))).collect();
                front.keep(&taxonomy, &node(Value::Sequence(list)));
            }
        }
    }

    /// Two pages may have met in one file, and a page that has moved is found at its former address.
    fn settle_addresses(&mut self) {
        let mut taken: HashMap<String, String> = HashMap::new();
        let mut pages = Vec::with_capacity(self.pages.len());
        for mut page in std::mem::take(&mut self.pages) {
            if let Some(first) = taken.get(&page.path.to_lowercase()) {
                let why = format!("would be the same file as `{first}`, so it was left out");
                self.list(&page.source, 1, why);
                continue;
            }
            taken.insert(page.path.to_lowercase(), page.source.clone());
            page.take_over_case();
            let new_url = page.new_url();
            // Addresses that differ only in case are one on many disks, so that no alias can lead from one to the other.
            let is_same =
                |old: &str| address::with_slash(old).to_lowercase() == new_url.to_lowercase() || old == "/404.html";
            if !page.old_url.is_empty() && !is_same(&page.old_url) {
                let old = page.old_url.clone();
                page.front.alias(&old);
            }
            page.front.aliases.retain(|alias| !is_same(alias));
            pages.push(page);
        }
        // An address belongs to one page: to the one that stands there, else to the first that was there.
        let mut addresses: HashSet<String> = pages.iter().map(ImportedPage::new_url).collect();
        for page in &mut pages {
            let mut lost = Vec::new();
            page.front.aliases.retain(|alias| {
                let is_free = addresses.insert(address::with_slash(alias));
                if !is_free {
                    lost.push(alias.clone());
                }
                is_free
            });
            for alias in lost {
                let why = format!("the former address `{alias}` belongs to another page, so it was left out");
                self.unconverted.push(Unconverted { path: page.source.clone(), line: 1, why });
            }
        }
        self.pages = pages;
    }

    /// A site has a first page, which other generators make of nothing.
    fn add_home(&mut self) {
        if !self.pages.iter().any(|page| page.path == "_index.md") {
            let title = self.settings.title.clone();
            let front = Front { title: Some(title.unwrap_or_else(|| "Home".to_owned())), ..Front::default() };
            self.pages.push(ImportedPage {
                path: "_index.md".to_owned(),
                front,
                old_url: "/".to_owned(),
                ..ImportedPage::default()
            });
        }
    }

    /// Where pages were and are, with a slash at the end, and the file under `content/` that each became.
    fn pages_by_url(&self) -> HashMap<String, String> {
        let mut by_url = HashMap::new();
        for page in &self.pages {
            let addresses = page.front.aliases.iter().chain([&page.old_url]).map(|old| lookup_key(old));
            for url in addresses.chain([page.new_url()]) {
                by_url.entry(url).or_insert_with(|| page.path.clone());
            }
        }
        by_url
    }

    fn settings_file(&mut self, timezone: Option<&str>, by_url: &HashMap<String, String>) -> String {
        let path = self.settings.path.clone();
        let base_url = match self.settings.base_url.as_deref().map(host_of) {
            Some((Some(host), rest)) => {
                if !rest.is_empty() {
                    self.list(
                        &path,
                        1,
                        format!("a site stands at the root of its host, so `{rest}` is no part of `base_url`"),
                    );
                }
                host
            }
            _ => {
                self.list(
                    &path,
                    1,
                    "the settings have no address with a host: write `base_url` in `content/site.yaml`",
                );
                "https://your-site.invalid".to_owned()
            }
        };
        let mut menu = Vec::new();
        for (label, to) in std::mem::take(&mut self.settings.menu) {
            let is_outside = to.contains("://") || to.starts_with("mailto:");
            let target = if is_outside { Some(to.clone()) } else { by_url.get(&lookup_key(&to)).cloned() };
            match target {
                Some(to) => {
                    let entry = |key: &str, text: String| Entry {
                        key: key.to_owned(),
                        key_span: 0..0,
                        node: node(Value::String(text)),
                    };
                    menu.push(node(Value::Mapping(vec![entry("label", label), entry("to", to)])));
                }
                None => self.list(
                    &path,
                    1,
                    format!("the menu's `{label}` leads to `{to}`, where no page is, so it was left out"),
                ),
            }
        }
        // Tags need no word in the settings, unless there are others beside them.
        let mut taxonomies: BTreeSet<&str> =
            self.pages.iter().flat_map(|page| &page.front.taxonomies).map(|(taxonomy, _)| taxonomy.as_str()).collect();
        if !taxonomies.is_empty() && self.pages.iter().any(|page| !page.front.tags.is_empty()) {
            taxonomies.insert("tags");
        }
        let taxonomies: Vec<Node> = taxonomies.into_iter().map(|name| node(Value::String(name.to_owned()))).collect();
        let settings = &self.settings;
        let timezone = timezone.or(settings.timezone.as_deref()).unwrap_or("UTC");
        let text = |text: &str| Some(Value::String(text.to_owned()));
        let entries = [
            ("title", text(settings.title.as_deref().unwrap_or("My site"))),
            ("description", settings.description.as_deref().and_then(text)),
            ("base_url", text(&base_url)),
            ("language", text(settings.language.as_deref().unwrap_or("en"))),
            ("timezone", text(timezone)),
            ("theme", text("optimal")),
            ("taxonomies", (!taxonomies.is_empty()).then_some(Value::Sequence(taxonomies))),
            ("menu", (!menu.is_empty()).then_some(Value::Sequence(menu))),
        ];
        yaml_text::mapping(entries.iter().filter_map(|(key, value)| Some((*key, value.as_ref()?))))
    }
}

impl ImportedPage {
    /// Other generators write addresses in lower case whatever the file is called; then the page keeps the address it had.
    fn take_over_case(&mut self) {
        let old = address::with_slash(&self.old_url);
        let new = self.new_url();
        let last = |url: &str| url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let is_page = !self.path.ends_with("_index.md");
        if is_page && old != new && old.to_lowercase() == new.to_lowercase() && last(&old) != last(&new) {
            self.front.slug = Some(last(&old));
        }
    }

    fn new_url(&self) -> String {
        match self.path.as_str() {
            "404.md" => "/404.html".to_owned(),
            // A page in a folder of its own stands at the folder's address.
            path => match path.strip_suffix("/index.md") {
                Some(folder) => address::of_page(folder, self.front.slug.as_deref()),
                None => address::of_page(path, self.front.slug.as_deref()),
            },
        }
    }
}

/// An address as pages are looked up by: without query and fragment, `/a`, `/a/`, `/a.html` and `/a/index.html` alike.
fn lookup_key(url: &str) -> String {
    let url = url.split(['#', '?']).next().unwrap_or(url);
    let url = url.strip_suffix("index.html").or_else(|| url.strip_suffix(".html")).unwrap_or(url);
    let slash = if url.starts_with('/') { "" } else { "/" };
    format!("{slash}{}/", url.trim_end_matches('/'))
}

/// `https://example.org` out of an address, and the path behind it.
fn host_of(url: &str) -> (Option<String>, String) {
    let Some((scheme, rest)) = url.split_once("://") else { return (None, String::new()) };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    let path = path.trim_matches('/');
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    (is_host.then(|| format!("{scheme}://{host}")), path)
}

/// The body with each link to a page of the site as a path to its file.
fn relink(page: &ImportedPage, by_url: &HashMap<String, String>, known: &HashSet<String>, base_url: &str) -> String {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let body = &page.body;
    let base_url = base_url.trim_end_matches('/');
    let mut consider = |destination: &str, range: Range<usize>, shown: &str| {
        let Some(at) = shown.rfind(destination).filter(|_| !destination.is_empty()) else { return };
        if let Some(new) = new_destination(page, destination, by_url, known, base_url) {
            edits.push((range.start + at..range.start + at + destination.len(), new));
        }
    };
    let parser = Parser::new_ext(body, markdown::OPTIONS);
    for (_, definition) in parser.reference_definitions().iter() {
        consider(&definition.dest, definition.span.clone(), &body[definition.span.clone()]);
    }
    for (event, range) in parser.into_offset_iter() {
        if let Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) = event
            && link_type == LinkType::Inline
        {
            consider(&dest_url, range.clone(), &body[range]);
        }
    }
    apply(body, edits)
}

/// Replaces ranges of a text; where two overlap, the one that begins first is taken.
fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut new = String::with_capacity(text.len());
    let mut rest = 0;
    for (range, replacement) in edits {
        if range.start >= rest {
            new.push_str(&text[rest..range.start]);
            new.push_str(&replacement);
            rest = range.end;
        }
    }
    new.push_str(&text[rest..]);
    new
}

fn new_destination(
    page: &ImportedPage,
    destination: &str,
    by_url: &HashMap<String, String>,
    known: &HashSet<String>,
    base_url: &str,
) -> Option<String> {
    let own = if base_url.is_empty() {
        None
    } else {
        destination.strip_prefix(base_url).filter(|rest| rest.starts_with('/'))
    };
    // A site that stood below a path of its host began its addresses with it.
    let (_, base_path) = host_of(base_url);
    let below = destination.strip_prefix(&base_path).filter(|rest| !base_path.is_empty() && rest.starts_with('/'));
    let local = own.or(below).unwrap_or(destination);
    let at = local.find(['#', '?']).unwrap_or(local.len());
    let (path, rest) = local.split_at(at);
    let fragment = rest.find('#').map_or("", |at| &rest[at..]);
    let is_outside = path.split('/').next().unwrap_or_default().contains(':') || path.starts_with("//");
    if path.is_empty() || is_outside {
        return None;
    }
    let old_folder = format!("{}x", page.old_url.trim_start_matches('/'));
    let url = if path.starts_with('/') {
        path.to_owned()
    } else {
        // A path to a file is right as it is, if that file is still there.
        let file = address::join(&page.path, path)?;
        if known.contains(&file) {
            return None;
        }
        format!("/{}", address::join(&old_folder, path)?)
    };
    if let Some(file) = by_url.get(&lookup_key(&url)) {
        return Some(format!("{}{fragment}", address::relative(&page.path, file)));
    }
    if known.contains(url.trim_start_matches('/')) {
        return Some(address::relative(&page.path, url.trim_start_matches('/')));
    }
    own.or(below).map(str::to_owned)
}

/// An address by a pattern with `:year` and such; none where a part of it is not known.
fn fill_permalink(pattern: &str, parts: &[(&str, &str)], date: Option<&str>) -> Option<String> {
    let mut url = pattern.to_owned();
    for (token, value) in parts {
        url = url.replace(token, value);
    }
    if let Some(date) = date.and_then(|moment| moment.get(..10)?.parse::<jiff::civil::Date>().ok()) {
        for (token, value) in [
            (":year", format!("{:04}", date.year())),
            (":i_month", date.month().to_string()),
            (":month", format!("{:02}", date.month())),
            (":i_day", date.day().to_string()),
            (":y_day", format!("{:03}", date.day_of_year())),
            (":yearday", date.day_of_year().to_string()),
            (":day", format!("{:02}", date.day())),
            (":short_year", format!("{:02}", date.year() % 100)),
        ] {
            url = url.replace(token, &value);
        }
    }
    while url.contains("//") {
        url = url.replace("//", "/");
    }
    if url.contains(':') { None } else { Some(url) }
}

/// The line a byte is on, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

/// The ranges of a markdown text that are code, where nothing is converted.
fn code_ranges(body: &str) -> Vec<Range<usize>> {
    let events = Parser::new_ext(body, markdown::OPTIONS).into_offset_iter();
    events
        .filter(|(event, _)| matches!(event, Event::Start(Tag::CodeBlock(_)) | Event::Code(_)))
        .map(|(_, range)| range)
        .collect()
}

/// What cannot be converted stays in the text where its author finds it and no visitor sees it.
fn as_comment(source: &str) -> String {
    format!("<!-- not converted: {} -->", source.replace("--", "- -"))
}

/// `choosing-a-time` as a title, for a page that has none: its first heading, else its file's name.
fn title_of(path: &str, body: &str) -> String {
    let heading =
        body.lines().find_map(|line| line.strip_prefix("# ")).map(|line| line.trim().trim_end_matches('#').trim());
    if let Some(heading) = heading.filter(|heading| !heading.is_empty()) {
        return heading.to_owned();
    }
    let stem = path.trim_end_matches(".md").trim_end_matches("/_index").trim_end_matches("/index");
    let words = stem.rsplit('/').next().unwrap_or(stem).replace(['-', '_'], " ");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(|| "Home".to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use statement::diagnostic::Diagnostics;

    use super::*;
    use crate::build::build;
    use crate::output::Nowhere;
    use crate::site::Options;
    use crate::source_tree::SourceTree;

    fn files(files: &[(&str, &str)]) -> Vec<NewFile> {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn text<'a>(imported: &'a Imported, path: &str) -> &'a str {
        let file = imported.files.iter().find(|(known, _)| known == path);
        file.map(|(_, bytes)| std::str::from_utf8(bytes).unwrap()).unwrap_or_else(|| panic!("no {path}"))
    }

    #[test]
    fn addresses_are_looked_up_in_every_spelling() {
        for url in ["/a/b", "/a/b/", "/a/b.html", "/a/b/index.html", "a/b", "/a/b/?x#y"] {
            assert_eq!(lookup_key(url), "/a/b/", "{url}");
        }
        assert_eq!(lookup_key("/"), "/");
        assert_eq!(
            host_of("https://a.example:8080/b/c/"),
            (Some("https://a.example:8080".to_owned()), "/b/c".to_owned())
        );
        assert_eq!(host_of("https://a.example"), (Some("https://a.example".to_owned()), String::new()));
        for url in ["/", "", "example.org", "https:///x", "https://{x}/"] {
            assert_eq!(host_of(url).0, None, "{url}");
        }
    }

    #[test]
    fn two_pages_of_one_name_and_one_address_are_told() {
        let imported = import(
            Origin::Hugo,
            files(&[
                ("hugo.yaml", "title: T\n"),
                ("content/a.md", "---\ntitle: A\n---\n"),
                ("content/A.md", "---\ntitle: Other\n---\n"),
                ("content/x.txt", "1"),
                ("static/x.txt", "2"),
            ]),
            None,
        )
        .unwrap();
        let said: Vec<String> =
            imported.report().lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect();
        assert_eq!(
            said,
            [
                "content/a.md:1: would be the same file as `content/A.md`, so it was left out",
                "hugo.yaml:1: the settings have no address with a host: write `base_url` in `content/site.yaml`",
                "static/x.txt:1: two files would have the address `/x.txt`; this one was taken",
            ]
        );
        assert_eq!(text(&imported, "content/x.txt"), "2");
        assert!(text(&imported, "content/site.yaml").contains("base_url: \"https://your-site.invalid\""));
    }

    #[test]
    fn a_former_address_belongs_to_one_page() {
        let imported = import(
            Origin::Zola,
            files(&[
                ("zola.toml", "base_url = \"https://a.example\"\n"),
                ("content/a.md", "+++\ntitle = \"A\"\naliases = [\"b\", \"d\"]\n+++\n"),
                ("content/b.md", "+++\ntitle = \"B\"\naliases = [\"/d/\"]\n+++\n"),
            ]),
            None,
        )
        .unwrap();
        assert!(imported.report().contains("content/a.md:1: the former address `/b` belongs to another page"));
        assert!(imported.report().contains("content/b.md:1: the former address `/d/` belongs to another page"));
        assert!(text(&imported, "content/a.md").contains("aliases: [\"/d\"]\n"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(
            name in "[a-c0-9é._/-]{1,14}",
            page in "(---\n|\\+\\+\\+\n|\\{)?((title|date|slug|aliases|x) ?[:=] ?[-\\[{\"a-c/é\\]}0-9]{0,6}\n){0,3}(---\n|\\+\\+\\+\n|\\})?[-a{}<>%:/*|=\"'`()\\[\\]é \n]{0,60}",
            tag in "(highlight|figure|ref|raw|post_url|link|comment|end)?[a\"'`= /*-]{0,8}",
        ) {
            let page = format!("{page}\n{{{{< {tag} >}}}} {{% {tag} %}} {{{{ {tag} }}}}\n");
            for (origin, settings, path) in [
                (Origin::Hugo, "hugo.toml", format!("content/{name}.md")),
                (Origin::Zola, "config.toml", format!("content/{name}.md")),
                (Origin::Jekyll, "_config.yml", format!("_posts/{name}.md")),
                (Origin::Jekyll, "_config.yml", format!("{name}.md")),
            ] {
                let imported = import(origin, files(&[(settings, ""), (&path, &page)]), None).unwrap();
                let archive: String = imported.files.iter().filter(|(path, _)| path.starts_with("content/"))
                    .map(|(path, bytes)| format!("-- {path} --\n{}\n", String::from_utf8_lossy(bytes))).collect();
                let built = build(&SourceTree::from_archive(&archive), &Options::default(), Diagnostics::new(), Nowhere).unwrap();
                // Front matter that we wrote is front matter that can be read.
                for found in &built.diagnostics {
                    proptest::prop_assert!(!found.message.contains("YAML") && !found.message.contains("front matter"), "{found:?}\n{archive}");
                }
            }
        }
    }
}
