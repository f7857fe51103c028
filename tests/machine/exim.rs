//! Mail through a real mail server, Exim: TLS, a login, greylisting, and what arrives in a mailbox.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use mail_parser::MessageParser;

use super::freshd_process::daemon::Daemon;
use super::freshd_process::{House, PATIENCE};
use super::support::certificates::{Authority, Certificate};

/// `PORT` and `WORD` stand for the mail server's port and the password.
const JOBS: &str = r#"
timezone = "Europe/Oslo"
run_as_root = true
[alerts]
group_wait = "0s"

[fallback]
notify = ["mail:it@seafood.example"]

[channels.mail]
type = "email"
server = "smtp+starttls://localhost:PORT"
from = "freshd@seafood.example"
username = "freshd"
password = { file = "password" }
ca = "ca.pem"

[teams.warehouse]
title = "Lager Ålesund"
notify = ["mail:warehouse@seafood.example"]

[jobs.stock-export]
title = "Fredagens lagereksport, Ålesund"
owner = "warehouse"
command = "echo 'ORA-12541: ingen lytter på lager-db'; exit 3"
"#;

/// What Exim is told; `PLACE` is a directory of its own, `PORT` its port.
const EXIM: &str = include_str!("exim.conf");

/// A mail server that runs; ended when it is dropped.
struct Exim {
    process: Child,
    place: PathBuf,
    port: u16,
}

impl Exim {
    #[track_caller]
    fn start(house: &House) -> Self {
        let authority = Authority::new(&house.path(""));
        let place = house.path("exim");
        fs::create_dir(&place).expect("a directory");
        for dir in ["", "spool", "log", "mail"] {
            fs::create_dir_all(place.join(dir)).expect("a directory");
            fs::set_permissions(place.join(dir), fs::Permissions::from_mode(0o777)).expect("its mode");
        }
        // Exim gives up root, and must still find its way.
        fs::set_permissions(house.path(""), fs::Permissions::from_mode(0o755)).expect("its mode");
        let (certificate, key) = authority.pem(Certificate::Good);
        fs::write(place.join("certificate.pem"), certificate).expect("a file");
        fs::write(place.join("key.pem"), key).expect("a file");
        let port = free_port();
        let text = EXIM
            .replace("PLACE", &place.display().to_string())
            .replace("PORT", &port.to_string());
        fs::write(place.join("exim.conf"), text).expect("a file");
        let process = Command::new("/usr/sbin/exim4")
            .arg("-C")
            .arg(place.join("exim.conf"))
            .args(["-bdf", "-q1m"])
            .stdin(Stdio::null())
            .spawn()
            .expect("this test needs Exim (Debian: exim4-daemon-light)");
        let exim = Self { process, place, port };
        until("Exim listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        exim
    }

    /// The mails in its one mailbox, the oldest first.
    fn mails(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.join("mail/new"))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
        files.sort();
        files
            .iter()
            .map(|file| fs::read_to_string(file).expect("a mail"))
            .collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.join("log/mainlog")).unwrap_or_default()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its number").port()
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

/// A company whose mail goes through this server.
fn begin(house: &House, exim: &Exim, password: &str) -> Daemon {
    house.write("password", password);
    house.configure(&JOBS.replace("PORT", &exim.port.to_string()));
    house.daemon()
}

#[test]
fn a_failure_arrives_in_the_owners_mailbox_by_tls_and_login_with_every_letter_as_it_was() {
    let house = House::new();
    let exim = Exim::start(&house);
    let daemon = begin(&house, &exim, "correct horse\n");
    daemon.run("stock-export");
    until("the mail is there", || exim.mails().len() == 1);
    let mail = exim.mails().remove(0);
    let longest = mail.lines().map(str::len).max();
    assert!(longest < Some(998), "a line of {longest:?} bytes");
    let mail = MessageParser::default().parse(&mail).expect("a mail");
    let header = |name: &str| mail.header_raw(name).unwrap_or_default().trim().to_owned();
    assert_eq!(
        mail.subject(),
        Some("[freshd] Fredagens lagereksport, Ålesund failed (#1)")
    );
    assert_eq!(header("Envelope-to"), "warehouse@seafood.example");
    assert_eq!(header("Return-path"), "<freshd@seafood.example>");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    let received = header("Received");
    assert!(received.contains("esmtpsa"), "TLS and a login: {received}");
    for body in [mail.body_text(0), mail.body_html(0)] {
        let body = body.expect("a part");
        for words in [
            "Fredagens lagereksport, Ålesund",
            "ORA-12541: ingen lytter på lager-db",
            "Lager Ålesund",
        ] {
            assert!(body.contains(words), "no {words:?} in {body}");
        }
    }
    assert!(!exim.log().contains("syntax error"), "{}", exim.log());
}

#[test]
fn a_server_that_says_later_gets_the_same_mail_again_and_keeps_one() {
    let house = House::new();
    let exim = Exim::start(&house);
    fs::write(exim.place.join("greylist"), "").expect("a file");
    let daemon = begin(&house, &exim, "correct horse\n");
    daemon.run("stock-export");
    daemon.logs(&["could not tell yet", "greylisted"]);
    fs::remove_file(exim.place.join("greylist")).expect("the file");
    until("the mail is there", || exim.mails().len() == 1);
    assert_eq!(
        exim.log().matches(" <= freshd@seafood.example").count(),
        1,
        "{}",
        exim.log()
    );
}

#[test]
fn a_wrong_password_is_said_by_the_test_of_the_channel() {
    let house = House::new();
    let exim = Exim::start(&house);
    let _daemon = begin(&house, &exim, "wrong\n");
    let (code, said) = house.freshd(&["notify", "test", "--team", "warehouse"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("535"), "{said}");
    assert_eq!(exim.mails().len(), 0);
}
