//! The search on textures moved by known amounts.

use super::*;
use crate::frame::Size;
use crate::vision::motion::{Compensator, Scale};

/// A smooth texture displaced by (x, y) pixels.
fn texture(size: Size, x: f64, y: f64) -> LumaPyramid {
    let mut plane = Vec::new();
    for row in 0..size.h() {
        for column in 0..size.w() {
            let (x, y) = (column as f64 - x, row as f64 - y);
            let wave = (x * 0.37).sin() * (y * 0.29).cos() + (x * 0.13 + y * 0.19).sin();
            plane.push((128.0 + 55.0 * wave).round() as u8);
        }
    }
    let mut pyramid = LumaPyramid::default();
    pyramid.build(&plane, size);
    pyramid
}

#[test]
fn displacements_are_found_to_an_eighth_of_a_pixel() {
    let size = Size::new(96, 72);
    let older = texture(size, 0.0, 0.0);
    let mut field = MotionField::default();
    let mut search = MotionSearch::default();
    for (x, y) in [(0.0, 0.0), (1.0, 0.0), (0.25, -0.5), (5.5, 3.25), (-7.0, 2.0)] {
        search.search(&texture(size, x, y), &older, &mut field);
        assert_eq!((field.columns, field.rows), (24, 18));
        // Away from the edges, where the content is in both pictures.
        for row in 4..14 {
            for column in 4..20 {
                let v = field.at(column, row);
                let off = |v: i16, d: f64| (f64::from(v) / 64.0 + d).abs();
                assert!(
                    off(v.x, x) < 0.125 && off(v.y, y) < 0.125,
                    "moved by ({x}, {y}), found {v:?} at ({column}, {row})"
                );
            }
        }
    }
}

#[test]
fn motion_found_in_noise_predicts_no_worse_than_copying() {
    let size = Size::new(64, 64);
    let noisy = |seed: u32| -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            126 + (state >> 30) as u8
        };
        (0..64 * 64).map(|_| next()).collect()
    };
    let planes = [1, 2, 3].map(noisy);
    let [older, newer] = [0, 1].map(|i| {
        let mut pyramid = LumaPyramid::default();
        pyramid.build(&planes[i], size);
        pyramid
    });
    let mut field = MotionField::default();
    MotionSearch::default().search(&newer, &older, &mut field);
    let mut moved = Vec::new();
    Compensator::default().warp::<1>(&planes[1], size, &field, Scale::ONE, &mut moved);
    let error = |a: &[u8]| -> u32 {
        a.iter().zip(&planes[2]).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let (copied, moved) = (error(&planes[1]), error(&moved));
    assert!(moved <= copied, "{moved} against {copied}");
}

#[test]
fn what_does_not_change_does_not_move() {
    let size = Size::new(64, 48);
    let mut field = MotionField::default();
    let picture = texture(size, 0.0, 0.0);
    MotionSearch::default().search(&picture, &picture, &mut field);
    assert!(field.vectors.iter().all(|v| *v == Vector::default()));
}

#[test]
fn pictures_of_any_size_have_a_field() {
    let mut field = MotionField::default();
    let mut search = MotionSearch::default();
    for (width, height) in [(1, 1), (2, 7), (5, 3), (13, 11), (33, 9), (200, 1)] {
        let size = Size::new(width, height);
        search.search(&texture(size, 1.0, 0.5), &texture(size, 0.0, 0.0), &mut field);
        let cells = (width.div_ceil(4) * height.div_ceil(4)) as usize;
        assert_eq!(field.vectors.len(), cells, "{width}x{height}");
    }
    search.search(
        &texture(Size::new(8, 8), 0.0, 0.0),
        &texture(Size::new(9, 8), 0.0, 0.0),
        &mut field,
    );
    assert!(field.vectors.iter().all(|v| *v == Vector::default()), "sizes differ");
}

#[test]
fn every_instruction_set_gives_the_same_field() {
    let size = Size::new(80, 60);
    let (new, old) = (texture(size, 2.3, -1.1), texture(size, 0.0, 0.0));
    let (new, old) = (&new.levels[0], &old.levels[0]);
    let mut gradient = [Vec::new(), Vec::new()];
    gradients(new, &mut gradient);
    let empty = MotionField::default();
    let mut fast = vec![Patch::default(); 21 * 16];
    let mut plain = fast.clone();
    level(new, old, &gradient, &empty, 21, 4, &mut fast);
    let job = Job { new, old, gradient: &gradient, coarse: &empty, columns: 21, steps: 4 };
    job.run(Portable, &mut plain);
    let bytes = |p: &[Patch]| p.iter().map(|p| (p.vector, p.cost, p.cells)).collect::<Vec<_>>();
    assert_eq!(bytes(&fast), bytes(&plain));
}

