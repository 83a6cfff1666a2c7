//! The pages, used by a person at a real Chromium: the demo, the keyboard, what goes wrong, and how it all looks.

mod demo;
mod devtools;
mod driver;
mod keyboard;
mod looks;
mod person;
mod shown;
mod trouble;

use std::sync::MutexGuard;

use crate::harness::{Mongo, Ran};
use crate::platform::{Platform, platform};

use person::Person;

/// Whom the demo registers.
const DEMO: &str = "demo";

/// The platform with no product and no user but the administrator, as the story finds it and leaves it.
struct Stage(MutexGuard<'static, Platform>);

/// Takes the platform for a story.
fn stage() -> Stage {
    let stage = Stage(platform());
    for ran in stage.clear() {
        ran.ended_with(0);
    }
    stage
}

impl Stage {
    /// The administrator's password.
    fn password(&self) -> String {
        self.0.system.secret("auth", "admin")
    }

    fn clear(&self) -> [Ran; 3] {
        let users =
            Mongo::direct(&self.0.system.host(14, 27017)).login("admin", &self.0.system.secret("db3", "users.admin"));
        let no_products = "client.products_db.products.delete_many({})";
        [
            self.0.admin("rsA").try_run(no_products),
            self.0.admin("rsB").try_run(no_products),
            users.try_run(&format!("client.auth_db.users.delete_many({{'username': '{DEMO}'}})")),
        ]
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A story that failed leaves things as they are; the next one clears first.
        if !std::thread::panicking() {
            self.clear();
        }
    }
}

/// What several stories do.
impl Person {
    #[track_caller]
    fn logs_in(&self, name: &str, password: &str) {
        self.opens("/login");
        self.types("Usuario", name);
        self.types("Contraseña", password);
        self.presses("Entrar");
    }

    #[track_caller]
    fn adds(&self, name: &str, price: &str, stock: &str, more: [&str; 2]) {
        self.opens("/add-product");
        for (label, text) in [("Nombre", name), ("Precio", price), ("Stock", stock)] {
            self.types(label, text);
        }
        for (label, text) in ["Categoría", "Descripción"].into_iter().zip(more) {
            self.types(label, text);
        }
        self.presses("Guardar producto");
        self.reads("[role=status]", "Producto creado exitosamente");
    }

    /// The row of a product or a user.
    #[track_caller]
    fn row(&self, name: &str) -> String {
        self.reads("tbody tr", name)
    }
}
