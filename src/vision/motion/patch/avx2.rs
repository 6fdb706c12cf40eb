//! The kernels of a patch with AVX2: two lines of eight samples in a register.

use std::arch::x86_64::*;

use super::{Kernel, PATCH, Residual, SAMPLES, SPAN, Sums, Template, source};
use crate::vision::motion::field::Vector;
use crate::vision::motion::pyramid::Level;

/// Proof that the processor has AVX2.
#[derive(Clone, Copy, Debug)]
pub(in crate::vision::motion) struct Avx2(());

impl Avx2 {
    /// The proof, where it holds.
    #[inline]
    pub(in crate::vision::motion) fn detect() -> Option<Self> {
        crate::vision::simd::avx2().then_some(Self(()))
    }
}

impl Kernel for Avx2 {
    #[inline(always)]
    #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
    fn residual(self, new: &Level, old: &Level, x: isize, y: isize, v: Vector) -> Residual {
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { residual(new, old, x, y, v) }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
    fn cells(self, residual: &Residual) -> [u32; 4] {
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { cells(residual) }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
    fn template(self, new: &Level, gradient: &[Vec<i16>; 2], x: isize, y: isize) -> Template {
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { template(new, gradient, x, y) }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
    fn step(self, template: &Template, residual: &Residual, v: Vector) -> Vector {
        // SAFETY: `self` proves that the processor has AVX2.
        let products = unsafe { products(template, residual) };
        template.solve(products, residual.sum, v)
    }
}

/// The first sixteen bytes of `bytes`; zeros where there are fewer.
#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8], at: usize) -> __m128i {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<SPAN>) {
        #[expect(unsafe_code, reason = "a load of sixteen bytes")]
        // SAFETY: that many bytes are borrowed.
        Some(chunk) => unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) },
        None => _mm_setzero_si128(),
    }
}

/// Two lines of eight bytes, widened.
#[inline]
#[target_feature(enable = "avx2")]
fn two_lines(bytes: &[u8], at: usize, stride: usize) -> __m256i {
    let line = |at: usize| match bytes.get(at..).and_then(<[u8]>::first_chunk::<PATCH>) {
        Some(chunk) => i64::from_le_bytes(*chunk),
        None => 0,
    };
    _mm256_cvtepu8_epi16(_mm_set_epi64x(line(at + stride), line(at)))
}

/// Two lines of eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn two_gradients(plane: &[i16], at: usize, stride: usize) -> __m256i {
    let line = |at: usize| match plane.get(at..).and_then(<[i16]>::first_chunk::<PATCH>) {
        #[expect(unsafe_code, reason = "a load of sixteen bytes")]
        // SAFETY: eight numbers of two bytes are borrowed.
        Some(chunk) => unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) },
        None => _mm_setzero_si128(),
    };
    _mm256_set_m128i(line(at + stride), line(at))
}

/// Sixteen of the numbers of a patch.
#[inline]
#[target_feature(enable = "avx2")]
fn quarter(values: &[i16; SAMPLES], at: usize) -> __m256i {
    match values.as_chunks::<16>().0.get(at) {
        #[expect(unsafe_code, reason = "a load of thirty-two bytes")]
        // SAFETY: sixteen numbers of two bytes are borrowed.
        Some(chunk) => unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) },
        None => _mm256_setzero_si256(),
    }
}

/// Writes sixteen of the numbers of a patch.
#[inline]
#[target_feature(enable = "avx2")]
fn put(values: &mut [i16; SAMPLES], at: usize, four: __m256i) {
    if let Some(chunk) = values.as_chunks_mut::<16>().0.get_mut(at) {
        #[expect(unsafe_code, reason = "a store of thirty-two bytes")]
        // SAFETY: sixteen numbers of two bytes are borrowed.
        unsafe {
            _mm256_storeu_si256(chunk.as_mut_ptr().cast(), four);
        }
    }
}

