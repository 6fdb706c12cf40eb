//! Backbone, head and stream on tiny models whose scores can be told from the picture's colour.

use std::time::Duration;

use super::*;
use crate::engine::{EngineChoice, LoadOptions, load};
use crate::frame::{MonoTime, Size};
use crate::model::onnx::GraphBuilder;
use crate::model::{
    Contract, DType, LabelList, ModelFile, Port, ResetReason, Role, SizeRule, Task,
};
use crate::task::embed::FrameEmbedder;
use crate::task::{FrameInput, TaskError};
use crate::vision::RgbImage;

const SIZE: Size = Size::new(8, 6);

/// The mean of each colour of a 4x4 picture, 0 to 1.
fn means(g: &mut GraphBuilder, name: &str) -> String {
    let shape = [1.into(), 3.into(), 4.into(), 4.into()];
    let frame = g.input("frame", DType::F32, &shape);
    let pooled = g.node("GlobalAveragePool", &[&frame], &[]);
    let flat = g.node("Flatten", &[&pooled], &[]);
    g.output_as(&flat, name, DType::F32, &[1.into(), 3.into()]);
    flat
}

fn model(g: GraphBuilder, contract: Contract) -> ModelFile {
    let mut model = ModelFile::from_proto("m", &g.finish().unwrap()).unwrap();
    model.set_contract(contract).unwrap();
    model
}

/// Scores `red`, `green`, `blue` are the mean of each colour.
fn of_frames() -> ModelFile {
    let mut g = GraphBuilder::new("colours");
    means(&mut g, "scores");
    let mut contract = Contract::new("colours", Task::Tag);
    let shape = [1.into(), 3.into(), 4.into(), 4.into()];
    contract.inputs = vec![Port::new("frame", Role::Frame, DType::F32, &shape)];
    contract.outputs = vec![Port::new("scores", Role::Scores, DType::F32, &[1.into(), 3.into()])];
    contract.size = Some(SizeRule::Fixed { width: 4, height: 4 });
    contract.labels = ["red", "green", "blue"].map(str::to_owned).to_vec();
    contract.links = ["https://example.org/red", "", ""].map(str::to_owned).to_vec();
    model(g, contract)
}

fn backbone() -> ModelFile {
    let mut g = GraphBuilder::new("backbone");
    means(&mut g, "embedding");
    let mut contract = Contract::new("backbone", Task::Embed);
    let shape = [1.into(), 3.into(), 4.into(), 4.into()];
    contract.inputs = vec![Port::new("frame", Role::Frame, DType::F32, &shape)];
    contract.outputs =
        vec![Port::new("embedding", Role::Embedding, DType::F32, &[1.into(), 3.into()])];
    model(g, contract)
}

/// Two logits over three visual features and one of sound: 20 red - 10, and 20 sound - 10.
fn head() -> ModelFile {
    let mut g = GraphBuilder::new("head");
    let x = g.input("features", DType::F32, &[1.into(), 4.into()]);
    let w = g.constant("w", &[4, 2], vec![20.0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 20.0]);
    let b = g.constant("b", &[1, 2], vec![-10.0f32; 2]);
    let y = g.node("MatMul", &[&x, &w], &[]);
    let y = g.node("Add", &[&y, &b], &[]);
    g.output_as(&y, "logits", DType::F32, &[1.into(), 2.into()]);
    let mut contract = Contract::new("head", Task::Tag);
    contract.inputs =
        vec![Port::new("features", Role::Features, DType::F32, &[1.into(), 4.into()])];
    contract.outputs = vec![Port::new("logits", Role::Logits, DType::F32, &[1.into(), 2.into()])];
    contract.features = Some("backbone/0123456789abcdef".to_owned());
    model(g, contract)
}

fn opened<T>(
    file: &ModelFile,
    make: impl Fn(Box<dyn crate::engine::Session>, &Contract, Size) -> Result<T, TaskError>,
) -> Result<T, TaskError> {
    let contract = file.contract().unwrap().unwrap();
    let mut options = LoadOptions::default();
    (options.engine, options.threads) = (EngineChoice::Tract, 1);
    if contract.input(Role::Frame).is_some() {
        options.bind = FrameInput::binding(&contract, SIZE).unwrap();
    }
    make(load(file, &options).unwrap().session, &contract, SIZE)
}

