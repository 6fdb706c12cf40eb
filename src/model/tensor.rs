//! Tensors as the tasks and engines pass them: row-major, owned or borrowed.

use std::fmt;

use half::f16;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// IEEE half precision.
    F16,
    /// Unsigned 8 bits.
    U8,
    /// Signed 8 bits.
    I8,
    /// Unsigned 16 bits.
    U16,
    /// Signed 16 bits.
    I16,
    /// Unsigned 32 bits.
    U32,
    /// Signed 32 bits.
    I32,
    /// Unsigned 64 bits.
    U64,
    /// Signed 64 bits.
    I64,
    /// Truth values.
    Bool,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::F16 => "f16",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::Bool => "bool",
        })
    }
}

/// Elements of a tensor of `shape`; `None` when more than memory has addresses. Zero with any empty
/// dimension, however large the others are.
pub(super) fn elements(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))
}

/// Elements of a shape that is going to be allocated: one without a count fails there.
fn allocated(shape: &[usize]) -> usize {
    elements(shape).unwrap_or(usize::MAX)
}

/// A tensor whose elements and shape disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shape {shape:?} has {expected} elements but {got} were given")]
pub struct TensorError {
    shape: Vec<usize>,
    expected: usize,
    got: usize,
}

macro_rules! tensor_data {
    ($($variant:ident: $ty:ty),* $(,)?) => {
        /// Owned elements.
        #[derive(Clone, Debug, PartialEq)]
        pub enum TensorData {
            $(
                #[doc = concat!("Elements of type `", stringify!($ty), "`.")]
                $variant(Vec<$ty>),
            )*
        }

        /// Borrowed elements.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum TensorSlice<'a> {
            $(
                #[doc = concat!("Elements of type `", stringify!($ty), "`.")]
                $variant(&'a [$ty]),
            )*
        }

        impl TensorData {
            /// `len` zeros of type `dtype`.
            #[must_use]
            pub fn zeros(dtype: DType, len: usize) -> Self {
                match dtype { $(DType::$variant => Self::$variant(vec![<$ty>::default(); len]),)* }
            }

            /// Element type.
            #[must_use]
            pub const fn dtype(&self) -> DType {
                match self { $(Self::$variant(_) => DType::$variant,)* }
            }

            /// Number of elements.
            #[must_use]
            pub const fn len(&self) -> usize {
                match self { $(Self::$variant(v) => v.len(),)* }
            }

            /// Borrows the elements.
            #[must_use]
            pub fn as_slice(&self) -> TensorSlice<'_> {
                match self { $(Self::$variant(v) => TensorSlice::$variant(v),)* }
            }

            /// Makes the vector `len` long, reusing its memory.
            pub fn resize(&mut self, len: usize) {
                match self { $(Self::$variant(v) => v.resize(len, <$ty>::default()),)* }
            }
        }

        impl TensorSlice<'_> {
            /// Element type.
            #[must_use]
            pub const fn dtype(&self) -> DType {
                match self { $(Self::$variant(_) => DType::$variant,)* }
            }

            /// Number of elements.
            #[must_use]
            pub const fn len(&self) -> usize {
                match self { $(Self::$variant(v) => v.len(),)* }
            }

            /// True without elements.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// A copy of the elements.
            #[must_use]
            pub fn to_owned_data(&self) -> TensorData {
                match self { $(Self::$variant(v) => TensorData::$variant(v.to_vec()),)* }
            }
        }

        $(
            impl<'a> From<&'a [$ty]> for TensorSlice<'a> {
                fn from(v: &'a [$ty]) -> Self {
                    Self::$variant(v)
                }
            }

            impl From<Vec<$ty>> for TensorData {
                fn from(v: Vec<$ty>) -> Self {
                    Self::$variant(v)
                }
            }
        )*
    };
}

tensor_data! {
    F32: f32, F64: f64, F16: f16, U8: u8, I8: i8, U16: u16, I16: i16, U32: u32, I32: i32,
    U64: u64, I64: i64, Bool: bool,
}

impl TensorData {
    /// True without elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An owned tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorBuf {
    shape: Vec<usize>,
    data: TensorData,
}

