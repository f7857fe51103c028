//! The texts that were read and the problems found in them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::excerpt::{excerpt, header_starts};
use super::problem::{Level, Problem};
use super::syntax::{self, Hole, Repaired};
use crate::model::{Name, has_power};

/// Most comparisons of words that the search for similar names may cost in one check.
const COMPARISONS_MAX: usize = 2_000_000;

/// A place in one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    /// Which file, in the order of reading.
    pub(super) file: u32,
    /// First byte.
    pub(super) start: u32,
    /// Behind the last byte.
    pub(super) end: u32,
}

/// One file that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path as people are told.
    pub(super) label: String,
    /// Where its relative paths begin, absolute.
    pub(super) dir: PathBuf,
    /// What it says.
    pub(super) text: String,
    /// What could be saved, once parsing failed.
    repaired: OnceCell<Repaired>,
    /// The file could not be read, or not to its end.
    unreadable: bool,
    line_starts: Vec<usize>,
    header_starts: OnceCell<Vec<usize>>,
}

impl Source {
    /// Where it lies, absolute.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(Path::new(&self.label).file_name().unwrap_or_default())
    }
}

/// All files and all problems of one check.
#[derive(Debug, Default)]
pub(super) struct Report {
    sources: Vec<Source>,
    problems: RefCell<Vec<(Spot, Problem)>>,
    errors: Cell<usize>,
    comparisons: Cell<usize>,
    /// Channels that cannot be used, and the first reason for each.
    unusable: RefCell<BTreeMap<Name, String>>,
    /// It was accepted before: what stands outside of the texts may be gone and is not looked at.
    was_accepted: bool,
}

impl Source {
    fn holes(&self) -> &[Hole] {
        self.repaired.get().map_or(&[], |repaired| repaired.holes.as_slice())
    }

    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at).max(1);
        let start = self.line_starts[line - 1];
        (line, self.text[start..at].chars().count() + 1)
    }

    /// The header line of the table that a line stands in.
    fn header_above(&self, line_start: usize) -> &str {
        let starts = self.header_starts.get_or_init(|| header_starts(&self.text));
        let count = starts.partition_point(|start| *start < line_start);
        match count.checked_sub(1) {
            Some(last) => self.text[starts[last]..].lines().next().unwrap_or(""),
            None => "",
        }
    }

    fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).map_or(self.text.len(), |next| next - 1);
        start..start + self.text[start..end].trim_end_matches('\r').len()
    }
}

impl Report {
    /// The report of texts that were accepted before.
    pub(super) fn of_what_was_accepted() -> Self {
        Self {
            was_accepted: true,
            ..Self::default()
        }
    }

    /// Whether the texts were accepted before, and nothing else is to be looked at.
    pub(super) fn was_accepted(&self) -> bool {
        self.was_accepted
    }

    /// Takes in a file.
    pub(super) fn add_source(&mut self, label: String, dir: PathBuf, text: String) -> u32 {
        let line_starts = line_starts(&text);
        let file = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.sources.push(Source {
            label,
            dir,
            text,
            repaired: OnceCell::new(),
            unreadable: false,
            line_starts,
            header_starts: OnceCell::new(),
        });
        file
    }

