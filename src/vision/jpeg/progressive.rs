//! The blocks of progressive scans (T.81 annex G).
#![warn(clippy::indexing_slicing)]

use super::bits::BitReader;
use super::fault::Decoded;
use super::header::ScanHeader;
use super::huffman::Huffman;
use super::planes::CoefficientPlane;
use super::scan::{BlockDecoder, coefficient};

/// One component of a progressive scan.
pub(super) struct ProgressiveComponent<'a> {
    /// The table for DC scans, or the one for AC scans.
    pub(super) table: Option<&'a Huffman>,
    pub(super) plane: &'a mut CoefficientPlane,
    pub(super) predicted: i32,
}

/// Adds a scan to the coefficients.
pub(super) struct Progressive<'a> {
    pub(super) scan: ScanHeader,
    pub(super) components: [Option<ProgressiveComponent<'a>>; 3],
    /// Blocks still to come that add nothing new.
    pub(super) ended: u32,
}

impl BlockDecoder for Progressive<'_> {
    fn block(&mut self, bits: &mut BitReader<'_>, slot: usize, x: usize, y: usize) -> Decoded<()> {
        let Some(Some(c)) = self.components.get_mut(slot) else { return Ok(()) };
        let Some(block) = c.plane.block(x, y) else { return Ok(()) };
        let scan = &self.scan;
        if scan.first == 0 {
            if scan.high > 0 {
                block[0] |= i16::from(bits.bit()) << scan.low;
                return Ok(());
            }
            let table = c.table.ok_or("a scan lacks its Huffman table")?;
            let size = table.decode(bits)?;
            if size > 15 {
                return Err("a DC difference has more than 15 bits".into());
            }
            c.predicted = c.predicted.wrapping_add(bits.signed(u32::from(size)));
            block[0] = (c.predicted << scan.low) as i16;
            return Ok(());
        }
        let table = c.table.ok_or("a scan lacks its Huffman table")?;
        if scan.high == 0 {
            first_pass(bits, table, scan, &mut self.ended, block)
        } else {
            refinement(bits, table, scan, &mut self.ended, block)
        }
    }

    fn restart(&mut self) {
        self.components.iter_mut().flatten().for_each(|c| c.predicted = 0);
        self.ended = 0;
    }
}

const TOO_LONG: &str = "a block has more coefficients than its scan";

/// AC coefficients seen for the first time (G.1.2.2).
fn first_pass(
    bits: &mut BitReader<'_>,
    table: &Huffman,
    scan: &ScanHeader,
    ended: &mut u32,
    block: &mut [i16; 64],
) -> Decoded<()> {
    if *ended > 0 {
        *ended -= 1;
        return Ok(());
    }
    let mut k = scan.first;
    while k <= scan.last {
        let symbol = table.decode(bits)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                *ended = (1 << run) - 1 + bits.take(run);
                break;
            }
            k += 16;
            continue;
        }
        k += run as usize;
        if k > scan.last {
            return Err(TOO_LONG.into());
        }
        let value = bits.signed(size) << scan.low;
        *coefficient(block, k).ok_or(TOO_LONG)? = value as i16;
        k += 1;
    }
    Ok(())
}

/// One more bit of each AC coefficient (G.1.2.3).
fn refinement(
    bits: &mut BitReader<'_>,
    table: &Huffman,
    scan: &ScanHeader,
    ended: &mut u32,
    block: &mut [i16; 64],
) -> Decoded<()> {
    let step = 1i16 << scan.low;
    let mut k = scan.first;
    if *ended == 0 {
        while k <= scan.last {
            let symbol = table.decode(bits)?;
            let (mut run, size) = (u32::from(symbol >> 4), symbol & 15);
            let mut value = 0;
            if size == 0 {
                if run < 15 {
                    *ended = (1 << run) + bits.take(run);
                    break;
                }
            } else if size == 1 {
                value = if bits.bit() { step } else { -step };
            } else {
                return Err("a refinement adds more than one bit".into());
            }
            // Passes `run` coefficients that are still zero; the others take their bit on the way.
            while k <= scan.last {
                let c = coefficient(block, k).ok_or(TOO_LONG)?;
                k += 1;
                if *c != 0 {
                    refine(bits, step, c);
                } else if run > 0 {
                    run -= 1;
                } else {
                    *c = value;
                    break;
                }
            }
        }
    }
    if *ended > 0 {
        while k <= scan.last {
            let c = coefficient(block, k).ok_or(TOO_LONG)?;
            if *c != 0 {
                refine(bits, step, c);
            }
            k += 1;
        }
        *ended -= 1;
    }
    Ok(())
}

fn refine(bits: &mut BitReader<'_>, step: i16, c: &mut i16) {
    if bits.bit() && *c & step == 0 {
        *c = if *c > 0 { c.wrapping_add(step) } else { c.wrapping_sub(step) };
    }
}
