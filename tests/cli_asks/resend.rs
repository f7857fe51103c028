//! What was given up is sent again from the command line.

use super::freshd_process::House;
use super::{JOBS, ends, json};

#[test]
fn a_dead_message_is_put_in_again_by_its_number_and_only_once() {
    let house = House::with(&format!(
        "{}[alerts]\ngroup_wait = \"0s\"\n[channels.siren]\ntype = \"command\"\ncommand = [\"./siren.sh\"]\n\
         [teams.ops]\nnotify = [\"siren:deck\"]\n",
        JOBS.replace("[jobs.broken]\nowner = \"it\"", "[jobs.broken]\nowner = \"ops\"")
    ));
    house.script("siren.sh", "exec test -e HOUSE/armed\n");
    let _daemon = house.daemon();
    ends(&house, 1, &["run", "broken", "--wait"]);
    let dead = |house: &House| {
        let incident = house.reader().incidents(true, 9).expect("read");
        let of = incident.iter().find(|incident| incident.subject.as_str() == "broken");
        let told = of.map(|incident| house.reader().notifications_of(incident.id).expect("read"));
        let told = told.into_iter().flatten().map(|(message, _)| message);
        told.filter(|message| message.address.channel.as_str() == "siren")
            .collect::<Vec<_>>()
    };
    house.until_stored("the message is dead", |_| {
        dead(&house).iter().any(|message| message.state.as_str() == "dead")
    });
    let first = dead(&house).remove(0);
    let incident = first.incident.expect("an incident").to_string();
    let (listed, _) = ends(&house, 0, &["incidents", &incident]);
    let number = first.id.to_string();
    let is_listed = listed
        .lines()
        .any(|line| line.starts_with(&number) && line.contains("siren:deck") && line.contains("dead"));
    assert!(is_listed, "{listed}");

    house.write("armed", "");
    let said = json(&house, 0, &["--json", "notify", "resend", &number]);
    let again = said["message"].as_u64().expect("a number");
    house.until_stored("it is taken", |_| {
        dead(&house)
            .iter()
            .any(|message| message.id.0 == again && message.state.as_str() == "delivered")
    });
    let (_, why) = ends(&house, 1, &["notify", "resend", &number]);
    assert!(
        why.contains(&format!(
            "not sent again: message {number} was sent again already, as message {again}"
        )),
        "{why}"
    );
    let (_, why) = ends(&house, 1, &["notify", "resend", "999"]);
    assert!(
        why.contains("there is no message 999; `freshd incidents ID` lists those of an incident"),
        "{why}"
    );
}
