//! JPEG and MJPEG pictures to RGB.
#![warn(clippy::indexing_slicing)]

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use crate::frame::{MAX_DIMENSION, Size};

use super::{RgbImage, VisionError};

/// Decodes JPEG pictures; one thread owns it.
#[derive(Debug, Default)]
pub struct JpegDecoder {}

impl JpegDecoder {
    /// A decoder without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes `bytes` to RGB; `out` takes the picture's size. With `expected`, a picture of
    /// another size is refused.
    ///
    /// # Errors
    /// [`VisionError::Decode`] when the bytes are no JPEG picture, or are broken or cut short.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        expected: Option<Size>,
        out: &mut RgbImage,
    ) -> Result<(), VisionError> {
        let fail = |reason: String| VisionError::Decode { bytes: bytes.len(), reason };
        let max = MAX_DIMENSION as usize;
        let options = DecoderOptions::default()
            .set_max_width(max)
            .set_max_height(max)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(|e| fail(e.to_string()))?;
        let info = decoder.info().ok_or_else(|| fail("no picture header".into()))?;
        let size = Size::new(u32::from(info.width), u32::from(info.height));
        if let Some(expected) = expected.filter(|&e| e != size) {
            return Err(fail(format!("it is {size} but {expected} was announced")));
        }
        out.reshape(size);
        decoder.decode_into(out.data_mut()).map_err(|e| fail(e.to_string()))
    }
}

/// The size a JPEG picture announces in its frame header; `None` when there is none.
#[must_use]
pub fn size(bytes: &[u8]) -> Option<Size> {
    let mut at = 2;
    if bytes.get(..2)? != [0xFF, 0xD8] {
        return None;
    }
    loop {
        while *bytes.get(at)? != 0xFF {
            at += 1;
        }
        while *bytes.get(at)? == 0xFF {
            at += 1;
        }
        let marker = *bytes.get(at)?;
        at += 1;
        match marker {
            // Stuffing, restart markers and start of image carry no length.
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 | 0xDA => return None,
            _ => {}
        }
        let [high, low] = *bytes.get(at..)?.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Frame headers are C0..CF without DHT (C4), JPG (C8) and DAC (CC).
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let [h1, h0, w1, w0] = *bytes.get(at + 3..)?.first_chunk()?;
            let height = u32::from(u16::from_be_bytes([h1, h0]));
            let width = u32::from(u16::from_be_bytes([w1, w0]));
            return Size::new(width, height).checked().ok();
        }
        at += length.max(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(size: Size) -> Vec<u8> {
        let mut data = Vec::new();
        for y in 0..size.height {
            for x in 0..size.width {
                data.extend([(x * 2) as u8, (y * 2) as u8, 90]);
            }
        }
        let mut jpeg = Vec::new();
        jpeg_encoder::Encoder::new(&mut jpeg, 95)
            .encode(&data, size.width as u16, size.height as u16, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        jpeg
    }

    #[test]
    fn a_picture_is_decoded_and_its_size_checked() {
        let size_of = Size::new(50, 30);
        let jpeg = encode(size_of);
        assert_eq!(size(&jpeg), Some(size_of));
        let mut out = RgbImage::default();
        JpegDecoder::new().decode(&jpeg, Some(size_of), &mut out).unwrap();
        assert_eq!(out.size(), size_of);
        let [r, g, b] = [0, 1, 2].map(|c| i32::from(out.data()[(20 * 50 + 40) * 3 + c]));
        assert!((r - 80).abs() < 4 && (g - 40).abs() < 4 && (b - 90).abs() < 4, "{r} {g} {b}");
        let other = Some(Size::new(50, 31));
        let error = JpegDecoder::new().decode(&jpeg, other, &mut out).unwrap_err().to_string();
        assert!(error.contains("50x30") && error.contains("50x31"), "{error}");
    }

    #[test]
    fn broken_pictures_are_errors() {
        let jpeg = encode(Size::new(16, 16));
        let mut out = RgbImage::default();
        for bytes in [&[][..], b"no picture", &jpeg[..20], &[0xFF, 0xD8, 0xFF]] {
            let error = JpegDecoder::new().decode(bytes, None, &mut out).unwrap_err();
            assert!(matches!(error, VisionError::Decode { .. }));
            assert_eq!(size(bytes), None);
        }
    }
}
