//! The command line: what can be asked for, and what each part of it means.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use generator::site::Options;

use crate::statement::StatementCommand;
use jiff::civil::Date;

/// Builds a site whose privacy statement is enforced
///
/// A site is a folder with `content/` (markdown, settings, forms, the statement) and `themes/`. Everything wrong is
/// reported at once with file, line and column, and nothing is published until it is mended.
#[derive(Parser)]
#[command(
    name = "candor",
    version,
    after_help = "Exit codes: 0 all is well, 1 the site has mistakes, 2 the machine failed.\n\n\
                  A new site: `candor init my-site`, then `candor serve --root my-site`."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Build the site and write it to a folder, with contract.json for the form function beside it
    Build {
        #[command(flatten)]
        site: SiteArguments,
        /// The folder to write the site to [default: `public` in the site's folder]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Put text files in gzip and Brotli beside themselves, for hosts that send such files as they are
        #[arg(long)]
        precompress: bool,
        #[command(flatten)]
        report: ReportArguments,
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
        #[command(flatten)]
        report: ReportArguments,
        /// Ask the sites that pages link to whether the links still lead somewhere
        ///
        /// A link that leads nowhere (404, 410, no such host) is an error. Where nobody can tell (no answer in time,
        /// 403, a server that fails) it is a warning, and so is a link to a page that has moved for good. No server is
        /// asked for two things at once, and one that says it is asked too much is left alone as long as it says.
        /// Links that led somewhere are remembered for a week in `.candor/external-links.json`.
        #[arg(long)]
        external: bool,
        /// Hold the statement that is served at this address against the lock: lock, texts, facts, page and headers
        ///
        /// For example `https://example.org`. Exit code 2 means that nobody can tell, because there was no answer.
        #[arg(long, value_name = "URL")]
        live: Option<String>,
    },
    /// Start a new site in a folder that is empty or does not exist
    ///
    /// The site has a few pages, a form, a thank-you page, a privacy statement to be rewritten, and the theme
    /// `optimal`. It builds and serves at once, and a build warns of each file with something still to be replaced.
    Init {
        /// The folder of the new site
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The site's name
        #[arg(long, value_name = "TITLE", default_value = "My site")]
        title: String,
        /// The site's time zone, like `America/Chicago` [default: this machine's]
        #[arg(long, value_name = "NAME")]
        timezone: Option<String>,
    },
    /// Start a new page, with front matter and today's date
    ///
    /// Never overwrites a file. The section must exist; `candor new guides/_index.md` makes one.
    New {
        /// The page's file under `content/`, like `guides/choosing.md`
        #[arg(value_name = "PATH")]
        path: String,
        /// The page's title [default: made from the file's name]
        #[arg(long, value_name = "TITLE")]
        title: Option<String>,
        /// Make it a draft, which is published with `--drafts` only
        #[arg(long)]
        draft: bool,
        /// The site's folder
        #[arg(long, value_name = "DIR", default_value = ".")]
        root: PathBuf,
    },
    /// Tell what is big and slow: pages, words, bytes by kind, the largest files, the time of each stage
    ///
    /// Builds the site and publishes nothing.
    Stats {
        #[command(flatten)]
        site: SiteArguments,
        /// Print JSON, with times in milliseconds
        #[arg(long)]
        json: bool,
    },
    /// Make a site from one that was written for another generator
    ///
    /// Converts front matter, settings, links and common shortcodes, copies all other files and the theme `optimal`,
    /// and lists with file and line what it could not convert. The other site is only read.
    Import {
        /// The generator the site was written for
        #[arg(value_name = "GENERATOR")]
        from: Generator,
        /// The folder of that site, with its settings
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The folder of the new site, which is empty or does not exist
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// The new site's time zone, like `America/Chicago` [default: the settings', else UTC]
        #[arg(long, value_name = "NAME")]
        timezone: Option<String>,
    },
    /// The versions of the privacy statement: draft, publish, compare, and ask what was in force when
    Statement {
        #[command(subcommand)]
        command: StatementCommand,
    },
    /// Print the completions of a shell
    ///
    /// For example: `candor completions bash > ~/.local/share/bash-completion/completions/candor`
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page
    ///
    /// For example: `candor man > ~/.local/share/man/man1/candor.1`
    Man,
}

/// A generator sites can come from.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Generator {
    Hugo,
    Zola,
    Jekyll,
}

#[derive(Args)]
pub(crate) struct SiteArguments {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) root: PathBuf,
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
    /// How to build, at the moment `now`.
    pub(crate) fn options(&self, now: jiff::Timestamp) -> Options {
        Options {
            base_url: self.base_url.clone(),
            drafts: self.drafts,
            statement_drafts: self.drafts,
            today: self.today,
            now,
            is_edited: false,
            cache: Some(self.root.join(".candor/cache")),
        }
    }
}

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// Print what is found as JSON, an object a line, the last of which counts
    ///
    /// Each has `type`: `diagnostic` (with `severity`, `code`, `message`, `path`, `line`, `column`, `end`, `label`,
    /// `notes` and `help`), `summary` (with `errors`, `warnings`, `published` and `pages`) or `failure` (with
    /// `message`, when the machine fails).
    #[arg(long)]
    pub(crate) json: bool,
}
