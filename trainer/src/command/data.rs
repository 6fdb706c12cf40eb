//! `framecast-train data`: look at data, make them, and bring them into another form.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, value_parser};
use framecast::frame::{Rational, Size};
use framecast::sink::{Chroma, Y4mError, Y4mWriter};
use framecast_trainer::TrainError;
use framecast_trainer::data::TRAINING_SEEDS;
use framecast_trainer::data::convert::{Selection, convert};
use framecast_trainer::data::inspect::{self, Inspection};
use framecast_trainer::data::moving_mnist::{DIGITS, MovingMnistRecipe, Split, TEST_SEED};
use framecast_trainer::data::store::{Store, StoreOptions, Stored};
use framecast_trainer::data::synth::{self, Cadence, DemoScenes, Drifting};
use framecast_trainer::task::answer::scene::{RATE, Scene};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Failure;

/// What is done with data.
#[derive(Subcommand)]
pub(crate) enum DataCommand {
    /// Count frames, sizes, motion and repeats, score copy-last, hash what is decoded, and find
    /// near-duplicates between sources
    Inspect {
        /// Clips, folders, archives of sequences or demo:; data:NAME is in the folder of test data
        #[arg(required = true, value_name = "SOURCE")]
        sources: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Write a line of pictures of each source
        #[arg(long, value_name = "FILE.png")]
        sheet: Option<PathBuf>,
        /// Frames read of each clip; sets of sequences are read whole
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = value_parser!(u64).range(1..))]
        frames: u64,
    },
    /// Bring a clip, folder, archive, recording or set of sequences into folders of N frames and
    /// their target, or into a Y4M clip
    Convert {
        /// What to read; data:NAME is in the folder of test data
        source: String,
        /// Pixels a line after scaling down
        #[arg(long, value_name = "PIXELS")]
        width: Option<u32>,
        /// Lines after scaling down; with --width alone the proportion is kept
        #[arg(long, value_name = "PIXELS")]
        height: Option<u32>,
        /// Take every n-th frame
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u64).range(1..))]
        stride: u64,
        /// Take at most N frames of a clip, or N sequences of a set
        #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
        limit: Option<u64>,
        /// Frames a second that a Y4M clip names
        #[arg(long, value_name = "RATE", default_value = "30")]
        fps: Rational,
        #[command(flatten)]
        place: Place,
    },
    /// Make data with what is true of them
    Synth {
        #[command(subcommand)]
        what: Synth,
    },
}

/// What is made.
#[derive(Subcommand)]
pub(crate) enum Synth {
    /// Flights of the demo camera, with the motion of the ground and a cadence of repeated frames
    Demo {
        /// Seed of the first world; each flight has the next
        #[arg(long, default_value_t = *TRAINING_SEEDS.start())]
        seed: u64,
        /// Allow worlds that are never trained on: seeds 1 to 99 and 9000 to 9999
        #[arg(long)]
        test_worlds: bool,
        /// Number of flights
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u64).range(1..=10_000))]
        scenes: u64,
        /// Frames of each flight
        #[arg(long, value_name = "N", default_value_t = 120, value_parser = value_parser!(u64).range(1..=1_000_000))]
        length: u64,
        /// Size of the pictures
        #[arg(long, default_value = "320x180")]
        size: Size,
        /// Frames of the camera a second
        #[arg(long, value_name = "RATE", default_value = "30")]
        fps: Rational,
        /// Sensor noise at mid grey, in levels
        #[arg(long, value_name = "LEVELS", default_value_t = framecast::source::demo::DEFAULT_NOISE)]
        noise: f32,
        /// How often each frame is shown: 2 shows each twice, 2,3 is film at 60 fields
        #[arg(long, value_name = "N,...", default_value = "1")]
        cadence: Cadence,
        #[command(flatten)]
        place: Place,
    },
    /// Handwritten digits that drift and bounce, with their places
    MovingMnist {
        /// The digits: an IDX file, plain or gzipped
        #[arg(long, value_name = "FILE", default_value = DIGITS)]
        digits: String,
        /// Which of the digits
        #[arg(long, value_enum, default_value_t = Part::Train)]
        split: Part,
        /// Number of sequences
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u64).range(1..=1_000_000))]
        sequences: u64,
        /// Digits of a sequence
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u64).range(1..=8))]
        count: u64,
        /// Frames of a sequence [default: those of a folder, or 20 in a clip]
        #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000))]
        length: Option<u64>,
        /// Seed of the set
        #[arg(long, default_value_t = TEST_SEED)]
        seed: u64,
        #[command(flatten)]
        place: Place,
    },
    /// A clip of coloured shapes that move, stop, turn round, appear and disappear; prints the
    /// questions about it with their answers
    Shapes {
        /// Seed of the clip
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The file to write
        #[arg(long, value_name = "FILE.y4m")]
        out: PathBuf,
    },
    /// Labelled scenes of 96x96 pixels, with their labels: what tag-scenes is trained and judged on
    Scenes {
        /// Seed of the first scene; each has the next. Those of the test part begin at 9000000
        #[arg(long, default_value_t = 9_000_000, value_parser = value_parser!(u64).range(..1 << 60))]
        seed: u64,
        /// Number of scenes
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u64).range(1..=1_000_000))]
        scenes: u64,
        /// Frames of each scene [default: those of a folder, or 60 in a clip]
        #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000))]
        length: Option<u64>,
        /// Frames a second that a Y4M clip names
        #[arg(long, value_name = "RATE", default_value = "30")]
        fps: Rational,
        #[command(flatten)]
        place: Place,
    },
}

