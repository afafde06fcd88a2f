//! The program `candor`: reads the command line, the environment and the clock, runs, prints, and says with its exit
//! code how it went.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use ::statement::diagnostic::Diagnostics;
use anstream::{eprint, eprintln, print, println};
use clap::{CommandFactory as _, Parser as _};
use generator::build::{Built, build_watched};
use generator::import::{self, Origin};
use generator::observe::{Observer as _, Stage, Watched};
use generator::output::{Folder, Nowhere, Output};
use generator::site::Options;
use generator::site_config::SiteConfig;
use generator::source_tree::SourceTree;
use generator::stats::Stats;
use generator::{Failure, author_files, machine_report, new_page, report, serve, starter};
use jiff::tz::TimeZone;

use crate::arguments::{Arguments, Command, Generator, ReportArguments, SiteArguments};
use crate::watching::Watching;

mod arguments;
mod statement;
mod watching;

#[expect(clippy::disallowed_methods, reason = "the program reads the clock, and nobody else")]
fn now() -> jiff::Timestamp {
    // In whole seconds, as locks and pages say it: what was just withdrawn is so for the build in the same second.
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).expect("invariant: a moment without its fraction is a moment")
}

#[expect(clippy::disallowed_methods, reason = "the program reads the environment, and nobody else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether a person sees what is printed beside the results.
fn is_watched() -> bool {
    std::io::stderr().is_terminal() && variable("TERM").is_none_or(|terminal| terminal != "dumb")
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let is_json = match &command {
        Command::Build { report, .. } | Command::Check { report, .. } => report.json,
        Command::Stats { json, .. } => *json,
        _ => false,
    };
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            if is_json {
                print!("{}", machine_report::failure_line(&failure));
            }
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Whether the site is without mistakes.
fn run(command: Command) -> Result<bool, Failure> {
    match command {
        Command::Build { site, out, precompress, report } => {
            let out = out.unwrap_or_else(|| site.root.join("public"));
            let watching = Watching::showing(is_watched() && !report.json);
            let open = || Folder::open(&out, &site.root);
            let (tree, built) = if precompress {
                build_compressed(&site, &watching, open)?
            } else {
                build_site(&site, &watching, open)?
            };
            let done = format!("in {}", out.display());
            let is_published = conclude(&site.root, &report, &tree, &built, &done, "nothing was published");
            // The program ends here, and the system takes back all memory at once: page by page that takes its time.
            std::mem::forget((tree, built));
            Ok(is_published)
        }
        Command::Check { site, report, external, live } => {
            let watching = Watching::showing(is_watched() && !report.json);
            let (tree, mut built) = build_site(&site, &watching, || Ok(Nowhere))?;
            if external {
                check_external(&site, &tree, &watching, &mut built)?;
            }
            if let Some(url) = live {
                check_live(&tree, &url, &mut built)?;
            }
            Ok(conclude(&site.root, &report, &tree, &built, "ready to be published", "nothing could be published"))
        }
        Command::Serve { site, host, port } => {
            let root = site.root.clone();
            let tell = |text: &str| eprint!("{text}");
            log_to_terminal();
            // Whoever writes a version looks at it here before anybody else does.
            let options = Options { statement_drafts: true, ..site.options(now()) };
            serve::run(serve::Settings { root, options, host, port, clock: now, variable, tell })?;
            Ok(true)
        }
        Command::Init { folder, title, timezone } => {
            let timezone = timezone.map_or_else(|| Ok(machine_timezone()), |name| known_timezone(&name))?;
            let name = timezone.iana_name().unwrap_or("UTC");
            author_files::refuse_unless_empty(&folder)?;
            author_files::write_new(&folder, &starter::site(&title, name, today(&timezone)))?;
            let shown = folder.display();
            println!(
                "a new site is in {shown}\n\nnext:\n  candor serve --root {shown}      look at it; its form works\n  \
                 candor new --root {shown} page.md   write a page\n  \
                 candor build --root {shown}      says what is still to be replaced: the site's address, and the \
                 statement in {shown}/content/privacy/"
            );
            Ok(true)
        }
        Command::New { path, title, draft, root } => {
            let mut diagnostics = Diagnostics::new();
            let tree = SourceTree::read(&root, &mut diagnostics)?;
            let Some(config) = SiteConfig::parse(&tree, None, &mut diagnostics) else {
                eprint!("{}", report::draw(&diagnostics.into_sorted(), &tree));
                eprintln!("no page was made");
                return Ok(false);
            };
            let request =
                new_page::Request { path: &path, title: title.as_deref(), draft, today: today(&config.timezone) };
            let file = new_page::plan(&tree, &request)?;
            println!("{}", root.join(&file.0).display());
            author_files::write_new(&root, &[file])?;
            Ok(true)
        }
        Command::Stats { site, json } => {
            let watching = Watching::remembering(is_watched() && !json);
            let (tree, built) = build_site(&site, &watching, || Ok(Nowhere))?;
            let Some(published) = &built.published else {
                let report = ReportArguments { json };
                return Ok(conclude(&site.root, &report, &tree, &built, "", "there is nothing to count"));
            };
            let stats = Stats::count(&tree, watching.into_record(), published.pages);
            if json {
                println!("{}", stats.to_json());
            } else {
                print!("{}", stats.table());
            }
            Ok(true)
        }
        Command::Import { from, folder, into, timezone } => import_site(from, &folder, &into, timezone.as_deref()),
        Command::Statement { command } => statement::run(command),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "candor", &mut script);
            print_bytes(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            render_manual(&mut page).map_err(|error| Failure(format!("cannot write the manual: {error}")))?;
            print_bytes(&page)
        }
    }
}

