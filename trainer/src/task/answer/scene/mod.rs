//! Drawn clips about which everything is known: coloured shapes that stand, move, stop, turn round,
//! appear and disappear on a light ground.
//!
//! A scene is a function of its seed. No two shapes of a scene have the same colour or the same
//! form, so that "the red shape" and "the circle" mean one of them, and none covers another.

mod draw;
mod object;
mod questions;

pub(super) use draw::{CELLS, KINDS};
pub use object::{Colour, Deed, Direction, Object, Shape};
pub use questions::{Asked, Example, Template};

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Pixels a line, and lines.
pub const SIDE: usize = 64;
/// Frames a second.
pub const RATE: f32 = 8.0;
/// Frames of the shortest and the longest clip.
pub const FRAMES: [usize; 2] = [10, 16];
/// The most shapes of a scene.
pub const MOST: usize = 3;

/// What happens in a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Number of frames.
    pub frames: usize,
    /// The shapes.
    pub objects: Vec<Object>,
    /// Colour of the ground.
    ground: [f32; 3],
    /// Seed of the noise of the sensor.
    noise: u64,
}

impl Scene {
    /// The scene of `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::drawn(&mut Pcg64::seed_from_u64(seed))
    }

    /// A scene of one to three shapes.
    pub fn drawn(random: &mut Pcg64) -> Self {
        let frames = random.random_range(FRAMES[0]..=FRAMES[1]);
        let mut scene = Self::empty(frames, random);
        let (mut shapes, mut colours) = (Shape::ALL, Colour::ALL);
        shapes.shuffle(random);
        colours.shuffle(random);
        let wanted = random.random_range(1..=MOST);
        for (shape, colour) in shapes.into_iter().zip(colours).take(wanted) {
            for _ in 0..40 {
                let object = Object::drawn(shape, colour, frames, random);
                if scene.has_room_for(&object) {
                    scene.objects.push(object);
                    break;
                }
            }
        }
        scene
    }

    /// One frame of up to three shapes of any size, for learning what they look like.
    pub fn still(random: &mut Pcg64) -> Self {
        let mut scene = Self::empty(1, random);
        let (mut shapes, mut colours) = (Shape::ALL, Colour::ALL);
        shapes.shuffle(random);
        colours.shuffle(random);
        let wanted = random.random_range(1..=MOST);
        for (at, (shape, colour)) in shapes.into_iter().zip(colours).take(wanted).enumerate() {
            let largest = if at == 0 && random.random::<bool>() { 16.0 } else { 9.0 };
            for _ in 0..40 {
                let object = Object::still(shape, colour, largest, random);
                if scene.has_room_for(&object) {
                    scene.objects.push(object);
                    break;
                }
            }
        }
        scene
    }

    fn empty(frames: usize, random: &mut Pcg64) -> Self {
        let ground = std::array::from_fn(|_| random.random_range(225.0..255.0));
        Self { frames, objects: Vec::new(), ground, noise: random.random() }
    }

    /// Whether `object` stays inside the picture and clear of the others in every frame.
    fn has_room_for(&self, object: &Object) -> bool {
        let inside = |[x, y]: [f32; 2]| {
            let side = SIDE as f32;
            x >= object.half[0]
                && x <= side - object.half[0]
                && y >= object.half[1]
                && y <= side - object.half[1]
        };
        (0..self.frames).all(|frame| {
            let [x, y] = object.place(frame);
            inside([x, y])
                && self.objects.iter().all(|other| {
                    let [a, b] = other.place(frame);
                    (x - a).abs() > object.half[0] + other.half[0] + 2.0
                        || (y - b).abs() > object.half[1] + other.half[1] + 2.0
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_a_function_of_its_seed_and_keeps_its_rules() {
        let mut deeds = std::collections::BTreeSet::new();
        for seed in 0..400 {
            let scene = Scene::seeded(seed);
            assert_eq!(scene, Scene::seeded(seed));
            assert!((FRAMES[0]..=FRAMES[1]).contains(&scene.frames));
            assert!((1..=MOST).contains(&scene.objects.len()), "seed {seed}");
            for (i, a) in scene.objects.iter().enumerate() {
                deeds.insert(a.deed.name());
                for b in &scene.objects[..i] {
                    assert!(a.shape != b.shape && a.colour != b.colour, "seed {seed}");
                }
                for frame in 0..scene.frames {
                    let place = a.place(frame);
                    assert!(place.iter().all(|v| (0.0..=SIDE as f32).contains(v)), "seed {seed}");
                }
            }
        }
        assert_eq!(deeds.len(), 6, "{deeds:?}");
    }
}
