//! Tensors of ours into tract's and back.

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TDim, bail};

use crate::model::{DType, TensorBuf, TensorData, TensorSlice, TensorView};

/// The tract type that holds `dtype`.
pub(super) fn datum_type(dtype: DType) -> DatumType {
    match dtype {
        DType::F32 => DatumType::F32,
        DType::F64 => DatumType::F64,
        DType::F16 => DatumType::F16,
        DType::U8 => DatumType::U8,
        DType::I8 => DatumType::I8,
        DType::U16 => DatumType::U16,
        DType::I16 => DatumType::I16,
        DType::U32 => DatumType::U32,
        DType::I32 => DatumType::I32,
        DType::U64 => DatumType::U64,
        DType::I64 => DatumType::I64,
        DType::Bool => DatumType::Bool,
    }
}

macro_rules! for_each_type {
    ($m:ident) => {
        $m!(
            F32: f32, F64: f64, F16: half::f16, U8: u8, I8: i8, U16: u16, I16: i16, U32: u32,
            I32: i32, U64: u64, I64: i64, Bool: bool
        )
    };
}

/// Overwrites the elements of `to`, which has the type and shape of `from`.
pub(super) fn fill(to: &mut Tensor, from: &TensorView<'_>) -> TractResult<()> {
    let mut plain = to.try_as_plain_ram_mut()?;
    macro_rules! arms {
        ($($v:ident: $ty:ty),*) => {
            match from.data() {
                $(TensorSlice::$v(s) => plain.as_slice_mut::<$ty>()?.copy_from_slice(s),)*
            }
        };
    }
    for_each_type!(arms);
    Ok(())
}

/// A new tensor with the value of `from`.
pub(super) fn to_tract(from: &TensorView<'_>) -> TractResult<Tensor> {
    let mut tensor = Tensor::zero_dt(datum_type(from.dtype()), from.shape())?;
    fill(&mut tensor, from)?;
    Ok(tensor)
}

/// Copies the value of `from` to `to`, whose type is the one the graph declares.
pub(super) fn from_tract(from: &Tensor, dtype: DType, to: &mut TensorBuf) -> TractResult<()> {
    to.reshape(dtype, from.shape());
    // Shapes that became data have tract's own symbolic type; all symbols are bound by now.
    let converted;
    let from = if from.datum_type() == TDim::datum_type() {
        converted = from.cast_to::<i64>()?;
        converted.as_ref()
    } else {
        from
    };
    if from.datum_type().unquantized() != datum_type(dtype) {
        bail!("the graph declares {dtype} but tract computed {:?}", from.datum_type());
    }
    let plain = from.try_as_plain_ram()?;
    macro_rules! arms {
        ($($v:ident: $ty:ty),*) => {
            match to.data_mut() {
                $(TensorData::$v(v) => v.copy_from_slice(plain.as_slice::<$ty>()?),)*
            }
        };
    }
    for_each_type!(arms);
    Ok(())
}
