//! `freshd why`: the evidence and the rule behind the state of a job or dataset.

mod compared;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::addresses;
use super::board;
use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::facts;
use super::titles::Titles;
use super::{taken_on, times};
use crate::model::{AddressState, Attempt, Name, Observation, Request, Run, Slot, SlotState, Verdict, Version};
use crate::model::{DatasetState, GoingRun, JobState, both_ends, end_words};

/// Slots shown, the newest.
const SLOTS_MAX: usize = 4;
/// Lines of the last attempt's output.
const OUTPUT_LINES_MAX: usize = 8;
/// Characters of each of them.
const OUTPUT_COLUMNS_MAX: usize = 200;

/// What `why` is told.
#[derive(Debug, clap::Args)]
pub(super) struct WhyArgs {
    /// A job or dataset
    name: String,
}

/// What the words need to know.
struct Reading<'a> {
    now: Timestamp,
    zone: &'a TimeZone,
    width: usize,
    titles: Titles,
}

pub(super) fn run(args: &WhyArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let request = Request::Why {
        name: Name::from(args.name.as_str()),
    };
    let why = Client::connect(global)?.facts(request, Subject::Any(&args.name))?;
    if out.json {
        out.document(&why)?;
        return Ok(Exit::Fine);
    }
    let zone = global.zone();
    let reading = Reading {
        titles: Titles::of(&global.config),
        now: Timestamp::now(),
        zone: &zone,
        width: out::width(),
    };
    let mut paragraphs = Vec::new();
    if why["dataset"].is_object() {
        paragraphs.push(dataset(&why["dataset"], &reading)?);
    }
    if why["job"].is_object() {
        paragraphs.push(job(&why["job"], &reading)?);
    }
    for incident in why["incidents"].as_array().into_iter().flatten() {
        paragraphs.push(incident_words(incident, &reading));
    }
    out.text(&paragraphs.join("\n"))?;
    Ok(Exit::Fine)
}

fn dataset(value: &Value, reading: &Reading<'_>) -> Result<String, Failure> {
    let dataset: DatasetState = read(value)?;
    let current: Option<Version> = read(&value["current"])?;
    let refused: Option<Version> = read(&value["refused"])?;
    let observation: Option<Observation> = read(&value["observation"])?;
    let slots: Option<Vec<Slot>> = read(&value["slots"])?;
    let mut lines = vec![("because", clean(&dataset.reason)), ("promise", promise(value))];
    if let Some(window) = &dataset.maintenance {
        lines.push(("maintenance", clean(&window.words(reading.now, reading.zone))));
    }
    if let Some(silence) = &dataset.silence {
        lines.push(("silenced", clean(&silence.words(reading.now, reading.zone))));
    }
    if let Some(version) = &current {
        let rows = version.rows.map(|rows| format!(", {rows} rows")).unwrap_or_default();
        let run = version
            .run
            .map(|run| format!(", made by run {run}"))
            .unwrap_or_default();
        lines.push((
            "version",
            format!(
                "{}{rows}, arrived {}{run}",
                version.number,
                reading.told(version.arrived_at)
            ),
        ));
        if let Some(by_hand) = &version.provenance.by_hand {
            lines.push(("by hand", clean(&by_hand.words())));
        }
        if let Some(expected) = version.passed_as_expected() {
            lines.push(("as expected", clean(&expected.words())));
        }
        lines.push(("as of", reading.told(version.as_of)));
        if let Some(by) = &dataset.limited_by {
            let shown = reading.told(version.effective_as_of);
            lines.push(("no newer than", format!("{shown}, limited by {}", clean(by))));
        }
        let warnings = version.checks.iter().filter(|check| check.verdict == Verdict::Warn);
        for check in warnings {
            lines.push(("warning", format!("{}: {}", clean(&check.name), clean(&check.message))));
        }
    }
    if let Some(expected) = &dataset.expected {
        let until = reading.told(expected.until);
        lines.push(("expected", format!("{}, until {until}", clean(&expected.words()))));
    }
    if let Some(compared) = compared::words(value) {
        lines.push(("compared", compared));
    }
    if let Some(at) = dataset.deadline {
        lines.push(("deadline", reading.told(at)));
    }
    if let Some(refused) = refused {
        lines.push((
            "held back",
            format!("version {}, {}", refused.number, reading.told(refused.arrived_at)),
        ));
        if let Some(path) = value["quarantine"].as_str() {
            let release = format!(
                "freshd release {}@{} --because TEXT",
                clean(&dataset.name),
                refused.number
            );
            lines.push(("", format!("it lies in {}; {release} publishes it", clean(path))));
        }
        let against: Vec<_> = refused
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Hold)
            .collect();
        // What stands above already is not said again.
        for check in against.iter().filter(|check| !dataset.reason.contains(&check.message)) {
            lines.push(("", format!("{}: {}", clean(&check.name), clean(&check.message))));
        }
        if let Some(reason) = refused.reason.filter(|_| against.is_empty()) {
            lines.push(("", clean(&reason)));
        }
    }
    if let Some(seen) = observation {
        let is_pinged = value["pinged"] == true;
        let found = match seen.found {
            Ok(_) if is_pinged => "has arrived".to_owned(),
            Err(why) if is_pinged => clean(&why),
            Ok(Some(found)) => format!("found {} bytes", found.bytes),
            Ok(None) => "found nothing".to_owned(),
            Err(why) => format!("cannot tell: {}", clean(&why)),
        };
        let looked = match value["producer"].is_string() {
            true => "the file",
            false if is_pinged => "last ping",
            false => "probe",
        };
        lines.push((looked, format!("{found}, {}", times::hint(seen.at, reading.now))));
    }
    let slots = slots.unwrap_or_default();
    for (index, slot) in slots.iter().rev().take(SLOTS_MAX).enumerate() {
        lines.push((if index == 0 { "deliveries" } else { "" }, slot_words(slot, reading)));
    }
    let parts: Vec<&str> = value["parts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !parts.is_empty() {
        lines.push(("parts", clean(&parts.join(", "))));
    }
    if let Some(whole) = value["part_of"].as_str() {
        lines.push(("part of", clean(whole)));
    }
    if let Some(producer) = value["producer"].as_str() {
        lines.push(("made by", format!("job {}", clean(producer))));
    }
    let made_from = value["made_from"].as_array().into_iter().flatten();
    let made_from: Vec<&str> = made_from.filter_map(Value::as_str).collect();
    if !made_from.is_empty() {
        lines.push(("made from", format!("{}, by its system", clean(&made_from.join(", ")))));
    }
    let under_way: Option<Vec<GoingRun>> = read(&value["under_way"])?;
    for going in under_way.into_iter().flatten() {
        lines.push((
            "under way",
            format!("run {}, {}", going.run, going_words(&going, reading)),
        ));
    }
    if let Some(readers) = readers(value) {
        lines.push(("read by", readers));
    }
    lines.push(("owner", owner(value)));
    let head = format!(
        "dataset {} {}{}\n",
        tone(Tone::Strong, clean(&dataset.name)),
        board::dataset_state(&dataset.state),
        title(dataset.title.as_deref())
    );
    Ok(head + &facts(&lines, 2, reading.width))
}

