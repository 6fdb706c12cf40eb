//! What is known of a camera's own motion before the pictures are looked at.

/// Bits behind the point of the elements.
const POINT: u32 = 32;

/// The largest coordinate that is mapped, in pixels.
const REACH: i64 = 1 << 15;

/// Where a pixel of the newer picture was in the older one, as a projective map: from a gyroscope,
/// or from whatever follows the camera. In fixed point, so that a motion field that begins with it
/// is the same on every processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Homography {
    /// Row after row, in 1/2^32.
    elements: [i64; 9],
}

impl Homography {
    /// Nothing moves.
    pub const IDENTITY: Self = {
        let one = 1 << POINT;
        Self { elements: [one, 0, 0, 0, one, 0, 0, 0, one] }
    };

    /// Of the elements row after row, scaled so that the last one is 1; pixel coordinates count
    /// from the centre of the top left pixel, to the right and downwards. `None` unless all are
    /// finite, the last is not zero, and all are below 65536 once scaled.
    #[must_use]
    pub fn new(elements: [f64; 9]) -> Option<Self> {
        let last = elements[8];
        let scaled = elements.map(|e| e / last);
        let fits = |e: &f64| e.is_finite() && e.abs() < 65_536.0;
        let fixed = scaled.map(|e| (e * (1_u64 << POINT) as f64).round_ties_even() as i64);
        scaled.iter().all(fits).then_some(Self { elements: fixed })
    }

    /// This map after `first`: where a pixel was two pictures before.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        let (a, b) = (&self.elements, &first.elements);
        let mut product = [0_i128; 9];
        for (at, element) in product.iter_mut().enumerate() {
            let (row, column) = (at / 3, at % 3);
            *element =
                (0..3).map(|k| i128::from(a[row * 3 + k]) * i128::from(b[k * 3 + column])).sum();
        }
        let last = product[8] >> POINT;
        if last == 0 {
            return *first;
        }
        // Scaled so that the last element is 1 again.
        let scale = |e: i128| i64::try_from(e.div_euclid(last)).unwrap_or(0);
        Self { elements: product.map(scale) }
    }

    /// The displacement of the point (x, y), in pixels times `64 / 2^shift`, each part clamped to
    /// `most`; zero for a point at or behind the horizon. `x` and `y` are clamped to 32768.
    #[must_use]
    pub fn displacement(&self, x: i64, y: i64, shift: u32, most: i64) -> (i64, i64) {
        let (x, y) = (x.clamp(-REACH, REACH), y.clamp(-REACH, REACH));
        let line = |row: usize| {
            let at = |k: usize| i128::from(self.elements[row * 3 + k]);
            at(0) * i128::from(x) + at(1) * i128::from(y) + at(2)
        };
        let depth = line(2);
        if depth <= 0 {
            return (0, 0);
        }
        let part = |along: i128, own: i64| {
            let moved = (along - i128::from(own) * depth) * 64;
            let below = depth << shift;
            // Rounded half up.
            let value = (2 * moved + below).div_euclid(2 * below);
            i64::try_from(value).unwrap_or(if value < 0 { -most } else { most }).clamp(-most, most)
        };
        (part(line(0), x), part(line(1), y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_displaces_every_point_alike() {
        let shift = Homography::new([1.0, 0.0, -40.5, 0.0, 1.0, 8.25, 0.0, 0.0, 1.0]).unwrap();
        for (x, y) in [(0, 0), (639, 359), (-70, 9)] {
            assert_eq!(shift.displacement(x, y, 0, 1 << 20), (-2592, 528));
            assert_eq!(shift.displacement(x, y, 3, 1 << 20), (-324, 66), "at an eighth");
        }
        assert_eq!(shift.displacement(0, 0, 0, 1000), (-1000, 528), "clamped");
        assert_eq!(Homography::IDENTITY.displacement(5, 7, 0, 100), (0, 0));
    }

    #[test]
    fn a_turn_displaces_by_the_distance_from_its_centre() {
        // A quarter turn around (10, 10).
        let turn = Homography::new([0.0, -1.0, 20.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
        assert_eq!(turn.displacement(10, 10, 0, 9999), (0, 0));
        assert_eq!(turn.displacement(12, 10, 0, 9999), (-128, 128));
        // Twice is half a turn.
        let half = turn.after(&turn);
        assert_eq!(half.displacement(12, 10, 0, 9999), (-256, 0));
    }

    #[test]
    fn perspective_divides_and_ends_at_the_horizon() {
        let tilt = Homography::new([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -0.001, 1.0]).unwrap();
        // At y = 500 everything is twice as far out.
        assert_eq!(tilt.displacement(100, 500, 0, 1 << 20), (6400, 32_000));
        assert_eq!(tilt.displacement(100, 1001, 0, 1 << 20), (0, 0));
        assert_eq!(tilt.displacement(100, i64::MAX, 0, 1 << 20), (0, 0));
    }

    #[test]
    fn elements_out_of_range_are_refused() {
        let with = |at: usize, value: f64| {
            let mut elements = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            elements[at] = value;
            Homography::new(elements)
        };
        assert!(with(8, 0.0).is_none() && with(2, f64::NAN).is_none() && with(2, 1e6).is_none());
        assert!(with(2, -300.0).is_some());
        // A common factor means nothing.
        let twice = [2.0, 0.0, -8.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0];
        assert_eq!(Homography::new(twice), with(2, -4.0));
    }
}
