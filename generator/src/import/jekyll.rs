//! Jekyll's sites: `_posts/YYYY-MM-DD-name.md`, pages anywhere, Liquid tags in the text.

use std::collections::HashMap;

use statement::yaml::{Entry, Node, Value};

use super::front::{self, Format};
use super::hugo::fence;
use super::{Front, Import, ImportedPage, apply, as_comment, code_ranges, fill_permalink, line_of, title_of};
use crate::{Failure, address};

/// Keys by which Jekyll itself does something that we do otherwise or not at all.
const OF_JEKYLL: [&str; 3] = ["excerpt_separator", "render_with_liquid", "sitemap"];
/// Files of the workshop, not of the site.
const OF_THE_WORKSHOP: [&str; 9] = [
    "Gemfile",
    "Gemfile.lock",
    "Rakefile",
    "package.json",
    "package-lock.json",
    "LICENSE",
    "LICENSE.txt",
    "CNAME",
    "README",
];

struct Post {
    source: String,
    /// `2020-01-02-name`, as `post_url` names it.
    name: String,
    path: String,
}

/// Where posts went, by their files and by the names links know them by.
struct Posts {
    by_source: HashMap<String, String>,
    by_name: HashMap<String, String>,
}

impl Posts {
    fn new(posts: Vec<Post>) -> Self {
        let mut by_name = HashMap::new();
        for post in &posts {
            let last = post.name.rsplit('/').next().unwrap_or(&post.name);
            by_name.entry(last.to_owned()).or_insert_with(|| post.path.clone());
            by_name.insert(post.name.clone(), post.path.clone());
        }
        Self { by_source: posts.into_iter().map(|post| (post.source, post.path)).collect(), by_name }
    }
}

pub(super) fn read(import: &mut Import) -> Result<(), Failure> {
    let path =
        ["_config.yml", "_config.yaml", "_config.toml"].into_iter().find(|path| import.files.contains_key(*path));
    let Some(path) = path else {
        return Err(Failure(
            "the folder has no settings of Jekyll, `_config.yml`\n  = help: name the folder that has them".to_owned(),
        ));
    };
    let file = import.take_text(path).unwrap_or_default();
    let settings = front::parse(import, path, &file, 0..file.len(), Format::of(path));
    import.settings.path = path.to_owned();
    import.settings.title = front::text(&settings, "title").or_else(|| front::text(&settings, "name"));
    import.settings.description = front::text(&settings, "description").map(|text| text.replace('\n', " "));
    let folder = front::text(&settings, "baseurl").unwrap_or_default();
    import.settings.base_url =
        front::text(&settings, "url").map(|url| format!("{}{folder}", url.trim_end_matches('/')));
    import.settings.language =
        front::text(&settings, "lang").or_else(|| front::text(&settings, "locale")).map(|tag| tag.replace('_', "-"));
    import.settings.timezone = front::text(&settings, "timezone");
    for (key, why) in [
        ("plugins", "plugins are not run; feeds, sitemap and redirects are made without any"),
        ("defaults", "defaults for front matter are not applied"),
    ] {
        let entry = settings.iter().find(|entry| entry.key == key);
        if let Some(entry) = entry.filter(|entry| front::as_text(&entry.node).is_none_or(|text| !text.is_empty())) {
            import.list(path, line_of(&file, entry.key_span.start), format!("`{key}`: {why}"));
        }
    }
    let permalink = front::text(&settings, "permalink").unwrap_or_else(|| "date".to_owned());
    let excluded = front::get(&settings, "exclude").map(front::texts).unwrap_or_default();
    let collections: Vec<String> = match front::get(&settings, "collections") {
        Some(Node { value: Value::Mapping(entries), .. }) => entries.iter().map(|entry| entry.key.clone()).collect(),
        Some(node) => front::texts(node),
        None => Vec::new(),
    };
    import_pages(import, &permalink, &excluded, &collections);
    Ok(())
}

