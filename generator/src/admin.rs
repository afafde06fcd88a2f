//! Editing in the browser: a page for editors with a content management system that commits to the site's repository.
//!
//! What can be edited is made from the content itself, so that the two cannot disagree; a published version of a
//! statement is not among it. The program is Sveltia CMS, as npm installs it beside the site. Visitors are led nowhere
//! near: no page links there, search engines are told to stay away, and what a browser may do there is told for there only.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark_escape::escape_html;
use serde_json::{Value, json};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::yaml::{Fields, Located};
use url::Url;

use crate::Failure;
use crate::documents::folder_of;
use crate::output::Output;
use crate::publication::Publication;
use crate::site::{PageKind, Site, SitePage};
use crate::site_config;
use crate::source_tree::SourceTree;

/// Where editors go.
pub const PAGE: &str = "/admin/";
/// What the program is told about the site.
const CONFIG: &str = "/admin/config.json";
/// The program.
const SCRIPT: &str = "/admin/sveltia-cms.js";
/// The font of its signs, which it would ask of somebody else.
const SIGNS: &str = "/admin/material-symbols-outlined.woff2";

/// What npm installs: what is published of it, each with its site path.
pub const PACKAGES: [(&str, &str); 4] = [
    ("node_modules/@sveltia/cms/dist/sveltia-cms.js", SCRIPT),
    ("node_modules/@sveltia/cms/LICENSE.txt", "/admin/sveltia-cms.LICENSE.txt"),
    (
        "node_modules/@fontsource-variable/material-symbols-outlined/files/material-symbols-outlined-latin-wght-normal.woff2",
        SIGNS,
    ),
    (
        "node_modules/@fontsource-variable/material-symbols-outlined/LICENSE",
        "/admin/material-symbols-outlined.LICENSE.txt",
    ),
];

/// How editors reach the repository.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    host: GitHost,
    /// `owner/name`.
    repository: Located<String>,
    branch: Option<String>,
    /// Whether what is edited waits for somebody to look at it, as a pull request.
    is_reviewed: bool,
    /// Where a host of one's own answers to programs; the usual place of the host where there is none.
    api: Option<Url>,
    /// Who signs editors in, where it is not the host itself.
    sign_in: Option<Url>,
    /// What the host knows this site's page by.
    app_id: Option<String>,
}

/// Who keeps the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GitHost {
    GitHub,
    GitLab,
    Gitea,
}

impl GitHost {
    const WORDS: [(&'static str, Self); 3] =
        [("github", Self::GitHub), ("gitlab", Self::GitLab), ("gitea", Self::Gitea)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, host)| *host == self).map_or("", |(word, _)| word)
    }

    /// Where it answers to programs.
    fn usual_api(self) -> &'static str {
        match self {
            Self::GitHub => "https://api.github.com",
            Self::GitLab => "https://gitlab.com/api/v4",
            Self::Gitea => "https://gitea.com/api/v1",
        }
    }

    /// Whom else the program asks about it: whether it works, and for the faces of editors.
    fn asked_beside(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::GitHub => (&["https://www.githubstatus.com"], &["https://*.githubusercontent.com"]),
            Self::GitLab => {
                (&["https://status-api.hostedstatus.com"], &["https://gitlab.com", "https://secure.gravatar.com"])
            }
            Self::Gitea => (&[], &[]),
        }
    }
}

impl AdminConfig {
    /// Reads `admin`.
    #[must_use]
    pub fn parse(mut fields: Fields<'_, '_>) -> Option<Self> {
        let host = fields.one_of("host", &GitHost::WORDS);
        let host = fields.required("host", host);
        let repository = fields.parsed("repository", parse_repository);
        let repository = fields.required("repository", repository);
        let branch = fields.words("branch").map(|branch| branch.value);
        let review = fields.boolean("review").filter(|on| on.value);
        let api = fields.parsed("api", parse_address).map(|api| api.value);
        let sign_in = fields.parsed("sign_in", parse_address).map(|sign_in| sign_in.value);
        let app_id = fields.words("app_id").map(|id| id.value);
        if let (Some(review), Some(GitHost::Gitea)) = (&review, host.as_ref().map(|host| host.value)) {
            let path = fields.path();
            fields.diagnostics.push(
                Diagnostic::error(path, review.span.clone(), "the editor cannot wait for reviews on this host")
                    .note("it can on `github` and `gitlab`")
                    .help("leave out `review`"),
            );
        }
        fields.finish();
        Some(Self {
            host: host?.value,
            repository: repository?,
            branch,
            is_reviewed: review.is_some(),
            api,
            sign_in,
            app_id,
        })
    }

