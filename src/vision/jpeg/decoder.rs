//! Decodes whole pictures.
#![warn(clippy::indexing_slicing)]

use crate::frame::Size;
use crate::vision::{RgbImage, VisionError};

use super::bits::BitReader;
use super::fault::{CUT_SHORT, Decoded};
use super::header::{FrameHeader, ScanHeader, marker, next_segment, u8_at, u16_at};
use super::huffman::{Huffman, TYPICAL};
use super::idct;
use super::planes::{CoefficientPlane, SamplePlane};
use super::progressive::{Progressive, ProgressiveComponent};
use super::scan::{Sequential, SequentialComponent, ZIGZAG, walk};
use super::upsample::{ColourModel, Upsampler};

/// Pictures with more pixels are refused: 8192 x 8192.
pub const MAX_PIXELS: usize = 1 << 26;

/// Scans of one picture; real progressive pictures have about ten.
const MAX_SCANS: usize = 100;

/// Decodes JPEG pictures and keeps its memory between them; one thread owns it.
#[derive(Debug, Default)]
pub struct JpegDecoder {
    tables: Tables,
    samples: [SamplePlane; 3],
    coefficients: [CoefficientPlane; 3],
    upsampler: Upsampler,
}

/// What segments before a scan define.
#[derive(Debug, Default)]
struct Tables {
    quant: [Option<[u16; 64]>; 4],
    /// DC and AC tables the picture brings; `None` where it leaves them to the typical ones.
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    restart_interval: usize,
    jfif: bool,
    /// The transform an Adobe marker names.
    adobe: Option<u8>,
}

