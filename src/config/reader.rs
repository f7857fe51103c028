//! Typed reading of one table: every wrong type and unknown key is reported, and reading goes on.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use toml::de::DeTable;

use super::logins::has_login;
use super::report::{Report, Spot};
pub(super) use super::value::{Text, Value};

/// Keys that other programs use for what has another name here.
const SYNONYMS: &[(&str, &str)] = &[
    ("cmd", "command"),
    ("cron", "schedule"),
    ("depends_on", "needs"),
    ("exec", "command"),
    ("inputs", "needs"),
    ("interval", "every"),
    ("max_attempts", "attempts"),
    ("output", "produces"),
    ("outputs", "produces"),
    ("path", "file"),
    ("retries", "retry"),
    ("run", "command"),
    ("script", "command"),
    ("team", "owner"),
    ("tz", "timezone"),
];

/// About how many keys a job is asked for.
const KEYS_ASKED_FOR: usize = 64;

/// A table being read. Each key that is asked for becomes a known one; `finish` reports the others.
#[derive(Debug)]
pub(super) struct Table<'t> {
    entries: &'t DeTable<'t>,
    /// The name by which the table was opened.
    pub(super) spot: Spot,
    path: String,
    report: &'t Report,
    /// A bit for each key that is present: most keys that are asked for are absent.
    present: u64,
    known: RefCell<Vec<&'static str>>,
    /// How many of the keys that are present were asked for.
    found: Cell<usize>,
    later: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<Missing>>,
}

/// A required key that is absent, told at the end unless it turns out to be misspelled.
#[derive(Debug)]
struct Missing {
    key: &'static str,
    message: String,
    help: String,
}

impl<'t> Table<'t> {
    /// The outermost table of a file.
    pub(super) fn root(table: &'t DeTable<'t>, file: u32, report: &'t Report) -> Self {
        Self::new(table, Spot::new(file, 0..0), String::new(), report)
    }

    /// The value of a key, which becomes a known one.
    pub(super) fn get(&self, key: &'static str) -> Option<Value<'t>> {
        let mut known = self.known.borrow_mut();
        if self.present & key_bit(key) == 0 {
            known.push(key);
            return None;
        }
        let found = self.entries.get_key_value(key);
        if found.is_some() && !known.contains(&key) {
            self.found.set(self.found.get() + 1);
        }
        known.push(key);
        let (name, raw) = found?;
        Some(Value::new(name.get_ref(), raw, self.spot.file, self.report))
    }

    /// Every entry, with the place of its key. They are the reader's own business: no key is unknown.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'t str, Spot, Value<'t>)> + use<'t> {
        let (file, report) = (self.spot.file, self.report);
        self.entries.iter().map(move |(name, raw)| {
            let key: &'t str = name.get_ref();
            let value = Value::new(key, raw, file, report);
            (key, Spot::new(file, name.span()), value)
        })
    }

    /// A text.
    pub(super) fn text(&self, key: &'static str) -> Option<Text<'t>> {
        self.get(key)?.text()
    }

    /// A text for people, who must not read a password in it.
    pub(super) fn words(&self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        if !self.report.was_accepted() && has_login(text.text) {
            text.error(
                format!(
                    "`{key}` has a URL with a login in it, and whoever sees it on a page or in a message reads that"
                ),
                "take out what stands between `://` and `@`: whoever follows the link logs in by themselves",
            );
        }
        Some(text.text.to_owned())
    }

    /// A list of texts; empty when absent.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Text<'t>> {
        self.get(key).map(Value::texts).unwrap_or_default()
    }

    /// A duration.
    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        self.get(key)?.duration()
    }

    /// True or false.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        self.get(key)?.flag()
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, key: &'static str, bounds: (i64, i64)) -> Option<i64> {
        self.get(key)?.whole(bounds)
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.get(key)?.choice(choices)
    }

    /// A table within.
    pub(super) fn table(&self, key: &'static str) -> Option<Table<'t>> {
        let value = self.get(key)?;
        value.table(self.path_of(key))
    }

    /// Keys of a later version: refused, never silently ignored.
    pub(super) fn unsupported(&self, keys: &[&'static str]) {
        self.later.borrow_mut().extend(keys);
        for key in keys {
            if let Some(spot) = self.key_spot(key) {
                self.report.error(
                    spot,
                    format!("`{key}` is not supported yet"),
                    "take it out: it would have no effect",
                );
            }
        }
    }

    /// Where mistakes are told.
    pub(super) fn report(&self) -> &'t Report {
        self.report
    }

    /// The place of a key that is present.
    pub(super) fn key_spot(&self, key: &str) -> Option<Spot> {
        if self.present & key_bit(key) == 0 {
            return None;
        }
        let (name, _) = self.entries.get_key_value(key)?;
        Some(Spot::new(self.spot.file, name.span()))
    }

    /// Whether a key is present, without making it known.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// A required key is absent.
    pub(super) fn missing(&self, key: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.missing.borrow_mut().push(Missing {
            key,
            message: message.into(),
            help: help.into(),
        });
    }

    /// The path of a key in messages: `jobs.stock-export.retry`.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Reports every key that nobody asked for, and every required one that is absent.
    pub(super) fn finish(self) {
        let later = self.later.take();
        let mut known = self.known.take();
        let strange = self.found.get() < self.entries.len();
        if strange {
            known.sort_unstable();
            known.dedup();
        }
        let mut misspelled: Vec<&str> = Vec::new();
        for (name, value) in self.entries.iter().filter(|_| strange) {
            let key: &str = name.get_ref();
            if known.contains(&key) || later.contains(&key) {
                continue;
            }
            let place = if self.path.is_empty() {
                "at the top of the file".to_owned()
            } else {
                format!("in [{}]", self.path)
            };
            let meant = SYNONYMS
                .iter()
                .find(|(other, meant)| *other == key && known.contains(meant))
                .map(|(_, meant)| *meant);
            let nearest = || self.report.nearest(key, known.iter().copied());
            let help = if let Some(meant) = meant.or_else(nearest) {
                misspelled.push(meant);
                format!("did you mean `{meant}`?")
            } else if self.path.is_empty() && !value.get_ref().is_table() {
                "a key of a section belongs below its [section.name] header".to_owned()
            } else {
                format!("known keys: {}", known.join(", "))
            };
            self.report.error(
                Spot::new(self.spot.file, name.span()),
                format!("unknown key `{key}` {place}"),
                help,
            );
        }
        for missing in self.missing.take() {
            if !misspelled.contains(&missing.key) && !self.report.may_be_in_a_hole(self.spot) {
                self.report.error(self.spot, missing.message, missing.help);
            }
        }
    }

    /// A table known by `spot` and, in messages, by `path`.
    pub(super) fn new(table: &'t DeTable<'t>, spot: Spot, path: String, report: &'t Report) -> Self {
        Self {
            entries: table,
            spot,
            path,
            report,
            present: table.keys().fold(0, |bits, name| bits | key_bit(name.get_ref())),
            known: RefCell::new(Vec::with_capacity(KEYS_ASKED_FOR)),
            found: Cell::new(0),
            later: RefCell::default(),
            missing: RefCell::default(),
        }
    }
}

/// One of 64 bits, by the length and first letter of a key.
fn key_bit(key: &str) -> u64 {
    let first = key.bytes().next().unwrap_or(0);
    1 << ((key.len() * 7 + usize::from(first)) % 64)
}
