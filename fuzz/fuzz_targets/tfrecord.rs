//! Arbitrary bytes as a TFRecord file of examples: refused, or no more than the bytes hold.
#![no_main]

// The files by themselves: the crate that they belong to brings a whole deep-learning framework along.
#[path = "../../trainer/src/data/features/example.rs"]
#[allow(dead_code, reason = "what only other readers of the crate use")]
mod example;
#[path = "../../trainer/src/data/features/tfrecord.rs"]
#[allow(dead_code, reason = "what only other readers of the crate use")]
mod tfrecord;

use example::Feature;
use tfrecord::{Records, masked_crc};

/// Makes the checksums of all records right, so that changed ones are read past them.
fn mend(bytes: &mut [u8]) {
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_at_mut_checked(12) {
        let (length, check) = head.split_at_mut(8);
        check.copy_from_slice(&masked_crc(length).to_le_bytes());
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let Some((record, behind)) =
            usize::try_from(length).ok().and_then(|n| behind.split_at_mut_checked(n))
        else {
            return;
        };
        let Some((check, behind)) = behind.split_at_mut_checked(4) else { return };
        check.copy_from_slice(&masked_crc(record).to_le_bytes());
        rest = behind;
    }
}

fn size(feature: &Feature) -> usize {
    match feature {
        Feature::Bytes(list) => list.iter().map(Vec::len).sum(),
        Feature::Floats(list) => 4 * list.len(),
        Feature::Ints(list) => list.len(),
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    mend(&mut bytes);
    let mut records = Records::new(&*bytes);
    let (mut record, mut read) = (Vec::new(), 0);
    while records.read(&mut record).is_ok_and(|more| more) {
        read += record.len() + 16;
        let Ok(example) = example::parse(&record) else { continue };
        let held: usize = example.features.values().map(size).sum::<usize>()
            + example.lists.values().flatten().map(size).sum::<usize>();
        assert!(held <= record.len(), "{held} of {}", record.len());
    }
    assert!(read <= bytes.len());
});
