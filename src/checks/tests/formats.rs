//! The same rules say the same of each format, and what is damaged or something else is named.

use std::io::{Cursor, Write as _};

use parquet::basic::{Compression as Codec, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::*;

/// Lot, weight and day; the second weighs less than nothing, and the third is the first once more.
const ROWS: [(&str, f64, i32); 3] = [("Lø1", 1.5, 20_777), ("Lø2", -2.0, 20_778), ("Lø1", 3.0, 20_778)];

/// What is said of them, in a format whose rows are found by `word` and begin at `first`.
fn said(word: &str, first: u64) -> Vec<(String, String)> {
    let (second, third) = (first + 1, first + 2);
    vec![
        (
            "unique".to_owned(),
            format!("column `lot` must be unique, but 1 row of 3 rows repeats a value: {word} {third} `Lø1`"),
        ),
        (
            "range".to_owned(),
            format!(
                "column `qty` must be in 0..10, but 1 row of 3 rows has something else: {word} {second} `-2`; \
                 a sign that is turned round, or more taken out than there was?"
            ),
        ),
    ]
}

fn rules(dataset: &mut Dataset, format: Format) {
    dataset.checks.reading.format = Some(format);
    dataset.checks.rows_max = Some(3);
    dataset.checks.columns = vec![
        ColumnRule {
            unique: true,
            ..learned::column("lot", ColumnKind::Text)
        },
        ColumnRule {
            range: Some(Range {
                text: "0..10".to_owned(),
                min: Some(0.0),
                max: Some(10.0),
            }),
            ..learned::column("qty", ColumnKind::Decimal)
        },
        ColumnRule {
            required: true,
            ..learned::column("day", ColumnKind::Date)
        },
    ];
    dataset.as_of = AsOf::Column {
        column: "day".to_owned(),
        zone: Some(TimeZone::UTC),
    };
}

fn case(content: &[u8], format: Format) -> Case {
    let case = Case::new().rules(|dataset| rules(dataset, format));
    fs::write(&case.judging.staged, content).expect("a candidate");
    case
}

const XLSX: Format = Format::Xlsx { sheet: None };

fn fixed() -> Format {
    let column = |name: &str, from, width| FixedColumn {
        name: name.to_owned(),
        from,
        width,
    };
    Format::Fixed {
        columns: [column("lot", 1, 4), column("qty", 5, 6), column("day", 13, 10)].into(),
        skip_lines: 1,
    }
}

fn fixed_text() -> String {
    let row = |(lot, qty, day): &(&str, f64, i32)| format!("{lot:<4}{qty:>6}  2026-11-{}\n", day - 20_757);
    format!("STOCK\n{}", ROWS.iter().map(row).collect::<String>())
}

/// A workbook of these parts.
fn workbook(parts: &[(&str, String)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in parts {
        archive.start_file(*name, options).expect("memory");
        archive.write_all(content.as_bytes()).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

const SHEET: &str = "xl/worksheets/sheet1.xml";
const TEXTS: &str = "xl/sharedStrings.xml";

/// The parts of a workbook with one sheet `Stock`, whose rows these are.
fn parts(rows: &str) -> Vec<(&'static str, String)> {
    let space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    vec![
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{space}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Stock\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{space}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\" applyNumberFormat=\"1\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            TEXTS,
            format!(
                "<sst xmlns=\"{space}\"><si><t>lot</t></si><si><t>qty</t></si><si><t>day</t></si><si><t>Lø1</t></si><si><t>Lø2</t></si></sst>"
            ),
        ),
        (
            SHEET,
            format!("<worksheet xmlns=\"{space}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ]
}

/// The header stands in the third row of the sheet.
fn sheet_rows() -> String {
    let mut rows =
        "<row r=\"3\"><c r=\"A3\" t=\"s\"><v>0</v></c><c r=\"B3\" t=\"s\"><v>1</v></c><c r=\"C3\" t=\"s\"><v>2</v></c></row>"
            .to_owned();
    for ((lot, qty, day), row) in ROWS.iter().zip(4..) {
        let lot = if *lot == "Lø1" { 3 } else { 4 };
        // The spreadsheet counts days from 1899-12-30.
        let day = day + 25_569;
        rows.push_str(&format!(
            "<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>{lot}</v></c><c r=\"B{row}\"><v>{qty}</v></c><c r=\"C{row}\" s=\"1\"><v>{day}</v></c></row>"
        ));
    }
    rows
}

/// The rows as a Parquet file whose texts are packed by `codec`.
fn parquet_file(codec: Codec, lots: &[&str]) -> Vec<u8> {
    let field = |name: &str, physical, logical: Option<LogicalType>| {
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        Arc::new(field.with_logical_type(logical).build().expect("a type"))
    };
    let schema = Type::group_type_builder("stock").with_fields(vec![
        field("lot", Physical::BYTE_ARRAY, Some(LogicalType::String)),
        field("qty", Physical::DOUBLE, None),
        field("day", Physical::INT32, Some(LogicalType::Date)),
    ]);
    let schema = Arc::new(schema.build().expect("a schema"));
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut content = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut content, schema, Arc::new(properties)).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let lots: Vec<ByteArray> = lots.iter().map(|lot| ByteArray::from(*lot)).collect();
    let mut column = group.next_column().expect("no error").expect("a column");
    column
        .typed::<ByteArrayType>()
        .write_batch(&lots, None, None)
        .expect("memory");
    column.close().expect("memory");
    let mut column = group.next_column().expect("no error").expect("a column");
    let numbers = ROWS.map(|(_, qty, _)| qty);
    column
        .typed::<DoubleType>()
        .write_batch(&numbers, None, None)
        .expect("memory");
    column.close().expect("memory");
    let mut column = group.next_column().expect("no error").expect("a column");
    let days = ROWS.map(|(.., day)| day);
    column
        .typed::<Int32Type>()
        .write_batch(&days, None, None)
        .expect("memory");
    column.close().expect("memory");
    group.close().expect("memory");
    writer.close().expect("memory");
    content
}

fn stock_parquet() -> Vec<u8> {
    parquet_file(Codec::SNAPPY, &ROWS.map(|(lot, ..)| lot))
}

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

#[test]
fn the_same_rules_say_the_same_of_every_format() {
    let csv = "lot,qty,day\nLø1,1.5,2026-11-20\nLø2,-2,2026-11-21\nLø1,3,2026-11-21\n";
    let comma = Format::Csv { delimiter: Some(b',') };
    let book = workbook(&parts(&sheet_rows()));
    let named = Format::Xlsx {
        sheet: Some("Stock".into()),
    };
    for (content, format, word, first) in [
        (csv.as_bytes().to_owned(), comma, "line", 2),
        (fixed_text().into_bytes(), fixed(), "line", 2),
        (book.clone(), XLSX, "row", 4),
        (book, named, "row", 4),
        (stock_parquet(), Format::Parquet, "row", 1),
    ] {
        let name = format.as_str();
        let case = case(&content, format);
        assert_eq!(case.problems(), said(word, first), "{name}");
        let measured = case.judge().measurement;
        assert_eq!(measured.as_of, Some(time("2026-11-21T00:00:00Z")), "{name}");
        assert_eq!(measured.bytes, content.len() as u64, "{name}");
        assert_eq!(measured.rows, Some(3), "{name}");
    }
}

#[test]
fn every_codec_of_parquet_is_read() {
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::GZIP(parquet::basic::GzipLevel::default()),
        Codec::ZSTD(parquet::basic::ZstdLevel::default()),
    ] {
        let content = parquet_file(codec, &ROWS.map(|(lot, ..)| lot));
        assert_eq!(case(&content, Format::Parquet).problems(), said("row", 1), "{codec}");
    }
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

#[test]
fn no_damage_makes_it_panic() {
    // A small generator of chance is enough: each try names its seed.
    let mut seed = 7_u64;
    let mut chance = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).expect("31 bits") % below
    };
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
