//! The loop over the samples of a row.

use super::around::{Around, ERROR};
use super::lanes::{Base, Lanes16};
use super::plane::{BIASES, PlaneCoder};
use super::range::{Coder, Decoder};
use super::regression::WEIGHT_BITS;
use super::residual::{Context, ResidualModel, ahead, side};
use super::solve::MOST;
use super::spread;
use super::surface::PAD;
use super::taps::MEMORY;

/// `value` if it lies in 0..=`most`, as it nearly always does: a branch that is foreseen costs less
/// time than a choice that is waited for.
#[inline(always)]
pub(super) fn within(value: i32, most: i32) -> i32 {
    #[cold]
    fn beyond(value: i32, most: i32) -> i32 {
        value.clamp(0, most)
    }
    if value.cast_unsigned() > most.cast_unsigned() { beyond(value, most) } else { value }
}

/// Whether a prediction is near a whole sample, between, or near the middle of two.
const FRACTIONS: [u8; 16] = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2];

impl PlaneCoder {
    fn finish(&mut self, y: usize) {
        self.own.extend(y as isize);
        self.errors[0].extend(y as isize);
    }

    /// Codes the samples of row `y`. The coder goes in and comes out by value, so that its state can
    /// stay in registers.
    pub(super) fn samples<C: Coder>(&mut self, coder: C, y: usize, known: &[u8]) -> C {
        #[cfg(target_arch = "x86_64")]
        if crate::vision::simd::avx2() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was found to have AVX2.
            return unsafe { one_avx2(self, coder, y, known) };
        }
        one::<C, Base>(self, coder, y, known)
    }

    /// Whether a predictor's pictures are contexts.
    fn looks_ahead(&self) -> bool {
        self.kind.is_some_and(|k| k.predicted) && !self.work.mixed
    }
}

/// Decodes row `y` of two bands' planes of one width and kind of work, sample by sample in turn: one's
/// operations fill the time in which the other's wait for each other.
pub(super) fn decode_in_turn<'a>(
    planes: [&mut PlaneCoder; 2],
    coders: [Decoder<'a>; 2],
    y: usize,
) -> [Decoder<'a>; 2] {
    #[cfg(target_arch = "x86_64")]
    if crate::vision::simd::avx2() {
        #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
        // SAFETY: the processor was found to have AVX2.
        return unsafe { two_avx2(planes, coders, y) };
    }
    two::<Base>(planes, coders, y)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn one_avx2<C: Coder>(plane: &mut PlaneCoder, coder: C, y: usize, known: &[u8]) -> C {
    one::<C, super::lanes::Wide>(plane, coder, y, known)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn two_avx2<'a>(
    planes: [&mut PlaneCoder; 2],
    coders: [Decoder<'a>; 2],
    y: usize,
) -> [Decoder<'a>; 2] {
    two::<super::lanes::Wide>(planes, coders, y)
}

#[inline(always)]
fn one<C: Coder, L: Lanes16>(plane: &mut PlaneCoder, coder: C, y: usize, known: &[u8]) -> C {
    if plane.work.mixed {
        row::<C, L, true, false>(plane, coder, y, known)
    } else if plane.looks_ahead() {
        row::<C, L, false, true>(plane, coder, y, known)
    } else {
        row::<C, L, false, false>(plane, coder, y, known)
    }
}

#[inline(always)]
fn row<C: Coder, L: Lanes16, const MIXED: bool, const AHEAD: bool>(
    plane: &mut PlaneCoder,
    mut coder: C,
    y: usize,
    known: &[u8],
) -> C {
    let mut row = Row::new::<MIXED>(plane, y, known);
    let mut state = State::new(&row);
    for index in 0.. {
        let Some(mut strip) = row.strip::<C>(index) else { break };
        for x in 0..strip.base.len() {
            coder = strip.code::<C, L, MIXED, AHEAD>(coder, &mut state, x);
        }
    }
    plane.finish(y);
    coder
}

#[inline(always)]
fn two<'a, L: Lanes16>(
    [a, b]: [&mut PlaneCoder; 2],
    coders: [Decoder<'a>; 2],
    y: usize,
) -> [Decoder<'a>; 2] {
    if a.work.mixed {
        two_rows::<L, true, false>([a, b], coders, y)
    } else if a.looks_ahead() {
        two_rows::<L, false, true>([a, b], coders, y)
    } else {
        two_rows::<L, false, false>([a, b], coders, y)
    }
}

#[inline(always)]
fn two_rows<'a, L: Lanes16, const MIXED: bool, const AHEAD: bool>(
    [first, second]: [&mut PlaneCoder; 2],
    [mut a, mut b]: [Decoder<'a>; 2],
    y: usize,
) -> [Decoder<'a>; 2] {
    let mut row_a = Row::new::<MIXED>(first, y, &[]);
    let mut row_b = Row::new::<MIXED>(second, y, &[]);
    let mut state_a = State::new(&row_a);
    let mut state_b = State::new(&row_b);
    for index in 0.. {
        let (Some(mut strip_a), Some(mut strip_b)) =
            (row_a.strip::<Decoder<'_>>(index), row_b.strip::<Decoder<'_>>(index))
        else {
            break;
        };
        for x in 0..strip_a.base.len().min(strip_b.base.len()) {
            a = strip_a.code::<_, L, MIXED, AHEAD>(a, &mut state_a, x);
            b = strip_b.code::<_, L, MIXED, AHEAD>(b, &mut state_b, x);
        }
    }
    first.finish(y);
    second.finish(y);
    [a, b]
}

/// What a row's samples are coded from. Slices begin at its first sample.
struct Row<'a> {
    width: usize,
    /// Samples of a strip.
    strip: usize,
    weights: &'a [[i16; MOST]],
    partial: &'a [i32],
    base: &'a [i16],
    activity: &'a [i32],
    near: &'a [u16],
    moved: &'a [u8],
    /// The picture beside the last frame, else the samples above to the right.
    second: &'a [u8],
    /// The predictor's memory, else the same again.
    memory: &'a [u8],
    above: &'a [u8],
    own: &'a mut [u8],
    errors: &'a mut [u8],
    /// Empty for lossless.
    steps: &'a mut [i8],
    known: &'a [u8],
    bias: &'a mut [i32; BIASES],
    residuals: &'a mut ResidualModel,
    shares: [i32; 2],
    max_error: i32,
    mixture: Mixture<'a>,
}

/// What contexts of a mixture are made of, empty without one.
#[derive(Default)]
struct Mixture<'a> {
    /// 1 and the sign of residuals from the one before the first sample, in this row and above.
    directions: &'a mut [u8],
    directions_above: &'a [u8],
    /// See [`surround`](super::around::surround).
    near: &'a [u16],
}

