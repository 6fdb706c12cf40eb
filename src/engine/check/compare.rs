//! Comparing tensors with reference tensors.

use crate::model::{TensorBuf, TensorData};

/// The elements as `f64`; `i64` beyond 2^53 lose bits, which no tolerance here sees.
pub(super) fn values(tensor: &TensorBuf) -> Vec<f64> {
    macro_rules! all {
        ($($v:ident),*) => {
            match tensor.data() {
                $(TensorData::$v(v) => v.iter().map(|x| f64::from(*x)).collect(),)*
                TensorData::F16(v) => v.iter().map(|x| x.to_f64()).collect(),
                TensorData::U64(v) => v.iter().map(|x| *x as f64).collect(),
                TensorData::I64(v) => v.iter().map(|x| *x as f64).collect(),
                TensorData::Bool(v) => v.iter().map(|x| f64::from(u8::from(*x))).collect(),
            }
        };
    }
    all!(F32, F64, U8, I8, U16, I16, U32, I32)
}

/// Tolerance of an element: `absolute + relative * |reference|`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) relative: f64,
    pub(super) absolute: f64,
}

/// Largest error in units of the tolerance, or where the first tensor differs altogether.
pub(super) fn close(
    name: &str,
    got: &TensorBuf,
    expected: &TensorBuf,
    tolerance: Tolerance,
) -> Result<f64, String> {
    if got.dtype() != expected.dtype() {
        return Err(format!("output {name:?} is {} instead of {}", got.dtype(), expected.dtype()));
    }
    if got.shape() != expected.shape() {
        return Err(format!(
            "output {name:?} has shape {:?} instead of {:?}",
            got.shape(),
            expected.shape()
        ));
    }
    let (got, expected) = (values(got), values(expected));
    let mut worst = 0.0f64;
    for (i, (g, e)) in got.iter().zip(&expected).enumerate() {
        // Equal infinities have no difference; two NaN count as equal, as in the ONNX project.
        if g == e || (g.is_nan() && e.is_nan()) {
            continue;
        }
        let error = (g - e).abs() / (tolerance.absolute + tolerance.relative * e.abs());
        if error.is_nan() || error > 1.0 {
            return Err(format!("output {name:?} element {i} is {g} instead of {e}"));
        }
        worst = worst.max(error);
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_shape_and_special_values() {
        let t = Tolerance { relative: 1e-3, absolute: 1e-5 };
        let buf = |v: Vec<f32>| TensorBuf::new(&[v.len()], v).unwrap();
        let worst = close("y", &buf(vec![100.05]), &buf(vec![100.0]), t).unwrap();
        assert!((worst - 0.5).abs() < 0.01, "{worst}");
        assert!(close("y", &buf(vec![100.2]), &buf(vec![100.0]), t).is_err());
        let special = vec![f32::NAN, f32::INFINITY];
        assert_eq!(close("y", &buf(special.clone()), &buf(special), t), Ok(0.0));
        assert!(close("y", &buf(vec![f32::NAN]), &buf(vec![1.0]), t).is_err());
        assert!(close("y", &buf(vec![1.0]), &buf(vec![f32::INFINITY]), t).is_err());
        assert!(close("y", &buf(vec![1.0, 2.0]), &buf(vec![1.0]), t).is_err());
    }
}
