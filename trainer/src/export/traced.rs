//! The graph and the contract of a network that is written over [`Graph`](crate::net::Graph).

use framecast::model::onnx::{GraphBuilder, ModelProto};
use framecast::model::{
    Contract, DType, Dim, Port, PredictKind, Role, SizeRule, StatePair, Task, Window, WindowLayout,
};

use super::contract::provenance;
use super::direct::{FRAME, PREDICTION, picture};
use super::nodes::Nodes;
use crate::TrainError;
use crate::net::{Carried, Design, Params, Traced};
use crate::train::Checkpoint;

/// Name of the input of a network that sees several frames.
const WINDOW: &str = "window";

/// Name and shape of the input.
fn input(design: &Design) -> (&'static str, Vec<Dim>) {
    match design.window {
        None => (FRAME, picture(3).to_vec()),
        Some((frames, WindowLayout::Time)) => {
            (WINDOW, vec![1.into(), frames.into(), 3.into(), "H".into(), "W".into()])
        }
        Some((frames, _)) => (WINDOW, picture(3 * frames).to_vec()),
    }
}

/// The name of the graph output that is a state tensor's next value.
fn next_of(carried: &Carried) -> String {
    format!("{}_next", carried.name)
}

/// Builds the model with `contract` (JSON) in its metadata.
pub(super) fn graph(
    name: &str,
    network: Traced,
    weights: &Params,
    contract: &str,
) -> Result<ModelProto, String> {
    let design = network.design();
    let mut graph = GraphBuilder::new(name);
    graph.producer("framecast-train", env!("CARGO_PKG_VERSION"));
    graph.metadata(Contract::KEY, contract);
    let (input, shape) = input(&design);
    let input = graph.input(input, DType::F32, &shape);
    let state: Vec<String> = design
        .state
        .iter()
        .map(|c| graph.input(&c.name, DType::F32, &picture(c.channels)))
        .collect();
    let mut nodes = Nodes::new(graph, weights, design.window);
    let (prediction, next) = network.step(&mut nodes, &input, &state);
    let mut graph = nodes.finish()?;
    graph.output_as(&prediction, PREDICTION, DType::F32, &picture(3));
    for (carried, value) in design.state.iter().zip(&next) {
        graph.output_as(value, &next_of(carried), DType::F32, &picture(carried.channels));
    }
    graph.finish()
}

/// The contract, without self-test and scores.
pub(super) fn contract(checkpoint: &Checkpoint, network: Traced) -> Result<Contract, TrainError> {
    let recipe = &checkpoint.recipe;
    let design = network.design();
    let mut contract = Contract::new(&recipe.name, Task::Predict);
    contract.description.clone_from(&recipe.description);
    contract.kind = Some(PredictKind::Direct);
    let (name, shape) = input(&design);
    let role = if design.window.is_some() { Role::Window } else { Role::Frame };
    contract.inputs = vec![Port::new(name, role, DType::F32, &shape)];
    contract.outputs = vec![Port::new(PREDICTION, Role::Prediction, DType::F32, &picture(3))];
    contract.window = design.window.map(|(frames, layout)| Window { frames, layout });
    contract.size = (design.multiple_of > 1)
        .then(|| u32::try_from(design.multiple_of).map_or(1, |n| n))
        .map(SizeRule::MultipleOf);
    let pair = |carried: &Carried| StatePair {
        input: carried.name.clone(),
        output: next_of(carried),
        init: carried.init,
        reset: Vec::new(),
    };
    contract.state = design.state.iter().map(pair).collect();
    contract.provenance = provenance(checkpoint)?;
    Ok(contract)
}
