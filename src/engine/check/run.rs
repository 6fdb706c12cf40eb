//! Runs a case on an engine and judges the outcome.

use super::compare::{self, Tolerance};
use super::golden_file::GoldenModel;
use super::{Case, GoldenFile, Verdict, discover, reference};
use crate::engine::{EngineError, LoadOptions, Loaded, SelfTest, load, observed};
use crate::model::onnx::{GraphProto, TensorProto};
use crate::model::{
    Contract, DType, Dim, ModelFile, Port, Role, StateInit, StatePair, Task, TensorBuf, TensorView,
    golden,
};

/// Tolerance of the ONNX project's own tests, light models included.
const PUBLISHED: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };

/// Checks `case` with `options`; `golden` replaces the `golden.json` beside the model.
#[must_use]
pub fn check(case: &Case, options: &LoadOptions, golden: Option<&GoldenFile>) -> Verdict {
    let model = match ModelFile::open(&case.model) {
        Ok(model) => model,
        Err(error) => return Verdict::Invalid { reason: error.to_string() },
    };
    let beside = match (&case.golden, golden) {
        (Some(path), None) => match GoldenFile::open(path) {
            Ok(file) => Some(file),
            Err(reason) => return Verdict::Invalid { reason },
        },
        _ => None,
    };
    let file = case.model.file_name().unwrap_or_default().to_string_lossy();
    let entry = golden.or(beside.as_ref()).and_then(|g| g.models.get(file.as_ref()));
    let outcome = if !case.data_sets.is_empty() {
        operator_test(case, &model, options)
    } else if let Some(output) = &case.light_output {
        reference::tensor(output).map_err(Failure::Invalid).and_then(|o| light(&model, options, &o))
    } else if let Some(entry) = entry {
        golden_summary(model, options, entry)
    } else if golden.is_some() {
        Err(Failure::Invalid(format!("the golden file says nothing about {file:?}")))
    } else {
        alone(&model, options)
    };
    outcome.unwrap_or_else(Failure::verdict)
}

enum Failure {
    /// Before any output: the engine does not take the model.
    Engine(EngineError),
    /// The engine took it and failed, or gave other numbers.
    Wrong(String),
    Invalid(String),
}

impl Failure {
    fn verdict(self) -> Verdict {
        match self {
            Self::Wrong(reason) => Verdict::Wrong { reason },
            Self::Invalid(reason) => Verdict::Invalid { reason },
            Self::Engine(EngineError::Refused { node, operator, reason, .. }) => {
                Verdict::Refused { node, operator, reason }
            }
            Self::Engine(
                error @ (EngineError::Unavailable { .. } | EngineError::Library { .. }),
            ) => Verdict::Unavailable { reason: error.to_string() },
            Self::Engine(error) => {
                let reason = error.to_string();
                Verdict::Refused { node: String::new(), operator: String::new(), reason }
            }
        }
    }
}

type Outcome = Result<Verdict, Failure>;

fn run(loaded: &mut Loaded, inputs: &[TensorBuf]) -> Result<Vec<TensorBuf>, Failure> {
    let views: Vec<TensorView<'_>> = inputs.iter().map(TensorBuf::view).collect();
    let outputs = loaded.session.spec().outputs.iter();
    let mut outputs: Vec<TensorBuf> =
        outputs.map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    // The library saying no at the first run is a refusal too; a wrong answer is not.
    loaded.session.run(&views, &mut outputs).map_err(Failure::Engine)?;
    Ok(outputs)
}

fn operator_test(case: &Case, model: &ModelFile, options: &LoadOptions) -> Outcome {
    let declared = model.inputs();
    let mut worst = 0.0f64;
    for folder in &case.data_sets {
        let (inputs, expected) = data_set(folder, model)?;
        let outputs = model.outputs();
        let counts = [(inputs.len(), declared.len()), (expected.len(), outputs.len())];
        let untold = expected.is_empty() && has_no_tensors(model);
        for ((got, want), side) in counts.into_iter().zip(["inputs", "outputs"]) {
            if got != want && !untold {
                let reason = format!("{}: {got} {side} for a model of {want}", folder.display());
                return Err(Failure::Invalid(reason));
            }
        }
        let mut options = options.clone();
        for (port, input) in declared.iter().zip(&inputs) {
            options.input_shapes.insert(port.name.clone(), input.shape().to_vec());
        }
        let mut loaded = load(model, &options).map_err(Failure::Engine)?;
        let given = run(&mut loaded, &inputs)?;
        for ((given, expected), output) in given.iter().zip(&expected).zip(&outputs) {
            let error = compare::close(&output.name, given, expected, PUBLISHED);
            worst = worst.max(error.map_err(Failure::Wrong)?);
        }
    }
    Ok(Verdict::Pass { worst, how: "operator test".to_owned() })
}

