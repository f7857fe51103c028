//! What the machine does is no verdict on a candidate.

use super::*;
use crate::checks::judge::of_the_machine;
use crate::probe::{Hindered, MeasureError};

#[test]
fn what_the_machine_does_is_no_verdict() {
    use std::io;

    let case = Case::new();
    let staged = &case.judging.staged;
    let io = |code: rustix::io::Errno| MeasureError::Io {
        path: staged.clone(),
        source: code.into(),
    };
    for code in [
        rustix::io::Errno::IO,
        rustix::io::Errno::MFILE,
        rustix::io::Errno::NFILE,
        rustix::io::Errno::NOMEM,
        rustix::io::Errno::STALE,
        rustix::io::Errno::TIMEDOUT,
    ] {
        let error = of_the_machine(&io(code)).expect("not the job's fault");
        assert_eq!(error.to_string(), io(code).to_string());
    }
    let hindered = MeasureError::Io {
        path: staged.clone(),
        source: Hindered::new("its reader was killed").into(),
    };
    let error = of_the_machine(&hindered).expect("not the job's fault");
    assert_eq!(error.to_string(), hindered.to_string());
    let by_the_job = [
        io(rustix::io::Errno::ACCESS),
        MeasureError::Io {
            path: staged.clone(),
            source: io::Error::other("its time is not one"),
        },
        MeasureError::NotAFile {
            path: staged.clone(),
            what: "a directory",
        },
        MeasureError::Changed { path: staged.clone() },
        MeasureError::Missing { path: staged.clone() },
    ];
    for error in by_the_job {
        assert!(of_the_machine(&error).is_none(), "{error}");
    }
}

#[test]
fn an_output_that_went_away_with_its_directory_is_not_said_to_be_missing() {
    let mut case = Case::new();
    case.judging.staged = case.path("share/.stock.csv.freshd-7-1");
    let error = judge(&case.judging, &Progress::default()).expect_err("no verdict");
    let expected = format!("cannot read {}: No such file", case.path("share").display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}