/// A part of the digits.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    /// The first three quarters
    Train,
    /// The twentieth after these
    Validation,
    /// The last fifth
    Test,
}

impl From<Part> for Split {
    fn from(part: Part) -> Self {
        match part {
            Part::Train => Self::Train,
            Part::Validation => Self::Validation,
            Part::Test => Self::Test,
        }
    }
}

/// Where frames are stored.
#[derive(Args)]
pub(crate) struct Place {
    /// A folder to be made, or a file that ends in .y4m
    #[arg(long, value_name = "PLACE")]
    out: PathBuf,
    /// Frames before the target in each folder
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..=1_000))]
    frames: u64,
    /// Frames from the beginning of one folder to that of the next [default: those of a folder]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000))]
    step: Option<u64>,
    /// Replace what is there, once all is written; of folders, only sets that this program wrote
    #[arg(long)]
    force: bool,
}

impl Place {
    fn is_clip(&self) -> bool {
        self.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("y4m"))
    }

    fn open(self, rate: Rational) -> Result<Store, TrainError> {
        let inputs = self.frames as usize;
        let step = self.step.map_or(inputs + 1, |step| step as usize);
        Store::create(StoreOptions { out: self.out, inputs, step, rate, force: self.force })
    }
}

/// Does what was asked for.
pub(crate) fn run(command: DataCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        DataCommand::Inspect { sources, json, sheet, frames } => {
            look(out, &sources, json, sheet.as_deref(), frames)
        }
        DataCommand::Convert { source, width, height, stride, limit, fps, place } => {
            let at = place.out.clone();
            let selection = Selection { width, height, stride, limit };
            let bar = Bar::new(limit);
            let stored = convert(&source, &selection, place.open(fps)?, &mut |n| bar.at(n))?;
            told(out, &at, stored)
        }
        DataCommand::Synth { what } => made(what, out),
    }
}

