//! How a dataset stands, as programs read it: told alike by the daemon and by whoever has only the records.

use serde_json::{Value, json};

use super::Standing;
use crate::model::{Dataset, Version};

/// One entry of `datasets` in `status`, as far as it follows from the dataset, how it stands, and its newest version.
///
/// Of a dataset that comes in parts there is no version. Times are RFC 3339 in UTC.
pub fn dataset_json(dataset: &Dataset, standing: Standing, current: Option<&Version>) -> Value {
    json!({
        "name": dataset.name,
        "title": dataset.title,
        "state": standing.state,
        "fresh": standing.state.keeps_promise(),
        "as_of": standing.as_of,
        "effective_as_of": standing.effective_as_of,
        "limited_by": standing.limited_by.map(|by| by.to_string()),
        "arrived_at": standing.arrived_at,
        "deadline": standing.deadline,
        "owner": dataset.owner.as_str(),
        "reason": standing.reason,
        "version": current.map(|version| version.number),
        "served": current.filter(|_| standing.is_served).map(|version| version.number),
        "rows": current.and_then(|version| version.rows),
        "by_hand": current.and_then(|version| version.provenance.by_hand.as_ref()),
        "as_expected": current.and_then(Version::passed_as_expected),
        "made_from": dataset.made_from,
        "parts": dataset.part_names().map(|(_, name)| name).collect::<Vec<_>>(),
        "part_of": dataset.part_of,
    })
}
