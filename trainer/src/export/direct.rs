//! The graph of a `direct` network: operator set 17, and only operators every engine has.

use framecast::model::onnx::{Attribute, GraphBuilder, ModelProto};
use framecast::model::{Contract, DType, Dim};

use crate::net::direct::{
    DIFFERENCE_GAIN, FILTERS, MULTIPLE_OF, PATCH, TEMPORAL_BOUNDS, filter_bank,
};
use crate::net::{Params, Shape};

/// Names of the graph's inputs and outputs.
pub(super) const FRAME: &str = "frame";
pub(super) const PREDICTION: &str = "prediction";
/// State inputs and outputs.
pub(super) const LAST: [&str; 2] = ["last_frame", "last_frame_next"];
pub(super) const EXPECTED: [&str; 2] = ["expected_frame", "expected_frame_next"];
pub(super) const MEMORY: [&str; 2] = ["memory", "memory_next"];

/// Shape of a picture with `channels` channels.
pub(super) fn picture(channels: usize) -> [Dim; 4] {
    [1.into(), channels.into(), "H".into(), "W".into()]
}

struct Writer<'a> {
    graph: GraphBuilder,
    weights: &'a Params,
    missing: Vec<String>,
}

impl Writer<'_> {
    fn constant(&mut self, name: &str) -> String {
        match self.weights.get(name) {
            Some(p) => self.graph.constant(name, &p.shape, p.values.clone()),
            None => {
                self.missing.push(name.to_owned());
                String::new()
            }
        }
    }

    fn conv(&mut self, x: &str, name: &str, stride: usize) -> String {
        let kernel = self.constant(&format!("{name}.weight"));
        let bias = self.constant(&format!("{name}.bias"));
        let side = self.weights.get(&format!("{name}.weight")).map_or(1, |p| p.shape[2]);
        self.conv_with(x, &[&kernel, &bias], side, stride)
    }

    fn conv_with(&mut self, x: &str, weights: &[&str], side: usize, stride: usize) -> String {
        let pad = if stride == 1 { side as i64 / 2 } else { 0 };
        let mut inputs = vec![x];
        inputs.extend(weights);
        let attributes: [(&str, Attribute); 3] = [
            ("kernel_shape", [side as i64; 2].into()),
            ("pads", [pad; 4].into()),
            ("strides", [stride as i64; 2].into()),
        ];
        self.graph.node("Conv", &inputs, &attributes)
    }

    fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.graph.node(operator, inputs, &[])
    }

    fn depth_to_space(&mut self, x: &str, block: usize) -> String {
        let attributes = [("blocksize", (block as i64).into()), ("mode", "CRD".into())];
        self.graph.node("DepthToSpace", &[x], &attributes)
    }

    fn clip(&mut self, x: &str, low: f32, high: f32) -> String {
        let low = self.graph.constant("low", &[], vec![low]);
        let high = self.graph.constant("high", &[], vec![high]);
        self.op("Clip", &[x, &low, &high])
    }

    fn swap_batch_and_colour(&mut self, x: &str) -> String {
        self.graph.node("Transpose", &[x], &[("perm", [1i64, 0, 2, 3].into())])
    }
}

