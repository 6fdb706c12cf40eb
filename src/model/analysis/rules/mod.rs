//! The shape of each output of a node from the shapes of its inputs, as the operators'
//! specification says. An operator without a rule gives `None`.
#![warn(clippy::indexing_slicing)]

mod arrange;
mod window;

use super::shapes::Shapes;
use crate::model::onnx::NodeProto;

pub(super) use arrange::slice_axis;

/// Shapes of outputs; `None` for one that is not known.
pub(super) type Outputs = Vec<Option<Vec<usize>>>;

/// One output.
fn one(shape: Option<Vec<usize>>) -> Option<Outputs> {
    shape.map(|s| vec![Some(s)])
}

/// An axis counted from the end when negative.
fn axis(value: i64, rank: usize) -> Option<usize> {
    let rank = rank as i64;
    let axis = if value < 0 { value.checked_add(rank)? } else { value };
    (0..rank).contains(&axis).then_some(axis as usize)
}

/// The common shape of numpy's broadcasting.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |s: &[usize], i: usize| {
        (i + s.len()).checked_sub(rank).and_then(|i| s.get(i)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (n, m) if n == m => Some(n),
            (1, n) | (n, 1) => Some(n),
            _ => None,
        })
        .collect()
}

/// Axes of a reduction or a (un)squeeze: an attribute in older operator sets, an input in newer.
fn axes<'a>(node: &'a NodeProto, shapes: &'a Shapes) -> Option<&'a [i64]> {
    node.attr_ints("axes").or_else(|| shapes.elements(node, 1))
}

/// The output shapes of `node`.
pub(super) fn outputs(node: &NodeProto, shapes: &Shapes) -> Option<Outputs> {
    let of = |i: usize| shapes.of(node, i).map(<[usize]>::to_vec);
    match node.op_type.as_str() {
        "Abs"
        | "Acos"
        | "Acosh"
        | "Asin"
        | "Asinh"
        | "Atan"
        | "Atanh"
        | "BitwiseNot"
        | "Cast"
        | "CastLike"
        | "Ceil"
        | "Celu"
        | "Clip"
        | "Cos"
        | "Cosh"
        | "CumSum"
        | "DequantizeLinear"
        | "Elu"
        | "Erf"
        | "Exp"
        | "Floor"
        | "Gelu"
        | "HardSigmoid"
        | "HardSwish"
        | "Hardmax"
        | "Identity"
        | "InstanceNormalization"
        | "IsInf"
        | "IsNaN"
        | "LRN"
        | "LeakyRelu"
        | "Log"
        | "LogSoftmax"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "Mish"
        | "Neg"
        | "Not"
        | "QuantizeLinear"
        | "Reciprocal"
        | "Relu"
        | "Round"
        | "ScatterElements"
        | "ScatterND"
        | "Selu"
        | "Shrink"
        | "Sigmoid"
        | "Sign"
        | "Sin"
        | "Sinh"
        | "Softmax"
        | "Softplus"
        | "Softsign"
        | "Sqrt"
        | "Swish"
        | "Tan"
        | "Tanh"
        | "ThresholdedRelu"
        | "Trilu"
        | "QLinearSigmoid"
        | "QLinearLeakyRelu"
        | "QLinearSoftmax"
        | "GroupNormalization"
        | "BatchNormalization"
        | "LayerNormalization" => one(of(0)),
        "Dropout" => Some(vec![of(0), of(0)]),
        "DynamicQuantizeLinear" => Some(vec![of(0), Some(Vec::new()), Some(Vec::new())]),
        "Add" | "And" | "BitShift" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "Div"
        | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Max" | "Mean"
        | "Min" | "Mod" | "Mul" | "Or" | "PRelu" | "Pow" | "Sub" | "Sum" | "Where" | "Xor" => {
            let mut shape = of(0)?;
            for i in 1..node.input.len() {
                shape = broadcast(&shape, shapes.of(node, i)?)?;
            }
            one(Some(shape))
        }
        "QLinearAdd" | "QLinearMul" => one(broadcast(shapes.of(node, 0)?, shapes.of(node, 3)?)),
        "Conv" | "ConvInteger" | "MaxPool" | "AveragePool" | "LpPool" | "QLinearConv"
        | "QLinearAveragePool" => window::slide(node, shapes),
        "ConvTranspose" => window::transpose(node, shapes),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" | "QLinearGlobalAveragePool" => {
            let mut shape = of(0)?;
            shape.iter_mut().skip(2).for_each(|d| *d = 1);
            one(Some(shape))
        }
        "MatMul" | "MatMulInteger" => one(matmul(shapes.of(node, 0)?, shapes.of(node, 1)?)),
        "QLinearMatMul" => one(matmul(shapes.of(node, 0)?, shapes.of(node, 3)?)),
        "Gemm" | "QGemm" => {
            let b = if node.op_type == "QGemm" { 3 } else { 1 };
            let (a, b) = (shapes.of(node, 0)?, shapes.of(node, b)?);
            let flipped = |name: &str| node.attr_int(name).unwrap_or(0) != 0;
            let m = *a.get(usize::from(flipped("transA")))?;
            let n = *b.get(usize::from(!flipped("transB")))?;
            one(Some(vec![m, n]))
        }
        "LSTM" | "GRU" | "RNN" => recurrent(node, shapes),
        _ => arrange::outputs(node, shapes),
    }
}

fn matmul(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (a_rows, a_outer) = match a {
        [] => return None,
        [_] => (None, &[][..]),
        [outer @ .., rows, _] => (Some(*rows), outer),
    };
    let (b_columns, b_outer) = match b {
        [] => return None,
        [_] => (None, &[][..]),
        [outer @ .., _, columns] => (Some(*columns), outer),
    };
    let mut shape = broadcast(a_outer, b_outer)?;
    shape.extend(a_rows);
    shape.extend(b_columns);
    Some(shape)
}

fn recurrent(node: &NodeProto, shapes: &Shapes) -> Option<Outputs> {
    let (x, r) = (shapes.of(node, 0)?, shapes.of(node, 2)?);
    let (&[first, second, _], &[directions, _, hidden]) = (x, r) else { return None };
    let by_batch = node.attr_int("layout").unwrap_or(0) == 1;
    let last = |batch| {
        Some(if by_batch {
            vec![batch, directions, hidden]
        } else {
            vec![directions, batch, hidden]
        })
    };
    if by_batch {
        Some(vec![Some(vec![first, second, directions, hidden]), last(first), last(first)])
    } else {
        Some(vec![Some(vec![first, directions, second, hidden]), last(second), last(second)])
    }
}
