//! `framecast-train export` and `test` for the families other than prediction.

use std::io::Write;
use std::path::Path;

use framecast_trainer::TrainError;
use framecast_trainer::export::{engines, save};
use framecast_trainer::fit::{FitCheckpoint, Lesson, Measures};
use framecast_trainer::task::open;

use crate::{Failure, TOLERANCE};

/// The checkpoint at `path`, and what it was trained by, which must be as it was then.
fn opened(path: &Path) -> Result<(FitCheckpoint, Box<dyn Lesson>), TrainError> {
    let checkpoint = FitCheckpoint::read(path)?;
    let lesson = open(&checkpoint.recipe)?;
    checkpoint.belongs(path, lesson.as_ref())?;
    Ok((checkpoint, lesson))
}

/// Writes the models of the checkpoint at `path`: to the file `out` when there is one, into the
/// folder `out` otherwise. Nothing is written when one of them differs from the trainer.
pub(crate) fn export(path: &Path, out: &Path, to: &mut impl Write) -> Result<(), Failure> {
    let (checkpoint, mut lesson) = opened(path)?;
    let scores = lesson.test(&checkpoint.optimiser.average)?;
    let products = lesson.export(&checkpoint, &scores)?;
    for product in &products {
        if let Some(off) = product.checked.iter().find(|c| c.worst > TOLERANCE) {
            return Err(Failure::Train(TrainError::Export {
                name: product.model.name().to_owned(),
                reason: format!(
                    "{} differs from the trainer by {:.1e}; {TOLERANCE:.0e} is allowed; nothing \
                     was written",
                    off.engine, off.worst
                ),
            }));
        }
    }
    let one = products.len() == 1;
    if !one {
        std::fs::create_dir_all(out).map_err(TrainError::io("create", out))?;
    }
    for product in &products {
        let file = match one {
            true => out.to_owned(),
            false => out.join(product.model.name()).with_extension("onnx"),
        };
        save(&product.model, &file)?;
        writeln!(to, "{}: {} bytes", file.display(), product.model.bytes().len())?;
        for report in &product.checked {
            let (engine, worst, steps) = (&report.engine, report.worst, report.frames);
            writeln!(to, "{engine} within {worst:.1e} of the trainer over {steps} steps")?;
        }
    }
    to.write_all(scores.text().as_bytes())?;
    if let (_, Some(reason)) = engines(None) {
        writeln!(to, "not checked on ONNX Runtime: {reason}")?;
    }
    Ok(())
}

/// Scores the checkpoint at `path` on its family's test data.
pub(crate) fn test(path: &Path, json: bool, to: &mut impl Write) -> Result<(), Failure> {
    let (checkpoint, mut lesson) = opened(path)?;
    let measures: Measures = lesson.test(&checkpoint.optimiser.average)?;
    if json {
        writeln!(to, "{}", serde_json::json!({ "schema_version": 1, "scores": measures }))?;
    } else {
        writeln!(to, "{} samples", measures.samples)?;
        to.write_all(measures.text().as_bytes())?;
    }
    Ok(())
}
