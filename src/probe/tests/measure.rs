//! What files of every kind measure.

use super::*;

/// What one pass says of a text: rows, newest time, or the words of what is wrong.
fn csv(text: &[u8], as_of: &AsOf) -> Result<(u64, Option<Timestamp>), String> {
    let (survey, newest) = survey_reader(text, &COMMA, as_of, &mut NoRows).expect("no error in memory");
    assert_eq!(survey.measurement.bytes, text.len() as u64);
    let content = survey.content.and(survey.as_of.map_or(Ok(()), Err));
    content.map_err(|error| error.to_string())?;
    Ok((survey.measurement.rows.expect("CSV has rows"), newest))
}

#[test]
fn rows_of_csv_are_counted_without_the_header() {
    for (text, rows) in [
        ("", 0),
        ("lot,qty\n", 0),
        ("lot,qty", 0),
        ("lot,qty\nL1,2\nL2,3\n", 2),
        ("lot,qty\r\nL1,2\r\nL2,3\r\n", 2),
        ("lot,qty\nL1,2\nL2,3", 2),
        ("\u{feff}lot,qty\nL1,2\n", 1),
        ("lot,qty\n\"L\n1\",\"2,5\"\n\"say \"\"so\"\"\",3\n", 2),
        ("lot,qty\n\nL1,2\n\n\nL2,3\n\n", 2),
        ("lot,5\" pipe\nL1,2\"\n", 1),
        (",qty,\n0,1,2\n", 1),
        ("lot\næøå\n", 1),
    ] {
        assert_eq!(csv(text.as_bytes(), &AsOf::Start), Ok((rows, None)), "{text:?}");
    }
}

#[test]
fn broken_csv_is_named_with_its_line() {
    let oslo = column("at", Some("Europe/Oslo"));
    let none = column("at", None);
    let start = AsOf::Start;
    let cases: [(&[u8], &AsOf, &str); 20] = [
        (
            b"\n\r\n",
            &start,
            "there is no header; the first line must name the columns",
        ),
        (
            b"a,b,a\n1,2,3\n",
            &start,
            "line 1: the header names the column `a` twice; give each column a name of its own",
        ),
        (
            b"a,b\n1,2\n3\n4,5\n",
            &start,
            "line 3: 1 value where the header names 2",
        ),
        (
            b"a,b\r\n1,2\r\n3\r\n4,5\r\n",
            &start,
            "line 3: 1 value where the header names 2",
        ),
        (
            b"a,b\n\n\n1,2,3\n4,5\n",
            &start,
            "line 4: 3 values where the header names 2",
        ),
        (
            b"a,b\n\"1\n1\",2\n3\n4,5\n",
            &start,
            "line 4: 1 value where the header names 2",
        ),
        (b"a,b\n1,2\n3\n", &start, "line 3: 1 value where the header names 2"),
        (
            b"a,b\n1,2\n3",
            &start,
            "line 3: 1 value where the header names 2, and the file ends there: it may be cut off",
        ),
        (
            b"a,b\n1,2\n3,\"4\n5,6\n",
            &start,
            "line 3: a quote is opened and never closed",
        ),
        (
            b"a,b\n1,2\n\"3,4\n5,6\n",
            &start,
            "line 3: a quote is opened and never closed",
        ),
        (b"a,b\n1,\"x\ny", &start, "line 2: a quote is opened and never closed"),
        (
            b"a,b\n1,2\n3,bl\xe5b\xe6r\n",
            &start,
            "line 3, column 2: not valid UTF-8; write the file as UTF-8, or say encoding = \"windows-1252\" if it is that",
        ),
        (
            b"\xff\xfea\0,\0b\0\n\0",
            &start,
            "the file is UTF-16; write it as UTF-8",
        ),
        (
            b"lot,ad\n1,2\n",
            &none,
            "there is no column `at` for as_of; the header has lot, ad",
        ),
        (
            b"lot,At \n1,2\n",
            &none,
            "there is no column `at` for as_of; the header has `At `, which comes closest",
        ),
        (
            b"lot;at\n1;2\n",
            &none,
            "there is no column `at` for as_of; the header has one name only, `lot;at`; say delimiter = \";\" if that is between the values",
        ),
        (
            b"lot,at\n1,2026-11-20\n",
            &none,
            "line 2 (row 1): `2026-11-20` in column `at` has no time zone; write it with an offset, as in 2026-11-20T22:10:00+01:00, or set `zone` in the `as_of` rule",
        ),
        (
            b"lot,at\n1,2026-11-20\n\n2,soon\n",
            &oslo,
            "line 4 (row 2): `soon` in column `at` is not a time; write it as in 2026-11-20T22:10:00+01:00, 2026-11-20 22:10 or 2026-11-20",
        ),
        (
            b"lot,at\n1,\x1b[31m\n",
            &oslo,
            "line 2 (row 1): `\u{fffd}[31m` in column `at` is not a time; write it as in 2026-11-20T22:10:00+01:00, 2026-11-20 22:10 or 2026-11-20",
        ),
        (
            b"lot,at\n1,9999-99-99\n",
            &oslo,
            "line 2 (row 1): `9999-99-99` in column `at` is not a time; write it as in 2026-11-20T22:10:00+01:00, 2026-11-20 22:10 or 2026-11-20",
        ),
    ];
    for (text, as_of, expected) in cases {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(csv(text, as_of), Err(expected.to_owned()), "{shown:?}");
    }
}

