//! What is read of files in each format, encoding and package, and what is said of broken ones.

use std::io::Write as _;

use super::*;

/// Keeps the rows that it is given, as texts.
struct Kept {
    wanted: &'static [&'static str],
    rows: Vec<String>,
}

impl Rows for Kept {
    fn wanted(&self) -> Vec<String> {
        self.wanted.iter().map(ToString::to_string).collect()
    }

    fn row(&mut self, row: &Row<'_>) {
        let values: Vec<&str> = row.values.iter().map(|value| value.unwrap_or("-")).collect();
        self.rows.push(format!("{}: {}", row.line, values.join(" ")));
    }
}

const LOT_QTY: &[&str] = &["lot", "qty"];

/// The rows of a content by its lots and quantities, or what is wrong with it.
fn rows(content: &[u8], reading: impl std::borrow::Borrow<Reading>) -> Result<Vec<String>, String> {
    let mut kept = Kept {
        wanted: LOT_QTY,
        rows: Vec::new(),
    };
    let (survey, _) = survey_reader(content, reading.borrow(), &AsOf::Start, &mut kept).expect("no error in memory");
    assert_eq!(survey.measurement.bytes, content.len() as u64);
    survey.content.map_err(|error| error.to_string())?;
    assert_eq!(survey.measurement.rows, Some(kept.rows.len() as u64));
    Ok(kept.rows)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

const DETECT: Reading = read_as(Format::Csv { delimiter: None });
const JSON: Reading = read_as(Format::Json);
const LINES: Reading = read_as(Format::JsonLines);

#[test]
fn the_same_rows_come_out_of_every_format() {
    let packed = |reading, compression| Reading { compression, ..reading };
    let encoded = |encoding| Reading { encoding, ..COMMA };
    let csv = "qty,x,lot\n1,,Ås\n,,L2\n".as_bytes();
    let latin = b"qty,x,lot\n1,,\xc5s\n,,L2\n";
    let lines = "{\"lot\": \"\\u00c5s\", \"qty\": 1}\n\n{\"qty\": null, \"x\": [{}], \"lot\": \"L2\"}".as_bytes();
    for (content, reading, expected) in [
        (csv.to_owned(), COMMA, ["2: Ås 1", "3: L2 -"]),
        (
            "\u{feff}lot;qty\r\nÅs;1\r\nL2;\r\n".into(),
            DETECT,
            ["2: Ås 1", "3: L2 -"],
        ),
        ("lot\tqty\nÅs\t1\nL2\t\n".into(), DETECT, ["2: Ås 1", "3: L2 -"]),
        (latin.to_vec(), encoded(Encoding::Latin1), ["2: Ås 1", "3: L2 -"]),
        (latin.to_vec(), encoded(Encoding::Windows1252), ["2: Ås 1", "3: L2 -"]),
        (lines.to_owned(), LINES, ["1: Ås 1", "3: L2 -"]),
        (
            "[ {\"lot\":\"Ås\",\n\"qty\":1}\n,\n{\"lot\":\"L2\"}]\n".into(),
            JSON,
            ["1: Ås 1", "4: L2 -"],
        ),
        (gzip(csv), packed(COMMA, Compression::Gzip), ["2: Ås 1", "3: L2 -"]),
        (gzip(lines), packed(LINES, Compression::Gzip), ["1: Ås 1", "3: L2 -"]),
        (zstd(csv), packed(COMMA, Compression::Zstd), ["2: Ås 1", "3: L2 -"]),
    ] {
        let shown = String::from_utf8_lossy(&content);
        assert_eq!(
            rows(&content, reading),
            Ok(expected.map(str::to_owned).into()),
            "{shown:?}"
        );
    }
    // Packages may follow each other, as when logs are appended.
    for (compression, pack) in PACKERS {
        let two = [pack(b"lot,qty\n1,1\n"), pack(b"2,2\n")].concat();
        assert_eq!(rows(&two, packed(COMMA, compression)).map(|rows| rows.len()), Ok(2));
    }
}

type Packer = fn(&[u8]) -> Vec<u8>;

const PACKERS: [(Compression, Packer); 2] = [(Compression::Gzip, gzip), (Compression::Zstd, zstd)];

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).expect("no error in memory")
}

