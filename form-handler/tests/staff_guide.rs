//! The staff guide, followed command by command with the real program, as its page says.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![expect(clippy::disallowed_methods, reason = "a test runs programs on files of its own")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use form_handler::{Delivery, Handler, LocalDefaults, Settings};
use jiff::Timestamp;
use statement::contract::Contract;
use statement::digest::sha256_hex;
use statement::form::Notify;

mod sample;
use sample::{body, contract, post};

const STATEMENT: &str = "We keep it.\n";

/// A site's folder with staff.
struct Site {
    folder: tempfile::TempDir,
    contract: Contract,
    login: String,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn well(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }
}

impl Site {
    fn new() -> Self {
        let mut contract = contract(Notify::Reference);
        let digest = sha256_hex(STATEMENT.as_bytes());
        contract.statement.as_mut().unwrap().text_sha256.clone_from(&digest);
        contract.versions[0].text_sha256 = digest;
        let login = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let site = Self { folder: tempfile::tempdir().unwrap(), contract, login: login.trim().to_owned() };
        std::fs::write(site.path("contract.json"), site.contract.to_json()).unwrap();
        std::fs::create_dir_all(site.path("public/privacy/2018-09-26")).unwrap();
        std::fs::write(site.path("public/privacy/2018-09-26/statement.md"), STATEMENT).unwrap();
        site.employ("employee", "reader, records, legal");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whoever runs the test is Ada, with these roles.
    fn employ(&self, access: &str, roles: &str) {
        let people = format!(
            "people:\n  ada: {{login: {}, access: {access}, roles: [{roles}]}}\n  lea: {{login: nobody-7, access: \
             employee, roles: [legal]}}\n",
            self.login
        );
        std::fs::write(self.path("people.yaml"), people).unwrap();
    }

    async fn register(&self, fields: &str, now: Timestamp) -> String {
        let local = LocalDefaults { folder: self.path(".candor") };
        let settings = Settings::from_environment(&|_| None, Some(&local)).unwrap();
        let delivery = Delivery::open(&settings).await.unwrap();
        let handler = Handler::new(self.contract.clone(), Arc::new(delivery)).unwrap();
        let response = handler.handle(post(body(fields)), now).await;
        let location = response.headers()["location"].to_str().unwrap();
        location.split_once("reference=").unwrap().1.to_owned()
    }

    fn run(&self, command: &str) -> Said {
        let program = Path::new(env!("CARGO_BIN_EXE_registrations")).parent().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.folder.path()).env_clear();
        shell
            .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
            .env("CANDOR_PEOPLE", self.path("people.yaml"));
        let output = shell.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The commands of the page, in order.
fn guide() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/content/running/staff.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).filter(|line| line.starts_with("registrations ")).map(str::to_owned).collect()
}

/// What follows `before` in a text, up to a space or the line's end.
fn word_after(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split([' ', '\n', ';']).next().map(str::to_owned)
}

#[tokio::test]
async fn every_command_of_the_guide_does_what_the_guide_says() {
    let site = Site::new();
    let now = Timestamp::now();
    let years = |count: i64| now - jiff::SignedDuration::from_hours(24 * 365 * count);
    for name in ["Old", "Older"] {
        site.register(&format!("name={name}"), years(8)).await;
    }
    let reference = site.register("name=Ada+Byron&email=ada@example.org", years(1)).await;
    std::fs::write(site.path("new-name.txt"), "Ada Lovelace\n").unwrap();
    let mut words = BTreeMap::from([("REFERENCE", reference.clone())]);
    let late = (now + jiff::SignedDuration::from_hours(24 * 365 * 7)).strftime("%Y-%m-%d").to_string();
    words.insert("DAY", late);
    let commands = guide();
    assert!(commands.len() > 18, "{commands:?}");
    for command in &commands {
        if command.contains("receipt verify") {
            let shown = site.run(&format!("registrations show {} --purpose administer --json", words["SHOWN"])).well();
            let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
            std::fs::write(site.path("receipt.json"), shown["receipt"].to_string()).unwrap();
        }
        let command = words.iter().fold(command.clone(), |command, (word, value)| command.replace(word, value));
        let said = site.run(&command);
        assert_eq!(said.code, 0, "{command}\n{}{}", said.out, said.err);
        for (word, before) in [("PLAN", "--plan "), ("REQUEST", "request "), ("HOLD", "hold ")] {
            if let Some(found) = word_after(&said.out, before).filter(|found| found.contains('-')) {
                words.insert(word, found);
            }
        }
        match command.split(' ').skip(1).take(2).collect::<Vec<_>>()[..] {
            ["retention", "plan"] => assert!(said.out.contains("        2  due\n"), "{}", said.out),
            ["retention", "apply"] => assert_eq!(said.out, "2 erased, 0 restricted, 0 kept\n"),
            ["hold", "place"] => assert!(said.out.ends_with("; it covers 1 registrations now\n"), "{}", said.out),
            ["access", "export"] => {
                let file = std::fs::read(site.path("answer.zip")).unwrap();
                let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(holds("Ada Byron") && holds(STATEMENT) && holds(&format!("receipts/{reference}.json")));
            }
            ["access", "correct"] => {
                let shown = site.run(&format!("registrations show {reference} --purpose administer")).well();
                assert!(shown.contains("name:\n  Ada Lovelace\n") && shown.contains(":\n  Ada Byron\n"), "{shown}");
            }
            ["erase", "apply"] => assert!(said.out.starts_with("0 erased, 1 restricted, 1 kept\n"), "{}", said.out),
            ["erase", "replay"] => {
                assert_eq!(
                    said.out,
                    "0 erased again, 0 holds and 0 requests put back, 0 restricted, extended or released again\n"
                );
                words.insert("SHOWN", reference.clone());
            }
            _ => {}
        }
    }
    assert!(site.path("report.html").exists() && site.path("ledger-anchor.json").exists());
    let ledger = std::fs::read_to_string(site.path(".candor/ledger.jsonl")).unwrap();
    assert!(!ledger.contains("Byron") && !ledger.contains("Lovelace") && !ledger.contains("ada@"), "{ledger}");
    let report = std::fs::read_to_string(site.path("report.html")).unwrap();
    assert!(!report.contains("Byron") && report.contains("<svg"), "{report}");
}

