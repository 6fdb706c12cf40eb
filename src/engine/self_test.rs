//! The golden self-test: the model carries inputs by rule and samples of its outputs; an engine
//! that does not reproduce them is not used.

use super::ports::Ports;
use super::{EngineError, Session};
use crate::model::{Golden, TensorBuf, TensorView, golden};

/// Runs the chained steps from reset state and compares; returns the largest relative error.
pub(super) fn run(
    engine: &str,
    model: &str,
    session: &mut dyn Session,
    golden: &Golden,
    ports: &Ports,
) -> Result<f64, EngineError> {
    let spec = session.spec().clone();
    let mut outputs: Vec<TensorBuf> =
        spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    let mut worst = 0.0f64;
    session.reset_state(super::ResetReason::Start);
    for step in 0..golden.steps {
        let inputs = ports.made_up(|i| golden::input(i.dtype, &i.shape, step));
        let views: Vec<TensorView<'_>> = inputs.iter().map(TensorBuf::view).collect();
        session.run(&views, &mut outputs)?;
        for expected in &golden.outputs {
            let got = spec.outputs.iter().zip(&outputs).find(|(o, _)| o.name == expected.name);
            let Some((_, got)) = got else { continue };
            let error = golden::compare(golden, expected, step, got).map_err(|mismatch| {
                EngineError::Model {
                    model: model.to_owned(),
                    reason: format!("the golden self-test fails on {engine}: {mismatch}"),
                }
            })?;
            worst = worst.max(error);
        }
        session.advance_state();
    }
    session.reset_state(super::ResetReason::Start);
    Ok(worst)
}
