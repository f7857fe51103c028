//! The seafood company: its systems as small databases, and the verbs its transfer scripts call.
//!
//! `jobs.toml` in the repository's root supervises a company that needs nothing but this binary. Its seven systems
//! are foreign to freshd: nothing here is seen by any other room. Each verb founds the company when it is not there
//! yet, so that whichever job comes first may do it.

mod company;
mod dice;
mod exchange;
mod life;

use std::io::{Write as _, stdout};
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use company::Company;

/// What `freshd demo-db` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Where the company's databases lie
    #[arg(
        long,
        value_name = "DIR",
        env = "COMPANY_DIR",
        default_value = ".freshd/company",
        global = true
    )]
    pub company: PathBuf,

    /// What to do
    #[command(subcommand)]
    pub verb: DemoVerb,
}

/// The verbs of `freshd demo-db`: for the demo what psql and sqlite3 are at home.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DemoVerb {
    /// Ask a system with SQL and print the answer as CSV
    Query {
        /// Leave out the header line
        #[arg(long)]
        no_header: bool,
        /// erp, wms, production, quality, transport, finance or platform
        system: String,
        /// One SELECT
        sql: String,
    },

    /// Load a CSV file into a table of a system: new keys are inserted, known keys updated
    Load {
        /// erp, wms, production, quality, transport, finance or platform
        system: String,
        /// A table of the system that has the file's columns
        table: String,
        /// CSV with a header line
        file: PathBuf,
    },

    /// Let one moment of the company's life pass: orders, batches, moves, grades, invoices
    Live {
        /// The moment, RFC 3339; the present unless given
        #[arg(long, value_name = "TIME")]
        now: Option<Timestamp>,
        /// Another seed, another company
        #[arg(long, value_name = "N", default_value_t = SEED)]
        seed: u64,
    },
}

/// The seed of the company that everybody knows.
const SEED: u64 = 1867;

/// Runs one verb against the company, which is founded first when it does not exist.
///
/// # Errors
/// Says which system, table or file was at fault.
pub fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match args.verb {
        DemoVerb::Query { no_header, system, sql } => {
            let company = Company::open_or_found(&args.company, Timestamp::now(), SEED)?;
            let database = company.system(&system)?;
            exchange::query(&database, &sql, !no_header, &mut out).with_context(|| format!("cannot ask {system}"))
        }
        DemoVerb::Load { system, table, file } => {
            let company = Company::open_or_found(&args.company, Timestamp::now(), SEED)?;
            let mut database = company.system(&system)?;
            let loaded = exchange::load(&mut database, &table, &file)
                .with_context(|| format!("cannot load {} into {system}", file.display()))?;
            writeln!(out, "{loaded} in {system}.{table}").context("cannot write the answer")
        }
        DemoVerb::Live { now, seed } => {
            let now = now.unwrap_or_else(Timestamp::now);
            let company = Company::open_or_found(&args.company, now, seed)?;
            let news = life::tick(&company, now, seed)?;
            writeln!(out, "{}", news.join("; ")).context("cannot write the answer")
        }
    }
}
