//! The order in which people look for names: numbers within them count as numbers.

use std::cmp::Ordering;

/// Compares two names as people do: `d2` comes before `d10`. What differs in nothing but zeros before a number is ordered as
/// text. For people only: documents for programs keep the order that is written down for them.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(first), Some(second)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, rest) = number(left);
            let (other, other_rest) = self::number(right);
            (left, right) = (rest, other_rest);
            // Numbers of any length: the longer is the greater.
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            (left, right) = (&left[first.len_utf8()..], &right[second.len_utf8()..]);
            first.cmp(&second)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The number that a text begins with, without zeros before it, and the rest.
fn number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_within_names_count_as_numbers() {
        let sorted = [
            "a",
            "d",
            "d0",
            "d00",
            "d1",
            "d1-a",
            "d01-b",
            "d2",
            "d10",
            "d10-2",
            "d10-10",
            "d99999999999999999999999",
            "e",
            "æ1",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, sorted);
    }
}
