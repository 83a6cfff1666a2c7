//! Puts the agent into distctl: where `DISTCTL_AGENT` names its binary, the cfg `embedded_agent` is set and the
//! binary is `$OUT_DIR/agent`. Without it distctl looks for the agent beside itself.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::path::{Path, PathBuf};
use std::{env, fs};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    println!("cargo::rustc-check-cfg=cfg(embedded_agent)");
    println!("cargo::rerun-if-env-changed=DISTCTL_AGENT");
    println!("cargo::rerun-if-changed=build.rs");
    match env::var_os("DISTCTL_AGENT").filter(|path| !path.is_empty()) {
        Some(path) => embed(&PathBuf::from(path)),
        None => Ok(()),
    }
}

fn embed(agent: &Path) -> Result<(), Failure> {
    let inside = PathBuf::from(env::var("OUT_DIR")?).join("agent");
    fs::copy(agent, &inside).map_err(|error| format!("can't read DISTCTL_AGENT={}: {error}", agent.display()))?;
    println!("cargo::rerun-if-changed={}", agent.display());
    println!("cargo::rustc-cfg=embedded_agent");
    Ok(())
}
