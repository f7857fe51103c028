//! What an attempt produced: judged, put in place or kept aside, and tried again while the machine hinders it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::data::DataState;
use super::runs::StartedWith;
use super::wakes::Retry;
use crate::model::{
    Action, AttemptId, Command, Dataset, Fact, Job, Judgement, Judging, Name, Outcome, Publishing, RunId, RunState,
    Setback, Stamp, Verdict, Version, VersionNumber, VersionRef, VersionState, staged_path,
};

/// How long to wait before each further try at an output that the machine kept freshd from: four minutes in all,
/// since a full disk or a share that went away is often mended by then, and the job's own retries come after it.
const SETBACK_DELAYS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(39),
    Duration::from_mins(1),
    Duration::from_mins(2),
];

impl Engine {
    /// Asks for the verdict on what an attempt produced.
    pub(super) fn judge(&mut self, id: AttemptId) {
        let Some(attempt) = self.attempts.get(&id) else { return };
        let run = self.runs.get(&id.run);
        let with = run.and_then(|run| self.started_with(run));
        let weekday = run.map_or(1, |run| self.weekday_of(run, with.as_ref()));
        let inputs = run.map(|run| self.rows_of(&run.inputs)).unwrap_or_default();
        let staged = with.as_ref().and_then(|with| self.staged_by(with, id));
        let script = with.as_ref().and_then(|with| script_of(&with.job));
        let dataset = with.and_then(|with| with.dataset);
        if let Some((dataset, staged)) = dataset.zip(staged) {
            let judging = Judging {
                id,
                compared_with: dataset
                    .checks
                    .compared_with()
                    .into_iter()
                    .filter_map(|name| self.compared_data(name))
                    .collect(),
                comparison: self.comparison(&dataset.name, weekday),
                inputs,
                dataset,
                staged,
                started_at: attempt.started_at.unwrap_or(attempt.claimed_at),
                script,
                report: attempt.report.clone(),
            };
            self.act(Action::Judge(Box::new(judging)));
        }
    }

    /// A dataset whose columns a candidate is compared with, with the file where its newest version is to be found.
    fn compared_data(&self, name: &Name) -> Option<Arc<Dataset>> {
        let dataset = self.settings.datasets.get(name)?;
        let left = self.current_version(name).map(|(version, _)| version);
        let left = left.filter(|version| version.left_at(dataset).is_some());
        Some(match left.and_then(|version| self.kept_path(version)) {
            Some(kept) => Arc::new(Dataset {
                file: Some(kept),
                ..Dataset::clone(dataset)
            }),
            None => dataset.clone(),
        })
    }

    /// The checks have spoken: publish, or refuse and keep what readers have.
    ///
    /// A machine that kept freshd from reading the output is no verdict: it is looked at again for a while, and then
    /// the run has failed by that, and its output lies where refused ones do.
    pub(super) fn judged(&mut self, id: AttemptId, result: Result<Judgement, Setback>) {
        let Some(run) = self
            .runs
            .get(&id.run)
            .filter(|run| run.state == RunState::Judging && run.attempts == id.number)
        else {
            return;
        };
        let with = self.started_with(run);
        let staged = with.as_ref().and_then(|with| self.staged_by(with, id));
        let Some(dataset) = with.and_then(|with| with.dataset) else {
            self.finish(id.run, Outcome::Succeeded, None);
            return;
        };
        if run
            .version
            .is_some_and(|number| self.is_publishing(&dataset.name, number))
        {
            return;
        }
        let inputs = run.inputs.clone();
        let Some(staged) = staged else { return };
        let is_gone = |judgement: &Judgement| judgement.measurement.sha256.is_empty();
        if result.as_ref().is_ok_and(is_gone) && self.was_hidden(id.run) {
            self.end_judged_before(id.run, &dataset.name);
            return;
        }
        let (mut judgement, hindered) = match result {
            Ok(judgement) => (judgement, None),
            Err(setback) if setback.may_pass && self.look_again_later(Retry::Run(id.run)) => return,
            Err(setback) => (Judgement::default(), Some(unjudged(&setback))),
        };
        self.setbacks.remove(&Retry::Run(id.run));
        let expected = self.as_expected(&dataset.name, &mut judgement);
        let held = judgement.verdict() == Verdict::Hold || hindered.is_some();
        let outcome = match hindered {
            Some(_) => Outcome::Failed,
            None => Outcome::Rejected,
        };
        let mut version = self.new_version(
            &dataset.name,
            id,
            &inputs,
            (judgement, expected.filter(|_| !held)),
            held,
        );
        if hindered.is_some() {
            version.reason = hindered;
        }
        let publishing = self.publishing(version.clone(), dataset, staged);
        self.fact(Fact::Version(Box::new(version.clone())));
        self.remember(&version);
        if let Some(run) = self.runs.get_mut(&id.run) {
            run.version = Some(version.number);
            let run = run.clone();
            self.fact(Fact::Run(run));
        }
        if held {
            self.act(Action::Quarantine(Box::new(publishing)));
            self.end_attempt(id, outcome, version.reason.as_deref());
            self.attempt_failed(id.run, outcome, version.reason);
        } else {
            self.act(Action::Publish(Box::new(publishing)));
        }
    }

