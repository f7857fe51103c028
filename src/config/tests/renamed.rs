//! A dataset whose file was renamed since something was published: what is left behind is told of.

use super::*;
use crate::model::{VersionNumber, VersionRef};

#[test]
fn a_file_that_was_renamed_since_something_was_published_is_told_of() {
    let mut place = Place::new();
    let text = TOP.to_owned() + "[datasets.stock]\nowner = \"ops\"\nfile = \"stock.csv\"\n";
    let version = VersionRef {
        dataset: "stock".into(),
        number: VersionNumber(41),
    };
    for (file, is_told) in [("old.csv", true), ("stock.csv", false)] {
        let published = vec![(version.clone(), place.path(file))];
        place.environment = place.environment.clone().with_published(published);
        let loaded = place.load_text(&text);
        assert!(loaded.settings.is_some(), "it is a warning");
        let told: Vec<_> = loaded
            .problems
            .iter()
            .filter(|problem| problem.message.contains("stock@41"))
            .collect();
        assert_eq!(told.len(), usize::from(is_told), "{told:?}");
        for problem in told {
            assert_eq!(problem.level, Level::Warning);
            assert!(problem.message.contains("old.csv until now"), "{}", problem.message);
            assert!(problem.excerpt.contains("file = "), "{}", problem.excerpt);
        }
    }
}
