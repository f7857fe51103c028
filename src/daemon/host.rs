//! What decisions need to know of the machine, read once at start.

use std::path::Path;

use crate::model::Host;
use crate::runner;

/// Where commands are looked for when the daemon itself was started without a PATH.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Reads it.
pub(super) fn host(state_dir: &Path) -> Host {
    let var = |key: &str, default: &str| {
        let value = std::env::var(key).ok().filter(|value| !value.is_empty());
        (key.to_owned(), value.unwrap_or_else(|| default.to_owned()))
    };
    let user = account();
    let mut env = vec![
        var("PATH", PATH_DEFAULT),
        var("HOME", &user.home),
        ("USER".to_owned(), user.name.clone()),
        ("LOGNAME".to_owned(), user.name),
        ("SHELL".to_owned(), "/bin/sh".to_owned()),
        var("LANG", "C.UTF-8"),
    ];
    if let Ok(program) = std::env::current_exe() {
        env.push(("FRESHD_BIN".to_owned(), program.display().to_string()));
    }
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Host {
        boot_id: runner::boot_id(),
        state_dir: state_dir.to_owned(),
        env,
        hostname,
    }
}

struct Account {
    name: String,
    home: String,
}

/// The account freshd runs as, by /etc/passwd.
fn account() -> Account {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    for entry in passwd.lines() {
        let fields: Vec<&str> = entry.split(':').collect();
        if let [name, _, known, _, _, home, ..] = fields.as_slice()
            && *known == uid
        {
            return Account {
                name: (*name).to_owned(),
                home: (*home).to_owned(),
            };
        }
    }
    Account {
        name: uid,
        home: "/".to_owned(),
    }
}
