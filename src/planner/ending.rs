//! What the end of a process means for its attempt.

use crate::model::{Exit, ExitStatus, Job, Outcome, StopReason, format_bytes};

/// The meaning of an exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How the attempt ended; `Succeeded` is still subject to the checks of what it produced.
    pub outcome: Outcome,
    /// Why, in words; `None` for a plain success.
    pub reason: Option<String>,
    /// Exit code, where there was one.
    pub exit_code: Option<i32>,
    /// Signal, where there was one.
    pub signal: Option<i32>,
}

/// Reads an exit by the job's rules. freshd's own stop counts before the status it led to.
pub fn ending(job: Option<&Job>, exit: &Exit, stopped_by: Option<&str>) -> Ending {
    let (exit_code, signal) = match exit.status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal(signal) => (None, Some(signal)),
        ExitStatus::NotStarted(_) | ExitStatus::Unknown(_) => (None, None),
    };
    let end = |outcome, reason: Option<String>| Ending {
        outcome,
        reason,
        exit_code,
        signal,
    };
    match (&exit.status, exit.stop) {
        (ExitStatus::Unknown(known), _) => end(Outcome::Lost, Some(known.clone())),
        // Told to end before it had begun, it is cancelled like one that had: nobody failed.
        (ExitStatus::NotStarted(why), None | Some(StopReason::Timeout)) => end(Outcome::SpawnFailed, Some(why.clone())),
        (_, Some(StopReason::Timeout)) => {
            let limit = job
                .and_then(|job| job.policy.timeout)
                .map(crate::model::format_duration);
            let limit = limit.map_or_else(String::new, |limit| format!(" of {limit}"));
            end(Outcome::TimedOut, Some(format!("took longer than its timeout{limit}")))
        }
        (_, Some(reason @ (StopReason::Cancelled | StopReason::Replaced))) => {
            end(Outcome::Cancelled, Some(stop_words(reason, stopped_by)))
        }
        (ExitStatus::Signal(signal), None) => end(
            Outcome::Killed,
            Some(exit.out_of_memory.map_or_else(
                || {
                    let name = signal_name(*signal).unwrap_or("unknown");
                    format!("killed by signal {signal} ({name})")
                },
                |limit| format!("killed: it used more than limits.memory, {}", format_bytes(limit)),
            )),
        ),
        (ExitStatus::Code(code), None) => {
            let is_in = |codes: &[i32]| codes.contains(code);
            match job {
                Some(job) if is_in(&job.policy.warn_codes) => end(
                    Outcome::Succeeded,
                    Some(format!("exit code {code}, a warning by warn_codes")),
                ),
                Some(job) if is_in(&job.policy.success_codes) => end(Outcome::Succeeded, None),
                None if *code == 0 => end(Outcome::Succeeded, None),
                _ => end(Outcome::Failed, Some(code_meaning(*code))),
            }
        }
    }
}

/// Why freshd told an attempt to end, in words.
pub fn stop_words(reason: StopReason, by: Option<&str>) -> String {
    match reason {
        StopReason::Timeout => "took longer than its timeout".to_owned(),
        StopReason::Cancelled => format!("cancelled by {}", by.unwrap_or("an operator")),
        StopReason::Replaced => "replaced by a newer run".to_owned(),
    }
}

fn code_meaning(code: i32) -> String {
    match code {
        126 => "exit code 126: the shell found the command but could not execute it".to_owned(),
        127 => "exit code 127: the shell did not find a command".to_owned(),
        // A shell adds 128 to the signal that ended its last command.
        code => match signal_name(code - 128) {
            Some(signal) => format!("exit code {code}: a command in the shell was ended by {signal}"),
            None => format!("exit code {code}"),
        },
    }
}

/// Name of a Linux signal that ends processes.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}
