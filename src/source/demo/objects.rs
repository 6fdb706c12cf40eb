//! What moves over the ground (vehicles with shadows) and what stands above it and hides them
//! (tree crowns, nearer to the camera and therefore faster across the picture).

use super::flight::Pose;
use super::ground::Ground;
use super::seeded::{between, hash};

/// One object of the world. Lengths are in ground texels.
#[derive(Clone, Copy, Debug)]
struct Thing {
    x: f64,
    y: f64,
    /// Unit vector of the heading.
    along: (f32, f32),
    /// Texels a second along the heading.
    speed: f64,
    /// Half length and half width; a crown has its radius in both.
    half: (f32, f32),
    colour: [f32; 3],
    crown: bool,
}

/// An object placed in the picture of one frame.
#[derive(Clone, Copy, Debug)]
struct Placed {
    thing: Thing,
    /// Centre in pixels.
    cx: f32,
    cy: f32,
    /// Unit vector of the heading in the picture.
    along: (f32, f32),
    /// Pixels a texel at the object's height.
    zoom: f32,
    /// Half the side of the square that holds it and its shadow, in pixels.
    reach: f32,
}

/// All objects and, after [`Objects::place`], those of the current frame.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    things: Vec<Thing>,
    placed: Vec<Placed>,
    /// The world of objects repeats after this many texels.
    period: f64,
}

impl Objects {
    /// Objects for pictures that show `view` texels across.
    pub(super) fn new(seed: u64, view: f64) -> Self {
        let period = view * 1.6 + 300.0;
        // One object for every 130 x 130 texels, at most a few hundred.
        let count = ((period / 130.0).powi(2) as u64).clamp(12, 400);
        let things = (0..count).map(|n| thing(seed, n, period as f32)).collect::<Vec<_>>();
        let placed = Vec::with_capacity(things.len());
        Self { things, placed, period }
    }

    /// Finds which objects the frame at `t` seconds shows, and where.
    pub(super) fn place(&mut self, t: f64, pose: &Pose, width: f32, height: f32) {
        self.placed.clear();
        let near = |d: f64| {
            let wrapped = d / self.period;
            (wrapped - (wrapped + 0.5).floor()) * self.period
        };
        for thing in &self.things {
            let moved = thing.speed * t;
            // Things nearer to the camera shift more for the same flight.
            let lift = if thing.crown { 1.12 } else { 1.0 };
            let dx = near(thing.x + moved * f64::from(thing.along.0) - pose.x * lift);
            let dy = near(thing.y + moved * f64::from(thing.along.1) - pose.y * lift);
            let zoom = pose.zoom * lift;
            let cx = ((dx * pose.cos + dy * pose.sin) * zoom) as f32 + width * 0.5;
            let cy = ((dy * pose.cos - dx * pose.sin) * zoom) as f32 + height * 0.5;
            let (cos, sin) = (pose.cos as f32, pose.sin as f32);
            let (ax, ay) = thing.along;
            let along = (ax * cos + ay * sin, ay * cos - ax * sin);
            let zoom = zoom as f32;
            let reach = (thing.half.0 + thing.half.1 + 6.0) * zoom + 2.0;
            let seen = |c: f32, side: f32| c > -reach && c < side + reach;
            if seen(cx, width) && seen(cy, height) && self.placed.len() < self.placed.capacity() {
                self.placed.push(Placed { thing: *thing, cx, cy, along, zoom, reach });
            }
        }
    }

    /// Draws line `y` of the placed objects over the clean line (8.8 fixed point).
    pub(super) fn draw(&self, y: usize, line: &mut [[i32; 3]], ground: &Ground) {
        let py = y as f32 + 0.5;
        // Vehicles first: crowns lie above them.
        for crown in [false, true] {
            for p in self.placed.iter().filter(|p| p.thing.crown == crown) {
                if (py - p.cy).abs() > p.reach {
                    continue;
                }
                let first = (p.cx - p.reach).max(0.0) as usize;
                let last = ((p.cx + p.reach).max(0.0) as usize + 1).min(line.len());
                let Some(span) = line.get_mut(first..last) else { continue };
                for (i, pixel) in span.iter_mut().enumerate() {
                    let dx = (first + i) as f32 + 0.5 - p.cx;
                    if crown {
                        p.crown(dx, py - p.cy, pixel, ground);
                    } else {
                        p.vehicle(dx, py - p.cy, pixel);
                    }
                }
            }
        }
    }
}

