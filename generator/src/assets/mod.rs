//! What a theme publishes beside its pages: style sheets in one piece, and names with a hash, so that a browser may keep
//! a file for ever and knows that it is the one the page means.
//!
//! It knows a theme's `assets/` and who asks for what in them. What stands in `content/` is [`crate::images`]'s and the
//! site's.

pub mod css;
#[cfg(feature = "sass")]
mod sass;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::digest;

use crate::address::{self, Destination};
use crate::images;
use crate::policy;
use crate::source_tree::SourceTree;
use crate::theme_files::ThemeFiles;

/// How many bytes of a file's digest are in its name, as two digits each.
const HASH_BYTES: usize = 8;

/// What a theme publishes beside its pages.
#[derive(Debug, Default)]
pub struct Assets {
    /// By the name that templates use: the path under `assets/`.
    by_name: BTreeMap<String, Asset>,
    /// What templates write into pages, by the path under `scripts/`.
    scripts: BTreeMap<String, Script>,
}

/// A script of a theme: that it stands in the theme's `scripts/` says that it may run.
#[derive(Debug)]
pub struct Script {
    /// What is in it, with the ends of lines as a browser reads them.
    pub text: String,
    /// Its hash, as the browser's policy lists it.
    pub hash: String,
}

/// A file that a theme publishes.
#[derive(Debug)]
pub struct Asset {
    /// Its site path.
    pub address: String,
    /// What a browser may compare it with (Subresource Integrity, section 3); empty where the file may change under
    /// the page, as it does while somebody edits it.
    pub integrity: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// The file it is made from, as an index into the tree's files.
    pub file: usize,
}

impl Assets {
    /// Makes what the theme publishes; with `is_edited`, under plain names, so that a style can be replaced in a page
    /// that is open.
    pub fn assemble(theme: &ThemeFiles, tree: &SourceTree, is_edited: bool, diagnostics: &mut Diagnostics) -> Self {
        let files = theme.assets(tree);
        let (sheets, files) = style_sheets(files, tree, diagnostics);
        let templates = theme.templates(tree);
        let texts = || templates.iter().map(|template| template.text);
        let wanted: BTreeSet<&str> = texts().flat_map(asked_for).collect();
        let fixed: BTreeSet<&str> = texts().flat_map(named).collect();
        let named_by_styles = sheets.iter().flat_map(|(name, sheet)| urls(name, &sheet.text));
        let wanted_by_styles: BTreeSet<String> = named_by_styles.collect();

        let mut assets = Self::default();
        for (name, file) in files {
            let source = &tree.files()[file];
            let bytes = match images::published(&source.path, source.in_memory().unwrap_or_default().to_vec()) {
                Ok(bytes) => bytes,
                Err(diagnostic) => {
                    diagnostics.push(*diagnostic);
                    continue;
                }
            };
            let has_hash =
                !is_edited && !fixed.contains(name) && (wanted.contains(name) || wanted_by_styles.contains(name));
            assets.by_name.insert(name.to_owned(), Asset::new(name, bytes, file, has_hash, is_edited));
        }
        // A style sheet that is part of another is not published by itself.
        let mut imported = BTreeSet::new();
        for (name, sheet) in &sheets {
            imported.extend(css::imports(&sheet.text).filter_map(|(url, _)| resolve(name, &url)));
        }
        let mut bundles = Vec::new();
        let mut faults = Vec::new();
        for (name, sheet) in &sheets {
            let css = css::bundle(name, &Library { sheets: &sheets, assets: &assets }, &mut faults);
            if !imported.contains(name) {
                let has_hash = !is_edited && !fixed.contains(&**name) && wanted.contains(&**name);
                bundles.push((name.clone(), Asset::new(name, css.into_bytes(), sheet.file, has_hash, is_edited)));
            }
        }
        // What is wrong in a style sheet is wrong in all that import it.
        faults.sort();
        faults.dedup();
        for fault in faults {
            diagnostics.push(sheets[&fault.name].diagnose(fault, tree));
        }
        assets.by_name.extend(bundles);
        for (name, file) in theme.scripts(tree) {
            let text = tree.files()[file].text().unwrap_or_default().replace("\r\n", "\n");
            let hash = policy::hash(&text);
            assets.scripts.insert(name.to_owned(), Script { text, hash });
        }
        assets
    }

    /// The scripts that templates write into pages with their names, in order.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &Script)> {
        self.scripts.iter().map(|(name, script)| (name.as_str(), script))
    }

    /// All files with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Asset)> {
        self.by_name.iter().map(|(name, asset)| (name.as_str(), asset))
    }

    /// The file whose plain address is `site_path`, under whatever name it is published.
    #[must_use]
    pub fn at(&self, site_path: &str) -> Option<&Asset> {
        self.by_name.get(site_path.strip_prefix(address::ASSETS)?)
    }
}

