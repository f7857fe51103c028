//! Names as they are typed: versions, and what nobody knows with the known name most like it.

use super::exit::Failure;
use super::paint::clean;
use crate::model::{Name, VersionNumber};

/// The candidate most like `word`, if any is like it.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    let lower = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let known = candidate.to_lowercase();
        let part = lower.len() >= 3 && known.contains(&lower);
        let distance = if part {
            most
        } else {
            strsim::damerau_levenshtein(&lower, &known)
        };
        if distance <= most && best.is_none_or(|(found, _)| distance < found) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// There is no such thing; `place` is where it was looked for.
pub(super) fn unknown<'a>(
    what: &str,
    word: &str,
    place: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Failure {
    let hint = match nearest(word, candidates) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "`freshd status` lists what there is".to_owned(),
    };
    Failure::usage(format!("there is no {what} `{word}` in {place}; {hint}"))
}

/// Reads `stock@41` and `stock`.
pub(super) fn version(text: &str) -> Result<(Name, Option<VersionNumber>), Failure> {
    let Some((dataset, number)) = text.rsplit_once('@') else {
        return Ok((Name::from(text), None));
    };
    let number = number.parse().map(VersionNumber);
    let number =
        number.map_err(|_| Failure::usage(format!("`{}` is no version; write it as in stock@41", clean(text))))?;
    Ok((Name::from(dataset), Some(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_or_a_part_away() {
        let names = ["stock", "stock-export", "orders", "invoices-load"];
        for (word, near) in [
            ("stok", Some("stock")),
            ("Stock-exprot", Some("stock-export")),
            ("invoices", Some("invoices-load")),
            ("weather", None),
        ] {
            assert_eq!(nearest(word, names), near, "{word}");
        }
    }
}