fn stream(file: &ModelFile, with: Option<&ModelFile>, options: TagOptions) -> TagStream {
    let model = opened(file, TagModel::new).unwrap();
    let backbone = with.map(|file| opened(file, FrameEmbedder::new).unwrap());
    TagStream::new(model, backbone, options).unwrap()
}

fn flat(colour: [u8; 3], size: Size) -> RgbImage {
    RgbImage::from_vec(size, colour.repeat(size.pixels())).unwrap()
}

const fn ms(n: u64) -> MonoTime {
    MonoTime::from_nanos(n * 1_000_000)
}

#[test]
fn tags_begin_and_end_by_the_mean_of_the_window() {
    let options = TagOptions { window: Duration::from_millis(1000), ..TagOptions::default() };
    let mut tags = stream(&of_frames(), None, options);
    assert_eq!(tags.labels().links[0], "https://example.org/red");
    let (red, blue) = (flat([255, 128, 0], SIZE), flat([0, 0, 255], SIZE));
    let mut log = Vec::new();
    for n in 0..20 {
        let frame = if n < 10 { &red } else { &blue };
        let update = tags.observe(frame, ms(n * 100)).unwrap();
        log.extend(update.events.iter().map(|e| (n, e.label, e.on)));
        if n == 0 {
            let labels: Vec<_> = update.tags.iter().map(|t| (t.label, t.on)).collect();
            assert_eq!(labels, [(0, true), (1, false)], "{update:?}");
        }
    }
    // Of ten frames in the window, blue needs 6 and red falls below 4 with 3.
    assert_eq!(log, [(0, 0, true), (15, 2, true), (16, 0, false)]);
    let events = tags.reset(ResetReason::Gap);
    assert_eq!(events, [TagEvent { label: 2, on: false, score: 0.0 }]);
    assert_eq!(tags.observe(&red, ms(5000)).unwrap().events.len(), 1);
    // After a cut the next frame alone says what ends, and what goes on goes on.
    assert!(tags.reset(ResetReason::SceneCut).is_empty());
    assert!(tags.observe(&red, ms(5100)).unwrap().events.is_empty());
    assert!(tags.reset(ResetReason::SceneCut).is_empty());
    let events = &tags.observe(&blue, ms(5200)).unwrap().events;
    assert_eq!(events.iter().map(|e| (e.label, e.on)).collect::<Vec<_>>(), [(0, false), (2, true)]);
}

#[test]
fn votes_count_frames_not_scores() {
    let options = TagOptions { pool: Pool::Votes, threshold: 0.3, ..TagOptions::default() };
    let mut tags = stream(&of_frames(), None, options);
    // Red reaches the threshold of a vote, though its mean score is below the level to begin.
    let dim = flat([100, 0, 0], SIZE);
    let update = tags.observe(&dim, ms(0)).unwrap();
    assert_eq!((update.tags[0].label, update.tags[0].score), (0, 1.0));
    assert_eq!(update.tags.len(), 1);
    let dark = flat([0, 0, 0], SIZE);
    assert_eq!(tags.observe(&dark, ms(100)).unwrap().tags[0].score, 0.5);
}

#[test]
fn heads_run_on_embeddings_with_or_without_sound() {
    for pool in [Pool::Scores, Pool::Embeddings, Pool::Votes] {
        let options = TagOptions { pool, window: Duration::ZERO, ..TagOptions::default() };
        let mut tags = stream(&head(), Some(&backbone()), options);
        assert_eq!(tags.labels().names, ["label 0", "label 1"]);
        let red = flat([255, 0, 0], SIZE);
        let update = tags.observe(&red, ms(0)).unwrap();
        let seen: Vec<usize> = update.tags.iter().map(|t| t.label).collect();
        assert_eq!(seen, [0], "{pool:?}");
        assert_eq!(tags.embedding(), [1.0, 0.0, 0.0]);
        tags.set_audio(&[1.0]);
        let update = tags.observe(&red, ms(1)).unwrap();
        assert_eq!(update.tags.len(), 2, "{pool:?}");
        // Somebody else's embedding.
        let update = tags.observe_embedding(&[0.0, 0.0, 1.0], ms(2)).unwrap();
        assert_eq!((update.tags.len(), update.tags[0].label), (1, 1), "{pool:?}");
    }
}

