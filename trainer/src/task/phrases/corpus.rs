//! Lines of an event log, made up: what was seen where, when and how surely.

use rand::RngExt as _;
use rand_pcg::Pcg64;

/// A line, with its end.
pub(super) fn line(random: &mut Pcg64) -> String {
    let mut pick = |list: &[&'static str]| {
        let at = random.random_range(0..list.len());
        list.get(at).copied().unwrap_or_default()
    };
    let place = pick(&["gate", "yard", "dock", "road", "roof", "door 1", "door 2", "car park"]);
    let side = pick(&["left", "right", "north", "south"]);
    let text = match pick(&["enter", "enter", "leave", "stop", "count", "scene", "link"]) {
        "enter" => {
            let who = pick(&["person", "vehicle", "dog", "bicycle", "lorry"]);
            format!("{who} enters {place} from {side}")
        }
        "leave" => {
            let who = pick(&["person", "vehicle", "dog", "bicycle", "lorry"]);
            format!("{who} leaves {place} to {side}")
        }
        "stop" => {
            let who = pick(&["vehicle", "lorry", "bicycle"]);
            let time = random.random_range(2..60);
            format!("{who} stopped at {place} for {time} s")
        }
        "count" => {
            let count = random.random_range(2..10);
            format!("{count} people at {place}")
        }
        "scene" => {
            let what = pick(&["gets dark", "gets bright", "is covered", "is clear again"]);
            format!("view of {place} {what}")
        }
        _ => {
            let lost = random.random_range(1..20);
            format!("camera {place} lost {lost} frames")
        }
    };
    let (hour, minute) = (random.random_range(0..24), random.random_range(0..60));
    format!("{hour:02}:{minute:02} {text}\n")
}

/// At least `length` characters of whole lines.
pub(super) fn text(random: &mut Pcg64, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text += &line(random);
    }
    text
}
