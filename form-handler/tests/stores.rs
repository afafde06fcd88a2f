//! What every store promises, of each of them, on real servers: SQLite, PostgreSQL, and S3 as moto speaks it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use form_handler::registration::Registration;
use form_handler::store::Location;
use form_handler::{Settings, doctor};

mod promises;
mod sample;
mod servers;
use promises::{error, keep_the_promises, now};
use servers::{PostgresServer, S3Server, aws};

/// Whoever looks after the function is told how the store is.
async fn is_examined(url: &str, variables: &dyn Fn(&str) -> Option<String>) {
    let lookup = |name: &str| match name {
        "CANDOR_STORE" => Some(url.to_owned()),
        "CANDOR_MAIL" => Some("none".to_owned()),
        "CANDOR_KEYS" => Some("none-and-registrations-are-readable-in-the-store".to_owned()),
        _ => variables(name),
    };
    let settings = Settings::from_environment(&lookup, None).unwrap();
    let examine = async || {
        let findings = doctor::examine(&settings, Err("there is none".to_owned()), now()).await;
        findings.into_iter().find(|finding| finding.part == "store").unwrap()
    };
    let found = examine().await;
    assert!(found.help.is_none() && found.fact.ends_with(": not there yet"), "{found}");
    drop(settings.store().unwrap().open().await.unwrap());
    let found = examine().await;
    assert!(found.help.is_none(), "{found}");
    assert!(found.fact.ends_with(": 0 stored, 0 of them in the last 24 hours, 0 held"), "{found}");
}

