//! What lies around a sample, for the mixture: which rows and weights of it are taken.

use super::mixing::{MODELS, NODES, Place, ROWS, Row};
use super::residual::{CLASSES, Context};
use crate::vision::dispatch::vectorised;

/// More of what is known of a sample before it is coded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around {
    /// 0 or -1, by which all differences are turned.
    pub(super) turn: i32,
    /// 1 and the sign of the residuals to the left, above, above right and above left, the first
    /// being the most significant digit to the base 3.
    pub(super) directions: usize,
    /// Size of the error to the left, by [`ERROR`].
    pub(super) error: usize,
    /// Other errors and differences near by: see [`surround`].
    pub(super) near: usize,
    /// What the left, the upper and the reference's sample, and another one, are from the
    /// prediction, in 1/16.
    pub(super) beside: [i32; 4],
}

/// Groups of coarse classes; one group has one shift but for the last.
const GROUPS: usize = 6;

/// Group of a coarse class.
const GROUP: [u8; 16] = [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 5, 5, 5, 5, 5];

/// A class in the middle of each group.
const MIDDLE: [usize; GROUPS] = [1, 6, 10, 13, 16, 20];

/// Where the rows of each model begin, and how many it has: powers of two.
const MODEL: [(usize, usize); MODELS] = [
    (7424, 128),
    (4096, 1024),
    (2048, 2048),
    (0, 2048),
    (5120, 1024),
    (6144, 512),
    (6656, 512),
    (7168, 256),
];

/// Rows of one level of a model's activity: of its classes, coarse classes or groups.
const LEVEL: [usize; MODELS] = [4, 64, 81, 288, 64, 33, 81, 17];

// No two models share a row, and places are put in by bits.
const _: () = {
    let mut taken = [false; ROWS];
    let mut model = 0;
    while model < MODELS {
        let (first, rows) = MODEL[model];
        assert!(rows.is_power_of_two() && first.is_multiple_of(rows));
        let levels = match model {
            0 | 2 => CLASSES,
            3 | 6 => GROUPS,
            _ => CLASSES / 2,
        };
        assert!(levels * LEVEL[model] <= rows);
        let mut row = first;
        while row < first + rows {
            assert!(!taken[row]);
            taken[row] = true;
            row += 1;
        }
        model += 1;
    }
};

/// What row `at` begins with, by what symbols up to each have together in each class.
pub(super) fn begin(classes: &[[u16; 16]], at: usize) -> Row {
    let model = MODEL.iter().position(|&(first, rows)| (first..first + rows).contains(&at));
    let class = model.map_or(0, |model| {
        let level = (at - MODEL[model].0) / LEVEL[model];
        match model {
            0 | 2 => level,
            3 | 6 => MIDDLE[level.min(GROUPS - 1)],
            _ => 2 * level + 1,
        }
    });
    nodes(&classes[class.min(CLASSES - 1)]).map(|p| ((p * 4_194_303.0) as u32) << 10)
}

/// Probabilities of the nodes by what symbols up to each have together.
fn nodes(upper: &[u16; 16]) -> [f32; NODES] {
    let share = |from: usize, to: usize| {
        let low = if from == 0 { 0 } else { upper[from - 1] };
        f32::from(upper[to].saturating_sub(low)) + 8.0
    };
    let mut nodes = [0.5; NODES];
    nodes[0] = share(8, 8) / (share(0, 15));
    nodes[1] = share(9, 15) / (share(9, 15) + share(0, 7));
    for size in 1..7 {
        nodes[1 + size] = share(8 + size + 1, 15) / (share(8 + size, 15) + 8.0);
    }
    for size in 1..8 {
        nodes[7 + size] = share(0, 8 - size - 1) / (share(0, 8 - size) + 8.0);
    }
    nodes.map(|p| p.clamp(0.002, 0.998))
}

/// Steps of a difference in 1/16, in both directions.
static NINE: [u8; 2048] = {
    let mut table = [0; 2048];
    let mut i = 0;
    while i < 2048 {
        let size = (i as i32 - 1024).unsigned_abs() * 4;
        let steps = (size > 12) as u8 + (size > 40) as u8 + (size > 96) as u8 + (size > 240) as u8;
        table[i] = if i < 1024 { 4 - steps } else { 4 + steps };
        i += 1;
    }
    table
};

/// A difference in 1/16 in nine steps.
#[inline(always)]
fn nine(value: i32) -> usize {
    usize::from(NINE[((value >> 2) + 1024) as usize & 2047])
}

/// Edges of sizes.
const SIZES: [i16; 7] = [1, 2, 3, 6, 11, 22, 43];

/// Edges of sizes of errors beside a sample.
const ERRORS: [i16; 5] = [2, 4, 6, 12, 22];

/// Size of an error beside a sample.
pub(super) static ERROR: [u8; 256] = {
    let mut table = [0; 256];
    let mut error = 0;
    while error < 256 {
        let mut i = 0;
        while i < ERRORS.len() {
            table[error] += (error >= ERRORS[i] as usize) as u8;
            i += 1;
        }
        error += 1;
    }
    table
};

impl Around {
    /// Where the contexts of the mixture lie.
    #[inline(always)]
    pub(super) fn place(&self, context: Context) -> Place {
        let class = context.class;
        let coarse = class / 2;
        let group = usize::from(GROUP[coarse & 15]);
        let turn = self.turn;
        let turned = |value: i32| (value ^ turn) - turn;
        // What counts from 0 to `most` in both directions is turned around its middle.
        let swapped =
            |value: usize, most: usize| (turned(value as i32) + (turn & most as i32)) as usize;
        let [w, n, here, other] = self.beside;
        let here = ((turned(here) + 2) >> 2).clamp(-16, 16) + 16;
        let other = ((turned(other) + 4) >> 3).clamp(-8, 8) + 8;
        let rows = [
            class * 4 + context.fraction,
            coarse * 64 + context.equals * 8 + context.side,
            class * 81 + swapped(self.directions, 80),
            group * 288 + (self.near & 511) + self.error * 6,
            coarse * 64 + (self.near >> 9),
            coarse * 33 + here as usize,
            group * 81 + swapped(nine(w) * 9 + nine(n), 80),
            coarse * 17 + other as usize,
        ];
        let mut place = Place {
            rows,
            sets: [coarse * 4 + context.fraction, context.equals * 8 + context.side],
        };
        for (row, (first, rows)) in place.rows.iter_mut().zip(MODEL) {
            *row = first | (*row & (rows - 1));
        }
        place
    }
}

vectorised! {
    /// What lies around each sample of a row: the size of the error above, 36 times that in the frame
    /// before, and of differences 512 times that of references and 4096 times that of the row above.
    pub(super) fn surround(errors: [&[i16]; 2], textures: [&[i16]; 2], out: &mut [u16]) {
        let n = out.len();
        let [above, before] = errors.map(|e| &e[..n]);
        let [own, moved] = textures.map(|t| &t[..n]);
        for (x, out) in out.iter_mut().enumerate() {
            let steps = |value: i16, edges: &[i16]| {
                edges.iter().map(|&edge| u16::from(value >= edge)).sum::<u16>()
            };
            let errors = steps(before[x], &SIZES) * 36 + steps(above[x], &ERRORS);
            let textures = steps(own[x] >> 1, &SIZES) * 8 + steps(moved[x] >> 1, &SIZES);
            *out = textures << 9 | errors;
        }
    }
}
