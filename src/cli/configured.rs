//! The configuration as it is written now, for verbs that speak of what it says.

use super::check;
use super::exit::Failure;
use super::global::Global;
use crate::config::{self, Environment};
use crate::model::Settings;

/// The configuration, or how many mistakes it has.
pub(super) fn settings(global: &Global) -> Result<Settings, Failure> {
    let loaded = config::load(&global.config, &Environment::of_process());
    loaded.settings.ok_or_else(|| {
        let counted = check::counted(&global.config, &loaded.problems);
        Failure::usage(format!(
            "{counted}; `freshd check {}` shows where",
            global.config.display()
        ))
    })
}
