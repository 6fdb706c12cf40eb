//! The shipped models that answer, on the data they are tested on, and TGIF-QA end to end.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use framecast::engine::{EngineChoice, LoadOptions};
use framecast::frame::{FramePool, MonoTime};
use framecast::model::ModelFile;
use framecast::source::{self, Read, SourceOptions};
use framecast::task::answer::Responder;
use framecast::vision::{FrameConverter, RgbImage};
use framecast_trainer::export::engines;
use framecast_trainer::task::answer::score::score;
use framecast_trainer::task::answer::tgif::{self, TgifTask};

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// A file of the test data, or nothing with the reason printed.
fn shared(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder =
        std::env::var("FRAMECAST_DATA").map_or_else(|_| root.join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{} is missing", path.display());
    println!("skipped: {} is not there", path.display());
    None
}

#[test]
fn questions_about_pictures_are_answered_alike_on_every_engine() {
    if shared("vqa/easy-vqa.tar.gz").is_none() {
        return;
    }
    let file = model("answer-image.onnx");
    assert!(std::fs::metadata(&file).unwrap().len() <= 2 << 20);
    let scored: Vec<_> =
        engines(None).0.into_iter().map(|e| score(&file, e, 1, 13).unwrap()).collect();
    for s in &scored {
        assert_eq!(s.questions, 601);
        assert!(s.accuracy >= 0.985, "{}: {}", s.engine, s.accuracy);
        assert!(s.accuracy_of_answered >= s.accuracy, "{s:?}");
        assert_eq!(s.answers, scored[0].answers);
    }
}

#[test]
fn questions_about_clips_are_answered_alike_on_every_engine() {
    let file = model("answer-clip.onnx");
    let scored: Vec<_> =
        engines(None).0.into_iter().map(|e| score(&file, e, 150, 1).unwrap()).collect();
    for s in &scored {
        assert!(s.accuracy >= 0.9, "{}: {}", s.engine, s.accuracy);
        assert_eq!(s.answers, scored[0].answers);
    }
}

/// One encoder serves pictures and clips.
#[test]
fn both_models_see_with_the_same_weights() {
    let encoder = |name: &str| -> BTreeMap<String, Vec<f32>> {
        let file = ModelFile::open(model(name)).unwrap();
        let own = |t: &&framecast::model::onnx::TensorProto| t.name.starts_with("encoder");
        let tensors = file.graph().initializer.iter().filter(own);
        tensors
            .map(|t| (t.name.clone(), t.to_tensor().unwrap().as_f32().unwrap().to_vec()))
            .collect()
    };
    let (image, clip) = (encoder("answer-image.onnx"), encoder("answer-clip.onnx"));
    assert_eq!(image.len(), 10);
    for (name, weights) in &image {
        assert_eq!(clip.get(name), Some(weights), "{name}");
    }
}

#[test]
fn the_tables_of_tgif_are_read_whole() {
    for (name, rows) in
        [("count", 3_554), ("action", 2_274), ("transition", 6_232), ("frameqa", 13_691)]
    {
        let Some(path) = shared(&format!("vqa/tgif_Test_{name}_question.tsv.gz")) else { return };
        let task: TgifTask = name.parse().unwrap();
        let table = tgif::read(&path, task).unwrap();
        assert_eq!(table.len(), rows, "{name}");
        let choices = if matches!(task, TgifTask::Action | TgifTask::Transition) { 5 } else { 0 };
        assert!(table.iter().all(|q| q.choices.len() == choices && !q.question.is_empty()));
    }
}

/// The three GIFs are played and asked; what these models answer about cats is of no interest, but
/// their words are not those of drawn shapes, so nothing may be claimed.
#[test]
fn the_example_gifs_are_asked_end_to_end() {
    let Some(list) = shared("vqa/tgif_examples.json") else { return };
    let list: serde_json::Value = serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap();
    let file = ModelFile::open(model("answer-clip.onnx")).unwrap();
    let mut options = LoadOptions::default();
    options.engine = EngineChoice::Tract;
    for example in list.as_array().unwrap() {
        let name = example["file"].as_str().unwrap();
        let Some(path) = shared(&format!("vqa/{name}")) else { return };
        let uri = path.display().to_string();
        let pool = FramePool::new(4);
        let mut gif = source::open(&uri, &SourceOptions::default(), &pool).unwrap();
        let (mut responder, _) = Responder::load(&file, &options, gif.info().size).unwrap();
        let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
        let mut frames = 0;
        while let Read::Frame(frame) =
            gif.read(MonoTime::now().after(std::time::Duration::from_secs(5))).unwrap()
        {
            converter.to_rgb(&frame, &mut rgb).unwrap();
            responder.see(&rgb, frame.meta().position.unwrap()).unwrap();
            frames += 1;
        }
        assert!(frames >= 27, "{name}: {frames}");
        let question = example["question"].as_str().unwrap();
        let reply = responder.ask(question).unwrap();
        println!("{name}: {question} {:?}, expected {}", reply.answer, example["answer"]);
        assert!(reply.answer.is_none() && reply.withheld.is_some(), "{reply:?}");
        assert!(reply.frames > 8 && reply.seconds > 1.0, "{reply:?}");
    }
}