    /// Parses a file. What is broken is reported the first time and left out.
    pub(super) fn parse(&self, file: u32) -> DeTable<'_> {
        let source = &self.sources[file as usize];
        if source.repaired.get().is_none() {
            if let Ok(document) = DeTable::parse(&source.text) {
                return document.into_inner();
            }
            let repaired = source.repaired.get_or_init(|| syntax::repair(&source.text));
            for error in &repaired.errors {
                let spot = Spot::new(file, error.span.clone());
                self.error(spot, error.message.as_str(), error.help.as_str());
            }
        }
        let repaired = source.repaired.get().map_or("", |repaired| &repaired.text);
        DeTable::parse(repaired)
            .map(toml::Spanned::into_inner)
            .unwrap_or_default()
    }

    /// The text of a file, unless it is known to be broken.
    pub(super) fn unbroken(&self, file: u32) -> Option<&str> {
        let source = &self.sources[file as usize];
        source.repaired.get().is_none().then_some(&source.text)
    }

    /// Takes in a file that cannot be read to its end: it is not parsed, and anything may be missing from it.
    pub(super) fn add_unreadable(&mut self, label: String, dir: PathBuf, text: String) -> u32 {
        let file = self.add_source(label, dir, String::new());
        let source = &mut self.sources[file as usize];
        source.line_starts = line_starts(&text);
        source.repaired = OnceCell::from(Repaired {
            holes: vec![Hole {
                blank: 0..text.len(),
                table: 0..text.len(),
            }],
            ..Repaired::default()
        });
        source.unreadable = true;
        source.text = text;
        file
    }

    /// The files in the order of reading.
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Where relative paths of a file begin.
    pub(super) fn dir(&self, spot: Spot) -> &Path {
        &self.sources[spot.file as usize].dir
    }

    /// The text at a place.
    pub(super) fn text_at(&self, spot: Spot) -> &str {
        self.sources[spot.file as usize]
            .text
            .get(spot.start as usize..spot.end as usize)
            .unwrap_or("")
    }

    /// A place for the reader of a message: `jobs.d/erp.toml line 12`.
    pub(super) fn place(&self, spot: Spot) -> String {
        let source = &self.sources[spot.file as usize];
        let (line, _) = source.line_and_column(spot.start as usize);
        format!("{} line {line}", source.label)
    }

    /// The configuration is refused for this.
    pub(super) fn error(&self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        self.errors.set(self.errors.get() + 1);
        self.add(Level::Error, spot, message.into(), Some(help.into()));
    }

    /// Accepted, but surely not meant.
    pub(super) fn warning(&self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        self.add(Level::Warning, spot, message.into(), Some(help.into()));
    }

    /// Worth knowing.
    pub(super) fn note(&self, spot: Spot, message: impl Into<String>) {
        self.add(Level::Note, spot, message.into(), None);
    }

    /// Number of errors so far.
    pub(super) fn errors(&self) -> usize {
        self.errors.get()
    }

    /// Number of problems so far.
    pub(super) fn found(&self) -> usize {
        self.problems.borrow().len()
    }

    /// A channel cannot be used, for the first error behind the `found` problems that were known before it was read.
    pub(super) fn unusable_channel(&self, name: Name, found: usize) {
        let problems = self.problems.borrow();
        let mut errors = problems[found..].iter().filter(|(_, one)| one.level == Level::Error);
        let why = errors.next().map_or_else(
            || "it stands in a part that cannot be read".to_owned(),
            |(_, one)| format!("{}:{}: {}", one.file, one.line, one.message),
        );
        self.unusable.borrow_mut().insert(name, why);
    }

    /// Channels that cannot be used, and why.
    pub(super) fn unusable_channels(&self) -> BTreeMap<Name, String> {
        self.unusable.borrow().clone()
    }

    /// Whether something that seems to be missing at `spot` may stand in a part that cannot be parsed.
    pub(super) fn may_be_in_a_hole(&self, spot: Spot) -> bool {
        self.sources[spot.file as usize]
            .holes()
            .iter()
            .any(|hole| hole.table.contains(&(spot.start as usize)) || hole.table.end == spot.start as usize)
    }

    /// Whether a name that nothing defines may be defined in a part that cannot be parsed.
    pub(super) fn may_be_defined_in_a_hole(&self, name: &str) -> bool {
        self.sources.iter().any(|source| {
            let holes = &mut source.holes().iter();
            source.unreadable || holes.any(|hole| source.text[hole.blank.clone()].contains(name))
        })
    }

    /// Whether any part of any file cannot be parsed.
    pub(super) fn has_holes(&self) -> bool {
        self.sources.iter().any(|source| !source.holes().is_empty())
    }

    /// The candidate most like `word`, if any is like it.
    pub(super) fn nearest<'c>(&self, word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        let longest = (word.chars().count() / 3).max(1);
        candidates
            .into_iter()
            .filter(|candidate| {
                let count = self.comparisons.get() + 1;
                self.comparisons.set(count);
                count <= COMPARISONS_MAX && candidate.len().abs_diff(word.len()) <= longest * 4
            })
            .map(|candidate| {
                let distance = strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
                (distance, candidate)
            })
            .filter(|(distance, _)| *distance <= longest)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, candidate)| candidate)
    }

    /// Everything found, by file and line, and the texts that were read.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<(String, String)>) {
        let mut found = self.problems.into_inner();
        found.sort_by(|(a_spot, a), (b_spot, b)| {
            (a_spot.file, a.line, a.column, a.level, &a.message).cmp(&(
                b_spot.file,
                b.line,
                b.column,
                b.level,
                &b.message,
            ))
        });
        found.dedup_by(|(_, a), (_, b)| a == b);
        let problems = found.into_iter().map(|(_, problem)| problem).collect();
        let files = self
            .sources
            .into_iter()
            .map(|source| (source.label, source.text))
            .collect();
        (problems, files)
    }

    fn add(&self, level: Level, spot: Spot, message: String, help: Option<String>) {
        let source = &self.sources[spot.file as usize];
        let clamp = |at: u32| {
            let mut at = (at as usize).min(source.text.len());
            while !source.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let span = clamp(spot.start)..clamp(spot.end);
        let (line, column) = source.line_and_column(span.start);
        let range = source.line_range(line);
        let header = source.header_above(range.start);
        let (excerpt, mark) = excerpt(&source.text, header, range, &span);
        let problem = Problem {
            level,
            // A name may hold what a terminal obeys.
            file: source.label.replace(has_power, "\u{fffd}"),
            line,
            column,
            span,
            message,
            help: help.filter(|help| !help.is_empty()),
            excerpt,
            mark,
        };
        self.problems.borrow_mut().push((spot, problem));
    }
}

impl Spot {
    /// A range of bytes of a file.
    pub(super) fn new(file: u32, span: Range<usize>) -> Self {
        let fit = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            file,
            start: fit(span.start),
            end: fit(span.end),
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let behind_newlines = text.match_indices('\n').map(|(place, _)| place + 1);
    std::iter::once(0).chain(behind_newlines).collect()
}
