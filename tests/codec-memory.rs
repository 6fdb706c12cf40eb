//! What a decoder takes is bounded by what the stream's header declares, whatever the bytes are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use framecast::codec::stream::{Record, StreamReader, StreamWriter};
use framecast::codec::{
    Decoder, DecoderOptions, Encoder, EncoderConfig, FrameInfo, Picture, Profile, StreamSpec,
};
use framecast::frame::{PixelFormat, Size};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg32;

struct Peak;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn grow(by: usize) {
    let now = NOW.fetch_add(by, Ordering::Relaxed) + by;
    MOST.fetch_max(now, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "an allocator that counts can only be written so")]
// SAFETY: every call is passed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Peak {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Peak = Peak;

const SIZE: Size = Size::new(160, 120);

fn stream(profile: Profile) -> Vec<u8> {
    let spec = StreamSpec::new(PixelFormat::I420, SIZE);
    let config = EncoderConfig { profile, key_interval: 5, ..EncoderConfig::default() };
    let mut encoder = Encoder::new(&config, &spec, None).unwrap();
    let mut writer = StreamWriter::new(Vec::new(), encoder.header(), Duration::MAX).unwrap();
    let mut picture = Picture::new(spec.layout(), SIZE.w(), SIZE.h());
    for t in 0..12 {
        for plane in picture.planes_mut() {
            let width = plane.width;
            for (at, v) in plane.data.iter_mut().enumerate() {
                *v = ((at % width + t) * (at / width + 2 * t) / 9) as u8;
            }
        }
        encoder.send_frame(&picture, &FrameInfo::numbered(t as u64)).unwrap();
        writer.write(encoder.receive_packet().unwrap()).unwrap();
    }
    writer.finish().unwrap().0
}

/// The most bytes held while `bytes` are decoded.
fn most(bytes: &[u8]) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    if let Ok(mut reader) = StreamReader::new(bytes) {
        let header = reader.header().clone();
        let mut decoder = Decoder::new(&header, None, DecoderOptions::default()).unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            match record {
                Record::Frame(packet) => decoder.send_packet(packet).unwrap(),
                Record::End(end) => decoder.send_end(&end),
            }
            while decoder.receive_frame().is_some() {}
        }
    }
    MOST.load(Ordering::Relaxed) - before
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn damage_takes_no_more_memory_than_the_whole_stream_may() {
    let mut rng = Pcg32::seed_from_u64(11);
    for profile in Profile::ALL {
        let whole = stream(profile);
        let header = StreamReader::new(whole.as_slice()).unwrap().header().clone();
        // The reader holds a record at most twice over, and what is read ahead of it; the rest is
        // made once, from the header.
        let record: usize = header.slice_limits().iter().sum();
        let limit = most(&whole) + 4 * record + (1 << 19);
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..40) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            let taken = most(&bytes);
            assert!(taken <= limit, "{profile}: {taken} of {limit} bytes");
        }
        // Headers that promise much are refused before anything is made for them.
        let mut large = header.clone();
        large.spec.size = Size::new(8192, 8192);
        let mut bytes = Vec::new();
        large.write(&mut bytes);
        assert!(most(&bytes) < 1 << 18);
    }
}
