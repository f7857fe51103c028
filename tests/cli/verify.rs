//! A file judged by hand: what is said of it, and with which exit code.

use std::fs;

use super::*;

fn place() -> Place {
    let checks = r#"
[datasets.stock.checks]
format         = "csv"
rows           = { min = 2 }
columns.lot    = { unique = true }
columns.qty_kg = { type = "decimal", range = "0..40000" }
columns.unit   = { in = ["kg"], level = "warn" }
"#;
    let place = Place::new(&format!("{FINE}{checks}"));
    fs::create_dir_all(place.path().join("exports")).expect("a directory");
    fs::write(place.path().join("exports/stock.csv"), "what readers have\n").expect("a file");
    place
}

fn file(place: &Place, content: &str) -> String {
    let path = place.path().join("tried.csv");
    fs::write(&path, content).expect("a file");
    path.display().to_string()
}

#[test]
fn verify_ends_with_0_for_what_would_be_published_and_1_for_what_would_not() {
    let place = place();
    let good = file(&place, "lot,qty_kg,unit\nL1,1.5,kg\nL2,2,kg\n");
    let (said, _) = place.ends(0, &["verify", &good, "--dataset", "stock"]);
    assert!(
        said.ends_with("tried.csv would be published as stock: 2 rows\n"),
        "{said}"
    );

    let warned = file(&place, "lot,qty_kg,unit\nL1,1.5,kg\nL2,2,g\n");
    let (said, _) = place.ends(0, &["verify", &warned, "--dataset", "stock"]);
    let line = "warn  in: column `unit` must be one of kg, but 1 of 2 rows is not: line 3 `g`\n";
    assert!(said.contains(line), "{said}");
    assert!(
        said.ends_with("would be published as stock, with warnings: 2 rows\n"),
        "{said}"
    );

    let bad = file(&place, "lot,qty_kg,unit\nL1,1.5,kg\nL1,-2,kg\n");
    let (said, _) = place.ends(1, &["verify", &bad, "--dataset", "stock"]);
    let line = "hold  range: column `qty_kg` must be in 0..40000, but 1 of 2 rows is not: line 3 `-2`; \
                a sign that is turned round, or more taken out than there was?\n";
    assert!(said.contains(line), "{said}");
    assert!(
        said.ends_with("tried.csv would be refused as stock: 2 rows\n"),
        "{said}"
    );

    let json = place.json(1, &["verify", &bad, "--dataset", "stock", "--json"]);
    assert_eq!((&json["verdict"], &json["rows"]), (&"hold".into(), &2.into()));
    let held: Vec<&Value> = json["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|check| check["verdict"] == "hold")
        .collect();
    assert_eq!(held.len(), 2, "{json}");
    assert_eq!(
        (&held[0]["name"], &held[0]["column"]),
        (&"unique".into(), &"lot".into())
    );
    for key in ["expected", "actual", "message"] {
        assert!(held[0][key].is_string(), "{key}");
    }

    // Nothing is changed by looking.
    let kept = fs::read_to_string(place.path().join("exports/stock.csv")).expect("a file");
    assert_eq!(kept, "what readers have\n");
    assert_eq!(
        fs::read_dir(place.path().join("exports")).expect("a directory").count(),
        1
    );
}

#[test]
fn verify_of_what_is_not_there_ends_with_2() {
    let place = place();
    let (_, said) = place.ends(2, &["verify", "nowhere.csv", "--dataset", "stock"]);
    assert!(said.contains("cannot read nowhere.csv: No such file"), "{said}");
    let here = place.path().display().to_string();
    let (_, said) = place.ends(2, &["verify", &here, "--dataset", "stock"]);
    assert!(said.contains("is not a file"), "{said}");
    let good = file(&place, "lot\n");
    let (_, said) = place.ends(2, &["verify", &good, "--dataset", "stok"]);
    assert!(
        said.contains("there is no dataset `stok`") && said.contains("did you mean `stock`?"),
        "{said}"
    );
}
