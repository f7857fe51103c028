//! The world outside of the engine: processes, checks, probes, channels.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use freshd::model::{
    Action, AttemptId, AttemptSpec, ChannelKind, CheckResult, DeliveryOutcome, Event, ExitStatus, Judgement, Judging,
    Measurement, Notification, Observation, Profile, Setback, Stamp, StopReason, ThreadRoot, Verdict, VersionRef,
    later, report_value,
};
use jiff::Timestamp;

use super::{Play, World};

pub(super) type Script = Box<dyn FnMut(&AttemptSpec, Timestamp) -> Play>;
pub(super) type Found = (Result<Option<Measurement>, String>, Option<PathBuf>);
pub(super) type Look = Box<dyn FnMut(Timestamp) -> Found>;
pub(super) type Answer = Box<dyn FnMut(&Notification, Timestamp) -> DeliveryOutcome>;

/// What is not freshd: how it behaves, and what is known of its processes.
#[derive(Default)]
pub(crate) struct Outside {
    /// What the processes of a job do.
    scripts: HashMap<String, Script>,
    /// What the probe of a dataset finds.
    probes: HashMap<String, Look>,
    /// What an address answers.
    channels: HashMap<String, Answer>,
    /// For how long an address, or the probe of a dataset, takes to answer; others answer at once.
    pub(crate) thinks_for: HashMap<String, Duration>,
    /// What a process that was started does, by its attempt.
    running: HashMap<AttemptId, Play>,
    /// The same of those that have written something, which outlasts them.
    wrote: HashMap<AttemptId, Play>,
    /// Versions whose files cannot be put in place.
    pub(crate) unpublishable: Vec<VersionRef>,
    /// The keeper is stopped: it starts nothing and says nothing.
    pub(crate) keeper_hangs: bool,
    /// Until when outputs can neither be read nor put in place.
    pub(crate) disk_fails_until: Option<Timestamp>,
    /// Until when outputs can be read, but not be put in place.
    pub(crate) disk_is_full_until: Option<Timestamp>,
    /// What a file looks like from outside once it is put in place.
    pub(crate) stamp: Option<Stamp>,
    /// Threads that were begun before are gone.
    pub(crate) gone_before: Option<Timestamp>,
}

impl World {
    /// What the processes of a job do; others succeed and write a file as fresh as its time.
    pub(crate) fn script(&mut self, job: &str, script: impl FnMut(&AttemptSpec, Timestamp) -> Play + 'static) {
        self.outside.scripts.insert(job.to_owned(), Box::new(script));
    }

    /// What the probe of a dataset finds; others find nothing.
    pub(crate) fn probe(&mut self, dataset: &str, look: impl FnMut(Timestamp) -> Found + 'static) {
        self.outside.probes.insert(dataset.to_owned(), Box::new(look));
    }

