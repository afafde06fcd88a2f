//! Which files a theme is made of: its own, over those of the theme it extends, down to the one in this program.
//!
//! It knows names and layers, not what is in a template or a style sheet.

use std::collections::BTreeMap;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::yaml::{self, Fields, Located, in_backticks};

use crate::source_tree::SourceTree;

/// The theme is taken from the repository when the program is compiled, so the two cannot differ.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../themes/optimal");

/// The name of the theme in this program.
pub const BUILT_IN_NAME: &str = "optimal";

/// Where the files of the theme in this program stand among a site's files. No folder of a site has this name, so a
/// message that names such a path says where the file is from.
pub const BUILT_IN_FOLDER: &str = "built-in/themes/optimal/";

/// The file in a theme's folder that says which theme it extends.
const SETTINGS: &str = "theme.yaml";

/// The files of the theme in this program: their paths in its folder, and their bytes.
pub fn built_in() -> impl Iterator<Item = (String, &'static [u8])> {
    files_of(&BUILT_IN)
}

/// All files in a folder that was compiled in.
pub(crate) fn files_of(dir: &'static Dir<'static>) -> impl Iterator<Item = (String, &'static [u8])> {
    let mut files = Vec::new();
    let mut folders = vec![dir];
    while let Some(folder) = folders.pop() {
        files.extend(folder.files());
        folders.extend(folder.dirs());
    }
    files.into_iter().map(|file| {
        let parts: Vec<_> = file.path().iter().map(|part| part.to_string_lossy()).collect();
        (parts.join("/"), file.contents())
    })
}

/// The file in a theme's folder that shows what the theme is made of.
const STYLE_GUIDE: &str = "styleguide.md";

/// A theme and the themes it extends, the nearest first.
#[derive(Debug, Clone)]
pub struct ThemeFiles {
    layers: Vec<Layer>,
    /// Whether the chain has an end.
    is_whole: bool,
}

/// One theme of the chain.
#[derive(Debug, Clone)]
struct Layer {
    name: String,
    /// With its final slash: `themes/plain/`.
    folder: String,
}

/// A template of a theme.
#[derive(Debug)]
pub struct Template<'a> {
    /// Its file.
    pub path: &'a Arc<str>,
    /// What the other templates may call it: `base.html`, and `optimal/base.html` in a theme that extends `optimal`.
    pub name: String,
    /// Its name in its own theme: `base.html`.
    pub own_name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

