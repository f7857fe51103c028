//! `freshd expect`: a known jump of a dataset, which the checks that compare with versions before accept.

use std::time::Duration;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::numbers;
use super::out::Out;
use super::paint::clean;
use super::record;
use super::times;
use crate::model::{EXPECTED_VERSIONS_MAX, Name, Request, parse_duration};

/// What `expect` is told.
#[derive(Debug, clap::Args)]
pub(super) struct ExpectArgs {
    /// The dataset
    dataset: String,

    /// Why it will be otherwise, for whoever wonders later
    #[arg(long, value_name = "TEXT", value_parser = record::reason, required_unless_present = "withdraw")]
    because: Option<String>,

    /// For how many accepted versions
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = |text: &str| numbers::count(text, i64::from(EXPECTED_VERSIONS_MAX)))]
    versions: u32,

    /// How long it stands if they do not come
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, default_value = "7d", value_parser = duration)]
    within: Duration,

    /// Who says so [default: the user who asks]
    #[arg(long, value_name = "NAME", value_parser = record::name)]
    by: Option<String>,

    /// Take back what is expected
    #[arg(long, conflicts_with_all = ["because", "versions", "within", "by"])]
    withdraw: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text)?;
    if length.is_zero() {
        return Err("it would be over at once; write it as in 7d".to_owned());
    }
    Ok(length)
}

pub(super) fn run(args: &ExpectArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let because = args.because.clone().unwrap_or_default();
    if because.trim().is_empty() && !args.withdraw {
        return Err(Failure::usage(
            "what is expected needs a reason; write --because \"price list 2027\"",
        ));
    }
    let request = Request::Expect {
        dataset: Name::from(args.dataset.as_str()),
        because,
        versions: if args.withdraw { 0 } else { args.versions },
        for_s: args.within.as_secs(),
        by: args.by.clone(),
    };
    let facts = Client::connect(global)?.facts(request, Subject::Any(&args.dataset))?;
    if out.json {
        out.document(&facts)?;
        return Ok(Exit::Fine);
    }
    let name = clean(&args.dataset);
    if args.withdraw {
        out.line(format!("nothing is expected of {name} any more"))?;
        return Ok(Exit::Fine);
    }
    let until = facts["until"].as_str().and_then(|until| until.parse().ok());
    let until = until.map_or_else(String::new, |until| {
        times::moment(until, jiff::Timestamp::now(), &global.zone())
    });
    let versions = match args.versions {
        1 => "the next version".to_owned(),
        versions => format!("the next {versions} versions"),
    };
    out.line(format!(
        "{versions} of {name} may differ from those before, until {until}; hard limits still hold"
    ))?;
    Ok(Exit::Fine)
}
