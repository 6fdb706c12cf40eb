//! `framecast model inspect`: one model, for people or as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use framecast::model::analysis::{self, Analysis};
use framecast::model::{Contract, Dim, Layout, ModelError, ModelFile, Overlay, registry};
use serde_json::json;

use super::super::exit::{self, Failure};
use super::Outcome;

mod text;

/// Arguments of `framecast model inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// ONNX file, or the name of an installed model
    file: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// TOML file with contract lines for a model without a contract
    #[arg(long, value_name = "FILE.toml")]
    contract: Option<PathBuf>,

    /// Size of a symbolic dimension, for example H=360
    #[arg(long, value_name = "NAME=SIZE", value_parser = binding)]
    bind: Vec<(String, usize)>,
}

fn binding(text: &str) -> Result<(String, usize), String> {
    let (name, size) = text.split_once('=').ok_or("write NAME=SIZE, for example H=360")?;
    match size.parse() {
        Ok(size @ 1..=1_048_576) if !name.is_empty() => Ok((name.to_owned(), size)),
        _ => Err(format!("size {size:?} of {name:?} must be a whole number from 1 to 1048576")),
    }
}

/// What is shown.
struct Report {
    model: ModelFile,
    contract: Result<Option<Contract>, ModelError>,
    bind: BTreeMap<String, usize>,
    analysis: Analysis,
}

/// Reads the model and prints what it holds; a contract that does not fit is shown and then fails.
pub(crate) fn run(args: &Args) -> Outcome {
    let path = registry::resolve(&args.file, &[])?;
    let mut model = ModelFile::open(&path)?;
    if let Some(path) = &args.contract {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))
            .map_err(|e| Failure::new(exit::CONFIG, e))?;
        let overlay = Overlay::from_toml(&path.display().to_string(), &text)?;
        let contract = overlay.apply(&model)?;
        model.set_contract(contract)?;
    }
    let contract = model.contract();
    let bind = bindings(&model, contract.as_ref().ok().and_then(Option::as_ref), &args.bind)?;
    let analysis = analysis::analyse(&model, &bind);
    let report = Report { model, contract, bind, analysis };
    let mut text = if args.json { format!("{:#}", report.json()) } else { report.text() };
    text.truncate(text.trim_end().len());
    writeln!(std::io::stdout(), "{text}")?;
    report.contract.map(|_| ()).map_err(Failure::from)
}

/// The sizes of symbols: those given, those the contract fixes, and 640x360 for an open picture.
fn bindings(
    model: &ModelFile,
    contract: Option<&Contract>,
    given: &[(String, usize)],
) -> Result<BTreeMap<String, usize>, Failure> {
    let symbols: BTreeSet<String> = model
        .inputs()
        .into_iter()
        .flat_map(|d| d.shape.unwrap_or_default())
        .filter_map(|d| if let Dim::Symbol(name) = d { Some(name) } else { None })
        .collect();
    if let Some((name, _)) = given.iter().find(|(name, _)| !symbols.contains(name)) {
        let known = symbols.into_iter().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "no symbolic dimension".to_owned() } else { known };
        let error = anyhow::anyhow!("--bind {name}: the inputs of {} have {known}", model.name());
        return Err(Failure::new(exit::USAGE, error));
    }
    let mut bind = BTreeMap::new();
    if let Some(contract) = contract {
        for port in contract.inputs.iter().filter(|p| p.role.is_image()) {
            let Some(last) = port.shape.len().checked_sub(1).filter(|&l| l >= 3) else { continue };
            let (height, width) =
                if port.layout == Layout::Nhwc { (last - 2, last - 1) } else { (last - 1, last) };
            for (axis, size) in [(height, 360), (width, 640)] {
                if let Some(Dim::Symbol(name)) = port.shape.get(axis) {
                    bind.insert(name.clone(), size);
                }
            }
        }
        bind.extend(contract.bindings(model));
    }
    bind.extend(given.iter().cloned());
    Ok(bind)
}

impl Report {
    fn json(&self) -> serde_json::Value {
        let model = &self.model;
        let proto = model.proto();
        let ports = |declared: Vec<framecast::model::Declared>| -> serde_json::Value {
            declared
                .into_iter()
                .map(|d| json!({"name": d.name, "dtype": d.dtype, "shape": d.shape}))
                .collect()
        };
        let opsets: serde_json::Value = proto
            .opset_import
            .iter()
            .map(|o| (domain(&o.domain).to_owned(), json!(o.version)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let operators: serde_json::Value = self
            .analysis
            .operators
            .iter()
            .map(|o| json!({"domain": o.domain, "operator": o.operator, "nodes": o.nodes}))
            .collect();
        let cost = &self.analysis.cost;
        json!({
            "schema_version": 1,
            "file": model.name(),
            "bytes": model.bytes().len(),
            "sha256": model.sha256(),
            "ir_version": proto.ir_version,
            "opsets": opsets,
            "producer": {"name": proto.producer_name, "version": proto.producer_version},
            "inputs": ports(model.inputs()),
            "outputs": ports(model.outputs()),
            "nodes": self.analysis.nodes,
            "operators": operators,
            "parameters": self.analysis.parameters,
            "bind": self.bind,
            "macs": cost.macs,
            "macs_unknown": cost.unknown,
            "macs_in_subgraphs": cost.in_subgraphs,
            "contract": self.contract.as_ref().ok(),
            "contract_error": self.contract.as_ref().err().map(ToString::to_string),
        })
    }
}

/// The name of an operator set's domain.
fn domain(name: &str) -> &str {
    if name.is_empty() { "ai.onnx" } else { name }
}
