//! Elements of ONNX tensors: types, sizes, and the way to and from [`TensorBuf`].
#![warn(clippy::indexing_slicing)]

use half::f16;
use prost::bytes::Bytes;

use super::super::{DType, Dim, TensorBuf, TensorData, TensorView};
use super::{
    Dimension, DimensionValue, TensorProto, TensorShapeProto, TensorType, TypeProto, TypeValue,
    ValueInfoProto,
};
use crate::model::TensorSlice;
use crate::model::tensor::elements;

/// `TensorProto.DataType`, as numbers of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataType(pub i32);

impl DataType {
    /// Name in the specification; the number itself when it is not known.
    #[must_use]
    pub fn name(self) -> String {
        const NAMES: [&str; 29] = [
            "undefined",
            "float",
            "uint8",
            "int8",
            "uint16",
            "int16",
            "int32",
            "int64",
            "string",
            "bool",
            "float16",
            "double",
            "uint32",
            "uint64",
            "complex64",
            "complex128",
            "bfloat16",
            "float8e4m3fn",
            "float8e4m3fnuz",
            "float8e5m2",
            "float8e5m2fnuz",
            "uint4",
            "int4",
            "float4e2m1",
            "float8e8m0",
            "uint2",
            "int2",
            "float6e2m3",
            "float6e3m2",
        ];
        usize::try_from(self.0)
            .ok()
            .and_then(|n| NAMES.get(n))
            .map_or_else(|| format!("type {}", self.0), |n| (*n).to_owned())
    }

    /// The element type we compute with; `None` for those we do not.
    #[must_use]
    pub const fn dtype(self) -> Option<DType> {
        Some(match self.0 {
            1 => DType::F32,
            2 => DType::U8,
            3 => DType::I8,
            4 => DType::U16,
            5 => DType::I16,
            6 => DType::I32,
            7 => DType::I64,
            9 => DType::Bool,
            10 => DType::F16,
            11 => DType::F64,
            12 => DType::U32,
            13 => DType::U64,
            _ => return None,
        })
    }

    /// Bits of one element; `None` for texts and unknown types.
    #[must_use]
    pub const fn bits(self) -> Option<u64> {
        Some(match self.0 {
            2 | 3 | 9 | 17..=20 | 24 => 8,
            4 | 5 | 10 | 16 => 16,
            1 | 6 | 12 => 32,
            7 | 11 | 13 | 14 => 64,
            15 => 128,
            21..=23 => 4,
            25 | 26 => 2,
            27 | 28 => 6,
            _ => return None,
        })
    }
}

impl From<DType> for DataType {
    fn from(dtype: DType) -> Self {
        Self(match dtype {
            DType::F32 => 1,
            DType::U8 => 2,
            DType::I8 => 3,
            DType::U16 => 4,
            DType::I16 => 5,
            DType::I32 => 6,
            DType::I64 => 7,
            DType::Bool => 9,
            DType::F16 => 10,
            DType::F64 => 11,
            DType::U32 => 12,
            DType::U64 => 13,
        })
    }
}

/// The number of elements of `dims`.
///
/// # Errors
/// A sentence when a dimension is negative or the product overflows.
pub fn dims_of(dims: &[i64]) -> Result<(Vec<usize>, usize), String> {
    let mut shape = Vec::with_capacity(dims.len());
    for &dim in dims {
        shape.push(usize::try_from(dim).map_err(|_| {
            format!("dimension {dim} of {dims:?} is out of range 0..{}", usize::MAX)
        })?);
    }
    let count = elements(&shape)
        .ok_or_else(|| format!("{dims:?} has more elements than memory has addresses"))?;
    Ok((shape, count))
}

macro_rules! little_endian {
    ($raw:expr, $ty:ty) => {{
        let size = size_of::<$ty>();
        let mut buffer = [0u8; size_of::<$ty>()];
        $raw.chunks_exact(size)
            .map(|chunk| {
                buffer.copy_from_slice(chunk);
                <$ty>::from_le_bytes(buffer)
            })
            .collect::<Vec<$ty>>()
    }};
}

