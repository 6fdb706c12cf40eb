//! What the tasks see of an inference engine.

use crate::engine::EngineError;
use crate::model::{DType, TensorBuf, TensorView};

pub use crate::model::ResetReason;

/// One input or output of a loaded model, with all sizes bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the graph.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Bound shape.
    pub shape: Vec<usize>,
}

/// Inputs and outputs in contract order, state pairs left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSpec {
    /// What [`Session::run`] takes.
    pub inputs: Vec<TensorSpec>,
    /// What [`Session::run`] writes.
    pub outputs: Vec<TensorSpec>,
    /// The recurrent state the session keeps, as (input, output) names with their common shape.
    pub state: Vec<(TensorSpec, String)>,
}

/// A loaded model with its recurrent state. One thread owns it.
///
/// State: `run` reads the committed state and writes the pending one; [`Session::advance_state`]
/// swaps the two. Between [`Session::begin_scratch`] and [`Session::end_scratch`] this happens on a
/// scratch copy, so that a prediction can be fed back for a horizon without touching the
/// stream's state.
pub trait Session: Send {
    /// Names, types and bound shapes.
    fn spec(&self) -> &SessionSpec;

    /// Runs the model once. `inputs` and `outputs` are in the order of [`Session::spec`]; outputs
    /// are resized to their bound shapes if needed.
    ///
    /// # Errors
    /// [`EngineError`] when a shape or type differs from the spec, or the library fails.
    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        outputs: &mut [TensorBuf],
    ) -> Result<(), EngineError>;

    /// Makes the state written by the last `run` the current one; nothing without state.
    fn advance_state(&mut self);

    /// Puts the state pairs whose contract names `reason`, or no reason at all, back to their initial
    /// values; [`ResetReason::Start`] and [`ResetReason::NonFinite`] put back every pair.
    /// `first-frame` state takes the value of the frame input of the next `run`.
    fn reset_state(&mut self, reason: ResetReason);

    /// Starts working on a scratch copy of the state.
    fn begin_scratch(&mut self);

    /// Drops the scratch copy; the state is again what it was at [`Session::begin_scratch`].
    fn end_scratch(&mut self);

    /// The committed state as bytes tagged with the model's hash.
    ///
    /// # Errors
    /// [`EngineError`] when the library does not give the state out.
    fn export_state(&self) -> Result<Vec<u8>, EngineError>;

    /// Restores what [`Session::export_state`] gave.
    ///
    /// # Errors
    /// [`EngineError`] when the bytes are damaged or belong to another model.
    fn import_state(&mut self, bytes: &[u8]) -> Result<(), EngineError>;
}
