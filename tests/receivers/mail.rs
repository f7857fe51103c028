//! Mail servers that put off, hang, cut, offer no protection or show a wrong certificate: what arrives, and what is said.

use freshd::model::{DeliveryOutcome, NotificationState};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use super::company::{PATIENCE, Way, configure, fail, is_given_up, mend, told, tried_out, until_delivered};
use super::freshd_process::House;
use super::servers::Servers;
use super::support::certificates::{Authority, Certificate};

const SCRIPT: &str = "mail_servers.py";

const PASSWORD: &str = "canary-Pa55word-7f3a";

const TO: &str = "warehouse@seafood.example";

/// Mail servers to be, with their certificates.
struct Post {
    house: House,
    authority: Authority,
    servers: Vec<Value>,
}

impl Post {
    fn new() -> Self {
        let house = House::new();
        house.write("password", &format!("{PASSWORD}\n"));
        let authority = Authority::new(&house.path(""));
        Self {
            house,
            authority,
            servers: Vec::new(),
        }
    }

    /// One more that wants a login.
    fn add(&mut self, name: &str, tls: Option<&str>, certificate: Certificate, does: &[&str]) {
        let server = json!({ "name": name, "tls": tls, "user": "freshd", "password": PASSWORD, "does": does });
        self.servers.push(server);
        self.certify(name, certificate);
    }

    /// Writes a server's certificate anew.
    fn certify(&mut self, name: &str, certificate: Certificate) {
        let (certificate, key) = self.authority.pem(certificate);
        let server = self.servers.iter_mut().find(|server| server["name"] == name);
        let server = server.expect("the server");
        server["certificate"] = json!(self.house.write(&format!("{name}.pem"), &certificate));
        server["key"] = json!(self.house.write(&format!("{name}.key"), &key));
    }

    fn start(&self) -> Servers {
        Servers::start(SCRIPT, &json!(self.servers))
    }
}

