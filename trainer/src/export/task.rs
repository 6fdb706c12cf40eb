//! Networks of the families other than prediction: graph, contract, self-test and comparison.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::engine::{EngineChoice, LoadOptions, load};
use framecast::model::onnx::GraphBuilder;
use framecast::model::{
    Contract, Golden, GoldenOutput, ModelFile, Port, Provenance, StateInit, StatePair, Task,
    TensorBuf, TensorData as Elements, golden,
};

use super::conformance::Conformance;
use super::golden::{SAMPLES, STEPS, TOLERANCE};
use super::nodes::Nodes;
use crate::TrainError;
use crate::fit::FitCheckpoint;
use crate::net::{Form, Layers as _, Params, Slot, TaskNet};

fn next_of(name: &str) -> String {
    format!("{name}_next")
}

/// A contract for `task` that says what the run of `checkpoint` was; ports and self-test come with
/// [`task_model`], labels and tokenizer are the caller's.
///
/// # Errors
/// [`TrainError::Recipe`] when the recipe cannot be written down.
pub fn about(checkpoint: &FitCheckpoint, name: &str, task: Task) -> Result<Contract, TrainError> {
    let recipe = &checkpoint.recipe;
    let mut contract = Contract::new(name, task);
    contract.description.clone_from(&recipe.description);
    contract.provenance = Provenance {
        producer: format!("framecast-train {}", env!("CARGO_PKG_VERSION")),
        licence: recipe.licence.clone(),
        data: checkpoint.data.clone(),
        config: format!("{}# steps done: {}\n", recipe.to_toml()?, checkpoint.optimiser.steps),
        seed: recipe.seed,
    };
    Ok(contract)
}

/// `net` with `weights` as an ONNX model. `contract` says what it is; ports, state and self-test are
/// filled in here (the self-test takes token ids below 256, those beyond a vocabulary being its
/// last).
///
/// # Errors
/// [`TrainError::Export`] when a parameter is missing, or graph and contract do not fit together.
pub fn task_model<N: TaskNet>(
    net: &N,
    weights: &Params,
    mut contract: Contract,
) -> Result<ModelFile, TrainError> {
    let name = contract.name.clone();
    let fail = |reason: String| TrainError::Export { name: name.clone(), reason };
    let port = |s: &Slot| Port::new(&s.name, s.role, s.form.dtype(), &s.form.shape());
    // Ports that a caller made, with a range or a constant of their own, stay.
    let made = contract.inputs.clone();
    let own = |s: &Slot| made.iter().find(|p| p.name == s.name).cloned();
    contract.inputs = net.inputs().iter().map(|s| own(s).unwrap_or_else(|| port(s))).collect();
    contract.outputs = net.outputs().iter().map(port).collect();
    let pair = |(name, _): &(String, Form)| StatePair {
        input: name.clone(),
        output: next_of(name),
        init: StateInit::Zeros,
        reset: Vec::new(),
    };
    contract.state = net.state().iter().map(pair).collect();

    let mut graph = GraphBuilder::new(&name);
    graph.producer("framecast-train", env!("CARGO_PKG_VERSION"));
    let mut inputs = Vec::new();
    for slot in net.inputs() {
        inputs.push((graph.input(&slot.name, slot.form.dtype(), &slot.form.shape()), slot.form));
    }
    for (name, form) in net.state() {
        inputs.push((graph.input(&name, form.dtype(), &form.shape()), form));
    }
    let mut nodes = Nodes::new(graph, weights, None);
    let mut values = Vec::new();
    for (name, form) in inputs {
        values.push(match form {
            Form::Picture(_) | Form::Tokens(_) => name,
            Form::Vector(n) => nodes.unflatten(&name, [n, 1, 1]),
        });
    }
    let results = net.forward(&mut nodes, &values);
    let outputs = net.outputs().into_iter().map(|slot| (slot.name, slot.form));
    let states = net.state().into_iter().map(|(name, form)| (next_of(&name), form));
    let borders: Vec<(String, Form)> = outputs.chain(states).collect();
    if results.len() != borders.len() {
        return Err(fail(format!("{} values for {} outputs", results.len(), borders.len())));
    }
    let mut flat = Vec::new();
    for (value, (_, form)) in results.iter().zip(&borders) {
        flat.push(match form {
            Form::Picture(_) => value.clone(),
            Form::Vector(n) | Form::Tokens(n) => {
                let shape = nodes.whole("shape", &[1, *n as i64]);
                nodes.op("Reshape", &[value, &shape])
            }
        });
    }
    // Fails when a parameter is missing, before anything is computed with them.
    let mut graph = nodes.finish().map_err(fail)?;
    contract.golden = Some(self_test(net, weights, &contract)?);
    let text = contract.to_json().map_err(|e| fail(e.to_string()))?;
    graph.metadata(Contract::KEY, &text);
    for (value, (name, form)) in flat.iter().zip(&borders) {
        graph.output_as(value, name, form.dtype(), &form.shape());
    }
    let proto = graph.finish().map_err(fail)?;
    let model = ModelFile::from_proto(&name, &proto).map_err(|e| fail(e.to_string()))?;
    contract.validate(&model).map_err(|e| fail(e.to_string()))?;
    Ok(model)
}

