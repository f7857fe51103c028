//! The power is cut while a keeper works: whatever its disk kept, no job that ran is taken for one that did not.
//!
//! A real keeper is watched by strace while it starts and ends jobs. Then its journal is put together again as a disk may
//! have it at each instant of that: everything synced, and of what was written since any part. From each of them a
//! daemon has to find out the truth, or that it is lost.

use super::keeper_house::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use freshd::model::{AttemptState, Event, ExitStatus};
use rustix::process::{Pid, Signal, kill_process};

/// Ends that nothing else ends with.
const CODES: [(u64, i32); 4] = [(1, 41), (2, 42), (3, 43), (4, 44)];
/// Writes between two syncs, at most: each of them may be on the disk or not.
const UNSYNCED_MAX: usize = 6;

/// What a keeper was seen to do.
#[derive(Clone, Debug)]
enum Did {
    /// Wrote these bytes there in its journal.
    Wrote(usize, Vec<u8>),
    /// Its journal has this length now.
    Cut(usize),
    Synced,
    /// A job began.
    Ran(u64),
    /// The daemon heard that a job has ended.
    Told(u64),
}

/// Another boot than this one, for whoever looks it up.
const OTHER_BOOT: &str = "00000000-1111-2222-3333-444444444444\n";

/// A keeper of another boot, watched by strace.
fn watched_keeper(house: &House, trace: &Path) -> std::process::Child {
    let boot_id = house.dir.join("boot_id");
    fs::write(&boot_id, OTHER_BOOT).unwrap();
    let calls = "pwrite64,fdatasync,ftruncate,rename,execve,write,sendto,sendmsg";
    let strace = format!("strace -f -y -xx -s 300000 -o {} -e trace={calls}", trace.display());
    let mount = format!("mount --bind {} /proc/sys/kernel/random/boot_id", boot_id.display());
    house.keeper_under(
        &format!("exec unshare --mount /bin/sh -c '{mount} && exec {strace} \"$0\" \"$@\"'"),
        300,
    )
}

/// The keeper, not the one who watches it.
fn keeper_of(house: &House) -> i32 {
    let is_freshd = |pid: &i32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == Path::new(EXE));
    house.keeper_pids().into_iter().find(is_freshd).expect("a keeper")
}

/// The bytes of the first string behind `from` in a line of strace.
fn bytes_of(line: &str) -> Vec<u8> {
    let text = line.split('"').nth(1).unwrap_or_default();
    let digits = |pair: &str| u8::from_str_radix(pair, 16).expect("hexadecimal");
    text.split("\\x").skip(1).map(digits).collect()
}

fn text_of(line: &str) -> String {
    line.split('"')
        .skip(1)
        .step_by(2)
        .map(|text| String::from_utf8_lossy(&bytes_of(&format!("\"{text}\""))).into_owned() + " ")
        .collect()
}

/// The run whose end a message tells.
fn told(text: &str) -> Vec<u64> {
    let ends = text.split("{\"exited\":{\"id\":{\"run\":").skip(1);
    ends.filter_map(|rest| rest.split(',').next()?.parse().ok()).collect()
}

fn read_trace(trace: &Path) -> Vec<Did> {
    let text = fs::read_to_string(trace).unwrap();
    let mut did = Vec::new();
    let mut unfinished: BTreeMap<&str, String> = BTreeMap::new();
    for line in text.lines() {
        let (pid, rest) = line.split_once(' ').expect("a process and a call");
        let rest = rest.trim_start();
        // A call counts when it returns.
        let call = if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(pid, begun.to_owned());
            continue;
        } else if rest.starts_with("<...") {
            let end = rest.split_once("resumed>").map_or("", |(_, end)| end);
            format!("{}{end}", unfinished.remove(pid).unwrap_or_default())
        } else {
            rest.to_owned()
        };
        if call.contains(" = -1 ") {
            continue;
        }
        // strace names the file behind the descriptor.
        let file = call.split(['<', '>']).nth(1).unwrap_or_default();
        let is_journal = bytes_of(&format!("\"{file}\"")).ends_with(b"/1.journal");
        let last_number = || {
            let inside = call.rsplit_once(") ").expect("a call").0;
            let last = inside.rsplit(", ").next().expect("a number").trim();
            last.parse().expect("a number")
        };
        match call.split('(').next().unwrap_or_default() {
            "pwrite64" if is_journal => did.push(Did::Wrote(last_number(), bytes_of(&call))),
            "ftruncate" if is_journal => did.push(Did::Cut(last_number())),
            "fdatasync" if is_journal => did.push(Did::Synced),
            "rename" => assert!(
                !text_of(&call).contains("journal"),
                "this test does not follow a replaced journal"
            ),
            "execve" => {
                let words = text_of(&call);
                let run = CODES.iter().find(|(_, code)| words.contains(&format!("exit {code}")));
                did.extend(run.map(|(run, _)| Did::Ran(*run)));
            }
            "write" | "sendto" | "sendmsg" => {
                did.extend(told(&text_of(&call)).into_iter().map(Did::Told));
            }
            _ => {}
        }
    }
    did
}

