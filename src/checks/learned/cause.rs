//! What may have happened when a number is not as usual: a question, never an answer.

use super::usual::Usual;

/// A factor between what came and what is usual, and what makes such a factor.
const FACTORS: [(f64, &str); 10] = [
    (2.204_62, "pounds instead of kilograms?"),
    (0.453_592, "kilograms instead of pounds?"),
    (10.0, "a factor of 10: has a decimal place been lost?"),
    (0.1, "a factor of 10: one decimal place too many?"),
    (
        100.0,
        "a factor of 100: cents instead of whole units, or a decimal sign lost?",
    ),
    (0.01, "a factor of 100: whole units instead of cents?"),
    (
        1000.0,
        "a factor of 1000: decimal comma read as thousands separator, or grams instead of kilograms?",
    ),
    (
        0.001,
        "a factor of 1000: thousands separator read as decimal point, or tonnes instead of kilograms?",
    ),
    (1_000_000.0, "a factor of 1000000: another unit?"),
    (0.000_001, "a factor of 1000000: another unit?"),
];

/// How far from a factor it may lie, however much the versions before differ.
const TOLERANCE: (f64, f64) = (0.03, 0.1);

/// A column whose median is not as usual.
pub(super) struct Differing {
    pub(super) column: String,
    pub(super) now: f64,
    pub(super) usual: f64,
}

/// For a median or a sum of a column.
pub(super) fn cause_of_number(
    column: &str,
    now: f64,
    usual: &Usual,
    differing: &[Differing],
    what: &str,
) -> Option<String> {
    if usual.median == 0.0 {
        return None;
    }
    let own = differing.iter().find(|other| other.column == column);
    if let Some(other) = own.and_then(|own| {
        let others = differing.iter().filter(|other| other.column != column);
        others
            .into_iter()
            .find(|other| is_near(own.now, other.usual, 0.2) && is_near(other.now, own.usual, 0.2))
    }) {
        return Some(format!("are `{column}` and `{}` exchanged?", other.column));
    }
    let ratio = now / usual.median;
    let tolerance = (3.0 * usual.noise()).clamp(TOLERANCE.0, TOLERANCE.1);
    let nearest = FACTORS
        .iter()
        .filter(|(factor, _)| is_near(ratio, *factor, tolerance))
        .min_by(|(one, _), (other, _)| distance(ratio, *one).total_cmp(&distance(ratio, *other)));
    if let Some((_, cause)) = nearest {
        return Some((*cause).to_owned());
    }
    if ratio < 0.0 {
        return Some("has the sign been turned round?".to_owned());
    }
    if what == "sum" && is_near(ratio, 2.0, TOLERANCE.1) {
        return Some("is everything in it twice?".to_owned());
    }
    (!(1.0 / 3.0..=3.0).contains(&ratio)).then(|| "another unit or currency?".to_owned())
}

/// For a number of rows.
#[expect(clippy::cast_precision_loss, reason = "no file has more rows than fit into 53 bits")]
pub(super) fn cause_of_rows(now: u64, usual: f64) -> Option<String> {
    let with_header = now + 1;
    if matches!(with_header, 65_536 | 1_048_576) {
        return Some(format!("a spreadsheet holds {with_header} lines at most"));
    }
    let is_less = (now as f64) < usual;
    if is_less && now >= 100 && [1_000, 500, 100].iter().any(|step| now.is_multiple_of(*step)) {
        return Some(format!("exactly {now}: is a limit set somewhere?"));
    }
    if is_near(now as f64, 2.0 * usual, TOLERANCE.1) {
        return Some("is everything in it twice?".to_owned());
    }
    is_less.then(|| "is a part of it missing?".to_owned())
}

fn is_near(number: f64, other: f64, tolerance: f64) -> bool {
    number * other > 0.0 && distance(number, other) <= (1.0 + tolerance).ln()
}

fn distance(number: f64, other: f64) -> f64 {
    (number / other).abs().ln().abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(ratio: f64, deviation: f64) -> Option<String> {
        let usual = Usual {
            median: 12.5,
            deviation,
        };
        cause_of_number("qty_kg", 12.5 * ratio, &usual, &[], "median")
    }

    #[test]
    fn a_factor_between_units_is_named() {
        for (ratio, word) in [
            (2.2046, "pounds instead of kilograms?"),
            (0.4536, "kilograms instead of pounds?"),
            (10.1, "a factor of 10: has"),
            (98.0, "cents"),
            (1000.0, "decimal comma read as thousands separator"),
            (0.001, "tonnes"),
            (-1.0, "sign"),
            (11.7, "another unit or currency?"),
            (0.085, "another unit or currency?"),
        ] {
            let cause = cause(ratio, 0.0).unwrap_or_default();
            assert!(cause.contains(word), "{ratio}: {cause}");
        }
        assert_eq!(cause(1.6, 0.0), None);
    }

    #[test]
    fn the_more_the_versions_differ_the_further_a_factor_may_be_off() {
        assert_eq!(cause(2.36, 0.1), None);
        assert!(cause(2.36, 2.0).is_some_and(|cause| cause.contains("pounds")));
        assert_eq!(cause(2.6, 12.0), None);
    }

    #[test]
    fn two_columns_with_each_other_s_medians_are_exchanged() {
        let usual = Usual {
            median: 10.0,
            deviation: 0.0,
        };
        let of = |column: &str, now, usual| Differing {
            column: column.to_owned(),
            now,
            usual,
        };
        let both = [of("qty_kg", 200.0, 10.0), of("pieces", 10.5, 210.0)];
        let cause = cause_of_number("qty_kg", 200.0, &usual, &both, "median");
        assert_eq!(cause.as_deref(), Some("are `qty_kg` and `pieces` exchanged?"));
    }

    #[test]
    fn round_numbers_of_rows_are_suspected_to_be_limits() {
        for (now, usual, word) in [
            (1_000, 5_200.0, "limit"),
            (65_535, 90_000.0, "spreadsheet"),
            (10_400, 5_200.0, "twice"),
            (2_611, 5_200.0, "part of it missing"),
        ] {
            let cause = cause_of_rows(now, usual).unwrap_or_default();
            assert!(cause.contains(word), "{now}: {cause}");
        }
        assert_eq!(cause_of_rows(9_000, 5_200.0), None);
    }
}
