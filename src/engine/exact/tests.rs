//! Random integer networks on every engine, and what is refused.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::engine::{EngineChoice, EngineError, LoadOptions, load};
use crate::model::onnx::{Attribute, GraphBuilder};
use crate::model::{DType, Dim, ModelFile, TensorBuf, TensorData};

fn planes(channels: usize) -> [Dim; 4] {
    [1.into(), channels.into(), "h".into(), "w".into()]
}

/// Writes layers in the form the trainer exports.
struct Writer {
    graph: GraphBuilder,
    random: Pcg64,
    extreme: bool,
}

impl Writer {
    fn new(inputs: usize, seed: u64, extreme: bool) -> Self {
        let mut graph = GraphBuilder::new("integers");
        graph.input("features", DType::U8, &planes(inputs));
        Self { graph, random: Pcg64::seed_from_u64(seed), extreme }
    }

    fn number(&mut self, value: i32) -> String {
        self.graph.constant("number", &[], vec![value])
    }

    fn conv(&mut self, x: &str, [outputs, inputs, side]: [usize; 3]) -> String {
        let count = outputs * inputs * side * side;
        let weights: Vec<i8> = (0..count)
            .map(|_| match self.extreme {
                true => [-64, 63][self.random.random_range(0..2)],
                false => self.random.random_range(-64..64),
            })
            .collect();
        let weights = self.graph.constant("weights", &[outputs, inputs, side, side], weights);
        let attributes: [(&str, Attribute); 2] =
            [("kernel_shape", [side as i64; 2].into()), ("pads", [side as i64 / 2; 4].into())];
        self.graph.node("ConvInteger", &[x, &weights], &attributes)
    }

    fn with(&mut self, operator: &str, x: &str, value: i32) -> String {
        let value = self.number(value);
        self.graph.node(operator, &[x, &value], &[])
    }

    fn cast(&mut self, x: &str, to: i64) -> String {
        self.graph.node("Cast", &[x], &[("to", to.into())])
    }

    fn biased(&mut self, x: &str, channels: usize, all: i32) -> String {
        let bias = (0..channels).map(|_| all + self.random.random_range(-9_000..9_000));
        let bias: Vec<i32> = bias.collect();
        let bias = self.graph.constant("bias", &[1, channels, 1, 1], bias);
        self.graph.node("Add", &[x, &bias], &[])
    }

    /// Half up to bytes: clip, then shift.
    fn bytes(&mut self, sum: &str, channels: usize, shift: u32) -> String {
        let sum = self.biased(sum, channels, 1 << (shift - 1));
        let (low, high) = (self.number(0), self.number((256 << shift) - 1));
        let sum = self.graph.node("Clip", &[&sum, &low, &high], &[]);
        let sum = self.with("Div", &sum, 1 << shift);
        self.cast(&sum, 2)
    }

    /// Signed, in units of 1/64.
    fn finish(&mut self, sum: &str, channels: usize) {
        let sum = self.biased(sum, channels, (1 << 26) + (1 << 7));
        let sum = self.with("Div", &sum, 1 << 8);
        let sum = self.with("Sub", &sum, 1 << 18);
        let real = self.cast(&sum, 1);
        let unit = self.graph.constant("unit", &[], vec![1.0f32 / 64.0]);
        self.graph.node_named("Mul", "", &[&real, &unit], &["logits"], &[]);
        self.graph.output("logits", DType::F32, &planes(channels));
    }

    fn model(&mut self) -> ModelFile {
        let graph = std::mem::replace(&mut self.graph, GraphBuilder::new("done"));
        ModelFile::from_proto("integers", &graph.finish().unwrap()).unwrap()
    }
}

