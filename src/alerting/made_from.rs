//! What is made from what a message is about: in groups by how it stands, what is broken before what will be.

use std::collections::{BTreeMap, BTreeSet};

use super::impact::YOU_OWN;
use super::lines::in_lines;
use super::readers::is_source;
use super::terms::state_words;
use super::words::{DataSide, Situation, is_reader};
use crate::freshness::DataState;
use crate::model::{AND_MORE, Name, Purpose, natural};

/// The label of the line that counts them.
const MADE_FROM_IT: &str = "Made from it";

/// Whether a line is one of those that name what is made from it.
pub(super) fn is_of_made(label: &str) -> bool {
    let group = label.split_once(" (").map(|(title, _)| title);
    label == MADE_FROM_IT
        || label == AND_MORE
        || group.is_some_and(|title| Group::all().any(|group| group.title() == title))
}

/// So few stand in one line.
pub(super) const IN_ONE_LINE_MAX: usize = 6;

/// Datasets named in one message.
const NAMED_MAX: usize = 200;

/// How datasets stand that are told together, in the order in which they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Stale,
    Late,
    Changed,
    Suspect,
    Unknown,
    AtRisk,
    AsPromised,
}

impl Group {
    /// Each of them, in their order.
    fn all() -> impl Iterator<Item = Self> {
        std::iter::successors(Some(Self::Stale), |group| group.next())
    }

    /// The one after it: a new one cannot be left out.
    fn next(self) -> Option<Self> {
        match self {
            Self::Stale => Some(Self::Late),
            Self::Late => Some(Self::Changed),
            Self::Changed => Some(Self::Suspect),
            Self::Suspect => Some(Self::Unknown),
            Self::Unknown => Some(Self::AtRisk),
            Self::AtRisk => Some(Self::AsPromised),
            Self::AsPromised => None,
        }
    }

    /// The group of what is broken in that way, or of what is not.
    fn of(broken: Option<DataState>, is_over: bool) -> Self {
        match broken {
            Some(DataState::Stale) => Self::Stale,
            Some(DataState::Late) => Self::Late,
            Some(DataState::Changed) => Self::Changed,
            Some(DataState::Suspect) => Self::Suspect,
            Some(DataState::Unknown) => Self::Unknown,
            Some(DataState::Fresh | DataState::DueSoon | DataState::Held | DataState::Paused) | None => match is_over {
                true => Self::AsPromised,
                false => Self::AtRisk,
            },
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Stale => "Stale",
            Self::Late => "Late",
            Self::Changed => "Changed",
            Self::Suspect => "Suspect",
            Self::Unknown => "Unknown",
            Self::AtRisk => "At risk",
            Self::AsPromised => "As promised",
        }
    }
}

/// The datasets that are named so: the same from the first message to the last. At the end also what is told of only by name
/// and is not known to be made from it any more, since an edit of jobs.toml has ended it.
pub(super) fn named<'a>(is_over: bool, situation: &'a Situation<'_>, whole: &[DataSide<'_>]) -> Vec<&'a Name> {
    let made: BTreeSet<&Name> = situation.made_from_it.iter().collect();
    let told = Some(&situation.data).filter(|data| is_over && data.len() > whole.len());
    let told = told.into_iter().flatten().map(|data| &data.dataset.name);
    let told = told.filter(|name| !made.contains(name));
    let names = situation.made_from_it.iter().chain(told);
    names.filter(|name| !is_source(name, situation)).collect()
}

/// So many of all datasets that are made from it, in a sentence; of one, what it is called.
pub(super) fn share_of_made(count: usize, first: &str, situation: &Situation<'_>) -> String {
    let all = situation.made_from_it.iter().filter(|name| !is_source(name, situation));
    match (count, all.count()) {
        (1, _) => format!("{first}, which is made from it"),
        (count, all) if count < all => format!("{count} of the {all} datasets made from it"),
        (count, _) => format!("the {count} datasets made from it"),
    }
}