    /// Where it is said that the site is edited there.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.repository.span.clone()
    }

    fn backend(&self) -> Value {
        let mut backend = json!({ "name": self.host.word(), "repo": self.repository.value });
        let api = self.api.as_ref().map(|api| api.as_str().trim_end_matches('/').to_owned());
        let sign_in = self.sign_in.as_ref().map(|sign_in| sign_in.as_str().trim_end_matches('/').to_owned());
        let own = [("branch", &self.branch), ("api_root", &api), ("base_url", &sign_in), ("app_id", &self.app_id)];
        for (key, value) in own {
            if let Some(value) = value {
                backend[key] = json!(value);
            }
        }
        backend
    }

    /// What a browser is told to refuse there (Content Security Policy Level 3): all but the site and its repository.
    #[must_use]
    pub fn content_security_policy(&self) -> String {
        let origin = |url: &Url| url.origin().ascii_serialization();
        let api = self
            .api
            .as_ref()
            .map_or_else(|| Url::parse(self.host.usual_api()).map(|url| origin(&url)), |url| Ok(origin(url)));
        let api = api.unwrap_or_default();
        let (asked, faces) = self.host.asked_beside();
        let connections: String = asked.iter().map(|host| format!(" {host}")).collect();
        let faces: String = faces.iter().map(|host| format!(" {host}")).collect();
        let own_faces = if self.host == GitHost::GitHub { String::new() } else { format!(" {api}") };
        [
            "default-src 'none'".to_owned(),
            "script-src 'self'".to_owned(),
            "style-src 'self' 'unsafe-inline'".to_owned(),
            "font-src 'self'".to_owned(),
            format!("img-src 'self' blob: data:{own_faces}{faces}"),
            "media-src blob:".to_owned(),
            "frame-src blob:".to_owned(),
            "worker-src 'self' blob:".to_owned(),
            format!("connect-src 'self' blob: data: {api}{connections}"),
            "form-action 'none'".to_owned(),
            "base-uri 'none'".to_owned(),
            "frame-ancestors 'none'".to_owned(),
        ]
        .join("; ")
    }
}

fn parse_repository(text: &str) -> Result<String, String> {
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if text.contains('/') && text.split('/').all(is_name) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not a repository: write its owner and its name, like `optimal/site`"))
}

fn parse_address(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" && url.has_host() && url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| format!("`{text}` is not an address that begins with `https://`"))
}

/// The site paths of all that editors need; none where nobody edits in the browser.
#[must_use]
pub fn addresses(site: &Site) -> Vec<&'static str> {
    let all = [PAGE, CONFIG].into_iter().chain(PACKAGES.map(|(_, address)| address));
    all.filter(|_| site.config.admin.is_some()).collect()
}

/// Whether a site path is for editors alone.
#[must_use]
pub fn is_admins(site: &Site, site_path: &str) -> bool {
    site.config.admin.is_some() && (site_path.starts_with(PAGE) || site_path == PAGE.trim_end_matches('/'))
}

/// Reports a program that is not there.
pub fn check(site: &Site, tree: &SourceTree, diagnostics: &mut Diagnostics) {
    let Some(admin) = &site.config.admin else { return };
    let is_missing = |(path, _): &(&str, &str)| tree.find(path).is_none();
    if let Some((path, _)) = PACKAGES.iter().find(|file| is_missing(file)) {
        let span = admin.span();
        diagnostics.push(
            Diagnostic::error(
                &site_config::PATH.into(),
                span,
                "the program that edits in the browser is not installed",
            )
            .label(format!("there is no `{path}`"))
            .help("run `npm install @sveltia/cms @fontsource-variable/material-symbols-outlined` in the site's folder")
            .help("or leave out `admin`"),
        );
    }
}

/// Writes all that editors need.
///
/// # Errors
/// When the disk fails.
pub fn write(site: &Site, tree: &SourceTree, output: &impl Output) -> Result<(), Failure> {
    let Some(admin) = site.config.admin.as_ref().filter(|_| output.is_kept()) else { return Ok(()) };
    for (path, address) in PACKAGES {
        if let Some(file) = tree.find(path).filter(|_| !output.keep(address)) {
            output.write(address, file.bytes()?)?;
        }
    }
    output.write(CONFIG, format!("{:#}\n", config(site, tree, admin)).into_bytes())?;
    output.write(PAGE, page(site).into_bytes())
}