/// The channel that leads to a server.
fn way<'a>(name: &'a str, scheme: &str, servers: &Servers, to: &'a str) -> Way<'a> {
    let port = servers.port(name);
    Way {
        name,
        keys: format!(
            "type = \"email\"\nserver = \"{scheme}://localhost:{port}\"\nfrom = \"freshd@seafood.example\"\n\
             username = \"freshd\"\npassword = {{ file = \"password\" }}\nca = \"ca.pem\""
        ),
        to: Some(to),
    }
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

/// What the server kept as bytes, which it tells as the letters of Latin-1.
pub(super) fn bytes(mail: &Value) -> Vec<u8> {
    let letters = text(mail, "data").chars();
    letters
        .map(|letter| u8::try_from(u32::from(letter)).expect("a byte"))
        .collect()
}

/// Message-ID, root of the thread, subject.
fn headers(mail: &Value) -> (String, String, String) {
    let bytes = bytes(mail);
    let mail = MessageParser::default().parse(&bytes).expect("a mail");
    let root = mail.references().as_text().expect("a root");
    (
        mail.message_id().expect("an id").to_owned(),
        root.to_owned(),
        mail.subject().expect("a subject").to_owned(),
    )
}

/// What was said at each try, nothing for the one that was accepted.
fn errors(house: &House, name: &str) -> Vec<String> {
    let told = told(house, name);
    let tries = told.iter().flat_map(|(_, tries)| tries);
    let errors = tries.map(|one| match &one.outcome {
        DeliveryOutcome::Accepted => String::new(),
        DeliveryOutcome::Temporary { error, .. }
        | DeliveryOutcome::Unreachable { error }
        | DeliveryOutcome::Permanent { error }
        | DeliveryOutcome::Unsent { error } => error.clone(),
    });
    errors.collect()
}

#[test]
fn a_mail_that_is_put_off_arrives_once_and_the_same_and_its_end_behind_it() {
    let mut post = Post::new();
    for (name, tls, does) in [
        ("starttls", "starttls", "takes"),
        ("implicit", "implicit", "takes"),
        ("greylists", "starttls", "greylists"),
        ("hangs", "starttls", "hangs"),
        ("cuts", "starttls", "cuts"),
    ] {
        // The opening, and that again; its end; and a test.
        post.add(name, Some(tls), Certificate::Good, &[does, "takes", "takes", does]);
    }
    let servers = post.start();
    let ways = ["starttls", "greylists", "hangs", "cuts"].map(|name| way(name, "smtp+starttls", &servers, TO));
    let mut ways = Vec::from(ways);
    ways.push(way("implicit", "smtps", &servers, TO));
    configure(&post.house, &ways);
    let daemon = post.house.daemon();
    fail(&daemon, &post.house, &ways);
    until_delivered(&post.house, &ways, 1);
    mend(&daemon, &post.house, &ways);
    until_delivered(&post.house, &ways, 2);

    for way in &ways {
        let name = way.name;
        let mails = servers.events(name, "mail");
        let headers: Vec<_> = mails.iter().map(headers).collect();
        // It has kept a mail and could not say so: there, and nowhere else, it comes twice.
        let openings = if name == "cuts" { 2 } else { 1 };
        assert_eq!(mails.len(), openings + 1, "{name}: {headers:?}");
        assert_eq!(bytes(&mails[0]), bytes(&mails[openings - 1]), "{name}: the same mail");
        let (first, last) = (&headers[0], &headers[openings]);
        assert_ne!(first.0, last.0, "{name}");
        assert_eq!(first.1, last.1, "{name}: one thread");
        assert_eq!(format!("Re: {}", first.2), last.2, "{name}");
        for mail in &mails {
            assert_eq!(mail["to"], json!([TO]), "{name}");
            assert_eq!(text(mail, "user"), "freshd", "{name}");
        }
        let clear: String = servers
            .events(name, "clear")
            .iter()
            .map(|event| text(event, "said"))
            .collect();
        let said: Vec<&str> = clear
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert!(
            said.iter().all(|word| ["EHLO", "STARTTLS"].contains(word)),
            "{name}: {clear}"
        );
    }
    let tries = |name| errors(&post.house, name);
    for name in ["starttls", "implicit"] {
        assert_eq!(tries(name), ["", ""]);
    }
    let (code, said) = tried_out(&post.house, "all");
    assert_eq!(code, Some(1));
    for (name, words) in [
        (
            "greylists",
            "mail server localhost refused the mail: 451 4.7.1 Greylisted, try again later",
        ),
        ("hangs", "channel hangs: not accepted within 30s"),
        (
            "cuts",
            "mail server localhost, mail: it closed the connection before it had answered",
        ),
    ] {
        let tries = tries(name);
        assert!(
            tries.len() == 3 && tries[0].starts_with(words) && tries[1..] == ["", ""],
            "{name}: {tries:?}"
        );
        let line = format!("✗ {name}:{TO} has not: {words}");
        assert!(said.iter().any(|said| said.starts_with(&line)), "{name}: {said:#?}");
    }
}

#[test]
fn a_server_that_proves_nothing_gets_nothing_until_it_does() {
    const CASES: [(&str, &str, Option<Certificate>, &str); 7] = [
        (
            "named",
            "smtp+starttls",
            Some(Certificate::WrongHost),
            "its certificate is made out to another name",
        ),
        (
            "named-tls",
            "smtps",
            Some(Certificate::WrongHost),
            "its certificate is made out to another name",
        ),
        (
            "old",
            "smtp+starttls",
            Some(Certificate::Expired),
            "its certificate has expired",
        ),
        (
            "old-tls",
            "smtps",
            Some(Certificate::Expired),
            "its certificate has expired",
        ),
        ("own", "smtp+starttls", Some(Certificate::SelfSigned), "signed by"),
        ("own-tls", "smtps", Some(Certificate::SelfSigned), "signed by"),
        (
            "bare",
            "smtp+starttls",
            None,
            "mail server localhost does not offer STARTTLS, so nothing was sent",
        ),
    ];
    let tls = |scheme| if scheme == "smtps" { "implicit" } else { "starttls" };
    let mut post = Post::new();
    for (name, scheme, certificate, _) in CASES {
        let offered = certificate.map(|_| tls(scheme));
        post.add(name, offered, certificate.unwrap_or(Certificate::Good), &[]);
    }
    let servers = post.start();
    let ways = CASES.map(|(name, scheme, ..)| way(name, scheme, &servers, TO));
    configure(&post.house, &ways);
    let daemon = post.house.daemon();
    fail(&daemon, &post.house, &ways);
    let (code, said) = tried_out(&post.house, "all");
    assert_eq!(code, Some(1));
    for (name, _, _, words) in CASES {
        let begins = format!("✗ {name}:{TO} has not: ");
        let line = said.iter().find(|line| line.starts_with(&begins));
        assert!(line.is_some_and(|line| line.contains(words)), "{name}: {said:#?}");
        let told = told(&post.house, name);
        assert_eq!(told[0].0.state, NotificationState::Pending, "{name}: it may be mended");
        let (_, incident) = post
            .house
            .freshd(&["incidents", &told[0].0.incident.expect("an incident").to_string()]);
        let incident = incident.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(incident.contains(words), "{name}: {incident}");
        for kind in ["login", "mail"] {
            assert_eq!(servers.events(name, kind), Vec::<Value>::new(), "{name}");
        }
        let clear = servers.events(name, "clear");
        let begun = |event: &Value| {
            ["EHLO", "STARTTLS"]
                .iter()
                .any(|word| text(event, "said").starts_with(word))
        };
        assert!(clear.iter().all(begun), "{name}: {clear:?}");
    }

    // Whoever runs the server mends it; nobody has to tell freshd.
    for (name, scheme, ..) in CASES {
        post.certify(name, Certificate::Good);
        let port = servers.port(name);
        let server = post.servers.iter_mut().find(|server| server["name"] == name);
        let server = server.expect("the server");
        server["tls"] = json!(tls(scheme));
        server["port"] = json!(port);
    }
    drop(servers);
    let servers = post.start();
    until_delivered(&post.house, &ways, 1);
    for (name, ..) in CASES {
        assert_eq!(servers.events(name, "mail").len(), 1, "{name}");
    }
}

#[test]
fn a_refused_login_is_final_is_said_and_gives_no_password_away() {
    let mut post = Post::new();
    post.add("login", Some("starttls"), Certificate::Good, &[]);
    let servers = post.start();
    let wrong = "wrong-but-secret-9911";
    post.house.write("password", wrong);
    let ways = [way("login", "smtp+starttls", &servers, TO)];
    configure(&post.house, &ways);
    let mut daemon = post.house.daemon();
    fail(&daemon, &post.house, &ways);
    post.house
        .until_stored("it is given up", |_| is_given_up(&post.house, "login"));
    let (code, said) = tried_out(&post.house, "login");
    let words =
        "mail server localhost does not accept user freshd with this password; check username and password (535";
    assert_eq!(code, Some(1));
    assert!(
        said[0].starts_with(&format!("✗ login:{TO} has not: {words}")),
        "{said:?}"
    );
    let logins = servers.events("login", "login");
    assert!(
        !logins.is_empty() && logins.iter().all(|login| login["right"] == false),
        "{logins:?}"
    );
    assert_eq!(servers.events("login", "mail").len(), 0);

    // The fallback is told in its stead, and why.
    post.house.until_stored("the fallback is told", |_| {
        std::fs::read_dir(post.house.path("outbox")).is_ok_and(|mut dir| dir.next().is_some())
    });
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let mut everything = daemon.log().into_bytes();
    for dir in ["outbox", "state"] {
        read_all(&post.house.path(dir), &mut everything);
    }
    let holds = |text: &str| everything.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("no listener"), "what was written is looked at");
    assert!(!holds(wrong));
    // user and password as AUTH PLAIN sends them
    assert!(!holds("AGZyZXNoZAB3cm9uZy1idXQtc2VjcmV0LTk5MTE"));
}