fn import_pages(import: &mut Import, permalink: &str, excluded: &[String], collections: &[String]) {
    for (folder, why) in [
        ("_layouts", "templates are not converted; see themes/optimal/README.md"),
        ("_includes", "templates are not converted; see themes/optimal/README.md"),
        ("_sass", "Sass is not converted; styles are CSS, in the theme"),
        ("_plugins", "plugins are not run"),
    ] {
        import.leave_out(folder, why);
    }
    for (path, bytes) in import.take_folder("_data") {
        import.copy(&format!("_data/{path}"), format!("data/{path}"), bytes);
    }
    let is_excluded = |path: &str| {
        let top = path.split('/').next().unwrap_or(path);
        let is_readme = path.eq_ignore_ascii_case("readme.md");
        is_readme
            || OF_THE_WORKSHOP.contains(&top)
            || top.ends_with(".gemspec")
            || excluded.iter().any(|excluded| {
                path == excluded.trim_end_matches('/')
                    || path.starts_with(&format!("{}/", excluded.trim_end_matches('/')))
            })
    };
    let paths: Vec<String> = import.files.keys().filter(|path| !is_excluded(path)).cloned().collect();
    let posts = Posts::new(paths.iter().filter_map(|path| post(path, collections)).collect());
    for path in &paths {
        let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        let is_page = matches!(suffix, "md" | "markdown" | "mkdown" | "mkd");
        if let Some(target) = posts.by_source.get(path) {
            page(import, path, target, permalink, &posts);
            continue;
        }
        let Some(bytes) = import.files.get(path) else { continue };
        let has_front = bytes.starts_with(b"---");
        let is_private = path.split('/').any(|part| part.starts_with('_'));
        if is_page && !is_private {
            let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
            let target = match stem.strip_suffix("index") {
                Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}_index.md"),
                _ => format!("{stem}.md"),
            };
            page(import, path, &target, permalink, &posts);
        } else if is_private {
            import.list(path, 1, "a folder of Jekyll's that has no counterpart");
        } else if has_front {
            import.list(
                path,
                1,
                format!("pages are written in markdown, and this is `.{suffix}` for Jekyll to fill in"),
            );
        } else if let Some(bytes) = import.files.remove(path) {
            import.copy(path, path.clone(), bytes);
        }
    }
}

/// A post, a draft or a document of a collection: where it goes.
fn post(path: &str, collections: &[String]) -> Option<Post> {
    let (stem, suffix) = path.rsplit_once('.')?;
    if !matches!(suffix, "md" | "markdown" | "mkdown" | "mkd") {
        return None;
    }
    let post = |name: &str, target: String| Some(Post { source: path.to_owned(), name: name.to_owned(), path: target });
    if let Some((_, name)) = stem.rsplit_once("_posts/") {
        let file = name.rsplit('/').next().unwrap_or(name);
        return post(
            name,
            format!("posts/{}.md", file.get(11..).filter(|_| front::day(file).is_some()).unwrap_or(file)),
        );
    }
    if let Some(name) = stem.strip_prefix("_drafts/") {
        return post(name, format!("posts/{}.md", name.rsplit('/').next().unwrap_or(name)));
    }
    let (collection, name) = stem.strip_prefix('_')?.split_once('/')?;
    let is_known = collections.iter().any(|known| known == collection);
    if is_known { post(name, format!("{collection}/{name}.md")) } else { None }
}

