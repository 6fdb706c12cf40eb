//! From the configuration to the tasks that run beside prediction.

use std::path::Path;

use framecast::config::{Config, Pace, SideModel, SideSettings, WatchSettings};
use framecast::engine::{self, Session};
use framecast::frame::Size;
use framecast::model::{Contract, ModelFile, registry};
#[cfg(unix)]
use framecast::pipeline::side::QuestionSocket;
use framecast::pipeline::side::{
    Asker, Beside, EmbedTask, Guard, SideOptions, SideTask, TagTask, WatchTask,
};
use framecast::task::FrameInput;
use framecast::task::answer::Responder;
use framecast::task::embed::{FrameEmbedder, TextEmbedder};
use framecast::task::search::{StandingQuery, Trigger};
use framecast::task::tag::{TagOptions, TagStream};

use crate::cli::exit::{self, Failure};
use crate::cli::tagger::{self, TagFiles};

/// The tasks that `config` asks for, for frames of `size`.
pub(super) fn tasks(config: &Config, size: Size) -> Result<Beside, Failure> {
    let side = &config.side;
    let mut tasks: Vec<Box<dyn SideTask>> = Vec::new();
    let beside = [
        ("tag.contract", &side.tag.contract),
        ("tag.backbone", &side.tag.backbone),
        ("tag.backbone_contract", &side.tag.backbone_contract),
    ];
    if let Some(model) = &side.tag.model {
        tag(config, side, model, size, &mut tasks)?;
    } else if let Some((key, _)) = beside.iter().find(|(_, value)| value.is_some()) {
        return Err(wrong(&format!("{key} is set and tag.model is not; name the tag model too")));
    }
    if !side.watch.queries.is_empty() {
        tasks.push(Box::new(watch(config, &side.watch, size)?));
    }
    let mut every = side.every;
    if let Some(model) = &side.answer {
        let responder = answer(config, model, size)?;
        // What moves is told from frames that follow each other as closely as in training.
        every = responder.interval().map_or(every, |interval| interval.min(every));
        tasks.push(Box::new(responder));
    }
    // A recording that is played as fast as it was filmed stands for a camera.
    let all = config.source.pace != Pace::Realtime;
    let options = SideOptions { every, all, nice: side.nice };
    let asker = match &side.ask_socket {
        Some(_) if side.answer.is_none() => {
            return Err(wrong(
                "side.ask_socket is set, but no task runs that answers; name a model with \
                 --answer or answer.model, such as answer-clip",
            ));
        }
        Some(path) => Some(listen(path)?),
        None => None,
    };
    Ok(Beside { tasks, options, asker, recorder: None })
}

fn watch(config: &Config, settings: &WatchSettings, size: Size) -> Result<WatchTask, Failure> {
    let (Some(image), Some(text)) = (&settings.image, &settings.text) else {
        return Err(wrong(
            "watch.queries needs two towers that were trained together; name them with \
             --image-tower and --text-tower, or watch.image and watch.text",
        ));
    };
    let (pictures, session) = open(config, image, Some(size))?;
    let mut tower = FrameEmbedder::new(session, &pictures, size)?;
    tower.check_varies(size)?;
    let (sentences, session) = open(config, text, None)?;
    let mut words = TextEmbedder::new(session, &sentences)?;
    words.check_varies()?;
    if pictures.space != sentences.space || tower.dims() != words.dims() {
        return Err(wrong(&format!(
            "{} and {} do not make vectors of one space; use towers that were trained together",
            tower.name(),
            words.name()
        )));
    }
    let mut trigger = Trigger::new();
    for name in &settings.queries {
        let vector = words.embed(name)?.to_vec();
        let query = StandingQuery {
            end: settings.begin - settings.margin,
            confirm: settings.confirm,
            cooldown: settings.cooldown,
            ..StandingQuery::new(name, vector, settings.begin)
        };
        trigger.watch(query)?;
    }
    Ok(WatchTask::new(tower, trigger, settings.queries.clone()))
}

fn answer(config: &Config, model: &SideModel, size: Size) -> Result<Responder, Failure> {
    let base: Vec<_> = model.base.iter().cloned().collect();
    let file = ModelFile::open(registry::resolve(&model.path, &base)?)?;
    let mut options = config.load_options();
    options.threads = 1;
    options.bind.clear();
    Ok(Responder::load(&file, &options, size)?.0)
}

type Listen = Box<dyn FnOnce(Asker) -> Guard + Send>;

/// A socket that is there before the run begins.
#[cfg(unix)]
fn listen(path: &Path) -> Result<Listen, Failure> {
    let socket = QuestionSocket::bind(path)?;
    Ok(Box::new(move |asker| match socket.serve(asker) {
        Ok(serving) => Box::new(serving),
        Err(error) => {
            tracing::warn!("questions are not answered: {error}");
            Box::new(())
        }
    }))
}

#[cfg(not(unix))]
fn listen(_path: &Path) -> Result<Listen, Failure> {
    Err(wrong("side.ask_socket needs Unix sockets, which this system lacks"))
}

/// The tag task, after what makes the embeddings it takes, on one thread: prediction has the others.
fn tag(
    config: &Config,
    side: &SideSettings,
    model: &SideModel,
    size: Size,
    tasks: &mut Vec<Box<dyn SideTask>>,
) -> Result<(), Failure> {
    let base = |m: &SideModel| m.base.clone();
    let backbone = side.tag.backbone.as_ref();
    let files = TagFiles {
        model: model.path.clone(),
        contract: side.tag.contract.as_ref().map(SideModel::place),
        backbone: backbone.map(|b| b.path.clone()),
        backbone_contract: side.tag.backbone_contract.as_ref().map(SideModel::place),
        base: base(model).into_iter().chain(backbone.and_then(base)).collect(),
        threads: Some(1),
        ..TagFiles::default()
    };
    let (model, backbone) = tagger::parts(config, &files, size)?;
    let takes_embedding = backbone.is_some();
    if let Some(backbone) = backbone {
        tasks.push(Box::new(EmbedTask::new(backbone)));
    }
    let settings = &side.tag;
    let options = TagOptions {
        top: settings.top,
        threshold: settings.threshold,
        on: settings.on,
        off: settings.off,
        window: settings.window,
        ..TagOptions::default()
    };
    tasks.push(Box::new(TagTask::new(TagStream::new(model, None, options)?, takes_embedding)));
    Ok(())
}

/// Opens a model, on one thread: prediction has the others.
fn open(
    config: &Config,
    model: &SideModel,
    frame: Option<Size>,
) -> Result<(Contract, Box<dyn Session>), Failure> {
    let base: Vec<_> = model.base.iter().cloned().collect();
    let path = registry::resolve(&model.path, &base)?;
    let file = ModelFile::open(&path)?;
    let Some(contract) = file.contract()? else {
        return Err(wrong(&format!(
            "{} carries no contract, which says what its inputs and outputs are; see \
             docs/model-contract.md",
            path.display()
        )));
    };
    let mut options = config.load_options();
    options.threads = 1;
    options.bind.clear();
    if let Some(size) = frame
        && FrameInput::port(&contract).is_ok()
    {
        options.bind = FrameInput::binding(&contract, size)?;
    }
    Ok((contract, engine::load(&file, &options)?.session))
}

fn wrong(reason: &str) -> Failure {
    Failure::new(exit::CONFIG, anyhow::anyhow!("{reason}"))
}
