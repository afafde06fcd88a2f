//! The type of everything a visitor has typed, so that none of it ends in a log by accident.

use std::fmt;

/// A value that prints as `[private]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Takes a value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The one way out. Each use is deliberate: it stores, mails or shows the value to its author or to staff.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[private]")
    }
}

impl<T> fmt::Display for Private<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[private]")
    }
}

#[cfg(test)]
mod tests {
    use super::Private;

    #[test]
    fn prints_nothing_of_the_value() {
        let value = Private::new("ada@example.org");
        assert_eq!(format!("{value} {value:?} {:?}", Some(&value)), "[private] [private] Some([private])");
        assert_eq!(*value.expose(), "ada@example.org");
    }
}
