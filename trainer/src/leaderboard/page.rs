//! The board for people: Markdown, and one HTML file that needs nothing else.

use framecast::task::predict::CopyLast;

use super::grid::{Grid, by_source, costs, ranking};
use super::parts::{by_cadence, by_motion};
use super::{Board, Table};

const TITLE: &str = "Next-frame prediction";

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;\
padding:0 1rem;color-scheme:light dark}table{border-collapse:collapse;display:block;\
overflow-x:auto}th,td{padding:.25rem .6rem;border-bottom:1px solid #8884;text-align:right;\
white-space:nowrap;font-variant-numeric:tabular-nums}th:nth-child(2),td:nth-child(2){\
text-align:left}figure{display:inline-block;\
margin:.4rem}img{margin-right:.2rem}figcaption{font-size:.8rem}svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;\
fill:currentColor}";

/// What is said above the tables.
fn about(board: &Board) -> String {
    let limit = board.frames.map_or_else(String::new, |n| {
        format!(" At most {n} frames of each clip or sequences of a set were read.")
    });
    format!(
        "Made by `{}`. Protocol {}, scores made on {}; ranked by perceptual distance (PD), smaller \
         is better. In brackets the middle 95 % of 2000 seeded bootstrap draws, of sequences or of \
         blocks of 24 targets within each clip. Gains are over copy-last on the same targets, in dB \
         of PSNR of frames; the worst clip is that of the PSNR of the mean error.{limit}",
        board.command, board.protocol, board.engine
    )
}

/// A grid with its heading, at the level of a table or below it.
struct Section {
    level: usize,
    title: String,
    text: String,
    grid: Grid,
    /// The table it ranks, to be plotted.
    plot: Option<usize>,
}

fn sections(board: &Board) -> Vec<Section> {
    let mut list = Vec::new();
    for (at, table) in board.tables.iter().enumerate() {
        let text = format!("{}, {} targets.", table.holds, targets(table));
        let title = table.name.to_owned();
        let grid = ranking(board, table);
        list.push(Section { level: 2, title, text, grid, plot: Some(at) });
        let parts = [
            (
                "by clip",
                "PSNR of frames over copy-last in dB, and the PSNR of the mean error in brackets.",
                by_source(board, table),
            ),
            (
                "by motion",
                "PD on targets that repeat the last frame, and on the thirds of the others by the \
                 error of copy-last.",
                by_motion(board, table),
            ),
            (
                "by cadence",
                "PD by which of the four steps before the target were repeats, oldest first: 1 is \
                 a step below a quarter of the largest.",
                by_cadence(board, table),
            ),
        ];
        for (what, text, grid) in parts {
            let Some(grid) = grid else { continue };
            let title = format!("{} {what}", table.name);
            list.push(Section { level: 3, title, text: text.to_owned(), grid, plot: None });
        }
    }
    let text = "Latency is the median of a whole prediction (motion, features, network, mixing), \
                one thread; parameters and multiply-accumulates are those of the network."
        .to_owned();
    let (title, grid) = ("cost".to_owned(), costs(board));
    list.push(Section { level: 2, title, text, grid, plot: None });
    list
}

fn targets(table: &Table) -> u64 {
    table.rows.iter().map(|r| r.targets).max().unwrap_or(0)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A grid as Markdown.
pub(super) fn table(grid: &Grid) -> String {
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|c| cell(c)).collect::<Vec<_>>().join(" | "))
    };
    let rule = grid.heads.iter().enumerate();
    let rule = rule.map(|(i, _)| if i == 1 { "---" } else { "---:" }.to_owned());
    let mut text = line(&grid.heads) + &line(&rule.collect::<Vec<_>>());
    grid.rows.iter().for_each(|cells| text += &line(cells));
    text
}

/// As Markdown.
pub(super) fn markdown(board: &Board) -> String {
    let mut text = format!("# {TITLE}\n\n{}\n", about(board));
    for Section { level, title, text: about, grid, .. } in sections(board) {
        text += &format!("\n{} {title}\n\n{about}\n\n", "#".repeat(level));
        text += &table(&grid);
    }
    if !board.notes.is_empty() {
        text += "\n## Not measured\n\n";
        for super::Note { what, why } in &board.notes {
            text += &format!("- {}: {}\n", cell(what), cell(why));
        }
    }
    text
}

