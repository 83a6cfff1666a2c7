//! `distctl top`

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;

use super::Context;
use super::line::Stage;
use super::status::tone;
use crate::guest::one_line;
use crate::incus::{Instance, InstanceState};
use crate::report::status::Health;
use crate::report::top::{Counts, Sample, Top as Picture, top};
use crate::ui::{Exit, Keys, Live, Table, Tone};

/// How long a single picture may take to count the processors' time.
const GLANCE: Duration = Duration::from_secs(1);

/// Shows what containers, units and mongods use, again and again, until q or Ctrl-C.
///
/// Without a terminal it shows one picture. CPU is percent of one processor; `-` stands for what nobody counts.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl top --interval 5s")]
pub struct Top {
    /// How long a picture stands
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    interval: Duration,

    /// Show one picture and end
    #[arg(long)]
    once: bool,
}

impl Top {
    /// Looks until it is told to end.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let first = sample(&stage).await?;
        if self.once {
            return self.glance(context, &stage, &first).await;
        }
        if context.ui.is_json() {
            return self.stream(context, &stage, first).await;
        }
        match context.ui.live()? {
            Some(live) => self.show(context, &stage, first, &live).await,
            None => self.glance(context, &stage, &first).await,
        }
    }

    /// Writes one object after another.
    async fn stream(&self, context: &Context, stage: &Stage, mut before: Sample) -> Result<Exit> {
        loop {
            tokio::time::sleep(self.interval).await;
            let now = sample(stage).await?;
            context.ui.line(&top(&stage.desired, Some(&before), &now), String::new)?;
            before = now;
        }
    }

    /// Draws one picture over another.
    async fn show(&self, context: &Context, stage: &Stage, mut before: Sample, live: &Live) -> Result<Exit> {
        let mut keys = Keys::default();
        let mut picture = top(&stage.desired, None, &before);
        let mut amiss = None;
        loop {
            live.draw(&self.text(context, &picture, amiss.as_deref()))?;
            let next = async {
                tokio::time::sleep(self.interval).await;
                sample(stage).await
            };
            let seen = tokio::select! {
                ends = keys.ends() => match ends {
                    true => return Ok(Exit::Ok),
                    false => continue,
                },
                seen = next => seen,
            };
            match seen {
                Ok(now) => {
                    picture = top(&stage.desired, Some(&before), &now);
                    (before, amiss) = (now, None);
                }
                // A daemon that is restarted comes back; the last picture stands until then.
                Err(error) => amiss = Some(one_line(error.as_ref())),
            }
        }
    }

    /// Shows one picture; two looks are needed to see how processors are used.
    async fn glance(&self, context: &Context, stage: &Stage, before: &Sample) -> Result<Exit> {
        tokio::time::sleep(self.interval.min(GLANCE)).await;
        let picture = top(&stage.desired, Some(before), &sample(stage).await?);
        context.ui.data(&picture, || tables(context, &picture))?;
        Ok(Exit::Ok)
    }

    fn text(&self, context: &Context, picture: &Picture, amiss: Option<&str>) -> String {
        let paint = context.ui.paint();
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let mut head = format!("{}  {time}  every {:.1} s, q ends", picture.topology, self.interval.as_secs_f64());
        if let Some(amiss) = amiss {
            head = format!("{head}  {}", paint.tone(Tone::Bad, amiss));
        }
        format!("{head}\n\n{}", tables(context, picture))
    }
}

/// Reads a duration that the daemon can keep up with.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = super::duration(text)?;
    let is_long_enough = interval >= Duration::from_millis(200);
    is_long_enough.then_some(interval).ok_or_else(|| "at least 200ms".to_string())
}

async fn sample(stage: &Stage) -> Result<Sample> {
    let (observed, instances) = tokio::join!(stage.observe(), stage.guests.client.instances_with_state());
    let instances = instances.context("the containers could not be looked at")?;
    let counts = instances.into_iter().map(|instance| (instance.name.clone(), counts(&instance))).collect();
    Ok(Sample { taken: Instant::now(), observed: observed?, counts })
}

/// What is counted: where the host has no controller for it, the daemon says 0.
fn counts(instance: &Instance) -> Counts {
    let positive = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
    let of = |pick: fn(&InstanceState) -> i64| instance.state.as_ref().map(pick).and_then(positive);
    Counts {
        cpu_ns: of(|state| state.cpu.usage),
        memory: of(|state| state.memory.usage),
        disk: of(|state| state.disk.values().map(|disk| disk.usage).sum()),
    }
}

fn tables(context: &Context, picture: &Picture) -> String {
    let mongods = (!picture.mongods.is_empty()).then(|| mongods(context, picture));
    let units = (!picture.units.is_empty()).then(|| units(context, picture));
    let all = [Some(containers(context, picture)), mongods, units];
    all.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

fn containers(context: &Context, picture: &Picture) -> Table {
    let mut table = context.ui.table(&["CONTAINER", "STATE", "CPU", "MEMORY", "DISK", "DISK FREE"]);
    for row in &picture.containers {
        let health = if row.state == "running" { Health::Good } else { Health::Down };
        table.toned_row([
            (row.name.clone(), None),
            (row.state.clone(), tone(health)),
            (percent(row.cpu_percent), None),
            (bytes(row.memory), None),
            (bytes(row.disk), None),
            (bytes(row.disk_free), None),
        ]);
    }
    table
}

fn mongods(context: &Context, picture: &Picture) -> Table {
    let mut table = context.ui.table(&["SET", "MEMBER", "IN", "ROLE", "LAG"]);
    for row in &picture.mongods {
        table.toned_row([
            (row.part_of.clone(), None),
            (row.host.clone(), None),
            (row.container.clone(), None),
            (row.state.clone(), tone(row.health)),
            (row.lag_s.map_or_else(String::new, |lag| format!("{lag:.1} s")), None),
        ]);
    }
    table
}

fn units(context: &Context, picture: &Picture) -> Table {
    let mut table = context.ui.table(&["UNIT", "IN", "STATE", "CPU", "MEMORY", "RESTARTS"]);
    for row in &picture.units {
        let health = match row.state.as_str() {
            "active" => Health::Good,
            "activating" | "reloading" | "deactivating" => Health::Degraded,
            _ => Health::Down,
        };
        table.toned_row([
            (row.unit.trim_end_matches(".service").to_string(), None),
            (row.container.clone(), None),
            (row.state.clone(), tone(health)),
            (percent(row.cpu_percent), None),
            (bytes(row.memory), None),
            (row.restarts.map_or_else(|| "-".to_string(), |count| count.to_string()), None),
        ]);
    }
    table
}

fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(|| "-".to_string(), |percent| format!("{percent:.1} %"))
}

/// Bytes in the largest unit that leaves at least one: `1.5 GiB`.
fn bytes(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else { return "-".to_string() };
    let (mut size, mut unit) = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_a_unit_that_fits() {
        let shown = [None, Some(0), Some(1023), Some(1536), Some(3 << 30)].map(bytes);
        assert_eq!(shown, ["-", "0 B", "1023 B", "1.5 KiB", "3.0 GiB"]);
    }

    #[test]
    fn a_picture_stands_for_a_while() {
        assert!(interval("10ms").is_err());
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
    }
}
