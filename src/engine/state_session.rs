//! The [`Session`] over any [`Backend`]: checks what comes in, and keeps the recurrent state.
//!
//! One thread owns it. State is held three times at most: committed (read by the next run),
//! pending (written by the last run) and, while a scratch copy is open, the saved pair.

use std::mem;

use super::backend::Backend;
use super::load::Prepared;
use super::ports::{InitialState, Ports, StatePort};
use super::state_bytes;
use super::{EngineError, Placement, ResetReason, Session, SessionSpec, TensorSpec};
use crate::model::{DType, TensorBuf, TensorView, golden};

pub(super) struct StateSession<B: Backend> {
    backend: B,
    spec: SessionSpec,
    ports: Vec<StatePort>,
    model_hash: [u8; 32],
    committed: Vec<B::State>,
    pending: Vec<B::State>,
    /// For each state, true until the first run after its reset: it is still to be filled.
    fresh: Vec<bool>,
    /// True between a run and `advance_state`.
    ran: bool,
    saved: Vec<B::State>,
    saved_fresh: Vec<bool>,
    /// `ran` of the stream while a scratch copy is open.
    saved_ran: Option<bool>,
}

impl<B: Backend> StateSession<B> {
    pub(super) fn new(
        backend: B,
        ports: &Ports,
        spec: SessionSpec,
        model_hash: [u8; 32],
    ) -> Result<Self, EngineError> {
        let states = || -> Result<Vec<B::State>, EngineError> {
            spec.state.iter().map(|(state, _)| backend.new_state(state)).collect()
        };
        let (committed, pending) = (states()?, states()?);
        let mut saved = states()?;
        saved.extend(states()?);
        Ok(Self {
            ports: ports.state.clone(),
            backend,
            spec,
            model_hash,
            committed,
            pending,
            fresh: vec![true; ports.state.len()],
            ran: false,
            saved,
            saved_fresh: vec![true; ports.state.len()],
            saved_ran: None,
        })
    }