    /// What an address answers; others accept.
    pub(crate) fn channel(
        &mut self,
        address: &str,
        answer: impl FnMut(&Notification, Timestamp) -> DeliveryOutcome + 'static,
    ) {
        self.outside.channels.insert(address.to_owned(), Box::new(answer));
    }

    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Start(spec) => self.start_process(&spec),
            Action::Stop { id, reason } => {
                self.asked.push(action);
                self.stop_process(id, reason);
            }
            Action::Judge(judging) => {
                self.asked.push(Action::Judge(judging.clone()));
                let readable = self.hindrance(self.outside.disk_fails_until, "input/output error");
                let result = readable.map(|()| self.judgement(&judging));
                self.later(Duration::ZERO, Event::Judged { id: judging.id, result });
            }
            Action::Publish(publishing) => {
                self.asked.push(Action::Publish(publishing.clone()));
                let version = publishing.version;
                let version = VersionRef {
                    dataset: version.dataset,
                    number: version.number,
                };
                let result = match self.outside.unpublishable.contains(&version) {
                    true => Err(Setback {
                        why: "it changed after it was judged".to_owned(),
                        may_pass: false,
                    }),
                    false => self
                        .hindrance(self.outside.disk_fails_until, "input/output error")
                        .and_then(|()| self.hindrance(self.outside.disk_is_full_until, "no space left on device")),
                };
                let result = result.map(|()| self.outside.stamp);
                self.later(Duration::ZERO, Event::Published { version, result });
            }
            Action::Send { notification, follows } => self.send(*notification, follows),
            Action::Probe(dataset) => {
                let at = self.now.wall;
                let (found, path) = self
                    .outside
                    .probes
                    .get_mut(dataset.name.as_str())
                    .map_or((Ok(None), None), |look| look(at));
                let written_at = written_at(&found);
                let observation = Observation {
                    dataset: dataset.name.clone(),
                    at,
                    found,
                    path,
                    written_at,
                };
                let after = self
                    .outside
                    .thinks_for
                    .get(dataset.name.as_str())
                    .copied()
                    .unwrap_or_default();
                self.later(after, Event::Probed(observation));
            }
            Action::Search { limits, from } => {
                let found = self.reader().aged(&limits, from.clone(), self.piece_rows);
                self.asked.push(Action::Search { limits, from });
                self.later(
                    Duration::ZERO,
                    Event::Aged(found.map(Box::new).map_err(|error| error.to_string())),
                );
            }
            Action::LookBack { from, until } => {
                let week = self.reader().week(from, until).expect("the store is read");
                let week = Ok(Box::new(week));
                self.later(Duration::ZERO, Event::LookedBack { until, week });
            }
            Action::Remove(_) | Action::Sweep => {
                // A file of 100 bytes for each run that had output.
                let files = match &action {
                    Action::Remove(leftovers) => u64::try_from(leftovers.outputs.len()).expect("a few"),
                    _ => 0,
                };
                let bytes = files * 100;
                self.asked.push(action);
                self.later(Duration::ZERO, Event::Removed { files, bytes });
            }
            Action::Reply { reply, .. } => self.replies.push(reply),
            Action::Acknowledge(_)
            | Action::Quarantine(_)
            | Action::Clean { .. }
            | Action::Repeat { .. }
            | Action::Change { .. } => {
                self.asked.push(action);
            }
        }
    }

    fn send(&mut self, notification: Notification, follows: Option<Box<ThreadRoot>>) {
        let follows = follows.map(|root| self.receipt_of(&root));
        let now = self.now.wall;
        let address = notification.address.to_string();
        let outcome = self
            .outside
            .channels
            .get_mut(&address)
            .map_or(DeliveryOutcome::Accepted, |answer| answer(&notification, now));
        self.tries.push((now, notification.clone()));
        let id = notification.id;
        let mut receipt = None;
        if outcome == DeliveryOutcome::Accepted {
            let channel = self.settings.channels.get(&notification.address.channel);
            let is_threaded = channel.is_some_and(|channel| matches!(channel.kind, ChannelKind::SlackApp { .. }));
            let began = |id: &String| self.sent.iter().find(|(_, sent)| format!("ts-{}", sent.id) == *id);
            let is_gone = follows
                .as_ref()
                .and_then(began)
                .is_some_and(|(at, _)| Some(*at) < self.outside.gone_before);
            receipt = (is_threaded && (follows.is_none() || is_gone)).then(|| format!("ts-{id}"));
            self.followed.push((id, follows));
            self.sent.push((now, notification));
        }
        let after = self.outside.thinks_for.get(&address).copied().unwrap_or_default();
        self.later(after, Event::Delivered { id, outcome, receipt });
    }

    /// The receipt of a message that another follows; it is handed over as it was sent.
    fn receipt_of(&self, root: &ThreadRoot) -> String {
        let began = self
            .sent
            .iter()
            .find(|(_, sent)| format!("ts-{}", sent.id) == root.receipt);
        assert_eq!(began.map(|(_, sent)| &sent.message), Some(&root.message));
        root.receipt.clone()
    }

    /// What the machine does to whoever reads or writes before `until`.
    fn hindrance(&self, until: Option<Timestamp>, why: &str) -> Result<(), Setback> {
        match until {
            Some(until) if self.now.wall < until => Err(Setback {
                why: why.to_owned(),
                may_pass: true,
            }),
            _ => Ok(()),
        }
    }

    fn judgement(&self, judging: &Judging) -> Judgement {
        let play = self.outside.wrote.get(&judging.id).expect("it wrote something");
        let (sha256, as_of) = play.wrote.clone().expect("it wrote something");
        let reported = report_value(&judging.report, "as_of").and_then(|text| text.parse().ok());
        let measurement = Measurement {
            bytes: 100,
            rows: Some(80),
            sha256,
            as_of: reported.or(as_of),
        };
        let refusal = play.refused.map(|why| CheckResult {
            name: "rows.min".to_owned(),
            column: None,
            verdict: Verdict::Hold,
            expected: "more".to_owned(),
            actual: "less".to_owned(),
            message: why.to_owned(),
        });
        let odd = play.odd.map(|(name, verdict)| CheckResult {
            name: name.to_owned(),
            column: None,
            verdict,
            expected: "56 to 120".to_owned(),
            actual: "200".to_owned(),
            message: "200 rows came".to_owned(),
        });
        Judgement {
            measurement,
            checks: refusal.into_iter().chain(odd).collect(),
            script: None,
            profile: judging.dataset.checks.learn().then(Profile::default),
        }
    }

    /// As the keeper does it: an attempt that it knows is not started again.
    fn start_process(&mut self, spec: &AttemptSpec) {
        let (now, id) = (self.now.wall, spec.id);
        if self.specs.contains_key(&id) || self.outside.keeper_hangs {
            return;
        }
        self.specs.insert(id, spec.clone());
        self.started.push((spec.job.to_string(), id, now));
        self.alive.insert(id, spec.job.to_string());
        let play = match self.outside.scripts.get_mut(spec.job.as_str()) {
            Some(script) => script(spec, now),
            None => Play::writes(&now.to_string(), now),
        };
        if !matches!(play.status, ExitStatus::NotStarted(_)) {
            self.later(
                Duration::ZERO,
                Event::AttemptStarted {
                    id,
                    pid: 4_711,
                    at: now,
                },
            );
        }
        if play.wrote.is_some() {
            self.outside.wrote.insert(id, play.clone());
        }
        let takes = spec.timeout.map_or(play.takes, |timeout| play.takes.min(timeout));
        let stop = spec
            .timeout
            .filter(|timeout| play.takes > *timeout)
            .map(|_| StopReason::Timeout);
        let exit = play.exit(id, now, later(now, takes), stop);
        self.outside.running.insert(id, play);
        self.later(takes, Event::AttemptEnded(exit));
    }

    fn stop_process(&mut self, id: AttemptId, reason: StopReason) {
        if !self.alive.contains_key(&id) {
            return;
        }
        let Some(play) = self.outside.running.get(&id).cloned() else {
            return;
        };
        self.queue
            .retain(|_, event| !matches!(event, Event::AttemptEnded(exit) if exit.id == id));
        let play = Play {
            status: ExitStatus::Signal(15),
            ..play
        };
        let exit = play.exit(id, self.started_at(id), self.now.wall, Some(reason));
        self.later(Duration::ZERO, Event::AttemptEnded(exit));
    }

    /// After a reboot nobody can tell how a process ended.
    pub(super) fn lose_processes(&mut self) {
        for id in std::mem::take(&mut self.alive).into_keys() {
            self.queue
                .retain(|_, event| !matches!(event, Event::AttemptEnded(exit) if exit.id == id));
            let play = Play::ends(ExitStatus::Unknown("the machine was restarted meanwhile".to_owned()));
            let exit = play.exit(id, self.started_at(id), self.now.wall, None);
            self.later(Duration::ZERO, Event::AttemptEnded(exit));
        }
    }

    /// The end of a process is a fact before anybody hears of it.
    pub(super) fn before(&mut self, event: &Event) {
        if let Event::AttemptEnded(exit) = event {
            self.alive.remove(&exit.id);
        }
    }

    fn started_at(&self, id: AttemptId) -> Timestamp {
        self.started
            .iter()
            .find(|(_, started, _)| *started == id)
            .map_or(self.now.wall, |found| found.2)
    }
}

/// When what a probe sees was last written, where its digest says so: `digest@2026-03-02T10:58:00Z`.
fn written_at(found: &Result<Option<Measurement>, String>) -> Option<Timestamp> {
    let measured = found.as_ref().ok()?.as_ref()?;
    measured.sha256.split_once('@')?.1.parse().ok()
}

/// A file that a probe sees.
pub(crate) fn file(digest: &str, as_of: Option<Timestamp>) -> Found {
    let measured = Measurement {
        bytes: 10,
        rows: None,
        sha256: digest.to_owned(),
        as_of,
    };
    (Ok(Some(measured)), Some(PathBuf::from("/in/file.csv")))
}
