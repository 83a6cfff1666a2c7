//! What a person sees while a part of the platform is away, and afterwards.

use super::person::{Scripts, browse};
use super::stage;

#[test]
fn a_fragment_is_away() {
    let stage = stage();
    let (system, password) = (&stage.0.system, stage.password());
    let members = "mongod-27017 mongod-27018 mongod-27019";
    browse(Scripts::On, |person| {
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
        // What belongs to the other fragment is refused with what was typed, not lost.
        person.opens("/add-product");
        for (label, text) in [("Nombre", "Sopa"), ("Precio", "1"), ("Stock", "1")] {
            person.types(label, text);
        }
        person.presses("Guardar producto");
        person.reads("[role=alert]", "DB2");
        assert_eq!(person.value_of("Nombre"), "Sopa");
        system.guest("db2", &format!("systemctl start {members}"));
        stage.0.admin("rsB").await_healthy(3);
        person.opens("/dashboard");
        person.row("Sal");
        person.row("Azúcar");
        person.does_not_see("no está disponible");
    });
}

#[test]
fn the_auth_server_is_away() {
    let stage = stage();
    let (system, password) = (&stage.0.system, stage.password());
    browse(Scripts::On, |person| {
        system.guest("auth", "systemctl stop auth");
        person.logs_in("admin", &password);
        person.reads("[role=alert]", "El servicio de autenticación no está disponible");
        assert_eq!(person.value_of("Usuario"), "admin");
        system.guest("auth", "systemctl start auth");
        system.up();
        person.logs_in("admin", &password);
        person.reads("h1", "Productos");
        system.guest("auth", "systemctl stop auth");
        person.opens("/users-page");
        person.reads("[role=alert]", "El servicio de autenticación no está disponible");
    });
    system.up();
}
