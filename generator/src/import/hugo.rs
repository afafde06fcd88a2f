//! Hugo's sites: `content/`, `static/`, front matter in three formats, shortcodes in `{{< >}}` and `{{% %}}`.

use std::collections::{HashMap, HashSet};

use statement::yaml::{Node, Value};

use super::front::{self, Format};
use super::{Front, Import, ImportedPage, apply, as_comment, code_ranges, fill_permalink, line_of, title_of};
use crate::{Failure, address};

/// The pages of a site, as `ref` finds them.
struct Known {
    files: HashSet<String>,
    /// By the name of the file or of its folder; none where two have it.
    by_name: HashMap<String, Option<String>>,
}

impl Known {
    fn new(files: impl Iterator<Item = String>) -> Self {
        let files: HashSet<String> = files.filter(|path| path.ends_with(".md")).collect();
        let mut by_name: HashMap<String, Option<String>> = HashMap::new();
        for file in &files {
            let stem = file.trim_end_matches(".md");
            let folder = stem.strip_suffix("/index").or_else(|| stem.strip_suffix("/_index"));
            let names = [Some(stem), folder].into_iter().flatten().filter_map(|path| path.rsplit('/').next());
            for name in names {
                by_name.entry(name.to_owned()).and_modify(|same| *same = None).or_insert_with(|| Some(file.clone()));
            }
        }
        Self { files, by_name }
    }
}

const SETTINGS: [&str; 10] = [
    "hugo.toml",
    "hugo.yaml",
    "hugo.yml",
    "hugo.json",
    "config.toml",
    "config.yaml",
    "config.yml",
    "config.json",
    "config/_default/hugo.toml",
    "config/_default/config.toml",
];

/// Keys by which Hugo itself does something that we do otherwise or not at all.
const OF_HUGO: [&str; 15] = [
    "build",
    "_build",
    "cascade",
    "cover",
    "headless",
    "iscjklanguage",
    "layout",
    "linktitle",
    "markup",
    "outputs",
    "resources",
    "sitemap",
    "translationkey",
    "type",
    "menu",
];

pub(super) fn read(import: &mut Import) -> Result<(), Failure> {
    let settings = read_settings(import)?;
    let files = import.take_folder(&settings.content);
    // Links by `ref` need to know every page first.
    let known = Known::new(files.iter().map(|(path, _)| path.clone()));
    for (path, bytes) in files {
        let source = format!("{}/{path}", settings.content);
        let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        match suffix {
            "md" | "markdown" => page(import, &source, &path, &bytes, &known, &settings),
            "html" | "htm" | "org" | "adoc" | "rst" | "pandoc" => {
                import.list(&source, 1, format!("pages are written in markdown, and this is `.{suffix}`"));
            }
            _ => import.copy(&source, path, bytes),
        }
    }
    for (path, bytes) in import.take_folder("static") {
        import.copy(&format!("static/{path}"), path, bytes);
    }
    for (path, bytes) in import.take_folder("data") {
        import.copy(&format!("data/{path}"), format!("data/{path}"), bytes);
    }
    import.leave_out("layouts", "templates are not converted; see themes/optimal/README.md");
    import.leave_out("archetypes", "`candor new` starts pages");
    import.leave_out(
        "assets",
        "what Hugo Pipes makes is not made here; put files to publish into `content/`, styles into the theme",
    );
    import.leave_out("i18n", "translated words of a theme are not converted");
    import.leave_out("config", "further settings are not converted");
    Ok(())
}

/// What the settings say about where pages are.
struct Settings {
    /// The folder of the content.
    content: String,
    /// The pattern of addresses, by section.
    permalinks: HashMap<String, String>,
    /// The keys of front matter that file a page.
    taxonomies: Vec<String>,
}

