//! Our own code allocates nothing per frame: a counting allocator over the path of a frame, from
//! the source through ring, worker and accounts. What an inference library allocates inside `run`
//! is counted apart and printed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use framecast::engine::inside_library;
use framecast::frame::{FramePool, MonoTime, Size, SystemClock};
use framecast::pipeline::{FrameLedger, Intake, PredictStage, RunStats, Stop, Worker};
use framecast::ring::{FrameRing, InFlight, Policy, Popped};
use framecast::source::{Read, SourceOptions, open};
use framecast::task::predict::{CopyLast, Forecaster, Linear, Predictor, PredictorOptions};

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

/// Allocations of our own code and of the library over `FRAMES` frames after a warm-up.
fn allocations(forecaster: Box<dyn Forecaster>, uri: &str, size: Size) -> (u64, u64) {
    let pool = FramePool::new(4);
    let mut source = open(uri, &SourceOptions::default(), &pool).unwrap();
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
            other => panic!("the demo does not end: {other:?}"),
        }
        let Popped::Item(captured, left_out) = ring.try_pop() else { panic!("the ring is empty") };
        worker.process(captured, left_out).unwrap().unwrap();
    }
    assert_eq!(ledger.snapshot().processed, WARM_UP + FRAMES);
    (OURS.load(Ordering::Relaxed) - start.0, LIBRARY.load(Ordering::Relaxed) - start.1)
}

/// The shipped model on the built-in engine.
#[cfg(feature = "tract")]
fn shipped(size: Size) -> Box<dyn Forecaster> {
    use framecast::engine::{EngineChoice, LoadOptions, load};
    use framecast::model::ModelFile;
    use framecast::task::predict::{Direct, binding};
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/predict-nano-direct.onnx");
    let file = ModelFile::open(path).unwrap();
    let contract = file.contract().unwrap().unwrap();
    let bind = binding(&contract, size).unwrap();
    // One thread: the engine's own threads would be counted as ours.
    let mut options = LoadOptions::default();
    (options.engine, options.threads, options.bind) = (EngineChoice::Tract, 1, bind);
    let loaded = load(&file, &options).unwrap();
    let identity = file.sha256().to_owned();
    Box::new(Direct::new(loaded.session, &contract, identity, size).unwrap())
}

/// One test, so that no other thread allocates meanwhile.
#[test]
fn the_path_of_a_frame_allocates_nothing() {
    let size = Size::new(160, 96);
    let mut cases: Vec<(&str, &str, Box<dyn Forecaster>)> =
        vec![("linear", "i420", Box::new(Linear::new()))];
    for format in ["i420", "yuyv", "rgb24", "nv12"] {
        cases.push(("copy-last", format, Box::new(CopyLast)));
    }
    #[cfg(feature = "tract")]
    cases.push(("direct on tract", "i420", shipped(size)));
    for (name, format, forecaster) in cases {
        let uri = format!("demo:?size={size}&format={format}");
        let (ours, library) = allocations(forecaster, &uri, size);
        println!(
            "{name}, {format}: ours {ours} over {FRAMES} frames; in the engine {:.1} a frame",
            library as f64 / FRAMES as f64
        );
        assert_eq!(ours, 0, "{name} on {format} allocates");
    }
}
