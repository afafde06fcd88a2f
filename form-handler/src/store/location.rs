//! Where a store is, as it is written in a setting or on a command line; and which kind of store that makes it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "objects")]
use super::objects::{Bucket, Objects};
#[cfg(feature = "postgres")]
use super::postgres::{Database, Postgres};
use super::sqlite::Sqlite;
use super::{Store, StoreError};

const WAYS: &str = "write `sqlite:PATH`, `postgres://HOST/DATABASE`, `s3://BUCKET/PREFIX` or `none`";

/// Where a store is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database of PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(Box<Database>),
    /// A bucket of S3, or of what speaks like it.
    #[cfg(feature = "objects")]
    Objects(Box<Bucket>),
}

/// Where in the world that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// Where the program runs.
    Here,
    /// In this region of AWS.
    #[cfg_attr(not(feature = "objects"), expect(dead_code, reason = "only objects say their region"))]
    Region(&'a str),
    /// It does not say.
    #[cfg_attr(not(any(feature = "objects", feature = "postgres")), expect(dead_code, reason = "files are here"))]
    Elsewhere,
}

impl Location {
    /// Reads `sqlite:PATH` or a path, `postgres://…`, or `s3://…`, whose region and keys are in the variables that AWS's own
    /// programs read.
    ///
    /// # Errors
    /// Says what it is not, without repeating what may be a password.
    pub fn parse(value: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let scheme = value.split_once(':').map(|(scheme, _)| scheme);
        let path = match scheme {
            Some("sqlite") => &value["sqlite:".len()..],
            Some("postgres" | "postgresql") => return postgres(value),
            Some("s3") => return objects(value.strip_prefix("s3://").unwrap_or_default(), lookup),
            // A word alone is more likely a mistake than a file.
            None if value.contains(['/', '.']) => value,
            _ => "",
        };
        if path.trim().is_empty() {
            return Err(format!("`{}` is not a store: {WAYS}", scheme.unwrap_or(value)));
        }
        if path.starts_with("file:") || path.trim() == ":memory:" {
            return Err(format!("`{path}` is not a file: write its path after `sqlite:`"));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    pub(crate) fn place(&self) -> Place<'_> {
        match self {
            Self::Sqlite(_) => Place::Here,
            #[cfg(feature = "postgres")]
            Self::Postgres(database) if database.is_here() => Place::Here,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Place::Elsewhere,
            #[cfg(feature = "objects")]
            Self::Objects(bucket) => bucket.region().map_or(Place::Elsewhere, Place::Region),
        }
    }

    /// Opens the store for writing, makes it where there is none, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be opened, could not keep what it is given, or was written by a later version.
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(Sqlite::open(path)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => Arc::new(Postgres::open(database).await?),
            #[cfg(feature = "objects")]
            Self::Objects(bucket) => Arc::new(Objects::open(bucket).await?),
        })
    }

    /// Opens a store that is there, for reading only.
    ///
    /// # Errors
    /// When there is none, it cannot be opened, or it was written by another version.
    pub async fn open_for_reading(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(Sqlite::open_for_reading(path)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => Arc::new(Postgres::open_for_reading(database).await?),
            #[cfg(feature = "objects")]
            Self::Objects(bucket) => Arc::new(Objects::open_for_reading(bucket).await?),
        })
    }
}

#[cfg(feature = "postgres")]
fn postgres(url: &str) -> Result<Location, String> {
    Database::parse(url).map(|database| Location::Postgres(Box::new(database)))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &str) -> Result<Location, String> {
    Err(without("PostgreSQL", "postgres"))
}

#[cfg(feature = "objects")]
fn objects(address: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Location, String> {
    Bucket::parse(address, lookup).map(|bucket| Location::Objects(Box::new(bucket)))
}

#[cfg(not(feature = "objects"))]
fn objects(_: &str, _: &dyn Fn(&str) -> Option<String>) -> Result<Location, String> {
    Err(without("S3", "objects"))
}

#[cfg(not(all(feature = "postgres", feature = "objects")))]
fn without(what: &str, feature: &str) -> String {
    format!("this program was built without {what}; build it with `--features form-handler/{feature}`")
}

/// Without a password, for people and for messages.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(formatter),
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.fmt(formatter),
            #[cfg(feature = "objects")]
            Self::Objects(bucket) => bucket.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<String, String> {
        Location::parse(value, &|_| None).map(|location| location.to_string())
    }

    #[test]
    fn a_file_is_named_by_a_path() {
        for (value, path) in [("sqlite:a.sqlite", "a.sqlite"), ("/var/a.sqlite", "/var/a.sqlite"), ("./a", "./a")] {
            assert_eq!(parse(value).unwrap(), path);
        }
        let help = "write `sqlite:PATH`, `postgres://HOST/DATABASE`, `s3://BUCKET/PREFIX` or `none`";
        assert_eq!(parse("nonee").unwrap_err(), format!("`nonee` is not a store: {help}"));
        assert_eq!(parse("mysql://u:secret@h/d").unwrap_err(), format!("`mysql` is not a store: {help}"));
    }

    #[test]
    #[cfg(not(any(feature = "postgres", feature = "objects")))]
    fn what_was_left_out_is_named_with_its_feature() {
        assert_eq!(
            parse("postgres://u:secret@h/d").unwrap_err(),
            "this program was built without PostgreSQL; build it with `--features form-handler/postgres`"
        );
        assert_eq!(
            parse("s3://bucket/site").unwrap_err(),
            "this program was built without S3; build it with `--features form-handler/objects`"
        );
    }
}
