//! What can be known of a JPEG file without decoding it: its size, and whether its end is there.
#![warn(clippy::indexing_slicing)]

use crate::frame::Size;

/// The size a JPEG file declares in its frame header.
///
/// # Errors
/// A sentence that says what is missing.
pub fn size(bytes: &[u8]) -> Result<Size, String> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or("it does not start as a JPEG file")?;
    let cut = || "it ends before the size of the picture".to_owned();
    loop {
        // Any number of 0xff may come before a marker.
        let at = rest.iter().position(|&b| b != 0xff).ok_or_else(cut)?;
        if at == 0 {
            return Err("its headers are damaged".into());
        }
        let (&marker, after) = rest.get(at..).and_then(<[u8]>::split_first).ok_or_else(cut)?;
        rest = after;
        match marker {
            // Markers that stand alone.
            0x01 | 0xd0..=0xd7 => continue,
            0xd9 | 0xda => return Err("it holds no picture".into()),
            _ => {}
        }
        let length = match rest {
            [a, b, ..] => usize::from(u16::from_be_bytes([*a, *b])),
            _ => return Err(cut()),
        };
        // SOF0..SOF15, without DHT, JPG and DAC which lie between them.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let [_, _, _, h1, h0, w1, w0, ..] = rest else { return Err(cut()) };
            let (h, w) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
            return Size::new(u32::from(w), u32::from(h)).checked().map_err(|e| e.to_string());
        }
        rest = rest.get(length.max(2)..).ok_or_else(cut)?;
    }
}

/// True when the end marker stands in the last part of the file; writers may add bytes after it.
#[must_use]
pub fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(2).rev().any(|pair| pair == [0xff, 0xd9])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc0, 0, 11, 8];
        bytes.extend([0, 48, 0, 64, 1, 1, 0x11, 0]);
        bytes.extend([0xff, 0xda, 0, 2, 9, 9, 0xff, 0xd9, 0]);
        bytes
    }

    #[test]
    fn the_size_and_the_end_are_found() {
        let bytes = sample();
        assert_eq!(size(&bytes).unwrap(), Size::new(64, 48));
        assert!(has_end(&bytes));
        assert!(!has_end(&bytes[..bytes.len() - 2]));
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = sample();
        for cut in 0..18 {
            assert!(size(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(size(b"\xff\xd8\xff\xda").unwrap_err().contains("no picture"));
        assert!(size(b"\xff\xd8\x00\x00").unwrap_err().contains("damaged"));
        let mut zero = sample();
        zero[14..18].fill(0);
        assert!(size(&zero).unwrap_err().contains("0x0"));
    }
}
