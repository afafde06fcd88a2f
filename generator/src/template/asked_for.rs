//! What templates ask for: assets and scripts by their names, values that are made only for who wants them; and what
//! they declare, which is shortcodes and ids.

use std::collections::{BTreeMap, HashSet};

use ahash::AHashSet;
use statement::diagnostic::{Diagnostic, Diagnostics};
use tera::{ComponentInfo, Kwargs, State, Tera, Value};

use super::map;
use crate::address;
use crate::scan::Ids;
use crate::site::Site;
use crate::theme_files::Template;

/// `asset(path="site.css")`: where a file of the theme is published, and what a browser may compare it with.
pub(super) fn asset_function(
    site: &Site,
) -> impl Fn(Kwargs, &State<'_>) -> tera::TeraResult<Value> + Send + Sync + 'static {
    let values: BTreeMap<String, Value> = site
        .assets
        .iter()
        .map(|(name, asset)| {
            let value = map! { url: address::href(&asset.address), integrity: asset.integrity.as_str() };
            (name.to_owned(), value)
        })
        .collect();
    move |arguments, _| {
        let path = arguments.must_get::<&str>("path")?;
        values.get(path).cloned().ok_or_else(|| {
            let known: Vec<&str> = values.keys().map(String::as_str).collect();
            tera::Error::message(format!(
                "the theme has no file `assets/{path}`. Available files: {}",
                known.join(", ")
            ))
        })
    }
}

/// `script(path="form.js")`: a script of the theme as an element of the page.
pub(super) fn script_function(
    site: &Site,
) -> impl Fn(Kwargs, &State<'_>) -> tera::TeraResult<Value> + Send + Sync + 'static {
    let element = |text: &str| Value::safe_string(&format!("<script>{text}</script>"));
    let scripts: BTreeMap<String, Value> =
        site.assets.scripts().map(|(name, script)| (name.to_owned(), element(&script.text))).collect();
    move |arguments, _| {
        let path = arguments.must_get::<&str>("path")?;
        scripts.get(path).cloned().ok_or_else(|| {
            let known: Vec<&str> = scripts.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            tera::Error::message(format!("the theme has no file `scripts/{path}`. Available files: {known}"))
        })
    }
}

/// A shortcode's file declares a component of its name, and so which parameters it has.
pub(super) fn shortcodes(
    tera: &Tera,
    templates: &[Template<'_>],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, ComponentInfo> {
    let mut shortcodes = BTreeMap::new();
    for Template { path, own_name, .. } in templates {
        let name = own_name.strip_prefix("shortcodes/").and_then(|name| name.strip_suffix(".html"));
        let Some(name) = name.filter(|name| *name != "form") else { continue };
        match tera.get_component_definition(name) {
            Some(declared) => drop(shortcodes.insert(name.to_owned(), declared)),
            None => diagnostics.push(
                Diagnostic::error(path, 0..0, format!("the shortcode's file has no component `{name}`")).help(format!(
                    "begin it with `{{% component {name}() %}}`, and end it with `{{% endcomponent %}}`"
                )),
            ),
        }
    }
    shortcodes
}

/// The ids that stand in templates as they are; the others depend on what is rendered.
pub(super) fn ids(templates: &[Template<'_>]) -> AHashSet<String> {
    let all = templates.iter().map(|template| Ids::of(template.text));
    all.flat_map(|ids| ids.iter().filter(|id| !id.contains('{')).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The templates in which a word stands, themselves or in one that they name: a value that costs something for every
/// page is made for these only. Those of a theme and of the one it extends go by the same name.
pub(super) fn templates_with(word: &str, templates: &[Template<'_>]) -> HashSet<String> {
    let mut found: HashSet<&str> =
        templates.iter().filter(|template| template.text.contains(word)).map(|template| template.own_name).collect();
    loop {
        let names_one = |text: &str| found.iter().any(|name| text.contains(name));
        let more: Vec<&str> = templates
            .iter()
            .filter(|template| !found.contains(template.own_name) && names_one(template.text))
            .map(|template| template.own_name)
            .collect();
        if more.is_empty() {
            return found.into_iter().map(str::to_owned).collect();
        }
        found.extend(more);
    }
}
