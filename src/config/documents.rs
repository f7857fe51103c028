//! The files as trees of TOML: parsed by threads beside what reads them, and kept from one pass over them to the next.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, Scope};

use toml::de::DeTable;

use super::report::Report;

/// Threads that parse: that takes about as long as all else that is done with a configuration.
const PARSERS: usize = 2;

/// Most bytes of text whose trees are kept, each of which takes some twenty times as many: thousands of jobs. What is
/// beyond is parsed again by each pass.
const KEPT_TEXT_BYTES_MAX: usize = 4 << 20;

/// The files of a report.
pub(super) struct Documents<'r> {
    report: &'r Report,
    kept: BTreeMap<u32, DeTable<'r>>,
    kept_text_bytes: usize,
}

impl<'r> Documents<'r> {
    /// Nothing is parsed before it is visited.
    pub(super) fn new(report: &'r Report) -> Self {
        Self {
            report,
            kept: BTreeMap::new(),
            kept_text_bytes: 0,
        }
    }

    /// Visits the wanted files in the order of reading.
    pub(super) fn each(&mut self, is_wanted: impl Fn(u32) -> bool, mut visit: impl FnMut(u32, &DeTable<'_>)) {
        let numbers = (0..).zip(self.report.sources()).map(|(number, _)| number);
        let wanted: Vec<u32> = numbers.filter(|number| is_wanted(*number)).collect();
        let mut texts: Vec<Vec<Option<&str>>> = vec![Vec::new(); PARSERS];
        let absent = wanted.iter().filter(|number| !self.kept.contains_key(number));
        for (turn, number) in absent.enumerate() {
            texts[turn % PARSERS].push(self.report.unbroken(*number));
        }
        // A file alone is parsed as soon without a thread.
        texts.retain(|texts| wanted.len() > 1 && !texts.is_empty());
        thread::scope(|scope| {
            let parsers: Vec<_> = texts.into_iter().map(|texts| parser(scope, texts)).collect();
            let mut turns = parsers.iter().cycle();
            for number in wanted {
                if let Some(document) = self.kept.get(&number) {
                    visit(number, document);
                    continue;
                }
                let parsed = turns.next().and_then(|parsed| parsed.recv().ok().flatten());
                let document = parsed.unwrap_or_else(|| self.report.parse(number));
                visit(number, &document);
                self.keep(number, document);
            }
        });
    }

    fn keep(&mut self, number: u32, document: DeTable<'r>) {
        let bytes = self.report.sources()[number as usize].text.len();
        if self.kept_text_bytes + bytes <= KEPT_TEXT_BYTES_MAX {
            self.kept_text_bytes += bytes;
            self.kept.insert(number, document);
        }
    }

    /// Takes the trees apart, which takes its time, while something else is done.
    pub(super) fn let_go_beside<T>(self, other: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            scope.spawn(move || drop(self.kept));
            other()
        })
    }
}

/// Parses texts one after the other, no more than one ahead; of one that is known to be broken, or is, there is no tree.
fn parser<'scope, 'r: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    texts: Vec<Option<&'r str>>,
) -> Receiver<Option<DeTable<'r>>> {
    let (send, parsed) = mpsc::sync_channel(0);
    scope.spawn(move || {
        for text in texts {
            let document = text.and_then(|text| DeTable::parse(text).ok());
            // Nobody receives any more after a panic alone.
            let _ = send.send(document.map(toml::Spanned::into_inner));
        }
    });
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_visits_the_files_in_order_those_that_are_broken_or_too_large_to_keep_too() {
        let mut report = Report::default();
        let large = format!("c = 1\n# {}", "x".repeat(KEPT_TEXT_BYTES_MAX));
        for text in ["a = 1", "b = 1\n[x]\nbroken\n", &large, "d = 1", "e = 1"] {
            report.add_source(String::new(), "/".into(), text.to_owned());
        }
        let mut documents = Documents::new(&report);
        let visited = |documents: &mut Documents<'_>, except: u32| {
            let mut visited = String::new();
            documents.each(
                |number| number != except,
                |number, document| {
                    let key = document.keys().next().unwrap();
                    assert_eq!(key.span(), 0..1, "{number}");
                    visited.push_str(key.get_ref());
                },
            );
            visited
        };
        assert_eq!(visited(&mut documents, 3), "abce");
        assert_eq!(visited(&mut documents, 0), "bcde");
        assert_eq!(documents.kept.keys().copied().collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert_eq!(documents.let_go_beside(|| report.errors()), 1, "a mistake is told once");
    }
}