/// A network of the kind of `predict-nano-int`.
fn network(seed: u64, inputs: usize, inner: usize, extreme: bool) -> ModelFile {
    let mut w = Writer::new(inputs, seed, extreme);
    let sum = w.conv("features", [inner, inputs, 3]);
    let mut x = w.bytes(&sum, inner, 12);
    for _ in 0..2 {
        let sum = w.conv(&x, [inner, inner, 3]);
        let kept = w.cast(&x, 6);
        let kept = w.with("Mul", &kept, 1 << 10);
        let sum = w.graph.node("Add", &[&sum, &kept], &[]);
        x = w.bytes(&sum, inner, 10);
    }
    let high = w.conv("features", [5, inputs, 1]);
    let high = w.with("Mul", &high, 64);
    let low = w.conv("features", [5, inputs, 1]);
    let prior = w.graph.node("Add", &[&high, &low], &[]);
    let head = w.conv(&x, [5, inner, 1]);
    let sum = w.graph.node("Add", &[&prior, &head], &[]);
    w.finish(&sum, 5);
    w.model()
}

fn run(model: &ModelFile, engine: EngineChoice, size: [usize; 2], input: &TensorBuf) -> TensorBuf {
    let mut options = LoadOptions { engine, threads: 1, ..LoadOptions::default() };
    options.bind.extend([("h".to_owned(), size[0]), ("w".to_owned(), size[1])]);
    let mut loaded = load(model, &options).unwrap();
    let mut output = [TensorBuf::zeros(DType::F32, &[0])];
    loaded.session.run(&[input.view()], &mut output).unwrap();
    // A second run leaves nothing of the first behind.
    loaded.session.run(&[input.view()], &mut output).unwrap();
    let [output] = output;
    output
}

fn others() -> Vec<EngineChoice> {
    let mut engines = Vec::new();
    if cfg!(feature = "tract") {
        engines.push(EngineChoice::Tract);
    }
    #[cfg(feature = "ort")]
    if crate::engine::search(None).last().is_some_and(|t| t.outcome.is_ok()) {
        engines.push(EngineChoice::Ort);
    }
    engines
}

#[test]
fn other_engines_give_the_same_bits() {
    for (seed, inputs, inner, extreme) in
        [(1, 40, 32, false), (2, 40, 32, true), (3, 7, 5, true), (4, 1, 17, false)]
    {
        let model = network(seed, inputs, inner, extreme);
        let mut random = Pcg64::seed_from_u64(seed + 100);
        for (size, kind) in [([5, 7], 0), ([5, 7], 1), ([6, 9], 2), ([1, 1], 0), ([1, 13], 1)] {
            let count = inputs * size[0] * size[1];
            let bytes: Vec<u8> = (0..count)
                .map(|_| match kind {
                    0 => random.random_range(0..=255),
                    1 => [0, 255][random.random_range(0..2)],
                    _ => 255,
                })
                .collect();
            let input = TensorBuf::new(&[1, inputs, size[0], size[1]], bytes).unwrap();
            let own = run(&model, EngineChoice::Exact, size, &input);
            assert_eq!(own.shape(), [1, 5, size[0], size[1]]);
            for engine in others() {
                assert_eq!(own, run(&model, engine, size, &input), "{engine} {seed} {size:?}");
            }
            let values = own.as_f32().unwrap();
            assert!(values.iter().all(|v| (v * 64.0).fract() == 0.0));
            assert!(count == inputs || values.iter().any(|v| *v != values[0]));
        }
    }
}

