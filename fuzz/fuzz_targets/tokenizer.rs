//! Arbitrary text as a vocabulary with sentences behind it: refused, or ids of the promised number that
//! the vocabulary holds.
#![no_main]

use framecast::model::tokenizer::{Side, TokenKind, Tokenizer};

// The first line is the vocabulary, the second one rules, all others are sentences.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|b| *b == b'\n');
    let vocabulary = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let rules = lines.next().unwrap_or_default();
    let rule = |at: usize| rules.get(at).copied().unwrap_or_default();
    let length = usize::from(rule(0) % 20);
    let Ok(mut tokenizer) = Tokenizer::from_vocab_json("fuzz", &vocabulary, length) else { return };
    let written = tokenizer.to_vocab_json();
    assert!(Tokenizer::from_vocab_json("fuzz", &written, length).is_ok_and(|t| t == tokenizer));
    tokenizer.kind = if rule(1) & 1 == 0 { TokenKind::Words } else { TokenKind::Characters };
    tokenizer.side = if rule(1) & 2 == 0 { Side::Left } else { Side::Right };
    (tokenizer.ends, tokenizer.lower) = (rule(1) & 4 != 0, rule(1) & 8 == 0);
    for sentence in lines {
        let Ok(encoded) = tokenizer.encode_bytes(sentence) else { continue };
        let full = encoded.words + usize::from(tokenizer.ends);
        assert_eq!(encoded.ids.len(), if length == 0 { full } else { length });
        assert_eq!(encoded.cut, if length == 0 { 0 } else { full.saturating_sub(length) });
        assert!(encoded.unknown.len() <= encoded.words);
        assert!(encoded.ids.iter().all(|id| (*id as usize) < tokenizer.ids()), "{encoded:?}");
        assert!(std::str::from_utf8(sentence).is_ok_and(|text| tokenizer.encode(text).is_ok()));
        let _ = tokenizer.decode(&encoded.ids);
    }
});
