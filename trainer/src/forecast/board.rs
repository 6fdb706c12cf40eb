//! Models and baselines on the same test sequences of Moving MNIST.

use std::path::{Path, PathBuf};

use framecast::engine::{EngineChoice, LoadOptions};
use framecast::frame::Size;
use framecast::model::ModelFile;
use framecast::model::analysis::analyse;
use framecast::task::predict::{CopyLast, Forecaster, Linear, Motion};
use framecast::vision::{FloatImage, RgbImage};
use serde::Serialize;

use super::{Forecast, Manner, OnnxPredictor, score, strip};
use crate::TrainError;
use crate::data::moving_mnist::{
    FRAMES, GIVEN, MovingMnist, MovingMnistRecipe, SIDE, Split, TEST_SEED,
};
use crate::evaluate::{contract, sizes};

/// What is scored.
#[derive(Clone, Debug)]
pub struct Options {
    /// ONNX models.
    pub models: Vec<PathBuf>,
    /// The IDX file of digits.
    pub digits: String,
    /// Test sequences, from the first on.
    pub sequences: usize,
    /// Where pictures of the last model's predictions go.
    pub sheet: Option<PathBuf>,
}

/// One predictor, in one manner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The predictor.
    pub name: String,
    /// How its frames are made.
    pub manner: Manner,
    /// Weights.
    pub parameters: u64,
    /// Multiply-accumulates of one call; none where not all is known.
    pub macs: Option<u64>,
    /// What it scored.
    #[serde(flatten)]
    pub forecast: Forecast,
}

/// Sequences that are drawn.
const DRAWN: usize = 4;

/// Scores the baselines and all models on the first test sequences.
///
/// # Errors
/// [`TrainError::Data`] for damaged digits, [`TrainError::Export`] for a model that cannot be run,
/// [`TrainError::Io`] when the pictures cannot be written.
pub fn board(options: &Options) -> Result<Vec<Row>, TrainError> {
    let recipe = MovingMnistRecipe { uri: options.digits.clone(), ..MovingMnistRecipe::default() };
    let generator = MovingMnist::open(&recipe, Split::Test, SIDE)?;
    let size = Size::new(SIDE, SIDE);
    let ahead = FRAMES - GIVEN;
    let mut rows = Vec::new();
    let mut drawn: Vec<Vec<FloatImage>> = Vec::new();
    let mut judge = |row: Row, predictor: &mut OnnxPredictor| {
        let fail = |reason| TrainError::Export { name: row.name.clone(), reason };
        let numbers = 0..options.sequences as u64;
        let sequences = numbers.map(|n| generator.sequence(TEST_SEED, n, FRAMES));
        drawn.clear();
        let mut predict = |seen: &[RgbImage]| {
            let list = predictor.predict(seen)?;
            if drawn.len() < DRAWN {
                drawn.push(list.clone());
            }
            Ok(list)
        };
        let forecast = score(sequences, GIVEN, &mut predict).map_err(fail)?;
        rows.push(Row { forecast, ..row });
        Ok::<(), TrainError>(())
    };
    let baselines: [(&str, Box<dyn Forecaster>); 4] = [
        (CopyLast::NAME, Box::new(CopyLast)),
        (Linear::NAME, Box::new(Linear::new())),
        (Motion::NAME, Box::new(Motion::velocity())),
        (Motion::GATE, Box::new(Motion::gate())),
    ];
    for (name, forecaster) in baselines {
        let row = Row::new(name, Manner::FedBack, 0, Some(0));
        judge(row, &mut OnnxPredictor::baseline(forecaster, ahead))?;
    }
    for path in &options.models {
        let model = ModelFile::open(path).map_err(|e| TrainError::Export {
            name: path.display().to_string(),
            reason: e.to_string(),
        })?;
        let (parameters, macs) = cost(&model, size)?;
        let mut load = LoadOptions::default();
        // The engine every machine has.
        load.engine = EngineChoice::Tract;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // The one in one call last: its pictures are drawn.
        for manner in OnnxPredictor::manners(&model)?.into_iter().rev() {
            let mut predictor = OnnxPredictor::open(&model, &load, manner, size, ahead)?;
            judge(Row::new(&name, manner, parameters, macs), &mut predictor)?;
        }
    }
    if let Some(path) = &options.sheet {
        let sequences: Vec<Vec<RgbImage>> =
            (0..drawn.len() as u64).map(|n| generator.sequence(TEST_SEED, n, FRAMES)).collect();
        write(path, &sequences, &drawn)?;
    }
    Ok(rows)
}

/// Weights, and multiply-accumulates of one call.
fn cost(model: &ModelFile, size: Size) -> Result<(u64, Option<u64>), TrainError> {
    let contract = contract(model)?;
    let bind = sizes(&contract, size)
        .map_err(|e| TrainError::Export { name: model.name().to_owned(), reason: e.to_string() })?;
    let found = analyse(model, &bind);
    let known = found.cost.unknown.is_empty() && found.cost.in_subgraphs == 0;
    Ok((found.parameters, known.then_some(found.cost.macs)))
}

fn write(
    path: &Path,
    sequences: &[Vec<RgbImage>],
    drawn: &[Vec<FloatImage>],
) -> Result<(), TrainError> {
    let Some(sheet) = strip::compose(sequences, GIVEN, drawn) else { return Ok(()) };
    let (w, h) = (sheet.size().width, sheet.size().height);
    let (rgb, png) = (image::ExtendedColorType::Rgb8, image::ImageFormat::Png);
    image::save_buffer_with_format(path, sheet.data(), w, h, rgb, png)
        .map_err(|e| TrainError::io("write", path)(std::io::Error::other(e)))
}

impl Row {
    fn new(name: &str, manner: Manner, parameters: u64, macs: Option<u64>) -> Self {
        let forecast = Forecast::default();
        Self { name: name.to_owned(), manner, parameters, macs, forecast }
    }

    /// A Markdown table, the smallest error first.
    #[must_use]
    pub fn table(rows: &[Self]) -> String {
        let mut rows: Vec<&Self> = rows.iter().collect();
        rows.sort_by(|a, b| a.forecast.model.mse.total_cmp(&b.forecast.model.mse));
        let sequences = rows.first().map_or(0, |row| row.forecast.sequences);
        let mut text = format!(
            "{sequences} test sequences, {GIVEN} frames given, {GIVEN} predicted\n\n\
             | predictor | manner | MSE | MAE | SSIM | SSIM 7x7 | PSNR dB | MSE 1st | MSE 10th | \
             parameters | MACs a call |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        );
        for row in rows {
            let m = &row.forecast.model;
            let manner = match row.manner {
                Manner::OneCall => "one call",
                Manner::FedBack => "fed back",
            };
            let list = &row.forecast.model_by_frame;
            let end = |at: Option<&super::Means>| at.map_or(0.0, |m| m.mse);
            let macs = row.macs.map_or("?".to_owned(), crate::describe::scaled);
            text.push_str(&format!(
                "| {} | {manner} | {:.2} | {:.2} | {:.4} | {:.4} | {:.2} | {:.2} | {:.2} | {} | {macs} |\n",
                row.name,
                m.mse,
                m.mae,
                m.ssim,
                m.ssim_uniform,
                m.psnr,
                end(list.first()),
                end(list.last()),
                row.parameters,
            ));
        }
        text
    }
}
