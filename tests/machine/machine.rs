//! One booted machine with freshd installed as the manual says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for something that must happen; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at what nothing tells of.
const LOOK_PACE: Duration = Duration::from_millis(50);

/// A machine that runs; turned off when it is dropped.
pub(crate) struct Machine {
    boot: PathBuf,
    place: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Machine {
    /// Boots one on which freshd is installed with this jobs.toml, and with more lines in the unit, if any.
    #[track_caller]
    pub(crate) fn with(jobs_toml: &str, drop_in: &str) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let files = temporary.path().join("files");
        let install = |to: &str, from: &Path, mode: u32| {
            let to = files.join(to);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
            fs::copy(from, &to).expect("a copy");
            fs::set_permissions(&to, fs::Permissions::from_mode(mode)).expect("its mode");
        };
        install("usr/bin/freshd", Path::new(env!("CARGO_BIN_EXE_freshd")), 0o755);
        for unit in [
            "freshd.service",
            "freshd-failure@.service",
            "freshd-failure-notice@.service",
        ] {
            install(
                &format!("etc/systemd/system/{unit}"),
                &repository.join("systemd").join(unit),
                0o644,
            );
        }
        install(
            "usr/lib/sysusers.d/freshd.conf",
            &repository.join("systemd/freshd.sysusers.conf"),
            0o644,
        );
        let machine = Self {
            boot: repository.join("tests/machine/boot.sh"),
            place: temporary.path().join("box"),
            _temporary: temporary,
        };
        write_below(&files, "etc/freshd/jobs.toml", jobs_toml);
        write_below(&files, "etc/freshd/secrets/hook", SECRET);
        if !drop_in.is_empty() {
            write_below(&files, "etc/systemd/system/freshd.service.d/test.conf", drop_in);
        }
        let files = files.display().to_string();
        let booted = machine.call("start", &[&files]);
        assert!(
            booted.status.success(),
            "the machine does not boot: {}; this test needs root, systemd, util-linux and iproute2",
            said(&booted)
        );
        machine.must(&["systemd-sysusers"]);
        machine.must(&[
            "sh",
            "-c",
            "mkdir -p /srv && chmod 1777 /srv && mkfifo -m 666 /srv/begun /srv/go",
        ]);
        machine
    }

    /// Runs a command in it.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.call("exec", words)
    }

    /// The same; it must succeed. Returns what it printed.
    #[track_caller]
    pub(crate) fn must(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(
            output.status.success(),
            "{words:?}: {}\n{}",
            said(&output),
            self.journal()
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A verb of freshd, as the user that the service runs as; its exit code and what it printed.
    pub(crate) fn freshd(&self, words: &[&str]) -> (Option<i32>, String) {
        let all = [
            &["setpriv", "--reuid=freshd", "--regid=freshd", "--clear-groups"],
            &[
                "freshd",
                "--config",
                "/etc/freshd/jobs.toml",
                "--state",
                "/var/lib/freshd",
            ][..],
            words,
        ];
        let output = self.run(&all.concat());
        (output.status.code(), said(&output))
    }

    /// Begins a run by hand, and waits until its process has said that it has begun.
    #[track_caller]
    pub(crate) fn begin(&self, job: &str) -> u64 {
        let (code, said) = self.freshd(&["run", job, "--json"]);
        assert_eq!(code, Some(0), "{said}\n{}", self.journal());
        let run: Value = serde_json::from_str(&said).expect("the run");
        assert_eq!(self.must(&["timeout", "20", "cat", "/srv/begun"]), "begun\n");
        run["run"].as_u64().expect("its number")
    }

    /// Lets the process that waits go on.
    #[track_caller]
    pub(crate) fn go_on(&self) {
        self.must(&["timeout", "20", "sh", "-c", "echo go > /srv/go"]);
    }

    /// The record of a run once it is final.
    #[track_caller]
    pub(crate) fn finished(&self, run: u64) -> Value {
        let mut record = Value::Null;
        self.until("the run is final", || {
            let (_, said) = self.freshd(&["history", "--json"]);
            let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found = lines.into_iter().find(|line| line["run"] == run);
            record = found.unwrap_or_default();
            record["ended_at"].is_string()
        });
        record
    }

    /// One property of the service.
    #[track_caller]
    pub(crate) fn property(&self, name: &str) -> String {
        let value = self.must(&["systemctl", "show", "--value", "--property", name, "freshd"]);
        value.trim_end().to_owned()
    }

    /// Waits for a line of the journal that holds this.
    #[track_caller]
    pub(crate) fn journal_says(&self, wanted: &str) -> String {
        let mut following = Command::new(&self.boot)
            .arg("exec")
            .arg(&self.place)
            .args(["timeout", &PATIENCE.as_secs().to_string()])
            .args(["journalctl", "--follow", "--lines=all", "--output=cat"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the journal");
        let lines = BufReader::new(following.stdout.take().expect("its lines")).lines();
        let found = lines.map_while(Result::ok).find(|line| line.contains(wanted));
        let _ = following.kill();
        let _ = following.wait();
        found.unwrap_or_else(|| panic!("the journal does not say {wanted:?}:\n{}", self.journal()))
    }

    /// Everything in the journal of freshd and of what tells of its end.
    pub(crate) fn journal(&self) -> String {
        said(&self.run(&["journalctl", "--output=cat", "--unit=freshd*"]))
    }

    /// Looks until it is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds() {
            assert!(
                Instant::now() < until,
                "not within {PATIENCE:?}: {what}\n{}",
                self.journal()
            );
            std::thread::park_timeout(LOOK_PACE);
        }
    }

    /// Writes a file of its root.
    #[track_caller]
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.must(&["sh", "-c", "printf %s \"$2\" > \"$1\"", "sh", path, text]);
    }

    fn call(&self, verb: &str, words: &[&str]) -> Output {
        let mut command = Command::new(&self.boot);
        command.arg(verb).arg(&self.place).args(words).stdin(Stdio::null());
        command.output().expect("bash is there")
    }
}

fn write_below(files: &Path, path: &str, text: &str) {
    let path = files.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.call("stop", &[]);
    }
}

/// What lies in `/etc/freshd/secrets/hook`.
pub(crate) const SECRET: &str = "whsec_Y2FuYXJ5LWluLXRoZS1jb2FsLW1pbmU=";

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}