fn page(site: &Site) -> String {
    let mut title = String::new();
    escape_html(&mut title, &site.config.title).expect("invariant: a string can be written to");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"utf-8\">\n  \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n  \
         <meta name=\"robots\" content=\"noindex\">\n  <title>Editing: {title}</title>\n  \
         <style>@font-face {{ font-family: \"Material Symbols Outlined\"; font-weight: 100 700; font-display: block; \
         src: url({SIGNS}) }}</style>\n  <link rel=\"cms-config-url\" type=\"application/json\" href=\"{CONFIG}\">\n</head>\n<body>\n  \
         <noscript><p>Editing in the browser needs JavaScript.</p></noscript>\n  \
         <script src=\"{SCRIPT}\"></script>\n</body>\n</html>\n"
    )
}

/// What the program is told: which files there are, and what may stand in them.
fn config(site: &Site, tree: &SourceTree, admin: &AdminConfig) -> Value {
    let mut collections = page_collections(site);
    let files = |label: &str, name: &str, icon: &str, files: Vec<Value>| json!({ "name": name, "label": label, "icon": icon, "files": files });
    // A draft is left out of what visitors read, or shown to its author.
    let is_draft = |path: &str| {
        let is_in_folder = |publication: &Publication| publication.document.folder == folder_of(path);
        let is_left_out = site.left_out(path.trim_start_matches("content/")).is_some();
        let is_shown = site.statements.iter().any(|draft| draft.is_draft() && *draft.path == *path);
        is_shown || is_left_out && site.publications.iter().any(is_in_folder)
    };
    let of_folder = |folder: &str, wanted: &dyn Fn(&str) -> bool| -> Vec<Value> {
        tree.under(folder).map(|(_, file)| &*file.path).filter(|path| wanted(path)).map(whole_file).collect()
    };
    let is_yaml = |path: &str| path.ends_with(".yaml");
    let drafts = of_folder("content/", &is_draft);
    let forms = of_folder("content/forms/", &is_yaml);
    let data = of_folder("content/data/", &is_yaml);
    let settings = vec![whole_file(site_config::PATH)];
    let others = [
        ("Drafts of statements", "drafts", "gavel", drafts),
        ("Forms", "forms", "ballot", forms),
        ("Data", "data", "table", data),
        ("Settings", "settings", "settings", settings),
    ];
    collections.extend(
        others
            .into_iter()
            .filter(|(.., list)| !list.is_empty())
            .map(|(label, name, icon, list)| files(label, name, icon, list)),
    );
    json!({
        "backend": admin.backend(),
        "publish_mode": if admin.is_reviewed { "editorial_workflow" } else { "simple" },
        "app_title": site.config.title,
        "site_url": site.config.base_url,
        "media_folder": "content",
        "public_folder": "/",
        "media_libraries": { "stock_assets": { "providers": [] } },
        "slug": { "encoding": "unicode", "lowercase": true },
        "output": { "omit_empty_optional_fields": true, "yaml": { "indent_sequences": true } },
        "collections": collections,
    })
}

/// A file that is edited as its author wrote it: what its keys mean, the build says.
fn whole_file(path: &str) -> Value {
    json!({
        "name": path.trim_start_matches("content/").replace(['/', '.'], "-"),
        "label": path,
        "file": path,
        "format": "raw",
        "fields": [{ "name": "body", "label": "The whole file", "widget": "text" }],
        "editor": { "preview": false },
    })
}

