//! The freshd binary.

use clap::Parser;

#[derive(Parser)]
#[command(name = "freshd", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// The seafood company's systems, for its transfer scripts
    #[command(hide = true)]
    DemoDb(freshd::demo::DemoArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().verb {
        Verb::DemoDb(args) => freshd::demo::run(args),
    }
}
