//! The program `candor`: reads the command line and the clock, runs, prints, and says with its exit code how it went.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::{eprint, eprintln, println};
use clap::{Args, Parser, Subcommand};
use generator::build::{Built, build};
use generator::output::{Folder, Nowhere};
use generator::site::Options;
use generator::source_tree::SourceTree;
use generator::{Failure, report, serve};
use jiff::civil::Date;
use statement::diagnostic::Diagnostics;

/// Builds a site whose privacy statement is enforced
///
/// A site is a folder with `content/` (markdown, settings, forms, the statement) and `themes/`. Everything wrong is
/// reported at once with file, line and column, and nothing is published until it is mended.
#[derive(Parser)]
#[command(
    name = "candor",
    version,
    after_help = "Exit codes: 0 all is well, 1 the site has mistakes, 2 the machine failed."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the site and write it to a folder, with contract.json for the form function beside it
    Build {
        #[command(flatten)]
        site: SiteArguments,
        /// The folder to write the site to [default: `public` in the site's folder]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Build and serve the site on this machine with its forms working, and rebuild when a file changes
    ///
    /// Registrations are stored in `.candor/registrations.sqlite` and mail is written to `.candor/mail/`, unless
    /// CANDOR_STORE and CANDOR_MAIL say otherwise: see form-handler/README.md.
    Serve {
        #[command(flatten)]
        site: SiteArguments,
        /// The address to listen on
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
        host: IpAddr,
        /// The port to listen on; 0 takes any that is free
        #[arg(long, value_name = "PORT", default_value_t = 8080)]
        port: u16,
    },
    /// Do all that `build` does, and publish nothing
    Check {
        #[command(flatten)]
        site: SiteArguments,
    },
}

#[derive(Args)]
struct SiteArguments {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Where the site will be published, instead of the settings' `base_url`
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Publish drafts too, and pages dated in the future
    #[arg(long)]
    drafts: bool,
    /// The day to build for [default: today in the site's time zone]
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<Date>,
}

impl SiteArguments {
    fn options(self) -> Options {
        Options { base_url: self.base_url, drafts: self.drafts, today: self.today, now: now() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the program reads the clock, and nobody else")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the program reads the environment, and nobody else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Whether the site is without mistakes.
fn run(command: Command) -> Result<bool, Failure> {
    match command {
        Command::Build { site, out } => {
            let out = out.unwrap_or_else(|| site.root.join("public"));
            let mut diagnostics = Diagnostics::new();
            let tree = SourceTree::read(&site.root, &mut diagnostics)?;
            let folder = Folder::open(&out, &site.root)?;
            let built = build(&tree, &site.options(), diagnostics, folder)?;
            Ok(conclude(&tree, &built, &format!("in {}", out.display()), "nothing was published"))
        }
        Command::Check { site } => {
            let mut diagnostics = Diagnostics::new();
            let tree = SourceTree::read(&site.root, &mut diagnostics)?;
            let built = build(&tree, &site.options(), diagnostics, Nowhere)?;
            Ok(conclude(&tree, &built, "ready to be published", "nothing could be published"))
        }
        Command::Serve { site, host, port } => {
            let root = site.root.clone();
            let tell = |text: &str| eprint!("{text}");
            log_to_terminal();
            serve::run(serve::Settings { root, options: site.options(), host, port, clock: now, variable, tell })?;
            Ok(true)
        }
    }
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

/// Prints what was found and what became of it.
fn conclude(tree: &SourceTree, built: &Built, done: &str, not_done: &str) -> bool {
    eprint!("{}", report::draw(&built.diagnostics, tree));
    let counts = report::count(&built.diagnostics);
    match &built.published {
        Some(published) => {
            let separator = if counts.is_empty() { "" } else { "; " };
            println!("{counts}{separator}{} {done}", report::plural(published.pages, "page"));
        }
        None => eprintln!("{counts}; {not_done}"),
    }
    built.published.is_some()
}
