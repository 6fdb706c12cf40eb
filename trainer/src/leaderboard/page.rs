//! The board for people: Markdown, and one HTML file that needs nothing else.

use framecast::task::predict::CopyLast;

use super::grid::{heads, rows};
use super::{Board, Table};

const TITLE: &str = "Next-frame prediction";

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;\
padding:0 1rem;color-scheme:light dark}table{border-collapse:collapse;display:block;\
overflow-x:auto}th,td{padding:.25rem .6rem;border-bottom:1px solid #8884;text-align:right;\
white-space:nowrap;font-variant-numeric:tabular-nums}th:nth-child(2),td:nth-child(2){\
text-align:left}svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;\
fill:currentColor}";

/// What is said above the tables.
fn about(board: &Board) -> String {
    let limit = board.frames.map_or_else(String::new, |n| {
        format!(" At most {n} frames of each clip or sequences of a set were read.")
    });
    format!(
        "Protocol {}, scores made on {}; ranked by perceptual distance (PD), smaller is better. \
         Latency is the median of a whole prediction, one thread of the engine.{limit}",
        board.protocol, board.engine
    )
}

fn targets(table: &Table) -> u64 {
    table.rows.iter().map(|r| r.targets).max().unwrap_or(0)
}

/// As Markdown.
pub(super) fn markdown(board: &Board) -> String {
    let cell = |text: &String| text.replace('|', "\\|").replace('\n', " ");
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(cell).collect::<Vec<_>>().join(" | "))
    };
    let mut text = format!("# {TITLE}\n\n{}\n", about(board));
    for table in &board.tables {
        let heads = heads(board);
        let rule = heads.iter().enumerate().map(|(i, _)| if i == 1 { "---" } else { "---:" });
        let rule: Vec<String> = rule.map(str::to_owned).collect();
        text += &format!("\n## {}\n\n{}, {} targets.\n\n", table.name, table.holds, targets(table));
        text += &line(&heads);
        text += &line(&rule);
        rows(board, table).iter().for_each(|cells| text += &line(cells));
    }
    if !board.notes.is_empty() {
        text += "\n## Not measured\n\n";
        for super::Note { what, why } in &board.notes {
            text += &format!("- {}: {}\n", cell(what), cell(why));
        }
    }
    text
}

/// As HTML, with a plot of each table.
pub(super) fn html(board: &Board) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{TITLE}</title>\n\
         <style>{STYLE}</style>\n<h1>{TITLE}</h1>\n<p>{}</p>\n",
        escape(&about(board))
    );
    for table in &board.tables {
        text += &format!(
            "<h2>{}</h2>\n<p>{}, {} targets.</p>\n{}<table>\n",
            escape(table.name),
            escape(table.holds),
            targets(table),
            plot(table)
        );
        let line = |tag: &str, cells: &[String]| {
            let cells: String =
                cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect();
            format!("<tr>{cells}</tr>\n")
        };
        text += &line("th", &heads(board));
        rows(board, table).iter().for_each(|cells| text += &line("td", cells));
        text += "</table>\n";
    }
    if !board.notes.is_empty() {
        text += "<h2>Not measured</h2>\n<ul>\n";
        for super::Note { what, why } in &board.notes {
            text += &format!("<li>{}: {}</li>\n", escape(what), escape(why));
        }
        text += "</ul>\n";
    }
    text + "</html>\n"
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