/// The passes as they are defined: every candidate that is not the patch's own is tried.
fn reference(job: &Job<'_>, patches: &mut [Patch]) {
    let columns = job.columns;
    let rows = patches.len() / columns;
    for at in 0..patches.len() {
        let (row, column) = (at / columns, at % columns);
        let (x, y) = (place(column), place(row));
        let seed = job.coarse.at(column as isize / 2, row as isize / 2);
        let seed = Vector { x: 2 * seed.x, y: 2 * seed.y };
        let mut best = Portable.residual(job.new, job.old, x, y, seed);
        let mut patch = Patch { vector: seed, cost: best.cost(), cells: [0; 4] };
        let left = (column > 0).then(|| patches[at - 1].vector);
        let above = (row > 0).then(|| patches[at - columns].vector);
        for v in [left, above, Some(Vector::default())].into_iter().flatten() {
            if v != patch.vector {
                job.consider(Portable, x, y, v, &mut patch, &mut best);
            }
        }
        job.descend(Portable, x, y, job.steps, &mut patch, &mut best);
        patch.cells = Portable.cells(&best);
        patches[at] = patch;
    }
    for at in (0..patches.len()).rev() {
        let (row, column) = (at / columns, at % columns);
        let (x, y) = (place(column), place(row));
        let mut patch = patches[at];
        let mut best = Portable.residual(job.new, job.old, x, y, patch.vector);
        let before = patch.cost;
        let right = (column + 1 < columns).then(|| patches[at + 1].vector);
        let below = (row + 1 < rows).then(|| patches[at + columns].vector);
        for v in [right, below].into_iter().flatten() {
            if v != patch.vector {
                job.consider(Portable, x, y, v, &mut patch, &mut best);
            }
        }
        if patch.cost < before {
            job.descend(Portable, x, y, job.steps.div_ceil(2), &mut patch, &mut best);
            patch.cells = Portable.cells(&best);
            patches[at] = patch;
        }
    }
}

#[test]
fn candidates_left_out_would_not_have_been_taken() {
    let size = Size::new(80, 60);
    for seed in 1..=8 {
        // A few levels of noise, where standing still and small displacements cost much the same.
        let noisy = |mut state: u32| {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                120 + (state >> 28) as u8
            };
            let plane: Vec<u8> = (0..size.pixels()).map(|_| next()).collect();
            let mut pyramid = LumaPyramid::default();
            pyramid.build(&plane, size);
            pyramid
        };
        let (new, old) = (noisy(seed), noisy(seed + 1_000));
        let (new, old) = (&new.levels[0], &old.levels[0]);
        let mut gradient = [Vec::new(), Vec::new()];
        gradients(new, &mut gradient);
        // Cells that stand still among some that move.
        let mut coarse = MotionField::default();
        coarse.reset(10, 8);
        for (at, vector) in coarse.vectors.iter_mut().enumerate().filter(|(at, _)| at % 3 == 2) {
            *vector = Vector { x: at as i16 - 40, y: 7 };
        }
        let job = Job { new, old, gradient: &gradient, coarse: &coarse, columns: 21, steps: 4 };
        let mut fast = vec![Patch::default(); 21 * 16];
        let mut plain = fast.clone();
        job.run(Portable, &mut fast);
        reference(&job, &mut plain);
        let all = |p: &[Patch]| p.iter().map(|p| (p.vector, p.cost, p.cells)).collect::<Vec<_>>();
        assert_eq!(all(&fast), all(&plain), "seed {seed}");
    }
}

/// A texture without a period: smoothed noise of two sizes, at (x, y).
fn rock(x: f64, y: f64) -> f64 {
    let noise = |x: i64, y: i64| {
        let mut h = (x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b)) as u32;
        h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
        h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
        f64::from(h ^ (h >> 15)) / f64::from(u32::MAX)
    };
    let octave = |size: f64| {
        let (x, y) = (x / size, y / size);
        let ease = |t: f64| t * t * (3.0 - 2.0 * t);
        let (fx, fy) = (ease(x - x.floor()), ease(y - y.floor()));
        let (x, y) = (x.floor() as i64, y.floor() as i64);
        let line = |y: i64| noise(x, y) * (1.0 - fx) + noise(x + 1, y) * fx;
        line(y) * (1.0 - fy) + line(y + 1) * fy
    };
    20.0 + 120.0 * octave(17.0) + 90.0 * octave(7.0)
}

