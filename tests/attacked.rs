//! Everything at once that somebody can do who reaches the port of the pages, while a job is due each second.
//!
//! The connections come from addresses of their own, as they would from other machines; whoever looks at a page comes from another.

#[path = "web/asking.rs"]
#[expect(dead_code, reason = "shared with the tests of the pages")]
mod asking;
mod freshd_process;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freshd::model::{Name, Run};
use freshd::store::HistoryFilter;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use asking::Site;
use freshd_process::House;
use freshd_process::daemon::Daemon;

const JOBS: &str = r#"
run_as_root = true
timezone = "Europe/Oslo"
[web]
listen = "127.0.0.1:0"
[fallback]
notify = ["outbox"]
[channels.outbox]
type = "file"
dir = "outbox"
[teams.it]
notify = ["outbox"]
[datasets.stock]
owner = "it"
probe = { ping = "a-key-that-nobody-guesses" }
[jobs.tick]
owner = "it"
command = ["true"]
every = "1s"
"#;

/// Connections that are held open, each for a stream of events.
const HELD: usize = 10_000;
/// Descriptors that are left for everything else.
const DESCRIPTORS_LEFT: u64 = 400;
/// Addresses from which they come.
const ATTACKERS: u8 = 20;
/// Runs that must begin while everything goes on.
const RUNS: usize = 15;
/// How late one may begin.
const LATE_MAX: Duration = Duration::from_secs(1);
/// Memory of its own that a window may take for whatever is done to it: docs/pages.md.
const MEMORY_MAX_KIB: u64 = 32 << 10;
/// Whoever is not read from for so long has been cut off, or soon is.
const STUCK: Duration = Duration::from_millis(200);

const HOST: &str = "Host: localhost\r\n";