fn job(value: &Value, reading: &Reading<'_>) -> Result<String, Failure> {
    let job: JobState = read(value)?;
    let last: Option<Run> = read(&value["last_run"])?;
    let attempt: Option<Attempt> = read(&value["last_attempt"])?;
    let mut lines = Vec::new();
    if let Some(reason) = &job.reason {
        lines.push(("because", clean(reason)));
    }
    if let Some(window) = &job.maintenance {
        lines.push(("maintenance", clean(&window.words(reading.now, reading.zone))));
    }
    if let Some(silence) = &job.silence {
        lines.push(("silenced", clean(&silence.words(reading.now, reading.zone))));
    }
    if let Some(rule) = &job.schedule {
        lines.push(("schedule", clean(rule)));
    }
    lines.push((
        "next",
        job.next_due.map_or_else(
            || "when its input or a person asks".to_owned(),
            |at| {
                format!(
                    "{}{}",
                    reading.told(at),
                    if job.paused { ", skipped while paused" } else { "" }
                )
            },
        ),
    ));
    if let Some(held) = value["held"].as_str() {
        lines.push(("held", tone(Tone::Bad, clean(held))));
    }
    for going in &job.running {
        lines.push(("now", going_words(going, reading)));
    }
    if let Some(run) = &last {
        let outcome = run
            .outcome
            .map_or("going on", |outcome| outcome.as_str())
            .replace('_', " ");
        let when = run
            .ended_at
            .map(|at| format!(" {}", reading.told(at)))
            .unwrap_or_default();
        let reason = run
            .reason
            .as_deref()
            .map(|reason| format!(": {}", clean(reason)))
            .unwrap_or_default();
        lines.push(("last run", format!("{} {outcome}{when}{reason}", run.id)));
        if let Some(released) = &run.released {
            lines.push(("by hand", clean(&released.words())));
        }
        if run.attempts > 1 {
            lines.push(("tried", format!("{} times", run.attempts)));
        }
    }
    if job.is_failing()
        && let Some(attempt) = &attempt
    {
        for (index, line) in attempt.output.last_lines(OUTPUT_LINES_MAX).into_iter().enumerate() {
            let label = if index == 0 { "it printed" } else { "" };
            lines.push((label, clean(&both_ends(line, OUTPUT_COLUMNS_MAX))));
        }
    }
    if let Some(produces) = value["produces"].as_str() {
        lines.push(("makes", format!("dataset {}", clean(produces))));
    }
    lines.push(("owner", owner(value)));
    let head = format!(
        "job {} {}{}\n",
        tone(Tone::Strong, clean(&job.name)),
        board::job_state(&job),
        title(job.title.as_deref())
    );
    Ok(head + &facts(&lines, 2, reading.width))
}

