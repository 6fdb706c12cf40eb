//! The network by ONNX Runtime's own `Run`: what nothing that wraps it can beat.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::{CString, c_char};
use std::ptr;

use framecast::model::TensorBuf;
use ort::sys;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A session of the library's C interface. It lives until the program ends.
pub(crate) struct Plain {
    session: *mut sys::OrtSession,
    memory: *mut sys::OrtMemoryInfo,
    names: [Vec<CString>; 2],
    values: Vec<*const sys::OrtValue>,
    /// What `values` point to, in their order.
    data: Vec<Vec<f32>>,
}

#[expect(unsafe_code, reason = "a status of the library is taken over")]
fn checked(status: sys::OrtStatusPtr) -> Outcome<()> {
    // SAFETY: every caller passes the status it has just got from the library, once.
    Ok(unsafe { ort::Error::result_from_status(status) }?)
}

impl Plain {
    /// Opens `model` with one thread; `bind` are its symbolic sizes, `inputs` the names and shapes of
    /// its inputs, all of them f32, and `outputs` the names of its outputs. The library must be loaded.
    #[expect(unsafe_code, reason = "the library's C interface, without what `ort` adds to a run")]
    pub(crate) fn new(
        model: &[u8],
        bind: &BTreeMap<String, usize>,
        inputs: &[(String, Vec<usize>)],
        outputs: &[String],
    ) -> Outcome<Self> {
        let api = ort::api();
        let name = |n: &String| CString::new(n.as_bytes());
        let (mut env, mut options) = (ptr::null_mut(), ptr::null_mut());
        let (mut session, mut memory) = (ptr::null_mut(), ptr::null_mut());
        let level = sys::OrtLoggingLevel::ORT_LOGGING_LEVEL_ERROR;
        // SAFETY: the library is loaded; out pointers outlive the calls, strings end with NUL, and
        // what one call made is what the next one takes.
        unsafe {
            checked((api.CreateEnv)(level, c"plain".as_ptr(), &mut env))?;
            checked((api.CreateSessionOptions)(&mut options))?;
            checked((api.SetIntraOpNumThreads)(options, 1))?;
            checked((api.SetInterOpNumThreads)(options, 1))?;
            for (symbol, &size) in bind {
                let symbol = CString::new(symbol.as_bytes())?;
                let size = i64::try_from(size)?;
                checked((api.AddFreeDimensionOverrideByName)(options, symbol.as_ptr(), size))?;
            }
            let (bytes, len) = (model.as_ptr().cast(), model.len());
            checked((api.CreateSessionFromArray)(env, bytes, len, options, &mut session))?;
            checked((api.CreateCpuMemoryInfo)(
                sys::OrtAllocatorType::OrtDeviceAllocator,
                sys::OrtMemType::OrtMemTypeDefault,
                &mut memory,
            ))?;
        }
        let names = [
            inputs.iter().map(|(n, _)| name(n)).collect::<Result<_, _>>()?,
            outputs.iter().map(name).collect::<Result<_, _>>()?,
        ];
        let mut plain = Self { session, memory, names, values: Vec::new(), data: Vec::new() };
        for (_, shape) in inputs {
            plain.add(shape)?;
        }
        Ok(plain)
    }

    /// Adds a value of zeros.
    #[expect(unsafe_code, reason = "the library borrows memory of ours")]
    fn add(&mut self, shape: &[usize]) -> Outcome<()> {
        let mut data = vec![0.0_f32; shape.iter().product()];
        let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let mut value = ptr::null_mut();
        // SAFETY: the elements lie on the heap, are never resized and live as long as the value.
        checked(unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                self.memory,
                data.as_mut_ptr().cast(),
                size_of_val(data.as_slice()),
                shape.as_ptr(),
                shape.len(),
                sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                &mut value,
            )
        })?;
        self.data.push(data);
        self.values.push(value);
        Ok(())
    }

    /// Puts `features` where the first input is read.
    pub(crate) fn fill(&mut self, features: &TensorBuf) {
        if let (Some(to), Some(from)) = (self.data.first_mut(), features.as_f32()) {
            to.copy_from_slice(from);
        }
    }

    /// One run; the outputs are dropped.
    #[expect(unsafe_code, reason = "the library's C interface")]
    pub(crate) fn run(&mut self) -> Outcome<()> {
        let pointers = |names: &[CString]| -> Vec<*const c_char> {
            names.iter().map(|n| n.as_ptr()).collect()
        };
        let [inputs, outputs] = &self.names;
        let (inputs, outputs) = (pointers(inputs), pointers(outputs));
        let mut made = vec![ptr::null_mut(); outputs.len()];
        // SAFETY: arrays have the lengths given with them, and all they point to is alive.
        unsafe {
            checked((ort::api().Run)(
                self.session,
                ptr::null(),
                inputs.as_ptr(),
                self.values.as_ptr(),
                self.values.len(),
                outputs.as_ptr(),
                outputs.len(),
                made.as_mut_ptr(),
            ))?;
            made.into_iter().for_each(|value| (ort::api().ReleaseValue)(value));
        }
        Ok(())
    }
}
