//! What people ask for: run, cancel, pause, resume, silence, acknowledge, test; on the record, with an answer.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::Engine;
use super::expecting::Wish;
use super::jobs::Asked;
use crate::model::{
    Action, Address, EXPECTED_VERSIONS_MAX, Fact, IncidentId, Name, NotificationId, Now, Outcome, Pause, Reply,
    Request, RunId, RunState, StopReason, Trigger, drill_words,
};

impl Engine {
    /// Does what was asked, or says why not. The answer follows the commit.
    pub(super) fn requested(&mut self, id: u64, by: &str, request: Request) {
        let reply = match request {
            Request::Run { job, args } => self.run_by_hand(&job, args, by),
            Request::Wait { run } => match self.runs.contains_key(&run) {
                true => {
                    self.waits.entry(run).or_default().push(id);
                    return;
                }
                false => Err(format!("run {run} is not going on")),
            },
            Request::Cancel { run } => self.cancel(run, by),
            Request::Pause { job, because } => self.pause(&job, by, because),
            Request::Resume { job } => self.resume(&job),
            Request::Ping { key, word, rid, text } => self.pinged(&key, word, rid, &text),
            Request::Lineage(word) => self.told_by_lineage(&word),
            Request::Silence { name, because, for_s } => self.silence(&name, &because, Duration::from_secs(for_s), by),
            Request::Unsilence { name } => self.unsilence(&name, by),
            Request::Drill { name, for_s } => self.drill(&name, Duration::from_secs(for_s), by),
            Request::WaitForDrill { incident } => match self.wait_for_drill(incident, id) {
                Ok(()) => return,
                Err(why) => Err(why),
            },
            Request::Ack { incident, note, link } => self.ack(incident, by, note, link),
            Request::Expect {
                dataset,
                because,
                versions,
                for_s,
                by: said_by,
            } => self.expect(Wish {
                dataset,
                because,
                by: said_by.map_or_else(|| by.to_owned(), |said_by| format!("{said_by} ({by})")),
                versions: versions.min(EXPECTED_VERSIONS_MAX),
                within: Duration::from_secs(for_s),
            }),
            Request::NotifyTest { team, channel } => match self.test_addresses(team.as_ref(), channel.as_ref()) {
                Ok(addresses) => {
                    self.notify_test(id, addresses, by);
                    return;
                }
                Err(why) => Err(why),
            },
            Request::Clock | Request::Addresses | Request::Status { .. } | Request::Why { .. } => {
                let Some(reply) = self.answer(self.now, &request) else {
                    return;
                };
                self.act(Action::Reply { id, reply });
                return;
            }
        };
        let reply = match reply {
            Ok(facts) => Reply::Done(facts),
            Err(why) => Reply::Refused(why),
        };
        self.act(Action::Reply { id, reply });
    }

    /// The answer to what only looks, of which nothing is decided or stored; `None` for everything else.
    pub fn answer(&mut self, now: Now, request: &Request) -> Option<Reply> {
        self.now = now;
        let facts = match request {
            Request::Clock => Ok(self.clock_json()),
            Request::Addresses => Ok(self.addresses_json()),
            Request::Status { name } => self.status(name.as_ref()),
            Request::Why { name } => self.why(name),
            Request::Run { .. }
            | Request::Cancel { .. }
            | Request::Wait { .. }
            | Request::Pause { .. }
            | Request::Resume { .. }
            | Request::Expect { .. }
            | Request::Ping { .. }
            | Request::Lineage(_)
            | Request::Silence { .. }
            | Request::Drill { .. }
            | Request::WaitForDrill { .. }
            | Request::Unsilence { .. }
            | Request::Ack { .. }
            | Request::NotifyTest { .. } => return None,
        };
        Some(facts.map_or_else(Reply::Refused, Reply::Done))
    }

    fn run_by_hand(&mut self, name: &Name, args: Vec<String>, by: &str) -> Result<serde_json::Value, String> {
        let job = self
            .settings
            .jobs
            .get(name)
            .cloned()
            .ok_or_else(|| self.unknown_job(name))?;
        if let Some(hold) = &self.space_hold {
            return Err(hold.why_refused());
        }
        let asked = Asked {
            trigger: Trigger::Manual,
            occurrence: None,
            by: Some(by.to_owned()),
            args,
        };
        let run = self.begin(&job, &asked)?;
        let waits = self.runs.get(&run).filter(|run| run.state == RunState::Waiting);
        Ok(json!({ "run": run, "job": name, "waits": waits.and_then(|run| run.reason.clone()) }))
    }

