//! The report as JUnit XML, which CI servers show: a case for every objective, checker and fault.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};

use super::{FaultRow, Report};
use crate::drill::checker::Verdict;

/// Writes the report as JUnit XML. What can't be told is an error there, and what is shown to be wrong a failure.
///
/// # Errors
/// Where the XML can't be written.
pub fn junit(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut out = JunitReport::new(format!("failover-test {}", report.run.name));
    let suites = [("objectives", objectives(report)), ("checks", checks(report)), ("faults", faults(report))];
    for (name, cases) in suites {
        let mut suite = TestSuite::new(name);
        for mut case in cases {
            case.set_classname(format!("failover-test.{}.{name}", report.run.object));
            suite.add_test_case(case);
        }
        out.add_test_suite(suite);
    }
    out.to_string()
}

fn objectives(report: &Report) -> Vec<TestCase> {
    let cases = report.objectives.iter().map(|objective| {
        let why = objective.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("{} asked, {} measured{why}", objective.wanted, objective.measured);
        case(&objective.name, objective.verdict, &text)
    });
    cases.collect()
}

fn checks(report: &Report) -> Vec<TestCase> {
    let text = |reasons: Vec<&str>| reasons.join("\n");
    report.checks.iter().map(|check| case(&check.name, check.verdict, &text(check.reasons().collect()))).collect()
}

fn faults(report: &Report) -> Vec<TestCase> {
    report.faults.iter().map(fault).collect()
}

fn fault(row: &FaultRow) -> TestCase {
    let name = format!("{:03} {} of {}", row.round + 1, row.fault, row.targets.join(", "));
    let mut case = case(&name, row.verdict, row.note.as_deref().unwrap_or_default());
    if let Some(healthy) = row.healthy_ms {
        case.set_time(Duration::from_millis(healthy.saturating_sub(row.from_ms)));
    }
    if let Some(gap) = row.write_gap {
        case.set_system_out(format!("no write was acknowledged for {} ms", gap.ms));
    }
    case
}

fn case(name: &str, verdict: Verdict, text: &str) -> TestCase {
    let kind = match verdict {
        Verdict::Pass => return TestCase::new(name, TestCaseStatus::success()),
        Verdict::Fail => NonSuccessKind::Failure,
        Verdict::Unknown => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(verdict.word()).set_message(text.lines().next().unwrap_or_default()).set_description(text);
    TestCase::new(name, status)
}
