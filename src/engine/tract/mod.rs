//! The built-in engine: tract, pure Rust with assembled kernels.
//!
//! Recurrent state never leaves tract: an output handle becomes the next input by a move. Input
//! tensors are allocated once and refilled. The thread pool belongs to the session
//! ([`RunOptions::executor`]); matrix products, convolutions through them and large element-wise
//! operators use it, everything else runs on the owner's thread.

mod convert;
mod isolate;
mod rules;

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::multithread::Executor;
use tract_onnx::tract_core::plan::{SimplePlan, SimpleState};
use tract_onnx::tract_hir::internal::{InferenceModelExt, bail};

use super::backend::Backend;
use super::library_call::library_call;
use super::load::Job;
use super::ports::{Ports, Slot};
use super::{EngineError, Placement, TensorSpec, refusal};
use crate::model::{DType, TensorBuf, TensorView};

/// Version of the tract crates, pinned in `Cargo.toml`.
pub(super) const VERSION: &str = "0.23.9";
const ENGINE: &str = "tract";

/// Refuses the model by rule, before its sizes are even known.
pub(super) fn rules(job: &Job<'_>) -> Result<(), EngineError> {
    rules::check(job.file.graph())
}

type State = SimpleState<TypedFact, Box<dyn TypedOp>>;

pub(super) struct TractBackend {
    state: State,
    /// One slot for each graph input, refilled each run; state slots are taken from the state.
    inputs: Vec<(Slot, Arc<Tensor>)>,
    outputs: Vec<(Slot, DType, String)>,
    /// Recurrent operators keep their own state from run to run in tract, which ONNX does not want:
    /// each run then starts from a new state of the plan.
    stateful: bool,
    /// Set by a panic inside tract: what it left behind cannot be trusted.
    broken: bool,
    nodes: usize,
}

impl TractBackend {
    /// Parses, analyses and optimises the model for the bound shapes.
    pub(super) fn load(job: &Job<'_>, ports: &Ports, threads: usize) -> Result<Self, EngineError> {
        let bytes = job.file.bytes();
        let outcome = library_call(|| isolate::isolated(|| prepare(bytes, ports, threads)));
        let failure = match outcome {
            Ok(Ok(state)) => {
                let nodes = state.plan().order_without_consts().len();
                let inputs = ports
                    .inputs
                    .iter()
                    .map(|p| {
                        let dt = convert::datum_type(p.spec.dtype);
                        Ok((p.slot, Tensor::zero_dt(dt, &p.spec.shape)?.into_arc_tensor()))
                    })
                    .collect::<TractResult<_>>()
                    .map_err(|e| run_error(&format!("{e:#}")))?;
                let outputs =
                    ports.outputs.iter().map(|p| (p.slot, p.dtype, p.name.clone())).collect();
                let stateful = state.op_states.iter().any(Option::is_some);
                return Ok(Self { state, inputs, outputs, stateful, broken: false, nodes });
            }
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic,
        };
        Err(refusal::from_message(ENGINE, job.name, &failure, job.nodes))
    }
}

fn prepare(bytes: &[u8], ports: &Ports, threads: usize) -> TractResult<State> {
    // Declared shapes of inner tensors and outputs are often those of another batch or frame size;
    // tract derives its own from the bound inputs.
    let framework = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    let mut reader = bytes;
    let mut model = framework.model_for_read(&mut reader)?;
    if model.inputs.len() != ports.inputs.len() {
        bail!("the graph has {} inputs, {} were bound", model.inputs.len(), ports.inputs.len());
    }
    for (i, port) in ports.inputs.iter().enumerate() {
        let fact = InferenceFact::dt_shape(convert::datum_type(port.spec.dtype), &port.spec.shape);
        model.set_input_fact(i, fact)?;
    }
    let model = model.into_optimized()?;
    let executor = if threads > 1 {
        Executor::multithread_with_name(threads, "framecast-tract")
    } else {
        Executor::SingleThread
    };
    let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
    SimplePlan::new_with_options(model, &options)?.spawn()
}

