//! A mail server that refuses, defers, takes its time or goes away in the middle: as many are mailed as were acknowledged and
//! stored.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use tests::mail_server::{Mail, MailServer};
use tests::program::{Finished, program, run};
use tests::server::Server;
use tests::site::Site;

fn serve(site: &Site, mail: &MailServer, replaced: &[(&'static str, &str)]) -> Server {
    Server::start(site.serve_command().envs(mail.settings_with(replaced)), site.root())
}

fn redeliver(site: &Site, mail: &MailServer, arguments: &[&str]) -> Finished {
    let mut command = program("registrations");
    run(command.arg("redeliver").args(arguments).arg("--root").arg(site.root()).envs(mail.settings()))
}

/// The references in the mails' ids.
fn references(mails: &[Mail]) -> BTreeSet<String> {
    let id =
        |mail: &Mail| mail.header("message-id").trim_start_matches('<').split(['@', '.']).next().map(str::to_owned);
    mails.iter().filter_map(id).collect()
}

#[test]
fn what_a_server_does_not_take_at_once_is_mailed_once_later() {
    let mail = MailServer::start();
    let acknowledged: BTreeSet<String> = thread::scope(|scope| {
        let visits = [("refused", "refused"), ("later", "deferred"), ("slow", "timeout")].map(|(mailbox, error)| {
            let mail = &mail;
            scope.spawn(move || {
                let site = Site::shipped().built();
                let to = format!("{mailbox}@optimalptc.com");
                let settings = [("CANDOR_MAIL_TO", to.as_str()), ("CANDOR_MAIL_TIMEOUT_SECONDS", "2")];
                let server = serve(&site, mail, &settings);
                let reference = server.register(&[("name", mailbox), ("email", "ada@example.com")]).reference();
                let stored = site.registrations();
                assert_eq!((stored.len(), &stored[0]["reference"]), (1, &reference.as_str().into()));
                assert_eq!(stored[0]["mail"], "failed", "{mailbox}: {}", server.said());
                assert!(server.said().contains(&format!("error=\"{error}\"")), "{mailbox}: {}", server.said());
                assert_eq!(redeliver(&site, mail, &[&reference]).success().stdout, "1 sent, 0 failed\n");
                assert_eq!(redeliver(&site, mail, &[]).success().stdout, "0 sent, 0 failed\n");
                reference
            })
        });
        visits.into_iter().map(|visit| visit.join().expect("no panics")).collect()
    });
    let mails = tests::wait_for("three mails", || Some(mail.mails()).filter(|mails| mails.len() >= 3));
    assert_eq!((mails.len(), references(&mails)), (3, acknowledged));
}

/// So many connections are cut, each after [`STEP`] bytes more than the one before: from before the first word to after the
/// last, through TLS, the greeting, AUTH and the mail itself.
const CUTS: usize = 28;
const STEP: usize = 200;

/// A gateway to the mail server that cuts connections; its port.
fn cutting_gateway(mail: &MailServer) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("a listener has an address").port();
    let upstream = mail.url().replace("smtp://", "");
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (mut client, mut room) = (client.expect("a connection"), number * STEP);
            let mut server = TcpStream::connect(&upstream).expect("the mail server listens");
            let (mut answers, mut answered) =
                (server.try_clone().expect("it can be shared"), client.try_clone().expect("it can be shared"));
            thread::spawn(move || std::io::copy(&mut answers, &mut answered));
            thread::spawn(move || {
                let mut bytes = [0; 64];
                while room > 0 {
                    let most = room.min(bytes.len());
                    let Ok(count @ 1..) = client.read(&mut bytes[..most]) else { break };
                    if server.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                    room -= count;
                }
                let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
            });
        }
    });
    port
}

#[test]
fn a_server_that_goes_away_at_any_byte_has_every_mail_in_the_end() {
    let (site, mail) = (Site::shipped().built(), MailServer::start());
    let gateway = format!("smtp://localhost:{}", cutting_gateway(&mail));
    let server = serve(&site, &mail, &[("CANDOR_MAIL", &gateway)]);
    let acknowledged: BTreeSet<String> = (0..CUTS)
        .map(|number| {
            server.register(&[("name", &format!("Visitor {number}")), ("email", "ada@example.com")]).reference()
        })
        .collect();
    let states: Vec<bool> = site.registrations().iter().map(|stored| stored["mail"] == "sent").collect();
    assert_eq!((acknowledged.len(), states.len()), (CUTS, CUTS));
    let sent = states.iter().filter(|is_sent| **is_sent).count();
    assert!((1..CUTS).contains(&sent), "{sent} were sent through the gateway");
    assert_eq!(redeliver(&site, &mail, &[]).success().stdout, format!("{} sent, 0 failed\n", CUTS - sent));
    let mails = tests::wait_for("the mails", || Some(mail.mails()).filter(|mails| references(mails).len() >= CUTS));
    assert_eq!(references(&mails), acknowledged);
    // Whose last answer was lost on its way may come twice, the same in every byte that a mail program looks at.
    let twice = mails.len() - CUTS;
    assert!(twice <= 2, "{twice} came twice");
}