fn thing(seed: u64, n: u64, period: f32) -> Thing {
    const PAINT: [[f32; 3]; 6] = [
        [206.0, 206.0, 200.0],
        [62.0, 64.0, 70.0],
        [168.0, 48.0, 42.0],
        [58.0, 88.0, 150.0],
        [196.0, 170.0, 70.0],
        [140.0, 144.0, 150.0],
    ];
    let at = |what, low, high| between(seed, n, what, low, high);
    let crown = n.is_multiple_of(3);
    // A random direction without libm: a point of a ring, divided by its distance.
    let (vx, vy) = (at(2, 0.2, 1.0), at(3, 0.2, 1.0));
    let length = (vx * vx + vy * vy).sqrt();
    let turn = hash(seed, n, 4);
    let sign = |bit: u32| if turn >> bit & 1 == 0 { 1.0 } else { -1.0 };
    let along = (vx / length * sign(0), vy / length * sign(1));
    let paint = PAINT.get((turn >> 8) as usize % PAINT.len()).copied().unwrap_or_default();
    let (half, speed, colour) = if crown {
        let radius = at(5, 8.0, 22.0);
        ((radius, radius), 0.0, [52.0, 78.0, 44.0])
    } else {
        ((at(5, 8.0, 17.0), at(6, 4.5, 7.5)), f64::from(at(7, 8.0, 70.0)), paint)
    };
    let (x, y) = (f64::from(at(0, 0.0, period)), f64::from(at(1, 0.0, period)));
    Thing { x, y, along, speed, half, colour, crown }
}

impl Placed {
    /// A box with a shadow, darker windows and a shaded flank.
    fn vehicle(&self, dx: f32, dy: f32, pixel: &mut [i32; 3]) {
        let (hl, hw) = self.thing.half;
        let shadow = self.inside(dx - 2.5 * self.zoom, dy - 3.5 * self.zoom, hl, hw);
        blend(pixel, pixel.map(|c| c as f32 * (0.55 / 256.0)), shadow);
        let cover = self.inside(dx, dy, hl, hw);
        if cover > 0.0 {
            let (a, b) = self.turned(dx, dy);
            let (a, b) = (a / (hl * self.zoom), b / (hw * self.zoom));
            let glass = (0.15..0.45).contains(&a) || (-0.8..-0.6).contains(&a);
            let light = if glass && b.abs() < 0.8 { 0.4 } else { 1.0 - 0.12 * b };
            blend(pixel, self.thing.colour.map(|c| c * light), cover);
        }
    }

    /// A round crown with leaves taken from the ground's texture.
    fn crown(&self, dx: f32, dy: f32, pixel: &mut [i32; 3], ground: &Ground) {
        let radius = self.thing.half.0 * self.zoom;
        let distance = (dx * dx + dy * dy).sqrt();
        let cover = (radius - distance + 0.5).clamp(0.0, 1.0);
        if cover > 0.0 {
            let (a, b) = self.turned(dx, dy);
            let place = |v: f32, at: f64| ((v / self.zoom + at as f32) * 65_536.0) as i64 as u32;
            let [_, leaf, _] = ground.sample(place(a, self.thing.x), place(b, self.thing.y));
            let light = 0.45 + leaf as f32 / 52_000.0 - 0.3 * (dx + dy) / (radius * 2.8);
            blend(pixel, self.thing.colour.map(|c| c * light), cover);
        }
    }

    /// The place relative to the centre, turned so that the heading is the first axis.
    fn turned(&self, dx: f32, dy: f32) -> (f32, f32) {
        let (ax, ay) = self.along;
        (dx * ax + dy * ay, dy * ax - dx * ay)
    }

    /// How much of the pixel the box covers, 0..1, with edges one pixel soft.
    fn inside(&self, dx: f32, dy: f32, hl: f32, hw: f32) -> f32 {
        let (a, b) = self.turned(dx, dy);
        let edge = |v: f32, half: f32| (half * self.zoom - v.abs() + 0.5).clamp(0.0, 1.0);
        edge(a, hl) * edge(b, hw)
    }
}

/// Lays `colour` (0..255) over a pixel of 8.8 fixed point.
fn blend(pixel: &mut [i32; 3], colour: [f32; 3], cover: f32) {
    if cover > 0.0 {
        for (p, c) in pixel.iter_mut().zip(colour) {
            *p += ((c * 256.0 - *p as f32) * cover) as i32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::flight::pose;
    use super::*;

    #[test]
    fn objects_are_seen_move_and_are_hidden() {
        let ground = Ground::new(1);
        let mut objects = Objects::new(1, 640.0);
        let draw = |objects: &mut Objects, t: f64| {
            objects.place(t, &pose(1, 0.0, 1.0), 640.0, 360.0);
            (0..360)
                .map(|y| {
                    let mut line = vec![[100 << 8; 3]; 640];
                    objects.draw(y, &mut line, &ground);
                    line
                })
                .collect::<Vec<_>>()
        };
        let first = draw(&mut objects, 0.0);
        let crowns = objects.placed.iter().filter(|p| p.thing.crown).count();
        assert!(crowns > 2 && objects.placed.len() - crowns > 4, "{crowns}");
        let later = draw(&mut objects, 0.5);
        let changed = first.iter().flatten().zip(later.iter().flatten()).filter(|(a, b)| a != b);
        let changed = changed.count();
        assert!((500..60_000).contains(&changed), "{changed} pixels changed");
    }
}