fn apply(disk: &mut Vec<u8>, did: &Did, bytes_max: usize) {
    match did {
        Did::Wrote(at, bytes) => {
            let bytes = &bytes[..bytes.len().min(bytes_max)];
            disk.resize(disk.len().max(at + bytes.len()), 0);
            disk[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Did::Cut(length) => disk.resize(*length, 0),
        Did::Synced | Did::Ran(_) | Did::Told(_) => {}
    }
}

/// Everything that a disk may hold: what was synced, and of what came later each part, or half of the last one.
fn images(synced: &[u8], unsynced: &[&Did]) -> BTreeSet<Vec<u8>> {
    assert!(unsynced.len() <= UNSYNCED_MAX, "{} writes and no sync", unsynced.len());
    let mut images = BTreeSet::new();
    for kept in 0..1_u32 << unsynced.len() {
        for last_bytes_max in [usize::MAX, 60] {
            let mut disk = synced.to_vec();
            for (place, did) in unsynced
                .iter()
                .enumerate()
                .filter(|(place, _)| kept & (1 << place) != 0)
            {
                let is_last = place + 1 == unsynced.len();
                apply(&mut disk, did, if is_last { last_bytes_max } else { usize::MAX });
            }
            // The zeros behind the records say nothing.
            while disk.last() == Some(&0) {
                disk.pop();
            }
            images.insert(disk);
        }
    }
    images
}

/// What a daemon finds out from a journal about the jobs it had told the keeper to start.
async fn verdicts(journal: &[u8]) -> BTreeMap<u64, Event> {
    let mut house = House::empty();
    fs::create_dir(house.dir.join("keeper")).unwrap();
    fs::write(house.dir.join("keeper/1.lock"), "").unwrap();
    fs::write(house.dir.join("keeper/1.journal"), journal).unwrap();
    house
        .open(&CODES.map(|(run, _)| stored(run, AttemptState::Claimed)))
        .await;
    let mut verdicts = BTreeMap::new();
    while verdicts.len() < CODES.len() {
        let event = house.event().await;
        let run = match &event {
            Event::AttemptNeverStarted(id) | Event::AttemptStarted { id, .. } => id.run.0,
            Event::AttemptEnded(exit) => exit.id.run.0,
            // A write that is missing before one that is not.
            Event::JournalDamaged { .. } => continue,
            other => panic!("{other:?}"),
        };
        verdicts.insert(run, event);
    }
    verdicts
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_power_cut_leaves_of_a_journal_no_job_that_ran_is_started_again() {
    let mut house = House::empty();
    let trace = house.dir.join("trace");
    let mut keeper = watched_keeper(&house, &trace);
    house.open(&[]).await;
    let shell = |house: &House, (run, code): (u64, i32)| house.shell(run, &format!("exit {code}"));
    // Two at once, and two one after the other: starts that share a sync, and those that do not.
    for both in &CODES[..2] {
        house.keepers().start(shell(&house, *both));
    }
    for _ in 0..2 {
        house.exit().await;
    }
    for one in &CODES[2..] {
        house.keepers().start(shell(&house, *one));
        house.exit().await;
    }
    house.drop_daemon();
    kill_process(Pid::from_raw(keeper_of(&house)).unwrap(), Signal::KILL).unwrap();
    wait_for_child(&mut keeper);
    let did = read_trace(&trace);
    let count = |is_one: fn(&Did) -> bool| did.iter().filter(|did| is_one(did)).count();
    let (ran, told) = (
        count(|did| matches!(did, Did::Ran(_))),
        count(|did| matches!(did, Did::Told(_))),
    );
    assert_eq!(
        (ran, told),
        (CODES.len(), CODES.len()),
        "the trace shows every start and every end"
    );
    let (mut synced, mut unsynced) = (Vec::new(), Vec::<&Did>::new());
    let (mut ran, mut told) = (BTreeSet::new(), BTreeSet::new());
    let (mut known, mut cuts) = (BTreeMap::<Vec<u8>, BTreeMap<u64, Event>>::new(), 0);
    for now in &did {
        match now {
            Did::Wrote(..) | Did::Cut(_) => unsynced.push(now),
            Did::Synced => unsynced.drain(..).for_each(|did| apply(&mut synced, did, usize::MAX)),
            Did::Ran(run) => _ = ran.insert(*run),
            Did::Told(run) => _ = told.insert(*run),
        }
        for image in images(&synced, &unsynced) {
            cuts += 1;
            if !known.contains_key(&image) {
                let found = verdicts(&image).await;
                known.insert(image.clone(), found);
            }
            for (run, code) in CODES {
                let verdict = &known[&image][&run];
                let is_true = match verdict {
                    Event::AttemptEnded(exit) => match exit.status {
                        ExitStatus::Code(found) => found == code && ran.contains(&run),
                        ExitStatus::Unknown(_) => !told.contains(&run),
                        _ => false,
                    },
                    Event::AttemptNeverStarted(_) => !ran.contains(&run),
                    _ => false,
                };
                assert!(
                    is_true,
                    "after {now:?}: run {run} is taken for {verdict:?}, ran {ran:?}, told {told:?}"
                );
            }
        }
    }
    println!(
        "{cuts} power cuts at {} instants, {} different journals",
        did.len(),
        known.len()
    );
}
