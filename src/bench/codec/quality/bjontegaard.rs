//! The mean difference of rate at equal quality (G. Bjontegaard, VCEG-M33, 2001).
//!
//! The logarithm of the rate is a function of quality through the measured points; its mean over
//! the range that both codecs reach is compared. Two such functions are in use: the cubic polynomial
//! of the original, and the piecewise cubic that keeps the points' order (Fritsch and Carlson 1980,
//! with the slopes of Fritsch and Butland at the points), which the JVET test conditions use.

use serde::{Deserialize, Serialize};

/// The function through the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// A polynomial of degree 3, by least squares when there are more than four points.
    Cubic,
    /// Piecewise cubic, monotonic between the points.
    Piecewise,
}

/// A difference of rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BdRate {
    /// Bits more (positive) or less at equal quality, in percent.
    pub percent: f64,
    /// The quality from which and to which both were compared.
    pub range: [f64; 2],
    /// The share of the narrower curve's range that was compared; below about a half it says little.
    pub overlap: f64,
}

impl BdRate {
    /// True unless it rests on less than half of the narrower curve.
    #[must_use]
    pub fn says_much(&self) -> bool {
        self.overlap >= 0.5
    }
}

/// The rate of `test` against `anchor` at equal quality. Points are (rate, quality) in any order;
/// quality grows with the rate. `None` with fewer than two points (four for the polynomial), with
/// rates that are not positive, or when the qualities do not overlap.
#[must_use]
pub fn bd_rate(anchor: &[(f64, f64)], test: &[(f64, f64)], fit: Fit) -> Option<BdRate> {
    let (anchor, test) = (points(anchor)?, points(test)?);
    let ends = |p: &[(f64, f64)]| Some((p.first()?.0, p.last()?.0));
    let ((a0, a1), (t0, t1)) = (ends(&anchor)?, ends(&test)?);
    let (low, high) = (a0.max(t0), a1.min(t1));
    let narrower = (a1 - a0).min(t1 - t0);
    if high <= low || narrower <= 0.0 {
        return None;
    }
    let mean = |p: &[(f64, f64)]| Some(integral(p, low, high, fit)? / (high - low));
    let difference = mean(&test)? - mean(&anchor)?;
    Some(BdRate {
        percent: (10f64.powf(difference) - 1.0) * 100.0,
        range: [low, high],
        overlap: (high - low) / narrower,
    })
}

/// The rate at a quality, on the piecewise cubic through (rate, quality) points; `None` outside of
/// them, and where [`bd_rate`] has none.
#[must_use]
pub fn rate_at(curve: &[(f64, f64)], quality: f64) -> Option<f64> {
    let points = points(curve)?;
    let slopes = slopes(&points);
    let (pair, d) = points.windows(2).zip(slopes.windows(2)).find(
        |(pair, _)| matches!(pair, [(low, _), (high, _)] if (*low..=*high).contains(&quality)),
    )?;
    let (&[(x0, y0), (x1, y1)], &[d0, d1]) = (pair, d) else { return None };
    let (b, c) = bend(x1 - x0, y1 - y0, d0, d1);
    let s = quality - x0;
    Some(10f64.powf(y0 + s * (d0 + s * (c + s * b))))
}

/// The coefficients of the third and second power of the cubic over `h` that rises by `rise`, with
/// these slopes at its ends.
fn bend(h: f64, rise: f64, d0: f64, d1: f64) -> (f64, f64) {
    let delta = rise / h;
    ((d0 - 2.0 * delta + d1) / (h * h), (3.0 * delta - 2.0 * d0 - d1) / h)
}

/// (quality, log rate) by growing quality, each quality once.
fn points(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let usable =
        |(rate, quality): &(f64, f64)| *rate > 0.0 && rate.is_finite() && quality.is_finite();
    if !points.iter().all(usable) {
        return None;
    }
    let mut logs: Vec<_> = points.iter().map(|(rate, quality)| (*quality, rate.log10())).collect();
    logs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // Of equal qualities the smaller rate stays.
    logs.dedup_by(|b, a| a.0 == b.0);
    (logs.len() >= 2).then_some(logs)
}

