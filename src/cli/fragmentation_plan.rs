//! `distctl fragmentation-plan`

use anyhow::Result;
use clap::Args;

use super::Context;
use super::fragmentation_check::{self, grouped, size};
use super::line::Stage;
use crate::fragments::Agents;
use crate::fragments::balance::{Balance, Histogram, read};
use crate::fragments::check::letters;
use crate::fragments::look::look;
use crate::ui::{Advise, Exit};

/// Shows what other ranges would do to the balance of a fragmented collection, before anyone adds a set.
///
/// Counts the documents by first letter; changes nothing. The ranges go to the places that there are, in the order of
/// their letters; where there are more ranges, the rest would be new sets.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl fragmentation-plan products --suggest 3")]
pub struct FragmentationPlan {
    /// The fragmentation; needless where the topology has only one.
    name: Option<String>,

    /// The ranges: A-F,G-M,N-Z
    #[arg(long, value_name = "RANGES", conflicts_with = "suggest", required_unless_present = "suggest")]
    ranges: Option<String>,

    /// Find the ranges of so many fragments whose largest is the smallest.
    #[arg(long, value_name = "N")]
    suggest: Option<usize>,
}

impl FragmentationPlan {
    /// Counts, and computes what would be.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let asked = self.ranges.as_deref().map(read).transpose();
        let asked = match asked {
            Ok(asked) => asked,
            Err(wrong) => return Ok(usage(context, anyhow::anyhow!(wrong), "write each letter once: A-F,G-M,N-Z")),
        };
        let stage = Stage::prepare(context).await?;
        let names: Vec<String> = self.name.into_iter().collect();
        let Some(chosen) = fragmentation_check::chosen(&context.ui, &stage, &names) else { return Ok(Exit::Pending) };
        let [fragmented] = chosen[..] else {
            let names: Vec<&str> = chosen.iter().map(|one| one.name.as_str()).collect();
            let error = anyhow::anyhow!("{} has several fragmentations", stage.desired.name);
            return Ok(usage(context, error, &format!("name one of {}", names.join(", "))));
        };
        let agents = Agents::new(stage.guests.clone(), fragmented);
        let news = fragmentation_check::news(context.ui.reporter());
        let seen = look(&agents, fragmented, 0, false, &news).await;
        if let Some((on, why)) = seen.scans.iter().find_map(|(on, scan)| Some((on, scan.as_ref().err()?))) {
            let failed = anyhow::anyhow!("{on} can't be counted: {why}");
            context.ui.failure(&failed);
            return Ok(Exit::Degraded);
        }
        let letters = letters(seen.scans.values().flatten());
        let histogram = Histogram::new(&fragmented.rule, &letters);
        let ranges = match (asked, self.suggest) {
            (Some(ranges), _) => Ok(ranges),
            (None, count) => histogram.suggest(count.unwrap_or(fragmented.homes.len())),
        };
        let ranges = match ranges {
            Ok(ranges) => ranges,
            Err(wrong) => return Ok(usage(context, anyhow::anyhow!(wrong), "ask for 2, 3 or 4")),
        };
        let balance = histogram.with(&ranges);
        context.ui.data(&balance, || text(context, &letters, &balance))?;
        Ok(Exit::Ok)
    }
}

/// Says what is wrong with the command, and gives the exit code of that.
fn usage(context: &Context, error: anyhow::Error, hint: &str) -> Exit {
    context.ui.failure(&error.hint(hint.to_owned()));
    Exit::Pending
}

fn text(context: &Context, letters: &std::collections::BTreeMap<String, protocol::Tally>, balance: &Balance) -> String {
    let mut table = context.ui.table(&["RANGE", "ON", "DOCUMENTS", "SHARE", "SIZE", "ARRIVING"]);
    for part in &balance.fragments {
        let range = if part.default { format!("{}, default", part.range) } else { part.range.clone() };
        table.row([
            range,
            part.on.clone(),
            grouped(part.holds.documents),
            format!("{:.1} %", part.share),
            size(part.holds.bytes),
            grouped(part.arriving),
        ]);
    }
    let Balance { moving, all, .. } = balance;
    let (moving_size, documents) = (size(moving.bytes), grouped(moving.documents));
    format!(
        "{}\n\n{table}\n\n{documents} of {} documents would move ({moving_size})",
        fragmentation_check::histogram(&context.ui, letters),
        grouped(all.documents)
    )
}
