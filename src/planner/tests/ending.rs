//! What the end of a process means.

use std::time::Duration;

use super::at;
use crate::model::{
    AttemptId, Exit, ExitStatus, Job, Outcome, Output, RunId, RunPolicy, StopReason, Usage, plain_job, plain_policy,
    under,
};
use crate::planner::{ending, stop_words};

fn exit(status: ExitStatus, stop: Option<StopReason>) -> Exit {
    Exit {
        id: AttemptId {
            run: RunId(1),
            number: 1,
        },
        status,
        stop,
        started_at: at("12:00"),
        ended_at: at("12:01"),
        pid: 0,
        usage: Usage::default(),
        output: Output::default(),
        out_of_memory: None,
        report: String::new(),
    }
}

/// Outcome and reason of an exit code, by the rules of a job or without one.
fn by_code(job: Option<&Job>, code: i32) -> (Outcome, Option<String>) {
    let ending = ending(job, &exit(ExitStatus::Code(code), None), None);
    assert_eq!((ending.exit_code, ending.signal), (Some(code), None));
    (ending.outcome, ending.reason)
}

#[test]
fn an_exit_code_succeeds_by_the_rules_of_its_job() {
    let policy = RunPolicy {
        success_codes: vec![0, 3],
        warn_codes: vec![4],
        ..plain_policy()
    };
    let job = under(policy, plain_job("export"));
    assert_eq!(by_code(Some(&job), 0), (Outcome::Succeeded, None));
    assert_eq!(by_code(Some(&job), 3), (Outcome::Succeeded, None));
    let warning = "exit code 4, a warning by warn_codes".to_owned();
    assert_eq!(by_code(Some(&job), 4), (Outcome::Succeeded, Some(warning)));
    assert_eq!(
        by_code(Some(&job), 5),
        (Outcome::Failed, Some("exit code 5".to_owned()))
    );
    let policy = RunPolicy {
        success_codes: vec![3],
        ..plain_policy()
    };
    let strict = under(policy, plain_job("export"));
    assert_eq!(by_code(Some(&strict), 0).0, Outcome::Failed);
    // Of a job that is in no configuration any more, only 0 is known to be good.
    assert_eq!(by_code(None, 0), (Outcome::Succeeded, None));
    assert_eq!(by_code(None, 3), (Outcome::Failed, Some("exit code 3".to_owned())));
}

#[test]
fn a_failing_code_says_what_a_shell_means_by_it() {
    for (code, meaning) in [
        (1, "exit code 1"),
        (
            126,
            "exit code 126: the shell found the command but could not execute it",
        ),
        (127, "exit code 127: the shell did not find a command"),
        (128, "exit code 128"),
        (129, "exit code 129: a command in the shell was ended by SIGHUP"),
        // No signal that ends processes has the number 5 or 120 here.
        (133, "exit code 133"),
        (248, "exit code 248"),
    ] {
        assert_eq!(by_code(None, code), (Outcome::Failed, Some(meaning.to_owned())));
    }
}

#[test]
fn a_signal_is_told_by_its_name() {
    // As `kill -l` lists them.
    let names = [
        "1 SIGHUP",
        "2 SIGINT",
        "3 SIGQUIT",
        "4 SIGILL",
        "6 SIGABRT",
        "7 SIGBUS",
        "8 SIGFPE",
        "9 SIGKILL",
        "10 SIGUSR1",
        "11 SIGSEGV",
        "12 SIGUSR2",
        "13 SIGPIPE",
        "14 SIGALRM",
        "15 SIGTERM",
        "24 SIGXCPU",
        "25 SIGXFSZ",
        "31 SIGSYS",
        "64 unknown",
    ];
    for line in names {
        let (number, name) = line.split_once(' ').unwrap();
        let number: i32 = number.parse().unwrap();
        let ending = ending(
            Some(&plain_job("export")),
            &exit(ExitStatus::Signal(number), None),
            None,
        );
        assert_eq!(ending.outcome, Outcome::Killed);
        assert_eq!((ending.exit_code, ending.signal), (None, Some(number)));
        assert_eq!(ending.reason, Some(format!("killed by signal {number} ({name})")));
    }
}

#[test]
fn a_stop_of_freshds_own_counts_before_the_status_it_led_to() {
    let policy = RunPolicy {
        timeout: Some(Duration::from_mins(10)),
        ..plain_policy()
    };
    let job = under(policy, plain_job("export"));
    for status in [ExitStatus::Code(0), ExitStatus::Signal(15)] {
        let told = |job: Option<&Job>, stop, by| {
            let ending = ending(job, &exit(status.clone(), Some(stop)), by);
            (ending.outcome, ending.reason.unwrap())
        };
        let timed_out = "took longer than its timeout of 10m".to_owned();
        assert_eq!(
            told(Some(&job), StopReason::Timeout, None),
            (Outcome::TimedOut, timed_out)
        );
        let unknown = "took longer than its timeout".to_owned();
        assert_eq!(told(None, StopReason::Timeout, None), (Outcome::TimedOut, unknown));
        let cancelled = "cancelled by kari".to_owned();
        assert_eq!(
            told(Some(&job), StopReason::Cancelled, Some("kari")),
            (Outcome::Cancelled, cancelled)
        );
        let replaced = "replaced by a newer run".to_owned();
        assert_eq!(
            told(Some(&job), StopReason::Replaced, None),
            (Outcome::Cancelled, replaced)
        );
    }
    assert_eq!(stop_words(StopReason::Cancelled, None), "cancelled by an operator");
    assert_eq!(stop_words(StopReason::Timeout, None), "took longer than its timeout");
}

#[test]
fn an_attempt_that_is_told_to_end_before_it_began_is_cancelled_and_did_not_fail() {
    let outcome_of = |stop| {
        let status = ExitStatus::NotStarted("told to end before it began".to_owned());
        ending(None, &exit(status, stop), None).outcome
    };
    assert_eq!(outcome_of(Some(StopReason::Replaced)), Outcome::Cancelled);
    assert_eq!(outcome_of(Some(StopReason::Cancelled)), Outcome::Cancelled);
    assert_eq!(outcome_of(Some(StopReason::Timeout)), Outcome::SpawnFailed);
    assert_eq!(outcome_of(None), Outcome::SpawnFailed);
}

#[test]
fn what_nobody_knows_is_lost_whatever_was_asked_for() {
    for stop in [None, Some(StopReason::Timeout), Some(StopReason::Cancelled)] {
        let ending = ending(
            None,
            &exit(ExitStatus::Unknown("the keeper died".to_owned()), stop),
            None,
        );
        assert_eq!(
            (ending.outcome, ending.reason),
            (Outcome::Lost, Some("the keeper died".to_owned()))
        );
        assert_eq!((ending.exit_code, ending.signal), (None, None));
    }
}

#[test]
fn a_job_that_used_too_much_memory_is_told_so_in_the_words_of_its_configuration() {
    let reason_of = |out_of_memory| {
        let exit = Exit {
            out_of_memory,
            ..exit(ExitStatus::Signal(9), None)
        };
        ending(None, &exit, None).reason.unwrap()
    };
    assert_eq!(
        reason_of(Some(512 << 20)),
        "killed: it used more than limits.memory, 512.0 MiB"
    );
    assert_eq!(reason_of(None), "killed by signal 9 (SIGKILL)");
}
