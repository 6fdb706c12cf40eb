//! The path of a digit over the canvas, by the rules of the public generator of Moving MNIST.

use rand::RngExt as _;
use rand_pcg::Pcg64;

/// Share of the canvas a digit moves a frame.
const STEP: f64 = 0.1;

/// A digit's place as a share of the room it has, 0..=1, and how it moves.
#[derive(Clone, Debug)]
pub(super) struct Trajectory {
    place: [f64; 2],
    velocity: [f64; 2],
}

impl Trajectory {
    /// A random place and direction.
    pub(super) fn draw(random: &mut Pcg64) -> Self {
        let place = [(); 2].map(|()| random.random::<f64>());
        // A point of the disc gives a uniform direction without sine and cosine, whose last bits
        // differ between platforms.
        let velocity = loop {
            let [x, y] = [(); 2].map(|()| random.random::<f64>() * 2.0 - 1.0);
            let square = x * x + y * y;
            if square > 1e-6 && square <= 1.0 {
                let length = square.sqrt();
                break [x / length * STEP, y / length * STEP];
            }
        };
        Self { place, velocity }
    }

    /// Moves on by one frame and gives the left and top pixel in a room of `room` pixels.
    pub(super) fn advance(&mut self, room: [usize; 2]) -> [usize; 2] {
        let mut pixel = [0; 2];
        let axes = self.place.iter_mut().zip(&mut self.velocity).zip(room).zip(&mut pixel);
        for (((place, velocity), room), pixel) in axes {
            *place += *velocity;
            if *place <= 0.0 || *place >= 1.0 {
                *place = place.clamp(0.0, 1.0);
                *velocity = -*velocity;
            }
            *pixel = (*place * room as f64) as usize;
        }
        pixel
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn digits_bounce_within_the_room_at_constant_speed() {
        let mut bounced = 0;
        for seed in 0..50 {
            let mut path = Trajectory::draw(&mut Pcg64::seed_from_u64(seed));
            let [vx, vy] = path.velocity;
            assert!((vx.hypot(vy) - STEP).abs() < 1e-12);
            for _ in 0..100 {
                let before = path.velocity;
                let [x, y] = path.advance([36, 36]);
                assert!(x <= 36 && y <= 36);
                bounced += usize::from(path.velocity != before);
                assert_eq!(path.velocity.map(f64::abs), [vx.abs(), vy.abs()]);
            }
        }
        assert!(bounced > 100, "{bounced}");
    }
}
