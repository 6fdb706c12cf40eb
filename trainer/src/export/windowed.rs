//! The graph of a network that sees a window of frames: operator set 17, H and W open.

use framecast::model::onnx::{Attribute, GraphBuilder, ModelProto};
use framecast::model::{Contract, DType, Dim};

use super::direct::PREDICTION;
use crate::forecast::CLIP;
use crate::net::base::{CONTROLS, Sizes};
use crate::net::standard::{EPSILON, STANDARD, folded};
use crate::net::{Params, Standard};

/// Name of the graph's input.
pub(super) const WINDOW: &str = "window";

/// Shape of `frames` pictures stacked as channels.
pub(super) fn stacked(frames: usize) -> [Dim; 4] {
    [1.into(), (3 * frames).into(), "H".into(), "W".into()]
}

struct Writer<'a> {
    graph: GraphBuilder,
    weights: &'a Params,
}

impl Writer<'_> {
    fn conv(
        &mut self,
        x: &str,
        name: &str,
        stride: usize,
        groups: usize,
    ) -> Result<String, String> {
        let mut part = |part: &str| {
            let name = format!("{name}.{part}");
            let p = self.weights.get(&name).ok_or_else(|| format!("it has no parameter {name}"))?;
            let side = p.shape.get(2).copied().unwrap_or(1);
            Ok::<_, String>((self.graph.constant(&name, &p.shape, p.values.clone()), side))
        };
        let (kernel, side) = part("weight")?;
        let (bias, _) = part("bias")?;
        let pad = if side.is_multiple_of(2) { 0 } else { side as i64 / 2 };
        let attributes: [(&str, Attribute); 4] = [
            ("kernel_shape", [side as i64; 2].into()),
            ("pads", [pad; 4].into()),
            ("strides", [stride as i64; 2].into()),
            ("group", (groups as i64).into()),
        ];
        Ok(self.graph.node("Conv", &[x, &kernel, &bias], &attributes))
    }

    /// The first layer, with the map of the colours folded into it.
    fn first(&mut self, x: &str) -> Result<String, String> {
        let Some(map) = self.weights.get(STANDARD) else { return self.conv(x, "encode1", 2, 1) };
        let parts = [self.weights.get("encode1.weight"), self.weights.get("encode1.bias")];
        let [Some(kernel), Some(bias)] = parts else {
            return Err("it has no first layer".to_owned());
        };
        let (values, added) = folded(&map.values, &kernel.values, &bias.values);
        let weight = self.graph.constant("encode1.weight", &kernel.shape, values);
        let offset = self.graph.constant("encode1.bias", &bias.shape, added);
        let attributes: [(&str, Attribute); 3] = [
            ("kernel_shape", [2i64; 2].into()),
            ("pads", [0i64; 4].into()),
            ("strides", [2i64; 2].into()),
        ];
        Ok(self.graph.node("Conv", &[x, &weight, &offset], &attributes))
    }

    /// The window less its mean, divided by its deviation, as `rule` says.
    fn samplewise(&mut self, x: &str, rule: &Standard) -> String {
        if !rule.is_samplewise() {
            return x.to_owned();
        }
        let mean = self.mean(x);
        let centred = self.op("Sub", &[x, &mean]);
        let x = if rule.sample_center { centred.clone() } else { x.to_owned() };
        if !rule.sample_deviation {
            return x;
        }
        let square = self.op("Mul", &[&centred, &centred]);
        let variance = self.mean(&square);
        let deviation = self.op("Sqrt", &[&variance]);
        let epsilon = self.graph.constant("epsilon", &[], vec![EPSILON]);
        let deviation = self.op("Add", &[&deviation, &epsilon]);
        self.op("Div", &[&x, &deviation])
    }

    fn mean(&mut self, x: &str) -> String {
        let attributes = [("axes", [1i64, 2, 3].into()), ("keepdims", 1i64.into())];
        self.graph.node("ReduceMean", &[x], &attributes)
    }

    fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.graph.node(operator, inputs, &[])
    }

    /// Another number of pictures and channels with the same sides.
    fn reshape(&mut self, x: &str, pictures: usize, channels: usize) -> String {
        let shape = vec![pictures as i64, channels as i64, 0, 0];
        let shape = self.graph.constant("shape", &[4], shape);
        self.op("Reshape", &[x, &shape])
    }

    /// Doubles both sides.
    fn grown(&mut self, x: &str) -> String {
        let attributes = [("blocksize", 2i64.into()), ("mode", "CRD".into())];
        self.graph.node("DepthToSpace", &[x], &attributes)
    }

    /// Part of `x` along its first or second axis.
    fn slice(&mut self, x: &str, axis: i64, from: usize, to: usize) -> String {
        let mut bound = |name, value| self.graph.constant(name, &[1], vec![value]);
        let (from, to) = (bound("from", from as i64), bound("to", to as i64));
        let axis = bound("axis", axis);
        self.op("Slice", &[x, &from, &to, &axis])
    }
}

