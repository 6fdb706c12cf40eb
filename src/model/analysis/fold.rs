//! Arithmetic on the small whole-number tensors that exporters compute shapes with.
#![warn(clippy::indexing_slicing)]

use crate::model::TensorData;
use crate::model::onnx::NodeProto;

use super::rules::slice_axis;
use super::shapes::Shapes;

/// The elements as whole numbers; `None` when one is not.
#[expect(clippy::cast_possible_truncation, reason = "only exact whole numbers are converted")]
pub(super) fn whole_numbers(data: &TensorData) -> Option<Vec<i64>> {
    let real = |v: f64| (v.fract() == 0.0 && v.abs() < 1e15).then_some(v as i64);
    match data {
        TensorData::I64(v) => Some(v.clone()),
        TensorData::I32(v) => Some(v.iter().map(|&x| x.into()).collect()),
        TensorData::F32(v) => v.iter().map(|&x| real(x.into())).collect(),
        TensorData::F64(v) => v.iter().map(|&x| real(x)).collect(),
        TensorData::Bool(v) => Some(v.iter().map(|&x| x.into()).collect()),
        _ => None,
    }
}

/// The elements of the first output, when they follow from known elements and shapes.
pub(super) fn fold(node: &NodeProto, shapes: &Shapes) -> Option<Vec<i64>> {
    match node.op_type.as_str() {
        "Shape" => shape_of(node, shapes),
        "Size" => {
            let count = shapes.of(node, 0)?.iter().try_fold(1i64, |n, &d| n.checked_mul(d as i64));
            Some(vec![count?])
        }
        // A cast to whole numbers of whole numbers changes nothing.
        "Cast" | "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" | "Flatten" | "Floor"
        | "Ceil" => shapes.elements(node, 0).map(<[i64]>::to_vec),
        "Concat" => {
            let mut all = Vec::new();
            for index in 0..node.input.len() {
                // Only vectors: other axes would interleave.
                if shapes.of(node, index)?.len() != 1 {
                    return None;
                }
                all.extend_from_slice(shapes.elements(node, index)?);
            }
            Some(all)
        }
        "Gather" => {
            let (data, indices) = (shapes.elements(node, 0)?, shapes.elements(node, 1)?);
            if shapes.of(node, 0)?.len() != 1 {
                return None;
            }
            indices
                .iter()
                .map(|&i| {
                    let i = if i < 0 { i.checked_add(data.len() as i64)? } else { i };
                    data.get(usize::try_from(i).ok()?).copied()
                })
                .collect()
        }
        "Slice" => slice(node, shapes),
        "Transpose" => match *shapes.of(node, 0)? {
            [_] => shapes.elements(node, 0).map(<[i64]>::to_vec),
            [rows, columns] if node.attr_ints("perm").is_none_or(|p| p == [1, 0]) => {
                let data = shapes.elements(node, 0)?;
                (0..columns)
                    .flat_map(|c| (0..rows).map(move |r| (r, c)))
                    .map(|(r, c)| data.get(r.checked_mul(columns)?.checked_add(c)?).copied())
                    .collect()
            }
            _ => None,
        },
        "ConstantOfShape" => {
            let count = shapes
                .elements(node, 0)?
                .iter()
                .try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))?;
            let value = match node.attr_tensor("value") {
                Some(tensor) => *whole_numbers(tensor.to_tensor().ok()?.data())?.first()?,
                None => 0,
            };
            (count <= super::shapes::FOLDED).then(|| vec![value; count])
        }
        "Add" => pairwise(node, shapes, i64::checked_add),
        "Sub" => pairwise(node, shapes, i64::checked_sub),
        "Mul" => pairwise(node, shapes, i64::checked_mul),
        // Whole-number division rounds towards zero; of reals, only exact quotients are folded.
        "Div" => pairwise(node, shapes, |a, b| {
            if b != 0 && a.checked_rem(b) == Some(0) { a.checked_div(b) } else { None }
        }),
        "Min" => pairwise(node, shapes, |a, b| Some(a.min(b))),
        "Max" => pairwise(node, shapes, |a, b| Some(a.max(b))),
        "Equal" => pairwise(node, shapes, |a, b| Some(i64::from(a == b))),
        "Where" => {
            let (a, b) = (shapes.elements(node, 1)?, shapes.elements(node, 2)?);
            let condition = shapes.elements(node, 0)?;
            if condition.len() != a.len() || a.len() != b.len() {
                return None;
            }
            Some(
                condition
                    .iter()
                    .zip(a.iter().zip(b))
                    .map(|(&c, (&a, &b))| if c != 0 { a } else { b })
                    .collect(),
            )
        }
        "Range" => {
            let bound = |i| shapes.elements(node, i).and_then(|v| v.first().copied());
            let (start, limit, step) = (bound(0)?, bound(1)?, bound(2)?);
            if step == 0 {
                return None;
            }
            let mut values = Vec::new();
            let mut at = start;
            while (step > 0 && at < limit) || (step < 0 && at > limit) {
                if values.len() >= super::shapes::FOLDED {
                    return None;
                }
                values.push(at);
                at = at.checked_add(step)?;
            }
            Some(values)
        }
        _ => None,
    }
}

