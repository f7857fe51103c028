//! What a message says to type.

use super::words::{Situation, is_about_disk, is_broken};
use crate::freshness::DataState;
use crate::model::{KEEPER_JOURNAL, KEEPER_PREFIX, ProblemKind, Purpose, ack_command};

/// What to type about an incident, the nearest first.
pub(super) fn commands(purpose: Purpose, is_impact: bool, situation: &Situation<'_>) -> Vec<String> {
    let incident = situation.incident;
    // Whom it is taken on by stands above: nobody is asked for that again.
    let is_free = incident.taken_on(situation.now).is_none();
    let ack = is_free.then(|| ack_command(incident.id));
    let mut commands = Vec::new();
    if is_about_disk(incident) {
        commands.push("freshd status".to_owned());
        if purpose != Purpose::Recovery && !is_impact {
            commands.extend(ack);
        }
        return commands;
    }
    if incident.kind == ProblemKind::Freshd {
        let (first, remedy) = match incident.subject.as_str() {
            "clock" => ("freshd clock".to_owned(), "freshd clock confirm --because TEXT"),
            KEEPER_JOURNAL => (
                format!("freshd incidents {}", incident.id),
                "freshd history --outcome lost",
            ),
            keeper if keeper.starts_with(KEEPER_PREFIX) => (
                format!("freshd incidents {}", incident.id),
                "ps -o pid,stat,wchan:20,args -C freshd",
            ),
            _ => (format!("freshd incidents {}", incident.id), "freshd backup"),
        };
        commands.push(first);
        if purpose != Purpose::Recovery {
            commands.push(remedy.to_owned());
            commands.extend(ack);
        }
        return commands;
    }
    if incident.kind == ProblemKind::ChannelBroken {
        commands.push(format!("freshd incidents {}", incident.id));
        if purpose != Purpose::Recovery {
            commands.extend(situation.proof.clone());
        }
        // What died there is still to be told, the more so once messages get through again.
        commands.push("freshd notify dead".to_owned());
        if purpose != Purpose::Recovery {
            commands.extend(ack);
        }
        return commands;
    }
    if !situation.is_configured {
        return vec![format!("freshd incidents {}", incident.id)];
    }
    let is_end = purpose == Purpose::Recovery;
    let left = situation.data.iter().find(|data| is_end && is_broken(data));
    match (is_impact || left.is_some(), left.or(situation.data.first())) {
        (true, Some(data)) => commands.push(format!("freshd why {}", data.dataset.name)),
        _ => commands.push(format!("freshd why {}", incident.subject)),
    }
    if let Some(cause) = situation.told_cause.filter(|_| purpose != Purpose::Recovery) {
        commands.push(format!("freshd incidents {}", cause.id));
    }
    if purpose == Purpose::Recovery || is_impact {
        return commands;
    }
    let put_back = situation
        .data
        .first()
        .filter(|data| data.standing.state == DataState::Changed);
    if let Some((data, current)) = put_back.and_then(|data| Some((data, data.current?))) {
        commands.push(format!(
            "freshd restore {}@{} --because TEXT",
            data.dataset.name, current.number
        ));
    }
    if let Some(side) = &situation.job {
        commands.push(format!("freshd logs {}", side.job.name));
        if side.is_paused {
            commands.push(format!("freshd resume {}", side.job.name));
        } else if side.going.is_none() {
            commands.push(format!("freshd run {} --wait", side.job.name));
        }
    }
    // By that readers get what was refused: for whoever has looked at it.
    if let Some(refused) = &situation.refused {
        commands.push(format!("freshd release {} --because TEXT", refused.version));
    }
    commands.extend(ack);
    commands
}
