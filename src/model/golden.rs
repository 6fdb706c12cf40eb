//! Golden self-tests: inputs that follow a rule, outputs stored as samples.
//!
//! Every element at flat index i of step s is v = ((i + 1 + s * 1000003) * 2654435761 mod 2^32) /
//! 2^32, cast to the input's type; whole numbers are floor(256 v), signed bytes floor(256 v) - 128,
//! truth values v >= 1/2. State starts at its initial value and is carried from step to step.

use super::{DType, Golden, GoldenOutput, TensorBuf, TensorData};
use half::f16;

/// v of the rule.
#[must_use]
pub fn value(index: usize, step: usize) -> f64 {
    let n = (index as u64).wrapping_add(1).wrapping_add((step as u64).wrapping_mul(1_000_003));
    // 2^32 divides 2^64, so wrapping does no harm.
    let hashed = n.wrapping_mul(2_654_435_761) & 0xffff_ffff;
    hashed as f64 / 4_294_967_296.0
}

/// The input of `dtype` and `shape` at `step`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floor(256 v) is below 256"
)]
pub fn input(dtype: DType, shape: &[usize], step: usize) -> TensorBuf {
    let mut tensor = TensorBuf::zeros(dtype, shape);
    macro_rules! fill {
        ($values:expr, $f:expr) => {
            $values.iter_mut().enumerate().for_each(|(i, x)| *x = $f(value(i, step)))
        };
    }
    let byte = |v: f64| (v * 256.0).floor() as u8;
    match tensor.data_mut() {
        TensorData::F32(v) => fill!(v, |v: f64| v as f32),
        TensorData::F64(v) => fill!(v, |v: f64| v),
        TensorData::F16(v) => fill!(v, f16::from_f64),
        TensorData::U8(v) => fill!(v, byte),
        TensorData::I8(v) => fill!(v, |v| (i16::from(byte(v)) - 128) as i8),
        TensorData::U16(v) => fill!(v, |v| u16::from(byte(v))),
        TensorData::I16(v) => fill!(v, |v| i16::from(byte(v))),
        TensorData::U32(v) => fill!(v, |v| u32::from(byte(v))),
        TensorData::I32(v) => fill!(v, |v| i32::from(byte(v))),
        TensorData::U64(v) => fill!(v, |v| u64::from(byte(v))),
        TensorData::I64(v) => fill!(v, |v| i64::from(byte(v))),
        TensorData::Bool(v) => fill!(v, |v| v >= 0.5),
    }
    tensor
}

/// A tensor whose every element is `value`, for ports with a constant.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a constant out of range becomes the nearest number of the type"
)]
pub fn constant(dtype: DType, shape: &[usize], value: f64) -> TensorBuf {
    let mut tensor = TensorBuf::zeros(dtype, shape);
    match tensor.data_mut() {
        TensorData::F32(v) => v.fill(value as f32),
        TensorData::F64(v) => v.fill(value),
        TensorData::F16(v) => v.fill(f16::from_f64(value)),
        TensorData::U8(v) => v.fill(value as u8),
        TensorData::I8(v) => v.fill(value as i8),
        TensorData::U16(v) => v.fill(value as u16),
        TensorData::I16(v) => v.fill(value as i16),
        TensorData::U32(v) => v.fill(value as u32),
        TensorData::I32(v) => v.fill(value as i32),
        TensorData::U64(v) => v.fill(value as u64),
        TensorData::I64(v) => v.fill(value as i64),
        TensorData::Bool(v) => v.fill(value != 0.0),
    }
    tensor
}

/// Flat indices at which an output of `count` elements is sampled: at most `samples`, first and
/// last among them, evenly spread.
#[must_use]
pub fn sample_indices(count: usize, samples: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = match samples {
        0 => Vec::new(),
        1 => vec![0; usize::from(count > 0)],
        _ if count == 0 => Vec::new(),
        _ => (0..samples)
            .map(|k| ((k as u128 * (count as u128 - 1)) / (samples as u128 - 1)) as usize)
            .collect(),
    };
    indices.dedup();
    indices
}

/// An output that is not what the golden values say.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("output {output:?} at step {step}: {reason}")]
pub struct Mismatch {
    /// Name of the output.
    pub output: String,
    /// Step, from 0.
    pub step: usize,
    /// What differs and by how much.
    pub reason: String,
}

