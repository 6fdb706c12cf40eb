//! The order of blocks in a scan, and the blocks of sequential pictures.
#![warn(clippy::indexing_slicing)]

use super::bits::BitReader;
use super::fault::Decoded;
use super::header::{FrameHeader, ScanHeader};
use super::huffman::Huffman;
use super::idct;
use super::planes::SamplePlane;

/// Natural place of each coefficient in zigzag order.
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The place in `block` of coefficient `k` of the zigzag order; `None` from 64 on.
#[inline(always)]
pub(super) fn coefficient(block: &mut [i16; 64], k: usize) -> Option<&mut i16> {
    block.get_mut(usize::from(*ZIGZAG.get(k)?))
}

/// What is done with each block of a scan.
pub(super) trait BlockDecoder {
    /// Decodes the next block: of component `slot` of the scan, column `x`, line `y` of blocks.
    fn block(&mut self, bits: &mut BitReader<'_>, slot: usize, x: usize, y: usize) -> Decoded<()>;

    /// Forgets what was carried from block to block.
    fn restart(&mut self);
}

/// Decodes all blocks of a scan in their order (T.81 A.2), with a restart marker after each
/// `interval` MCUs unless it is 0.
pub(super) fn walk(
    frame: &FrameHeader,
    scan: &ScanHeader,
    interval: usize,
    bits: &mut BitReader<'_>,
    decoder: &mut impl BlockDecoder,
) -> Decoded<()> {
    let part = |slot: usize| {
        let component = scan.components().get(slot)?;
        frame.components().get(component.index)
    };
    let single = if scan.components().len() == 1 { part(0) } else { None };
    // A scan of one component codes the blocks that hold the picture, line by line; a scan of
    // more codes whole MCUs, padding included.
    let (across, down) = match single {
        Some(c) => (c.width.div_ceil(8), c.height.div_ceil(8)),
        None => (frame.mcus_across, frame.mcus_down),
    };
    let mut done = 0;
    for y in 0..down {
        for x in 0..across {
            if interval > 0 && done > 0 && done % interval == 0 {
                bits.restart(done / interval - 1)?;
                decoder.restart();
            }
            done += 1;
            if single.is_some() {
                decoder.block(bits, 0, x, y)?;
            } else {
                for slot in 0..scan.components().len() {
                    let Some(c) = part(slot) else { continue };
                    for v in 0..c.down {
                        for h in 0..c.across {
                            decoder.block(bits, slot, x * c.across + h, y * c.down + v)?;
                        }
                    }
                }
            }
            bits.check()?;
        }
    }
    Ok(())
}

/// One component of a sequential scan.
pub(super) struct SequentialComponent<'a> {
    pub(super) dc: &'a Huffman,
    pub(super) ac: &'a Huffman,
    pub(super) quant: &'a [u16; 64],
    pub(super) plane: &'a mut SamplePlane,
    pub(super) predicted: i32,
}

/// Decodes sequential blocks to samples at once.
pub(super) struct Sequential<'a> {
    pub(super) components: [Option<SequentialComponent<'a>>; 3],
}

impl BlockDecoder for Sequential<'_> {
    #[inline]
    fn block(&mut self, bits: &mut BitReader<'_>, slot: usize, x: usize, y: usize) -> Decoded<()> {
        let Some(Some(c)) = self.components.get_mut(slot) else { return Ok(()) };
        let mut block = [0i16; 64];
        let size = c.dc.decode(bits)?;
        if size > 15 {
            return Err("a DC difference has more than 15 bits".into());
        }
        c.predicted = c.predicted.wrapping_add(bits.signed(u32::from(size)));
        block[0] = c.predicted as i16;
        let mut k = 1;
        let mut flat = true;
        while k < 64 {
            let symbol = c.ac.decode(bits)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run != 15 {
                    break;
                }
                k += 16;
                continue;
            }
            k += run;
            let value = bits.signed(size);
            *coefficient(&mut block, k).ok_or("a block has more than 64 coefficients")? =
                value as i16;
            flat = false;
            k += 1;
        }
        let Some((out, stride)) = c.plane.block(x, y) else { return Ok(()) };
        if flat {
            idct::flat(block[0], c.quant[0], out, stride);
        } else {
            idct::transform(&block, c.quant, out, stride);
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.components.iter_mut().flatten().for_each(|c| c.predicted = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_visits_every_place_once() {
        let mut places = ZIGZAG;
        places.sort_unstable();
        assert!(places.iter().enumerate().all(|(i, &p)| i == usize::from(p)));
        // Each step goes to a neighbouring diagonal or along the same one.
        for pair in ZIGZAG.windows(2) {
            let diagonal = |p: u8| p / 8 + p % 8;
            assert!(diagonal(pair[0]).abs_diff(diagonal(pair[1])) <= 1);
        }
    }
}
