//! What a probe sees.

use super::*;

#[test]
fn a_probed_file_is_seen_as_what_it_is() {
    let dir = TempDir::new().expect("a temporary directory");
    let at = |name: &str| dir.path().join(name);
    write(&at("settled"), "abc", 2);
    write(&at("written"), "abc", 1);
    write(&at("ahead"), "abc", -1);
    write(&at("far-ahead"), "abc", -86_400);
    write(&at("empty"), "", 60);
    symlink(at("settled"), at("link")).expect("a symbolic link");
    symlink(at("loop"), at("loop")).expect("a symbolic link");
    symlink(at("nowhere"), at("dangling")).expect("a symbolic link");
    fs::create_dir(at("directory")).expect("a directory");

    // Name, whether a path is told, and what is found: bytes, nothing, or words.
    for (name, has_path, expected) in [
        ("settled", true, Ok(Some(3))),
        ("link", true, Ok(Some(3))),
        ("empty", true, Ok(Some(0))),
        ("far-ahead", true, Ok(Some(3))),
        ("written", true, Ok(None)),
        ("ahead", true, Ok(None)),
        ("missing", false, Ok(None)),
        ("dangling", false, Ok(None)),
        (
            "directory",
            true,
            Err("DIR/directory is a directory, not a regular file"),
        ),
        (
            "loop",
            true,
            Err("cannot read DIR/loop: Too many levels of symbolic links (os error 40)"),
        ),
        (
            "settled/file",
            true,
            Err("cannot read DIR/settled/file: Not a directory (os error 20)"),
        ),
        (
            "away/file",
            false,
            Err("the directory DIR/away does not exist; is a share not mounted?"),
        ),
    ] {
        let observation = observe(&dataset(Some(ProbeTarget::File(at(name)))), now(), &Progress::default());
        let found = observation.found.map(|found| found.map(|found| found.bytes));
        let found = found.map_err(|error| error.replace(&dir.path().display().to_string(), "DIR"));
        assert_eq!(found, expected.map_err(str::to_owned), "{name}");
        assert_eq!(observation.path.is_some(), has_path, "{name}");
        assert_eq!(observation.at, now());
    }
}

#[test]
fn a_file_that_keeps_the_time_of_its_source_was_put_there_when_it_was_last_changed() {
    let dir = TempDir::new().expect("a temporary directory");
    let before = Timestamp::now();
    let (made, put) = (dir.path().join("made"), dir.path().join("put"));
    write(&made, "abc", 7_200);
    fs::rename(&made, &put).expect("renamed");
    let observation = observe(&dataset(Some(ProbeTarget::File(put))), now(), &Progress::default());
    // The clock of a file system ticks more coarsely.
    let earliest = before - Duration::from_millis(20);
    assert!(observation.written_at >= Some(earliest), "{:?}", observation.written_at);
}

#[test]
fn content_that_cannot_be_read_is_not_an_arrival() {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("stock.csv");
    write(&path, "lot,at\n1,soon\n", 60);
    let mut stock = dataset(Some(ProbeTarget::File(path.clone())));
    stock.as_of = column("at", None);
    let error = observe(&stock, now(), &Progress::default())
        .found
        .expect_err("no time in it");
    assert!(
        error.starts_with(&format!("{}: line 2 (row 1)", path.display())),
        "{error}"
    );
}

#[test]
fn the_newest_settled_file_of_a_pattern_is_seen() {
    let dir = TempDir::new().expect("a temporary directory");
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("in/a/deep")).expect("directories");
    fs::create_dir_all(at("in/.old")).expect("directories");
    write(&at("in/stock-1.csv"), "1", 50);
    write(&at("in/stock-2.csv"), "2", 40);
    write(&at("in/stock-3.csv"), "3", 1);
    write(&at("in/.stock-4.csv.Xy12"), "4", 10);
    write(&at("in/.stock-5.csv"), "5", 10);
    write(&at("in/stock-6.csv.freshd.json"), "6", 10);
    write(&at("in/other.csv"), "7", 10);
    write(&at("in/a/stock-8.csv"), "8", 30);
    write(&at("in/a/deep/stock-9.csv"), "9", 20);
    write(&at("in/.old/stock-0.csv"), "0", 10);
    fs::create_dir(at("in/stock-dir.csv")).expect("a directory");
    symlink(at("in"), at("in/a/loop")).expect("a symbolic link");
    symlink(at("in/stock-1.csv"), at("in/a/link.txt")).expect("a symbolic link");

    for (pattern, expected) in [
        ("in/stock-*.csv", Newest::Settled(at("in/stock-2.csv"))),
        ("in/stock-[1].csv", Newest::Settled(at("in/stock-1.csv"))),
        ("in/stock-{1,2}.csv", Newest::Settled(at("in/stock-2.csv"))),
        ("in/stock-?.csv", Newest::Settled(at("in/stock-2.csv"))),
        ("in/stock-1.csv", Newest::Settled(at("in/stock-1.csv"))),
        ("in/stock-3*.csv", Newest::Unsettled(at("in/stock-3.csv"))),
        ("in/stock*", Newest::Settled(at("in/stock-2.csv"))),
        ("in/.stock-*.csv", Newest::Settled(at("in/.stock-5.csv"))),
        ("in/*/stock-*.csv", Newest::Settled(at("in/a/stock-8.csv"))),
        ("*/a/*.csv", Newest::Settled(at("in/a/stock-8.csv"))),
        ("in/**/stock-*.csv", Newest::Settled(at("in/a/deep/stock-9.csv"))),
        ("in/a/**", Newest::Settled(at("in/a/deep/stock-9.csv"))),
        ("in/**/*.txt", Newest::Settled(at("in/a/link.txt"))),
        ("in/nothing-*.csv", Newest::Nothing),
        ("in/nothing.csv", Newest::Nothing),
        ("in/*/nothing/*.csv", Newest::Nothing),
    ] {
        let pattern = format!("{}/{pattern}", dir.path().display());
        let found = newest(&pattern, now(), Duration::from_secs(2), 1_000);
        assert_eq!(found, Ok(expected), "{pattern}");
    }
}

#[test]
fn a_pattern_that_cannot_be_followed_says_why() {
    let dir = TempDir::new().expect("a temporary directory");
    for name in ["1.csv", "2.csv", "3.csv"] {
        write(&dir.path().join(name), "1", 50);
    }
    let why = |pattern: &str, entries_max| {
        let found = newest(pattern, now(), Duration::ZERO, entries_max);
        let why = found.expect_err("it cannot be followed");
        why.replace(&dir.path().display().to_string(), "DIR")
    };
    let here = |pattern: &str| format!("{}/{pattern}", dir.path().display());
    assert_eq!(
        why("exports/*.csv", 9),
        "the pattern exports/*.csv is not absolute; begin it with /"
    );
    assert_eq!(
        why(&here("away/*.csv"), 9),
        "the directory DIR/away does not exist; is a share not mounted?"
    );
    assert_eq!(
        why(&here("away/one.csv"), 9),
        "the directory DIR/away does not exist; is a share not mounted?"
    );
    assert_eq!(
        why(&here("*.csv"), 2),
        "more than 2 names to look at for DIR/*.csv; write a narrower pattern or keep fewer files there"
    );
    assert!(newest(&here("*.csv"), now(), Duration::ZERO, 3).is_ok());
    assert!(why(&here("[.csv"), 9).starts_with("the pattern `[.csv` cannot be read: "));
    assert!(why(&here("1.csv/*"), 9).starts_with("cannot look into DIR/1.csv: "));
}
