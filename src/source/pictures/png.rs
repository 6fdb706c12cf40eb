//! PNG files as RGB: grey repeated, 16 bits reduced, alpha laid over black.
#![warn(clippy::indexing_slicing)]

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{ColorType, ImageDecoder};

use crate::frame::Size;

/// The first bytes of every PNG file.
pub const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The size a PNG file declares.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn size(bytes: &[u8]) -> Result<Size, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not start as a PNG file")?;
    let [_, _, _, _, b'I', b'H', b'D', b'R', w3, w2, w1, w0, h3, h2, h1, h0, ..] = rest else {
        return Err("it ends inside its header".into());
    };
    let width = u32::from_be_bytes([*w3, *w2, *w1, *w0]);
    let height = u32::from_be_bytes([*h3, *h2, *h1, *h0]);
    Size::new(width, height).checked().map_err(|e| e.to_string())
}

/// Decodes a file into packed RGB. Its size must have been checked against the limits before; the
/// decoder may use `memory` bytes.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn decode(bytes: &[u8], memory: u64, out: &mut Vec<u8>) -> Result<Size, String> {
    whole_palette(bytes)?;
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(memory);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    let size = Size::new(width, height).checked().map_err(|e| e.to_string())?;
    let colour = decoder.color_type();
    let total = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    if total as u64 > memory {
        return Err(format!("{total} bytes of samples are above the limit of {memory}"));
    }
    if colour == ColorType::Rgb8 {
        out.resize(total, 0);
        decoder.read_image(out).map_err(|e| e.to_string())?;
        return Ok(size);
    }
    let mut samples = vec![0; total];
    decoder.read_image(&mut samples).map_err(|e| e.to_string())?;
    // Sixteen-bit samples come in the machine's byte order.
    if matches!(colour, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16) {
        samples = samples.chunks_exact(2).map(narrow).collect();
    }
    out.clear();
    out.reserve(size.pixels() * 3);
    match colour.channel_count() {
        1 => samples.iter().for_each(|&v| out.extend([v; 3])),
        2 => samples.chunks_exact(2).for_each(|p| {
            if let [v, a] = *p {
                out.extend([over(v, a); 3]);
            }
        }),
        3 => out.extend_from_slice(&samples),
        _ => samples.chunks_exact(4).for_each(|p| {
            if let [r, g, b, a] = *p {
                out.extend([over(r, a), over(g, a), over(b, a)]);
            }
        }),
    }
    Ok(size)
}

/// Refuses a palette that ends inside a colour, at which the `png` crate up to 0.18.1 panics.
fn whole_palette(bytes: &[u8]) -> Result<(), String> {
    let mut rest = bytes.get(MAGIC.len()..).unwrap_or_default();
    while let Some((&[a, b, c, d, ref kind @ ..], after)) = rest.split_first_chunk::<8>() {
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if kind == b"PLTE" && !len.is_multiple_of(3) {
            return Err(format!("its palette of {len} bytes is no whole number of colours"));
        }
        // A checksum closes each chunk.
        rest = after.get(len.saturating_add(4)..).unwrap_or_default();
    }
    Ok(())
}

/// A sixteen-bit sample to eight bits, rounded.
fn narrow(pair: &[u8]) -> u8 {
    let value = match pair {
        [a, b] => u32::from(u16::from_ne_bytes([*a, *b])),
        _ => 0,
    };
    ((value * 255 + 32_895) >> 16) as u8
}

/// A sample of opacity `alpha` over black.
fn over(value: u8, alpha: u8) -> u8 {
    ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    fn png(samples: &[u8], colour: ExtendedColorType) -> Vec<u8> {
        let mut out = Vec::new();
        PngEncoder::new(&mut out).write_image(samples, 2, 1, colour).unwrap();
        out
    }

    #[test]
    fn every_kind_of_sample_becomes_rgb() {
        let wide = |v: [u16; 2]| v.map(u16::to_ne_bytes).concat();
        for (bytes, want) in [
            (png(&[7, 9], ExtendedColorType::L8), [7, 7, 7, 9, 9, 9]),
            (png(&[200, 255, 200, 0], ExtendedColorType::La8), [200, 200, 200, 0, 0, 0]),
            (png(&[1, 2, 3, 4, 5, 6], ExtendedColorType::Rgb8), [1, 2, 3, 4, 5, 6]),
            (
                png(&[10, 20, 30, 255, 10, 20, 30, 128], ExtendedColorType::Rgba8),
                [10, 20, 30, 5, 10, 15],
            ),
            (png(&wide([0xffff, 0x8080]), ExtendedColorType::L16), [255, 255, 255, 128, 128, 128]),
        ] {
            let mut out = vec![9; 99];
            assert_eq!(size(&bytes).unwrap(), Size::new(2, 1));
            assert_eq!(decode(&bytes, 1 << 20, &mut out).unwrap(), Size::new(2, 1));
            assert_eq!(out, want);
        }
    }

    /// A line of two pixels that name the first two colours of a palette.
    fn indexed(palette: &[u8]) -> Vec<u8> {
        let line = [0, 0, 1];
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&line).unwrap();
        let (line, header) = (zlib.finish().unwrap(), [0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
        let mut out = MAGIC.to_vec();
        for (kind, data) in [
            (b"IHDR", &header[..]),
            (b"tEXt", b"a\0b"),
            (b"PLTE", palette),
            (b"IDAT", &line),
            (b"IEND", &[]),
        ] {
            let mut crc = flate2::Crc::new();
            crc.update(kind);
            crc.update(data);
            out.extend((data.len() as u32).to_be_bytes());
            out.extend_from_slice(kind);
            out.extend_from_slice(data);
            out.extend(crc.sum().to_be_bytes());
        }
        out
    }

    #[test]
    fn palettes_that_end_inside_a_colour_are_refused() {
        let mut out = Vec::new();
        decode(&indexed(&[1, 2, 3, 4, 5, 6]), 1 << 20, &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 4, 5, 6]);
        for len in [4, 5, 7] {
            let error = decode(&indexed(&vec![1; len]), 1 << 20, &mut out).unwrap_err();
            assert!(error.contains(&format!("palette of {len} bytes")), "{error}");
        }
    }

    #[test]
    fn every_cut_and_every_large_claim_is_an_error() {
        let bytes = png(&[1, 2, 3, 4, 5, 6], ExtendedColorType::Rgb8);
        // The last chunk, IEND, may be missing: all samples are there.
        for cut in 0..bytes.len() - 13 {
            assert!(decode(&bytes[..cut], 1 << 20, &mut Vec::new()).is_err(), "cut at {cut}");
        }
        let mut huge = bytes;
        huge[16..20].copy_from_slice(&0x0100_0000u32.to_be_bytes());
        assert!(size(&huge).unwrap_err().contains("16777216x1"));
        assert!(decode(&huge, 1 << 20, &mut Vec::new()).is_err());
    }
}
