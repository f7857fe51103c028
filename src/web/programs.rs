//! The routes for programs, with what they are told of each in `/api/v1/openapi.json`.

use axum::routing::{get, post};

use super::actions::{self, Note, Nothing, Reason, ToSilence};
use super::api::{self, Limited, Wanted, WantedIncidents, WantedOccurrences, WantedSilences};
use super::dead::{self, WantedDead};
use super::documents::{
    CancelledRun, DatasetsAnswer, DeadMessagesAnswer, FlowAnswer, IncidentAnswer, IncidentsAnswer, JobsAnswer,
    LineageTaken, LogsAnswer, OccurrencesAnswer, OpenApiAnswer, PausedOrNot, RunAnswer, RunBegun, RunsAnswer,
    SentAgain, Silenced, SilencesAnswer, StatusAnswer, TakenOn, Unsilenced, VersionsAnswer, WhyAnswer,
};
use super::lineage_events::{self, LineageEvent};
use super::openapi::{self, Told};
use super::routes::{Line, answers, does};
use super::{planned, search};
use crate::model::Plan;

pub(super) fn lines() -> Vec<Line> {
    let about = Told::about;
    let mut lines = vec![
        answers(
            "/api/v1/openapi.json",
            get(openapi::openapi),
            about("This description.").gives::<OpenApiAnswer>(),
        ),
        answers(
            "/api/v1/status",
            get(api::status),
            about("The state of everything, at most a second old.").gives::<StatusAnswer>(),
        ),
        answers(
            "/api/v1/jobs",
            get(api::jobs),
            about("Every job and its state.").gives::<JobsAnswer>(),
        ),
        answers(
            "/api/v1/jobs/{name}",
            get(api::job),
            about("A job's state, with the evidence behind it.").gives::<WhyAnswer>(),
        ),
        answers(
            "/api/v1/jobs/{name}/logs",
            get(search::logs),
            about("Lines that a job has printed, the newest run first.")
                .gives::<LogsAnswer>()
                .asks::<search::Wanted>(),
        ),
        answers(
            "/api/v1/runs",
            get(api::runs),
            about("Runs, the newest first.").gives::<RunsAnswer>().asks::<Wanted>(),
        ),
        answers(
            "/api/v1/runs/{id}",
            get(api::run),
            about("One run and its attempts.").gives::<RunAnswer>(),
        ),
        answers(
            "/api/v1/runs/{id}/log",
            get(api::log),
            about("What its last attempt printed, one JSON document a line.").answers("application/jsonl"),
        ),
        answers(
            "/api/v1/datasets",
            get(api::datasets),
            about("Every dataset and its state.").gives::<DatasetsAnswer>(),
        ),
        answers(
            "/api/v1/datasets/{name}",
            get(api::dataset),
            about("A dataset's state, with the evidence behind it.").gives::<WhyAnswer>(),
        ),
        answers(
            "/api/v1/datasets/{name}/versions",
            get(api::versions),
            about("A dataset's versions, the newest first.")
                .gives::<VersionsAnswer>()
                .asks::<Limited>(),
        ),
        answers(
            "/api/v1/incidents",
            get(api::incidents),
            about("Incidents that are not over.")
                .gives::<IncidentsAnswer>()
                .asks::<WantedIncidents>(),
        ),
        answers(
            "/api/v1/incidents/{id}",
            get(api::incident),
            about("One incident and every message about it.").gives::<IncidentAnswer>(),
        ),
        answers(
            "/api/v1/messages/dead",
            get(dead::dead),
            about("Messages that were given up and that nobody has sent again, the newest first.")
                .gives::<DeadMessagesAnswer>()
                .asks::<WantedDead>(),
        ),
        answers(
            "/api/v1/silences",
            get(api::silences),
            about("What is silenced, by whom and why.")
                .gives::<SilencesAnswer>()
                .asks::<WantedSilences>(),
        ),
        answers(
            "/api/v1/flow",
            get(api::flow),
            about("The whole flow of data, with owners and states.").gives::<FlowAnswer>(),
        ),
        answers(
            "/api/v1/occurrences",
            get(api::occurrences),
            about("When jobs are due next.")
                .gives::<OccurrencesAnswer>()
                .asks::<WantedOccurrences>()
                .may_name_nothing(),
        ),
        answers(
            "/api/v1/plan",
            get(planned::document),
            about("What an edited jobs.toml would change.").gives::<Plan>(),
        ),
    ];
    lines.extend(actions());
    lines
}

fn actions() -> [Line; 9] {
    let about = Told::about;
    [
        does(
            "/api/v1/lineage",
            post(lineage_events::lineage),
            about("Takes an event of OpenLineage: what became of a run elsewhere, and of what it makes.")
                .gives::<LineageTaken>()
                .takes::<LineageEvent>(),
        ),
        does(
            "/api/v1/jobs/{name}/run",
            post(actions::run),
            about("Runs a job now.").gives::<RunBegun>().takes::<Nothing>(),
        ),
        does(
            "/api/v1/jobs/{name}/pause",
            post(actions::pause),
            about("Stops scheduling a job.")
                .gives::<PausedOrNot>()
                .takes::<Reason>(),
        ),
        does(
            "/api/v1/jobs/{name}/resume",
            post(actions::resume),
            about("Schedules a paused job again.")
                .gives::<PausedOrNot>()
                .takes::<Nothing>(),
        ),
        does(
            "/api/v1/runs/{id}/cancel",
            post(actions::cancel),
            about("Ends a run.").gives::<CancelledRun>().takes::<Nothing>(),
        ),
        does(
            "/api/v1/incidents/{id}/ack",
            post(actions::ack),
            about("Takes an incident on.").gives::<TakenOn>().takes::<Note>(),
        ),
        does(
            "/api/v1/messages/{id}/resend",
            post(actions::resend),
            about("Sends a message again that was given up.")
                .gives::<SentAgain>()
                .takes::<Nothing>(),
        ),
        does(
            "/api/v1/silences",
            post(actions::silence),
            about("Tells nobody of a job or dataset for a while.")
                .gives::<Silenced>()
                .takes::<ToSilence>()
                .may_name_nothing(),
        ),
        does(
            "/api/v1/silences/{name}/end",
            post(actions::unsilence),
            about("Tells of it again.").gives::<Unsilenced>().takes::<Nothing>(),
        ),
    ]
}