/// Prints what another program reads, as it is.
fn print_bytes(bytes: &[u8]) -> Result<bool, Failure> {
    std::io::stdout().write_all(bytes).map_err(|error| Failure(format!("cannot print: {error}")))?;
    Ok(true)
}

/// One page for the program and all its commands.
fn render_manual(page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let manual = clap_mangen::Man::new(command.clone()).manual("Candor");
    manual.render_title(page)?;
    manual.render_name_section(page)?;
    manual.render_synopsis_section(page)?;
    manual.render_description_section(page)?;
    render_commands(&command, "", page)?;
    manual.render_extra_section(page)
}

/// A section for each command below `command`, and after it one for each below that.
fn render_commands(command: &clap::Command, above: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        let name = format!("{above}{}", part.get_name().to_uppercase());
        writeln!(page, ".SH \"{name}\"")?;
        let manual = clap_mangen::Man::new(part.clone().disable_help_flag(true));
        let mut body = Vec::new();
        manual.render_synopsis_section(&mut body)?;
        manual.render_description_section(&mut body)?;
        manual.render_options_section(&mut body)?;
        // What is a section of a page of its own is a part of this page's section.
        page.write_all(String::from_utf8_lossy(&body).replace(".SH ", ".SS ").as_bytes())?;
        render_commands(part, &format!("{name} "), page)?;
    }
    Ok(())
}

/// Reads and builds the site in `site.root`; the output is opened once the site is read.
fn build_site<O: Output>(
    site: &SiteArguments,
    watching: &Watching,
    open: impl FnOnce() -> Result<O, Failure>,
) -> Result<(SourceTree, Built), Failure> {
    let mut diagnostics = Diagnostics::new();
    watching.begins(Stage::Read, 0);
    let tree = SourceTree::read(&site.root, &mut diagnostics)?;
    let output = Watched { output: open()?, observer: watching };
    let options: Options = site.options(now());
    let built = build_watched(&tree, &options, diagnostics, output);
    watching.clear();
    Ok((tree, built?))
}

#[cfg(feature = "precompress")]
fn build_compressed<O: Output>(
    site: &SiteArguments,
    watching: &Watching,
    open: impl FnOnce() -> Result<O, Failure>,
) -> Result<(SourceTree, Built), Failure> {
    build_site(site, watching, || open().map(generator::precompress::Precompressed::new))
}

#[cfg(not(feature = "precompress"))]
fn build_compressed<O: Output>(
    _: &SiteArguments,
    _: &Watching,
    _: impl FnOnce() -> Result<O, Failure>,
) -> Result<(SourceTree, Built), Failure> {
    Err(Failure(
        "this candor was built without compression\n  = help: build it with `--features precompress`, or leave out \
         `--precompress`"
            .to_owned(),
    ))
}

#[cfg(feature = "external-links")]
fn check_external(
    site: &SiteArguments,
    tree: &SourceTree,
    watching: &Watching,
    built: &mut Built,
) -> Result<(), Failure> {
    use generator::external_links;

    // What is wrong with the site was said already, and a site that cannot be published has no links yet.
    let Some(last) = &built.last else { return Ok(()) };
    let assembled = last.site();
    let links = external_links::find(assembled, tree);
    watching.expect(links.len());
    let cache = site.root.join(".candor/external-links.json");
    let known = author_files::read_if_there(&cache)?;
    let options = external_links::Settings {
        proxy: ureq::Proxy::try_from_env(),
        ..external_links::Settings::new(today(&assembled.config.timezone), &assembled.config.base_url)
    };
    let checked = external_links::check(&links, known.as_deref(), &options, &|| watching.step("links asked for"));
    watching.clear();
    author_files::replace(&cache, &checked.cache)?;
    add_found(built, checked.diagnostics);
    Ok(())
}

