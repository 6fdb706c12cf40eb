//! The flags of `framecast run`, each a layer over one configuration key.

use std::time::Duration;

use framecast::config::{ConfigError, RawConfig, duration};

use crate::cli::settings::SettingsArgs;
use crate::cli::stream_args::{StreamArgs, set_given};

/// Arguments of `framecast run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Where frames come from: demo:, v4l2:PATH, a file, a folder, rtsp://..., or - for Y4M on stdin
    #[arg(long, value_name = "URI")]
    source: Option<String>,

    /// Predictor: an ONNX file, copy-last, linear, motion, gate, or none
    #[arg(long, value_name = "MODEL")]
    predict: Option<String>,

    /// Tag the stream beside prediction, with this ONNX file of task tag
    #[arg(long, value_name = "MODEL")]
    tag: Option<String>,

    /// What makes the embeddings that the tag model takes
    #[arg(long, value_name = "MODEL", requires = "tag")]
    backbone: Option<String>,

    /// Lines of a contract for a feature extractor of somebody else
    #[arg(long, value_name = "FILE", requires = "backbone")]
    backbone_contract: Option<String>,

    /// Tell when the stream begins and ceases to match this sentence; may be given several times
    #[arg(long, value_name = "SENTENCE")]
    watch: Vec<String>,

    /// The tower that makes vectors of pictures for --watch
    #[arg(long, value_name = "MODEL")]
    image_tower: Option<String>,

    /// The tower that makes vectors of sentences for --watch
    #[arg(long, value_name = "MODEL")]
    text_tower: Option<String>,

    /// Answer questions beside prediction, with this ONNX file of task answer
    #[arg(long, value_name = "MODEL", requires = "ask_socket")]
    answer: Option<String>,

    /// Listen here for questions of `framecast ask --socket`
    #[arg(long, value_name = "PATH")]
    ask_socket: Option<String>,

    /// End after this many captured frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) frames: Option<u64>,

    /// End after this time, for example 30s or 5min
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) duration: Option<Duration>,

    /// How far ahead to predict: frames, a time such as 100ms, or auto
    #[arg(long, value_name = "AHEAD")]
    horizon: Option<String>,

    #[command(flatten)]
    stream: StreamArgs,

    /// realtime, fast, or auto (the demo in real time, files fast)
    #[arg(long, value_name = "PACE")]
    pace: Option<String>,

    /// latest, drop-oldest, drop-newest, block, every-N, or auto
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,

    /// Drop a frame that is older than this when its turn comes
    #[arg(long, value_name = "TIME")]
    max_age: Option<String>,

    /// Keep the recurrent state in this file between runs
    #[arg(long, value_name = "FILE")]
    state_file: Option<String>,

    /// Append one JSON object a frame to this file; - is stdout
    #[arg(long, value_name = "FILE")]
    record_jsonl: Option<String>,

    /// Record the frames themselves, lossless, into this new .fcv file; {n} in its name stands for
    /// the next free number
    #[arg(long, value_name = "FILE.fcv")]
    record: Option<String>,

    /// Print the summary as one JSON object on stdout
    #[arg(long)]
    pub(super) json: bool,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text)
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "write a time such as 40ms, 30s or 5min".to_owned())
}

impl Args {
    /// Defaults, file, `--set`, then these flags.
    pub(super) fn raw_config(&self) -> Result<RawConfig, ConfigError> {
        let mut raw = self.settings.load()?;
        self.stream.set(&mut raw)?;
        set_given(
            &mut raw,
            &[
                ("source.uri", &self.source, "--source"),
                ("model.path", &self.predict, "--predict"),
                ("tag.model", &self.tag, "--tag"),
                ("tag.backbone", &self.backbone, "--backbone"),
                ("tag.backbone_contract", &self.backbone_contract, "--backbone-contract"),
                ("watch.image", &self.image_tower, "--image-tower"),
                ("watch.text", &self.text_tower, "--text-tower"),
                ("answer.model", &self.answer, "--answer"),
                ("side.ask_socket", &self.ask_socket, "--ask-socket"),
                ("predict.horizon", &self.horizon, "--horizon"),
                ("predict.state_file", &self.state_file, "--state-file"),
                ("source.pace", &self.pace, "--pace"),
                ("ring.policy", &self.policy, "--policy"),
                ("ring.max_age", &self.max_age, "--max-age"),
                ("sink.jsonl.path", &self.record_jsonl, "--record-jsonl"),
                ("sink.record.path", &self.record, "--record"),
            ],
        )?;
        if !self.watch.is_empty() {
            let queries: Vec<toml::Value> = self.watch.iter().cloned().map(Into::into).collect();
            raw.set_flag("watch.queries", queries, "--watch")?;
        }
        Ok(raw)
    }
}
