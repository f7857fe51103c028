//! Servers in a process of their own, written in Python, that say what they are given.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

/// Where `.ci/run` puts the packages of Python that these tests need.
pub(super) const PYTHON: &str = "target/receivers/bin/python";

/// A process with servers in it; ended when it is dropped.
pub(super) struct Servers {
    process: Child,
    ports: BTreeMap<String, u16>,
    told: Arc<Told>,
}

/// What the servers have told so far.
#[derive(Default)]
struct Told {
    events: Mutex<Vec<Value>>,
    grown: Condvar,
}

impl Servers {
    /// Starts a script of this directory with such servers, and waits until they listen.
    #[track_caller]
    pub(super) fn start(script: &str, servers: &Value) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new(root.join(PYTHON))
            .arg(root.join("tests/receivers").join(script))
            .arg(servers.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 -m venv target/receivers && target/receivers/bin/pip install aiosmtpd");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let first = lines.next().expect("the servers listen").expect("a line");
        let first: Value = serde_json::from_str(&first).expect("JSON");
        let ports = serde_json::from_value(first["ports"].clone()).expect("their ports");
        let told = Arc::<Told>::default();
        let telling = told.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("JSON");
                telling.events.lock().expect("the events").push(event);
                telling.grown.notify_all();
            }
        });
        Self { process, ports, told }
    }

    /// Where one of them listens.
    #[track_caller]
    pub(super) fn port(&self, name: &str) -> u16 {
        self.ports[name]
    }

    /// What one of them was given, of one kind, in order.
    pub(super) fn events(&self, name: &str, kind: &str) -> Vec<Value> {
        of(&self.told.events.lock().expect("the events"), name, kind)
    }

    /// Waits until one of them was given so much of one kind.
    #[track_caller]
    pub(super) fn until(&self, name: &str, kind: &str, count: usize, patience: Duration) -> Vec<Value> {
        let events = self.told.events.lock().expect("the events");
        let waits = |events: &mut Vec<Value>| of(events, name, kind).len() < count;
        let waited = self.told.grown.wait_timeout_while(events, patience, waits);
        let events = of(&waited.expect("the events").0, name, kind);
        assert!(
            events.len() >= count,
            "{name}: {} of {count} within {patience:?}: {events:?}",
            events.len()
        );
        events
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn of(events: &[Value], name: &str, kind: &str) -> Vec<Value> {
    let wanted = |event: &&Value| event["server"] == name && event["event"] == kind;
    events.iter().filter(wanted).cloned().collect()
}
