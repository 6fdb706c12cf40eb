//! Speeds from processor times.

use serde::Serialize;

use super::{ClipInfo, Measured};

/// Frames of 640x360 a second that ffv1's encoder makes on the machine the goals are for.
const YARDSTICK_FPS: f64 = 41.0;

/// How fast a codec is, on one clip or over several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Speeds {
    /// Frames of 640x360 encoded in a second of processor time.
    pub encode_fps: Option<f64>,
    /// Frames of 640x360 decoded in a second of processor time.
    pub decode_fps: Option<f64>,
    /// 41 times the processor time of ffv1's encoder, measured along with it, over that of
    /// encoding.
    pub encode_speed: Option<f64>,
    /// The same for decoding.
    pub decode_speed: Option<f64>,
}

impl Speeds {
    /// The speed over all of `measured`; without ffv1's time on each there is none against it.
    pub(super) fn of<'a>(measured: impl Iterator<Item = (&'a ClipInfo, &'a Measured)>) -> Self {
        let (mut pixels, mut encode, mut decode, mut yardstick) = (0.0, 0.0, 0.0, Some(0.0));
        for (clip, m) in measured {
            pixels += clip.pixels();
            encode += m.encode_cpu_s;
            decode += m.decode_cpu_s;
            yardstick = yardstick.zip(m.yardstick_cpu_s).map(|(sum, more)| sum + more);
        }
        let per = |what: f64, cpu: f64| (what > 0.0 && cpu > 0.0).then(|| what / cpu);
        let frames = pixels / (640.0 * 360.0);
        let scaled = YARDSTICK_FPS * yardstick.unwrap_or(0.0);
        Self {
            encode_fps: per(frames, encode),
            decode_fps: per(frames, decode),
            encode_speed: per(scaled, encode),
            decode_speed: per(scaled, decode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{clip, coded};
    use super::*;

    #[test]
    fn speeds_are_of_the_sums() {
        let (clip, slow, quick) = (clip("a", false), coded(1, 3.0), coded(1, 1.0));
        let both = Speeds::of([(&clip, &slow), (&clip, &quick)].into_iter());
        // Twice ten frames in four seconds, ffv1 having taken two.
        assert_eq!((both.encode_fps, both.decode_fps), (Some(5.0), Some(10.0)));
        assert_eq!((both.encode_speed, both.decode_speed), (Some(20.5), Some(41.0)));
        let alone = Measured { yardstick_cpu_s: None, ..quick };
        let without = Speeds::of([(&clip, &slow), (&clip, &alone)].into_iter());
        assert_eq!((without.encode_fps, without.encode_speed), (Some(5.0), None));
        assert_eq!(Speeds::of(std::iter::empty()), Speeds::default());
        let instant = Measured { encode_cpu_s: 0.0, ..slow };
        assert_eq!(Speeds::of([(&clip, &instant)].into_iter()).encode_fps, None);
    }
}
