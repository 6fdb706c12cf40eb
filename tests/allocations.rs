//! Our own code allocates nothing per frame: a counting allocator over the path of a frame, from
//! the source through ring, worker and accounts. What an inference library allocates inside `run`
//! is counted apart and printed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use framecast::engine::inside_library;
use framecast::frame::{
    Frame, FrameMeta, FramePool, FrameSeq, Layout as FrameLayout, MonoTime, PixelFormat, Rational,
    Size, SystemClock,
};
use framecast::pipeline::{FrameLedger, Intake, PredictStage, RunStats, Stop, Worker};
use framecast::ring::{FrameRing, InFlight, Policy, Popped};
use framecast::source::demo::Scene;
use framecast::source::{Read, Source, SourceError, SourceInfo, SourceOptions, open};
use framecast::task::predict::{CopyLast, Forecaster, Linear, Motion, Predictor, PredictorOptions};
use framecast::vision::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

struct Counting;

static OURS: AtomicU64 = AtomicU64::new(0);
static LIBRARY: AtomicU64 = AtomicU64::new(0);

fn count() {
    let counter = if inside_library() { &LIBRARY } else { &OURS };
    counter.fetch_add(1, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "an allocator that counts can only be written so")]
// SAFETY: every call is passed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const WARM_UP: u64 = 60;
const FRAMES: u64 = 400;

/// A camera that gives compressed pictures of the demo world, over and over.
struct JpegCamera {
    info: SourceInfo,
    layout: FrameLayout,
    pictures: Vec<Vec<u8>>,
    pool: FramePool,
    next: u64,
}

impl JpegCamera {
    fn new(size: Size, pool: FramePool) -> Self {
        let mut scene = Scene::new(3, size, Rational::whole(30)).unwrap();
        let mut picture = RgbImage::default();
        let pictures = (0..8).map(|i| {
            scene.render(i, &mut picture);
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 85);
            encoder.set_sampling_factor(SamplingFactor::F_2_1);
            let [width, height] = [size.width, size.height].map(|n| u16::try_from(n).unwrap());
            encoder.encode(picture.data(), width, height, ColorType::Rgb).unwrap();
            bytes
        });
        let info = SourceInfo {
            uri: "test".into(),
            description: "test".into(),
            format: PixelFormat::Mjpeg,
            size,
            rate: None,
            live: false,
            frames: None,
        };
        let layout = FrameLayout::packed(PixelFormat::Mjpeg, size).unwrap();
        Self { info, layout, pictures: pictures.collect(), pool, next: 0 }
    }
}

impl Source for JpegCamera {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, _deadline: MonoTime) -> Result<Read, SourceError> {
        let bytes = &self.pictures[self.next as usize % self.pictures.len()];
        let mut buf = self.pool.take(bytes.len()).unwrap();
        buf.copy_from_slice(bytes);
        let captured = MonoTime::now();
        let meta = FrameMeta { seq: FrameSeq(self.next), captured, ..FrameMeta::default() };
        self.next += 1;
        Ok(Read::Frame(Frame::new(buf, self.layout, meta).unwrap()))
    }
}

/// Allocations of our own code and of the library over `FRAMES` frames after a warm-up.
fn allocations(forecaster: Box<dyn Forecaster>, format: &str, size: Size) -> (u64, u64) {
    let pool = FramePool::new(4);
    let mut source: Box<dyn Source> = if format == "mjpeg" {
        Box::new(JpegCamera::new(size, pool.clone()))
    } else {
        let uri = format!("demo:?size={size}&format={format}");
        open(&uri, &SourceOptions::default(), &pool).unwrap()
    };
    let ring = Arc::new(FrameRing::new(Policy::Block, 2));
    let ledger = FrameLedger::default();
    let intake = Intake::new(ring.clone(), ledger.clone(), Stop::new(), None);
    let predictor = Predictor::new(forecaster, size, PredictorOptions::default()).unwrap();
    let stats = Arc::new(Mutex::new(RunStats::default()));
    let limiter = InFlight::new(1, Duration::from_secs(30));
    let stage = Box::new(PredictStage::new(predictor));
    let mut worker = Worker::new(stage, Arc::new(SystemClock), limiter, stats, None);
    let mut start = (0, 0);
    for i in 0..WARM_UP + FRAMES {
        if i == WARM_UP {
            start = (OURS.load(Ordering::Relaxed), LIBRARY.load(Ordering::Relaxed));
        }
        match source.read(MonoTime::now().after(Duration::from_secs(10))).unwrap() {
            Read::Frame(frame) => intake.accept(frame, MonoTime::now()),
            other => panic!("the source does not end: {other:?}"),
        }
        let Popped::Item(captured, left_out) = ring.try_pop() else { panic!("the ring is empty") };
        worker.process(captured, left_out).unwrap().unwrap();
    }
    assert_eq!(ledger.snapshot().processed, WARM_UP + FRAMES);
    (OURS.load(Ordering::Relaxed) - start.0, LIBRARY.load(Ordering::Relaxed) - start.1)
}

