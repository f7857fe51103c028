//! Where a version comes from: the versions that it was made from, theirs, and so on to the sources.

use std::collections::{HashSet, VecDeque};

use crate::model::{Version, VersionRef};

/// More hops are no answer for anybody.
pub const HOPS_MAX: usize = 10_000;

/// One version on the way back to the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Which.
    pub version: VersionRef,
    /// Steps from the version asked about, the fewest.
    pub distance: usize,
    /// What is on record of it; `None` when that is forgotten, and the way ends here.
    pub found: Option<Version>,
}

/// A version and all that it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestry {
    /// The nearest first and each once; [`HOPS_MAX`] at most.
    pub hops: Vec<Hop>,
    /// There are more of them.
    pub is_cut: bool,
}

/// A version and all that it was made from, as far as [`HOPS_MAX`] hops go.
///
/// # Errors
/// Those of `find`, which looks a version up.
pub fn ancestry<E>(
    of: &VersionRef,
    mut find: impl FnMut(&VersionRef) -> Result<Option<Version>, E>,
) -> Result<Ancestry, E> {
    let mut seen = HashSet::from([of.clone()]);
    let mut ahead = VecDeque::from([(of.clone(), 0)]);
    let mut hops = Vec::new();
    while hops.len() < HOPS_MAX
        && let Some((version, distance)) = ahead.pop_front()
    {
        let found = find(&version)?;
        for input in found.iter().flat_map(|found| &found.inputs) {
            if seen.insert(input.clone()) {
                ahead.push_back((input.clone(), distance + 1));
            }
        }
        hops.push(Hop {
            version,
            distance,
            found,
        });
    }
    let is_cut = !ahead.is_empty();
    Ok(Ancestry { hops, is_cut })
}

/// The version that limits the age of the first: an ancestor, or itself.
pub fn limiting(hops: &[Hop]) -> Option<&VersionRef> {
    let asked = hops.first()?;
    let by = asked.found.as_ref()?.limited_by.as_ref();
    Some(by.unwrap_or(&asked.version))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Name, VersionNumber, plain_version};

    fn named(text: &str) -> VersionRef {
        let (dataset, number) = text.split_once('@').expect("a version");
        VersionRef {
            dataset: Name::from(dataset),
            number: VersionNumber(number.parse().expect("a number")),
        }
    }

    /// Whatever is not named here is forgotten.
    fn find(wanted: &VersionRef) -> Option<Version> {
        let inputs: &[&str] = match wanted.to_string().as_str() {
            "forecast@9" => &["stock@4", "orders@7"],
            "stock@4" => &["lots@1"],
            "orders@7" => &["lots@1", "gone@3"],
            "lots@1" => &[],
            _ => return None,
        };
        Some(Version {
            inputs: inputs.iter().map(|input| named(input)).collect(),
            limited_by: (wanted.number.0 == 9).then(|| named("lots@1")),
            ..plain_version(wanted.dataset.as_str(), wanted.number.0, Timestamp::UNIX_EPOCH)
        })
    }

    fn known(of: &str) -> Vec<Hop> {
        let found: Result<_, ()> = ancestry(&named(of), |wanted| Ok(find(wanted)));
        found.expect("it is found").hops
    }

    #[test]
    fn a_way_back_that_is_cut_says_so() {
        // Each version is made from the one before.
        let cut = |of: usize| {
            let of = named(&format!("stock@{of}"));
            let found: Result<_, ()> = ancestry(&of, |wanted| {
                let before = wanted.number.0 - 1;
                let inputs = (before > 0).then(|| named(&format!("stock@{before}")));
                Ok(Some(Version {
                    inputs: inputs.into_iter().collect(),
                    ..plain_version("stock", wanted.number.0, Timestamp::UNIX_EPOCH)
                }))
            });
            let found = found.expect("it is found");
            (found.hops.len(), found.is_cut)
        };
        assert_eq!(cut(HOPS_MAX), (HOPS_MAX, false));
        assert_eq!(cut(HOPS_MAX + 1), (HOPS_MAX, true));
    }

    #[test]
    fn the_way_back_names_each_version_once_and_ends_where_nothing_is_known() {
        let hops = known("forecast@9");
        let way: Vec<_> = hops
            .iter()
            .map(|hop| (hop.version.to_string(), hop.distance, hop.found.is_some()))
            .collect();
        let expected = [
            ("forecast@9", 0, true),
            ("stock@4", 1, true),
            ("orders@7", 1, true),
            ("lots@1", 2, true),
            ("gone@3", 2, false),
        ];
        assert_eq!(
            way,
            expected.map(|(version, distance, found)| (version.to_owned(), distance, found))
        );
        assert_eq!(limiting(&hops), Some(&named("lots@1")));
        let own = known("lots@1");
        assert_eq!(limiting(&own), Some(&named("lots@1")), "nothing older went into it");
    }

    #[test]
    fn the_first_that_cannot_be_read_ends_it() {
        assert_eq!(ancestry(&named("lots@1"), |_| Err("damaged")), Err("damaged"));
    }
}
