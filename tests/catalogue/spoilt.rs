//! Some eighty ways in which an export goes wrong, each with the words that name what happened.

#[path = "stock.rs"]
mod stock;

use crate::company::{Export, export};

/// One way to spoil a file.
pub(crate) struct Fault {
    /// What happened.
    pub(crate) name: &'static str,
    /// Of which export.
    pub(crate) dataset: &'static str,
    /// Some message must have these words.
    pub(crate) words: &'static str,
    /// What is delivered instead of a good file of that week.
    pub(crate) spoil: fn(Export, u32) -> Vec<u8>,
}

pub(crate) const fn fault(
    dataset: &'static str,
    name: &'static str,
    words: &'static str,
    spoil: fn(Export, u32) -> Vec<u8>,
) -> Fault {
    Fault {
        name,
        dataset,
        words,
        spoil,
    }
}

/// All of them.
pub(crate) fn faults() -> impl Iterator<Item = &'static Fault> {
    stock::FAULTS.iter().chain(OTHERS)
}

/// Those of other exports than the stock.
const OTHERS: &[Fault] = &[
    fault(
        "prices",
        "euro instead of kroner",
        "another unit or currency?",
        |good, _| scaled(good, "price_per_kg", 1.0 / 11.7, 2),
    ),
    fault("prices", "another currency", "must be one of NOK", |good, _| {
        bytes(&good.change("currency", |_| "EUR".to_owned()))
    }),
    fault("prices", "øre", "cents instead of whole units", |good, _| {
        scaled(good, "price_per_kg", 100.0, 0)
    }),
    fault("prices", "ten times the price", "a factor of 10", |good, _| {
        scaled(good, "price_per_kg", 10.0, 2)
    }),
    fault(
        "prices",
        "half of the articles",
        "is a part of it missing?",
        |good, _| first_rows(good, 0.5),
    ),
    fault("prices", "an article twice", "repeats a value", |mut good, _| {
        good.rows.push(good.rows[3].clone());
        bytes(&good)
    }),
    fault(
        "prices",
        "long numbers shortened",
        "a long number that a spreadsheet has shortened?",
        |good, _| bytes(&good.change("ean", |_| "7.04E+12".to_owned())),
    ),
    fault(
        "prices",
        "a negative price",
        "a sign that is turned round",
        |good, _| at(good, "price_per_kg", 4, "-99.00"),
    ),
    fault(
        "prices",
        "prices moved by a row",
        "column `price_per_kg` must be filled",
        |good, _| at(good, "price_per_kg", 0, ""),
    ),
    fault(
        "orders",
        "a decimal point",
        "a decimal point instead of a comma?",
        |good, _| bytes(&good.change("amount_nok", |value| value.replace(',', "."))),
    ),
    fault("orders", "thousands set apart", "separators of thousands", |good, _| {
        at(good, "amount_nok", 6, "12.345,67")
    }),
    fault(
        "orders",
        "customers of another system",
        "the codes of another system?",
        |good, _| bytes(&good.change("customer", |value| value.replacen("C2", "C8", 1))),
    ),
    fault("orders", "a country missing", "no row has FR", |mut good, _| {
        let country = good.place("country");
        good.rows.retain(|row| row[country] != "FR");
        bytes(&good)
    }),
    fault(
        "orders",
        "not available",
        "`#N/A` is a word for an empty value",
        |good, _| at(good, "amount_nok", 6, "#N/A"),
    ),
    fault(
        "orders",
        "amounts moved by a column",
        "has a column shifted?",
        |mut good, _| {
            for row in &mut good.rows {
                row.insert(4, String::new());
                row.pop();
            }
            bytes(&good)
        },
    ),
    fault(
        "orders",
        "last week's orders",
        "file of 7 days ago again?",
        |_, week| bytes(&export("orders", week - 1)),
    ),
    fault("deliveries", "leading zeros lost", "leading zeros lost?", |good, _| {
        bytes(&good.change("to_zip", |value| value.trim_start_matches('0').to_owned()))
    }),
    fault("deliveries", "pounds", "pounds instead of kilograms?", |good, _| {
        scaled(good, "gross_kg", 2.204_62, 0)
    }),
    fault(
        "deliveries",
        "degrees Fahrenheit",
        "the median of column `temperature_c`",
        |good, _| {
            bytes(&good.change("temperature_c", |value| {
                let celsius: f64 = value.parse().expect("a number");
                format!("{:.1}", celsius * 1.8 + 32.0)
            }))
        },
    ),
    fault("deliveries", "minus lost", "column `temperature_c`", |good, _| {
        bytes(&good.change("temperature_c", |value| value.trim_start_matches('-').to_owned()))
    }),
    fault(
        "deliveries",
        "a carrier missing",
        "no row has Polarbil",
        |mut good, _| {
            let carrier = good.place("carrier");
            good.rows.retain(|row| row[carrier] != "Polarbil");
            bytes(&good)
        },
    ),
    fault(
        "lab",
        "parts of one instead of percent",
        "a factor of 100",
        |good, _| scaled(good, "fat_pct", 0.01, 4),
    ),
    fault("lab", "yes and no", "column `approved` must be boolean", |good, _| {
        bytes(&good.change("approved", |value| {
            if value == "true" { "yes" } else { "no" }.to_owned()
        }))
    }),
    fault(
        "lab",
        "comments lost",
        "column `comment` is empty in 100 %",
        |good, _| bytes(&good.change("comment", |_| String::new())),
    ),
    fault("lab", "one species only", "no row has", |mut good, _| {
        let species = good.place("species");
        good.rows.retain(|row| row[species] == "cod");
        bytes(&good)
    }),
];

