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
