//! Reads a file that is known to be good: how it is written, and what its columns are like.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ProposeError;
use crate::checks::columns::{Sketch, number};
use crate::model::{AsOf, ColumnProfile, Compression, Encoding, Format, Reading};
use crate::probe::{self, ContentError, NoRows, Progress, Row, Rows, Survey};

/// A file as far as checks can be proposed from it.
pub(super) struct Seen {
    pub(super) reading: Reading,
    pub(super) columns: Vec<String>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// In the order of `columns`.
    pub(super) values: Vec<Values>,
}

/// What the values of a column are like.
pub(super) struct Values {
    pub(super) profile: ColumnProfile,
    /// No value came twice.
    pub(super) is_unique: bool,
    /// How many values were numbers with a point, with a comma, whole ones, dates, and dates with a time.
    pub(super) kinds: Kinds,
    /// What the values look like: each digit as 9, each letter as A or a; with how often, for a few.
    pub(super) shapes: Option<BTreeMap<String, u64>>,
    /// Ages of the newest and the oldest time against when the file was written, in seconds.
    pub(super) ages: Option<(f64, f64)>,
}

/// How many values can be read as what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds {
    pub(super) whole: u64,
    pub(super) point: u64,
    pub(super) comma: u64,
    pub(super) date: u64,
    pub(super) datetime: u64,
    /// `true` and `false`.
    pub(super) boolean: u64,
    /// Numbers that are written with a zero in front, as codes are.
    pub(super) padded: u64,
}

/// Among so many values it is looked whether one comes twice.
const UNIQUE_MAX: usize = 200_000;

/// Most shapes that are kept in mind of a column.
const SHAPES_MAX: usize = 8;

/// Longest shape.
const SHAPE_CHARS_MAX: usize = 24;

/// Reads a file as `reading` says, or as it looks; those behind the first must have its columns.
///
/// `zone` is that of times without an offset.
pub(super) fn read(
    path: &Path,
    reading: Option<Reading>,
    first: Option<&Seen>,
    zone: &TimeZone,
) -> Result<Seen, ProposeError> {
    let reading = match reading {
        Some(reading) => reading,
        None => how_to_read(path)?,
    };
    let survey = survey(path, &reading, &mut NoRows)?;
    let unlike = |why: String| ProposeError::Unlike {
        path: path.to_owned(),
        why,
    };
    survey.content.as_ref().map_err(|error| unlike(error.to_string()))?;
    if let Some(first) = first
        && first.columns != survey.columns
    {
        let (own, others) = (probe::listed(&survey.columns), probe::listed(&first.columns));
        return Err(unlike(format!(
            "its columns are {own}, where the first file has {others}"
        )));
    }
    let mut look = Look {
        columns: survey.columns.clone(),
        written: survey.modified_at,
        zone: zone.clone(),
        seen: survey.columns.iter().map(|_| Looked::new()).collect(),
    };
    let survey = self::survey(path, &reading, &mut look)?;
    Ok(Seen {
        reading,
        columns: look.columns,
        rows: survey.measurement.rows.unwrap_or(0),
        bytes: survey.measurement.bytes,
        values: look.seen.into_iter().map(Looked::done).collect(),
    })
}

fn survey(path: &Path, reading: &Reading, rows: &mut dyn Rows) -> Result<Survey, ProposeError> {
    let file: File = probe::open_regular(path)?;
    Ok(probe::survey(
        &file,
        path,
        "",
        reading,
        &AsOf::Start,
        rows,
        &Progress::default(),
    )?)
}

/// By the name of the file, and where that says nothing, by what it can be read as.
fn how_to_read(path: &Path) -> Result<Reading, ProposeError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (name, compression) = match name.rsplit_once('.') {
        Some((name, "gz")) => (name.to_owned(), Compression::Gzip),
        Some((name, "zst")) => (name.to_owned(), Compression::Zstd),
        _ => (name, Compression::None),
    };
    let format = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => Format::Json,
        Some("jsonl" | "ndjson") => Format::JsonLines,
        Some("xlsx") => Format::Xlsx { sheet: None },
        Some("parquet") => Format::Parquet,
        Some("tsv") => Format::Csv { delimiter: Some(b'\t') },
        _ => Format::Csv { delimiter: None },
    };
    let mut reading = Reading {
        format: Some(format.clone()),
        compression,
        ..Reading::default()
    };
    let survey = survey(path, &reading, &mut NoRows)?;
    if matches!(format, Format::Csv { .. }) && matches!(survey.content, Err(ContentError::NotUtf8 { .. })) {
        reading.encoding = Encoding::Windows1252;
    }
    if format == (Format::Csv { delimiter: None }) {
        let head = String::from_utf8_lossy(&survey.head);
        let header = head
            .lines()
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned();
        let delimiter = probe::other_delimiter(&[header]).unwrap_or(',');
        reading.format = Some(Format::Csv {
            delimiter: u8::try_from(delimiter).ok(),
        });
    }
    Ok(reading)
}

