//! Reports as lines for people.

use framecast::task::evaluate::EvalReport;
use framecast_trainer::loss::golden::Check;

/// One line a source.
pub(crate) fn table(report: &EvalReport) -> String {
    let mut text = String::new();
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
    for row in &report.sources {
        let (m, c) = (row.model, row.copy_last);
        text.push_str(&format!(
            "{}  {} frames  PSNR {} dB (copy-last {})  PD {} (copy-last {})\n",
            row.source,
            row.frames,
            number(m.psnr),
            number(c.psnr),
            number(m.pd),
            number(c.pd)
        ));
    }
    text
}

/// One line a golden value, and how many hold.
pub(crate) fn verdicts(list: &[Check]) -> String {
    let width = list.iter().map(|c| c.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Check { name, expected, got, tolerance, passed } in list {
        let verdict = if *passed { "pass" } else { "FAIL" };
        text.push_str(&format!(
            "{verdict}  {name:width$}  expected {expected:<14} got {got:<22} within {tolerance:e}\n"
        ));
    }
    let held = list.iter().filter(|c| c.passed).count();
    text.push_str(&format!("{held} of {} golden values hold\n", list.len()));
    text
}
