//! `[teams]`, `[systems]` and `[fallback]`: who answers, and where they are told.

use std::time::Duration;

use super::channels::{Addressed, is_mail_address, is_slack_channel};
use super::context::{Context, Section};
use super::reader::{Table, Text, Value};
use super::schedules;
use crate::model::{Address, Escalation, Name, System, Team, format_duration};

/// Reads one team.
pub(super) fn team(context: &Context<'_>, name: &Name, table: Table<'_>) -> Team {
    if name.as_str() == "nobody" {
        context.report.error(
            table.spot,
            "a team cannot be called `nobody`: that is what things without an owner say",
            "choose another name",
        );
    }
    let notify = table.get("notify");
    if notify.is_none() {
        table.missing(
            "notify",
            format!("team `{name}` has no channel: nobody can be told"),
            "write notify = [\"CHANNEL:ADDRESS\"], as in [\"mail:warehouse@example.com\"]",
        );
    }
    let team = Team {
        name: name.clone(),
        title: context.title(Section::Teams, name, &table),
        notify: notify.map(|value| addresses(context, value)).unwrap_or_default(),
        escalate: escalation(context, &table),
        calendar: table
            .text("calendar")
            .and_then(|text| context.refer(Section::Calendars, &text)),
        timezone: table
            .text("timezone")
            .and_then(|text| context.schedules.zone(&text))
            .unwrap_or_else(|| context.timezone.clone()),
    };
    table.finish();
    team
}

/// Reads one system.
pub(super) fn system(context: &Context<'_>, name: &Name, table: Table<'_>) -> System {
    let system = System {
        name: name.clone(),
        title: context.title(Section::Systems, name, &table),
        owner: context.owner(Section::Systems, name, &table),
        reads_at: table.text("reads_at").and_then(|text| schedules::plain(context, &text)),
        description: table.words("description"),
        runbook: table.words("runbook"),
    };
    table.finish();
    system
}

/// Reads `[fallback]`.
pub(super) fn fallback(context: &Context<'_>, table: Table<'_>) -> Vec<Address> {
    let notify = table.get("notify");
    if notify.is_none() {
        table.missing(
            "notify",
            "the fallback has no channel",
            "write notify = [\"CHANNEL:ADDRESS\"]",
        );
    }
    let addresses = notify.map(|value| addresses(context, value)).unwrap_or_default();
    table.finish();
    addresses
}

fn escalation(context: &Context<'_>, table: &Table<'_>) -> Vec<Escalation> {
    let list = table.get("escalate").and_then(Value::list).unwrap_or_default();
    let mut steps = Vec::new();
    for value in list {
        let Some(step) = value.table(table.path_of("escalate")) else {
            continue;
        };
        let after = step.get("after");
        let notify = step.get("notify");
        if after.is_none() || notify.is_none() {
            value.error(
                "a step of `escalate` needs `after` and `notify`",
                "write { after = \"1h\", notify = [\"CHANNEL:ADDRESS\"] }",
            );
        }
        let (written, after) = (after, after.and_then(Value::duration));
        let notify = notify.map(|value| addresses(context, value));
        step.finish();
        if let Some(written) = written.filter(|_| after.is_some_and(|after| after < AFTER_MIN)) {
            written.error(
                "a step of `escalate` is taken a second after the opening at the earliest",
                "write after = \"30m\", or put who is to be told at once into `notify` of the team",
            );
        }
        if let (Some(after), Some(notify)) = (after, notify) {
            if let Some(before) = steps.last().filter(|before: &&Escalation| before.after > after) {
                value.error(
                    format!(
                        "a step after {} stands below one after {}",
                        format_duration(after),
                        format_duration(before.after)
                    ),
                    "write the steps in the order in which they are taken",
                );
            }
            steps.push(Escalation { after, notify });
        }
    }
    steps
}

/// Earliest step of a chain: whoever is told with the opening is no escalation.
const AFTER_MIN: Duration = Duration::from_secs(1);

fn addresses(context: &Context<'_>, value: Value<'_>) -> Vec<Address> {
    let errors = context.report.errors();
    let mut addresses: Vec<Address> = Vec::new();
    for text in &value.texts() {
        let Some(address) = address(context, text) else {
            continue;
        };
        if addresses.contains(&address) {
            text.error(
                format!("`{}` stands in this list already", text.text),
                "take one of the two out: each address is told once",
            );
            continue;
        }
        addresses.push(address);
    }
    if addresses.is_empty() && context.report.errors() == errors && !context.report.has_holes() {
        value.error(
            format!("`{}` is empty: nobody can be told", value.key),
            "write [\"CHANNEL:ADDRESS\"], as in [\"mail:warehouse@example.com\"]",
        );
    }
    addresses
}

/// Reads `"channel"` or `"channel:to"`.
fn address(context: &Context<'_>, text: &Text<'_>) -> Option<Address> {
    let (channel, to) = match text.text.split_once(':') {
        Some((channel, to)) => (channel, Some(to)),
        None => (text.text, None),
    };
    let Some(name) = context.known.find(Section::Channels, channel) else {
        if context.report.may_be_defined_in_a_hole(channel) {
            return None;
        }
        let help = if is_mail_address(text.text) && to.is_none() {
            format!("write the channel before it, as in \"mail:{}\"", text.text)
        } else {
            context.help_for_unknown(&[Section::Channels], channel)
        };
        text.error(format!("unknown channel `{channel}`"), help);
        return None;
    };
    match (context.addressed.get(name), to) {
        (Some(Addressed::Mail), None | Some("")) => {
            text.error(
                format!("channel `{channel}` needs a mail address"),
                format!("write \"{channel}:somebody@example.com\""),
            );
            return None;
        }
        (Some(Addressed::Mail), Some(to)) if !is_mail_address(to) => {
            text.error(
                format!("`{to}` is not a mail address"),
                format!("write \"{channel}:somebody@example.com\""),
            );
            return None;
        }
        (Some(Addressed::SlackChannel), Some(to)) if !is_slack_channel(to) => {
            let what = match to {
                "" => format!("behind `{channel}:` stands no channel of Slack"),
                to => format!("`{to}` is no channel of Slack"),
            };
            text.error(what, format!("write \"{channel}\" or \"{channel}:#ops\""));
            return None;
        }
        (Some(Addressed::SlackWebhook), Some(to)) => {
            context.report.warning(
                text.spot(),
                format!(
                    "{} has no effect: a Slack webhook posts to its own channel",
                    behind(channel, to)
                ),
                format!("write \"{channel}\", and a channel of its own for each webhook"),
            );
        }
        (Some(Addressed::One), Some(to)) => {
            context.report.warning(
                text.spot(),
                format!(
                    "{} has no effect: channel `{channel}` has one destination",
                    behind(channel, to)
                ),
                format!("write \"{channel}\", and a channel of its own for each destination"),
            );
        }
        (_, Some(to)) if to.is_empty() || to.contains(char::is_control) => {
            text.error(
                format!("nothing usable stands behind `{channel}:`"),
                format!("write \"{channel}\" or \"{channel}:SOMEBODY\""),
            );
            return None;
        }
        _ => {}
    }
    Some(Address {
        channel: name.clone(),
        to: to.map(str::to_owned),
    })
}

/// What stands behind a channel's name, in a message: the colon itself where nothing does.
fn behind(channel: &str, to: &str) -> String {
    match to {
        "" => format!("the colon of `{channel}:`"),
        to => format!("`{to}`"),
    }
}
