//! Zola's sites: `content/` with TOML front matter, `[taxonomies]`, `[extra]`, links that begin with `@/`.

use std::collections::HashSet;

use statement::yaml::Value;

use super::front::{self, Format};
use super::{Front, Import, ImportedPage, apply, as_comment, code_ranges, line_of, title_of};
use crate::{Failure, address};

/// Keys by which Zola itself does something that we do otherwise or not at all.
const OF_ZOLA: [&str; 16] = [
    "generate_feed",
    "generate_feeds",
    "in_search_index",
    "insert_anchor_links",
    "page_template",
    "paginate_by",
    "paginate_path",
    "paginate_reversed",
    "path",
    "redirect_to",
    "render",
    "sort_by",
    "template",
    "transparent",
    "authors",
    "in_feed",
];

pub(super) fn read(import: &mut Import) -> Result<(), Failure> {
    let path = ["zola.toml", "config.toml"].into_iter().find(|path| import.files.contains_key(*path));
    let Some(path) = path else {
        return Err(Failure(
            "the folder has no settings of Zola, `zola.toml` or `config.toml`\n  = help: name the folder that has them"
                .to_owned(),
        ));
    };
    let file = import.take_text(path).unwrap_or_default();
    let entries = front::parse(import, path, &file, 0..file.len(), Format::Toml);
    import.settings.path = path.to_owned();
    import.settings.title = front::text(&entries, "title");
    import.settings.description = front::text(&entries, "description");
    import.settings.base_url = front::text(&entries, "base_url");
    import.settings.language = front::text(&entries, "default_language");
    for (key, why) in [
        ("languages", "one site has one language here; pages of other languages were imported beside the rest"),
        ("build_search_index", "there is no search index"),
        ("compile_sass", "styles are CSS, in the theme"),
    ] {
        if let Some(entry) = entries.iter().find(|entry| entry.key == key && entry.node.value != Value::Boolean(false))
        {
            import.list(path, line_of(&file, entry.key_span.start), format!("`{key}`: {why}"));
        }
    }
    let files = import.take_folder("content");
    let known: HashSet<String> = files.iter().map(|(path, _)| path.clone()).collect();
    for (path, bytes) in files {
        let source = format!("content/{path}");
        if path.ends_with(".md") {
            page(import, &source, &path, &bytes, &known)
        } else {
            import.copy(&source, path, bytes)
        }
    }
    for (path, bytes) in import.take_folder("static") {
        import.copy(&format!("static/{path}"), path, bytes);
    }
    import.leave_out("templates", "templates are not converted; see themes/optimal/README.md");
    import.leave_out("sass", "Sass is not converted; styles are CSS, in the theme");
    Ok(())
}

fn page(import: &mut Import, source: &str, path: &str, bytes: &[u8], known: &HashSet<String>) {
    let file = String::from_utf8_lossy(bytes).into_owned();
    let parts = front::split(import, source, &file);
    let mut front = Front::default();
    let mut old_path = None;
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = path.strip_suffix("/index.md").and_then(|folder| folder.rsplit('/').next());
    // A date before the name is the page's date and no part of its address.
    let stem = folder.unwrap_or_else(|| name.trim_end_matches(".md"));
    let dated = front::day(stem).and_then(|day| {
        let slug = stem.get(10..)?.strip_prefix(['-', '_']).filter(|slug| !slug.is_empty())?;
        Some((day, slug))
    });
    if let Some((day, slug)) = dated {
        front.date = Some(day);
        front.slug = Some(address::slugify(slug));
    }
    for entry in &parts.entries {
        let line = line_of(&file, entry.key_span.start);
        if front.read_common(entry, source, &file, import) {
            continue;
        }
        match (entry.key.as_str(), &entry.node.value) {
            ("taxonomies", Value::Mapping(taxonomies)) => {
                for taxonomy in taxonomies {
                    front.file_under(&taxonomy.key, front::texts(&taxonomy.node));
                }
            }
            (key, _) => {
                if key == "path" {
                    old_path = front::as_text(&entry.node);
                } else if OF_ZOLA.contains(&key) {
                    import.list(source, line, format!("`{key}` has no counterpart; it was kept in `extra`"));
                }
                front.keep(key, &entry.node);
            }
        }
    }
    let body = &file[parts.body.clone()];
    let path = if path == "index.md" { "_index.md".to_owned() } else { path.to_owned() };
    if front.title.is_none() {
        let title = match path.as_str() {
            "_index.md" => import.settings.title.clone().unwrap_or_else(|| title_of(&path, body)),
            path => title_of(path, body),
        };
        if path != "_index.md" {
            import.list(source, 1, format!("the page has no title; `{title}` was taken"));
        }
        front.title = Some(title);
    }
    let mut page = ImportedPage { source: source.to_owned(), path, front, ..ImportedPage::default() };
    page.old_url = old_path
        .map_or_else(|| page.new_url(), |path| address::with_slash(&format!("/{}", path.trim_start_matches('/'))));
    let body = shortcodes(import, &page, body, &file, parts.body.start);
    page.body = internal_links(import, &page, &body, known);
    import.pages.push(page);
}

/// `@/blog/a.md#b` as a path from the page.
fn internal_links(import: &mut Import, page: &ImportedPage, body: &str, known: &HashSet<String>) -> String {
    let code = code_ranges(body);
    let mut edits = Vec::new();
    for (at, _) in body.match_indices("@/") {
        let is_destination = body[..at].ends_with(['(', '<', '"', '\'']) || body[..at].ends_with(": ");
        if !is_destination || code.iter().any(|range| range.contains(&at)) {
            continue;
        }
        let end = body[at..].find([')', '>', '"', '\'', '#', '\n', ' ']).map_or(body.len(), |length| at + length);
        let target = &body[at + 2..end];
        if known.contains(target) {
            edits.push((at..end, address::relative(&page.path, target)));
        } else {
            import.list(&page.source, 1, format!("a link leads to `@/{target}`, and no page is there"));
            edits.push((at..end, address::relative(&page.path, target)));
        }
    }
    apply(body, edits)
}

/// The text with every shortcode left in a comment and listed: Zola has none of its own, only those of a site.
fn shortcodes(import: &mut Import, page: &ImportedPage, body: &str, file: &str, base: usize) -> String {
    let code = code_ranges(body);
    let mut edits = Vec::new();
    let mut at = 0;
    while let Some(found) = body[at..].find('{') {
        let start = at + found;
        let close = match body.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => "",
        };
        at = start + 1;
        if close.is_empty() {
            continue;
        }
        let Some(length) = body[start + 2..].find(close) else { break };
        let end = start + 2 + length + close.len();
        at = end;
        let inner = body[start + 2..start + 2 + length].trim();
        if let Some(escaped) = inner.strip_prefix("/*").and_then(|inner| inner.strip_suffix("*/")) {
            edits.push((start..end, format!("{} {} {close}", &body[start..start + 2], escaped.trim())));
            continue;
        }
        if code.iter().any(|range| range.contains(&start)) {
            continue;
        }
        let name = inner.split('(').next().unwrap_or(inner).trim();
        let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        if !is_name {
            continue;
        }
        if inner.contains('(') {
            let line = line_of(file, base + start);
            import.list(
                &page.source,
                line,
                format!("the shortcode `{name}` has no counterpart; it was left in a comment"),
            );
        } else if name != "end" {
            continue;
        }
        edits.push((start..end, as_comment(&body[start..end])));
    }
    apply(body, edits)
}
