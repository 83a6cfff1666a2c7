//! Templates of units and files: built in, or the user's own beside the topology file.

use std::path::Path;

use tera::{Context, Tera};

/// The names of all templates, which are also their paths beside a topology file, and their texts.
const BUILT_IN: [(&str, &str); 8] = [
    (APP_SERVICE, include_str!("../../units/app.service")),
    (MONGOD_SERVICE, include_str!("../../units/mongod.service")),
    (HANDOVER_SERVICE, include_str!("../../units/handover.service")),
    (ROTATE_SERVICE, include_str!("../../units/rotate.service")),
    (ROTATE_TIMER, include_str!("../../units/rotate.timer")),
    (MONGOD_CONF, include_str!("../../templates/mongod.conf")),
    (ETH0_NETWORK, include_str!("../../templates/eth0.network")),
    (HOSTS, include_str!("../../templates/hosts")),
];

/// The unit of a service.
pub(super) const APP_SERVICE: &str = "units/app.service";
/// The unit of a mongod.
pub(super) const MONGOD_SERVICE: &str = "units/mongod.service";
/// What is done after a mongod of a set has started.
pub(super) const HANDOVER_SERVICE: &str = "units/handover.service";
/// What puts large logs of mongods aside.
pub(super) const ROTATE_SERVICE: &str = "units/rotate.service";
/// What runs that.
pub(super) const ROTATE_TIMER: &str = "units/rotate.timer";
/// The configuration of a mongod.
pub(super) const MONGOD_CONF: &str = "templates/mongod.conf";
/// The static address of a container.
pub(super) const ETH0_NETWORK: &str = "templates/eth0.network";
/// The names of all containers.
pub(super) const HOSTS: &str = "templates/hosts";

/// All templates, ready to be rendered.
pub(super) struct Templates(Tera);

impl Templates {
    /// Takes the built-in templates, and instead of each the file of its name below a folder if there is one.
    ///
    /// # Errors
    /// The template that can't be read or is no template, and why.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let mut tera = Tera::default();
        for (name, built_in) in BUILT_IN {
            let own = folder.join(name);
            let added = if own.is_file() {
                let text = std::fs::read_to_string(&own).map_err(|error| format!("{}: {error}", own.display()))?;
                tera.add_raw_template(name, &text)
            } else {
                tera.add_raw_template(name, built_in)
            };
            added.map_err(|error| format!("the template {name} is wrong: {}", chain(&error)))?;
        }
        tera.autoescape_on(Vec::new());
        Ok(Self(tera))
    }

    /// Fills a template.
    ///
    /// # Errors
    /// What is missing in it.
    pub fn render(&self, name: &str, context: &Context) -> Result<String, String> {
        self.0.render(name, context).map_err(|error| format!("the template {name} can't be filled: {}", chain(&error)))
    }
}

/// An error and its causes: Tera says what is wrong in the last.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|cause| cause.to_string().trim().to_owned()).collect::<Vec<_>>().join(": ")
}
