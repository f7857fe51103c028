//! Secrets: found where they are, refused where they must not be, and shown nowhere.

use super::*;
use crate::model::ChannelKind;

fn hook(secret: &str) -> String {
    format!("{TOP}[channels.h]\ntype = \"webhook\"\nurl = \"https://h/\"\nsecret = {secret}\n")
}

fn found(place: &Place, secret: &str) -> String {
    let loaded = place.load_text(&hook(secret));
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    match &settings.channels["h"].kind {
        ChannelKind::Webhook {
            secret: Some(secret), ..
        } => secret.reveal().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_is_found_in_a_file_a_variable_or_a_credential() {
    let mut place = Place::new();
    place.environment.credentials_dir = Some(place.path("credentials"));
    place.write("credentials/hook", "from credential\r\n");
    place.write("secrets/hook", " from file \n");
    assert_eq!(found(&place, "{ file = \"secrets/hook\" }"), " from file ");
    assert_eq!(found(&place, "{ env = \"HOOK_SECRET\" }"), "hook-in-variable");
    assert_eq!(found(&place, "{ credential = \"hook\" }"), "from credential");
}

#[test]
fn a_secret_that_cannot_be_had_says_why() {
    let place = Place::new();
    place.write("empty", "\n");
    place.write("two", "a\nb\n");
    for (secret, expected) in [
        (
            "{ file = \"nope\" }",
            "jobs.toml:20:19 `\"nope\"` the secret's file `nope` does not exist (create it, or correct the path)",
        ),
        (
            "{ file = \"empty\" }",
            "jobs.toml:20:19 `\"empty\"` the secret's file `empty` is empty (put the secret into it)",
        ),
        (
            "{ file = \"two\" }",
            "jobs.toml:20:19 `\"two\"` the secret's file `two` has more than one line (leave only the secret in it)",
        ),
        (
            "{ env = \"NOPE\" }",
            "jobs.toml:20:18 `\"NOPE\"` the environment variable `NOPE` is not set (set it where freshd is started, or write { file = \"...\" })",
        ),
        (
            "{ credential = \"x\" }",
            "jobs.toml:20:25 `\"x\"` there is no credential `x`: CREDENTIALS_DIRECTORY is not set (run under systemd with LoadCredential=x:/path/to/file)",
        ),
        (
            "{ path = \"x\" }",
            "jobs.toml:20:12 `path` unknown key `path` in [secret] (did you mean `file`?)",
        ),
        (
            "\"hunter2\"",
            "jobs.toml:20:10 `***` `secret` is a secret and must not stand in the file (write secret = { file = \"secrets/secret\" }, { env = \"NAME\" } or { credential = \"NAME\" })",
        ),
        (
            "12345",
            "jobs.toml:20:10 `***` `secret` must be a secret from elsewhere, not a whole number (write secret = { file = \"secrets/secret\" }, { env = \"NAME\" } or { credential = \"NAME\" })",
        ),
    ] {
        let loaded = place.load_text(&hook(secret));
        assert_eq!(place.lines(&loaded, Level::Error), [expected], "{secret}");
    }
}

#[test]
fn a_signing_secret_that_cannot_sign_is_a_mistake() {
    let place = Place::new();
    for text in ["whsec_!!!notbase64", "whsec_"] {
        place.write("s", text);
        place.mode("s", 0o600);
        let loaded = place.load_text(&hook("{ file = \"s\" }"));
        let expected = "jobs.toml:20:10 `{ file = \"s\" }` what the secret has behind `whsec_` is not base64 (copy it once more, or take `whsec_` out if the receiver takes it as plain text)";
        assert_eq!(place.lines(&loaded, Level::Error), [expected], "{text}");
    }
    place.write("s", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    assert_eq!(
        found(&place, "{ file = \"s\" }"),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    );
}

#[test]
fn a_secret_that_everybody_can_read_is_a_warning() {
    let place = Place::new();
    place.write("s", "x");
    place.mode("s", 0o644);
    let loaded = place.load_text(&hook("{ file = \"s\" }"));
    assert_eq!(
        place.lines(&loaded, Level::Warning),
        ["jobs.toml:20:19 `\"s\"` the secret's file `s` can be read by everybody (chmod o-r s)"]
    );
    place.mode("s", 0o640);
    let warnings = place.lines(&place.load(), Level::Warning);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_slack_url_is_a_secret_but_for_a_server_on_this_machine() {
    let place = Place::new();
    let slack = |url: &str| format!("{TOP}[channels.s]\ntype = \"slack\"\nurl = {url}\n");
    let refused = place.load_text(&slack("\"https://hooks.slack.com/services/T0/B0/canary\""));
    assert!(refused.settings.is_none());
    assert!(!place.rendered(&refused).contains("canary"));
    assert!(place.load_text(&slack("\"http://127.0.0.1:9/x\"")).settings.is_some());
    place.write("url", "ftp://canary/\n");
    place.mode("url", 0o600);
    let refused = place.load_text(&slack("{ file = \"url\" }"));
    assert!(refused.settings.is_none());
    assert!(!format!("{:?}", refused.problems).contains("canary"));
}

#[test]
fn no_secret_is_shown_by_any_problem_or_by_debug() {
    let canaries = ["canary-one", "canary-two", "canary-three", "canary-four"];
    for text in [
        // A secret in place, with mistakes before, on and behind it.
        "[channels.m]\ntype = \"email\"\npassword = \"canary-one\"\n",
        "[channels.m]\ntype = \"email\"\npasword = \"canary-one\"\nfoo = \"canary-two\"\n",
        "[channels]\nm = { typ = \"email\", password = \"canary-one\", bar = 'canary-two', x = 1 }\n",
        "[channels.m]\ntype = \"email\"\nserver = \"smtps://user:canary-one@host\"\nfrom = \"x\"\n",
        "[channels.m]\ntype = \"webhook\"\nurl = \"http://h/canary-one\"\nsecret = canary-two\n",
        "[channels.m]\ntype = \"webhook\"\nsecret = \"\"\"canary-one\ncanary-two\n",
        "[channels.m]\ntype = \"webhook\"\nsecret = \"canary-one\" \"canary-two\"\n",
        "[channels.m]\ntype = \"webhook\"\nsecret = { canary-one }\n",
        "[channels.m]\ntype = \"webhook\"\nsecret = canary-one, canary-two\n",
        "[channels.m]\nfrom = \"x\"secret = \"canary-one\"\n",
        "[channels.m]\ntype = \"webhook\"\nsecret\nword = \"canary-one\"\n",
        "[channels.m]\ntype = \"webhook\"\nsecret = [\"canary-one\",\n\"canary-two\" \"canary-three\"]\n",
        "channels.m.secret = \"canary-one\"\n",
        "channels.m = { secret = \"canary-one\", type = 3, url = [\"canary-two\"] }\n",
        "[jobs.a]\ncommand = \"true\"\nenv = { PGPASSWORD = \"canary-one\", \"x y\" = \"canary-two\" }\n",
        "[jobs.a]\ncommand = \"true\"\nenv.PGPASSWORD = \"canary-one\"\nenv.\"a b\" = \"canary-two\"\n",
        "[jobs.a.env]\nX = [\"canary-one\"]\nY = canary-two\n",
        "[jobs.a]\npassword = \"canary-one\"\napi_token = \"canary-two\"\n",
    ] {
        let place = Place::new();
        let loaded = place.load_text(&format!("{text}{TOP}"));
        assert!(!loaded.problems.is_empty(), "{text}");
        let shown = format!("{}{:?}{}", place.rendered(&loaded), loaded.problems, loaded.to_json());
        for canary in canaries {
            assert!(!shown.contains(canary), "{text}\n{shown}");
        }
    }
    let place = super::accepted::example();
    let loaded = place.load();
    let shown = format!("{:?} {:?}", loaded.settings, place.environment);
    for secret in [
        "mail-password-on-disk",
        "hook-on-disk",
        "slack-credential",
        "hook-in-variable",
    ] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn the_key_of_a_ping_may_lie_in_a_file_and_is_never_repeated() {
    let place = Place::new();
    place.write("secrets/payroll", "0123456789abcdef\n");
    place.mode("secrets/payroll", 0o600);
    let text = |key: &str| format!("{TOP}[datasets.payroll]\nowner = \"ops\"\nprobe = {{ ping = {key} }}\n");
    let loaded = place.load_text(&text("{ file = \"secrets/payroll\" }"));
    let settings = loaded.settings.expect("it is accepted");
    assert!(settings.pinged_by("0123456789abcdef").is_some());
    assert!(settings.pinged_by("0123456789abcdeX").is_none());
    assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    place.write("secrets/payroll", "canary");
    let loaded = place.load_text(&text("{ file = \"secrets/payroll\" }"));
    let shown = place.rendered(&loaded);
    assert!(
        shown.contains("the key of a ping has 16 to 100") && !shown.contains("canary"),
        "{shown}"
    );
}

#[test]
fn every_secret_that_is_read_is_hidden_from_then_on_whatever_it_is_for() {
    let place = Place::new();
    for (name, secret) in [
        ("mail", "of-the-mail-server"),
        ("hook", "https://ops.example/Hook-000001"),
        ("ping", "of-a-script-elsewhere"),
        ("job.env", "EXPORT_KEY=of-a-job-in-a-file\n"),
    ] {
        place.write(name, secret);
    }
    let loaded = place.load_text(&format!(
        "{TOP}[channels.mail]\ntype = \"email\"\nserver = \"smtps://mail.example\"\nfrom = \"f@x.example\"\n\
         username = \"f\"\npassword = {{ file = \"mail\" }}\n\
         [channels.hook]\ntype = \"webhook\"\nurl = {{ file = \"hook\" }}\n\
         [channels.open]\ntype = \"webhook\"\nurl = \"https://open.example/receives/T0ken-in-the-open\"\n\
         [datasets.d]\nowner = \"ops\"\nprobe = {{ ping = {{ file = \"ping\" }} }}\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nenv_file = \"job.env\"\nenv = {{ PASSWORD = \"of-a-job\" }}\n"
    ));
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let said = "of-the-mail-server https://ops.example/Hook-000001 Hook-000001 of-a-script-elsewhere of-a-job-in-a-file \
                of-a-job T0ken-in-the-open";
    assert_eq!(settings.redactor.text(said), ["[hidden]"; 7].join(" "));
    let (of_what_is_wrong, mistakes) = redactor(&place.path("jobs.toml"), &place.environment);
    assert_eq!(
        (mistakes.len(), of_what_is_wrong.text(said)),
        (0, settings.redactor.text(said))
    );
    fs::remove_file(place.path("mail")).unwrap();
    let (of_what_is_wrong, mistakes) = redactor(&place.path("jobs.toml"), &place.environment);
    assert_eq!(mistakes.len(), 1);
    assert!(
        of_what_is_wrong
            .text(said)
            .starts_with("of-the-mail-server [hidden] [hidden]")
    );
}

#[test]
fn a_text_for_people_has_no_login_in_it() {
    let place = Place::new();
    let loaded = place.load_text(&format!(
        "{TOP}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nrunbook = \"see https://me:canary@wiki.example/j\"\n"
    ));
    let found = format!("{:?}", loaded.problems);
    assert!(
        loaded.settings.is_none()
            && found.contains("`runbook` has a URL with a login in it")
            && !found.contains("canary"),
        "{found}"
    );
}
