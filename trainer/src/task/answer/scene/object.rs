//! A shape of a scene and what it does.

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::SIDE;

/// The form of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A disc.
    Circle,
    /// Upright, of any proportion.
    Rectangle,
    /// Equilateral, on its base.
    Triangle,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Circle, Self::Rectangle, Self::Triangle];

    /// As answers say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Rectangle => "rectangle",
            Self::Triangle => "triangle",
        }
    }
}

/// The colour of a shape: those of easy-VQA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Colour {
    Green,
    Red,
    Gray,
    Teal,
    Black,
    Yellow,
    Brown,
    Blue,
}

impl Colour {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Green,
        Self::Red,
        Self::Gray,
        Self::Teal,
        Self::Black,
        Self::Yellow,
        Self::Brown,
        Self::Blue,
    ];

    /// As answers say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::Gray => "gray",
            Self::Teal => "teal",
            Self::Black => "black",
            Self::Yellow => "yellow",
            Self::Brown => "brown",
            Self::Blue => "blue",
        }
    }

    /// Red, green and blue, 0..=255.
    #[must_use]
    pub const fn rgb(self) -> [f32; 3] {
        match self {
            Self::Green => [0.0, 255.0, 0.0],
            Self::Red => [255.0, 0.0, 0.0],
            Self::Gray => [128.0, 128.0, 128.0],
            Self::Teal => [0.0, 128.0, 128.0],
            Self::Black => [0.0, 0.0, 0.0],
            Self::Yellow => [255.0, 255.0, 0.0],
            Self::Brown => [165.0, 42.0, 42.0],
            Self::Blue => [0.0, 0.0, 255.0],
        }
    }
}

/// Where a shape moves at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Left,
    Right,
    Up,
    Down,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];

    /// As answers say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    const fn step(self) -> [f32; 2] {
        match self {
            Self::Left => [-1.0, 0.0],
            Self::Right => [1.0, 0.0],
            Self::Up => [0.0, -1.0],
            Self::Down => [0.0, 1.0],
        }
    }
}

/// What a shape does; the number is the frame in which it begins to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It stands.
    Stand,
    /// It moves to the end.
    Move,
    /// It moves, then stands.
    Stop(usize),
    /// It moves, then goes back the way it came.
    Turn(usize),
    /// It is not there before; then it stands.
    Appear(usize),
    /// It stands, then it is gone.
    Vanish(usize),
}

impl Deed {
    /// For tests and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stand => "stand",
            Self::Move => "move",
            Self::Stop(_) => "stop",
            Self::Turn(_) => "turn",
            Self::Appear(_) => "appear",
            Self::Vanish(_) => "vanish",
        }
    }
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its form.
    pub shape: Shape,
    /// Its colour.
    pub colour: Colour,
    /// What it does.
    pub deed: Deed,
    /// Where it moves at first, if it moves.
    pub direction: Direction,
    /// Half of its width and height in pixels.
    pub(super) half: [f32; 2],
    /// Its centre in frame 0.
    start: [f32; 2],
    /// Pixels a frame.
    speed: f32,
}

impl Object {
    /// A shape of a clip of `frames` frames.
    pub(super) fn drawn(shape: Shape, colour: Colour, frames: usize, random: &mut Pcg64) -> Self {
        let mut object = Self::still(shape, colour, 8.5, random);
        // Whatever begins leaves at least three frames before and after it to be seen in.
        let at = random.random_range(3..=frames - 4);
        object.deed = match random.random_range(0..6) {
            0 => Deed::Stand,
            1 => Deed::Move,
            2 => Deed::Stop(at),
            3 => Deed::Turn(at),
            4 => Deed::Appear(at),
            _ => Deed::Vanish(at),
        };
        object
    }

    /// A shape that stands, at most `largest` pixels from its centre to its side.
    pub(super) fn still(shape: Shape, colour: Colour, largest: f32, random: &mut Pcg64) -> Self {
        let wide = random.random_range(5.0..largest);
        let high = match shape {
            Shape::Circle => wide,
            Shape::Rectangle => {
                (wide * random.random_range(-0.7_f32..0.7).exp()).clamp(5.0, largest)
            }
            // Two thirds of its height lie above its centre of mass, but the box is meant here.
            Shape::Triangle => wide * 0.866,
        };
        let inner = |half: f32| half..SIDE as f32 - half;
        Self {
            shape,
            colour,
            deed: Deed::Stand,
            direction: Direction::ALL[random.random_range(0..4)],
            half: [wide, high],
            start: [random.random_range(inner(wide)), random.random_range(inner(high))],
            speed: random.random_range(1.3..3.0),
        }
    }

    /// Whether it is there in `frame`.
    #[must_use]
    pub const fn is_seen(&self, frame: usize) -> bool {
        match self.deed {
            Deed::Appear(at) => frame >= at,
            Deed::Vanish(at) => frame < at,
            _ => true,
        }
    }

    /// Whether it moves in the clip.
    #[must_use]
    pub const fn moves(&self) -> bool {
        matches!(self.deed, Deed::Move | Deed::Stop(_) | Deed::Turn(_))
    }

    /// Its centre in `frame`, in pixels, also while it is not seen.
    #[must_use]
    pub fn place(&self, frame: usize) -> [f32; 2] {
        let steps = match self.deed {
            Deed::Move => frame as f32,
            Deed::Stop(at) => frame.min(at) as f32,
            Deed::Turn(at) => at as f32 - (frame as f32 - at as f32).abs(),
            Deed::Stand | Deed::Appear(_) | Deed::Vanish(_) => 0.0,
        };
        let [x, y] = self.direction.step();
        [self.start[0] + x * steps * self.speed, self.start[1] + y * steps * self.speed]
    }
}