fn page(import: &mut Import, source: &str, path: &str, permalink: &str, posts: &Posts) {
    let Some(file) = import.take_text(source) else { return };
    let parts = front::split(import, source, &file);
    let mut front = Front { draft: source.starts_with("_drafts/"), ..Front::default() };
    let name = source.rsplit('/').next().unwrap_or(source);
    let is_post = source.contains("_posts/");
    if is_post {
        front.date = front::day(name);
    }
    let (mut own_permalink, mut categories) = (None, Vec::new());
    for Entry { key, node, key_span } in &parts.entries {
        let line = line_of(&file, key_span.start);
        match key.as_str() {
            // Words between spaces are a list here.
            "tags" | "tag" => front.tags.extend(words(node)),
            "categories" | "category" => categories.extend(words(node)),
            "permalink" => own_permalink = front::as_text(node),
            "layout" => {}
            "published" => front.draft |= node.value == Value::Boolean(false),
            "excerpt" if front.description.is_none() => front.description = front::as_text(node),
            "redirect_from" => {
                for alias in front::texts(node) {
                    if !front.alias(&alias) {
                        import.list(
                            source,
                            line,
                            format!("the former address `{alias}` is not an address from the root"),
                        );
                    }
                }
            }
            key => {
                let entry = Entry { key: key.to_owned(), key_span: key_span.clone(), node: node.clone() };
                if !front.read_common(&entry, source, &file, import) {
                    if OF_JEKYLL.contains(&key) || key == "redirect_to" {
                        import.list(source, line, format!("`{key}` has no counterpart; it was kept in `extra`"));
                    }
                    front.keep(key, node);
                }
            }
        }
    }
    front.file_under("categories", categories.clone());
    let body = &file[parts.body.clone()];
    if front.title.is_none() {
        let title = match path {
            "_index.md" => import.settings.title.clone().unwrap_or_else(|| title_of(path, body)),
            path => title_of(path, body),
        };
        if !is_post && path != "_index.md" {
            import.list(source, 1, format!("the page has no title; `{title}` was taken"));
        }
        front.title = Some(title);
    }
    let mut page = ImportedPage { source: source.to_owned(), path: path.to_owned(), front, ..ImportedPage::default() };
    let style = own_permalink.as_deref().unwrap_or(permalink);
    page.old_url = if is_post || own_permalink.is_some() {
        old_post_url(style, &page, &categories)
    } else if permalink == "pretty" || permalink.ends_with('/') || path == "_index.md" || path.ends_with("/_index.md") {
        page.new_url()
    } else {
        format!("{}.html", page.new_url().trim_end_matches('/'))
    };
    page.body = liquid(import, &page, body, &file, parts.body.start, posts);
    import.pages.push(page);
}

/// A list, or words between spaces.
fn words(node: &Node) -> Vec<String> {
    match &node.value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => front::texts(node),
    }
}

/// Where Jekyll published a post (<https://jekyllrb.com/docs/permalinks/>); empty where that is not known.
fn old_post_url(style: &str, page: &ImportedPage, categories: &[String]) -> String {
    let template = match style {
        "date" => "/:categories/:year/:month/:day/:title.html",
        "pretty" => "/:categories/:year/:month/:day/:title/",
        "ordinal" => "/:categories/:year/:y_day/:title.html",
        "none" => "/:categories/:title.html",
        template => template,
    };
    let name = page.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
    let title = page.front.slug.as_deref().unwrap_or(name);
    let categories: Vec<String> = categories.iter().map(|category| address::slugify(category)).collect();
    let parts = [
        (":categories", &*categories.join("/")),
        (":title", title),
        (":slug", title),
        (":name", name),
        (":output_ext", ".html"),
    ];
    fill_permalink(template, &parts, page.front.date.as_deref()).unwrap_or_default()
}

