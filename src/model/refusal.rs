//! Why a candidate is refused, in one sentence.

use super::{Judgement, Verdict};

impl Judgement {
    /// The first of the broken rules, since the checks begin with what is about the whole of it, and how many more there are:
    /// each of them stands on record by itself.
    pub fn refusal(&self) -> String {
        let mut broken = self.checks.iter().filter(|check| check.verdict == Verdict::Hold);
        let first = broken.next().map_or("", |check| check.message.as_str());
        match broken.count() {
            0 => first.to_owned(),
            1 => format!("{first}; and 1 more rule is broken"),
            more => format!("{first}; and {more} more rules are broken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CheckResult;

    fn refusal(verdicts: &[Verdict]) -> String {
        let check = |(number, verdict): (usize, &Verdict)| CheckResult {
            name: format!("rule.{number}"),
            column: None,
            verdict: *verdict,
            expected: String::new(),
            actual: String::new(),
            message: format!("rule {number} says so"),
        };
        let judgement = Judgement {
            checks: verdicts.iter().enumerate().map(check).collect(),
            ..Judgement::default()
        };
        judgement.refusal()
    }

    #[test]
    fn it_tells_the_first_broken_rule_and_counts_the_others() {
        use Verdict::{Hold, Pass, Warn};
        assert_eq!(refusal(&[Pass, Hold, Warn]), "rule 1 says so");
        assert_eq!(
            refusal(&[Hold, Pass, Hold]),
            "rule 0 says so; and 1 more rule is broken"
        );
        assert_eq!(
            refusal(&[Warn, Hold, Hold, Hold, Hold]),
            "rule 1 says so; and 3 more rules are broken"
        );
    }
}