fn run_error(reason: &str) -> EngineError {
    EngineError::Run { engine: ENGINE.to_owned(), reason: refusal::shorten(reason) }
}

/// Refills `slot` in place; a new tensor only if the last run still holds the old one.
fn refill(slot: &mut Arc<Tensor>, view: &TensorView<'_>) -> TractResult<()> {
    match Arc::get_mut(slot) {
        Some(tensor) => convert::fill(tensor, view),
        None => {
            *slot = library_call(|| convert::to_tract(view).map(Tensor::into_arc_tensor))?;
            Ok(())
        }
    }
}

impl Backend for TractBackend {
    type State = TValue;

    fn new_state(&self, spec: &TensorSpec) -> Result<TValue, EngineError> {
        Tensor::zero_dt(convert::datum_type(spec.dtype), &spec.shape)
            .map(Into::into)
            .map_err(|e| run_error(&format!("{e:#}")))
    }

    fn clear_state(&self, state: &mut TValue) -> Result<(), EngineError> {
        *state = Tensor::zero_dt(state.datum_type().unquantized(), state.shape())
            .map_err(|e| run_error(&format!("{e:#}")))?
            .into();
        Ok(())
    }

    fn write_state(&self, state: &mut TValue, value: &TensorView<'_>) -> Result<(), EngineError> {
        let tensor = library_call(|| convert::to_tract(value));
        *state = tensor.map_err(|e| run_error(&format!("{e:#}")))?.into();
        Ok(())
    }

    fn copy_state(&self, from: &TValue, to: &mut TValue) -> Result<(), EngineError> {
        // Tensors are shared and never written to while shared, so the handle is the copy.
        *to = from.clone();
        Ok(())
    }

    fn read_state(&self, state: &TValue, to: &mut TensorBuf) -> Result<(), EngineError> {
        convert::from_tract(state, to.dtype(), to).map_err(|e| run_error(&format!("{e:#}")))
    }

    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        state: &[TValue],
        outputs: &mut [TensorBuf],
        next: &mut [TValue],
    ) -> Result<(), EngineError> {
        if self.broken {
            return Err(run_error("an earlier run panicked inside tract; load the model again"));
        }
        for (slot, tensor) in &mut self.inputs {
            if let Slot::Caller(i) = *slot
                && let Some(view) = inputs.get(i)
            {
                refill(tensor, view).map_err(|e| run_error(&format!("{e:#}")))?;
            }
        }
        let results = library_call(|| {
            let values: TVec<TValue> = self
                .inputs
                .iter()
                .map(|(slot, tensor)| match *slot {
                    Slot::State(i) => state.get(i).cloned(),
                    Slot::Caller(_) => Some(TValue::from_const(Arc::clone(tensor))),
                })
                .map(|value| value.unwrap_or_else(|| tensor0(0f32).into()))
                .collect();
            isolate::isolated(|| {
                if self.stateful {
                    self.state = self.state.plan().spawn()?;
                }
                self.state.run(values)
            })
        });
        let results = match results {
            Ok(results) => results.map_err(|e| run_error(&format!("{e:#}")))?,
            Err(panic) => {
                self.broken = true;
                return Err(run_error(&panic));
            }
        };
        for (value, (slot, dtype, name)) in results.into_iter().zip(&self.outputs) {
            match *slot {
                Slot::State(i) => {
                    if let Some(next) = next.get_mut(i) {
                        *next = value;
                    }
                }
                Slot::Caller(i) => {
                    if let Some(output) = outputs.get_mut(i) {
                        convert::from_tract(&value, *dtype, output).map_err(|e| {
                            EngineError::Tensor { name: name.clone(), reason: format!("{e:#}") }
                        })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn placement(&mut self) -> Result<Vec<Placement>, String> {
        Ok(vec![Placement { provider: ENGINE.to_owned(), nodes: self.nodes }])
    }
}
