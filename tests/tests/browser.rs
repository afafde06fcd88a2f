//! People with a keyboard, in a real Chromium: with script and without, in the dark, and on a narrow screen.

use serde_json::{Value, json};
use tests::browser::{Browser, ENTER, Element, TAB};
use tests::server::Server;
use tests::site::Site;
use tests::wait_for;

/// Presses Tab until the focus is where `wanted` says; every stop on the way can be seen.
fn tab_to<'a>(browser: &'a Browser, wanted: impl Fn(&Element<'_>) -> bool) -> Element<'a> {
    for _ in 0..60 {
        browser.press(TAB);
        let focused = browser.focused();
        assert_focus_is_visible(&focused);
        if wanted(&focused) {
            return focused;
        }
    }
    panic!("the keyboard does not lead there:\n{}", browser.source());
}

fn assert_focus_is_visible(element: &Element<'_>) {
    assert!(element.is_displayed(), "the focus is on something nobody sees: {}", element.attribute("outerHTML"));
    let outlined = element.css("outline-style") != "none" && element.css("outline-width") != "0px";
    assert!(
        outlined || element.css("box-shadow") != "none",
        "the focus cannot be seen: {}",
        element.property("outerHTML")
    );
}

fn assert_only_own_requests(browser: &Browser, server: &Server) {
    let requests = browser.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(request.starts_with(&server.url) || request.starts_with("data:"), "a request to others: {request}");
    }
}

/// Registers with the keyboard alone: first wrongly, then, led by the summary of mistakes, rightly.
fn register(scripts: bool) {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(scripts);
    browser.open(&format!("{}/", server.url));
    let link = tab_to(&browser, |element| element.property("pathname") == "/register/");
    assert_eq!(link.property("tagName"), "A");
    browser.press(ENTER);
    wait_for("the form's page", || browser.url().ends_with("/register/").then_some(()));

    let _ = tab_to(&browser, |element| element.attribute("id") == "name");
    browser.press("Ada “Countess” <b>Lovelace</b>");
    for (field, label, typed) in [
        ("email", "Email address", "ada.example.com"),
        ("phone", "Phone number", "+44 20 7946 0958"),
        ("other", "Other information", "Two children & a dog"),
    ] {
        browser.press(TAB);
        let focused = browser.focused();
        assert_eq!(focused.attribute("id"), field, "the order of the fields");
        assert!(focused.accessible_name().starts_with(label), "{}", focused.accessible_name());
        assert_focus_is_visible(&focused);
        browser.press(typed);
    }
    assert_eq!(browser.find("#email").attribute("autocomplete"), "email");
    let button = tab_to(&browser, |element| element.property("tagName") == "BUTTON");
    assert_eq!(button.text(), "Send registration");
    browser.press(ENTER);

    wait_for("the form again", || browser.title().starts_with("Error: ").then_some(()));
    assert!(site.registrations().is_empty());
    let summary = browser.focused();
    assert!(summary.text().starts_with("There is a problem"), "the focus is on: {}", summary.property("outerHTML"));
    let message = "Enter an email address in the correct format, like name@example.com";
    let email = browser.find("#email");
    assert_eq!(email.attribute("aria-invalid"), "true");
    let described: Vec<String> =
        email.attribute("aria-describedby").split(' ').map(|id| browser.find(&format!("#{id}")).text()).collect();
    assert!(described.iter().any(|text| text.contains(message)), "{described:?}");
    for (field, typed) in [
        ("name", "Ada “Countess” <b>Lovelace</b>"),
        ("email", "ada.example.com"),
        ("phone", "+44 20 7946 0958"),
        ("other", "Two children & a dog"),
    ] {
        assert_eq!(browser.find(&format!("#{field}")).value(), typed, "what was typed as {field}");
    }

    browser.press(TAB);
    let item = browser.focused();
    assert_eq!(item.text(), message);
    assert_focus_is_visible(&item);
    browser.press(ENTER);
    wait_for("the focus in the field", || (browser.focused().attribute("id") == "email").then_some(()));
    browser.select_all();
    browser.press("ada@example.com");
    // Enter in a field sends the form, as in every form.
    browser.press(ENTER);

    let url = wait_for("the thank-you page", || Some(browser.url()).filter(|url| url.contains("?reference=")));
    let reference = url.split_once("?reference=").expect("the address has the reference").1;
    assert!(browser.find("h1").text().contains("Thank you"));
    assert_eq!(site.registrations().len(), 1);
    assert_eq!(site.answer(reference, "name"), "Ada “Countess” <b>Lovelace</b>");
    assert_eq!(site.answer(reference, "email"), "ada@example.com");

    assert_eq!(browser.cookies(), Vec::<Value>::new());
    assert_only_own_requests(&browser, &server);
}

