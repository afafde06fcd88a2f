//! What a build tells while it runs: which stage begins, and each file as it is written.
//!
//! It knows no clock and no terminal; whoever watches a build brings those.

use crate::Failure;
use crate::output::Output;

/// A part of a build, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Files are read from disk.
    Read,
    /// Front matter and settings are parsed, and the site is assembled.
    Assemble,
    /// Templates are compiled.
    Theme,
    /// Pages are rendered, scanned and written to the staging folder, with all other files.
    Render,
    /// Anchors and forms are checked across pages, and the contract is made.
    Check,
    /// The staging folder takes the place of the output folder.
    Publish,
}

impl Stage {
    /// What is done, for a person.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Assemble => "assemble",
            Self::Theme => "compile theme",
            Self::Render => "render and write",
            Self::Check => "check",
            Self::Publish => "publish",
        }
    }
}

/// Someone who watches a build. Calls of [`Observer::wrote`] come from many threads.
pub trait Observer: Sync {
    /// A stage begins, and the one before has ended; `steps` is how many files it will write, or 0.
    fn begins(&self, stage: Stage, steps: usize);

    /// A file was written.
    fn wrote(&self, site_path: &str, bytes: usize);
}

/// Nobody watches.
#[derive(Debug, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn begins(&self, _: Stage, _: usize) {}

    fn wrote(&self, _: &str, _: usize) {}
}

/// An output that tells what passes through it.
pub struct Watched<'a, O> {
    /// Where the files go.
    pub output: O,
    /// Who is told.
    pub observer: &'a dyn Observer,
}

impl<O: Output> Output for Watched<'_, O> {
    fn prepare(&self, site_paths: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        self.output.prepare(site_paths)
    }

    fn is_kept(&self) -> bool {
        self.output.is_kept()
    }

    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let length = bytes.len();
        self.output.write(site_path, bytes)?;
        self.observer.wrote(site_path, length);
        Ok(())
    }

    fn publish(self, contract: &str) -> Result<(), Failure> {
        self.output.publish(contract)
    }
}
