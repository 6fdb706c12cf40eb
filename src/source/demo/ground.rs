//! The ground the camera flies over: a seeded tile of fields, tracks and roofs that repeats without
//! a seam. Made once; a frame only samples it.

use super::seeded::{between, hash, unit};

/// Texels on each side of the tile; a power of two.
pub(super) const TILE: usize = 1024;

/// The tile, one texel a word: red, green and blue in the low three bytes.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    texels: Vec<u32>,
}

impl Ground {
    pub(super) fn new(seed: u64) -> Self {
        let height = octaves(seed ^ 0x11, &[(256, 1.0), (128, 0.55), (64, 0.35), (32, 0.18)]);
        let detail = octaves(seed ^ 0x22, &[(32, 0.5), (16, 0.45), (8, 0.4), (4, 0.35)]);
        let tracks = octaves(seed ^ 0x33, &[(256, 1.0), (128, 0.4)]);
        let mut texels: Vec<[f32; 3]> =
            height.iter().zip(&detail).zip(&tracks).map(|((&h, &d), &t)| shade(h, d, t)).collect();
        roofs(seed ^ 0x44, &detail, &mut texels);
        Self { texels: soften(&texels) }
    }

    /// The texel at a place, wrapped into the tile.
    pub(super) fn texel(&self, x: u32, y: u32) -> u32 {
        let index = ((y as usize & (TILE - 1)) * TILE) | (x as usize & (TILE - 1));
        self.texels.get(index).copied().unwrap_or_default()
    }

    /// Bilinear sample at 16.16 fixed-point texels: red, green and blue in 8.8 fixed point.
    #[inline]
    pub(super) fn sample(&self, u: u32, v: u32) -> [i32; 3] {
        let (x, y) = (u >> 16, v >> 16);
        // Six bits of sub-texel place: the three channels then interpolate together in 21-bit
        // lanes of one word (8 + 6 + 6 bits each), four multiplications a pixel.
        let (fx, fy) = (u64::from(u >> 10 & 63), u64::from(v >> 10 & 63));
        let lanes = |x: u32, y: u32| {
            let p = u64::from(self.texel(x, y));
            p & 0xff | (p & 0xff00) << 13 | (p & 0xff_0000) << 26
        };
        let sum = lanes(x, y) * ((64 - fx) * (64 - fy))
            + lanes(x.wrapping_add(1), y) * (fx * (64 - fy))
            + lanes(x, y.wrapping_add(1)) * ((64 - fx) * fy)
            + lanes(x.wrapping_add(1), y.wrapping_add(1)) * (fx * fy);
        let lane = |shift: u32| ((sum >> shift & 0x1f_ffff) >> 4) as i32;
        [lane(0), lane(21), lane(42)]
    }
}

/// Seamless value noise, the sum of octaves given by cell size and weight; about -1..1.
fn octaves(seed: u64, list: &[(usize, f32)]) -> Vec<f32> {
    let mut field = vec![0.0; TILE * TILE];
    for (octave, &(cell, weight)) in list.iter().enumerate() {
        let cells = TILE / cell;
        let seed = seed.wrapping_add(octave as u64 * 77);
        let grid: Vec<f32> = (0..cells * cells)
            .map(|i| unit(seed, (i % cells) as u64, (i / cells) as u64) * 2.0 - 1.0)
            .collect();
        let at = |x: usize, y: usize| {
            grid.get((y % cells) * cells + x % cells).copied().unwrap_or_default()
        };
        let ease: Vec<f32> = (0..cell)
            .map(|i| {
                let f = i as f32 / cell as f32;
                f * f * (3.0 - 2.0 * f)
            })
            .collect();
        for (y, row) in field.chunks_exact_mut(TILE).enumerate() {
            let (cy, fy) = (y / cell, ease.get(y % cell).copied().unwrap_or_default());
            for (cx, span) in row.chunks_exact_mut(cell).enumerate() {
                let left = at(cx, cy) + (at(cx, cy + 1) - at(cx, cy)) * fy;
                let right = at(cx + 1, cy) + (at(cx + 1, cy + 1) - at(cx + 1, cy)) * fy;
                for (value, &fx) in span.iter_mut().zip(&ease) {
                    *value += weight * (left + (right - left) * fx);
                }
            }
        }
    }
    field
}

