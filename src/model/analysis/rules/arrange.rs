//! Operators that arrange elements: reshape, concatenate, cut, reduce, resize.
#![warn(clippy::indexing_slicing)]

use super::{Outputs, Shapes, axes, axis, broadcast, one};
use crate::model::onnx::NodeProto;

/// Most elements along one axis or in all that a rule multiplies out.
fn product(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

fn sizes(values: &[i64]) -> Option<Vec<usize>> {
    values.iter().map(|&v| usize::try_from(v).ok()).collect()
}

/// First index and number of elements of a slice of an axis of `len` elements.
pub(in super::super) fn slice_axis(
    len: usize,
    start: i64,
    end: i64,
    step: i64,
) -> Option<(i64, usize)> {
    let len = len as i64;
    let from_end = |v: i64| if v < 0 { v.saturating_add(len) } else { v };
    let (start, end) = (from_end(start), from_end(end));
    let (first, span) = if step > 0 {
        let first = start.clamp(0, len);
        (first, end.clamp(0, len) - first)
    } else if step < 0 {
        let first = start.clamp(-1, len - 1);
        (first, first - end.clamp(-1, len - 1))
    } else {
        return None;
    };
    let step = step.unsigned_abs();
    let span = u64::try_from(span.max(0)).ok()?;
    Some((first, usize::try_from(span.div_ceil(step)).ok()?))
}

pub(super) fn outputs(node: &NodeProto, shapes: &Shapes) -> Option<Outputs> {
    let x = shapes.of(node, 0);
    match node.op_type.as_str() {
        "Shape" => one(Some(vec![super::super::fold::fold(node, shapes)?.len()])),
        "Size" => one(Some(Vec::new())),
        "ConstantOfShape" => one(sizes(shapes.elements(node, 0)?)),
        "Range" => one(Some(vec![super::super::fold::fold(node, shapes)?.len()])),
        "Expand" => one(broadcast(x?, &sizes(shapes.elements(node, 1)?)?)),
        "Reshape" => one(reshape(node, shapes)),
        "Flatten" => {
            let x = x?;
            let at = match node.attr_int("axis").unwrap_or(1) {
                v if v == x.len() as i64 => x.len(),
                v => axis(v, x.len())?,
            };
            let (a, b) = x.split_at_checked(at)?;
            one(Some(vec![product(a)?, product(b)?]))
        }
        "Squeeze" => {
            let x = x?;
            let gone: Vec<usize> = match axes(node, shapes) {
                Some(axes) => axes.iter().map(|&a| axis(a, x.len())).collect::<Option<_>>()?,
                None if node.input.len() > 1 => return None,
                None => (0..x.len()).filter(|&i| x.get(i) == Some(&1)).collect(),
            };
            let kept = x.iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, &d)| d);
            one(Some(kept.collect()))
        }
        "Unsqueeze" => {
            let (x, axes) = (x?, axes(node, shapes)?);
            let rank = x.len().checked_add(axes.len()).filter(|&r| r <= 16)?;
            let new: Vec<usize> = axes.iter().map(|&a| axis(a, rank)).collect::<Option<_>>()?;
            let mut old = x.iter().copied();
            one((0..rank).map(|i| if new.contains(&i) { Some(1) } else { old.next() }).collect())
        }
        "Transpose" => {
            let x = x?;
            let shape = match node.attr_ints("perm") {
                Some(perm) => perm
                    .iter()
                    .map(|&p| x.get(usize::try_from(p).ok()?).copied())
                    .collect::<Option<Vec<_>>>()?,
                None => x.iter().rev().copied().collect(),
            };
            one((shape.len() == x.len()).then_some(shape))
        }
        "Concat" => concat(node, shapes, 0, 1),
        // (scale, zero point), then (tensor, scale, zero point) for each input.
        "QLinearConcat" => concat(node, shapes, 2, 3),
        "Split" => split(node, shapes),
        "Slice" => one(slice(node, shapes)),
        "Gather" => {
            let (x, indices) = (x?, shapes.of(node, 1)?);
            let at = axis(node.attr_int("axis").unwrap_or(0), x.len())?;
            one(Some([x.get(..at)?, indices, x.get(at + 1..)?].concat()))
        }
        "GatherElements" => one(shapes.of(node, 1).map(<[usize]>::to_vec)),
        "Tile" => {
            let repeats = sizes(shapes.elements(node, 1)?)?;
            let x = x?;
            one(x.iter().zip(&repeats).map(|(&d, &r)| d.checked_mul(r)).collect())
        }
        "Pad" => one(pad(node, shapes)),
        "Resize" | "Upsample" => one(resize(node, shapes)),
        "GridSample" => match (x?, shapes.of(node, 1)?) {
            ([n, c, ..], [_, spatial @ .., _]) => one(Some([&[*n, *c], spatial].concat())),
            _ => None,
        },
        "DepthToSpace" | "SpaceToDepth" => {
            let &[n, c, h, w] = x? else { return None };
            let b = usize::try_from(node.attr_int("blocksize")?).ok().filter(|&b| b > 0)?;
            let area = b.checked_mul(b)?;
            one(if node.op_type == "DepthToSpace" {
                Some(vec![n, c / area, h.checked_mul(b)?, w.checked_mul(b)?])
            } else {
                Some(vec![n, c.checked_mul(area)?, h / b, w / b])
            })
        }
        "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax"
        | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum" | "ReduceSumSquare"
        | "ArgMax" | "ArgMin" => one(reduce(node, shapes)),
        "TopK" => {
            let mut shape = x?.to_vec();
            let k = match node.attr_int("k") {
                Some(k) => k,
                None => *shapes.elements(node, 1)?.first()?,
            };
            let at = axis(node.attr_int("axis").unwrap_or(-1), shape.len())?;
            *shape.get_mut(at)? = usize::try_from(k).ok()?;
            Some(vec![Some(shape.clone()), Some(shape)])
        }
        _ => None,
    }
}