/// One collection for the pages of each folder, and one for those that have a folder of their own.
fn page_collections(site: &Site) -> Vec<Value> {
    let kept: BTreeSet<&str> =
        site.publications.iter().map(|publication| publication.document.folder.as_str()).collect();
    let mut folders: BTreeMap<(&str, bool), Folder<'_>> = BTreeMap::new();
    let is_authors = |page: &&SitePage| {
        matches!(page.kind, PageKind::Home | PageKind::Page | PageKind::Section | PageKind::NotFound)
    };
    let authored = site.pages.iter().filter(is_authors).filter(|page| !page.is_later_part());
    for page in authored.filter(|page| page.path.starts_with("content/")) {
        let folder = folder_of(&page.path);
        if kept.contains(folder) {
            continue;
        }
        let is_bundle = page.path.ends_with("/index.md");
        let folder = if is_bundle { folder_of(folder) } else { folder };
        let of_folder = folders.entry((folder, is_bundle)).or_default();
        let front = &page.front;
        of_folder.has_times |=
            [&front.date, &front.updated, &front.expires].into_iter().flatten().any(|at| at.has_time());
        if page.path.ends_with("/_index.md") {
            of_folder.title = Some(&front.title);
        }
    }
    let titles: BTreeMap<&str, &str> =
        folders.iter().filter_map(|((folder, _), of)| Some((*folder, of.title?))).collect();
    let collection = |((folder, is_bundle), of): (&(&str, bool), &Folder<'_>)| {
        let inside = folder.trim_start_matches("content").trim_start_matches('/');
        let title = if inside.is_empty() { "Pages" } else { titles.get(folder).copied().unwrap_or(inside) };
        let name = format!("pages-{}{}", inside.replace('/', "-"), if *is_bundle { "-folders" } else { "" });
        let fields = page_fields(site, of.has_times, false);
        let mut collection = json!({
            "name": name.trim_end_matches('-'),
            "label": if *is_bundle { format!("{title}, with files of their own") } else { title.to_owned() },
            "description": format!("`{folder}`"),
            "icon": "article",
            "folder": folder,
            "path": if *is_bundle { "{{slug}}/index" } else { "{{slug}}" },
            "format": "yaml-frontmatter",
            "media_folder": "",
            "public_folder": "",
            "aliases_field": false,
            "fields": fields,
            "editor": { "preview": false },
        });
        if !is_bundle {
            let index = page_fields(site, of.has_times, true);
            collection["index_file"] = json!({ "name": "_index", "label": "The list itself", "fields": index });
        }
        collection
    };
    folders.iter().map(collection).collect()
}

/// What is known of the pages of a folder.
#[derive(Default)]
struct Folder<'a> {
    title: Option<&'a str>,
    has_times: bool,
}

/// The keys of front matter, and the text.
fn page_fields(site: &Site, has_times: bool, is_list: bool) -> Vec<Value> {
    let mut fields = Vec::new();
    let mut add = |name: &str, label: &str, widget: &str, more: Value| {
        let mut field = json!({ "name": name, "label": label, "widget": widget, "required": false });
        for (key, value) in more.as_object().into_iter().flatten() {
            field[key] = value.clone();
        }
        fields.push(field);
    };
    let none = || json!({});
    add("title", "Title", "string", json!({ "required": true }));
    add("description", "Description", "text", json!({ "hint": "One sentence for search engines and lists." }));
    let moment = if has_times {
        json!({ "type": "datetime-local", "format": "YYYY-MM-DDTHH:mm" })
    } else {
        json!({ "type": "date", "format": "YYYY-MM-DD" })
    };
    for (name, label) in [("date", "Written on"), ("updated", "Changed on"), ("expires", "Left out from")] {
        add(name, label, "datetime", moment.clone());
    }
    add("draft", "Draft", "boolean", json!({ "hint": "A draft is not published." }));
    add("tags", "Tags", "list", none());
    let others: Vec<Value> = site
        .taxonomies
        .iter()
        .map(|taxonomy| &taxonomy.config)
        .filter(|taxonomy| taxonomy.name.value != "tags")
        .map(|taxonomy| json!({ "name": taxonomy.name.value, "label": taxonomy.title, "widget": "list", "required": false }))
        .collect();
    if !others.is_empty() {
        add("taxonomies", "Filed under", "object", json!({ "fields": others }));
    }
    let whole = json!({ "value_type": "int", "step": 1 });
    add("weight", "Place among its neighbours", "number", whole.clone());
    if is_list {
        add("sort_by", "Order of the pages", "select", json!({ "options": ["weight", "date", "title"] }));
        add("paginate", "Pages shown at once", "number", whole);
        add("feed", "Has a feed", "boolean", none());
    }
    add("slug", "Last part of the address", "string", none());
    add("aliases", "Former addresses", "list", none());
    add("template", "Template", "string", none());
    add("body", "Text", "markdown", json!({ "modes": ["raw", "rich_text"] }));
    fields
}
