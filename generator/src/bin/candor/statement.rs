//! The commands of the statement's life: what is asked on the command line or at the terminal, what is printed and
//! what is written.
//!
//! What they mean is known in `generator::statement_commands`.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use ::statement::comparison::Comparison;
use ::statement::diagnostic::{Diagnostic, Diagnostics, Severity};
use ::statement::explain::explain;
use ::statement::lock::Note;
use anstream::{eprint, eprintln, print, println};
use clap::{Args, Subcommand};
use generator::source_tree::SourceTree;
use generator::statement_commands::{Desk, Drafts, change, draft, publish, show};
use generator::{Failure, author_files, report};
use jiff::Timestamp;

#[derive(Subcommand)]
pub(crate) enum StatementCommand {
    /// Explain a version: each promise with the words it rests on, and how the software reads what is unclear
    Explain {
        /// The version [default: the one in force]
        #[arg(value_name = "VERSION")]
        version: Option<String>,
        #[command(flatten)]
        asked: Asked,
    },
    /// List all versions with their state and dates
    List {
        #[command(flatten)]
        asked: Asked,
    },
    /// Tell what changed between two versions: facts first, then sections, then the words
    Diff {
        /// The earlier version
        #[arg(value_name = "A")]
        old: String,
        /// The later version, or `draft`
        #[arg(value_name = "B")]
        new: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// Tell which version was in force on a day or at a moment
    ///
    /// A day is its 00:00 in the site's time zone; a time needs an offset, like `2020-01-01T09:00:00-06:00`.
    AsOf {
        /// The day or the moment
        #[arg(value_name = "DATE")]
        moment: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// Check that versions and lock agree, and that nothing that was published was changed
    Verify {
        /// An earlier lock, which this one must only have added to
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// A commit or branch of git whose lock this one must only have added to
        #[arg(long, value_name = "REF")]
        base: Option<String>,
        #[command(flatten)]
        asked: Asked,
    },
    /// Begin a new version: `next.md` with the facts and the text of a published one
    Draft {
        /// The version to begin from
        #[arg(long, value_name = "VERSION")]
        from: String,
        /// Declare one more field that forms may ask for
        #[arg(long, value_name = "KEY")]
        add_field: Vec<String>,
        #[command(flatten)]
        asked: Asked,
    },
    /// Publish a draft: check, show what changed, date it, name it, and append it to the lock
    Publish {
        /// The draft, or a version that is not in the lock [default: the only one]
        #[arg(value_name = "DRAFT")]
        draft: Option<String>,
        /// For readers: what changed, in a sentence
        #[arg(long, value_name = "TEXT")]
        summary: Option<String>,
        /// For readers: why
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// For readers: whom it concerns
        #[arg(long, value_name = "TEXT")]
        who: Option<String>,
        /// For readers: what they should do
        #[arg(long = "do", value_name = "TEXT")]
        action: Option<String>,
        #[command(flatten)]
        author: Author,
        /// From when it is in force: a day, or a moment with an offset [default: today, or the draft's own]
        #[arg(long, value_name = "DATE")]
        effective: Option<String>,
        /// It is older than the first version here, and was found in this place; it never was in force here
        #[arg(long, value_name = "PLACE")]
        backfilled_from: Option<String>,
        /// Show what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        asked: Asked,
    },
    /// Take a version back: the one before it is in force again, and its page stays
    Withdraw {
        /// The version
        #[arg(value_name = "VERSION")]
        version: String,
        /// For readers: why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        author: Author,
        #[command(flatten)]
        asked: Asked,
    },
    /// Take a version's text out of the site, where a law demands it: digests, dates and reason stay
    ///
    /// Its file and its translations are moved to a folder outside the site; keep them, for the digests are theirs.
    Redact {
        /// The version
        #[arg(value_name = "VERSION")]
        version: String,
        /// For readers: why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The folder that keeps the file
        #[arg(long, value_name = "DIR")]
        keep_in: PathBuf,
        #[command(flatten)]
        author: Author,
        #[command(flatten)]
        asked: Asked,
    },
    /// Begin the translation of a version, or publish one
    Translate {
        /// The version
        #[arg(value_name = "VERSION")]
        version: String,
        /// The language, like `es`
        #[arg(value_name = "LANGUAGE")]
        language: String,
        /// Publish the translation: check that it has the same sections, links and numbers, and append it to the lock
        #[arg(long)]
        publish: bool,
        #[command(flatten)]
        author: Author,
        #[command(flatten)]
        asked: Asked,
    },
}

/// What every command can be told.
#[derive(Args)]
pub(crate) struct Asked {
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// The document, where the site has several
    #[arg(long, value_name = "ID")]
    document: Option<String>,
    /// The moment to ask for, or to publish at [default: now]
    #[arg(long, value_name = "MOMENT")]
    now: Option<Timestamp>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Author {
    /// Who does it, as the lock says
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

impl StatementCommand {
    /// Whether it appends to the lock.
    fn publishes(&self) -> bool {
        match self {
            Self::Publish { .. } | Self::Withdraw { .. } | Self::Redact { .. } => true,
            Self::Translate { publish, .. } => *publish,
            Self::Explain { .. } | Self::List { .. } | Self::Diff { .. } => false,
            Self::AsOf { .. } | Self::Verify { .. } | Self::Draft { .. } => false,
        }
    }

    fn asked(&self) -> &Asked {
        match self {
            Self::Explain { asked, .. }
            | Self::List { asked }
            | Self::Diff { asked, .. }
            | Self::AsOf { asked, .. }
            | Self::Verify { asked, .. }
            | Self::Draft { asked, .. }
            | Self::Publish { asked, .. }
            | Self::Withdraw { asked, .. }
            | Self::Redact { asked, .. }
            | Self::Translate { asked, .. } => asked,
        }
    }
}

/// Whether what was asked could be done.
pub(crate) fn run(command: StatementCommand) -> Result<bool, Failure> {
    let asked = command.asked();
    let (root, now, json) = (asked.root.clone(), asked.now.unwrap_or_else(crate::now), asked.json);
    let mut diagnostics = Diagnostics::new();
    let tree = SourceTree::read(&root, &mut diagnostics)?;
    let drafts = if matches!(command, StatementCommand::Publish { .. }) { Drafts::Judged } else { Drafts::Unjudged };
    let Some(desk) = Desk::read(&tree, now, drafts, &mut diagnostics) else {
        return Ok(conclude(&tree, diagnostics, |_| true));
    };
    let document = match desk.document(asked.document.as_deref()) {
        Ok(document) => document,
        // Where nothing could be read, that is the news.
        Err(_) if diagnostics.has_errors() => return Ok(conclude(&tree, diagnostics, |_| true)),
        Err(failure) => return Err(failure),
    };
    let lock = tree.text(&document.lock_path).unwrap_or_default();
    if command.publishes() {
        // Where the site is kept by git, its last commit says what was published before; else only the live lock does.
        if let Ok(earlier) = lock_at(&root, "HEAD", &document.lock_path) {
            change::check_prefix(&document.lock_path, lock, &earlier, "the last commit", &mut diagnostics);
        }
    }
    let said = |text: String, value: serde_json::Value| {
        if json { println!("{value}") } else { print!("{text}") }
    };
    match &command {
        StatementCommand::Explain { version, .. } => {
            let in_force =
                || document.history.in_force(now).map(|index| document.history.versions[index].version.clone());
            let version =
                version.clone().or_else(in_force).ok_or_else(|| Failure("no version is in force".to_owned()))?;
            let explanation = explain(desk.statement(document, &version)?);
            said(explanation.to_text(), to_json(&explanation));
            Ok(true)
        }
        StatementCommand::List { .. } => {
            said(show::list(&desk, document, now), show::list_json(document, now));
            Ok(conclude(&tree, diagnostics, |_| true))
        }
        StatementCommand::Diff { old, new, .. } => {
            let comparison = Comparison::new(desk.statement(document, old)?, desk.statement(document, new)?);
            said(comparison.to_text(), to_json(&comparison));
            Ok(true)
        }
        StatementCommand::AsOf { moment, .. } => {
            let (text, value) = show::as_of(&desk, document, moment)?;
            let found = !value["version"].is_null();
            said(text, value);
            Ok(found)
        }
        StatementCommand::Verify { against, base, .. } => {
            if let Some(file) = against {
                let earlier = author_files::read_if_there(file)?
                    .ok_or_else(|| Failure(format!("there is no file `{}`", file.display())))?;
                change::check_prefix(
                    &document.lock_path,
                    lock,
                    &earlier,
                    &file.display().to_string(),
                    &mut diagnostics,
                );
            }
            if let Some(base) = base {
                let earlier = lock_at(&root, base, &document.lock_path)?;
                change::check_prefix(&document.lock_path, lock, &earlier, base, &mut diagnostics);
            }
            if !document.is_locked {
                diagnostics.push(
                    Diagnostic::warning(&document.lock_path, 0..0, "there is no lock")
                        .help("publish each version, the first one first: `candor statement publish VERSION`"),
                );
            }
            let holds = conclude(&tree, diagnostics, |_| true);
            if holds {
                let (versions, lines) = (document.history.versions.len(), document.lock.lines.len());
                println!("{} and {} agree", report::plural(versions, "version"), report::plural(lines, "line"));
                println!("head {}", document.lock.head().unwrap_or("–"));
            }
            Ok(holds)
        }
        StatementCommand::Draft { from, add_field, .. } => {
            let today = desk.config.timezone.to_datetime(now).date();
            let draft = draft::draft(&desk, document, desk.statement(document, from)?, add_field, today)?;
            let path = root.join(&draft.file.0);
            if tree.text(&draft.file.0).is_some() {
                return Err(Failure(format!(
                    "there is a draft already: `{}`\n  = help: publish it, or remove it and begin again",
                    path.display()
                )));
            }
            author_files::write_new(&root, &[draft.file])?;
            println!("{}", path.display());
            for line in &draft.to_do {
                println!("  to do: {line}");
            }
            println!(
                "\nnext:\n  edit it, and look at it with `candor serve --drafts`\n  candor statement publish --dry-run"
            );
            Ok(true)
        }
        StatementCommand::Publish {
            draft,
            summary,
            why,
            who,
            action,
            author,
            effective,
            backfilled_from,
            dry_run,
            ..
        } => {
            let found = match publish::find(&desk, document, draft.as_deref()) {
                Ok(found) => found,
                // A draft that cannot be read is none.
                Err(_) if diagnostics.has_errors() => return Ok(conclude(&tree, diagnostics, |_| true)),
                Err(failure) => return Err(failure),
            };
            // That it is not in the lock yet is why it is published.
            let path = found.path.clone();
            let is_news = move |found: &Diagnostic| {
                !(found.code == Some("P217") && found.place.as_ref().is_some_and(|place| place.path == path))
            };
            let mut others = diagnostics.into_sorted();
            others.retain(&is_news);
            let mut diagnostics = Diagnostics::new();
            others.into_iter().for_each(|found| diagnostics.push(found));
            if diagnostics.has_errors() {
                return Ok(conclude(&tree, diagnostics, |_| true));
            }
            let note = Note {
                summary: told(summary, "What changed, in a sentence")?,
                why: told(why, "Why")?,
                who: told(who, "Whom it concerns")?,
                action: told(action, "What readers should do")?,
            };
            let author = author.known()?;
            let request = publish::Request {
                draft: draft.as_deref(),
                note,
                author: &author,
                effective: effective.as_deref(),
                found_in: backfilled_from.as_deref(),
                now,
            };
            let planned = publish::plan(&desk, document, &request, &mut diagnostics)?;
            let is_right = conclude(&tree, diagnostics, |_| true);
            let Some(publication) = planned.filter(|_| is_right) else { return Ok(false) };
            print!("{}", publication.told);
            if *dry_run {
                println!("nothing was published: this was a rehearsal");
                return Ok(true);
            }
            let lock = root.join(&*document.lock_path);
            author_files::write_new(&root, &Vec::from_iter(publication.file))?;
            author_files::replace(&lock, &publication.lock)?;
            if let Some(draft) = &publication.draft {
                author_files::remove(&root.join(&**draft))?;
            }
            println!("published in {}\n\nnext:\n  candor build", lock.display());
            Ok(true)
        }
        StatementCommand::Withdraw { version, reason, author, .. } => {
            let author = author.known()?;
            let taken = change::Taken { version, reason, author: &author, now };
            let (lock, told) = change::withdraw(&desk, document, &taken)?;
            finish(&root, &tree, document, diagnostics, Some(lock), &told)
        }
        StatementCommand::Redact { version, reason, keep_in, author, .. } => {
            let author = author.known()?;
            let taken = change::Taken { version, reason, author: &author, now };
            let (lock, files) = change::redact(&desk, document, &taken)?;
            if !conclude(&tree, diagnostics, |_| true) {
                return Ok(false);
            }
            refuse_inside(&root, keep_in)?;
            let paths: Vec<PathBuf> = files.iter().map(|(path, _)| root.join(path)).collect();
            author_files::write_new(keep_in, &files)?;
            author_files::replace(&root.join(&*document.lock_path), &lock)?;
            paths.iter().try_for_each(|path| author_files::remove(path))?;
            let files = report::plural(paths.len(), "file");
            println!("Version {version} is redacted; {files} with its text kept below {}", keep_in.display());
            Ok(true)
        }
        StatementCommand::Translate { version, language, publish: false, .. } => {
            let file = change::translation_to_be_made(&desk, document, version, language)?;
            println!("{}", root.join(&file.0).display());
            author_files::write_new(&root, &[file])?;
            println!("\nnext:\n  translate it\n  candor statement translate {version} {language} --publish");
            Ok(true)
        }
        StatementCommand::Translate { version, language, author, .. } => {
            let author = author.known()?;
            let planned =
                change::publish_translation(&desk, document, version, language, &author, now, &mut diagnostics)?;
            let told = format!("The translation of version {version} into {language} is published\n");
            finish(&root, &tree, document, diagnostics, planned, &told)
        }
    }
}

/// What the site keeps would be published again, or be found beside it.
fn refuse_inside(root: &Path, folder: &Path) -> Result<(), Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Failure(format!("cannot tell where `{}` is: {error}", path.display())))
    };
    if absolute(folder)?.starts_with(absolute(root)?) {
        return Err(Failure(format!(
            "`{}` is in the site's folder\n  = help: keep the text where it is not published and not shared",
            folder.display()
        )));
    }
    Ok(())
}

/// Writes a lock that has one more line, if nothing is wrong.
fn finish(
    root: &Path,
    tree: &SourceTree,
    document: &generator::documents::VersionedDocument,
    diagnostics: Diagnostics,
    lock: Option<String>,
    told: &str,
) -> Result<bool, Failure> {
    let is_right = conclude(tree, diagnostics, |found| found.code != Some("P230"));
    let Some(lock) = lock.filter(|_| is_right) else { return Ok(false) };
    author_files::replace(&root.join(&*document.lock_path), &lock)?;
    print!("{told}");
    Ok(true)
}

/// Draws what was found and is news; whether nothing of it is an error.
fn conclude(tree: &SourceTree, diagnostics: Diagnostics, is_news: impl Fn(&Diagnostic) -> bool) -> bool {
    let mut found = diagnostics.into_sorted();
    found.retain(is_news);
    eprint!("{}", report::draw(&found, tree));
    let is_right = found.iter().all(|found| found.severity != Severity::Error);
    if !is_right {
        eprintln!("{}; nothing was written", report::count(&found));
    }
    is_right
}

fn to_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("invariant: it is plain data")
}

