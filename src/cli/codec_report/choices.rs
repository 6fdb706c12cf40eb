//! Which codecs, predictors and experiments are asked for.

use framecast::bench::codec::{
    ANCHORS, Anchor, BASES, BenchError, Codec, Coder, Ffmpeg, Inside, MakePredictor, NONE, Own,
    Plan, ReceiverChoice, ReportFolder,
};
use framecast::codec::{self, CodecError, Profile};
use framecast::config::Config;
use framecast::engine::EngineChoice;
use framecast::model::{ModelFile, registry};
use framecast::pipeline::Stop;
use framecast::task::predict::{CopyLast, Linear, Motion};
use sha2::{Digest as _, Sha256};

use super::super::coded_predictor;
use super::super::exit::Failure;
use super::Args;
use super::clips::usage;

/// An experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Experiment {
    /// Size and speed without loss.
    Lossless,
    /// Rate against quality.
    Curves,
    /// Bits saved by each predictor.
    Predictors,
    /// Every n-th frame sent.
    FrameRate,
    /// Surprising frames sent.
    Gating,
}

/// Rates of a carrier: as many as a curve needs.
const CARRIER_RATES: usize = 4;

/// The plan for the clips that are still to come.
pub(super) fn plan(
    args: &Args,
    config: &Config,
    ffmpeg: Option<&Ffmpeg>,
    stop: &Stop,
    notes: &mut Vec<String>,
) -> Result<Plan, Failure> {
    let asked = |experiment| args.experiments.contains(&experiment);
    let (mut codecs, mut profiles) = (Vec::<Codec>::new(), Vec::new());
    for name in &args.codecs {
        if let Some(profile) = name.strip_prefix("framecast:") {
            let profile: Profile = profile.parse().map_err(|e: CodecError| usage(e.to_string()))?;
            if !profiles.contains(&profile) {
                profiles.push(profile);
            }
        } else if !codecs.iter().any(|c| c.name() == name) {
            codecs.push(name.parse()?);
        }
    }
    let build = build()?;
    let own = |profile: &Profile| Own::new(*profile, &build, &args.max_error, stop);
    for text in &args.ffmpeg_codec {
        let codec = Codec::custom(text)?;
        if codecs.iter().any(|c| c.name() == codec.name()) {
            return Err(usage(format!("--ffmpeg-codec {}: there is one already", codec.name())));
        }
        codecs.push(codec);
    }
    let work = ReportFolder::work(&args.out);
    let anchor = |codec: &Codec, rates: Option<Vec<u32>>| {
        ffmpeg.map(|f| Box::new(Anchor::new(codec.clone(), f, &work, rates)) as Box<dyn Coder>)
    };
    let mut plan = Plan::default();
    if asked(Experiment::Lossless) {
        plan.lossless.extend(profiles.iter().map(|p| Box::new(own(p)) as Box<dyn Coder>));
        let mut exact: Vec<Codec> = codecs.iter().filter(|c| c.is_lossless()).cloned().collect();
        // Ratios need the anchors.
        for name in ANCHORS {
            if !exact.iter().any(|c| c.name() == name) {
                exact.push(name.parse()?);
            }
        }
        plan.lossless.extend(exact.iter().filter_map(|c| anchor(c, None)));
    }
    let curved = |name: &Option<String>, flag: &str| -> Result<Option<Codec>, Failure> {
        let Some(name) = name else {
            return Ok(codecs.iter().find(|c| !c.rates().is_empty()).cloned());
        };
        let codec = match codecs.iter().find(|c| c.name() == name) {
            Some(codec) => codec.clone(),
            None => name.parse()?,
        };
        if codec.rates().is_empty() {
            return Err(usage(format!("{flag} {name} has no curve; give a lossy codec")));
        }
        Ok(Some(codec))
    };
    let reference = curved(&args.reference, "--reference")?;
    if asked(Experiment::Predictors) {
        for profile in &profiles {
            plan.inside.extend(inside(args, config, &|| own(profile), notes)?);
        }
    }
    if asked(Experiment::Curves) {
        plan.lossy.extend(profiles.iter().map(|p| Box::new(own(p)) as Box<dyn Coder>));
        let mut lossy: Vec<Codec> =
            codecs.iter().filter(|c| !c.rates().is_empty()).cloned().collect();
        if let Some(reference) = &reference {
            reference.name().clone_into(&mut plan.reference);
            if !lossy.iter().any(|c| c.name() == reference.name()) {
                lossy.insert(0, reference.clone());
            }
        }
        plan.lossy.extend(lossy.iter().filter_map(|c| anchor(c, args.rates.clone())));
    }
    let fewer = asked(Experiment::FrameRate) || asked(Experiment::Gating);
    if fewer {
        let carrier = match curved(&args.carrier, "--carrier")?.or(reference) {
            Some(carrier) => carrier,
            None => "x264".parse()?,
        };
        let rates = carrier.rates();
        let usual = rates.get(rates.len().saturating_sub(CARRIER_RATES)..).unwrap_or_default();
        let rates = args.rates.clone().unwrap_or_else(|| usual.to_vec());
        plan.carrier = anchor(&carrier, Some(rates));
        plan.receivers = receivers(args, config)?;
    }
    if fewer {
        // What the others are compared with.
        plan.every.push(1);
    }
    if asked(Experiment::FrameRate) {
        plan.every.extend(args.every.iter().map(|n| *n as usize));
        plan.every.sort_unstable();
        plan.every.dedup();
    }
    if asked(Experiment::Gating) {
        if let Some(limit) = args.limits.iter().find(|l| !(0.0..=100.0).contains(*l)) {
            return Err(usage(format!("--limits {limit} is not a number of dB from 0 to 100")));
        }
        plan.limits.clone_from(&args.limits);
        plan.limits.sort_unstable_by(f64::total_cmp);
        plan.limits.dedup();
    }
    if ffmpeg.is_none() && fewer {
        notes.push("Sending fewer frames needs a codec of ffmpeg to carry them.".to_owned());
    }
    Ok(plan)
}