#[cfg(feature = "external-links")]
fn check_live(tree: &SourceTree, url: &str, built: &mut Built) -> Result<(), Failure> {
    use generator::external_links;
    use generator::statement_commands::live::Live;

    let Some((last, published)) = built.last.as_ref().zip(built.published.as_ref()) else { return Ok(()) };
    let site = last.site();
    let base_url = url.trim_end_matches('/');
    let settings = external_links::Settings {
        proxy: ureq::Proxy::try_from_env(),
        ..external_links::Settings::new(today(&site.config.timezone), base_url)
    };
    let live = Live { site, tree, theme: last.theme(), headers: &published.headers, base_url };
    let mut diagnostics = Diagnostics::new();
    for publication in site.publications.iter().filter(|publication| publication.document.is_locked) {
        live.check(publication, |url| external_links::fetch(url, &settings), &mut diagnostics)?;
    }
    add_found(built, diagnostics.into_sorted());
    Ok(())
}

/// Adds what was found after the build; nothing counts as published if it is an error.
#[cfg(feature = "external-links")]
fn add_found(built: &mut Built, found: Vec<::statement::diagnostic::Diagnostic>) {
    let mut diagnostics = Diagnostics::new();
    built.diagnostics.drain(..).chain(found).for_each(|found| diagnostics.push(found));
    if diagnostics.has_errors() {
        built.published = None;
    }
    built.diagnostics = diagnostics.into_sorted();
}

#[cfg(not(feature = "external-links"))]
fn check_external(_: &SiteArguments, _: &SourceTree, _: &Watching, _: &mut Built) -> Result<(), Failure> {
    Err(cannot_ask())
}

#[cfg(not(feature = "external-links"))]
fn check_live(_: &SourceTree, _: &str, _: &mut Built) -> Result<(), Failure> {
    Err(cannot_ask())
}

#[cfg(not(feature = "external-links"))]
fn cannot_ask() -> Failure {
    Failure(
        "this program was compiled without the means to ask other sites\n  = help: compile it with the feature \
         `external-links`, which is on by default"
            .to_owned(),
    )
}

fn import_site(from: Generator, folder: &Path, into: &Path, timezone: Option<&str>) -> Result<bool, Failure> {
    let origin = match from {
        Generator::Hugo => Origin::Hugo,
        Generator::Zola => Origin::Zola,
        Generator::Jekyll => Origin::Jekyll,
    };
    let timezone = timezone.map(known_timezone).transpose()?;
    author_files::refuse_unless_empty(into)?;
    let files = author_files::read_folder(folder, origin.skipped_folders())?;
    let imported = import::import(origin, files, timezone.as_ref().and_then(TimeZone::iana_name))?;
    author_files::write_new(into, &imported.files)?;
    print!("{}", imported.report());
    let shown = into.display();
    println!("\nnext: candor check --root {shown}");
    Ok(true)
}

/// Tells the person at the terminal what the form handler logs, such as a mail that could not be sent.
fn log_to_terminal() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

fn machine_timezone() -> TimeZone {
    let timezone = TimeZone::system();
    // A machine may know its offset and not its zone's name.
    if timezone.iana_name().is_some() { timezone } else { TimeZone::UTC }
}

fn known_timezone(name: &str) -> Result<TimeZone, Failure> {
    TimeZone::get(name)
        .map_err(|_| Failure(format!("`{name}` is not a time zone\n  = help: write a name like `America/Chicago`")))
}

fn today(timezone: &TimeZone) -> jiff::civil::Date {
    timezone.to_datetime(now()).date()
}

/// Prints what was found and what became of it.
fn conclude(
    root: &Path,
    arguments: &ReportArguments,
    tree: &SourceTree,
    built: &Built,
    done: &str,
    not_done: &str,
) -> bool {
    let pages = built.published.as_ref().map(|published| published.pages);
    eprint!("{}", report::draw(&built.diagnostics, tree));
    if variable("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // The host reads both streams; with `--json`, the other one is for programs.
        let annotations = machine_report::github_annotations(&built.diagnostics, tree, &root.to_string_lossy());
        eprint!("{annotations}");
    }
    let counts = report::count(&built.diagnostics);
    if arguments.json {
        print!("{}", machine_report::json_lines(&built.diagnostics, tree, pages));
        return pages.is_some();
    }
    match pages {
        Some(pages) => {
            let separator = if counts.is_empty() { "" } else { "; " };
            println!("{counts}{separator}{} {done}", report::plural(pages, "page"));
            let next = built.published.as_ref().and_then(|published| published.next_transition.as_ref());
            match next {
                Some((at, Some(version))) => {
                    println!("version {version} of the statement is in force from {at}: build again then")
                }
                Some((at, None)) => println!("no version of the statement is in force from {at}: build again then"),
                None => {}
            }
        }
        None => eprintln!("{counts}; {not_done}"),
    }
    pages.is_some()
}
