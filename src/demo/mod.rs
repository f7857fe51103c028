//! The seafood company: its systems as small databases, and the verbs its transfer scripts call.
//!
//! `jobs.toml` in the repository's root supervises a company that needs nothing but this binary. Its seven systems
//! are foreign to freshd: nothing here is seen by any other room. freshd founds the company when it starts beside its
//! transfers, so that what the ERP drops lies there before anybody looks; and so does each verb when it is not there yet.

mod company;
mod dice;
mod exchange;
mod life;

use std::fs;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};

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
        default_value = COMPANY_DIR,
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

/// Where its databases lie unless the variable `COMPANY_DIR` says otherwise, as in `transfers/company.sh`.
const COMPANY_DIR: &str = ".freshd/company";

/// What every transfer reads: by it a jobs.toml is known to be the company's.
const TRANSFERS: &str = "transfers/company.sh";

/// The verb that the transfers call.
const VERB: &str = "demo-db";

/// Founds the company beside its jobs.toml, where it is not there yet; beside any other jobs.toml it does nothing.
///
/// # Errors
/// Says why it cannot be founded.
pub fn found_beside(config: &Path) -> anyhow::Result<()> {
    let dir = config.parent().unwrap_or(Path::new(""));
    if fs::read_to_string(dir.join(TRANSFERS)).is_ok_and(|script| script.contains(VERB)) {
        let company = std::env::var_os("COMPANY_DIR").map_or_else(|| dir.join(COMPANY_DIR), PathBuf::from);
        Company::open_or_found(&company, Timestamp::now(), SEED)?;
    }
    Ok(())
}

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_company_is_founded_beside_its_transfers_and_beside_nothing_else() {
        for (script, is_founded) in [
            (Some(include_str!("../../transfers/company.sh")), true),
            (Some("psql \"$1\"\n"), false),
            (None, false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("transfers")).unwrap();
            if let Some(script) = script {
                fs::write(dir.path().join(TRANSFERS), script).unwrap();
            }
            found_beside(&dir.path().join("jobs.toml")).unwrap();
            let list = dir.path().join(COMPANY_DIR).join("drop/items.csv");
            assert_eq!(list.exists(), is_founded, "{script:?}");
            if is_founded {
                // It becomes the state directory, in which nobody else has anything to look for.
                let state_dir = fs::metadata(dir.path().join(".freshd")).unwrap();
                assert_eq!(state_dir.permissions().mode() & 0o777, 0o700);
            }
            assert_eq!(dir.path().join(".freshd").exists(), is_founded);
        }
    }
}
