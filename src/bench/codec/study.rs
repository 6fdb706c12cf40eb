//! The eleven clips that the codec's goals are measured on.
//!
//! Seven scaled by area, which hides most of what the codec they were recorded with did; one as it
//! is; one that was never compressed; and two with noise in place of that of a sensor.

use std::path::Path;

use crate::frame::{PixelFormat, Rational, Size};

use super::load::{ClipRequest, Noise};

/// Name, file, start in seconds, size.
const SCALED: [(&str, &str, f64, (u32, u32)); 8] = [
    ("aerial", "aerial_suburb_flyover.mp4", 8.0, (640, 360)),
    ("wakeboard", "uav123_wakeboard7.tar", 0.0, (640, 360)),
    ("tello", "tello_indoor_takeoff.mp4", 12.0, (640, 360)),
    ("dashcam", "dashcam_solidWhiteRight.mp4", 2.0, (640, 360)),
    ("cockatoo", "cockatoo.mp4", 1.0, (640, 360)),
    ("car", "car_overhead.mp4", 4.0, (384, 216)),
    ("pool", "pool_cleaning.mp4", 2.0, (340, 256)),
    // 10 s on the file's own time line, which begins two frames before its first picture.
    ("vtest", "vtest_480x360.avi", 9.8, (240, 180)),
];

/// Frames of each clip; the one that was never compressed has nine.
const FRAMES: usize = 60;

/// The clips that are noisy as those of a camera are.
pub const HONEST: [&str; 3] = ["carnoise", "dashnoise", "cisco"];

/// The clips, made from the recordings in `folder`.
#[must_use]
pub fn clips(folder: &Path) -> Vec<ClipRequest> {
    let uri = |file: &str| folder.join(file).display().to_string();
    let scaled = |name: &str, like: &str| {
        let found = SCALED.iter().find(|(known, ..)| *known == like);
        found.map(|(_, file, start, (width, height))| ClipRequest {
            start: *start,
            frames: FRAMES,
            scale: Some(Size::new(*width, *height)),
            format: Some(PixelFormat::I420),
            rate: (*file == "uav123_wakeboard7.tar").then(|| Rational::whole(10)),
            ..ClipRequest::new(name, &uri(file))
        })
    };
    let noise = |name: &str, like: &str| {
        let request = scaled(name, like)?;
        Some(ClipRequest { noise: Some(Noise { sigma: 2.0, seed: 1 }), ..request })
    };
    let raw = ClipRequest {
        frames: FRAMES,
        size: Some(Size::new(320, 192)),
        format: Some(PixelFormat::I420),
        rate: Some(Rational::whole(12)),
        ..ClipRequest::new("cisco", &uri("CiscoVT2people_320x192_12fps.yuv"))
    };
    let mut clips: Vec<_> = SCALED.iter().filter_map(|(name, ..)| scaled(name, name)).collect();
    clips.push(raw);
    clips.extend([noise("carnoise", "car"), noise("dashnoise", "dashcam")].into_iter().flatten());
    clips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_eleven_and_the_noisy_ones_are_made_of_others() {
        let clips = clips(Path::new("data"));
        let names: Vec<&str> = clips.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), 11);
        assert!(HONEST.iter().all(|name| names.contains(name)));
        let find = |name: &str| clips.iter().find(|c| c.name == name).unwrap();
        assert_eq!(find("carnoise").uri, find("car").uri);
        assert_eq!(find("carnoise").noise.map(|n| n.seed), Some(1));
        assert_eq!(find("car").noise, None);
        assert!(find("cisco").size.is_some() && find("cisco").scale.is_none());
    }
}
