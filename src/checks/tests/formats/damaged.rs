//! What is damaged, cut off, too large or something else is named in each format, and can do no harm.

use super::*;

/// The file, as if its description were so long.
fn with_footer_bytes(table: &[u8], bytes: u32) -> Vec<u8> {
    let mut table = table.to_vec();
    let place = table.len() - 8;
    table[place..place + 4].copy_from_slice(&bytes.to_le_bytes());
    table
}

/// The file of three rows, as if it had another number of them, less than 64.
fn with_rows_told(table: &[u8], rows: u8) -> Vec<u8> {
    // The number stands before the list of row groups, as a zigzag varint.
    let told = [0x16, 3 << 1, 0x19, 0x1c];
    let place = table.windows(told.len()).rposition(|bytes| bytes == told);
    let mut table = table.to_vec();
    table[place.expect("how many rows there are") + 1] = rows << 1;
    table
}

/// The first thing that is wrong.
fn wrong(content: &[u8], format: Format) -> String {
    let problems = case(content, format).problems();
    let (name, message) = problems.first().expect("something is wrong");
    format!("{name}: {message}")
}

#[test]
fn what_is_cut_off_or_something_else_is_named() {
    let csv = b"lot,qty,day\nL1,1,2026-11-20\n";
    let (book, table) = (workbook(&parts(&sheet_rows())), stock_parquet());
    let text = fixed_text();
    let no_sheet = Format::Xlsx {
        sheet: Some("Lots".into()),
    };
    let twice = parts("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>0</v></c></row>");
    let beside = sheet_rows().replace("C4", "D4");
    let encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on";
    for (content, format, expected) in [
        (
            &csv[..],
            XLSX,
            "format: the output is text, not XLSX: let it be exported as before, or correct `format`",
        ),
        (
            &csv[..],
            Format::Parquet,
            "format: the output is text, not PARQUET: let it be exported as before, or correct `format`",
        ),
        (
            &encrypted[..],
            XLSX,
            "format: the output is an Excel workbook that is encrypted, or of the kind before 2007, not XLSX: let it be saved as .xlsx, without a password",
        ),
        (
            &table,
            XLSX,
            "format: the output is a Parquet file, not XLSX: let it be exported as text, or say format = \"parquet\"",
        ),
        (&book[..book.len() / 2], XLSX, "format: the workbook cannot be read: "),
        (
            &book,
            no_sheet,
            "format: the workbook cannot be read: there is no sheet `Lots`; there is Stock",
        ),
        (
            &workbook(&twice),
            XLSX,
            "format: row 1: the header names the column `lot` twice; give each column a name of its own",
        ),
        (
            &workbook(&parts(&beside)),
            XLSX,
            "format: row 4: `2026-11-20` in column 4, where the header names 3 columns",
        ),
        (
            &workbook(&parts(
                &(sheet_rows() + "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>3</v></c></row>"),
            )),
            XLSX,
            "format: row 6: it comes behind a later row; let the workbook be saved anew",
        ),
        (
            &workbook(&parts("<row r=\"1\"><c r=\"XFE1\"><v>1</v></c></row>")),
            XLSX,
            "format: row 1: it has more than 16384 columns",
        ),
        (
            &workbook(&parts("")),
            XLSX,
            "format: there is no header; the first line must name the columns",
        ),
        (
            &table[..table.len() - 3],
            Format::Parquet,
            "format: the Parquet file cannot be read: it does not end as a Parquet file does: it is cut off",
        ),
        (
            &table[..7],
            Format::Parquet,
            "format: the Parquet file cannot be read: it is cut off: it has no end",
        ),
        (
            &with_footer_bytes(&table, 17 << 20),
            Format::Parquet,
            "format: the Parquet file cannot be read: its description has more than 16 MiB",
        ),
        (
            &with_rows_told(&table, 4),
            Format::Parquet,
            "format: the Parquet file cannot be read: it says that it has 4 rows, and 3 can be read",
        ),
        (
            &text.as_bytes()[..text.len() - 4],
            fixed(),
            "last_line: line 4: 19 characters where the columns reach to 22, and the file ends there: it may be cut off",
        ),
    ] {
        let found = wrong(content, format);
        assert!(found.starts_with(expected), "{found}");
    }
}

