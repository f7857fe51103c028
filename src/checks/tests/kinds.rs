//! What is said of files that are something else than their dataset says.

use super::*;

#[test]
fn a_file_is_named_for_what_it_really_is() {
    let cases: [(&[u8], Format, &str); 6] = [
        (
            b"PK\x03\x04\x14\0",
            Format::Csv { delimiter: Some(b',') },
            "the output is a ZIP archive or an Excel workbook, not CSV: let it be exported as text, or say format = \"xlsx\"",
        ),
        (
            b"%PDF-1.7\n",
            Format::JsonLines,
            "the output is a PDF document, not JSONL: let it be exported as text",
        ),
        (
            b"\x1f\x8b\x08\0",
            Format::Json,
            "the output is packed with gzip, not JSON: let it be unpacked, or say compression = \"gzip\"",
        ),
        (
            b"{\"lot\": \"L1\"}\n{\"lot\": \"L2\", \"qty\": 1}\n",
            Format::Csv { delimiter: Some(b',') },
            "the output is JSON, not CSV: let it be exported as before, or correct `format`",
        ),
        (
            b"<?xml version=\"1.0\"?>\n<lots/>\n",
            Format::Json,
            "the output is XML, not JSON: let it be exported as before, or correct `format`",
        ),
        (
            b"{\"lot\": 1}\n{\"lot\": 2}\n",
            Format::Json,
            "the output is an object on each line, not JSON: write format = \"jsonl\"",
        ),
    ];
    for (content, format, message) in cases {
        let case = Case::new().rules(|dataset| dataset.checks.reading.format = Some(format));
        fs::write(&case.judging.staged, content).expect("a candidate");
        assert_eq!(case.problems(), problem("format", message));
    }
}

#[test]
fn an_error_page_where_a_package_should_be_is_named() {
    let case = Case::with("<html><head><title>404 Not Found</title></head></html>\n");
    let case = case.rules(|dataset| dataset.checks.reading.compression = Compression::Gzip);
    let message = "the output is an HTML page titled \"404 Not Found\", not CSV: \
                   it may be the error page of the server it was fetched from";
    assert_eq!(case.problems(), problem("format", message));
}

#[test]
fn json_that_is_cut_off_is_said_of_its_last_line() {
    for (content, format, message) in [
        (
            "{\"lot\": 1}\n{\"lot\": ",
            Format::JsonLines,
            "line 2: no valid JSON, EOF while parsing a value, and the file ends there: it may be cut off",
        ),
        (
            "[{\"lot\": 1},",
            Format::Json,
            "line 1: the array is not closed, and the file ends there: it may be cut off",
        ),
    ] {
        let json = |dataset: &mut Dataset| dataset.checks.reading.format = Some(format);
        assert_eq!(
            Case::with(content).rules(json).problems(),
            problem("last_line", message)
        );
    }
    let whole = Case::with("{\"lot\": 1}").rules(|dataset| dataset.checks.reading.format = Some(Format::JsonLines));
    assert_eq!(whole.problems(), []);
}