#[test]
fn a_small_network_is_what_pencil_and_paper_say() {
    let mut w = Writer::new(1, 1, false);
    let weights = w.graph.constant("w", &[1, 1, 3, 3], vec![0i8, 0, 0, -64, 2, 63, 0, 0, 0]);
    let pads: [(&str, Attribute); 1] = [("pads", [1i64; 4].into())];
    let sum = w.graph.node("ConvInteger", &["features", &weights], &pads);
    let sum = w.with("Add", &sum, 32);
    let (low, high) = (w.number(0), w.number(16_383));
    let sum = w.graph.node("Clip", &[&sum, &low, &high], &[]);
    let sum = w.with("Div", &sum, 64);
    let bytes = w.cast(&sum, 2);
    let sum = w.cast(&bytes, 6);
    let real = w.cast(&sum, 1);
    let unit = w.graph.constant("unit", &[], vec![0.5f32]);
    w.graph.node_named("Mul", "", &[&real, &unit], &["logits"], &[]);
    w.graph.output("logits", DType::F32, &planes(1));
    let input = TensorBuf::new(&[1, 1, 1, 4], vec![1u8, 200, 255, 3]).unwrap();
    let output = run(&w.model(), EngineChoice::Exact, [1, 4], &input);
    // (2 + 63 * 200, -64 + 400 + 63 * 255, -12800 + 510 + 189, -16320 + 6), halves up, shifted.
    assert_eq!(
        *output.data(),
        TensorData::F32([197, 256, 0, 0].map(|v| v.min(255) as f32 * 0.5).to_vec())
    );
}

/// What a load of `w` with the exact engine says.
fn refusal(mut w: Writer) -> String {
    let mut options = LoadOptions { engine: EngineChoice::Exact, ..LoadOptions::default() };
    options.bind.extend([("h".to_owned(), 4), ("w".to_owned(), 4)]);
    let error = load(&w.model(), &options).unwrap_err();
    assert!(matches!(error, EngineError::Refused { .. } | EngineError::Model { .. }), "{error}");
    error.to_string()
}

#[test]
fn what_could_differ_from_engine_to_engine_is_refused_by_its_node() {
    let with = |change: &dyn Fn(&mut Writer) -> String| {
        let mut w = Writer::new(4, 3, false);
        let sum = change(&mut w);
        w.finish(&sum, 3);
        refusal(w)
    };
    let heavy = |w: &mut Writer| {
        let weights = w.graph.constant("w", &[3, 4, 1, 1], vec![64i8; 12]);
        w.graph.node("ConvInteger", &["features", &weights], &[])
    };
    let said = with(&|w| heavy(w));
    assert!(
        said.contains("\"convinteger\" (ConvInteger)") && said.contains("64 is outside"),
        "{said}"
    );
    let said = with(&|w| {
        let sum = w.conv("features", [3, 4, 1]);
        w.with("Div", &sum, 8)
    });
    assert!(said.contains("\"div\" (Div)") && said.contains("dividend can be -"), "{said}");
    let said = with(&|w| {
        let sum = w.cast("features", 6);
        let sum = w.with("Div", &sum, 3);
        w.conv(&sum, [3, 4, 1])
    });
    assert!(said.contains("no power of two"), "{said}");
    let said = with(&|w| {
        let sum = w.conv("features", [3, 4, 1]);
        let bytes = w.cast(&sum, 2);
        w.conv(&bytes, [3, 3, 1])
    });
    assert!(said.contains("(Cast)") && said.contains("outside 0 to 255"), "{said}");
    let said = with(&|w| {
        let mut sum = w.conv("features", [3, 4, 3]);
        for _ in 0..3 {
            sum = w.with("Mul", &sum, 1 << 30);
        }
        sum
    });
    assert!(said.contains("(Mul)") && said.contains("i32"), "{said}");
    let said = with(&|w| {
        let sum = w.conv("features", [3, 4, 1]);
        w.graph.node("Relu", &[&sum], &[])
    });
    assert!(said.contains("\"relu\" (Relu)"), "{said}");
    let said = with(&|w| {
        let weights = w.graph.constant("w", &[3, 4, 1, 1], vec![1i8; 12]);
        let zero = w.graph.constant("zero", &[], vec![1u8]);
        w.graph.node("ConvInteger", &["features", &weights, &zero], &[])
    });
    assert!(said.contains("x_zero_point"), "{said}");
    let said = with(&|w| {
        let weights = w.graph.constant("w", &[3, 4, 3, 3], vec![1i8; 108]);
        w.graph.node("ConvInteger", &["features", &weights], &[("strides", [2i64; 2].into())])
    });
    assert!(said.contains("pads are [0, 0, 0, 0]; 1"), "{said}");
    let said = with(&|w| w.conv("features", [2, 4, 1]));
    assert!(said.contains("neither one number nor one a channel of 2"), "{said}");
}

