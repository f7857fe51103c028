//! What every section needs while it is read: the environment, the known names, and the report.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::channels::Addressed;
use super::commands::Commands;
use super::conditions::People;
use super::environment::Environment;
use super::policy::Policies;
use super::reader::{Table, Text};
use super::report::{Report, Spot};
use super::schedules::Schedules;
use crate::model::{Calendar, Channel, HistoryRules, Name, Owner, SecretTexts};

/// A section of the configuration whose entries have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Section {
    /// `[calendars]`
    Calendars,
    /// `[channels]`
    Channels,
    /// `[teams]`
    Teams,
    /// `[systems]`
    Systems,
    /// `[datasets]`
    Datasets,
    /// `[jobs]`
    Jobs,
    /// `[pools]`
    Pools,
    /// `[maintenance]`
    Maintenance,
}

impl Section {
    /// All, in the order in which they are read.
    pub(super) const ALL: [Self; 8] = [
        Self::Calendars,
        Self::Channels,
        Self::Pools,
        Self::Teams,
        Self::Systems,
        Self::Datasets,
        Self::Jobs,
        Self::Maintenance,
    ];

    /// The key in the file.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Calendars => "calendars",
            Self::Channels => "channels",
            Self::Teams => "teams",
            Self::Systems => "systems",
            Self::Datasets => "datasets",
            Self::Jobs => "jobs",
            Self::Pools => "pools",
            Self::Maintenance => "maintenance",
        }
    }

    /// One of its entries, in messages.
    pub(super) fn singular(self) -> &'static str {
        self.key().trim_end_matches('s')
    }
}

/// Every name that the files define, and where.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By the section's number.
    names: [BTreeMap<Name, Spot>; Section::ALL.len()],
}

impl Known {
    /// Takes in a definition; the place of the first one when it is not the first.
    pub(super) fn define(&mut self, section: Section, name: &str, spot: Spot) -> Option<Spot> {
        match self.names[section as usize].entry(name.into()) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(place) => {
                place.insert(spot);
                None
            }
        }
    }

    /// The shared name of a definition, and where it is.
    pub(super) fn defined(&self, section: Section, name: &str) -> Option<(&Name, Spot)> {
        let (name, spot) = self.names[section as usize].get_key_value(name)?;
        Some((name, *spot))
    }

    /// The shared name of a definition.
    pub(super) fn find(&self, section: Section, name: &str) -> Option<&Name> {
        Some(self.defined(section, name)?.0)
    }

    /// Where a name is defined.
    pub(super) fn spot(&self, section: Section, name: &str) -> Option<Spot> {
        Some(self.defined(section, name)?.1)
    }

    /// All names of a section.
    pub(super) fn names(&self, section: Section) -> impl Iterator<Item = &str> {
        self.names[section as usize].keys().map(Name::as_str)
    }

    /// Number of entries of a section.
    pub(super) fn count(&self, section: Section) -> usize {
        self.names[section as usize].len()
    }
}

/// What every section needs while it is read.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Texts and problems.
    pub(super) report: &'a Report,
    /// Variables, credentials, PATH, time.
    pub(super) environment: &'a Environment,
    /// Names of all files.
    pub(super) known: &'a Known,
    /// The zone of the root file.
    pub(super) timezone: TimeZone,
    /// How much of the past is kept of what says nothing of its own.
    pub(super) history: HistoryRules,
    /// Calendars of all files, without the broken ones.
    pub(super) calendars: BTreeMap<Name, Arc<Calendar>>,
    /// Channels of all files, without the broken ones.
    pub(super) channels: BTreeMap<Name, Channel>,
    /// How each channel is addressed, the broken ones too, if their type is known.
    pub(super) addressed: BTreeMap<Name, Addressed>,
    /// Schedules read so far, so that equal ones are shared.
    pub(super) schedules: Schedules,
    /// Commands looked up so far.
    pub(super) commands: Commands,
    /// Users looked up so far.
    pub(super) people: People,
    /// Ways to handle runs found so far, so that equal ones are shared.
    pub(super) policies: Policies,
    /// The root file says that jobs without a `user` may run as root.
    pub(super) run_as_root: bool,
    /// The secrets read so far, whatever becomes of what they are for.
    pub(super) secrets: RefCell<SecretTexts>,
    /// Titles read so far, and what first had them where.
    pub(super) titles: RefCell<HashMap<(Section, String), (Name, Spot)>>,
}

