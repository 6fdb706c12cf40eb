//! TGIF-QA (Jang et al., 2017): tables of questions about animated GIFs, tab separated with a
//! header, plain or gzipped. The four tasks have columns of their own; the GIFs are files beside it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use flate2::read::MultiGzDecoder;

use crate::TrainError;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TgifTask {
    /// How often something happens: a number from 0 to 10.
    Count,
    /// What happens a given number of times: one of five sentences.
    Action,
    /// What happens before or after something: one of five sentences.
    Transition,
    /// What one frame shows: one word.
    FrameQa,
}

impl FromStr for TgifTask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "count" => Ok(Self::Count),
            "action" => Ok(Self::Action),
            "transition" => Ok(Self::Transition),
            "frameqa" => Ok(Self::FrameQa),
            _ => Err(format!("{text:?} is none of count, action, transition, frameqa")),
        }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TgifQuestion {
    /// Name of the GIF, without its ending.
    pub gif: String,
    /// The question.
    pub question: String,
    /// The five answers to choose from; empty where any word or number may be the answer.
    pub choices: Vec<String>,
    /// The right answer in words.
    pub answer: String,
    /// The row's key.
    pub key: String,
}

/// The largest table that is read, expanded.
const MAX_TABLE: u64 = 256 << 20;

/// Reads the table `path` of `task`.
///
/// # Errors
/// [`TrainError::Data`] naming line and column.
pub fn read(path: &Path, task: TgifTask) -> Result<Vec<TgifQuestion>, TrainError> {
    let bad = |reason: String| TrainError::Data { uri: path.display().to_string(), reason };
    let file = BufReader::new(File::open(path).map_err(|e| bad(e.to_string()))?);
    let mut bytes = Vec::new();
    let gzipped = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    let input: Box<dyn Read> =
        if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    input.take(MAX_TABLE + 1).read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
    if bytes.len() as u64 > MAX_TABLE {
        return Err(bad(format!("it is larger than {MAX_TABLE} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|e| bad(e.to_string()))?;
    table(&text, task).map_err(bad)
}

fn table(text: &str, task: TgifTask) -> Result<Vec<TgifQuestion>, String> {
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| *h == name)
            .ok_or_else(|| format!("line 1: there is no column {name:?} among {header:?}"))
    };
    let (gif, question, answer, key) =
        (column("gif_name")?, column("question")?, column("answer")?, column("key")?);
    let choices: Vec<usize> = match task {
        TgifTask::Action | TgifTask::Transition => {
            ["a1", "a2", "a3", "a4", "a5"].map(column).into_iter().collect::<Result<_, _>>()?
        }
        TgifTask::Count | TgifTask::FrameQa => Vec::new(),
    };
    let mut rows = Vec::new();
    for (number, line) in (2..).zip(lines).filter(|(_, line)| !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        if cells.len() != header.len() {
            let (got, want) = (cells.len(), header.len());
            return Err(format!("line {number}: it has {got} columns; the header has {want}"));
        }
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default().trim().to_owned();
        let choices: Vec<String> = choices.iter().map(|&at| cell(at)).collect();
        let given = cell(answer);
        let wrong = |what: &str| format!("line {number}: the answer {given:?} is {what}");
        let answer = match task {
            TgifTask::FrameQa => given,
            TgifTask::Count => match given.parse::<u32>() {
                Ok(0..=10) => given,
                _ => return Err(wrong("no number from 0 to 10")),
            },
            TgifTask::Action | TgifTask::Transition => given
                .parse::<usize>()
                .ok()
                .and_then(|at| choices.get(at).cloned())
                .ok_or_else(|| wrong("no number from 0 to 4"))?,
        };
        rows.push(TgifQuestion {
            gif: cell(gif),
            question: cell(question),
            choices,
            answer,
            key: cell(key),
        });
    }
    if rows.is_empty() { Err("it has no rows".into()) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: &str = "gif_name\tquestion\tanswer\tvid_id\tkey\na\thow many ?\t3\tv\t52\n";
    const ACTION: &str = "gif_name\tquestion\ta1\ta2\ta3\ta4\ta5\tanswer\tvid_id\tkey\r\ng\twhat ?\tp\tq\tr\ts\tt\t4\tv\t9\r\n";

    #[test]
    fn rows_of_every_kind_are_read() {
        let count = table(COUNT, TgifTask::Count).unwrap();
        assert_eq!((count[0].answer.as_str(), count[0].key.as_str()), ("3", "52"));
        let action = table(ACTION, TgifTask::Action).unwrap();
        assert_eq!((action[0].choices.len(), action[0].answer.as_str()), (5, "t"));
        assert_eq!(table(COUNT, TgifTask::FrameQa).unwrap()[0].answer, "3");
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let error = |text: &str, task| table(text, task).unwrap_err();
        assert!(error("", TgifTask::Count).contains("line 1"));
        assert!(error(COUNT, TgifTask::Action).contains("no column \"a1\""));
        assert!(error(&COUNT.replace("\t52", ""), TgifTask::Count).contains("line 2: it has 4"));
        assert!(error(&COUNT.replace("\t3\t", "\tmany\t"), TgifTask::Count).contains("0 to 10"));
        assert!(error(&ACTION.replace("\t4\t", "\t5\t"), TgifTask::Action).contains("0 to 4"));
        assert!(error("gif_name\tquestion\tanswer\tkey\n", TgifTask::Count).contains("no rows"));
        assert!("poem".parse::<TgifTask>().is_err());
    }
}
