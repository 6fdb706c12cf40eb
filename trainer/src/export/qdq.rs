//! A `blend` network in 8-bit integers for accelerators: `QuantizeLinear` and `DequantizeLinear`
//! around the convolutions of the trunk.
//!
//! Symmetric, one scale a tensor, zero points 0: what TensorRT, ONNX Runtime and tract have in
//! common. The linear map stays in `f32`: it has a hundredth of the work, and logits need its bits.
//! Results depend on the engine in their last bits; streams need `export/integer.rs`.

use std::collections::BTreeMap;

use burn::tensor::Device;
use framecast::frame::{Rational, Size};
use framecast::model::onnx::{Attribute, GraphBuilder, ModelProto};
use framecast::model::{Contract, DType};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;
use framecast::vision::blend::{CANDIDATES, FEATURES, Observer};
use framecast::vision::motion::luma;

use super::blend::{INPUT, LOGITS, conv, planes};
use crate::TrainError;
use crate::data::features_tensor;
use crate::net::blend::{Blend, GATE, standard};
use crate::net::{Params, Shape};

/// How far values may differ from the network's own, relative to the largest logit of a frame.
pub const QDQ_TOLERANCE: f32 = 0.1;

/// Flights whose activations are looked at, their frames and size.
const SEEDS: std::ops::Range<u64> = 9_980..9_984;
const FRAMES: u64 = 12;
const SIZE: Size = Size::new(160, 96);
/// Room above the largest value seen.
const ROOM: f32 = 1.5;
/// Largest 8-bit number used; -128 is not, so that the range is symmetric.
const LARGEST: f32 = 127.0;

/// The largest absolute value of each tensor of the trunk over some demo flights.
pub(super) fn ranges(shape: &Shape, weights: &Params) -> Result<BTreeMap<String, f32>, TrainError> {
    let fail = |reason: String| TrainError::Export { name: shape.preset.to_string(), reason };
    let device = Device::flex();
    let (net, _) = Blend::new(shape, weights, &device)?;
    let mut ranges = BTreeMap::new();
    let (mut picture, mut plane) = (RgbImage::default(), Vec::new());
    for seed in SEEDS {
        let mut scene =
            Scene::new(seed, SIZE, Rational::whole(30)).map_err(|e| fail(e.to_string()))?;
        let mut observer = Observer::new();
        for frame in 0..FRAMES {
            scene.render(frame, &mut picture);
            luma(&picture, &mut plane);
            observer.observe(&plane, SIZE);
            let features = features_tensor(&[observer.features()], &device);
            net.observed(&features, &mut |name, tensor| {
                let largest = tensor.clone().abs().max().into_scalar::<f32>();
                let known = ranges.entry(name.to_owned()).or_insert(0.0f32);
                *known = known.max(largest);
            });
        }
    }
    Ok(ranges)
}

struct Writer<'a> {
    graph: GraphBuilder,
    weights: &'a Params,
    ranges: &'a BTreeMap<String, f32>,
}

/// A value that went through 8 bits, and its scale.
struct Coarse {
    name: String,
    scale: f32,
}