/// An input as it is inside.
fn inside(buffer: &TensorBuf, form: Form, device: &Device) -> Tensor<4> {
    let values = match buffer.data() {
        Elements::F32(values) => values.clone(),
        Elements::I64(ids) => ids.iter().map(|&id| id as f32).collect(),
        _ => Vec::new(),
    };
    Tensor::from_data(TensorData::new(values, form.inside(1)), device)
}

/// What the trainer computes of inputs and state.
struct Forward<'a, N> {
    net: &'a N,
    leaves: std::collections::BTreeMap<String, crate::net::Leaf>,
    state: Vec<Tensor<4>>,
    device: Device,
}

impl<'a, N: TaskNet> Forward<'a, N> {
    fn new(net: &'a N, weights: &Params) -> Self {
        let device = Device::flex();
        let state = net.rest(1, &device);
        Self { net, leaves: weights.by_name(&device), state, device }
    }

    fn step(&mut self, inputs: &[TensorBuf]) -> Result<Vec<Vec<f32>>, String> {
        let slots = self.net.inputs();
        let mut values: Vec<Tensor<4>> = inputs
            .iter()
            .zip(&slots)
            .map(|(buffer, slot)| inside(buffer, slot.form, &self.device))
            .collect();
        values.append(&mut self.state);
        let mut results = self.net.compute(&self.leaves, &values, None);
        let outputs = self.net.outputs().len();
        if results.len() != outputs + self.net.state().len() {
            return Err(format!("{} values come out", results.len()));
        }
        self.state = results.split_off(outputs);
        let numbers =
            |t: Tensor<4>| t.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"));
        results.into_iter().map(numbers).collect()
    }
}

fn self_test<N: TaskNet>(
    net: &N,
    weights: &Params,
    contract: &Contract,
) -> Result<Golden, TrainError> {
    let fail = |reason: String| TrainError::Export { name: contract.name.clone(), reason };
    let mut forward = Forward::new(net, weights);
    let slots = net.outputs();
    let mut outputs: Vec<GoldenOutput> = slots
        .iter()
        .map(|s| GoldenOutput { name: s.name.clone(), ..GoldenOutput::default() })
        .collect();
    for step in 0..STEPS {
        let inputs: Vec<TensorBuf> = net
            .inputs()
            .iter()
            .zip(&contract.inputs)
            .map(|(slot, port)| match port.constant {
                Some(value) => golden::constant(slot.form.dtype(), &slot.form.dims(), value),
                None => golden::input(slot.form.dtype(), &slot.form.dims(), step),
            })
            .collect();
        let results = forward.step(&inputs).map_err(fail)?;
        for ((output, values), slot) in outputs.iter_mut().zip(results).zip(&slots) {
            let got = TensorBuf::new(&slot.form.dims(), values).map_err(|e| fail(e.to_string()))?;
            golden::record(output, &got, SAMPLES);
        }
    }
    let bind = std::collections::BTreeMap::new();
    Ok(Golden { bind, steps: STEPS, tolerance: TOLERANCE, outputs })
}

/// Runs `model` on `engine` `steps` times, its state carried by the engine's session, and compares
/// every output with the trainer's, relative to the largest of them where that is above 1. The
/// inputs follow the rule of the self-test, at steps of their own.
///
/// # Errors
/// [`TrainError::Export`] when the engine cannot run the model; a difference is reported, not
/// judged.
pub fn task_conformance<N: TaskNet>(
    net: &N,
    weights: &Params,
    model: &ModelFile,
    engine: EngineChoice,
    steps: usize,
) -> Result<Conformance, TrainError> {
    let fail = |reason: String| TrainError::Export { name: model.name().to_owned(), reason };
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    let mut loaded = load(model, &options).map_err(|e| fail(e.to_string()))?;
    let mut outputs: Vec<TensorBuf> =
        loaded.session.spec().outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    let mut forward = Forward::new(net, weights);
    let mut worst = 0.0f32;
    for step in 0..steps {
        let inputs: Vec<TensorBuf> = net
            .inputs()
            .iter()
            .map(|s| golden::input(s.form.dtype(), &s.form.dims(), 1_000 + step))
            .collect();
        let views: Vec<_> = inputs.iter().map(TensorBuf::view).collect();
        loaded.session.run(&views, &mut outputs).map_err(|e| fail(e.to_string()))?;
        loaded.session.advance_state();
        for (want, got) in forward.step(&inputs).map_err(fail)?.iter().zip(&outputs) {
            let got = got.as_f32().unwrap_or_default();
            if got.len() != want.len() {
                let (got, want) = (got.len(), want.len());
                return Err(fail(format!("{got} numbers come out instead of {want}")));
            }
            let scale = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
            for (a, b) in got.iter().zip(want) {
                let difference = (a - b).abs() / scale;
                // A NaN is the largest difference of all.
                worst = if difference.is_nan() { f32::INFINITY } else { worst.max(difference) };
            }
        }
    }
    let engine = format!("{} {}", loaded.report.engine, loaded.report.version);
    Ok(Conformance { engine, frames: steps, worst })
}

