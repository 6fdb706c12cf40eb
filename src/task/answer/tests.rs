//! A responder on a tiny model that counts frames, adds up token ids and measures red.

use std::time::Duration;

use super::*;
use crate::engine::{EngineChoice, LoadOptions};
use crate::frame::{MonoTime, Size};
use crate::model::onnx::GraphBuilder;
use crate::model::{
    Answering, ClipMemory, Contract, DType, ModelFile, Port, ResetReason, Role, StatePair, Task,
    Tokenizer,
};
use crate::task::TaskError;
use crate::vision::RgbImage;

const SIZE: Size = Size::new(8, 6);
/// Frames that the model with memory remembers, and its interval.
const MOST: usize = 8;
const INTERVAL: Duration = Duration::from_millis(100);

/// Logits: frames seen so far, the sum of the ids, and how red the frame is.
fn model(memory: bool) -> ModelFile {
    let mut g = GraphBuilder::new("counter");
    let picture = [1.into(), 3.into(), 4.into(), 4.into()];
    let one = [1.into(), 1.into()];
    let frame = g.input("frame", DType::F32, &picture);
    let ids = g.input("question", DType::I64, &[1.into(), 3.into()]);
    let pooled = g.node("GlobalAveragePool", &[&frame], &[]);
    let flat = g.node("Flatten", &[&pooled], &[]);
    let first = g.constant("first", &[1], vec![0_i64]);
    let red = g.node("Gather", &[&flat, &first], &[("axis", 1_i64.into())]);
    let ids = g.node("Cast", &[&ids], &[("to", 1_i64.into())]);
    let axes = g.constant("axes", &[1], vec![1_i64]);
    let sum = g.node("ReduceSum", &[&ids, &axes], &[("keepdims", 1_i64.into())]);
    let step = g.constant("step", &[1, 1], vec![1.0f32]);
    let count = match memory {
        true => {
            let before = g.input("count", DType::F32, &one);
            let count = g.node("Add", &[&before, &step], &[]);
            g.output_as(&count, "count_next", DType::F32, &one);
            count
        }
        false => step,
    };
    let scores = g.node("Concat", &[&count, &sum, &red], &[("axis", 1_i64.into())]);
    g.output_as(&scores, "scores", DType::F32, &[1.into(), 3.into()]);
    let mut contract = Contract::new("counter", Task::Answer);
    contract.inputs = vec![
        Port::new("frame", Role::Frame, DType::F32, &picture),
        Port::new("question", Role::Tokens, DType::I64, &[1.into(), 3.into()]),
    ];
    contract.outputs = vec![Port::new("scores", Role::Scores, DType::F32, &[1.into(), 3.into()])];
    contract.labels = ["count", "sum", "red"].map(Into::into).into();
    contract.tokenizer = Some(Tokenizer::new([("a".to_owned(), 3), ("b".to_owned(), 4)].into(), 3));
    let rate = 1.0 / INTERVAL.as_secs_f32();
    let clip = memory.then_some(ClipMemory { rate, frames: MOST });
    contract.answering = Some(Answering { abstain: 0.9, clip });
    if memory {
        contract.state = vec![StatePair {
            input: "count".into(),
            output: "count_next".into(),
            init: Default::default(),
            reset: vec![ResetReason::SceneCut],
        }];
    }
    let mut model = ModelFile::from_proto("counter", &g.finish().unwrap()).unwrap();
    model.set_contract(contract).unwrap();
    model
}

fn options() -> LoadOptions {
    LoadOptions { engine: EngineChoice::Tract, threads: 1, ..LoadOptions::default() }
}

fn responder(memory: bool) -> Responder {
    Responder::load(&model(memory), &options(), SIZE).unwrap().0
}

fn picture(red: u8) -> RgbImage {
    RgbImage::from_vec(SIZE, [red, 0, 0].repeat(SIZE.pixels())).unwrap()
}

/// How much larger the logit of `label` is than that of `red`.
fn over_red(reply: &Reply, label: &str) -> f32 {
    let log =
        |name: &str| reply.answers.iter().find(|a| a.answer == name).unwrap().probability.ln();
    log(label) - log("red")
}

fn time(step: u32) -> MonoTime {
    MonoTime::ZERO.after(INTERVAL * step)
}

#[test]
fn a_model_without_memory_answers_about_the_newest_frame() {
    let mut responder = responder(false);
    assert!(matches!(responder.ask("a"), Err(TaskError::NothingSeen)));
    for red in [10, 255] {
        responder.see(&picture(red), time(0)).unwrap();
    }
    let reply = responder.ask("A b?").unwrap();
    assert_eq!((reply.frames, reply.seconds, reply.cut), (1, 0.0, 0));
    assert!((over_red(&reply, "sum") - 6.0).abs() < 1e-3, "{reply:?}");
    assert_eq!(reply.answer.as_deref(), Some("sum"));
    assert_eq!(reply.answers[0].answer, "sum");
    let sum: f32 = reply.answers.iter().map(|a| a.probability).sum();
    assert!((sum - 1.0).abs() < 1e-5);
    // Any size of frame: the model's is fixed.
    let wide = RgbImage::new(Size::new(40, 4));
    responder.see(&wide, time(1)).unwrap();
    assert!((over_red(&responder.ask("a").unwrap(), "sum") - 3.0).abs() < 1e-3);
}

