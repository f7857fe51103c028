//! Alertmanager: what is open fires there, also after it has forgotten, and ends when it is over.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use freshd::delivery::Delivery;
use freshd::model::{Channel, ChannelKind, DeliveryOutcome, IncidentId, Message, REPEAT_EVERY, Secret, Severity};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::freshd_process::{House, PATIENCE};
use super::support::http::HttpSink;
use super::support::sample::{channel, notification, opening, recovery};

/// Tells a pager at once of whatever begins or ends; `PAGER` stands for its address.
const CONFIG: &str = r"
route:
  receiver: pager
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
receivers:
- name: pager
  webhook_configs:
  - url: PAGER
    send_resolved: true
";

/// `PORT` stands for that of the Alertmanager.
const JOBS: &str = r#"
run_as_root = true
[alerts]
group_wait = "0s"
[fallback]
notify = ["out"]
[channels.out]
type = "file"
dir = "outbox"
[channels.alertmanager]
type = "alertmanager"
url = "http://127.0.0.1:PORT"
labels = { site = "tromso" }
[teams.warehouse]
notify = ["alertmanager"]
[jobs.stock-export]
owner = "warehouse"
command = "test -e HOUSE/mended"
"#;

/// An Alertmanager that runs; ended when it is dropped.
struct Alertmanager {
    process: Child,
    port: u16,
}

impl Alertmanager {
    /// Starts one that remembers nothing.
    async fn start(port: u16, pager: &HttpSink) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let config = place.path().join("alertmanager.yml");
        fs::write(&config, CONFIG.replace("PAGER", &pager.url("/"))).expect("a file");
        let alertmanager = Self {
            process: spawn(place.path(), port),
            port,
        };
        alertmanager
            .until("ready", PATIENCE, async |started| {
                started.get("/-/ready").await.is_some()
            })
            .await;
        alertmanager
    }

    fn channel(&self) -> Channel {
        channel(ChannelKind::Alertmanager {
            url: Secret::new(format!("http://127.0.0.1:{}", self.port)),
            login: None,
            labels: vec![("site".into(), "tromso".into())],
            ca: None,
        })
    }

    /// What it answers to a question, if it answers 200.
    async fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let question = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(question.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.0 200").then(|| body.to_owned())
    }

    /// The alerts that fire.
    async fn firing(&self) -> Vec<Value> {
        let text = self.get("/api/v2/alerts").await.expect("it answers");
        serde_json::from_str(&text).expect("alerts")
    }

    /// Asks until it is so: nothing outside tells.
    async fn until(&self, what: &str, patience: Duration, holds: impl AsyncFn(&Self) -> bool) {
        let until = Instant::now() + patience;
        while !holds(self).await {
            assert!(Instant::now() < until, "not within {patience:?}: {what}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(place: &Path, port: u16) -> Child {
    Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", place.join("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", place.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("apt-get install prometheus-alertmanager")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// What the pager was told: status and severity of each alert, in order.
fn paged(pager: &HttpSink) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let requests = pager.record().requests;
    let alerts = requests.iter().flat_map(|request| {
        let body = request.json();
        let alerts = body["alerts"].as_array().expect("alerts").clone();
        alerts
            .into_iter()
            .map(move |alert| (word(&alert["status"]), word(&alert["labels"]["severity"])))
    });
    alerts.collect()
}

fn ends_at(alert: &Value) -> Timestamp {
    alert["endsAt"].as_str().expect("a text").parse().expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_fires_turns_critical_is_told_again_and_ends_in_alertmanagers_own_eyes() {
    let pager = HttpSink::start(Vec::new()).await;
    let alertmanager = Alertmanager::start(free_port(), &pager).await;
    let (delivery, channel) = (Delivery::new(PATIENCE), alertmanager.channel());
    let tell = async |message: Message| {
        let outcome = delivery.send(&channel, &notification(message, None)).await;
        assert_eq!(outcome, DeliveryOutcome::Accepted);
    };
    let warning = Message {
        severity: Severity::Warning,
        ..opening()
    };
    tell(warning).await;
    let firing = alertmanager.firing().await;
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!(
        firing[0]["labels"],
        serde_json::json!({
            "alertname": "FreshdDataset", "dataset": "stock", "severity": "warning", "team": "warehouse", "site": "tromso",
        })
    );
    assert_eq!(firing[0]["annotations"]["summary"], "stock is late (#17)");
    assert_eq!(firing[0]["startsAt"], "2026-06-19T21:15:00.000Z");
    pager.requests(1).await;

    tell(opening()).await;
    let critical = alertmanager.firing().await;
    assert_eq!(critical.len(), 1, "the warning has ended: {critical:?}");
    assert_eq!(critical[0]["labels"]["severity"], "critical");

    let again = delivery.repeat(&channel, &[opening()]).await;
    assert_eq!(again, DeliveryOutcome::Accepted);
    let repeated = alertmanager.firing().await;
    assert_eq!(repeated.len(), 1);
    assert_eq!(repeated[0]["fingerprint"], critical[0]["fingerprint"], "the same alert");
    assert!(ends_at(&repeated[0]) > ends_at(&critical[0]), "it fires for longer");

    let over = Message {
        at: Timestamp::now(),
        ..recovery()
    };
    pager.requests(2).await;
    tell(over.clone()).await;
    assert_eq!(alertmanager.firing().await, Vec::<Value>::new());
    // Its end told again is no other end, and fires nothing.
    assert_eq!(delivery.repeat(&channel, &[over]).await, DeliveryOutcome::Accepted);
    assert_eq!(alertmanager.firing().await, Vec::<Value>::new());
    let word = |words: (&str, &str)| (words.0.to_owned(), words.1.to_owned());
    alertmanager
        .until("the pager is told of both ends", PATIENCE, async |_| {
            let paged = paged(&pager);
            [("resolved", "warning"), ("resolved", "critical")]
                .map(word)
                .iter()
                .all(|end| paged.contains(end))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_that_has_forgotten_everything_knows_again_within_a_minute() {
    let pager = HttpSink::start(Vec::new()).await;
    let port = free_port();
    let house = House::with(&JOBS.replace("PORT", &port.to_string()));
    let alertmanager = Alertmanager::start(port, &pager).await;
    let daemon = house.daemon();
    daemon.finished(daemon.run("stock-export"), &house);
    let fires = async |alertmanager: &Alertmanager| {
        let firing = alertmanager.firing().await;
        firing.len() == 1 && firing[0]["labels"]["job"] == "stock-export" && firing[0]["labels"]["site"] == "tromso"
    };
    alertmanager.until("the job's failure fires", PATIENCE, fires).await;

    drop(alertmanager);
    let alertmanager = Alertmanager::start(port, &pager).await;
    assert_eq!(alertmanager.firing().await, Vec::<Value>::new(), "it has forgotten");
    alertmanager
        .until("it fires again", REPEAT_EVERY + PATIENCE, fires)
        .await;

    house.write("mended", "");
    daemon.finished(daemon.run("stock-export"), &house);
    alertmanager
        .until("it has ended", PATIENCE, async |alertmanager| {
            alertmanager.firing().await.is_empty()
        })
        .await;
    let told = house
        .reader()
        .notifications_of(IncidentId(1))
        .expect("the store can be read");
    assert_eq!(
        told.len(),
        2,
        "the opening and the end: repetitions are nowhere on record"
    );
}
