//! Columns that line up.

use super::{Screen, Tone, clean};

/// Space between two columns.
const GAP: &str = "  ";

/// A table with a heading.
pub(in crate::cli) struct Table {
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    pub(in crate::cli) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(|cell| (Tone::Faint, cell.to_owned())).to_vec()] }
    }

    pub(in crate::cli) fn row<const N: usize>(&mut self, cells: [(Tone, String); N]) {
        let clean_cell = |(tone, text): (Tone, String)| (tone, clean(&text).into_owned());
        self.rows.push(cells.map(clean_cell).to_vec());
    }

    /// The rows as lines; nothing follows the last cell of a row.
    pub(in crate::cli) fn lines(&self, screen: Screen) -> Vec<String> {
        let widths = self.widths();
        let line = |row: &Vec<(Tone, String)>| {
            let mut line = String::new();
            for ((tone, text), width) in row.iter().zip(&widths) {
                let padding = width.saturating_sub(text.chars().count());
                line.push_str(&screen.paint(*tone, text));
                line.push_str(&" ".repeat(padding));
                line.push_str(GAP);
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, (_, text)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.chars().count());
            }
        }
        widths
    }
}
