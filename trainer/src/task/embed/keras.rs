//! The two public towers of the Keras demonstration (`model.image`, `model.caption`; Keras 1.2.2,
//! HDF5) as ONNX models.
//!
//! The picture tower is a dense layer with tanh on 2048 features; the caption tower an embedding
//! and a GRU over sixteen ids. The GRU's inner activation is the hard sigmoid that the file names,
//! `clip(x / 5 + 1/2, 0, 1)`, and the reset gate is applied before the product with the recurrent
//! weights. It is written out step by step, since not every engine has that activation in its GRU.

use std::path::Path;

use framecast::model::onnx::GraphBuilder;
use framecast::model::{
    Contract, DType, Golden, GoldenOutput, ModelFile, Port, Provenance, Role, Task, TensorBuf,
    Tokenizer, golden,
};
use hdf5_pure::{AttrValue, File};
use serde_json::Value;

use crate::TrainError;

/// Largest file read.
const MAX_FILE: u64 = 512 << 20;
/// Steps and samples of the self-test.
const STEPS: usize = 3;
const SAMPLES: usize = 16;

/// A weight of the file, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

/// `x W + b`, tanh.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    weight: Matrix,
    bias: Matrix,
}

/// Embedding and GRU; gates in the order update, reset, candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    length: usize,
    table: Matrix,
    input: [Matrix; 3],
    state: [Matrix; 3],
    bias: [Matrix; 3],
}

fn fail(path: &Path, reason: impl Into<String>) -> TrainError {
    TrainError::Data { uri: path.display().to_string(), reason: reason.into() }
}

/// A file with its description.
struct Saved<'a> {
    path: &'a Path,
    file: File,
    layers: Vec<Value>,
}

impl<'a> Saved<'a> {
    fn open(path: &'a Path) -> Result<Self, TrainError> {
        let about = std::fs::metadata(path).map_err(TrainError::io("read", path))?;
        if !about.is_file() {
            return Err(fail(path, "it is no file; pipes and devices are not read"));
        }
        let size = about.len();
        if size > MAX_FILE {
            return Err(fail(path, format!("{size} bytes are above the limit of {MAX_FILE}")));
        }
        let file = File::open(path).map_err(|e| fail(path, format!("it is no HDF5 file: {e}")))?;
        let attributes = file.root().attrs().map_err(|e| fail(path, e.to_string()))?;
        let config = match attributes.get("model_config") {
            Some(AttrValue::String(text) | AttrValue::AsciiString(text)) => text,
            Some(AttrValue::VarLenString(text) | AttrValue::VarLenAsciiString(text)) => text,
            Some(AttrValue::StringSized { value, .. }) => value,
            Some(AttrValue::AsciiStringSized { value, .. }) => value,
            _ => return Err(fail(path, "it has no model_config; it is no model that Keras saved")),
        };
        let config: Value =
            serde_json::from_str(config).map_err(|e| fail(path, format!("model_config: {e}")))?;
        let layers = config.pointer("/config/layers").and_then(Value::as_array).cloned();
        let layers = layers.ok_or_else(|| fail(path, "its model_config names no layers"))?;
        Ok(Self { path, file, layers })
    }

    /// Settings of the only layer of `class`.
    fn layer(&self, class: &str) -> Result<&Value, TrainError> {
        let mut found = self.layers.iter().filter(|l| l["class_name"] == class);
        match (found.next(), found.next()) {
            (Some(layer), None) => Ok(&layer["config"]),
            _ => Err(fail(self.path, format!("it does not have exactly one {class} layer"))),
        }
    }

    fn expect(&self, config: &Value, key: &str, value: &Value) -> Result<(), TrainError> {
        if config[key] == *value {
            return Ok(());
        }
        let given = &config[key];
        Err(fail(self.path, format!("{key} is {given}; only {value} can be imported")))
    }