/// The sums of the eight numbers of `a` and of `b`.
#[inline]
#[target_feature(enable = "avx2")]
fn total(a: __m256i, b: __m256i) -> [i32; 2] {
    let both = _mm256_hadd_epi32(a, b);
    let both = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both));
    let both = _mm_hadd_epi32(both, both);
    [_mm_extract_epi32::<0>(both), _mm_extract_epi32::<1>(both)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn residual(new: &Level, old: &Level, x: isize, y: isize, v: Vector) -> Residual {
    let (from, fx, fy) = source(old, x, y, v);
    let at = new.index(x, y);
    let pairs =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8));
    let weights = _mm256_set1_epi16(((16 - fx) | (fx << 8)) as i16);
    let across = |line: usize| {
        let upper = load(&old.data, from + line * old.stride);
        let lower = load(&old.data, from + (line + 1) * old.stride);
        let both = _mm256_set_m128i(lower, upper);
        _mm256_maddubs_epi16(_mm256_shuffle_epi8(both, pairs), weights)
    };
    let last = load(&old.data, from + PATCH * old.stride);
    let last = _mm_shuffle_epi8(last, _mm256_castsi256_si128(pairs));
    let last = _mm_maddubs_epi16(last, _mm256_castsi256_si128(weights));
    let lines = [across(0), across(2), across(4), across(6), _mm256_castsi128_si256(last)];
    let (near, far) = (_mm256_set1_epi16(16 - fy as i16), _mm256_set1_epi16(fy as i16));
    let (half, ones) = (_mm256_set1_epi16(8), _mm256_set1_epi16(1));
    let mut values = [0_i16; SAMPLES];
    let mut sum = _mm256_setzero_si256();
    let mut squares = _mm256_setzero_si256();
    for k in 0..4 {
        // The lines below these two.
        let below = _mm256_permute2x128_si256::<0x21>(lines[k], lines[k + 1]);
        let mixed =
            _mm256_add_epi16(_mm256_mullo_epi16(lines[k], near), _mm256_mullo_epi16(below, far));
        let mixed = _mm256_srli_epi16::<4>(_mm256_add_epi16(mixed, half));
        let own = two_lines(&new.data, at + 2 * k * new.stride, new.stride);
        let value = _mm256_sub_epi16(mixed, _mm256_slli_epi16::<4>(own));
        put(&mut values, k, value);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(value, ones));
        squares = _mm256_add_epi32(squares, _mm256_madd_epi16(value, value));
    }
    let [sum, squares] = total(sum, squares);
    Residual { values, sum, squares }
}

#[inline]
#[target_feature(enable = "avx2")]
fn cells(residual: &Residual) -> [u32; 4] {
    let ones = _mm256_set1_epi16(1);
    // Two columns of cells of two lines, summed over pairs of samples.
    let half = |at: usize| {
        let a = _mm256_abs_epi16(quarter(&residual.values, at));
        let b = _mm256_abs_epi16(quarter(&residual.values, at + 1));
        let sums = _mm256_madd_epi16(_mm256_add_epi16(a, b), ones);
        _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums))
    };
    let four = _mm_srli_epi32::<4>(_mm_hadd_epi32(half(0), half(2)));
    [
        _mm_extract_epi32::<0>(four) as u32,
        _mm_extract_epi32::<1>(four) as u32,
        _mm_extract_epi32::<2>(four) as u32,
        _mm_extract_epi32::<3>(four) as u32,
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn template(new: &Level, gradient: &[Vec<i16>; 2], x: isize, y: isize) -> Template {
    let at = new.index(x, y);
    let ones = _mm256_set1_epi16(1);
    let zero = _mm256_setzero_si256();
    let (mut gx, mut gy) = ([0_i16; SAMPLES], [0_i16; SAMPLES]);
    let [mut sx, mut sy, mut xx, mut xy, mut yy] = [zero; 5];
    for k in 0..4 {
        let from = at + 2 * k * new.stride;
        let a = two_gradients(&gradient[0], from, new.stride);
        let b = two_gradients(&gradient[1], from, new.stride);
        put(&mut gx, k, a);
        put(&mut gy, k, b);
        sx = _mm256_add_epi32(sx, _mm256_madd_epi16(a, ones));
        sy = _mm256_add_epi32(sy, _mm256_madd_epi16(b, ones));
        xx = _mm256_add_epi32(xx, _mm256_madd_epi16(a, a));
        xy = _mm256_add_epi32(xy, _mm256_madd_epi16(a, b));
        yy = _mm256_add_epi32(yy, _mm256_madd_epi16(b, b));
    }
    let [x, y] = total(sx, sy);
    let [xx, yy] = total(xx, yy);
    let [xy, _] = total(xy, zero);
    Template::new(gx, gy, &Sums { x, y, xx, xy, yy })
}

/// The sums of both gradients times the residual.
#[inline]
#[target_feature(enable = "avx2")]
fn products(template: &Template, residual: &Residual) -> [i32; 2] {
    let (mut bx, mut by) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for k in 0..4 {
        let r = quarter(&residual.values, k);
        bx = _mm256_add_epi32(bx, _mm256_madd_epi16(quarter(&template.gx, k), r));
        by = _mm256_add_epi32(by, _mm256_madd_epi16(quarter(&template.gy, k), r));
    }
    total(bx, by)
}
