//! One plane of a band: its state, and the order of its coding.

use super::Profile;
use super::covariance::Strips;
use super::range::{Coder, Decoder};
use super::residual::ResidualModel;
use super::samples::decode_in_turn;
use super::solve::{LANES, Lanes, MOST, entries};
use super::spread::{SIGNS, Spread};
use super::surface::Surface;
use super::taps::{Tap, taps};

/// Where the samples of a plane come from besides its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// References in use: 0 in a key frame, 1 or 2.
    pub(super) references: usize,
    /// Planes coded before it.
    pub(super) guides: usize,
    /// Whether a predictor's picture is among the regressors.
    pub(super) predicted: bool,
    /// Whether what it remembers is.
    pub(super) memory: bool,
}

/// How much work a profile puts into a plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Samples of eight strips, roughly.
    pub(super) strips: usize,
    /// Rows from one solution to the next.
    pub(super) solve: usize,
    /// Whether bits of residuals are mixed.
    pub(super) mixed: bool,
}

impl Work {
    /// What `profile` stands for. A bound leaves fewer bits to code, and so time for more.
    pub(super) const fn of(profile: Profile, max_error: u8) -> Self {
        match (profile, max_error) {
            (Profile::Light, _) => Self { strips: 512, solve: 3, mixed: false },
            (Profile::Fast, 0) => Self { strips: 320, solve: 1, mixed: false },
            (Profile::Fast, _) => Self { strips: 256, solve: 1, mixed: true },
            (Profile::Strong, _) => Self { strips: 128, solve: 1, mixed: true },
        }
    }
}

/// Classes, rounded up, by three comparisons.
pub(super) const BIASES: usize = 32 * 8;

/// The state of one plane of a band.
#[derive(Clone, Debug)]
pub(super) struct PlaneCoder {
    pub(super) width: usize,
    pub(super) rows: usize,
    pub(super) strips: Strips,
    pub(super) work: Work,
    /// Half the quantiser's step, 0 for lossless.
    pub(super) max_error: i32,
    /// Rows of a frame that share what the frame before knew.
    pub(super) cell: usize,
    pub(super) kind: Option<Kind>,
    pub(super) taps: Vec<Tap>,
    /// Reconstruction.
    pub(super) own: Surface<u8>,
    /// References moved to where this frame has them.
    pub(super) moved: [Surface<u8>; 4],
    /// What follow-up planes learn from this one.
    pub(super) guide: Surface<i16>,
    /// Sizes of coding errors in quarters, of this frame and of the one before.
    pub(super) errors: [Surface<u8>; 2],
    /// True when the frame before was predicted like this one.
    pub(super) errors_known: bool,
    /// With a bound, by how many steps of the quantiser predictions missed, -2..=2: in the last frame
    /// coded and in the one before it; and where this frame has the last one's.
    pub(super) steps: [Surface<i8>; 2],
    pub(super) moved_steps: Surface<i8>,
    /// Regressors of a row in order, the target behind them.
    pub(super) regressors: Vec<i16>,
    pub(super) base: Vec<i16>,
    pub(super) scale: Vec<i16>,
    pub(super) transposed_scale: Vec<i16>,
    pub(super) transposed: Vec<i16>,
    pub(super) sums: Vec<[i32; LANES]>,
    /// Running sums, entry by entry, with [`LANES`] strips of room on each side.
    pub(super) statistics: Vec<f32>,
    /// Statistics of the frame before, a copy each `cell` rows; and of this one.
    pub(super) before: Vec<f32>,
    pub(super) after: Vec<f32>,
    pub(super) before_known: bool,
    pub(super) system: Vec<Lanes>,
    pub(super) solution: [Lanes; MOST],
    /// Weights by strip.
    pub(super) weights: Vec<[i16; MOST]>,
    pub(super) partial: Vec<i32>,
    pub(super) activity: Vec<i32>,
    pub(super) spread: Spread,
    pub(super) signs: Vec<i16>,
    pub(super) moved_errors: Surface<u8>,
    pub(super) near: Vec<u16>,
    pub(super) residuals: ResidualModel,
    /// For the mixture: 1 and the sign of residuals, from the one before the first, of this row and
    /// of the one above; and what lies around the samples of this row.
    pub(super) directions: [Vec<u8>; 2],
    pub(super) around: Vec<u16>,
    pub(super) bias: [i32; BIASES],
}

