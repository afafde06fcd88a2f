//! Real servers for the stores, each started for one test and gone with it: PostgreSQL, and moto, which speaks S3.
//!
//! PostgreSQL is the system's; moto is installed once, below the target folder, in the versions of `requirements.txt`.

#![allow(dead_code, reason = "each test program uses what it needs")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16, child: &mut Child) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "the server has ended");
        assert!(Instant::now() < until, "the server does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn signal(child: &Child, name: &str) {
    done(Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()));
}

/// Ends a server of PostgreSQL at once, without its tidying up.
fn stop(child: Option<&mut Child>) {
    if let Some(child) = child {
        signal(child, "QUIT");
        child.wait().unwrap();
    }
}

/// A server of PostgreSQL with its files in a folder of its own.
pub(crate) struct PostgresServer {
    folder: tempfile::TempDir,
    programs: PathBuf,
    /// The user it runs as: it refuses to run as root.
    owner: Option<(u32, u32)>,
    pub(crate) port: u16,
    child: Mutex<Option<Child>>,
}

impl PostgresServer {
    pub(crate) fn start() -> Self {
        let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .expect("PostgreSQL is installed")
            .map(|entry| entry.unwrap().path())
            .collect();
        versions.sort();
        let programs = versions.pop().expect("PostgreSQL is installed").join("bin");
        let folder = tempfile::tempdir().unwrap();
        let is_root = done(Command::new("id").arg("-u")) == "0";
        let id = |what: &str| done(Command::new("id").args([what, "postgres"])).parse().unwrap();
        let owner = is_root.then(|| (id("-u"), id("-g")));
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let server = Self { folder, programs, owner, port: free_port(), child: Mutex::new(None) };
        let data = server.data();
        done(
            server
                .command("initdb")
                .args(["--auth=trust", "--username=candor", "--no-sync", "-E", "UTF8", "-D"])
                .arg(data),
        );
        server.make_certificate();
        *server.child.lock().unwrap() = Some(server.spawn());
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// A certificate that only those trust who are told to.
    fn make_certificate(&self) {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]);
        done(openssl.arg(self.key()).arg("-out").arg(self.certificate()));
        fs::set_permissions(self.key(), fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = self.owner {
            chown(self.key(), Some(user), Some(group)).unwrap();
        }
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    fn spawn(&self) -> Child {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "ssl=on", "max_connections=60"] {
            command.args(["-c", setting]);
        }
        command.args(["-c", &format!("ssl_cert_file={}", self.certificate().display())]);
        command.args(["-c", &format!("ssl_key_file={}", self.key().display())]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(self.port, &mut child);
        child
    }

    /// Ends it as if the machine had crashed, and starts it again.
    pub(crate) fn crash_and_restart(&self) {
        let mut child = self.child.lock().unwrap();
        stop(child.as_mut());
        *child = Some(self.spawn());
    }

    /// Says some SQL, as its owner.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        done(self.on("psql", database).args(["-v", "ON_ERROR_STOP=1", "-qAt", "-c", sql]))
    }