/// Builds the model with `contract` (JSON) in its metadata.
pub(super) fn graph(
    name: &str,
    shape: &Shape,
    weights: &Params,
    contract: &str,
) -> Result<ModelProto, String> {
    let mut graph = GraphBuilder::new(name);
    graph.producer("framecast-train", env!("CARGO_PKG_VERSION"));
    graph.metadata(Contract::KEY, contract);
    let frame = graph.input(FRAME, DType::F32, &picture(3));
    let last = graph.input(LAST[0], DType::F32, &picture(3));
    let expected = graph.input(EXPECTED[0], DType::F32, &picture(3));
    let memory = graph.input(MEMORY[0], DType::F32, &picture(1));
    let mut w = Writer { graph, weights, missing: Vec::new() };

    let seen = w.graph.node("Concat", &[&frame, &last, &expected], &[("axis", 1i64.into())]);
    let (kernel, bias) = folded_stem(weights).ok_or("it has no stem")?;
    let kernel = w.graph.constant("stem.weight", &[shape.fine, 9, PATCH, PATCH], kernel);
    let bias = w.graph.constant("stem.bias", &[shape.fine], bias);
    let stem = w.conv_with(&seen, &[&kernel, &bias], PATCH, PATCH);
    let fine = w.op("Relu", &[&stem]);

    let down = w.conv(&fine, "down", 2);
    let recalled = w.conv(&memory, "recall", MULTIPLE_OF);
    let coarse = w.op("Add", &[&down, &recalled]);
    let mut coarse = w.op("Relu", &[&coarse]);
    for block in 0..shape.blocks {
        let change = w.conv(&coarse, &format!("block{block}"), 1);
        let sum = w.op("Add", &[&change, &coarse]);
        coarse = w.op("Relu", &[&sum]);
    }

    let gate = w.conv(&coarse, "gate", 1);
    let bounds = [("alpha", 0.2f32.into()), ("beta", 0.5f32.into())];
    let gate = w.graph.node("HardSigmoid", &[&gate], &bounds);
    let gate = w.depth_to_space(&gate, MULTIPLE_OF);
    let write = w.conv(&coarse, "write", 1);
    let write = w.clip(&write, -1.0, 1.0);
    let write = w.depth_to_space(&write, MULTIPLE_OF);
    let change = w.op("Sub", &[&write, &memory]);
    let change = w.op("Mul", &[&gate, &change]);
    w.graph.node_named("Add", "", &[&memory, &change], &[MEMORY[1]], &[]);

    let up = w.conv(&coarse, "up", 1);
    let up = w.depth_to_space(&up, 2);
    let sum = w.op("Add", &[&fine, &up]);
    let sum = w.op("Relu", &[&sum]);
    let mixed = w.conv(&sum, "mix", 1);
    let mixed = w.op("Relu", &[&mixed]);
    let head = w.conv(&mixed, "head", 1);
    let controls = w.depth_to_space(&head, PATCH);
    let names = ["residual", "temporal", "gates"].map(|n| w.graph.fresh(n));
    let [residual, temporal, gates] = names.each_ref().map(String::as_str);
    let sizes = w.graph.constant("sizes", &[3], vec![3i64, 1, FILTERS as i64]);
    let axis = [("axis", 1i64.into())];
    w.graph.node_named("Split", "", &[&controls, &sizes], &[residual, temporal, gates], &axis);

    let temporal = w.clip(temporal, TEMPORAL_BOUNDS.0, TEMPORAL_BOUNDS.1);
    let surprise = w.op("Sub", &[&expected, &frame]);
    let change = w.op("Mul", &[&temporal, &surprise]);
    let steady = w.op("Add", &[&frame, &change]);

    // The three colours pass through the same filters: as three pictures of one channel.
    let single = w.swap_batch_and_colour(&steady);
    let bank = w.graph.constant("bank", &[FILTERS, 1, 5, 5], filter_bank());
    let bank = w.conv_with(&single, &[&bank], 5, 1);
    let weighted = w.op("Mul", &[&bank, gates]);
    let axes = w.graph.constant("axes", &[1], vec![1i64]);
    let filtered = w.graph.node("ReduceSum", &[&weighted, &axes], &[("keepdims", 1i64.into())]);
    let filtered = w.swap_batch_and_colour(&filtered);
    let sum = w.op("Add", &[&steady, &filtered]);
    let sum = w.op("Add", &[&sum, residual]);
    let (low, high) =
        (w.graph.constant("low", &[], vec![0.0f32]), w.graph.constant("high", &[], vec![1.0f32]));
    w.graph.node_named("Clip", "", &[&sum, &low, &high], &[PREDICTION], &[]);

    w.graph.output(PREDICTION, DType::F32, &picture(3));
    w.graph.output_as(&frame, LAST[1], DType::F32, &picture(3));
    w.graph.output_as(PREDICTION, EXPECTED[1], DType::F32, &picture(3));
    w.graph.output(MEMORY[1], DType::F32, &picture(1));
    if !w.missing.is_empty() {
        return Err(format!("it has no parameters {}", w.missing.join(", ")));
    }
    w.graph.finish()
}

/// The stem's kernel and bias for plain frames: the network's own are for the frame less 0.5 and
/// for amplified differences, which is the same linear map.
fn folded_stem(weights: &Params) -> Option<(Vec<f32>, Vec<f32>)> {
    let kernel = &weights.get("stem.weight")?.values;
    let mut bias = weights.get("stem.bias")?.values.clone();
    let third = 3 * PATCH * PATCH;
    let mut folded = Vec::with_capacity(kernel.len());
    for (output, bias) in kernel.chunks_exact(third * 3).zip(&mut bias) {
        let (plain, rest) = output.split_at(third);
        let (change, surprise) = rest.split_at(third);
        let both = plain.iter().zip(change).zip(surprise);
        folded.extend(both.map(|((p, c), s)| p + DIFFERENCE_GAIN * (c + s)));
        folded.extend(change.iter().map(|c| -DIFFERENCE_GAIN * c));
        folded.extend(surprise.iter().map(|s| -DIFFERENCE_GAIN * s));
        *bias -= 0.5 * plain.iter().sum::<f32>();
    }
    Some((folded, bias))
}