    /// The weight `name` of `layer`.
    fn weight(&self, layer: &Value, part: &str) -> Result<Matrix, TrainError> {
        let name = layer["name"].as_str().unwrap_or_default();
        let place = format!("model_weights/{name}/{name}_{part}:0");
        let wrong = |reason: String| fail(self.path, format!("{place}: {reason}"));
        let set = self.file.dataset(&place).map_err(|e| wrong(e.to_string()))?;
        let shape = set.shape().map_err(|e| wrong(e.to_string()))?;
        let values: Vec<f32> = set.read_f32().map_err(|e| wrong(e.to_string()))?;
        let side = |i: usize| shape.get(i).map_or(1, |n| usize::try_from(*n).unwrap_or(0));
        let (rows, columns) = if shape.len() == 1 { (1, side(0)) } else { (side(0), side(1)) };
        if shape.is_empty() || shape.len() > 2 || rows.checked_mul(columns) != Some(values.len()) {
            return Err(wrong(format!("shape {shape:?} with {} numbers", values.len())));
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(wrong("it holds numbers that are not finite".to_owned()));
        }
        Ok(Matrix { rows, columns, values })
    }
}

impl Dense {
    /// Reads `model.image`.
    ///
    /// # Errors
    /// [`TrainError::Data`] when it is another kind of model.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let saved = Saved::open(path)?;
        let layer = saved.layer("Dense")?;
        saved.expect(layer, "activation", &"tanh".into())?;
        let (weight, bias) = (saved.weight(layer, "W")?, saved.weight(layer, "b")?);
        if bias.columns != weight.columns || weight.rows == 0 {
            return Err(fail(path, "its weight and bias do not fit together"));
        }
        Ok(Self { weight, bias })
    }

    /// What Keras computes: `tanh(x W + b)`.
    #[must_use]
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let sums = affine(x, &self.weight, &self.bias);
        sums.iter().map(|v| v.tanh() as f32).collect()
    }

    /// The tower as an ONNX model.
    ///
    /// # Errors
    /// [`TrainError::Export`].
    pub fn model(&self, space: &str) -> Result<ModelFile, TrainError> {
        let (inputs, size) = (self.weight.rows, self.weight.columns);
        let mut g = GraphBuilder::new("keras-image");
        g.producer("framecast-train", env!("CARGO_PKG_VERSION"));
        g.input("features", DType::F32, &[1.into(), inputs.into()]);
        let weight = g.constant("W", &[inputs, size], self.weight.values.clone());
        let bias = g.constant("b", &[size], self.bias.values.clone());
        let x = g.node("MatMul", &["features", &weight], &[]);
        let x = g.node("Add", &[&x, &bias], &[]);
        let x = g.node("Tanh", &[&x], &[]);
        let mut contract = contract("keras-image", space, "Dense 2048 to 256 with tanh");
        contract.inputs =
            vec![Port::new("features", Role::Features, DType::F32, &[1.into(), inputs.into()])];
        let test = |step| {
            let input = golden::input(DType::F32, &[1, inputs], step);
            self.forward(input.as_f32().unwrap_or_default())
        };
        finish(g, &x, size, contract, &test)
    }
}