#[test]
fn registers_with_the_keyboard() {
    register(true);
}

#[test]
fn registers_with_the_keyboard_without_script_and_cookies() {
    register(false);
}

/// What the script on the form's page says is wrong, and where the focus is.
fn assert_summary(browser: &Browser, message: &str) {
    wait_for("what is wrong", || browser.title().starts_with("Error: ").then_some(()));
    assert_eq!(browser.focused().text(), format!("There is a problem\n{message}"));
}

fn offline(browser: &Browser, is_offline: bool) {
    let conditions = json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    browser.devtools("Network.emulateNetworkConditions", &conditions);
}

#[test]
fn what_was_typed_survives_a_failed_connection() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    let _ = tab_to(&browser, |element| element.attribute("id") == "email");
    browser.press("ada@example.com");
    offline(&browser, true);
    browser.press(ENTER);
    assert_summary(
        &browser,
        "Your answers may not have arrived, because the connection failed. They are still here: send them again when you \
         are connected",
    );
    assert_eq!(browser.find("#email").value(), "ada@example.com");
    offline(&browser, false);
    let _ = tab_to(&browser, |element| element.property("tagName") == "BUTTON");
    browser.press(ENTER);
    wait_for("the thank-you page", || browser.url().contains("?reference=").then_some(()));
    assert_eq!(site.registrations().len(), 1);
}

#[test]
fn a_form_that_is_sent_twice_arrives_once() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    let _ = browser.evaluate(
        "(form => { form.email.value = 'ada@example.com'; form.requestSubmit(); form.requestSubmit(); })(
            document.querySelector('form.form'))",
    );
    wait_for("the thank-you page", || browser.url().contains("?reference=").then_some(()));
    assert_eq!(site.registrations().len(), 1);
}

#[test]
fn what_is_missing_is_said_before_it_is_sent_and_as_the_function_says_it() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    let _ = browser.requests();
    for (typed, message) in [
        ("", "Enter your email address"),
        ("ada", "Enter an email address in the correct format, like name@example.com"),
    ] {
        let _ = tab_to(&browser, |element| element.attribute("id") == "email");
        browser.press(&format!("{typed}{ENTER}"));
        assert_summary(&browser, message);
        assert_eq!(browser.find("#email-error").property("textContent"), format!("Error: {message}"));
        assert_eq!(browser.find("#email").attribute("aria-describedby"), "email-hint email-error");
        let answer = server.register(&[("email", typed)]);
        assert!(answer.body.contains(&format!("<a href=\"#email\">{message}</a>")), "{}", answer.body);
    }
    assert!(browser.requests().iter().all(|request| !request.contains("/api/")), "it was sent");
}

