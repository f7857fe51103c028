//! The manual is true: its examples load or are refused as it says, and it names every key and every verb.

#[path = "manual/documents.rs"]
mod documents;
#[path = "manual/frame.rs"]
mod frame;
#[path = "manual/keys.rs"]
mod keys;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use freshd::config::{Level, render};
use freshd::model::{OnHoliday, Rule, Schedule};
use freshd::schedule::{coming, parse_cron};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use documents::{Block, Document, code_of, documents, repository};

/// What the example of a block says that freshd says of it.
const SAYS: &str = "# freshd says: ";

fn hold(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_example_of_jobs_toml_loads_or_is_refused_as_it_says() {
    let mut complaints = Vec::new();
    let mut count = 0;
    for document in documents() {
        for block in document.blocks.iter().filter(|block| block.language() == "toml") {
            count += 1;
            complaints.extend(complaint_of(block).map(|why| format!("{}:{}: {why}", document.name, block.line)));
        }
    }
    assert!(count > 20, "only {count} examples were found");
    hold(&complaints);
}

/// Why the example of a block is not true.
fn complaint_of(block: &Block) -> Option<String> {
    let loaded = match block.info.as_str() {
        "toml" => frame::load_whole(&block.text),
        "toml fragment" | "toml refused" => frame::load_completed(&block.text),
        other => return Some(format!("`{other}` is none of toml, toml fragment, toml refused")),
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(why) => return Some(why),
    };
    let said: Vec<&str> = block
        .text
        .lines()
        .filter_map(|line| Some(line.split_once(SAYS)?.1.trim()))
        .collect();
    let is_said = |message: &str| said.iter().any(|said| message.contains(said));
    let unsaid: Vec<_> = loaded
        .problems
        .iter()
        .filter(|problem| match problem.level {
            Level::Error => true,
            // A whole file is an example to follow: nothing in it may be odd.
            Level::Warning => block.info == "toml",
            Level::Note => false,
        })
        .filter(|problem| !is_said(&problem.message))
        .cloned()
        .collect();
    if !unsaid.is_empty() {
        return Some(format!(
            "it has problems that it does not tell:\n{}",
            render(&unsaid, false)
        ));
    }
    if let Some(silent) = said
        .iter()
        .find(|said| !loaded.problems.iter().any(|problem| problem.message.contains(**said)))
    {
        let all = render(&loaded.problems, false);
        return Some(format!("freshd does not say `{silent}`, but\n{all}"));
    }
    let is_refused = loaded.settings.is_none();
    (is_refused != (block.info == "toml refused")).then(|| "it says the contrary of what becomes of it".to_owned())
}

#[test]
fn every_due_time_in_the_manual_is_the_one_that_freshd_computes() {
    let mut complaints = Vec::new();
    let mut count = 0;
    for document in documents() {
        for block in &document.blocks {
            let Some(title) = block.info.strip_prefix("text schedule ") else {
                continue;
            };
            let (zone, after) = title.split_once(" after ").expect("a zone and a time");
            let zone = TimeZone::get(zone).expect("a zone");
            let after: DateTime = after.parse().expect("a time");
            let mut before: Option<(String, usize)> = None;
            for line in block.text.lines() {
                count += 1;
                let words: Vec<&str> = line.split_whitespace().collect();
                let (cron, when, note) = (words[..5].join(" "), words[5..8].join(" "), words[8..].join(" "));
                let place = before
                    .filter(|(known, _)| *known == cron)
                    .map_or(0, |(_, place)| place + 1);
                let computed = occurrence(&cron, &zone, after, place);
                if computed != (when.clone(), note) {
                    complaints.push(format!("{}:{}: {line}\n  is {computed:?}", document.name, block.line));
                }
                before = Some((cron, place));
            }
        }
    }
    assert!(count > 10, "only {count} due times were found");
    hold(&complaints);
}

/// When a cron line is due for the n-th time after `after`, and what is odd about it.
fn occurrence(cron: &str, zone: &TimeZone, after: DateTime, n: usize) -> (String, String) {
    let schedule = Schedule {
        text: cron.into(),
        rule: Rule::Cron(parse_cron(cron, false).expect("a cron line")),
        zone: zone.clone(),
        calendar: None,
        on_holiday: OnHoliday::Skip,
    };
    let after = zone.to_timestamp(after).expect("an instant");
    let found = coming(&schedule, after, n + 1).remove(n);
    let when = zone.to_datetime(found.at).strftime("%a %Y-%m-%d %H:%M").to_string();
    (when, found.note.unwrap_or_default())
}

#[test]
fn every_key_that_freshd_knows_is_named_where_it_belongs() {
    let manual = Document::read("docs/jobs-toml.md");
    let mut complaints = Vec::new();
    for (place, known) in keys::known() {
        let section = manual.section(place.heading);
        // A key is explained by a row of a table, a section by its heading.
        let rows = section
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split('|').next());
        let explained: BTreeSet<&str> = rows.flat_map(code_of).collect();
        for key in known {
            let headings = [format!("## `[{key}]`"), format!("## `[{key}.NAME]`")];
            let is_section = place.is_top && headings.iter().any(|heading| manual.text.contains(heading));
            if !is_section && !explained.contains(key.as_str()) {
                complaints.push(format!(
                    "`{key}` {} is not explained under {}",
                    place.path, place.heading
                ));
            }
        }
    }
    hold(&complaints);
}

