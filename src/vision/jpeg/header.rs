//! Markers and the segments they open (T.81 annex B).
#![warn(clippy::indexing_slicing)]

use crate::frame::Size;

use super::fault::{CUT_SHORT, Decoded};

/// Marker codes, the byte after FF.
pub(super) mod marker {
    pub(crate) const SOF_BASELINE: u8 = 0xC0;
    pub(crate) const SOF_EXTENDED: u8 = 0xC1;
    pub(crate) const SOF_PROGRESSIVE: u8 = 0xC2;
    pub(crate) const DHT: u8 = 0xC4;
    pub(crate) const SOI: u8 = 0xD8;
    pub(crate) const EOI: u8 = 0xD9;
    pub(crate) const SOS: u8 = 0xDA;
    pub(crate) const DQT: u8 = 0xDB;
    pub(crate) const DRI: u8 = 0xDD;
    pub(crate) const APP0: u8 = 0xE0;
    pub(crate) const APP14: u8 = 0xEE;

    /// Start of frame of any kind: C0..=CF without DHT, JPG and DAC.
    pub(crate) const fn is_frame(marker: u8) -> bool {
        matches!(marker, 0xC0..=0xCF) && !matches!(marker, DHT | 0xC8 | 0xCC)
    }

    /// Markers that stand alone, without a length: TEM, RSTn, SOI, EOI.
    pub(crate) const fn is_bare(marker: u8) -> bool {
        matches!(marker, 0x01 | 0xD0..=EOI)
    }
}

/// A marker with its payload, and where the bytes after it begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) payload: &'a [u8],
    pub(super) end: usize,
}

/// The first marker at or after `at` and its segment; `None` at the end of the data.
pub(super) fn next_segment(bytes: &[u8], mut at: usize) -> Decoded<Option<Segment<'_>>> {
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(0xFF), Some(0x00)) => at += 2,
            (Some(0xFF), Some(0xFF)) => at += 1,
            (Some(0xFF), Some(&marker)) if marker::is_bare(marker) => {
                return Ok(Some(Segment { marker, payload: &[], end: at + 2 }));
            }
            (Some(0xFF), Some(&marker)) => {
                let rest = bytes.get(at + 2..).unwrap_or_default();
                let length = usize::from(u16_at(rest, 0)?);
                let payload = rest.get(2..length).ok_or(CUT_SHORT)?;
                return Ok(Some(Segment { marker, payload, end: at + 2 + length }));
            }
            (None, _) | (Some(_), None) => return Ok(None),
            // Bytes between segments carry nothing.
            (Some(_), Some(_)) => at += 1,
        }
    }
}

/// The big-endian number at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Decoded<u16> {
    let pair = bytes.get(at..).and_then(|b| b.first_chunk::<2>());
    pair.map(|p| u16::from_be_bytes(*p)).ok_or_else(|| CUT_SHORT.into())
}

/// The byte at `at`.
pub(super) fn u8_at(bytes: &[u8], at: usize) -> Decoded<u8> {
    bytes.get(at).copied().ok_or_else(|| CUT_SHORT.into())
}

/// The size a JPEG picture announces in its frame header; `None` when there is none, or one that
/// no frame can have.
#[must_use]
pub fn size(bytes: &[u8]) -> Option<Size> {
    let mut at = 2;
    if bytes.first_chunk()? != &[0xFF, marker::SOI] {
        return None;
    }
    while let Some(segment) = next_segment(bytes, at).ok()? {
        if marker::is_frame(segment.marker) {
            let height = u16_at(segment.payload, 1).ok()?;
            let width = u16_at(segment.payload, 3).ok()?;
            return Size::new(width.into(), height.into()).checked().ok();
        }
        if matches!(segment.marker, marker::SOS | marker::EOI) {
            return None;
        }
        at = segment.end;
    }
    None
}

/// One colour component and where its samples lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1..=4.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Which quantisation table, 0..=3.
    pub(super) quant: usize,
    /// Samples that belong to the picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks stored: whole MCUs.
    pub(super) blocks_across: usize,
    pub(super) blocks_down: usize,
}

