//! `/plan`: what an edit of jobs.toml would change, as a page and for programs.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::answer::{self, Trouble};
use super::desk::Desk;
use super::door::Who;
use super::pages;
use super::visits::{Page, Shown, view};
use crate::model::Plan;

/// What is told to differ and not how: how things are started here is for whoever may read the file.
const PRIVATE: [&str; 9] = [
    "command", "dir", "env", "env_file", "file", "group", "probe", "user", "workdir",
];
const NOT_SHOWN: &str = "(not shown here)";
/// Of a mistake, to whoever may not act.
const HIDDEN_MISTAKE: &str =
    "a mistake; `freshd plan` on that machine says which, and this page to whoever may operate";

pub(super) async fn page(State(desk): State<Arc<Desk>>, who: Who) -> Shown {
    let plan = for_eyes_of(&who, desk.plan().await?);
    Ok(Page::of(pages::plan(&view(&desk, who), &plan)))
}

pub(super) async fn document(State(desk): State<Arc<Desk>>, who: Who) -> Result<Response, Trouble> {
    let plan = for_eyes_of(&who, desk.plan().await?);
    Ok(answer::document(&json!(plan)))
}

fn for_eyes_of(who: &Who, plan: Plan) -> Plan {
    let mut plan = for_all_eyes(plan);
    if !who.may_operate() {
        plan.mistakes
            .iter_mut()
            .for_each(|mistake| *mistake = without_words(mistake));
    }
    plan
}

/// A mistake's place, and nothing of what stands there: that may be a command, a user, or where a secret lies.
fn without_words(mistake: &str) -> String {
    let place = mistake.split(": ").next().filter(|place| {
        let line = place.rsplit(':').next().unwrap_or_default();
        !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
    });
    format!("{}: {HIDDEN_MISTAKE}", place.unwrap_or("jobs.toml"))
}

fn for_all_eyes(mut plan: Plan) -> Plan {
    let keys = plan.changes.iter_mut().flat_map(|planned| &mut planned.change.keys);
    for key in keys.filter(|key| PRIVATE.contains(&key.key.split('.').next().unwrap_or_default())) {
        for value in [&mut key.before, &mut key.after].into_iter().flatten() {
            NOT_SHOWN.clone_into(value);
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mistake_only_its_place_is_for_all_eyes() {
        for (mistake, place) in [
            (
                "/etc/freshd/jobs.toml:12: /opt/CANARY/prog does not exist; make it",
                "/etc/freshd/jobs.toml:12: ",
            ),
            ("jobs.toml:7: no user CANARY: as 9: said", "jobs.toml:7: "),
            ("the file CANARY cannot be read", "jobs.toml: "),
            ("CANARY: gone", "jobs.toml: "),
        ] {
            let said = without_words(mistake);
            assert!(said.starts_with(place) && !said.contains("CANARY"), "{said}");
            assert!(said.contains("freshd plan"), "{said}");
        }
    }
    use crate::model::{Change, ChangeKind, ChangedKey, PlannedChange};

    #[test]
    fn how_jobs_are_started_is_told_to_differ_and_not_how() {
        let key = |key: &str| ChangedKey {
            key: key.to_owned(),
            before: Some("\"before\"".to_owned()),
            after: None,
        };
        let plan = for_all_eyes(Plan {
            changes: vec![PlannedChange {
                change: Change {
                    section: "jobs".to_owned(),
                    name: Some("stock-export".to_owned()),
                    kind: ChangeKind::Changed,
                    keys: vec![key("command"), key("probe.file"), key("schedule")],
                },
                teams: Vec::new(),
                next_due: None,
                notes: Vec::new(),
            }],
            ..Plan::default()
        });
        let said: Vec<_> = plan.changes[0]
            .change
            .keys
            .iter()
            .map(|key| key.before.as_deref().unwrap())
            .collect();
        assert_eq!(said, [NOT_SHOWN, NOT_SHOWN, "\"before\""]);
        assert!(plan.changes[0].change.keys.iter().all(|key| key.after.is_none()));
    }
}
