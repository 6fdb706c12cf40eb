//! The graph of a `blend` network: operator set 17, convolutions at one value a block.

use framecast::model::onnx::{Attribute, GraphBuilder, ModelProto};
use framecast::model::{Contract, DType, Dim};
use framecast::vision::blend::{CANDIDATES, FEATURES};

use crate::net::blend::{GATE, standard};
use crate::net::{Params, Shape};

/// Names of the graph's input and output.
pub(super) const INPUT: &str = "features";
pub(super) const LOGITS: &str = "logits";

/// Shape of `channels` planes of blocks.
pub(super) fn planes(channels: usize) -> [Dim; 4] {
    [1.into(), channels.into(), "h".into(), "w".into()]
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
    let features = graph.input(INPUT, DType::F32, &planes(FEATURES));
    let prior = conv(&mut graph, weights, &features, GATE)?;
    let (slope, offset) = standard();
    let slope = graph.constant("slope", &[1, FEATURES, 1, 1], slope);
    let offset = graph.constant("offset", &[1, FEATURES, 1, 1], offset);
    let scaled = graph.node("Mul", &[&features, &slope], &[]);
    let scaled = graph.node("Add", &[&scaled, &offset], &[]);
    let stem = conv(&mut graph, weights, &scaled, "stem")?;
    let mut x = graph.node("Relu", &[&stem], &[]);
    for block in 0..shape.blocks {
        let change = conv(&mut graph, weights, &x, &format!("block{block}"))?;
        let sum = graph.node("Add", &[&change, &x], &[]);
        x = graph.node("Relu", &[&sum], &[]);
    }
    let head = conv(&mut graph, weights, &x, "head")?;
    graph.node_named("Add", "", &[&prior, &head], &[LOGITS], &[]);
    graph.output(LOGITS, DType::F32, &planes(CANDIDATES));
    graph.finish()
}

/// The convolution `name` of `x`.
pub(super) fn conv(
    graph: &mut GraphBuilder,
    weights: &Params,
    x: &str,
    name: &str,
) -> Result<String, String> {
    let mut constant = |part: &str| {
        let name = format!("{name}.{part}");
        let p = weights.get(&name).ok_or_else(|| format!("it has no parameter {name}"))?;
        let side = p.shape.get(2).copied().unwrap_or(1);
        Ok::<_, String>((graph.constant(&name, &p.shape, p.values.clone()), side))
    };
    let (kernel, side) = constant("weight")?;
    let (bias, _) = constant("bias")?;
    let attributes: [(&str, Attribute); 3] = [
        ("kernel_shape", [side as i64; 2].into()),
        ("pads", [side as i64 / 2; 4].into()),
        ("strides", [1_i64; 2].into()),
    ];
    Ok(graph.node("Conv", &[x, &kernel, &bias], &attributes))
}