#[test]
fn unsure_answers_and_unknown_words_are_withheld() {
    let mut responder = responder(false);
    responder.see(&picture(255), time(0)).unwrap();
    let unknown = responder.ask("a purple b").unwrap();
    let words = vec!["purple".to_owned()];
    assert_eq!((unknown.answer, unknown.withheld), (None, Some(Withheld::UnknownWords(words))));
    let mut unsure = model(false);
    let mut contract = unsure.contract().unwrap().unwrap();
    contract.answering = Some(Answering { abstain: 1.0, clip: None });
    unsure.set_contract(contract).unwrap();
    let mut responder = Responder::load(&unsure, &options(), SIZE).unwrap().0;
    responder.see(&picture(255), time(0)).unwrap();
    let reply = responder.ask("b").unwrap();
    assert_eq!((&reply.answer, &reply.withheld), (&None, &Some(Withheld::Unsure(1.0))));
    assert!(reply.withheld.unwrap().reason().contains("as probable as 1"));
}

#[test]
fn a_memory_spans_the_last_frames_and_questions_change_nothing() {
    let mut responder = responder(true);
    for step in 0..60 {
        responder.see(&picture(0), time(step)).unwrap();
        // Twice as fast as the rate: left out.
        responder.see(&picture(0), time(step).after(INTERVAL / 2)).unwrap();
        for _ in 0..2 {
            let reply = responder.ask("a").unwrap();
            let seen = step as usize + 1;
            let enough = if seen <= MOST { seen..=seen } else { MOST / 2 + 1..=MOST };
            assert!(enough.contains(&reply.frames), "step {step}: {}", reply.frames);
            let counted = over_red(&reply, "count");
            assert!((counted - reply.frames as f32).abs() < 1e-2, "step {step}: {counted}");
            let span = (reply.frames - 1) as f64 * INTERVAL.as_secs_f64();
            assert!((reply.seconds - span).abs() < 1e-6, "step {step}: {}", reply.seconds);
        }
    }
}

#[test]
fn a_gap_and_a_reset_begin_anew() {
    let mut responder = responder(true);
    let frames = |responder: &mut Responder| responder.ask("a").unwrap().frames;
    for step in 0..3 {
        responder.see(&picture(0), time(step)).unwrap();
    }
    assert_eq!(frames(&mut responder), 3);
    responder.see(&picture(0), time(100)).unwrap();
    assert_eq!(frames(&mut responder), 1);
    responder.reset(ResetReason::Start);
    assert!(matches!(responder.ask("a"), Err(TaskError::NothingSeen)));
}

#[test]
fn questions_and_models_that_cannot_be_used_are_refused_with_the_reason() {
    let mut responder = responder(false);
    responder.see(&picture(0), time(0)).unwrap();
    for (question, expected) in
        [("", "no words"), (" ?! ", "no words"), (&"a ".repeat(10_000), "10000 words")]
    {
        let error = responder.ask(question).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let changed = |change: &dyn Fn(&mut Contract)| {
        let mut model = model(false);
        let mut contract = model.contract().unwrap().unwrap();
        change(&mut contract);
        match model.set_contract(contract) {
            Ok(()) => Responder::load(&model, &options(), SIZE).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    for (change, expected) in [
        ((|c| c.task = Task::Other) as fn(&mut Contract), "only the task `answer` has it"),
        (|c| c.labels.truncate(2), "2 labels"),
        (|c| c.tokenizer = None, "a `tokenizer`"),
        (|c| c.tokenizer.as_mut().unwrap().length = 5, "makes 5 ids"),
        (|c| c.inputs[1].role = Role::Other, "one of role `tokens`"),
    ] {
        let error = changed(&change);
        assert!(error.contains(expected), "{error}");
    }
    let error = changed(&|c| {
        c.task = Task::Other;
        c.answering = None;
    });
    assert!(error.contains("its task is other") && error.contains("answer-clip"), "{error}");
}

#[test]
fn an_answer_that_is_no_number_is_an_error_and_the_memory_is_dropped() {
    let mut model = model(true);
    let mut contract = model.contract().unwrap().unwrap();
    // Black is no number: so is every frame.
    contract.inputs[0].range.white = 3e38;
    contract.inputs[0].range.std = vec![1e-30; 3];
    model.set_contract(contract).unwrap();
    let mut responder = Responder::load(&model, &options(), SIZE).unwrap().0;
    responder.see(&picture(255), time(0)).unwrap();
    let error = responder.ask("a").unwrap_err();
    assert!(matches!(error, TaskError::NotFinite { .. }), "{error}");
    assert!(matches!(responder.ask("a"), Err(TaskError::NothingSeen)));
}
