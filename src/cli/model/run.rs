//! `framecast model run`: run a model once on `.npy` files.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use framecast::engine::{EngineChoice, LoadOptions, Provider, load};
use framecast::model::{Dim, ModelFile, TensorBuf, TensorView, npy};

use super::super::Outcome;
use super::super::exit::{self, Failure};

/// Arguments of `framecast model run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ONNX file
    model: PathBuf,

    /// An input; state inputs left out start as the contract says
    #[arg(long = "input", value_name = "NAME=FILE.npy", value_parser = pair)]
    inputs: Vec<(String, PathBuf)>,

    /// Folder for the outputs, one NAME.npy each
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,

    /// The engine
    #[arg(long, value_name = "auto|tract|ort|exact", default_value_t = EngineChoice::Auto)]
    engine: EngineChoice,

    /// Fail with 5 unless this provider runs the model
    #[arg(long, value_name = "tensorrt|cuda|cpu")]
    require_provider: Option<Provider>,

    /// Threads of one operator; 0 for all cores
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,

    /// The ONNX Runtime library
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, PathBuf), String> {
    // Names of tensors may hold `=`, file names rarely do.
    match text.rsplit_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(file)))
        }
        _ => Err("expected NAME=FILE.npy".to_owned()),
    }
}

/// Runs the model and writes its outputs.
pub(crate) fn run(args: &Args) -> Outcome {
    let bad = |error: anyhow::Error| Failure::new(exit::CONFIG, error);
    let mut model = ModelFile::open(&args.model).map_err(|e| Failure::new(exit::CONFIG, e))?;
    let mut given: BTreeMap<&str, TensorBuf> = BTreeMap::new();
    for (name, file) in &args.inputs {
        let tensor = npy::read(file).map_err(|e| bad(anyhow::anyhow!("input {name:?}: {e}")))?;
        given.insert(name, tensor);
    }
    let contract = model.contract().map_err(|e| Failure::new(exit::CONFIG, e))?;
    if let Some(mut contract) = contract {
        // State that is given is an input like any other.
        contract.state.retain(|s| !given.contains_key(s.input.as_str()));
        contract.golden = None;
        if model.set_contract(contract).is_err() {
            return Err(bad(anyhow::anyhow!(
                "state inputs cannot be given for a model with a contract; leave them out"
            )));
        }
    }
    complain_about_names(&model, &given).map_err(bad)?;
    let mut options = LoadOptions::default();
    options.engine = args.engine;
    options.threads = args.threads;
    options.require_provider = args.require_provider;
    options.library.clone_from(&args.library);
    for (name, tensor) in &given {
        options.input_shapes.insert((*name).to_owned(), tensor.shape().to_vec());
    }
    bind_state(&model, &given, &mut options);
    let mut loaded = load(&model, &options)?;
    let spec = loaded.session.spec().clone();
    let inputs: Vec<&TensorBuf> = spec
        .inputs
        .iter()
        .map(|i| {
            given.get(i.name.as_str()).with_context(|| format!("input {:?} is missing", i.name))
        })
        .collect::<Result<_, _>>()
        .map_err(bad)?;
    let views: Vec<TensorView<'_>> = inputs.iter().map(|t| t.view()).collect();
    let mut outputs: Vec<TensorBuf> =
        spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    loaded.session.run(&views, &mut outputs)?;
    std::fs::create_dir_all(&args.output_dir)
        .with_context(|| args.output_dir.display().to_string())?;
    eprintln!("{}", loaded.report.summary());
    for (file, (spec, tensor)) in file_names(spec.outputs.iter().map(|o| o.name.as_str()))
        .iter()
        .zip(spec.outputs.iter().zip(&outputs))
    {
        let path = args.output_dir.join(file);
        npy::write(&path, tensor).with_context(|| path.display().to_string())?;
        let (name, dtype, shape) = (&spec.name, tensor.dtype(), tensor.shape());
        writeln!(std::io::stdout(), "{name}  {dtype} {shape:?}  {}", path.display())?;
    }
    Ok(())
}

fn state_names(model: &ModelFile) -> Vec<String> {
    let contract = model.contract().ok().flatten();
    contract.map(|c| c.state.into_iter().map(|s| s.input).collect()).unwrap_or_default()
}

/// Unknown names and missing inputs, all at once.
fn complain_about_names(
    model: &ModelFile,
    given: &BTreeMap<&str, TensorBuf>,
) -> anyhow::Result<()> {
    let declared = model.inputs();
    let states = state_names(model);
    if let Some(name) = given.keys().find(|n| !declared.iter().any(|d| d.name == **n)) {
        let names: Vec<&str> = declared.iter().map(|d| d.name.as_str()).collect();
        anyhow::bail!("the model has no input {name:?}; its inputs are {}", names.join(", "));
    }
    let missing: Vec<String> = declared
        .iter()
        .filter(|d| !given.contains_key(d.name.as_str()) && !states.contains(&d.name))
        .map(|d| {
            let dims = d.shape.iter().flatten().map(|dim| match dim {
                Dim::Fixed(n) => n.to_string(),
                Dim::Symbol(s) => s.clone(),
            });
            let dims: Vec<String> = dims.collect();
            let dtype = d.dtype.map_or_else(|| "?".to_owned(), |t| t.to_string());
            format!("{:?} {dtype} [{}]", d.name, dims.join(", "))
        })
        .collect();
    if !missing.is_empty() {
        anyhow::bail!("inputs are missing: {}; give --input NAME=FILE.npy", missing.join("; "));
    }
    Ok(())
}

/// Sizes of state inputs follow from the symbols they share with the inputs that are given.
fn bind_state(model: &ModelFile, given: &BTreeMap<&str, TensorBuf>, options: &mut LoadOptions) {
    for declared in model.inputs() {
        let Some(tensor) = given.get(declared.name.as_str()) else { continue };
        for (dim, size) in declared.shape.iter().flatten().zip(tensor.shape()) {
            if let Dim::Symbol(symbol) = dim {
                options.bind.insert(symbol.clone(), *size);
            }
        }
    }
}

/// `NAME.npy` with everything replaced that a file name cannot hold, or that leads out of the
/// folder; a number where two names become one.
fn file_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let mut used: Vec<String> = Vec::new();
    for name in names {
        let safe: String = name
            .chars()
            .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .take(200)
            .collect();
        let safe = match safe.trim_start_matches('.') {
            "" => "output".to_owned(),
            trimmed => trimmed.to_owned(),
        };
        let mut candidate = safe.clone();
        let mut n = 1;
        while used.iter().any(|u| u.eq_ignore_ascii_case(&candidate)) {
            n += 1;
            candidate = format!("{safe}_{n}");
        }
        used.push(candidate);
    }
    used.iter().map(|name| Path::new(name).with_added_extension("npy")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_names_become_safe_and_distinct_files() {
        let names = ["y", "../../etc/x", "a/b", "a:b", "Y", "..", ""];
        let files = file_names(names.into_iter());
        let files: Vec<_> = files.iter().map(|f| f.to_string_lossy().into_owned()).collect();
        assert_eq!(
            files,
            [
                "y.npy",
                "_.._etc_x.npy",
                "a_b.npy",
                "a_b_2.npy",
                "Y_2.npy",
                "output.npy",
                "output_2.npy"
            ]
        );
    }
}
