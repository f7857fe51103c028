//! Tables for people: a line for each row, columns that give way when the window is narrow.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::paint::{END, Tone, tone};

/// Columns between two cells.
const GAP: u16 = 2;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    title: &'static str,
    /// Narrowest it may become; `None` when it is shown whole.
    least: Option<usize>,
    /// The same, for a window in which not even what cannot be spared has room.
    pinched: Option<usize>,
    /// Left out when there is no room, the highest first; 0 is never left out.
    spare: u8,
}

impl Column {
    /// Always there, never cut.
    pub(super) fn whole(title: &'static str) -> Self {
        Self {
            title,
            least: None,
            pinched: None,
            spare: 0,
        }
    }

    /// Always there, cut to no less than `least` columns.
    pub(super) fn cut(title: &'static str, least: usize) -> Self {
        Self {
            title,
            least: Some(least),
            pinched: None,
            spare: 0,
        }
    }

    /// Always there, cut to no less than `least` columns where there is no other way.
    pub(super) fn pinched(title: &'static str, least: usize) -> Self {
        Self {
            pinched: Some(least),
            ..Self::whole(title)
        }
    }

    /// May be left out; the one with the highest `rank` goes first.
    pub(super) fn spare(self, rank: u8) -> Self {
        Self { spare: rank, ..self }
    }
}

/// Lays rows out, one line each, within `width`; the first line is the header. Cells may be marked.
pub(super) fn grid(columns: &[Column], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let mut kept: Vec<usize> = (0..columns.len()).filter(|column| !is_empty(rows, *column)).collect();
    while needed(columns, rows, &kept) > width {
        let worst = kept
            .iter()
            .copied()
            .filter(|column| columns[*column].spare > 0)
            .max_by_key(|column| columns[*column].spare);
        let Some(worst) = worst else { break };
        kept.retain(|column| *column != worst);
    }
    let mut columns = columns.to_vec();
    if needed(&columns, rows, &kept) > width {
        for column in &mut columns {
            column.least = column.least.or(column.pinched);
        }
    }
    let mut table = blank(width);
    table.set_header(
        kept.iter()
            .map(|column| tone(Tone::Dim, columns[*column].title))
            .collect::<Vec<_>>(),
    );
    for row in rows {
        let cells: Vec<String> = kept.iter().map(|column| format!("{END}{}", row[*column])).collect();
        let mut row = comfy_table::Row::from(cells);
        row.max_height(1);
        table.add_row(row);
    }
    for (index, column) in kept.iter().enumerate() {
        if let Some(shown) = table.column_mut(index) {
            shown.set_padding((0, if index + 1 == kept.len() { 0 } else { GAP }));
            shown.set_constraint(match columns[*column].least {
                None => ColumnConstraint::ContentWidth,
                Some(least) => {
                    let content = content(&columns[*column], rows, *column);
                    let gap = if index + 1 == kept.len() { 0 } else { usize::from(GAP) };
                    let least = u16::try_from(content.min(least) + gap).unwrap_or(u16::MAX);
                    ColumnConstraint::LowerBoundary(Width::Fixed(least))
                }
            });
        }
    }
    lines(&table)
}

/// Labelled sentences: the label to the left, the sentence wrapped beside it.
pub(super) fn facts(facts: &[(&str, String)], indent: usize, width: usize) -> String {
    let mut table = blank(width.saturating_sub(indent));
    for (label, text) in facts {
        table.add_row([tone(Tone::Dim, label), text.clone()]);
    }
    if let Some(labels) = table.column_mut(0) {
        labels
            .set_padding((0, GAP))
            .set_constraint(ColumnConstraint::ContentWidth);
    }
    if let Some(texts) = table.column_mut(1) {
        texts.set_padding((0, 0));
    }
    let margin = " ".repeat(indent);
    lines(&table)
        .into_iter()
        .fold(String::new(), |text, line| text + &margin + &line + "\n")
}

fn blank(width: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_truncation_indicator("…");
    table
}

fn lines(table: &Table) -> Vec<String> {
    // A cell may end with the mark that ends its tone, and spaces behind that.
    table
        .lines()
        .map(|line| line.trim_end_matches([' ', END]).to_owned() + &END.to_string())
        .collect()
}

fn is_empty(rows: &[Vec<String>], column: usize) -> bool {
    rows.iter().all(|row| row[column].is_empty())
}

fn needed(columns: &[Column], rows: &[Vec<String>], kept: &[usize]) -> usize {
    let gaps = kept.len().saturating_sub(1) * usize::from(GAP);
    let each = kept.iter().map(|column| {
        let content = content(&columns[*column], rows, *column);
        columns[*column].least.map_or(content, |least| content.min(least))
    });
    each.sum::<usize>() + gaps
}

/// Columns that the widest cell takes, the title's included.
fn content(column: &Column, rows: &[Vec<String>], index: usize) -> usize {
    let widest = rows.iter().map(|row| columns_of(&row[index])).max().unwrap_or(0);
    widest.max(columns_of(column.title))
}

/// Columns a text takes, by the same measure as the table's.
fn columns_of(text: &str) -> usize {
    let mut table = Table::new();
    table.add_row([text]);
    table
        .column_max_content_widths()
        .first()
        .map_or(0, |width| usize::from(*width))
}

#[cfg(test)]
mod tests {
    use super::super::paint::painted;
    use super::*;

    fn shown(width: usize) -> Vec<String> {
        let columns = [
            Column::whole("state"),
            Column::cut("name", 8),
            Column::whole("owner").spare(1),
            Column::cut("told", 6).spare(2),
        ];
        let row = |state: &str, name: &str| {
            vec![
                tone(Tone::Bad, state),
                name.to_owned(),
                "warehouse".to_owned(),
                "mail:warehouse@seafood.example".to_owned(),
            ]
        };
        let rows = [row("late", "stock"), row("fresh", "a-very-long-name-of-a-dataset")];
        grid(&columns, &rows, width)
            .iter()
            .map(|line| painted(line, false))
            .collect()
    }

    #[test]
    fn a_wide_table_shows_everything() {
        assert_eq!(
            shown(100),
            [
                "state  name                           owner      told",
                "late   stock                          warehouse  mail:warehouse@seafood.example",
                "fresh  a-very-long-name-of-a-dataset  warehouse  mail:warehouse@seafood.example",
            ]
        );
    }

    #[test]
    fn a_narrow_table_cuts_and_then_leaves_out_what_it_can_spare() {
        for width in [60, 40, 24] {
            let lines = shown(width);
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{width}: {lines:#?}"
            );
            assert_eq!(lines.len(), 3);
        }
        assert!(shown(60)[2].contains("warehouse"), "{:#?}", shown(60));
        assert_eq!(shown(16)[0], "state  name");
    }

    #[test]
    fn sentences_wrap_beside_their_label() {
        let text = facts(
            &[
                ("because", "the delivery has not come".to_owned()),
                ("owner", "warehouse".to_owned()),
            ],
            2,
            24,
        );
        assert_eq!(
            painted(&text, false),
            "  because  the delivery\n           has not come\n  owner    warehouse\n"
        );
    }
}
