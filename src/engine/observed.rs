//! All that one step of a session gives, its state included, for comparison with a reference.

use super::load::state_hash;
use super::{EngineError, Session, TensorSpec, state_bytes};
use crate::model::{ModelFile, TensorBuf, TensorView};

/// Values by the name of the graph's output.
pub(super) type Observed = Vec<(String, TensorBuf)>;

/// Runs a step on `inputs` and advances. The state comes the way it is saved, since a session
/// gives it out in no other.
pub(super) fn step(
    session: &mut dyn Session,
    model: &ModelFile,
    inputs: &[TensorBuf],
) -> Result<Observed, EngineError> {
    let spec = session.spec().clone();
    let views: Vec<TensorView<'_>> = inputs.iter().map(TensorBuf::view).collect();
    let mut outputs: Vec<TensorBuf> =
        spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    session.run(&views, &mut outputs)?;
    session.advance_state();
    let mut observed: Observed = spec.outputs.into_iter().map(|o| o.name).zip(outputs).collect();
    if !spec.state.is_empty() {
        let specs: Vec<&TensorSpec> = spec.state.iter().map(|(state, _)| state).collect();
        let state = state_bytes::decode(&session.export_state()?, &state_hash(model), &specs)?;
        let names = spec.state.iter().map(|(_, output)| output.clone());
        observed.extend(names.zip(state.into_iter().map(|(_, value)| value)));
    }
    Ok(observed)
}

/// The value of the output `name`.
pub(super) fn find<'a>(observed: &'a Observed, name: &str) -> Option<&'a TensorBuf> {
    observed.iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

/// Why `expected` cannot be the reference of what was observed: an output on one side only.
pub(super) fn unlike<'a>(
    observed: &Observed,
    expected: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(missing) = expected.clone().find(|name| find(observed, name).is_none()) {
        return Some(format!("it has output {missing:?}, which the model does not give"));
    }
    let surplus = observed.iter().find(|(name, _)| !expected.clone().any(|e| e == name))?;
    Some(format!("it says nothing about output {:?}", surplus.0))
}
