//! Structural similarity as the tables of Moving MNIST have it: scikit-image's defaults, a uniform
//! window of 7x7 with sample covariance, K 0.01 and 0.03, over windows that lie wholly inside; the
//! range of floating-point pictures was taken as 2 there (-1 to 1), though they span 0 to 1.

use framecast::vision::FloatImage;

const WINDOW: usize = 7;
const C1: f64 = (0.01 * 2.0) * (0.01 * 2.0);
const C2: f64 = (0.03 * 2.0) * (0.03 * 2.0);

/// The mean over R, G and B; 1 for pictures below the window.
pub(super) fn similarity(target: &FloatImage, prediction: &FloatImage) -> f64 {
    let (w, h) = (target.size.w(), target.size.h());
    if w < WINDOW || h < WINDOW || w * h * 3 != prediction.data.len() {
        return 1.0;
    }
    let planes = target.data.chunks_exact(w * h).zip(prediction.data.chunks_exact(w * h));
    planes.map(|(a, b)| plane(a, b, w, h)).sum::<f64>() / 3.0
}

fn plane(a: &[f32], b: &[f32], w: usize, h: usize) -> f64 {
    let samples: Vec<[f64; 5]> = a
        .iter()
        .zip(b)
        .map(|(a, b)| {
            let (x, y) = (f64::from(*a) / 255.0, f64::from(*b) / 255.0);
            [x, y, x * x, y * y, x * y]
        })
        .collect();
    let number = (WINDOW * WINDOW) as f64;
    let unbiased = number / (number - 1.0);
    let mut columns = vec![[0.0; 5]; w];
    let (mut total, mut count) = (0.0, 0u64);
    for top in 0..=h - WINDOW {
        columns.fill([0.0; 5]);
        for line in samples.chunks_exact(w).skip(top).take(WINDOW) {
            for (sum, sample) in columns.iter_mut().zip(line) {
                sum.iter_mut().zip(sample).for_each(|(s, v)| *s += v);
            }
        }
        for window in columns.windows(WINDOW) {
            let mut m = [0.0; 5];
            for column in window {
                m.iter_mut().zip(column).for_each(|(s, v)| *s += v / number);
            }
            let [x, y, xx, yy, xy] = m;
            let (vx, vy) = (unbiased * (xx - x * x), unbiased * (yy - y * y));
            let covariance = unbiased * (xy - x * y);
            total += ((2.0 * x * y + C1) * (2.0 * covariance + C2))
                / ((x * x + y * y + C1) * (vx + vy + C2));
            count += 1;
        }
    }
    total / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;

    use super::*;

    fn picture(value: impl Fn(usize) -> f32) -> FloatImage {
        FloatImage { size: Size::new(12, 9), data: (0..324).map(|i| value(i % 108)).collect() }
    }

    #[test]
    fn it_is_what_scikit_image_has() {
        // structural_similarity(a, b, data_range=2) of scikit-image.
        let a = picture(|i| ((i * 37) % 256) as f32);
        let b = picture(|i| ((i * 37 + 25) % 256) as f32);
        assert!((similarity(&a, &a) - 1.0).abs() < 1e-12);
        let found = similarity(&a, &b);
        assert!((found - 0.461_234_997_839_091_6).abs() < 1e-9, "{found}");
    }
}
