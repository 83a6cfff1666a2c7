//! `distctl open`

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Context;
use crate::desired::IncusUi;
use crate::topology::Topology;
use crate::ui::{Advise, Exit};

/// Prints the addresses under which the host offers services, or opens one in a browser.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl open web --browser")]
pub struct Open {
    /// One of the names under `expose:`, or `incus_ui`; all without it.
    name: Option<String>,

    /// Open it in this desktop's browser.
    #[arg(long)]
    browser: bool,
}

#[derive(Debug, Serialize)]
struct Address {
    name: String,
    url: String,
    to: String,
}

impl Open {
    /// Reads the topology; Incus is not asked.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let addresses = addresses(&context.topology()?);
        let chosen: Vec<Address> = match &self.name {
            None => addresses,
            Some(name) => {
                let known: Vec<String> = addresses.iter().map(|one| one.name.clone()).collect();
                let chosen: Vec<Address> = addresses.into_iter().filter(|one| one.name == *name).collect();
                if chosen.is_empty() {
                    let hint =
                        format!("`expose:` has {}", if known.is_empty() { "nothing".into() } else { known.join(", ") });
                    return Err(anyhow::anyhow!("nothing is exposed as {name}")).hint(hint);
                }
                chosen
            }
        };
        if chosen.is_empty() {
            return Err(anyhow::anyhow!("the topology exposes nothing"))
                .hint("add `expose: { web: { listen: \"127.0.0.1:3000\", to: \"CONTAINER:PORT\" } }`");
        }
        if self.browser {
            for address in &chosen {
                opener::open_browser(&address.url)
                    .map_err(anyhow::Error::from)
                    .hint(format!("open {} by hand", address.url))?;
            }
        }
        context.ui.data(&chosen, || {
            let mut table = context.ui.table(&["NAME", "ADDRESS", "TO"]);
            for one in &chosen {
                table.toned_row([(one.name.clone(), None), (one.url.clone(), None), (one.to.clone(), None)]);
            }
            table.to_string()
        })?;
        Ok(Exit::Ok)
    }
}

/// What the host offers, as a browser on it reaches it.
fn addresses(topology: &Topology) -> Vec<Address> {
    let exposed = topology.expose.iter().map(|(name, exposed)| {
        let here = exposed.listen.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
        Address { name: name.to_owned(), url: format!("http://{here}"), to: exposed.to.value.clone() }
    });
    let own = IncusUi::of(topology);
    let own = own.map(|ui| Address { name: "incus_ui".to_owned(), url: ui.url(), to: "Incus itself".to_owned() });
    exposed.chain(own).collect()
}