/// Compares `got`, the output of that name after `step`, with `expected`; returns the largest
/// |a - b| / max(1, max|b|).
///
/// # Errors
/// [`Mismatch`] for another shape or a difference above the tolerance; a NaN always differs.
pub fn compare(
    golden: &Golden,
    expected: &GoldenOutput,
    step: usize,
    got: &TensorBuf,
) -> Result<f64, Mismatch> {
    let wrong = |reason| Mismatch { output: expected.name.clone(), step, reason };
    if got.shape() != expected.shape {
        return Err(wrong(format!("shape {:?} instead of {:?}", got.shape(), expected.shape)));
    }
    let Some(values) = expected.values.get(step) else {
        return Err(wrong(format!("only {} steps are stored", expected.values.len())));
    };
    let scale = values.iter().fold(1.0f64, |m, v| m.max(f64::from(v.abs())));
    let mut worst = 0.0f64;
    for (&index, &value) in expected.indices.iter().zip(values) {
        let Some(element) = element(got, index) else {
            return Err(wrong(format!("no element {index}")));
        };
        let error = (element - f64::from(value)).abs() / scale;
        // NaN fails.
        if error.is_nan() || error > f64::from(golden.tolerance) {
            return Err(wrong(format!(
                "element {index} is {element} instead of {value}; tolerance {} of {scale}",
                golden.tolerance
            )));
        }
        worst = worst.max(error);
    }
    Ok(worst)
}

/// Appends the samples of `got`, one output of the next step, to `output`; the first call fixes
/// shape and indices.
pub fn record(output: &mut GoldenOutput, got: &TensorBuf, samples: usize) {
    if output.values.is_empty() {
        output.shape = got.shape().to_vec();
        output.indices = sample_indices(got.data().len(), samples);
    }
    let sampled = output.indices.iter().filter_map(|&i| element(got, i)).map(|v| v as f32);
    output.values.push(sampled.collect());
}

fn element(tensor: &TensorBuf, index: usize) -> Option<f64> {
    Some(match tensor.data() {
        TensorData::F32(v) => f64::from(*v.get(index)?),
        TensorData::F64(v) => *v.get(index)?,
        TensorData::F16(v) => v.get(index)?.to_f64(),
        TensorData::U8(v) => f64::from(*v.get(index)?),
        TensorData::I8(v) => f64::from(*v.get(index)?),
        TensorData::U16(v) => f64::from(*v.get(index)?),
        TensorData::I16(v) => f64::from(*v.get(index)?),
        TensorData::U32(v) => f64::from(*v.get(index)?),
        TensorData::I32(v) => f64::from(*v.get(index)?),
        TensorData::U64(v) => *v.get(index)? as f64,
        TensorData::I64(v) => *v.get(index)? as f64,
        TensorData::Bool(v) => f64::from(u8::from(*v.get(index)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_gives_known_numbers() {
        // 2654435761 / 2^32 and (2 * 2654435761 mod 2^32) / 2^32.
        assert_eq!(value(0, 0), 2_654_435_761.0 / 4_294_967_296.0);
        assert_eq!(value(1, 0), 1_013_904_226.0 / 4_294_967_296.0);
        let n = (1u128 + 1 + 3 * 1_000_003) * 2_654_435_761 % (1 << 32);
        assert_eq!(value(1, 3), n as f64 / 4_294_967_296.0);
        let bytes = input(DType::U8, &[2], 0);
        assert_eq!(*bytes.data(), TensorData::U8(vec![158, 60]));
        assert_eq!(*input(DType::I8, &[2], 0).data(), TensorData::I8(vec![30, -68]));
    }

    #[test]
    fn samples_spread_from_first_to_last() {
        assert_eq!(sample_indices(14336, 16)[..4], [0, 955, 1911, 2867]);
        assert_eq!(sample_indices(14336, 16)[15], 14335);
        assert_eq!(sample_indices(3, 16), [0, 1, 2]);
        assert_eq!((sample_indices(0, 4), sample_indices(5, 1)), (vec![], vec![0]));
    }

    #[test]
    fn comparison_is_relative_and_refuses_nan() {
        let mut output = GoldenOutput { name: "y".into(), ..Default::default() };
        let tensor = |v: Vec<f32>| TensorBuf::new(&[2], v).unwrap();
        record(&mut output, &tensor(vec![100.0, 1.0]), 16);
        let golden = Golden { steps: 1, tolerance: 1e-4, ..Default::default() };
        let close = compare(&golden, &output, 0, &tensor(vec![100.005, 1.0])).unwrap();
        assert!(close > 4e-5 && close < 6e-5, "{close}");
        for bad in [vec![100.02, 1.0], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            let error = compare(&golden, &output, 0, &tensor(bad)).unwrap_err();
            assert!(error.to_string().contains("element 0"), "{error}");
        }
        let other = TensorBuf::new(&[1, 2], vec![100.0f32, 1.0]).unwrap();
        assert!(compare(&golden, &output, 0, &other).unwrap_err().reason.contains("shape"));
        assert!(compare(&golden, &output, 1, &tensor(vec![100.0, 1.0])).is_err());
    }
}