/// Builds the model with `contract` (JSON) in its metadata.
pub(super) fn graph(
    name: &str,
    sizes: &Sizes,
    standard: &Standard,
    weights: &Params,
    contract: &str,
) -> Result<ModelProto, String> {
    let Sizes { window: seen, ahead, space, time, blocks, .. } = *sizes;
    let mut graph = GraphBuilder::new(name);
    graph.producer("framecast-train", env!("CARGO_PKG_VERSION"));
    graph.metadata(Contract::KEY, contract);
    let window = graph.input(WINDOW, DType::F32, &stacked(seen));
    let mut w = Writer { graph, weights };

    let scaled = w.samplewise(&window, standard);
    let frames = w.reshape(&scaled, seen, 3);
    let half = w.first(&frames)?;
    let half = w.op("Relu", &[&half]);
    let quarter = w.conv(&half, "encode2", 2, 1)?;
    let quarter = w.op("Relu", &[&quarter]);
    let skip = w.slice(&half, 0, seen - 1, seen);
    let stacked_channels = w.reshape(&quarter, 1, seen * space);
    let mut x = w.conv(&stacked_channels, "gather", 1, 1)?;
    for block in 0..blocks {
        let change = w.conv(&x, &format!("block{block}.depth"), 1, time)?;
        let change = w.conv(&change, &format!("block{block}.widen"), 1, 1)?;
        let change = w.op("Relu", &[&change]);
        let change = w.conv(&change, &format!("block{block}.narrow"), 1, 1)?;
        x = w.op("Add", &[&x, &change]);
    }
    let spread = w.conv(&x, "spread", 1, 1)?;
    let each = w.reshape(&spread, ahead, space);
    let up = w.conv(&each, "up", 1, 1)?;
    let up = w.grown(&up);
    // The skip of the newest frame is one picture, added to all coming ones.
    let sum = w.op("Add", &[&up, &skip]);
    let sum = w.op("Relu", &[&sum]);
    let mixed = w.conv(&sum, "mix", 1, 1)?;
    let mixed = w.op("Relu", &[&mixed]);
    let head = w.conv(&mixed, "head", 1, 1)?;
    let controls = w.grown(&head);
    let content = w.slice(&controls, 1, 0, 3);
    let gate = w.slice(&controls, 1, 3, CONTROLS);
    let last = w.slice(&window, 1, 3 * (seen - 1), 3 * seen);
    let gone = w.op("Mul", &[&gate, &last]);
    let kept = w.op("Sub", &[&last, &gone]);
    let sum = w.op("Add", &[&kept, &content]);
    let low = w.graph.constant("low", &[], vec![0.0f32]);
    let high = w.graph.constant("high", &[], vec![1.0f32]);
    let clamped = w.op("Clip", &[&sum, &low, &high]);
    if ahead == 1 {
        w.graph.output_as(&clamped, PREDICTION, DType::F32, &stacked(1));
    } else {
        let next = w.slice(&clamped, 0, 0, 1);
        let clip = w.reshape(&clamped, 1, 3 * ahead);
        w.graph.output_as(&next, PREDICTION, DType::F32, &stacked(1));
        w.graph.output_as(&clip, CLIP, DType::F32, &stacked(ahead));
    }
    w.graph.finish()
}
