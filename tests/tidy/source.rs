//! Rust source as the tidy rules see it: comments and literals blanked, paths spelt out.

use std::fs;
use std::path::Path;

/// One file of the repository.
pub(crate) struct Source {
    /// From the repository's root, with slashes.
    pub(crate) path: String,
    /// As it is written.
    pub(crate) text: String,
    /// The same length, with spaces for comments and for what stands in literals.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blanked(text),
        }
    }

    /// `src/ROOM/...` lies in a room; `src/main.rs` and `tests/...` do not.
    pub(crate) fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        match inside.split_once('/') {
            Some((room, _)) => Some(room),
            None => inside
                .strip_suffix(".rs")
                .filter(|name| !["main", "lib"].contains(name)),
        }
    }

    /// The code without what is compiled for tests alone; nothing is left of a file called `tests`.
    pub(crate) fn production_code(&self) -> String {
        let tests = |part: &str| part == "tests" || part == "tests.rs";
        if self.path.split('/').any(tests) {
            return String::new();
        }
        let mut code = self.code.clone().into_bytes();
        for (start, attribute) in self.code.match_indices("#[cfg(test)]") {
            let mut depth = 0_usize;
            for byte in &mut code[start + attribute.len()..] {
                let end = match *byte {
                    b'{' => {
                        depth += 1;
                        false
                    }
                    b'}' => {
                        depth = depth.saturating_sub(1);
                        depth == 0
                    }
                    b';' => depth == 0,
                    _ => false,
                };
                if *byte != b'\n' {
                    *byte = b' ';
                }
                if end {
                    break;
                }
            }
        }
        String::from_utf8(code).expect("only whole items were blanked")
    }

    /// `src/demo/mod.rs:12`.
    pub(crate) fn place(&self, offset: usize) -> String {
        let line = self.text[..offset].matches('\n').count() + 1;
        format!("{}:{line}", self.path)
    }
}

/// All .rs files below a directory of the repository, in order of their paths.
pub(crate) fn read_all(repository: &Path, below: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(repository.join(below))
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{below}/{name}");
        if entry.file_type().unwrap().is_dir() {
            sources.extend(read_all(repository, &path));
        } else if Path::new(&name).extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            sources.push(Source::new(&path, &text));
        }
    }
    sources
}

fn blanked(text: &str) -> String {
    let mut code = text.as_bytes().to_vec();
    let mut at = 0;
    while at < code.len() {
        let end = at + blank_length(text, at);
        if end == at {
            at += 1;
            continue;
        }
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(code).expect("whole characters were blanked, or none")
}

/// How many bytes from `at` on are a comment or a literal.
fn blank_length(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    let in_a_word = at > 0 && is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => {
            let (mut depth, mut end) = (0, 0);
            loop {
                match rest.get(end..).unwrap_or_default() {
                    [b'/', b'*', ..] => (depth, end) = (depth + 1, end + 2),
                    [b'*', b'/', ..] => (depth, end) = (depth - 1, end + 2),
                    [_, ..] => end += 1,
                    [] => return rest.len(),
                }
                if depth == 0 {
                    return end;
                }
            }
        }
        [b'"', ..] => literal_length(rest, b'"'),
        [b'b' | b'c', b'"', ..] if !in_a_word => 1 + literal_length(&rest[1..], b'"'),
        [b'r' | b'b' | b'c', ..] if !in_a_word => {
            let prefix = rest.iter().take_while(|byte| b"rbc".contains(byte)).count();
            let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
            let raw = rest[prefix - 1] == b'r' && rest.get(prefix + hashes) == Some(&b'"');
            if !raw {
                return 0;
            }
            let open = prefix + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            text[at + open..]
                .find(&close)
                .map_or(rest.len(), |end| open + end + close.len())
        }
        [b'\'', b'\\', ..] => literal_length(rest, b'\''),
        // A lifetime has no second quote behind its first character.
        [b'\'', ..] => {
            let mut characters = text[at + 1..].chars();
            let first = characters.next().map_or(0, char::len_utf8);
            if characters.next() == Some('\'') { first + 2 } else { 0 }
        }
        _ => 0,
    }
}

fn literal_length(rest: &[u8], quote: u8) -> usize {
    let mut end = 1;
    while end < rest.len() {
        match rest[end] {
            b'\\' => end += 2,
            byte if byte == quote => return end + 1,
            _ => end += 1,
        }
    }
    rest.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// A word, `::`, or one other character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) offset: usize,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        self.text.bytes().all(is_word)
    }
}

pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let length = match &bytes[offset..] {
            [b':', b':', ..] => 2,
            [first, ..] if is_word(*first) => bytes[offset..].iter().take_while(|byte| is_word(**byte)).count(),
            _ => 1,
        };
        let text = &code[offset..offset + length];
        if !text.trim().is_empty() {
            tokens.push(Token { offset, text });
        }
        offset += length;
    }
    tokens
}

/// Every path in the code with its offset; `a::{b, c::d}` is `a::b` and `a::c::d`.
pub(crate) fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = path(&tokens, at, &[], &mut found);
    }
    found
}

/// Reads one path, or steps over one token, and returns where it ended.
fn path(tokens: &[Token<'_>], mut at: usize, prefix: &[String], found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let offset = tokens[at].offset;
    if !tokens[at].is_word() {
        return at + 1;
    }
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut segments = prefix.to_vec();
    segments.push(text(at).to_owned());
    at += 1;
    while text(at) == "::" {
        match tokens.get(at + 1) {
            Some(next) if next.is_word() => {
                segments.push(next.text.to_owned());
                at += 2;
            }
            Some(next) if next.text == "{" => {
                at += 2;
                while at < tokens.len() && text(at) != "}" {
                    at = path(tokens, at, &segments, found);
                }
                return at + 1;
            }
            _ => break,
        }
    }
    found.push((offset, segments));
    at
}

#[test]
fn comments_and_literals_are_blanked_and_lines_stay_where_they_are() {
    let text = "let a = \"tokio // \\\" x\"; // std::fs\nlet b = r#\"rand\"#; /* a /* b */ c */ let c = 'x';\nfn d<'a>(e: &'a str) {} let f = b\"g\"; let g = '\\''; let h = 'é';";
    let code = blanked(text);
    assert_eq!(code.len(), text.len());
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(
        words.join(" "),
        "let a = ; let b = ; let c = ; fn d<'a>(e: &'a str) {} let f = ; let g = ; let h = ;"
    );
    assert_eq!(code.matches('\n').count(), 2);
}

#[test]
fn paths_are_spelt_out_of_their_braces() {
    let found: Vec<String> = paths("use crate::{model::{Name, Run as R}, store}; a::<B>(c::d)")
        .into_iter()
        .map(|(_, path)| path.join("::"))
        .collect();
    for path in ["crate::model::Name", "crate::model::Run", "crate::store", "c::d"] {
        assert!(found.iter().any(|it| it == path), "{path} is not in {found:?}");
    }
}

#[test]
fn production_code_ends_where_tests_begin_and_goes_on_behind_them() {
    let text =
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c() }\n}\nfn d() {}\n#[cfg(test)]\nmod tests;\nfn e() {}";
    let code = Source::new("src/room/mod.rs", text).production_code();
    let words: Vec<&str> = tokens(&code).iter().map(|token| token.text).collect();
    let names: Vec<&&str> = words
        .iter()
        .filter(|word| word.len() == 1 && word.as_bytes()[0].is_ascii_lowercase())
        .collect();
    assert_eq!(names, [&"a", &"d", &"e"]);
    assert_eq!(Source::new("src/room/tests.rs", text).production_code(), "");
}
