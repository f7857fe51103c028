//! The page of one incident, in the words that its reader goes by.

use super::super::words::test_view;
use super::*;
use crate::model::{plain_incident, well_for_now};

fn page_of(incident: Incident) -> IncidentPage {
    IncidentPage {
        incident,
        addresses: Vec::new(),
        messages: Vec::new(),
        is_silenced: false,
        silences: Vec::new(),
        effects: Vec::new(),
        effects_more: 0,
        cause: None,
        owner: "it".to_owned(),
        readers: Vec::new(),
        printed: None,
    }
}

#[test]
fn what_is_over_but_for_its_end_says_so_and_when_that_is_told() {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let mut waits = plain_incident("load", at("2026-11-27T20:00:00Z"));
    let goes_on = incident(&test_view(), &page_of(waits.clone())).into_string();
    assert!(!goes_on.contains("<dt>Over</dt>"), "{goes_on}");
    waits.notify_at = at("2026-11-27T22:40:00Z");
    let shown = incident(&test_view(), &page_of(waits)).into_string();
    let (_, over) = shown.split_once("<dt>Over</dt><dd>").expect("that it is over");
    assert!(
        over.starts_with("it is mended; the end is told when what it broke is well, <time "),
        "{over}"
    );
    assert!(over.contains(">23:40</time> at the latest</dd>"), "{over}");
}

/// The newest `shown` of `all` incidents, of which the last is number 1.
fn list(all: u64, shown: u64, cause: Option<IncidentId>) -> IncidentList {
    let since = "2026-11-27T20:00:00Z".parse().expect("a time");
    let numbered = |id| Incident {
        id: IncidentId(id),
        cause,
        ..plain_incident(&format!("j{id}"), since)
    };
    IncidentList {
        incidents: (all + 1 - shown..=all).rev().map(numbered).collect(),
        all: usize::try_from(all).expect("few"),
        has_more: all > shown,
        before: None,
    }
}

#[test]
fn of_hundreds_what_stands_for_itself_comes_first_and_leads_on_to_the_rest() {
    let mut page = IncidentsPage {
        causes: list(150, 100, None),
        explained: list(400, 100, Some(IncidentId(1))),
        over: list(0, 0, None),
        explains_most: Some((IncidentId(1), 399)),
        silences: Vec::new(),
        dead: Vec::new(),
    };
    let shown = incidents(&test_view(), &page).into_string();
    let (open, explained) = shown.split_once("<details class=\"rest\">").expect("a fold");
    assert!(
        open.contains(
            "150 open</span>. 400 more are told with what explains them; \
             <a href=\"/incidents/1\">incident 1</a> explains 399 of them, the most.</p>"
        ),
        "{open}"
    );
    assert_eq!(open.matches("<tr>").count(), 101, "with the heading");
    assert!(
        open.contains("href=\"/incidents?open_before=51\">Those before</a>"),
        "{open}"
    );
    let (explained, over) = explained.split_once("</details>").expect("its end");
    assert_eq!(explained.matches("<tr>").count(), 101);
    assert!(
        explained.contains("<summary>400 incidents that others explain</summary>"),
        "{explained}"
    );
    assert!(over.contains("None is over yet."), "{over}");

    page.causes.before = Some(51);
    page.causes.has_more = false;
    page.over = list(120, 100, None);
    let shown = incidents(&test_view(), &page).into_string();
    assert!(shown.contains("href=\"/incidents\">the newest</a>"), "{shown}");
    assert!(
        shown.contains("href=\"/incidents?before=21#over\">Those before</a>"),
        "{shown}"
    );
}

#[test]
fn what_one_explains_alone_is_told_as_that() {
    let said = |all, effects| explained_by(all, Some((IncidentId(22), effects))).into_string();
    let cause = "<a href=\"/incidents/22\">incident 22</a>";
    assert_eq!(said(1, 1), format!("1 more is told with {cause}, which explains it."));
    assert_eq!(
        said(2, 2),
        format!("2 more are told with {cause}, which explains them.")
    );
}

#[test]
fn what_hundreds_of_effects_are_is_folded() {
    let mut page = page_of(plain_incident("load", "2026-11-27T20:00:00Z".parse().expect("a time")));
    page.effects = list(200, 200, Some(IncidentId(1))).incidents;
    page.effects_more = 200;
    let shown = incident(&test_view(), &page).into_string();
    let (_, explains) = shown.split_once("<dt>Explains</dt>").expect("what it explains");
    let (unfolded, folded) = explains.split_once("<details>").expect("a fold");
    assert_eq!(unfolded.matches("<li>").count(), EFFECTS_UNFOLDED);
    assert!(folded.contains("<summary>and 388 more</summary>"), "{folded}");
    assert!(folded.contains("and 200 more that are not listed here."), "{folded}");
    let (_, timeline) = shown.split_once("<h2 id=\"timeline\">").expect("the timeline");
    assert!(
        timeline.contains("The incident opened."),
        "it is not crowded out: {timeline}"
    );
    assert!(
        timeline.contains("From then on 388 more were explained by this."),
        "{timeline}"
    );
}

#[test]
fn what_comes_and_goes_and_is_well_is_not_shown_as_wrong() {
    let view = test_view();
    let mut turns = plain_incident("export", view.now);
    turns.flapping = Some(well_for_now(view.now));
    let title = |incident: &Incident| {
        let page = super::incident(&view, &page_of(incident.clone())).into_string();
        let (title, _) = page.split_once("</h1>").expect("a title");
        title.rsplit_once("<h1>").expect("its begin").1.to_owned()
    };
    let listed = explained(&view, &[(turns.clone(), None)]).into_string();
    for shown in [&title(&turns), &listed] {
        assert!(shown.contains("comes and goes, well since"), "{shown}");
    }
    assert!(listed.contains("when wrong: failed: exit code 1"), "{listed}");
    turns.resolved_at = Some(view.now);
    assert!(title(&turns).contains("failed"), "{}", title(&turns));
}