#[test]
fn a_statement_that_changed_meanwhile_is_shown_with_everything_that_was_typed() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    let _ = browser.evaluate("document.querySelector('[name=statement_digest]').value = '0'.repeat(64)");
    let _ = tab_to(&browser, |element| element.attribute("id") == "other");
    browser.press("Two children");
    let _ = browser.evaluate("document.querySelector('#email').value = 'ada@example.com'");
    let _ = tab_to(&browser, |element| element.property("tagName") == "BUTTON");
    browser.press(ENTER);
    assert_summary(
        &browser,
        "Our privacy statement has changed since you opened this page. Read it, then send the form again if you still \
         want to",
    );
    assert_eq!(browser.find("#other").value(), "Two children");
    assert_eq!(browser.find("#email").value(), "ada@example.com");
    let _ = tab_to(&browser, |element| element.property("tagName") == "BUTTON");
    browser.press(ENTER);
    wait_for("the thank-you page", || browser.url().contains("?reference=").then_some(()));
    assert_eq!(site.registrations().len(), 1);
}

/// A form that asks for some work: with script it is taken, without it is held; the visitor notices neither.
fn register_where_work_is_asked(scripts: bool) {
    let site = Site::shipped();
    site.edit("content/forms/register.yaml", "submit:", "proof_of_work: true\nsubmit:");
    let server = site.serve(&[]);
    let browser = Browser::start(scripts);
    browser.open(&format!("{}/register/", server.url));
    // The first answer is wrong: the page that the function sends proves its work, too.
    for (typed, title) in [("ada.example.com", "Error: "), ("ada@example.com", "Thank you")] {
        let _ = tab_to(&browser, |element| element.attribute("id") == "email");
        browser.select_all();
        browser.press(typed);
        // Sooner no person sends it.
        std::thread::sleep(std::time::Duration::from_secs(1));
        browser.press(ENTER);
        wait_for(title, || browser.title().starts_with(title).then_some(()));
    }
    assert!(browser.find("#receipt").text().contains("Your receipt"));
    assert_eq!(site.registrations().len(), usize::from(scripts), "the others are held");
    assert_eq!(browser.cookies(), Vec::<Value>::new());
    assert_only_own_requests(&browser, &server);
}

#[test]
fn a_browser_proves_its_work() {
    register_where_work_is_asked(true);
}

#[test]
fn a_browser_without_script_is_held_and_thanked_when_work_is_asked() {
    register_where_work_is_asked(false);
}

#[test]
fn the_skip_link_is_first_and_leads_to_the_content() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(false);
    browser.open(&format!("{}/privacy/", server.url));
    browser.press(TAB);
    let skip = browser.focused();
    assert_eq!(skip.text(), "Skip to main content");
    assert_focus_is_visible(&skip);
    browser.press(ENTER);
    wait_for("the focus in the content", || (browser.focused().property("tagName") == "MAIN").then_some(()));
}

#[test]
fn an_edit_reloads_the_open_page() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    assert_eq!(browser.find("h1").text(), "Register");
    for title in ["Join us", "Join us again"] {
        let page = site.read("content/register.md");
        let former = page.lines().nth(1).expect("the title is first").to_owned();
        site.edit("content/register.md", &former, &format!("title: {title}"));
        // Between two pages there is a moment without a heading.
        wait_for("the page with its new title", || {
            browser
                .evaluate("document.querySelector('h1')?.textContent")
                .as_str()
                .filter(|heading| *heading == title)
                .map(drop)
        });
    }
}

#[test]
fn an_edit_of_a_style_is_seen_without_a_reload() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    let _ = browser.evaluate("document.documentElement.dataset.kept = 'yes'");
    site.write("themes/optimal/assets/site.css", "h1 { color: rgb(1, 2, 3) }");
    wait_for("the new colour", || (browser.find("h1").css("color") == "rgba(1, 2, 3, 1)").then_some(()));
    assert_eq!(browser.evaluate("document.documentElement.dataset.kept"), "yes");
    assert_eq!(browser.evaluate("document.querySelectorAll('link[rel=stylesheet]').length"), 1);
}