/// The shipped `direct` model.
#[cfg(any(feature = "tract", feature = "ort"))]
fn shipped(engine: framecast::engine::EngineChoice, size: Size) -> Box<dyn Forecaster> {
    use framecast::engine::{LoadOptions, load};
    use framecast::model::ModelFile;
    use framecast::task::predict::{Direct, binding};
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/predict-nano-direct.onnx");
    let file = ModelFile::open(path).unwrap();
    let contract = file.contract().unwrap().unwrap();
    let bind = binding(&contract, size).unwrap();
    // One thread: the engine's own threads would be counted as ours.
    let mut options = LoadOptions::default();
    (options.engine, options.threads, options.bind) = (engine, 1, bind);
    let loaded = load(&file, &options).unwrap();
    let identity = file.sha256().to_owned();
    Box::new(Direct::new(loaded.session, &contract, identity, size).unwrap())
}

/// A shipped `blend` model.
fn mixing(model: &str, engine: framecast::engine::EngineChoice, size: Size) -> Box<dyn Forecaster> {
    use framecast::engine::{LoadOptions, load};
    use framecast::model::ModelFile;
    use framecast::task::predict::{Blend, blend_binding};
    let path = format!("{}/models/{model}.onnx", env!("CARGO_MANIFEST_DIR"));
    let file = ModelFile::open(path).unwrap();
    let contract = file.contract().unwrap().unwrap();
    let mut options = LoadOptions::default();
    (options.engine, options.threads) = (engine, 1);
    options.bind = blend_binding(&contract, size).unwrap();
    let loaded = load(&file, &options).unwrap();
    let identity = file.sha256().to_owned();
    Box::new(Blend::new(loaded.session, &contract, identity, size).unwrap())
}

/// One test, so that no other thread allocates meanwhile.
#[test]
fn the_path_of_a_frame_allocates_nothing() {
    let size = Size::new(160, 96);
    let mut cases: Vec<(&str, &str, Box<dyn Forecaster>)> =
        vec![("linear", "i420", Box::new(Linear::new()))];
    cases.push(("motion", "i420", Box::new(Motion::velocity())));
    cases.push(("gate", "i420", Box::new(Motion::gate())));
    for format in ["i420", "yuyv", "rgb24", "nv12", "mjpeg"] {
        cases.push(("copy-last", format, Box::new(CopyLast)));
    }
    let integers = framecast::engine::EngineChoice::Exact;
    cases.push(("blend on exact", "i420", mixing("predict-nano-int", integers, size)));
    #[cfg(feature = "tract")]
    for format in ["i420", "mjpeg"] {
        let forecaster = shipped(framecast::engine::EngineChoice::Tract, size);
        cases.push(("direct on tract", format, forecaster));
        let forecaster = mixing("predict-nano", framecast::engine::EngineChoice::Tract, size);
        cases.push(("blend on tract", format, forecaster));
    }
    #[cfg(feature = "ort")]
    if framecast::engine::search(None).last().is_some_and(|t| t.outcome.is_ok()) {
        let forecaster = shipped(framecast::engine::EngineChoice::Ort, size);
        cases.push(("direct on ort", "i420", forecaster));
    } else {
        let required = std::env::var_os("CI").is_some_and(|v| v == "true");
        assert!(!required, "an ONNX Runtime library is needed in CI");
        println!("skipped: direct on ort, since no ONNX Runtime library is found");
    }
    for (name, format, forecaster) in cases {
        let (ours, library) = allocations(forecaster, format, size);
        // Of ONNX Runtime this sees the wrapper's part; the library has an allocator of its own.
        println!(
            "{name}, {format}: ours {ours} over {FRAMES} frames; in the engine {:.1} a frame",
            library as f64 / FRAMES as f64
        );
        assert_eq!(ours, 0, "{name} on {format} allocates");
    }
}