/// The frame header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) size: Size,
    pub(super) progressive: bool,
    components: [Component; 3],
    count: usize,
    /// Largest sampling factors.
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) mcus_across: usize,
    pub(super) mcus_down: usize,
}

impl FrameHeader {
    pub(super) fn parse(segment: &Segment<'_>) -> Decoded<Self> {
        let p = segment.payload;
        let progressive = match segment.marker {
            marker::SOF_BASELINE | marker::SOF_EXTENDED => false,
            marker::SOF_PROGRESSIVE => true,
            0xC9..=0xCB | 0xCD..=0xCF => return Err("arithmetic coding is not supported".into()),
            _ => return Err("lossless and hierarchical coding are not supported".into()),
        };
        let precision = u8_at(p, 0)?;
        if precision != 8 {
            return Err(format!("it has {precision} bits a sample; 8 are supported").into());
        }
        let size = Size::new(u16_at(p, 3)?.into(), u16_at(p, 1)?.into());
        if size.checked().is_err() {
            return Err(format!("its size of {size} is out of range").into());
        }
        let count = usize::from(u8_at(p, 5)?);
        if count != 1 && count != 3 {
            return Err(format!("it has {count} components; 1 and 3 are supported").into());
        }
        let mut header = Self { size, progressive, count, ..Self::default() };
        for (i, component) in header.components.iter_mut().take(count).enumerate() {
            let factors = u8_at(p, 7 + 3 * i)?;
            component.id = u8_at(p, 6 + 3 * i)?;
            component.across = usize::from(factors >> 4);
            component.down = usize::from(factors & 15);
            component.quant = usize::from(u8_at(p, 8 + 3 * i)?);
            let range = 1..=4;
            if !range.contains(&component.across) || !range.contains(&component.down) {
                return Err("a sampling factor is out of range".into());
            }
            header.across = header.across.max(component.across);
            header.down = header.down.max(component.down);
        }
        let (w, h) = (size.w(), size.h());
        header.mcus_across = w.div_ceil(8 * header.across);
        header.mcus_down = h.div_ceil(8 * header.down);
        for component in header.components.iter_mut().take(count) {
            if !header.across.is_multiple_of(component.across)
                || !header.down.is_multiple_of(component.down)
            {
                return Err("its components have sampling factors in no whole ratio".into());
            }
            component.width = (w * component.across).div_ceil(header.across);
            component.height = (h * component.down).div_ceil(header.down);
            component.blocks_across = header.mcus_across * component.across;
            component.blocks_down = header.mcus_down * component.down;
        }
        Ok(header)
    }

    pub(super) fn components(&self) -> &[Component] {
        self.components.get(..self.count).unwrap_or_default()
    }

    /// Blocks of all components.
    pub(super) fn blocks(&self) -> usize {
        self.components().iter().map(|c| c.blocks_across * c.blocks_down).sum()
    }
}

/// One component of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScanComponent {
    /// Which component of the frame.
    pub(super) index: usize,
    /// Which DC and AC table, 0..=3.
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// The scan header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScanHeader {
    components: [ScanComponent; 3],
    count: usize,
    /// First and last coefficient, in zigzag order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Successive approximation: position before (0 at first) and after this scan.
    pub(super) high: u32,
    pub(super) low: u32,
}