#[cfg(test)]
mod tests {
    use framecast::model::Role;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::super::conformance::engines;
    use super::*;
    use crate::net::{Cell, Layers, Start, add_table};

    /// Every operator once: a picture, a sentence and a memory in; a vector and the memory out.
    struct All;

    impl All {
        fn init() -> Params {
            let by = &mut Pcg64::seed_from_u64(7);
            let mut p = Params::default();
            p.add_conv("down", [6, 3, 3, 3], 2.0, by);
            p.add_conv("each", [6, 1, 3, 3], 2.0, by);
            p.add_conv("wide", [5, 6, 1, 3], 2.0, by);
            add_table(&mut p, "words", 40, 8, by);
            Cell::Gru.add(&mut p, "gru", 8, 7, by);
            Cell::Lstm.add(&mut p, "lstm", 7, 5, by);
            p.add_conv("line", [4, 5, 1, 3], 1.0, by);
            p.add_conv("all", [9, 5 * 2 + 4 + 5 + 4, 1, 1], 1.0, by);
            p.add_conv("again", [4, 9, 1, 1], 1.0, by);
            for param in p.list_mut().iter_mut().filter(|p| p.shape.len() == 1) {
                let mut random = Params::default();
                random.add("b", &param.shape, Start::Uniform { fan_in: 9, gain: 1.0 }, by);
                param.values.clone_from(&random.list()[0].values);
            }
            p
        }
    }

    impl TaskNet for All {
        fn inputs(&self) -> Vec<Slot> {
            vec![
                Slot::new("frame", Role::Frame, Form::Picture([3, 9, 12])),
                Slot::new("question", Role::Tokens, Form::Tokens(6)),
            ]
        }

        fn outputs(&self) -> Vec<Slot> {
            vec![Slot::new("scores", Role::Scores, Form::Vector(9))]
        }

        fn state(&self) -> Vec<(String, Form)> {
            vec![("memory".to_owned(), Form::Vector(4))]
        }

        fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
            let x = g.convolve(&inputs[0], "down", 2, [1, 1]);
            let x = g.depthwise(&x, "each", 1, [1, 1]);
            let x = g.relu(&x);
            let x = g.convolve(&x, "wide", 1, [0, 1]);
            let pooled = g.max_pool_by(&x, 3, 2);
            let flat = g.flatten(&pooled);
            let flat = g.unflatten(&flat, [5, 2, 2]);
            let flat = g.max_over(&flat);
            let mean = g.mean(&x);
            let words = g.embed(&inputs[1], "words");
            let words = g.recurrent(&words, "gru", Cell::Gru);
            let words = g.recurrent(&words, "lstm", Cell::Lstm);
            let line = g.convolve(&words, "line", 1, [0, 1]);
            let line = g.max_over(&line);
            let last = g.last(&words);
            let all = g.concat(&[flat, mean, line, last, inputs[2].clone()]);
            let all = g.linear(&all, "all");
            let memory = g.linear(&all, "again");
            let memory = g.tanh(&memory);
            let grown = g.exp(&memory);
            let sum = g.total(&grown);
            let all = g.div(&all, &sum);
            vec![g.normalise(&all), memory]
        }
    }

    #[test]
    fn every_operator_is_the_same_on_every_engine_over_many_steps() {
        let (weights, contract) = (All::init(), Contract::new("all", Task::Other));
        let model = task_model(&All, &weights, contract).unwrap();
        let (there, _) = engines(None);
        for engine in there {
            let report = task_conformance(&All, &weights, &model, engine, 210).unwrap();
            assert!(report.worst < 2e-5, "{}: {}", report.engine, report.worst);
        }
        // The comparison can fail.
        let mut other = weights;
        other.list_mut()[0].values[0] += 0.5;
        let report = task_conformance(&All, &other, &model, EngineChoice::Tract, 3).unwrap();
        assert!(report.worst > 1e-4, "{}", report.worst);
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let contract = Contract::new("all", Task::Other);
        let error = task_model(&All, &Params::default(), contract).unwrap_err().to_string();
        assert!(error.contains("down.weight"), "{error}");
    }
}