impl Caption {
    /// Reads `model.caption`.
    ///
    /// # Errors
    /// [`TrainError::Data`] when it is another kind of model.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let saved = Saved::open(path)?;
        let (words, gru) = (saved.layer("Embedding")?, saved.layer("GRU")?);
        saved.expect(words, "mask_zero", &false.into())?;
        saved.expect(gru, "activation", &"tanh".into())?;
        saved.expect(gru, "inner_activation", &"hard_sigmoid".into())?;
        saved.expect(gru, "go_backwards", &false.into())?;
        saved.expect(gru, "return_sequences", &false.into())?;
        let length = words["input_length"].as_u64().filter(|n| (1..=256).contains(n));
        let length = length.ok_or_else(|| fail(path, "input_length is not 1..=256"))? as usize;
        let three = |part: &str| -> Result<[Matrix; 3], TrainError> {
            let one = |gate: &str| saved.weight(gru, &format!("{part}_{gate}"));
            Ok([one("z")?, one("r")?, one("h")?])
        };
        let table = saved.weight(words, "W")?;
        let own = Self { length, table, input: three("W")?, state: three("U")?, bias: three("b")? };
        let size = own.bias[0].columns;
        let fits = own.input.iter().all(|m| (m.rows, m.columns) == (own.table.columns, size))
            && own.state.iter().all(|m| (m.rows, m.columns) == (size, size))
            && own.bias.iter().all(|m| m.columns == size);
        if fits && own.table.rows > 0 {
            Ok(own)
        } else {
            Err(fail(path, "the shapes of its weights do not fit together"))
        }
    }

    /// Ids the tower takes.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// What Keras 1.2.2 computes.
    #[must_use]
    pub fn forward(&self, ids: &[u32]) -> Vec<f32> {
        let hard = |v: f64| (0.2 * v + 0.5).clamp(0.0, 1.0);
        let size = self.bias[0].columns;
        let mut state = vec![0f64; size];
        for id in ids {
            let last = self.table.rows.saturating_sub(1);
            let at = (*id as usize).min(last) * self.table.columns;
            let x = self.table.values.get(at..at + self.table.columns).unwrap_or_default();
            let input: Vec<Vec<f64>> =
                (0..3).map(|g| affine(x, &self.input[g], &self.bias[g])).collect();
            let recurrent = |gate: usize, of: &[f64]| -> Vec<f64> {
                let m = &self.state[gate];
                let rows = || of.iter().zip(m.values.chunks(m.columns));
                (0..size).map(|c| rows().map(|(v, row)| v * f64::from(row[c])).sum()).collect()
            };
            let gate = |g: usize| -> Vec<f64> {
                let own = recurrent(g, &state);
                input[g].iter().zip(own).map(|(a, b)| hard(a + b)).collect()
            };
            let (update, reset) = (gate(0), gate(1));
            let kept: Vec<f64> = reset.iter().zip(&state).map(|(r, h)| r * h).collect();
            let candidate = recurrent(2, &kept);
            let candidate = input[2].iter().zip(candidate).map(|(a, b)| (a + b).tanh());
            state = update
                .iter()
                .zip(&state)
                .zip(candidate)
                .map(|((z, h), new)| z * h + (1.0 - z) * new)
                .collect();
        }
        state.into_iter().map(|v| v as f32).collect()
    }

    /// The tower as an ONNX model that carries `tokenizer`.
    ///
    /// # Errors
    /// [`TrainError::Export`].
    pub fn model(&self, space: &str, tokenizer: Tokenizer) -> Result<ModelFile, TrainError> {
        let (size, length) = (self.bias[0].columns, self.length);
        let mut g = GraphBuilder::new("keras-caption");
        g.producer("framecast-train", env!("CARGO_PKG_VERSION"));
        g.input("tokens", DType::I64, &[1.into(), length.into()]);
        let (rows, columns) = (self.table.rows, self.table.columns);
        let table = g.constant("words", &[rows, columns], self.table.values.clone());
        let last = g.constant("last_id", &[], vec![rows as i64 - 1]);
        let matrix = |g: &mut GraphBuilder, name: &str, m: &Matrix| {
            let shape = if m.rows == 1 { vec![m.columns] } else { vec![m.rows, m.columns] };
            g.constant(name, &shape, m.values.clone())
        };
        let mut names = Vec::new();
        for (gate, letter) in ["z", "r", "h"].into_iter().enumerate() {
            names.push([
                matrix(&mut g, &format!("W_{letter}"), &self.input[gate]),
                matrix(&mut g, &format!("U_{letter}"), &self.state[gate]),
                matrix(&mut g, &format!("b_{letter}"), &self.bias[gate]),
            ]);
        }
        let number = |g: &mut GraphBuilder, name: &str, v: f32| g.constant(name, &[], vec![v]);
        let (fifth, half) = (number(&mut g, "fifth", 0.2), number(&mut g, "half", 0.5));
        let (zero, one) = (number(&mut g, "zero", 0.0), number(&mut g, "one", 1.0));
        let mut state = g.constant("start", &[1, size], vec![0f32; size]);
        for step in 0..length {
            let at = g.constant(&format!("at_{step}"), &[1], vec![step as i64]);
            let id = g.node("Gather", &["tokens", &at], &[("axis", 1_i64.into())]);
            let id = g.node("Min", &[&id, &last], &[]);
            let shape = g.constant(&format!("one_{step}"), &[1], vec![1_i64]);
            let id = g.node("Reshape", &[&id, &shape], &[]);
            let x = g.node("Gather", &[&table, &id], &[("axis", 0_i64.into())]);
            let mut sum = |which: usize, of: &str| {
                let [w, u, b] = &names[which];
                let own = g.node("MatMul", &[&x, w], &[]);
                let own = g.node("Add", &[&own, b], &[]);
                let past = g.node("MatMul", &[of, u], &[]);
                g.node("Add", &[&own, &past], &[])
            };
            let (update, reset) = (sum(0, &state), sum(1, &state));
            let mut hard = |sum: &str| {
                let scaled = g.node("Mul", &[sum, &fifth], &[]);
                let moved = g.node("Add", &[&scaled, &half], &[]);
                g.node("Clip", &[&moved, &zero, &one], &[])
            };
            let (update, reset) = (hard(&update), hard(&reset));
            let kept = g.node("Mul", &[&reset, &state], &[]);
            let [w, u, b] = &names[2];
            let own = g.node("MatMul", &[&x, w], &[]);
            let own = g.node("Add", &[&own, b], &[]);
            let past = g.node("MatMul", &[&kept, u], &[]);
            let both = g.node("Add", &[&own, &past], &[]);
            let new = g.node("Tanh", &[&both], &[]);
            // z h + (1 - z) n = n + z (h - n)
            let apart = g.node("Sub", &[&state, &new], &[]);
            let part = g.node("Mul", &[&update, &apart], &[]);
            state = g.node("Add", &[&new, &part], &[]);
        }
        let mut contract = contract("keras-caption", space, "Embedding and GRU(256) over 16 ids");
        let shape = [1.into(), length.into()];
        contract.inputs = vec![Port::new("tokens", Role::Tokens, DType::I64, &shape)];
        contract.tokenizer = Some(tokenizer);
        let test = |step| match golden::input(DType::I64, &[1, length], step).data() {
            framecast::model::TensorData::I64(ids) => {
                let ids: Vec<u32> = ids.iter().map(|id| u32::try_from(*id).unwrap_or(0)).collect();
                self.forward(&ids)
            }
            _ => Vec::new(),
        };
        finish(g, &state, size, contract, &test)
    }
}