/// Every file below a directory.
fn read_all(dir: &std::path::Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, into);
        } else if let Ok(bytes) = std::fs::read(&path) {
            into.extend(bytes);
        }
    }
}

#[test]
fn letters_of_every_alphabet_arrive_as_they_were_where_the_server_takes_them() {
    let mut post = Post::new();
    for name in ["plain", "letters", "domain", "lines"] {
        post.add(name, Some("starttls"), Certificate::Good, &[]);
    }
    post.servers[1]["smtputf8"] = json!(true);
    let servers = post.start();
    let ways = [
        way("plain", "smtp+starttls", &servers, "blåskjell@seafood.example"),
        way("letters", "smtp+starttls", &servers, "blåskjell@seafood.example"),
        way("domain", "smtp+starttls", &servers, "lager@blåskjell.example"),
        way("lines", "smtp+starttls", &servers, TO),
    ];
    configure(&post.house, &ways);
    // A line of a dot alone ends a mail, unless its sender takes care; a line may have 998 bytes.
    let long = "lagerbeholdning-på-Tromsø".repeat(40);
    let lines = [long.as_str(), "..", ".", "Ærlig talt: 鮭 лосось", "=20 =", "From here"];
    let jobs = post.house.read("jobs.toml");
    let prints: Vec<String> = lines.iter().map(|line| format!("echo '{line}'; ")).collect();
    let jobs = jobs.replace("echo no listener; ", &prints.concat());
    post.house.write("jobs.toml", &jobs);
    let daemon = post.house.daemon();
    fail(&daemon, &post.house, &ways);
    until_delivered(&post.house, &ways[1..], 1);

    post.house
        .until_stored("it is given up", |_| is_given_up(&post.house, "plain"));
    let refused = errors(&post.house, "plain");
    assert!(refused[0].contains("blåskjell@seafood.example"), "{refused:?}");
    assert!(refused[0].contains("SMTPUTF8"), "{refused:?}");
    assert_eq!(servers.events("plain", "mail").len(), 0);
    let to = |name| servers.until(name, "mail", 1, PATIENCE)[0]["to"].clone();
    assert_eq!(to("letters"), json!(["blåskjell@seafood.example"]));
    assert_eq!(to("domain"), json!(["lager@xn--blskjell-b0a.example"]));

    let mail = bytes(&servers.until("lines", "mail", 1, PATIENCE)[0]);
    assert!(mail.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
    let mail = MessageParser::default().parse(&mail).expect("a mail");
    let text = mail.body_text(0).expect("text").replace("\r\n", "\n");
    let html = mail.body_html(0).expect("HTML").replace("\r\n", "\n");
    for line in &lines[1..] {
        assert!(text.contains(&format!("  | {line}\n")), "{line:?} in {text}");
        assert!(html.contains(&format!("\n{line}\n")), "{line:?} in {html}");
    }
    // The long one keeps both its ends.
    let end = "lagerbeholdning-på-Tromsø".repeat(3);
    let is_kept = |line: &str| line.contains(&format!("{end}lager")) && line.ends_with(&end);
    assert!(html.lines().any(is_kept), "{html}");
}
