//! `distctl bundle`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use ipnet::Ipv4Net;
use serde_json::json;

use super::import::whole;
use super::sealing::{Opening, advised};
use super::{Context, trial};
use crate::bundle::size;
use crate::ui::{Exit, Ui};

/// Looks into bundles; no Incus is needed, but to try one.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl bundle show shop.distctl")]
pub struct Bundle {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tells what a bundle holds.
    #[command(after_help = "Example: distctl bundle show shop.distctl")]
    Show {
        /// The bundle
        bundle: PathBuf,
        #[command(flatten)]
        opening: Opening,
    },
    /// Checks every byte of a bundle, and if asked that it comes up.
    #[command(after_help = "Example: distctl bundle verify shop.distctl --restore")]
    Verify {
        /// The bundle
        bundle: PathBuf,
        /// Bring it up in a project and a network of its own, run `verify` and `fragmentation-check` there, and remove it
        #[arg(long)]
        restore: bool,
        /// The network for that [default: a free one in 10.213.0.0/16]
        #[arg(long, value_name = "NETWORK", requires = "restore")]
        subnet: Option<Ipv4Net>,
        /// How long to wait while another trial of the same bundle goes on, or one that was killed keeps its lease
        #[arg(long, value_name = "DURATION", default_value = "40s", requires = "restore", value_parser = super::duration)]
        lock_wait: Duration,
        #[command(flatten)]
        opening: Opening,
    },
    /// Tells in which pieces two bundles differ; ends with 1 if they do.
    #[command(after_help = "Example: distctl bundle diff monday.distctl friday.distctl")]
    Diff {
        /// The one
        one: PathBuf,
        /// The other
        other: PathBuf,
        #[command(flatten)]
        opening: Opening,
    },
}

impl Bundle {
    /// Reads, and shows what was found.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self.what {
            What::Show { bundle, opening } => show(context, &bundle, &opening).await,
            What::Verify { bundle, restore, subnet, lock_wait, opening } => {
                let file = Arc::new(opening.find(&context.ui, &bundle).await?);
                let manifest = whole(context, &file).await?;
                if restore {
                    return trial::run(context, file, manifest, subnet, lock_wait).await;
                }
                context.ui.data(&manifest, || format!("{}: every byte is right", bundle.display()))?;
                Ok(Exit::Ok)
            }
            What::Diff { one, other, opening } => diff(&context.ui, &one, &other, &opening).await,
        }
    }
}

async fn show(context: &Context, bundle: &Path, opening: &Opening) -> Result<Exit> {
    let file = opening.find(&context.ui, bundle).await?;
    let opened = file.open().with_context(|| format!("{} can't be used", bundle.display()));
    let (opened, manifest) = opened.map_err(advised)?;
    let stored = std::fs::metadata(&file.path)?.len();
    let pieces: Vec<_> = opened
        .pieces()
        .map(|piece| json!({ "name": piece.name, "size": piece.size, "sha256": piece.sha256.to_string() }))
        .collect();
    let all = json!({ "manifest": manifest, "stored": stored, "encrypted": file.is_encrypted()?, "pieces": pieces });
    context.ui.data(&all, || {
        let mut table = context.ui.table(&["PIECE", "SIZE", "SHA-256"]);
        for piece in opened.pieces() {
            let hash: String = piece.sha256.to_string().chars().take(12).collect();
            table.toned_row([(piece.name.clone(), None), (size(piece.size), None), (hash, None)]);
        }
        let holds = opened.pieces().map(|piece| piece.size).sum();
        format!(
            "{} of {}, {}: {}\nfrom Incus {} ({}) by distctl {}, network {}\n{} stored, {} in {} pieces\n\n{table}",
            manifest.topology,
            manifest.cut.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            manifest.cut.how,
            manifest.told(),
            manifest.server.incus,
            manifest.server.architecture,
            manifest.distctl,
            manifest.network,
            size(stored),
            size(holds),
            opened.pieces().len()
        )
    })?;
    Ok(Exit::Ok)
}

async fn diff(ui: &Ui, one: &Path, other: &Path, opening: &Opening) -> Result<Exit> {
    let open = async |path: &Path| -> Result<_> {
        let opened = opening.find(ui, path).await?.open();
        Ok(opened.with_context(|| format!("{} can't be used", path.display())).map_err(advised)?.0)
    };
    let found = ::bundle::diff(&open(one).await?, &open(other).await?);
    let names = |pieces: &[::bundle::PieceInfo]| pieces.iter().map(|piece| piece.name.clone()).collect::<Vec<_>>();
    let (removed, added) = (names(&found.removed), names(&found.added));
    let changed: Vec<_> =
        found.changed.iter().map(|(old, new)| json!({ "name": new.name, "from": old.size, "to": new.size })).collect();
    let same = removed.is_empty() && added.is_empty() && changed.is_empty();
    let all = json!({ "removed": removed, "added": added, "changed": changed, "same": names(&found.same) });
    ui.data(&all, || {
        if same {
            return format!("no differences in {} pieces", found.same.len());
        }
        let mut table = ui.table(&["PIECE", "IS", "SIZE"]);
        let mut row = |name: &str, what: &str, size: String| {
            table.toned_row([(name.to_owned(), None), (what.to_owned(), None), (size, None)]);
        };
        found.removed.iter().for_each(|piece| row(&piece.name, "gone", size(piece.size)));
        found.added.iter().for_each(|piece| row(&piece.name, "new", size(piece.size)));
        for (old, new) in &found.changed {
            row(&new.name, "changed", format!("{} -> {}", size(old.size), size(new.size)));
        }
        format!("{table}\n{} pieces are the same", found.same.len())
    })?;
    Ok(if same { Exit::Ok } else { Exit::Failed })
}
