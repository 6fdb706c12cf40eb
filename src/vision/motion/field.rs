//! A displacement for each cell of a picture.

/// Side of a cell in pixels.
pub const CELL: usize = 4;

/// A displacement in 1/64 pixel, to the right and downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vector {
    /// To the right.
    pub x: i16,
    /// Downwards.
    pub y: i16,
}

/// The displacement of each 4x4 cell: where in the older picture the content of the cell was,
/// relative to the cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MotionField {
    /// Cells in a row: `ceil(width / 4)`.
    pub columns: usize,
    /// Rows of cells: `ceil(height / 4)`.
    pub rows: usize,
    /// Row after row.
    pub vectors: Vec<Vector>,
}

impl MotionField {
    /// Makes the field `columns` by `rows` large and zero everywhere, reusing its memory.
    pub fn reset(&mut self, columns: usize, rows: usize) {
        self.columns = columns;
        self.rows = rows;
        self.vectors.clear();
        self.vectors.resize(columns * rows, Vector::default());
    }

    /// The vector at (column, row), both clamped to the field; zero when the field is empty.
    #[must_use]
    pub fn at(&self, column: isize, row: isize) -> Vector {
        let column = column.min(self.columns as isize - 1).max(0);
        let row = row.min(self.rows as isize - 1).max(0);
        let index = row as usize * self.columns + column as usize;
        self.vectors.get(index).copied().unwrap_or_default()
    }

    /// Moves the field one interval on into `out`: what moved into a cell will move on from there,
    /// so a cell takes the vector of where its content comes from, found in two steps.
    pub fn project(&self, out: &mut MotionField) {
        out.reset(self.columns, self.rows);
        let cell = |v: i16| (isize::from(v) + 128) >> 8;
        for row in 0..self.rows as isize {
            for column in 0..self.columns as isize {
                let first = self.at(column, row);
                let second = self.at(column + cell(first.x), row + cell(first.y));
                let third = self.at(column + cell(second.x), row + cell(second.y));
                if let Some(slot) =
                    out.vectors.get_mut(row as usize * self.columns + column as usize)
                {
                    *slot = third;
                }
            }
        }
    }
}