fn integral(points: &[(f64, f64)], low: f64, high: f64, fit: Fit) -> Option<f64> {
    match fit {
        Fit::Cubic => {
            // Around the middle, so that the powers stay small.
            let centre = points.iter().map(|p| p.0).sum::<f64>() / points.len() as f64;
            let c = cubic(points, centre)?;
            let primitive = |x: f64| {
                let x = x - centre;
                x * (c[0] + x * (c[1] / 2.0 + x * (c[2] / 3.0 + x * c[3] / 4.0)))
            };
            Some(primitive(high) - primitive(low))
        }
        Fit::Piecewise => Some(piecewise(points, low, high)),
    }
}

/// Coefficients of the polynomial of degree 3 in `x - centre` by least squares.
fn cubic(points: &[(f64, f64)], centre: f64) -> Option<[f64; 4]> {
    if points.len() < 4 {
        return None;
    }
    let mut system = [[0.0; 5]; 4];
    for (x, y) in points {
        let powers = [1.0, x - centre, (x - centre).powi(2), (x - centre).powi(3)];
        for (row, p) in system.iter_mut().zip(powers) {
            for (cell, q) in row.iter_mut().zip(powers) {
                *cell += p * q;
            }
            row[4] += p * y;
        }
    }
    // Gauss with pivots.
    for at in 0..4 {
        let pivot = (at..4).max_by(|a, b| system[*a][at].abs().total_cmp(&system[*b][at].abs()))?;
        system.swap(at, pivot);
        let row = system[at];
        if row[at].abs() < 1e-12 {
            return None;
        }
        for other in (0..4).filter(|o| *o != at) {
            let factor = system[other][at] / row[at];
            for (cell, value) in system[other].iter_mut().zip(row) {
                *cell -= factor * value;
            }
        }
    }
    Some(std::array::from_fn(|i| system[i][4] / system[i][i]))
}

/// The integral of the monotonic piecewise cubic from `low` to `high`.
fn piecewise(points: &[(f64, f64)], low: f64, high: f64) -> f64 {
    let slopes = slopes(points);
    let mut sum = 0.0;
    for (pair, d) in points.windows(2).zip(slopes.windows(2)) {
        let (&[(x0, y0), (x1, y1)], &[d0, d1]) = (pair, d) else { continue };
        let (from, to) = (low.max(x0), high.min(x1));
        if to <= from {
            continue;
        }
        let (b, c) = bend(x1 - x0, y1 - y0, d0, d1);
        let primitive = |x: f64| {
            let s = x - x0;
            s * (y0 + s * (d0 / 2.0 + s * (c / 3.0 + s * b / 4.0)))
        };
        sum += primitive(to) - primitive(from);
    }
    sum
}

