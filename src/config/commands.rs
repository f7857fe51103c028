//! A job's command: found, executable, and with its path made absolute before anything is started.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Access;

use super::context::{Context, absolute};
use super::reader::Value;
use super::texts::Texts;
use crate::model::Command;

/// Words that `/bin/sh` knows without a file.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "[", "[[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo",
    "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fc", "fg", "fi", "for", "function", "getopts",
    "hash", "if", "in", "jobs", "kill", "let", "local", "printf", "pwd", "read", "readonly", "return", "select", "set",
    "shift", "source", "test", "then", "time", "times", "trap", "true", "type", "typeset", "ulimit", "umask",
    "unalias", "unset", "until", "wait", "while", "{", "}",
];

/// Absolute paths, by how they are written.
type Paths = HashMap<Arc<str>, Arc<str>>;

/// Commands looked up so far: thousands of jobs share a few.
#[derive(Debug, Default)]
pub(super) struct Commands {
    found: RefCell<HashMap<PathBuf, Found>>,
    /// The paths of those that can be started, by file and how they are written there.
    usable: RefCell<HashMap<u32, Paths>>,
    in_path: RefCell<HashMap<String, bool>>,
    words: Texts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Executable,
    NotExecutable,
    Directory,
    Nothing,
}

/// The first word of a shell command, when it is plain enough to be looked up.
#[derive(Debug, PartialEq, Eq)]
struct FirstWord {
    /// Where it is written, quotes included.
    start: usize,
    end: usize,
    /// What it means.
    text: String,
}

/// Reads `command`; `None` when it is broken.
pub(super) fn command(context: &Context<'_>, value: Value<'_>) -> Option<Command> {
    if value.is_list() {
        return list(context, value);
    }
    if value.as_text().is_none() {
        value.expected("a text or a list", "write command = \"transfers/export.sh\"");
        return None;
    }
    let text = value.text()?;
    let Some(word) = first_word(text.text) else {
        return Some(Command::Shell(text.text.to_owned()));
    };
    let spot = text.part(word.start..word.end);
    if !word.text.contains('/') {
        if !SHELL_WORDS.contains(&word.text.as_str()) && !context.commands.in_path(context, &word.text) {
            not_in_path(context, value, spot, &word.text);
            return None;
        }
        return Some(Command::Shell(text.text.to_owned()));
    }
    let path = usable(context, spot, &word.text)?;
    if word.text.starts_with('/') {
        return Some(Command::Shell(text.text.to_owned()));
    }
    let path = quoted(&path);
    let rest = &text.text[word.end..];
    Some(Command::Shell(format!("{}{path}{rest}", &text.text[..word.start])))
}

fn list(context: &Context<'_>, value: Value<'_>) -> Option<Command> {
    let items = value.list()?;
    let Some(first) = items.first() else {
        value.error("`command` is empty", "write command = [\"PROGRAM\", \"ARGUMENT\"]");
        return None;
    };
    let first_text = first.text()?;
    let mut words = Vec::with_capacity(items.len());
    let shared = |text: &str| context.commands.words.shared(text);
    for item in &items {
        // An empty argument is an argument.
        match item.as_text() {
            Some(text) if !text.contains('\0') => words.push(shared(text)),
            _ => words.push(shared(item.text()?.text)),
        }
    }
    let program = first_text.text;
    if program.contains('/') {
        words[0] = usable(context, first.spot(), program)?;
    } else if !context.commands.in_path(context, program) {
        if program.contains(char::is_whitespace) {
            first.error(
                format!("`{program}` is not a program"),
                "write each word as an item of its own, or the whole command as one text",
            );
        } else if SHELL_WORDS.contains(&program) {
            first.error(
                format!("`{program}` is a word of the shell, and a list is executed without one"),
                "write the command as one text",
            );
        } else {
            not_in_path(context, *first, first.spot(), program);
        }
        return None;
    }
    Some(Command::Argv(words))
}

impl Commands {
    fn look_at(&self, path: &Path) -> Found {
        if let Some(found) = self.found.borrow().get(path) {
            return *found;
        }
        let found = match std::fs::metadata(path) {
            Err(_) => Found::Nothing,
            Ok(metadata) if metadata.is_dir() => Found::Directory,
            Ok(_) if rustix::fs::access(path, Access::EXEC_OK).is_ok() => Found::Executable,
            Ok(_) => Found::NotExecutable,
        };
        self.found.borrow_mut().insert(path.to_owned(), found);
        found
    }

    fn in_path(&self, context: &Context<'_>, word: &str) -> bool {
        if context.report.was_accepted() {
            return true;
        }
        if let Some(found) = self.in_path.borrow().get(word) {
            return *found;
        }
        let found = context
            .environment
            .path
            .iter()
            .any(|dir| self.look_at(&dir.join(word)) == Found::Executable);
        self.in_path.borrow_mut().insert(word.to_owned(), found);
        found
    }
}