#[test]
fn mistakes_are_shown_in_the_open_page_until_they_are_mended() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}/register/", server.url));
    let report =
        || browser.evaluate("document.querySelector('#candor-mistakes')?.shadowRoot.querySelector('pre').textContent");
    site.edit("content/register.md", "title:", "titel:");
    let report_says = |words: &str| report().as_str().is_some_and(|report| report.contains(words));
    wait_for("the report", || report_says("content/register.md:2:1").then_some(()));
    assert_eq!(browser.find("h1").text(), "Register");
    // A page that is opened now has the report too.
    browser.open(&format!("{}/", server.url));
    wait_for("the report", || report_says("did you mean `title`?").then_some(()));
    site.edit("content/register.md", "titel:", "title:");
    wait_for("the report to go", || report().is_null().then_some(()));
}

#[test]
fn pages_that_were_left_do_not_hold_up_others() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    let start = std::time::Instant::now();
    // More pages than a browser has connections to one host.
    for page in PAGES.iter().chain(&PAGES) {
        browser.open(&format!("{}{page}", server.url));
    }
    assert!(start.elapsed() < tests::PATIENCE / 2, "the pages wait for each other");
}

/// What the shipped draft of a statement would change: headings, paragraphs and lists, with all marks.
const REDLINE: &str = "/privacy/compare/2018-09-26/next/";

/// Every page of the shipped site, and one of each kind about versions of the statement.
const PAGES: [&str; 9] = [
    "/",
    "/register/",
    "/privacy/",
    "/privacy/changes/",
    "/privacy/2018-09-26/explained/",
    "/privacy/verify/",
    REDLINE,
    "/thank-you/",
    "/404.html",
];

#[test]
fn nothing_scrolls_sideways_at_320_pixels() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    let metrics = json!({"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": true});
    browser.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    let assert_fits = |name: &str| {
        let widths = browser.evaluate("[innerWidth, document.documentElement.scrollWidth, document.body.scrollWidth]");
        assert_eq!(widths, json!([320, 320, 320]), "{name}");
    };
    for page in PAGES {
        browser.open(&format!("{}{page}", server.url));
        assert_fits(page);
    }
    browser.open(&format!("{}/register/", server.url));
    let _ = tab_to(&browser, |element| element.attribute("id") == "email");
    browser.press(&format!("{}{ENTER}", "long".repeat(30)));
    wait_for("the form again", || browser.title().starts_with("Error: ").then_some(()));
    assert_fits("the form, shown again");
}

/// For every text on the page: its words, its colour, and the colour behind it.
const COLOURS: &str =
    "[...document.querySelectorAll('h1, h2, h3, p, li, a, label, button, input, textarea, time, footer, ' +
        'ins, del, code, summary, th, td, dt, dd, .moved-word, .counts, .tag, [role=heading]')]
    .filter(element => element.checkVisibility() && element.getBoundingClientRect().width > 1)
    .map(element => {
        const solid = colour => !/^rgba\\(.*, 0\\)$|^transparent$/.test(colour);
        let behind = element;
        while (behind && !solid(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
        return [element.outerHTML.slice(0, 80), getComputedStyle(element).color,
            behind ? getComputedStyle(behind).backgroundColor : 'rgb(255, 255, 255)'];
    })";

/// Relative luminance of `rgb(1, 2, 3)` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let numbers = colour.trim_start_matches("rgba").trim_start_matches("rgb").trim_matches(['(', ')']);
    let linear: Vec<f64> = numbers
        .split(',')
        .map(|number| number.trim().parse::<f64>().unwrap_or_else(|_| panic!("not a colour: {colour}")) / 255.0)
        .map(|part| if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) })
        .collect();
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

#[test]
fn every_word_can_be_read_by_day_and_in_the_dark() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", &features);
        for page in PAGES {
            browser.open(&format!("{}{page}", server.url));
            assert_readable(&browser, scheme, page);
        }
        browser.open(&format!("{}/register/", server.url));
        let _ = tab_to(&browser, |element| element.attribute("id") == "email");
        browser.press(&format!("x{ENTER}"));
        wait_for("the form again", || browser.title().starts_with("Error: ").then_some(()));
        assert_readable(&browser, scheme, "the form, shown again");
    }
}