const LATER: &str = "the store was written by a later version of this software";

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| Location::Sqlite(folder.path().join(name));
    keep_the_promises(&place, folder.path()).await;
    is_examined(&format!("sqlite:{}", folder.path().join("i").display()), &|_| None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let place = |name: &str| Location::parse(&server.database(name), &|_| None).unwrap();
    keep_the_promises(&place, folder.path()).await;
    is_examined(&server.database("i"), &|_| None).await;
    let later = place("later");
    assert_eq!(error(later.open_for_reading()).await, "there is no store yet");
    drop(later.open().await.unwrap());
    server.sql("later", "update candor.store set version = version + 1");
    assert_eq!(error(later.open()).await, LATER);
    assert_eq!(error(later.open_for_reading()).await, LATER);
    server.sql("later", "drop table candor.registration cascade; update candor.store set version = version - 1");
    let damaged = later.open().await.unwrap().get(Registration::id(now())).await.unwrap_err();
    assert_eq!(damaged.to_string(), "it is not a store of ours, or it is damaged");

    let hasty = place("hasty");
    server.sql("hasty", "alter database hasty set synchronous_commit = off");
    assert_eq!(
        error(hasty.open()).await,
        "what is written there would not be safe: PostgreSQL has `synchronous_commit = off`"
    );
    let missing = Location::parse(&format!("postgres://candor@127.0.0.1:{}/missing", server.port), &|_| None).unwrap();
    assert_eq!(error(missing.open()).await, "the store cannot be opened: the server has no such database");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_spoken_to_over_tls_that_is_checked() {
    let server = PostgresServer::start();
    let plain = server.database("tls");
    let open = async |query: &str| error(Location::parse(&format!("{plain}?{query}"), &|_| None).unwrap().open()).await;
    let trusted = format!("sslmode=verify-full&sslrootcert={}", server.certificate().display());
    assert_eq!(open(&trusted).await, "");
    let untrusted = open("sslmode=require").await;
    assert!(untrusted.contains("certificate"), "{untrusted}");
    assert!(
        open("sslmode=require&sslrootcert=/nowhere.pem").await.contains("`/nowhere.pem` has no certificate in PEM")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_keep_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start();
    let place = |name: &str| Location::parse(&server.bucket(name), &aws(server.port)).unwrap();
    keep_the_promises(&place, folder.path()).await;
    is_examined(&server.bucket("bucket-i"), &aws(server.port)).await;
    let later = place("bucket-later");
    let none = "there is no store yet";
    assert_eq!(error(later.open_for_reading()).await, none);
    drop(later.open().await.unwrap());
    let put = server.put("bucket-later/candor/store.json", r#"{"version":99}"#);
    assert!(put.starts_with("HTTP/1.1 200"), "{put}");
    assert_eq!(error(later.open()).await, LATER);
    assert_eq!(error(later.open_for_reading()).await, LATER);
    let missing = Location::parse("s3://bucket-missing/x", &aws(server.port)).unwrap();
    let none = "the store cannot be opened: there is no such bucket, or no store of ours in it";
    assert_eq!(error(missing.open()).await, none);
}

#[test]
fn objects_and_postgres_are_where_the_statement_allows_it() {
    let statement = sample::contract(statement::form::Notify::Reference).statement.unwrap();
    let check = |store: &str, variables: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let all = [("CANDOR_COUNTRY", "US")];
            variables.iter().chain(&all).find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        let store = Location::parse(store, &lookup).unwrap();
        form_handler::check_place(&lookup, Some(&statement), Some(&store)).err().unwrap_or_default()
    };
    for here in ["registrations.sqlite", "postgres://localhost/a", "postgres://%2Frun%2Fpostgresql/a"] {
        assert_eq!(check(here, &[]), "");
    }
    assert_eq!(check("s3://bucket?region=us-west-2", &[]), "");
    assert_eq!(
        check("s3://bucket/a?region=eu-west-1", &[("AWS_REGION", "us-east-1")]),
        "P150: CANDOR_STORE: the store is in eu-west-1 (IE), and statement 2018-09-26 keeps data in US; deploy it there"
    );
    for elsewhere in ["postgres://db.example.org/a", "s3://bucket"] {
        let server = ("AWS_ENDPOINT_URL", "https://s3.example.org");
        assert_eq!(
            check(elsewhere, &[server]),
            "P151: CANDOR_STORE_COUNTRY: nothing says where the store is, and statement 2018-09-26 keeps data in US; pin \
             it to one place there, and set the variable to its country"
        );
        assert_eq!(check(elsewhere, &[server, ("CANDOR_STORE_COUNTRY", "US")]), "");
        assert_eq!(
            check(elsewhere, &[server, ("CANDOR_STORE_COUNTRY", "DE")]),
            "P150: CANDOR_STORE_COUNTRY: the store is in DE, and statement 2018-09-26 keeps data in US; deploy it there"
        );
    }
}

#[test]
fn objects_and_postgres_are_named_by_urls_without_their_passwords() {
    let parse = |store: &str| Location::parse(store, &|_| None).map(|place| place.to_string());
    let shown = |store: &str| parse(store).unwrap();
    assert_eq!(
        shown("postgres://user:secret@db.example.org:5433/site?sslmode=verify-full"),
        "postgres://db.example.org/site"
    );
    assert_eq!(shown("s3://bucket/a/b/?region=us-east-1"), "s3://bucket/a/b");
    let wrong = |store: &str| parse(store).unwrap_err();
    assert_eq!(
        wrong("postgres://user:secret@db.example.org/site?sslmode=prefer"),
        "`sslmode=prefer` is not safe: write `verify-full`, or `disable`"
    );
    assert_eq!(
        wrong("postgres://user:secret@db.example.org/site?colour=red"),
        "it is not a URL of PostgreSQL: write `postgres://USER:PASSWORD@HOST/DATABASE`"
    );
    assert_eq!(wrong("postgres:///site"), "no host: write `postgres://USER:PASSWORD@HOST/DATABASE`");
    assert_eq!(wrong("s3://Bucket/a"), "`Bucket` is not the name of a bucket: write `s3://BUCKET/PREFIX`");
    assert_eq!(wrong("s3://bucket/a"), "no region: set AWS_REGION, or write `s3://BUCKET/PREFIX?region=REGION`");
    assert_eq!(
        wrong("s3://bucket/a?endpoint=x"),
        "`endpoint=x` is nothing that a bucket has: write `region=REGION`, or nothing"
    );
    let plain = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://s3.example.org:9000".to_owned());
    assert_eq!(
        Location::parse("s3://bucket", &plain).unwrap_err(),
        "AWS_ENDPOINT_URL is not encrypted: write `https://`"
    );
    assert!(!format!("{:?}", Location::parse("postgres://u:secret@h/d", &|_| None).unwrap()).contains("secret"));
    let keys = |name: &str| name.starts_with("AWS_").then(|| "secret".to_owned());
    assert!(!format!("{:?}", Location::parse("s3://bucket", &keys).unwrap()).contains("secret"));
}

/// A rule of a bucket that removes what is this many days old below a prefix.
fn rule(prefix: &str, days: u32) -> String {
    format!(
        "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>{prefix}</Prefix></Filter><Status>Enabled</Status>\
         <Expiration><Days>{days}</Days></Expiration></Rule></LifecycleConfiguration>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_the_bucket_removes_too_early_are_told() {
    let server = S3Server::start();
    let (url, aws) = (server.bucket("bucket-expiry"), aws(server.port));
    drop(Location::parse(&url, &aws).unwrap().open().await.unwrap());
    let lookup = |name: &str| match name {
        "CANDOR_STORE" => Some(url.clone()),
        "CANDOR_MAIL" => Some("none".to_owned()),
        "CANDOR_KEYS" => Some("none-and-registrations-are-readable-in-the-store".to_owned()),
        _ => aws(name),
    };
    let settings = Settings::from_environment(&lookup, None).unwrap();
    let examine = async || {
        let contract = sample::contract(statement::form::Notify::Reference);
        let findings = doctor::examine(&settings, Ok(contract), now()).await;
        findings.into_iter().find(|finding| finding.part == "expiry").map(|finding| finding.to_string())
    };
    assert_eq!(examine().await, None, "there is no rule");
    let told = "wrong  expiry      P513: its place removes what is 365 days old; statement 2018-09-26 promises P7Y\n       \
                = help: take away the rule: what is due goes with `registrations retention`\n";
    for (prefix, days, expected) in [
        ("candor/same/", 2, None),
        ("candor/", 3000, None),
        ("candor/", 365, Some(told)),
        ("candor/data_key/", 365, Some(told)),
        ("", 365, Some(told)),
    ] {
        let put = server.put("bucket-expiry?lifecycle", &rule(prefix, days));
        assert!(put.starts_with("HTTP/1.1 200"), "{put}");
        assert_eq!(examine().await.as_deref(), expected, "{prefix} {days}");
    }
}
