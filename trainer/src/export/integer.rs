//! The graph of an integer network: `ConvInteger` and 32-bit arithmetic, operator set 17.
//!
//! Every division is of a number that is not negative, since ONNX divides towards zero and a shift
//! rounds down; `docs/exact.md` has the arithmetic.

use framecast::model::onnx::{Attribute, DataType, GraphBuilder, ModelProto};
use framecast::model::{Contract, DType};
use framecast::vision::blend::{CANDIDATES, FEATURES};

use super::blend::{INPUT, LOGITS, planes};
use crate::net::integer::{HIGH, Integers, Kernel};
use crate::net::{Params, Shape};

struct Writer {
    graph: GraphBuilder,
}

impl Writer {
    fn number(&mut self, name: &str, value: i32) -> String {
        self.graph.constant(name, &[], vec![value])
    }

    fn with(&mut self, operator: &str, x: &str, name: &str, value: i32) -> String {
        let value = self.number(name, value);
        self.graph.node(operator, &[x, &value], &[])
    }

    fn cast(&mut self, x: &str, to: DType) -> String {
        let to = i64::from(DataType::from(to).0);
        self.graph.node("Cast", &[x], &[("to", to.into())])
    }

    fn conv(&mut self, x: &str, name: &str, shape: &[usize; 4], weights: Vec<i8>) -> String {
        let weights = self.graph.constant(&format!("{name}.weight"), shape, weights);
        let side = shape[2] as i64;
        let attributes: [(&str, Attribute); 3] = [
            ("kernel_shape", [side; 2].into()),
            ("pads", [side / 2; 4].into()),
            ("strides", [1_i64; 2].into()),
        ];
        self.graph.node("ConvInteger", &[x, &weights], &attributes)
    }

    fn kernel(&mut self, x: &str, name: &str, kernel: &Kernel) -> String {
        self.conv(x, name, &kernel.shape, kernel.weights.clone())
    }

    /// Adds `bias` and half of what the sum is to be divided by, and `more`.
    fn biased(&mut self, sum: &str, name: &str, bias: &[i32], shift: u32, more: i32) -> String {
        let bias = bias.iter().map(|b| b + (1 << (shift - 1)) + more).collect::<Vec<i32>>();
        let bias = self.graph.constant(&format!("{name}.bias"), &[1, bias.len(), 1, 1], bias);
        self.graph.node("Add", &[sum, &bias], &[])
    }

    /// The bytes of a layer's sums.
    fn bytes(&mut self, sum: &str, name: &str, kernel: &Kernel) -> String {
        let sum = self.biased(sum, name, &kernel.bias, kernel.shift, 0);
        let low = self.number("lowest", 0);
        let high = self.number(&format!("{name}.highest"), (256 << kernel.shift) - 1);
        let sum = self.graph.node("Clip", &[&sum, &low, &high], &[]);
        let sum = self.with("Div", &sum, &format!("{name}.divisor"), 1 << kernel.shift);
        self.cast(&sum, DType::U8)
    }
}

/// Builds the model with `contract` (JSON) in its metadata.
pub(super) fn graph(
    name: &str,
    shape: &Shape,
    weights: &Params,
    contract: &str,
) -> Result<ModelProto, String> {
    let integers = Integers::of(shape, weights)?;
    let mut graph = GraphBuilder::new(name);
    graph.producer("framecast-train", env!("CARGO_PKG_VERSION"));
    graph.metadata(Contract::KEY, contract);
    let features = graph.input(INPUT, DType::U8, &planes(FEATURES));
    let mut w = Writer { graph };

    let sum = w.kernel(&features, "stem", &integers.stem);
    let mut x = w.bytes(&sum, "stem", &integers.stem);
    for (number, kernel) in integers.blocks.iter().enumerate() {
        let name = format!("block{number}");
        let sum = w.kernel(&x, &name, kernel);
        let kept = w.cast(&x, DType::I32);
        let kept = w.with("Mul", &kept, &format!("{name}.one"), 1 << kernel.shift);
        let sum = w.graph.node("Add", &[&sum, &kept], &[]);
        x = w.bytes(&sum, &name, kernel);
    }

    let size = [CANDIDATES, FEATURES, 1, 1];
    let [high, low] = integers.prior_parts();
    let high = w.conv(&features, "prior.high", &size, high);
    let high = w.with("Mul", &high, "prior.unit", HIGH);
    let low = w.conv(&features, "prior.low", &size, low);
    let prior = w.graph.node("Add", &[&high, &low], &[]);
    let head = w.kernel(&x, "head", &integers.head);
    let [prior, head] = [(prior, 0), (head, 1)].map(|(sum, at)| match integers.factors[at] {
        1 => sum,
        factor => w.with("Mul", &sum, "factor", factor),
    });
    let sum = w.graph.node("Add", &[&prior, &head], &[]);
    // Sums are below 2^24, so that this one is positive.
    let shift = integers.shift;
    let sum = w.biased(&sum, "logits", &integers.bias, shift, 1 << 25);
    let sum = w.with("Div", &sum, "logits.divisor", 1 << shift);
    let sum = w.with("Sub", &sum, "logits.offset", 1 << (25 - shift));
    let real = w.cast(&sum, DType::F32);
    let unit = w.graph.constant("logits.unit", &[], vec![1.0_f32 / 64.0]);
    w.graph.node_named("Mul", "", &[&real, &unit], &[LOGITS], &[]);
    w.graph.output(LOGITS, DType::F32, &planes(CANDIDATES));
    w.graph.finish()
}
