//! What a value must be one of: a list, or a column of the published file of another dataset.

use std::sync::Arc;

use super::seen::{Seen, VALUES_MAX, hash};
use crate::model::{Among, AsOf, ColumnRule, Dataset, Name};
use crate::probe::{self, MeasureError, Progress, Row, Rows};

/// How many values of a list a message shows.
const LISTED_MAX: usize = 8;

/// What the values of a column are compared with.
pub(in crate::checks) enum Compared<'a> {
    /// Anything goes.
    Nothing,
    /// These are allowed.
    Values(&'a [String]),
    /// Those that stand in another file.
    Column(Seen),
    /// It cannot be told what is allowed; why, in words.
    Unknown(String),
}

impl Compared<'_> {
    pub(super) fn contains(&self, value: &str) -> bool {
        match self {
            Self::Nothing | Self::Unknown(_) => true,
            Self::Values(values) => values.iter().any(|allowed| allowed == value),
            Self::Column(seen) => seen.contains(value),
        }
    }

    pub(super) fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            _ => None,
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "what is expected is said the same way whether or not it is known"
    )]
    pub(super) fn expected(&self, among: &Among) -> String {
        match among {
            Among::Values(values) if values.len() > LISTED_MAX => {
                format!("one of {}, ...", values[..LISTED_MAX].join(", "))
            }
            Among::Values(values) => format!("one of {}", values.join(", ")),
            Among::Column { dataset, column } => format!("one of column `{column}` of {dataset}"),
        }
    }
}

/// Reads what a rule compares with. An error is the machine's own doing.
pub(in crate::checks) fn compared<'a>(
    rule: &'a ColumnRule,
    datasets: &[Arc<Dataset>],
    progress: &Progress,
) -> Result<Compared<'a>, MeasureError> {
    match &rule.among {
        None => Ok(Compared::Nothing),
        Some(Among::Values(values)) => Ok(Compared::Values(values)),
        Some(Among::Column { dataset, column }) => {
            let why = match column_of(dataset, column, datasets, progress)? {
                Ok(seen) => return Ok(Compared::Column(seen)),
                Err(why) => why,
            };
            let own = &rule.column;
            let message = format!("column `{own}` cannot be compared with column `{column}` of {dataset}: {why}");
            Ok(Compared::Unknown(message))
        }
    }
}

/// The values of a column of a published file, or why they cannot be told.
fn column_of(
    name: &Name,
    column: &str,
    datasets: &[Arc<Dataset>],
    progress: &Progress,
) -> Result<Result<Seen, String>, MeasureError> {
    let dataset = datasets.iter().find(|dataset| dataset.name == *name);
    let Some((dataset, path)) = dataset.and_then(|dataset| Some((dataset, dataset.file.as_deref()?))) else {
        return Ok(Err("it has no file".to_owned()));
    };
    let mut values = Values {
        column,
        seen: Seen::default(),
    };
    let survey = probe::open_regular(path).and_then(|file| {
        let reading = &dataset.checks.reading;
        probe::survey(&file, path, "", reading, &AsOf::Start, &mut values, progress)
    });
    let survey = match survey {
        Ok(survey) => survey,
        Err(MeasureError::Missing { .. }) => return Ok(Err("nothing was published yet".to_owned())),
        Err(error) => match crate::checks::judge::of_the_machine(&error) {
            Some(error) => return Err(error),
            None => return Ok(Err(error.to_string())),
        },
    };
    Ok(match survey.content {
        Err(error) => Err(error.to_string()),
        Ok(()) if values.seen.is_full() => Err(format!("it has more than {VALUES_MAX} values")),
        Ok(()) if !survey.columns.iter().any(|present| present == column) => {
            Err(format!("it has {}", probe::listed(&survey.columns)))
        }
        Ok(()) => Ok(values.seen),
    })
}

/// Takes in the values of one column.
struct Values<'a> {
    column: &'a str,
    seen: Seen,
}

impl Rows for Values<'_> {
    fn wanted(&self) -> Vec<String> {
        vec![self.column.to_owned()]
    }

    fn row(&mut self, row: &Row<'_>) {
        if let [Some(value)] = row.values {
            self.seen.add(hash(value));
        }
    }
}
