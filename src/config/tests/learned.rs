//! Mistakes in checks that compare, balance or look at whole rows, and what good ones mean.

use super::columns::check_errors;
use super::mistakes::check_all;
use super::*;
use crate::model::{BalanceRows, Band, CheckLevel, Compression, Level};

const BAND: &str = "(write how far it may lie from what is usual, as in \"-30%..+50%\", or \"auto\")";
const AGE: &str = "(write durations, as in \"0s..26h\", \"-5m..2h\" or \"..7d\")";

#[test]
fn every_mistake_in_a_check_that_compares_is_told_once_with_its_remedy() {
    let said = |what: &str, remedy: &str| format!("{what} {remedy}");
    let bands = [
        ("rows = { change = \"30%\" }", "`\"30%\"` `30%` is not a band"),
        (
            "rows = { change = \"-30..+50\" }",
            "`\"-30..+50\"` `-30` is not a change in percent",
        ),
        (
            "bytes = { change = \"-120%..\" }",
            "`\"-120%..\"` `-120%` is not a change in percent",
        ),
        ("bytes = { change = \"..\" }", "`\"..\"` the band has no end"),
    ];
    for (text, what) in bands {
        assert_eq!(check_errors(text), [said(what, BAND)], "{text}");
    }
    let ages = [
        ("age = \"26h\"", "`\"26h\"` `26h` is not a range of ages"),
        ("newest = \"0s..26\"", "`\"0s..26\"` `26` is not a duration"),
        ("newest = \"..\"", "`\"..\"` the range has no end"),
    ];
    for (rule, what) in ages {
        let text = format!("columns.a = {{ type = \"date\", {rule} }}");
        assert_eq!(check_errors(&text), [said(what, AGE)], "{text}");
    }
    check_all(
        check_errors,
        &[
            (
                "rows = { change = \"+50%..-30%\" }",
                "`\"+50%..-30%\"` the band begins behind its end (exchange the two)",
            ),
            (
                "columns.a = { type = \"date\", age = \"2h..1h\" }",
                "`\"2h..1h\"` the range begins behind its end (exchange the two)",
            ),
            (
                "columns.a.median = \"auto\"",
                "`median` `median` is about numbers, and no `type` says that these are some (write type = \"integer\" or \"decimal\")",
            ),
            (
                "columns.a = { type = \"text\", newest = \"0s..1h\" }",
                "`newest` `newest` is about dates, and no `type` says that these are some (write type = \"date\" or \"datetime\")",
            ),
            (
                "columns.a.nulls = \"120%\"",
                "`\"120%\"` `120%` is not a share (write \"0%\" to \"100%\")",
            ),
            (
                "columns.a.codes = {}",
                "`{}` `codes` asks for nothing (write codes = { new = \"10%\", vanished = \"0%\" })",
            ),
            (
                "columns.a.parts = []",
                "`[]` `parts` asks for nothing (write the values that must come, as in [\"alesund\", \"tromso\"])",
            ),
            (
                "trailer = '^T;[0-9]+$'",
                "`'^T;[0-9]+$'` the expression has no group `rows` (write what the last line looks like, as in '^T;(?<rows>[0-9]+)$', in single quotes)",
            ),
            (
                "balance = { tolerance = \"1%\" }",
                "`{ tolerance = \"1%\" }` `balance` compares nothing (write balance = { rows = true, sums = [\"qty_kg\"] })",
            ),
            (
                "balance = { rows = \"y\" }",
                "`\"y\"` unknown dataset `y` (did you mean `x`?)",
            ),
            (
                "canary = { column = \"kg\" }",
                "`{ column = \"kg\" }` `canary` must be a list of tables, not a table (write canary = [{ where = { sku = \"1001\" }, column = \"kg\", range = \"0.3..0.6\" }])",
            ),
            (
                "canary = [{ where = { a = \"1\", b = \"2\" }, column = \"kg\", range = \"0..1\" }]",
                "`{ a = \"1\", b = \"2\" }` `where` must name one column (write where = { sku = \"1001\" })",
            ),
            (
                "ratio = [{ of = \"kg\", range = \"0..1\" }]",
                "`{ of = \"kg\", range = \"0..1\" }` `to` is missing (write ratio = [{ of = \"qty_kg\", to = \"pieces\", range = \"0.2..8\" }])",
            ),
        ],
    );
}

#[test]
fn checks_that_compare_mean_what_they_say() {
    let place = Place::new();
    let text = "[datasets.x]\nowner = \"ops\"\nfile = \"x.csv.zst\"\n[datasets.x.checks]\nformat = \"csv\"\n\
                rows = { change = \"-30%..+50%\", level = \"hold\" }\nbytes = { change = \"auto\" }\n\
                trailer = { matches = '^T;(?<rows>[0-9]+)$', level = \"warn\" }\n\
                balance = { rows = true, sums = [\"qty\"], tolerance = \"0.1%\" }\n\
                canary = [{ where = { sku = \"1001\" }, column = \"qty\", range = \"0.3..0.6\" }]\n\
                ratio = [{ of = \"qty\", to = \"pieces\", range = \"0.2..8\" }]\n\
                columns.qty = { type = \"decimal\", decimal = \"comma\", median = \"..+100%\", sum = \"auto\", nulls = \"5%\" }\n\
                columns.site = { parts = [\"alesund\", \"tromso\"], codes = { new = \"0%\", vanished = \"10%\" } }\n\
                columns.at = { type = \"datetime\", age = \"-5m..26h\", newest = \"0s..1h\" }\n";
    let loaded = place.load_text(&format!("{TOP}{text}"));
    let settings = loaded.settings.expect("sound");
    let checks = &settings.datasets["x"].checks;
    assert!(checks.learn() && checks.reading.has_trailer);
    assert_eq!(checks.reading.compression, Compression::Zstd);
    let between = |text: &str, low, high| {
        let text = text.to_owned();
        Some(Band::Between { text, low, high })
    };
    assert_eq!(checks.rows_change, between("-30%..+50%", Some(0.7), Some(1.5)));
    assert_eq!(
        (checks.rows_level, checks.bytes_level),
        (Level(Some(CheckLevel::Hold)), Level(None))
    );
    assert_eq!(checks.bytes_change, Some(Band::Auto));
    assert_eq!(
        checks.trailer.as_ref().map(|trailer| trailer.level.of_fact()),
        Some(CheckLevel::Warn)
    );
    let balance = checks.balance.as_ref().expect("a balance");
    assert_eq!(
        (&balance.rows, balance.tolerance.part),
        (&Some(BalanceRows::Reported), 0.001)
    );
    assert!(checks.canaries[0].decimal_comma && checks.ratios[0].decimal_comma == (true, false));
    let rule = |name: &str| checks.columns.iter().find(|rule| rule.column == name).expect("a rule");
    let qty = rule("qty");
    assert_eq!(
        (qty.median.clone(), qty.sum.clone()),
        (between("..+100%", None, Some(2.0)), Some(Band::Auto))
    );
    let site = rule("site");
    assert_eq!(site.parts, ["alesund", "tromso"]);
    assert_eq!(site.codes_vanished.as_ref().map(|share| share.part), Some(0.1));
    let at = rule("at");
    let age = at.age.as_ref().expect("a range");
    assert_eq!((age.min, age.max), (Some(-300.0), Some(93_600.0)));
    assert!(!at.learns() && at.newest.is_some());
}
