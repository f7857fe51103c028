//! The freshd binary.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "freshd", version)]
struct Cli {
    #[arg(long, default_value = "jobs.toml")]
    config: PathBuf,
    #[arg(long, default_value = ".freshd")]
    state: PathBuf,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    Serve,
    #[command(hide = true)]
    Keeper {
        #[arg(long)]
        state: PathBuf,
        #[arg(long)]
        number: u32,
    },
    /// The seafood company's systems, for its transfer scripts
    #[command(hide = true)]
    DemoDb(freshd::demo::DemoArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.verb {
        None | Some(Verb::Serve) => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).init();
            let serve = freshd::daemon::Serve {
                config: cli.config,
                state_dir: std::path::absolute(cli.state).unwrap(),
            };
            match freshd::daemon::serve(&serve) {
                Ok(()) => Ok(()),
                Err(freshd::daemon::ServeError::Config(problems)) => {
                    eprintln!("{}", freshd::config::render(&problems, false));
                    return ExitCode::from(2);
                }
                Err(error) => Err(error.into()),
            }
        }
        Some(Verb::Keeper { state, number }) => freshd::runner::keeper_main(&state, number),
        Some(Verb::DemoDb(args)) => freshd::demo::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("freshd: {error:#}");
            ExitCode::FAILURE
        }
    }
}
