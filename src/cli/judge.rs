//! Judges kept runs, writes the reports beside them and shows them: for `check`, and for `failover-test` when it is done.

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Context;
use crate::drill::checker::{Gaps, Verdict, grouped};
use crate::drill::folder::{COMPARISON, Folder, JUNIT, Kept, PAGE, REPORT};
use crate::drill::report::{self, Comparison, GapRow, Report};
use crate::drill::run::Objectives;
use crate::ui::{Advise, Exit, Tone};

/// Up to so many faults are shown one by one; `-v` shows more.
const FEW: usize = 20;

/// How runs are judged and what becomes of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Judging {
    /// What is asked besides what the run itself asks.
    pub objectives: Objectives,
    /// Whether lines for GitHub go to standard error.
    pub ci: bool,
    /// Whether the reports are written beside the runs.
    pub write: bool,
}

/// Several runs for a program.
#[derive(Serialize)]
struct Several<'a> {
    comparison: &'a Comparison,
    reports: &'a [Report],
}

/// Judges the run of a folder, or compares those of its folders, and tells the exit code: 0 pass, 1 fail, 3 unknown.
///
/// 1 means that something is shown not to hold, so a folder that holds no run ends with 2, and one that can't be read
/// with 3.
pub(super) fn judge(context: &Context, folder: &Folder, judging: &Judging) -> Result<Exit> {
    let runs = match folder.runs().hint("name the folder that `distctl failover-test` has kept") {
        Ok(runs) => runs,
        Err(error) => return Ok(without_verdict(context, &error, Exit::Pending)),
    };
    let mut reports = Vec::new();
    for run in &runs {
        let kept = match run.read() {
            Ok(kept) => kept,
            Err(error) => return Ok(without_verdict(context, &error, Exit::Degraded)),
        };
        let report = judge_one(run, kept, judging)?;
        if judging.ci {
            context.ui.error_bytes(report::annotations(&report).as_bytes());
        }
        reports.push(report);
    }
    let worst = reports.iter().map(|report| report.verdict).max().unwrap_or(Verdict::Unknown);
    match &reports[..] {
        [report] => context.ui.data(report, || text(context, report))?,
        _ => show_several(context, folder, &reports, judging)?,
    }
    if judging.write {
        let page = folder.path().join(if reports.len() == 1 { PAGE } else { COMPARISON });
        context.ui.note(format!("the page for people is {}", page.display()));
    }
    Ok(exit(worst))
}

/// The exit code of a verdict. Unknown is never a pass.
pub(super) fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Ok,
        Verdict::Fail => Exit::Failed,
        Verdict::Unknown => Exit::Degraded,
    }
}

/// Shows why there is no verdict.
fn without_verdict(context: &Context, error: &anyhow::Error, exit: Exit) -> Exit {
    match context.ui.failure(error) {
        Exit::Failed => exit,
        other => other,
    }
}

fn judge_one(folder: &Folder, mut kept: Kept, judging: &Judging) -> Result<Report> {
    kept.run.objectives = kept.run.objectives.overridden(judging.objectives);
    let report = report::make(&kept.run, &kept.history, &kept.logs);
    if judging.write {
        folder.write(REPORT, &(serde_json::to_string_pretty(&report)? + "\n"))?;
        folder.write(JUNIT, &report::junit(&report).context("can't write JUnit XML")?)?;
        folder.write(PAGE, &report::page(&report).context("can't write the page")?)?;
    }
    Ok(report)
}

fn show_several(context: &Context, folder: &Folder, reports: &[Report], judging: &Judging) -> Result<()> {
    let comparison = report::compare(reports);
    if judging.write {
        folder.write(COMPARISON, &report::comparison_page(reports).context("can't write the page")?)?;
    }
    context.ui.data(&Several { comparison: &comparison, reports }, || compared(context, &comparison))
}

fn compared(context: &Context, comparison: &Comparison) -> String {
    let titles: Vec<&str> = std::iter::once("").chain(comparison.titles.iter().map(String::as_str)).collect();
    let mut table = context.ui.table(&titles);
    for row in &comparison.rows {
        let bad = |is_bad: &bool| is_bad.then_some(Tone::Bad);
        let cells = row.cells.iter().cloned().zip(row.is_bad.iter().map(bad));
        table.toned_row(std::iter::once((row.name.clone(), None)).chain(cells));
    }
    let remarks: String = comparison.remarks.iter().map(|remark| format!("\n\nbeware: {remark}")).collect();
    table.to_string() + &remarks
}