#[test]
fn every_key_of_a_later_version_is_named_and_every_one_named_is_refused() {
    let manual = Document::read("docs/jobs-toml.md");
    let section = manual.section("## Not supported yet");
    let named: BTreeSet<String> = code_of(section).into_iter().map(str::to_owned).collect();
    let mut complaints: Vec<String> = keys::later()
        .into_iter()
        .filter(|key| !named.contains(key))
        .map(|key| format!("`{key}` is refused as not supported yet, and the manual does not say so"))
        .collect();
    complaints.extend(keys::accepted_though_named(section));
    hold(&complaints);
}

#[test]
fn every_verb_and_option_is_in_the_manual_and_the_manual_names_no_other() {
    let manual = Document::read("docs/manual.md");
    let verbs = verbs_of(&help(&[]));
    assert!(verbs.len() > 10, "{verbs:?}");
    let mut complaints = Vec::new();
    for verb in &verbs {
        if !manual.text.contains(&format!("`freshd {verb}")) {
            complaints.push(format!("docs/manual.md does not name `freshd {verb}`"));
        }
        let mut words: Vec<&str> = vec![verb];
        let mut text = help(&words);
        if let Some(inner) = verbs_of(&text).into_iter().next() {
            words.push(&inner);
            text.push_str(&help(&words));
        }
        for option in options_of(&text) {
            if !manual.text.contains(&option) {
                complaints.push(format!("docs/manual.md does not name {option} of `freshd {verb}`"));
            }
        }
    }
    for document in documents() {
        for command in document.commands() {
            let known = verbs.contains(&command.verb) || command.verb == "VERB";
            if !known {
                complaints.push(format!("{}: there is no verb in `{}`", document.name, command.text));
            }
        }
    }
    hold(&complaints);
}

fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_freshd"))
        .args(words)
        .arg("--help")
        .output()
        .expect("freshd runs");
    String::from_utf8(output.stdout).expect("help is UTF-8")
}

fn verbs_of(help: &str) -> Vec<String> {
    let lines = help
        .lines()
        .skip_while(|line| !matches!(*line, "Verbs:" | "Commands:"))
        .skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect()
}

fn options_of(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split([' ', ',']).take(3).filter(|word| word.starts_with("--")));
    words
        .map(str::to_owned)
        .filter(|option| !matches!(option.as_str(), "--help" | "--version"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut complaints = Vec::new();
    let mut count = 0;
    for document in documents() {
        for link in document.links() {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = match file {
                "" => repository().join(&document.name),
                file => repository().join(&document.name).with_file_name("").join(file),
            };
            if !path.exists() {
                complaints.push(format!("{}: `{link}` leads nowhere", document.name));
            } else if !anchor.is_empty() {
                let text = fs::read_to_string(&path).expect("a text");
                if !documents::anchors(&text).iter().any(|known| known == anchor) {
                    complaints.push(format!("{}: `{link}` names no heading", document.name));
                }
            }
        }
    }
    assert!(count > 20, "only {count} links were found");
    hold(&complaints);
}
