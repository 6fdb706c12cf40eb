//! A decoder over a table of words that follow each other.

use super::*;
use crate::engine::{EngineChoice, LoadOptions, load};
use crate::model::onnx::GraphBuilder;
use crate::model::{Contract, DType, ModelFile, Port, Role, StateInit, StatePair, Task, Tokenizer};

/// Scores of the next word are a row of a table by the word, plus the picture times the state,
/// which counts the words: with a picture other than 0 the second word is another one.
fn table() -> (ModelFile, Contract) {
    // Ids: 0 pad, 1 unknown, 2 end, 3 a, 4 b, 5 c.
    let shares = [
        [0.0; 6],
        [0.0; 6],
        [0.5, 0.5, 0.0, 0.6, 0.4, 0.0],
        [0.0, 0.0, 0.35, 0.0, 0.33, 0.32],
        [0.0, 0.0, 0.95, 0.0, 0.0, 0.05],
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
    ];
    let table: Vec<f32> = shares.iter().flatten().map(|p: &f32| p.max(1e-6).ln()).collect();
    let mut g = GraphBuilder::new("table");
    g.input("picture", DType::F32, &[1.into(), 1.into()]);
    g.input("word", DType::I64, &[1.into(), 1.into()]);
    g.input("count", DType::F32, &[1.into(), 1.into()]);
    let rows = g.constant("rows", &[6, 6], table);
    let shape = g.constant("shape", &[1], vec![1i64]);
    let word = g.node("Reshape", &["word", &shape], &[]);
    let row = g.node("Gather", &[&rows, &word], &[("axis", 0_i64.into())]);
    let only_c = g.constant("only_c", &[1, 6], vec![0.0f32, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let lifted = g.node("Mul", &["picture", "count"], &[]);
    let lifted = g.node("Mul", &[&lifted, &only_c], &[]);
    let scores = g.node("Add", &[&row, &lifted], &[]);
    let one = g.constant("one", &[1, 1], vec![1.0f32]);
    let next = g.node("Add", &["count", &one], &[]);
    g.output_as(&scores, "scores", DType::F32, &[1.into(), 6.into()]);
    g.output_as(&next, "count_next", DType::F32, &[1.into(), 1.into()]);
    let file = ModelFile::from_proto("table", &g.finish().unwrap()).unwrap();
    let mut contract = Contract::new("table", Task::Caption);
    let one = [1.into(), 1.into()];
    contract.inputs = vec![
        Port::new("picture", Role::Features, DType::F32, &one),
        Port::new("word", Role::Tokens, DType::I64, &one),
    ];
    contract.outputs = vec![Port::new("scores", Role::Scores, DType::F32, &[1.into(), 6.into()])];
    contract.state = vec![StatePair {
        input: "count".into(),
        output: "count_next".into(),
        init: StateInit::Zeros,
        reset: Vec::new(),
    }];
    let words = ["a", "b", "c"].iter().zip(3..).map(|(w, id)| ((*w).to_owned(), id));
    contract.tokenizer = Some(Tokenizer::new(words.collect(), 0));
    let mut file = file;
    file.set_contract(contract.clone()).unwrap();
    (file, contract)
}

fn decoder() -> Decoder {
    let (file, contract) = table();
    let options = LoadOptions { engine: EngineChoice::Tract, ..LoadOptions::default() };
    Decoder::new(load(&file, &options).unwrap().session, &contract).unwrap()
}

fn say(picture: f32, beams: Beams) -> Vec<(String, f64)> {
    let said = decoder().describe(&[picture], beams).unwrap();
    said.into_iter().map(|s| (s.text, (s.score * 1e4).round() / 1e4)).collect()
}

#[test]
fn the_likeliest_word_each_time_is_not_the_likeliest_sentence() {
    let mean =
        |shares: [f64; 2]| (shares.map(f64::ln).iter().sum::<f64>() / 2.0 * 1e4).round() / 1e4;
    let greedy = say(0.0, Beams::default());
    assert_eq!(greedy, [("a".to_owned(), mean([0.6, 0.35]))]);
    let two = say(0.0, Beams { width: 2, longest: 16 });
    assert_eq!(two[0], ("b".to_owned(), mean([0.4, 0.95])));
    assert_eq!(two[1].0, "a");
}

#[test]
fn a_fragment_never_stands_before_a_whole_sentence() {
    // "a b" has not come to its end after two words and is likelier a word than "a", which has.
    let said = decoder().describe(&[0.0], Beams { width: 3, longest: 2 }).unwrap();
    let texts: Vec<_> = said.iter().map(|s| (s.text.as_str(), s.cut)).collect();
    assert_eq!(texts, [("b", false), ("a", false)]);
    let none = decoder().describe(&[0.0], Beams { width: 3, longest: 1 }).unwrap();
    assert_eq!((none.len(), none[0].text.as_str()), (3, "a"));
    assert!(none[0].cut && (none[0].score - 0.6f64.ln()).abs() < 1e-4, "{none:?}");
}

#[test]
fn an_end_that_is_no_mark_of_its_own_is_refused() {
    for (pad, unknown, end) in [(2, 2, 2), (2, 1, 2), (0, 2, 2)] {
        let (file, mut contract) = table();
        let tokenizer = contract.tokenizer.as_mut().unwrap();
        (tokenizer.pad, tokenizer.unknown, tokenizer.end) = (pad, unknown, end);
        let options = LoadOptions { engine: EngineChoice::Tract, ..LoadOptions::default() };
        let error = Decoder::new(load(&file, &options).unwrap().session, &contract).unwrap_err();
        assert!(error.to_string().contains("no sentence could end"), "{error}");
    }
}

#[test]
fn state_and_picture_are_seen_and_sentences_end() {
    // From the second word on the picture lifts "c" above all others.
    assert_eq!(say(50.0, Beams { width: 1, longest: 4 })[0].0, "a c c c");
    // One decoder gives the same again: nothing is left of the sentence before.
    let mut decoder = decoder();
    let first = decoder.describe(&[0.0], Beams::default()).unwrap();
    assert_eq!(decoder.describe(&[0.0], Beams::default()).unwrap(), first);
    for bad in [&[][..], &[f32::NAN], &[0.0, 1.0]] {
        assert!(decoder.describe(bad, Beams::default()).is_err());
    }
}