/// What goes from one sample to the next.
struct State {
    w: i32,
    ww: i32,
    error_w: i32,
    error_ww: i32,
    equal_w: usize,
}

impl State {
    #[inline(always)]
    fn new(row: &Row<'_>) -> Self {
        let above = i32::from(row.above[0]);
        Self { w: above, ww: above, error_w: 0, error_ww: 0, equal_w: 0 }
    }
}

/// The part of a row that one solution serves; all slices are of one length.
struct Strip<'s, 'a> {
    from: usize,
    weights: [i32; 2],
    partial: &'s [i32],
    base: &'s [i16],
    activity: &'s [i32],
    near: &'s [u16],
    moved: &'s [u8],
    second: &'s [u8],
    memory: &'s [u8],
    own: &'s mut [u8],
    errors: &'s mut [u8],
    steps: &'s mut [i8],
    known: &'s [u8],
    bias: &'s mut [i32; BIASES],
    residuals: &'s mut ResidualModel,
    shares: [i32; 2],
    max_error: i32,
    above: &'s [u8],
    mixture: &'s mut Mixture<'a>,
}

impl<'a> Row<'a> {
    #[inline(always)]
    fn new<const MIXED: bool>(plane: &'a mut PlaneCoder, y: usize, known: &'a [u8]) -> Self {
        let width = plane.width;
        let second = plane.second();
        let row = y as isize;
        let (own, above) = plane.own.row_and_above(row);
        own[PAD - 2..PAD].fill(above[PAD]);
        let errors = plane.errors[0].row_mut(row);
        errors[PAD - 2..PAD].fill(0);
        let steps =
            if plane.max_error > 0 { &mut plane.steps[0].row_mut(row)[PAD..] } else { &mut [][..] };
        let above = &above[PAD..];
        let inter = plane.kind.is_some_and(|k| k.references > 0);
        let moved = if inter { &plane.moved[0].row(row)[PAD..] } else { above };
        let second = second.map_or(&above[1..], |slot| &plane.moved[slot].row(row)[PAD..]);
        let remembers = plane.kind.is_some_and(|k| k.memory);
        let memory = if remembers { &plane.moved[MEMORY].row(row)[PAD..] } else { second };
        let mut mixture = Mixture::default();
        if MIXED {
            plane.directions.swap(0, 1);
            let [here, above] = &mut plane.directions;
            here[0] = 1;
            mixture = Mixture { directions: here, directions_above: above, near: &plane.around };
        }
        Self {
            width,
            strip: plane.strips.width,
            weights: &plane.weights,
            partial: &plane.partial,
            base: &plane.base,
            activity: &plane.activity,
            near: &plane.near,
            moved,
            second,
            memory,
            above,
            own: &mut own[PAD..],
            errors: &mut errors[PAD..],
            steps,
            known,
            bias: &mut plane.bias,
            residuals: &mut plane.residuals,
            shares: [plane.spread.weights[8], plane.spread.weights[9]],
            max_error: plane.max_error,
            mixture,
        }
    }