fn shape_of(node: &NodeProto, shapes: &Shapes) -> Option<Vec<i64>> {
    let shape = shapes.of(node, 0)?;
    let rank = shape.len() as i64;
    let clamp = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
    let start = clamp(node.attr_int("start").unwrap_or(0));
    let end = clamp(node.attr_int("end").unwrap_or(rank));
    Some(shape.get(start..end.max(start))?.iter().map(|&d| d as i64).collect())
}

fn slice(node: &NodeProto, shapes: &Shapes) -> Option<Vec<i64>> {
    let data = shapes.elements(node, 0)?;
    // Whole rows of a vector or matrix along axis 0: what exporters of padding need.
    let (&rows, width) = match shapes.of(node, 0)? {
        [rows] => (rows, 1),
        [rows, columns] => (rows, *columns),
        _ => return None,
    };
    let axes = node.attr_ints("axes").or_else(|| shapes.elements(node, 3));
    if axes.is_some_and(|a| a != [0]) {
        return None;
    }
    let from_attribute = |name: &str| node.attr_ints(name);
    let (starts, ends, steps) = if shapes.opset() < 10 {
        (from_attribute("starts")?, from_attribute("ends")?, None)
    } else {
        let steps = match node.input.get(4) {
            Some(name) if !name.is_empty() => Some(shapes.value(name)?),
            _ => None,
        };
        (shapes.elements(node, 1)?, shapes.elements(node, 2)?, steps)
    };
    let step = steps.and_then(|s| s.first().copied()).unwrap_or(1);
    if starts.len() != 1 {
        return None;
    }
    let (first, count) = slice_axis(rows, *starts.first()?, *ends.first()?, step)?;
    let mut taken = Vec::new();
    for k in 0..count as i64 {
        let row = usize::try_from(first.checked_add(k.checked_mul(step)?)?).ok()?;
        let start = row.checked_mul(width)?;
        taken.extend_from_slice(data.get(start..start.checked_add(width)?)?);
    }
    Some(taken)
}

fn pairwise(
    node: &NodeProto,
    shapes: &Shapes,
    f: impl Fn(i64, i64) -> Option<i64>,
) -> Option<Vec<i64>> {
    let (a, b) = (shapes.elements(node, 0)?, shapes.elements(node, 1)?);
    // Vectors and scalars only, so that broadcasting is repetition.
    if shapes.of(node, 0)?.len() > 1 || shapes.of(node, 1)?.len() > 1 {
        return None;
    }
    let count = match (a.len(), b.len()) {
        (n, m) if n == m => n,
        (1, n) | (n, 1) => n,
        _ => return None,
    };
    let at =
        |v: &[i64], i: usize| if v.len() == 1 { v.first().copied() } else { v.get(i).copied() };
    (0..count).map(|i| f(at(a, i)?, at(b, i)?)).collect()
}
