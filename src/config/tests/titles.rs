//! Titles, by which messages and pages call things.

use super::findings::warnings;

#[test]
fn two_of_a_kind_with_one_title_are_found_with_both_their_lines() {
    let of_team = "[teams.a]\ntitle = \"Sales\"\nnotify = [\"out:a\"]\n\
                   [teams.b]\ntitle = \"sales \"\nnotify = [\"out:b\"]\n";
    let found = warnings(of_team);
    let told = found.iter().find(|one| one.contains("title")).expect("a warning");
    assert!(
        told.contains("team `b` has the title of team `a` (jobs.toml line ") && told.starts_with("jobs.toml:"),
        "{told}"
    );
    let of_system = "[systems.a]\nowner = \"nobody\"\ntitle = \"Planning\"\n\
                     [systems.b]\nowner = \"nobody\"\ntitle = \"planning\"\n";
    let said = warnings(of_system);
    assert!(
        said.iter()
            .any(|one| one.contains("system `b` has the title of system `a`")),
        "{said:?}"
    );
    let others = of_team.replace("\"sales \"", "\"Sales abroad\"");
    assert!(!warnings(&others).iter().any(|one| one.contains("title")));
}
