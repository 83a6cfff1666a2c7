//! What a person sees while a part of the platform is away, and afterwards.

use std::time::Duration;

use super::looks::Looker;
use super::person::{Scripts, browse};
use super::stage;
use crate::harness::wait_until;
use crate::platform::PAGE;
use crate::services::get;

/// What pages say without auth-server.
const AUTH_AWAY: &str = "El servicio de autenticación no está disponible";

#[test]
fn a_fragment_is_away() {
    let stage = stage();
    let (system, password) = (&stage.0.system, stage.password());
    let members = "mongod-27017 mongod-27018 mongod-27019";
    browse(Scripts::On, |person| {
        let mut looker = Looker::new(person);
        person.logs_in("admin", &password);
        person.reads("h1", "Productos");
        person.adds("Azúcar", "1", "1", ["", ""]);
        person.adds("Sal", "1", "1", ["", ""]);
        system.guest("db2", &format!("systemctl stop {members}"));
        person.opens("/dashboard");
        person.reads("[role=alert]", "La base de datos DB2 no está disponible");
        person.row("Azúcar");
        person.does_not_see("Sal");
        assert!(person.reads(".database", "DB2").contains("no disponible"));
        looker.looks_at("dashboard-away", "Productos");
        // What belongs to the fragment that is away is refused with what was typed, not lost.
        person.opens("/add-product");
        for (label, text) in [("Nombre", "Sopa"), ("Precio", "1"), ("Stock", "1")] {
            person.types(label, text);
        }
        person.presses("Guardar producto");
        person.reads("[role=alert]", "DB2");
        assert_eq!(person.value_of("Nombre"), "Sopa");
        looker.looks_at("add-product-away", "Agregar producto");
        // The other one goes on.
        person.adds("Café", "1", "1", ["", ""]);
        system.guest("db2", &format!("systemctl start {members}"));
        stage.0.admin("rsB").await_healthy(3);
        // web-server hears of it with the driver's next look.
        let works = || get(&format!("{PAGE}/health")).contains("\"status\":\"ok\"");
        wait_until("web-server works again", Duration::from_secs(20), works);
        person.opens("/dashboard");
        person.row("Sal");
        person.row("Azúcar");
        person.does_not_see("no está disponible");
        looker.found_nothing();
    });
}

#[test]
fn the_auth_server_is_away() {
    let stage = stage();
    let (system, password) = (&stage.0.system, stage.password());
    browse(Scripts::On, |person| {
        let mut looker = Looker::new(person);
        system.guest("auth", "systemctl stop auth");
        person.logs_in("admin", &password);
        person.reads("[role=alert]", AUTH_AWAY);
        assert_eq!(person.value_of("Usuario"), "admin");
        looker.looks_at("login-away", "Iniciar sesión");
        system.up();
        person.logs_in("admin", &password);
        person.reads("h1", "Productos");
        // Whoever is in goes on with the products; only what auth-server knows is missing.
        system.guest("auth", "systemctl stop auth");
        person.adds("Azúcar", "1", "1", ["", ""]);
        person.opens("/users-page");
        person.reads("[role=alert]", AUTH_AWAY);
        // A list that can't be had is not an empty one.
        person.does_not_see("0 usuarios");
        looker.looks_at("users-away", "Usuarios");
        system.up();
        person.opens("/users-page");
        person.row("admin");
        looker.found_nothing();
    });
}