pub(crate) fn bytes(export: &Export) -> Vec<u8> {
    export.text().into_bytes()
}

/// The first part of a file, less so many bytes.
pub(crate) fn part(export: &Export, part: f64, less: usize) -> Vec<u8> {
    let text = export.text();
    let rows = count(export, part);
    let end: usize = text.split_inclusive('\n').take(rows + 1).map(str::len).sum();
    text.as_bytes()[..end - less].to_vec()
}

pub(crate) fn first_rows(mut export: Export, part: f64) -> Vec<u8> {
    let rows = count(&export, part);
    // Not a round number, which would look like a limit.
    export.rows.truncate(rows | 1);
    bytes(&export)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a few hundred rows"
)]
pub(crate) fn count(export: &Export, part: f64) -> usize {
    (export.rows.len() as f64 * part) as usize
}

pub(crate) fn scaled(export: Export, column: &str, factor: f64, decimals: usize) -> Vec<u8> {
    bytes(&export.change(column, |value| {
        let number: f64 = value.parse().expect("a number");
        format!("{:.decimals$}", number * factor)
    }))
}

pub(crate) fn at(mut export: Export, column: &str, row: usize, value: &str) -> Vec<u8> {
    let place = export.place(column);
    value.clone_into(&mut export.rows[row][place]);
    bytes(&export)
}

pub(crate) fn renamed(mut export: Export, column: &str, name: &str) -> Vec<u8> {
    let place = export.place(column);
    name.clone_into(&mut export.header[place]);
    bytes(&export)
}

/// Their values, not their names.
pub(crate) fn exchanged(mut export: Export, one: &str, other: &str) -> Vec<u8> {
    let (one, other) = (export.place(one), export.place(other));
    export.rows.iter_mut().for_each(|row| row.swap(one, other));
    bytes(&export)
}

pub(crate) fn latin1(export: &Export) -> Vec<u8> {
    let text = export.text();
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
        .collect()
}

/// The bytes of UTF-8, each taken for a letter.
pub(crate) fn mojibake(export: &Export) -> String {
    export.text().bytes().map(char::from).collect()
}
