//! The same rules say the same of each format.

mod damaged;

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
fn checks_are_proposed_from_the_sheet_that_the_dataset_names_whatever_the_file_is_called() {
    let named = |sheet: &str| Format::Xlsx {
        sheet: Some(sheet.into()),
    };
    let case = case(&workbook(&parts(&sheet_rows())), named("Stock"));
    let propose = |format: Format| {
        let mut checks = case.judging.dataset.checks.clone();
        checks.reading.format = Some(format);
        let files = [case.judging.staged.clone()];
        crate::checks::propose(&files, Some(&checks), &TimeZone::UTC)
    };
    let proposed = propose(named("Stock")).expect("the sheet is there");
    let lines: Vec<&str> = proposed.iter().map(|check| check.line.as_str()).collect();
    assert_eq!(lines[..2], ["format = \"xlsx\"", "sheet = \"Stock\""]);
    let why = propose(named("Prices"))
        .expect_err("there is no such sheet")
        .to_string();
    assert!(why.contains("Prices"), "{why}");
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
