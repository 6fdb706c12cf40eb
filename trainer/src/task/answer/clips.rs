//! Drawn clips as a trained encoder sees them, with their questions ready for the network.
//!
//! The encoder is not trained on clips, so that each frame is looked at once and only a few numbers
//! of it are kept.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use framecast::model::ModelFile;
use framecast::model::onnx::TensorProto;
use framecast::model::tokenizer::Tokenizer;

use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::batch::{numbers, pictures};
use super::clip_net::EVENTS;
use super::encoder::{Encoder, SEEN};
use super::scene::{Asked, Deed, Example, KINDS, Object, Scene, Template};
use crate::TrainError;
use crate::net::{Params, Tensors};

/// Seed of the questions without an answer.
const WITHOUT: u64 = 17;
/// Frames looked at together.
const TOGETHER: usize = 128;

/// A trained encoder, as a model file carries it.
pub(super) struct Trained {
    pub(super) encoder: Encoder,
    /// Its parameters, with the readers of its maps.
    pub(super) params: Params,
    /// Name and hash of the file.
    pub(super) from: String,
}

impl Trained {
    /// Takes the encoder out of the model `path`.
    pub(super) fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |reason: String| TrainError::Data { uri: path.display().to_string(), reason };
        let model = ModelFile::open(path).map_err(|e| bad(e.to_string()))?;
        let mut params = Params::default();
        let own = |t: &&TensorProto| Encoder::owns(&t.name);
        for tensor in model.graph().initializer.iter().filter(own) {
            let values = tensor.to_tensor().map_err(bad)?;
            let numbers =
                values.as_f32().ok_or_else(|| bad(format!("{} is not f32", tensor.name)))?;
            params.add_values(&tensor.name, values.shape(), numbers.to_vec());
        }
        let width = |at: usize| {
            let name = format!("encoder.{at}.weight");
            let shape = params.get(&name).map(|p| p.shape.clone());
            match shape.as_deref() {
                Some([outputs, _, 3, 3]) => Ok(*outputs),
                _ => {
                    Err(bad(format!("it has no {name}; give a model for questions about pictures")))
                }
            }
        };
        let encoder = Encoder { widths: [width(0)?, width(1)?, width(2)?, width(3)?] };
        Encoder::add_readers(&mut params);
        let from = format!("encoder of {} ({:.16})", model.name(), model.sha256());
        Ok(Self { encoder, params, from })
    }

    /// What the encoder sees of each picture of `scenes`, frame by frame.
    fn see(&self, scenes: &[&Scene]) -> Vec<Vec<f32>> {
        let device = Device::flex();
        let leaves = self.params.by_name(&device);
        let frames: Vec<(&Scene, usize)> =
            scenes.iter().flat_map(|&s| (0..s.frames).map(move |f| (s, f))).collect();
        let mut seen = Vec::with_capacity(frames.len());
        for part in frames.chunks(TOGETHER) {
            let drawn: Vec<_> = part.iter().map(|(scene, frame)| scene.picture(*frame)).collect();
            let images = pictures(drawn.iter().map(|picture| picture.data()), &device);
            seen.extend(numbers(self.encoder.see(&mut Tensors::new(&leaves), &images)));
        }
        seen
    }
}

/// A question ready for the network.
pub(super) struct ReadyQuestion {
    pub(super) ids: Vec<u32>,
    pub(super) text: String,
    pub(super) template: Template,
    pub(super) answer: usize,
}

/// A clip ready for the network.
pub(super) struct Clip {
    /// What is seen of each frame.
    pub(super) seen: Vec<Vec<f32>>,
    /// The question whose answer was chosen before the scene.
    pub(super) first: ReadyQuestion,
    /// All questions about the scene.
    pub(super) others: Vec<ReadyQuestion>,
    /// Questions that have no answer in the scene.
    pub(super) without: Vec<Vec<u32>>,
    /// What happened to each kind, [`EVENTS`] by [`KINDS`].
    pub(super) events: Vec<f32>,
}

/// The answers of all kinds of questions.
pub(super) fn answers() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for answer in Template::ALL.iter().flat_map(|t| t.answers()) {
        if !all.iter().any(|a| a == answer) {
            all.push((*answer).to_owned());
        }
    }
    all
}

fn happened(object: &Object, last: usize) -> [bool; EVENTS] {
    let way = |at: usize| object.moves() && object.direction as usize == at;
    [
        object.is_seen(last),
        matches!(object.deed, Deed::Appear(_)),
        matches!(object.deed, Deed::Vanish(_)),
        object.moves(),
        way(0),
        way(1),
        way(2),
        way(3),
        matches!(object.deed, Deed::Stop(_)),
        matches!(object.deed, Deed::Turn(_)),
    ]
}

/// The clips of `examples`, seen by `trained`.
pub(super) fn clips(
    examples: Vec<Example>,
    trained: &Trained,
    tokenizer: &Tokenizer,
    answers: &[String],
) -> Result<Vec<Clip>, TrainError> {
    let bad = |reason: String| TrainError::Data { uri: "drawn clips".into(), reason };
    let ready = |asked: &Asked| -> Result<ReadyQuestion, TrainError> {
        let ids = tokenizer.encode(&asked.text).map_err(|e| bad(e.to_string()))?.ids;
        let answer = answers.iter().position(|a| a == asked.answer).unwrap_or(0);
        Ok(ReadyQuestion { ids, text: asked.text.clone(), template: asked.template, answer })
    };
    let mut clips = Vec::with_capacity(examples.len());
    let random = &mut Pcg64::seed_from_u64(WITHOUT);
    for part in examples.chunks(16) {
        let scenes: Vec<&Scene> = part.iter().map(|e| &e.scene).collect();
        let mut seen = trained.see(&scenes).into_iter();
        for Example { scene, asked } in part {
            let mut events = vec![0.0; EVENTS * KINDS];
            for object in &scene.objects {
                for (at, it) in happened(object, scene.frames - 1).into_iter().enumerate() {
                    events[at * KINDS + object.kind()] = f32::from(u8::from(it));
                }
            }
            let others = scene.questions().iter().map(&ready).collect::<Result<_, _>>()?;
            let ids = |text: String| tokenizer.encode(&text).map(|encoded| encoded.ids);
            let without = (0..4).map(|_| ids(scene.unanswerable(random))).collect::<Result<_, _>>();
            let without = without.map_err(|e| bad(e.to_string()))?;
            let seen = seen.by_ref().take(scene.frames).collect();
            clips.push(Clip { seen, first: ready(asked)?, others, without, events });
        }
    }
    Ok(clips)
}

/// Places of clips by their number of frames.
pub(super) fn by_length(clips: &[Clip]) -> BTreeMap<usize, Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, clip) in clips.iter().enumerate() {
        groups.entry(clip.seen.len()).or_default().push(at);
    }
    groups
}

/// What is seen at one time of several clips.
pub(super) fn moment<'c>(
    seen: impl ExactSizeIterator<Item = &'c Vec<f32>>,
    device: &Device,
) -> Tensor<4> {
    let n = seen.len();
    let values: Vec<f32> = seen.flatten().copied().collect();
    Tensor::from_data(TensorData::new(values, [n, SEEN, 1, 1]), device)
}