impl PlaneCoder {
    pub(super) fn new(width: usize, rows: usize, max_error: u8, work: Work) -> Self {
        let strips = Strips::new(width, work.strips);
        let span = strips.span();
        let stride = strips.count() + 2 * LANES;
        let all = entries(MOST);
        let steps = Surface::new(width, if max_error > 0 { rows } else { 0 }, span);
        Self {
            width,
            rows,
            strips,
            work,
            max_error: i32::from(max_error),
            cell: 4 * width.div_ceil(1024),
            kind: None,
            taps: Vec::new(),
            own: Surface::new(width, rows, span),
            moved: std::array::from_fn(|_| Surface::new(width, rows, span)),
            guide: Surface::new(width, rows, span),
            errors: std::array::from_fn(|_| Surface::new(width, rows, span)),
            errors_known: false,
            steps: [steps.clone(), steps.clone()],
            moved_steps: steps,
            regressors: vec![0; (MOST + 1) * span],
            base: vec![0; span],
            scale: vec![0; span],
            transposed_scale: vec![0; strips.transposed()],
            transposed: vec![0; (MOST + 1) * strips.transposed()],
            sums: vec![[0; LANES]; all],
            statistics: vec![0.0; all * stride],
            before: Vec::new(),
            after: Vec::new(),
            before_known: false,
            system: vec![[0.0; LANES]; all],
            solution: [[0.0; LANES]; MOST],
            weights: vec![[0; MOST]; strips.count()],
            partial: vec![0; span],
            activity: vec![0; span],
            spread: Spread::new(2 * u32::from(max_error) + 1),
            signs: vec![0; SIGNS * (width + 16)],
            moved_errors: Surface::new(width, rows, span),
            near: vec![0; span],
            residuals: ResidualModel::new(work.mixed),
            directions: [vec![1; width + 2], vec![1; width + 2]],
            around: vec![0; width],
            bias: [0; BIASES],
        }
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.kind = None;
        self.errors_known = false;
        self.before_known = false;
        self.residuals.reset();
        self.bias.fill(0);
        self.steps.iter_mut().for_each(Surface::clear);
    }

    fn prepare(&mut self, kind: Kind) {
        if self.kind != Some(kind) {
            let taps = std::mem::replace(&mut self.taps, taps(kind, self.max_error > 0));
            if self.kind.is_some_and(|k| k.references == kind.references) {
                // A predictor's pictures have come or gone.
                self.carry_over(&taps);
            } else {
                self.before_known = false;
                self.spread.reset(kind.references > 0);
            }
            if kind.predicted && !self.work.mixed {
                self.residuals.look_ahead();
            }
            self.kind = Some(kind);
        }
        let n = self.taps.len();
        let stride = self.strips.count() + 2 * LANES;
        let cells = self.rows.div_ceil(self.cell);
        self.statistics[..entries(n) * stride].fill(0.0);
        let needed = cells * entries(n) * stride;
        std::mem::swap(&mut self.before, &mut self.after);
        self.after.resize(needed, 0.0);
        if self.before.len() != needed {
            self.before_known = false;
        }
        // Above the first row lies what is expected there.
        if kind.references > 0 {
            for y in [-1, -2] {
                self.own.row_mut(y).copy_from_slice(self.moved[0].row(0));
            }
        } else {
            for y in [-1, -2] {
                self.own.row_mut(y).fill(128);
            }
        }
        self.directions[0].fill(1);
        self.errors.swap(0, 1);
        self.steps.swap(0, 1);
        self.spread.fade(0.5);
        self.spread.solve();
        for y in [-1, -2, self.rows as isize] {
            self.errors[0].row_mut(y).fill(0);
        }
    }

    /// Codes the plane. `source` holds the band's rows for the encoder and is empty for the decoder.
    pub(super) fn code<C: Coder>(
        &mut self,
        mut coder: C,
        kind: Kind,
        source: &[u8],
        guides: &[&Surface<i16>],
    ) -> C {
        self.prepare(kind);
        for y in 0..self.rows {
            self.expect_row(y, guides);
            let known = if C::ENCODER { &source[y * self.width..][..self.width] } else { &[] };
            coder = self.samples(coder, y, known);
            self.learn_row(y);
        }
        self.end(kind);
        coder
    }

    /// Decodes two bands' planes of one width and kind row by row in turn: the same as one after the
    /// other, in less time.
    pub(super) fn decode_two<'a>(
        planes: [&mut Self; 2],
        mut coders: [Decoder<'a>; 2],
        kind: Kind,
        guides: [&[&Surface<i16>]; 2],
    ) -> [Decoder<'a>; 2] {
        let [a, b] = planes;
        a.prepare(kind);
        b.prepare(kind);
        let both = a.rows.min(b.rows);
        for y in 0..both {
            a.expect_row(y, guides[0]);
            b.expect_row(y, guides[1]);
            coders = decode_in_turn([a, b], coders, y);
            a.learn_row(y);
            b.learn_row(y);
        }
        let [coder_a, coder_b] = coders;
        let coders = [a.go_on(coder_a, both, guides[0]), b.go_on(coder_b, both, guides[1])];
        a.end(kind);
        b.end(kind);
        coders
    }

    /// Decodes the rows from `from` on.
    fn go_on<'a>(
        &mut self,
        mut coder: Decoder<'a>,
        from: usize,
        guides: &[&Surface<i16>],
    ) -> Decoder<'a> {
        for y in from..self.rows {
            self.expect_row(y, guides);
            coder = self.samples(coder, y, &[]);
            self.learn_row(y);
        }
        coder
    }

    /// All that is known of row `y` before its samples.
    fn expect_row(&mut self, y: usize, guides: &[&Surface<i16>]) {
        self.collect(y, guides);
        if y.is_multiple_of(self.work.solve) {
            self.weigh(y);
        }
        self.forecast();
        self.contexts(y);
    }

    /// What row `y` teaches.
    fn learn_row(&mut self, y: usize) {
        self.learn(y);
        self.keep(y);
    }

    fn end(&mut self, kind: Kind) {
        self.errors_known = kind.references > 0;
        self.before_known = true;
    }
}