fn reshape(node: &NodeProto, shapes: &Shapes) -> Option<Vec<usize>> {
    let x = shapes.of(node, 0)?;
    // An attribute in operator set 1.
    let wanted = match shapes.elements(node, 1) {
        Some(values) => values,
        None => node.attr_ints("shape")?,
    };
    let keep_zero = node.attr_int("allowzero").unwrap_or(0) != 0;
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (i, &d) in wanted.iter().enumerate() {
        shape.push(match d {
            0 if !keep_zero => *x.get(i)?,
            -1 => {
                if open.replace(i).is_some() {
                    return None;
                }
                1
            }
            d => usize::try_from(d).ok()?,
        });
    }
    if let Some(open) = open {
        *shape.get_mut(open)? = product(x)?.checked_div(product(&shape)?)?;
    }
    (product(&shape) == product(x)).then_some(shape)
}

fn concat(node: &NodeProto, shapes: &Shapes, first: usize, step: usize) -> Option<Outputs> {
    let mut shape = shapes.of(node, first)?.to_vec();
    let at = axis(node.attr_int("axis").unwrap_or(1), shape.len())?;
    for i in (first + step..node.input.len()).step_by(step) {
        let size = *shapes.of(node, i)?.get(at)?;
        let total = shape.get_mut(at)?;
        *total = total.checked_add(size)?;
    }
    one(Some(shape))
}

fn split(node: &NodeProto, shapes: &Shapes) -> Option<Outputs> {
    let x = shapes.of(node, 0)?;
    let at = axis(node.attr_int("axis").unwrap_or(0), x.len())?;
    let total = *x.get(at)?;
    let parts = match node.attr_ints("split").or_else(|| shapes.elements(node, 1)) {
        Some(parts) => sizes(parts)?,
        None if node.input.get(1).is_some_and(|i| !i.is_empty()) => return None,
        None => {
            let count = node.output.len().max(1);
            let part = total.div_ceil(count);
            (0..count).map(|i| part.min(total.saturating_sub(i.saturating_mul(part)))).collect()
        }
    };
    let with = |size: usize| {
        let mut shape = x.to_vec();
        *shape.get_mut(at)? = size;
        Some(shape)
    };
    Some(parts.into_iter().map(with).collect())
}