    /// An accepted version is in place, or could not be put there.
    pub(super) fn published(&mut self, wanted: &VersionRef, result: Result<Option<Stamp>, Setback>) {
        let Some(state) = self.data.get_mut(&wanted.dataset) else {
            return;
        };
        let Some(index) = state
            .publishing
            .iter()
            .position(|version| version.number == wanted.number)
        else {
            return;
        };
        let is_by_hand = state.publishing[index].provenance.by_hand.is_some();
        let run = state.publishing[index].run;
        let retry = match run {
            _ if is_by_hand => Some(Retry::ByHand(wanted.clone())),
            run => run.map(Retry::Run),
        };
        let may_pass = result.as_ref().is_err_and(|setback| setback.may_pass);
        if let Some(retry) = retry {
            if may_pass && self.look_again_later(retry.clone()) {
                return;
            }
            self.setbacks.remove(&retry);
        }
        let Some(state) = self.data.get_mut(&wanted.dataset) else {
            return;
        };
        let mut version = state.publishing.remove(index);
        if is_by_hand {
            self.published_by_hand(version, result);
            return;
        }
        let stamp = match result {
            Ok(stamp) => stamp,
            Err(Setback { why, .. }) => {
                self.not_in_place(version, &why);
                return;
            }
        };
        version.state = VersionState::Published;
        version.stamp = stamp;
        self.fact(Fact::Version(Box::new(version.clone())));
        let warned = version
            .checks
            .iter()
            .find(|check| check.verdict == crate::model::Verdict::Warn);
        let warned = warned.map(|check| check.message.clone());
        let expected = version.passed_as_expected();
        let expected = expected.map(|expected| format!("passed as expected: {}", expected.words()));
        self.arrived(version);
        if let Some(run) = run {
            let remark = self.runs.get(&run).and_then(|run| run.reason.clone());
            let reasons: Vec<String> = [expected, remark, warned].into_iter().flatten().collect();
            let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
            self.finish(run, Outcome::Succeeded, reason);
        }
        self.trigger_readers(&wanted.dataset);
    }

    /// An accepted version could not be put in place, and lies where refused ones do.
    fn not_in_place(&mut self, mut version: Version, why: &str) {
        let reason = format!("its output could not be put in place: {why}");
        version.state = VersionState::Quarantined;
        version.reason = Some(reason.clone());
        self.fact(Fact::Version(Box::new(version.clone())));
        self.remember(&version);
        self.keep_refused(version.clone());
        if let Some(attempt) = version.attempt {
            self.end_attempt(attempt, Outcome::Failed, Some(&reason));
        }
        if let Some(run) = version.run {
            self.attempt_failed(run, Outcome::Failed, Some(reason));
        }
    }

    /// Asks again for what a crash may have cut short: verdicts, publications and refusals are idempotent.
    pub(super) fn resume_publications(&mut self) {
        let judging = self.runs.values().filter(|run| run.state == RunState::Judging);
        let mut judging: Vec<_> = judging.map(|run| run.id).collect();
        judging.sort_unstable();
        for run in judging {
            self.resume_output(run);
        }
        self.resume_by_hand();
        let refused = self.data.values().filter_map(DataState::held_back);
        let mut refused: Vec<_> = refused.cloned().collect();
        refused.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        for version in refused {
            self.keep_refused(version);
        }
    }

