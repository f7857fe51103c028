//! What the keeper is told of an attempt: command, environment, places, limits.

use std::path::{Path, PathBuf};

use super::Engine;
use super::runs::StartedWith;
use crate::model::{
    Action, AttemptId, AttemptSpec, Command, Job, Run, RunAs, Trigger, Version, VersionRef, log_path, output_dir,
    report_path, run_dir, staged_path, trace_parent, version_path,
};

impl Engine {
    /// The attempt as the keeper starts it, from the configuration in force.
    pub(super) fn spec(&self, job: &Job, run: &Run, id: AttemptId) -> AttemptSpec {
        let state_dir = &self.host.state_dir;
        let (run_dir, report) = (run_dir(state_dir, id), report_path(state_dir, id));
        let produced = job.produces.as_ref().and_then(|name| self.settings.datasets.get(name));
        let output = produced.and_then(|dataset| self.staged(job, dataset.file.as_deref()?, id));
        AttemptSpec {
            id,
            job: job.name.clone(),
            due_at: run.due_at,
            trigger: run.trigger,
            argv: argv(job, run),
            env: self.env(job, run, id, &report, output.as_deref()),
            workdir: job.policy.workdir.clone().unwrap_or_else(|| run_dir.clone()),
            log: log_path(&self.host.state_dir, &job.name, id),
            output_dir: output.as_ref().and_then(|output| Some(output.parent()?.to_owned())),
            run_dir,
            log_limit_bytes: job.policy.log_limit_bytes,
            report,
            timeout: job.policy.timeout,
            kill_after: job.policy.kill_after,
            keep_leftovers: job.policy.keep_leftovers,
            conditions: job.policy.conditions.as_deref().cloned().unwrap_or_default(),
        }
    }

    /// What an unfinished attempt was started with, as far as that is known: for whoever must see it to its end without
    /// its keeper's word.
    pub fn spec_of(&self, id: AttemptId) -> Option<AttemptSpec> {
        let run = self.runs.get(&id.run)?;
        Some(self.spec(&self.started_with(run)?.job, run, id))
    }

    /// What remains of an attempt once its run is final, and can be removed.
    pub(super) fn clean(&self, with: &StartedWith, id: AttemptId) -> Action {
        // A refused candidate is on its way into quarantine, which moves it: nothing else may remove it.
        let produced = with.dataset.as_deref().filter(|_| !self.refused.contains(&id));
        let staged = produced.and_then(|dataset| self.staged(&with.job, dataset.file.as_deref()?, id));
        Action::Clean {
            id,
            run_dir: run_dir(&self.host.state_dir, id),
            staged,
        }
    }

    /// Where an attempt writes its candidate for a dataset's file: beside that, where a rename is enough. Another user
    /// has no business there, and gets a directory of its own.
    pub(super) fn staged(&self, job: &Job, file: &Path, id: AttemptId) -> Option<PathBuf> {
        match run_as(job) {
            Some(_) => Some(output_dir(&run_dir(&self.host.state_dir, id)).join(file.file_name()?)),
            None => Some(staged_path(file, id)),
        }
    }

    fn env(&self, job: &Job, run: &Run, id: AttemptId, report: &Path, output: Option<&Path>) -> Vec<(String, String)> {
        let mut env = self.host.env.clone();
        let mut set = |key: String, value: String| {
            env.retain(|(known, _)| *known != key);
            env.push((key, value));
        };
        let zone = job.schedule.as_ref().map_or(&self.settings.timezone, |rule| &rule.zone);
        set("TZ".to_owned(), zone.iana_name().unwrap_or("UTC").to_owned());
        if let Some(user) = run_as(job) {
            set("HOME".to_owned(), user.home.clone());
            set("USER".to_owned(), user.user.clone());
            set("LOGNAME".to_owned(), user.user.clone());
            set("SHELL".to_owned(), user.shell.clone());
        }
        for (key, value) in &job.policy.env {
            set(key.clone(), value.clone());
        }
        set("FRESHD_JOB".to_owned(), job.name.to_string());
        set("FRESHD_RUN_ID".to_owned(), id.run.to_string());
        set("FRESHD_ATTEMPT".to_owned(), id.number.to_string());
        set("FRESHD_TRIGGER".to_owned(), run.trigger.as_str().to_owned());
        if let Some(due_at) = run.due_at {
            let due = due_at.to_zoned_datetime(zone.clone());
            set(
                "FRESHD_DUE".to_owned(),
                due.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            );
        }
        set("FRESHD_REPORT".to_owned(), report.display().to_string());
        if let Some(output) = output {
            set("FRESHD_OUTPUT".to_owned(), output.display().to_string());
        }
        for input in &run.inputs {
            if let Some(path) = self.input_path(input) {
                set(input_variable(input), path.display().to_string());
            }
        }
        set(
            "TRACEPARENT".to_owned(),
            trace_parent(&run.trace_id(), run.seed, id.number),
        );
        env
    }

    /// The kept copy of a version, which later versions do not touch; a probed file where it lies.
    fn input_path(&self, input: &VersionRef) -> Option<PathBuf> {
        match self.kept_path(self.version(input)?) {
            Some(kept) => Some(kept),
            None => self.data.get(&input.dataset)?.observation.as_ref()?.path.clone(),
        }
    }

    /// The kept copy of a version that a run made, by the name it was given then.
    pub(super) fn kept_path(&self, version: &Version) -> Option<PathBuf> {
        let versions_dir = self.host.state_dir.join("versions");
        let kept_as = version.kept_as.as_ref()?;
        Some(version_path(&versions_dir, &version.dataset, version.number, kept_as))
    }
}

fn run_as(job: &Job) -> Option<&RunAs> {
    job.policy.conditions.as_ref()?.run_as.as_ref()
}

fn argv(job: &Job, run: &Run) -> Vec<String> {
    let extra = if run.trigger == Trigger::Manual {
        run.args.as_slice()
    } else {
        &[]
    };
    match &job.command {
        Command::Argv(words) => {
            let words = words.iter().map(ToString::to_string);
            words.chain(extra.iter().cloned()).collect()
        }
        // Arguments of a manual run are the shell's "$@", never spliced into its text.
        Command::Shell(text) if extra.is_empty() => vec!["/bin/sh".into(), "-c".into(), text.clone()],
        Command::Shell(text) => {
            let mut words = vec![
                "/bin/sh".into(),
                "-c".into(),
                format!("{text} \"$@\""),
                job.name.to_string(),
            ];
            words.extend(extra.iter().cloned());
            words
        }
    }
}

/// `FRESHD_INPUT_STOCK_LEVEL` for the dataset `stock-level`.
fn input_variable(input: &VersionRef) -> String {
    let name = input.dataset.as_str().chars();
    let name: String = name
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("FRESHD_INPUT_{name}")
}