/// As HTML, with a plot of each ranking, and pictures.
pub(super) fn html(board: &Board) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{TITLE}</title>\n\
         <style>{STYLE}</style>\n<h1>{TITLE}</h1>\n<p>{}</p>\n",
        escape(&about(board))
    );
    for Section { level, title, text: about, grid, plot: at } in sections(board) {
        let bars = at.and_then(|at| board.tables.get(at)).map(plot).unwrap_or_default();
        text += &format!(
            "<h{level}>{}</h{level}>\n<p>{}</p>\n{bars}<table>\n",
            escape(&title),
            escape(&about)
        );
        let line = |tag: &str, cells: &[String]| {
            let cells: String =
                cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect();
            format!("<tr>{cells}</tr>\n")
        };
        text += &line("th", &grid.heads);
        grid.rows.iter().for_each(|cells| text += &line("td", cells));
        text += "</table>\n";
    }
    text += &gallery(board);
    if !board.notes.is_empty() {
        text += "<h2>Not measured</h2>\n<ul>\n";
        for super::Note { what, why } in &board.notes {
            text += &format!("<li>{}: {}</li>\n", escape(what), escape(why));
        }
        text += "</ul>\n";
    }
    text + "</html>\n"
}

/// A few targets, and what each predictor drew.
fn gallery(board: &Board) -> String {
    let mut names: Vec<&str> = Vec::new();
    for sample in &board.samples {
        if !names.contains(&sample.target_name.as_str()) {
            names.push(&sample.target_name);
        }
    }
    let mut text = String::new();
    if !names.is_empty() {
        text += "<h2>pictures</h2>\n<p>Prediction and error; black is exact, white a grey error of \
                 64 levels or more.</p>\n";
    }
    let picture = |uri: &str, what: &str| format!("<img src=\"{uri}\" alt=\"{what}\">");
    for name in names {
        let mut samples = board.samples.iter().filter(|s| s.target_name == name).peekable();
        if let Some(first) = samples.peek() {
            text += &format!(
                "<h3>{}</h3>\n<figure>{}{}<figcaption>last frame, target</figcaption></figure>\n",
                escape(name),
                picture(&first.input, "last frame"),
                picture(&first.target, "target")
            );
        }
        for sample in samples {
            text += &format!(
                "<figure>{}{}<figcaption>{}</figcaption></figure>\n",
                picture(&sample.prediction, "prediction"),
                picture(&sample.error, "error"),
                escape(&sample.predictor)
            );
        }
    }
    text
}

/// Bars of the perceptual distance, with a line at that of copy-last.
fn plot(table: &Table) -> String {
    const LABELS: f64 = 240.0;
    const BARS: f64 = 480.0;
    const ROW: usize = 24;
    let distance = |p: &super::Place| p.means.pd.unwrap_or(0.0);
    let most = table.rows.iter().map(distance).fold(f64::MIN_POSITIVE, f64::max);
    let height = table.rows.len() * ROW + 8;
    let mut text = format!(
        "<svg viewBox=\"0 0 800 {height}\" width=\"800\" role=\"img\" \
         aria-label=\"Perceptual distance on {}\">\n",
        escape(table.name)
    );
    for (at, place) in table.rows.iter().enumerate() {
        let (top, pd) = (at * ROW + 4, distance(place));
        let colour = if place.name == CopyLast::NAME { "#999" } else { "#3a7bd5" };
        let width = BARS * pd / most;
        text += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{top}\" width=\"{width:.1}\" height=\"{}\" \
             fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{pd:.2}</text>\n",
            LABELS - 8.0,
            top + 15,
            escape(&place.name),
            ROW - 4,
            LABELS + width + 6.0,
            top + 15,
        );
    }
    if let Some(copy) = table.rows.iter().find(|p| p.name == CopyLast::NAME) {
        let x = LABELS + BARS * distance(copy) / most;
        text += &format!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{height}\" stroke=\"#d33\" \
             stroke-dasharray=\"4 3\"/>\n"
        );
    }
    text + "</svg>\n"
}

/// Names come from files.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