/// A small generator of chance is enough: what it does is the same at each try.
fn chance() -> impl FnMut(usize) -> usize {
    let mut seed = 7_u64;
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).expect("31 bits") % below
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let mut chance = chance();
    for (content, format) in [
        (workbook(&parts(&sheet_rows())), XLSX),
        (stock_parquet(), Format::Parquet),
        (
            parquet_file(Codec::UNCOMPRESSED, &ROWS.map(|(lot, ..)| lot)),
            Format::Parquet,
        ),
    ] {
        for _ in 0..300 {
            let mut damaged = content.clone();
            for _ in 0..=chance(4) {
                let place = chance(damaged.len());
                damaged[place] = u8::try_from(chance(256)).expect("a byte");
            }
            case(&damaged, format.clone()).judge();
        }
    }
}

#[test]
fn no_nonsense_in_a_sound_package_makes_it_panic() {
    let mut chance = chance();
    // What a reader counts with or looks up: places in the sheet, in the list of texts and in that of styles.
    let nonsense = [
        "A0",
        "A99999999999",
        "ZZZZZZZZ1",
        "1A",
        "",
        "-1",
        "99999999999",
        "1e308",
        "NaN",
        "é",
    ];
    let whole = parts(&sheet_rows());
    for _ in 0..600 {
        let mut damaged = whole.clone();
        let part = chance(damaged.len());
        let (_, content) = &mut damaged[part];
        // Between two quotes, or between two marks.
        let ends: Vec<usize> = content.match_indices(['"', '>', '<']).map(|(place, _)| place).collect();
        let first = chance(ends.len() - 1);
        content.replace_range(ends[first] + 1..ends[first + 1], nonsense[chance(nonsense.len())]);
        case(&workbook(&damaged), XLSX).judge();
    }
}

#[test]
fn a_workbook_that_unpacks_to_more_than_can_be_held_is_refused() {
    let mut bomb = parts(&sheet_rows());
    for (name, content) in &mut bomb {
        if *name == TEXTS {
            let more = "<si><t>0000000000000000000000000000000000000000000000</t></si>".repeat(1_200_000);
            *content = content.replace("</sst>", &(more + "</sst>"));
        }
    }
    let content = workbook(&bomb);
    assert!(content.len() < 1 << 20, "it is small: {}", content.len());
    assert_eq!(
        wrong(&content, XLSX),
        "format: the workbook cannot be read: its part xl/sharedStrings.xml unpacks to more than 64 MiB"
    );
    let mut bomb = parts(&sheet_rows());
    for (name, content) in &mut bomb {
        if *name == "xl/styles.xml" {
            content.push_str(&" ".repeat(17 << 20));
        }
    }
    assert_eq!(
        wrong(&workbook(&bomb), XLSX),
        "format: the workbook cannot be read: its part xl/styles.xml unpacks to more than 16 MiB"
    );
    let names: Vec<String> = (0..10_000).map(|number| format!("xl/media/{number}")).collect();
    let mut many: Vec<(&str, String)> = parts(&sheet_rows());
    many.extend(names.iter().map(|name| (name.as_str(), String::new())));
    let count = many.len();
    assert_eq!(
        wrong(&workbook(&many), XLSX),
        format!("format: the workbook cannot be read: it has {count} parts, and at most 10000 are looked at")
    );
    let long = "0".repeat(5 << 20);
    let rows = format!("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{long}</t></is></c></row>");
    assert_eq!(
        wrong(&workbook(&parts(&rows)), XLSX),
        "format: the workbook cannot be read: a value in its part xl/worksheets/sheet1.xml is longer than 4 MiB"
    );
}

#[test]
fn a_parquet_page_that_unpacks_to_more_than_can_be_held_is_refused() {
    let long = "0".repeat(130 << 20);
    let codec = Codec::ZSTD(parquet::basic::ZstdLevel::default());
    let content = parquet_file(codec, &[&long, "L2", "L3"]);
    assert!(content.len() < 2 << 20, "it is small: {}", content.len());
    assert_eq!(
        wrong(&content, Format::Parquet),
        "format: the Parquet file cannot be read: a page of each column that is read unpacks to more than 128 MiB \
         together; let it be written with smaller pages"
    );
}
