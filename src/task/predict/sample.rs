//! Between `f32` and the element type of a model's picture tensors.

use half::f16;

use crate::model::TensorData;

/// Writes `src` into `out`, integers rounded half up and clamped; as many as both hold.
pub(in crate::task) fn from_f32(src: &[f32], out: &mut TensorData) {
    macro_rules! write {
        ($out:expr, $convert:expr) => {
            for (o, &v) in $out.iter_mut().zip(src) {
                *o = $convert(v);
            }
        };
    }
    // `as` saturates, so that values outside the type's range are clamped.
    match out {
        TensorData::F32(o) => write!(o, |v| v),
        TensorData::F64(o) => write!(o, f64::from),
        TensorData::F16(o) => write!(o, f16::from_f32),
        TensorData::U8(o) => write!(o, |v: f32| (v + 0.5).floor() as u8),
        TensorData::I8(o) => write!(o, |v: f32| (v + 0.5).floor() as i8),
        TensorData::U16(o) => write!(o, |v: f32| (v + 0.5).floor() as u16),
        TensorData::I16(o) => write!(o, |v: f32| (v + 0.5).floor() as i16),
        TensorData::U32(o) => write!(o, |v: f32| (v + 0.5).floor() as u32),
        TensorData::I32(o) => write!(o, |v: f32| (v + 0.5).floor() as i32),
        TensorData::U64(o) => write!(o, |v: f32| (v + 0.5).floor() as u64),
        TensorData::I64(o) => write!(o, |v: f32| (v + 0.5).floor() as i64),
        TensorData::Bool(o) => write!(o, |v: f32| v >= 0.5),
    }
}

/// Writes the elements of `src` into `out`; as many as both hold.
pub(in crate::task) fn to_f32(src: &TensorData, out: &mut [f32]) {
    macro_rules! read {
        ($src:expr, $convert:expr) => {
            for (o, &v) in out.iter_mut().zip($src) {
                *o = $convert(v);
            }
        };
    }
    match src {
        TensorData::F32(s) => read!(s, |v| v),
        TensorData::F64(s) => read!(s, |v| v as f32),
        TensorData::F16(s) => read!(s, f16::to_f32),
        TensorData::U8(s) => read!(s, f32::from),
        TensorData::I8(s) => read!(s, f32::from),
        TensorData::U16(s) => read!(s, f32::from),
        TensorData::I16(s) => read!(s, f32::from),
        TensorData::U32(s) => read!(s, |v| v as f32),
        TensorData::I32(s) => read!(s, |v| v as f32),
        TensorData::U64(s) => read!(s, |v| v as f32),
        TensorData::I64(s) => read!(s, |v| v as f32),
        TensorData::Bool(s) => read!(s, |v| f32::from(u8::from(v))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DType;

    #[test]
    fn integers_are_rounded_half_up_and_clamped() {
        let mut out = TensorData::zeros(DType::U8, 4);
        from_f32(&[-3.0, 0.5, 254.49, 900.0], &mut out);
        assert_eq!(out, TensorData::U8(vec![0, 1, 254, 255]));
        let mut out = TensorData::zeros(DType::I8, 2);
        from_f32(&[-1.5, -200.0], &mut out);
        assert_eq!(out, TensorData::I8(vec![-1, -128]));
    }

    #[test]
    fn every_type_goes_both_ways() {
        use DType::{F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        for dtype in [F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64] {
            let mut data = TensorData::zeros(dtype, 3);
            from_f32(&[0.0, 1.0, 100.0], &mut data);
            let mut back = [9.0; 3];
            to_f32(&data, &mut back);
            assert_eq!(back, [0.0, 1.0, 100.0], "{dtype}");
        }
    }
}
