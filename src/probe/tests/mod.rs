//! What the tests of this room share: a dataset, a clock, a file of a certain age.

mod formats;
mod measure;
mod observe;

use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Seek};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::measure::{survey_reader, unchanged};
use super::observe::{Newest, newest};
use super::*;
use crate::model::*;

const OPAQUE: Reading = Reading {
    format: None,
    encoding: Encoding::Utf8,
    compression: Compression::None,
    has_trailer: false,
};

const COMMA: Reading = read_as(Format::Csv { delimiter: Some(b',') });

const fn read_as(format: Format) -> Reading {
    Reading {
        format: Some(format),
        ..OPAQUE
    }
}

fn dataset(target: Option<ProbeTarget>) -> Dataset {
    Dataset {
        name: Name::from("stock"),
        title: None,
        owner: Owner::Nobody,
        system: None,
        file: None,
        probe: target.map(|target| Probe {
            target,
            every: Duration::from_mins(1),
        }),
        made_from: Vec::new(),
        consumers: Vec::new(),
        due: None,
        max_age: None,
        warn_age: None,
        counted_in: None,
        parts: Vec::new(),
        part_of: None,
        maintenance: Vec::new(),
        as_of: AsOf::Start,
        checks: Checks::default(),
        settle: Duration::from_secs(2),
        must_change: false,
        may_be_empty: false,
        requires_as_of: false,
        keep_versions: 14,
        severity: Severity::Critical,
        description: None,
        runbook: None,
    }
}

fn column(name: &str, zone: Option<&str>) -> AsOf {
    AsOf::Column {
        column: name.to_owned(),
        zone: zone.map(|name| TimeZone::get(name).expect("a known zone")),
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// Writes a file that was last modified so long before `now()`.
fn write(path: &Path, content: &str, seconds_ago: i64) {
    fs::write(path, content).expect("a writable directory");
    let modified = SystemTime::try_from(now() - jiff::SignedDuration::from_secs(seconds_ago)).expect("a time in range");
    let file = File::options().append(true).open(path).expect("the file");
    file.set_times(FileTimes::new().set_modified(modified))
        .expect("its owner may");
}

fn now() -> Timestamp {
    time("2026-11-20T22:10:00Z")
}