#[test]
fn the_largest_time_of_the_column_is_as_of() {
    let oslo = column("at", Some("Europe/Oslo"));
    for (text, expected) in [
        ("lot,at\n", None),
        ("lot,at\n1,\n2, \n", None),
        (
            "at\n2026-11-20 22:10\n2026-11-20T22:10:00Z\n2026-11-19\n",
            Some("2026-11-20T22:10:00Z"),
        ),
        (
            "lot,at\n1,2026-11-20\n2,\n3,2026-11-20\n4,2026-11-18\n",
            Some("2026-11-19T23:00:00Z"),
        ),
        ("lot,at\n1,\"2026-11-20 22:10\"\n", Some("2026-11-20T21:10:00Z")),
    ] {
        let (_, newest) = csv(text.as_bytes(), &oslo).expect("good CSV");
        assert_eq!(newest, expected.map(time), "{text:?}");
    }
}

/// Makes a large file as it is read, and remembers the largest piece asked for.
struct Endless {
    rows_left: u64,
    rest: Vec<u8>,
    largest_read: usize,
}

impl Read for &mut Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest_read = self.largest_read.max(buffer.len());
        while self.rest.len() < buffer.len() && self.rows_left > 0 {
            let row = format!("L{:06},2026-11-20T22:10:00Z,\"text\"\n", self.rows_left);
            self.rest.extend_from_slice(row.as_bytes());
            self.rows_left -= 1;
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

#[test]
fn a_large_file_is_read_in_small_pieces() {
    let rows = 100_000;
    let mut file = Endless {
        rows_left: rows,
        rest: b"lot,at,text\n".to_vec(),
        largest_read: 0,
    };
    let (survey, newest) =
        survey_reader(&mut file, &COMMA, &column("at", None), &mut NoRows).expect("no error in memory");
    assert_eq!(survey.measurement.rows, Some(rows));
    assert_eq!(newest, Some(now()));
    assert!(survey.measurement.bytes > 3_000_000);
    assert!(file.largest_read <= 64 << 10, "{} bytes", file.largest_read);
}

#[test]
fn a_quote_left_open_in_a_large_file_does_not_fill_memory() {
    let text = io::Cursor::new(b"lot,at,text\n1,2,3\n\"4,").chain(io::repeat(b'x').take(9 << 20));
    let (survey, _) = survey_reader(text, &COMMA, &AsOf::Start, &mut NoRows).expect("no error in memory");
    assert_eq!(survey.content, Err(ContentError::RecordTooLong { line: 3 }));
    assert_eq!(survey.measurement.bytes, 21 + (9 << 20));
}

#[test]
fn a_digest_is_that_of_all_bytes_even_of_broken_content() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let (survey, _) = survey_reader(&b"abc"[..], &OPAQUE, &AsOf::Start, &mut NoRows).expect("no error in memory");
    assert_eq!(survey.measurement.sha256, abc);
    assert_eq!(survey.measurement.rows, None);

    let broken = b"a,b\n1\n2,3\n";
    let (opaque, _) = survey_reader(&broken[..], &OPAQUE, &AsOf::Start, &mut NoRows).expect("no error in memory");
    let (survey, _) = survey_reader(&broken[..], &COMMA, &AsOf::Start, &mut NoRows).expect("no error in memory");
    assert!(survey.content.is_err());
    assert_eq!(survey.measurement.sha256, opaque.measurement.sha256);
    assert_eq!(survey.measurement.rows, None);
}