impl Asset {
    fn new(name: &str, bytes: Vec<u8>, file: usize, has_hash: bool, is_edited: bool) -> Self {
        let digest = digest::sha256(&bytes);
        let hash: String = digest[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        let address = address::of_asset(name, has_hash.then_some(hash.as_str()));
        let integrity = if is_edited { String::new() } else { format!("sha256-{}", BASE64_STANDARD.encode(digest)) };
        Self { address, integrity, bytes, file }
    }
}

/// A style sheet as it is read.
struct Sheet {
    text: String,
    file: usize,
}

impl Sheet {
    fn diagnose(&self, fault: css::Fault, tree: &SourceTree) -> Diagnostic {
        let path = &tree.files()[self.file].path;
        // What Sass made has other places than its source.
        let span = if path.ends_with(".css") { fault.span.0..fault.span.1 } else { 0..0 };
        let diagnostic = Diagnostic::error(path, span, fault.message);
        if fault.help.is_empty() { diagnostic } else { diagnostic.help(fault.help) }
    }
}

/// Takes the style sheets out of a theme's files; Sass becomes CSS here.
fn style_sheets<'a>(
    files: BTreeMap<&'a str, usize>,
    tree: &'a SourceTree,
    diagnostics: &mut Diagnostics,
) -> (BTreeMap<String, Sheet>, BTreeMap<&'a str, usize>) {
    let mut sheets = BTreeMap::new();
    let mut others = BTreeMap::new();
    #[cfg(feature = "sass")]
    let sources = files.clone();
    for (name, file) in files {
        let text = tree.files()[file].text();
        match (name.rsplit_once('.'), text) {
            (Some((_, "css")), Some(text)) => {
                sheets.insert(name.to_owned(), Sheet { text: text.trim_start_matches('\u{feff}').to_owned(), file });
            }
            (Some((stem, "scss")), Some(text)) => {
                // A part of others, by Sass's own custom.
                if stem.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
                    continue;
                }
                #[cfg(feature = "sass")]
                match sass::compile(name, text, &sources, tree) {
                    Ok(text) => drop(sheets.insert(format!("{stem}.css"), Sheet { text, file })),
                    Err(diagnostic) => diagnostics.push(*diagnostic),
                }
                #[cfg(not(feature = "sass"))]
                {
                    let _ = (stem, text);
                    diagnostics.push(
                        Diagnostic::error(&tree.files()[file].path, 0..0, "this candor was built without Sass")
                            .help("build it with `--features sass`, or write the style sheet in CSS"),
                    );
                }
            }
            _ => {
                others.insert(name, file);
            }
        }
    }
    (sheets, others)
}

/// What style sheets may refer to.
struct Library<'a> {
    sheets: &'a BTreeMap<String, Sheet>,
    assets: &'a Assets,
}

impl css::Library for Library<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.sheets.get(name).map(|sheet| sheet.text.as_str())
    }

    fn address(&self, from: &str, url: &str) -> Result<Option<String>, (String, String)> {
        // A place in the page, another host, or a file of the site.
        let Some(name) = resolve(from, url) else { return Ok(None) };
        let suffix = &url[url.find(['?', '#']).unwrap_or(url.len())..];
        match self.assets.by_name.get(&name) {
            Some(asset) => Ok(Some(format!("{}{suffix}", address::href(&asset.address)))),
            None => Err(lost(from, &name, self.assets.by_name.keys())),
        }
    }

    fn import(&self, from: &str, url: &str) -> Result<String, (String, String)> {
        match resolve(from, url) {
            Some(name) if self.sheets.contains_key(&name) => Ok(name),
            Some(name) => Err(lost(from, &name, self.sheets.keys())),
            None => Err((
                format!("`{url}` is not a style sheet of the theme"),
                "copy it into the theme's `assets/`, so that no other host sees who reads the site".to_owned(),
            )),
        }
    }
}

fn lost<'a>(from: &str, name: &str, known: impl Iterator<Item = &'a String>) -> (String, String) {
    let help = near_match(name, known.map(String::as_str))
        .map_or_else(String::new, |near| format!("did you mean `{}`?", address::relative(from, near)));
    (format!("the theme has no file `assets/{name}`"), help)
}

/// The name of the asset that a style sheet means by an address.
fn resolve(from: &str, url: &str) -> Option<String> {
    match address::destination(from, url) {
        Destination::Content(path, _) => path,
        Destination::SitePath(path, _) => path.strip_prefix(address::ASSETS).map(str::to_owned),
        Destination::Outside | Destination::Fragment(_) => None,
    }
}

/// The names of the assets that a style sheet refers to.
fn urls(name: &str, text: &str) -> Vec<String> {
    css::urls(text).filter_map(|url| resolve(name, &url)).collect()
}

/// The names a template asks for: `site.css` in `asset(path="site.css")`.
fn asked_for(template: &str) -> impl Iterator<Item = &str> {
    template.match_indices("asset(").filter_map(|(at, call)| {
        let (arguments, _) = template[at + call.len()..].split_once(')')?;
        let path = arguments.split_once("path")?.1.trim_start().strip_prefix('=')?.trim_start();
        let quote = path.chars().next().filter(|quote| "\"'`".contains(*quote))?;
        Some(path[1..].split_once(quote)?.0)
    })
}

/// The names a template writes itself: `site.css` in `/assets/site.css`. They must be what they are.
fn named(template: &str) -> impl Iterator<Item = &str> {
    template.match_indices(address::ASSETS).map(|(at, prefix)| {
        let rest = &template[at + prefix.len()..];
        &rest[..rest.find(|letter: char| letter.is_whitespace() || "\"'`<>()?#".contains(letter)).unwrap_or(rest.len())]
    })
}
