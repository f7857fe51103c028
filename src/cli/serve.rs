//! `freshd serve`: the supervisor itself, its log and its board on the terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::board::board_in;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::{check, out};
use crate::daemon::{self, Serve, ServeError};
use crate::demo;
use crate::model::Status;
use crate::web;

/// What is logged when nothing else is asked for.
const LOG_DEFAULT: &str = "warn,freshd=info";
/// On a terminal a run that went as it should is not told: the board shows it.
const LOG_ON_TERMINAL: &str = "warn,freshd=info,freshd::routine=off";
/// Speaks of each of its inner steps, and has a new life with each of freshd's chores.
const TALKATIVE: &str = "tokio_cron_scheduler";
/// Names what is to be logged.
const LOG_VARIABLE: &str = "FRESHD_LOG";

pub(super) fn run(global: &Global) -> Result<Exit, Failure> {
    let state_dir = global.state_dir()?;
    log(global.zone())?;
    let color = out::color(&std::io::stdout());
    let plan: web::Planner = {
        let (config, state_dir) = (global.config.clone(), state_dir.clone());
        Arc::new(move || {
            let plan = daemon::plan(&config, &config, &state_dir, Timestamp::now());
            plan.map_err(|error| format!("{error:#}"))
        })
    };
    let config = global.config.clone();
    let serve = Serve {
        config: config.clone(),
        once_alone: Arc::new(move || {
            if let Err(error) = demo::found_beside(&config) {
                // The first of its jobs tries again, and its run says why it cannot.
                tracing::warn!("the seafood company is not founded yet: {error:#}");
            }
        }),
        state_dir,
        window: Arc::new(move |listener, outlook: daemon::Outlook| {
            let daemon::Outlook {
                ask,
                resend,
                settings,
                changes,
                state_dir,
                key,
            } = outlook;
            let outlook = web::Outlook {
                ask,
                resend,
                settings,
                changes,
                state_dir,
                plan: plan.clone(),
                key,
            };
            web::open(listener, outlook)
        }),
        board: Arc::new(move |status| {
            let zone = Status::read(status).map_or(TimeZone::UTC, |status| status.zone());
            board_in(status, &zone, out::room(), color)
        }),
    };
    match daemon::serve(&serve) {
        Ok(()) => Ok(Exit::Fine),
        Err(ServeError::Config(problems)) => {
            let color = out::color(&std::io::stderr());
            anstream::eprint!("{}", crate::config::render(&problems, color));
            Err(Failure::usage(format!(
                "freshd was not started: {}",
                check::counted(&global.config, &problems)
            )))
        }
        Err(ServeError::Other(error)) => Err(Failure::not_fine(format!("{error:#}"))),
        Err(error) => Err(Failure::not_fine(error.to_string())),
    }
}

fn log(zone: TimeZone) -> Result<(), Failure> {
    let stderr = std::io::stderr();
    let terminal = stderr.is_terminal();
    let wanted = std::env::var(LOG_VARIABLE)
        .ok()
        .filter(|wanted| !wanted.trim().is_empty());
    let usual = if terminal { LOG_ON_TERMINAL } else { LOG_DEFAULT };
    let wanted = wanted.as_deref().unwrap_or(usual);
    let filter = filter(wanted).map_err(|error| {
        Failure::usage(format!(
            "{LOG_VARIABLE} is `{wanted}`, which is not a filter ({error}); write info, debug or freshd=debug"
        ))
    })?;
    tracing_subscriber::fmt()
        .compact()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .with_ansi(out::color(&stderr))
        .with_target(false)
        .with_timer(if terminal { Clock::Short(zone) } else { Clock::Full })
        .finish()
        .with(filter)
        .init();
    Ok(())
}

/// What `wanted` asks for. Of what is talkative only what somebody must look at, unless it is named.
fn filter(wanted: &str) -> Result<Targets, ParseError> {
    let filter: Targets = wanted.parse()?;
    if wanted.contains(TALKATIVE) {
        return Ok(filter);
    }
    let usual = filter.default_level().unwrap_or(LevelFilter::OFF);
    Ok(filter.with_target(TALKATIVE, usual.min(LevelFilter::WARN)))
}

/// How a line of the log begins.
enum Clock {
    /// Time of day in the configuration's zone, for whoever watches.
    Short(TimeZone),
    /// RFC 3339, for whoever searches.
    Full,
}

impl FormatTime for Clock {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let now = Timestamp::now();
        match self {
            Self::Short(zone) => write!(w, "{}", zone.to_datetime(now).strftime("%H:%M:%S")),
            Self::Full => write!(w, "{now:.3}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn inner_steps_of_the_scheduler_of_chores_are_logged_for_whoever_names_it() {
        let scheduler = "tokio_cron_scheduler::job_scheduler";
        for (wanted, is_logged) in [
            (LOG_DEFAULT, false),
            (LOG_ON_TERMINAL, false),
            ("info", false),
            ("debug", false),
            ("info,tokio_cron_scheduler=info", true),
        ] {
            let filter = filter(wanted).unwrap();
            assert_eq!(filter.would_enable(scheduler, &Level::INFO), is_logged, "{wanted}");
        }
        let errors = filter("error").unwrap();
        assert!(
            !errors.would_enable(scheduler, &Level::WARN),
            "no more than what was asked for"
        );
        let usual = filter(LOG_DEFAULT).unwrap();
        assert!(usual.would_enable(scheduler, &Level::WARN));
        assert!(usual.would_enable("freshd::daemon", &Level::INFO));
    }
}