impl TensorBuf {
    /// A tensor of zeros.
    #[must_use]
    pub fn zeros(dtype: DType, shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), data: TensorData::zeros(dtype, allocated(shape)) }
    }

    /// A tensor over `data`.
    ///
    /// # Errors
    /// [`TensorError`] unless `data` has as many elements as `shape`.
    pub fn new(shape: &[usize], data: impl Into<TensorData>) -> Result<Self, TensorError> {
        let data = data.into();
        let expected = allocated(shape);
        if data.len() != expected {
            return Err(TensorError { shape: shape.to_vec(), expected, got: data.len() });
        }
        Ok(Self { shape: shape.to_vec(), data })
    }

    /// Shape, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Element type.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Elements.
    #[must_use]
    pub const fn data(&self) -> &TensorData {
        &self.data
    }

    /// Elements, to be written; the number of elements must stay that of the shape.
    pub const fn data_mut(&mut self) -> &mut TensorData {
        &mut self.data
    }

    /// The elements as `f32`; `None` for another type.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let TensorData::F32(v) = &self.data { Some(v) } else { None }
    }

    /// The elements as `f32`, to be written; `None` for another type.
    pub fn as_f32_mut(&mut self) -> Option<&mut [f32]> {
        if let TensorData::F32(v) = &mut self.data { Some(v) } else { None }
    }

    /// Borrows the tensor.
    #[must_use]
    pub fn view(&self) -> TensorView<'_> {
        TensorView { shape: &self.shape, data: self.data.as_slice() }
    }

    /// Makes the tensor `shape` large with elements of `dtype`, reusing memory of the same type.
    pub fn reshape(&mut self, dtype: DType, shape: &[usize]) {
        let len = allocated(shape);
        if self.data.dtype() == dtype {
            self.data.resize(len);
        } else {
            self.data = TensorData::zeros(dtype, len);
        }
        if self.shape != shape {
            self.shape.clear();
            self.shape.extend_from_slice(shape);
        }
    }
}

/// A borrowed tensor, row-major.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorView<'a> {
    shape: &'a [usize],
    data: TensorSlice<'a>,
}

impl<'a> TensorView<'a> {
    /// A view of `data`.
    ///
    /// # Errors
    /// [`TensorError`] unless `data` has as many elements as `shape`.
    pub fn new(shape: &'a [usize], data: impl Into<TensorSlice<'a>>) -> Result<Self, TensorError> {
        let data = data.into();
        let expected = allocated(shape);
        if data.len() != expected {
            return Err(TensorError { shape: shape.to_vec(), expected, got: data.len() });
        }
        Ok(Self { shape, data })
    }

    /// Shape, outermost first.
    #[must_use]
    pub const fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Element type.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Elements.
    #[must_use]
    pub const fn data(&self) -> TensorSlice<'a> {
        self.data
    }

    /// The elements as `f32`; `None` for another type.
    #[must_use]
    pub const fn as_f32(&self) -> Option<&'a [f32]> {
        if let TensorSlice::F32(v) = self.data { Some(v) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_elements_must_agree() {
        let t = TensorBuf::new(&[2, 3], vec![0.0f32; 6]).unwrap();
        assert_eq!((t.dtype(), t.view().shape()), (DType::F32, &[2, 3][..]));
        let error = TensorBuf::new(&[2, 2], vec![0u8; 6]).unwrap_err().to_string();
        assert!(error.contains("4 elements") && error.contains('6'), "{error}");
        let large = usize::MAX / 2;
        assert!(TensorBuf::new(&[large, 3, 0], Vec::<u8>::new()).is_ok());
        assert!(TensorBuf::new(&[large, 3], Vec::<u8>::new()).is_err());
    }

    #[test]
    fn reshape_reuses_memory() {
        let mut t = TensorBuf::zeros(DType::F32, &[4, 4]);
        let before = t.as_f32().unwrap().as_ptr();
        t.reshape(DType::F32, &[2, 2]);
        assert_eq!(t.as_f32().unwrap().as_ptr(), before);
        t.reshape(DType::U8, &[2]);
        assert_eq!(t.dtype(), DType::U8);
    }
}
