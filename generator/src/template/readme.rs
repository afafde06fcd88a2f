//! Compares what templates are given with what the README of the theme says.

use std::collections::{BTreeSet, HashMap};

use statement::diagnostic::Diagnostics;
use tera::Value;

use super::form_values::{Given, Shown, field_value, form_value};
use super::{Beside, Theme};
use crate::markdown;
use crate::site::{Options, Site};
use crate::source_tree::SourceTree;

/// A site in which nothing that templates can be given is missing.
const SITE: &str = "\
-- content/site.yaml --
title: Site
base_url: https://example.org
language: en
timezone: America/Chicago
theme: plain
paginate: 1
menu: [{label: Home, to: _index.md}]
-- content/guides/_index.md --
---
title: Guides
feed: true
---
-- content/guides/more/_index.md --
---
title: More
---
-- content/guides/a.md --
---
title: A
date: \"2024-01-01\"
updated: \"2024-01-02\"
tags: [x]
---
## Heading
-- content/guides/b.md --
---
title: B
date: \"2024-01-01\"
tags: [x]
---
-- content/guides/c.md --
---
title: C
---
-- themes/plain/templates/taxonomy.html --
{# It asks for what is made only where it is asked for: page.toc. #}
-- themes/plain/templates/term.html --
-- themes/plain/templates/shared/header.html --
";

/// What kind of thing stands at a path, where several paths hold the same kind.
fn shape(path: &str) -> &str {
    match path {
        "page.pages" | "page.subsections" | "page.ancestors" | "page.related" => "entry",
        "page.section" | "page.previous" | "page.next" => "entry",
        "page.date" | "page.updated" | "entry.date" => "moment",
        "page.taxonomies" => "taxonomy",
        "page.terms" | "taxonomy.terms" => "term",
        "page.toc" => "heading",
        "site.menu" => "item",
        "site.feed" | "page.feed" => "feed",
        "form.fields" => "field",
        "field.options" => "option",
        "statement.glance" => "version.glance",
        path => path,
    }
}

/// Adds the path of everything in a value.
fn walk(path: &str, value: &Value, given: &mut BTreeSet<String>) {
    if let Some(map) = value.as_map() {
        for (key, value) in map {
            let path = format!("{}.{key}", shape(path));
            // What is in there is the site's own.
            if path != "page.extra" {
                walk(&path, value, given);
            }
            given.insert(path);
        }
    }
    for item in value.as_array().unwrap_or_default() {
        walk(path, item, given);
    }
}

#[test]
fn the_readme_of_the_theme_names_every_variable() {
    let base = include_str!("../../tests/site_archive/base_site.txt");
    let base = base.replacen("-- content/site.yaml --", "-- content/former.yaml --", 1);
    let tree = SourceTree::from_archive(&format!("{base}{SITE}"));
    let mut diagnostics = Diagnostics::new();
    let options = Options { today: Some(jiff::civil::date(2024, 5, 1)), ..Options::default() };
    let site = Site::assemble(&tree, &options, &mut diagnostics).expect("the site has settings");
    let theme = Theme::compile(&site, &tree, &mut diagnostics).expect("the theme is whole");

    let by_frames = [
        "answer.label answer.text",
        "letter.answers letter.form letter.page_url letter.received letter.reference letter.statement_url letter.statement_version",
        "receipt.file_url receipt.json receipt.received receipt.reference receipt.statement_url receipt.statement_version",
        "target items message current request",
    ];
    let mut given: BTreeSet<String> = by_frames.iter().flat_map(|names| names.split(' ')).map(str::to_owned).collect();
    for id in 0..site.pages.len() {
        let file = tree.text(&site.pages[id].path).expect("a page has a file");
        let rendered = markdown::render(&site, &theme, id, file, &HashMap::new(), &mut Diagnostics::new());
        for (name, value) in theme.values(&site, id, "taxonomy.html", &rendered, Beside::default()) {
            given.insert(name.to_owned());
            walk(name, &value, &mut given);
        }
    }
    let form = &site.forms[0];
    let of_statement = Given::new(site.statement());
    walk("form", &form_value(form, [String::new()]), &mut given);
    let field = statement::form::Field { options: vec!["one".to_owned()], ..form.fields[0].clone() };
    walk("field", &field_value(form, &field, &Shown::default(), &of_statement), &mut given);
    // A version has the keys of `statement`, and one more.
    given.retain(|path| !path.starts_with("version.") || path == "version.in_force");

    let readme = include_str!("../../../themes/optimal/README.md");
    let (_, readme) = readme.split_once("\n## Variables\n").expect("the README has variables");
    let (readme, _) = readme.split_once("\n## What a changed theme must keep\n").expect("the README has an end");
    let documented: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.split('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned))
        .collect();
    let roots = ["site", "page", "form"].map(str::to_owned);
    given.retain(|path| !roots.contains(path));
    let missing: Vec<&String> = given.difference(&documented).collect();
    let gone: Vec<&String> = documented.difference(&given).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not documented: {missing:?}; not given: {gone:?}");
}