#[test]
fn a_package_that_is_cut_off_is_not_one_behind_which_something_follows() {
    for (compression, pack) in PACKERS {
        let (whole, name) = (pack(b"lot,qty\n1,1\n2,2\n"), compression.as_str());
        let read = |content: &[u8]| rows(content, Reading { compression, ..COMMA }).expect_err("broken");
        let cut_off = read(&whole[..whole.len() - 3]);
        assert!(cut_off.starts_with(&format!("the {name} file is cut off")), "{cut_off}");
        let plain = read(b"lot,qty\n1,1\n");
        assert!(
            plain.starts_with(&format!("the file is not packed with {name}")),
            "{plain}"
        );
    }
    for behind in [&b"x"[..], b"lot,qty\n1,1\n", &[0; 600]] {
        let content = [gzip(b"lot,qty\n1,1\n").as_slice(), behind].concat();
        let said = rows(
            &content,
            Reading {
                compression: Compression::Gzip,
                ..COMMA
            },
        )
        .expect_err("something follows");
        let expected =
            "something follows behind the end of the gzip file, after 12 bytes of content; is it two files in one?";
        assert_eq!(said, expected);
    }
}

#[test]
fn nothing_is_no_rows_in_every_format() {
    for reading in [COMMA, DETECT, JSON, LINES] {
        for compression in [Compression::None, Compression::Gzip] {
            let reading = Reading {
                compression,
                ..reading.clone()
            };
            assert_eq!(rows(b"", &reading), Ok(Vec::new()), "{reading:?}");
        }
    }
    assert_eq!(rows(b" [ ] ", JSON), Ok(Vec::new()));
    assert_eq!(rows(b"\n\n", LINES), Ok(Vec::new()));
}

#[test]
fn broken_json_is_named_with_its_line() {
    for (content, reading, expected) in [
        (
            "{\"lot\": 1}\n{\"lot\": }\n",
            LINES,
            "line 2: no valid JSON, expected value",
        ),
        (
            "{\"lot\": 1}\n{\"lot\": \"L",
            LINES,
            "line 2: no valid JSON, EOF while parsing a string, and the file ends there: it may be cut off",
        ),
        (
            "{\"lot\": 1}\n\n[1]\n",
            LINES,
            "line 3: not an object; each record must be one, as in {\"lot\": \"L1\"}",
        ),
        (
            "{\"lot\": 1, \"lot\": 2}\n",
            LINES,
            "line 1: the header names the column `lot` twice; give each column a name of its own",
        ),
        (
            "{\"lot\": 1} {\"lot\": 2}\n",
            LINES,
            "line 1: no valid JSON, trailing characters",
        ),
        (
            "[{\"lot\": 1},\n{\"lot\": 2",
            JSON,
            "line 2: the array is not closed, and the file ends there: it may be cut off",
        ),
        (
            "[{\"lot\": 1}\n",
            JSON,
            "line 2: the array is not closed, and the file ends there: it may be cut off",
        ),
        (
            "[{\"lot\": 1}\n{\"lot\": 2}]",
            JSON,
            "line 2: a comma or a record is missing in the array",
        ),
        (
            "[{\"lot\": 1},]",
            JSON,
            "line 1: a comma or a record is missing in the array",
        ),
        ("[\n{\"lot\":\n1,}]", JSON, "line 3: no valid JSON, trailing comma"),
        (
            "[{\"lot\": 1}]\n[]",
            JSON,
            "line 2: the array is closed, and something follows; is it two files in one?",
        ),
        (
            "{\"error\": 500}",
            JSON,
            "the file is an object, not a JSON array of objects",
        ),
        (" \n", JSON, "the file is without content, not a JSON array of objects"),
    ] {
        assert_eq!(
            rows(content.as_bytes(), reading),
            Err(expected.to_owned()),
            "{content:?}"
        );
    }
    let error = rows(b"{\"lot\": \"\xe5\"}\n", LINES).expect_err("Latin-1");
    assert!(error.starts_with("line 1: not valid UTF-8"), "{error}");
}

