//! Rows of samples with room around them, so that neighbours can be read without asking.

/// Columns of room on each side.
pub(super) const PAD: usize = 16;

/// Rows of room above and below.
pub(super) const ROWS: usize = 2;

/// A plane of a band with [`PAD`] columns and [`ROWS`] rows of room on each side.
#[derive(Clone, Debug)]
pub(super) struct Surface<T> {
    pub(super) width: usize,
    pub(super) rows: usize,
    stride: usize,
    data: Vec<T>,
}

impl<T: Copy + Default> Surface<T> {
    /// `span` samples at least can be read from the first sample of each row.
    pub(super) fn new(width: usize, rows: usize, span: usize) -> Self {
        let stride = span.max(width) + 2 * PAD;
        Self { width, rows, stride, data: vec![T::default(); stride * (rows + 2 * ROWS)] }
    }

    /// Forgets all samples.
    pub(super) fn clear(&mut self) {
        self.data.fill(T::default());
    }

    #[inline(always)]
    fn at(&self, y: isize) -> usize {
        (y + ROWS as isize) as usize * self.stride
    }

    /// Row `y` with its room: sample `x` is at `PAD + x`.
    #[inline(always)]
    pub(super) fn row(&self, y: isize) -> &[T] {
        let at = self.at(y);
        &self.data[at..at + self.stride]
    }

    #[inline(always)]
    pub(super) fn row_mut(&mut self, y: isize) -> &mut [T] {
        let at = self.at(y);
        &mut self.data[at..at + self.stride]
    }

    /// Row `y` to be written and the one above it.
    #[inline(always)]
    pub(super) fn row_and_above(&mut self, y: isize) -> (&mut [T], &[T]) {
        let at = self.at(y);
        let (above, here) = self.data.split_at_mut(at);
        (&mut here[..self.stride], &above[at - self.stride..])
    }

    /// Fills the room beside row `y` with its outer samples.
    pub(super) fn extend(&mut self, y: isize) {
        let width = self.width;
        let row = self.row_mut(y);
        let (left, right) = (row[PAD], row[PAD + width - 1]);
        row[..PAD].fill(left);
        row[PAD + width..].fill(right);
    }

    /// Copies row `from` over row `to`, room included.
    pub(super) fn repeat(&mut self, from: isize, to: isize) {
        let (from, to) = (self.at(from), self.at(to));
        self.data.copy_within(from..from + self.stride, to);
    }
}