/// True when we have no tensors for a port; the engine refuses such a graph, with its reason.
fn has_no_tensors(model: &ModelFile) -> bool {
    model.inputs().iter().chain(&model.outputs()).any(|port| port.dtype.is_none())
}

/// `input_N.pb` and `output_N.pb` in numeric order.
fn data_set(
    folder: &std::path::Path,
    model: &ModelFile,
) -> Result<(Vec<TensorBuf>, Vec<TensorBuf>), Failure> {
    // The reference is not even read.
    if has_no_tensors(model) {
        return Ok((Vec::new(), Vec::new()));
    }
    let files = discover::sorted(folder).map_err(|e| Failure::Invalid(e.to_string()))?;
    let read = |prefix: &str| {
        files
            .iter()
            .filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix)))
            .map(|f| reference::tensor(f).map_err(Failure::Invalid))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok((read("input_")?, read("output_")?))
}

fn light(model: &ModelFile, options: &LoadOptions, expected: &TensorBuf) -> Outcome {
    let mut loaded = load(model, options).map_err(Failure::Engine)?;
    let inputs: Vec<TensorBuf> =
        loaded.session.spec().inputs.iter().map(|i| reference::light_input(&i.shape)).collect();
    let outputs = run(&mut loaded, &inputs)?;
    let [output] = outputs.as_slice() else {
        let reason = format!("one output is stored for a model of {}", outputs.len());
        return Err(Failure::Invalid(reason));
    };
    let worst = compare::close("output 0", output, expected, PUBLISHED).map_err(Failure::Wrong)?;
    Ok(Verdict::Pass { worst, how: "light model".to_owned() })
}

fn alone(model: &ModelFile, options: &LoadOptions) -> Outcome {
    let mut options = options.clone();
    // Without sizes from anywhere, those of the self-test are as good as any.
    if let Ok(Some(Contract { golden: Some(golden), .. })) = model.contract() {
        for (symbol, size) in golden.bind {
            options.bind.entry(symbol).or_insert(size);
        }
    }
    let loaded = load(model, &options).map_err(|error| match error {
        EngineError::Model { reason, .. } if reason.contains("self-test fails") => {
            Failure::Wrong(reason)
        }
        error => Failure::Engine(error),
    })?;
    Ok(match loaded.report.self_test {
        SelfTest::Passed { steps, worst } => Verdict::Pass {
            // The report's figure is relative; the contract's tolerance is its unit here. Where it
            // is 0, what passed had no error.
            worst: match loaded.contract.and_then(|c| c.golden) {
                Some(golden) if golden.tolerance > 0.0 => worst / f64::from(golden.tolerance),
                Some(_) => 0.0,
                None => worst,
            },
            how: format!("self-test of {steps} steps"),
        },
        _ => Verdict::Pass { worst: 0.0, how: "runs; no reference to compare with".to_owned() },
    })
}

