//! Labelled pictures of made-up scenes: things of ten kinds in any paint, size and place over any
//! ground, partly hidden, in four kinds of weather, through a noisy sensor.
//!
//! A scene is a function of its seed, a frame of a scene of its number too. The set exists to train
//! and to judge taggers where no labelled recordings are at hand; it says nothing about the world.

mod canvas;
mod chance;
mod shapes;
pub mod split;
mod weather;

use canvas::{Canvas, Place};
use chance::Chance;
use shapes::{Colour, Shape, THINGS, paint, parts};
use weather::{CONDITIONS, Weather};

/// Pixels of a side.
pub const SIDE: usize = 96;

/// Number of labels: things, then conditions.
pub const LABELS: usize = THINGS.len() + CONDITIONS.len();

/// Names of the labels.
#[must_use]
pub fn labels() -> Vec<String> {
    THINGS.iter().chain(&CONDITIONS).map(|name| (*name).to_owned()).collect()
}

/// A thing that stands in a scene.
#[derive(Clone, Debug)]
struct Thing {
    kind: usize,
    parts: Vec<(Shape, Colour)>,
    place: Place,
    /// How far and how fast it sways about its place.
    sway: [f32; 2],
    pace: f32,
    /// What hides a part of it: a shape and its colour.
    cover: Option<(Shape, Colour)>,
}

/// A scene: two or three things of different kinds.
#[derive(Clone, Debug)]
pub struct LabelledScene {
    seed: u64,
    things: Vec<Thing>,
    weather: Weather,
    backdrop: Canvas,
}

impl LabelledScene {
    /// The scene of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let chance = &mut Chance::new(seed, 1);
        let mut backdrop = Canvas::new(SIDE);
        backdrop.backdrop(chance);
        clutter(&mut backdrop, chance);
        let mut things: Vec<Thing> = Vec::new();
        let wanted = 2 + chance.below(2);
        let mut tries = 0;
        while things.len() < wanted && tries < 200 {
            tries += 1;
            let thing = Thing::draw(chance);
            let clear = |other: &Thing| {
                let [dx, dy] = [0, 1].map(|i| thing.place.at[i] - other.place.at[i]);
                let apart = 1.15 * (thing.place.scale + other.place.scale);
                dx * dx + dy * dy > apart * apart
            };
            // Room for two at least: the last tries take what they get.
            let fits = things.iter().all(clear) || (tries > 150 && things.len() < 2);
            if fits && things.iter().all(|other| other.kind != thing.kind) {
                things.push(thing);
            }
        }
        Self { seed, things, weather: Weather::draw(chance), backdrop }
    }

    /// Whether each label is true of it.
    #[must_use]
    pub fn truth(&self) -> [bool; LABELS] {
        let mut truth = [false; LABELS];
        for thing in &self.things {
            truth[thing.kind] = true;
        }
        truth[THINGS.len()..].copy_from_slice(&self.weather.holds());
        truth
    }

    /// Draws frame `index` into `out`, [`SIDE`] x [`SIDE`] pixels of RGB.
    pub fn render(&self, index: u64, out: &mut [u8]) {
        let chance = &mut Chance::new(self.seed, 1_000 + index);
        let mut canvas = self.backdrop.clone();
        for thing in &self.things {
            let mut place = thing.place;
            let swing = (index as f32 * thing.pace).sin();
            for (at, sway) in place.at.iter_mut().zip(thing.sway) {
                *at += sway * swing;
            }
            for (shape, colour) in &thing.parts {
                canvas.draw(shape, *colour, &place);
            }
            if let Some((shape, colour)) = &thing.cover {
                canvas.draw(shape, *colour, &place);
            }
        }
        self.weather.expose(&mut canvas, chance, out);
    }
}