#[test]
fn what_is_not_the_text_that_it_should_be_is_named() {
    let latin = Reading {
        encoding: Encoding::Latin1,
        ..COMMA
    };
    let cases: [(&[u8], Reading, &str); 6] = [
        (b"\xfe\xff\0l\0o\0t", COMMA, "the file is UTF-16; write it as UTF-8"),
        (
            b"l\0o\0t\0,\0q\0t\0y\0\n\0",
            COMMA,
            "the file is UTF-16; write it as UTF-8",
        ),
        (
            b"lot,qty\n1,2\n3,\0\n",
            COMMA,
            "line 3: a NUL byte; the file may be damaged, or no text at all",
        ),
        (
            "lot,qty\nÅs,1\n".as_bytes(),
            latin.clone(),
            "the file is UTF-8, not latin-1; write encoding = \"utf-8\", or let it be written as it was",
        ),
        (
            "\u{feff}lot,qty\n".as_bytes(),
            latin.clone(),
            "the file is UTF-8, not latin-1; write encoding = \"utf-8\", or let it be written as it was",
        ),
        (
            b"lot,qty\n\x80,1\n",
            latin.clone(),
            "line 2: the byte 80 is no latin-1; say encoding = \"windows-1252\" if it is that",
        ),
    ];
    for (content, reading, expected) in cases {
        assert_eq!(rows(content, reading), Err(expected.to_owned()), "{content:?}");
    }
}

#[test]
fn a_package_that_is_cut_off_or_damaged_is_no_end_of_the_content() {
    let content: Vec<u8> = (0..2000).fold(b"lot,qty\n".to_vec(), |mut text, number| {
        text.extend_from_slice(format!("L{number},{}\n", number * 7919 % 1000).as_bytes());
        text
    });
    let (compression, packed) = (Compression::Gzip, gzip(&content));
    {
        let reading = Reading { compression, ..COMMA };
        let name = compression.as_str();
        for length in [5, packed.len() / 2, packed.len() - 1] {
            let error = rows(&packed[..length], &reading).expect_err("a part");
            assert!(
                error.starts_with(&format!("the {name} file is cut off: it ends after ")),
                "{length}: {error}"
            );
        }
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        for byte in &mut damaged[middle..middle + 16] {
            *byte ^= 0x5a;
        }
        let error = rows(&damaged, &reading).expect_err("damaged");
        assert!(error.contains(name) || error.starts_with("line "), "{error}");
        assert_eq!(
            rows(&content, &reading),
            Err(format!(
                "the file is not packed with {name}; pack it, or say compression = \"none\""
            ))
        );
    }
}

/// A reader that fails after some bytes, as a disk does.
struct Failing(&'static [u8]);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.len().min(buffer.len());
        if count == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn what_the_disk_does_is_not_said_of_the_content() {
    for (begun, compression) in [
        (&b"lot,qty\n1,2\n"[..], Compression::None),
        (&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], Compression::Gzip),
    ] {
        let reading = Reading { compression, ..COMMA };
        let error = survey_reader(Failing(begun), &reading, &AsOf::Start, &mut NoRows).expect_err("no disk");
        assert_eq!(error.to_string(), "the disk is gone", "{compression:?}");
    }
}

#[test]
fn a_record_without_end_is_refused_by_its_line_and_never_held() {
    let length = 9 << 20;
    let lot = FixedColumn {
        name: "lot".to_owned(),
        from: 1,
        width: 2,
    };
    let fixed = read_as(Format::Fixed {
        columns: [lot].into(),
        skip_lines: 0,
    });
    for (begun, reading, line) in [
        (&b"lot,qty\n1,2\n\"3,"[..], COMMA, 3),
        (b"lot,qty\n1,2\n3,", COMMA, 3),
        (b"lot;qty\n1;2\n3;", DETECT, 3),
        (b"{\"lot\": 1}\n{\"lot\": \"", LINES, 2),
        (b"[{\"lot\": 1},\n{\"lot\": \"", JSON, 2),
        (b"L1\nL2", fixed, 2),
    ] {
        let mut largest = Largest {
            inner: begun.chain(io::repeat(b'x').take(length)),
            largest_read: 0,
        };
        let (survey, _) = survey_reader(&mut largest, &reading, &AsOf::Start, &mut NoRows).expect("no error");
        assert_eq!(survey.content, Err(ContentError::RecordTooLong { line }), "{reading:?}");
        assert_eq!(survey.measurement.bytes, begun.len() as u64 + length);
        assert!(largest.largest_read <= 64 << 10, "{} bytes", largest.largest_read);
    }
}

/// Remembers the largest piece that is asked for.
struct Largest<R> {
    inner: R,
    largest_read: usize,
}

impl<R: Read> Read for Largest<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest_read = self.largest_read.max(buffer.len());
        self.inner.read(buffer)
    }
}