fn read_settings(import: &mut Import) -> Result<Settings, Failure> {
    let Some(path) = SETTINGS.into_iter().find(|path| import.files.contains_key(*path)) else {
        return Err(Failure(
            "the folder has no settings of Hugo, such as `hugo.toml`\n  = help: name the folder that has them"
                .to_owned(),
        ));
    };
    let file = import.take_text(path).unwrap_or_default();
    let entries = front::parse(import, path, &file, 0..file.len(), Format::of(path));
    let language = front::text(&entries, "languageCode")
        .or_else(|| front::text(&entries, "locale"))
        .or_else(|| front::text(&entries, "defaultContentLanguage"));
    import.settings.path = path.to_owned();
    import.settings.title = front::text(&entries, "title");
    import.settings.base_url = front::text(&entries, "baseURL");
    import.settings.language = language;
    import.settings.timezone = front::text(&entries, "timeZone");
    import.settings.description = front::text(front::mapping(&entries, "params"), "description");
    for key in ["menu", "menus"] {
        let Some(Node { value: Value::Sequence(items), .. }) = front::get(front::mapping(&entries, key), "main") else {
            continue;
        };
        let mut menu: Vec<(i64, String, String)> = Vec::new();
        for item in items {
            let Value::Mapping(entry) = &item.value else { continue };
            let to = front::text(entry, "pageRef").or_else(|| front::text(entry, "url")).unwrap_or_default();
            let weight = match front::get(entry, "weight").map(|node| &node.value) {
                Some(Value::Integer(weight)) => *weight,
                _ => 0,
            };
            menu.push((weight, front::text(entry, "name").unwrap_or_else(|| to.clone()), to));
        }
        menu.sort_by_key(|(weight, ..)| *weight);
        import.settings.menu.extend(menu.into_iter().map(|(_, label, to)| (label, to)));
    }
    for (key, why) in [
        ("languages", "one site has one language here; pages of other languages were imported beside the rest"),
        (
            "permalinks",
            "addresses follow from folders and `slug`; the addresses before became aliases where they were known",
        ),
        ("outputs", "feeds and sitemap are made without asking"),
        ("module", "modules are not loaded"),
    ] {
        if let Some(entry) = entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)) {
            import.list(path, line_of(&file, entry.key_span.start), format!("`{key}`: {why}"));
        }
    }
    let permalinks = front::mapping(&entries, "permalinks");
    // Since Hugo 0.110, pages may have a table of their own.
    let patterns = permalinks.iter().chain(front::mapping(permalinks, "page"));
    let permalinks = patterns.filter_map(|entry| Some((entry.key.clone(), front::as_text(&entry.node)?))).collect();
    let content = front::text(&entries, "contentDir").unwrap_or_else(|| "content".to_owned());
    // Hugo has these two unless the settings say otherwise.
    let taxonomies = match front::mapping(&entries, "taxonomies") {
        [] => vec!["tags".to_owned(), "categories".to_owned()],
        taxonomies => taxonomies.iter().filter_map(|entry| front::as_text(&entry.node)).collect(),
    };
    let taxonomies = taxonomies.iter().map(|taxonomy| taxonomy.to_lowercase()).collect();
    Ok(Settings { content, permalinks, taxonomies })
}

fn page(import: &mut Import, source: &str, path: &str, bytes: &[u8], known: &Known, settings: &Settings) {
    let file = String::from_utf8_lossy(bytes).into_owned();
    let parts = front::split(import, source, &file);
    let mut front = Front::default();
    let mut url = None;
    for entry in &parts.entries {
        let line = line_of(&file, entry.key_span.start);
        if front.read_common(entry, source, &file, import) {
            continue;
        }
        let key = entry.key.to_ascii_lowercase();
        match key.as_str() {
            "url" => url = front::as_text(&entry.node),
            "summary" if front.description.is_none() => front.description = front::as_text(&entry.node),
            "publishdate" if front.date.is_none() => {
                front.date = front::as_text(&entry.node).and_then(|text| front::moment(&text))
            }
            key if settings.taxonomies.iter().any(|taxonomy| taxonomy == key) => {
                front.file_under(key, front::texts(&entry.node));
            }
            "publishdate" => front.keep(&entry.key, &entry.node),
            _ => {
                if OF_HUGO.contains(&key.as_str()) {
                    import.list(source, line, format!("`{}` has no counterpart; it was kept in `extra`", entry.key));
                }
                front.keep(&entry.key, &entry.node);
            }
        }
    }
    let path = match path
        .strip_suffix(".markdown")
        .map(|stem| format!("{stem}.md"))
        .unwrap_or_else(|| path.to_owned())
        .as_str()
    {
        // A bundle at the top is the first page.
        "index.md" => "_index.md".to_owned(),
        path => path.to_owned(),
    };
    let body = &file[parts.body.clone()];
    if front.title.is_none() {
        let title = title_of(&path, body);
        import.list(source, 1, format!("the page has no title; `{title}` was taken"));
        front.title = Some(title);
    }
    let mut page = ImportedPage { source: source.to_owned(), path, front, ..ImportedPage::default() };
    page.old_url =
        url.or_else(|| by_pattern(&page, &settings.permalinks)).unwrap_or_else(|| page.new_url().to_lowercase());
    page.body = shortcodes(import, &page, body, &file, parts.body.start, known);
    import.pages.push(page);
}