    fn cancel(&mut self, id: RunId, by: &str) -> Result<serde_json::Value, String> {
        let Some(run) = self.runs.get_mut(&id) else {
            return Err(format!("run {id} is not going on; `freshd status` lists what runs"));
        };
        match run.state {
            RunState::Judging => Err(format!("run {id} has ended and its output is being published")),
            RunState::Running => {
                run.by = Some(by.to_owned());
                let run = run.clone();
                self.fact(Fact::Run(run));
                self.stop_run(id, StopReason::Cancelled, Some(by));
                Ok(json!({ "run": id, "cancelled": true }))
            }
            RunState::Waiting | RunState::BackingOff | RunState::Final => {
                run.by = Some(by.to_owned());
                self.finish(id, Outcome::Cancelled, Some(format!("cancelled by {by}")));
                Ok(json!({ "run": id, "cancelled": true }))
            }
        }
    }

    fn pause(&mut self, name: &Name, by: &str, because: String) -> Result<serde_json::Value, String> {
        if !self.settings.jobs.contains_key(name) {
            return Err(self.unknown_job(name));
        }
        // What came due before the pause is decided without it.
        self.job_due_before(name, "paused");
        let pause = Pause {
            by: by.to_owned(),
            because,
            since: self.now.wall,
        };
        self.set_pause(name, Some(Box::new(pause)));
        Ok(json!({ "job": name, "paused": true }))
    }

    fn resume(&mut self, name: &Name) -> Result<serde_json::Value, String> {
        if !self.settings.jobs.contains_key(name) {
            return Err(self.unknown_job(name));
        }
        if self.jobs.get(name).is_none_or(|state| state.record.pause.is_none()) {
            return Err(format!("job {name} is not paused"));
        }
        // What came due during the pause is recorded as skipped: a pause is not downtime.
        self.job_due_before(name, "resumed");
        self.set_pause(name, None);
        Ok(json!({ "job": name, "paused": false }))
    }

    fn set_pause(&mut self, name: &Name, pause: Option<Box<Pause>>) {
        if let Some(state) = self.jobs.get_mut(name) {
            state.record.pause = pause;
            let record = state.record.clone();
            self.fact(Fact::Job(record));
            self.dirty_jobs.insert(name.clone());
        }
    }

    fn ack(
        &mut self,
        id: IncidentId,
        by: &str,
        note: Option<String>,
        link: Option<NotificationId>,
    ) -> Result<serde_json::Value, String> {
        let before = self.incidents.get(id).and_then(|known| known.taken_on(self.now.wall));
        let taken_over = before.filter(|ack| ack.by != by).cloned();
        let incident = self.acknowledge(id, by, note, link)?;
        let until = incident.ack.as_ref().map(|ack| ack.until);
        let until = until.filter(|_| incident.drill.is_none());
        let drill = incident.drill.as_ref().map(|_| drill_words(&incident));
        Ok(
            json!({ "incident": id, "acknowledged_by": by, "until": until, "drill": drill, "taken_over_from": taken_over }),
        )
    }

    /// Where a test goes: to all addresses of a team, to the first that a channel has, else to the fallback. Those that only
    /// an escalation reaches are tried out where their channel is named.
    fn test_addresses(&self, team: Option<&Name>, channel: Option<&Name>) -> Result<Vec<(Name, Address)>, String> {
        let teams = &self.settings.teams;
        let told = teams.iter().map(|(name, team)| (name.clone(), &team.notify));
        let steps = teams.iter().filter(|_| channel.is_some()).flat_map(|(name, team)| {
            let notify = team.escalate.iter().map(|step| &step.notify);
            notify.map(|notify| (name.clone(), notify))
        });
        let fallback = (Name::from(super::audience::FALLBACK), &self.settings.fallback);
        let known = told
            .chain([fallback])
            .chain(steps)
            .flat_map(|(name, addresses)| addresses.iter().map(move |address| (name.clone(), address.clone())));
        let through = |address: &Address| channel.is_none_or(|channel| *channel == address.channel);
        let found: Vec<(Name, Address)> = match team {
            Some(team) => known
                .filter(|(of, address)| of == team && through(address))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            None if channel.is_some() => known.filter(|(_, address)| through(address)).take(1).collect(),
            None => known
                .filter(|(of, _)| of.as_str() == super::audience::FALLBACK)
                .collect(),
        };
        match (found.is_empty(), team, channel) {
            (false, _, _) => Ok(found),
            (true, Some(team), _) if !self.settings.teams.contains_key(team) => {
                Err(format!("there is no team {team} in jobs.toml"))
            }
            (true, Some(team), Some(channel)) => Err(format!("team {team} is not told through channel {channel}")),
            (true, _, Some(channel)) => Err(format!("nobody is told through a channel {channel} in jobs.toml")),
            (true, _, None) => Err("nobody to send to".to_owned()),
        }
    }

    pub(super) fn unknown_job(&self, name: &Name) -> String {
        let near = self
            .settings
            .jobs
            .keys()
            .filter(|known| known.as_str().contains(name.as_str()) || name.as_str().contains(known.as_str()));
        let near: Vec<&str> = near.map(Name::as_str).take(3).collect();
        let hint = if near.is_empty() {
            "`freshd status` lists them".to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        format!("there is no job {name} in jobs.toml; {hint}")
    }
}
