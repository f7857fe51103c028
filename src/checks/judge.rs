//! Judges a candidate before readers see it; each answer says what was expected and what came.

use std::io;

use jiff::Timestamp;

use super::balance;
use super::columns::{Compared, Tally, compared};
use super::kind::kind_of;
use super::learned::{self, Candidate};
use super::script::script;
use super::sheet::Sheet;
use crate::model::{AsOf, CheckResult, Format, Judgement, Judging, Measurement, Profile, report_value, staged_path};
use crate::probe::{self, ContentError, Hindered, MeasureError, Progress, Survey, TimeError};

/// Measures a candidate once and judges it by the checks of its dataset.
///
/// What the job left unreadable is held back, with the reason. An error is the machine's own doing and no verdict.
/// `progress` goes on while the candidate is read.
pub fn judge(judging: &Judging, progress: &Progress) -> Result<Judgement, MeasureError> {
    let mut sheet = Sheet::default();
    let (measurement, profile) = match open_and_survey(judging, progress) {
        Ok(mut surveyed) => {
            let profile = surveyed.profile.take();
            (judge_survey(judging, surveyed, &mut sheet), profile)
        }
        Err(error) => {
            if let Some(error) = of_the_machine(&error) {
                return Err(error);
            }
            sheet.refuse_unread(&error);
            (Measurement::default(), None)
        }
    };
    Ok(Judgement {
        measurement,
        checks: sheet.checks,
        script: script(judging),
        profile,
    })
}

/// What the machine did, where the job is not to blame.
///
/// Permissions are the job's, which made the file. A directory that is gone with all that was in it says nothing of
/// what the job wrote.
pub(in crate::checks) fn of_the_machine(error: &MeasureError) -> Option<MeasureError> {
    let (path, source) = match error {
        MeasureError::Missing { path } => {
            let directory = path.parent()?;
            (directory, directory.metadata().err()?)
        }
        MeasureError::Io { path, source } => {
            let hindered = source.get_ref().and_then(|error| error.downcast_ref::<Hindered>());
            let source = match hindered {
                Some(hindered) => hindered.clone().into(),
                None => io::Error::from_raw_os_error(source.raw_os_error()?),
            };
            (path.as_path(), source)
        }
        MeasureError::NotAFile { .. } | MeasureError::Changed { .. } | MeasureError::Content(_) => return None,
    };
    let path = path.to_owned();
    (source.kind() != io::ErrorKind::PermissionDenied).then_some(MeasureError::Io { path, source })
}

/// What the job reports as its `as_of`, when it does; then the dataset's rule is not asked.
type ReportedTime = Option<Result<Timestamp, (String, TimeError)>>;

/// What one pass over the candidate tells.
struct Surveyed {
    survey: Survey,
    reported: ReportedTime,
    /// What the rules of its columns say, and those that compare.
    answers: Vec<CheckResult>,
    profile: Option<Profile>,
}

fn open_and_survey(judging: &Judging, progress: &Progress) -> Result<Surveyed, MeasureError> {
    let dataset = &judging.dataset;
    let reported: ReportedTime = report_value(&judging.report, "as_of").map(|text| {
        let time = probe::parse_time(text, None);
        time.map_err(|why| (text.to_owned(), why))
    });
    let rule = if reported.is_some() {
        &AsOf::Start
    } else {
        &dataset.as_of
    };
    let staged = &judging.staged;
    // A staged candidate is hidden under another name until it is published under its own.
    let named = match &dataset.file {
        Some(target) if staged_path(target, judging.id) == *staged => target,
        _ => staged,
    };
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let file = probe::open_regular(staged)?;
    let reading = &dataset.checks.reading;
    let checks = &dataset.checks;
    let written = written_at(&file, judging.started_at);
    let allowed = checks
        .columns
        .iter()
        .map(|rule| compared(rule, &judging.compared_with, progress))
        .collect::<Result<Vec<Compared<'_>>, _>>()?;
    let mut tally = Tally::new(checks, allowed, written, staged.parent());
    let survey = probe::survey(&file, staged, &name, reading, rule, &mut tally, progress)?;
    let mut answers = Vec::new();
    let mut profile = None;
    if survey.content.is_ok() && survey.measurement.bytes > 0 {
        tally.find_repeats(progress).map_err(|hindered| MeasureError::Io {
            path: staged.clone(),
            source: hindered.into(),
        })?;
        answers = tally.answers(&survey.columns);
        answers.extend(balance::answers(judging, &survey, &tally));
        if checks.learn() {
            let found = tally.profile();
            let candidate = Candidate {
                measurement: &survey.measurement,
                profile: &found,
                tally: &tally,
            };
            answers.extend(learned::answers(checks, &candidate, &judging.comparison));
            profile = Some(found);
        }
    }
    Ok(Surveyed {
        survey,
        reported,
        answers,
        profile,
    })
}

