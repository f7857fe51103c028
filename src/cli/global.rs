//! Options of every verb, and the places they name.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::exit::Failure;
use super::times;
use crate::store::Reader;

/// The state directory when nothing names one, beside jobs.toml.
const STATE_DIR_DEFAULT: &str = ".freshd";

const STATE_HELP: &str = "The state directory [default: $STATE_DIRECTORY, else .freshd beside the configuration]";

/// Options of every verb.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Global {
    /// The configuration
    #[arg(
        long,
        value_name = "FILE",
        env = "FRESHD_CONFIG",
        hide_env_values = true,
        default_value = "jobs.toml",
        global = true
    )]
    pub(super) config: PathBuf,

    #[arg(
        long,
        help = STATE_HELP,
        value_name = "DIR",
        env = "FRESHD_STATE",
        hide_env_values = true,
        global = true
    )]
    pub(super) state: Option<PathBuf>,

    /// Print facts as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Global {
    /// The state directory, absolute.
    pub(super) fn state_dir(&self) -> Result<PathBuf, Failure> {
        let given = self.state.clone().or_else(|| {
            // systemd lists several where a unit asks for several; the first is the service's own.
            let listed = std::env::var_os("STATE_DIRECTORY")?;
            std::env::split_paths(&listed)
                .next()
                .filter(|dir| !dir.as_os_str().is_empty())
        });
        let dir = given.unwrap_or_else(|| self.config.parent().unwrap_or(Path::new("")).join(STATE_DIR_DEFAULT));
        std::path::absolute(&dir).map_err(|error| {
            Failure::usage(format!(
                "cannot tell where the state directory {} lies: {error}; name it with --state",
                dir.display()
            ))
        })
    }

    /// The zone in which people are told times: the configuration's.
    pub(super) fn zone(&self) -> TimeZone {
        times::zone_of(&self.config)
    }

    /// What was recorded, with or without a running freshd.
    pub(super) fn reader(&self) -> Result<Reader, Failure> {
        Ok(Reader::open(&self.state_dir()?)?)
    }
}