/// Every dataset that is made from it, by name: a line that counts them, and a group for each way in which they stand. What is
/// told of by an incident of its own, be it that this one was silenced when it began, bears that one's number, and what a
/// reader answers for is said to be its own.
pub(super) fn made_from_it(
    purpose: Purpose,
    team: &Name,
    situation: &Situation<'_>,
    whole: &[DataSide<'_>],
) -> Vec<(String, String)> {
    let is_over = purpose == Purpose::Recovery;
    let names = named(is_over, situation, whole);
    if names.is_empty() {
        return Vec::new();
    }
    let broken = |name: &Name| {
        let data = situation.data.iter().find(|data| data.dataset.name == *name);
        let apart = || situation.told_apart.get(name).map(|apart| apart.state);
        let state = data.map(|data| data.standing.state).or_else(apart);
        state.filter(|state| !state.keeps_promise())
    };
    let is_reader = is_reader(purpose, team, situation) && situation.is_meant;
    let noted = |name: &Name, state: Option<DataState>| {
        let apart = || situation.told_apart.get(name).and_then(|apart| apart.incident);
        let number = situation.goes_on.get(name).map(|goes_on| goes_on.incident());
        let number = number.or_else(apart).filter(|_| broken(name).is_some());
        let is_own = is_reader && situation.owned.contains(name);
        let notes = [
            state.map(|state| state_words(state).to_owned()),
            number.map(|number| format!("#{number}")),
            is_own.then(|| YOU_OWN.to_owned()),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        match notes.is_empty() {
            true => name.to_string(),
            false => format!("{name} ({})", notes.join(", ")),
        }
    };
    let mut groups: BTreeMap<Group, Vec<&Name>> = BTreeMap::new();
    for name in names.iter().copied() {
        groups.entry(Group::of(broken(name), is_over)).or_default().push(name);
    }
    let mut groups: Vec<(&str, Vec<&Name>)> = groups
        .into_iter()
        .map(|(group, names)| (group.title(), names))
        .collect();
    for (_, group) in &mut groups {
        group.sort_by(|a, b| natural(a.as_str(), b.as_str()));
    }
    let count = match names.len() {
        1 => "1 dataset".to_owned(),
        count => format!("{count} datasets"),
    };
    if names.len() <= IN_ONE_LINE_MAX {
        let each = groups.iter().flat_map(|(_, group)| group.iter().copied());
        let each: Vec<String> = each.map(|name| noted(name, broken(name))).collect();
        return vec![(MADE_FROM_IT.to_owned(), format!("{count}: {}", each.join(", ")))];
    }
    let mut lines = vec![(MADE_FROM_IT.to_owned(), count + &counted(&groups))];
    if names.len() > NAMED_MAX {
        let (_, head) = &mut lines[0];
        head.push_str(&format!(
            "; {NAMED_MAX} of them below, the worst first: freshd impact {} names all",
            situation.incident.subject
        ));
    }
    let mut room = NAMED_MAX;
    for (title, group) in groups {
        let label = format!("{title} ({})", group.len());
        let named: Vec<String> = group.iter().take(room).map(|name| noted(name, None)).collect();
        room -= named.len();
        let rows = in_lines(named.into_iter(), usize::MAX).into_iter();
        let labels = std::iter::once(label).chain(std::iter::repeat(AND_MORE.to_owned()));
        lines.extend(labels.zip(rows));
    }
    lines
}

/// How many stand how, behind the number of all: `: 38 stale, 1 at risk`.
fn counted(groups: &[(&str, Vec<&Name>)]) -> String {
    match groups {
        [(title, _)] => format!(", all {}", title.to_lowercase()),
        groups => {
            let each = groups
                .iter()
                .map(|(title, group)| format!("{} {}", group.len(), title.to_lowercase()));
            format!(": {}", each.collect::<Vec<_>>().join(", "))
        }
    }
}