#[test]
fn a_redline_is_read_without_colour_by_keyboard_and_on_paper() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("{}{REDLINE}", server.url));
    // What is new and what is gone differ in their lines, and say so to whoever does not see them.
    let marks = "[...document.querySelectorAll('.redline ins, .redline del')].filter(mark => {
        const line = getComputedStyle(mark).textDecorationLine;
        const is_new = mark.tagName == 'INS';
        const hidden = [...mark.querySelectorAll('.visually-hidden')].map(part => part.textContent.trim());
        const words = is_new ? ['inserted:', '(end of insertion)'] : ['deleted:', '(end of deletion)'];
        return line != (is_new ? 'underline' : 'line-through') || hidden.join() != words.join();
    }).map(mark => mark.outerHTML)";
    assert_eq!(browser.evaluate(marks), json!([]));
    let count = browser.evaluate("document.querySelectorAll('.redline ins, .redline del').length");
    assert!(count.as_u64() > Some(20), "{count} marks");
    // From change to change with one key, to the last one.
    let changes = browser.evaluate("document.querySelectorAll('.redline [id^=change-]').length");
    let changes = changes.as_u64().expect("a number");
    for number in 1..=changes.min(4) {
        let link = tab_to(&browser, |element| element.attribute("class") == "next-change");
        assert_focus_is_visible(&link);
        assert_eq!(link.attribute("href").rsplit_once('#').map(|(_, id)| id), Some(&*format!("change-{number}")));
        browser.press(ENTER);
        wait_for("the change", || browser.url().ends_with(&format!("#change-{number}")).then_some(()));
    }
    let links = browser.evaluate("document.querySelectorAll('.redline .next-change').length");
    assert_eq!(links, json!(changes - 1), "the last change leads to no other");
    let weights =
        "[...document.querySelectorAll('.next-change')].every(link => getComputedStyle(link).fontWeight == 400)";
    assert_eq!(browser.evaluate(weights), json!(true), "a link in a heading is no part of it");
    // On paper there are marks and no links to jump by.
    browser.devtools("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    assert_eq!(browser.evaluate(marks), json!([]));
    let jumps =
        "[...document.querySelectorAll('.next-change')].every(link => getComputedStyle(link).display == 'none')";
    assert_eq!(browser.evaluate(jumps), json!(true));
}

fn assert_readable(browser: &Browser, scheme: &str, page: &str) {
    let colours = browser.evaluate(COLOURS);
    let colours = colours.as_array().expect("a list of texts");
    assert!(colours.len() > 5, "{page} has hardly any text");
    for entry in colours {
        let part = |index: usize| entry[index].as_str().expect("words and colours");
        let (text, behind) = (luminance(part(1)), luminance(part(2)));
        let contrast = (text.max(behind) + 0.05) / (text.min(behind) + 0.05);
        // WCAG 2.2, success criterion 1.4.3.
        assert!(contrast >= 4.5, "{page}, {scheme}: contrast {contrast:.2} of {entry}");
    }
    let page_colour = browser.evaluate(
        "[document.body, document.documentElement].map(element => getComputedStyle(element).backgroundColor)
            .find(colour => colour !== 'rgba(0, 0, 0, 0)')",
    );
    let is_dark = page_colour.as_str().map(luminance).unwrap_or(1.0) < 0.2;
    assert_eq!(is_dark, scheme == "dark", "{page} in {scheme}: {page_colour}");
}

#[test]
fn pages_ask_nobody_else_for_anything() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    for page in PAGES {
        browser.open(&format!("{}{page}", server.url));
        assert_only_own_requests(&browser, &server);
        assert_eq!(browser.cookies(), Vec::<Value>::new(), "{page}");
        assert_eq!(browser.evaluate("[localStorage.length, sessionStorage.length]"), json!([0, 0]), "{page}");
    }
}