/// When the file was written: ages are counted from then. A job may have set the time of its file back.
fn written_at(file: &std::fs::File, started_at: Timestamp) -> Timestamp {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let modified = modified.and_then(|modified| Timestamp::try_from(modified).ok());
    modified.unwrap_or(started_at).max(started_at)
}

fn judge_survey(judging: &Judging, surveyed: Surveyed, sheet: &mut Sheet) -> Measurement {
    let Surveyed {
        survey,
        reported,
        answers,
        ..
    } = surveyed;
    let Survey {
        mut measurement,
        content,
        head,
        last_byte,
        modified_at,
        columns,
        as_of: as_of_error,
        swallowed,
        ..
    } = survey;
    let dataset = &judging.dataset;
    let checks = &dataset.checks;
    let bytes = measurement.bytes;
    sheet.pass("output", "a file", "a file", "the job wrote a file");

    let format = checks.reading.format.as_ref();
    if let Some(format) = format.filter(|_| bytes > 0 || content.is_err()) {
        sheet.format(format, kind_of(&head, format, &content), &content);
        if matches!(format, Format::Csv { .. } | Format::Fixed { .. }) && content.is_ok() && last_byte.is_some() {
            sheet.last_line(last_byte);
        }
    }
    if let Some(error) = as_of_error.filter(|error| content.is_ok() || matches!(error, ContentError::AsOf { .. })) {
        sheet.hold("as_of", "a time", "none", error.to_string());
    }
    if let (Some(swallowed), Ok(())) = (swallowed, &content) {
        sheet.swallowed(swallowed);
    }
    if bytes == 0 || content.is_ok() {
        sheet.empty(bytes, measurement.rows, dataset.may_be_empty);
    }
    if let Some(least) = checks.bytes_min {
        sheet.at_least("bytes.min", checks.bytes_level, least, Some(bytes));
    }
    if let Some(most) = checks.bytes_max {
        sheet.at_most("bytes.max", checks.bytes_level, most, Some(bytes));
    }
    if let Some(least) = checks.rows_min {
        sheet.at_least("rows.min", checks.rows_level, least, measurement.rows);
    }
    if let Some(most) = checks.rows_max {
        sheet.at_most("rows.max", checks.rows_level, most, measurement.rows);
    }
    if matches!(format, Some(Format::Csv { .. })) && checks.header.is_empty() && content.is_ok() {
        sheet.delimiter(&columns);
    }
    if let (Some(format), false, Ok(()), true) = (format, checks.header.is_empty(), &content, bytes > 0) {
        sheet.header(format, &checks.header, &columns);
    }
    sheet.checks.extend(answers);
    for (key, measured) in [("rows", measurement.rows), ("bytes", Some(bytes))] {
        if let (Some(text), Some(measured)) = (report_value(&judging.report, key), measured) {
            sheet.reported(key, text, measured);
        }
    }
    match reported {
        Some(Ok(time)) => measurement.as_of = Some(time),
        Some(Err((text, why))) => {
            let why = match why {
                TimeError::WithoutZone => "has no time zone",
                TimeError::Unreadable => "is not a time",
            };
            let message =
                format!("the job reported as_of={text}, which {why}; write it as in 2026-11-20T22:10:00+01:00");
            sheet.hold("as_of", "a time with its zone", &text, message);
        }
        None => {}
    }
    let newest = modified_at.max(judging.started_at);
    sheet.as_of(measurement.as_of, dataset.requires_as_of, newest);
    measurement
}
