//! Lengths of time in years, months, weeks and days: how long something is kept (ISO 8601, `P7Y`).

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A calendar unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Year,
    Month,
    Week,
    Day,
}

impl Unit {
    /// `year` or `years`, in lower case.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.strip_suffix('s').unwrap_or(word) {
            "year" => Some(Self::Year),
            "month" => Some(Self::Month),
            "week" => Some(Self::Week),
            "day" => Some(Self::Day),
            _ => None,
        }
    }

    /// `year` for one, else `years`.
    pub(crate) fn word(self, count: i32) -> &'static str {
        match (self, count) {
            (Self::Year, 1) => "year",
            (Self::Year, _) => "years",
            (Self::Month, 1) => "month",
            (Self::Month, _) => "months",
            (Self::Week, 1) => "week",
            (Self::Week, _) => "weeks",
            (Self::Day, 1) => "day",
            (Self::Day, _) => "days",
        }
    }
}

/// A length of time in whole calendar units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    years: i16,
    months: i32,
    weeks: i32,
    days: i32,
}

impl Period {
    /// Reads `P7Y`, `P1Y6M`, `P30D`.
    ///
    /// # Errors
    /// Says what is wrong, for the author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a period: write `P7Y` for seven years, `P30D` for thirty days");
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let period =
            Self { years: span.get_years(), months: span.get_months(), weeks: span.get_weeks(), days: span.get_days() };
        let canonical = text.starts_with('P') && !text.contains('T');
        let positive = span.is_positive() && canonical;
        if positive { Ok(period) } else { Err(wrong()) }
    }

    /// As jiff counts it.
    #[must_use]
    pub fn to_span(self) -> jiff::Span {
        jiff::Span::new().years(self.years).months(self.months).weeks(self.weeks).days(self.days)
    }
}

impl Period {
    /// The moment at which it is over that began at `start`, in UTC; the last moment there is where it would be later.
    #[must_use]
    pub fn after(self, start: Timestamp) -> Timestamp {
        let from = TimeZone::UTC.to_datetime(start);
        let end = from.checked_add(self.to_span()).and_then(|end| {
            // Where the month has no such day the calendar takes its last one, which is not the whole time.
            let is_short = (self.years != 0 || self.months != 0) && self.days == 0 && self.weeks == 0;
            if is_short && end.day() < from.day() { end.checked_add(jiff::Span::new().days(1)) } else { Ok(end) }
        });
        end.and_then(|end| TimeZone::UTC.to_timestamp(end)).unwrap_or(Timestamp::MAX)
    }
}

impl Period {
    /// Its units that are not zero, largest first.
    pub(crate) fn parts(self) -> Vec<(i32, Unit)> {
        let all = [
            (self.years.into(), Unit::Year),
            (self.months, Unit::Month),
            (self.weeks, Unit::Week),
            (self.days, Unit::Day),
        ];
        all.into_iter().filter(|(count, _)| *count != 0).collect()
    }

    /// In words: `7 years`, `1 year and 6 months`.
    #[must_use]
    pub fn to_words(self) -> String {
        let part = |(count, unit): (i32, Unit)| format!("{count} {}", unit.word(count));
        let parts: Vec<String> = self.parts().into_iter().map(part).collect();
        match parts.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            Some((last, _)) => last.clone(),
            None => String::new(),
        }
    }
}

impl fmt::Display for Period {
    /// As ISO 8601: `P7Y`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_span().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::Period;

    #[test]
    fn it_is_over_when_all_of_it_has_passed() {
        for (start, period, end) in [
            ("2024-02-29T23:59:59Z", "P7Y", "2031-03-01T23:59:59Z"),
            ("2024-05-01T12:00:00Z", "P7Y", "2031-05-01T12:00:00Z"),
            ("2024-12-31T23:00:00Z", "P7Y", "2031-12-31T23:00:00Z"),
            ("2024-01-31T00:00:00Z", "P1M", "2024-03-01T00:00:00Z"),
            ("2024-01-31T00:00:00Z", "P30D", "2024-03-01T00:00:00Z"),
        ] {
            assert_eq!(Period::parse(period).unwrap().after(start.parse().unwrap()).to_string(), end);
        }
        let never = Period::parse("P9000Y").unwrap().after("2024-05-01T12:00:00Z".parse().unwrap());
        assert_eq!(never, jiff::Timestamp::MAX);
    }

    #[test]
    fn reads_calendar_units_only() {
        assert_eq!(Period::parse("P7Y").unwrap().to_string(), "P7Y");
        assert_eq!(Period::parse("P1Y6M").unwrap().to_string(), "P1Y6M");
        assert_eq!(Period::parse("P7Y").unwrap().to_words(), "7 years");
        assert_eq!(Period::parse("P1Y6M2D").unwrap().to_words(), "1 year, 6 months and 2 days");
        for wrong in ["7Y", "P", "seven years", "PT7H", "P1DT1H", "-P7Y", "P0Y", ""] {
            assert!(Period::parse(wrong).is_err(), "{wrong}");
        }
    }
}
