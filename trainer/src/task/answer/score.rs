//! An exported model asked everything its test data ask, through the runtime's own responder.

use std::path::Path;
use std::time::Instant;

use framecast::engine::{EngineChoice, LoadOptions};
use framecast::frame::{MonoTime, Size};
use framecast::model::{ModelFile, ResetReason};
use framecast::task::answer::{Reply, Responder};
use framecast::vision::RgbImage;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use serde::Serialize;

use super::clip_lesson::SEEDS;
use super::easy_vqa::EasyVqa;
use super::scene::{Example, RATE, SIDE};
use crate::TrainError;
use crate::data::place;

/// How a model did on one engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The engine and its version.
    pub engine: String,
    /// What was asked.
    pub data: String,
    /// Questions asked.
    pub questions: usize,
    /// Share whose likeliest answer is right, withheld or not.
    pub accuracy: f64,
    /// Share of questions that were answered.
    pub answered: f64,
    /// Share of right answers among them.
    pub accuracy_of_answered: f64,
    /// Share of questions without a right answer for which none was given; of clips only.
    pub withheld_without_answer: Option<f64>,
    /// Median time of a question on one thread, in milliseconds: the run of the model.
    pub question_ms: f64,
    /// Median time of a frame that is shown, in milliseconds.
    pub frame_ms: f64,
    /// The likeliest answers, in order, to compare engines with.
    #[serde(skip)]
    pub answers: Vec<String>,
}

/// Running totals of a scoring.
#[derive(Default)]
struct Tally {
    right: usize,
    given: usize,
    given_right: usize,
    /// Questions without a right answer, and how many of them were not answered.
    without: [usize; 2],
    asked_ms: Vec<f64>,
    shown_ms: Vec<f64>,
    answers: Vec<String>,
}

impl Tally {
    fn judge(&mut self, reply: &Reply, right: &str) {
        let top = reply.answers.first().map_or("", |a| a.answer.as_str());
        self.right += usize::from(top == right);
        if let Some(answer) = &reply.answer {
            self.given += 1;
            self.given_right += usize::from(answer == right);
        }
        self.answers.push(top.to_owned());
    }

    fn scored(mut self, engine: String, data: &str) -> Scored {
        let questions = self.answers.len();
        let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or(0.0)
        };
        Scored {
            engine,
            data: data.to_owned(),
            questions,
            accuracy: share(self.right, questions),
            answered: share(self.given, questions),
            accuracy_of_answered: share(self.given_right, self.given),
            withheld_without_answer: match self.without {
                [0, _] => None,
                [asked, withheld] => Some(share(withheld, asked)),
            },
            question_ms: median(&mut self.asked_ms),
            frame_ms: median(&mut self.shown_ms),
            answers: self.answers,
        }
    }
}

/// Asks `model` on `engine`: a model without memory every `step`-th question of easy-VQA's test, one
/// with memory the first questions of the test's drawn clips, every `step`-th of `clips`.
///
/// # Errors
/// [`TrainError::Data`] when the data cannot be read, [`TrainError::Export`] when the model cannot be
/// run.
pub fn score(
    model: &Path,
    engine: EngineChoice,
    clips: u64,
    step: usize,
) -> Result<Scored, TrainError> {
    let fail = |reason: String| TrainError::Export { name: model.display().to_string(), reason };
    let file = ModelFile::open(model).map_err(|e| fail(e.to_string()))?;
    let contract = file.contract().map_err(|e| fail(e.to_string()))?;
    let remembers = contract.is_some_and(|c| !c.state.is_empty());
    let size = Size::new(SIDE as u32, SIDE as u32);
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    let (mut responder, report) =
        Responder::load(&file, &options, size).map_err(|e| fail(e.to_string()))?;
    let engine = format!("{} {}", report.engine, report.version);
    let mut tally = Tally::default();
    let since = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
    let step = step.max(1);
    if remembers {
        for seed in (SEEDS[2]..SEEDS[2] + clips).step_by(step) {
            let Example { scene, asked } = Example::seeded(seed);
            responder.reset(ResetReason::Start);
            for frame in 0..scene.frames {
                let picture = scene.picture(frame);
                let time = (frame as f64 / f64::from(RATE) * 1e9) as u64;
                let start = Instant::now();
                let seen = responder.see(&picture, MonoTime::from_nanos(time));
                seen.map_err(|e| fail(e.to_string()))?;
                tally.shown_ms.push(since(start));
            }
            let start = Instant::now();
            let reply = responder.ask(&asked.text).map_err(|e| fail(e.to_string()))?;
            tally.asked_ms.push(since(start));
            tally.judge(&reply, asked.answer);
            let without = scene.unanswerable(&mut Pcg64::seed_from_u64(seed));
            let reply = responder.ask(&without).map_err(|e| fail(e.to_string()))?;
            tally.without[0] += 1;
            tally.without[1] += usize::from(reply.answer.is_none());
        }
        return Ok(tally.scored(engine, "drawn clips, test"));
    }
    let data = EasyVqa::read(Path::new(&place("data:vqa/easy-vqa.tar.gz")))?;
    for question in data.test.questions.iter().step_by(step) {
        let pixels = data.test.pictures.get(question.picture).cloned().unwrap_or_default();
        let picture = RgbImage::from_vec(size, pixels)
            .ok_or_else(|| fail("a picture of easy-VQA has another size".to_owned()))?;
        let start = Instant::now();
        responder.see(&picture, MonoTime::ZERO).map_err(|e| fail(e.to_string()))?;
        tally.shown_ms.push(since(start));
        let start = Instant::now();
        let reply = responder.ask(&question.text).map_err(|e| fail(e.to_string()))?;
        tally.asked_ms.push(since(start));
        let right = data.answers.get(question.answer).map_or("", String::as_str);
        tally.judge(&reply, right);
    }
    Ok(tally.scored(engine, "easy-VQA test"))
}
