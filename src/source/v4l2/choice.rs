//! Which of a device's formats to ask for.

use crate::frame::{PixelFormat, Rational, Size};

use super::modes::Mode;
use crate::source::SourceError;

/// Formats from the cheapest to use to the dearest. Uncompressed 4:2:0 first: the fewest bytes and
/// one conversion. MJPEG costs a decoder and detail. Grey has no colour, so it comes last.
const PREFERENCE: [PixelFormat; 12] = [
    PixelFormat::Nv12,
    PixelFormat::I420,
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv21,
    PixelFormat::Yv12,
    PixelFormat::I422,
    PixelFormat::I444,
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Mjpeg,
    PixelFormat::Grey,
];

/// Without a wish, a format that cannot do this rate at the size is passed over: USB 2 webcams
/// offer 720p as YUYV at 10 frames a second and as MJPEG at 30.
const USUAL_RATE: f64 = 24.0;

/// The codes worth trying at `size`, best first. Formats that do not list the size follow those
/// that do, because a driver may still adjust to it.
pub(super) fn ranked(
    modes: &[Mode],
    format: Option<PixelFormat>,
    size: Size,
    rate: Option<Rational>,
) -> Vec<(u32, PixelFormat)> {
    // A camera set to 29.97 serves a wish for 30.
    let wanted = rate.map_or(USUAL_RATE, |r| r.as_f64() * 0.99);
    let mut ranked: Vec<_> = modes
        .iter()
        .filter_map(|mode| {
            let known = mode.format?;
            let rates = mode.sizes.rates_at(size);
            let fast = rates.is_some_and(|r| r.fastest().is_none_or(|f| f >= wanted));
            let taste = PREFERENCE.iter().position(|&p| p == known).unwrap_or(PREFERENCE.len());
            // Among equals, planes in one buffer come before planes in several.
            let split = mode.code.contains('M') && mode.code != "MJPG";
            Some((
                (format != Some(known), rates.is_none(), !fast, taste, split),
                mode.fourcc,
                known,
            ))
        })
        .collect();
    ranked.sort_by_key(|(key, ..)| *key);
    ranked.into_iter().map(|(_, fourcc, known)| (fourcc, known)).collect()
}

/// The first of `codes` that can be set; none when all turn out to be formats we do not read. A
/// code the driver refuses is passed over, and the first refusal is the answer when no other code
/// can be set either. A device that is gone or busy stays so for every code.
pub(super) fn first_usable<T>(
    codes: impl IntoIterator<Item = u32>,
    mut set: impl FnMut(u32) -> Result<Option<T>, SourceError>,
) -> Result<Option<T>, SourceError> {
    let mut refused = None;
    for code in codes {
        match set(code) {
            Ok(Some(taken)) => return Ok(Some(taken)),
            Ok(None) => {}
            Err(error @ (SourceError::Gone { .. } | SourceError::Open { .. })) => {
                return Err(error);
            }
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    refused.map_or(Ok(None), Err)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustix::io::Errno;

    use super::super::errors;
    use super::super::modes::{Rates, Sizes};
    use super::super::{abi, format};
    use super::*;

    fn mode(code: &[u8; 4], sizes: &[(u32, u32, u32)]) -> Mode {
        let fourcc = abi::fourcc(*code);
        let list = sizes
            .iter()
            .map(|&(w, h, fps)| (Size::new(w, h), Rates::List(vec![Rational::whole(fps)])))
            .collect();
        Mode {
            code: abi::code_text(fourcc),
            description: String::new(),
            format: format::known(fourcc),
            sizes: Sizes::List(list),
            fourcc,
        }
    }

    fn webcam() -> Vec<Mode> {
        vec![
            mode(b"BA81", &[(1280, 720, 60)]),
            mode(b"MJPG", &[(640, 480, 30), (1280, 720, 30)]),
            mode(b"YUYV", &[(640, 480, 30), (1280, 720, 10)]),
        ]
    }

    fn first(format: Option<PixelFormat>, w: u32, h: u32, fps: Option<u32>) -> PixelFormat {
        ranked(&webcam(), format, Size::new(w, h), fps.map(Rational::whole))[0].1
    }

    #[test]
    fn a_webcam_is_raw_when_small_and_compressed_when_raw_is_slow() {
        assert_eq!(first(None, 640, 480, None), PixelFormat::Yuyv);
        assert_eq!(first(None, 1280, 720, None), PixelFormat::Mjpeg);
        assert_eq!(first(None, 1280, 720, Some(10)), PixelFormat::Yuyv);
        assert_eq!(first(None, 640, 480, Some(30)), PixelFormat::Yuyv);
    }

    #[test]
    fn a_wish_comes_first_and_unknown_codes_never() {
        assert_eq!(first(Some(PixelFormat::Mjpeg), 640, 480, None), PixelFormat::Mjpeg);
        assert_eq!(ranked(&webcam(), None, Size::new(640, 480), None).len(), 2);
        assert_eq!(first(None, 320, 240, None), PixelFormat::Yuyv);
    }

    #[test]
    fn one_buffer_is_preferred_to_several() {
        let modes = [mode(b"NM12", &[(64, 64, 30)]), mode(b"NV12", &[(64, 64, 30)])];
        let order = ranked(&modes, None, Size::new(64, 64), None);
        assert_eq!(order[0].0, abi::fourcc(*b"NV12"));
    }

    #[test]
    fn a_refused_format_is_passed_over_and_told_only_when_none_is_left() {
        let path = Path::new("/dev/video9");
        let set = |code| match code {
            0 => Err(errors::call(path, "setting its format", Errno::INVAL)),
            1 => Err(errors::unsupported(path, "delivers single fields")),
            2 => Ok(None),
            3 => Err(errors::call(path, "setting its format", Errno::BUSY)),
            4 => Err(errors::call(path, "setting its format", Errno::NODEV)),
            _ => Ok(Some(code)),
        };
        assert_eq!(first_usable([0, 1, 2, 5, 6], set).unwrap(), Some(5));
        assert_eq!(first_usable([2], set).unwrap(), None);
        assert!(first_usable([1, 0, 2], set).unwrap_err().to_string().contains("single fields"));
        let busy = first_usable([1, 3, 5], set).unwrap_err();
        assert!(matches!(busy, SourceError::Open { .. }), "{busy}");
        let gone = first_usable([4, 5], set).unwrap_err();
        assert!(matches!(gone, SourceError::Gone { .. }), "{gone}");
    }
}
