//! What was accepted before says the same of its jobs and datasets, although the world around it has changed.

use super::accepted::example;
use super::*;

/// The example's texts, as the store keeps them.
fn texts() -> (Place, Settings, Vec<(String, String)>) {
    let place = example();
    let loaded = place.load();
    (place, loaded.settings.unwrap(), loaded.files)
}

#[test]
fn jobs_and_datasets_are_the_same_when_secrets_calendars_programs_and_directories_are_gone() {
    let (place, settings, files) = texts();
    for gone in ["secrets", "credentials", "transfers", "bin", "jobs.d", "jobs.toml"] {
        let path = place.path(gone);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    let recalled = recall(&place.path("jobs.toml"), &files, &place.environment).unwrap();
    assert_eq!(recalled.digest, settings.digest);
    assert_eq!(format!("{:?}", recalled.jobs), format!("{:?}", settings.jobs));
    assert_eq!(format!("{:?}", recalled.datasets), format!("{:?}", settings.datasets));
}

#[test]
fn a_calendar_file_and_an_environment_file_that_are_gone_are_left_out() {
    let place = Place::new();
    place.write("days.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    place.write("job.env", "A=b\n");
    let loaded = place.load_text(&format!(
        "{TOP}[calendars.x]\nical = \"days.ics\"\nweekend = [\"Sun\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nworkdir = \"bin\"\nenv_file = \"job.env\"\n\
         schedule = \"0 6 * * *\"\ncalendar = \"x\"\non_holiday = \"skip\"\nsuccess_codes = [0, 3]\n"
    ));
    assert!(loaded.settings.is_some(), "{:?}", loaded.problems);
    for gone in ["days.ics", "job.env"] {
        fs::remove_file(place.path(gone)).unwrap();
    }
    fs::remove_dir_all(place.path("bin")).unwrap();
    let recalled = recall(&place.path("jobs.toml"), &loaded.files, &place.environment).unwrap();
    assert_eq!(recalled.jobs["j"].policy.success_codes, [0, 3]);
    assert_eq!(recalled.jobs["j"].policy.workdir, Some(place.path("bin")));
}

#[test]
fn a_text_that_this_freshd_does_not_understand_is_not_guessed_at() {
    let place = Place::new();
    let text = format!("{TOP}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nteleport = true\n");
    let files = vec![("jobs.toml".to_owned(), text)];
    let problems = recall(&place.path("jobs.toml"), &files, &place.environment).unwrap_err();
    assert!(problems[0].message.contains("teleport"), "{problems:?}");
}
