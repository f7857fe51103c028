//! Numbers that people type: what each of them is, and where it is found.

/// The number of an incident, for clap.
pub(super) fn incident(text: &str) -> Result<u64, String> {
    number(text, "an incident", "`freshd incidents` lists them")
}

/// The number of a message, for clap.
pub(super) fn message(text: &str) -> Result<u64, String> {
    number(text, "a message", "`freshd notify dead` lists those that were given up")
}

/// How many of something, from 1 on, for clap.
pub(super) fn count(text: &str, most: i64) -> Result<u32, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=most).contains(&i64::from(*number)));
    number.ok_or_else(|| format!("write a whole number from 1 to {most}"))
}

fn number(text: &str, of: &str, listed: &str) -> Result<u64, String> {
    // As messages and pages write an incident.
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits
        .parse()
        .map_err(|_| format!("that is not the number of {of}; {listed}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_is_no_number_is_answered_with_where_to_find_one() {
        assert_eq!((incident("7"), incident("#7")), (Ok(7), Ok(7)));
        for (said, listed) in [
            (incident("foo"), "of an incident; `freshd incidents` lists them"),
            (
                message("-1"),
                "of a message; `freshd notify dead` lists those that were given up",
            ),
        ] {
            let said = said.expect_err("no number");
            assert!(said.contains(listed), "{said}");
        }
    }

    #[test]
    fn a_count_says_from_where_to_where_it_goes() {
        assert_eq!((count("1", 20), count("20", 20)), (Ok(1), Ok(20)));
        for wrong in ["0", "21", "x", "-1", "", "99999999999"] {
            assert_eq!(count(wrong, 20), Err("write a whole number from 1 to 20".to_owned()));
        }
    }

    #[test]
    fn what_is_typed_wrong_is_answered_with_what_is_expected() {
        for (typed, said) in [
            (
                &["ack", "foo"][..],
                "that is not the number of an incident; `freshd incidents` lists them",
            ),
            (
                &["incidents", "foo"],
                "that is not the number of an incident; `freshd incidents` lists them",
            ),
            (
                &["notify", "resend", "x"],
                "that is not the number of a message; `freshd notify dead` lists",
            ),
            (&["history", "--limit", "x"], "write a whole number from 1 to "),
            (&["next", "--count", "0"], "write a whole number from 1 to "),
            (
                &["silence", "stock", "--for", "-1h", "--because", "counting"],
                "`-1h` is not a duration; write a number with a unit",
            ),
            (&["drill", "stock", "--for", "-1h"], "`-1h` is not a duration"),
        ] {
            let typed = std::iter::once(&"freshd").chain(typed);
            let refused = super::super::Cli::try_parse_from(typed)
                .expect_err("it is wrong")
                .to_string();
            assert!(refused.contains(said) && !refused.contains("tip:"), "{refused}");
        }
    }
}
