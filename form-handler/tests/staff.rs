//! The program `registrations` over sealed registrations, as staff run it: keys, reading, exports.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![expect(clippy::disallowed_methods, reason = "a test runs programs on files of its own")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use form_handler::{Delivery, Handler, LocalDefaults, Settings};
use serde_json::Value;
use statement::form::Notify;
use tempfile::TempDir;

mod sample;

use sample::{answer, body, contract, post};

const INDEX_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A folder of a site with keys, identities and a store.
struct Office {
    folder: TempDir,
}

/// What a program said and how it ended.
struct Said {
    code: i32,
    out: Vec<u8>,
    err: String,
}

impl Said {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }
}

impl Office {
    /// With these people's keys in the file, made by `registrations keys add`.
    fn new(people: &[&str]) -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(office.path("contract.json"), contract(Notify::Reference).to_json()).unwrap();
        for person in people {
            let key = office.employ(person);
            office.registrations(&["keys", "add", person, &key]).exit(0);
        }
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes an identity; its public key.
    fn employ(&self, person: &str) -> String {
        let made = self.run(Command::new("age-keygen").arg("-o").arg(self.path(person))).exit(0);
        made.err.trim().strip_prefix("Public key: ").unwrap().to_owned()
    }

    fn run(&self, command: &mut Command) -> Said {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `tests/run` installs it"));
        let err = String::from_utf8(output.stderr).unwrap();
        Said { code: output.status.code().unwrap(), out: output.stdout, err }
    }

    fn registrations(&self, arguments: &[&str]) -> Said {
        self.registrations_with(("CANDOR_INDEX_KEY", INDEX_KEY), arguments)
    }

    fn registrations_with(&self, (name, value): (&str, &str), arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_registrations"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("CANDOR_KEYS_FILE", self.path("keys.txt")).env(name, value);
        self.run(&mut command)
    }

    /// Has the function take a registration, with the keys there are in the file.
    async fn register(&self, fields: &str) -> String {
        let keys = std::fs::read_to_string(self.path("keys.txt")).unwrap();
        let variables = [("CANDOR_KEYS", keys.as_str()), ("CANDOR_INDEX_KEY", INDEX_KEY), ("CANDOR_MAIL", "none")];
        let lookup =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let local = LocalDefaults { folder: self.path(".candor") };
        let settings = Settings::from_environment(&lookup, Some(&local)).unwrap();
        let delivery = Arc::new(Delivery::open(&settings).await.unwrap());
        let handler = Handler::new(contract(Notify::Reference), delivery).unwrap();
        let (status, location, _) = answer(&handler, post(body(fields))).await;
        assert_eq!(status, 303);
        location.rsplit_once('=').unwrap().1.to_owned()
    }
}

impl Said {
    fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.err, String::from_utf8_lossy(&self.out));
        self
    }
}

