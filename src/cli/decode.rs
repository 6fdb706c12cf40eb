//! `framecast decode`: a `.fcv` stream to video, saying what is not sure.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use framecast::codec::stream::{Ending, Record, StreamReader};
use framecast::codec::{DecodedFrame, Decoder, DecoderOptions, FrameStatus, Picture, Received};
use framecast::pipeline::Stop;
use framecast::sink::{DecodedWriter, WriteDecodedError};

use super::exit::{self, Failure};
use super::progress::Bar;
use super::{Outcome, coded_predictor, encode, interrupt};

/// The longest gap that is filled picture by picture.
const MAX_FILL: u64 = 10_000;

/// Arguments of `framecast decode`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stream; - is stdin
    #[arg(value_name = "IN.fcv")]
    input: PathBuf,

    /// A .y4m file, - for Y4M on stdout, a .raw file for bare samples in the format of the
    /// stream, or a folder for PNG pictures. Y4M has no RGB: the other two keep it exact
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// The model the stream was predicted by, when it is not installed under its name
    #[arg(long, value_name = "MODEL")]
    predict: Option<String>,

    /// Threads that decode bands at the same time
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Runs `framecast decode`.
pub(crate) fn run(args: &Args) -> Outcome {
    let input: Box<dyn Read> = if args.input == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let open = |e| anyhow::anyhow!("cannot open {}: {e}", args.input.display());
        Box::new(File::open(&args.input).map_err(|e| Failure::new(exit::SOURCE, open(e)))?)
    };
    let mut reader = StreamReader::new(input)?;
    let header = reader.header().clone();
    let id = header.predictor.as_ref();
    let predictor = coded_predictor::of_stream(id, args.predict.as_deref(), &header.spec)?;
    let options = DecoderOptions { threads: args.threads.unwrap_or_else(encode::processors) };
    let mut decoder = Decoder::new(&header, predictor, options)?;
    let writer = DecodedWriter::create(&args.out, &header.spec)?;
    if !writer.is_exact() {
        eprintln!(
            "framecast: {} samples are converted for this output; for the exact ones decode to a \
             .raw file or a folder of PNG pictures",
            header.spec.format
        );
    }
    let stop = Stop::new();
    interrupt::on_signal(&stop)?;
    let mut showing = Showing {
        writer,
        shown: Picture::new(header.layout(), header.spec.size.w(), header.spec.size.h()),
        account: Account::default(),
    };
    let mut bar = Bar::new(&args.input.display().to_string());
    while let Some(record) = reader.next_record()? {
        if stop.is_aborted() {
            return Err(Failure::interrupted());
        }
        match record {
            Record::Frame(packet) => decoder.send_packet(packet)?,
            Record::End(end) => decoder.send_end(&end),
        }
        while let Some(received) = decoder.receive_frame() {
            showing.show(received)?;
        }
        bar.show(showing.account.frames, None);
    }
    drop(bar);
    let Showing { writer, mut account, .. } = showing;
    account.skipped = reader.skipped();
    account.ending = reader.ending();
    account.stale = decoder.stale();
    writer.finish()?;
    match account.complaint() {
        None => {
            eprintln!("{} frames, all exact", account.frames);
            Ok(())
        }
        Some(complaint) => Err(Failure::new(exit::FAILURE, anyhow::anyhow!(complaint))),
    }
}

struct Showing {
    writer: DecodedWriter,
    shown: Picture,
    account: Account,
}

impl Showing {
    /// Writes a picture for every frame of the stream, so that both keep the same numbers.
    fn show(&mut self, received: Received<'_>) -> Result<(), WriteDecodedError> {
        match received {
            Received::Lost { frames } => {
                self.account.lost += frames;
                let filled = frames.min(MAX_FILL);
                if filled < frames {
                    tracing::warn!("only {filled} of {frames} lost frames are filled in");
                }
                for _ in 0..filled {
                    self.writer.write(&self.shown)?;
                }
            }
            Received::Frame(frame) => {
                self.account.add(&frame);
                self.writer.write(frame.picture)?;
                for (to, from) in self.shown.planes_mut().iter_mut().zip(frame.picture.planes()) {
                    to.data.copy_from_slice(&from.data);
                }
            }
        }
        Ok(())
    }
}

/// What came out.
#[derive(Debug, Default)]
struct Account {
    frames: u64,
    repaired: u64,
    first_repaired: Option<u64>,
    lost: u64,
    skipped: u64,
    stale: u64,
    ending: Ending,
}

impl Account {
    fn add(&mut self, frame: &DecodedFrame<'_>) {
        self.frames += 1;
        if let FrameStatus::Repaired(bands) = frame.status {
            self.repaired += 1;
            self.first_repaired.get_or_insert(frame.index);
            tracing::info!("frame {} is repaired in bands {bands}", frame.index);
        }
    }

    /// What is wrong with the stream; none when nothing is.
    fn complaint(&self) -> Option<String> {
        let mut text = String::new();
        let mut say = |part: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{part}", if text.is_empty() { "" } else { "; " });
        };
        if self.repaired > 0 {
            let first = self.first_repaired.unwrap_or(0);
            say(format_args!("{} repaired, the first is {first}", frames(self.repaired)));
        }
        if self.lost > 0 {
            say(format_args!("{} lost and filled with the one before", frames(self.lost)));
        }
        if self.skipped > 0 {
            say(format_args!("{} bytes are damaged", self.skipped));
        }
        if self.stale > 0 {
            say(format_args!("{} twice in the stream", frames(self.stale)));
        }
        match self.ending {
            Ending::Cut => say(format_args!("the stream is cut inside of a frame")),
            Ending::Open => say(format_args!("the stream was cut or never closed")),
            Ending::Followed => say(format_args!("what follows the end of the stream is left out")),
            Ending::Closed | Ending::NotYet => {}
        }
        let exact = self.frames - self.repaired;
        (!text.is_empty()).then(|| format!("{text}; {} exact and written", frames(exact)))
    }
}

/// A number of frames, with the verb that goes with it.
fn frames(count: u64) -> String {
    if count == 1 { "1 frame is".to_owned() } else { format!("{count} frames are") }
}

impl From<WriteDecodedError> for Failure {
    fn from(error: WriteDecodedError) -> Self {
        let usage = matches!(error, WriteDecodedError::Name { .. });
        Self::new(if usage { exit::USAGE } else { exit::FAILURE }, error)
    }
}
