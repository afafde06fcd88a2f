//! Registrations as files for other programs: CSV, JSON and a workbook.
//!
//! It knows neither stores nor purposes: what may be exported has been decided before.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::registration::Registration;

/// What stands before the answers in a table.
const ENVELOPE: [&str; 4] = ["reference", "received", "form", "statement"];

/// So that programs on Windows take a file for UTF-8 (Unicode Standard, section 23.8).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What spreadsheets take for the beginning of a formula (OWASP, “CSV Injection”), also in the width of East Asian letters.
const FORMULA_BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Registrations, with the fields that any of them has, in the order in which they came up.
#[derive(Debug, Default)]
pub struct Table {
    fields: Vec<String>,
    rows: Vec<Registration>,
}

impl Table {
    /// Adds a registration.
    pub fn add(&mut self, registration: Registration) {
        for (name, _) in &registration.fields {
            if !self.fields.contains(name) {
                self.fields.push(name.clone());
            }
        }
        self.rows.push(registration);
    }

    /// The registrations that are in it, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = Uuid> {
        self.rows.iter().map(|row| row.id)
    }

    /// CSV (RFC 4180), UTF-8. What a spreadsheet would take for a formula has an apostrophe before it.
    #[must_use]
    pub fn to_csv(&self, has_byte_order_mark: bool) -> Vec<u8> {
        let begun = if has_byte_order_mark { BYTE_ORDER_MARK.to_vec() } else { Vec::new() };
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(begun);
        let written = self
            .lines()
            .try_for_each(|line| writer.write_record(line.iter().map(|cell| without_formula(cell))))
            .and_then(|()| writer.flush().map_err(csv::Error::from));
        written.expect("invariant: memory takes what is written, and every line has as many cells");
        writer.into_inner().expect("invariant: it has been flushed")
    }

    /// JSON: a list of objects, like those of `registrations show --json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let rows = self.rows.iter().map(|row| {
            // What is exported is what was typed.
            let answers = row.fields.iter().map(|(name, value)| json!({"field": name, "value": value.expose()}));
            json!({
                "reference": row.id,
                "received": row.received,
                "form": row.form,
                "form_sha256": row.form_sha256,
                "statement_version": row.statement_version,
                "statement_digest": row.statement_digest,
                "answers": answers.collect::<Value>(),
            })
        });
        format!("{:#}\n", rows.collect::<Value>()).into_bytes()
    }

    /// A workbook of Office Open XML (ISO/IEC 29500) with one sheet, in which every cell is text.
    ///
    /// # Errors
    /// When it is more than a sheet can hold.
    #[cfg(feature = "xlsx")]
    pub fn to_xlsx(&self) -> Result<Vec<u8>, String> {
        use rust_xlsxwriter::{Format, Workbook};

        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        let (heading, text) = (Format::new().set_bold(), Format::new().set_num_format("@"));
        for (row, line) in (0..).zip(self.lines()) {
            let format = if row == 0 { &heading } else { &text };
            for (column, cell) in (0..).zip(line) {
                sheet.write_string_with_format(row, column, cell, format).map_err(|error| error.to_string())?;
            }
        }
        sheet.set_freeze_panes(1, 0).map_err(|error| error.to_string())?;
        workbook.save_to_buffer().map_err(|error| error.to_string())
    }

    /// The heading, and a line for each registration; a field that it has not is empty.
    fn lines(&self) -> impl Iterator<Item = Vec<String>> {
        let heading = ENVELOPE.iter().map(|name| (*name).to_owned()).chain(self.fields.iter().cloned()).collect();
        let rows = self.rows.iter().map(|row| {
            let mut line =
                vec![row.id.to_string(), row.received.to_string(), row.form.clone(), row.statement_version.clone()];
            line.extend(self.fields.iter().map(|field| {
                let answer = row.fields.iter().find(|(name, _)| name == field);
                answer.map(|(_, value)| value.expose().clone()).unwrap_or_default()
            }));
            line
        });
        std::iter::once(heading).chain(rows)
    }
}

fn without_formula(cell: &str) -> String {
    if cell.starts_with(FORMULA_BEGINNINGS) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Private;

    fn table() -> Table {
        let registration = |number: u128, fields: &[(&str, &str)]| Registration {
            id: Uuid::from_u128(number),
            received: "2024-05-01T12:00:00.5Z".parse().unwrap(),
            form: "register".into(),
            form_sha256: "f".into(),
            statement_version: "2018-09-26".into(),
            statement_digest: "d".into(),
            held: None,
            address: None,
            fields: fields.iter().map(|(name, value)| ((*name).into(), Private::new((*value).into()))).collect(),
        };
        let mut table = Table::default();
        table.add(registration(1, &[("name", "Ada, Countess"), ("phone", "+44 808 157 0192")]));
        table.add(registration(2, &[("name", "=1+1"), ("other", "a\n\"b\"")]));
        table
    }

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        let csv = String::from_utf8(table().to_csv(false)).unwrap();
        assert_eq!(
            csv,
            "reference,received,form,statement,name,phone,other\r\n\
             00000000-0000-0000-0000-000000000001,2024-05-01T12:00:00.5Z,register,2018-09-26,\"Ada, Countess\",'+44 808 157 0192,\r\n\
             00000000-0000-0000-0000-000000000002,2024-05-01T12:00:00.5Z,register,2018-09-26,'=1+1,,\"a\n\"\"b\"\"\"\r\n"
        );
        assert!(table().to_csv(true).starts_with(b"\xef\xbb\xbfreference,"));
        for typed in ["@SUM(A1)", "-1", "\t=1", "\r=1", "＝1"] {
            assert_eq!(without_formula(typed), format!("'{typed}"));
        }
        assert_eq!(without_formula("a=1"), "a=1");
    }

    #[test]
    fn json_has_what_was_typed() {
        let json: Value = serde_json::from_slice(&table().to_json()).unwrap();
        assert_eq!(json[1]["answers"][0], json!({"field": "name", "value": "=1+1"}));
        assert_eq!(json[0]["statement_version"], "2018-09-26");
        assert_eq!(Table::default().to_json(), b"[]\n");
    }
}
