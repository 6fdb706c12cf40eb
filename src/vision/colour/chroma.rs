//! Chroma of one line, at the luma's width.
//!
//! Sample `k` of a halved line sits on luma sample `2k` (left siting) or at `2k + 1/2` (centre);
//! halved lines always sit at `2k + 1/2`. Bilinear interpolation, edges repeated. Nothing is
//! rounded: the first step gives values times 4, the second times 128 (see [`super::matrix`]).

use crate::vision::dispatch::vectorised;

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

vectorised! {
    /// `3 near + far - 512`: a vertically interpolated line, times 4, around zero.
    pub(super) fn blend(near: &[u8], far: &[u8], out: &mut [i16]) {
        for ((out, &n), &f) in out.iter_mut().zip(near).zip(far) {
            *out = 3 * i16::from(n) + i16::from(f) - 512;
        }
    }
}

vectorised! {
    /// As [`blend`], for two channels whose samples alternate.
    pub(super) fn blend_pairs(
        near: &[u8],
        far: &[u8],
        first: &mut [i16],
        second: &mut [i16],
    ) {
        let outs = first.iter_mut().zip(second);
        for (((a, b), n), f) in outs.zip(near.as_chunks::<2>().0).zip(far.as_chunks::<2>().0) {
            *a = 3 * i16::from(n[0]) + i16::from(f[0]) - 512;
            *b = 3 * i16::from(n[1]) + i16::from(f[1]) - 512;
        }
    }
}

vectorised! {
    /// Takes a line of packed 4:2:2 apart: luma, and both chroma channels times 4 around zero.
    /// The buffers hold whole pairs of pixels.
    /// `luma_first` tells Y U Y V from U Y V Y.
    pub(super) fn unpack(
        src: &[u8],
        luma_first: bool,
        luma: &mut [u8],
        u: &mut [i16],
        v: &mut [i16],
    ) {
        let four = src.as_chunks::<4>().0;
        let chroma = |c: u8| 4 * i16::from(c) - 512;
        if luma_first {
            for (((y, u), v), s) in luma.as_chunks_mut().0.iter_mut().zip(u).zip(v).zip(four) {
                *y = [s[0], s[2]];
                (*u, *v) = (chroma(s[1]), chroma(s[3]));
            }
        } else {
            for (((y, u), v), s) in luma.as_chunks_mut().0.iter_mut().zip(u).zip(v).zip(four) {
                *y = [s[1], s[3]];
                (*u, *v) = (chroma(s[0]), chroma(s[2]));
            }
        }
    }
}

vectorised! {
    /// Widens a line of values times 4 to values times 128, one for each luma sample.
    ///
    /// `src` has one more value at each end, which is set here to repeat the edge; `out` is even.
    pub(super) fn widen(src: &mut [i16], centre: bool, out: &mut [i16]) {
        let n = src.len();
        if n < 3 {
            return;
        }
        src[0] = src[1];
        src[n - 1] = src[n - 2];
        let pairs = out.as_chunks_mut::<2>().0.iter_mut();
        if centre {
            for (pair, s) in pairs.zip(src.array_windows::<3>()) {
                *pair = [8 * (3 * s[1] + s[0]), 8 * (3 * s[1] + s[2])];
            }
        } else {
            for (pair, s) in pairs.zip(src.array_windows::<3>()) {
                *pair = [32 * s[1], 16 * (s[1] + s[2])];
            }
        }
    }
}

vectorised! {
    /// Samples to values times 128 around zero, for chroma that already has the luma's width.
    pub(super) fn centre_and_scale(src: &[u8], out: &mut [i16]) {
        for (out, &c) in out.iter_mut().zip(src) {
            *out = 128 * (i16::from(c) - 128);
        }
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
        // Chroma 100, 104, 108 times 4 around zero, with room at both ends.
        let mut src = [0, 100, 104, 108, 0].map(|c| 4 * (c - 128));
        let mut out = [0; 6];
        widen(&mut src, false, &mut out);
        assert_eq!(out.map(|c| c / 128 + 128), [100, 102, 104, 106, 108, 108]);
        widen(&mut src, true, &mut out);
        assert_eq!(out.map(|c| c + 128 * 128), [12800, 12928, 13184, 13440, 13696, 13824]);
    }

    #[test]
    fn blending_picks_its_samples() {
        let (near, far) = ([10, 1, 20, 2], [50, 9, 60, 8]);
        let (mut a, mut b) = ([0; 2], [0; 2]);
        blend_pairs(&near, &far, &mut a, &mut b);
        assert_eq!((a.map(|c| c + 512), b.map(|c| c + 512)), ([80, 120], [12, 14]));
        let mut all = [0; 4];
        blend(&near, &far, &mut all);
        assert_eq!(all.map(|c| c + 512), [80, 12, 120, 14]);
    }

    #[test]
    fn packed_lines_come_apart() {
        for luma_first in [true, false] {
            let mut line = [1, 100, 2, 200, 3, 110, 9, 210];
            if !luma_first {
                line.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
            }
            let (mut y, mut u, mut v) = ([0; 4], [0; 2], [0; 2]);
            unpack(&line, luma_first, &mut y, &mut u, &mut v);
            assert_eq!(y, [1, 2, 3, 9]);
            assert_eq!((u.map(|c| c / 4 + 128), v.map(|c| c / 4 + 128)), ([100, 110], [200, 210]));
        }
    }
}