/// `x m + b` in double precision.
fn affine(x: &[f32], m: &Matrix, b: &Matrix) -> Vec<f64> {
    let mut sums: Vec<f64> = b.values.iter().map(|v| f64::from(*v)).collect();
    for (v, row) in x.iter().zip(m.values.chunks(m.columns.max(1))) {
        sums.iter_mut().zip(row).for_each(|(s, w)| *s += f64::from(*v) * f64::from(*w));
    }
    sums
}

fn contract(name: &str, space: &str, what: &str) -> Contract {
    let mut contract = Contract::new(name, Task::Embed);
    contract.description = format!(
        "{what}, as trained with Keras 1.2.2 on captions of MSCOCO; compare by dot product"
    );
    contract.space = Some(space.to_owned());
    contract.provenance = Provenance {
        producer: format!("framecast-train {}", env!("CARGO_PKG_VERSION")),
        licence: "that of the imported file".to_owned(),
        ..Provenance::default()
    };
    contract
}

fn finish(
    mut g: GraphBuilder,
    output: &str,
    size: usize,
    mut contract: Contract,
    test: &dyn Fn(usize) -> Vec<f32>,
) -> Result<ModelFile, TrainError> {
    let name = contract.name.clone();
    let fail = |reason: String| TrainError::Export { name: name.clone(), reason };
    let shape = [1.into(), size.into()];
    g.output_as(output, "embedding", DType::F32, &shape);
    contract.outputs = vec![Port::new("embedding", Role::Embedding, DType::F32, &shape)];
    let mut expected = GoldenOutput { name: "embedding".to_owned(), ..GoldenOutput::default() };
    for step in 0..STEPS {
        let values = TensorBuf::new(&[1, size], test(step)).map_err(|e| fail(e.to_string()))?;
        golden::record(&mut expected, &values, SAMPLES);
    }
    let bind = Default::default();
    contract.golden = Some(Golden { bind, steps: STEPS, tolerance: 1e-4, outputs: vec![expected] });
    let text = contract.to_json().map_err(|e| fail(e.to_string()))?;
    g.metadata(Contract::KEY, &text);
    let proto = g.finish().map_err(fail)?;
    let model = ModelFile::from_proto(&name, &proto)
        .map_err(|e| TrainError::Export { name: name.clone(), reason: e.to_string() })?;
    contract
        .validate(&model)
        .map_err(|e| TrainError::Export { name: name.clone(), reason: e.to_string() })?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::engines;
    use framecast::engine::{LoadOptions, load};

    fn matrix(rows: usize, columns: usize, seed: u32) -> Matrix {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        Matrix { rows, columns, values: (0..rows * columns).map(|_| next()).collect() }
    }

    fn caption() -> Caption {
        let gates = |rows, seed| [0u32, 1, 2].map(|g| matrix(rows, 5, seed + g));
        Caption {
            length: 4,
            table: matrix(9, 3, 1),
            input: gates(3, 10),
            state: gates(5, 20),
            bias: gates(1, 30),
        }
    }

    fn run(model: &ModelFile, input: &TensorBuf) -> Vec<Vec<f32>> {
        let (there, _) = engines(None);
        there
            .into_iter()
            .map(|engine| {
                let mut options = LoadOptions::default();
                options.engine = engine;
                // The self-test runs here too.
                let mut session = load(model, &options).unwrap().session;
                let mut out = vec![TensorBuf::zeros(DType::F32, &[])];
                session.run(&[input.view()], &mut out).unwrap();
                out[0].as_f32().unwrap().to_vec()
            })
            .collect()
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    #[test]
    fn one_step_by_hand() {
        let m = |values: &[f32], rows| Matrix {
            rows,
            columns: values.len() / rows,
            values: values.to_vec(),
        };
        let tower = Caption {
            length: 2,
            table: m(&[0.0, 1.0], 2),
            input: [m(&[1.0], 1), m(&[-1.0], 1), m(&[2.0], 1)],
            state: [m(&[0.5], 1), m(&[4.0], 1), m(&[1.0], 1)],
            bias: [m(&[0.5], 1), m(&[0.0], 1), m(&[0.1], 1)],
        };
        // z = clip(0.2 * 1.5 + 0.5) = 0.8, h = 0.2 tanh(2.1).
        let h = 0.2 * 2.1f64.tanh();
        // z = clip(0.2 (1.5 + h / 2) + 0.5), r = clip(0.2 (4 h - 1) + 0.5), n = tanh(2.1 + r h).
        let z = 0.2 * (1.5 + h / 2.0) + 0.5;
        let r = 0.2 * (4.0 * h - 1.0) + 0.5;
        let second = z * h + (1.0 - z) * (2.1 + r * h).tanh();
        assert!((f64::from(tower.forward(&[1, 1])[0]) - second).abs() < 1e-6);
    }

    #[test]
    fn towers_are_the_same_on_every_engine_as_by_the_formulas() {
        let tower = caption();
        let words = ["a", "b", "c"].iter().zip(3..).map(|(w, id)| ((*w).to_owned(), id));
        let tokenizer = Tokenizer::new(words.collect(), 4);
        let model = tower.model("s", tokenizer).unwrap();
        for ids in [[0u32, 0, 3, 5], [8, 7, 1, 8]] {
            let input = TensorBuf::new(&[1, 4], ids.map(i64::from).to_vec()).unwrap();
            for got in run(&model, &input) {
                assert!(near(&got, &tower.forward(&ids)), "{got:?}");
            }
        }
        let dense = Dense { weight: matrix(7, 4, 3), bias: matrix(1, 4, 4) };
        let x = matrix(1, 7, 5).values;
        let input = TensorBuf::new(&[1, 7], x.clone()).unwrap();
        for got in run(&dense.model("s").unwrap(), &input) {
            assert!(near(&got, &dense.forward(&x)), "{got:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.h5");
        for bytes in [&b""[..], b"\x89HDF\r\n\x1a\n", b"GIF89a"] {
            std::fs::write(&path, bytes).unwrap();
            assert!(Dense::read(&path).is_err() && Caption::read(&path).is_err());
        }
    }
}
