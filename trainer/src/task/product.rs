//! From a network and its weights to a model that was checked.

use framecast::model::Contract;

use crate::TrainError;
use crate::export::{engines, task_conformance, task_model};
use crate::fit::{Measures, Product};
use crate::net::{Params, TaskNet};

/// Calls an exported model is compared with the trainer over, its state carried along.
const STEPS: usize = 210;

/// `net` with `weights` as a model with `scores` made on `data`, compared with the trainer on every
/// engine that is there.
///
/// # Errors
/// [`TrainError::Export`].
pub fn product<N: TaskNet>(
    net: &N,
    weights: &Params,
    mut contract: Contract,
    scores: &Measures,
    data: &str,
) -> Result<Product, TrainError> {
    contract.scores = scores.scores(data);
    let model = task_model(net, weights, contract)?;
    let check = |engine| task_conformance(net, weights, &model, engine, STEPS);
    let checked = engines(None).0.into_iter().map(check).collect::<Result<_, _>>()?;
    Ok(Product { model, checked })
}
