//! Chroma of one line, at the luma's width.
//!
//! Sample `k` of a halved line sits on luma sample `2k` (left siting) or at `2k + 1/2` (centre);
//! halved lines always sit at `2k + 1/2`. Bilinear interpolation, edges repeated. Nothing is
//! rounded: the first step gives values times 4, the second times 128 (see [`super::matrix`]).

use crate::frame::ChromaSiting;

/// The lines of chroma that make up line `y` of the picture: (near, far), weighted 3 to 1.
pub(super) fn lines_around(y: usize, halved: bool, rows: usize) -> (usize, usize) {
    if !halved {
        return (y, y);
    }
    let near = y / 2;
    let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
    let last = rows.saturating_sub(1);
    (near.min(last), far.min(last))
}

/// `3 near + far - 512`: a vertically interpolated line, times 4, around zero.
///
/// The samples stand `step` bytes apart, the first at `first`.
pub(super) fn blend(near: &[u8], far: &[u8], first: usize, step: usize, out: &mut [i16]) {
    let near = near.iter().skip(first).step_by(step);
    let far = far.iter().skip(first).step_by(step);
    for ((out, &n), &f) in out.iter_mut().zip(near).zip(far) {
        *out = 3 * i16::from(n) + i16::from(f) - 512;
    }
}

/// Widens a line of values times 4 to values times 128, one for each luma sample.
pub(super) fn widen(src: &[i16], siting: ChromaSiting, out: &mut [i16]) {
    let Some(&last) = src.last() else { return };
    let next = src.iter().skip(1).chain([&last]);
    match siting {
        ChromaSiting::Left => {
            for ((pair, &c), &n) in out.chunks_mut(2).zip(src).zip(next) {
                pair[0] = 32 * c;
                if let Some(odd) = pair.get_mut(1) {
                    *odd = 16 * (c + n);
                }
            }
        }
        ChromaSiting::Centre => {
            let first = src.first().into_iter();
            for (((pair, &c), &n), &p) in out.chunks_mut(2).zip(src).zip(next).zip(first.chain(src))
            {
                pair[0] = 8 * (3 * c + p);
                if let Some(odd) = pair.get_mut(1) {
                    *odd = 8 * (3 * c + n);
                }
            }
        }
    }
}

/// Values times 4 to values times 128, for chroma that already has the luma's width.
pub(super) fn scale(src: &[i16], out: &mut [i16]) {
    for (out, &c) in out.iter_mut().zip(src) {
        *out = 32 * c;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_repeat_at_the_edges() {
        let pairs: Vec<_> = (0..5).map(|y| lines_around(y, true, 3)).collect();
        assert_eq!(pairs, [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1)]);
        assert_eq!(lines_around(5, true, 3), (2, 2));
        assert_eq!(lines_around(4, false, 5), (4, 4));
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        // Chroma 100, 104, 108 times 4 around zero.
        let src = [100, 104, 108].map(|c| 4 * (c - 128));
        let mut out = [0; 6];
        widen(&src, ChromaSiting::Left, &mut out);
        assert_eq!(out.map(|c| c / 128 + 128), [100, 102, 104, 106, 108, 108]);
        widen(&src, ChromaSiting::Centre, &mut out);
        assert_eq!(out.map(|c| c + 128 * 128), [12800, 12928, 13184, 13440, 13696, 13824]);
        let mut odd = [0; 5];
        widen(&src, ChromaSiting::Left, &mut odd);
        assert_eq!(odd.map(|c| c / 128 + 128), [100, 102, 104, 106, 108]);
    }

    #[test]
    fn blending_picks_its_samples() {
        let (near, far) = ([10, 1, 20, 2], [50, 9, 60, 8]);
        let mut out = [0; 2];
        blend(&near, &far, 0, 2, &mut out);
        assert_eq!(out.map(|c| c + 512), [80, 120]);
        blend(&near, &far, 1, 2, &mut out);
        assert_eq!(out.map(|c| c + 512), [12, 14]);
    }
}
