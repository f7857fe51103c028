//! `[web]`: where it listens, how people reach it, and who is known.

use std::time::Duration;

use super::*;
use crate::model::{Scope, Web};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const TOKEN: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn place() -> Place {
    let place = Place::new();
    place.write("secrets/kari", &format!("{HASH}\n"));
    place.write("secrets/grafana", TOKEN);
    place.write("secrets/plain", "correct horse battery staple");
    place
}

fn web(text: &str) -> Web {
    let loaded = place().load_text(&format!("{TOP}{text}"));
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    settings.web.expect("[web]")
}

const KNOWN: &str = r#"
[web.auth]
idle = "1h"
[web.auth.users.kari]
password = { file = "secrets/kari" }
scope = "operate"
[web.auth.users.olav]
password = { file = "secrets/kari" }
[web.auth.tokens.grafana]
token = { file = "secrets/grafana" }
"#;

#[test]
fn people_and_programs_are_known_by_hashes_and_may_see_unless_more_is_said() {
    let web = web(&format!(
        "[web]\nlisten = \"0.0.0.0:80\"\npublic_url = \"https://Freshd.Example:443/\"\nproxies = [\"10.0.0.7\"]\n{KNOWN}"
    ));
    assert_eq!(web.listen.to_string(), "0.0.0.0:80");
    assert_eq!(web.public_url.expect("a URL").origin(), "https://freshd.example");
    let auth = web.auth.expect("[web.auth]");
    assert_eq!(auth.users["kari"].password.reveal(), HASH);
    assert_eq!(
        (auth.users["kari"].scope, auth.users["olav"].scope),
        (Scope::Operate, Scope::View)
    );
    assert_eq!(auth.tokens["grafana"].hash.to_string(), TOKEN);
    assert_eq!(
        (auth.idle, auth.longest),
        (Duration::from_hours(1), Duration::from_hours(168))
    );
    assert!(!format!("{auth:?}").contains("argon2id"), "{auth:?}");
}

#[test]
fn a_web_that_would_let_in_whom_it_should_not_is_refused() {
    let place = place();
    for (text, expected) in [
        (
            "[web]\nlisten = \"0.0.0.0:80\"\n",
            "jobs.toml:18:10 `\"0.0.0.0:80\"` without a login the pages are for this machine only, and 0.0.0.0 is for others too (write listen = \"127.0.0.1:80\" and reach it through ssh -L, or say in [web.auth] who may see them)",
        ),
        (
            &format!("[web]\nlisten = \"0.0.0.0:80\"\n{KNOWN}"),
            "jobs.toml:18:10 `\"0.0.0.0:80\"` it does not say by which address others reach the pages (write public_url = \"https://freshd.example.com\", the address of the reverse proxy that has the certificate)",
        ),
        (
            "[web]\npublic_url = \"http://freshd.example\"\n",
            "jobs.toml:18:14 `\"http://freshd.example\"` `public_url` must begin with https:// unless it is this machine (write public_url = \"https://freshd.example.com\": over plain http everybody on the way could read passwords)",
        ),
        (
            "[web]\npublic_url = \"https://ops.example/freshd\"\n",
            "jobs.toml:18:14 `\"https://ops.example/freshd\"` `public_url` is more than a scheme and a host (write public_url = \"https://freshd.example.com\", without a path: freshd answers at the root of a host of its own)",
        ),
        (
            "[web]\nproxies = [\"proxy.example\"]\n",
            "jobs.toml:18:12 `\"proxy.example\"` `proxy.example` is not the address of a proxy (write its IP address, as in proxies = [\"10.0.0.7\"]; those on this machine need not be named)",
        ),
        (
            "[web.auth]\nidle = \"1h\"\n",
            "jobs.toml:17:1 `[web.auth]` [web.auth] knows nobody (write [web.auth.users.NAME] with the file of a hash that `freshd password` prints)",
        ),
        (
            "[web.auth]\nusers = 1\n",
            "jobs.toml:18:9 `1` `users` must be a table, not a whole number (write users = { ... })",
        ),
        (
            "[web.auth.users.kari]\nscope = \"view\"\n",
            "jobs.toml:17:17 `kari` `password` does not say where its hash is found (write password = { file = \"secrets/NAME\" }, and put there what `freshd password` prints)",
        ),
        (
            "[web.auth.users.kari]\npassword = { file = \"secrets/plain\" }\n",
            "jobs.toml:18:12 `{ file = \"secrets/plain\" }` what `password` names is not a hash that `freshd password` prints (put there what `freshd password` prints, and nothing else)",
        ),
        (
            "[web.auth.tokens.x]\ntoken = { file = \"secrets/plain\" }\n",
            "jobs.toml:18:9 `{ file = \"secrets/plain\" }` what `token` names is not the hash of a token (put there the line that `freshd token` prints as the hash; the token itself is for the program alone)",
        ),
        (
            "[web.auth.users.kari]\npassword = { file = \"secrets/kari\" }\nscope = \"admin\"\n",
            "jobs.toml:19:9 `\"admin\"` `admin` is not a value of `scope` (write one of \"view\", \"operate\")",
        ),
        (
            &format!("[web]\n{}", KNOWN.replace("1h", "1m")),
            "jobs.toml:20:8 `\"1m\"` `idle` is from 5m to 30d (write idle = \"12h\")",
        ),
    ] {
        let loaded = place.load_text(&format!("{TOP}{text}"));
        assert_eq!(place.lines(&loaded, Level::Error), [expected], "{text}");
        assert!(!format!("{:?}", loaded.problems).contains("battery"), "{text}");
    }
}

#[test]
fn a_port_that_is_open_to_others_is_told_to_be_a_proxys() {
    let place = place();
    let text = format!("{TOP}[web]\nlisten = \"10.0.0.5:80\"\npublic_url = \"https://freshd.example\"\n{KNOWN}");
    let loaded = place.load_text(&text);
    let notes = place.lines(&loaded, Level::Note);
    assert!(
        notes.iter().any(|note| note.contains("TLS is a reverse proxy's")),
        "{notes:?}"
    );
    assert!(place.lines(&loaded, Level::Error).is_empty());
}