impl TensorProto {
    /// Element type.
    #[must_use]
    pub fn element(&self) -> DataType {
        DataType(self.data_type.unwrap_or(0))
    }

    /// A tensor called `name` with the elements of `view`, stored as raw little-endian bytes.
    #[must_use]
    pub fn from_view(name: &str, view: &TensorView<'_>) -> Self {
        let raw: Vec<u8> = match view.data() {
            TensorSlice::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::U8(v) => v.to_vec(),
            TensorSlice::I8(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::U16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::I16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::U32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::U64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorSlice::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
        };
        Self {
            name: name.to_owned(),
            dims: view.shape().iter().map(|&d| d as i64).collect(),
            data_type: Some(DataType::from(view.dtype()).0),
            raw_data: Bytes::from(raw),
            ..Default::default()
        }
    }

    /// The tensor with its elements, from the raw bytes or from the typed field.
    ///
    /// # Errors
    /// A sentence when shape, type and number of elements disagree, when the type is one we do not
    /// compute with, or when the elements lie in another file.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "onnx.proto stores narrow types in int32_data and uint64_data"
    )]
    pub fn to_tensor(&self) -> Result<TensorBuf, String> {
        if self.data_location == 1 {
            return Err("its elements lie in another file that was not read".to_owned());
        }
        let element = self.element();
        let dtype = element
            .dtype()
            .ok_or_else(|| format!("element type {} is not known", element.name()))?;
        let (shape, count) = dims_of(&self.dims)?;
        let raw = &self.raw_data[..];
        let data = if raw.is_empty() {
            match dtype {
                DType::F32 => TensorData::F32(self.float_data.clone()),
                DType::F64 => TensorData::F64(self.double_data.clone()),
                DType::I64 => TensorData::I64(self.int64_data.clone()),
                DType::U64 => TensorData::U64(self.uint64_data.clone()),
                DType::U32 => TensorData::U32(self.uint64_data.iter().map(|&x| x as u32).collect()),
                DType::I32 => TensorData::I32(self.int32_data.clone()),
                DType::I16 => TensorData::I16(self.int32_data.iter().map(|&x| x as i16).collect()),
                DType::U16 => TensorData::U16(self.int32_data.iter().map(|&x| x as u16).collect()),
                DType::I8 => TensorData::I8(self.int32_data.iter().map(|&x| x as i8).collect()),
                DType::U8 => TensorData::U8(self.int32_data.iter().map(|&x| x as u8).collect()),
                DType::Bool => TensorData::Bool(self.int32_data.iter().map(|&x| x != 0).collect()),
                DType::F16 => TensorData::F16(
                    self.int32_data.iter().map(|&x| f16::from_bits(x as u16)).collect(),
                ),
            }
        } else {
            let size = element.bits().unwrap_or(8) as usize / 8;
            if raw.len() / size != count || !raw.len().is_multiple_of(size) {
                return Err(format!(
                    "shape {shape:?} of {dtype} needs {count} elements but {} bytes are stored",
                    raw.len()
                ));
            }
            match dtype {
                DType::F32 => TensorData::F32(little_endian!(raw, f32)),
                DType::F64 => TensorData::F64(little_endian!(raw, f64)),
                DType::F16 => TensorData::F16(little_endian!(raw, f16)),
                DType::I64 => TensorData::I64(little_endian!(raw, i64)),
                DType::U64 => TensorData::U64(little_endian!(raw, u64)),
                DType::U32 => TensorData::U32(little_endian!(raw, u32)),
                DType::I32 => TensorData::I32(little_endian!(raw, i32)),
                DType::I16 => TensorData::I16(little_endian!(raw, i16)),
                DType::U16 => TensorData::U16(little_endian!(raw, u16)),
                DType::I8 => TensorData::I8(little_endian!(raw, i8)),
                DType::U8 => TensorData::U8(raw.to_vec()),
                DType::Bool => TensorData::Bool(raw.iter().map(|&x| x != 0).collect()),
            }
        };
        TensorBuf::new(&shape, data).map_err(|e| e.to_string())
    }
}

