//! A model in ONNX Runtime.
//!
//! A run hands the library the caller's own memory for inputs and for outputs whose shape is
//! certain; other outputs are made by the library and copied. State is a pair of values over memory
//! of ours; the session swaps the two.

use std::ffi::{CString, c_char};
use std::{fs, mem, ptr};

use ort::AsPointer as _;
use ort::session::Session;
use ort::sys;
use tempfile::TempDir;

use super::value::{CpuMemory, OwnedValue, Value, checked};
use super::{ENGINE, placement};
use crate::engine::backend::Backend;
use crate::engine::library_call::library_call;
use crate::engine::ports::{Ports, Slot};
use crate::engine::{EngineError, Placement, TensorSpec, refusal};
use crate::model::{DType, TensorBuf, TensorView};

struct Input {
    slot: Slot,
    shape: Vec<i64>,
}

struct Output {
    slot: Slot,
    name: String,
    dtype: DType,
    /// Set once a run has shown that the declared shape is true.
    shape: Option<(Vec<usize>, Vec<i64>)>,
}

pub(super) struct OrtBackend {
    // The fields that hold values come before the session, which must outlive them.
    memory: CpuMemory,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    input_values: Vec<Option<Value>>,
    output_values: Vec<Option<Value>>,
    pointers: Pointers,
    session: Session,
    /// Where the profile of a trial session goes; taken when it ends.
    profile: Option<TempDir>,
}

/// The arrays `Run` takes, kept so that a run allocates nothing.
struct Pointers {
    _names: Vec<CString>,
    input_names: Vec<*const c_char>,
    output_names: Vec<*const c_char>,
    inputs: Vec<*const sys::OrtValue>,
    outputs: Vec<*mut sys::OrtValue>,
}

#[expect(unsafe_code, reason = "the pointers lead to memory of the same owner")]
// SAFETY: names point into `_names`, whose elements do not move; value pointers are written at the
// start of each run and not read after it.
unsafe impl Send for Pointers {}

impl Pointers {
    fn new(ports: &Ports) -> Result<Self, String> {
        let names = ports.inputs.iter().map(|p| &p.spec.name);
        let names = names.chain(ports.outputs.iter().map(|p| &p.name));
        let names: Vec<CString> = names
            .map(|n| CString::new(n.as_bytes()).map_err(|_| format!("the name {n:?} has a NUL")))
            .collect::<Result<_, _>>()?;
        let (ins, outs) = names.split_at(ports.inputs.len());
        Ok(Self {
            input_names: ins.iter().map(|n| n.as_ptr()).collect(),
            output_names: outs.iter().map(|n| n.as_ptr()).collect(),
            inputs: vec![ptr::null(); ins.len()],
            outputs: vec![ptr::null_mut(); outs.len()],
            _names: names,
        })
    }
}

pub(super) fn run_error(reason: &str) -> EngineError {
    EngineError::Run { engine: ENGINE.to_owned(), reason: refusal::shorten(reason) }
}

fn signed(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|n| *n as i64).collect()
}

impl OrtBackend {
    pub(super) fn new(
        session: Session,
        ports: &Ports,
        profile: Option<TempDir>,
    ) -> Result<Self, EngineError> {
        let inputs: Vec<Input> = ports
            .inputs
            .iter()
            .map(|p| Input { slot: p.slot, shape: signed(&p.spec.shape) })
            .collect();
        let outputs: Vec<Output> = ports
            .outputs
            .iter()
            .map(|p| Output { slot: p.slot, name: p.name.clone(), dtype: p.dtype, shape: None })
            .collect();
        Ok(Self {
            memory: CpuMemory::new().map_err(|e| run_error(&e))?,
            input_values: inputs.iter().map(|_| None).collect(),
            output_values: outputs.iter().map(|_| None).collect(),
            inputs,
            outputs,
            pointers: Pointers::new(ports).map_err(|e| run_error(&e))?,
            session,
            profile,
        })
    }