#[test]
fn whatever_is_done_to_the_pages_jobs_begin_people_are_answered_and_memory_is_bounded() {
    let house = House::with(JOBS);
    let daemon = house.daemon();
    let held_max = descriptors();
    if held_max < HELD {
        println!("the hard limit of descriptors allows {held_max} connections instead of {HELD}");
    }
    let site = Site::of(&daemon);
    let port: SocketAddr = site.address().parse().expect("an address");
    let looked = |house: &House| runs(house).len();
    house.until_stored("a first run", |_| looked(&house) > 0);
    let memory_before = own_memory_kib(&daemon);
    let (is_over, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let over = || is_over.load(Ordering::Relaxed);
    // However it ends, the attackers end with it.
    let end = Ends(&is_over);
    let seen = std::thread::scope(|threads| {
        threads.spawn(|| hold(port, held_max, &opened, over));
        for (number, attack) in ATTACKS.iter().enumerate() {
            threads.spawn(move || {
                let address = Ipv4Addr::new(127, 0, 1, u8::try_from(number).expect("few") + 1);
                while !over() {
                    attack(address, port.port());
                }
            });
        }
        let _end = end;
        watch(&house, &site, &opened, held_max)
    });
    let memory = own_memory_kib(&daemon).saturating_sub(memory_before);
    assert!(memory <= MEMORY_MAX_KIB, "{memory} KiB more than before");
    assert!(seen > 0, "nobody looked");
    every_one_began(&runs(&house));
    println!(
        "{} connections, {seen} pages, {memory} KiB more",
        opened.load(Ordering::Relaxed)
    );
}

/// Says that it is over when it goes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// As many descriptors as may be; how many connections that allows.
fn descriptors() -> usize {
    let hard = getrlimit(Resource::Nofile).maximum;
    let wanted = HELD as u64 + DESCRIPTORS_LEFT;
    let most = hard.map_or(wanted, |hard| hard.min(wanted));
    let limit = Rlimit {
        current: Some(most),
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).expect("up to the hard limit");
    usize::try_from(most.saturating_sub(DESCRIPTORS_LEFT)).expect("few")
}

/// Opens one connection after the other, and lets none go before it is over.
fn hold(port: SocketAddr, held_max: usize, opened: &AtomicUsize, over: impl Fn() -> bool) {
    let mut held = Vec::new();
    while !over() {
        if held.len() == held_max {
            held.clear();
        }
        let from = Ipv4Addr::new(
            127,
            0,
            2,
            u8::try_from(held.len() % usize::from(ATTACKERS)).expect("few") + 1,
        );
        if let Some(mut stream) = connect(from, port.port()) {
            let _ = stream.write_all(format!("GET /events HTTP/1.1\r\n{HOST}\r\n").as_bytes());
            held.push(stream);
            opened.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Looks at pages until all connections were opened and enough runs have begun meanwhile; how many pages that were.
fn watch(house: &House, site: &Site, opened: &AtomicUsize, held_max: usize) -> usize {
    let before = runs(house).len();
    let mut seen = 0;
    while opened.load(Ordering::Relaxed) < held_max || runs(house).len() < before + RUNS {
        let page = site.get(if seen % 2 == 0 { "/" } else { "/jobs/tick" });
        assert_eq!(page.status, 200, "{}", page.body);
        seen += 1;
    }
    seen
}

/// What is done by a connection from an address, until it is cut off.
type Attack = fn(Ipv4Addr, u16);

const ATTACKS: [Attack; 6] = [
    // Headers that come byte by byte.
    |from, port| drip(from, port, &format!("GET / HTTP/1.1\r\n{HOST}X-Slow: ")),
    // A body that comes byte by byte.
    |from, port| {
        drip(
            from,
            port,
            &format!("POST /ping/a-key-that-nobody-guesses HTTP/1.1\r\n{HOST}Content-Length: 1000000\r\n\r\n"),
        );
    },
    // A body of any size, where a ping may bring one, and where an action may.
    |from, port| {
        flood(
            from,
            port,
            &format!("POST /ping/a-key-that-nobody-guesses/log HTTP/1.1\r\n{HOST}Content-Length: 1000000000\r\n\r\n"),
        );
    },
    |from, port| {
        flood(
            from,
            port,
            &format!("POST /api/v1/silences HTTP/1.1\r\n{HOST}Content-Length: 1000000000\r\n\r\n"),
        );
    },
    // Headers of any size, and a line that does not end.
    |from, port| flood(from, port, &format!("GET / HTTP/1.1\r\n{HOST}X-Large: ")),
    |from, port| flood(from, port, "GET /"),
];

/// Many connections, and a byte to each of them in turn.
fn drip(from: Ipv4Addr, port: u16, beginning: &str) {
    let mut streams: Vec<TcpStream> = (0..200).filter_map(|_| connect(from, port)).collect();
    for stream in &mut streams {
        let _ = stream.write_all(beginning.as_bytes());
    }
    for _ in 0..20 {
        streams.retain_mut(|stream| stream.write_all(b"x").is_ok() && !is_ended(stream));
    }
}

/// Bytes without an end to one connection.
fn flood(from: Ipv4Addr, port: u16, beginning: &str) {
    let Some(mut stream) = connect(from, port) else { return };
    let bytes = vec![b'x'; 64 << 10];
    let mut goes_on = stream.write_all(beginning.as_bytes()).is_ok();
    while goes_on {
        goes_on = stream.write(&bytes).is_ok_and(|written| written > 0) && !is_ended(&mut stream);
    }
}

/// Whether the other side has ended it.
fn is_ended(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let read = stream.read(&mut [0; 4096]);
    stream.set_nonblocking(false).expect("a socket");
    match read {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

fn connect(from: Ipv4Addr, port: u16) -> Option<TcpStream> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
    let socket: OwnedFd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).ok()?;
    bind(&socket, &SocketAddrV4::new(from, 0)).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(STUCK)).expect("a socket");
    connect(&stream, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).ok()?;
    Some(stream)
}

/// Every run of the job, the oldest first.
fn runs(house: &House) -> Vec<Run> {
    let filter = HistoryFilter {
        job: Some(Name::from("tick")),
        limit: 100_000,
        ..HistoryFilter::default()
    };
    let mut runs = house.reader().history(&filter).expect("the store can be read");
    runs.reverse();
    runs
}

/// No occurrence lacks or was missed, and none began late.
fn every_one_began(runs: &[Run]) {
    let due: Vec<_> = runs.iter().map(|run| run.due_at.expect("it was due")).collect();
    for (run, due) in runs.iter().zip(&due) {
        // The last one may be about to begin.
        let Some(started) = run.started_at else {
            assert!(run.outcome.is_none(), "{run:?}");
            continue;
        };
        assert_eq!(run.occurrences, 1, "{run:?}");
        let late = started.duration_since(*due);
        assert!(late <= LATE_MAX.try_into().expect("short"), "{late:?} late: {run:?}");
    }
    for pair in due.windows(2) {
        assert_eq!(
            pair[1].duration_since(pair[0]).as_secs(),
            1,
            "one lacks between {} and {}",
            pair[0],
            pair[1]
        );
    }
}

/// Memory that is the daemon's alone.
fn own_memory_kib(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("it lives");
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .expect("a line");
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok());
    kib.expect("a number")
}
