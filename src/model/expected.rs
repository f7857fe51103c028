//! A jump that a person expects of a dataset: the checks that compare with versions before accept it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckResult, Name, VersionNumber};

/// Most versions that one expectation accepts: what stays otherwise for longer is a check to be written anew.
pub const EXPECTED_VERSIONS_MAX: u32 = 100;

/// What a person expects of a dataset, on the record. Each dataset has its last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The dataset.
    pub dataset: Name,
    /// Why it will be otherwise.
    pub because: String,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Until when it stands, unless it is used up before.
    pub until: Timestamp,
    /// For how many accepted versions; 0 once it was taken back.
    pub versions: u32,
    /// The versions that were accepted meanwhile.
    pub used: Vec<VersionNumber>,
    /// Where each check that jumped begins to learn anew; also those of expectations before.
    pub jumps: Vec<Jump>,
}

/// A check that an expected version did not pass: it compares with no version before that one any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jump {
    /// The check.
    pub check: CheckOf,
    /// The version.
    pub version: VersionNumber,
}

/// A check by its name, and the column that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckOf {
    /// As jobs.toml names it: `rows.change`.
    pub name: String,
    /// `None` for the file as a whole.
    pub column: Option<String>,
}

/// That a version was expected to be otherwise; it goes with the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// Who said so.
    pub by: String,
    /// Why.
    pub because: String,
    /// When; by this the expectation is known again.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// The checks that it would not have passed.
    pub checks: Vec<CheckOf>,
}

impl Expectation {
    /// Whether it accepts a version now.
    pub fn stands(&self, now: Timestamp) -> bool {
        now < self.until && self.used.len() < self.versions as usize
    }

    /// `price list 2027 (olav)`.
    pub fn words(&self) -> String {
        format!("{} ({})", self.because, self.by)
    }

    /// Accepts what the checks that compare with versions before have found, and says so in their answers. All other
    /// answers stay what they are. The result goes with the version.
    pub fn accept(&self, checks: &mut [CheckResult]) -> Expected {
        let mut accepted = Vec::new();
        for check in checks.iter_mut().filter(|check| check.is_odd_by_habit()) {
            check.verdict = super::Verdict::Pass;
            check.message = format!("expected: {}; {}", self.words(), check.message);
            accepted.push(CheckOf {
                name: check.name.clone(),
                column: check.column.clone(),
            });
        }
        Expected {
            by: self.by.clone(),
            because: self.because.clone(),
            at: self.at,
            checks: accepted,
        }
    }

    /// A version is in place that was accepted by it, or by what was expected before: then it uses nothing up, but what
    /// has jumped has jumped all the same.
    pub fn use_up(&mut self, version: VersionNumber, expected: &Expected) {
        if self.at == expected.at {
            self.used.push(version);
        }
        for check in &expected.checks {
            // A column that jumps twice in a row learns from the last jump on.
            self.jumps.retain(|jump| jump.check != *check);
            self.jumps.push(Jump {
                check: check.clone(),
                version,
            });
        }
    }
}

impl Expected {
    /// `price list 2027 (olav)`.
    pub fn words(&self) -> String {
        format!("{} ({})", self.because, self.by)
    }
}

/// What a person expects of a dataset, as long as it stands.
#[derive(Clone, Debug, Deserialize)]
pub struct ExpectedState {
    /// Why.
    pub because: String,
    /// Who says so.
    pub by: String,
    /// When it is over, unless it is used up before.
    pub until: Timestamp,
    /// For how many accepted versions.
    pub versions: u32,
    /// The versions that were accepted meanwhile.
    #[serde(default)]
    pub used: Vec<u64>,
}

impl ExpectedState {
    /// `price list 2027 (olav), 1 more version`; the end is for whoever knows the zone.
    pub fn words(&self) -> String {
        let left = u64::from(self.versions).saturating_sub(self.used.len() as u64);
        let more = if left == 1 { "version" } else { "versions" };
        format!("{} ({}), {left} more {more}", self.because, self.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn expectation(versions: u32) -> Expectation {
        Expectation {
            dataset: Name::from("stock"),
            because: "price list 2027".to_owned(),
            by: "olav".to_owned(),
            at: at(10),
            until: at(100),
            versions,
            used: Vec::new(),
            jumps: Vec::new(),
        }
    }

    fn check(name: &str, column: Option<&str>, verdict: Verdict) -> CheckResult {
        CheckResult {
            name: name.to_owned(),
            column: column.map(str::to_owned),
            verdict,
            expected: String::new(),
            actual: String::new(),
            message: "it is otherwise".to_owned(),
        }
    }

    #[test]
    fn only_what_compares_with_versions_before_is_accepted() {
        let mut checks = [
            check("rows.change", None, Verdict::Hold),
            check("median", Some("price"), Verdict::Warn),
            check("sum", Some("qty"), Verdict::Pass),
            check("range", Some("price"), Verdict::Hold),
            check("rows.min", None, Verdict::Warn),
        ];
        let expected = expectation(1).accept(&mut checks);
        let verdicts = checks.each_ref().map(|check| check.verdict);
        let (pass, warn, hold) = (Verdict::Pass, Verdict::Warn, Verdict::Hold);
        assert_eq!(verdicts, [pass, pass, pass, hold, warn]);
        assert_eq!(checks[0].message, "expected: price list 2027 (olav); it is otherwise");
        assert_eq!(checks[2].message, "it is otherwise");
        let names: Vec<&str> = expected.checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["rows.change", "median"]);
    }

    #[test]
    fn it_stands_until_its_time_or_its_versions_are_over() {
        let mut expectation = expectation(2);
        assert!(expectation.stands(at(99)));
        assert!(!expectation.stands(at(100)));
        let expected = expectation.accept(&mut [check("median", Some("price"), Verdict::Warn)]);
        expectation.use_up(VersionNumber(7), &expected);
        assert!(expectation.stands(at(50)));
        expectation.use_up(VersionNumber(8), &expected);
        assert!(!expectation.stands(at(50)));
        assert_eq!(expectation.jumps.len(), 1, "each check once");
        assert_eq!(expectation.jumps[0].version, VersionNumber(8));
    }
}