impl ValueInfoProto {
    /// A tensor value.
    #[must_use]
    pub fn tensor(name: &str, dtype: DType, shape: &[Dim]) -> Self {
        let dim = shape
            .iter()
            .map(|d| Dimension {
                value: Some(match d {
                    Dim::Fixed(n) => DimensionValue::DimValue(*n as i64),
                    Dim::Symbol(s) => DimensionValue::DimParam(s.clone()),
                }),
                ..Default::default()
            })
            .collect();
        let tensor = TensorType {
            elem_type: DataType::from(dtype).0,
            shape: Some(TensorShapeProto { dim }),
        };
        Self {
            name: name.to_owned(),
            r#type: Some(TypeProto {
                value: Some(TypeValue::Tensor(tensor)),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// The tensor type; `None` for sequences, maps and values without a type.
    #[must_use]
    pub fn tensor_type(&self) -> Option<&TensorType> {
        match self.r#type.as_ref()?.value.as_ref()? {
            TypeValue::Tensor(t) => Some(t),
            _ => None,
        }
    }
}

impl TensorType {
    /// The shape, outermost first; `None` when even the rank is open. Unnamed or negative
    /// dimensions are symbols called `?0`, `?1`, ... after their axis.
    #[must_use]
    pub fn dims(&self) -> Option<Vec<Dim>> {
        let shape = self.shape.as_ref()?;
        Some(
            shape
                .dim
                .iter()
                .enumerate()
                .map(|(axis, d)| match &d.value {
                    Some(DimensionValue::DimValue(n)) => usize::try_from(*n)
                        .map_or_else(|_| Dim::Symbol(format!("?{axis}")), Dim::Fixed),
                    Some(DimensionValue::DimParam(s)) if !s.is_empty() => Dim::Symbol(s.clone()),
                    _ => Dim::Symbol(format!("?{axis}")),
                })
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_survive_the_way_there_and_back() {
        for data in [
            TensorData::F32(vec![1.5, -2.0]),
            TensorData::F64(vec![1.5, -2.0]),
            TensorData::F16(vec![f16::from_f32(0.5), f16::from_f32(-3.0)]),
            TensorData::U8(vec![0, 255]),
            TensorData::I8(vec![-128, 127]),
            TensorData::U16(vec![0, 65535]),
            TensorData::I16(vec![-32768, 5]),
            TensorData::U32(vec![1, u32::MAX]),
            TensorData::I32(vec![i32::MIN, 7]),
            TensorData::U64(vec![1, u64::MAX]),
            TensorData::I64(vec![i64::MIN, 7]),
            TensorData::Bool(vec![true, false]),
        ] {
            let tensor = TensorBuf::new(&[2, 1], data).unwrap();
            let proto = TensorProto::from_view("t", &tensor.view());
            assert_eq!(proto.to_tensor().unwrap(), tensor);
        }
    }

    #[test]
    fn typed_fields_are_read() {
        let proto = TensorProto {
            dims: vec![2],
            data_type: Some(3),
            int32_data: vec![-1, 5],
            ..Default::default()
        };
        assert_eq!(*proto.to_tensor().unwrap().data(), TensorData::I8(vec![-1, 5]));
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let tensor = |dims: Vec<i64>| TensorProto {
            dims,
            data_type: Some(1),
            raw_data: Bytes::from_static(&[0; 8]),
            ..Default::default()
        };
        assert!(tensor(vec![2]).to_tensor().is_ok());
        assert!(tensor(vec![3]).to_tensor().unwrap_err().contains("8 bytes"));
        assert!(tensor(vec![-1]).to_tensor().unwrap_err().contains("dimension -1"));
        let error = tensor(vec![1 << 40, 1 << 40]).to_tensor().unwrap_err();
        assert!(error.contains("more elements"), "{error}");
    }
}
