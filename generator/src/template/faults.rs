//! What is wrong with a theme or a template, in the shape of our own messages.

use std::sync::Arc;

use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::yaml;
use tera::{ErrorKind, Tera};

use crate::site::Site;
use crate::site_config;
use crate::source_tree::SourceTree;
use crate::theme_files::{self, Template, ThemeFiles};

pub(super) fn no_theme(site: &Site, tree: &SourceTree) -> Diagnostic {
    let theme = &site.config.theme;
    let path: Arc<str> = site_config::PATH.into();
    let diagnostic = Diagnostic::error(&path, theme.span.clone(), format!("there is no theme `{}`", theme.value))
        .label(format!("no templates under themes/{}/templates/", theme.value));
    let known = theme_files::names(tree);
    match near_match(&theme.value, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("known are {}", yaml::in_backticks(&known))),
    }
}

/// A theme that knows no versions can take what it lacks from one that does.
pub(super) fn no_templates_for_versions(files: &ThemeFiles, missing: &[&str]) -> Diagnostic {
    let path = files.template_path(missing[0]);
    let fact = "the theme has no templates for the versions of a statement";
    Diagnostic::error(&path, 0..0, fact)
        .note(format!("missing are {}", yaml::in_backticks(missing)))
        .help("either write `extends: optimal` into the theme's `theme.yaml`, which takes them from there")
        .help("or copy them from `themes/optimal`, whose README describes every template")
}

/// Reads each template by itself, so that all mistakes are found: together, Tera stops at the first.
pub(super) fn report_syntax(templates: &[Template<'_>], diagnostics: &mut Diagnostics) {
    for Template { path, name, text, .. } in templates {
        if let Err(error) = Tera::new().add_raw_template(name, text)
            && let ErrorKind::SyntaxError(report) = error.kind()
        {
            diagnostics.push(
                Diagnostic::error(path, report.span().range.clone(), sentence(report.message()))
                    .help("templates are written in Tera 2"),
            );
        }
    }
}

/// Splits what Tera says about all templates together, which comes as one drawn text: `error: fact`, then
/// ` --> name:line:column` with the column counted in characters.
pub(super) fn across_templates(
    files: &ThemeFiles,
    templates: &[Template<'_>],
    reports: &str,
    diagnostics: &mut Diagnostics,
) {
    let mut lines = reports.lines().peekable();
    let mut is_placed = false;
    while let Some(line) = lines.next() {
        let Some(fact) = line.strip_prefix("error: ") else { continue };
        let place = lines.peek().and_then(|line| line.trim_start().strip_prefix("--> ")).and_then(|place| {
            let (place, column) = place.rsplit_once(':')?;
            let (name, line) = place.rsplit_once(':')?;
            let Template { path, text, .. } = templates.iter().find(|template| template.name == name)?;
            let line_start: usize =
                text.split_inclusive('\n').take(line.parse::<usize>().ok()? - 1).map(str::len).sum();
            let rest = &text[line_start..];
            let at = rest.char_indices().nth(column.parse::<usize>().ok()? - 1).map_or(0, |(at, _)| at);
            let length = rest[at..].find(|letter: char| " \n|}/>".contains(letter)).unwrap_or(rest.len() - at);
            Some((*path, line_start + at..line_start + at + length))
        });
        if let Some((path, span)) = place {
            diagnostics.push(Diagnostic::error(path, span, sentence(fact)));
            is_placed = true;
        }
    }
    if !is_placed {
        let path: Arc<str> = files.template_path("").trim_end_matches('/').into();
        diagnostics.push(Diagnostic::error(&path, 0..0, sentence(reports)));
    }
}

pub(super) fn diagnose(files: &ThemeFiles, error: &tera::Error) -> Diagnostic {
    let at = |name: &str, span, message: &str| {
        let path = files.template_path(name);
        // Tera lists what there is behind the fact.
        match message.split_once(". Available ") {
            Some((fact, available)) => {
                Diagnostic::error(&path, span, sentence(fact)).help(format!("available {available}"))
            }
            None => Diagnostic::error(&path, span, sentence(message)),
        }
    };
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            at(report.filename(), report.span().range.clone(), report.message())
        }
        ErrorKind::CircularExtend { tpl, .. } => at(tpl, 0..0, "the template extends itself, in a circle"),
        ErrorKind::CircularInclude { tpl, .. } => at(tpl, 0..0, "the template includes itself, in a circle"),
        other => at("", 0..0, &other.to_string()),
    }
}

/// A library's words in the shape of ours: lower case first, no full stop.
pub(crate) fn sentence(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
