//! Tensors of ours as ONNX Runtime values, without a copy.
//!
//! `ort`'s own values allocate a name table, a type and a shape for each call; these borrow memory
//! that is there already, so a run allocates nothing of ours.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use ort::sys::{self, ONNXTensorElementDataType as Element};

use crate::model::{DType, TensorBuf, TensorData, TensorSlice, TensorView};

macro_rules! for_each_type {
    ($m:ident) => {
        $m!(F32, F64, F16, U8, I8, U16, I16, U32, I32, U64, I64, Bool)
    };
}

/// The library's name for `dtype`.
pub(super) const fn element(dtype: DType) -> Element {
    match dtype {
        DType::F32 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        DType::F64 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
        DType::F16 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        DType::U8 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        DType::I8 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
        DType::U16 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
        DType::I16 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,
        DType::U32 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
        DType::I32 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        DType::U64 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
        DType::I64 => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        DType::Bool => Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
    }
}

/// Turns a status into a result, freeing it.
#[expect(unsafe_code, reason = "a status of the library is taken over")]
pub(super) fn checked(status: sys::OrtStatusPtr) -> Result<(), String> {
    // SAFETY: every caller passes the status it has just got from the library, once.
    unsafe { ort::Error::result_from_status(status) }.map_err(|e| e.to_string())
}

/// Describes plain memory of the processor to the library.
pub(super) struct CpuMemory(NonNull<sys::OrtMemoryInfo>);

#[expect(unsafe_code, reason = "the description is immutable and owned")]
// SAFETY: the structure is written once, at creation, and freed by its one owner.
unsafe impl Send for CpuMemory {}

impl CpuMemory {
    #[expect(unsafe_code, reason = "`ort` has no way to borrow memory without allocating")]
    pub(super) fn new() -> Result<Self, String> {
        let mut info = ptr::null_mut();
        // SAFETY: the library is loaded (a session exists), and `info` outlives the call.
        checked(unsafe {
            (ort::api().CreateCpuMemoryInfo)(
                sys::OrtAllocatorType::OrtDeviceAllocator,
                sys::OrtMemType::OrtMemTypeDefault,
                &mut info,
            )
        })?;
        NonNull::new(info).map(Self).ok_or_else(|| "no memory description".to_owned())
    }
}

impl Drop for CpuMemory {
    #[expect(unsafe_code, reason = "frees what `new` made")]
    fn drop(&mut self) {
        // SAFETY: made by `CreateCpuMemoryInfo` and freed once.
        unsafe { (ort::api().ReleaseMemoryInfo)(self.0.as_ptr()) };
    }
}

/// An `OrtValue`. It borrows memory unless the library made it; the module keeps that memory alive.
pub(super) struct Value(NonNull<sys::OrtValue>);

#[expect(unsafe_code, reason = "a value is used by one thread at a time")]
// SAFETY: the library does not tie values to threads; `Value` is never shared, only moved.
unsafe impl Send for Value {}

impl Value {
    pub(super) const fn ptr(&self) -> *mut sys::OrtValue {
        self.0.as_ptr()
    }

    /// Takes over a value the library made in `Run`; `None` for null.
    pub(super) fn adopt(value: *mut sys::OrtValue) -> Option<Self> {
        NonNull::new(value).map(Self)
    }

