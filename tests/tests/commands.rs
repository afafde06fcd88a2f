//! The commands beside `build`, `check` and `serve`: starting a site and pages, and what is told to programs.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use statement::contract::{STATEMENT_DIGEST_FIELD, STATEMENT_VERSION_FIELD};
use tests::http::{self, FORM};
use tests::program::{Finished, program, repository, run};
use tests::server::{Server, hidden_input};
use tests::site::{Site, files};

fn candor(arguments: &[&str]) -> Command {
    let mut command = program("candor");
    command.args(arguments);
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// A new site in a folder that goes away by itself.
fn started() -> Site {
    let site = Site::empty();
    let _ = run(&mut candor(&["init", text(site.root()), "--timezone", "Europe/Paris", "--title", "Bread: & more"]))
        .success();
    site
}

fn lines_of_json(finished: &Finished) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    finished.stdout.lines().map(line).collect()
}

#[test]
fn a_new_site_builds_serves_and_takes_a_message() {
    let site = Site::empty();
    let said = run(&mut candor(&["init", text(&site.path("new")), "--title", "Bread: & more"])).success();
    assert!(
        said.stdout.contains("candor serve --root") && said.stdout.contains("candor build --root"),
        "{}",
        said.stdout
    );
    let root = site.path("new");
    let built = run(&mut candor(&["build", "--root", text(&root)])).success();
    assert_eq!(built.stdout, format!("2 warnings; 10 pages in {}\n", root.join("public").display()));
    let built = built.says(&["a placeholder of the new site is still here", "content/site.yaml", "content/privacy/"]);
    assert!(!built.stderr.contains("error"), "{}", built.stderr);
    let home = fs::read_to_string(root.join("public/index.html")).expect("the first page is there");
    assert!(home.contains("Bread: &amp; more"), "{home}");

    let mut serve = candor(&["serve", "--port", "0", "--root", text(&root)]);
    let server = Server::start(&mut serve, site.root());
    let page = server.get("/contact/").expect(200).body;
    let hidden = [STATEMENT_VERSION_FIELD, STATEMENT_DIGEST_FIELD].map(|name| (name, hidden_input(&page, name)));
    let mut fields = vec![("name", "Ada"), ("email", "ada@example.com"), ("message", "Hello")];
    fields.extend(hidden.iter().map(|(name, value)| (*name, value.as_str())));
    let body = http::form(&fields);
    let endpoint = format!("{}/api/contact", server.url);
    let answer = http::request("POST", &endpoint, &[("content-type", FORM)], body.as_bytes());
    let reference = answer.reference();
    let list = run(program("registrations").args(["list", "--json", "--root"]).arg(&root)).success().stdout;
    assert!(list.contains(&reference), "{reference} is not in {list}");
}

#[test]
fn the_theme_of_a_new_site_is_that_of_the_repository() {
    let site = started();
    assert_eq!(files(&site.path("themes/optimal")), files(&repository().join("themes/optimal")));
    assert_eq!(files(&site.path("content/privacy")).len(), 1);
    assert!(site.read(".gitignore").contains("/public"));
}

#[test]
fn a_site_is_only_started_in_an_empty_folder() {
    let site = Site::empty();
    site.write(".git/HEAD", "ref: refs/heads/main\n");
    let _ = run(&mut candor(&["init", text(site.root())])).success();
    let before = files(site.root());
    let again = run(&mut candor(&["init", text(site.root())])).exit(2);
    let _ = again.says(&["is not empty", "is in it", "help: name a folder that is empty or does not exist"]);
    assert_eq!(files(site.root()), before);
    let _ = run(&mut candor(&["init", "nowhere", "--timezone", "Europe/Pari"]))
        .exit(2)
        .says(&["`Europe/Pari` is not a time zone"]);
}

#[test]
fn a_page_is_started_in_its_section_and_never_over_another() {
    let site = started();
    let new = |arguments: &[&str]| run(candor(&["new", "--root", text(site.root())]).args(arguments));
    let _ =
        new(&["guides/choosing.md"]).exit(2).says(&["there is no section `guides`", "`candor new guides/_index.md`"]);
    let said = new(&["guides/_index.md"]).success();
    assert_eq!(said.stdout, format!("{}\n", site.path("content/guides/_index.md").display()));
    let _ = new(&["guides/choosing-bread.md", "--draft"]).success();
    let page = site.read("content/guides/choosing-bread.md");
    let date = page
        .strip_prefix("---\ntitle: Choosing bread\ndate: ")
        .and_then(|rest| rest.strip_suffix("\ndraft: true\n---\n\n"));
    assert!(date.is_some_and(|date| date.len() == 10 && date.starts_with("20")), "{page}");
    let _ = new(&["guides/choosing-bread.md"]).exit(2).says(&["`content/guides/choosing-bread.md` exists"]);
    assert_eq!(site.read("content/guides/choosing-bread.md"), page);
    let _ = new(&["plain.md", "--title", "What: \"this\"?"]).success();
    assert!(site.read("content/plain.md").contains("title: \"What: \\\"this\\\"?\"\n"));
    for path in ["../outside.md", "/outside.md", "guides/../../outside.md"] {
        let _ = new(&[path]).exit(2).says(&["is not a path under `content/`"]);
    }
    let _ = site.candor("check", &["--drafts"]).success();
    site.write("content/site.yaml", "title: [\n");
    let _ = new(&["other.md"]).exit(1).says(&["content/site.yaml", "no page was made"]);
}