impl ScanHeader {
    pub(super) fn parse(p: &[u8], frame: &FrameHeader) -> Decoded<Self> {
        let count = usize::from(u8_at(p, 0)?);
        if !(1..=3).contains(&count) {
            return Err(format!("a scan has {count} components").into());
        }
        let mut scan = Self { count, ..Self::default() };
        let mut seen = [false; 3];
        for (i, component) in scan.components.iter_mut().take(count).enumerate() {
            let (id, tables) = (u8_at(p, 1 + 2 * i)?, u8_at(p, 2 + 2 * i)?);
            let index = frame.components().iter().position(|c| c.id == id);
            let index = index.ok_or("a scan names a component that the frame lacks")?;
            let twice = seen.get_mut(index).map(|seen| std::mem::replace(seen, true));
            if twice != Some(false) {
                return Err("a scan names a component twice".into());
            }
            *component =
                ScanComponent { index, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) };
            if component.dc > 3 || component.ac > 3 {
                return Err("a scan names a Huffman table above 3".into());
            }
        }
        let at = 1 + 2 * count;
        if frame.progressive {
            scan.first = usize::from(u8_at(p, at)?);
            scan.last = usize::from(u8_at(p, at + 1)?);
            let approximation = u8_at(p, at + 2)?;
            scan.high = u32::from(approximation >> 4);
            scan.low = u32::from(approximation & 15);
            let dc = scan.first == 0 && scan.last == 0;
            let ac = scan.first > 0 && scan.first <= scan.last && scan.last < 64 && count == 1;
            let refines = scan.high == 0 || scan.high == scan.low + 1;
            if !(dc || ac) || scan.low > 13 || !refines {
                return Err("a scan has impossible progression parameters".into());
            }
        } else {
            scan.last = 63;
        }
        Ok(scan)
    }

    pub(super) fn components(&self) -> &[ScanComponent] {
        self.components.get(..self.count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOF: [u8; 15] = [8, 0, 17, 0, 33, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];

    fn frame(payload: &[u8]) -> Decoded<FrameHeader> {
        FrameHeader::parse(&Segment { marker: marker::SOF_BASELINE, payload, end: 0 })
    }

    #[test]
    fn halved_chroma_is_laid_out_in_mcus() {
        let header = frame(&SOF).unwrap();
        assert_eq!((header.mcus_across, header.mcus_down), (3, 2));
        let [y, u, _] = header.components() else { panic!("three components") };
        assert_eq!((y.width, y.height, y.blocks_across, y.blocks_down), (33, 17, 6, 4));
        assert_eq!((u.width, u.height, u.blocks_across, u.blocks_down), (17, 9, 3, 2));
        assert_eq!(header.blocks(), 24 + 6 + 6);
    }

    #[test]
    fn headers_out_of_range_are_refused() {
        for (at, value) in [(0, 12), (2, 0), (5, 4), (7, 0x50), (7, 0x02), (7, 0x33)] {
            let mut bad = SOF;
            bad[at] = value;
            if (at, value) == (7, 0x33) {
                bad[10] = 0x21;
            }
            assert!(frame(&bad).is_err(), "{value} at {at}");
        }
        assert!(frame(&SOF[..14]).is_err());
    }

    #[test]
    fn scans_name_known_components_once() {
        let header = frame(&SOF).unwrap();
        let scan = ScanHeader::parse(&[2, 1, 0x00, 3, 0x11, 0, 63, 0], &header).unwrap();
        assert_eq!(scan.components()[1], ScanComponent { index: 2, dc: 1, ac: 1 });
        assert!(ScanHeader::parse(&[1, 9, 0, 0, 63, 0], &header).is_err());
        assert!(ScanHeader::parse(&[2, 1, 0, 1, 0, 0, 63, 0], &header).is_err());
        assert!(ScanHeader::parse(&[1, 1, 0x40, 0, 63, 0], &header).is_err());
        assert!(ScanHeader::parse(&[0], &header).is_err());
    }

    #[test]
    fn segments_are_walked() {
        let data = [0xFF, 0xD8, 0xFF, 0xFF, 0xFE, 0, 3, 9, 0xFF, 0xD9];
        let first = next_segment(&data, 0).unwrap().unwrap();
        assert_eq!((first.marker, first.end), (marker::SOI, 2));
        let second = next_segment(&data, 2).unwrap().unwrap();
        assert_eq!((second.marker, second.payload), (0xFE, &[9][..]));
        assert!(next_segment(&data[..7], 2).is_err());
        assert!(next_segment(&data, 10).unwrap().is_none());
    }
}