/// Colour of natural ground from height, fine detail, and the contour that is a track.
fn shade(height: f32, detail: f32, track: f32) -> [f32; 3] {
    const STOPS: [[f32; 3]; 5] = [
        [58.0, 76.0, 52.0],
        [84.0, 104.0, 62.0],
        [112.0, 122.0, 78.0],
        [146.0, 132.0, 100.0],
        [172.0, 158.0, 130.0],
    ];
    let place = ((height * 0.55 + 0.5) * 4.0).clamp(0.0, 3.999);
    let stop = place as usize;
    let f = place - stop as f32;
    let low = STOPS.get(stop).copied().unwrap_or_default();
    let high = STOPS.get(stop + 1).copied().unwrap_or_default();
    let shine = detail * 20.0;
    let mut colour = [0.0; 3];
    for ((c, l), h) in colour.iter_mut().zip(low).zip(high) {
        *c = l + (h - l) * f + shine;
    }
    // A track follows one contour line of a slow field and has soft shoulders.
    let cover = ((0.035 - track.abs()) * 60.0).clamp(0.0, 1.0);
    for (c, grey) in colour.iter_mut().zip([134.0, 131.0, 126.0]) {
        *c += (grey + detail * 6.0 - *c) * cover;
    }
    colour
}

/// Flat and ridged roofs at random places, wrapped around the tile's edges.
fn roofs(seed: u64, detail: &[f32], texels: &mut [[f32; 3]]) {
    const COLOURS: [[f32; 3]; 4] =
        [[148.0, 92.0, 78.0], [122.0, 118.0, 116.0], [176.0, 172.0, 166.0], [92.0, 98.0, 112.0]];
    for n in 0..70u64 {
        let x0 = hash(seed, n, 0) as usize % TILE;
        let y0 = hash(seed, n, 1) as usize % TILE;
        let w = between(seed, n, 2, 18.0, 60.0) as usize;
        let h = between(seed, n, 3, 18.0, 60.0) as usize;
        let colour =
            COLOURS.get(hash(seed, n, 4) as usize % COLOURS.len()).copied().unwrap_or_default();
        for y in 0..h {
            // The two sides of a ridged roof catch the light differently.
            let light = if y * 2 < h { 1.08 } else { 0.88 };
            for x in 0..w {
                let index = ((y0 + y) % TILE) * TILE + (x0 + x) % TILE;
                let grain = detail.get(index).copied().unwrap_or_default() * 5.0;
                if let Some(texel) = texels.get_mut(index) {
                    *texel = colour.map(|c| c * light + grain);
                }
            }
        }
    }
}

/// A 3x3 binomial blur, the work of the optics, and the step to bytes.
fn soften(texels: &[[f32; 3]]) -> Vec<u32> {
    let at =
        |x: usize, y: usize| texels.get((y % TILE) * TILE + x % TILE).copied().unwrap_or_default();
    let mut out = Vec::with_capacity(TILE * TILE);
    for y in 0..TILE {
        for x in 0..TILE {
            let mut sum = [0.0f32; 3];
            for (dy, wy) in [(TILE - 1, 1.0), (0, 2.0), (1, 1.0)] {
                for (dx, wx) in [(TILE - 1, 1.0), (0, 2.0), (1, 1.0)] {
                    for (s, c) in sum.iter_mut().zip(at(x + dx, y + dy)) {
                        *s += c * wx * wy;
                    }
                }
            }
            let [r, g, b] = sum.map(|s| (s / 16.0 + 0.5).clamp(0.0, 255.0) as u32);
            out.push(r | g << 8 | b << 16);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_meet_texels_and_wrap() {
        let ground = Ground::new(5);
        let word = ground.texel(1023, 7);
        let bytes = [word & 255, word >> 8 & 255, word >> 16 & 255].map(|b| (b << 8) as i32);
        assert_eq!(ground.sample(1023 << 16, 7 << 16), bytes);
        assert_eq!(ground.sample(2047 << 16, (1024 + 7) << 16), bytes);
        let right = ground.sample(1024 << 16, 7 << 16);
        let half = ground.sample((1023 << 16) + 0x8000, 7 << 16);
        for ((l, r), h) in bytes.iter().zip(right).zip(half) {
            assert!((h - (l + r) / 2).abs() <= 1, "{l} {h} {r}");
        }
    }

    #[test]
    fn seeds_give_different_ground_with_contrast() {
        let (a, b) = (Ground::new(1), Ground::new(2));
        assert_ne!(a.texels, b.texels);
        let green: Vec<f64> = a.texels.iter().map(|t| f64::from(t >> 8 & 255)).collect();
        let mean = green.iter().sum::<f64>() / green.len() as f64;
        let var = green.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / green.len() as f64;
        assert!((80.0..160.0).contains(&mean) && var.sqrt() > 12.0, "{mean} {}", var.sqrt());
    }
}
