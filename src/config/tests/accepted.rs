//! What is accepted, and what it means.

use std::time::Duration;

use super::*;
use crate::model::{ChannelKind, Command, MailSecurity, Owner, Rule};

/// A configuration of every section.
pub(super) const EXAMPLE: &str = include_str!("example.toml");

/// A file that the example includes.
const FORECAST: &str = r#"
[datasets.forecast]
owner = "sales"
file = "../exports/forecast.csv"
consumers = ["sales"]
max_age = "8d"

[jobs.forecast]
owner = "sales"
command = ["../bin/run.sh", "--weeks", "", "4"]
on = ["stock"]
produces = "forecast"
"#;

/// The example with all the files it names.
pub(super) fn example() -> Place {
    let mut place = Place::new();
    place.write("jobs.toml", EXAMPLE);
    place.write("secrets/smtp", "mail-password-on-disk\n");
    place.write("secrets/hook", "whsec_hook-on-disk");
    for secret in ["secrets/smtp", "secrets/hook"] {
        place.mode(secret, 0o600);
    }
    place.write(
        "credentials/slack-ops",
        "https://hooks.slack.example/services/T0/slack-credential\n",
    );
    place.environment.credentials_dir = Some(place.path("credentials"));
    place.script("transfers/export_stock.sh");
    place.write("jobs.d/forecast.toml", FORECAST);
    place.write("jobs.d/README", "not read");
    place
}

#[test]
fn the_example_is_accepted_with_all_it_says() {
    let place = example();
    let loaded = place.load();
    assert_eq!(place.rendered(&loaded), "");
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.timezone.iana_name(), Some("Europe/Oslo"));
    assert_eq!(
        settings.web.as_ref().unwrap().listen.to_string(),
        "127.0.0.1:7373"
    );
}
