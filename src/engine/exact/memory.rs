//! The memory of a network for one size of input, and a run in it. All of it is allocated at load.

use super::kernel::{Window, padded_input, padded_output};
use super::network::{Layer, Network, Plane, Step, Target, Term};
use crate::model::TensorBuf;

/// Most memory (planes, outputs and sums of a line) and most multiply-accumulates of a run.
const BYTES: u128 = 1 << 30;
const MACS: u128 = 1 << 40;

/// A plane of bytes: `height + 2 border` lines of `width + 2 border` pixels of `pixel` bytes. The
/// border and the bytes that pad a pixel are zero.
#[derive(Debug)]
struct Bytes {
    data: Vec<u8>,
    channels: usize,
    pixel: usize,
    border: usize,
    stride: usize,
}

impl Bytes {
    fn new(plane: &Plane, width: usize, height: usize) -> Self {
        let (channels, border) = (plane.channels, plane.border);
        let pixel = padded_input(channels);
        let stride = (width + 2 * border) * pixel;
        Self { data: vec![0; stride * (height + 2 * border)], channels, pixel, border, stride }
    }

    /// The pixels of a line, without the border.
    fn line(&self, y: usize, width: usize) -> &[u8] {
        let from = (y + self.border) * self.stride + self.border * self.pixel;
        self.data.get(from..from + width * self.pixel).unwrap_or_default()
    }

    fn line_mut(&mut self, y: usize, width: usize) -> &mut [u8] {
        let from = (y + self.border) * self.stride + self.border * self.pixel;
        self.data.get_mut(from..from + width * self.pixel).unwrap_or_default()
    }

    /// What a kernel of `side` sees for line `y`.
    fn window(&self, y: usize, side: usize) -> Window<'_> {
        let inset = self.border - (side / 2).min(self.border);
        let from = (y + inset) * self.stride + inset * self.pixel;
        Window { bytes: self.data.get(from..).unwrap_or_default(), stride: self.stride }
    }
}

/// A network with its memory.
#[derive(Debug)]
pub(super) struct Memory {
    network: Network,
    width: usize,
    height: usize,
    planes: Vec<Bytes>,
    /// Sums of one line, and those of one term of it.
    sums: Vec<i32>,
    part: Vec<i32>,
}

impl Memory {
    /// Room for inputs of `width` by `height`.
    pub(super) fn new(network: Network, width: usize, height: usize) -> Result<Self, String> {
        let wide = |n: usize| n as u128;
        let pixels = wide(width) * wide(height);
        let plane = |p: &Plane| {
            (wide(width) + 2 * wide(p.border))
                * (wide(height) + 2 * wide(p.border))
                * wide(padded_input(p.channels))
        };
        let most = network.layers.iter().map(|l| padded_output(l.bias.len())).max().unwrap_or(0);
        let lines = wide(width) * wide(most);
        let output = |layer: &Layer| match layer.target {
            Target::Output(..) => 4 * pixels * wide(layer.bias.len()),
            Target::Plane(_) => 0,
        };
        let bytes = network.planes.iter().map(plane).sum::<u128>()
            + network.layers.iter().map(output).sum::<u128>()
            + 8 * lines;
        if bytes > BYTES {
            return Err(format!(
                "inputs of {width}x{height} need {bytes} bytes; {BYTES} is the limit"
            ));
        }
        let per_pixel = |layer: &Layer| -> u128 {
            let conv = |(term, _): &(Term, i32)| match term {
                Term::Conv(at) => network.convs.get(*at).map_or(0, |(_, c)| wide(c.cost())),
                Term::Plane(_) => wide(layer.bias.len()),
            };
            layer.terms.iter().map(conv).sum()
        };
        let macs = pixels * network.layers.iter().map(per_pixel).sum::<u128>();
        if macs > MACS {
            return Err(format!(
                "inputs of {width}x{height} need {macs} multiply-accumulates; {MACS} is the limit"
            ));
        }
        let planes = network.planes.iter().map(|p| Bytes::new(p, width, height)).collect();
        let line = vec![0; width * most];
        Ok(Self { network, width, height, planes, part: line.clone(), sums: line })
    }