/// What was told on the command line, or else by the person at the terminal; empty if there is none.
fn told(given: &Option<String>, question: &str) -> Result<String, Failure> {
    match given {
        Some(text) => Ok(text.clone()),
        None if std::io::stdin().is_terminal() => {
            eprint!("{question}: ");
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            read.map_err(|error| Failure(format!("cannot read the answer: {error}")))?;
            Ok(line.trim().to_owned())
        }
        None => Ok(String::new()),
    }
}

impl Author {
    fn known(&self) -> Result<String, Failure> {
        let author = told(&self.author, "Your name, for the lock")?;
        match author.trim() {
            "" => {
                Err(Failure("nobody is named as the author\n  = help: say who does it with `--author NAME`".to_owned()))
            }
            author => Ok(author.to_owned()),
        }
    }
}

/// The lock as it was at a commit; empty where there was none.
fn lock_at(root: &Path, base: &str, lock_path: &str) -> Result<String, Failure> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(arguments).output();
        output.map_err(|error| Failure(format!("cannot ask git: {error}")))
    };
    let known = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{base}^{{commit}}")])?;
    if !known.status.success() {
        return Err(Failure(format!("git knows no commit `{base}`")));
    }
    let commit = String::from_utf8_lossy(&known.stdout).trim().to_owned();
    let shown = git(&["show", &format!("{commit}:./{lock_path}")])?;
    Ok(if shown.status.success() { String::from_utf8_lossy(&shown.stdout).into_owned() } else { String::new() })
}
