//! Sites written for Hugo, Zola and Jekyll become sites of ours that build, and what has no counterpart is listed.

use tests::program::{program, repository, run};
use tests::site::Site;

/// Imports a fixture, and returns the new site and what was said.
fn imported(generator: &str) -> (Site, String) {
    let source = Site::empty().with(&format!("tests/fixtures/import/{generator}"), "old");
    import(generator, &source)
}

fn import(generator: &str, source: &Site) -> (Site, String) {
    let site = Site::empty();
    let mut command = program("candor");
    let said =
        run(command.args(["import", generator]).arg(source.path("old")).arg("--into").arg(site.root())).success();
    (site, said.stdout)
}

fn assert_says(said: &str, lines: &[&str]) {
    let listed: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(listed, lines, "{said}");
}

fn assert_page(site: &Site, path: &str, wanted: &str) {
    let page = site.read(path);
    assert_eq!(page, wanted, "{path}:\n{page}");
}

#[test]
fn a_site_of_hugo_moves_in() {
    let (site, said) = imported("hugo");
    assert_says(
        &said,
        &[
            "assets/:1: 1 file: what Hugo Pipes makes is not made here; put files to publish into `content/`, styles into the theme",
            "content/docs/Plain.md:1: the page has no title; `Plain` was taken",
            "content/docs/broken.md:1: the page has no title; `Broken` was taken",
            r#"content/docs/broken.md:2: not valid TOML: invalid basic string, expected `"`; its keys were left out"#,
            "content/docs/knots.md:1: the page has no title; `Knots for beginners` was taken",
            "content/docs/knots.md:2: `linkTitle` has no counterpart; it was kept in `extra`",
            "content/docs/raw.html:1: pages are written in markdown, and this is `.html`",
            "content/posts/_index.md:4: `cascade` has no counterpart; it was kept in `extra`",
            "content/posts/first-light.md:13: `cover` has no counterpart; it was kept in `extra`",
            "content/posts/first-light.md:22: `class` of `figure` was left out",
            "content/posts/first-light.md:24: the shortcode `youtube` has no counterpart; it was left in a comment",
            "content/posts/first-light.md:30: the shortcode `notice` has no counterpart; it was left in a comment",
            "hugo.toml:1: a site stands at the root of its host, so `/blog` is no part of `base_url`",
            "hugo.toml:1: the menu's `Shop` leads to `/shop/`, where no page is, so it was left out",
            "hugo.toml:10: `permalinks`: addresses follow from folders and `slug`; the addresses before became aliases where they were known",
            "layouts/:1: 1 file: templates are not converted; see themes/optimal/README.md",
            "static/sitemap.xml:1: `/sitemap.xml` is made by Candor, so the file was left out",
        ],
    );
    assert_page(
        &site,
        "content/posts/first-light.md",
        r##"---
title: "First: \"light\" over the harbour"
date: "2021-03-04T06:30:00+00:00"
updated: 2021-04-01
expires: 2099-01-01
slug: first-light
aliases: ["/old/first", "/2021/first", "/2021/03/first-light/"]
tags: [boats, dawn, "2021"]
taxonomies:
  categories: [Notes]
extra:
  author: Ada
  publishDate: 2021-03-05
  cover:
    image: dawn.jpg
    rank: 1.5
---

The boats [left early](harbour/index.md), as the [guide](../docs/knots.md#bowline) says.

<!--more-->

![Dawn](../images/dawn.jpg "Dawn over the 'old' wall")

<!-- not converted: {{< youtube w7Ft2ymGmfc >}} -->

```go
fmt.Println("{{< not a shortcode >}}")
```

<!-- not converted: {{% notice tip %}} -->
Mind the *tide*.
<!-- not converted: {{% /notice %}} -->

See [all posts](_index.md), [the harbour](harbour/index.md),
[the picture](../images/dawn.jpg) and [the site itself](harbour/index.md).

Write `{{< ref "x" >}}` to link, or:

    {{< figure src="code.png" >}}
"##,
    );
    let _ = site.candor("check", &["--drafts"]).success();
}

#[test]
fn a_site_of_zola_moves_in() {
    let (site, said) = imported("zola");
    assert_says(
        &said,
        &[
            "config.toml:5: `compile_sass`: styles are CSS, in the theme",
            "content/_index.md:2: `sort_by` has no counterpart; it was kept in `extra`",
            "content/_index.md:3: `template` has no counterpart; it was kept in `extra`",
            "content/blog/2022-01-02-hello-world.md:14: the shortcode `youtube` has no counterpart; it was left in a comment",
            "content/blog/2022-01-02-hello-world.md:16: the shortcode `quote` has no counterpart; it was left in a comment",
            "content/blog/_index.md:3: `sort_by` has no counterpart; it was kept in `extra`",
            "content/blog/_index.md:4: `paginate_by` has no counterpart; it was kept in `extra`",
            "content/pages/about.md:3: the slug `about us` became `about-us`",
            "content/pages/about.md:4: the alias `vieux/../x` is not an address from the root",
            "content/pages/about.md:5: `in_search_index` has no counterpart; it was kept in `extra`",
            "content/pages/about.md:6: `soon` is not a date like `2018-09-26`; it was left out",
            "sass/:1: 1 file: Sass is not converted; styles are CSS, in the theme",
            "templates/:1: 1 file: templates are not converted; see themes/optimal/README.md",
        ],
    );
    assert_page(
        &site,
        "content/blog/2022-01-02-hello-world.md",
        r##"---
title: "Hello, world"
description: "The first: with a colon"
date: 2022-01-02
slug: hello-world
weight: -2
tags: [rust, web dev]
taxonomies:
  authors: [Zoé]
extra:
  toc: true
  nested:
    list: [1, 2.5, x]
    day: 2022-01-01
---
See [the bundle](2023-05-06-bundle/index.md#part) and [the old page](../pages/about.md).

<!-- not converted: {{ youtube(id="abc", autoplay=true) }} -->

<!-- not converted: {% quote(author="Me") %} -->
A *quote*.
<!-- not converted: {% end %} -->

```jinja
{% youtube(id="in code") %} @/blog/x.md
```

Write `{{ youtube(id="x") }}`, and `@/` alone.
"##,
    );
    let _ = site.candor("check", &["--drafts"]).success();
}

#[test]
fn a_site_of_jekyll_moves_in() {
    let (site, said) = imported("jekyll");
    assert_says(
        &said,
        &[
            "_config.yml:1: a site stands at the root of its host, so `/notes` is no part of `base_url`",
            "_config.yml:14: `plugins`: plugins are not run; feeds, sitemap and redirects are made without any",
            "_layouts/:1: 1 file: templates are not converted; see themes/optimal/README.md",
            "_posts/2019-12-24-winter-day.md:21: the tag `include` has no counterpart; it was left in a comment",
            "_posts/2019-12-24-winter-day.md:24: the attributes `{: .wide }` were left out",
            r#"_posts/2019-12-24-winter-day.md:30: `site.time | date: "%Y"` has no counterpart; it was left in a comment"#,
            "archive.html:1: pages are written in markdown, and this is `.html` for Jekyll to fill in",
            "assets/main.scss:1: pages are written in markdown, and this is `.scss` for Jekyll to fill in",
            "docs/setup.md:5: the attributes `{:toc}` were left out",
        ],
    );
    assert_page(
        &site,
        "content/posts/winter-day.md",
        r##"---
title: "Winter: a day"
date: "2019-12-24T10:00:00-0500"
aliases: ["/2019/winter.html", "/life/snow/2019/12/24/winter-day/"]
tags: [cold, white]
taxonomies:
  categories: [life, Snow]
extra:
  author: Eve
---
Read [the other](spring.md) or [about](../about.md) or [more](../docs/setup.md).

```ruby
def hi
  puts "{{ x }}"
end
```

Use {{ page.title }} so. This is "Winter: a day" on Jekyll Notes.

<!-- not converted: {% include video.html id="x" %} -->


![Snow](../assets/img/snow.png)

```liquid
{% include x %}
```

<!-- not converted: {{ site.time | date: "%Y" }} -->
"##,
    );
    let _ = site.candor("check", &["--drafts"]).success();
}

#[test]
fn addresses_before_lead_to_the_pages() {
    let redirects = |generator: &str| {
        let site = imported(generator).0;
        let _ = site.candor("build", &["--drafts"]).success();
        site.read("public/_redirects")
    };
    for (generator, lines) in [
        ("hugo", ["/2021/03/first-light/ /posts/first-light/ 301", "/old/first/ /posts/first-light/ 301"]),
        ("zola", ["/archive/bundle/ ", "/a-propos/ /pages/about-us/ 301"]),
        (
            "jekyll",
            ["/life/snow/2019/12/24/winter-day/ /posts/winter-day/ 301", "/2019/winter.html /posts/winter-day/ 301"],
        ),
    ] {
        let redirects = redirects(generator);
        for line in lines {
            assert!(redirects.contains(line), "`{line}` is not in:\n{redirects}");
        }
    }
}

#[test]
fn links_that_lead_nowhere_are_listed() {
    for (generator, page, link, line) in [
        (
            "hugo",
            "content/posts/first-light.md",
            "[x]({{< ref \"nowhere.md\" >}})",
            "`ref` leads to `nowhere.md`, and no page is there",
        ),
        (
            "zola",
            "content/blog/_index.md",
            "[x](@/blog/lost.md)",
            "a link leads to `@/blog/lost.md`, and no page is there",
        ),
        (
            "jekyll",
            "docs/setup.md",
            "[x]({% post_url 2000-01-01-lost %})",
            "`post_url` leads to `2000-01-01-lost`, and no page is there",
        ),
    ] {
        let source = Site::empty().with(&format!("tests/fixtures/import/{generator}"), "old");
        let path = format!("old/{page}");
        source.write(&path, format!("{}\n{link}\n", source.read(&path)));
        let (site, said) = import(generator, &source);
        assert!(said.contains(line) && said.contains(page), "{said}");
        let _ = site.candor("check", &[]).exit(1).says(&["link target does not exist"]);
    }
}

#[test]
fn only_a_site_is_imported_and_only_into_an_empty_folder() {
    let empty = Site::empty();
    empty.write("old/readme.txt", "x");
    for (generator, settings) in [("hugo", "hugo.toml"), ("zola", "config.toml"), ("jekyll", "_config.yml")] {
        let mut command = program("candor");
        command.args(["import", generator]).arg(empty.path("old")).arg("--into").arg(empty.path("new"));
        let _ = run(&mut command).exit(2).says(&["has no settings of", settings]);
        assert!(!empty.path("new").exists());
        let mut command = program("candor");
        command.args(["import", generator]).arg(repository().join("tests/fixtures/import").join(generator));
        let _ = run(command.arg("--into").arg(empty.path("old"))).exit(2).says(&["is not empty"]);
    }
}