#[test]
fn json_says_what_the_drawing_says() {
    let site = started();
    site.write("content/wrong.md", "---\ntitel: x\n---\n\nÀ voir [là](abuot.md).\n");
    let checked = run(&mut candor(&["check", "--json", "--root", text(site.root())])).exit(1);
    let lines = lines_of_json(&checked);
    let found: Vec<&Value> =
        lines.iter().filter(|line| line["type"] == "diagnostic" && line["severity"] == "error").collect();
    assert_eq!(found[0]["message"], "front matter has no `title`", "{found:#?}");
    assert_eq!(found[1]["message"], "front matter has no key `titel`");
    assert_eq!(
        [&found[1]["path"], &found[1]["line"], &found[1]["column"], &found[1]["end"], &found[1]["help"]],
        [
            &json!("content/wrong.md"),
            &json!(2),
            &json!(1),
            &json!({"line": 2, "column": 6}),
            &json!(["did you mean `title`?"])
        ]
    );
    let summary = lines.last().expect("there is a summary");
    assert_eq!(*summary, json!({"type": "summary", "errors": 2, "warnings": 0, "published": false, "pages": null}));
    let _ = checked.says(&["content/wrong.md:2:1"]);

    fs::remove_file(site.path("content/wrong.md")).expect("a file can be removed");
    let built = run(&mut candor(&["build", "--json", "--root", text(site.root())])).success();
    let lines = lines_of_json(&built);
    assert_eq!(
        lines.last(),
        Some(&json!({"type": "summary", "errors": 0, "warnings": 2, "published": true, "pages": 10}))
    );

    let failed = run(&mut candor(&["build", "--json", "--root", "/nowhere/at/all"])).exit(2);
    assert_eq!(lines_of_json(&failed)[0]["type"], "failure");
}

#[test]
fn annotations_are_for_the_host_that_shows_them() {
    let site = started();
    site.write("content/wrong.md", "---\ntitle: x\n---\n\n[there](abuot.md)\n");
    let check = || {
        let mut check = program("candor");
        check.args(["check", "--root", "."]).current_dir(site.root());
        check
    };
    let on_host = run(check().env("GITHUB_ACTIONS", "true")).exit(1);
    let annotation = "::error file=content/wrong.md,line=5,endLine=5,col=9,endColumn=16::link target does not exist: \
                      no page at this path%0Ahelp: did you mean `about.md`?\n";
    let _ = on_host.says(&[annotation, "--> content/wrong.md:5:9"]);
    let elsewhere = run(check().env_remove("GITHUB_ACTIONS")).exit(1);
    assert!(!elsewhere.stderr.contains("::error"), "{}", elsewhere.stderr);
}

#[test]
fn what_is_big_and_slow_is_told() {
    let site = started();
    let table = run(&mut candor(&["stats", "--root", text(site.root())])).success().stdout;
    for words in [
        "pages",
        "words",
        "largest output files",
        "/assets/site.",
        "largest source pages",
        "content/about.md",
        "compile theme",
        "together",
    ] {
        assert!(table.contains(words), "`{words}` is not in:\n{table}");
    }
    let stats = &lines_of_json(&run(&mut candor(&["stats", "--json", "--root", text(site.root())])).success())[0];
    assert_eq!(stats["pages"], 10);
    let _ = site.candor("build", &[]).success();
    let published: usize = site.published().values().map(Vec::len).sum();
    let counted: u64 =
        stats["output"].as_array().expect("a list").iter().filter_map(|kind| kind["bytes"].as_u64()).sum();
    assert_eq!(counted, published as u64);
    let stages: Vec<&str> =
        stats["stages"].as_array().expect("a list").iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(stages, ["read", "assemble", "compile theme", "render and write", "check", "publish"]);
    assert!(!site.path(".candor").exists());
    site.write("content/wrong.md", "x");
    let _ = run(&mut candor(&["stats", "--root", text(site.root())])).exit(1).says(&["there is nothing to count"]);
}

