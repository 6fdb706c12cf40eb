//! What is left of the gain over copy-last further ahead: a table and a plot of the six camera
//! clips of the study.

mod plot;
mod table;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use framecast::frame::{FramePool, Size};
use framecast::source::{self, SourceOptions};
use framecast::task::evaluate::{EvalOptions, Reach, Sweep, sweep};

use crate::TrainError;
use crate::evaluate::Failure;
use crate::leaderboard::{Clip, Entrant, Folds, clips, folds, load_options, models, put};

/// The horizons of the table in ms.
pub(crate) const TIMES: [f64; 6] = [33.0, 67.0, 100.0, 133.0, 167.0, 200.0];

/// Frames looked ahead at most.
const MOST: u32 = 10;

/// What is swept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Markdown to write; the plot stands beside it with the ending `svg`.
    pub out: PathBuf,
    /// ONNX files, and folders of such.
    pub models: Vec<PathBuf>,
    /// Pairs of models as cross-fitted predictors.
    pub folds: Vec<Folds>,
    /// The most frames of each clip that are read.
    pub frames: Option<u64>,
    /// Clips swept at the same time.
    pub jobs: usize,
    /// The command that makes the page, as it is told in it.
    pub command: String,
}

/// A predictor on a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name of the predictor.
    pub predictor: String,
    /// Name of the clip.
    pub clip: String,
    /// Each horizon, one frame first.
    pub reaches: Vec<Reach>,
}

impl Line {
    /// The gain at `ms`: that of the horizon a run would take for it, which is at least a frame.
    #[must_use]
    pub fn gain_at(&self, ms: f64) -> Option<f64> {
        let each = self.reaches.first()?.ms?;
        let frames = ((ms / each).round() as usize).max(1);
        self.reaches.get(frames - 1)?.gain()
    }
}

/// Sweeps all predictors over the six clips and writes the page and the plot.
///
/// # Errors
/// [`TrainError`] when a clip is missing or cannot be read, or a model not be run.
pub fn horizons(options: &Options) -> Result<String, TrainError> {
    let clips: Vec<Clip> = clips()?.into_iter().filter(|c| c.study).collect();
    horizons_of(options, &clips)
}

fn horizons_of(options: &Options, clips: &[Clip]) -> Result<String, TrainError> {
    let (mut entrants, _) = models(&options.models)?;
    for Folds { name, files: [a, b] } in &options.folds {
        entrants.push(folds(name, [a, b])?);
    }
    let jobs = entrants.iter().flat_map(|e| clips.iter().map(move |c| (e, c)));
    let queue = Mutex::new(jobs.enumerate().collect::<VecDeque<_>>());
    let lines = Mutex::new(Vec::new());
    let work = || -> Result<(), TrainError> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((at, (entrant, clip))) = next else { return Ok(()) };
            let line = line(entrant, clip, options.frames)?;
            tell(&line);
            lines.lock().unwrap_or_else(PoisonError::into_inner).push((at, line));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| TrainError::Network {
                name: "horizons".to_owned(),
                reason: "a sweep panicked; please report this".to_owned(),
            })??;
        }
        Ok::<_, TrainError>(())
    })?;
    let mut lines = lines.into_inner().unwrap_or_else(PoisonError::into_inner);
    lines.sort_by_key(|(at, _)| *at);
    let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    let svg = options.out.with_extension("svg");
    let picture = svg.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
    let text = table::markdown(&options.command, &picture, options.frames, &lines);
    put(&svg, &plot::svg(&lines))?;
    put(&options.out, &text)?;
    Ok(text)
}

/// Says on stderr that a sweep is done.
fn tell(line: &Line) {
    use std::io::Write as _;
    // Nothing better can be done when standard error is closed.
    drop(writeln!(std::io::stderr(), "{} on {}", line.predictor, line.clip));
}

fn line(entrant: &Entrant, clip: &Clip, frames: Option<u64>) -> Result<Line, TrainError> {
    let fail = |reason: String| TrainError::Data { uri: clip.uri.clone(), reason };
    let mut source = source::open(&clip.uri, &SourceOptions::default(), &FramePool::new(4))
        .map_err(|e| fail(e.to_string()))?;
    let frames = Some(frames.map_or(clip.frames, |f| f.min(clip.frames)));
    let options = EvalOptions { frames, width: clip.width, ..EvalOptions::default() };
    let load = load_options();
    let mut make = |size: Size| entrant.make(&load, size, clip.fold);
    let Sweep { horizons: reaches, error, .. } =
        sweep(source.as_mut(), &options, MOST, &mut make, &mut |_, _| true)
            .map_err(|Failure(reason)| fail(reason))?;
    // A page of what a broken clip gave would look like one of the whole clip.
    if let Some(reason) = error {
        return Err(fail(reason));
    }
    let predictor = entrant.facts.name.clone();
    Ok(Line { predictor, clip: clip.title().to_owned(), reaches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::untrained;
    use crate::export::save;
    use crate::recipe::Recipe;

    #[test]
    fn a_flight_is_predicted_better_than_by_copying_at_every_horizon() {
        let folder = std::env::temp_dir().join(format!("framecast-ahead-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let text = "name = \"x\"\nnetwork = \"nano\"\n[data]\nside = 32\nframes = 9\n";
        let model = folder.join("gate.onnx");
        save(&untrained(&Recipe::parse("r", text).unwrap()).unwrap(), &model).unwrap();
        let options = Options {
            out: folder.join("ahead.md"),
            models: vec![model],
            folds: Vec::new(),
            frames: Some(24),
            jobs: 2,
            command: "framecast-train horizons".to_owned(),
        };
        let clip = |seed: u32| Clip {
            uri: format!("demo:?seed={seed}&size=160x96&fps=30&noise=0"),
            frames: 40,
            width: None,
            fold: 0,
            study: true,
        };
        let text = horizons_of(&options, &[clip(1), clip(2)]).unwrap();
        assert!(
            text.contains("| gate |") && text.contains("better than copy-last at every"),
            "{text}"
        );
        let svg = std::fs::read_to_string(folder.join("ahead.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.matches("<polyline").count() == 2, "{svg}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
