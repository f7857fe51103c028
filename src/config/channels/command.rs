//! `type = "command"`: a program that is given each message, and as whom it runs.

use std::time::Duration;

use super::Context;
use crate::config::reader::Table;
use crate::config::{commands, conditions};
use crate::model::{ChannelKind, CommandChannel, Name, RunAs};

/// How long a program may take unless `timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest `timeout`: what takes longer keeps others waiting.
const TIMEOUT_MAX: Duration = Duration::from_mins(10);

/// What freshd hands on of its own environment, where it has it.
const HANDED_ON: [&str; 5] = ["HOME", "USER", "LOGNAME", "SHELL", "LANG"];

/// Reads the keys of a program.
pub(super) fn read(context: &Context<'_>, name: &Name, table: &Table<'_>) -> Option<ChannelKind> {
    let command = table.get("command");
    if command.is_none() {
        table.missing(
            "command",
            format!("channel `{name}` has no command"),
            "write command = [\"scripts/page.sh\"]",
        );
    }
    let command = command.and_then(|value| commands::command(context, value));
    if context.environment.root && !context.run_as_root && !table.has("user") && !context.report.was_accepted() {
        table.missing(
            "user",
            format!("freshd runs as root, and channel `{name}` does not say as whom its command runs"),
            "write user = \"NAME\", or run_as_root = true at the top of the root file",
        );
    }
    let run_as = conditions::run_as(context, table);
    if context.environment.root && context.run_as_root && run_as.is_none() {
        context.report.note(
            table.spot,
            format!("freshd runs as root, and so will the command of channel `{name}`: `run_as_root` allows it"),
        );
    }
    let timeout = table.get("timeout").and_then(|value| {
        let timeout = value.duration()?;
        if timeout.is_zero() || timeout > TIMEOUT_MAX {
            value.error(
                "`timeout` of a channel must be between 1s and 10m",
                "write timeout = \"30s\"",
            );
            return None;
        }
        Some(timeout)
    });
    let env = environment(context, run_as.as_ref());
    Some(ChannelKind::Command(Box::new(CommandChannel {
        command: command?,
        timeout: timeout.unwrap_or(TIMEOUT),
        run_as,
        env,
    })))
}

/// As little as a job gets: where programs are, and who it is.
fn environment(context: &Context<'_>, run_as: Option<&RunAs>) -> Vec<(String, String)> {
    let dirs: Vec<_> = context
        .environment
        .path
        .iter()
        .map(|dir| dir.to_string_lossy())
        .collect();
    let mut env = vec![("PATH".to_owned(), dirs.join(":"))];
    for name in HANDED_ON {
        let own = || context.environment.variables.get(name).cloned();
        let value = match (name, run_as) {
            ("HOME", Some(user)) => Some(user.home.clone()),
            ("USER" | "LOGNAME", Some(user)) => Some(user.user.clone()),
            ("SHELL", Some(user)) => Some(user.shell.clone()),
            _ => own(),
        };
        env.extend(value.map(|value| (name.to_owned(), value)));
    }
    env
}
