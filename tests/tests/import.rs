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
    assert_says(&said, &[]);
    assert_page(&site, "content/posts/first-light.md", "");
}

#[test]
fn a_site_of_zola_moves_in() {
    let (site, said) = imported("zola");
    assert_says(&said, &[]);
    assert_page(&site, "content/blog/2022-01-02-hello-world.md", "");
}

#[test]
fn a_site_of_jekyll_moves_in() {
    let (site, said) = imported("jekyll");
    assert_says(&said, &[]);
    assert_page(&site, "content/posts/winter-day.md", "");
}
