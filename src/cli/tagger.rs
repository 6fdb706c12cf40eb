//! From model files to something that tags frames.

use std::path::{Path, PathBuf};

use framecast::config::Config;
use framecast::engine::{self, Session};
use framecast::frame::Size;
use framecast::model::{Contract, LabelList, ModelFile, Overlay, registry};
use framecast::task::FrameInput;
use framecast::task::embed::{FrameEmbedder, backbone_name};
use framecast::task::tag::{TagModel, TagOptions, TagStream};

use super::exit::{self, Failure};

/// Which files, by name or path, and what they mean.
#[derive(Debug, Default)]
pub(crate) struct TagFiles {
    /// The tag model.
    pub(crate) model: String,
    /// Lines of a contract over that of the tag model.
    pub(crate) contract: Option<PathBuf>,
    /// What makes the embeddings it takes; found by the name it was trained with when not given.
    pub(crate) backbone: Option<String>,
    /// Lines of a contract over that of the backbone.
    pub(crate) backbone_contract: Option<PathBuf>,
    /// Labels instead of the model's.
    pub(crate) labels: Option<PathBuf>,
    /// Folders in which names are looked for first.
    pub(crate) base: Vec<PathBuf>,
    /// Threads of the engine instead of the configured ones.
    pub(crate) threads: Option<usize>,
}

/// A model of a task beside prediction, opened.
struct Opened {
    path: PathBuf,
    file: ModelFile,
    contract: Contract,
    session: Box<dyn Session>,
}

/// Opens the files for frames of `size`.
pub(crate) fn open(
    config: &Config,
    files: &TagFiles,
    size: Size,
    options: TagOptions,
) -> Result<TagStream, Failure> {
    options.check()?;
    let (model, backbone) = parts(config, files, size)?;
    Ok(TagStream::new(model, backbone, options)?)
}

/// The tag model, and what makes the embeddings it takes, if it takes any.
pub(crate) fn parts(
    config: &Config,
    files: &TagFiles,
    size: Size,
) -> Result<(TagModel, Option<FrameEmbedder>), Failure> {
    let head = load(config, files, &files.model, &files.base, files.contract.as_deref(), size)?;
    let backbone = match (&files.backbone, TagModel::takes_features(&head.contract)) {
        (None, false) => None,
        (given, _) => Some(backbone(config, files, given.as_deref(), &head, size)?),
    };
    let mut model = TagModel::new(head.session, &head.contract, size)?;
    if let Some(path) = &files.labels {
        model = model.with_labels(LabelList::read(path)?)?;
    }
    // A run has them in two tasks, so that nobody else would look.
    if let Some(backbone) = &backbone {
        TagStream::check_backbone(&model, backbone)?;
    }
    Ok((model, backbone))
}

/// What makes the embeddings that `head` takes.
fn backbone(
    config: &Config,
    files: &TagFiles,
    given: Option<&str>,
    head: &Opened,
    size: Size,
) -> Result<FrameEmbedder, Failure> {
    let wanted = head.contract.features.as_deref();
    let name = wanted.and_then(|w| w.split('/').next()).filter(|n| !n.is_empty());
    let Some(name) = given.or(name) else {
        return Err(wrong(format!(
            "{} takes embeddings and does not say of which model; name it with --backbone",
            head.path.display()
        )));
    };
    let mut base = files.base.clone();
    base.extend(head.path.parent().map(Path::to_owned));
    let opened = load(config, files, name, &base, files.backbone_contract.as_deref(), size)?;
    let found = backbone_name(&opened.contract, &opened.file);
    // A file that is described by lines of its own is not the one of that training in any case, and
    // who names it says so knowingly.
    if files.backbone_contract.is_none()
        && let Some(wanted) = wanted.filter(|w| *w != found)
    {
        return Err(wrong(format!(
            "{} was trained on the embeddings of {wanted}, but {} is {found}; name the backbone it \
             was trained on with --backbone",
            head.path.display(),
            opened.path.display()
        )));
    }
    Ok(FrameEmbedder::new(opened.session, &opened.contract, size)?)
}

fn load(
    config: &Config,
    files: &TagFiles,
    name: &str,
    base: &[PathBuf],
    lines: Option<&Path>,
    size: Size,
) -> Result<Opened, Failure> {
    let path = registry::resolve(name, base)?;
    let mut file = ModelFile::open(&path)?;
    if let Some(lines) = lines {
        let shown = lines.display().to_string();
        let text = std::fs::read_to_string(lines)
            .map_err(|e| wrong(format!("cannot read {shown}: {e}")))?;
        let contract = Overlay::from_toml(&shown, &text)?.apply(&file)?;
        file.set_contract(contract)?;
    }
    let Some(contract) = file.contract()? else {
        return Err(wrong(format!(
            "{} carries no contract; describe it by a few lines, see docs/tagging.md",
            path.display()
        )));
    };
    let mut options = config.load_options();
    options.threads = files.threads.unwrap_or(options.threads);
    options.bind.clear();
    if FrameInput::port(&contract).is_ok() {
        options.bind = FrameInput::binding(&contract, size)?;
    }
    let session = engine::load(&file, &options)?.session;
    Ok(Opened { path, file, contract, session })
}

fn wrong(reason: String) -> Failure {
    Failure::new(exit::CONFIG, anyhow::anyhow!(reason))
}