fn golden_summary(mut model: ModelFile, options: &LoadOptions, entry: &GoldenModel) -> Outcome {
    let mut options = options.clone();
    for input in &entry.inputs {
        options.input_shapes.insert(input.name.clone(), input.shape.clone());
    }
    if entry.load_error.is_some() {
        // The refusal must be about an operator, not about sizes nobody gave.
        for dim in model.inputs().iter().flat_map(|i| i.shape.iter().flatten()) {
            if let Dim::Symbol(symbol) = dim {
                options.bind.insert(symbol.clone(), 1);
            }
        }
    }
    if let (Some(input), Some(output)) = (&entry.state_input, &entry.state_output) {
        let contract = with_state(&model, input, output);
        model.set_contract(contract).map_err(|e| Failure::Invalid(e.to_string()))?;
    }
    let mut loaded = load(&model, &options).map_err(Failure::Engine)?;
    if let Some(reason) = &entry.load_error {
        return Err(Failure::Wrong(format!("it was accepted, but must be refused: {reason}")));
    }
    let spec = loaded.session.spec().clone();
    let graph = model.graph();
    let quantised = is_quantised(graph);
    let (mut worst, mut how) = (0.0f64, "golden");
    for (step, expected) in entry.steps.iter().enumerate() {
        let inputs: Vec<TensorBuf> =
            spec.inputs.iter().map(|i| input_value(&i.name, i.dtype, &i.shape, step)).collect();
        let observed = observed::step(loaded.session.as_mut(), &model, &inputs);
        let observed = observed.map_err(Failure::Engine)?;
        if let Some(reason) = observed::unlike(&observed, expected.iter().map(|s| s.name.as_str()))
        {
            return Err(Failure::Invalid(format!("golden.json, step {step}: {reason}")));
        }
        for summary in expected {
            let Some(got) = observed::find(&observed, &summary.name) else { continue };
            let size = quantised.then(|| output_step(graph, &summary.name).unwrap_or(0.0));
            let (error, rule) = summary.compare(got, size).map_err(|reason| {
                Failure::Wrong(if step == 0 { reason } else { format!("step {step}: {reason}") })
            })?;
            worst = worst.max(error);
            if rule != "golden" {
                how = rule;
            }
        }
    }
    Ok(Verdict::Pass { worst, how: format!("{how}, {} step(s)", entry.steps.len()) })
}

/// The golden file's rule; its one constant input is the sample rate `sr`, 16000 Hz.
fn input_value(name: &str, dtype: DType, shape: &[usize], step: usize) -> TensorBuf {
    if name == "sr" && dtype == DType::I64 && shape.is_empty() {
        return golden::constant(dtype, shape, 16_000.0);
    }
    golden::input(dtype, shape, step)
}

fn with_state(model: &ModelFile, input: &str, output: &str) -> Contract {
    let mut contract = Contract::new(model.name(), Task::Other);
    let port = |d: crate::model::Declared| {
        let shape = d.shape.unwrap_or_default();
        let mut port = Port::new(&d.name, Role::Other, d.dtype.unwrap_or(DType::F32), &shape);
        port.constant = (d.name == "sr" && shape.is_empty()).then_some(16_000.0);
        port
    };
    contract.inputs = model.inputs().into_iter().filter(|d| d.name != input).map(port).collect();
    contract.outputs = model.outputs().into_iter().filter(|d| d.name != output).map(port).collect();
    contract.state = vec![StatePair {
        input: input.to_owned(),
        output: output.to_owned(),
        init: StateInit::Zeros,
        reset: Vec::new(),
    }];
    contract
}

fn is_quantised(graph: &GraphProto) -> bool {
    graph.node.iter().any(|n| {
        n.op_type.starts_with("QLinear")
            || matches!(
                n.op_type.as_str(),
                "QuantizeLinear"
                    | "DynamicQuantizeLinear"
                    | "ConvInteger"
                    | "MatMulInteger"
                    | "QGemm"
            )
            || n.subgraphs().any(|(_, g)| is_quantised(g))
    })
}

/// The scale of the `DequantizeLinear` that makes an output, seen through operators that only move
/// elements.
fn output_step(graph: &GraphProto, output: &str) -> Option<f64> {
    let mut name = output;
    for _ in 0..graph.node.len() {
        let node = graph.node.iter().find(|n| n.output.iter().any(|o| o == name))?;
        match node.op_type.as_str() {
            "DequantizeLinear" => {
                let scale = node.input.get(1)?;
                let scale = graph.initializer.iter().find(|t| t.name == *scale)?;
                let tensor = TensorProto::to_tensor(scale).ok()?;
                return compare::values(&tensor).into_iter().reduce(f64::max);
            }
            "Reshape" | "Transpose" | "Identity" | "Squeeze" | "Unsqueeze" | "Flatten" => {
                name = node.input.first()?;
            }
            _ => return None,
        }
    }
    None
}
