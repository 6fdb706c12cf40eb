//! Convolutions and pooling.
#![warn(clippy::indexing_slicing)]

use super::{Outputs, Shapes, one};
use crate::model::onnx::NodeProto;

/// The attribute `name` at `i`, or its default of 1.
fn at(node: &NodeProto, name: &str, i: usize) -> Option<i64> {
    match node.attr_ints(name) {
        Some(values) if !values.is_empty() => values.get(i).copied(),
        _ => Some(1),
    }
}

fn pads(node: &NodeProto, i: usize, axes: usize) -> Option<i64> {
    match node.attr_ints("pads") {
        Some(pads) if !pads.is_empty() => {
            pads.get(i)?.checked_add(*pads.get(i.checked_add(axes)?)?)
        }
        _ => Some(0),
    }
}

/// Convolution and pooling: windows that slide over the axes after batch and channel.
pub(super) fn slide(node: &NodeProto, shapes: &Shapes) -> Option<Outputs> {
    let x = shapes.of(node, 0)?;
    let (outer, spatial) = x.split_at_checked(2)?;
    let weights = match node.op_type.as_str() {
        "Conv" | "ConvInteger" => Some(shapes.of(node, 1)?),
        "QLinearConv" => Some(shapes.of(node, 3)?),
        _ => None,
    };
    let kernel: Vec<i64> = match (node.attr_ints("kernel_shape"), weights) {
        (Some(kernel), _) => kernel.to_vec(),
        (None, Some(weights)) => weights.get(2..)?.iter().map(|&d| d as i64).collect(),
        (None, None) => return None,
    };
    if kernel.len() != spatial.len() {
        return None;
    }
    let mut shape = vec![*outer.first()?];
    shape.push(match weights {
        Some(weights) => *weights.first()?,
        None => *outer.get(1)?,
    });
    let ceil = node.attr_int("ceil_mode").unwrap_or(0) != 0;
    for (i, (&size, &k)) in spatial.iter().zip(&kernel).enumerate() {
        let (stride, dilation) = (at(node, "strides", i)?, at(node, "dilations", i)?);
        if stride < 1 {
            return None;
        }
        let size = size as i64;
        let reach = dilation.checked_mul(k.checked_sub(1)?)?.checked_add(1)?;
        let count = match node.attr_str("auto_pad") {
            Some("SAME_UPPER" | "SAME_LOWER") => size.checked_add(stride - 1)? / stride,
            auto => {
                let pad = if auto == Some("VALID") { 0 } else { pads(node, i, spatial.len())? };
                let room = size.checked_add(pad)?.checked_sub(reach)?;
                if room < 0 {
                    return None;
                }
                let begin = node.attr_ints("pads").and_then(|p| p.get(i)).copied().unwrap_or(0);
                let mut count = room.checked_add(if ceil { stride - 1 } else { 0 })? / stride + 1;
                // A window that begins in the padding at the end is not counted.
                if ceil && (count - 1).checked_mul(stride)? >= size.checked_add(begin)? {
                    count -= 1;
                }
                count
            }
        };
        shape.push(usize::try_from(count).ok()?);
    }
    // MaxPool's second output, the indices, has the same shape.
    Some(vec![Some(shape.clone()), Some(shape)])
}

/// Transposed convolution.
pub(super) fn transpose(node: &NodeProto, shapes: &Shapes) -> Option<Outputs> {
    let (x, weights) = (shapes.of(node, 0)?, shapes.of(node, 1)?);
    let (outer, spatial) = x.split_at_checked(2)?;
    let kernel = weights.get(2..)?;
    if kernel.len() != spatial.len() {
        return None;
    }
    let group = usize::try_from(node.attr_int("group").unwrap_or(1)).ok()?;
    let mut shape = vec![*outer.first()?, weights.get(1)?.checked_mul(group)?];
    let given = node.attr_ints("output_shape").filter(|s| !s.is_empty());
    for (i, (&size, &k)) in spatial.iter().zip(kernel).enumerate() {
        if let Some(given) = given {
            // Some exporters write batch and channel too.
            let skip = given.len().checked_sub(spatial.len())?;
            shape.push(usize::try_from(*given.get(skip + i)?).ok()?);
            continue;
        }
        let (stride, dilation) = (at(node, "strides", i)?, at(node, "dilations", i)?);
        let size = size as i64;
        if matches!(node.attr_str("auto_pad"), Some("SAME_UPPER" | "SAME_LOWER")) {
            shape.push(usize::try_from(size.checked_mul(stride)?).ok()?);
            continue;
        }
        let extra = node.attr_ints("output_padding").and_then(|p| p.get(i)).copied().unwrap_or(0);
        let full = stride
            .checked_mul(size.checked_sub(1)?)?
            .checked_add(extra)?
            .checked_add(dilation.checked_mul((k as i64).checked_sub(1)?)?)?
            .checked_add(1)?
            .checked_sub(pads(node, i, spatial.len())?)?;
        shape.push(usize::try_from(full).ok()?);
    }
    one(Some(shape))
}
