//! One prediction taken apart, frame by frame on the same pictures.

use std::error::Error;
use std::hint::black_box;

use framecast::engine::{EngineChoice, LoadOptions, Session, load};
use framecast::frame::{Rational, Size};
use framecast::model::{Contract, ModelFile, TensorBuf, TensorData};
use framecast::source::demo::Scene;
use framecast::task::predict::{Blend, Forecaster, blend_binding};
use framecast::vision::blend::{CANDIDATES, Candidates, Mixer, Observer, Weights};
use framecast::vision::motion::{LumaPyramid, MotionField, MotionSearch, luma};
use framecast::vision::{FloatImage, RgbImage};

use super::plain::Plain;
use super::stopwatch;

/// Frames before time is taken.
const WARM_UP: u64 = 8;

/// What is timed, in the order of [`Times::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Luma, pyramid, search, and the field moved on.
    Motion,
    /// What the observer does beside that.
    Features,
    /// The network on ONNX Runtime, through the runtime's session.
    Net,
    /// The network on tract, through the runtime's session.
    NetTract,
    /// The network by the library's own `Run`, nothing around it.
    NetPlain,
    /// Weights, candidates and their mixture.
    Blend,
    /// A whole prediction on ONNX Runtime.
    Whole,
    /// A whole prediction on tract.
    WholeTract,
}

/// Number of [`Part`]s.
const PARTS: usize = Part::WholeTract as usize + 1;

/// Milliseconds of each part, one value a frame.
#[derive(Debug, Default)]
pub(crate) struct Times {
    parts: [Vec<f64>; PARTS],
}

impl Times {
    /// Adds what passed since `start`.
    fn push(&mut self, part: Part, start: f64) {
        self.parts[part as usize].push(stopwatch::now() - start);
    }

    /// The median of a part; none where it was not run.
    pub(crate) fn of(&self, part: Part) -> Option<f64> {
        let mut sorted = self.parts[part as usize].clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

/// The model with what it takes to run it alone and in a whole prediction.
struct Runner {
    alone: Box<dyn Session>,
    whole: Blend,
}

impl Runner {
    fn new(
        file: &ModelFile,
        contract: &Contract,
        engine: EngineChoice,
        size: Size,
    ) -> Result<Self, Box<dyn Error>> {
        let mut options = LoadOptions::default();
        options.engine = engine;
        options.threads = 1;
        options.bind = blend_binding(contract, size)?;
        let alone = load(file, &options)?.session;
        let session = load(file, &options)?.session;
        let whole = Blend::new(session, contract, file.sha256().to_owned(), size)?;
        Ok(Self { alone, whole })
    }
}

/// Times `frames` frames of a demo flight at `size`. Without an ONNX Runtime its parts stay empty.
pub(crate) fn measure(
    file: &ModelFile,
    contract: &Contract,
    ort: bool,
    size: Size,
    frames: u64,
) -> Result<Times, Box<dyn Error>> {
    let mut tract = Runner::new(file, contract, EngineChoice::Tract, size)?;
    let mut ort = if ort {
        let runner = Runner::new(file, contract, EngineChoice::Ort, size)?;
        let spec = runner.alone.spec();
        let inputs = spec.inputs.iter().chain(spec.state.iter().map(|(input, _)| input));
        let inputs: Vec<_> = inputs.map(|i| (i.name.clone(), i.shape.clone())).collect();
        let outputs = spec.outputs.iter().map(|o| &o.name).chain(spec.state.iter().map(|(_, o)| o));
        let outputs: Vec<String> = outputs.cloned().collect();
        let bind = blend_binding(contract, size)?;
        Some((runner, Plain::new(file.bytes(), &bind, &inputs, &outputs)?))
    } else {
        None
    };
    let spec = tract.alone.spec().clone();
    let mut input = spec.inputs.first().map(|i| TensorBuf::zeros(i.dtype, &i.shape));
    let input = input.as_mut().ok_or("the model has no input")?;
    let mut outputs: Vec<TensorBuf> =
        spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    let logits = spec
        .outputs
        .iter()
        .position(|o| o.shape.get(1) == Some(&CANDIDATES))
        .ok_or("the model has no logits")?;
    let mut scene = Scene::new(9, size, Rational::whole(30))?;
    let (mut frame, mut next) = (RgbImage::default(), FloatImage::default());
    let (mut newest, mut before) = (LumaPyramid::default(), LumaPyramid::default());
    let mut search = MotionSearch::default();
    let (mut field, mut ahead) = (MotionField::default(), MotionField::default());
    let (mut plane, mut observer) = (Vec::new(), Observer::new());
    let (mut candidates, mut mixer) = (Candidates::default(), Mixer::default());
    let (mut weights, mut mixed) = (Weights::default(), RgbImage::default());
    let mut scratch = Vec::new();
    let mut times = Times::default();
    for at in 0..WARM_UP + frames {
        if at == WARM_UP {
            times = Times::default();
        }
        scene.render(at, &mut frame);
        let start = stopwatch::now();
        luma(&frame, &mut plane);
        std::mem::swap(&mut newest, &mut before);
        newest.build(&plane, size);
        search.search(&newest, &before, &mut field);
        field.project(&mut ahead);
        times.push(Part::Motion, start);
        black_box(&ahead);

        let start = stopwatch::now();
        observer.observe(&plane, size);
        times.push(Part::Features, start);

        if let TensorData::F32(values) = input.data_mut() {
            for (value, &byte) in values.iter_mut().zip(observer.features().data()) {
                *value = f32::from(byte) / 255.0;
            }
        }
        let start = stopwatch::now();
        tract.alone.run(&[input.view()], &mut outputs)?;
        tract.alone.advance_state();
        times.push(Part::NetTract, start);
        if let Some((runner, plain)) = &mut ort {
            let start = stopwatch::now();
            runner.alone.run(&[input.view()], &mut outputs)?;
            runner.alone.advance_state();
            times.push(Part::Net, start);
            plain.fill(input);
            let start = stopwatch::now();
            plain.run()?;
            times.push(Part::NetPlain, start);
        }

        let numbers = outputs.get(logits).and_then(TensorBuf::as_f32).unwrap_or_default();
        let (columns, rows) = (observer.features().columns(), observer.features().rows());
        let start = stopwatch::now();
        weights.from_floats(numbers, columns, rows, &mut scratch);
        candidates.push(&frame, &observer);
        candidates.make_where(&observer, 1, &weights);
        mixer.mix(&candidates, &weights, &mut mixed);
        next.copy_from_rgb(&mixed);
        times.push(Part::Blend, start);
        black_box(&next);

        let start = stopwatch::now();
        tract.whole.observe(&frame, &mut next)?;
        times.push(Part::WholeTract, start);
        if let Some((runner, _)) = &mut ort {
            let start = stopwatch::now();
            runner.whole.observe(&frame, &mut next)?;
            times.push(Part::Whole, start);
        }
    }
    // The observer searches too.
    let motion = times.parts[Part::Motion as usize].clone();
    for (features, motion) in times.parts[Part::Features as usize].iter_mut().zip(motion) {
        *features = (*features - motion).max(0.0);
    }
    Ok(times)
}
