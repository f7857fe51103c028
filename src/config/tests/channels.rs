//! Chats, pagers, alert managers and programs as channels: what is accepted, and one mistake, one message.

use std::time::Duration;

use super::*;
use crate::model::{ChannelKind, Command, Login};

/// A place with a secret in `s`, and a channel `x` of these lines, the first of which is line 18.
fn place_with(lines: &str) -> (Place, Loaded) {
    let place = Place::new();
    place.write("s", "0123456789abcdef\n");
    place.mode("s", 0o600);
    let loaded = place.load_text(&format!("{TOP}[channels.x]\n{lines}\n"));
    (place, loaded)
}

fn accepted(lines: &str) -> ChannelKind {
    let (place, loaded) = place_with(lines);
    let errors = place.lines(&loaded, Level::Error);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{errors:?}"));
    settings.channels["x"].kind.clone()
}

#[test]
fn mistakes_in_a_channel_and_in_its_addresses_are_told_together() {
    let mistakes = errors(
        "[channels.x]\ntype = \"email\"\nserver = \"mail.example.com\"\nfrom = \"a@example.com\"\n\
         [channels.y]\ntype = \"slack\"\ntoken = \"xoxb-1\"\nchannel = \"#ops\"\n\
         [teams.z]\nnotify = [\"x:nobody\", \"x\", \"y:#a b\"]\n",
    );
    let places: Vec<_> = mistakes.iter().filter_map(|one| one.split(' ').next()).collect();
    let expected = [
        "jobs.toml:19:10",
        "jobs.toml:23:9",
        "jobs.toml:26:11",
        "jobs.toml:26:23",
        "jobs.toml:26:28",
    ];
    assert_eq!(places, expected, "{mistakes:#?}");
}

#[test]
fn pagerduty_needs_a_routing_key_and_knows_where_events_are_taken() {
    let ChannelKind::PagerDuty { url, routing_key, .. } =
        accepted("type = \"pagerduty\"\nrouting_key = { file = \"s\" }")
    else {
        panic!("another kind")
    };
    assert_eq!(url.reveal(), "https://events.pagerduty.com/v2/enqueue");
    assert_eq!(routing_key.reveal(), "0123456789abcdef");
    let europe =
        "type = \"pagerduty\"\nrouting_key = { file = \"s\" }\nurl = \"https://events.eu.pagerduty.com/v2/enqueue\"";
    let ChannelKind::PagerDuty { url, .. } = accepted(europe) else {
        panic!("another kind")
    };
    assert_eq!(url.reveal(), "https://events.eu.pagerduty.com/v2/enqueue");
}

#[test]
fn an_alertmanager_is_asked_without_a_login_or_with_either_kind() {
    let with = |lines: &str| match accepted(&format!(
        "type = \"alertmanager\"\nurl = \"https://am.example\"\n{lines}"
    )) {
        ChannelKind::Alertmanager { login, labels, .. } => (login, labels),
        other => panic!("{other:?}"),
    };
    assert_eq!(with(""), (None, Vec::new()));
    assert!(matches!(with("token = { file = \"s\" }").0, Some(Login::Bearer(_))));
    let (login, labels) = with("username = \"freshd\"\npassword = { file = \"s\" }\nlabels = { site = \"tromso\" }");
    assert!(matches!(login, Some(Login::Basic { username, .. }) if username == "freshd"));
    assert_eq!(labels, [("site".to_owned(), "tromso".to_owned())]);
}

#[test]
fn a_topic_of_ntfy_may_be_written_out_or_be_a_secret() {
    for topic in ["\"0123456789abcdef\"", "{ file = \"s\" }"] {
        let ChannelKind::Ntfy { url, topic, .. } = accepted(&format!("type = \"ntfy\"\ntopic = {topic}")) else {
            panic!("another kind")
        };
        assert_eq!((url.reveal(), topic.reveal()), ("https://ntfy.sh", "0123456789abcdef"));
    }
}