/// The text with Liquid tags converted, or left in a comment and listed, and without kramdown's attributes.
fn liquid(import: &mut Import, page: &ImportedPage, body: &str, file: &str, base: usize, posts: &Posts) -> String {
    let code = code_ranges(body);
    let mut edits = Vec::new();
    let mut at = 0;
    let mut unclosed = Vec::new();
    while let Some(found) = body[at..].find('{') {
        let start = at + found;
        let close = match body.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b':') => "}",
            _ => "",
        };
        at = start + 1;
        if close.is_empty() || unclosed.contains(&close) {
            continue;
        }
        let Some(length) = body[start + 2..].find(close) else {
            // Nor does anything after it end so.
            unclosed.push(close);
            continue;
        };
        let mut end = start + 2 + length + close.len();
        at = end;
        let line = line_of(file, base + start);
        let inner = body[start + 2..start + 2 + length].trim().trim_matches('-').trim();
        let (name, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let rest = rest.trim();
        let is_code = code.iter().any(|range| range.contains(&start));
        if close == "}" {
            if !is_code {
                import.list(&page.source, line, format!("the attributes `{}` were left out", &body[start..end]));
                edits.push((start..end, String::new()));
            }
            continue;
        }
        let up_to = |mark: &str| {
            let closing = [
                format!("{{% {mark} %}}"),
                format!("{{%- {mark} -%}}"),
                format!("{{%{mark}%}}"),
                format!("{{%- {mark} %}}"),
                format!("{{% {mark} -%}}"),
            ];
            closing.iter().filter_map(|mark| body[end..].find(mark).map(|at| (end + at, end + at + mark.len()))).min()
        };
        let new = if close == "%}" {
            match name {
                "raw" => {
                    // What is between is text, and no Liquid.
                    let (inside, after) = up_to("endraw").unwrap_or((body.len(), body.len()));
                    let text = body[end..inside].to_owned();
                    end = after;
                    at = after;
                    Some(text)
                }
                _ if is_code => continue,
                "comment" => up_to("endcomment").map(|(_, after)| {
                    end = after;
                    at = after;
                    String::new()
                }),
                "highlight" => up_to("endhighlight").map(|(inside, after)| {
                    let code = body[end..inside].trim_matches('\n').to_owned();
                    end = after;
                    at = after;
                    fence(rest.split_whitespace().next().unwrap_or_default(), &code)
                }),
                "post_url" | "link" => {
                    let wanted = rest.trim_matches(['"', '\'']);
                    let target = target(name, wanted, posts);
                    if target.is_none() {
                        import.list(&page.source, line, format!("`{name}` leads to `{wanted}`, and no page is there"));
                    }
                    Some(address::relative(&page.path, target.as_deref().unwrap_or(wanted)))
                }
                _ => None,
            }
        } else if is_code {
            continue;
        } else {
            output(inner, page, import.settings.title.as_deref())
        };
        let new = new.unwrap_or_else(|| {
            if !name.starts_with("end") {
                let what = if close == "%}" { format!("the tag `{name}`") } else { format!("`{inner}`") };
                import.list(&page.source, line, format!("{what} has no counterpart; it was left in a comment"));
            }
            as_comment(&body[start..end])
        });
        edits.push((start..end, new));
    }
    apply(body, edits)
}

/// The file that `post_url` or `link` names.
fn target(tag: &str, wanted: &str, posts: &Posts) -> Option<String> {
    let wanted = wanted.trim_start_matches('/');
    let found = match tag {
        "post_url" => posts.by_name.get(wanted),
        _ => posts.by_source.get(wanted),
    };
    let page = || {
        let stem = wanted.strip_suffix(".md").or_else(|| wanted.strip_suffix(".markdown"))?;
        let folder = stem.strip_suffix("index").filter(|folder| folder.is_empty() || folder.ends_with('/'));
        Some(folder.map_or_else(|| format!("{stem}.md"), |folder| format!("{folder}_index.md")))
    };
    found.cloned().or_else(|| if tag == "link" { page() } else { None })
}

/// What an output tag prints, where it is known now.
fn output(inner: &str, page: &ImportedPage, site_title: Option<&str>) -> Option<String> {
    let (value, filter) = inner.split_once('|').map_or((inner, ""), |(value, filter)| (value.trim(), filter.trim()));
    let quoted = value.strip_prefix(['"', '\'']).and_then(|value| value.strip_suffix(['"', '\'']));
    match (value.trim(), filter) {
        ("site.baseurl" | "site.url", "") => Some(String::new()),
        ("page.title", "") => page.front.title.clone(),
        ("site.title", "") => site_title.map(str::to_owned),
        (_, "relative_url" | "absolute_url" | "prepend: site.baseurl" | "prepend:site.baseurl") => {
            quoted.map(str::to_owned)
        }
        _ => None,
    }
}
