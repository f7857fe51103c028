//! Whom freshd tells what and when, through the real engine and store in virtual time.

#[path = "alerts_in_virtual_time/beginnings.rs"]
mod beginnings;
#[path = "alerts_in_virtual_time/behind_a_silence.rs"]
mod behind_a_silence;
#[path = "alerts_in_virtual_time/cause_states.rs"]
mod cause_states;
#[path = "alerts_in_virtual_time/causes.rs"]
mod causes;
#[path = "alerts_in_virtual_time/crashes.rs"]
mod crashes;
#[path = "alerts_in_virtual_time/delivery.rs"]
mod delivery;
#[path = "alerts_in_virtual_time/digest_lines.rs"]
mod digest_lines;
#[path = "alerts_in_virtual_time/digests.rs"]
mod digests;
#[path = "alerts_in_virtual_time/downtimes.rs"]
mod downtimes;
#[path = "alerts_in_virtual_time/downtimes_decided_slowly.rs"]
mod downtimes_decided_slowly;
#[path = "alerts_in_virtual_time/downtimes_in_stead.rs"]
mod downtimes_in_stead;
#[path = "alerts_in_virtual_time/drills.rs"]
mod drills;
#[path = "alerts_in_virtual_time/edits.rs"]
mod edits;
#[path = "alerts_in_virtual_time/ends.rs"]
mod ends;
#[path = "alerts_in_virtual_time/ends_at_pagers.rs"]
mod ends_at_pagers;
#[path = "alerts_in_virtual_time/ends_that_wait.rs"]
mod ends_that_wait;
#[path = "alerts_in_virtual_time/ends_in_threads.rs"]
mod ends_in_threads;
#[path = "alerts_in_virtual_time/escalations.rs"]
mod escalations;
#[path = "alerts_in_virtual_time/explaining.rs"]
mod explaining;
#[path = "alerts_in_virtual_time/failures_told.rs"]
mod failures_told;
#[path = "alerts_in_virtual_time/fallback_moves.rs"]
mod fallback_moves;
#[path = "alerts_in_virtual_time/flapping.rs"]
mod flapping;
#[path = "alerts_in_virtual_time/floods.rs"]
mod floods;
#[path = "alerts_in_virtual_time/given_up.rs"]
mod given_up;
#[path = "alerts_in_virtual_time/handed_over.rs"]
mod handed_over;
#[path = "alerts_in_virtual_time/in_one_after_the_first.rs"]
mod in_one_after_the_first;
#[path = "alerts_in_virtual_time/in_whose_stead.rs"]
mod in_whose_stead;
#[path = "alerts_in_virtual_time/joined.rs"]
mod joined;
#[path = "alerts_in_virtual_time/kept_back.rs"]
mod kept_back;
#[path = "alerts_in_virtual_time/kinds.rs"]
mod kinds;
#[path = "alerts_in_virtual_time/lifted_in_a_downtime.rs"]
mod lifted_in_a_downtime;
#[path = "alerts_in_virtual_time/lifting.rs"]
mod lifting;
#[path = "alerts_in_virtual_time/made_elsewhere.rs"]
mod made_elsewhere;
#[path = "alerts_in_virtual_time/maintenance.rs"]
mod maintenance;
#[path = "alerts_in_virtual_time/many_effects.rs"]
mod many_effects;
#[path = "alerts_in_virtual_time/on_their_own.rs"]
mod on_their_own;
#[path = "alerts_in_virtual_time/outages.rs"]
mod outages;
#[path = "alerts_in_virtual_time/overtaken.rs"]
mod overtaken;
#[path = "alerts_in_virtual_time/first_look.rs"]
mod first_look;
#[path = "alerts_in_virtual_time/own_downtime.rs"]
mod own_downtime;
#[path = "alerts_in_virtual_time/patience.rs"]
mod patience;
#[path = "alerts_in_virtual_time/proven.rs"]
mod proven;
#[path = "alerts_in_virtual_time/reminders_edited.rs"]
mod reminders_edited;
#[path = "alerts_in_virtual_time/quiet_ends.rs"]
mod quiet_ends;
#[path = "alerts_in_virtual_time/reasons.rs"]
mod reasons;
#[path = "alerts_in_virtual_time/repeats.rs"]
mod repeats;
#[path = "alerts_in_virtual_time/resend.rs"]
mod resend;
#[path = "alerts_in_virtual_time/shared_addresses.rs"]
mod shared_addresses;
#[path = "alerts_in_virtual_time/threads.rs"]
mod threads;
#[path = "alerts_in_virtual_time/told_elsewhere.rs"]
mod told_elsewhere;
#[path = "alerts_in_virtual_time/told_late.rs"]
mod told_late;
#[path = "alerts_in_virtual_time/told_with_causes.rs"]
mod told_with_causes;
#[path = "alerts_in_virtual_time/together.rs"]
mod together;
#[path = "alerts_in_virtual_time/subjects.rs"]
mod subjects;
#[path = "alerts_in_virtual_time/taken_on_meanwhile.rs"]
mod taken_on_meanwhile;
#[path = "alerts_in_virtual_time/silences.rs"]
mod silences;
#[path = "alerts_in_virtual_time/servers.rs"]
mod servers;
#[path = "alerts_in_virtual_time/unreachable.rs"]
mod unreachable;
#[path = "alerts_in_virtual_time/weekly.rs"]
mod weekly;
#[path = "alerts_in_virtual_time/who_knows.rs"]
mod who_knows;
#[path = "alerts_in_virtual_time/zones.rs"]
mod zones;
mod virtual_world;

use virtual_world::World;

const PEOPLE: &str = r#"
timezone = "Europe/Oslo"
[fallback]
notify = ["mail:it@sea.example", "pager"]
[channels.mail]
type = "file"
dir = "outbox"
[channels.pager]
type = "file"
dir = "outbox"
[teams.ops]
notify = ["mail:ops@sea.example"]
[teams.a]
notify = ["mail:a@sea.example"]
[teams.b]
notify = ["mail:b@sea.example"]
[teams.c]
notify = ["mail:c@sea.example"]
[teams.d]
notify = ["mail:d@sea.example"]
[teams.e]
notify = ["mail:e@sea.example"]
"#;

/// Where a story lasts over a Monday morning and is about something else.
const NO_PROOFS: &str = "[alerts]\nweekly = false\ncanary = false\n";

/// The people above, and one job `j` of `ops`.
fn one_job(lines: &str) -> String {
    format!("{PEOPLE}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n{lines}\n")
}

/// Runs `j` once, which fails.
fn failing(text: &str, from: &str) -> World {
    let mut world = World::start(text, from);
    world.script("j", |_, _| virtual_world::Play::fails(1, ""));
    world.run("j");
    world
}
