//! The keeper with real processes, through the real binary.

mod cgroups;
mod delegated;
mod ending;
mod house;
mod limits;
mod orphans;
mod outliving;
mod run_as;
mod rush;
mod streams;
mod strangers;
mod unkillable;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use freshd::model::ExitStatus;
use freshd::runner::{LineKind, read_log};
use house::*;

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_signals_are_told_as_the_kernel_says_them() {
    let mut house = House::new().await;
    let cases = [
        ("true", ExitStatus::Code(0)),
        ("exit 7", ExitStatus::Code(7)),
        ("exit 255", ExitStatus::Code(255)),
        ("kill -KILL $$", ExitStatus::Signal(9)),
        ("kill -SEGV $$", ExitStatus::Signal(11)),
    ];
    for (run, (text, status)) in (1..).zip(cases) {
        let exit = house.run(house.shell(run, text)).await;
        assert_eq!(exit.status, status, "{text}");
        assert_eq!(exit.stop, None);
        assert_eq!(house.started.get(&id(run)), Some(&exit.pid));
        assert!(exit.started_at <= exit.ended_at);
        assert!(exit.usage.max_rss_kib > 0);
        assert!(!house.dir.join(format!("logs/{run}.1.log")).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_started_says_why_and_what_to_do() {
    let mut house = House::new().await;
    let file = |name: &str, text: &str, mode: u32| {
        let path = house.dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain", "#!/bin/sh\n", 0o644);
    let no_header = file("no-header", "echo hello\n", 0o755);
    let no_interpreter = file("no-interpreter", "#!/no/such/perl -w\n", 0o755);
    let cases = [
        ("/no/such/program", "/no/such/program does not exist; correct"),
        (
            "no-such-program",
            "no-such-program is not in PATH (/usr/bin:/bin); write",
        ),
        (&plain, "may not be executed"),
        (&no_header, "begin it with a line such as #!/bin/sh"),
        (&no_interpreter, "asks for the interpreter /no/such/perl"),
        ("/bin", "/bin is a directory"),
        ("", "the command is empty"),
    ];
    for (run, (program, sentence)) in (1..).zip(cases) {
        let exit = house.run(house.spec(run, &[program])).await;
        let ExitStatus::NotStarted(why) = &exit.status else {
            panic!("{program}: {exit:?}")
        };
        assert!(why.contains(sentence), "{why}");
        assert_eq!((exit.pid, exit.started_at), (0, exit.ended_at));
    }
    let mut spec = house.shell(20, "true");
    spec.workdir = PathBuf::from("/no/such/dir");
    let exit = house.run(spec).await;
    let why =
        "workdir /no/such/dir cannot be entered: No such file or directory (os error 2); make it, or correct workdir";
    assert_eq!(exit.status, ExitStatus::NotStarted(why.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_looked_for_in_the_path_of_its_job() {
    let mut house = House::new().await;
    fs::create_dir(house.dir.join("tools")).unwrap();
    symlink("/bin/sh", house.dir.join("tools/my-shell")).unwrap();
    let mut spec = house.spec(1, &["my-shell", "-c", "exit 4"]);
    spec.env[0].1 = "/bin:tools".to_owned();
    assert_eq!(house.run(spec).await.status, ExitStatus::Code(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_gets_its_environment_three_descriptors_and_nothing_else() {
    let mut house = House::new().await;
    let spec = house.spec(1, &["/usr/bin/env"]);
    let expected: Vec<_> = spec.env.iter().map(|(key, value)| format!("{key}={value}")).collect();
    house.run(spec).await;
    assert_eq!(house.printed(1), expected);

    house
        .run(house.shell(
            2,
            "ls -m /proc/$$/fd; readlink /proc/$$/fd/0; pwd; ulimit -Sn; grep -E '^Sig(Blk|Ign)' /proc/self/status; ps -o sid= -p $$ | tr -d ' '; echo $$",
        ))
        .await;
    let printed = house.printed(2);
    let pid = printed.last().unwrap();
    assert_eq!(printed[0], "0, 1, 2");
    assert_eq!(printed[1], "/dev/null");
    assert_eq!(printed[2], house.dir.to_str().unwrap());
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    assert_eq!(printed[3], limit.unwrap().to_string());
    assert_eq!(printed[4], "SigBlk:\t0000000000000000");
    let ignored = printed[5].strip_prefix("SigIgn:\t").unwrap();
    // Signals 32 and 33 are the C library's own.
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0);
    assert_eq!(&printed[6], pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keeper_keeps_nothing_of_the_environment_it_was_started_with() {
    let house = House::new().await;
    let keeper = house.keeper_pids()[0];
    assert_eq!(fs::read(format!("/proc/{keeper}/environ")).unwrap(), b"");
    for (name, mode) in [("", 0o700), ("1.sock", 0o600), ("1.journal", 0o600), ("1.log", 0o600)] {
        let file = fs::metadata(house.dir.join("keeper").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_no_plain_file_is_not_followed() {
    let mut house = House::new().await;
    let exit = house.run(house.shell(1, "ln -s /etc/passwd $FRESHD_REPORT")).await;
    assert_eq!(exit.report, "");
    let exit = house
        .run(house.shell(2, "head -c 200000 /dev/zero | tr '\\0' x > $FRESHD_REPORT"))
        .await;
    assert_eq!(exit.report.len() as u64, freshd::runner::REPORT_BYTES_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_fills_neither_memory_nor_disk_and_delays_nobody() {
    let mut house = House::new().await;
    // The first attempt grows the keeper to what it needs anyway.
    house.run(house.shell(1, "head -c 1000000 /dev/zero")).await;
    let keeper = house.keeper_pids()[0];
    let before_kib = memory_kib(keeper);
    let mut spec = house.shell(
        2,
        "yes | head -c 25000000; head -c 25000000 /dev/zero; printf '\\377end'",
    );
    spec.log_limit_bytes = 1 << 20;
    let log = spec.log.clone();
    house.keepers().start(spec);
    house.pid(2).await;
    let quick = house.run(house.shell(3, "true")).await;
    assert_eq!(quick.status, ExitStatus::Code(0));
    let exit = house.exit().await;
    assert_eq!(exit.output.bytes, 50_000_004);
    assert!(exit.output.dropped_bytes > 47_000_000);
    assert!(exit.output.tail.ends_with("\u{fffd}end"));
    assert!(exit.output.tail.len() <= freshd::runner::TAIL_BYTES_MAX);
    let on_disk: u64 = fs::read_dir(log.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_str().unwrap().starts_with("2.1.log"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(on_disk <= 2 << 20, "{on_disk}");
    let mut gaps = 0;
    let mut kept = 0;
    for line in read_log(&log).unwrap() {
        let line = line.unwrap();
        match line.kind {
            LineKind::Gap => gaps += 1,
            LineKind::Whole => kept += line.text.len() as u64 + 1,
            LineKind::Piece => kept += line.text.len() as u64,
        }
    }
    assert_eq!(gaps, 1);
    assert!(kept <= exit.output.bytes - exit.output.dropped_bytes);
    let grown_kib = memory_kib(keeper).saturating_sub(before_kib);
    assert!(grown_kib <= 1_024, "grew by {grown_kib} KiB");
}

/// Largest resident size so far.
fn memory_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
