//! Our own integer kernels: the same bytes on every processor.
//!
//! Runs what [`read`] recognises: convolutions of bytes with 7-bit weights, 32-bit sums, shifts and
//! clips. `docs/exact.md` defines the arithmetic. Single-threaded; a run allocates nothing.

mod kernel;
mod memory;
mod network;
mod read;
#[cfg(test)]
mod tests;

use super::backend::Backend;
use super::load::Job;
use super::ports::{Ports, Slot};
use super::{EngineError, Placement, TensorSpec};
use crate::model::{Contract, DType, PredictKind, Role, TensorBuf, TensorSlice, TensorView};
use crate::vision::simd;

use memory::Memory;

/// Version of the arithmetic; another one would give other bytes.
pub(super) const VERSION: &str = "1";
const ENGINE: &str = "exact";

/// True for models that are meant for the exact engine: `blend` models that take bytes.
#[must_use]
pub fn wants_exact(contract: &Contract) -> bool {
    contract.kind == Some(PredictKind::Blend)
        && contract.input(Role::Features).is_some_and(|port| port.dtype == DType::U8)
}

pub(super) struct ExactBackend {
    memory: Memory,
    /// For each output of the graph, the caller's number of it.
    outputs: Vec<Option<usize>>,
}

impl ExactBackend {
    /// Recognises the graph and takes memory for the bound sizes.
    pub(super) fn load(job: &Job<'_>, ports: &Ports) -> Result<Self, EngineError> {
        let network = read::read(job.file.graph()).map_err(|r| EngineError::Refused {
            engine: ENGINE.to_owned(),
            node: r.node,
            operator: r.operator,
            reason: r.reason,
        })?;
        let fail = |reason: String| EngineError::Model { model: job.name.to_owned(), reason };
        if !ports.state.is_empty() {
            return Err(fail("exact: models with state are not taken".to_owned()));
        }
        let [width, height] = match ports.inputs.as_slice() {
            [input] => match *input.spec.shape.as_slice() {
                [_, _, height, width] if height > 0 && width > 0 => [width, height],
                _ => return Err(fail(format!("exact: its input is {:?}", input.spec.shape))),
            },
            _ => return Err(fail("exact: it has not exactly one input".to_owned())),
        };
        let memory =
            Memory::new(network, width, height).map_err(|e| fail(format!("exact: {e}")))?;
        let outputs = ports.outputs.iter().map(|port| match port.slot {
            Slot::Caller(at) => Some(at),
            Slot::State(_) => None,
        });
        Ok(Self { outputs: outputs.collect(), memory })
    }
}

impl Backend for ExactBackend {
    // Models with state are refused at load, so no state tensor is ever made.
    type State = ();

    fn new_state(&self, _: &TensorSpec) -> Result<(), EngineError> {
        Ok(())
    }

    fn clear_state(&self, (): &mut ()) -> Result<(), EngineError> {
        Ok(())
    }

    fn write_state(&self, (): &mut (), _: &TensorView<'_>) -> Result<(), EngineError> {
        Ok(())
    }

    fn copy_state(&self, (): &(), (): &mut ()) -> Result<(), EngineError> {
        Ok(())
    }

    fn read_state(&self, (): &(), _: &mut TensorBuf) -> Result<(), EngineError> {
        Ok(())
    }

    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        _: &[()],
        outputs: &mut [TensorBuf],
        _: &mut [()],
    ) -> Result<(), EngineError> {
        let fail = |reason: &str| EngineError::Run {
            engine: ENGINE.to_owned(),
            reason: reason.to_owned(),
        };
        let Some(TensorSlice::U8(input)) = inputs.first().map(TensorView::data) else {
            return Err(fail("its input is not of u8"));
        };
        for (at, slot) in self.outputs.iter().enumerate() {
            if let Some(output) = slot.and_then(|slot| outputs.get_mut(slot)) {
                output.reshape(DType::F32, &self.memory.shape(at));
            }
        }
        let slots = &self.outputs;
        self.memory.run(input, &mut |at, line| {
            let slot = slots.get(at).copied().flatten();
            if let Some(output) = slot.and_then(|slot| outputs.get_mut(slot)) {
                line.write(output);
            }
        });
        Ok(())
    }

    fn placement(&mut self) -> Result<Vec<Placement>, String> {
        let provider = format!("{ENGINE}/{}", simd::in_use());
        Ok(vec![Placement { provider, nodes: self.memory.nodes() }])
    }
}