    /// Asks for the verdict on what a run produced, or for its publication when it was accepted already.
    pub(super) fn resume_output(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id).filter(|run| run.state == RunState::Judging) else {
            return;
        };
        let attempt = AttemptId {
            run: id,
            number: run.attempts,
        };
        let Some(with) = self.started_with(run) else {
            let reason = "its job was removed from jobs.toml".to_owned();
            self.finish(id, Outcome::Cancelled, Some(reason));
            return;
        };
        let going_on = with.dataset.as_ref().and_then(|dataset| {
            let state = self.data.get(&dataset.name)?;
            state
                .publishing
                .iter()
                .find(|publishing| Some(publishing.number) == run.version)
                .cloned()
        });
        let decided = going_on.as_ref().and_then(|version| version.file.as_deref());
        let staged = match decided {
            Some(file) => self.staged(&with.job, file, attempt),
            None => self.staged_by(&with, attempt),
        };
        match (going_on, with.dataset, staged) {
            (Some(version), Some(dataset), Some(staged)) => {
                let publishing = self.publishing(version, dataset, staged);
                self.act(Action::Publish(Box::new(publishing)));
            }
            (None, Some(_), Some(_)) => self.judge(attempt),
            _ => self.finish(id, Outcome::Succeeded, None),
        }
    }

    /// Lets the machine come round before an output is looked at, or put in place, again; `false` once that took too long.
    fn look_again_later(&mut self, retry: Retry) -> bool {
        let tries = self.setbacks.entry(retry.clone()).or_default();
        let Some(delay) = SETBACK_DELAYS.get(*tries) else {
            self.setbacks.remove(&retry);
            return false;
        };
        *tries += 1;
        self.wakes.arm_retry(retry, self.now.boot.saturating_add(*delay));
        true
    }

    /// How many rows each of these versions has.
    fn rows_of(&self, inputs: &[VersionRef]) -> Vec<(Name, Option<u64>)> {
        let rows = |input: &VersionRef| self.version(input).and_then(|version| version.rows);
        inputs
            .iter()
            .map(|input| (input.dataset.clone(), rows(input)))
            .collect()
    }

    fn staged_by(&self, with: &StartedWith, id: AttemptId) -> Option<PathBuf> {
        self.staged(&with.job, with.dataset.as_deref()?.file.as_deref()?, id)
    }

    /// Moves a refused candidate to quarantine.
    fn keep_refused(&mut self, version: Version) {
        let Some(id) = version.attempt else { return };
        let Some(file) = &version.file else { return };
        let with = self.runs.get(&id.run).and_then(|run| self.started_with(run));
        let staged = with.as_ref().and_then(|with| self.staged(&with.job, file, id));
        let staged = staged.or_else(|| Some(staged_path(file, id)));
        let dataset = with.and_then(|with| with.dataset);
        let dataset = dataset.or_else(|| self.settings.datasets.get(&version.dataset).cloned());
        if let Some((dataset, staged)) = dataset.zip(staged) {
            let publishing = self.publishing(version, dataset, staged);
            self.act(Action::Quarantine(Box::new(publishing)));
        }
    }

    /// Which kept versions must outlive the publication of a version: those that unfinished runs were given, and
    /// those that a run may still be given before it is in place.
    fn spared(&self, version: &Version) -> Vec<VersionNumber> {
        let given = self.pins.keys().filter(|pinned| pinned.dataset == version.dataset);
        let state = self.data.get(&version.dataset);
        let readable = state
            .into_iter()
            .flat_map(|state| state.current.iter().chain(&state.publishing));
        let given = given.map(|pinned| pinned.number);
        let spared = given.chain(readable.map(|readable| readable.number));
        let spared: BTreeSet<_> = spared.filter(|number| *number < version.number).collect();
        spared.into_iter().collect()
    }

    pub(super) fn publishing(&self, version: Version, dataset: Arc<Dataset>, staged: std::path::PathBuf) -> Publishing {
        let spared = self.spared(&version);
        Publishing {
            version,
            dataset,
            staged,
            is_kept: false,
            spared,
            versions_dir: self.host.state_dir.join("versions"),
            quarantine_dir: self.host.state_dir.join("quarantine"),
        }
    }
}

/// Programs that run the script which the next word names.
const INTERPRETERS: [&str; 10] = [
    "sh", "bash", "dash", "python", "python3", "perl", "ruby", "node", "php", "Rscript",
];

/// The file that a job's command names: its first word, or the word behind an interpreter. Only what has an absolute path
/// can be told from a word that merely looks so.
fn script_of(job: &Job) -> Option<PathBuf> {
    let words: Vec<&str> = match &job.command {
        Command::Argv(words) => words.iter().map(AsRef::as_ref).collect(),
        Command::Shell(text) => text.split_whitespace().take(2).collect(),
    };
    let first = words.first().map(Path::new)?;
    let is_interpreter = first
        .file_name()
        .is_some_and(|name| INTERPRETERS.iter().any(|known| name == *known));
    let script = match is_interpreter {
        true => words
            .iter()
            .skip(1)
            .find(|word| !word.starts_with('-'))
            .map(Path::new)?,
        false => first,
    };
    let script = job
        .policy
        .workdir
        .as_ref()
        .map_or_else(|| script.to_owned(), |workdir| workdir.join(script));
    script.is_absolute().then_some(script)
}

fn unjudged(setback: &Setback) -> String {
    format!(
        "freshd itself could not judge its output, which says nothing of the data: {}",
        setback.why
    )
}
