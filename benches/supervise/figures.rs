//! Figures: medians, percentiles, and plain tables of them.

use comfy_table::CellAlignment;
use comfy_table::presets::NOTHING;

/// A table with a title, printed once it is complete.
pub(crate) struct Table {
    title: String,
    table: comfy_table::Table,
}

impl Table {
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_header(columns);
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self {
            title: title.to_owned(),
            table,
        }
    }

    pub(crate) fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.table.add_row(cells);
    }

    pub(crate) fn print(&self) {
        println!("\n{}\n{}", self.title, self.table);
    }
}

/// The middle one; of an even number, the upper middle one. Zero of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` of them do not exceed. Zero of none.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// Without decimals.
pub(crate) fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// With one decimal.
pub(crate) fn tenth(value: f64) -> String {
    format!("{value:.1}")
}

/// With two decimals.
pub(crate) fn hundredth(value: f64) -> String {
    format!("{value:.2}")
}