impl JpegDecoder {
    /// A decoder without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes `bytes` to RGB; `out` takes the picture's size. With `expected`, a picture of
    /// another size is refused. After an error the content of `out` is unspecified.
    ///
    /// # Errors
    /// [`VisionError::Decode`] when the bytes are no JPEG picture, are broken or cut short, or
    /// need what is not supported; the reason says which.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        expected: Option<Size>,
        out: &mut RgbImage,
    ) -> Result<(), VisionError> {
        self.picture(bytes, expected, out).map_err(|fault| VisionError::Decode {
            bytes: bytes.len(),
            reason: fault.0.into_owned(),
        })
    }

    fn picture(&mut self, bytes: &[u8], expected: Option<Size>, out: &mut RgbImage) -> Decoded<()> {
        if bytes.first_chunk() != Some(&[0xFF, marker::SOI]) {
            return Err("it does not begin with the JPEG start marker FF D8".into());
        }
        self.tables.reset();
        let mut at = 2;
        let mut header: Option<FrameHeader> = None;
        let mut seen = [false; 3];
        let mut scans = 0;
        let mut ended = false;
        while let Some(segment) = next_segment(bytes, at)? {
            at = segment.end;
            match segment.marker {
                marker::EOI => {
                    ended = true;
                    break;
                }
                marker::SOS => {
                    let frame = header.as_ref().ok_or("a scan comes before the frame header")?;
                    let scan = ScanHeader::parse(segment.payload, frame)?;
                    scans += 1;
                    if scans > MAX_SCANS {
                        return Err(format!("it has more than {MAX_SCANS} scans").into());
                    }
                    let mut bits = BitReader::new(bytes, at);
                    if frame.progressive {
                        self.progressive_scan(frame, &scan, &mut bits)?;
                    } else {
                        self.sequential_scan(frame, &scan, &mut bits)?;
                    }
                    at = bits.end();
                    if scan.first == 0 {
                        for part in scan.components() {
                            if let Some(seen) = seen.get_mut(part.index) {
                                *seen = true;
                            }
                        }
                    }
                    // Cameras leave out the end marker; a sequential picture is whole without it.
                    if !frame.progressive && seen.iter().take(frame.components().len()).all(|s| *s)
                    {
                        break;
                    }
                }
                m if marker::is_frame(m) => {
                    if header.is_some() {
                        return Err("it has two frame headers".into());
                    }
                    let frame = FrameHeader::parse(&segment)?;
                    self.prepare(&frame, expected, bytes.len())?;
                    header = Some(frame);
                }
                _ => self.tables.read(segment.marker, segment.payload)?,
            }
        }
        let frame = header.ok_or("it has no frame header")?;
        let complete = seen.iter().take(frame.components().len()).all(|s| *s);
        // Between two scans of a progressive picture nothing but the marker tells the end.
        if !complete || (frame.progressive && !ended) {
            return Err(CUT_SHORT.into());
        }
        if frame.progressive {
            self.transform_all(&frame)?;
        }
        let model = self.tables.colour_model(&frame);
        out.reshape(frame.size);
        for (y, line) in out.data_mut().chunks_exact_mut(frame.size.w() * 3).enumerate() {
            self.upsampler.line(&frame, model, &self.samples, y, line);
        }
        Ok(())
    }

    /// Checks the limits, then takes memory.
    fn prepare(
        &mut self,
        frame: &FrameHeader,
        expected: Option<Size>,
        bytes: usize,
    ) -> Decoded<()> {
        let size = frame.size;
        if let Some(expected) = expected.filter(|&e| e != size) {
            return Err(format!("it is {size} but {expected} was announced").into());
        }
        if size.pixels() > MAX_PIXELS {
            return Err(format!("{size} is more than {MAX_PIXELS} pixels").into());
        }
        if bytes.saturating_mul(8) < frame.blocks() {
            return Err(CUT_SHORT.into());
        }
        let planes = self.samples.iter_mut().zip(&mut self.coefficients);
        for (component, (samples, coefficients)) in frame.components().iter().zip(planes) {
            samples.prepare(component);
            if frame.progressive {
                coefficients.prepare(component);
            }
        }
        Ok(())
    }

    fn sequential_scan(
        &mut self,
        frame: &FrameHeader,
        scan: &ScanHeader,
        bits: &mut BitReader<'_>,
    ) -> Decoded<()> {
        let mut planes = self.samples.each_mut().map(Some);
        let mut decoder = Sequential { components: [const { None }; 3] };
        for (part, slot) in scan.components().iter().zip(&mut decoder.components) {
            let component = frame.components().get(part.index);
            let plane = planes.get_mut(part.index).and_then(Option::take);
            let (Some(component), Some(plane)) = (component, plane) else { continue };
            *slot = Some(SequentialComponent {
                dc: self.tables.dc(part.dc)?,
                ac: self.tables.ac(part.ac)?,
                quant: self.tables.quant(component.quant)?,
                plane,
                predicted: 0,
            });
        }
        walk(frame, scan, self.tables.restart_interval, bits, &mut decoder)
    }

    fn progressive_scan(
        &mut self,
        frame: &FrameHeader,
        scan: &ScanHeader,
        bits: &mut BitReader<'_>,
    ) -> Decoded<()> {
        let mut planes = self.coefficients.each_mut().map(Some);
        let mut decoder = Progressive { scan: *scan, components: [const { None }; 3], ended: 0 };
        for (part, slot) in scan.components().iter().zip(&mut decoder.components) {
            let Some(plane) = planes.get_mut(part.index).and_then(Option::take) else { continue };
            let table = match (scan.first, scan.high) {
                (0, 0) => Some(self.tables.dc(part.dc)?),
                (0, _) => None,
                _ => Some(self.tables.ac(part.ac)?),
            };
            *slot = Some(ProgressiveComponent { table, plane, predicted: 0 });
        }
        walk(frame, scan, self.tables.restart_interval, bits, &mut decoder)
    }

    fn transform_all(&mut self, frame: &FrameHeader) -> Decoded<()> {
        let planes = self.coefficients.iter().zip(&mut self.samples);
        for (component, (coefficients, samples)) in frame.components().iter().zip(planes) {
            let quant = self.tables.quant(component.quant)?;
            for (x, y, block) in coefficients.blocks() {
                if let Some((out, stride)) = samples.block(x, y) {
                    idct::transform(block, quant, out, stride);
                }
            }
        }
        Ok(())
    }
}

