//! The golden self-test: the model carries inputs by rule and samples of its outputs; an engine
//! that does not reproduce them is not used.

use super::ports::Ports;
use super::{EngineError, Session, observed};
use crate::model::{Golden, ModelFile, golden};

/// Runs the chained steps from reset state and compares; returns the largest relative error.
pub(super) fn run(
    engine: &str,
    model: &ModelFile,
    session: &mut dyn Session,
    golden: &Golden,
    ports: &Ports,
) -> Result<f64, EngineError> {
    let fails = |mismatch: &dyn std::fmt::Display| EngineError::Model {
        model: model.name().to_owned(),
        reason: format!("the golden self-test fails on {engine}: {mismatch}"),
    };
    let mut worst = 0.0f64;
    session.reset_state(super::ResetReason::Start);
    for step in 0..golden.steps {
        let inputs = ports.made_up(|i| golden::input(i.dtype, &i.shape, step));
        let observed = observed::step(session, model, &inputs)?;
        for expected in &golden.outputs {
            let got = observed::find(&observed, &expected.name)
                .ok_or_else(|| fails(&format!("output {:?} is not given", expected.name)))?;
            let error = golden::compare(golden, expected, step, got).map_err(|m| fails(&m))?;
            worst = worst.max(error);
        }
    }
    session.reset_state(super::ResetReason::Start);
    Ok(worst)
}
