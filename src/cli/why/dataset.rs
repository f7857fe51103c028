//! What `freshd why` says of a dataset.

use serde_json::Value;

use super::{Reading, compared, going_words, owner, read, title};
use crate::cli::board;
use crate::cli::exit::Failure;
use crate::cli::paint::{Tone, clean, tone};
use crate::cli::table::facts;
use crate::cli::times;
use crate::model::{DatasetState, GoingRun, Observation, Slot, SlotState, Verdict, Version};

/// Slots shown, the newest.
const SLOTS_MAX: usize = 4;
/// Its state, its promise, its version, and what was refused or seen since.
pub(super) fn words(value: &Value, reading: &Reading<'_>) -> Result<String, Failure> {
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
