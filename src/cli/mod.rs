//! A window: one file per verb.

mod exit;
mod global;
mod out;
mod paint;
mod table;
mod times;
mod titles;
mod names;
mod numbers;
mod client;
mod configured;
mod hidden;
mod addresses;
mod board;

mod serve;
mod check;
mod status;
mod next;
mod simulate;
mod plan;
mod run;
mod cancel;
mod pause;
mod resume;
mod history;
mod show;
mod logs;
mod why;
mod trace;
mod impact;
mod flow;
mod gate;
mod decide;
mod expect;
mod verify;
mod learn;
mod ping;
mod ack;
mod silence;
mod drill;
mod silences;
mod taken_on;
mod backup;
mod clock;
mod incidents;
mod failure_notice;
mod notify;
mod password;
mod record;
mod reload;
mod prune;
mod restore_db;
mod keeper;
mod read_table;

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use crate::demo;
use crate::model::one_line;
use exit::Failure;
use global::Global;
use keeper::KeeperArgs;
use out::Out;
use paint::clean;

pub use board::board;
pub use exit::Exit;

const EXIT_CODES: &str = "\
Without a verb freshd serves.

Exit codes:
  0  fine
  1  something is not fine: data is stale, a run failed, a request was refused
  2  wrong usage or configuration
  3  freshd is not reachable
  75 not fresh (gate)";

/// Runs jobs when they are due, judges what they deliver, and watches how fresh it stays.
#[derive(Debug, Parser)]
#[command(name = "freshd", version, after_help = EXIT_CODES, disable_help_subcommand = true,
    subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
struct Cli {
    #[command(flatten)]
    global: Global,

    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Supervise, until told to stop
    Serve,
    /// Find every mistake in a configuration
    Check(check::CheckArgs),
    /// Show what is late or failing, who was told, and what is next
    Status(status::StatusArgs),
    /// Show when jobs, or a cron line, are due
    Next(next::NextArgs),
    /// Play some days ahead: what would run, and who would be told
    Simulate(simulate::SimulateArgs),
    /// Show what an edited configuration would change, for whom, and how the last 30 days would have gone
    Plan(plan::PlanArgs),
    /// Run a job now
    Run(run::RunArgs),
    /// End a run
    Cancel(cancel::CancelArgs),
    /// Stop scheduling a job
    Pause(pause::PauseArgs),
    /// Schedule a paused job again
    Resume(resume::ResumeArgs),
    /// List what ran, what was missed, and how it ended
    History(history::HistoryArgs),
    /// Show everything about one run
    Show(show::ShowArgs),
    /// Show what a run printed
    Logs(logs::LogsArgs),
    /// Show the evidence and the rule behind a state
    Why(why::WhyArgs),
    /// Show where a version came from, hop by hop to the sources
    Trace(trace::TraceArgs),
    /// Show what depends on a job, dataset or system, and who reads first
    Impact(impact::ImpactArgs),
    /// Show the whole flow of data with its owners
    Flow(flow::FlowArgs),
    /// Ask whether a dataset may be relied on now: exit 0 if it is fresh, 75 if not
    Gate(gate::GateArgs),
    /// Let an earlier version be what readers see once more
    Restore(decide::RestoreArgs),
    /// Publish what is in quarantine after all
    Release(decide::ReleaseArgs),
    /// Accept a known jump of the next version, which compares ill with those before
    Expect(expect::ExpectArgs),
    /// Judge a file by the checks of a dataset, and publish nothing
    Verify(verify::VerifyArgs),
    /// Propose checks for a dataset from files that are known to be good
    Learn(learn::LearnArgs),
    /// Say that data has arrived that freshd only watches, or that its script has failed
    Ping(ping::PingArgs),
    /// Take an incident on
    Ack(ack::AckArgs),
    /// Tell nobody of a job or dataset for a while
    Silence(silence::SilenceArgs),
    /// Tell people of it again
    Unsilence(silence::UnsilenceArgs),
    /// List what is silenced, by whom and why
    Silences(silences::SilencesArgs),
    /// Rehearse with the owner of a job or dataset, and see whether somebody answers
    Drill(drill::DrillArgs),
    /// Show the clock and what is held because of it, or confirm that it is right
    Clock(clock::ClockArgs),
    /// List incidents, or show who was told of one
    Incidents(incidents::IncidentsArgs),
    /// Prove that messages arrive
    Notify(notify::NotifyArgs),
    /// Tell the fallback that freshd itself has failed: for systemd, needs nothing but jobs.toml
    FailureNotice(failure_notice::FailureNoticeArgs),
    /// Hash a password for [web.auth], typed without an echo or from standard input
    Password,
    /// Draw a token for a program, with the hash that [web.auth] knows it by
    Token,
    /// Remove what is beyond [history] now, or say what would go
    Prune(prune::PruneArgs),
    /// Let the running freshd take the configuration again
    Reload,
    /// Copy freshd's own records, with or without a running freshd
    Backup(backup::BackupArgs),
    /// Let the records of a stopped freshd go on from a backup
    RestoreDb(restore_db::RestoreDbArgs),
    /// The seafood company's systems, for its transfer scripts
    #[command(hide = true)]
    DemoDb(demo::DemoArgs),
}