    fn start_state(&mut self, inputs: &[TensorView<'_>]) -> Result<(), EngineError> {
        let states = self.committed.iter_mut().zip(&self.ports).zip(&mut self.fresh);
        for ((state, port), fresh) in states.filter(|(_, fresh)| **fresh) {
            match port.initial {
                InitialState::Zeros => self.backend.clear_state(state)?,
                InitialState::Input(i) => {
                    if let Some(frame) = inputs.get(i) {
                        self.backend.write_state(state, frame)?;
                    }
                }
            }
            *fresh = false;
        }
        Ok(())
    }

    fn check(&self, inputs: &[TensorView<'_>], outputs: &[TensorBuf]) -> Result<(), EngineError> {
        let count = |name: &str, got: usize, want: usize| {
            if got == want {
                return Ok(());
            }
            let reason = format!("{got} tensors were given but the model has {want}");
            Err(EngineError::Tensor { name: name.to_owned(), reason })
        };
        count("inputs", inputs.len(), self.spec.inputs.len())?;
        count("outputs", outputs.len(), self.spec.outputs.len())?;
        for (view, spec) in inputs.iter().zip(&self.spec.inputs) {
            if view.dtype() != spec.dtype || view.shape() != spec.shape {
                return Err(mismatch(spec, view));
            }
        }
        Ok(())
    }
}

fn mismatch(spec: &TensorSpec, view: &TensorView<'_>) -> EngineError {
    EngineError::Tensor {
        name: spec.name.clone(),
        reason: format!(
            "got {} {:?} but the model was loaded for {} {:?}",
            view.dtype(),
            view.shape(),
            spec.dtype,
            spec.shape
        ),
    }
}

impl<B: Backend> Prepared for StateSession<B> {
    fn warm_up(&mut self, ports: &Ports, runs: usize) -> Result<(), EngineError> {
        // Numbers that are legal as pixels, and zeros where they may be indices or shapes.
        let inputs = ports.made_up(|i| match i.dtype {
            DType::F32 | DType::F16 | DType::F64 | DType::U8 => golden::input(i.dtype, &i.shape, 0),
            _ => TensorBuf::zeros(i.dtype, &i.shape),
        });
        let views: Vec<TensorView<'_>> = inputs.iter().map(TensorBuf::view).collect();
        let outputs = self.spec.outputs.iter();
        let mut outputs: Vec<TensorBuf> =
            outputs.map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
        for _ in 0..runs {
            self.run(&views, &mut outputs)?;
            self.advance_state();
        }
        let mut certain = Vec::new();
        let declared = ports.caller_outputs();
        for ((spec, output), port) in self.spec.outputs.iter_mut().zip(&outputs).zip(declared) {
            spec.shape = output.shape().to_vec();
            certain.push(port.shape.clone().filter(|shape| *shape == spec.shape));
        }
        self.backend.confirm_outputs(&certain);
        self.reset_state(ResetReason::Start);
        Ok(())
    }

    fn placement(&mut self) -> Result<Vec<Placement>, String> {
        self.backend.placement()
    }
}

impl<B: Backend> Session for StateSession<B> {
    fn spec(&self) -> &SessionSpec {
        &self.spec
    }

    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        outputs: &mut [TensorBuf],
    ) -> Result<(), EngineError> {
        self.check(inputs, outputs)?;
        self.start_state(inputs)?;
        self.backend.run(inputs, &self.committed, outputs, &mut self.pending)?;
        self.ran = true;
        Ok(())
    }

    fn advance_state(&mut self) {
        // Without a run in between, the pending state is older than the committed one.
        if mem::take(&mut self.ran) {
            mem::swap(&mut self.committed, &mut self.pending);
        }
    }

    fn reset_state(&mut self, reason: ResetReason) {
        tracing::debug!(reason = reason.name(), "state reset");
        // A pending state stays, for the pairs that are kept; in the others it is never read.
        for (fresh, port) in self.fresh.iter_mut().zip(&self.ports) {
            *fresh |= port.is_reset_by(reason);
        }
    }

    fn begin_scratch(&mut self) {
        let states = self.committed.iter().chain(&self.pending);
        for (from, to) in states.zip(&mut self.saved) {
            if let Err(error) = self.backend.copy_state(from, to) {
                // Both are ours and of one spec, so only a failing library comes here; without a
                // faithful copy the stream's state is lost, which a reset makes explicit.
                tracing::error!(%error, "state could not be saved; it is reset");
                self.saved_fresh.fill(true);
                self.saved_ran = Some(false);
                return;
            }
        }
        self.saved_fresh.copy_from_slice(&self.fresh);
        self.saved_ran = Some(self.ran);
    }

    fn end_scratch(&mut self) {
        if let Some(ran) = self.saved_ran.take() {
            let (committed, pending) = self.saved.split_at_mut(self.committed.len());
            self.committed.swap_with_slice(committed);
            self.pending.swap_with_slice(pending);
            self.fresh.copy_from_slice(&self.saved_fresh);
            self.ran = ran;
        }
    }

    fn export_state(&self) -> Result<Vec<u8>, EngineError> {
        let mut tensors = Vec::with_capacity(self.committed.len());
        let states = self.committed.iter().zip(&self.spec.state).zip(&self.fresh);
        for ((state, (spec, _)), fresh) in states {
            let mut value = TensorBuf::zeros(spec.dtype, &spec.shape);
            self.backend.read_state(state, &mut value)?;
            tensors.push((spec.name.as_str(), *fresh, value));
        }
        Ok(state_bytes::encode(&self.model_hash, &tensors))
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let specs: Vec<&TensorSpec> = self.spec.state.iter().map(|(spec, _)| spec).collect();
        let tensors = state_bytes::decode(bytes, &self.model_hash, &specs)?;
        for (state, (_, value)) in self.committed.iter_mut().zip(&tensors) {
            self.backend.write_state(state, &value.view())?;
        }
        for (fresh, (saved, _)) in self.fresh.iter_mut().zip(&tensors) {
            *fresh = *saved;
        }
        self.ran = false;
        Ok(())
    }
}