#[tokio::test]
async fn a_person_is_found_by_address_and_hidden_once_they_are_to_be_erased() {
    let site = Site::new();
    let now = Timestamp::now();
    let mine = site.register("name=Ada&email=ada@example.org", now).await;
    let other = site.register("name=Eve&email=eve@example.org", now).await;
    let request =
        "registrations erase request --person ADA@example.org --verified-by 'a mail to the address on record'";
    let said = site.run(request).well();
    assert!(said.contains("it is about 1 registrations"), "{said}");
    let request = word_after(&said, "request ").unwrap();
    let plan = site.run(&format!("registrations erase plan --request {request}")).well();
    assert!(plan.contains(&format!("{mine}  restricted        P511: {mine} may not be deleted before ")), "{plan}");
    let plan = word_after(&plan, "--plan ").unwrap();
    let _ = site.run(&format!("registrations erase apply --request {request} --plan {plan}")).well();

    site.employ("employee", "reader, records");
    let list = site.run("registrations list").well();
    assert!(list.contains(&other) && !list.contains(&mine), "{list}");
    let hidden = site.run(&format!("registrations show {mine} --purpose administer"));
    assert_eq!(
        (hidden.code, hidden.err.as_str()),
        (1, &*format!("error: P531: {mine} is to be erased as soon as it may be, and until then only legal sees it\n"))
    );
    let export = site.run("registrations export --purpose administer --format json").well();
    assert!(export.contains("Eve") && !export.contains("Ada"), "{export}");
    let stats = site.run("registrations stats").well();
    assert!(stats.ends_with("Beside these, 0 held as suspected spam and 1 that only legal sees\n"), "{stats}");
    // Even a later registration of hers is no part of the request.
    let later = site.register("name=Ada+again&email=ada@example.org", Timestamp::now()).await;
    assert!(site.run("registrations list").well().contains(&later));
}

#[tokio::test]
async fn who_may_not_is_told_why_and_it_is_written_down() {
    let site = Site::new();
    let id = site.register("name=Ada&email=ada@example.org", Timestamp::now()).await;
    let refused = |command: &str| {
        let said = site.run(command);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
        said.err
    };
    assert_eq!(
        refused(&format!("registrations show {id}")),
        "error: P104: say what it is for, with `--purpose`: statement 2018-09-26 has `support-services`, `administer`\n"
    );
    assert_eq!(
        refused(&format!("registrations show {id} --purpose marketing")),
        "error: P105: statement 2018-09-26 rules out marketing with email\n"
    );
    assert_eq!(
        refused("registrations list --as lea"),
        format!("error: P503: `lea` has another login than `{0}`, which is that of `ada`\n", site.login)
    );
    site.employ("volunteer", "reader");
    assert_eq!(refused("registrations list"), "error: P501: role `volunteer` has no access under 2018-09-26\n");
    site.employ("employee", "records");
    assert_eq!(
        refused("registrations list"),
        "error: P502: `ada` has not the role `reader`, which it takes to list registrations\n"
    );
    let ledger = std::fs::read_to_string(site.path(".candor/ledger.jsonl")).unwrap();
    assert_eq!(ledger.matches("\"outcome\":\"refused\"").count(), 4, "{ledger}");

    std::fs::write(site.path("people.yaml"), "people:\n  ada: {login: nobody-7, access: employee, roles: []}\n")
        .unwrap();
    let stranger = format!("error: P503: nobody among the staff has the login `{}`\n", site.login);
    assert_eq!(refused("registrations list"), stranger);
    let elsewhere = site.run("CANDOR_PEOPLE= CANDOR_STORE=.candor/registrations.sqlite registrations list");
    assert_eq!(elsewhere.code, 2);
}