/// Slopes at the points: weighted harmonic means inside, one-sided at the ends.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let steps: Vec<(f64, f64)> = points
        .windows(2)
        .map(|p| match p {
            [(x0, y0), (x1, y1)] => (x1 - x0, (y1 - y0) / (x1 - x0)),
            _ => (1.0, 0.0),
        })
        .collect();
    if let [(_, only)] = steps.as_slice() {
        return vec![*only; 2];
    }
    let inner = steps.windows(2).map(|s| match s {
        [(h0, d0), (h1, d1)] if d0 * d1 > 0.0 => {
            let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
            (w0 + w1) / (w0 / d0 + w1 / d1)
        }
        _ => 0.0,
    });
    let end = |near: (f64, f64), next: (f64, f64)| {
        let ((h0, d0), (h1, d1)) = (near, next);
        let slope = ((2.0 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
        if slope * d0 <= 0.0 {
            0.0
        } else if d0 * d1 <= 0.0 && slope.abs() > 3.0 * d0.abs() {
            3.0 * d0
        } else {
            slope
        }
    };
    let mut all = vec![match steps.as_slice() {
        [first, second, ..] => end(*first, *second),
        _ => 0.0,
    }];
    all.extend(inner);
    all.push(match steps.as_slice() {
        [.., before, last] => end(*last, *before),
        _ => 0.0,
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    type Points = [(f64, f64); 4];

    /// Rate and PSNR of measured clips, and what numpy's `polyfit` and scipy's
    /// `PchipInterpolator` make of them.
    const TELLO: Points = [(0.1039, 46.71), (0.0405, 42.59), (0.0154, 38.34), (0.0067, 34.41)];
    const TELLO_FAST: Points = [(0.1932, 48.68), (0.1, 44.87), (0.0484, 40.66), (0.0225, 36.63)];
    const NOISY: Points = [(1.0368, 44.95), (0.1172, 41.24), (0.0351, 39.27), (0.0174, 36.55)];
    const NOISY_265: Points = [(0.833, 44.74), (0.1021, 42.11), (0.0315, 40.61), (0.015, 38.38)];
    const AERIAL: Points = [(0.2353, 40.78), (0.0819, 36.44), (0.0315, 32.7), (0.0159, 29.74)];
    const AERIAL_AV1: Points = [(0.2594, 41.23), (0.104, 38.19), (0.0422, 35.31), (0.0181, 32.36)];

    #[test]
    fn both_functions_agree_with_independent_ones() {
        for (anchor, test, cubic, piecewise) in [
            (TELLO, TELLO_FAST, 73.334643, 73.325085),
            (NOISY, NOISY_265, -47.462038, -45.353630),
            (AERIAL, AERIAL_AV1, -24.922132, -24.615416),
        ] {
            for (fit, expected) in [(Fit::Cubic, cubic), (Fit::Piecewise, piecewise)] {
                let got = bd_rate(&anchor, &test, fit).unwrap().percent;
                assert!((got - expected).abs() < 1e-4, "{fit:?}: {got} instead of {expected}");
            }
        }
    }

    #[test]
    fn the_same_curve_differs_by_nothing_and_half_the_rate_by_half() {
        let half = TELLO.map(|(rate, quality)| (rate / 2.0, quality));
        for fit in [Fit::Cubic, Fit::Piecewise] {
            assert!(bd_rate(&TELLO, &TELLO, fit).unwrap().percent.abs() < 1e-9);
            let bd = bd_rate(&TELLO, &half, fit).unwrap();
            assert!((bd.percent + 50.0).abs() < 1e-9, "{bd:?}");
            assert_eq!((bd.range, bd.overlap), ([34.41, 46.71], 1.0));
            // The order of the points is of no account.
            let mut turned = half;
            turned.reverse();
            assert_eq!(bd_rate(&TELLO, &turned, fit), Some(bd));
        }
    }

    #[test]
    fn rates_lie_on_the_curve() {
        for (rate, quality) in TELLO {
            assert!((rate_at(&TELLO, quality).unwrap() - rate).abs() < 1e-12);
        }
        let between = rate_at(&TELLO, 40.0).unwrap();
        assert!(between > 0.0154 && between < 0.0405, "{between}");
        // On a straight line of logarithms the middle is the geometric mean.
        let line = [(1.0, 10.0), (10.0, 20.0), (100.0, 30.0)];
        assert!((rate_at(&line, 25.0).unwrap() - 1000f64.sqrt()).abs() < 1e-9);
        assert_eq!((rate_at(&line, 9.9), rate_at(&line, 30.1)), (None, None));
        assert_eq!(rate_at(&line[..1], 10.0), None);
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let far = TELLO.map(|(rate, quality)| (rate, quality + 20.0));
        assert_eq!(bd_rate(&TELLO, &far, Fit::Piecewise), None);
        assert_eq!(bd_rate(&TELLO, &TELLO[..1], Fit::Piecewise), None);
        assert_eq!(bd_rate(&TELLO, &TELLO[..3], Fit::Cubic), None);
        assert!(bd_rate(&TELLO, &TELLO[..2], Fit::Piecewise).is_some());
        for bad in [(0.0, 40.0), (f64::NAN, 40.0), (0.1, f64::INFINITY)] {
            let mut points = TELLO;
            points[1] = bad;
            assert_eq!(bd_rate(&TELLO, &points, Fit::Piecewise), None, "{bad:?}");
        }
        let flat = TELLO.map(|(rate, _)| (rate, 40.0));
        assert_eq!(bd_rate(&TELLO, &flat, Fit::Piecewise), None);
    }
}
