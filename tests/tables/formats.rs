//! The same rules say the same of each format.

use parquet::basic::Compression as Codec;

use super::files::*;
use super::*;

/// What is said of them, in a format whose rows are found by `word` and begin at `first`.
fn expected(word: &str, first: u64) -> Vec<(String, String)> {
    let (second, third) = (first + 1, first + 2);
    vec![
        (
            "unique".to_owned(),
            format!("column `lot` must be unique, but 1 of 3 rows repeats a value: {word} {third} `Lø1`"),
        ),
        (
            "range".to_owned(),
            format!(
                "column `qty` must be in 0..10, but 1 of 3 rows is not: {word} {second} `-2`; \
                 a sign that is turned round, or more taken out than there was?"
            ),
        ),
    ]
}

#[test]
fn the_same_rules_say_the_same_of_every_format() {
    let csv = "lot,qty,day\nLø1,1.5,2026-11-20\nLø2,-2,2026-11-21\nLø1,3,2026-11-21\n";
    let book = workbook(&parts(&sheet_rows()));
    let desk = Desk::new();
    for (content, name, word, first) in [
        (csv.as_bytes().to_owned(), "csv", "line", 2),
        (fixed_text().into_bytes(), "fixed", "line", 2),
        (book.clone(), "xlsx", "row", 4),
        (book, "sheet", "row", 4),
        (stock_parquet(), "parquet", "row", 1),
    ] {
        let judgement = desk.judge(&content, name);
        assert_eq!(problems(&judgement), expected(word, first), "{name}");
        assert_eq!(judgement["as_of"], "2026-11-21T00:00:00Z", "{name}");
        assert_eq!(judgement["rows"], 3, "{name}");
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
        assert_eq!(Desk::new().problems(&content, "parquet"), expected("row", 1), "{codec}");
    }
}

#[test]
fn checks_are_proposed_from_the_sheet_that_the_dataset_names() {
    let desk = Desk::new();
    let learn = |parts: Vec<(&'static str, String)>| {
        desk.write(&workbook(&parts));
        let mut command = Command::new(EXE);
        command
            .args(["learn", "--json", "sheet", "tried"])
            .current_dir(desk.dir.path());
        command.output().expect("freshd runs")
    };
    let learnt = learn(parts(&sheet_rows()));
    let learnt: Value = serde_json::from_slice(&learnt.stdout).expect("JSON");
    let lines: Vec<&str> = learnt["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter_map(|check| check["line"].as_str())
        .collect();
    assert_eq!(lines[..2], ["format = \"xlsx\"", "sheet = \"Stock\""]);
    let other = learn(with(parts(&sheet_rows()), "xl/workbook.xml", "Stock", "Prices"));
    let why = String::from_utf8_lossy(&other.stderr);
    assert!(!other.status.success() && why.contains("Prices"), "{why}");
}
