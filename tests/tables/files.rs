//! The files that are read: workbooks and Parquet files as other programs write them, and as none does.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use parquet::basic::{Compression as Codec, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// Lot, weight and day; the second weighs less than nothing, and the third is the first once more.
pub(crate) const ROWS: [(&str, f64, i32); 3] = [("Lø1", 1.5, 20_777), ("Lø2", -2.0, 20_778), ("Lø1", 3.0, 20_778)];

pub(crate) fn fixed_text() -> String {
    let row = |(lot, qty, day): &(&str, f64, i32)| format!("{lot:<4}{qty:>6}  2026-11-{}\n", day - 20_757);
    format!("STOCK\n{}", ROWS.iter().map(row).collect::<String>())
}

/// A workbook of these parts.
pub(crate) fn workbook(parts: &[(&str, String)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in parts {
        archive.start_file(*name, options).expect("memory");
        archive.write_all(content.as_bytes()).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

pub(crate) const SHEET: &str = "xl/worksheets/sheet1.xml";
pub(crate) const TEXTS: &str = "xl/sharedStrings.xml";

/// The parts of a workbook with one sheet `Stock`, whose rows these are.
pub(crate) fn parts(rows: &str) -> Vec<(&'static str, String)> {
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
pub(crate) fn sheet_rows() -> String {
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
pub(crate) fn parquet_file(codec: Codec, lots: &[&str]) -> Vec<u8> {
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

pub(crate) fn stock_parquet() -> Vec<u8> {
    parquet_file(Codec::SNAPPY, &ROWS.map(|(lot, ..)| lot))
}

/// The parts, with something else in one of them.
pub(crate) fn with(
    mut parts: Vec<(&'static str, String)>,
    name: &str,
    from: &str,
    to: &str,
) -> Vec<(&'static str, String)> {
    let part = parts.iter_mut().find(|(known, _)| *known == name);
    let (_, content) = part.expect("a part with that name");
    assert!(content.contains(from), "{content}");
    *content = content.replace(from, to);
    parts
}

/// A workbook whose list of texts says that it has so many.
pub(crate) fn workbook_that_promises(texts: u64) -> Vec<u8> {
    let promise = format!("<sst uniqueCount=\"{texts}\"");
    workbook(&with(parts(&sheet_rows()), TEXTS, "<sst", &promise))
}

/// A column `lot` of Parquet with one row, whose dictionary is said to have so many values, and to be so long unpacked.
pub(crate) fn parquet_that_lies(values: i64, unpacked: i64, codec: i64, dictionary: &[u8]) -> Vec<u8> {
    // One value: a width of one bit, and a run of one zero.
    let row = [1, 2, 0];
    let packed = if codec == GZIP { gzip(&row) } else { row.to_vec() };
    let long = |bytes: &[u8]| i64::try_from(bytes.len()).expect("a short file");
    let sizes = |kind, unpacked, packed| [int(1, kind), int(2, unpacked), int(3, packed)];
    let header = [
        &sizes(2, unpacked, long(dictionary))[..],
        &[part(7, &[int(1, values), int(2, 0)])],
    ]
    .concat();
    let first = [fields(&header), dictionary.to_vec()].concat();
    let about = part(5, &[int(1, 1), int(2, 8), int(3, 3), int(4, 3)]);
    let header = [&sizes(0, long(&row), long(&packed))[..], &[about]].concat();
    let pages = [first.clone(), fields(&header), packed].concat();
    let size = long(&pages);
    let column = [
        int(1, 6),
        list(2, 5, &[zigzag(0), zigzag(8)]),
        list(3, 8, &[text("lot")]),
        int(4, codec),
        big(5, 1),
        big(6, size),
        big(7, size),
        big(9, 4 + long(&first)),
        big(11, 4),
    ];
    let chunk = fields(&[big(2, 4), part(3, &column)]);
    let group = fields(&[list(1, 12, &[chunk]), big(2, size), big(3, 1)]);
    let root = fields(&[(4, 8, text("stock")), int(5, 1)]);
    let leaf = fields(&[int(1, 6), int(3, 0), (4, 8, text("lot")), int(6, 0)]);
    let footer = fields(&[int(1, 1), list(2, 12, &[root, leaf]), big(3, 1), list(4, 12, &[group])]);
    let length = u32::try_from(footer.len()).expect("a short file").to_le_bytes();
    [b"PAR1", &pages[..], &footer, &length, b"PAR1"].concat()
}

/// The number of gzip among the codecs.
pub(crate) const GZIP: i64 = 2;

/// One text of the dictionary, and behind it so many MiB of zeros, packed.
pub(crate) fn long_dictionary(mebibytes: usize) -> Vec<u8> {
    let zeros = gzip(&vec![0; 1 << 20]);
    [gzip(&[1, 0, 0, 0, b'a']), zeros.repeat(mebibytes)].concat()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(content).expect("memory");
    packed.finish().expect("memory")
}

/// A field of Thrift's compact protocol: its number, its kind and its bytes.
type Field = (u8, u8, Vec<u8>);

fn fields(fields: &[Field]) -> Vec<u8> {
    let (mut bytes, mut last) = (Vec::new(), 0);
    for (number, kind, value) in fields {
        bytes.push((number - last) << 4 | kind);
        bytes.extend(value);
        last = *number;
    }
    bytes.push(0);
    bytes
}

fn int(number: u8, value: i64) -> Field {
    (number, 5, zigzag(value))
}

fn big(number: u8, value: i64) -> Field {
    (number, 6, zigzag(value))
}

fn part(number: u8, inner: &[Field]) -> Field {
    (number, 12, fields(inner))
}

fn list(number: u8, kind: u8, items: &[Vec<u8>]) -> Field {
    let head = u8::try_from(items.len()).expect("a few") << 4 | kind;
    (number, 9, [vec![head], items.concat()].concat())
}

fn text(text: &str) -> Vec<u8> {
    [varint(text.len() as u64), text.as_bytes().to_vec()].concat()
}

fn zigzag(value: i64) -> Vec<u8> {
    varint((value << 1 ^ value >> 63).cast_unsigned())
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
