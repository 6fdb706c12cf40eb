//! `framecast decode`: a `.fcv` stream to video, saying what is not sure.

mod account;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use framecast::codec::stream::{Record, StreamReader, read_end};
use framecast::codec::{CodecError, Decoder, DecoderOptions, Picture, Received};
use framecast::engine::EngineChoice;
use framecast::pipeline::Stop;
use framecast::sink::{DecodedWriter, WriteDecodedError};

use super::exit::{self, Failure};
use super::progress::Bar;
use super::{Outcome, coded_predictor, encode, interrupt};

use account::Account;

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

    /// Engine of a model that ties the stream to its build: auto, tract or ort
    #[arg(long, value_name = "ENGINE", default_value_t)]
    engine: EngineChoice,

    /// Threads that decode bands at the same time
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Leave out this many frames at the beginning; the index of a file leads there quickly
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,

    /// End after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,

    /// Print what was found as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `framecast decode`.
pub(crate) fn run(args: &Args) -> Outcome {
    let (mut reader, first) = open(args)?;
    let header = reader.header().clone();
    let id = header.predictor.as_ref();
    if let (None, Some(model)) = (id, &args.predict) {
        tracing::warn!("the stream has no predictor; {model} is not used");
    }
    let predictor =
        coded_predictor::of_stream(id, args.predict.as_deref(), args.engine, &header.spec)?;
    let options = DecoderOptions { threads: args.threads.unwrap_or_else(encode::processors) };
    let mut decoder = Decoder::new(&header, predictor, options)?;
    decoder.begin_at(first);
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
    let mut shown = Picture::new(header.layout(), header.spec.size.w(), header.spec.size.h());
    shown.planes_mut().iter_mut().for_each(|plane| plane.data.fill(128));
    let end = args.frames.map_or(u64::MAX, |frames| args.skip.saturating_add(frames));
    let account = Account::new(&args.input, &args.out, writer.is_exact());
    let mut showing = Showing { writer, shown, account, next: first, wanted: args.skip..end };
    let mut bar = Bar::new(&args.input.display().to_string());
    while showing.next < end {
        let record = reader.next_record();
        let Some(record) = record.inspect_err(|_| showing.keep())? else { break };
        if stop.is_aborted() {
            return Err(Failure::interrupted());
        }
        match record {
            Record::Frame(packet) => decoder.send_packet(packet),
            Record::End(end) => {
                decoder.send_end(&end);
                Ok(())
            }
        }
        .inspect_err(|_| showing.keep())?;
        while let Some(received) = decoder.receive_frame() {
            showing.show(received)?;
        }
        bar.show(showing.account.frames(), args.frames);
    }
    drop(bar);
    let Showing { writer, mut account, next, .. } = showing;
    account.close(&reader, &decoder, (next <= args.skip && args.skip > 0).then_some(args.skip));
    writer.finish()?;
    if args.json {
        account.print(args.out.as_path() == Path::new("-"))?;
    }
    match account.complaint() {
        None => {
            eprintln!("{} frames, all exact", account.frames());
            Ok(())
        }
        Some(complaint) => Err(Failure::new(exit::FAILURE, anyhow::anyhow!(complaint))),
    }
}

/// Opens the stream, of a file as near before the first frame wanted as its index leads; also gives
/// the number of the frame it begins with.
fn open(args: &Args) -> Result<(StreamReader<Box<dyn Read>>, u64), Failure> {
    if args.input == Path::new("-") {
        return Ok((StreamReader::new(Box::new(io::stdin()) as Box<dyn Read>)?, 0));
    }
    let open = || {
        let open = |e| anyhow::anyhow!("cannot open {}: {e}", args.input.display());
        File::open(&args.input).map_err(|e| Failure::new(exit::SOURCE, open(e)))
    };
    let file = open()?;
    let seeks = args.skip > 0 && file.metadata().is_ok_and(|meta| meta.is_file());
    let reader = StreamReader::new(Box::new(file) as Box<dyn Read>)?;
    if !seeks {
        return Ok((reader, 0));
    }
    let failed = |cause| CodecError::Io { what: "reading the index failed", cause };
    let mut file = open()?;
    let end = read_end(&mut file, reader.header()).map_err(failed)?;
    let Some((first, offset)) = end.and_then(|end| end.key_before(args.skip)) else {
        return Ok((reader, 0));
    };
    // The stream header stands before each key frame.
    let mut header = Vec::new();
    reader.header().write(&mut header);
    file.seek(SeekFrom::Start(offset.saturating_sub(header.len() as u64))).map_err(failed)?;
    match StreamReader::new(Box::new(file) as Box<dyn Read>) {
        Ok(there) if there.header() == reader.header() => Ok((there, first)),
        // It is damaged there.
        _ => Ok((reader, 0)),
    }
}

struct Showing {
    writer: DecodedWriter,
    shown: Picture,
    account: Account,
    /// The number of the frame that comes next.
    next: u64,
    wanted: Range<u64>,
}

impl Showing {
    /// Writes a picture for every frame of the stream, so that both keep the same numbers.
    fn show(&mut self, received: Received<'_>) -> Result<(), WriteDecodedError> {
        match received {
            Received::Lost { frames } => {
                let end = self.next.saturating_add(frames);
                let from = self.next.max(self.wanted.start);
                let frames = end.min(self.wanted.end).saturating_sub(from);
                self.next = end;
                let filled = frames.min(MAX_FILL);
                self.account.lose(frames, filled);
                for _ in 0..filled {
                    self.writer.write(&self.shown)?;
                }
            }
            Received::Frame(frame) => {
                self.next = frame.index.saturating_add(1);
                for (to, from) in self.shown.planes_mut().iter_mut().zip(frame.picture.planes()) {
                    to.data.copy_from_slice(&from.data);
                }
                if self.wanted.contains(&frame.index) {
                    self.account.add(&frame);
                    self.writer.write(frame.picture)?;
                }
            }
        }
        Ok(())
    }

    /// Says what there is when the stream cannot be read on.
    fn keep(&self) {
        if let Some(partial) = self.writer.partial() {
            eprintln!("{} frames are kept in {}", self.account.frames(), partial.display());
        }
    }
}

impl From<WriteDecodedError> for Failure {
    fn from(error: WriteDecodedError) -> Self {
        let usage = matches!(error, WriteDecodedError::Name { .. });
        Self::new(if usage { exit::USAGE } else { exit::FAILURE }, error)
    }
}
