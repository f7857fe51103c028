//! What is damaged, cut off, too large or something else is named in each format, and can do no harm.

use parquet::basic::Compression as Codec;

use super::files::*;
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
fn wrong(content: &[u8], dataset: &str) -> String {
    let problems = Desk::new().problems(content, dataset);
    let (name, message) = problems.first().expect("something is wrong");
    format!("{name}: {message}")
}

#[test]
fn what_is_cut_off_or_something_else_is_named() {
    let csv = b"lot,qty,day\nL1,1,2026-11-20\n";
    let (book, table) = (workbook(&parts(&sheet_rows())), stock_parquet());
    let text = fixed_text();
    let renamed = with(parts(&sheet_rows()), "xl/workbook.xml", "\"Stock\"", "\"Lots\"");
    let twice = parts("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>0</v></c></row>");
    let beside = sheet_rows().replace("C4", "D4");
    let encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on";
    for (content, format, expected) in [
        (
            &csv[..],
            "xlsx",
            "format: the output is text, not XLSX: let it be exported as before, or correct `format`",
        ),
        (
            &csv[..],
            "parquet",
            "format: the output is text, not PARQUET: let it be exported as before, or correct `format`",
        ),
        (
            &encrypted[..],
            "xlsx",
            "format: the output is an Excel workbook that is encrypted, or of the kind before 2007, not XLSX: let it be saved as .xlsx, without a password",
        ),
        (
            &table,
            "xlsx",
            "format: the output is a Parquet file, not XLSX: let it be exported as text, or say format = \"parquet\"",
        ),
        (&book[..book.len() / 2], "xlsx", "format: the workbook cannot be read: "),
        (
            &workbook(&renamed),
            "sheet",
            "format: the workbook cannot be read: there is no sheet `Stock`; there is Lots",
        ),
        (
            &workbook(&twice),
            "xlsx",
            "format: row 1: the header names the column `lot` twice; give each column a name of its own",
        ),
        (
            &workbook(&parts(&beside)),
            "xlsx",
            "format: row 4: `2026-11-20` in column 4, where the header names 3 columns",
        ),
        (
            &workbook(&parts(
                &(sheet_rows() + "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>3</v></c></row>"),
            )),
            "xlsx",
            "format: row 6: it comes behind a later row; let the workbook be saved anew",
        ),
        (
            &workbook(&parts("<row r=\"1\"><c r=\"XFE1\"><v>1</v></c></row>")),
            "xlsx",
            "format: row 1: it has more than 16384 columns",
        ),
        (
            &workbook(&parts("")),
            "xlsx",
            "format: there is no header; the first line must name the columns",
        ),
        (
            &table[..table.len() - 3],
            "parquet",
            "format: the Parquet file cannot be read: it does not end as a Parquet file does: it is cut off",
        ),
        (
            &table[..7],
            "parquet",
            "format: the Parquet file cannot be read: it is cut off: it has no end",
        ),
        (
            &with_footer_bytes(&table, 17 << 20),
            "parquet",
            "format: the Parquet file cannot be read: its description has more than 16 MiB",
        ),
        (
            &with_rows_told(&table, 4),
            "parquet",
            "format: the Parquet file cannot be read: it says that it has 4 rows, and 3 can be read",
        ),
        (
            &text.as_bytes()[..text.len() - 4],
            "fixed",
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
fn whatever_is_damaged_ends_in_a_verdict() {
    let (mut chance, desk) = (chance(), Desk::new());
    for (content, dataset) in [
        (workbook(&parts(&sheet_rows())), "xlsx"),
        (stock_parquet(), "parquet"),
        (parquet_file(Codec::UNCOMPRESSED, &ROWS.map(|(lot, ..)| lot)), "parquet"),
    ] {
        for _ in 0..60 {
            let mut damaged = content.clone();
            for _ in 0..=chance(4) {
                let place = chance(damaged.len());
                damaged[place] = u8::try_from(chance(256)).expect("a byte");
            }
            assert!(desk.judge(&damaged, dataset)["verdict"].is_string());
        }
    }
}

#[test]
fn whatever_nonsense_is_in_a_sound_package_ends_in_a_verdict() {
    let (mut chance, desk) = (chance(), Desk::new());
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
    for _ in 0..150 {
        let mut damaged = whole.clone();
        let part = chance(damaged.len());
        let (_, content) = &mut damaged[part];
        // Between two quotes, or between two marks.
        let ends: Vec<usize> = content.match_indices(['"', '>', '<']).map(|(place, _)| place).collect();
        let first = chance(ends.len() - 1);
        content.replace_range(ends[first] + 1..ends[first + 1], nonsense[chance(nonsense.len())]);
        assert!(desk.judge(&workbook(&damaged), "xlsx")["verdict"].is_string());
    }
}

#[test]
fn what_a_workbook_does_not_say_is_not_made_up() {
    let rows = |rows: &str| workbook(&parts(&(sheet_rows() + rows)));
    let hidden = |sheets: &str| {
        let shown = "<sheet name=\"Stock\" sheetId=\"1\" r:id=\"r1\"/>";
        workbook(&with(parts(&sheet_rows()), "xl/workbook.xml", shown, sheets))
    };
    for (content, expected) in [
        (
            rows("<row r=\"7\"><c r=\"A7\" t=\"s\"><v>4</v></c><c r=\"B7\"><f>1+1</f></c></row>"),
            "format: row 7: cell B7 is a formula without a stored result; let the program that writes the workbook compute it",
        ),
        (
            rows("<row r=\"7\"><c r=\"A7\" t=\"s\"><v>99</v></c></row>"),
            "format: the workbook cannot be read: sheet `Stock`: behind cell C6: Cell string index not found",
        ),
        (
            rows("<row r=\"6\"><c r=\"A6\" t=\"s\"><v>4</v></c></row>"),
            "format: row 6: its cell A6 comes twice or behind a later one; is the row there twice?",
        ),
        (
            hidden("<sheet name=\"Stock\" sheetId=\"1\" state=\"veryHidden\" r:id=\"r1\"/>"),
            "format: the workbook cannot be read: no sheet of it is to be seen; say which one is meant with sheet = \"...\", of Stock",
        ),
    ] {
        let found = wrong(&content, "xlsx");
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn without_a_name_the_first_sheet_that_is_to_be_seen_is_read() {
    let shown = "<sheet name=\"Stock\" sheetId=\"1\" r:id=\"r1\"/>";
    let before = format!("<sheet name=\"Notes\" sheetId=\"2\" state=\"hidden\" r:id=\"r2\"/>{shown}");
    let mut book = with(parts(&sheet_rows()), "xl/workbook.xml", shown, &before);
    let relation = "<Relationship Id=\"r2\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet2.xml\"/></Relationships>";
    book = with(book, "xl/_rels/workbook.xml.rels", "</Relationships>", relation);
    let notes =
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData/></worksheet>";
    book.push(("xl/worksheets/sheet2.xml", notes.to_owned()));
    assert_eq!(Desk::new().judge(&workbook(&book), "xlsx")["rows"], 3);
}

#[test]
fn a_formula_that_nobody_asks_for_needs_no_result() {
    let header = "<c r=\"C3\" t=\"s\"><v>2</v></c>";
    let beside = format!("{header}<c r=\"D3\" t=\"inlineStr\"><is><t>note</t></is></c>");
    let rows = sheet_rows().replace(header, &beside);
    let first = "</c></row><row r=\"5\">";
    let computed = "</c><c r=\"D4\"><f>1+1</f></c></row><row r=\"5\">";
    assert!(rows.contains(first), "{rows}");
    let book = workbook(&parts(&rows.replace(first, computed)));
    assert_eq!(Desk::new().judge(&book, "xlsx")["rows"], 3);
}

#[test]
fn a_row_of_more_than_a_record_may_have_is_refused() {
    let long = "0".repeat(5 << 20);
    let cell = format!("<row r=\"7\"><c r=\"A7\" t=\"inlineStr\"><is><t>{long}</t></is></c></row>");
    assert_eq!(
        wrong(&workbook(&parts(&(sheet_rows() + &cell))), "xlsx"),
        "format: row 7: its values have more than 4 MiB together"
    );
    let codec = Codec::ZSTD(parquet::basic::ZstdLevel::default());
    assert_eq!(
        wrong(&parquet_file(codec, &["L1", &long, "L3"]), "parquet"),
        "format: row 2: its values have more than 4 MiB together"
    );
    // Short enough, but not as it is written down on the way.
    let odd = "\u{1}".repeat(1 << 20);
    assert_eq!(
        wrong(&parquet_file(codec, &["L1", &odd, "L3"]), "parquet"),
        "format: row 2: its values have more than 4 MiB together"
    );
}
