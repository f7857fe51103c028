//! What people are told, and what of, in tables.

mod about_freshd;
mod concern;
mod digest;
mod digest_extent;
mod digest_over;
mod digest_why;
mod late;
mod lost;
mod many;
mod problem;
mod readers;
mod refused;
mod titles;
mod truth;
mod weekly;
mod whole;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DataSide, JobSide, OwnerReach, Reading, Situation};
use crate::freshness::{Breach, DataState, Standing};
use crate::model::{
    Address, Attempt, Dataset, Incident, Job, Outcome, ProblemKind, Run, Version, plain_attempt, plain_dataset,
    plain_incident, plain_job, plain_run, plain_version,
};

/// A time on the last Friday of November 2026, in UTC.
fn at(clock: &str) -> Timestamp {
    format!("2026-11-27T{clock}:00Z").parse().unwrap()
}

/// Friday, 23:15: the export of the stock has failed at 22:10, of which the warehouse was told. The data is of 21:00, good
/// until 23:30, and the trucks read it at 23:45.
struct Friday {
    zone: TimeZone,
    incident: Incident,
    is_configured: bool,
    owner_reach: OwnerReach,
    unheard: Option<String>,
    job: Option<Job>,
    run: Option<Run>,
    attempt: Option<Attempt>,
    going: Option<Run>,
    dataset: Option<Dataset>,
    standing: Standing,
    current: Option<Version>,
    made_from_it: Vec<&'static str>,
    readers: Vec<Reading>,
}

fn friday() -> Friday {
    let run = Run {
        outcome: Some(Outcome::Failed),
        attempts: 1,
        started_at: Some(at("22:00")),
        ended_at: Some(at("22:10")),
        ..plain_run("export", at("22:00"))
    };
    Friday {
        zone: TimeZone::UTC,
        incident: Incident {
            told: vec![("wms".into(), address())],
            ..plain_incident("export", at("22:10"))
        },
        is_configured: true,
        owner_reach: OwnerReach::Told,
        unheard: None,
        job: Some(Job {
            produces: Some("stock".into()),
            ..plain_job("export")
        }),
        run: Some(run),
        attempt: Some(plain_attempt("export", at("22:00"))),
        going: None,
        dataset: Some(plain_dataset("stock")),
        standing: stands(DataState::Fresh),
        current: Some(plain_version("stock", 7, at("21:00"))),
        made_from_it: vec!["stock"],
        readers: vec![reading("trucks", "transport", Some("23:45"))],
    }
}

impl Friday {
    /// It is the dataset that is stale, and nothing is known of a job.
    fn stale(mut self) -> Self {
        self.standing = stands(DataState::Stale);
        self.incident.kind = crate::model::ProblemKind::Stale;
        self.incident.subject = "stock".into();
        self.job = None;
        self.made_from_it.retain(|name| *name != "stock");
        self
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            now: at("23:15"),
            zone: &self.zone,
            recorded_in: &self.zone,
            incident: &self.incident,
            why: self.incident.reason.clone(),
            was_down: None,
            is_configured: self.is_configured,
            team_called: "Finance".to_owned(),
            owner: "Warehouse".to_owned(),
            is_owned: true,
            owner_reach: self.owner_reach,
            unheard: self.unheard.clone(),
            told_as_reader: None,
            is_meant: true,
            job: self.job.as_ref().map(|job| JobSide {
                job,
                run: self.run.as_ref(),
                attempt: self.attempt.as_ref(),
                going: self.going.as_ref(),
                is_paused: false,
            }),
            failure: None,
            data: self
                .dataset
                .iter()
                .map(|dataset| DataSide {
                    dataset,
                    standing: self.standing.clone(),
                    current: self.current.as_ref(),
                })
                .collect(),
            goes_on: BTreeMap::new(),
            made_from_it: self.made_from_it.iter().map(|name| (*name).into()).collect(),
            told_apart: BTreeMap::new(),
            mended: BTreeMap::new(),
            breaks_next: None,
            parts: BTreeMap::new(),
            owned: BTreeSet::new(),
            readers: self.readers.clone(),
            silenced: Vec::new(),
            planned: None,
            quiet_cause: None,
            of_address: (self.incident.kind == ProblemKind::ChannelBroken).then(|| "Warehouse".to_owned()),
            told_cause: None,
            proof: (self.incident.kind == ProblemKind::ChannelBroken)
                .then(|| "freshd notify test --team ops --channel mail".to_owned()),
            refused: None,
        }
    }
}

fn stands(state: DataState) -> Standing {
    Standing {
        state,
        reason: "2h old, promised at most 1h".to_owned(),
        as_of: Some(at("21:00")),
        effective_as_of: Some(at("21:00")),
        limited_by: None,
        arrived_at: Some(at("21:00")),
        is_served: true,
        deadline: state.keeps_promise().then(|| at("23:30")),
        breaks_as: Breach::Stale,
        since: None,
        state_since: None,
        reason_since: None,
        is_problem: !state.keeps_promise(),
        next_change: None,
    }
}

fn reading(who: &str, team: &str, clock: Option<&str>) -> Reading {
    Reading {
        who: who.to_owned(),
        team: team.into(),
        is_job: false,
        dataset: "stock".into(),
        called: "stock".to_owned(),
        at: clock.map(at),
    }
}

fn address() -> Address {
    Address {
        channel: "mail".into(),
        to: None,
    }
}
