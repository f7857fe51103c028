//! Problems: what is wrong with a configuration, where, and what to write instead.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Grade, Origin, Renderer, Snippet};
use serde::Serialize;

/// Widest line of a rendered problem, in columns.
const RENDERED_COLUMNS_MAX: usize = 140;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The configuration is refused.
    Error,
    /// Accepted, but surely not meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One mistake or remark about one place of a configuration.
///
/// It serializes as `check --json` shows it. No part of it ever holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub level: Level,
    /// The file, as the caller named it or relative to that.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// Bytes of the file.
    #[serde(skip)]
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do or write instead.
    pub help: Option<String>,
    /// The line, with whatever may be secret blotted out.
    #[serde(skip)]
    pub excerpt: String,
    /// Bytes of `excerpt` that are marked.
    #[serde(skip)]
    pub mark: Range<usize>,
}

/// Prints problems for people, each with its line and the offending text marked; `color` by ANSI sequences.
pub fn render(problems: &[Problem], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(RENDERED_COLUMNS_MAX);
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push('\n');
        }
        let drawn = renderer.render(&[group(problem)]);
        // The place is counted in the excerpt, where what is hidden before the mark has another length.
        let shown = problem.excerpt[..problem.mark.start].chars().count() + 1;
        let place = format!("{}:{}:", problem.file, problem.line);
        text.push_str(&drawn.replacen(&format!("{place}{shown}"), &format!("{place}{}", problem.column), 1));
        text.push('\n');
    }
    text
}

fn group(problem: &Problem) -> Group<'_> {
    let grade = match problem.level {
        Level::Error => Grade::ERROR,
        Level::Warning => Grade::WARNING,
        Level::Note => Grade::NOTE,
    };
    let title = grade.primary_title(problem.message.as_str());
    let mut group = if problem.excerpt.is_empty() {
        let origin = Origin::path(problem.file.as_str()).line(problem.line);
        title.element(origin.char_column(problem.column))
    } else {
        title.element(
            Snippet::source(problem.excerpt.as_str())
                .path(problem.file.as_str())
                .line_start(problem.line)
                .annotation(AnnotationKind::Primary.span(problem.mark.clone())),
        )
    };
    if let Some(help) = &problem.help {
        group = group.element(Grade::HELP.message(help.as_str()));
    }
    group
}
