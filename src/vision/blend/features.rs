//! The feature planes a `blend` network sees.

use super::CANDIDATES;

/// Planes of features.
pub const FEATURES: usize = 40;

/// `FEATURES` planes of `rows` by `columns` bytes, one value a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    columns: usize,
    rows: usize,
    data: Vec<u8>,
}

impl Features {
    /// Blocks in a row: `ceil(width / 8)`.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of blocks: `ceil(height / 8)`.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The planes one after the other, each row after row.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub(super) fn reshape(&mut self, columns: usize, rows: usize) {
        self.columns = columns;
        self.rows = rows;
        self.data.clear();
        self.data.resize(FEATURES * columns * rows, 0);
    }

    pub(super) fn plane_mut(&mut self, at: usize) -> &mut [u8] {
        let n = self.columns * self.rows;
        self.data.get_mut(at * n..(at + 1) * n).unwrap_or_default()
    }
}

/// First planes of the groups, in the order of the contract.
pub(super) mod plane {
    use super::CANDIDATES;

    /// Error of each candidate's last attempt.
    pub(crate) const ERROR: usize = 0;
    /// Its running mean.
    pub(crate) const PAST: usize = ERROR + CANDIDATES;
    /// Difference of candidates 1.. from the last frame.
    pub(crate) const DIFFERENCE: usize = PAST + CANDIDATES;
    /// Sum of gradients.
    pub(crate) const ACTIVITY: usize = DIFFERENCE + CANDIDATES - 1;
    /// Mean luma.
    pub(crate) const MEAN: usize = ACTIVITY + 1;
    /// Spread of luma around its mean.
    pub(crate) const SPREAD: usize = MEAN + 1;
    /// Displacement to the right, then downwards.
    pub(crate) const VECTOR: usize = SPREAD + 1;
    /// How displacements differ around the block.
    pub(crate) const BEND: usize = VECTOR + 2;
    /// How badly the displacement explains the newest frame.
    pub(crate) const MATCH: usize = BEND + 1;
    /// Differences of the last eight frames.
    pub(crate) const CADENCE: usize = MATCH + 1;
    /// Age of the last distinct frame.
    pub(crate) const DISTINCT: usize = CADENCE + 8;
    /// The running mean errors over the whole picture.
    pub(crate) const GLOBAL: usize = DISTINCT + 1;
    /// Signed differences of candidate 1 from the last frame in the four quarters of the block.
    pub(crate) const QUARTER: usize = GLOBAL + CANDIDATES;
    /// Whether the content comes from outside of the picture.
    pub(crate) const OUTSIDE: usize = QUARTER + 4;
}

const _: () = assert!(plane::OUTSIDE + 1 == FEATURES);

/// `(4 * own + 2 * (left + right + above + below) + corners + 8) >> 4` over the blocks around each,
/// edges repeated.
pub(super) fn smooth(values: &[u32], columns: usize, rows: usize, out: &mut Vec<u32>) {
    out.clear();
    for row in 0..rows {
        let lines = [row.saturating_sub(1), row, (row + 1).min(rows - 1)]
            .map(|r| &values[r * columns..(r + 1) * columns]);
        for column in 0..columns {
            let around = [column.saturating_sub(1), column, (column + 1).min(columns - 1)];
            let line = |l: &[u32]| l[around[0]] + 2 * l[around[1]] + l[around[2]];
            let sum = line(lines[0]) + 2 * line(lines[1]) + line(lines[2]);
            out.push((sum + 8) >> 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_flat_areas_and_spreads_peaks() {
        let mut out = Vec::new();
        smooth(&[9; 12], 4, 3, &mut out);
        assert_eq!(out, [9; 12]);
        smooth(&[0, 0, 0, 0, 160, 0, 0, 0, 0], 3, 3, &mut out);
        assert_eq!(out, [10, 20, 10, 20, 40, 20, 10, 20, 10]);
    }
}