    /// Points the arrays at the tensors of this run.
    fn bind(
        &mut self,
        inputs: &[TensorView<'_>],
        state: &[OwnedValue],
        outputs: &mut [TensorBuf],
        next: &[OwnedValue],
    ) -> Result<(), String> {
        let missing = || "a tensor is missing".to_owned();
        // A bind that ends halfway leaves no pointer of an earlier run behind.
        self.pointers.outputs.fill(ptr::null_mut());
        for (i, input) in self.inputs.iter().enumerate() {
            let pointer = match input.slot {
                Slot::State(s) => state.get(s).ok_or_else(missing)?.ptr(),
                Slot::Caller(c) => {
                    let view = inputs.get(c).ok_or_else(missing)?;
                    let value = Value::input(&self.memory, view, &input.shape)?;
                    let slot = self.input_values.get_mut(i).ok_or_else(missing)?;
                    slot.insert(value).ptr()
                }
            };
            *self.pointers.inputs.get_mut(i).ok_or_else(missing)? = pointer;
        }
        for (i, output) in self.outputs.iter().enumerate() {
            let pointer = match (output.slot, &output.shape) {
                (Slot::State(s), _) => next.get(s).ok_or_else(missing)?.ptr(),
                (Slot::Caller(_), None) => ptr::null_mut(),
                (Slot::Caller(c), Some((shape, signed))) => {
                    let buffer = outputs.get_mut(c).ok_or_else(missing)?;
                    buffer.reshape(output.dtype, shape);
                    let value = Value::output(&self.memory, buffer, signed)?;
                    let slot = self.output_values.get_mut(i).ok_or_else(missing)?;
                    slot.insert(value).ptr()
                }
            };
            *self.pointers.outputs.get_mut(i).ok_or_else(missing)? = pointer;
        }
        Ok(())
    }

    #[expect(unsafe_code, reason = "`ort` wraps `Run` with allocations for every call")]
    fn call(&mut self) -> Result<(), String> {
        let p = &mut self.pointers;
        // SAFETY: all arrays have the lengths given with them; names and values are alive until
        // `unbind`. The session is not used elsewhere: `&mut self`.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                ptr::null(),
                p.input_names.as_ptr(),
                p.inputs.as_ptr(),
                p.inputs.len(),
                p.output_names.as_ptr(),
                p.outputs.len(),
                p.outputs.as_mut_ptr(),
            )
        };
        checked(status)
    }

    /// Drops everything that borrows the caller's memory; returns what the library made itself,
    /// once: the pointers are taken, since each value that is adopted is released as well.
    fn unbind(&mut self) -> impl Iterator<Item = (&Output, Option<Value>)> {
        self.input_values.iter_mut().for_each(|v| *v = None);
        let made = self.outputs.iter().zip(&mut self.output_values).zip(&mut self.pointers.outputs);
        made.map(|((output, bound), pointer)| {
            let pointer = mem::replace(pointer, ptr::null_mut());
            let bound = bound.take().is_some() || matches!(output.slot, Slot::State(_));
            (output, if bound { None } else { Value::adopt(pointer) })
        })
    }
}

impl Backend for OrtBackend {
    type State = OwnedValue;

    fn new_state(&self, spec: &TensorSpec) -> Result<OwnedValue, EngineError> {
        OwnedValue::zeros(&self.memory, spec.dtype, &spec.shape).map_err(|e| run_error(&e))
    }

    fn clear_state(&self, state: &mut OwnedValue) -> Result<(), EngineError> {
        state.clear();
        Ok(())
    }

    fn write_state(
        &self,
        state: &mut OwnedValue,
        value: &TensorView<'_>,
    ) -> Result<(), EngineError> {
        state.write(value);
        Ok(())
    }

    fn copy_state(&self, from: &OwnedValue, to: &mut OwnedValue) -> Result<(), EngineError> {
        to.write(&from.buffer().view());
        Ok(())
    }

    fn read_state(&self, state: &OwnedValue, to: &mut TensorBuf) -> Result<(), EngineError> {
        to.clone_from(state.buffer());
        Ok(())
    }

    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        state: &[OwnedValue],
        outputs: &mut [TensorBuf],
        next: &mut [OwnedValue],
    ) -> Result<(), EngineError> {
        let outcome = library_call(|| {
            self.bind(inputs, state, outputs, next)?;
            self.call()
        });
        let mut outcome = outcome.map_err(|e| run_error(&e));
        // To the end also after an error, so that every value is released.
        for (output, made) in self.unbind() {
            if outcome.is_ok()
                && let (Some(value), Slot::Caller(i)) = (made, output.slot)
                && let Some(buffer) = outputs.get_mut(i)
            {
                outcome = value
                    .copy_to(output.dtype, buffer)
                    .map_err(|reason| EngineError::Tensor { name: output.name.clone(), reason });
            }
        }
        outcome
    }

    fn placement(&mut self) -> Result<Vec<Placement>, String> {
        // A session that stays has no profile; the trial session before it had.
        let Some(folder) = self.profile.take() else { return Ok(Vec::new()) };
        let file = library_call(|| self.session.end_profiling()).map_err(|e| e.to_string())?;
        let json = fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
        drop(folder);
        placement::from_profile(&json)
    }

    fn confirm_outputs(&mut self, shapes: &[Option<Vec<usize>>]) {
        for output in &mut self.outputs {
            // Truth values are copied, so that whatever the library writes becomes 0 or 1.
            if let (Slot::Caller(i), false) = (output.slot, output.dtype == DType::Bool) {
                let shape = shapes.get(i).cloned().flatten();
                output.shape = shape.map(|s| (s.clone(), signed(&s)));
            }
        }
    }
}
