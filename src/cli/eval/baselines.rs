//! Predictors without a model on the targets of a model: what it must beat, and what is out of reach.

use std::fmt::Write as _;

use framecast::config::Config;
use framecast::pipeline::Stop;
use framecast::task::evaluate::{
    Differences, EvalOptions, EvalReport, Evaluator, Hindsight, Means, Paired,
};
use framecast::task::predict::{Linear, Motion};
use serde::Serialize;

use super::{Args, rows as evaluate_all, table};
use crate::cli::exit::{self, Failure};
use crate::cli::forecaster;

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct Baseline {
    /// Its name; an oracle chooses between `motion` and copy-last.
    predictor: String,
    /// Whether it is a predictor: an oracle knows the frame to come.
    reachable: bool,
    /// Its means.
    model: Means,
    /// Against copy-last, target by target.
    paired: Paired,
    /// Differences from copy-last.
    differences: Differences,
}

/// Scores all of them; the sources are read once for each.
pub(super) fn rows(
    args: &Args,
    config: &Config,
    options: &EvalOptions,
    stop: &Stop,
) -> Result<Vec<Baseline>, Failure> {
    let mut list = Vec::new();
    for (name, hindsight) in [
        (Linear::NAME, None),
        (Motion::NAME, None),
        (Motion::GATE, None),
        (Motion::NAME, Some(Hindsight::Frame)),
        (Motion::NAME, Some(Hindsight::Block)),
    ] {
        if stop.is_aborted() {
            break;
        }
        let mut config = config.clone();
        config.model.path = name.to_owned();
        let options = EvalOptions { hindsight, ..*options };
        let mut make = |size| Ok::<_, Failure>(forecaster::open(&config, size)?.forecaster);
        let priors = forecaster::motion_priors(&config)?;
        let mut evaluator = Evaluator::new(options, &mut make).with_motion_priors(priors);
        let rows = evaluate_all(args, &config, &mut evaluator, stop)?;
        let predictor = hindsight.map_or(name, Hindsight::name);
        let report = EvalReport::new(predictor, &options, rows);
        if report.frames == 0 {
            let reason =
                anyhow::anyhow!("{predictor} had no target; --baselines reads the sources again");
            return Err(Failure::new(exit::SOURCE, reason));
        }
        list.push(Baseline {
            predictor: report.predictor,
            reachable: hindsight.is_none(),
            model: report.model,
            paired: report.paired,
            differences: report.statistics.differences,
        });
    }
    Ok(list)
}

/// The same as text.
pub(super) fn text(baselines: &[Baseline]) -> String {
    let mut text = String::new();
    if !baselines.is_empty() {
        text += "\nbaselines on the same targets (an oracle knows the frame to come)\n";
    }
    for b in baselines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<14}{}", b.predictor, table::means(&b.model));
    }
    text
}