/// What a camera sees whose pixels lie at `to` on the rock.
fn seen(size: Size, to: impl Fn(f64, f64) -> (f64, f64)) -> LumaPyramid {
    let at = |i: usize| {
        let (x, y) = to((i % size.w()) as f64, (i / size.w()) as f64);
        rock(x, y) as u8
    };
    let plane: Vec<u8> = (0..size.pixels()).map(at).collect();
    let mut pyramid = LumaPyramid::default();
    pyramid.build(&plane, size);
    pyramid
}

/// The share of cells, of those whose content is in both pictures, that are found to half a pixel.
fn found(field: &MotionField, size: Size, to: impl Fn(f64, f64) -> (f64, f64)) -> f64 {
    let (mut right, mut all) = (0, 0);
    for row in 0..field.rows {
        for column in 0..field.columns {
            let (x, y) = (4.0 * column as f64 + 1.5, 4.0 * row as f64 + 1.5);
            let (sx, sy) = to(x, y);
            let inside = |v: f64, side: usize| v > 12.0 && v < side as f64 - 12.0;
            if inside(sx, size.w()) && inside(sy, size.h()) {
                let v = field.at(column as isize, row as isize);
                let off = |v: i16, d: f64| (f64::from(v) / 64.0 - d).abs();
                all += 1;
                right += u32::from(off(v.x, sx - x) < 0.5 && off(v.y, sy - y) < 0.5);
            }
        }
    }
    assert!(all > 300, "{all} cells are in both");
    f64::from(right) / f64::from(all)
}

#[test]
fn a_prior_finds_a_pan_that_the_search_alone_misses() {
    let size = Size::new(320, 240);
    // Where a pixel of the newer picture was in the older one.
    let pan = [1.0, 0.0, 150.0, 0.0, 1.0, -40.0, 0.0, 0.0, 1.0];
    let to = |x: f64, y: f64| (x + 150.0, y - 40.0);
    let (newer, older) = (seen(size, to), seen(size, |x, y| (x, y)));
    let mut field = MotionField::default();
    let mut search = MotionSearch::default();
    search.search(&newer, &older, &mut field);
    let alone = found(&field, size, to);
    let exact = Homography::new(pan).unwrap();
    search.search_from(&newer, &older, Some(&exact), &mut field);
    let begun = found(&field, size, to);
    assert!(alone < 0.5 && begun > 0.8, "{alone:.2} alone, {begun:.2} with the prior");
    // A gyroscope that is off by some pixels still helps.
    let mut drifted = pan;
    drifted[2] += 3.0;
    drifted[5] -= 2.0;
    let drifted = Homography::new(drifted).unwrap();
    search.search_from(&newer, &older, Some(&drifted), &mut field);
    let close = found(&field, size, to);
    assert!(close > alone + 0.2, "{close:.2} with a prior that is off");
}

#[test]
fn a_prior_that_says_nothing_or_lies_does_little_harm() {
    let size = Size::new(96, 72);
    let (newer, older) = (texture(size, 2.5, -1.0), texture(size, 0.0, 0.0));
    let mut search = MotionSearch::default();
    let (mut plain, mut begun) = (MotionField::default(), MotionField::default());
    search.search(&newer, &older, &mut plain);
    search.search_from(&newer, &older, Some(&Homography::IDENTITY), &mut begun);
    assert_eq!(plain, begun, "standing still is where the search begins by itself");
    let wild = Homography::new([1.0, 0.0, 9e3, 0.0, 1.0, -9e3, 0.0, 0.0, 1.0]).unwrap();
    search.search_from(&newer, &older, Some(&wild), &mut begun);
    let near = |a: &Vector, b: &Vector| a.x.abs_diff(b.x) < 32 && a.y.abs_diff(b.y) < 32;
    let same = plain.vectors.iter().zip(&begun.vectors).filter(|(a, b)| near(a, b)).count();
    assert!(same * 10 > plain.vectors.len() * 9, "{same} of {}", plain.vectors.len());
}