    /// Runs the network over `input`, channels outermost, into the graph's outputs.
    pub(super) fn run(&mut self, input: &[u8], output: &mut dyn FnMut(usize, Line<'_>)) {
        let (width, height) = (self.width, self.height);
        if let Some(first) = self.planes.first_mut() {
            for y in 0..height {
                let (channels, pixel) = (first.channels, first.pixel);
                let line = first.line_mut(y, width);
                for channel in 0..channels {
                    let from = (channel * height + y) * width;
                    let values = input.get(from..from + width).unwrap_or_default();
                    for (to, &value) in line.chunks_exact_mut(pixel).zip(values) {
                        to[channel] = value;
                    }
                }
            }
        }
        for layer in &self.network.layers {
            let channels = layer.bias.len();
            let pixel = padded_output(channels);
            let (sums, part) = (&mut self.sums, &mut self.part);
            let sums = sums.get_mut(..width * pixel).unwrap_or_default();
            let part = part.get_mut(..width * pixel).unwrap_or_default();
            for y in 0..height {
                for sums in sums.chunks_exact_mut(pixel) {
                    let (own, rest) = sums.split_at_mut(channels);
                    own.copy_from_slice(&layer.bias);
                    rest.fill(0);
                }
                for &(term, factor) in &layer.terms {
                    match term {
                        Term::Conv(at) => {
                            let Some((plane, conv)) = self.network.convs.get(at) else { continue };
                            let Some(plane) = self.planes.get(*plane) else { continue };
                            let window = plane.window(y, conv.side);
                            if factor == 1 {
                                conv.add_line(window, sums);
                            } else {
                                part.fill(0);
                                conv.add_line(window, part);
                                add_scaled(sums, part, factor);
                            }
                        }
                        Term::Plane(at) => {
                            let Some(plane) = self.planes.get(at) else { continue };
                            let bytes = plane.line(y, width).chunks_exact(plane.pixel);
                            for (sums, bytes) in sums.chunks_exact_mut(pixel).zip(bytes) {
                                add_bytes(sums, bytes, factor);
                            }
                        }
                    }
                }
                for &step in &layer.steps {
                    apply(step, sums);
                }
                match layer.target {
                    Target::Plane(at) => {
                        let Some(plane) = self.planes.get_mut(at) else { continue };
                        let bytes = plane.pixel;
                        let line = plane.line_mut(y, width).chunks_exact_mut(bytes);
                        for (to, sums) in line.zip(sums.chunks_exact(pixel)) {
                            for (to, &sum) in to.iter_mut().zip(&sums[..channels]) {
                                // In 0..=255, by the ranges that were followed.
                                *to = sum as u8;
                            }
                        }
                    }
                    Target::Output(at, unit) => {
                        output(at, Line { y, pixel, channels, sums, unit });
                    }
                }
            }
        }
    }

    /// Nodes of the graph.
    pub(super) const fn nodes(&self) -> usize {
        self.network.nodes
    }

    /// Shape of the output of this number.
    pub(super) fn shape(&self, number: usize) -> [usize; 4] {
        let made = |l: &&Layer| matches!(l.target, Target::Output(at, _) if at == number);
        let channels = self.network.layers.iter().find(made).map_or(0, |l| l.bias.len());
        [1, channels, self.height, self.width]
    }
}

/// One line of an output.
pub(super) struct Line<'a> {
    y: usize,
    pixel: usize,
    channels: usize,
    sums: &'a [i32],
    unit: f32,
}

impl Line<'_> {
    /// Writes the line into a tensor of the output's shape.
    pub(super) fn write(&self, to: &mut TensorBuf) {
        let width = self.sums.len() / self.pixel;
        let height = to.shape().get(2).copied().unwrap_or(0);
        let Some(values) = to.as_f32_mut() else { return };
        for channel in 0..self.channels {
            let from = (channel * height + self.y) * width;
            let line = values.get_mut(from..from + width).unwrap_or_default();
            for (to, sums) in line.iter_mut().zip(self.sums.chunks_exact(self.pixel)) {
                // Exact: at most 24 bits, and the unit is a power of two.
                *to = sums[channel] as f32 * self.unit;
            }
        }
    }
}

fn add_scaled(sums: &mut [i32], part: &[i32], factor: i32) {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum = sum.wrapping_add(part.wrapping_mul(factor));
    }
}

fn add_bytes(sums: &mut [i32], bytes: &[u8], factor: i32) {
    for (sum, &byte) in sums.iter_mut().zip(bytes) {
        *sum = sum.wrapping_add(i32::from(byte).wrapping_mul(factor));
    }
}

fn apply(step: Step, sums: &mut [i32]) {
    match step {
        Step::Clip(low, high) => sums.iter_mut().for_each(|v| *v = (*v).max(low).min(high)),
        Step::Shift(n) => sums.iter_mut().for_each(|v| *v >>= n),
        Step::Offset(n) => sums.iter_mut().for_each(|v| *v = v.wrapping_add(n)),
    }
}
