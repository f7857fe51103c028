//! As whom a job runs, and with how much of the machine: `user`, `group`, `umask`, `nice`, `ionice`, `limits`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Arc;

use nix::unistd::{Gid, Group, User, getgrouplist};

use super::context::Context;
use super::reader::{Table, Text};
use super::value::Value;
use crate::model::{Conditions, DiskPriority, Limits, RunAs};

/// Smallest and largest `limits.cpu`, in percent of one core.
const CPU_PERCENT: std::ops::RangeInclusive<u32> = 1..=100_000;

/// A job that may use less memory than this starts nothing.
const MEMORY_BYTES_MIN: u64 = 1 << 20;

/// A program needs this many open files to begin: its streams, and what it is made of.
const FILES: (i64, i64) = (16, 1_000_000);

/// Levels of best effort that the kernel knows.
const LEVELS: (i64, i64) = (0, 7);

const PROCESSES: (i64, i64) = (1, 1_000_000);

/// Users looked up so far, and conditions found so far: thousands of jobs share a few.
#[derive(Debug, Default)]
pub(super) struct People {
    users: RefCell<HashMap<String, Result<Option<User>, String>>>,
    shared: RefCell<Vec<Arc<Conditions>>>,
}

/// Reads what differs from freshd's own conditions; `None` when nothing does.
pub(super) fn conditions(context: &Context<'_>, table: &Table<'_>) -> Option<Arc<Conditions>> {
    let conditions = Conditions {
        run_as: run_as(context, table),
        umask: table.text("umask").and_then(|text| umask(&text)),
        nice: table.whole("nice", (-20, 19)).and_then(|nice| i32::try_from(nice).ok()),
        ionice: table.get("ionice").and_then(ionice),
        limits: table.table("limits").map(limits).unwrap_or_default(),
    };
    if let (Some(nice), Some(spot), false) = (conditions.nice, table.key_spot("nice"), context.environment.root)
        && nice < 0
    {
        context.report.error(
            spot,
            "only root may make a job more urgent than others",
            "write 0 to 19, or run freshd as root",
        );
    }
    if conditions == Conditions::default() {
        return None;
    }
    let mut shared = context.people.shared.borrow_mut();
    if let Some(known) = shared.iter().find(|known| ***known == conditions) {
        return Some(known.clone());
    }
    let conditions = Arc::new(conditions);
    shared.push(conditions.clone());
    Some(conditions)
}

/// Reads `user` and `group`; `None` when it is freshd's own.
pub(super) fn run_as(context: &Context<'_>, table: &Table<'_>) -> Option<RunAs> {
    let group = table.text("group");
    let Some(text) = table.text("user") else {
        if let Some(group) = group {
            group.error("`group` needs `user`", "write user = \"NAME\" beside it");
        }
        return None;
    };
    let user = context.people.user(context, &text)?;
    let is_own = user.uid == nix::unistd::geteuid() && group.is_none();
    if !context.environment.root && !context.report.was_accepted() {
        if !is_own {
            text.error(
                format!(
                    "freshd does not run as root, and cannot run anything as `{}`",
                    text.text
                ),
                "run freshd as root, or take `user` and `group` out",
            );
        }
        return None;
    }
    let gid = match &group {
        Some(group) => group_id(context, group)?,
        None => user.gid,
    };
    let name = CString::new(text.text).ok()?;
    let groups = match getgrouplist(&name, gid) {
        Ok(groups) => groups.into_iter().map(Gid::as_raw).collect(),
        Err(error) => {
            text.error(
                format!("the groups of user `{}` cannot be read: {error}", text.text),
                "see to the machine's users: getent initgroups",
            );
            return None;
        }
    };
    Some(RunAs {
        user: user.name,
        uid: user.uid.as_raw(),
        gid: gid.as_raw(),
        groups,
        home: user.dir.to_string_lossy().into_owned(),
        shell: user.shell.to_string_lossy().into_owned(),
    })
}

