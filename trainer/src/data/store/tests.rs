use framecast::frame::Size;
use framecast::source::Limits;
use framecast::task::evaluate::SequenceSet;
use serde_json::json;

use super::*;

fn picture(level: u8) -> RgbImage {
    RgbImage::from_vec(Size::new(8, 6), vec![level; 144]).unwrap()
}

fn options(out: PathBuf, inputs: usize, step: usize) -> StoreOptions {
    StoreOptions { out, inputs, step, rate: Rational::whole(25), force: false }
}

#[test]
fn folders_overlap_by_the_step_and_are_read_as_sequences() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("set");
    let mut store = Store::create(options(out.clone(), 2, 1)).unwrap();
    for level in 0..5 {
        store.push(&picture(level)).unwrap();
        store.truth(&json!({ "frame": level })).unwrap();
    }
    store.begin();
    for level in [100, 101, 102] {
        store.push(&picture(level)).unwrap();
    }
    assert!(!out.exists(), "it appears only when it is complete");
    assert_eq!(store.finish().unwrap(), Stored { frames: 8, sequences: 4 });
    let mut set = SequenceSet::open(&out, &Limits::default()).unwrap();
    let levels = |at: usize, set: &mut SequenceSet| -> Vec<u8> {
        set.read(at).unwrap().iter().map(|p| p.data()[0]).collect()
    };
    assert_eq!(set.len(), 4);
    assert_eq!(levels(1, &mut set), [1, 2, 3]);
    assert_eq!(levels(3, &mut set), [100, 101, 102]);
    let truth = fs::read_to_string(out.join(TRUTH)).unwrap();
    assert_eq!(truth.lines().count(), 5);
}

#[test]
fn a_long_step_leaves_frames_out() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("set");
    let mut store = Store::create(options(out.clone(), 1, 5)).unwrap();
    for level in 0..12 {
        store.push(&picture(level)).unwrap();
    }
    assert_eq!(store.finish().unwrap().sequences, 3);
    let mut set = SequenceSet::open(&out, &Limits::default()).unwrap();
    assert_eq!(set.read(1).unwrap()[0], picture(5));
}

#[test]
fn what_is_there_is_kept_unless_it_is_to_be_replaced() {
    let place = tempfile::tempdir().unwrap();
    for name in ["set", "clip.y4m"] {
        let out = place.path().join(name);
        let write = |level: u8, force: bool, frames: usize| {
            let mut store = Store::create(StoreOptions { force, ..options(out.clone(), 1, 2) })?;
            (0..frames).try_for_each(|_| store.push(&picture(level)))?;
            store.finish()
        };
        write(10, false, 2).unwrap();
        let error = write(20, false, 2).unwrap_err().to_string();
        assert!(error.contains("it exists") && error.contains("--force"), "{error}");
        // A run that fails leaves what was there, and nothing else.
        write(20, true, 0).unwrap_err();
        let before = fs::read_dir(place.path()).unwrap().count();
        let first = |out: &Path| {
            let file = if out.is_dir() { out.join("000000/frame_0.png") } else { out.to_owned() };
            fs::read(file).unwrap()
        };
        let old = first(&out);
        write(30, true, 2).unwrap();
        assert_ne!(first(&out), old);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), before);
    }
}

#[test]
fn a_clip_takes_frames_of_one_size_and_is_gone_when_dropped() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("clip.y4m");
    let mut store = Store::create(options(out, 1, 1)).unwrap();
    store.push(&picture(1)).unwrap();
    let error = store.push(&RgbImage::new(Size::new(4, 4))).unwrap_err().to_string();
    assert!(error.contains("a frame is 4x4 where the clip is 8x6"), "{error}");
    drop(store);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    let few = Store::create(options(place.path().join("set"), 4, 1)).unwrap();
    let error = few.finish().unwrap_err().to_string();
    assert!(error.contains("0 frames make no sequence of 4"), "{error}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_with_anything_else_in_it_is_never_replaced() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("set");
    let create = || Store::create(StoreOptions { force: true, ..options(out.clone(), 1, 2) });
    let write = || {
        let mut store = create()?;
        (0..2).try_for_each(|_| store.push(&picture(1)))?;
        store.finish()
    };
    write().unwrap();
    for mine in ["notes.txt", "000000/mine.png", "holiday"] {
        let path = out.join(mine);
        fs::write(&path, "mine").unwrap();
        let error = create().err().unwrap().to_string();
        assert!(error.contains(mine) && error.contains("not replaced"), "{error}");
        fs::remove_file(path).unwrap();
    }
    let mut store = create().unwrap();
    (0..2).for_each(|_| store.push(&picture(2)).unwrap());
    fs::write(out.join("late.txt"), "mine").unwrap();
    store.finish().unwrap_err();
    assert_eq!(fs::read_to_string(out.join("late.txt")).unwrap(), "mine");
    fs::remove_file(out.join("late.txt")).unwrap();
    write().unwrap();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_clip_never_stands_beside_the_truth_of_another() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("clip.y4m");
    let write = |truth: Option<u8>, force: bool, frames: usize| {
        let mut store = Store::create(StoreOptions { force, ..options(out.clone(), 1, 2) })?;
        (0..frames).try_for_each(|_| store.push(&picture(1)))?;
        if let Some(truth) = truth {
            store.truth(&json!(truth))?;
        }
        store.finish()
    };
    let known = beside(&out);
    fs::write(&known, "of another\n").unwrap();
    let error = write(Some(1), false, 1).unwrap_err().to_string();
    assert!(error.contains("clip.truth.jsonl") && error.contains("--force"), "{error}");
    write(Some(1), true, 0).unwrap_err();
    assert_eq!(fs::read_to_string(&known).unwrap(), "of another\n");
    write(Some(1), true, 1).unwrap();
    assert_eq!(fs::read_to_string(&known).unwrap(), "1\n");
    // The clip cannot take its place: what is known of the old one comes back.
    let mut store =
        Store::create(StoreOptions { force: true, ..options(out.clone(), 1, 2) }).unwrap();
    store.push(&picture(3)).unwrap();
    store.truth(&json!(3)).unwrap();
    fs::remove_file(&out).unwrap();
    fs::create_dir(&out).unwrap();
    store.finish().unwrap_err();
    assert_eq!(fs::read_to_string(&known).unwrap(), "1\n");
    fs::remove_dir(&out).unwrap();
    write(None, true, 1).unwrap();
    assert!(!known.exists(), "a clip without truth has none beside it");
}
