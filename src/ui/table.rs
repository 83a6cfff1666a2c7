//! Tables without borders, as wide as the terminal allows.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, presets};

use super::paint::{Paint, Tone};

/// A table for standard output.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
    paint: Paint,
}

impl Table {
    /// Begins a table with its column titles.
    pub(super) fn new(paint: Paint, titles: &[&str]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if paint.is_on() {
            inner.enforce_styling();
        }
        let mut table = Self { inner, paint };
        let cells: Vec<_> = titles.iter().map(|title| table.cell(title, Some(Tone::Strong))).collect();
        table.inner.set_header(cells);
        // The left edge belongs to the text: no padding there, two spaces between columns.
        for column in table.inner.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table
    }

    /// Adds a row of plain cells.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let cells: Vec<_> = cells.into_iter().map(|text| Cell::new(text.as_ref())).collect();
        self.inner.add_row(cells);
        self
    }

    /// Adds a row whose cells have a meaning of their own.
    pub fn toned_row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = (S, Option<Tone>)>) -> &mut Self {
        let cells: Vec<_> = cells.into_iter().map(|(text, tone)| self.cell(text.as_ref(), tone)).collect();
        self.inner.add_row(cells);
        self
    }

    fn cell(&self, text: &str, tone: Option<Tone>) -> Cell {
        let cell = Cell::new(text);
        match tone.filter(|_| self.paint.is_on()) {
            None => cell,
            Some(Tone::Good) => cell.fg(Color::DarkGreen),
            Some(Tone::Warning) => cell.fg(Color::DarkYellow),
            Some(Tone::Bad) => cell.fg(Color::DarkRed),
            Some(Tone::Faint) => cell.add_attribute(Attribute::Dim),
            Some(Tone::Strong) => cell.add_attribute(Attribute::Bold),
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.inner.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(paint: Paint) -> Table {
        let mut table = Table::new(paint, &["CONTAINER", "STATE"]);
        table.row(["auth-server", "running"]);
        table.toned_row([("db1", None), ("down", Some(Tone::Bad))]);
        table
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_spaces() {
        insta::assert_snapshot!(sample(Paint(false)).to_string(), @r"
        CONTAINER    STATE
        auth-server  running
        db1          down
        ");
    }

    #[test]
    fn a_state_is_coloured_only_with_colour() {
        assert!(!sample(Paint(false)).to_string().contains('\x1b'));
        assert!(sample(Paint(true)).to_string().contains("\x1b[38;5;1m"));
    }

    #[test]
    fn a_narrow_table_wraps_instead_of_running_over() {
        let mut table = sample(Paint(false));
        table.inner.set_width(14);
        assert!(table.to_string().lines().all(|line| line.chars().count() <= 14));
    }
}