    /// Strip `index`, or nothing behind the last.
    #[inline(always)]
    fn strip<C: Coder>(&mut self, index: usize) -> Option<Strip<'_, 'a>> {
        let weights = self.weights.get(index)?;
        let from = index * self.strip;
        let n = self.strip.min(self.width.checked_sub(from).filter(|&n| n > 0)?);
        let to = from + n;
        Some(Strip {
            from,
            weights: [i32::from(weights[0]), i32::from(weights[1])],
            partial: &self.partial[from..to][..n],
            base: &self.base[from..to][..n],
            activity: &self.activity[from..to][..n],
            near: &self.near[from..to][..n],
            moved: &self.moved[from..to][..n],
            second: &self.second[from..to][..n],
            memory: &self.memory[from..to][..n],
            own: &mut self.own[from..to][..n],
            errors: &mut self.errors[from..to][..n],
            steps: self.steps.get_mut(from..to).unwrap_or_default(),
            known: if C::ENCODER { &self.known[from..to][..n] } else { &[] },
            bias: self.bias,
            residuals: self.residuals,
            shares: self.shares,
            max_error: self.max_error,
            above: self.above,
            mixture: &mut self.mixture,
        })
    }
}

impl Strip<'_, '_> {
    /// Codes sample `x` of the strip.
    #[inline(always)]
    fn code<C: Coder, L: Lanes16, const MIXED: bool, const AHEAD: bool>(
        &mut self,
        mut coder: C,
        state: &mut State,
        x: usize,
    ) -> C {
        let State { w, ww, error_w, error_ww, equal_w } = *state;
        let max_error = self.max_error;
        let step = 2 * max_error + 1;
        let base = i32::from(self.base[x]);
        let raw = self.partial[x] + self.weights[0] * (w - base) + self.weights[1] * (ww - base);
        let here = i32::from(self.moved[x]);
        let expected = self.activity[x] + self.shares[0] * error_w + self.shares[1] * error_ww;
        let class = self.residuals.class(expected >> spread::BITS);
        let near = usize::from(self.near[x]);
        let pattern = usize::from(w > here) << 2 | near >> 2;
        let bias = &mut self.bias[(class << 3 | pattern) & (BIASES - 1)];
        let p16 = (raw + (1 << (WEIGHT_BITS - 5))) >> (WEIGHT_BITS - 4);
        let p16 = within(p16 + (*bias >> 8), 255 * 16);
        let p = (p16 + 8) >> 4;
        let fraction = p16 - (p << 4);
        // 0 or -1, by which all differences are turned.
        let turn = fraction >> 31;
        let turned = |value: i32| (value ^ turn) - turn;
        let context = Context {
            class,
            fraction: usize::from(FRACTIONS[fraction.unsigned_abs() as usize & 15]),
            equals: (near & 3) << 1 | equal_w,
            side: side(turned(16 * here - p16)),
            ahead: if AHEAD {
                let pictures = [self.second[x], self.memory[x]];
                ahead(pictures.map(|v| turned(16 * i32::from(v) - p16)))
            } else {
                0
            },
        };
        let wanted = if C::ENCODER {
            let miss = i32::from(self.known[x]) - p;
            if step == 1 {
                turned(miss)
            } else {
                turned((miss + if miss < 0 { -max_error } else { max_error }) / step)
            }
        } else {
            0
        };
        let residual;
        if MIXED {
            let at = self.from + x;
            let mixture = &mut *self.mixture;
            let digit = |row: &[u8], at: usize| usize::from(row[at]);
            let around = Around {
                turn,
                directions: 27 * digit(mixture.directions, at)
                    + 9 * digit(mixture.directions_above, at + 1)
                    + 3 * digit(mixture.directions_above, at + 2)
                    + digit(mixture.directions_above, at),
                error: usize::from(ERROR[error_w as usize & 255]),
                near: usize::from(mixture.near[at]),
                beside: [
                    16 * w - p16,
                    16 * i32::from(self.above[at]) - p16,
                    16 * here - p16,
                    16 * i32::from(self.second[x]) - p16,
                ],
            };
            (coder, residual) = self.residuals.code_mixed(coder, context, &around, wanted);
            mixture.directions[at + 1] = (1 + turned(residual).signum()) as u8;
        } else {
            (coder, residual) = self.residuals.code::<C, L, AHEAD>(coder, context, wanted);
        }
        let value = if C::ENCODER && step == 1 {
            // The same number, known before it is computed.
            i32::from(self.known[x])
        } else {
            within(p + turned(residual) * step, 255)
        };
        self.own[x] = value as u8;
        let error = 16 * value - p16;
        // Of a bounded error the residual alone was seen, not what rounding did.
        let seen = if step == 1 { error } else { 16 * step * turned(residual) };
        // What a damaged slice claims may be of any size.
        *bias = bias.wrapping_add((seen << 8).wrapping_sub(*bias) >> 6);
        let size = (error.abs() >> 2).min(255);
        self.errors[x] = size as u8;
        if step > 1 {
            self.steps[x] = turned(residual).clamp(-2, 2) as i8;
        }
        *state = State {
            w: value,
            ww: w,
            error_w: size,
            error_ww: error_w,
            equal_w: usize::from(value == here),
        };
        coder
    }
}
