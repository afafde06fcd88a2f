//! A day, or a moment on it, as front matter gives it: in the site's time zone, whatever offset was written.
//!
//! It does not know which day it is.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use statement::version::parse_date;

/// A day or a moment; a day counts from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    at: ZonedDateTime,
    has_time: bool,
}

impl Moment {
    /// Reads `2018-09-26` or a date with a time (RFC 3339, section 5.6); a time without an offset is the site's own.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str, timezone: &TimeZone) -> Result<Self, String> {
        if let Ok(date) = parse_date(text) {
            let at = date.to_zoned_datetime(timezone.clone()).map_err(|_| wanted(text))?;
            return Ok(Self { at, has_time: false });
        }
        let at = match text.parse::<Timestamp>() {
            Ok(instant) => instant.to_zoned_datetime(timezone.clone()),
            Err(_) => text
                .parse::<DateTime>()
                .ok()
                .filter(|_| text.contains(':'))
                .and_then(|local| local.to_zoned_datetime(timezone.clone()).ok())
                .ok_or_else(|| wanted(text))?,
        };
        Ok(Self { at, has_time: true })
    }

    /// Whether it is a moment on its day.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.has_time
    }

    /// The day it is on, in the site's time zone.
    #[must_use]
    pub fn date(&self) -> Date {
        self.at.date()
    }

    /// As `<time>` wants it: the day, or the moment with its offset.
    #[must_use]
    pub fn iso(&self) -> String {
        if self.has_time { self.rfc3339() } else { self.date().to_string() }
    }

    /// With time and offset, as feeds want it; a day begins at its beginning.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

fn wanted(text: &str) -> String {
    format!(
        "`{text}` is not a date: write year, month and day, like `2018-09-26`, or a time with them, like \
         `2018-09-26T09:30:00-05:00`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_the_sites() {
        let timezone = TimeZone::get("America/Chicago").unwrap();
        let iso = |text: &str| Moment::parse(text, &timezone).map(|moment| moment.iso());
        assert_eq!(iso("2024-05-01").unwrap(), "2024-05-01");
        assert_eq!(iso("2024-05-01T03:30:00Z").unwrap(), "2024-04-30T22:30:00-05:00");
        assert_eq!(iso("2024-05-01 03:30:00+02:00").unwrap(), "2024-04-30T20:30:00-05:00");
        assert_eq!(iso("2024-12-01T03:30:00").unwrap(), "2024-12-01T03:30:00-06:00");
        for wrong in ["2024-5-1", "2024-05-32", "20240501", "2024-05-01T25:00:00Z", "2024-05-01T10", "soon", ""] {
            assert!(iso(wrong).is_err(), "{wrong}");
        }
    }
}