/// Longest title, in characters. It stands in the subject of messages and in the columns of tables.
const TITLE_CHARS_MAX: usize = 120;

impl Context<'_> {
    /// The title of an entry. Messages and pages call it by that: two with the same cannot be told apart there.
    pub(super) fn title(&self, section: Section, name: &Name, table: &Table<'_>) -> Option<String> {
        let title = table.get("title")?.line()?;
        let chars = title.text.chars().count();
        if chars > TITLE_CHARS_MAX {
            title.error(
                format!("`title` has {chars} characters, and more than {TITLE_CHARS_MAX} are too many for a subject or a table"),
                "write a short name, and the rest into `description`",
            );
            return None;
        }
        let mut titles = self.titles.borrow_mut();
        let place = (section, title.text.trim().to_lowercase());
        let (other, spot) = titles.entry(place).or_insert_with(|| (name.clone(), title.spot()));
        if other != name {
            let (what, place) = (section.singular(), self.report.place(*spot));
            self.report.warning(
                title.spot(),
                format!(
                    "{what} `{name}` has the title of {what} `{other}` ({place}): messages and pages call both by it"
                ),
                "write another title for one of them",
            );
        }
        Some(title.text.to_owned())
    }

    /// The absolute path that a text means, relative to the file it is written in.
    pub(super) fn path(&self, text: &Text<'_>) -> PathBuf {
        absolute(self.report.dir(text.spot()), text.text)
    }

    /// The defined name that a text refers to; an error when nothing defines it.
    pub(super) fn refer(&self, section: Section, text: &Text<'_>) -> Option<Name> {
        if let Some(name) = self.known.find(section, text.text) {
            return Some(name.clone());
        }
        if !self.report.may_be_defined_in_a_hole(text.text) {
            let help = self.help_for_unknown(&[section], text.text);
            text.error(format!("unknown {} `{}`", section.singular(), text.text), help);
        }
        None
    }

    /// What to write where a name of one of these sections was meant.
    pub(super) fn help_for_unknown(&self, sections: &[Section], name: &str) -> String {
        let names = || sections.iter().flat_map(|section| self.known.names(*section));
        if let Some(nearest) = self.report.nearest(name, names()) {
            return format!("did you mean `{nearest}`?");
        }
        let first: Vec<&str> = names().take(9).collect();
        match first.len() {
            0 | 9.. => format!("define it as [{}.{}]", sections[0].key(), quoted_key(name)),
            _ => format!("known {}: {}", sections[0].key(), first.join(", ")),
        }
    }

    /// The owner of an entry, which must be written out.
    pub(super) fn owner(&self, section: Section, name: &Name, table: &Table<'_>) -> Owner {
        let what = || format!("{} `{name}`", section.singular());
        let Some(value) = table.get("owner") else {
            let teams: Vec<&str> = self.known.names(Section::Teams).take(5).collect();
            let teams = if teams.is_empty() {
                "a [teams.NAME]".to_owned()
            } else {
                teams.join(", ")
            };
            table.missing(
                "owner",
                format!("{} has no owner", what()),
                format!("write owner = \"TEAM\" with one of {teams}, or owner = \"nobody\" if it must be"),
            );
            return Owner::Nobody;
        };
        let Some(text) = value.text() else {
            return Owner::Nobody;
        };
        if text.text == "nobody" {
            self.report.warning(
                value.spot(),
                format!("nobody answers for {}", what()),
                "name a team, so that somebody is told; until then the fallback is",
            );
            return Owner::Nobody;
        }
        self.refer(Section::Teams, &text).map_or(Owner::Nobody, Owner::Team)
    }
}

/// A path relative to `dir`, made absolute without looking at the disk: `.` is dropped, `..` is kept.
pub(super) fn absolute(dir: &Path, text: &str) -> PathBuf {
    // `components` leaves out `.` and doubled slashes.
    dir.join(text).components().collect()
}

/// A name as a key of TOML.
pub(super) fn quoted_key(name: &str) -> String {
    let bare = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}
