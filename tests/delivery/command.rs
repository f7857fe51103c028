//! Programs: given the message, judged by how they end, and ended with all that they started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use freshd::delivery::Delivery;
use freshd::model::{ChannelKind, Command, CommandChannel, DeliveryOutcome, RunAs};
use serde_json::Value;
use tempfile::TempDir;

use super::support::sample::{channel, notification, opening};
use super::{SHORT, permanent, send, temporary};

/// A script of `/bin/sh` in a directory of its own, which it finds as `$D`.
struct Script {
    dir: TempDir,
}

impl Script {
    fn new(text: &str) -> Self {
        let script = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let path = script.path("run.sh");
        fs::write(&path, format!("#!/bin/sh\nD={}\n{text}\n", script.dir.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Makes a pipe with a name.
    fn make_pipe(&self, name: &str) {
        let made = std::process::Command::new("mkfifo").arg(self.path(name)).status();
        assert!(made.unwrap().success());
    }

    /// Makes a pipe, and waits until somebody has said `alive` in it and nobody holds it open any more.
    fn watch_pipe(&self, name: &str) -> JoinHandle<()> {
        self.make_pipe(name);
        let path = self.path(name);
        std::thread::spawn(move || {
            // Opening waits for a writer, and the end comes when the last one is gone.
            assert_eq!(fs::read_to_string(path).unwrap(), "alive\n");
        })
    }

    fn channel(&self, timeout: Duration) -> CommandChannel {
        CommandChannel {
            command: Command::Argv(vec![Arc::from(self.path("run.sh").to_str().unwrap())]),
            timeout,
            run_as: None,
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        }
    }

    async fn run(&self) -> DeliveryOutcome {
        self.run_within(Duration::from_secs(20)).await
    }

    async fn run_within(&self, timeout: Duration) -> DeliveryOutcome {
        send(
            &ChannelKind::Command(Box::new(self.channel(timeout))),
            opening(),
            Some("bridge"),
        )
        .await
    }
}

#[tokio::test]
async fn a_program_gets_the_webhooks_json_and_a_small_environment() {
    let script = Script::new("cat > $D/body; env > $D/env; pwd > $D/where");
    assert_eq!(script.run().await, DeliveryOutcome::Accepted);
    let body: Value = serde_json::from_str(&script.read("body")).expect("JSON");
    assert_eq!(body["type"], "freshd.incident.opening");
    let mut expected = serde_json::to_value(opening()).unwrap();
    expected["to"] = "bridge".into();
    assert_eq!(body["data"], expected);
    assert_eq!(script.read("where"), "/\n");
    let env = script.read("env");
    let mut env: Vec<&str> = env.lines().filter(|line| !is_of_the_shell(line)).collect();
    env.sort_unstable();
    assert_eq!(
        env,
        [
            "FRESHD_ABOUT=dataset",
            "FRESHD_ACK_URL=",
            "FRESHD_ATTEMPT=1",
            "FRESHD_ID=n-1042",
            "FRESHD_INCIDENT=17",
            "FRESHD_INCIDENT_URL=",
            "FRESHD_KIND=late",
            "FRESHD_PURPOSE=opening",
            "FRESHD_SEVERITY=critical",
            "FRESHD_SUBJECT=stock",
            "FRESHD_TEAM=warehouse",
            "FRESHD_TEXT=Stock per lot did not come by Friday 23:15. Tromsø and the sales desk still read the count of 12 June, 22:58.",
            "FRESHD_THREAD=incident-17",
            "FRESHD_TITLE=[freshd] stock is late (#17)",
            "FRESHD_TO=bridge",
            "PATH=/usr/bin:/bin",
        ]
    );
}

/// What `/bin/sh` adds by itself.
fn is_of_the_shell(line: &str) -> bool {
    ["PWD=", "OLDPWD=", "SHLVL=", "_="]
        .iter()
        .any(|name| line.starts_with(name))
}

#[tokio::test]
async fn a_further_try_says_which_it_is() {
    let script = Script::new("echo $FRESHD_ATTEMPT > $D/attempt");
    let mut third = notification(opening(), None);
    third.tries = 2;
    let kind = ChannelKind::Command(Box::new(script.channel(Duration::from_secs(20))));
    Delivery::new(SHORT).send(&channel(kind), &third).await;
    assert_eq!(script.read("attempt"), "3\n");
}

#[tokio::test]
async fn the_exit_code_says_whether_another_try_can_help() {
    assert_eq!(Script::new("exit 0").run().await, DeliveryOutcome::Accepted);
    let (error, _) = temporary(Script::new("echo modem busy; exit 75").run().await);
    assert_eq!(error, "the command asks for another try (exit code 75): modem busy");
    let (error, _) = temporary(Script::new("kill -USR1 $$").run().await);
    assert_eq!(error, "the command was killed by signal 10");
    let error = permanent(
        Script::new("echo one; echo two >&2; echo; echo three; echo four; exit 3")
            .run()
            .await,
    );
    assert_eq!(error, "the command ended with exit code 3: two / three / four");
    let error = permanent(Script::new("no-such-program-anywhere").run().await);
    assert!(
        error.starts_with("the command was not found (exit code 127): "),
        "{error}"
    );
}

#[tokio::test]
async fn a_text_is_run_by_the_shell() {
    let script = Script::new("");
    let mut kind = script.channel(Duration::from_secs(20));
    kind.command = Command::Shell(format!(
        "echo \"$FRESHD_SEVERITY\" > {}/said && exit 0",
        script.dir.path().display()
    ));
    let outcome = send(&ChannelKind::Command(Box::new(kind)), opening(), None).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    assert_eq!(script.read("said"), "critical\n");
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let script = Script::new("");
    fs::set_permissions(script.path("run.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(permanent(script.run().await).contains("run.sh could not be started: Permission denied"));
    fs::remove_file(script.path("run.sh")).unwrap();
    assert!(permanent(script.run().await).contains("run.sh could not be started: No such file"));
}

#[tokio::test]
async fn at_its_limit_a_program_is_ended_with_all_that_it_started() {
    // The reader of the pipe hears of the end of every process that holds it.
    let script = Script::new(
        "sh -c 'trap \"\" TERM HUP; exec 9> '$D'/alive; echo alive >&9; echo still here; sleep 1000' & wait",
    );
    let watching = script.watch_pipe("alive");
    let (error, _) = temporary(script.run_within(Duration::from_secs(1)).await);
    assert_eq!(error, "the command did not end within 1s: still here");
    watching.join().expect("nothing of it lives");
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_and_not_waited_for() {
    let script = Script::new(
        "sh -c 'exec 9> '$D'/alive; echo alive >&9; echo > '$D'/begun; sleep 1000' & read begun < $D/begun; exit 0",
    );
    script.make_pipe("begun");
    let watching = script.watch_pipe("alive");
    assert_eq!(script.run().await, DeliveryOutcome::Accepted);
    watching.join().expect("nothing of it lives");
}

#[tokio::test]
async fn neither_a_flood_of_output_nor_a_program_that_does_not_listen_stands_in_the_way() {
    let mut large = opening();
    large.output = vec!["x".repeat(100_000); 20];
    let flood = Script::new("head -c 20000000 /dev/zero | tr '\\0' 'y'; echo; echo the end; exit 1");
    let kind = ChannelKind::Command(Box::new(flood.channel(Duration::from_secs(20))));
    let error = permanent(send(&kind, large.clone(), None).await);
    assert!(error.ends_with(" / the end"), "{error}");
    assert!(error.len() < 1000, "{}", error.len());
    let deaf = Script::new("exec 0<&-; exit 0");
    let kind = ChannelKind::Command(Box::new(deaf.channel(Duration::from_secs(20))));
    assert_eq!(send(&kind, large, None).await, DeliveryOutcome::Accepted);
}

#[tokio::test]
async fn root_lets_it_run_as_somebody_else_wholly() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let script = Script::new("id -u; id -g; id -G; exit 1");
    fs::set_permissions(script.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut kind = script.channel(Duration::from_secs(20));
    kind.run_as = Some(RunAs {
        user: "nobody".into(),
        uid: 65_534,
        gid: 65_534,
        groups: vec![65_534],
        home: "/nonexistent".into(),
        shell: "/usr/sbin/nologin".into(),
    });
    let error = permanent(send(&ChannelKind::Command(Box::new(kind)), opening(), None).await);
    assert_eq!(error, "the command ended with exit code 1: 65534 / 65534 / 65534");
}