impl People {
    fn user(&self, context: &Context<'_>, text: &Text<'_>) -> Option<User> {
        let mut users = self.users.borrow_mut();
        let found = users
            .entry(text.text.to_owned())
            .or_insert_with(|| User::from_name(text.text).map_err(|error| error.to_string()));
        match found {
            Ok(Some(user)) => return Some(user.clone()),
            // A user that is gone since is found out by the attempt.
            _ if context.report.was_accepted() => {}
            Ok(None) => text.error(
                format!("this machine has no user `{}`", text.text),
                "correct the name, or make it: useradd --system NAME",
            ),
            Err(error) => text.error(
                format!("user `{}` cannot be looked up: {error}", text.text),
                "see to the machine's users: getent passwd",
            ),
        }
        None
    }
}

fn group_id(context: &Context<'_>, text: &Text<'_>) -> Option<Gid> {
    match Group::from_name(text.text) {
        Ok(Some(group)) => return Some(group.gid),
        _ if context.report.was_accepted() => {}
        Ok(None) => text.error(
            format!("this machine has no group `{}`", text.text),
            "correct the name, or make it: groupadd --system NAME",
        ),
        Err(error) => text.error(
            format!("group `{}` cannot be looked up: {error}", text.text),
            "see to the machine's groups: getent group",
        ),
    }
    None
}

fn umask(text: &Text<'_>) -> Option<u32> {
    let umask = u32::from_str_radix(text.text, 8).ok().filter(|umask| *umask <= 0o777);
    if umask.is_none() {
        text.error(
            format!("`{}` is no umask", text.text),
            "write three octal digits: umask = \"027\"",
        );
    }
    umask
}

/// Reads `"idle"`, or a number from 0 to 7.
fn ionice(value: Value<'_>) -> Option<DiskPriority> {
    match value.as_text() {
        Some("idle") => Some(DiskPriority::Idle),
        Some(text) => {
            value.error(
                format!("`{text}` is no priority for disks"),
                "write ionice = \"idle\", or a number from 0, the most urgent, to 7",
            );
            None
        }
        None => {
            let level = value.whole(LEVELS)?;
            u8::try_from(level).ok().map(DiskPriority::BestEffort)
        }
    }
}

fn limits(table: Table<'_>) -> Limits {
    let report = table.report();
    let memory_bytes = table.get("memory").and_then(|value| {
        let bytes = value.size()?;
        if bytes < MEMORY_BYTES_MIN {
            value.error("`memory` must be 1 MiB or more", "write memory = \"512 MiB\"");
            return None;
        }
        Some(bytes)
    });
    if let (Some(_), Some(spot)) = (memory_bytes, table.key_spot("memory")) {
        report.note(
            spot,
            "without a cgroup that keeps it, `memory` holds for the address space of each process by itself",
        );
    }
    let cpu_percent = table.text("cpu").and_then(|text| percent(&text));
    if let (Some(_), Some(spot)) = (cpu_percent, table.key_spot("cpu")) {
        report.note(spot, "without a cgroup that keeps it, `cpu` limits nothing");
    }
    let count = |key, bounds| table.whole(key, bounds).and_then(|count| u64::try_from(count).ok());
    let limits = Limits {
        memory_bytes,
        cpu_percent,
        files: count("files", FILES),
        processes: count("processes", PROCESSES),
    };
    table.finish();
    limits
}

fn percent(text: &Text<'_>) -> Option<u32> {
    let number = text
        .text
        .strip_suffix('%')
        .and_then(|number| number.trim_end().parse().ok());
    let percent = number.filter(|percent| CPU_PERCENT.contains(percent));
    if percent.is_none() {
        text.error(
            format!("`{}` is no share of a core", text.text),
            "write cpu = \"50%\", or \"200%\" for two cores",
        );
    }
    percent
}