#[test]
fn a_command_is_a_text_for_the_shell_or_a_list_and_gets_a_small_environment() {
    let ChannelKind::Command(text) = accepted("type = \"command\"\ncommand = \"bin/run.sh --now\"") else {
        panic!("another kind")
    };
    assert!(
        matches!(&text.command, Command::Shell(text) if text.starts_with('/') && text.ends_with("bin/run.sh --now"))
    );
    assert_eq!(text.timeout, Duration::from_secs(30));
    assert_eq!(
        text.env,
        [("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        "and no secret of freshd's own"
    );
    let ChannelKind::Command(list) =
        accepted("type = \"command\"\ncommand = [\"bin/run.sh\", \"a b\"]\ntimeout = \"2m\"")
    else {
        panic!("another kind")
    };
    assert!(matches!(&list.command, Command::Argv(words) if words.len() == 2 && &*words[1] == "a b"));
    assert_eq!(list.timeout, Duration::from_mins(2));
}

#[test]
fn root_must_say_as_whom_the_command_of_a_channel_runs() {
    let mut place = Place::new();
    place.environment.root = true;
    let text = format!("{TOP}[channels.x]\ntype = \"command\"\ncommand = \"bin/run.sh\"\n");
    let loaded = place.load_text(&text);
    assert_eq!(
        place.lines(&loaded, Level::Error),
        [
            "jobs.toml:17:11 `x` freshd runs as root, and channel `x` does not say as whom its command runs (write user = \"NAME\", or run_as_root = true at the top of the root file)"
        ]
    );
    let loaded = place.load_text(&format!("{text}user = \"daemon\"\n"));
    let settings = loaded.settings.expect("accepted");
    let ChannelKind::Command(command) = &settings.channels["x"].kind else {
        panic!("another kind")
    };
    assert_eq!(command.run_as.as_ref().map(|user| user.uid), Some(1));
    assert!(command.env.contains(&("USER".to_owned(), "daemon".to_owned())));
    let allowed = place.load_text(&format!("run_as_root = true\n{text}"));
    assert!(allowed.settings.is_some());
    let notes = place.lines(&allowed, Level::Note);
    let told =
        "jobs.toml:18:11 `x` freshd runs as root, and so will the command of channel `x`: `run_as_root` allows it (-)";
    assert!(notes.iter().any(|note| note == told), "{notes:?}");
}

#[test]
fn a_slack_app_has_a_token_and_a_channel_and_knows_where_the_api_is() {
    let ChannelKind::SlackApp {
        api, token, channel, ..
    } = accepted("type = \"slack\"\ntoken = { file = \"s\" }\nchannel = \"#ops\"")
    else {
        panic!("another kind")
    };
    assert_eq!((api.reveal(), channel.as_str()), ("https://slack.com/api", "#ops"));
    assert_eq!(token.reveal(), "0123456789abcdef");
}

#[test]
fn every_mistake_about_these_channels_is_told_once() {
    for (lines, expected) in [
        (
            "type = \"teams\"",
            "jobs.toml:17:11 `x` a Teams channel needs the `url` of its workflow \"when a Teams webhook request is received\" (write url = { file = \"secrets/teams\" })",
        ),
        (
            "type = \"teams\"\nurl = \"https://example.com/workflows/x\"",
            "jobs.toml:19:7 `***` `url` is a secret and must not stand in the file (write url = { file = \"secrets/url\" }, { env = \"NAME\" } or { credential = \"NAME\" })",
        ),
        (
            "type = \"slack\"",
            "jobs.toml:17:11 `x` a Slack channel needs the `url` of its incoming webhook, or the `token` of an app and a `channel` (write url = { file = \"secrets/slack\" })",
        ),
        (
            "type = \"slack\"\nchannel = \"#ops\"",
            "jobs.toml:17:11 `x` a Slack app needs its `token` (write token = { file = \"secrets/slack\" }: the bot token, which begins with xoxb-)",
        ),
        (
            "type = \"slack\"\ntoken = { file = \"s\" }",
            "jobs.toml:17:11 `x` a Slack app needs a `channel` to post to (write channel = \"#ops\")",
        ),
        (
            "type = \"slack\"\ntoken = { file = \"s\" }\nchannel = \"the ops room\"",
            "jobs.toml:20:11 `\"the ops room\"` `channel` is no channel of Slack (write channel = \"#ops\", or its id)",
        ),
        (
            "type = \"slack\"\ntoken = { file = \"s\" }\nchannel = \"#ops\"\nurl = { file = \"s\" }",
            "jobs.toml:21:1 `url` `url` stands beside what an app needs (keep `url` for an incoming webhook, or `token` and `channel` for an app)",
        ),
        (
            "type = \"pagerduty\"",
            "jobs.toml:17:11 `x` a PagerDuty channel needs the `routing_key` of its integration \"Events API V2\" (write routing_key = { file = \"secrets/routing_key\" })",
        ),
        (
            "type = \"pagerduty\"\nroutingkey = { file = \"s\" }",
            "jobs.toml:19:1 `routingkey` unknown key `routingkey` in [channels.x] (did you mean `routing_key`?)",
        ),
        (
            "type = \"pagerduty\"\nrouting_key = \"0123\"",
            "jobs.toml:19:15 `***` `routing_key` is a secret and must not stand in the file (write routing_key = { file = \"secrets/routing_key\" }, { env = \"NAME\" } or { credential = \"NAME\" })",
        ),
        (
            "type = \"alertmanager\"",
            "jobs.toml:17:11 `x` an Alertmanager channel needs its `url` (write url = \"https://alertmanager.example.com\", without /api/v2/alerts)",
        ),
        (
            "type = \"alertmanager\"\nurl = \"http://alertmanager:9093\"",
            "jobs.toml:19:7 `***` plain http is sent to this machine only (write https://...)",
        ),
        (
            "type = \"alertmanager\"\nurl = \"http://localhost:9093\"\nusername = \"u\"",
            "jobs.toml:20:1 `username` `username` needs `password` beside it (add password = { file = \"...\" }, or take the username out)",
        ),
        (
            "type = \"alertmanager\"\nurl = \"http://localhost:9093\"\nusername = \"u\"\npassword = { file = \"s\" }\ntoken = { file = \"s\" }",
            "jobs.toml:22:1 `token` `token` stands beside `username` and `password` (keep the one that the other side asks for)",
        ),
        (
            "type = \"alertmanager\"\nurl = \"http://localhost:9093\"\nlabels = { severity = \"page\" }",
            "jobs.toml:20:12 `severity` freshd says itself what the label `severity` is (choose another name)",
        ),
        (
            "type = \"alertmanager\"\nurl = \"http://localhost:9093\"\nlabels = { \"my-site\" = \"a\" }",
            "jobs.toml:20:12 `\"my-site\"` `my-site` is not a name of a label (write letters, digits and `_`, a letter first)",
        ),
        (
            "type = \"ntfy\"",
            "jobs.toml:17:11 `x` an ntfy channel needs a `topic` (write topic = \"freshd-ops\", or topic = { file = \"secrets/topic\" } if nobody else may read along)",
        ),
        (
            "type = \"ntfy\"\ntopic = \"https://ntfy.sh/ops\"",
            "jobs.toml:19:9 `***` `topic` is not a topic of ntfy (write at most 64 letters, digits, `-` and `_`, without the server)",
        ),
        (
            "type = \"command\"",
            "jobs.toml:17:11 `x` channel `x` has no command (write command = [\"scripts/page.sh\"])",
        ),
        (
            "type = \"command\"\ncommand = [\"bin/nope.sh\"]",
            "jobs.toml:19:12 `***` `bin/nope.sh` does not exist (create bin/nope.sh, or correct the path)",
        ),
        (
            "type = \"command\"\ncommand = \"true\"\ntimeout = \"1h\"",
            "jobs.toml:20:11 `\"1h\"` `timeout` of a channel must be between 1s and 10m (write timeout = \"30s\")",
        ),
        (
            "type = \"alertmanager\"\nurl = \"http://user:password@localhost:9093\"",
            "jobs.toml:19:7 `***` `url` must not contain a login (write username = \"...\" and password = { file = \"...\" } beside it)",
        ),
        (
            "type = \"ntfy\"\ntopic = \"ops\"\nurl = \"https://token@ntfy.example\"",
            "jobs.toml:20:7 `***` `url` must not contain a login (write username = \"...\" and password = { file = \"...\" } beside it)",
        ),
        (
            "type = \"webhook\"\nurl = \"https://user:password@hook.example\"",
            "jobs.toml:19:7 `***` `url` must not contain a login (write url = { file = \"secrets/url\" }, with the whole URL in that file)",
        ),
        (
            "type = \"teams\"\nurl = \"http://user:password@localhost\"",
            "jobs.toml:19:7 `***` `url` must not contain a login (write url = { file = \"secrets/url\" }, with the whole URL in that file)",
        ),
        (
            "type = \"slack\"\nurl = \"http://user:password@localhost\"",
            "jobs.toml:19:7 `***` `url` must not contain a login (write url = { file = \"secrets/url\" }, with the whole URL in that file)",
        ),
        (
            "type = \"slack\"\ntoken = { file = \"s\" }\nchannel = \"#ops\"\napi = \"https://user:password@slack.example\"",
            "jobs.toml:21:7 `***` `api` must not contain a login (write api = { file = \"secrets/api\" }, with the whole URL in that file)",
        ),
        (
            "type = \"pagerduty\"\nrouting_key = { file = \"s\" }\nurl = \"https://user:password@pd.example\"",
            "jobs.toml:20:7 `***` `url` must not contain a login (write url = { file = \"secrets/url\" }, with the whole URL in that file)",
        ),
        (
            "type = \"exec\"",
            "jobs.toml:18:8 `\"exec\"` unknown type of channel (did you mean \"command\"?)",
        ),
    ] {
        let (place, loaded) = place_with(lines);
        assert_eq!(place.lines(&loaded, Level::Error), [expected], "{lines}");
    }
}

#[test]
fn an_address_behind_the_colon_of_one_destination_has_no_effect() {
    let (place, loaded) =
        place_with("type = \"pagerduty\"\nrouting_key = { file = \"s\" }\n[teams.x]\nnotify = [\"x:somebody\"]");
    assert_eq!(
        place.lines(&loaded, Level::Warning),
        [
            "jobs.toml:21:11 `\"x:somebody\"` `somebody` has no effect: channel `x` has one destination (write \"x\", and a channel of its own for each destination)"
        ]
    );
}

#[test]
fn what_is_no_secret_is_shown_with_a_mistake_beside_it() {
    for (line, shown) in [
        (
            "type = \"slack\"\ntoken = { file = \"s\" }\nchannel = \"the ops room\"",
            "the ops room",
        ),
        ("type = \"email\"\nto = \"it@sea.example\"", "it@sea.example"),
        ("type = \"alertmanager\"\nlabels = { \"bad name\" = \"quay\" }", "quay"),
    ] {
        let place = Place::new();
        let problems = place.load_text(&format!("{TOP}[channels.x]\n{line}\n")).problems;
        let lines: Vec<&str> = problems.iter().map(|problem| problem.excerpt.as_str()).collect();
        assert!(lines.iter().any(|line| line.contains(shown)), "{lines:?}");
    }
}

#[test]
fn an_address_that_ends_with_its_colon_is_told_without_an_empty_name() {
    let mistakes = errors(
        "[channels.x]\ntype = \"email\"\nserver = \"mail.example.com\"\nfrom = \"a@example.com\"\n\
         [channels.y]\ntype = \"slack\"\ntoken = { file = \"s\" }\nchannel = \"#ops\"\n\
         [teams.z]\nnotify = [\"x:\", \"y:\"]\n",
    );
    let told = mistakes.join("\n");
    assert!(told.contains("channel `x` needs a mail address"), "{told}");
    assert!(told.contains("behind `y:` stands no channel of Slack"), "{told}");
    assert!(!told.contains("``"), "{told}");
}
