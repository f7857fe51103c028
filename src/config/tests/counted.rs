//! Promises in open time that a schedule cannot keep.

use super::*;

#[test]
fn a_promise_in_open_time_is_held_against_the_schedule_in_open_time() {
    let warnings = |schedule: &str| {
        let place = Place::new();
        let text = format!(
            "{TOP}max_age = \"1d\"\nconsumers = [\"wms\"]\n[datasets.stock]\nowner = \"ops\"\nfile = \"stock.csv\"\n\
             consumers = [\"wms\"]\nmax_age = \"26h\"\ncounted_in = \"norway\"\n[jobs.export]\nowner = \"ops\"\n\
             command = \"true\"\nschedule = \"{schedule}\"\nproduces = \"stock\"\n"
        );
        let loaded = place.load_text(&text);
        place.lines(&loaded, Level::Warning)
    };
    assert_eq!(warnings("0 6 * * MON-FRI"), [""; 0]);
    assert_eq!(
        warnings("0 6 * * MON,WED"),
        [
            "jobs.toml:23:11 `\"26h\"` `stock` cannot stay younger than 1d 2h of open time in norway: job `export` runs Wed 2026-11-25 06:00 and next Mon 2026-11-30 06:00, 3d of open time in norway apart (run the job more often, or promise more than 3d of open time in norway)"
        ]
    );
}
