//! Arbitrary bytes as a list of events: refused, or learned from and ranked.
#![no_main]

use framecast::task::rank::{EventLog, Taste, TasteOptions};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(log) = EventLog::parse("fuzz", bytes) else { return };
    let opened: Vec<usize> = (0..log.events().len()).step_by(3).collect();
    let mut options = TasteOptions::default();
    options.rounds = 2;
    let taste = Taste::learn(log.events(), &opened, &options);
    let ranked = taste.rank(log.events(), &opened);
    assert_eq!(ranked.len() + opened.len(), log.events().len());
    assert!(ranked.iter().all(|(_, score)| score.is_finite()));
    assert!(ranked.is_sorted_by(|a, b| a.1 >= b.1));
});