/// How much of what was typed wrong is repeated, in characters.
const TYPED_CHARS_MAX: usize = 80;

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    if let Some(args) = KeeperArgs::of(std::env::args_os().skip(1)) {
        return end(keeper::run(&args));
    }
    if let Some(code) = read_table::run(std::env::args_os().skip(1)) {
        return code;
    }
    let cli = Cli::try_parse().unwrap_or_else(|error| refused(error).exit());
    let mut out = Out::new(cli.global.json);
    let done = perform(cli, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    // What was printed before a failure belongs above it; if nobody reads it, that is no news.
    let _ = out.flush();
    end(done)
}

/// What was typed wrong is repeated as far as that helps, and as one line: it may be a page, and may hold anything.
fn refused(mut error: clap::Error) -> clap::Error {
    let said: Vec<(ContextKind, ContextValue)> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in said {
        let shown = match &value {
            ContextValue::String(text) => ContextValue::String(typed(text)),
            ContextValue::Strings(texts) => ContextValue::Strings(texts.iter().map(|text| typed(text)).collect()),
            _ => continue,
        };
        if shown != value {
            error.insert(kind, shown);
            // It would repeat as it was typed what nobody wants to type once more.
            error.insert(ContextKind::Suggested, ContextValue::None);
        }
    }
    error
}

fn typed(text: &str) -> String {
    let mut shown = one_line(&clean(text));
    if let Some((cut, _)) = shown.char_indices().nth(TYPED_CHARS_MAX) {
        shown.truncate(cut);
        shown.push('…');
    }
    shown
}

fn end(done: Result<Exit, Failure>) -> ExitCode {
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                say(&failure.message);
            }
            failure.exit.into()
        }
    }
}

fn perform(cli: Cli, out: &mut Out) -> Result<Exit, Failure> {
    let global = &cli.global;
    match cli.verb.unwrap_or(Verb::Serve) {
        Verb::Serve => serve::run(global),
        Verb::Check(args) => check::run(&args, global, out),
        Verb::Status(args) => status::run(&args, global, out),
        Verb::Next(args) => next::run(&args, global, out),
        Verb::Simulate(args) => simulate::run(&args, global, out),
        Verb::Plan(args) => plan::run(&args, global, out),
        Verb::Run(args) => run::run(args, global, out),
        Verb::Cancel(args) => cancel::run(&args, global, out),
        Verb::Pause(args) => pause::run(args, global, out),
        Verb::Resume(args) => resume::run(&args, global, out),
        Verb::History(args) => history::run(&args, global, out),
        Verb::Show(args) => show::run(&args, global, out),
        Verb::Logs(args) => logs::run(&args, global, out),
        Verb::Why(args) => why::run(&args, global, out),
        Verb::Trace(args) => trace::run(&args, global, out),
        Verb::Impact(args) => impact::run(&args, global, out),
        Verb::Flow(args) => flow::run(&args, global, out),
        Verb::Gate(args) => gate::run(&args, global, out),
        Verb::Restore(args) => decide::restore(args, global, out),
        Verb::Release(args) => decide::release(args, global, out),
        Verb::Expect(args) => expect::run(&args, global, out),
        Verb::Verify(args) => verify::run(&args, global, out),
        Verb::Learn(args) => learn::run(&args, global, out),
        Verb::Ping(args) => ping::run(args, global, out),
        Verb::Ack(args) => ack::run(&args, global, out),
        Verb::Silence(args) => silence::run(args, global, out),
        Verb::Unsilence(args) => silence::end(&args, global, out),
        Verb::Silences(args) => silences::run(&args, global, out),
        Verb::Drill(args) => drill::run(&args, global, out),
        Verb::Clock(args) => clock::run(args, global, out),
        Verb::Incidents(args) => incidents::run(&args, global, out),
        Verb::FailureNotice(args) => failure_notice::run(&args, global, out),
        Verb::Notify(args) => notify::run(args, global, out),
        Verb::Password => password::password(out),
        Verb::Token => password::token(out),
        Verb::Prune(args) => prune::run(&args, global, out),
        Verb::Reload => reload::run(global, out),
        Verb::Backup(args) => backup::run(&args, global, out),
        Verb::RestoreDb(args) => restore_db::run(&args, global, out),
        Verb::DemoDb(args) => {
            demo::run(args).map_err(|error| Failure::not_fine(format!("{error:#}")))?;
            Ok(Exit::Fine)
        }
    }
}

fn say(message: &str) {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{style}error:{style:#} {}", paint::painted(message, false));
}
