//! Tags of a stream: scored, steadied over time, switched with hysteresis.

use crate::frame::MonoTime;
use crate::model::{LabelList, ResetReason};
use crate::task::TaskError;
use crate::task::embed::FrameEmbedder;
use crate::vision::RgbImage;

use super::{Hysteresis, Pool, RollingMean, TagModel, TagOptions, top};

/// A label with its score over the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag {
    /// Place among [`TagStream::labels`].
    pub label: usize,
    /// From 0 to 1.
    pub score: f32,
    /// Whether the tag has begun and not ended.
    pub on: bool,
}

/// A tag that began or ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TagEvent {
    /// Place among [`TagStream::labels`].
    pub label: usize,
    /// True when it began.
    pub on: bool,
    /// Its score over the window.
    pub score: f32,
}

/// What one frame changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagUpdate {
    /// Capture time of the frame.
    pub captured: MonoTime,
    /// The best tags, best first, up to the first below the threshold.
    pub tags: Vec<Tag>,
    /// Tags that began or ended with this frame, in the order of the labels.
    pub events: Vec<TagEvent>,
}

/// Tags the frames of one stream, in order. One thread owns it; it starts none.
///
/// Each call costs one run of the backbone, where there is one, and one of the tag model.
#[derive(Debug)]
pub struct TagStream {
    model: TagModel,
    backbone: Option<FrameEmbedder>,
    options: TagOptions,
    embeddings: RollingMean,
    scores: RollingMean,
    switches: Hysteresis,
    audio: Vec<f32>,
    embedding: Vec<f32>,
    update: TagUpdate,
}

impl TagStream {
    /// Tags with `model`, on the embeddings of `backbone` when it takes features.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when a backbone makes more numbers than the model takes, is given to
    /// a model that takes frames, or embeddings are to be averaged where there are none;
    /// [`TaskError::Option`] for options out of range.
    pub fn new(
        model: TagModel,
        backbone: Option<FrameEmbedder>,
        options: TagOptions,
    ) -> Result<Self, TaskError> {
        options.check()?;
        let bad = |reason: String| TaskError::Contract { model: model.name().to_owned(), reason };
        let dims = match &backbone {
            Some(backbone) => {
                Self::check_backbone(&model, backbone)?;
                backbone.dims()
            }
            None => model.features().unwrap_or_default(),
        };
        if options.pool == Pool::Embeddings && model.features().is_none() {
            return Err(bad("it takes frames, so that there are no embeddings to average".into()));
        }
        let classes = model.labels().names.len();
        Ok(Self {
            embeddings: RollingMean::new(dims, options.window),
            scores: RollingMean::new(classes, options.window),
            switches: Hysteresis::new(classes, options.on, options.off),
            audio: Vec::new(),
            embedding: Vec::new(),
            update: TagUpdate::default(),
            model,
            backbone,
            options,
        })
    }

    /// Fails unless `model` can take what `backbone` makes.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the backbone makes more numbers than the model takes, or the model
    /// takes frames.
    pub fn check_backbone(model: &TagModel, backbone: &FrameEmbedder) -> Result<(), TaskError> {
        let (name, dims) = (backbone.name(), backbone.dims());
        let reason = match model.features() {
            Some(features) if dims > features => format!(
                "it takes {features} features but {name} makes {dims}; name the backbone it was \
                 trained on"
            ),
            None => format!("it takes frames; {name} is not needed"),
            Some(_) => return Ok(()),
        };
        Err(TaskError::Contract { model: model.name().to_owned(), reason })
    }

    /// The labels that tags and events point at.
    #[must_use]
    pub const fn labels(&self) -> &LabelList {
        self.model.labels()
    }

    /// Name of the tag model.
    #[must_use]
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// The embedding of the newest frame, for other heads; empty for a model that takes frames.
    #[must_use]
    pub fn embedding(&self) -> &[f32] {
        &self.embedding
    }

    /// Which labels are on.
    #[must_use]
    pub fn on(&self) -> &[bool] {
        self.switches.state()
    }

