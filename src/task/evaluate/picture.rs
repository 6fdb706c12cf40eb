//! Decodes the pictures of sequences: JPEG as everywhere in the program, PNG without its alpha.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};

use crate::frame::{MAX_DIMENSION, Size};
use crate::source;
use crate::vision::RgbImage;
use crate::vision::jpeg::JpegDecoder;

use super::sequences::Encoded;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The most bytes a decoded PNG may take: 16-bit RGBA at 64 megapixels.
const MAX_ALLOC: u64 = 1 << 29;

/// Decodes pictures; one thread owns it.
#[derive(Debug, Default)]
pub(super) struct PictureDecoder {
    jpeg: JpegDecoder,
}

impl PictureDecoder {
    /// Decodes `bytes`; `out` takes the picture's size. The error says what is wrong.
    pub(super) fn decode(&mut self, bytes: &[u8], out: &mut RgbImage) -> Result<(), String> {
        if bytes.starts_with(PNG) {
            return decode_png(bytes, out);
        }
        self.jpeg.decode(bytes, None, out).map_err(|e| e.to_string())
    }
}

/// Reads and decodes pictures one at a time.
#[derive(Debug)]
pub(super) struct PictureReader {
    limits: source::Limits,
    encoded: Vec<u8>,
    decoder: PictureDecoder,
}

impl PictureReader {
    /// A reader of pictures within `limits`.
    pub(super) fn new(limits: source::Limits) -> Self {
        Self { limits, encoded: Vec::new(), decoder: PictureDecoder::default() }
    }

    /// Reads `picture` into `out`. The error says what is wrong with it.
    pub(super) fn read(&mut self, picture: &Encoded, out: &mut RgbImage) -> Result<(), String> {
        picture.read(&self.limits, &mut self.encoded)?;
        self.decoder.decode(&self.encoded, out)
    }
}

fn decode_png(bytes: &[u8], out: &mut RgbImage) -> Result<(), String> {
    let fail = |e: image::ImageError| format!("cannot decode the PNG picture: {e}");
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image::ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_DIMENSION);
    limits.max_image_height = Some(MAX_DIMENSION);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(fail)?;
    decoder.set_limits(limits).map_err(fail)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(fail)?;
    let size = Size::new(picture.width(), picture.height());
    out.reshape(size);
    let pixels = out.data_mut().as_chunks_mut::<3>().0;
    if picture.color().has_alpha() {
        // Composited over black, as the sources do it.
        for (out, pixel) in pixels.iter_mut().zip(picture.to_rgba8().pixels()) {
            let [r, g, b, a] = pixel.0;
            *out = [r, g, b].map(|v| ((u32::from(v) * u32::from(a) + 127) / 255) as u8);
        }
    } else {
        for (out, pixel) in pixels.iter_mut().zip(picture.to_rgb8().pixels()) {
            *out = pixel.0;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn png_with_and_without_alpha() {
        let rgb = image::RgbImage::from_raw(2, 1, vec![1, 2, 3, 200, 100, 0]).unwrap();
        let mut decoder = PictureDecoder::default();
        let mut out = RgbImage::default();
        decoder.decode(&png(&rgb.into()), &mut out).unwrap();
        assert_eq!((out.size(), out.data()), (Size::new(2, 1), &[1, 2, 3, 200, 100, 0][..]));
        let rgba = image::RgbaImage::from_raw(1, 1, vec![200, 100, 255, 51]).unwrap();
        decoder.decode(&png(&rgba.into()), &mut out).unwrap();
        assert_eq!(out.data(), [40, 20, 51]);
    }

    #[test]
    fn broken_pictures_say_so() {
        let mut out = RgbImage::default();
        let mut decoder = PictureDecoder::default();
        let rgb = image::RgbImage::new(40, 40);
        let bytes = png(&rgb.into());
        assert!(decoder.decode(&bytes[..bytes.len() / 2], &mut out).unwrap_err().contains("PNG"));
        assert!(decoder.decode(b"GIF89a", &mut out).unwrap_err().contains("JPEG"));
    }
}