#[test]
fn only_regular_files_are_measured() {
    let dir = TempDir::new().expect("a temporary directory");
    let at = |name: &str| dir.path().join(name);
    write(&at("file"), "abc", 0);
    symlink(at("file"), at("link")).expect("a symbolic link");
    fs::create_dir(at("directory")).expect("a directory");
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), 0o600.into()).expect("a pipe");
    let why = |name: &str| {
        let error = measure(&at(name), &dataset(None)).expect_err(name);
        error.to_string().replace(&format!("{}/", dir.path().display()), "")
    };
    assert_eq!(why("link"), "link is a symbolic link, not a regular file");
    assert_eq!(why("directory"), "directory is a directory, not a regular file");
    assert_eq!(why("pipe"), "pipe is a named pipe, not a regular file");
    assert_eq!(why("nothing"), "nothing does not exist");
    assert_eq!(measure(&at("file"), &dataset(None)).expect("a file").bytes, 3);
}

#[test]
fn as_of_follows_the_rule_of_the_dataset() {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("stock-2026-11-18.csv");
    write(&path, "at\n2026-11-17T00:00:00Z\n", 60);
    let mut stock = dataset(None);
    let mut as_of = |rule| {
        stock.as_of = rule;
        measure(&path, &stock).map(|measurement| measurement.as_of)
    };
    let pattern = |pattern: &str| AsOf::Pattern {
        pattern: pattern.to_owned(),
        zone: TimeZone::UTC,
    };
    assert_eq!(as_of(AsOf::Start).ok(), Some(None));
    assert_eq!(as_of(AsOf::Mtime).ok(), Some(Some(time("2026-11-20T22:09:00Z"))));
    assert_eq!(as_of(column("at", None)).ok(), Some(Some(time("2026-11-17T00:00:00Z"))));
    assert_eq!(
        as_of(pattern("stock-%Y-%m-%d.csv")).ok(),
        Some(Some(time("2026-11-18T00:00:00Z")))
    );
    let error = as_of(pattern("%Y.csv")).expect_err("another pattern").to_string();
    assert!(
        error.starts_with("the file name `stock-2026-11-18.csv` does not give a time"),
        "{error}"
    );
}

#[test]
fn a_file_that_somebody_still_writes_to_is_not_measured() {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("stock.csv");
    let look = |content: &str, seconds_ago| {
        write(&path, content, seconds_ago);
        fs::metadata(&path).expect("the file")
    };
    let before = look("lot\nL1\n", 60);
    assert!(unchanged(&before, &look("lot\nL1\n", 60), 7));
    for (what, after, bytes_read) in [
        ("grown", look("lot\nL1\nL2\n", 60), 7),
        ("cut", look("lot\n", 60), 4),
        ("cut and grown again", look("lot\nL1\n", 60), 4),
        ("written again", look("lot\nL1\n", 59), 7),
    ] {
        assert!(!unchanged(&before, &after, bytes_read), "{what}");
    }

    // Less comes out than is in it.
    let mut file = open_regular(&path).expect("a file");
    file.seek(io::SeekFrom::Start(4)).expect("a regular file");
    let error = survey(
        &file,
        &path,
        "stock.csv",
        &COMMA,
        &AsOf::Start,
        &mut NoRows,
        &Progress::default(),
    )
    .expect_err("a part");
    assert!(matches!(error, MeasureError::Changed { .. }), "{error}");
}
