//! Countries by their two letters (ISO 3166-1 alpha-2).
//!
//! It knows no names and no borders: a statement names countries, and a host names its own.

use std::fmt;

use serde::Serialize;

/// A country's code, `US`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Country(&'static str);

/// The 249 codes officially assigned, in order.
const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY \
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR \
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK \
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM \
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF \
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

impl Country {
    /// Reads `US`.
    ///
    /// # Errors
    /// Says what is wrong, for the author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let code = |wanted: &str| CODES.split_ascii_whitespace().find(|code| *code == wanted);
        if let Some(known) = code(text) {
            return Ok(Self(known));
        }
        let meant = match text.to_uppercase().as_str() {
            "UK" => Some("GB"),
            "USA" | "U.S." => Some("US"),
            upper => code(upper),
        };
        let hint = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        Err(format!("`{text}` is not a country: write two letters of ISO 3166-1, like `US`{hint}"))
    }

    /// The two letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{CODES, Country};

    #[test]
    fn norway_is_a_country_and_the_uk_has_another_code() {
        assert_eq!(CODES.split_ascii_whitespace().count(), 249);
        assert_eq!(Country::parse("NO").map(Country::code), Ok("NO"));
        assert!(Country::parse("UK").is_err_and(|fact| fact.contains("`GB`")));
        assert!(Country::parse("us").is_err_and(|fact| fact.contains("`US`")));
        for wrong in ["", "N", "NO AF", "XX", "no "] {
            assert!(Country::parse(wrong).is_err(), "{wrong}");
        }
    }
}