/// The path of a program that can be started; an error when it cannot.
fn usable(context: &Context<'_>, spot: super::report::Spot, written: &str) -> Option<Arc<str>> {
    let known = &context.commands.usable;
    if let Some(path) = known.borrow().get(&spot.file).and_then(|paths| paths.get(written)) {
        return Some(path.clone());
    }
    let path = absolute(context.report.dir(spot), written);
    if !context.report.was_accepted() && !is_executable(context, spot, written, &path) {
        return None;
    }
    let path = context.commands.words.shared(&path.to_string_lossy());
    known
        .borrow_mut()
        .entry(spot.file)
        .or_default()
        .insert(written.into(), path.clone());
    Some(path)
}

/// Whether a file is a program; an error when it is not.
fn is_executable(context: &Context<'_>, spot: super::report::Spot, written: &str, path: &Path) -> bool {
    let report = context.report;
    match context.commands.look_at(path) {
        Found::Executable => return true,
        Found::NotExecutable => report.error(
            spot,
            format!("`{written}` is not executable"),
            format!("chmod +x {}", quoted(&path.to_string_lossy())),
        ),
        Found::Directory => report.error(spot, format!("`{written}` is a directory"), "name the program in it"),
        Found::Nothing => {
            let help = match similar_file(context, path) {
                Some(name) => format!("did you mean `{name}`, beside it?"),
                None => format!("create {}, or correct the path", path.display()),
            };
            report.error(spot, format!("`{written}` does not exist"), help);
        }
    }
    false
}

fn not_in_path(context: &Context<'_>, value: Value<'_>, spot: super::report::Spot, word: &str) {
    let beside = context.report.dir(spot).join(word);
    let is_beside = matches!(
        context.commands.look_at(&beside),
        Found::Executable | Found::NotExecutable
    );
    let help = if is_beside {
        format!("write ./{word} for the file beside the configuration")
    } else {
        let dirs: Vec<String> = context
            .environment
            .path
            .iter()
            .map(|dir| dir.display().to_string())
            .collect();
        format!("install it, or write its path; PATH is {}", dirs.join(":"))
    };
    value.report.error(spot, format!("command `{word}` is not found"), help);
}

fn similar_file(context: &Context<'_>, path: &Path) -> Option<String> {
    const LOOKED_AT_MAX: usize = 1_000;
    let name = path.file_name()?.to_str()?;
    let names: Vec<String> = path
        .parent()?
        .read_dir()
        .ok()?
        .take(LOOKED_AT_MAX)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    context
        .report
        .nearest(name, names.iter().map(String::as_str))
        .map(str::to_owned)
}

/// The first word of a shell command behind plain assignments; `None` where the shell would do more with
/// it than take it as it is.
fn first_word(text: &str) -> Option<FirstWord> {
    let mut start = 0;
    loop {
        start += text[start..].len() - text[start..].trim_start().len();
        let rest = &text[start..];
        let word = match rest.chars().next()? {
            quote @ ('"' | '\'') => quoted_word(text, start, quote)?,
            _ => plain_word(text, start),
        };
        let follows = text[word.end..].chars().next();
        let ends = follows.is_none_or(|c| c.is_whitespace() || ";&|<>".contains(c));
        if !ends || word.text.is_empty() {
            return None;
        }
        if !is_assignment(&word.text) {
            return Some(word);
        }
        start = word.end;
    }
}

fn quoted_word(text: &str, start: usize, quote: char) -> Option<FirstWord> {
    let inner = text[start + 1..].split(quote).next()?;
    let end = start + inner.len() + 2;
    let closed = text.get(..end)?.ends_with(quote);
    let plain = quote == '\'' || !inner.contains(['$', '`', '\\']);
    (closed && plain).then(|| FirstWord {
        start,
        end,
        text: inner.to_owned(),
    })
}

fn plain_word(text: &str, start: usize) -> FirstWord {
    let rest = &text[start..];
    let length = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
    FirstWord {
        start,
        end: start + length,
        text: rest[..length].to_owned(),
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "_-./+@%:,=".contains(character)
}

/// A text as one word of `/bin/sh`.
fn quoted(text: &str) -> String {
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_first_word_is_looked_up() {
        for (text, expected) in [
            ("transfers/x.sh --all", Some("transfers/x.sh")),
            ("  rsync -a x y", Some("rsync")),
            ("A=1 B=/x/y bin/run", Some("bin/run")),
            ("'my scripts/x.sh' a", Some("my scripts/x.sh")),
            ("\"my scripts/x.sh\"", Some("my scripts/x.sh")),
            ("true;false", Some("true")),
            ("sort<in>out", Some("sort")),
            ("$HOME/x.sh", None),
            ("\"$HOME/x.sh\"", None),
            ("~/x.sh", None),
            ("(cd x; y)", None),
            ("foo() { bar; }", None),
            ("a\\ b", None),
            ("x*/run", None),
            ("A=\"$B\" run", None),
            ("'unclosed", None),
            ("# a comment", None),
            ("", None),
        ] {
            let word = first_word(text);
            assert_eq!(word.as_ref().map(|word| word.text.as_str()), expected, "{text}");
            if let Some(word) = word {
                assert!(text[word.start..word.end].contains(&word.text), "{text}");
            }
        }
    }

    #[test]
    fn a_path_with_odd_characters_is_one_word_for_the_shell() {
        assert_eq!(quoted("/a/b.sh"), "/a/b.sh");
        assert_eq!(quoted("/it's here/b"), r"'/it'\''s here/b'");
    }
}
