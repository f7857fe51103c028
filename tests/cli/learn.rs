//! Checks that are proposed from good files: what is printed can be pasted, and says why.

use std::fs;

use super::*;

/// So many files of thirty lots each.
fn files(place: &Place, count: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for file in 0..count {
        let mut text = "lot;site;qty\n".to_owned();
        for lot in 0..30 + file {
            let site = ["north", "south"][lot % 2];
            text += &format!("L{:04};{site};{},5\n", 1_000 + lot, 10 + lot);
        }
        let path = place.path().join(format!("good-{file}.csv"));
        fs::write(&path, text).expect("a file");
        paths.push(path.display().to_string());
    }
    paths
}

fn learn<'a>(files: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["learn", "stock"];
    args.extend(files.iter().map(String::as_str));
    args.extend(more);
    args
}

#[test]
fn what_learn_prints_can_be_pasted_and_all_its_files_pass() {
    let place = Place::new(FINE);
    let files = files(&place, 4);
    let (said, _) = place.ends(0, &learn(&files, &[]));
    for line in [
        "# Proposed from 4 files that are said to be good. Read it before it decides.\n[datasets.stock.checks]\n",
        "# 30 to 33 rows\nrows = { min = 6, change = \"-40%..+80%\" }\n",
        "delimiter = \";\"\n",
        "columns.lot = { type = \"text\", required = true, unique = true, matches = \"^[A-Z][0-9]{4}$\" }\n",
        "in = [\"north\", \"south\"], parts = [\"north\", \"south\"] }\n",
        "columns.qty = { type = \"decimal\", decimal = \"comma\", required = true, range = \"0..",
    ] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    let place = Place::new(&format!("{FINE}{said}"));
    for file in &files {
        let (said, _) = place.ends(0, &["verify", file, "--dataset", "stock"]);
        assert!(said.contains("would be published as stock: "), "{said}");
        assert!(!said.contains("with warnings"), "{said}");
    }
}

#[test]
fn learn_reads_files_as_the_dataset_says_and_what_it_prints_can_take_its_place() {
    let checks = "[datasets.stock.checks]\nformat = \"fixed\"\nskip_lines = 1\ntrailer = \"^T(?<rows>[0-9]+)$\"\n\
        columns.lot = { from = 1, width = 5 }\ncolumns.gap = { from = 6, width = 2 }\ncolumns.qty = { from = 8, width = 4 }\n";
    let place = Place::new(&format!("{FINE}{checks}"));
    let mut files = Vec::new();
    for file in 0..3 {
        let rows = 30 + file;
        let mut text = "STOCK\n".to_owned();
        for lot in 0..rows {
            text += &format!("L{:04}  {:>4}\n", 1_000 + lot, 10 + lot);
        }
        let path = place.path().join(format!("good-{file}.txt"));
        fs::write(&path, text + &format!("T{rows}\n")).expect("a file");
        files.push(path.display().to_string());
    }
    let (said, _) = place.ends(0, &learn(&files, &[]));
    for line in [
        "# as jobs.toml says\nformat = \"fixed\"\n",
        "skip_lines = 1\n",
        "trailer = \"^T(?<rows>[0-9]+)$\"\n",
        "columns.lot = { from = 1, width = 5, type = \"text\", required = true",
        "columns.gap = { from = 6, width = 2 }\n",
        "columns.qty = { from = 8, width = 4, type = \"integer\"",
    ] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    assert!(!said.contains("header"), "{said}");
    let place = Place::new(&format!("{FINE}{said}"));
    for file in &files {
        let (said, _) = place.ends(0, &["verify", file, "--dataset", "stock"]);
        assert!(!said.contains("with warnings"), "{said}");
    }
    // Of a dataset that nobody has written down yet nothing is known.
    let (said, _) = place.ends(0, &["learn", "lots", &files[0]]);
    assert!(said.contains("format = \"csv\""), "{said}");
}

#[test]
fn learn_prints_the_same_as_json() {
    let place = Place::new(FINE);
    let files = files(&place, 2);
    let json = place.json(0, &learn(&files, &["--json"]));
    assert_eq!(json["dataset"], "stock");
    assert_eq!(json["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["checks"][0]["line"], "format = \"csv\"");
    assert_eq!(json["checks"][0]["evidence"], "they can be read so to their end");
}

#[test]
fn learn_says_which_file_is_not_like_the_others() {
    let place = Place::new(FINE);
    let mut files = files(&place, 2);
    let odd = place.path().join("odd.csv");
    fs::write(&odd, "lot;quantity\nL1;2\n").expect("a file");
    files.push(odd.display().to_string());
    let (_, said) = place.ends(1, &learn(&files, &[]));
    let words = "odd.csv: its columns are lot, quantity, where the first file has lot, site, qty";
    assert!(said.contains(words), "{said}");
    let (_, said) = place.ends(2, &["learn", "stock", "nowhere.csv"]);
    assert!(said.contains("cannot read nowhere.csv"), "{said}");
}