impl Tables {
    /// Back to what holds at the start of a picture.
    fn reset(&mut self) {
        self.quant = [None; 4];
        self.dc.fill_with(|| None);
        self.ac.fill_with(|| None);
        self.restart_interval = 0;
        self.jfif = false;
        self.adobe = None;
    }

    /// Reads a segment that defines something; the others are passed over.
    fn read(&mut self, marker: u8, payload: &[u8]) -> Decoded<()> {
        match marker {
            marker::DQT => self.read_quant(payload),
            marker::DHT => self.read_huffman(payload),
            marker::DRI => {
                self.restart_interval = usize::from(u16_at(payload, 0)?);
                Ok(())
            }
            marker::APP0 => {
                self.jfif |= payload.starts_with(b"JFIF\0");
                Ok(())
            }
            marker::APP14 if payload.starts_with(b"Adobe") => {
                self.adobe = payload.get(11).copied();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_quant(&mut self, mut payload: &[u8]) -> Decoded<()> {
        while let Some((&kind, rest)) = payload.split_first() {
            let wide = kind >> 4 != 0;
            let slot = self.quant.get_mut(usize::from(kind & 15));
            let slot = slot.ok_or("a quantisation table has a number above 3")?;
            let mut table = [0; 64];
            for (k, &place) in ZIGZAG.iter().enumerate() {
                let value = if wide { u16_at(rest, 2 * k)? } else { u8_at(rest, k)?.into() };
                if let Some(entry) = table.get_mut(usize::from(place)) {
                    *entry = value;
                }
            }
            *slot = Some(table);
            payload = rest.get(if wide { 128 } else { 64 }..).unwrap_or_default();
        }
        Ok(())
    }

    fn read_huffman(&mut self, mut payload: &[u8]) -> Decoded<()> {
        while let Some((&kind, rest)) = payload.split_first() {
            let tables = if kind >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let slot = tables.get_mut(usize::from(kind & 15));
            let slot = slot.filter(|_| kind >> 4 < 2).ok_or("a Huffman table has a bad number")?;
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(CUT_SHORT)?;
            let total: usize = counts.iter().map(|&c| usize::from(c)).sum();
            *slot = Some(Huffman::new(counts, rest.get(..total).ok_or(CUT_SHORT)?)?);
            payload = rest.get(total..).unwrap_or_default();
        }
        Ok(())
    }

    fn quant(&self, index: usize) -> Decoded<&[u16; 64]> {
        let table = self.quant.get(index).and_then(Option::as_ref);
        table.ok_or_else(|| "a quantisation table is missing".into())
    }

    fn dc(&self, index: usize) -> Decoded<&Huffman> {
        let own = self.dc.get(index).and_then(Option::as_ref);
        let typical = || TYPICAL.get(..2)?.get(index)?.as_ref();
        own.or_else(typical).ok_or_else(|| "a Huffman table is missing".into())
    }

    fn ac(&self, index: usize) -> Decoded<&Huffman> {
        let own = self.ac.get(index).and_then(Option::as_ref);
        let typical = || TYPICAL.get(2..)?.get(index)?.as_ref();
        own.or_else(typical).ok_or_else(|| "a Huffman table is missing".into())
    }

    /// What the components mean: JFIF is YCbCr, then the Adobe marker decides, then the names.
    fn colour_model(&self, frame: &FrameHeader) -> ColourModel {
        let named_rgb = frame.components().iter().map(|c| c.id).eq(*b"RGB");
        match (self.jfif, self.adobe) {
            (true, _) => ColourModel::YCbCr,
            (false, Some(0)) => ColourModel::Rgb,
            (false, Some(_)) => ColourModel::YCbCr,
            (false, None) if named_rgb => ColourModel::Rgb,
            (false, None) => ColourModel::YCbCr,
        }
    }
}