#[tokio::test]
async fn people_come_and_go() {
    let office = Office::new(&["Ada", "Bob"]);
    let id = office.register("name=Grace&email=grace@example.org").await;
    let show = |person: &str| office.registrations(&["show", &id, "--identity", person]);
    for person in ["Ada", "Bob"] {
        assert!(show(person).exit(0).text().contains("name:\n  Grace"), "{person}");
    }
    let said = office.registrations(&["show", &id]).exit(2);
    assert_eq!(
        said.err,
        "error: it is sealed, and there is no identity to open it with\n  \
         = help: name the file of yours with `--identity FILE` or in CANDOR_IDENTITY\n"
    );

    let said = office.registrations(&["keys", "retire", "Bob"]).exit(0);
    assert_eq!(
        said.text(),
        "Bob may not read what is registered once the function has this file;\n\
         for what is in the store already: registrations keys reencrypt\n"
    );
    let listed = office.registrations(&["keys", "list"]).exit(0);
    assert!(listed.text().starts_with("Ada  age1"), "{}", listed.text());
    assert!(listed.text().ends_with(
        "\n0 registrations are sealed to these keys, 1 to others\nto seal all to these: registrations keys reencrypt\n"
    ));
    let plan = office.registrations(&["keys", "reencrypt"]).exit(0);
    let number = plan.text().trim().rsplit_once(' ').unwrap().1;
    assert_eq!(
        plan.text(),
        format!(
            "1 of 1 registrations would be sealed to other keys than now.\n\
             Then all can be read by: Ada; and by nobody else.\n\
             To do it: registrations keys reencrypt --plan {number}\n"
        )
    );
    assert!(show("Bob").exit(0).text().contains("Grace"), "a plan changes nothing");
    let reencrypt = |more: &[&str]| office.registrations(&[&["keys", "reencrypt"], more].concat());
    let refused = reencrypt(&["--plan", "0000000000000000", "--identity", "Ada"]).exit(2);
    assert_eq!(refused.err, "error: the keys are not those of the plan any more; look at the new plan first\n");
    let refused = reencrypt(&["--plan", number, "--identity", "Bob"]).exit(2);
    assert_eq!(
        refused.err,
        "error: your identity is none of the keys, so nobody could check what is done; add its public key\n"
    );
    let done = reencrypt(&["--plan", number, "--identity", "Ada"]).exit(0);
    assert_eq!(done.text(), "1 registrations are sealed to the keys there are now, 0 to others\n");
    assert!(show("Ada").exit(0).text().contains("Grace"));
    let said = show("Bob").exit(2);
    assert_eq!(
        said.err,
        "error: it is sealed to other keys than that of the identity\n  \
         = help: whoever can read it lets you in: `registrations keys add`, then `reencrypt`\n"
    );

    // By the index, without opening anything.
    let found = office.registrations(&["list", "--person", "GRACE@example.org", "--json"]).exit(0);
    let found: Value = serde_json::from_slice(&found.out).unwrap();
    assert_eq!((found.as_array().unwrap().len(), found[0]["reference"].as_str()), (1, Some(id.as_str())));
    let list = |more: &[&str]| office.registrations(&[&["list", "--person", "eve@example.org"], more].concat());
    let nobody = list(&[]).exit(0);
    assert_eq!(nobody.text(), "no registrations\n");
    assert_eq!(
        nobody.err,
        "warning: nobody is found, as with a CANDOR_INDEX_KEY that is not the function's; with `--identity` it is checked\n"
    );
    let nobody = list(&["--identity", "Ada"]).exit(0);
    assert_eq!((nobody.text(), nobody.err.as_str()), ("no registrations\n", ""));
    let wrong = office.registrations_with(
        ("CANDOR_INDEX_KEY", &"f".repeat(32)),
        &["list", "--person", "grace@example.org", "--identity", "Ada"],
    );
    assert_eq!(wrong.exit(2).err, "error: CANDOR_INDEX_KEY is not the function's, so nobody is found\n");
    let said = office.registrations(&["list", "--person", "Grace"]).exit(2);
    assert_eq!(said.err, "error: `Grace` is neither an e-mail address nor a telephone number\n");
}

#[tokio::test]
async fn one_key_is_too_few() {
    let office = Office::new(&["Ada"]);
    office.register("name=Grace").await;
    let said = office.registrations(&["doctor"]).exit(1);
    let words = "wrong  keys        sealed to 1 key\n       \
                 = help: whoever loses it loses all registrations; add another: `registrations keys add`\n";
    assert!(said.text().contains(words), "{}", said.text());
    let refused = office.registrations(&["keys", "retire", "Ada"]).exit(2);
    assert_eq!(refused.err, "error: it is the last key: nobody could read what is sealed; add another one first\n");
    let bob = office.employ("Bob");
    office.registrations(&["keys", "add", "Bob", &bob]).exit(0);
    let said = office.registrations(&["doctor"]).exit(0);
    assert!(said.text().contains("well   keys        sealed to 2 keys\n"), "{}", said.text());
}

