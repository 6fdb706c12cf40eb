//! `framecast-train answers`: an exported model on the questions of its test data.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use framecast::engine::EngineChoice;
use framecast_trainer::export::engines;
use framecast_trainer::task::answer::score::{Scored, score};

use crate::Failure;

/// Arguments of `framecast-train answers`.
#[derive(Args)]
pub(crate) struct AnswersCommand {
    /// The ONNX file
    model: PathBuf,
    /// Engines; those that are there by default
    #[arg(long, value_name = "ENGINE", value_delimiter = ',')]
    engine: Vec<EngineChoice>,
    /// Test clips of a model that remembers frames
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    clips: u64,
    /// Ask every N-th question only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    step: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl AnswersCommand {
    /// Asks on every engine, and says where engines differ.
    pub(crate) fn run(&self, to: &mut impl Write) -> Result<(), Failure> {
        let there = match self.engine.is_empty() {
            true => engines(None).0,
            false => self.engine.clone(),
        };
        let mut all: Vec<Scored> = Vec::new();
        for engine in there {
            all.push(score(&self.model, engine, self.clips, self.step as usize)?);
        }
        let differ = all.first().map_or(0, |first| {
            let others = all.iter().skip(1).map(|other| {
                first.answers.iter().zip(&other.answers).filter(|(a, b)| a != b).count()
            });
            others.max().unwrap_or(0)
        });
        if self.json {
            let document = serde_json::json!({
                "schema_version": 1, "engines": all, "answers_that_differ": differ,
            });
            writeln!(to, "{document}")?;
            return Ok(());
        }
        for s in &all {
            writeln!(
                to,
                "{}: {} questions of {}: accuracy {:.4}; answered {:.4}, of which right {:.4}; \
                 {:.2} ms a question, {:.2} ms a frame on one thread",
                s.engine,
                s.questions,
                s.data,
                s.accuracy,
                s.answered,
                s.accuracy_of_answered,
                s.question_ms,
                s.frame_ms
            )?;
            if let Some(share) = s.withheld_without_answer {
                writeln!(to, "  of questions without an answer {share:.4} were withheld")?;
            }
        }
        if all.len() > 1 {
            writeln!(to, "{differ} answers differ between the engines")?;
        }
        Ok(())
    }
}
