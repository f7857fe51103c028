//! Teams by the titles that people know them by, with the names that commands and jobs.toml take.

use std::collections::BTreeMap;
use std::path::Path;

use super::board::titled_owner;
use super::times::table_of;

/// The titles of teams by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Titles(BTreeMap<String, String>);

impl Titles {
    /// Those of a configuration, also when it has mistakes elsewhere.
    pub(super) fn of(config: &Path) -> Self {
        let table = table_of(config);
        let teams = table.as_ref().and_then(|table| table.get("teams")?.as_table());
        let title =
            |(name, team): (&String, &toml::Value)| Some((name.clone(), team.get("title")?.as_str()?.to_owned()));
        Self(teams.into_iter().flatten().filter_map(title).collect())
    }

    /// Those that are known otherwise.
    pub(super) fn known(titles: impl Iterator<Item = (String, String)>) -> Self {
        Self(titles.collect())
    }

    /// `Warehouse (warehouse)`, or the name alone.
    pub(super) fn team(&self, name: &str) -> String {
        titled_owner(name, self.0.get(name).map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_called_by_its_title_with_its_name_behind_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = dir.path().join("jobs.toml");
        let text = "nonsense = 1\n[teams.wms]\ntitle = \"Warehouse\"\n[teams.ops]\nnotify = []\n";
        std::fs::write(&config, text).expect("written");
        let titles = Titles::of(&config);
        assert_eq!(titles.team("wms"), "Warehouse (wms)");
        assert_eq!(titles.team("ops"), "ops");
        assert_eq!(Titles::of(&dir.path().join("none")).team("wms"), "wms");
    }
}
