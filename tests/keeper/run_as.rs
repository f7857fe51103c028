//! Attempts as other users and with limits. Needs root, and setpriv of util-linux.

use super::house::*;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use freshd::model::{AttemptSpec, Conditions, DiskPriority, ExitStatus, Limits, RunAs, StopReason};

const NOBODY: u32 = 65_534;
/// Debian's user `daemon`.
const DAEMON: u32 = 1;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A shell command as a user, in the attempt's own directory.
fn as_user(house: &House, run: u64, uid: u32, text: &str) -> Box<AttemptSpec> {
    let mut spec = house.shell(run, text);
    spec.workdir.clone_from(&spec.run_dir);
    spec.conditions.run_as = Some(RunAs {
        user: format!("user{uid}"),
        uid,
        gid: uid,
        groups: vec![uid, 4],
        home: "/".to_owned(),
        shell: "/bin/sh".to_owned(),
    });
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_becomes_its_user_wholly_and_for_good() {
    if !is_root() {
        return;
    }
    let mut house = House::new().await;
    let text = "grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status; umask; \
        ls -m /proc/$$/fd; pwd; echo rows=3 >> $FRESHD_REPORT; touch made; stat -c '%u %g %a' . made";
    let mut spec = as_user(&house, 1, NOBODY, text);
    spec.conditions.umask = Some(0o027);
    let (run_dir, output_dir) = (spec.run_dir.clone(), house.dir.join("run/1.1.out"));
    spec.output_dir = Some(output_dir.clone());
    let exit = house.run(spec).await;
    assert_eq!(exit.status, ExitStatus::Code(0), "{}", exit.output.tail);
    let none = "0000000000000000";
    let expected = [
        "Uid:\t65534\t65534\t65534\t65534".to_owned(),
        "Gid:\t65534\t65534\t65534\t65534".to_owned(),
        "Groups:\t4 65534 ".to_owned(),
        format!("CapInh:\t{none}"),
        format!("CapPrm:\t{none}"),
        format!("CapEff:\t{none}"),
        format!("CapAmb:\t{none}"),
        "NoNewPrivs:\t0".to_owned(),
        "0027".to_owned(),
        "0, 1, 2".to_owned(),
        run_dir.to_str().unwrap().to_owned(),
        "65534 65534 700".to_owned(),
        "65534 65534 640".to_owned(),
    ];
    assert_eq!(house.printed(1), expected);
    assert_eq!(exit.report, "rows=3\n");
    let output_dir = fs::metadata(output_dir).unwrap();
    assert_eq!((output_dir.uid(), output_dir.mode() & 0o7777), (NOBODY, 0o700));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_reaches_what_is_its_own_and_its_inputs_and_nothing_else_of_the_state() {
    if !is_root() {
        return;
    }
    let mut house = House::new().await;
    fs::set_permissions(&house.dir, fs::Permissions::from_mode(0o700)).unwrap();
    let kept = house.dir.join("versions/items/1");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&kept).unwrap();
    let input = kept.join("items.csv");
    let secret = kept.join("secret");
    for file in [&input, &secret] {
        fs::write(file, "sku\n").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let tries = |paths: &[&Path]| {
        let tries = paths
            .iter()
            .map(|path| format!("cat {0} > /dev/null 2>&1 && echo read || echo refused;", path.display()));
        tries.collect::<String>()
    };
    let text = tries(&[&input, &secret, &house.dir.join("keeper/1.journal")]);
    let text = format!(
        "{text} ls {} > /dev/null 2>&1 || echo hidden; touch own",
        house.dir.display()
    );
    let mut spec = as_user(&house, 1, NOBODY, &text);
    spec.env
        .push(("FRESHD_INPUT_ITEMS".to_owned(), input.display().to_string()));
    let own = spec.run_dir.join("own");
    house.run(spec).await;
    assert_eq!(house.printed(1), ["read", "refused", "refused", "hidden"]);
    // Another user comes no nearer by that, nor to what is that user's.
    let other = as_user(&house, 2, DAEMON, &tries(&[&input, &own]));
    house.run(other).await;
    assert_eq!(house.printed(2), ["refused", "refused"]);
    // And what was given away is not used again for the next attempt.
    let third = house.shell(3, "stat -c '%u %a' $(dirname $FRESHD_REPORT)");
    house.run(third).await;
    assert_eq!(house.printed(3), ["0 700"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_become_its_user_wholly_nothing_of_an_attempt_runs() {
    if !is_root() {
        return;
    }
    for (taken, sentence) in [
        (
            "--bounding-set=-setgid",
            "cannot become user user65534: Operation not permitted",
        ),
        (
            "--bounding-set=-setuid",
            "cannot become user user65534: Operation not permitted",
        ),
        (
            "--bounding-set=-sys_ptrace",
            "freshd could not see what becomes of a process of user user65534, so nothing was run",
        ),
        (
            "--securebits=+no_setuid_fixup",
            "did not become user user65534 wholly, so nothing was run",
        ),
    ] {
        let mut house = House::empty();
        let mut keeper = house.keeper_under(&format!("exec setpriv {taken}"), 300);
        house.open(&[]).await;
        let evidence = house.dir.join("evidence");
        let mut spec = as_user(&house, 1, NOBODY, &format!("echo ran > {}", evidence.display()));
        spec.workdir = "/".into();
        let exit = house.run(spec).await;
        let ExitStatus::NotStarted(why) = &exit.status else {
            panic!("{taken}: {exit:?}")
        };
        assert!(why.contains(sentence), "{taken}: {why}");
        assert!(!evidence.exists());
        house.drop_daemon();
        keeper.kill().unwrap();
        keeper.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_user_cannot_enter_or_execute_is_said_with_its_name() {
    if !is_root() {
        return;
    }
    let mut house = House::new().await;
    let mut spec = as_user(&house, 1, NOBODY, "true");
    spec.workdir.clone_from(&house.dir);
    fs::create_dir(house.dir.join("closed")).unwrap();
    fs::set_permissions(house.dir.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    spec.workdir.push("closed");
    let closed = spec.workdir.display().to_string();
    let program = house.dir.join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let mut second = as_user(&house, 2, NOBODY, "");
    second.argv = vec![program.display().to_string()];
    for (spec, sentence) in [
        (
            spec,
            format!("workdir {closed} cannot be entered by user user65534: Permission denied"),
        ),
        (
            second,
            format!(
                "{} may not be executed by user user65534: Permission denied",
                program.display()
            ),
        ),
    ] {
        let exit = house.run(spec).await;
        let ExitStatus::NotStarted(why) = &exit.status else {
            panic!("{exit:?}")
        };
        assert!(why.contains(&sentence), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_of_another_user_is_ended_with_all_of_its_processes() {
    if !is_root() {
        return;
    }
    let mut house = House::new().await;
    let begun = both_ends(&house.fifo("begun"));
    fs::set_permissions(house.dir.join("begun"), fs::Permissions::from_mode(0o666)).unwrap();
    let text = format!(
        "trap '' TERM; setsid sleep 1000 & echo > {}/begun; wait",
        house.dir.display()
    );
    let mut spec = as_user(&house, 1, NOBODY, &text);
    spec.kill_after = std::time::Duration::from_millis(50);
    let run_dir = spec.run_dir.clone();
    house.keepers().start(spec);
    house.pid(1).await;
    hear(&begun);
    house.keepers().stop(id(1), StopReason::Cancelled);
    let exit = house.exit().await;
    assert_eq!(
        (exit.status, exit.stop),
        (ExitStatus::Signal(9), Some(StopReason::Cancelled))
    );
    let left = pids_where(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == run_dir));
    assert_eq!(left, [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_each_process_where_no_cgroup_keeps_them() {
    let mut house = House::new().await;
    let mut spec = house.shell(
        1,
        "grep -E '^Max (processes|open files|address space)' /proc/self/limits; nice",
    );
    spec.conditions = Conditions {
        nice: Some(7),
        limits: Limits {
            memory_bytes: Some(1 << 30),
            cpu_percent: None,
            files: Some(64),
            processes: Some(50_000),
        },
        ..Conditions::default()
    };
    house.run(spec).await;
    let printed = house.printed(1);
    let shown: Vec<String> = printed
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let own = rustix::process::nice(0).unwrap();
    assert_eq!(
        shown,
        [
            "Max processes 50000 50000 processes",
            "Max open files 64 64 files",
            "Max address space 1073741824 1073741824 bytes",
            &(own + 7).to_string(),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_reads_and_writes_disks_as_urgently_as_is_said() {
    let mut house = House::new().await;
    for (run, ionice, said) in [
        (1, DiskPriority::Idle, "idle"),
        (2, DiskPriority::BestEffort(6), "best-effort: prio 6"),
        (3, DiskPriority::BestEffort(0), "best-effort: prio 0"),
    ] {
        // Asks the kernel of the process that it is itself.
        let mut spec = house.spec(run, &["ionice"]);
        spec.conditions.ionice = Some(ionice);
        house.run(spec).await;
        assert_eq!(house.printed(run), [said]);
    }
}