/// A codec with each predictor that its slot takes, and without.
fn inside(
    args: &Args,
    config: &Config,
    own: &dyn Fn() -> Own,
    notes: &mut Vec<String>,
) -> Result<Vec<Inside>, Failure> {
    let plain = own();
    let codec = plain.name().to_owned();
    let none = Inside { codec: codec.clone(), predictor: NONE.to_owned(), coder: Box::new(plain) };
    let mut all = vec![none];
    for name in BASES.into_iter().chain(args.predict.iter().map(String::as_str)) {
        if all.iter().any(|i| i.predictor == name) {
            continue;
        }
        if [Linear::NAME, Motion::GATE].contains(&name) {
            let note = format!(
                "{name} is no predictor for the codec's slot; it stands in frame-rate and gating alone."
            );
            if !notes.contains(&note) {
                notes.push(note);
            }
            continue;
        }
        let (identity, file) = identity(name, config)?;
        let word = if name == CopyLast::NAME { codec::CopyLast::NAME } else { name };
        // The file whose hash is the identity, wherever it was found.
        let opened = file.unwrap_or_else(|| word.to_owned());
        let make: Box<MakePredictor> = Box::new(move |spec| {
            let fail = |why: String| BenchError::Request(format!("{opened}: {why}"));
            let made = coded_predictor::by_name(&opened, EngineChoice::Auto, spec);
            made.map_err(|e| fail(e.to_string()))?.ok_or_else(|| fail("it is none".to_owned()))
        });
        let coder = Box::new(own().with_predictor(word, &identity, make));
        all.push(Inside { codec: codec.clone(), predictor: name.to_owned(), coder });
    }
    Ok(all)
}

/// What the pictures of a predictor depend on: its name, or the hash of a model, with its file.
fn identity(name: &str, config: &Config) -> Result<(String, Option<String>), Failure> {
    if [CopyLast::NAME, Linear::NAME, Motion::NAME, Motion::GATE].contains(&name) {
        return Ok((name.to_owned(), None));
    }
    let base: Vec<_> = config.model.base.iter().cloned().collect();
    let path = registry::resolve(name, &base)?;
    let sha256 = ModelFile::open(&path)?.sha256().to_owned();
    Ok((sha256, Some(path.display().to_string())))
}

/// What tells this program from others, whose streams may differ: the hash of its file.
fn build() -> Result<String, BenchError> {
    let path = std::env::current_exe().unwrap_or_default();
    let read = std::fs::read(&path);
    let bytes = read.map_err(|cause| BenchError::Io { what: "read", path, cause })?;
    Ok(Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect())
}

/// What shows the frames that are not sent.
fn receivers(args: &Args, config: &Config) -> Result<Vec<ReceiverChoice>, Failure> {
    let mut choices: Vec<ReceiverChoice> = Vec::new();
    for name in &args.predict {
        let (identity, _) = identity(name, config)?;
        if !choices.iter().any(|c| c.name == *name) {
            choices.push(ReceiverChoice { name: name.clone(), identity });
        }
    }
    Ok(choices)
}
