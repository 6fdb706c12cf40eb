//! `framecast ask`: answers with probabilities, and questions that cannot be asked.

use std::path::Path;

use crate::program::{Answer, framecast};

const PICTURES: &str = "answer-image";

/// A picture of a red disc on a light ground.
fn red_disc(folder: &Path) -> String {
    let path = folder.join("disc.png");
    let picture = image::RgbImage::from_fn(64, 64, |x, y| {
        let (x, y) = (f64::from(x) - 38.0, f64::from(y) - 27.0);
        image::Rgb(if x.hypot(y) < 11.0 { [255, 0, 0] } else { [240, 244, 236] })
    });
    picture.save(&path).unwrap();
    path.display().to_string()
}

fn ask(question: &str, source: &str, model: &str, more: &[&str]) -> Answer {
    let mut args = vec!["ask", question, source, "--model", model, "--engine", "tract"];
    args.extend(more);
    framecast(&args)
}

#[test]
fn a_picture_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let disc = red_disc(folder.path());
    for (question, right) in [
        ("what color is the shape?", "red"),
        ("What shape is present?", "circle"),
        ("is there a triangle in the image?", "no"),
        ("does the image not contain a triangle?", "yes"),
    ] {
        let answer = ask(question, &disc, PICTURES, &["--json"]).json();
        assert_eq!(answer["answer"], right, "{question}: {answer}");
        assert_eq!(answer["schema_version"], 1);
        let sum: f64 = answer["answers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["probability"].as_f64().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-4, "{answer}");
    }
    let text = ask("what color is the shape?", &disc, PICTURES, &["--top", "1"]);
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), ("red", 3), "{}", text.stdout);
    let unknown = ask("is there a purple elephant?", &disc, PICTURES, &["--json"]).json();
    assert!(unknown["answer"].is_null(), "{unknown}");
    assert_eq!(unknown["withheld"]["unknown_words"][1], "elephant", "{unknown}");
}

#[test]
fn a_clip_is_asked_about_its_last_seconds() {
    // A camera without an end is looked at for two seconds.
    let answer = ask("how many shapes moved?", "demo:", "answer-clip", &["--json"]).json();
    assert_eq!(answer["frames"], 16, "{answer}");
    let seconds = answer["seconds"].as_f64().unwrap();
    assert!((1.7..=2.1).contains(&seconds), "{answer}");
    let early = ask("how many shapes moved?", "demo:", "answer-clip", &["--at", "0.5", "--json"]);
    assert_eq!(early.json()["frames"], 4);
}

#[test]
fn what_cannot_be_asked_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let disc = red_disc(folder.path());
    let long = "word ".repeat(6_000);
    let many = "a ".repeat(10_000);
    for (question, words) in [
        ("", "no words"),
        (" ?! ", "no words"),
        (long.as_str(), "6000 words, above the limit of 1000"),
        (many.as_str(), "10000 words, above the limit of 1000"),
    ] {
        ask(question, &disc, PICTURES, &[]).refused(2, &[words]);
    }
    let question = "what color is the shape?";
    ask(question, &disc, "predict-nano", &[]).refused(3, &["its task is predict", "answer-clip"]);
    ask(question, &disc, "absent", &[]).refused(3, &["no model \"absent\""]);
    ask(question, "absent.png", PICTURES, &[]).refused(4, &["absent.png"]);
    framecast(&["ask", question]).refused(2, &["SOURCE"]);
    let wrong = ask(question, &disc, PICTURES, &["--at", "soon"]);
    wrong.refused(2, &["seconds from 0"]);
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let mut command = assert_cmd::Command::cargo_bin("framecast").unwrap();
    command.arg("ask").arg(OsStr::from_bytes(b"what \xff is")).args(["demo:", "--model", PICTURES]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("UTF-8"));
}

#[cfg(unix)]
#[test]
fn a_socket_without_anybody_to_answer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ask").display().to_string();
    let run = ["run", "--source", "demo:", "--frames", "3", "--ask-socket", &path];
    framecast(&run).refused(3, &["no task runs that answers", "--answer"]);
    let model = ["--tag", "tag-scenes"];
    framecast(&[&run[..], &model].concat()).refused(3, &["no task runs that answers"]);
    assert!(!folder.path().join("ask").exists());
}

#[cfg(unix)]
#[test]
fn a_question_to_a_run_ends_with_the_code_of_one_without() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ask");
    let socket = path.display().to_string();
    // What runs say, as they say it.
    let replies = [
        ("{\"error\":\"the question has no words\",\"kind\":\"question\"}", 2),
        ("{\"error\":\"no frame yet\",\"kind\":\"nothing_seen\"}", 4),
        ("{\"error\":\"nobody answers\",\"kind\":\"no_task\"}", 3),
        ("{\"error\":\"too slow\",\"kind\":\"late\"}", 1),
        ("{\"error\":\"of a later version\",\"kind\":\"tired\"}", 1),
        ("{\"error\":\"of an earlier one\"}", 1),
    ];
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        for (reply, _) in replies {
            let (mut client, _) = listener.accept().unwrap();
            BufReader::new(&client).read_line(&mut String::new()).unwrap();
            writeln!(client, "{reply}").unwrap();
        }
    });
    for (reply, code) in replies {
        let words = reply.split('"').nth(3).unwrap();
        framecast(&["ask", "what?", "--socket", &socket]).refused(code, &[words]);
    }
    server.join().unwrap();
    framecast(&["ask", " ", "--socket", &socket]).refused(2, &["the question is empty"]);
    framecast(&["ask", "what?", "--socket", &socket]).refused(4, &["cannot ask at"]);
    let long = "word ".repeat(20_000);
    framecast(&["ask", &long, "--socket", &socket]).refused(2, &["65536 is the limit"]);
}