fn going_words(going: &GoingRun, reading: &Reading<'_>) -> String {
    let begun = going
        .started_at
        .map(|at| format!(", begun {}", times::hint(at, reading.now)));
    let state = going.state.as_str().replace('_', " ");
    format!("{state}, attempt {}{}", going.attempt, begun.unwrap_or_default())
}

fn incident_words(value: &Value, reading: &Reading<'_>) -> String {
    let text = |key: &str| clean(value[key].as_str().unwrap_or_default());
    let since = value["since"].as_str().and_then(|since| since.parse().ok());
    let since = since
        .map(|at| format!(", since {}", reading.told(at)))
        .unwrap_or_default();
    let head = format!("incident {} ({}){since}", value["id"], text("state"));
    let mut lines = vec![("because", text("reason"))];
    if let Some(at) = value["ends_by"].as_str().and_then(|at| at.parse().ok()) {
        lines.push(("over", end_words(&reading.told(at))));
    }
    if let Some(cause) = value["cause_in_words"].as_str() {
        lines.push(("explained by", clean(cause)));
    }
    lines.extend(taken_on::lines_told(value, reading.now, reading.zone));
    let addresses: Vec<AddressState> = Deserialize::deserialize(&value["addresses"]).unwrap_or_default();
    lines.extend(addresses::lines(&addresses, &reading.titles, reading.now, reading.zone));
    format!("{}\n{}", tone(Tone::Bad, head), facts(&lines, 2, reading.width))
}

fn promise(value: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(at) = value["due"]["at"].as_str() {
        let grace = value["due"]["grace"].as_str().filter(|grace| *grace != "0s");
        let grace = grace.map(|grace| format!(" with {grace} grace")).unwrap_or_default();
        parts.push(format!("delivered by `{}`{grace}", clean(at)));
    }
    if let Some(age) = value["max_age"].as_str() {
        let calendar = value["counted_in"].as_str().map(clean);
        let open = calendar.map_or_else(String::new, |calendar| format!(" of open time in {calendar}"));
        parts.push(format!("never older than {}{open}", clean(age)));
    }
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join("; ")
    }
}

fn slot_words(slot: &Slot, reading: &Reading<'_>) -> String {
    let tint = match slot.state {
        SlotState::Pending | SlotState::Excused | SlotState::Withdrawn => Tone::Dim,
        SlotState::Met | SlotState::Recovered => Tone::Good,
        SlotState::Late | SlotState::Missed => Tone::Bad,
    };
    let version = slot
        .version
        .map(|version| format!(" by version {version}"))
        .unwrap_or_default();
    let reason = slot.reason.as_deref().map(clean);
    let reason = reason.map_or_else(String::new, |reason| format!(", {reason}"));
    format!(
        "due {}: {}{version}{reason}",
        reading.told(slot.due_at),
        tone(tint, slot.state.as_str())
    )
}

fn readers(value: &Value) -> Option<String> {
    let readers = value["readers"].as_array().filter(|readers| !readers.is_empty())?;
    let words = readers.iter().map(|reader| {
        let text = |key: &str| clean(reader[key].as_str().unwrap_or_default());
        let rule = reader["reads_at"]
            .as_str()
            .map(|rule| format!(" at `{}`", clean(rule)))
            .unwrap_or_default();
        format!("{} ({}){rule}", text("name"), text("owner"))
    });
    Some(words.collect::<Vec<_>>().join(", "))
}

fn owner(value: &Value) -> String {
    let tells: Vec<&str> = value["tells"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let owner = value["owner"].as_str().unwrap_or("nobody");
    let owner = board::titled_owner(owner, value["owner_title"].as_str());
    format!("{owner}, to be told by {}", clean(&tells.join(" and ")))
}

fn title(title: Option<&str>) -> String {
    title.map(|title| format!(" · {}", clean(title))).unwrap_or_default()
}

impl Reading<'_> {
    fn told(&self, at: Timestamp) -> String {
        times::moment_and_hint(at, self.now, self.zone)
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    serde_json::from_value(value.clone()).map_err(|error| {
        Failure::unreachable(format!(
            "the daemon speaks another language ({error}); is it of another version? restart it"
        ))
    })
}