impl Writer<'_> {
    /// `x` through 8 bits, with the range that the tensor `name` was seen to have.
    fn seen(&mut self, x: &str, name: &str) -> Result<Coarse, String> {
        let largest = self.ranges.get(name).ok_or_else(|| format!("nothing is known of {name}"))?;
        let scale = (largest * ROOM).max(1e-6) / LARGEST;
        let unit = self.graph.constant(&format!("{name}.scale"), &[], vec![scale]);
        let zero = self.graph.constant("zero", &[], vec![0i8]);
        let bytes = self.graph.node("QuantizeLinear", &[x, &unit, &zero], &[]);
        let name = self.graph.node("DequantizeLinear", &[&bytes, &unit, &zero], &[]);
        Ok(Coarse { name, scale })
    }

    /// A convolution with 8-bit weights and a 32-bit bias in the unit of its sums.
    fn conv(&mut self, x: &Coarse, name: &str) -> Result<String, String> {
        let find = |part: &str| {
            let name = format!("{name}.{part}");
            self.weights.get(&name).ok_or_else(|| format!("it has no parameter {name}"))
        };
        let (weight, bias) = (find("weight")?, find("bias")?);
        let largest = weight.values.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
        let scale = largest / LARGEST;
        let rounded = |v: &f32, unit: f32| (f64::from(*v) / f64::from(unit)).round();
        let bytes: Vec<i8> = weight.values.iter().map(|v| rounded(v, scale) as i8).collect();
        let sums = x.scale * scale;
        let numbers: Vec<i32> = bias.values.iter().map(|v| rounded(v, sums) as i32).collect();
        let side = weight.shape.get(2).copied().unwrap_or(1) as i64;
        let (shape, outputs) = (weight.shape.clone(), bias.values.len());
        let kernel = {
            let bytes = self.graph.constant(&format!("{name}.weight"), &shape, bytes);
            let unit = self.graph.constant(&format!("{name}.weight.scale"), &[], vec![scale]);
            let zero = self.graph.constant("zero", &[], vec![0i8]);
            self.graph.node("DequantizeLinear", &[&bytes, &unit, &zero], &[])
        };
        let bias = {
            let numbers = self.graph.constant(&format!("{name}.bias"), &[outputs], numbers);
            let unit = self.graph.constant(&format!("{name}.bias.scale"), &[], vec![sums]);
            let zero = self.graph.constant("zero", &[], vec![0i32]);
            self.graph.node("DequantizeLinear", &[&numbers, &unit, &zero], &[])
        };
        let attributes: [(&str, Attribute); 3] = [
            ("kernel_shape", [side; 2].into()),
            ("pads", [side / 2; 4].into()),
            ("strides", [1_i64; 2].into()),
        ];
        Ok(self.graph.node("Conv", &[&x.name, &kernel, &bias], &attributes))
    }
}

/// Builds the model with `contract` (JSON) in its metadata.
pub(super) fn graph(
    name: &str,
    shape: &Shape,
    weights: &Params,
    ranges: &BTreeMap<String, f32>,
    contract: &str,
) -> Result<ModelProto, String> {
    let mut graph = GraphBuilder::new(name);
    graph.producer("framecast-train", env!("CARGO_PKG_VERSION"));
    graph.metadata(Contract::KEY, contract);
    let features = graph.input(INPUT, DType::F32, &planes(FEATURES));
    let prior = conv(&mut graph, weights, &features, GATE)?;
    let mut w = Writer { graph, weights, ranges };
    let (slope, offset) = standard();
    let slope = w.graph.constant("slope", &[1, FEATURES, 1, 1], slope);
    let offset = w.graph.constant("offset", &[1, FEATURES, 1, 1], offset);
    let scaled = w.graph.node("Mul", &[&features, &slope], &[]);
    let scaled = w.graph.node("Add", &[&scaled, &offset], &[]);
    let x = w.seen(&scaled, "features")?;
    let stem = w.conv(&x, "stem")?;
    let stem = w.graph.node("Relu", &[&stem], &[]);
    let mut x = w.seen(&stem, "stem")?;
    for block in 0..shape.blocks {
        let name = format!("block{block}");
        let change = w.conv(&x, &name)?;
        let change = w.seen(&change, &format!("{name}.change"))?;
        let sum = w.graph.node("Add", &[&change.name, &x.name], &[]);
        let sum = w.graph.node("Relu", &[&sum], &[]);
        x = w.seen(&sum, &name)?;
    }
    let head = w.conv(&x, "head")?;
    w.graph.node_named("Add", "", &[&prior, &head], &[LOGITS], &[]);
    w.graph.output(LOGITS, DType::F32, &planes(CANDIDATES));
    w.graph.finish()
}