fn made(what: Synth, out: &mut impl Write) -> Result<(), Failure> {
    match what {
        Synth::Demo { seed, test_worlds, scenes, length, size, fps, noise, cadence, place } => {
            let at = place.out.clone();
            let bar = Bar::new(Some(scenes * length));
            let (kept, rate) = (test_worlds, fps);
            let wanted = DemoScenes { seed, kept, scenes, length, size, rate, noise, cadence };
            let stored = synth::demo(&wanted, place.open(fps)?, &mut |n| bar.at(n))?;
            told(out, &at, stored)
        }
        Synth::MovingMnist { digits, split, sequences, count, length, seed, place } => {
            let at = place.out.clone();
            let length = length.unwrap_or(if place.is_clip() { 20 } else { place.frames + 1 });
            let bar = Bar::new(Some(sequences * length));
            let recipe = MovingMnistRecipe {
                uri: digits,
                digits: count as usize,
                sequences: sequences as usize,
                ..MovingMnistRecipe::default()
            };
            let length = length as usize;
            let wanted = Drifting { recipe, split: split.into(), seed, length };
            let store = place.open(Rational::whole(10))?;
            let stored = synth::digits(&wanted, store, &mut |n| bar.at(n))?;
            told(out, &at, stored)
        }
        Synth::Shapes { seed, out: at } => {
            let scene = Scene::seeded(seed);
            let failed = |cause| TrainError::Io {
                action: "write",
                path: at.clone(),
                cause: io::Error::other::<Y4mError>(cause),
            };
            let (size, rate) = (scene.picture(0).size(), Rational::whole(RATE as u32));
            let mut writer = Y4mWriter::create(&at, size, rate, Chroma::C444).map_err(failed)?;
            for frame in 0..scene.frames {
                writer.write(&scene.picture(frame)).map_err(failed)?;
            }
            let frames = writer.finish().map_err(failed)?;
            writeln!(out, "{}: {frames} frames", at.display())?;
            for asked in scene.questions() {
                writeln!(out, "{}  {}", asked.text, asked.answer)?;
            }
            Ok(())
        }
        Synth::Scenes { seed, scenes, length, fps, place } => {
            let at = place.out.clone();
            let length = length.unwrap_or(if place.is_clip() { 60 } else { place.frames + 1 });
            let bar = Bar::new(Some(scenes.saturating_mul(length)));
            let wanted = synth::Labelled { seed, scenes, length };
            let stored = synth::scenes(&wanted, place.open(fps)?, &mut |n| bar.at(n))?;
            told(out, &at, stored)
        }
    }
}

fn told(out: &mut impl Write, at: &Path, stored: Stored) -> Result<(), Failure> {
    let Stored { frames, sequences } = stored;
    Ok(writeln!(out, "{}: {sequences} sequences, of {frames} frames read", at.display())?)
}

/// A bar on a terminal, nothing elsewhere.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new(frames: Option<u64>) -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let (bar, style) = match frames {
                Some(n) => (ProgressBar::new(n), "{bar:30} {pos}/{len} frames, {eta} left"),
                None => (ProgressBar::new_spinner(), "{spinner} {pos} frames, {per_sec}"),
            };
            let style = ProgressStyle::with_template(style);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        }))
    }

    fn at(&self, frames: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(frames);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Inspects sources, and prints and draws what was found.
fn look(
    out: &mut impl Write,
    sources: &[String],
    json: bool,
    sheet: Option<&Path>,
    frames: u64,
) -> Result<(), Failure> {
    let mut found = Vec::with_capacity(sources.len());
    for uri in sources {
        let inspection = Inspection::read(uri, frames)?;
        if !json {
            out.write_all(inspection.text().as_bytes())?;
        }
        found.push(inspection);
    }
    let duplicates = inspect::duplicates(&found);
    if json {
        let report = serde_json::json!({
            "schema_version": 1, "sources": found, "duplicates": duplicates,
        });
        writeln!(out, "{report}")?;
    } else if !duplicates.is_empty() {
        writeln!(out, "near-duplicates (at most {} of {} bits)", inspect::NEAR, inspect::BITS)?;
        for pair in &duplicates {
            out.write_all(pair.text().as_bytes())?;
        }
    }
    if let (Some(path), Some(picture)) = (sheet, inspect::sheet(&found)) {
        save(path, &picture)?;
    }
    Ok(())
}

fn save(path: &Path, picture: &framecast::vision::RgbImage) -> Result<(), TrainError> {
    let (w, h) = (picture.size().width, picture.size().height);
    let kind = image::ExtendedColorType::Rgb8;
    let png = image::ImageFormat::Png;
    image::save_buffer_with_format(path, picture.data(), w, h, kind, png).map_err(|e| {
        TrainError::Io { action: "write", path: path.to_owned(), cause: io::Error::other(e) }
    })
}