fn slice(node: &NodeProto, shapes: &Shapes) -> Option<Vec<usize>> {
    let mut shape = shapes.of(node, 0)?.to_vec();
    let given = |i: usize| node.input.get(i).is_some_and(|n| !n.is_empty());
    let (starts, ends, axes, steps) = if shapes.opset() < 10 {
        (node.attr_ints("starts")?, node.attr_ints("ends")?, node.attr_ints("axes"), None)
    } else {
        let optional = |i: usize| match shapes.elements(node, i) {
            Some(values) => Some(Some(values)),
            None if given(i) => None,
            None => Some(None),
        };
        (shapes.elements(node, 1)?, shapes.elements(node, 2)?, optional(3)?, optional(4)?)
    };
    for (i, (&start, &end)) in starts.iter().zip(ends).enumerate() {
        let at = match axes {
            Some(axes) => axis(*axes.get(i)?, shape.len())?,
            None => i,
        };
        let step = steps.and_then(|s| s.get(i)).copied().unwrap_or(1);
        let size = shape.get_mut(at)?;
        *size = slice_axis(*size, start, end, step)?.1;
    }
    Some(shape)
}

fn pad(node: &NodeProto, shapes: &Shapes) -> Option<Vec<usize>> {
    let mut shape = shapes.of(node, 0)?.to_vec();
    let pads = node.attr_ints("pads").or_else(|| shapes.elements(node, 1))?;
    let axes: Vec<usize> = match shapes.elements(node, 3) {
        Some(axes) => axes.iter().map(|&a| axis(a, shape.len())).collect::<Option<_>>()?,
        None => (0..shape.len()).collect(),
    };
    for (i, &at) in axes.iter().enumerate() {
        let both = pads.get(i)?.checked_add(*pads.get(i + axes.len())?)?;
        let size = shape.get_mut(at)?;
        *size = usize::try_from(i64::try_from(*size).ok()?.checked_add(both)?).ok()?;
    }
    Some(shape)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the specification floors size * scale, which is checked to be a size"
)]
fn resize(node: &NodeProto, shapes: &Shapes) -> Option<Vec<usize>> {
    let x = shapes.of(node, 0)?;
    if node.attr("axes").is_some() || node.attr("keep_aspect_ratio_policy").is_some() {
        return None;
    }
    if let Some(wanted) = shapes.elements(node, 3) {
        return sizes(wanted).filter(|s| s.len() == x.len());
    }
    let scale_at = if node.op_type == "Upsample" || shapes.opset() < 11 { 1 } else { 2 };
    let scales: Vec<f64> = match node.attr("scales") {
        Some(attribute) => attribute.floats.iter().map(|&s| s.into()).collect(),
        // Only whole scales are folded.
        None => shapes.elements(node, scale_at)?.iter().map(|&s| s as f64).collect(),
    };
    if scales.len() != x.len() {
        return None;
    }
    x.iter()
        .zip(&scales)
        .map(|(&d, &s)| {
            let size = (d as f64 * s).floor();
            (0.0..1e12).contains(&size).then_some(size as usize)
        })
        .collect()
}

fn reduce(node: &NodeProto, shapes: &Shapes) -> Option<Vec<usize>> {
    let x = shapes.of(node, 0)?;
    let keep = node.attr_int("keepdims").unwrap_or(1) != 0;
    let gone: Vec<usize> = if node.op_type.starts_with("Arg") {
        vec![axis(node.attr_int("axis").unwrap_or(0), x.len())?]
    } else {
        match axes(node, shapes) {
            Some(axes) if !axes.is_empty() => {
                axes.iter().map(|&a| axis(a, x.len())).collect::<Option<_>>()?
            }
            None if node.input.get(1).is_some_and(|i| !i.is_empty()) => return None,
            _ if node.attr_int("noop_with_empty_axes").unwrap_or(0) != 0 => Vec::new(),
            _ => (0..x.len()).collect(),
        }
    };
    let mut shape = Vec::new();
    for (i, &d) in x.iter().enumerate() {
        if !gone.contains(&i) {
            shape.push(d);
        } else if keep {
            shape.push(1);
        }
    }
    Some(shape)
}
