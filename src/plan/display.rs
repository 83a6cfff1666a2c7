//! A plan as text for people and as data for programs.

use std::fmt::{Display, Formatter, Result};

use serde_json::{Value, json};

use super::{Cause, Change, Effect, Finding, Plan, Step};

/// More steps than these are shown by what they work on.
const MANY: usize = 20;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (index, step) in self.steps.iter().enumerate() {
            write!(f, "{:>4}  {}{}", index + 1, step.action, Because(&step.cause))?;
            if !step.after.is_empty() {
                let after: Vec<_> = step.after.iter().map(|index| (index + 1).to_string()).collect();
                write!(f, "  [after {}]", after.join(", "))?;
            }
            writeln!(f)?;
            changes(f, step)?;
        }
        self.rest(f)
    }
}

/// A plan as it is shown before it is carried out: of many steps, those that only follow from another are counted.
pub struct Brief<'p>(pub &'p Plan);

impl Display for Brief<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self(plan) = self;
        if plan.steps.len() <= MANY {
            return plan.fmt(f);
        }
        let mut lanes: Vec<(&str, Vec<&Step>)> = Vec::new();
        for step in &plan.steps {
            let lane = step.action.lane();
            match lanes.iter_mut().find(|(known, _)| *known == lane) {
                Some((_, steps)) => steps.push(step),
                None => lanes.push((lane, vec![step])),
            }
        }
        for (_, steps) in lanes {
            write!(f, "  {}{}", steps[0].action, Because(&steps[0].cause))?;
            match steps.len() - 1 {
                0 => writeln!(f)?,
                1 => writeln!(f, ", and 1 more step")?,
                more => writeln!(f, ", and {more} more steps")?,
            }
            steps.iter().try_for_each(|step| changes(f, step))?;
        }
        plan.rest(f)
    }
}

fn changes(f: &mut Formatter<'_>, step: &Step) -> Result {
    let Cause::Changed(changes) = &step.cause else { return Ok(()) };
    changes.iter().try_for_each(|change| writeln!(f, "        {change}"))
}

impl Plan {
    /// What is shown below the steps.
    fn rest(&self, f: &mut Formatter<'_>) -> Result {
        for finding in &self.refusals {
            writeln!(f, "refused: {finding}")?;
        }
        for finding in &self.findings {
            writeln!(f, "degraded: {finding}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.look_again && !self.steps.is_empty() {
            writeln!(f, "then: look again, for what only shows when these steps are done")?;
        }
        Ok(())
    }
}

struct Because<'a>(&'a Cause);

impl Display for Because<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Cause::Missing => f.write_str(": missing"),
            Cause::State(state) => write!(f, ": {state}"),
            Cause::Undeclared => f.write_str(": not declared any more"),
            Cause::Changed(_) => f.write_str(": differs"),
            Cause::Asked | Cause::Follows => Ok(()),
        }
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}: {} -> {} ({})", self.field, self.from, self.to, self.effect)
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Restart => "restart",
            Self::Reboot => "reboot",
        })
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}: {} ({})", self.object, self.message, self.hint)
    }
}

impl Plan {
    /// The plan for programs; secrets and contents of files are not in it.
    pub fn to_json(&self) -> Value {
        json!({
            "topology": self.topology,
            "steps": self.steps.iter().enumerate().map(|(index, step)| step_json(index, step)).collect::<Vec<_>>(),
            "refusals": self.refusals,
            "findings": self.findings,
            "notes": self.notes,
            "look_again": self.look_again,
        })
    }
}

fn step_json(index: usize, step: &Step) -> Value {
    json!({
        "step": index + 1,
        "action": step.action.verb(),
        "object": step.action.lane(),
        "text": step.action.to_string(),
        "cause": step.cause,
        "after": step.after.iter().map(|index| index + 1).collect::<Vec<_>>(),
    })
}
