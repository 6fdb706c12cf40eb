//! The [`Session`] over any [`Backend`]: checks what comes in, and keeps the recurrent state.
//!
//! One thread owns it. State is held three times at most: committed (read by the next run),
//! pending (written by the last run) and, while a scratch copy is open, the saved pair.

use std::mem;

use super::backend::Backend;
use super::load::Prepared;
use super::ports::{InitialState, Ports};
use super::state_bytes;
use super::{EngineError, Placement, ResetReason, Session, SessionSpec, TensorSpec};
use crate::model::{DType, TensorBuf, TensorView, golden};

pub(super) struct StateSession<B: Backend> {
    backend: B,
    spec: SessionSpec,
    initial: Vec<InitialState>,
    model_hash: [u8; 32],
    committed: Vec<B::State>,
    pending: Vec<B::State>,
    /// True until the first run after a reset: `first-frame` state is still to be filled.
    fresh: bool,
    /// True between a run and `advance_state`.
    ran: bool,
    saved: Vec<B::State>,
    saved_flags: Option<(bool, bool)>,
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
            initial: ports.state.iter().map(|s| s.initial).collect(),
            backend,
            spec,
            model_hash,
            committed,
            pending,
            fresh: true,
            ran: false,
            saved,
            saved_flags: None,
        })
    }

    fn start_state(&mut self, inputs: &[TensorView<'_>]) -> Result<(), EngineError> {
        for (state, initial) in self.committed.iter_mut().zip(&self.initial) {
            match *initial {
                InitialState::Zeros => self.backend.clear_state(state)?,
                InitialState::Input(i) => {
                    if let Some(frame) = inputs.get(i) {
                        self.backend.write_state(state, frame)?;
                    }
                }
            }
        }
        self.fresh = false;
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
        if self.fresh {
            self.start_state(inputs)?;
        }
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
        self.fresh = true;
        self.ran = false;
    }

    fn begin_scratch(&mut self) {
        let states = self.committed.iter().chain(&self.pending);
        for (from, to) in states.zip(&mut self.saved) {
            if let Err(error) = self.backend.copy_state(from, to) {
                // Both are ours and of one spec, so only a failing library comes here; without a
                // faithful copy the stream's state is lost, which a reset makes explicit.
                tracing::error!(%error, "state could not be saved; it is reset");
                self.saved_flags = Some((true, false));
                return;
            }
        }
        self.saved_flags = Some((self.fresh, self.ran));
    }

    fn end_scratch(&mut self) {
        if let Some((fresh, ran)) = self.saved_flags.take() {
            let (committed, pending) = self.saved.split_at_mut(self.committed.len());
            self.committed.swap_with_slice(committed);
            self.pending.swap_with_slice(pending);
            (self.fresh, self.ran) = (fresh, ran);
        }
    }

    fn export_state(&self) -> Result<Vec<u8>, EngineError> {
        let mut tensors = Vec::with_capacity(self.committed.len());
        for (state, (spec, _)) in self.committed.iter().zip(&self.spec.state) {
            let mut value = TensorBuf::zeros(spec.dtype, &spec.shape);
            self.backend.read_state(state, &mut value)?;
            tensors.push((spec.name.as_str(), value));
        }
        Ok(state_bytes::encode(&self.model_hash, self.fresh, &tensors))
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let specs: Vec<&TensorSpec> = self.spec.state.iter().map(|(spec, _)| spec).collect();
        let (fresh, tensors) = state_bytes::decode(bytes, &self.model_hash, &specs)?;
        for (state, value) in self.committed.iter_mut().zip(&tensors) {
            self.backend.write_state(state, &value.view())?;
        }
        (self.fresh, self.ran) = (fresh, false);
        Ok(())
    }
}