    /// The URL of a new database.
    pub(crate) fn database(&self, name: &str) -> String {
        // The server takes connections a moment before it answers.
        let until = Instant::now() + PATIENCE;
        let ready =
            || self.command("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
        while !ready().unwrap().success() {
            assert!(Instant::now() < until, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.sql("postgres", &format!("create database {name}"));
        format!("postgres://candor@127.0.0.1:{}/{name}", self.port)
    }
}

impl PostgresServer {
    /// Runs a program of PostgreSQL's on a database.
    fn on(&self, program: &str, database: &str) -> Command {
        let mut command = self.command(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "candor", "-d", database]);
        command
    }

    fn dump_of(&self, database: &str) -> PathBuf {
        self.folder.path().join(format!("{database}.dump"))
    }

    /// Makes a backup of a database, with `pg_dump`.
    pub(crate) fn dump(&self, database: &str) {
        done(self.on("pg_dump", database).args(["--format=custom", "--file"]).arg(self.dump_of(database)));
    }

    /// Puts its backup in the place of a database, with `pg_restore`.
    pub(crate) fn restore(&self, database: &str) {
        self.sql("postgres", &format!("drop database {database} with (force)"));
        self.sql("postgres", &format!("create database {database}"));
        done(self.on("pg_restore", database).arg("--exit-on-error").arg(self.dump_of(database)));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        stop(self.child.get_mut().unwrap().as_mut());
    }
}

/// A server that speaks S3, with everything in memory.
pub(crate) struct S3Server {
    pub(crate) port: u16,
    child: Child,
    log: tempfile::NamedTempFile,
}

impl S3Server {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut python = Command::new("python3");
        python.args(["-c", SERVE, &port.to_string()]).env("PYTHONPATH", moto());
        let log = tempfile::NamedTempFile::new().unwrap();
        let to_log = Stdio::from(log.reopen().unwrap());
        let mut child = python.stdout(Stdio::null()).stderr(to_log).stdin(Stdio::null()).spawn().unwrap();
        wait_for(port, &mut child);
        Self { port, child, log }
    }

    /// The URL of a folder in a new bucket.
    pub(crate) fn bucket(&self, name: &str) -> String {
        assert!(self.put(name, "").starts_with("HTTP/1.1 200"));
        format!("s3://{name}/candor")
    }

    /// Every request so far, a line like `… "GET /bucket/name HTTP/1.1" 200 -` each.
    pub(crate) fn requests(&self) -> Vec<String> {
        fs::read_to_string(self.log.path()).unwrap().lines().map(str::to_owned).collect()
    }

    /// Puts an object, or makes a bucket; what the server says.
    pub(crate) fn put(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "PUT /{path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: AWS test:test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Has a bucket hold the objects of another, and no others; as AWS's own library does it.
    pub(crate) fn copy_bucket(&self, from: &str, to: &str) {
        let mut python = Command::new("python3");
        python.args(["-c", COPY, from, to]).envs(aws_variables(self.port)).env("PYTHONPATH", moto());
        done(&mut python);
    }

    /// The names of all objects in a bucket.
    pub(crate) fn names(&self, bucket: &str) -> Vec<String> {
        let mut python = Command::new("python3");
        python.args(["-c", NAMES, bucket]).envs(aws_variables(self.port)).env("PYTHONPATH", moto());
        done(&mut python).lines().map(str::to_owned).collect()
    }

    /// Lets it do nothing for a while, with its connections open.
    pub(crate) fn stall(&self, time: Duration) {
        signal(&self.child, "STOP");
        std::thread::sleep(time);
        signal(&self.child, "CONT");
    }
}

/// The variables of AWS that lead to a server at this port.
pub(crate) fn aws_variables(port: u16) -> [(&'static str, String); 4] {
    let endpoint = format!("http://127.0.0.1:{port}");
    [
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint),
    ]
}

/// Moto looks whether a condition holds and then writes. Without being interrupted between the two it is as S3 is: nobody
/// else writes in between.
const SERVE: &str = r#"
import sys
sys.setswitchinterval(1000)
from moto.server import main
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"#;

const NAMES: &str = r#"
import boto3, sys
for found in boto3.resource("s3").Bucket(sys.argv[1]).objects.all():
    print(found.key)
"#;

const COPY: &str = r#"
import boto3, sys
source, target = sys.argv[1:]
s3 = boto3.resource("s3")
s3.create_bucket(Bucket=target)
s3.Bucket(target).objects.all().delete()
for found in s3.Bucket(source).objects.all():
    s3.Object(target, found.key).copy_from(CopySource={"Bucket": source, "Key": found.key})
"#;

impl Drop for S3Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The folder where moto is installed.
fn moto() -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _guard = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/requirements.txt");
    let wanted = fs::read_to_string(&requirements).unwrap();
    // Beside the test programs, of which this is one.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let folder = target.join("moto");
    let stamp = folder.join("installed.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        let _ = fs::remove_dir_all(&folder);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--quiet", "install", "--disable-pip-version-check", "--root-user-action=ignore"]);
        done(pip.args(["--no-deps", "--target"]).arg(&folder).arg("-r").arg(&requirements));
        fs::write(stamp, wanted).unwrap();
    }
    folder
}

/// The same, looked up by name.
pub(crate) fn aws(port: u16) -> impl Fn(&str) -> Option<String> {
    move |name| aws_variables(port).into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
}

/// What a gateway in front of a server does to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Takes the conditions out of requests, as servers do that do not know them.
    NoConditions,
    /// Answers every third request with this status instead of handing it on, and every third with it after it was done.
    Status(u16),
    /// Hands on so many requests and refuses all others, as if whoever sends them had been cut short.
    CutShort(usize),
}

/// A gateway in front of a server; its port. It ends with the test's process.
pub(crate) fn gateway(upstream: u16, fault: Fault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let requests = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming() {
            let (mut stream, requests) = (stream.unwrap(), Arc::clone(&requests));
            std::thread::spawn(move || {
                let Some(request) = read_request(&mut stream) else { return };
                let number = requests.fetch_add(1, Ordering::Relaxed);
                let (handed_on, status) = match fault {
                    Fault::NoConditions => (without_conditions(&request), None),
                    Fault::Status(status) => (request, (number % 3 > 0).then_some(status)),
                    Fault::CutShort(most) => (request, (number >= most).then_some(403)),
                };
                if status.is_none() || matches!(fault, Fault::Status(_)) && number % 3 == 1 {
                    let mut server = TcpStream::connect(("127.0.0.1", upstream)).unwrap();
                    server.write_all(&handed_on).unwrap();
                    let mut answer = Vec::new();
                    let _ = server.read_to_end(&mut answer);
                    if status.is_none() {
                        let _ = stream.write_all(&answer);
                    }
                }
                if let Some(status) = status {
                    let _ = write!(stream, "HTTP/1.1 {status} Fault\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                }
            });
        }
    });
    port
}

/// A request as it came, except that no other follows it on its connection.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 8192]);
    let head_length = loop {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_length]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    while bytes.len() < head_length + length.unwrap_or(0) {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
    }
    let kept = head.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut request: Vec<u8> = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
    request.extend_from_slice(b"\r\nconnection: close\r\n\r\n");
    request.extend_from_slice(&bytes[head_length..]);
    Some(request)
}

fn without_conditions(request: &[u8]) -> Vec<u8> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("if-"));
    let mut without: Vec<u8> = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
    without.extend_from_slice(&request[end..]);
    without
}