/// Where the settings' pattern for the section puts a page (<https://gohugo.io/configuration/permalinks/>).
fn by_pattern(page: &ImportedPage, permalinks: &HashMap<String, String>) -> Option<String> {
    let (sections, name) = page.path.rsplit_once('/')?;
    if name == "_index.md" {
        return None;
    }
    let (sections, stem) = match name {
        "index.md" => sections.rsplit_once('/')?,
        name => (sections, name.trim_end_matches(".md")),
    };
    let section = sections.split('/').next().unwrap_or(sections);
    let title = address::slugify(page.front.title.as_deref().unwrap_or_default());
    let slug = page.front.slug.as_deref();
    let parts = [
        (":slugorcontentbasename", slug.unwrap_or(stem)),
        (":slugorfilename", slug.unwrap_or(stem)),
        (":contentbasename", stem),
        (":filename", stem),
        (":slug", slug.unwrap_or(&title)),
        (":title", &title),
        (":sections", sections),
        (":section", section),
    ];
    fill_permalink(permalinks.get(section)?, &parts, page.front.date.as_deref()).map(|url| url.to_lowercase())
}

/// The text with every shortcode converted, or left in a comment and listed.
fn shortcodes(import: &mut Import, page: &ImportedPage, body: &str, file: &str, base: usize, known: &Known) -> String {
    let code = code_ranges(body);
    let mut edits = Vec::new();
    let mut at = 0;
    while let Some(found) = body[at..].find("{{") {
        let start = at + found;
        let open = 3;
        let close = match body.as_bytes().get(start + 2) {
            Some(b'<') => ">}}",
            Some(b'%') => "%}}",
            _ => "",
        };
        at = start + 2;
        if close.is_empty() {
            continue;
        }
        let Some(length) = body[start + open..].find(close) else { break };
        let inner = body[start + open..start + open + length].trim();
        let mut end = start + open + length + close.len();
        let line = line_of(file, base + start);
        at = end;
        if let Some(escaped) = inner.strip_prefix("/*").and_then(|inner| inner.strip_suffix("*/")) {
            edits.push((start..end, format!("{} {} {close}", &body[start..start + open], escaped.trim())));
            continue;
        }
        if code.iter().any(|range| range.contains(&start)) {
            continue;
        }
        let inner = inner.strip_suffix('/').map_or(inner, str::trim);
        let (name, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let arguments = arguments(rest);
        let named = |key: &str| {
            arguments.iter().find(|(name, _)| name.as_deref() == Some(key)).map(|(_, value)| value.as_str())
        };
        let first = arguments.iter().find(|(name, _)| name.is_none()).map(|(_, value)| value.as_str());
        let new = match name {
            "ref" | "relref" => {
                let wanted = named("path").or(first).unwrap_or_default();
                Some(reference(&page.path, wanted, known).unwrap_or_else(|| {
                    import.list(&page.source, line, format!("`{name}` leads to `{wanted}`, and no page is there"));
                    wanted.to_owned()
                }))
            }
            "figure" => named("src").map(|src| {
                for (key, _) in arguments.iter().filter_map(|(key, value)| Some((key.as_deref()?, value))) {
                    if !["src", "alt", "caption", "title", "link"].contains(&key) {
                        import.list(&page.source, line, format!("`{key}` of `figure` was left out"));
                    }
                }
                figure(src, &named)
            }),
            "highlight" => {
                let language = first.unwrap_or_default();
                let closing = ["{{< /highlight >}}", "{{</highlight>}}", "{{</ highlight >}}", "{{% /highlight %}}"];
                let found = closing.iter().filter_map(|mark| body[end..].find(mark).map(|at| (at, mark.len()))).min();
                found.map(|(at_close, mark)| {
                    let code = body[end..end + at_close].trim_matches('\n').to_owned();
                    end += at_close + mark;
                    at = end;
                    fence(language, &code)
                })
            }
            _ => None,
        };
        let new = new.unwrap_or_else(|| {
            if !name.starts_with('/') {
                import.list(
                    &page.source,
                    line,
                    format!("the shortcode `{name}` has no counterpart; it was left in a comment"),
                );
            }
            as_comment(&body[start..end])
        });
        edits.push((start..end, new));
    }
    apply(body, edits)
}

/// Arguments with and without names, in quotes, between backticks or bare.
fn arguments(text: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name = rest.split_once('=').map(|(name, _)| name).filter(|name| {
            !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "-_".contains(letter))
        });
        if let Some(name) = name {
            rest = &rest[name.len() + 1..];
        }
        let quote = rest.chars().next().filter(|letter| "\"`".contains(*letter));
        let (value, after) = match quote {
            Some(quote) => {
                let mut end = rest.len();
                let mut is_escaped = false;
                for (at, letter) in rest.char_indices().skip(1) {
                    if letter == quote && !is_escaped {
                        end = at;
                        break;
                    }
                    is_escaped = letter == '\\' && !is_escaped && quote == '"';
                }
                let value = rest[1..end].replace("\\\"", "\"");
                (value, rest.get(end + 1..).unwrap_or_default())
            }
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        found.push((name.map(str::to_owned), value));
        rest = after.trim_start();
    }
    found
}

