//! What a network consists of and what it costs, trained or not.

use std::collections::BTreeMap;
use std::path::Path;

use framecast::frame::Size;
use framecast::model::analysis::{Analysis, analyse};
use framecast::model::{DType, Dim, ModelFile};

use crate::TrainError;
use crate::evaluate::{contract, sizes};
use crate::export::export;
use crate::recipe::Recipe;
use crate::train::{AdamW, Checkpoint};

/// The sizes costs are given for.
pub const SIZES: [Size; 2] = [Size { width: 96, height: 96 }, Size { width: 640, height: 360 }];

/// The model that `path` stands for: an ONNX file, a checkpoint, or a recipe's untrained network.
///
/// # Errors
/// [`TrainError`] when the file cannot be read or its network not be exported.
pub fn open(path: &Path) -> Result<ModelFile, TrainError> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match extension {
        "onnx" => ModelFile::open(path).map_err(|e| TrainError::Export {
            name: path.display().to_string(),
            reason: e.to_string(),
        }),
        "ckpt" => export(&Checkpoint::read(path)?, Vec::new()),
        _ => untrained(&Recipe::read(path)?),
    }
}

/// The network of a recipe before its first step.
///
/// # Errors
/// [`TrainError::Export`] when it cannot be exported.
pub fn untrained(recipe: &Recipe) -> Result<ModelFile, TrainError> {
    let optimiser = AdamW::new(recipe.init());
    let recipe = recipe.clone();
    export(&Checkpoint::new(recipe, Vec::new(), optimiser), Vec::new())
}

/// Layers, parameters, multiply-accumulates and memory at [`SIZES`], as text.
///
/// # Errors
/// [`TrainError::Export`] when the model has no contract.
pub fn describe(model: &ModelFile) -> Result<String, TrainError> {
    let contract = contract(model)?;
    let mut text = format!("{}  {} bytes", contract.name, model.bytes().len());
    if !contract.description.is_empty() {
        text.push_str(&format!("\n{}", contract.description));
    }
    text.push('\n');
    let mut layers = true;
    for size in SIZES {
        let bind = match sizes(&contract, size) {
            Ok(bind) => bind,
            Err(error) => {
                text.push_str(&format!("\nframes of {size}: {error}\n"));
                continue;
            }
        };
        let found = analyse(model, &bind);
        if std::mem::take(&mut layers) {
            text.push_str(&format!("{} parameters, {} nodes\n", found.parameters, found.nodes));
            text.push_str(&table(&found, size));
        }
        let state: u64 = contract.state.iter().map(|s| state_bytes(model, &s.input, &bind)).sum();
        text.push_str(&format!(
            "\nframes of {size}: {} multiply-accumulates a frame\n  \
             values between layers {} at most at a time (4 bytes each), state {}, weights {}\n",
            scaled(found.cost.macs),
            bytes(found.peak_elements.saturating_mul(4)),
            bytes(state),
            bytes(found.parameters.saturating_mul(4)),
        ));
        let cost = &found.cost;
        if !cost.unknown.is_empty() || cost.in_subgraphs > 0 {
            let left_out = cost.unknown.len() + cost.in_subgraphs;
            text.push_str(&format!("  {left_out} nodes of unknown cost are left out\n"));
        }
    }
    Ok(text)
}

fn table(found: &Analysis, size: Size) -> String {
    let mut text = format!(
        "\n{:<28} {:<14} {:>20} {:>12} {:>12}\n",
        format!("layer at {size}"),
        "operator",
        "output",
        "parameters",
        "MACs"
    );
    for layer in &found.layers {
        let output = layer.output.as_ref().map_or_else(
            || "?".to_owned(),
            |dims| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
        );
        text.push_str(&format!(
            "{:<28} {:<14} {output:>20} {:>12} {:>12}\n",
            layer.name, layer.operator, layer.parameters, layer.macs
        ));
    }
    text
}

/// Memory of a state tensor: that of the graph input `name`.
fn state_bytes(model: &ModelFile, name: &str, bind: &BTreeMap<String, usize>) -> u64 {
    let Some(input) = model.inputs().into_iter().find(|i| i.name == name) else { return 0 };
    let elements = input.shape.unwrap_or_default().iter().fold(1u64, |n, dim| {
        let side = match dim {
            Dim::Fixed(side) => *side,
            Dim::Symbol(symbol) => bind.get(symbol).copied().unwrap_or(1),
        };
        n.saturating_mul(side as u64)
    });
    let each = match input.dtype {
        Some(DType::U8 | DType::I8 | DType::Bool) => 1,
        Some(DType::F16 | DType::U16 | DType::I16) => 2,
        Some(DType::F64 | DType::U64 | DType::I64) => 8,
        _ => 4,
    };
    elements.saturating_mul(each)
}

/// A count with a unit of thousands.
pub(crate) fn scaled(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..10_000_000 => format!("{:.1} k", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} M", count as f64 / 1e6),
        _ => format!("{:.1} G", count as f64 / 1e9),
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_240 => format!("{count} bytes"),
        10_240..10_485_760 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(network: &str) -> Recipe {
        let text =
            format!("name = \"x\"\nnetwork = \"{network}\"\n[data]\nside = 32\nframes = 9\n");
        Recipe::parse("r", &text).unwrap()
    }

    #[test]
    fn an_untrained_network_is_described() {
        let text = describe(&untrained(&recipe("nano-direct")).unwrap()).unwrap();
        assert!(text.contains("layer at 96x96") && text.contains("Conv"), "{text}");
        assert!(text.contains("frames of 640x360"), "{text}");
        // The memory is of the frame's size.
        assert!(!text.contains("state 0 bytes"), "{text}");
        let text = describe(&untrained(&recipe("nano")).unwrap()).unwrap();
        assert!(text.contains("state 0 bytes"), "a blend network has none: {text}");
    }
}
