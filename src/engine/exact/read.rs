//! From an ONNX graph to a network of integers: every node is recognised and its range of values is
//! followed, or the graph is refused by the node that makes it something else.
//!
//! Taken are `ConvInteger` of bytes with constant weights, `Cast`, `Add`, `Sub`, `Mul`, `Div` and
//! `Clip` of 32-bit sums with constants, the sum of two sums, and at the end a `Cast` to `f32` with
//! a `Mul` by a power of two. Nothing may leave the range of its type for any input, no negative
//! number may be divided, and nothing may be rounded but by `Div`: what is taken has one result.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::kernel::{Conv, WEIGHTS, cost};
use super::network::{Layer, Network, Plane, Step, Target, Term};
use crate::model::onnx::{DataType, GraphProto, NodeProto, TensorProto};
use crate::model::{DType, Dim, TensorBuf, TensorData};

/// A node that is not taken, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) node: String,
    pub(super) operator: String,
    pub(super) reason: String,
}

/// Most channels of a tensor, and longest side of a kernel.
const CHANNELS: usize = 4096;
const SIDE: usize = 31;
/// Most nodes, and most weights with their padding.
const NODES: usize = 1024;
const COST: usize = 1 << 26;
/// Whole numbers up to here are exact in `f32`.
const REAL: i64 = 1 << 24;
/// Units of an output, each a power of two. Engines multiply one after the other, and with these
/// no product on the way leaves the normal numbers of `f32`.
const UNITS: RangeInclusive<f32> =
    f32::from_bits((127 - 100) << 23)..=f32::from_bits((127 + 100) << 23);

/// A 32-bit value: a sum, and the steps after it.
#[derive(Clone)]
struct Sum {
    terms: Vec<(Term, i64)>,
    bias: Vec<i64>,
    steps: Vec<Step>,
    /// Lowest and highest value of each channel.
    range: Vec<(i64, i64)>,
}

#[derive(Clone)]
enum Value {
    Plane(usize),
    Sum(Sum),
    Real(Sum, f32),
}

struct Reader<'a> {
    constants: HashMap<&'a str, &'a TensorProto>,
    values: HashMap<&'a str, Value>,
    network: Network,
    /// Lowest and highest sum of each output of each convolution.
    conv_ranges: Vec<Vec<(i64, i64)>>,
}

/// Reads `graph`, whose input is `1 x channels x h x w` bytes.
pub(super) fn read(graph: &GraphProto) -> Result<Network, Refusal> {
    let whole =
        |reason: String| Refusal { node: graph.name.clone(), operator: "graph".to_owned(), reason };
    let constants: HashMap<&str, &TensorProto> =
        graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
    if !graph.sparse_initializer.is_empty() {
        return Err(whole("it has sparse constants".to_owned()));
    }
    let mut inputs = graph.input.iter().filter(|i| !constants.contains_key(i.name.as_str()));
    let (Some(input), None) = (inputs.next(), inputs.next()) else {
        return Err(whole("it has not exactly one input".to_owned()));
    };
    let tensor = input.tensor_type();
    let dtype = tensor.and_then(|t| DataType(t.elem_type).dtype());
    let dims = tensor.and_then(|t| t.dims()).unwrap_or_default();
    let channels = match (dtype, dims.as_slice()) {
        (Some(DType::U8), [Dim::Fixed(1), Dim::Fixed(channels), _, _]) => *channels,
        _ => {
            return Err(whole(format!(
                "its input {:?} is not of shape 1 x channels x h x w of u8; integer models take \
                 bytes",
                input.name
            )));
        }
    };
    if !(1..=CHANNELS).contains(&channels) {
        return Err(whole(format!("its input has {channels} channels; 1 to {CHANNELS} are taken")));
    }
    if graph.node.len() > NODES {
        return Err(whole(format!("it has {} nodes; up to {NODES} are taken", graph.node.len())));
    }
    let mut reader = Reader {
        constants,
        values: [(input.name.as_str(), Value::Plane(0))].into(),
        network: Network { planes: vec![Plane { channels, border: 0 }], ..Network::default() },
        conv_ranges: Vec::new(),
    };
    for node in &graph.node {
        let refuse = |reason: String| Refusal {
            node: node.label().to_owned(),
            operator: node.operator(),
            reason,
        };
        let [output] = node.output.as_slice() else {
            return Err(refuse(format!("it has {} outputs", node.output.len())));
        };
        let value = reader.node(node).map_err(refuse)?;
        reader.values.insert(output, value);
        reader.network.nodes += 1;
    }
    for (at, output) in graph.output.iter().enumerate() {
        let Some(Value::Real(sum, unit)) = reader.values.get(output.name.as_str()).cloned() else {
            return Err(whole(format!("its output {:?} is no sum cast to f32", output.name)));
        };
        reader.layer(&sum, Target::Output(at, unit)).map_err(whole)?;
    }
    Ok(reader.network)
}

