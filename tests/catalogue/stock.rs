//! Ways in which the stock export goes wrong.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// All of them.
pub(super) const FAULTS: &[Fault] = &[
    fault("stock", "cut off in a row", "it may be cut off", |good, _| {
        part(&good, 0.6, 3)
    }),
    fault("stock", "cut off in the last value", "may be cut off", |good, _| {
        part(&good, 1.0, 1)
    }),
    fault(
        "stock",
        "cut off between two rows",
        "is a part of it missing?",
        |good, _| first_rows(good, 0.4),
    ),
    fault(
        "stock",
        "a limit on the query",
        "is a limit set somewhere?",
        |mut good, _| {
            good.rows.truncate(100);
            bytes(&good)
        },
    ),
    fault("stock", "one lot twice", "repeats a value", |mut good, _| {
        good.rows.push(good.rows[7].clone());
        bytes(&good)
    }),
    fault(
        "stock",
        "every row twice",
        "is everything in it twice?",
        |mut good, _| {
            good.rows.extend(good.rows.clone());
            bytes(&good)
        },
    ),
    fault("stock", "two exports in one file", "`qty_kg`", |good, _| {
        (good.text() + &good.text()).into_bytes()
    }),
    fault(
        "stock",
        "kilograms as pounds",
        "pounds instead of kilograms?",
        |good, _| scaled(good, "qty_kg", 2.204_62, 1),
    ),
    fault(
        "stock",
        "pounds as kilograms",
        "kilograms instead of pounds?",
        |good, _| scaled(good, "qty_kg", 0.453_592, 1),
    ),
    fault("stock", "grams", "a factor of 1000", |good, _| {
        scaled(good, "qty_kg", 1_000.0, 1)
    }),
    fault("stock", "tonnes", "tonnes instead of kilograms?", |good, _| {
        scaled(good, "qty_kg", 0.001, 4)
    }),
    fault(
        "stock",
        "a decimal comma in quotes",
        "a decimal comma instead of a point?",
        |good, _| bytes(&good.change("qty_kg", |value| format!("\"{}\"", value.replace('.', ",")))),
    ),
    fault(
        "stock",
        "a decimal comma without quotes",
        "values where the header names",
        |good, _| bytes(&good.change("qty_kg", |value| value.replace('.', ","))),
    ),
    fault(
        "stock",
        "a decimal point lost",
        "a factor of 10: has a decimal place been lost?",
        |good, _| bytes(&good.change("qty_kg", |value| value.replace('.', ""))),
    ),
    fault("stock", "one site missing", "no row has tromso", |mut good, _| {
        let site = good.place("site");
        good.rows.retain(|row| row[site] != "tromso");
        bytes(&good)
    }),
    fault(
        "stock",
        "last week's file again",
        "the file of 7 days ago again?",
        |_, week| bytes(&export("stock", week - 1)),
    ),
    fault(
        "stock",
        "yesterday's count",
        "is it yesterday's file again?",
        |good, week| {
            let yesterday = crate::company::friday(week).yesterday().expect("a day").to_string();
            bytes(&good.change("counted_at", |value| yesterday.clone() + &value[10..]))
        },
    ),
    fault(
        "stock",
        "two columns exchanged",
        "are `qty_kg` and `boxes` exchanged?",
        |good, _| exchanged(good, "qty_kg", "boxes"),
    ),
    fault(
        "stock",
        "two code columns exchanged",
        "are `site` and `unit` exchanged?",
        |good, _| exchanged(good, "site", "unit"),
    ),
    fault(
        "stock",
        "columns in another order",
        "the order is another",
        |mut good, _| {
            good.header.swap(1, 2);
            good.rows.iter_mut().for_each(|row| row.swap(1, 2));
            bytes(&good)
        },
    ),
    fault(
        "stock",
        "day and month exchanged",
        "day and month exchanged?",
        |good, week| {
            let day = crate::company::friday(week);
            let turned = format!("{}-{:02}-{:02}", day.year(), day.day(), day.month());
            bytes(&good.change("counted_at", |value| turned.clone() + &value[10..]))
        },
    ),
    fault(
        "stock",
        "UTC instead of Oslo",
        "UTC instead of local time?",
        |good, _| {
            bytes(&good.change("counted_at", |value| {
                let time: jiff::civil::DateTime = value.parse().expect("a time");
                let zone = jiff::tz::TimeZone::get("Europe/Oslo").expect("the zone is known");
                let at = zone.to_timestamp(time).expect("a time");
                let utc = jiff::tz::TimeZone::UTC.to_datetime(at);
                utc.strftime("%Y-%m-%d %H:%M").to_string()
            }))
        },
    ),
    fault(
        "stock",
        "a clock a year ahead",
        "after the file was written",
        |good, _| bytes(&good.change("counted_at", |value| value.replacen("2026", "2027", 1))),
    ),
    fault("stock", "the year 1970", "counted_at", |good, _| {
        bytes(&good.change("counted_at", |_| "1970-01-01 00:00".to_owned()))
    }),
    fault("stock", "negative stock", "a sign that is turned round", |good, _| {
        at(good, "qty_kg", 5, "-12.5")
    }),
    fault(
        "stock",
        "one value a thousand times too large",
        "must be in 0..",
        |good, _| at(good, "qty_kg", 5, "981000.0"),
    ),
    fault("stock", "header renamed", "the header has `qty_kilo`", |good, _| {
        renamed(good, "qty_kg", "qty_kilo")
    }),
    fault("stock", "a column dropped", "site missing", |mut good, _| {
        let site = good.place("site");
        good.header.remove(site);
        good.rows.iter_mut().for_each(|row| drop(row.remove(site)));
        bytes(&good)
    }),
    fault("stock", "a column added", "extra new", |mut good, _| {
        good.header.push("extra".to_owned());
        good.rows.iter_mut().for_each(|row| row.push("1".to_owned()));
        bytes(&good)
    }),
    fault(
        "stock",
        "NULL as text",
        "`NULL` is a word for an empty value",
        |good, _| at(good, "qty_kg", 9, "NULL"),
    ),
    fault(
        "stock",
        "a stray delimiter",
        "9 values where the header names 8",
        |good, _| at(good, "counted_by", 9, "Åse, Liv"),
    ),
    fault("stock", "columns shifted", "has a column shifted?", |mut good, _| {
        for row in &mut good.rows {
            row.insert(3, String::new());
            row.pop();
        }
        bytes(&good)
    }),
    fault(
        "stock",
        "articles of another system",
        "like `^[A-Z][0-9]{4}$`",
        |good, _| bytes(&good.change("sku", |value| value.replace('S', "ART-"))),
    ),
    fault(
        "stock",
        "articles of another list",
        "the codes of another system?",
        |good, _| bytes(&good.change("sku", |value| value.replacen("S1", "S7", 1))),
    ),
    fault("stock", "no bytes", "no bytes", |_, _| Vec::new()),
    fault("stock", "no rows", "a header and no rows", |mut good, _| {
        good.rows.clear();
        bytes(&good)
    }),
    fault(
        "stock",
        "an error page",
        "an HTML page titled \"502 Bad Gateway\"",
        |_, _| b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body></body></html>\n".to_vec(),
    ),
    fault("stock", "an error of the database", "ORA-00942", |_, _| {
        b"ORA-00942: table or view does not exist\n".to_vec()
    }),
    fault("stock", "a workbook", "a ZIP archive or an Excel workbook", |_, _| {
        b"PK\x03\x04\x14\x00\x06\x00".to_vec()
    }),
    fault("stock", "packed", "packed with gzip", |good, _| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(good.text().as_bytes()).expect("in memory");
        packer.finish().expect("in memory")
    }),
    fault("stock", "JSON", "is JSON", |_, _| {
        b"[{\"lot\": \"L1\", \"qty_kg\": 1},\n {\"lot\": \"L2\"}]\n".to_vec()
    }),
    fault("stock", "UTF-16", "UTF-16", |good, _| {
        let units = good
            .text()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>();
        [b"\xff\xfe".to_vec(), units].concat()
    }),
    fault("stock", "Latin-1", "not valid UTF-8", |good, _| latin1(&good)),
    fault(
        "stock",
        "UTF-8 encoded twice",
        "UTF-8 that was read as Latin-1",
        |good, _| mojibake(&good).into_bytes(),
    ),
    fault("stock", "a block of zeros", "a NUL byte", |good, _| {
        let mut bytes = bytes(&good);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 512].fill(0);
        bytes
    }),
    fault(
        "stock",
        "a quote left open",
        "a quote is opened and never closed",
        |good, _| at(good, "counted_by", 3, "\"Liv"),
    ),
    fault(
        "stock",
        "a quote that swallows rows",
        "looks like rows",
        |mut good, _| {
            let by = good.place("counted_by");
            "\"Liv".clone_into(&mut good.rows[3][by]);
            "Liv\"".clone_into(&mut good.rows[9][by]);
            bytes(&good)
        },
    ),
    fault("stock", "another delimiter", "say delimiter = \";\"", |mut good, _| {
        good.delimiter = ';';
        bytes(&good)
    }),
    fault(
        "stock",
        "dates of another country",
        "dates written in another way",
        |good, _| {
            bytes(&good.change("counted_at", |value| {
                format!("{}.{}.{}{}", &value[8..10], &value[5..7], &value[..4], &value[10..])
            }))
        },
    ),
    fault(
        "stock",
        "dates of a spreadsheet",
        "by which a spreadsheet counts days?",
        |good, _| bytes(&good.change("counted_at", |_| "46150".to_owned())),
    ),
    fault(
        "stock",
        "all quantities zero",
        "the median of column `qty_kg` is 0",
        |good, _| scaled(good, "qty_kg", 0.0, 1),
    ),
    fault(
        "stock",
        "quantities empty",
        "column `qty_kg` must be filled",
        |mut good, _| {
            let place = good.place("qty_kg");
            good.rows.iter_mut().step_by(3).for_each(|row| row[place].clear());
            bytes(&good)
        },
    ),
    fault(
        "stock",
        "boxes with decimals",
        "whole numbers that became decimal ones",
        |good, _| bytes(&good.change("boxes", |value| format!("{value}.0"))),
    ),
    fault("stock", "another unit", "column `unit` must be one of kg", |good, _| {
        bytes(&good.change("unit", |_| "lb".to_owned()))
    }),
    fault(
        "stock",
        "the unit behind the number",
        "a unit, `kg`, behind the number?",
        |good, _| bytes(&good.change("qty_kg", |value| format!("{value} kg"))),
    ),
    fault("stock", "capital letters", "upper and lower case?", |good, _| {
        bytes(&good.change("site", str::to_uppercase))
    }),
    fault(
        "stock",
        "white space around codes",
        "white space around it?",
        |good, _| bytes(&good.change("site", |site| format!("{site} "))),
    ),
    fault("stock", "test data", "`TEST`", |good, _| at(good, "site", 2, "TEST")),
];
