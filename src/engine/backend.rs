//! What one inference library has to do; everything about state is common and lives in
//! [`StateSession`](super::state_session::StateSession).

use crate::engine::{EngineError, Placement, TensorSpec};
use crate::model::{TensorBuf, TensorView};

/// A loaded model in one library. `State` is a tensor that stays with the library, so that
/// recurrent state moves from output to input without a copy.
pub(super) trait Backend: Send {
    /// A state tensor.
    type State: Send;

    /// A state tensor full of zeros.
    fn new_state(&self, spec: &TensorSpec) -> Result<Self::State, EngineError>;

    /// Fills a state tensor with zeros.
    fn clear_state(&self, state: &mut Self::State) -> Result<(), EngineError>;

    /// Overwrites a state tensor; type and shape are those of its spec.
    fn write_state(
        &self,
        state: &mut Self::State,
        value: &TensorView<'_>,
    ) -> Result<(), EngineError>;

    /// Copies one state tensor to another of the same spec.
    fn copy_state(&self, from: &Self::State, to: &mut Self::State) -> Result<(), EngineError>;

    /// The value of a state tensor.
    fn read_state(&self, state: &Self::State, to: &mut TensorBuf) -> Result<(), EngineError>;

    /// Runs the graph: reads `inputs` and `state`, writes `outputs` and `next`, each in the order
    /// of the ports it was loaded with.
    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        state: &[Self::State],
        outputs: &mut [TensorBuf],
        next: &mut [Self::State],
    ) -> Result<(), EngineError>;

    /// Where the nodes of the warm-up runs really ran; asked once, after them.
    fn placement(&mut self) -> Result<Vec<Placement>, String>;

    /// Tells which outputs, in the caller's order, a trial run has shown to have the shape the
    /// graph declares, so that they can be written in place.
    fn confirm_outputs(&mut self, _shapes: &[Option<Vec<usize>>]) {}
}