#[tokio::test]
async fn a_receipt_and_a_ledger_that_were_altered_are_told() {
    let site = Site::new();
    let id = site.register("name=Ada", Timestamp::now()).await;
    let shown = site.run(&format!("registrations show {id} --purpose administer --json")).well();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let receipt = shown["receipt"].to_string();
    let verify = |receipt: &str| {
        std::fs::write(site.path("receipt.json"), receipt).unwrap();
        site.run("registrations receipt verify receipt.json")
    };
    assert_eq!(
        verify(&receipt).well(),
        format!(
            "the receipt is whole; registration {id} was collected under statement 2018-09-26\n\
             https://example.org/privacy/2018-09-26/\n"
        )
    );
    let altered = verify(&receipt.replace("support-services", "marketing"));
    assert_eq!(altered.err, "error: the receipt was altered: its digest is not that of what it says\n");
    assert_eq!(verify("{}").err, "error: it is not a receipt of a registration\n");

    let _ = site.run("registrations audit anchor").well();
    assert_eq!(
        site.run("registrations audit verify").well(),
        "the ledger is whole: 1 lines, and the anchor is in it\n"
    );
    let ledger = site.path(".candor/ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, "").unwrap();
    let cut = site.run("registrations audit verify");
    assert_eq!(
        (cut.code, cut.err.as_str()),
        (1, "error: P542: the ledger ends at line 0, and line 1 was seen: its end was cut off\n")
    );
    std::fs::write(&ledger, text.replace("administer", "administrate")).unwrap();
    let altered = site.run("registrations audit verify");
    assert_eq!(
        (altered.code, altered.err.as_str()),
        (1, "error: P540: the ledger was altered: line 1 is not the one that was seen\n")
    );
}

#[tokio::test]
async fn no_deed_goes_round_the_desk() {
    let site = Site::new();
    let id = site.register("name=Spam&web_address=x", Timestamp::now()).await;
    let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let deeds = [
        (format!("registrations release {id}"), "take a registration out of suspected spam"),
        ("registrations redeliver".to_owned(), "send mail again"),
        (
            "registrations copy --from .candor/registrations.sqlite --to ./new.sqlite".to_owned(),
            "copy registrations into another store",
        ),
        (format!("registrations keys add Eve {key} --keys keys.txt"), "change who may read registrations"),
        ("registrations keys retire Eve --keys keys.txt".to_owned(), "change who may read registrations"),
    ];
    site.employ("employee", "reader");
    for (command, what) in &deeds {
        let said = site.run(command);
        assert_eq!(
            (said.code, said.err),
            (1, format!("error: P502: `ada` has not the role `records`, which it takes to {what}\n")),
            "{command}"
        );
    }
    assert!(!site.path("keys.txt").exists() && !site.path("new.sqlite").exists());
    site.employ("employee", "records");
    for (command, _) in &deeds[..4] {
        let _ = site.run(command).well();
    }
    let retired = site.run(&deeds[4].0);
    assert_eq!(retired.err, "error: it is the last key: nobody could read what is sealed; add another one first\n");
    let ledger = std::fs::read_to_string(site.path(".candor/ledger.jsonl")).unwrap();
    for action in ["release", "redeliver", "copy", "keys add", "keys retire"] {
        let found = |outcome: &str| {
            ledger
                .lines()
                .filter(|line| line.contains(&format!("\"action\":\"{action}\"")))
                .any(|line| line.contains(&format!("\"outcome\":\"{outcome}\"")))
        };
        assert!(found("refused") && found("done"), "{action}\n{ledger}");
    }
}

#[tokio::test]
async fn readers_are_not_locked_out_by_what_was_cut_short() {
    let site = Site::new();
    let id = site.register("name=Ada", Timestamp::now()).await;
    let _ =
        site.run(&format!("registrations hold place --ground litigation-hold --record {id} --note 'case 7'")).well();
    // The program was killed between the line before and the deed.
    let ledger = site.path(".candor/ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    rusqlite::Connection::open(site.path(".candor/registrations.sqlite"))
        .unwrap()
        .execute("delete from matter", [])
        .unwrap();
    site.employ("employee", "reader");
    assert!(site.run("registrations list").well().contains(&id));
    site.employ("employee", "reader, records");
    let holds = site.run("registrations hold list").well();
    assert!(holds.contains("litigation-hold") && holds.contains("active"), "{holds}");
    assert_eq!(site.run("registrations audit verify").code, 0);
}

#[tokio::test]
async fn a_hold_on_a_person_that_stands_takes_a_secret() {
    let site = Site::new();
    site.register("name=Ada&email=ada@example.org", Timestamp::now()).await;
    let place = "registrations hold place --ground litigation-hold --person ada@example.org --note 'case 7'";
    let refused = site.run(&format!("{place} --standing"));
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (
            1,
            "error: P525: a standing hold on people keeps hashes of their addresses in the ledger for ever, which takes \
             CANDOR_INDEX_KEY: without it, anybody could try addresses out\n"
        )
    );
    let placed = site.run(place).well();
    assert!(placed.ends_with("; it covers 1 registrations now\n"), "{placed}");
    let secret = "CANDOR_INDEX_KEY=0123456789abcdef0123456789abcdef";
    let placed = site.run(&format!("{secret} {place} --standing")).well();
    assert!(placed.ends_with("; it covers 0 registrations now\n"), "of another key it knows nobody: {placed}");
}
