//! Known answers: shapes from the operators' specification, multiply-accumulates by hand.

use std::collections::BTreeMap;

use super::*;
use crate::model::onnx::{Attribute, GraphBuilder};
use crate::model::{DType, Dim};

type Attributes<'a> = &'a [(&'a str, Attribute)];

/// The analysis of one node over inputs and whole-number constants.
fn one(
    operator: &str,
    inputs: &[&[usize]],
    constants: &[&[i64]],
    attributes: Attributes<'_>,
) -> Analysis {
    let mut g = GraphBuilder::new("g");
    let mut names = Vec::new();
    for (i, shape) in inputs.iter().enumerate() {
        let shape: Vec<Dim> = shape.iter().map(|&d| d.into()).collect();
        names.push(g.input(&format!("x{i}"), DType::F32, &shape));
    }
    for values in constants {
        names.push(g.constant("c", &[values.len()], values.to_vec()));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let y = g.node(operator, &names, attributes);
    g.output(&y, DType::F32, &[]);
    analyse(&ModelFile::from_proto("g", &g.finish().unwrap()).unwrap(), &BTreeMap::new())
}

fn shape(
    operator: &str,
    inputs: &[&[usize]],
    constants: &[&[i64]],
    attributes: Attributes<'_>,
) -> Vec<usize> {
    one(operator, inputs, constants, attributes).outputs[0].1.clone().unwrap_or_default()
}

#[test]
fn convolutions_have_shape_and_cost() {
    let strided: Attributes<'_> =
        &[("pads", [1i64, 1, 1, 1].into()), ("strides", [2i64, 2].into())];
    let conv = one("Conv", &[&[1, 3, 9, 8], &[4, 3, 3, 3]], &[], strided);
    assert_eq!(conv.outputs[0].1, Some(vec![1, 4, 5, 4]));
    assert_eq!(conv.cost.macs, 4 * 5 * 4 * 27);
    let grouped: Attributes<'_> = &[("group", 4i64.into()), ("auto_pad", "SAME_UPPER".into())];
    let conv = one("Conv", &[&[1, 4, 9, 8], &[4, 1, 3, 3]], &[], grouped);
    assert_eq!((conv.outputs[0].1.clone(), conv.cost.macs), (Some(vec![1, 4, 9, 8]), 4 * 72 * 9));
    let up: Attributes<'_> = &[("strides", [2i64, 2].into()), ("pads", [1i64, 1, 1, 1].into())];
    let conv = one("ConvTranspose", &[&[1, 8, 5, 5], &[8, 3, 4, 4]], &[], up);
    assert_eq!(
        (conv.outputs[0].1.clone(), conv.cost.macs),
        (Some(vec![1, 3, 10, 10]), 8 * 25 * 48)
    );
    let pool: Attributes<'_> = &[
        ("kernel_shape", [3i64, 3].into()),
        ("strides", [2i64, 2].into()),
        ("ceil_mode", 1i64.into()),
    ];
    assert_eq!(shape("MaxPool", &[&[1, 2, 8, 6]], &[], pool), [1, 2, 4, 3]);
}

#[test]
fn products_and_recurrent_layers_have_cost() {
    let product = one("MatMul", &[&[2, 1, 4, 5], &[3, 5, 6]], &[], &[]);
    assert_eq!(product.outputs[0].1, Some(vec![2, 3, 4, 6]));
    assert_eq!(product.cost.macs, 2 * 3 * 4 * 6 * 5);
    let gemm =
        one("Gemm", &[&[7, 3], &[5, 7]], &[], &[("transA", 1i64.into()), ("transB", 1i64.into())]);
    assert_eq!((gemm.outputs[0].1.clone(), gemm.cost.macs), (Some(vec![3, 5]), 105));
    let lstm = one("LSTM", &[&[10, 1, 4], &[1, 32, 4], &[1, 32, 8]], &[], &[]);
    assert_eq!(lstm.outputs[0].1, Some(vec![10, 1, 1, 8]));
    assert_eq!(lstm.cost.macs, 10 * (32 * 4 + 32 * 8));
}

#[test]
fn arrangements_follow_the_specification() {
    assert_eq!(shape("Reshape", &[&[2, 3, 4]], &[&[0, -1]], &[]), [2, 12]);
    assert_eq!(shape("Slice", &[&[2, 9]], &[&[7], &[-100], &[1], &[-2]], &[]), [2, 4]);
    assert_eq!(shape("Slice", &[&[2, 9]], &[&[1], &[i64::MAX], &[-1]], &[]), [2, 8]);
    assert_eq!(shape("Unsqueeze", &[&[2, 3]], &[&[0, -1]], &[]), [1, 2, 3, 1]);
    assert_eq!(shape("Pad", &[&[2, 3]], &[&[1, 0, 0, 2]], &[]), [3, 5]);
    assert_eq!(shape("Expand", &[&[3, 1]], &[&[2, 1, 4]], &[]), [2, 3, 4]);
    assert_eq!(shape("ReduceMean", &[&[2, 3, 4]], &[], &[("axes", [-1i64].into())]), [2, 3, 1]);
    assert_eq!(
        shape("DepthToSpace", &[&[1, 8, 2, 3]], &[], &[("blocksize", 2i64.into())]),
        [1, 2, 4, 6]
    );
    assert_eq!(shape("Concat", &[&[1, 2], &[1, 5]], &[], &[("axis", 1i64.into())]), [1, 7]);
    assert_eq!(shape("Transpose", &[&[1, 2, 3]], &[], &[("perm", [2i64, 0, 1].into())]), [3, 1, 2]);
}

#[test]
fn shape_arithmetic_is_followed() {
    let mut g = GraphBuilder::new("g");
    let x = g.input("x", DType::F32, &[1.into(), 3.into(), "H".into(), "W".into()]);
    let dims = g.node("Shape", &[&x], &[]);
    let at = g.constant("at", &[1], vec![2i64]);
    let h = g.node("Gather", &[&dims, &at], &[]);
    let two = g.constant("two", &[1], vec![2i64]);
    let half = g.node("Div", &[&h, &two], &[]);
    let rest = g.constant("rest", &[1], vec![-1i64]);
    let wanted = g.node("Concat", &[&half, &rest], &[("axis", 0i64.into())]);
    let y = g.node("Reshape", &[&x, &wanted], &[]);
    g.output(&y, DType::F32, &["a".into(), "b".into()]);
    let model = ModelFile::from_proto("g", &g.finish().unwrap()).unwrap();
    let sizes = BTreeMap::from([("H".to_owned(), 6), ("W".to_owned(), 5)]);
    assert_eq!(analyse(&model, &sizes).outputs[0].1, Some(vec![3, 30]));
    assert_eq!(analyse(&model, &BTreeMap::new()).outputs[0].1, None);
}

#[test]
fn what_is_not_known_is_said() {
    let unknown = one("Einsum", &[&[2, 3], &[3, 4]], &[], &[("equation", "ij,jk->ik".into())]);
    assert_eq!((unknown.cost.macs, unknown.cost.unknown), (0, vec!["einsum".to_owned()]));
    assert_eq!(unknown.operators[0].domain, "ai.onnx");
}

#[test]
fn sizes_beyond_memory_do_no_harm() {
    let huge = usize::try_from(i64::MAX).unwrap();
    let product = one("MatMul", &[&[huge, huge, 4], &[4, huge]], &[], &[]);
    assert_eq!(product.cost.unknown.len(), 1);
    assert_eq!(one("Flatten", &[&[1, huge, huge]], &[], &[]).outputs[0].1, None);
    let sum = one("Concat", &[&[huge], &[huge], &[huge]], &[], &[("axis", 0i64.into())]);
    assert_eq!(sum.outputs[0].1, None);
}

#[test]
fn layers_and_memory_of_a_small_net() {
    let mut g = GraphBuilder::new("g");
    let x = g.input("x", DType::F32, &[1.into(), 2.into(), 4.into(), 5.into()]);
    let w = g.constant("w", &[3, 2, 1, 1], vec![0.5f32; 6]);
    let a = g.node("Conv", &[&x, &w], &[]);
    let b = g.node("Relu", &[&a], &[]);
    let c = g.node("Relu", &[&b], &[]);
    g.output(&c, DType::F32, &[]);
    let model = ModelFile::from_proto("g", &g.finish().unwrap()).unwrap();
    let found = analyse(&model, &BTreeMap::new());
    let [layer] = found.layers.as_slice() else { panic!("{:?}", found.layers) };
    assert_eq!((layer.operator.as_str(), layer.parameters, layer.macs), ("Conv", 6, 120));
    assert_eq!(layer.output.as_deref(), Some([1, 3, 4, 5].as_slice()));
    // x with a is 40 + 60 elements; later two values of 60 each, when x and a are gone in turn.
    assert_eq!(found.peak_elements, 120);
}