#[test]
fn the_mean_embedding_is_scored_once() {
    let options = TagOptions { pool: Pool::Embeddings, ..TagOptions::default() };
    let mut tags = stream(&head(), Some(&backbone()), options);
    let (red, dark) = (flat([255, 0, 0], SIZE), flat([0, 0, 0], SIZE));
    tags.observe(&red, ms(0)).unwrap();
    tags.observe(&red, ms(10)).unwrap();
    // The mean is 2/3 red: 20 * 2/3 - 10 is 3.33, of which the sigmoid is 0.9655.
    let score = tags.observe(&dark, ms(20)).unwrap().tags[0].score;
    assert!((score - 0.9655).abs() < 1e-3, "{score}");
}

#[test]
fn frames_of_any_size_meet_a_model_of_a_fixed_one() {
    let mut tags = stream(&of_frames(), None, TagOptions::default());
    for (w, h) in [(8, 6), (4, 4), (1, 1), (300, 2), (3, 500)] {
        tags.reset(ResetReason::Reconnect);
        let update = tags.observe(&flat([255, 0, 51], Size::new(w, h)), ms(0)).unwrap();
        let scores: Vec<_> = update.tags.iter().map(|t| (t.label, t.score)).collect();
        assert_eq!(scores, [(0, 1.0)], "{w}x{h}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let model = |file: &ModelFile| opened(file, TagModel::new).unwrap();
    let embedder = || opened(&backbone(), FrameEmbedder::new).unwrap();
    let said = |e: Result<TagStream, TaskError>| e.unwrap_err().to_string();
    let base = TagOptions::default();
    let text = said(TagStream::new(model(&of_frames()), Some(embedder()), base));
    assert!(text.contains("takes frames; backbone is not needed"), "{text}");
    let pooled = TagOptions { pool: Pool::Embeddings, ..base };
    assert!(said(TagStream::new(model(&of_frames()), None, pooled)).contains("no embeddings"));
    let wide = TagOptions { on: 2.0, ..base };
    assert!(said(TagStream::new(model(&of_frames()), None, wide)).contains("0..=1"));
    let mut alone = TagStream::new(model(&head()), None, base).unwrap();
    let text = alone.observe(&flat([0; 3], SIZE), ms(0)).unwrap_err().to_string();
    assert!(text.contains("name the model that makes them"), "{text}");
    let text = alone.observe_embedding(&[0.0; 5], ms(0)).unwrap_err().to_string();
    assert!(text.contains("takes 4 features, not 5"), "{text}");
    let text = alone.observe_embedding(&[0.0, f32::NAN], ms(0)).unwrap_err().to_string();
    assert!(text.contains("not a finite number"), "{text}");
    let two = LabelList { names: vec!["a".into()], links: vec![String::new()] };
    let text = model(&head()).with_labels(two).unwrap_err().to_string();
    assert!(text.contains("scores 2 labels but 1 are named"), "{text}");
    let text = opened(&backbone(), TagModel::new).unwrap_err().to_string();
    assert!(text.contains("Embed"), "{text}");
    let text = opened(&of_frames(), FrameEmbedder::new).unwrap_err().to_string();
    assert!(text.contains("role embedding"), "{text}");
}

#[test]
fn scores_that_are_no_probabilities_name_the_remedy() {
    let mut file = of_frames();
    let mut contract = file.contract().unwrap().unwrap();
    contract.inputs[0].range.white = 255.0;
    file.set_contract(contract.clone()).unwrap();
    let mut model = opened(&file, TagModel::new).unwrap();
    let text = model.score_frame(&flat([9, 0, 0], SIZE)).unwrap_err().to_string();
    assert!(text.contains("role logits"), "{text}");
    contract.outputs[0].role = Role::Logits;
    file.set_contract(contract).unwrap();
    let mut model = opened(&file, TagModel::new).unwrap();
    let scores = model.score_frame(&flat([9, 0, 0], SIZE)).unwrap();
    assert!(scores[0] > 0.999 && scores[1] == 0.5, "{scores:?}");
}
