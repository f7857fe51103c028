//! The words of a weekly report.

use jiff::tz::TimeZone;

use super::at;
use crate::alerting::{TeamWeek, ToReport, weekly};
use crate::model::{
    Dataset, Incident, IncidentId, IncidentState, Message, Name, Outcome, plain_dataset, plain_incident,
};

static UTC: TimeZone = TimeZone::UTC;

fn report(week: TeamWeek<'_>) -> Message {
    report_of(week, 0, 0)
}

fn report_with(week: TeamWeek<'_>, oldest: Option<(&Dataset, jiff::Timestamp)>) -> Message {
    let team = Name::from("ops");
    let report = ToReport {
        oldest,
        ..to_report(week, &team)
    };
    weekly("m.1".to_owned(), &report)
}

fn report_of(week: TeamWeek<'_>, open: usize, behind_others: usize) -> Message {
    let team = Name::from("ops");
    let report = ToReport {
        open,
        behind_others,
        ..to_report(week, &team)
    };
    weekly("m.1".to_owned(), &report)
}

fn to_report<'a>(week: TeamWeek<'a>, team: &'a Name) -> ToReport<'a> {
    ToReport {
        now: at("08:00"),
        from: at("07:00"),
        until: at("08:00"),
        next: None,
        zone: &UTC,
        team,
        team_title: "ops".to_owned(),
        week: Ok(week),
        open: 0,
        behind_others: 0,
        oldest: None,
    }
}

#[test]
fn how_many_datasets_kept_their_promise_is_said_in_words_that_fit_the_number() {
    for (promised, broken, unseen, words) in [
        (1, 0, 0, "The only dataset kept what is promised of it."),
        (1, 1, 0, "No dataset kept what is promised of it."),
        (1, 0, 1, "No dataset kept what is promised of it; 1 was never seen."),
        (12, 0, 0, "All 12 datasets kept what is promised of them."),
        (12, 11, 0, "1 of 12 datasets kept what is promised of it."),
        (
            12,
            1,
            2,
            "9 of 12 datasets kept what is promised of them; 2 were never seen.",
        ),
        (12, 12, 0, "No dataset kept what is promised of it."),
    ] {
        let datasets: Vec<Dataset> = (0..promised)
            .map(|number| plain_dataset(&format!("d{number}")))
            .collect();
        let names: Vec<&Dataset> = datasets.iter().collect();
        let report = report(TeamWeek {
            broken: names[..broken].to_vec(),
            unseen: names[broken..broken + unseen].to_vec(),
            promised: names,
            ..TeamWeek::default()
        });
        let (_, said) = report.headline.split_once("No run was due. ").expect("of runs first");
        assert_eq!(said, words);
    }
}

#[test]
fn what_is_open_is_not_left_out_for_what_is_over() {
    let mut incidents: Vec<Incident> = (1..=30)
        .map(|number| Incident {
            id: IncidentId(number),
            state: IncidentState::Resolved,
            resolved_at: Some(at("07:30")),
            ..plain_incident(&format!("job-{number}"), at("07:10"))
        })
        .collect();
    let last = incidents.last_mut().unwrap();
    (last.state, last.resolved_at) = (IncidentState::Open, None);
    let report = report(TeamWeek {
        incidents: incidents.iter().map(|incident| (incident, None)).collect(),
        ..TeamWeek::default()
    });
    let said = |label: &str| {
        let facts = report.facts.iter().filter(|fact| fact.label == label);
        facts.map(|fact| fact.text.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        said("Open"),
        ["#30 job-30 failed, still open since Fri 2026-11-27 07:10"]
    );
    assert_eq!(said("Over").len(), 20);
    assert_eq!(said("Over").last(), Some(&"and 10 more"));
}

#[test]
fn data_that_is_bad_because_of_others_is_not_told_as_well() {
    for (open, behind, words) in [
        (0, 0, "all was well"),
        (2, 0, "2 problems are open"),
        (0, 1, "1 dataset is not as promised because of others"),
        (
            1,
            21,
            "1 problem is open, 21 datasets are not as promised because of others",
        ),
    ] {
        let report = report_of(TeamWeek::default(), open, behind);
        assert!(
            report.headline.starts_with(&format!("ops: {words}.")),
            "{}",
            report.headline
        );
        assert!(
            report.subject.contains(&format!("Weekly report: {words}, ")),
            "{}",
            report.subject
        );
    }
}

#[test]
fn what_the_checks_refused_is_counted_apart_from_what_failed() {
    for (runs, words) in [
        (vec![(Outcome::Rejected, 1)], "1 run, of which the data was refused."),
        (
            vec![(Outcome::Succeeded, 86), (Outcome::Failed, 38), (Outcome::Rejected, 6)],
            "130 runs, 38 failed, and the data of 6 was refused.",
        ),
    ] {
        let week = TeamWeek {
            runs,
            ..TeamWeek::default()
        };
        let report = report(week);
        assert!(report.headline.contains(words), "{}", report.headline);
    }
}

#[test]
fn each_thing_is_called_by_its_title_and_has_its_name_behind_it() {
    let (mut titled, plain) = (plain_dataset("shop-02"), plain_dataset("plain"));
    titled.title = Some("Price list of shop 02".to_owned());
    let incidents = [
        plain_incident("prices-make", at("07:10")),
        plain_incident("job", at("07:20")),
    ];
    let week = TeamWeek {
        promised: vec![&titled, &plain],
        broken: vec![&titled, &plain],
        incidents: vec![(&incidents[0], Some("Price base")), (&incidents[1], None)],
        ..TeamWeek::default()
    };
    let report = report_with(week, Some((&titled, at("07:00"))));
    let said = |label: &str| {
        let facts = report.facts.iter().filter(|fact| fact.label == label);
        facts.map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(said("Broken promises"), "Price list of shop 02 (shop-02), plain");
    assert_eq!(
        said("Oldest data"),
        "Price list of shop 02 (shop-02), as of Fri 2026-11-27 07:00, 1h old"
    );
    assert_eq!(
        said("Open"),
        "#1 Price base (prices-make) failed, still open since Fri 2026-11-27 07:10 | \
         #1 job failed, still open since Fri 2026-11-27 07:20"
    );
}
