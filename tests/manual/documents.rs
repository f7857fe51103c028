//! README.md and docs/ as text: blocks of code, sections, commands, links.

use std::fs;
use std::path::Path;

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One document.
pub(crate) struct Document {
    /// Its path from the root.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
}

/// A block of code between fences, or an indented one.
pub(crate) struct Block {
    /// The line of its first fence, from 1.
    pub(crate) line: usize,
    /// What stands behind the fence; empty for an indented block.
    pub(crate) info: String,
    pub(crate) text: String,
}

/// A call of freshd as an example writes it.
pub(crate) struct Call {
    pub(crate) text: String,
    pub(crate) verb: String,
}

/// README.md and every page of the manual.
pub(crate) fn documents() -> Vec<Document> {
    let mut names = vec!["README.md".to_owned()];
    for entry in fs::read_dir(repository().join("docs")).expect("docs/ is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name in UTF-8");
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    names.iter().map(|name| Document::read(name)).collect()
}

impl Document {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let blocks = blocks(&text);
        Self {
            name: name.to_owned(),
            text,
            blocks,
        }
    }

    /// A heading with all below it, up to the next of its level or above.
    pub(crate) fn section(&self, heading: &str) -> &str {
        let marker = format!("\n{heading}\n");
        let start = self
            .text
            .find(&marker)
            .unwrap_or_else(|| panic!("{} has no heading `{heading}`", self.name));
        let body = &self.text[start + marker.len()..];
        &body[..body.find("\n## ").unwrap_or(body.len())]
    }

    /// Every call of freshd in its code.
    pub(crate) fn commands(&self) -> Vec<Call> {
        let lines = self
            .blocks
            .iter()
            .filter(|block| block.info.is_empty())
            .flat_map(|block| block.text.lines());
        code_of(&self.text).into_iter().chain(lines).filter_map(call).collect()
    }

    /// Every relative link.
    pub(crate) fn links(&self) -> Vec<String> {
        let ends = self.text.match_indices("](").map(|(at, _)| &self.text[at + 2..]);
        ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
            .filter(|link| !link.contains("://"))
            .collect()
    }
}

impl Block {
    pub(crate) fn language(&self) -> &str {
        self.info.split(' ').next().unwrap_or("")
    }
}

/// What stands between single backticks, outside of blocks.
pub(crate) fn code_of(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// The names by which headings can be linked to.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn call(text: &str) -> Option<Call> {
    let text = text.trim();
    let rest = text.strip_prefix("sudo -u freshd ").unwrap_or(text);
    let mut words = rest.strip_prefix("freshd ")?.split_whitespace().peekable();
    while let Some(word) = words.next() {
        match word {
            "--config" | "--state" => {
                words.next();
            }
            option if option.starts_with(['-', '[']) => return None,
            verb => {
                return Some(Call {
                    text: text.to_owned(),
                    verb: verb.trim_end_matches(';').to_owned(),
                });
            }
        }
    }
    None
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<Block> = None;
    let mut indented = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            match fence.take() {
                Some(block) => blocks.push(block),
                None => fence = Some(Block::begin(number + 1, info)),
            }
        } else if let Some(block) = &mut fence {
            block.text.push_str(line);
            block.text.push('\n');
        } else if let Some(code) = line.strip_prefix("    ") {
            if !indented {
                blocks.push(Block::begin(number + 1, ""));
            }
            if let Some(block) = blocks.last_mut() {
                block.text.push_str(code);
                block.text.push('\n');
            }
        }
        indented = fence.is_none() && line.starts_with("    ");
    }
    assert!(fence.is_none(), "a block of code is never closed");
    blocks
}

impl Block {
    fn begin(line: usize, info: &str) -> Self {
        Self {
            line,
            info: info.trim().to_owned(),
            text: String::new(),
        }
    }
}