#[test]
fn shells_and_man_know_every_command() {
    let commands = ["build", "serve", "check", "init", "new", "stats", "import", "completions", "man"];
    let manual = run(&mut candor(&["man"])).success().stdout;
    assert!(manual.contains(".TH candor 1"), "{manual}");
    for command in commands {
        assert!(manual.contains(&format!(".SH \"{}\"", command.to_uppercase())), "`{command}` is not in the manual");
        let help = run(&mut candor(&[command, "--help"])).success().stdout;
        assert!(help.contains("Usage: candor"), "{help}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&mut candor(&["completions", shell])).success().stdout;
        for command in commands {
            assert!(script.contains(command), "`{command}` is not in the completions of {shell}");
        }
    }
    let mut bash = Command::new("bash");
    let mut checked = bash.arg("-n").stdin(Stdio::piped()).spawn().expect("bash starts");
    let script = run(&mut candor(&["completions", "bash"])).success().stdout;
    checked.stdin.take().expect("the input is ours").write_all(script.as_bytes()).expect("bash reads");
    assert!(checked.wait().expect("bash ends").success());
}

/// Answers each request by its path, and notes it.
fn other_site() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a connection can be shared")).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let status = match first.split(' ').nth(1).unwrap_or_default() {
                "/fine" => "200 OK",
                "/closed" => "403 Forbidden",
                "/slow" => {
                    std::thread::sleep(std::time::Duration::from_millis(500));
                    "200 OK"
                }
                _ => "404 Not Found",
            };
            noted.lock().expect("nothing panics").push(first);
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (url, requests)
}

#[test]
fn links_to_other_sites_are_asked_for_when_that_is_wanted() {
    let (other, requests) = other_site();
    let site = started();
    site.write(
        "content/links.md",
        format!("---\ntitle: Links\n---\n\n[a]({other}/fine) [b]({other}/closed) <{other}/fine#x>\n"),
    );
    let check = |arguments: &[&str]| {
        let mut command = candor(&["check", "--root", text(site.root())]);
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        run(command.args(arguments))
    };
    let _ = check(&[]).success();
    assert!(requests.lock().expect("nothing panics").is_empty(), "nobody is asked without `--external`");
    let unsure = check(&["--external"]).success();
    let unsure = unsure.says(&[
        "content/links.md:5:",
        "cannot tell whether a link to another site leads anywhere",
        "answered 403 Forbidden",
    ]);
    assert!(unsure.stdout.starts_with("3 warnings; 11 pages"), "{}", unsure.stdout);
    let cache: Value = serde_json::from_str(&site.read(".candor/external-links.json")).expect("the cache is JSON");
    assert_eq!(cache["alive"].as_object().expect("an object").keys().collect::<Vec<_>>(), [&format!("{other}/fine")]);

    site.write("content/dead.md", format!("---\ntitle: Dead\n---\n\nGone: [c]({other}/gone)\n"));
    requests.lock().expect("nothing panics").clear();
    let dead = check(&["--external"]).exit(1);
    let _ = dead.says(&[
        "content/dead.md:5:11",
        "link to another site leads nowhere",
        "answered 404 Not Found",
        "1 error, 3 warnings",
    ]);
    let asked = requests.lock().expect("nothing panics").clone();
    assert!(!asked.iter().any(|request| request.contains("/fine")), "what is remembered is not asked for: {asked:?}");
}

#[test]
fn how_far_long_work_is_is_shown_to_a_person_and_nobody_else() {
    let (other, _) = other_site();
    let site = started();
    site.write("content/links.md", format!("---\ntitle: Links\n---\n\n[a]({other}/slow)\n"));
    let check = || {
        // What is remembered would not be asked for.
        let _ = fs::remove_dir_all(site.path(".candor"));
        let mut check = candor(&["check", "--external", "--root", text(site.root())]);
        check.env_remove("http_proxy").env_remove("HTTP_PROXY").env_remove("ALL_PROXY").env_remove("all_proxy");
        check
    };
    let alone = run(&mut check()).success();
    assert!(!alone.stderr.contains("asked for") && !alone.stderr.contains('\u{1b}'), "{}", alone.stderr);
    let on_terminal = |terminal: &str, more: &str| {
        let plain = check();
        let words = plain.get_args().map(|word| word.to_str().expect("arguments are text"));
        let line = format!("{} {} {more}", text(plain.get_program().as_ref()), words.collect::<Vec<_>>().join(" "));
        let mut script = Command::new("script");
        script
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("TERM", terminal)
            .stdin(Stdio::null());
        run(&mut script).success().stdout
    };
    let shown = on_terminal("xterm", "");
    assert!(shown.contains("\r\u{1b}[Klinks asked for: 1 of 1\r\u{1b}[K"), "{shown:?}");
    for (terminal, more) in [("dumb", ""), ("xterm", "--json")] {
        let shown = on_terminal(terminal, more);
        assert!(!shown.contains("asked for: 1 of 1"), "{shown:?}");
    }
}