    /// Features of the sound that goes with the coming frames; they follow the embedding. Without
    /// any, zeros stand for them.
    pub fn set_audio(&mut self, features: &[f32]) {
        self.audio.clear();
        self.audio.extend_from_slice(features);
    }

    /// Tags `frame`.
    ///
    /// # Errors
    /// [`TaskError`] when a model takes features and there is no backbone, or a model fails.
    pub fn observe(
        &mut self,
        frame: &RgbImage,
        captured: MonoTime,
    ) -> Result<&TagUpdate, TaskError> {
        if let Some(backbone) = &mut self.backbone {
            let embedding = backbone.embed(frame)?;
            self.embedding.clear();
            self.embedding.extend_from_slice(embedding);
            self.score_embedding(captured)?;
        } else {
            let scores = self.model.score_frame(frame)?;
            pool_scores(&mut self.scores, &self.options, captured, scores);
        }
        Ok(self.settle(captured))
    }

    /// Tags a frame by its embedding, which somebody else made.
    ///
    /// # Errors
    /// [`TaskError`] when the model takes frames, or fewer features, or fails.
    pub fn observe_embedding(
        &mut self,
        embedding: &[f32],
        captured: MonoTime,
    ) -> Result<&TagUpdate, TaskError> {
        self.embedding.clear();
        self.embedding.extend_from_slice(embedding);
        self.score_embedding(captured)?;
        Ok(self.settle(captured))
    }

    fn score_embedding(&mut self, captured: MonoTime) -> Result<(), TaskError> {
        let embedding = if self.options.pool == Pool::Embeddings {
            self.embeddings.push(captured, self.embedding.iter().copied());
            let mean = self.embeddings.mean();
            mean.get(..self.embedding.len()).unwrap_or(mean)
        } else {
            &self.embedding
        };
        let (seen, heard) = (embedding.len(), self.audio.len());
        let feature = |i: usize| {
            let audio = i.checked_sub(seen).and_then(|i| self.audio.get(i));
            embedding.get(i).or(audio).copied().unwrap_or_default()
        };
        let scores = self.model.score_features((0..seen + heard).map(feature))?;
        pool_scores(&mut self.scores, &self.options, captured, scores);
        Ok(())
    }

    /// Switches by the mean scores and lists the best.
    fn settle(&mut self, captured: MonoTime) -> &TagUpdate {
        let scores = self.scores.mean();
        let update = &mut self.update;
        update.captured = captured;
        update.events.clear();
        self.switches.update(scores, |label, on, score| {
            update.events.push(TagEvent { label, on, score });
        });
        let state = self.switches.state();
        update.tags.clear();
        update.tags.extend(top(scores, self.options.top, self.options.threshold).into_iter().map(
            |(label, score)| Tag {
                label,
                score,
                on: state.get(label).copied().unwrap_or_default(),
            },
        ));
        update
    }

    /// Begins anew, as after a gap or another source: the window is emptied and what was on ends.
    /// The events that end it have the score 0. After a cut the window alone is emptied: what is on
    /// may be in the new scene too, and the next frame says so.
    pub fn reset(&mut self, reason: ResetReason) -> &[TagEvent] {
        self.embeddings.clear();
        self.scores.clear();
        self.model.reset(reason);
        if let Some(backbone) = &mut self.backbone {
            backbone.reset(reason);
        }
        let events = &mut self.update.events;
        events.clear();
        if reason != ResetReason::SceneCut {
            self.switches.clear(|label| events.push(TagEvent { label, on: false, score: 0.0 }));
            self.update.tags.clear();
        }
        &self.update.events
    }
}

fn pool_scores(window: &mut RollingMean, options: &TagOptions, captured: MonoTime, scores: &[f32]) {
    match options.pool {
        Pool::Votes => {
            let vote = |s: &f32| if *s >= options.threshold { 1.0 } else { 0.0 };
            window.push(captured, scores.iter().map(vote));
        }
        Pool::Scores => {
            window.push(captured, scores.iter().copied());
        }
        // The mean of the embeddings was scored, which is steady already.
        Pool::Embeddings => {
            window.clear();
            window.push(captured, scores.iter().copied());
        }
    }
}