#[tokio::test]
async fn an_export_has_what_the_statement_allows_and_age_opens_it() {
    let office = Office::new(&["Ada", "Bob"]);
    office.register("name=Grace&email=grace@example.org&phone=%2B44+808+157+0192").await;
    office.register("name=%3DSUM(A1)&other=a%0D%0Ab").await;
    let export = |more: &[&str]| office.registrations(&[&["export", "--identity", "Ada"], more].concat());

    let csv = export(&["--purpose", "support-services"]).exit(0);
    let lines: Vec<&str> = csv.text().split("\r\n").collect();
    assert_eq!(lines[0], "reference,received,form,statement,name,email,phone,other");
    // Both arrived in one moment, so either may be the first.
    for end in [",register,2018-09-26,Grace,grace@example.org,'+44 808 157 0192,", ",'=SUM(A1),,,\"a\nb\""] {
        assert!(lines[1..].iter().any(|line| line.ends_with(end)), "{lines:?}");
    }
    assert_eq!(csv.err, "2 registrations for support-services\n");

    let none = export(&["--purpose", "marketing", "--format", "json"]).exit(1);
    assert_eq!(none.text(), "[]\n");
    assert_eq!(
        none.err,
        "0 registrations for marketing\n\
         refused P104: marketing is not among the uses of statement 2018-09-26 (1 registrations)\n\
         refused P105: statement 2018-09-26 rules out marketing with email, phone (1 registrations)\n"
    );
    let said = export(&["--purpose", "support-services", "--recipient", "Ads Ltd"]).exit(1);
    assert!(
        said.err
            .contains("refused P140: Ads Ltd is not among the recipients of statement 2018-09-26 (2 registrations)")
    );
    let said = export(&["--purpose", "suport-services"]).exit(2);
    assert_eq!(said.err, "error: P106: `suport-services` is not a purpose; did you mean `support-services`?\n");
    let said = office.registrations(&["export", "--purpose", "administer"]).exit(1);
    assert!(said.err.contains("error: 2 registrations: it is sealed, and there is no identity"), "{}", said.err);

    let (file, for_support) = (office.path("export.json.age"), ["--purpose", "support-services"]);
    let bob = office.path("keys.txt");
    let to_file = |more: &[&str]| export(&[&for_support, more].concat());
    let encrypted = ["--format", "json", "--out", file.to_str().unwrap(), "--to", bob.to_str().unwrap()];
    assert_eq!(to_file(&encrypted).exit(0).text(), "");
    assert!(to_file(&encrypted).exit(2).err.contains("File exists"), "nothing is overwritten");
    let opened = office.run(Command::new("age").arg("-d").arg("-i").arg(office.path("Bob")).arg(&file)).exit(0);
    let opened: Value = serde_json::from_slice(&opened.out).unwrap();
    let names: Vec<&Value> = opened.as_array().unwrap().iter().map(|row| &row["answers"][0]["value"]).collect();
    assert!(names.contains(&&"Grace".into()) && names.contains(&&"=SUM(A1)".into()), "{names:?}");
    assert_eq!(mode(&file), 0o600);

    let workbook = office.path("export.xlsx");
    to_file(&["--format", "xlsx", "--out", workbook.to_str().unwrap()]).exit(0);
    let cells = office.run(Command::new("python3").arg("-c").arg(CELLS).arg(&workbook)).exit(0);
    let cells: Value = serde_json::from_slice(&cells.out).unwrap();
    assert_eq!(cells[0][4], "name");
    let rows: Vec<Vec<&str>> = cells
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (4..8).filter_map(|column| row[column].as_str()).collect())
        .collect();
    assert!(rows.contains(&vec!["Grace", "grace@example.org", "+44 808 157 0192", ""]), "{rows:?}");
    assert!(rows.contains(&vec!["=SUM(A1)", "", "", "a\nb"]), "it is text there, and no formula: {rows:?}");
    let said = to_file(&["--format", "xlsx"]).exit(2);
    assert_eq!(said.err, "error: a workbook or an encrypted file is no text; name a file with `--out FILE`\n");
}

/// Prints the texts of a workbook's sheet by row, read as Office Open XML says; fails where there is a formula.
const CELLS: &str = r#"
import json, sys, zipfile
from xml.etree import ElementTree
main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
book = zipfile.ZipFile(sys.argv[1])
shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml")).findall(main + "si")
texts = ["".join(item.itertext()) for item in shared]
sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
assert not list(sheet.iter(main + "f"))
rows = [[texts[int(cell.find(main + "v").text)] if cell.get("t") == "s" else "" for cell in row] for row in sheet.iter(main + "row")]
print(json.dumps(rows))
"#;

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_store_is_copied_as_often_as_one_likes_and_read_as_before() {
    let office = Office::new(&["ada"]);
    let id = office.register("name=Ada&email=ada@example.org").await;
    let copy =
        || office.registrations(&["copy", "--from", "sqlite:.candor/registrations.sqlite", "--to", "./new.sqlite"]);
    assert_eq!(copy().exit(0).text(), "1 copied, 0 there already, 0 different\n");
    assert_eq!(copy().exit(0).text(), "0 copied, 1 there already, 0 different\n");

    rusqlite::Connection::open(office.path("new.sqlite"))
        .unwrap()
        .execute_batch("update registration set held = 'x', revision = 2")
        .unwrap();
    let text = format!("0 copied, 0 there already, 1 different\n{id} is not the same in both\n");
    assert_eq!(copy().exit(1).text(), text);
    let back = office.registrations(&["copy", "--from", "./new.sqlite", "--to", "./third.sqlite"]);
    assert_eq!(back.exit(0).text(), "1 copied, 0 there already, 0 different\n");
    // What came another way is not the statement's.
    rusqlite::Connection::open(office.path("third.sqlite"))
        .unwrap()
        .execute_batch("update registration set receipt = replace(receipt, '\"web\"', '\"phone\"')")
        .unwrap();
    let called = office.registrations(&["copy", "--from", "./third.sqlite", "--to", "./fourth.sqlite"]);
    let refusal = format!(
        "P301: {id} came by phone, which is outside statement 2018-09-26: file it under another document or none"
    );
    assert_eq!(called.exit(1).text(), format!("0 copied, 0 there already, 0 different\n{refusal}\n"));
    let missing = office.registrations(&["copy", "--from", "./missing.sqlite", "--to", "./new.sqlite"]);
    assert_eq!(missing.exit(2).err, "error: cannot read `./missing.sqlite`: there is no store yet\n");
}
