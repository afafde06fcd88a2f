//! Where a store is, as it is written in a setting or on a command line; and which kind of store that makes it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::sqlite::Sqlite;
use super::{Store, StoreError};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite.
    Sqlite(PathBuf),
}

impl Location {
    /// Reads `sqlite:PATH` or a path.
    ///
    /// # Errors
    /// Says what it is not, without repeating what may be a password.
    pub fn parse(value: &str) -> Result<Self, String> {
        let scheme = value.split_once(':').map(|(scheme, _)| scheme);
        let path = match scheme {
            Some("sqlite") => &value["sqlite:".len()..],
            // A word alone is more likely a mistake than a file.
            None if value.contains(['/', '.']) => value,
            _ => "",
        };
        if path.trim().is_empty() {
            let shown = scheme.unwrap_or(value);
            return Err(format!("`{shown}` is not a store: write `sqlite:PATH` or `none`"));
        }
        if path.starts_with("file:") || path.trim() == ":memory:" {
            return Err(format!("`{path}` is not a file: write its path after `sqlite:`"));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// Whether it is on the disk of the machine that the program runs on.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Opens the store for writing, makes it where there is none, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be opened, could not keep what it is given, or was written by a later version.
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(Sqlite::open(path)?)),
        }
    }

    /// Opens a store that is there, for reading only.
    ///
    /// # Errors
    /// When there is none, it cannot be opened, or it was written by another version.
    pub async fn open_for_reading(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(Sqlite::open_for_reading(path)?)),
        }
    }
}

/// Without a password, for people and for messages.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(formatter),
        }
    }
}
