//! Arbitrary bytes as lines with a camera's own motion: refused, or frames that can be asked for.
#![no_main]

use framecast::task::predict::MotionPriors;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(priors) = MotionPriors::parse("fuzz", bytes) else { return };
    assert_eq!(priors.is_empty(), priors.len() == 0);
    for seq in (0..9).chain([u64::MAX]) {
        assert_eq!(priors.of(seq), priors.over(seq, 1));
        for stride in [0, 2, 9] {
            let Some(map) = priors.over(seq, stride) else { continue };
            for (x, y) in [(0, 0), (16383, 9), (9, 16383)] {
                let (dx, dy) = map.displacement(x, y, 0, 99);
                assert!(dx.abs() <= 99 && dy.abs() <= 99);
            }
        }
    }
});