/// The report of one run for a person.
fn text(context: &Context, report: &Report) -> String {
    let mut parts = vec![about(report), objectives(context, report), checks(context, report)];
    if !report.kinds.is_empty() {
        parts.push(kinds(context, report));
    }
    if !report.faults.is_empty() && (report.faults.len() <= FEW || context.ui.verbosity() > 0) {
        parts.push(faults(context, report));
    }
    let verdict = format!("{}: {}", report.run.name, report.verdict);
    parts.push(context.ui.paint().tone(tone(report.verdict), &verdict));
    parts.join("\n\n")
}

fn about(report: &Report) -> String {
    let (run, all) = (&report.run, report.numbers.all());
    format!(
        "{} of {}: {} with w:{} by {} clients, {:.1} s, {} faults, seed {}\n{} operations: {} acknowledged, {} failed, {} unknown; {} writes a second before the first fault",
        run.name,
        run.object,
        run.workload,
        run.write_concern,
        run.clients,
        run.seconds,
        report.faults.len(),
        run.seed,
        grouped(all.all()),
        grouped(all.acknowledged),
        grouped(all.failed),
        grouped(all.unknown),
        grouped(report.numbers.calm_writes.round() as u64),
    )
}

fn objectives(context: &Context, report: &Report) -> String {
    let mut table = context.ui.table(&["OBJECTIVE", "VERDICT", "ASKED", "MEASURED"]);
    for objective in &report.objectives {
        let why = objective.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        table.toned_row([
            (objective.name.clone(), None),
            verdict_cell(objective.verdict),
            (objective.wanted.clone(), None),
            (objective.measured.clone() + &why, None),
        ]);
    }
    table.to_string()
}

fn checks(context: &Context, report: &Report) -> String {
    let mut table = context.ui.table(&["CHECK", "VERDICT", "WHAT WAS FOUND"]);
    for check in &report.checks {
        let reasons: Vec<&str> = check.reasons().collect();
        table.toned_row([(check.name.clone(), None), verdict_cell(check.verdict), (reasons.join("\n"), None)]);
    }
    table.to_string()
}

fn kinds(context: &Context, report: &Report) -> String {
    let titles = ["FAULT", "COUNT", "WRITE GAP p50", "p99", "max", "READ GAP p50", "p99", "max"];
    let mut table = context.ui.table(&titles);
    for row in &report.kinds {
        let gaps = |gaps: Option<Gaps>| match gaps {
            Some(gaps) => [gaps.p50_ms, gaps.p99_ms, gaps.max_ms].map(|ms| format!("{} ms", grouped(ms))),
            None => ["-", "-", "-"].map(str::to_owned),
        };
        let head = [row.fault.to_string(), row.count.to_string()];
        table.row(head.into_iter().chain(gaps(row.write_gaps)).chain(gaps(row.read_gaps)));
    }
    table.to_string()
}

fn faults(context: &Context, report: &Report) -> String {
    let titles = ["#", "FAULT", "TARGET", "WRITE GAP", "DETECTION", "ELECTION", "DRIVER", "READ GAP", "HEALED"];
    let mut table = context.ui.table(&titles);
    let ms = |ms: Option<u64>| ms.map_or("-".to_owned(), |ms| format!("{} ms", grouped(ms)));
    let gap = |gap: Option<GapRow>| {
        ms(gap.map(|gap| gap.ms)) + if gap.is_some_and(|gap| gap.is_open) { " or more" } else { "" }
    };
    for row in &report.faults {
        let split = row.split.as_ref();
        table.toned_row([
            ((row.round + 1).to_string(), None),
            (row.fault.to_string(), None),
            (row.targets.join(", "), None),
            (gap(row.write_gap), None),
            (ms(split.and_then(|split| split.detection_ms)), None),
            (ms(split.and_then(|split| split.election_ms)), None),
            (ms(split.map(|split| split.driver_ms)), None),
            (gap(row.read_gap), None),
            verdict_cell(row.verdict),
        ]);
    }
    table.to_string()
}

pub(super) fn verdict_cell(verdict: Verdict) -> (String, Option<Tone>) {
    (verdict.to_string(), Some(tone(verdict)))
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Unknown => Tone::Warning,
        Verdict::Fail => Tone::Bad,
    }
}