impl<'a> Reader<'a> {
    fn node(&mut self, node: &'a NodeProto) -> Result<Value, String> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err("operators of other domains are not taken".to_owned());
        }
        match node.op_type.as_str() {
            "ConvInteger" => self.conv(node),
            "Cast" => self.cast(node),
            "Identity" => self.value(node, 0),
            "Add" => self.add(node, 1),
            "Sub" => self.add(node, -1),
            "Mul" => self.multiply(node),
            "Div" => self.divide(node),
            "Clip" => self.clip(node),
            _ => Err("integer models consist of ConvInteger, Cast, Add, Sub, Mul, Div, Clip and \
                      Identity"
                .to_owned()),
        }
    }

    fn value(&self, node: &NodeProto, at: usize) -> Result<Value, String> {
        let name = node.input.get(at).map_or("", String::as_str);
        self.values.get(name).cloned().ok_or_else(|| {
            format!("its input {name:?} is a constant or missing; a computed value is expected")
        })
    }

    fn sum(&self, node: &NodeProto, at: usize) -> Result<Sum, String> {
        match self.value(node, at)? {
            Value::Sum(sum) => Ok(sum),
            Value::Plane(_) => Err("it computes with bytes; cast them to i32 first".to_owned()),
            Value::Real(..) => Err("it computes with real numbers".to_owned()),
        }
    }

    fn constant(&self, node: &NodeProto, at: usize) -> Result<Option<TensorBuf>, String> {
        let Some(name) = node.input.get(at).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let Some(tensor) = self.constants.get(name.as_str()) else { return Ok(None) };
        tensor.to_tensor().map(Some).map_err(|e| format!("constant {name:?}: {e}"))
    }

    /// One number, or one for each of `channels`.
    fn numbers(
        &self,
        node: &NodeProto,
        at: usize,
        channels: usize,
    ) -> Result<Option<Vec<i64>>, String> {
        let Some(tensor) = self.constant(node, at)? else { return Ok(None) };
        let TensorData::I32(values) = tensor.data() else {
            return Err(format!("its constant is {} where i32 is expected", tensor.dtype()));
        };
        let per_channel = matches!(tensor.shape(), [1, c, 1, 1] | [c, 1, 1] if *c == channels);
        match values.as_slice() {
            [one] => Ok(Some(vec![i64::from(*one); channels])),
            all if per_channel => Ok(Some(all.iter().map(|&v| i64::from(v)).collect())),
            _ => Err(format!(
                "its constant of shape {:?} is neither one number nor one a channel of {channels}",
                tensor.shape()
            )),
        }
    }

    fn one_number(&self, node: &NodeProto, at: usize, what: &str) -> Result<i64, String> {
        let none = || format!("its {what} is not one constant of i32");
        let numbers = self.numbers(node, at, 1)?.ok_or_else(none)?;
        numbers.first().copied().ok_or_else(none)
    }

    fn conv(&mut self, node: &NodeProto) -> Result<Value, String> {
        let Value::Plane(plane) = self.value(node, 0)? else {
            return Err("its input is not of bytes".to_owned());
        };
        let weights = self.constant(node, 1)?.ok_or("its weights are not constant")?;
        let (TensorData::I8(values), &[outputs, inputs, side, other]) =
            (weights.data(), weights.shape())
        else {
            return Err(format!(
                "its weights are {} of shape {:?}; i8 of four sides is expected",
                weights.dtype(),
                weights.shape()
            ));
        };
        for (at, name) in [(2, "x_zero_point"), (3, "w_zero_point")] {
            let absent = node.input.get(at).is_none_or(String::is_empty);
            let zero = || {
                Some(match self.constant(node, at).ok()??.data() {
                    TensorData::U8(v) => v.iter().all(|v| *v == 0),
                    TensorData::I8(v) => v.iter().all(|v| *v == 0),
                    _ => false,
                })
            };
            if !absent && zero() != Some(true) {
                return Err(format!("its {name} is not a constant 0"));
            }
        }
        let channels = self.network.planes.get(plane).map_or(0, |p| p.channels);
        if inputs != channels || !(1..=CHANNELS).contains(&outputs) {
            return Err(format!(
                "its weights of shape {:?} do not fit {channels} input channels, or have not 1 to \
                 {CHANNELS} outputs",
                weights.shape()
            ));
        }
        if side != other || side % 2 == 0 || side > SIDE {
            return Err(format!("its kernel is {side}x{other}; odd squares to {SIDE} are taken"));
        }
        let pads = node.attr_ints("pads").map_or(vec![0; 4], <[i64]>::to_vec);
        let ones = |name: &str| node.attr_ints(name).is_none_or(|v| v.iter().all(|v| *v == 1));
        let named = node.attr_str("auto_pad").is_some_and(|pad| pad != "NOTSET");
        if pads != [side as i64 / 2; 4] || named {
            return Err(format!("its pads are {pads:?}; {0} on each side is expected", side / 2));
        }
        if !ones("strides") || !ones("dilations") || node.attr_int("group").unwrap_or(1) != 1 {
            return Err("only stride, dilation and group 1 are taken".to_owned());
        }
        if let Some(weight) = values.iter().find(|w| !WEIGHTS.contains(w)) {
            return Err(format!(
                "its weight {weight} is outside {} to {}; some processors would saturate",
                WEIGHTS.start(),
                WEIGHTS.end()
            ));
        }
        let known: usize = self.network.convs.iter().map(|(_, conv)| conv.cost()).sum();
        if known + cost(outputs, inputs, side) > COST {
            return Err(format!("the model's padded weights are more than {COST}"));
        }
        let reach = |sign: i64| {
            move |weights: &[i8]| -> i64 {
                255 * weights.iter().map(|&w| (i64::from(w) * sign).max(0)).sum::<i64>()
            }
        };
        let per_output = values.chunks_exact(inputs * side * side);
        let range: Vec<(i64, i64)> = per_output.map(|w| (-reach(-1)(w), reach(1)(w))).collect();
        let number = self.network.convs.len();
        self.network.convs.push((plane, Conv::new(values, outputs, inputs, side)));
        if let Some(plane) = self.network.planes.get_mut(plane) {
            plane.border = plane.border.max(side / 2);
        }
        self.conv_ranges.push(range.clone());
        let terms = vec![(Term::Conv(number), 1)];
        whole(Sum { terms, bias: vec![0; outputs], steps: Vec::new(), range }).map(Value::Sum)
    }

    fn cast(&mut self, node: &NodeProto) -> Result<Value, String> {
        let to = node.attr_int("to").and_then(|to| i32::try_from(to).ok());
        let to = to.and_then(|to| DataType(to).dtype());
        match (self.value(node, 0)?, to) {
            (Value::Plane(plane), Some(DType::I32)) => {
                let channels = self.network.planes.get(plane).map_or(0, |p| p.channels);
                Ok(Value::Sum(Sum {
                    terms: vec![(Term::Plane(plane), 1)],
                    bias: vec![0; channels],
                    steps: Vec::new(),
                    range: vec![(0, 255); channels],
                }))
            }
            (Value::Sum(sum), Some(DType::U8)) => {
                within(&sum, 0, 255, "u8; clip it first")?;
                let plane = self.network.planes.len();
                self.layer(&sum, Target::Plane(plane))?;
                self.network.planes.push(Plane { channels: sum.bias.len(), border: 0 });
                Ok(Value::Plane(plane))
            }
            (Value::Sum(sum), Some(DType::F32)) => {
                within(&sum, -REAL, REAL, "what is exact in f32")?;
                Ok(Value::Real(sum, 1.0))
            }
            _ => Err("only bytes to i32, and i32 to u8 or f32, are cast".to_owned()),
        }
    }

    fn add(&self, node: &NodeProto, sign: i64) -> Result<Value, String> {
        // The constant may stand on either side of an addition.
        let (computed, other) = match self.constant(node, 0)? {
            Some(_) if sign > 0 => (1, 0),
            _ => (0, 1),
        };
        let mut sum = self.sum(node, computed)?;
        let channels = sum.bias.len();
        if let Some(numbers) = self.numbers(node, other, channels)? {
            let numbers: Vec<i64> = numbers.into_iter().map(|n| n * sign).collect();
            if sum.steps.is_empty() {
                sum.bias.iter_mut().zip(&numbers).for_each(|(bias, n)| *bias += n);
            } else {
                let first = numbers.first().copied().unwrap_or(0);
                if numbers.iter().any(|n| *n != first) {
                    return Err("after a division or clip, one number for all channels may be \
                                added"
                        .to_owned());
                }
                sum.steps.push(Step::Offset(i32::try_from(first).map_err(|e| e.to_string())?));
            }
            sum.range.iter_mut().zip(&numbers).for_each(|((low, high), n)| {
                *low += n;
                *high += n;
            });
            return whole(sum).map(Value::Sum);
        }
        let second = self.sum(node, other)?;
        if second.bias.len() != channels {
            return Err(format!("it adds {channels} and {} channels", second.bias.len()));
        }
        if !(sum.steps.is_empty() && second.steps.is_empty()) {
            return Err("two values are added of which one was divided or clipped".to_owned());
        }
        for (term, factor) in second.terms {
            match sum.terms.iter_mut().find(|(known, _)| *known == term) {
                Some((_, known)) => *known += factor * sign,
                None => sum.terms.push((term, factor * sign)),
            }
        }
        sum.bias.iter_mut().zip(&second.bias).for_each(|(bias, n)| *bias += n * sign);
        sum.range = self.range_of(&sum);
        whole(sum).map(Value::Sum)
    }

    /// The range of a sum without steps, from its parts.
    fn range_of(&self, sum: &Sum) -> Vec<(i64, i64)> {
        let mut range: Vec<(i64, i64)> = sum.bias.iter().map(|&b| (b, b)).collect();
        for &(term, factor) in &sum.terms {
            for (channel, (low, high)) in range.iter_mut().enumerate() {
                let own = match term {
                    Term::Plane(_) => Some(&(0, 255)),
                    Term::Conv(conv) => self.conv_ranges.get(conv).and_then(|r| r.get(channel)),
                };
                let (a, b) = own.map_or((0, 0), |(low, high)| {
                    (low.saturating_mul(factor), high.saturating_mul(factor))
                });
                *low = low.saturating_add(a.min(b));
                *high = high.saturating_add(a.max(b));
            }
        }
        range
    }

    fn multiply(&self, node: &NodeProto) -> Result<Value, String> {
        let (computed, other) = if self.constant(node, 0)?.is_some() { (1, 0) } else { (0, 1) };
        if let Value::Real(sum, unit) = self.value(node, computed)? {
            let constant = self.constant(node, other)?;
            let factor = match constant.as_ref().and_then(TensorBuf::as_f32) {
                Some([factor]) => *factor,
                _ => return Err("it multiplies by something else than one constant".to_owned()),
            };
            let unit = unit * factor;
            // A power of two has no bits behind its first one.
            if !unit.is_normal() || unit < 0.0 || unit.to_bits() & 0x007f_ffff != 0 {
                return Err(format!("{factor} is no power of two, so that the product is rounded"));
            }
            if !UNITS.contains(&unit) {
                return Err(format!(
                    "by {factor} its unit becomes {unit:e}; within 2^-100..=2^100 no product of \
                     another engine can overflow or be rounded"
                ));
            }
            return Ok(Value::Real(sum, unit));
        }
        let mut sum = self.sum(node, computed)?;
        let factor = self.one_number(node, other, "factor")?;
        if !sum.steps.is_empty() {
            return Err("it multiplies a value that was divided or clipped".to_owned());
        }
        sum.terms.iter_mut().for_each(|(_, known)| *known *= factor);
        sum.bias.iter_mut().for_each(|bias| *bias *= factor);
        sum.range = self.range_of(&sum);
        whole(sum).map(Value::Sum)
    }

    fn divide(&self, node: &NodeProto) -> Result<Value, String> {
        let mut sum = self.sum(node, 0)?;
        let divisor = self.one_number(node, 1, "divisor")?;
        if divisor < 1 || divisor.count_ones() != 1 {
            return Err(format!("its divisor {divisor} is no power of two"));
        }
        if let Some((low, _)) = sum.range.iter().find(|(low, _)| *low < 0) {
            return Err(format!(
                "its dividend can be {low}; division rounds negative numbers another way than a \
                 shift does, so clip it at 0 or add an offset before"
            ));
        }
        let shift = divisor.trailing_zeros();
        sum.steps.push(Step::Shift(shift));
        sum.range.iter_mut().for_each(|(low, high)| {
            *low >>= shift;
            *high >>= shift;
        });
        Ok(Value::Sum(sum))
    }

    fn clip(&self, node: &NodeProto) -> Result<Value, String> {
        let mut sum = self.sum(node, 0)?;
        let low = self.one_number(node, 1, "lower bound")?;
        let high = self.one_number(node, 2, "upper bound")?;
        if low > high {
            return Err(format!("its bounds are {low} and {high}"));
        }
        let narrow = |n: i64| i32::try_from(n).map_err(|e| e.to_string());
        sum.steps.push(Step::Clip(narrow(low)?, narrow(high)?));
        sum.range.iter_mut().for_each(|(a, b)| {
            *a = (*a).clamp(low, high);
            *b = (*b).clamp(low, high);
        });
        Ok(Value::Sum(sum))
    }

    fn layer(&mut self, sum: &Sum, target: Target) -> Result<(), String> {
        let narrow = |n: i64| i32::try_from(n).map_err(|_| format!("{n} is outside of i32"));
        let terms: Result<Vec<_>, String> =
            sum.terms.iter().map(|&(term, factor)| Ok((term, narrow(factor)?))).collect();
        let bias: Result<Vec<i32>, String> = sum.bias.iter().map(|&b| narrow(b)).collect();
        let steps = sum.steps.clone();
        self.network.layers.push(Layer { terms: terms?, bias: bias?, steps, target });
        Ok(())
    }
}

/// `sum` when it stays within 32 bits.
fn whole(sum: Sum) -> Result<Sum, String> {
    within(&sum, i64::from(i32::MIN), i64::from(i32::MAX), "i32")?;
    let wide = |n: &i64| i32::try_from(*n).is_err();
    if sum.bias.iter().any(wide) || sum.terms.iter().any(|(_, factor)| wide(factor)) {
        return Err("its constants together are outside of i32".to_owned());
    }
    Ok(sum)
}

fn within(sum: &Sum, low: i64, high: i64, what: &str) -> Result<(), String> {
    match sum.range.iter().enumerate().find(|(_, (a, b))| *a < low || *b > high) {
        Some((channel, (a, b))) => Err(format!(
            "channel {channel} can be {a} to {b}, which is outside {low} to {high} of {what}"
        )),
        None => Ok(()),
    }
}