#[test]
fn the_ends_of_a_graph_are_checked_too() {
    let mut w = Writer::new(4, 3, false);
    let sum = w.conv("features", [3, 4, 1]);
    w.graph.output_as(&sum, "logits", DType::I32, &planes(3));
    let said = refusal(w);
    assert!(said.contains("no sum cast to f32"), "{said}");

    let mut w = Writer::new(1, 1, false);
    let sum = w.conv("features", [1, 1, 1]);
    let real = w.cast(&sum, 1);
    let third = w.graph.constant("third", &[], vec![0.3f32]);
    w.graph.node_named("Mul", "", &[&real, &third], &["logits"], &[]);
    w.graph.output("logits", DType::F32, &planes(1));
    let said = refusal(w);
    assert!(said.contains("0.3 is no power of two"), "{said}");

    // Exact here, but another engine would overflow on the way.
    let mut w = Writer::new(1, 1, false);
    let sum = w.conv("features", [1, 1, 1]);
    let mut real = w.cast(&sum, 1);
    for power in [120, -120] {
        let unit = w.graph.constant("unit", &[], vec![2f32.powi(power)]);
        real = w.graph.node("Mul", &[&real, &unit], &[]);
    }
    w.graph.output_as(&real, "logits", DType::F32, &planes(1));
    let said = refusal(w);
    assert!(said.contains("(Mul)") && said.contains("2^-100..=2^100"), "{said}");

    let mut g = GraphBuilder::new("float");
    let x = g.input("x", DType::F32, &planes(1));
    g.output_as(&x, "y", DType::F32, &planes(1));
    let model = ModelFile::from_proto("float", &g.finish().unwrap()).unwrap();
    let mut options = LoadOptions { engine: EngineChoice::Exact, ..LoadOptions::default() };
    options.bind.extend([("h".to_owned(), 4), ("w".to_owned(), 4)]);
    let said = load(&model, &options).unwrap_err().to_string();
    assert!(said.contains("integer models take bytes"), "{said}");
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_memory_is_taken() {
    let mut options = LoadOptions { engine: EngineChoice::Exact, ..LoadOptions::default() };
    options.bind.extend([("h".to_owned(), 1 << 30), ("w".to_owned(), 1 << 30)]);
    let said = load(&network(1, 4, 4, false), &options).unwrap_err().to_string();
    assert!(said.contains("bytes; 1073741824 is the limit"), "{said}");
    // Little but outputs, which count too.
    let mut w = Writer::new(1, 1, false);
    let sum = w.conv("features", [1024, 1, 1]);
    w.finish(&sum, 1024);
    options.bind.extend([("h".to_owned(), 512), ("w".to_owned(), 512)]);
    let said = load(&w.model(), &options).unwrap_err().to_string();
    assert!(said.contains("bytes; 1073741824 is the limit"), "{said}");
}

/// FNV-1a (32 bits).
fn checksum(values: &[f32]) -> u32 {
    values
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Held on x86-64 with and without AVX2, and on aarch64 under emulation.
#[test]
fn golden_sums() {
    let sums = [(1, 40, 32, false), (2, 40, 32, true), (3, 7, 5, true)].map(|(seed, i, n, all)| {
        let model = network(seed, i, n, all);
        let mut random = Pcg64::seed_from_u64(seed);
        let bytes: Vec<u8> = (0..i * 11 * 14).map(|_| random.random_range(0..=255)).collect();
        let input = TensorBuf::new(&[1, i, 11, 14], bytes).unwrap();
        checksum(run(&model, EngineChoice::Exact, [11, 14], &input).as_f32().unwrap())
    });
    assert_eq!(sums, [2_015_408_695, 841_880_729, 2_108_986_766]);
}
