//! The shipped integer model on every engine: the same bits, frame by frame.

use std::path::Path;

use framecast::engine::{EngineChoice, LoadOptions, Loaded, load};
use framecast::frame::{Rational, Size};
use framecast::model::{DType, ModelFile, TensorBuf, TensorView};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;
use framecast::vision::blend::{FEATURES, Observer};
use framecast::vision::motion::luma;

use super::data;

const FRAMES: u64 = 210;
/// No multiple of the block, so that blocks are cut off.
const SIZE: Size = Size::new(92, 61);

fn open(engine: EngineChoice, rows: usize, columns: usize) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/predict-nano-int.onnx");
    let model = ModelFile::open(path).unwrap();
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    options.bind.extend([("h".to_owned(), rows), ("w".to_owned(), columns)]);
    load(&model, &options).unwrap()
}

fn logits(loaded: &mut Loaded, features: &[u8], shape: [usize; 4]) -> Vec<f32> {
    let mut outputs = [TensorBuf::zeros(DType::F32, &[1, 5, shape[2], shape[3]])];
    let view = TensorView::new(&shape, features).unwrap();
    loaded.session.run(&[view], &mut outputs).unwrap();
    loaded.session.advance_state();
    outputs[0].as_f32().unwrap().to_vec()
}

#[test]
fn the_shipped_integers_are_the_same_on_every_engine() {
    let mut observer = Observer::new();
    let (rows, columns) = (SIZE.h().div_ceil(8), SIZE.w().div_ceil(8));
    let shape = [1, FEATURES, rows, columns];
    let mut exact = open(EngineChoice::Exact, rows, columns);
    assert_eq!(open(EngineChoice::Auto, rows, columns).report.engine, "exact");
    let mut others: Vec<Loaded> = data::engines("shipped integers")
        .into_iter()
        .map(|engine| open(engine, rows, columns))
        .collect();
    let mut scene = Scene::new(77, SIZE, Rational::whole(30)).unwrap();
    let (mut picture, mut plane) = (RgbImage::default(), Vec::new());
    let mut seen = Vec::new();
    for frame in 0..FRAMES {
        scene.render(frame, &mut picture);
        luma(&picture, &mut plane);
        observer.observe(&plane, SIZE);
        let own = logits(&mut exact, observer.features().data(), shape);
        for other in &mut others {
            let theirs = logits(other, observer.features().data(), shape);
            assert_eq!(own, theirs, "frame {frame} on {}", other.report.engine);
        }
        assert!(own.iter().all(|v| (v * 64.0).fract() == 0.0));
        seen.push(own);
    }
    seen.dedup();
    assert!(seen.len() > FRAMES as usize / 2, "the answers hardly change");
}

#[test]
fn the_extremes_are_the_same_too() {
    for [rows, columns] in [[1, 1], [1, 9], [7, 2]] {
        let shape = [1, FEATURES, rows, columns];
        let count = FEATURES * rows * columns;
        let alternating = (0..count).map(|i| if i % 3 == 0 { 255 } else { 0 }).collect();
        for features in [vec![0u8; count], vec![255; count], alternating] {
            let own = logits(&mut open(EngineChoice::Exact, rows, columns), &features, shape);
            for engine in data::engines("extremes") {
                assert_eq!(own, logits(&mut open(engine, rows, columns), &features, shape));
            }
        }
    }
}
