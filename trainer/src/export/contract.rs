//! The contract of an exported network.

use framecast::model::{
    Contract, DType, Port, PredictKind, Provenance, Role, SizeRule, StateInit, StatePair, Task,
    Window, WindowLayout,
};

use framecast::task::predict::FEATURE_SET;
use framecast::vision::blend::{CANDIDATES, FEATURES};

use super::blend;
use super::direct::{EXPECTED, FRAME, LAST, MEMORY, PREDICTION, picture};
use super::windowed::{WINDOW, stacked};
use crate::TrainError;
use crate::forecast::CLIP;
use crate::net::base::{self, Sizes};
use crate::net::direct::MULTIPLE_OF;
use crate::train::Checkpoint;

/// The contract of a `blend` network, without self-test and scores.
pub(super) fn blend(checkpoint: &Checkpoint) -> Result<Contract, TrainError> {
    let mut contract = Contract::new(&checkpoint.recipe.name, Task::Predict);
    contract.description.clone_from(&checkpoint.recipe.description);
    contract.kind = Some(PredictKind::Blend);
    contract.features = Some(FEATURE_SET.to_owned());
    let bytes = checkpoint.recipe.network.is_integer();
    let dtype = if bytes { DType::U8 } else { DType::F32 };
    contract.inputs =
        vec![Port::new(blend::INPUT, Role::Features, dtype, &blend::planes(FEATURES))];
    contract.outputs =
        vec![Port::new(blend::LOGITS, Role::Logits, DType::F32, &blend::planes(CANDIDATES))];
    contract.provenance = provenance(checkpoint)?;
    Ok(contract)
}

/// The contract of a network that sees a window of frames, without self-test and scores.
pub(super) fn windowed(checkpoint: &Checkpoint, sizes: &Sizes) -> Result<Contract, TrainError> {
    let mut contract = Contract::new(&checkpoint.recipe.name, Task::Predict);
    contract.description.clone_from(&checkpoint.recipe.description);
    contract.kind = Some(PredictKind::Direct);
    contract.inputs = vec![Port::new(WINDOW, Role::Window, DType::F32, &stacked(sizes.window))];
    contract.outputs = vec![Port::new(PREDICTION, Role::Prediction, DType::F32, &picture(3))];
    if sizes.ahead > 1 {
        contract.outputs.push(Port::new(CLIP, Role::Other, DType::F32, &stacked(sizes.ahead)));
    }
    contract.window = Some(Window { frames: sizes.window, layout: WindowLayout::Channels });
    contract.size = Some(SizeRule::MultipleOf(base::MULTIPLE_OF as u32));
    contract.provenance = provenance(checkpoint)?;
    Ok(contract)
}

/// Where the weights come from.
pub(super) fn provenance(checkpoint: &Checkpoint) -> Result<Provenance, TrainError> {
    let recipe = &checkpoint.recipe;
    // A run that went on from another on the same data names them twice.
    let mut data: Vec<String> = Vec::new();
    for one in &checkpoint.data {
        if !data.contains(one) {
            data.push(one.clone());
        }
    }
    Ok(Provenance {
        producer: format!("framecast-train {}", env!("CARGO_PKG_VERSION")),
        licence: recipe.licence.clone(),
        data,
        config: format!("{}# steps done: {}\n", recipe.to_toml()?, checkpoint.optimiser.steps),
        seed: recipe.seed,
    })
}

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
    contract.provenance = provenance(checkpoint)?;
    Ok(contract)
}
