//! An Exim of our own on a free port of the loopback: STARTTLS, then AUTH, then a mailbox in a folder.

use std::fs::{self, File, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use quoted_printable::ParseMode;
use tempfile::TempDir;

use crate::program::run;
use crate::wait_for;

/// Who may send mail here.
pub const USER: &str = "registrations";
/// Proof of it.
pub const PASSWORD: &str = "correct horse: battery/staple@7";

/// A mail server that stops with the value.
pub struct MailServer {
    process: Child,
    folder: TempDir,
    port: u16,
}

/// A mail as it arrived.
#[derive(Debug)]
pub struct Mail {
    /// The mail, its lines ended by LF.
    pub text: String,
}

impl MailServer {
    /// Starts the server with a certificate for `localhost` that nobody else trusts.
    ///
    /// # Panics
    /// When Exim or OpenSSL are missing, or do not work.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("candor-mail-").expect("a temporary folder can be made");
        let port = free_port();
        let (uid, gid) = owner();
        make_certificate(folder.path());
        for name in ["spool", "mailbox"] {
            fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        let config = folder.path().join("exim.conf");
        fs::write(&config, configuration(folder.path(), port, uid, gid)).expect("a file can be written");
        // A temporary folder is closed to others, and Exim, started by root, turns into another user.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("the folder can be opened");
        for name in ["", "spool", "mailbox", "key.pem"] {
            chown(folder.path().join(name), Some(uid), Some(gid)).expect("a folder can be given away");
        }
        let log = File::create(folder.path().join("output")).expect("a file can be written");
        let process = Command::new("/usr/sbin/exim4")
            .arg("-C")
            .arg(&config)
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("Exim starts: `apt-get install exim4-daemon-light`");
        let mut server = Self { process, folder, port };
        wait_for("the mail server", || {
            let ended = server.process.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the mail server ended:\n{}", server.log());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }

    /// The address for `CANDOR_MAIL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://localhost:{}", self.port)
    }

    /// The certificate authority that vouches for the server, for `CANDOR_MAIL_CA_FILE`.
    #[must_use]
    pub fn ca_file(&self) -> String {
        self.folder.path().join("cert.pem").to_str().expect("temporary paths are UTF-8").to_owned()
    }

    /// Settings under which mail arrives here.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CANDOR_MAIL", self.url()),
            ("CANDOR_MAIL_USER", USER.to_owned()),
            ("CANDOR_MAIL_PASSWORD", PASSWORD.to_owned()),
            ("CANDOR_MAIL_CA_FILE", self.ca_file()),
            ("CANDOR_MAIL_FROM", "Optimal PTC <website@optimalptc.com>".to_owned()),
            ("CANDOR_MAIL_TO", "staff@optimalptc.com".to_owned()),
        ]
    }

    /// These, some of them replaced.
    #[must_use]
    pub fn settings_with(&self, replaced: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut settings = self.settings();
        for (name, value) in replaced {
            settings.retain(|(other, _)| other != name);
            settings.push((name, (*value).to_owned()));
        }
        settings
    }

    /// The mails that arrived.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        let arrived = crate::site::files(&self.folder.path().join("mailbox/new"));
        arrived
            .into_values()
            .map(|bytes| Mail { text: String::from_utf8(bytes).expect("mail in these tests is UTF-8") })
            .collect()
    }

    /// Waits for the only mail.
    #[must_use]
    pub fn mail(&self) -> Mail {
        wait_for("a mail", || self.mails().pop())
    }

    /// What the server noted: who came, how, and what became of it.
    #[must_use]
    pub fn log(&self) -> String {
        let texts = ["output", "log-main", "log-reject", "log-panic"];
        texts.iter().filter_map(|name| fs::read_to_string(self.folder.path().join(name)).ok()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.process.kill().expect("a child can be killed");
        self.process.wait().expect("a child can be awaited");
        if std::thread::panicking() {
            eprintln!("the mail server noted:\n{}", self.log());
        }
    }
}

impl Mail {
    /// The value of a header, unfolded; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let values = self.headers(name);
        assert!(values.len() < 2, "{name} is there {} times:\n{}", values.len(), self.text);
        values.into_iter().next().unwrap_or_default()
    }

    /// All values of a header, unfolded (RFC 5322, section 2.2.3).
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<String> {
        let head = self.text.split("\n\n").next().expect("a mail has a head");
        let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
        let named = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        unfolded.lines().filter_map(named).collect()
    }

    /// The first of the alternative texts, as people read it (RFC 2045, section 6, and RFC 2046, section 5.1.4).
    #[must_use]
    pub fn content(&self) -> String {
        let kind = self.header("content-type");
        let boundary = kind.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
        let part = self.text.split(&format!("\n--{boundary}")).nth(1).expect("a part");
        let (head, body) = part.split_once("\n\n").expect("a part has a body");
        let encoding = head.lines().find_map(|line| line.strip_prefix("Content-Transfer-Encoding: "));
        let bytes = match encoding.unwrap_or_default() {
            "base64" => BASE64.decode(body.replace('\n', "")).expect("the body is in base64"),
            "quoted-printable" => {
                quoted_printable::decode(body, ParseMode::Robust).expect("the body is quoted-printable")
            }
            _ => return body.to_owned(),
        };
        String::from_utf8(bytes).expect("mail in these tests is UTF-8").replace("\r\n", "\n")
    }
}

/// A port that nobody listens on.
#[must_use]
pub fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
    probe.local_addr().expect("a listener has an address").port()
}

/// Whom Exim works for: the user who runs the tests. It refuses to deliver as root and then is the user that its package made.
fn owner() -> (u32, u32) {
    let own = fs::metadata("/proc/self").expect("Linux");
    if own.uid() != 0 {
        return (own.uid(), own.gid());
    }
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let exim = users
        .lines()
        .find_map(|line| line.strip_prefix("Debian-exim:"))
        .expect("Exim is installed: `apt-get install exim4-daemon-light`");
    let mut numbers = exim.split(':').skip(1).map(|number| number.parse().expect("ids are numbers"));
    (numbers.next().expect("a user has an id"), numbers.next().expect("a user has a group"))
}

fn make_certificate(folder: &Path) {
    let made = run(Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

fn configuration(folder: &Path, port: u16, uid: u32, gid: u32) -> String {
    let folder = folder.display();
    format!(
        r"primary_hostname = mail.example.org
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/spool/exim.pid
exim_user = {uid}
exim_group = {gid}
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = to_anybody
acl_smtp_data = accept
deliver_drop_privilege

begin acl
to_anybody:
  deny
    !authenticated = *
    message = authentication required
  deny
    local_parts = refused
    message = no such mailbox
  defer
    local_parts = later
    message = try again later
  accept
    local_parts = slow
    delay = 30s
  accept
    encrypted = *

begin routers
everybody:
  driver = accept
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  maildir_format
  directory = {folder}/mailbox
  envelope_to_add
  return_path_add
  user = {uid}
  group = {gid}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_set_id = $auth2
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
"
    )
}
