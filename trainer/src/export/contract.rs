//! The contract of an exported network.

use framecast::model::{
    Contract, DType, Port, PredictKind, Provenance, Role, SizeRule, StateInit, StatePair, Task,
};

use super::direct::{EXPECTED, FRAME, LAST, MEMORY, PREDICTION, picture};
use crate::TrainError;
use crate::net::direct::MULTIPLE_OF;
use crate::train::Checkpoint;

/// The contract of a `direct` network, without self-test and scores.
pub(super) fn direct(checkpoint: &Checkpoint) -> Result<Contract, TrainError> {
    let recipe = &checkpoint.recipe;
    let mut contract = Contract::new(&recipe.name, Task::Predict);
    contract.description.clone_from(&recipe.description);
    contract.kind = Some(PredictKind::Direct);
    contract.inputs = vec![Port::new(FRAME, Role::Frame, DType::F32, &picture(3))];
    contract.outputs = vec![Port::new(PREDICTION, Role::Prediction, DType::F32, &picture(3))];
    contract.size = Some(SizeRule::MultipleOf(MULTIPLE_OF as u32));
    contract.state = [
        (LAST, StateInit::FirstFrame),
        (EXPECTED, StateInit::FirstFrame),
        (MEMORY, StateInit::Zeros),
    ]
    .map(|([input, output], init)| StatePair {
        input: input.to_owned(),
        output: output.to_owned(),
        init,
        reset: Vec::new(),
    })
    .to_vec();
    contract.provenance = Provenance {
        producer: format!("framecast-train {}", env!("CARGO_PKG_VERSION")),
        licence: recipe.licence.clone(),
        data: checkpoint.data.clone(),
        config: format!("{}# steps done: {}\n", recipe.to_toml()?, checkpoint.optimiser.steps),
        seed: recipe.seed,
    };
    Ok(contract)
}
