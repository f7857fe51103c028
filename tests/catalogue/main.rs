//! How much the checks find: spoilt exports of the seafood company that must be named for what they are, and good ones
//! that must be left in peace.
//!
//! The checks are those that `freshd learn` proposes from the first eight weeks. Both rates are printed by
//! `cargo test --test catalogue -- --nocapture`.

mod company;
mod spoilt;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freshd::checks::{judge, propose};
use freshd::config::{Environment, load};
use freshd::model::{
    AttemptId, COMPARED_MAX, Comparison, Dataset, Judgement, Judging, Lesson, Name, Past, RunId, Verdict, VersionNumber,
};
use freshd::probe::Progress;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use company::{DATASETS, Export, WEEKS, export, friday, written_at};
use spoilt::{Fault, faults};

/// Weeks from which checks are proposed.
const LEARNED_WEEKS: u32 = 8;

/// At most so large a part of the good files may raise anything.
const ALARMS_MAX: f64 = 0.01;

/// The company with the checks that were proposed for it, and what it has accepted.
struct Judge {
    dir: TempDir,
    datasets: BTreeMap<&'static str, Arc<Dataset>>,
    /// Of each dataset, by week.
    past: BTreeMap<&'static str, Vec<(u32, Arc<Past>)>>,
}

impl Judge {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let mut text = "timezone = \"Europe/Oslo\"\n[fallback]\nnotify = [\"out\"]\n[channels.out]\ntype = \"file\"\n\
                        dir = \"out\"\n[teams.ops]\nnotify = [\"out\"]\n"
            .to_owned();
        let zone = TimeZone::get("Europe/Oslo").expect("the zone is known");
        for dataset in DATASETS {
            let files: Vec<PathBuf> = (1..=LEARNED_WEEKS)
                .map(|week| write(dir.path(), dataset, week, export(dataset, week).text().as_bytes()))
                .collect();
            let proposed = propose(&files, None, &zone).expect("good files");
            text += &format!(
                "[datasets.{dataset}]\nowner = \"ops\"\nfile = \"{dataset}.csv\"\n[datasets.{dataset}.checks]\n"
            );
            for check in &proposed {
                text += &format!("# {}\n{}\n", check.evidence, check.line);
            }
        }
        let config = dir.path().join("jobs.toml");
        fs::write(&config, &text).expect("a file");
        let loaded = load(&config, &Environment::of_process());
        let errors: Vec<&String> = loaded.problems.iter().map(|problem| &problem.message).collect();
        let settings = loaded.settings.unwrap_or_else(|| panic!("{errors:?}\n{text}"));
        println!("{text}");
        let of = |name: &&'static str| (*name, settings.datasets[*name].clone());
        Self {
            dir,
            datasets: DATASETS.iter().map(of).collect(),
            past: BTreeMap::new(),
        }
    }

    fn judge(&self, name: &'static str, week: u32, content: &[u8]) -> Judgement {
        let staged = write(self.dir.path(), name, week, content);
        let past = self.past.get(name).into_iter().flatten();
        let before: Vec<Arc<Past>> = past
            .filter(|(of, _)| *of < week)
            .map(|(_, past)| past.clone())
            .collect();
        let judging = Judging {
            id: AttemptId {
                run: RunId(1),
                number: 1,
            },
            dataset: self.datasets[name].clone(),
            staged,
            started_at: written_at(week),
            compared_with: Vec::new(),
            comparison: Comparison {
                since: Vec::new(),
                of: "Fridays",
                versions: before[before.len().saturating_sub(COMPARED_MAX)..].to_vec(),
            },
            inputs: Vec::new(),
            script: None,
            report: Vec::new(),
        };
        judge(&judging, &Progress::default()).expect("the machine reads it")
    }

    /// Takes a good week on, as an accepted version does.
    fn accept(&mut self, name: &'static str, week: u32, judgement: Judgement) {
        let past = Past {
            dataset: Name::from(name),
            number: VersionNumber(u64::from(week)),
            arrived_at: written_at(week),
            rows: judgement.measurement.rows,
            bytes: judgement.measurement.bytes,
            sha256: judgement.measurement.sha256,
            lesson: Lesson {
                weekday: 5,
                profile: Arc::new(judgement.profile.expect("it compares")),
            },
        };
        self.past.entry(name).or_default().push((week, Arc::new(past)));
    }
}

fn write(dir: &Path, name: &str, week: u32, content: &[u8]) -> PathBuf {
    let path = dir.join(format!("{name}-{week}.csv"));
    fs::write(&path, content).expect("a file");
    let seconds = u64::try_from(written_at(week).as_second()).expect("after 1970");
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let file = fs::File::options().append(true).open(&path).expect("a file");
    file.set_modified(written).expect("its time");
    path
}

/// The messages of what does not pass.
fn told(judgement: &Judgement) -> Vec<String> {
    let bad = judgement.checks.iter().filter(|check| check.verdict != Verdict::Pass);
    bad.map(|check| format!("{}: {}", check.name, check.message)).collect()
}

/// A week behind those that were learned from, of which the day could be a month.
fn week_of(index: usize) -> u32 {
    let weeks: Vec<u32> = (LEARNED_WEEKS + 2..=WEEKS)
        .filter(|week| friday(*week).day() <= 12 && i16::from(friday(*week).day()) != i16::from(friday(*week).month()))
        .collect();
    weeks[index * 5 % weeks.len()]
}

#[test]
fn spoilt_files_are_named_for_what_they_are_and_good_ones_left_in_peace() {
    let mut judge = Judge::new();
    let (mut good, mut alarms) = (0_u32, Vec::new());
    for week in 1..=WEEKS {
        for name in DATASETS {
            let judgement = judge.judge(name, week, export(name, week).text().as_bytes());
            good += 1;
            if judgement.verdict() != Verdict::Pass {
                alarms.push(format!("{name} of week {week}: {:?}", told(&judgement)));
            }
            judge.accept(name, week, judgement);
        }
    }
    let (mut missed, mut held) = (Vec::new(), 0);
    for (index, fault) in faults().enumerate() {
        let Fault {
            name,
            dataset,
            words,
            spoil,
        } = fault;
        let week = week_of(index);
        let good: Export = export(dataset, week);
        let judgement = judge.judge(dataset, week, &spoil(good, week));
        held += usize::from(judgement.verdict() == Verdict::Hold);
        let told = told(&judgement);
        if !told.iter().any(|message| message.contains(words)) {
            missed.push(format!("{name} of {dataset}, week {week}: {told:#?}"));
        }
    }
    let spoilt = faults().count();
    let rate = f64::from(u32::try_from(alarms.len()).expect("few")) / f64::from(good);
    println!(
        "spoilt: {} of {spoilt} named ({held} held back, the others warned); good: {} of {good} raised something ({:.2} %)",
        spoilt - missed.len(),
        alarms.len(),
        rate * 100.0
    );
    for alarm in &alarms {
        println!("raised: {alarm}");
    }
    assert!(spoilt >= 60 && good >= 200);
    assert!(missed.is_empty(), "{} not named:\n{}", missed.len(), missed.join("\n"));
    assert!(rate <= ALARMS_MAX, "{}", alarms.join("\n"));
}