/// The path to the page that `ref` means, with its fragment; Hugo looks from the page, from the top, and by name alone.
fn reference(from: &str, wanted: &str, known: &Known) -> Option<String> {
    let (path, fragment) = wanted.split_at(wanted.find('#').unwrap_or(wanted.len()));
    if path.is_empty() {
        return Some(fragment.to_owned());
    }
    let stem = path.strip_suffix(".md").unwrap_or(path).trim_end_matches('/');
    let top = stem.trim_start_matches('/').to_owned();
    let places = [if path.starts_with('/') { None } else { address::join(from, stem) }, Some(top)];
    let files = |stem: String| [format!("{stem}.md"), format!("{stem}/index.md"), format!("{stem}/_index.md"), stem];
    let exact = places.into_iter().flatten().flat_map(files).find(|file| known.files.contains(file));
    let file = exact.or_else(|| known.by_name.get(stem.rsplit('/').next().unwrap_or(stem)).cloned().flatten())?;
    Some(format!("{}{fragment}", address::relative(from, &file)))
}

fn figure<'a>(src: &str, named: &dyn Fn(&str) -> Option<&'a str>) -> String {
    let caption = named("caption").or_else(|| named("title"));
    let alt = named("alt").or(caption).unwrap_or_default().replace(['[', ']'], "");
    let title = caption.map_or_else(String::new, |caption| format!(" \"{}\"", caption.replace('"', "'")));
    let src = if src.contains([' ', '(', ')']) { format!("<{src}>") } else { src.to_owned() };
    let image = format!("![{alt}]({src}{title})");
    match named("link") {
        Some(link) => format!("[{image}]({link})"),
        None => image,
    }
}

/// Code in a fence that is longer than any in it.
pub(super) fn fence(language: &str, code: &str) -> String {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{code}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_hugo_does() {
        let read = |text: &str| {
            arguments(text)
                .into_iter()
                .map(|(name, value)| format!("{}={value}", name.unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read(r#"src="a b.png" alt=x `raw "y"` "a \"b\"" z"#),
            ["src=a b.png", "alt=x", "=raw \"y\"", "=a \"b\"", "=z"]
        );
        assert_eq!(read("\"open"), ["=open"]);
        assert_eq!(read("\""), ["="]);
    }

    #[test]
    fn references_are_found_from_the_page_the_top_and_by_name() {
        let known = Known::new(
            ["posts/a.md", "posts/b/index.md", "docs/_index.md", "docs/x.md", "x/x.md"].map(str::to_owned).into_iter(),
        );
        let find = |wanted: &str| reference("posts/a.md", wanted, &known);
        assert_eq!(find("b"), Some("b/index.md".to_owned()));
        assert_eq!(find("/docs"), Some("../docs/_index.md".to_owned()));
        assert_eq!(find("docs/x.md#y"), Some("../docs/x.md#y".to_owned()));
        assert_eq!(find("#y"), Some("#y".to_owned()));
        assert_eq!(find("x.md"), None);
        assert_eq!(find("_index.md"), Some("../docs/_index.md".to_owned()));
        assert_eq!(find("none"), None);
    }
}