/// Looks at every column.
struct Look {
    columns: Vec<String>,
    written: Timestamp,
    zone: TimeZone,
    seen: Vec<Looked>,
}

struct Looked {
    sketch: Sketch,
    /// Hashes of the values, and how many came that were there.
    seen: HashSet<u64>,
    repeats: u64,
    kinds: Kinds,
    shapes: Option<BTreeMap<String, u64>>,
    ages: Option<(f64, f64)>,
}

impl Rows for Look {
    fn wanted(&self) -> Vec<String> {
        self.columns.clone()
    }

    fn row(&mut self, row: &Row<'_>) {
        for (looked, value) in self.seen.iter_mut().zip(row.values) {
            match value.filter(|value| !value.trim().is_empty()) {
                None => looked.sketch.add_empty(row.line),
                Some(value) => looked.add(row.line, value, self.written, &self.zone),
            }
        }
    }
}

impl Looked {
    fn new() -> Self {
        Self {
            sketch: Sketch::new(true),
            seen: HashSet::new(),
            repeats: 0,
            kinds: Kinds::default(),
            shapes: Some(BTreeMap::new()),
            ages: None,
        }
    }

    fn add(&mut self, line: u64, value: &str, written: Timestamp, zone: &TimeZone) {
        let trimmed = value.trim();
        let number = self.number(trimmed);
        if number.is_none()
            && let Ok(time) = probe::parse_time(trimmed, Some(zone))
        {
            let is_date = trimmed.len() == 10;
            self.kinds.date += u64::from(is_date);
            self.kinds.datetime += u64::from(!is_date);
            let age = written.duration_since(time).as_secs_f64();
            let (newest, oldest) = self.ages.unwrap_or((age, age));
            self.ages = Some((newest.min(age), oldest.max(age)));
        }
        let is_boolean = ["true", "false"].iter().any(|word| trimmed.eq_ignore_ascii_case(word));
        self.kinds.boolean += u64::from(is_boolean);
        self.sketch.add(line, value, number);
        if self.seen.len() < UNIQUE_MAX {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            self.repeats += u64::from(!self.seen.insert(hasher.finish()));
        }
        if let Some(shapes) = &mut self.shapes {
            let shape = shape(value);
            if value.chars().count() > SHAPE_CHARS_MAX || (shapes.len() == SHAPES_MAX && !shapes.contains_key(&shape)) {
                self.shapes = None;
            } else {
                *shapes.entry(shape).or_default() += 1;
            }
        }
    }

    /// Reads a number however it is written, and counts how that was.
    fn number(&mut self, text: &str) -> Option<f64> {
        let digits = text.trim_start_matches(['-', '+']);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.kinds.whole += 1;
            self.kinds.padded += u64::from(digits.len() > 1 && digits.starts_with('0'));
            return number(text, '.');
        }
        if let Some(number) = number(text, '.') {
            self.kinds.point += 1;
            return Some(number);
        }
        let number = number(text, ',')?;
        self.kinds.comma += 1;
        Some(number)
    }

    fn done(mut self) -> Values {
        Values {
            profile: self.sketch.profile(),
            is_unique: self.repeats == 0 && self.seen.len() < UNIQUE_MAX,
            kinds: self.kinds,
            shapes: self.shapes,
            ages: self.ages,
        }
    }
}

/// `L9999` for `L0417`.
fn shape(value: &str) -> String {
    let one = |c: char| match c {
        c if c.is_ascii_digit() => '9',
        c if c.is_ascii_uppercase() => 'A',
        c if c.is_ascii_lowercase() => 'a',
        c => c,
    };
    value.chars().map(one).collect()
}