impl Thing {
    fn draw(chance: &mut Chance) -> Self {
        let kind = chance.below(THINGS.len());
        let (parts, half_width) = parts(kind, chance);
        let scale = chance.between(14.0, 21.0);
        let side = SIDE as f32;
        let (wide, high) = (half_width * scale + 2.0, scale + 2.0);
        let at = [chance.between(wide, side - wide), chance.between(high, side - high)];
        let turn = chance.between(-0.25, 0.25);
        let place = Place {
            at,
            scale,
            turn: [turn.cos(), turn.sin()],
            flip: if chance.happens(0.5) { 1.0 } else { -1.0 },
        };
        // A bar from one side that hides up to a third of the height or width.
        let cover = chance.happens(0.3).then(|| {
            let depth = chance.between(0.2, 0.5);
            let reach = half_width + 0.3;
            let bar = match chance.below(4) {
                0 => Shape::Rect([0.0, 1.0], [reach, depth]),
                1 => Shape::Rect([0.0, -1.0], [reach, depth]),
                2 => Shape::Rect([-half_width, 0.0], [depth * half_width, 1.3]),
                _ => Shape::Rect([half_width, 0.0], [depth * half_width, 1.3]),
            };
            (bar, paint(chance))
        });
        Self {
            kind,
            parts,
            place,
            sway: [chance.between(-4.0, 4.0), chance.between(-2.0, 2.0)],
            pace: chance.between(0.05, 0.2),
            cover,
        }
    }
}

/// Lines, blobs and bars that are nothing.
fn clutter(canvas: &mut Canvas, chance: &mut Chance) {
    for _ in 0..2 + chance.below(4) {
        let turn = chance.between(-1.6, 1.6);
        let place = Place {
            at: [chance.unit() * SIDE as f32, chance.unit() * SIDE as f32],
            scale: chance.between(4.0, 22.0),
            turn: [turn.cos(), turn.sin()],
            flip: 1.0,
        };
        let shape = match chance.below(3) {
            0 => Shape::Line([-1.0, 0.0], [1.0, 0.0], chance.between(0.03, 0.12)),
            1 => Shape::Disc([0.0, 0.0], chance.between(0.2, 0.5)),
            _ => Shape::Rect([0.0, 0.0], [chance.between(0.2, 1.0), chance.between(0.2, 1.0)]),
        };
        let colour = paint(chance);
        canvas.wash(&shape, colour, &place, chance.between(0.3, 0.8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(seed: u64, index: u64) -> Vec<u8> {
        let mut out = vec![0; SIDE * SIDE * 3];
        LabelledScene::new(seed).render(index, &mut out);
        out
    }

    #[test]
    fn frames_are_functions_of_seed_and_number() {
        assert_eq!(picture(3, 5), picture(3, 5));
        assert_ne!(picture(3, 5), picture(3, 6));
        assert_ne!(picture(3, 5), picture(4, 5));
    }

    #[test]
    fn every_scene_has_two_labels_and_every_label_many_scenes() {
        let mut counts = [0; LABELS];
        for seed in 0..400 {
            let truth = LabelledScene::new(seed).truth();
            assert!(truth[..THINGS.len()].iter().filter(|t| **t).count() >= 2, "seed {seed}");
            assert!(!(truth[12] && truth[13]), "rain and snow in seed {seed}");
            for (count, truth) in counts.iter_mut().zip(truth) {
                *count += usize::from(truth);
            }
        }
        assert_eq!(labels().len(), LABELS);
        assert!(counts.iter().all(|c| (40..200).contains(c)), "{counts:?}");
    }

    #[test]
    fn distances_are_negative_inside_only() {
        let shapes = [
            Shape::Rect([0.0, 0.0], [0.5, 0.3]),
            Shape::Disc([0.0, 0.0], 0.4),
            Shape::Line([-0.5, 0.0], [0.5, 0.0], 0.1),
            Shape::Triangle([[-0.5, 0.5], [0.5, 0.5], [0.0, -0.5]]),
        ];
        for shape in shapes {
            assert!(shape.distance([0.0, 0.0]) < 0.0, "{shape:?}");
            assert!((0.4..3.0).contains(&shape.distance([1.5, 0.0])), "{shape:?}");
        }
        let ring = Shape::Ring([0.0, 0.0], 0.5, 0.1);
        assert!(ring.distance([0.0, 0.0]) > 0.0 && ring.distance([0.5, 0.0]) < 0.0);
    }
}