    /// A value over `len` bytes at `data`.
    ///
    /// # Safety
    /// The memory must outlive the value and hold elements of `dtype` for all of `shape`; it must
    /// be writable if the value is used as an output.
    #[expect(unsafe_code, reason = "borrows memory behind the compiler's back")]
    unsafe fn over(
        memory: &CpuMemory,
        data: *mut c_void,
        len: usize,
        shape: &[i64],
        dtype: DType,
    ) -> Result<Self, String> {
        let mut value = ptr::null_mut();
        // SAFETY: the shape is copied by the library; the memory is the caller's promise.
        checked(unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                memory.0.as_ptr(),
                data,
                len,
                shape.as_ptr(),
                shape.len(),
                element(dtype),
                &mut value,
            )
        })?;
        Self::adopt(value).ok_or_else(|| "no value".to_owned())
    }

    /// A value over an input. The caller drops it before the memory of `view` ends.
    #[expect(unsafe_code, reason = "borrows memory behind the compiler's back")]
    pub(super) fn input(
        memory: &CpuMemory,
        view: &TensorView<'_>,
        shape: &[i64],
    ) -> Result<Self, String> {
        macro_rules! arms {
            ($($v:ident),*) => {
                match view.data() {
                    $(TensorSlice::$v(s) => (s.as_ptr().cast_mut().cast(), size_of_val(s)),)*
                }
            };
        }
        let (data, len) = for_each_type!(arms);
        // SAFETY: the view is valid during the run, the library does not write to inputs, and the
        // caller drops the value with the run.
        unsafe { Self::over(memory, data, len, shape, view.dtype()) }
    }

    /// A value over a buffer that is to be written. The caller drops it before the buffer moves
    /// its elements.
    #[expect(unsafe_code, reason = "borrows memory behind the compiler's back")]
    pub(super) fn output(
        memory: &CpuMemory,
        buffer: &mut TensorBuf,
        shape: &[i64],
    ) -> Result<Self, String> {
        let dtype = buffer.dtype();
        macro_rules! arms {
            ($($v:ident),*) => {
                match buffer.data_mut() {
                    $(TensorData::$v(v) => {
                        let bytes = size_of_val(v.as_slice());
                        (v.as_mut_ptr().cast(), bytes)
                    })*
                }
            };
        }
        let (data, len) = for_each_type!(arms);
        // SAFETY: as for `input`; the buffer is borrowed mutably, so nobody else reads it.
        unsafe { Self::over(memory, data, len, shape, dtype) }
    }

    /// Copies the value's elements and shape to `to`.
    #[expect(unsafe_code, reason = "reads memory the library owns")]
    pub(super) fn copy_to(&self, dtype: DType, to: &mut TensorBuf) -> Result<(), String> {
        let api = ort::api();
        let mut info = ptr::null_mut();
        // SAFETY: `self` is a live value; a value that is no tensor gives an error status.
        checked(unsafe { (api.GetTensorTypeAndShape)(self.ptr(), &mut info) })?;
        let mut kind = Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
        let mut rank = 0;
        let mut dims = [0i64; MAX_RANK];
        // SAFETY: `info` is live until released below; `dims` has room for `rank` numbers.
        let outcome = unsafe {
            checked((api.GetTensorElementType)(info, &mut kind))
                .and_then(|()| checked((api.GetDimensionsCount)(info, &mut rank)))
                .and_then(|()| {
                    if rank > MAX_RANK {
                        return Err(format!("the output has {rank} axes"));
                    }
                    checked((api.GetDimensions)(info, dims.as_mut_ptr(), rank))
                })
        };
        // SAFETY: made by the call above and released once.
        unsafe { (api.ReleaseTensorTypeAndShapeInfo)(info) };
        outcome?;
        if kind != element(dtype) {
            return Err(format!("the graph declares {dtype} but the library computed {kind:?}"));
        }
        let mut shape = [0usize; MAX_RANK];
        let shape = shape.get_mut(..rank).unwrap_or_default();
        for (to, from) in shape.iter_mut().zip(&dims) {
            *to = usize::try_from(*from).map_err(|_| format!("the output has a size {from}"))?;
        }
        to.reshape(dtype, shape);
        let mut data = ptr::null_mut();
        // SAFETY: a live tensor value.
        checked(unsafe { (api.GetTensorMutableData)(self.ptr(), &mut data) })?;
        macro_rules! arms {
            ($($v:ident),*) => {
                match to.data_mut() {
                    $(TensorData::$v(v) => {
                        if !v.is_empty() {
                            // SAFETY: the library holds as many elements of this type as the shape
                            // says, which is the length of `v`; truth values are 0 or 1.
                            let from = unsafe { std::slice::from_raw_parts(data.cast(), v.len()) };
                            v.copy_from_slice(from);
                        }
                    })*
                }
            };
        }
        for_each_type!(arms);
        Ok(())
    }
}

/// More axes than any model in the field.
const MAX_RANK: usize = 16;

impl Drop for Value {
    #[expect(unsafe_code, reason = "frees the handle")]
    fn drop(&mut self) {
        // SAFETY: owned and released once; borrowed memory is not touched.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) };
    }
}

/// A tensor with a value over its own memory: recurrent state.
pub(super) struct OwnedValue {
    // Declared first, so that it is dropped before the memory it points to.
    value: Value,
    buffer: TensorBuf,
}

impl OwnedValue {
    pub(super) fn zeros(memory: &CpuMemory, dtype: DType, shape: &[usize]) -> Result<Self, String> {
        let mut buffer = TensorBuf::zeros(dtype, shape);
        let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
        // The elements lie on the heap and are never resized, so moving `buffer` leaves them.
        let value = Value::output(memory, &mut buffer, &shape)?;
        Ok(Self { value, buffer })
    }

    pub(super) const fn ptr(&self) -> *mut sys::OrtValue {
        self.value.ptr()
    }

    pub(super) const fn buffer(&self) -> &TensorBuf {
        &self.buffer
    }

    pub(super) fn clear(&mut self) {
        macro_rules! arms {
            ($($v:ident),*) => {
                match self.buffer.data_mut() { $(TensorData::$v(v) => v.fill(Default::default()),)* }
            };
        }
        for_each_type!(arms);
    }

    pub(super) fn write(&mut self, from: &TensorView<'_>) {
        macro_rules! arms {
            ($($v:ident),*) => {
                match (self.buffer.data_mut(), from.data()) {
                    $((TensorData::$v(to), TensorSlice::$v(from)) if to.len() == from.len() => {
                        to.copy_from_slice(from);
                    })*
                    // The session compares types and shapes with the spec before it comes here.
                    _ => {}
                }
            };
        }
        for_each_type!(arms);
    }
}