impl ThemeFiles {
    /// Follows the chain from the theme the settings name; reports a link of it that leads nowhere or in a circle.
    pub fn find(theme: &str, tree: &SourceTree, diagnostics: &mut Diagnostics) -> Self {
        let mut layers = vec![Layer::find(theme, tree)];
        let mut is_whole = true;
        while let Some((path, parent)) = extended(&layers[layers.len() - 1], tree, diagnostics) {
            let layer = Layer::find(&parent.value, tree);
            let fact = if layers.iter().any(|other| other.name == layer.name) {
                Diagnostic::error(&path, parent.span, "the theme extends itself, in a circle")
            } else if tree.under(&layer.folder).next().is_none() {
                let known = names(tree);
                let message = format!("there is no theme `{}`", layer.name);
                let diagnostic = Diagnostic::error(&path, parent.span, message)
                    .label(format!("no folder {}", layer.folder.trim_end_matches('/')));
                match near_match(&layer.name, known.iter().copied()) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help(format!("known are {}", in_backticks(&known))),
                }
            } else {
                layers.push(layer);
                continue;
            };
            diagnostics.push(fact);
            is_whole = false;
            break;
        }
        Self { layers, is_whole }
    }

    /// Whether every theme is there that another extends; if not, that was reported.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The themes that are extended, each as the beginning of its templates' names: `optimal/`.
    pub fn prefixes(&self) -> impl Iterator<Item = String> {
        self.layers[1..].iter().map(|layer| format!("{}/", layer.name))
    }

    /// Where a template of that name stands, or would stand: `themes/plain/templates/base.html`.
    #[must_use]
    pub fn template_path(&self, name: &str) -> Arc<str> {
        let (layer, own_name) = self.split(name);
        format!("{}templates/{own_name}", layer.folder).into()
    }

    /// A template's name in its own theme: `base.html` of `optimal/base.html`.
    #[must_use]
    pub fn own_name<'a>(&self, name: &'a str) -> &'a str {
        self.split(name).1
    }

    fn split<'a>(&self, name: &'a str) -> (&Layer, &'a str) {
        let of_layer = |layer: &'_ Layer| name.strip_prefix(&*layer.name)?.strip_prefix('/');
        let in_parent = self.layers[1..].iter().find_map(|layer| Some((layer, of_layer(layer)?)));
        in_parent.unwrap_or((&self.layers[0], name))
    }

    /// Whether the theme, or one it extends, has a template of that name.
    #[must_use]
    pub fn has_template(&self, name: &str, tree: &SourceTree) -> bool {
        self.layers.iter().any(|layer| tree.text(&format!("{}templates/{name}", layer.folder)).is_some())
    }

    /// All templates, those of extended themes too; in the order of the chain, then of their files.
    #[must_use]
    pub fn templates<'a>(&self, tree: &'a SourceTree) -> Vec<Template<'a>> {
        let prefixes = std::iter::once(String::new()).chain(self.prefixes());
        let of_layer = |(layer, prefix): (&Layer, String)| {
            let folder = format!("{}templates/", layer.folder);
            let templates = tree.under(&folder).filter_map(|(_, file)| {
                let own_name = &file.path[folder.len()..];
                Some(Template { path: &file.path, name: format!("{prefix}{own_name}"), own_name, text: file.text()? })
            });
            templates.collect::<Vec<Template<'a>>>()
        };
        self.layers.iter().zip(prefixes).flat_map(of_layer).collect()
    }

    /// The fonts for what is drawn, as indices into the tree's files; the nearest theme's first.
    pub fn fonts(&self, tree: &SourceTree) -> Vec<usize> {
        let is_font = |path: &str| path.ends_with(".ttf") || path.ends_with(".otf");
        let of_layer = |layer: &Layer| {
            let fonts = tree.under(&format!("{}fonts/", layer.folder)).filter(|(_, file)| is_font(&file.path));
            fonts.map(|(index, _)| index).collect::<Vec<usize>>()
        };
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// The files under `assets/` by their paths there, as indices into the tree's files: of several with one path, that
    /// of the nearest theme.
    #[must_use]
    pub fn assets<'a>(&self, tree: &'a SourceTree) -> BTreeMap<&'a str, usize> {
        self.files_in("assets/", tree)
    }

    /// The files under `scripts/`, in the same way.
    #[must_use]
    pub fn scripts<'a>(&self, tree: &'a SourceTree) -> BTreeMap<&'a str, usize> {
        self.files_in("scripts/", tree)
    }

    /// The files that pages are written from, templates and scripts; the nearest theme's first.
    pub fn sources<'a>(&self, tree: &'a SourceTree) -> impl Iterator<Item = &'a Arc<str>> {
        let folders = self.layers.iter().flat_map(|layer| ["templates/", "scripts/"].map(|part| (layer, part)));
        folders.flat_map(|(layer, part)| tree.under(&format!("{}{part}", layer.folder)).map(|(_, file)| &file.path))
    }

    /// The page that shows what the theme is made of to whoever edits it.
    #[must_use]
    pub fn style_guide<'a>(&self, tree: &'a SourceTree) -> Option<(&'a Arc<str>, &'a str)> {
        let files = self.layers.iter().flat_map(|layer| tree.under(&layer.folder).map(move |(_, file)| (layer, file)));
        let mut guides = files.filter(|(layer, file)| file.path[layer.folder.len()..] == *STYLE_GUIDE);
        guides.find_map(|(_, file)| Some((&file.path, file.text()?)))
    }

    fn files_in<'a>(&self, folder: &str, tree: &'a SourceTree) -> BTreeMap<&'a str, usize> {
        let mut files = BTreeMap::new();
        for layer in self.layers.iter().rev() {
            let folder = format!("{}{folder}", layer.folder);
            files.extend(tree.under(&folder).map(|(index, file)| (&file.path[folder.len()..], index)));
        }
        files
    }
}

impl Layer {
    fn find(name: &str, tree: &SourceTree) -> Self {
        let on_disk = format!("themes/{name}/");
        let is_built_in = name == BUILT_IN_NAME && tree.under(&on_disk).next().is_none();
        Self { name: name.to_owned(), folder: if is_built_in { BUILT_IN_FOLDER.to_owned() } else { on_disk } }
    }
}

/// The names of all themes there are.
pub fn names(tree: &SourceTree) -> Vec<&str> {
    let on_disk = tree.under("themes/").filter_map(|(_, file)| file.path["themes/".len()..].split_once('/'));
    let mut names: Vec<&str> = on_disk.map(|(name, _)| name).chain([BUILT_IN_NAME]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The theme that a theme says it extends, and the file that says so.
fn extended(layer: &Layer, tree: &SourceTree, diagnostics: &mut Diagnostics) -> Option<(Arc<str>, Located<String>)> {
    let path: Arc<str> = format!("{}{SETTINGS}", layer.folder).into();
    let text = tree.text(&path)?;
    let root = yaml::parse(&path, text, 0..text.len(), diagnostics)?;
    let mut fields = Fields::new(&path, "the theme's settings file", &root, diagnostics)?;
    let extends = fields.string("extends");
    let extends = fields.required("extends", extends);
    fields.finish();
    Some((path, extends?))
}
