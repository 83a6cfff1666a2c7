//! The demo, as a person does it who has the administrator's password: once with scripts, once without.

use super::person::{Person, Scripts, browse};
use super::{DEMO, stage};

/// What the demo registers its user with.
const DEMO_PASSWORD: &str = "una-clave-larga-9";

#[test]
fn the_demo() {
    demo(Scripts::On);
}

#[test]
fn the_demo_without_scripts() {
    demo(Scripts::Off);
}

fn demo(scripts: Scripts) {
    let stage = stage();
    let password = stage.password();
    browse(scripts, |person| {
        enters(person, &password);
        adds(person);
        changes(person);
        searches(person, scripts);
        deletes(person, scripts);
        registers(person);
        is_nobody_special(person);
        person.logs_in("admin", &password);
        forgets(person, scripts);
    });
}

fn enters(person: &Person, password: &str) {
    person.opens("/");
    person.reads("h1", "Iniciar sesión");
    person.logs_in("admin", "no-es-esta");
    person.reads("[role=alert]", "Credenciales inválidas");
    assert_eq!((person.value_of("Usuario"), person.value_of("Contraseña")), ("admin".into(), String::new()));
    person.types("Contraseña", password);
    person.presses("Entrar");
    person.reads("h1", "Productos");
    person.sees("Todavía no hay productos");
}

fn adds(person: &Person) {
    person.presses("Agregar producto");
    person.types("Nombre", "Azúcar");
    person.types("Precio", "-1");
    person.types("Categoría", "Despensa");
    person.types("Descripción", "De caña");
    person.presses("Guardar producto");
    // What is wrong is said where it is, and what was typed is still there.
    person.reads("[role=alert]", "Revise los campos marcados");
    person.reads("#price-error", "negativo");
    person.reads("#stock-error", "obligatorio");
    let kept = ["Nombre", "Precio", "Stock", "Categoría", "Descripción"].map(|label| person.value_of(label));
    assert_eq!(kept, ["Azúcar", "-1", "", "Despensa", "De caña"]);
    person.types("Precio", "12.50");
    person.types("Stock", "40");
    person.presses("Guardar producto");
    person.reads("[role=status]", "Producto creado exitosamente en DB1 (A-M)");
    person.adds("Sal", "3", "7", ["", ""]);
    person.reads("[role=status]", "Producto creado exitosamente en DB2 (N-Z)");
    for (name, database, price) in [("Azúcar", "DB1", "12.50"), ("Sal", "DB2", "3")] {
        let row = person.row(name);
        assert!(row.contains(database) && row.contains(price), "{row}");
    }
    for database in ["DB1", "DB2"] {
        let card = person.reads(".database", database);
        assert!(card.contains("1 producto"), "{card}");
    }
    // The message was for once.
    person.opens("/dashboard");
    person.row("Sal");
    person.does_not_see("exitosamente");
}

fn changes(person: &Person) {
    person.presses("Editar Azúcar");
    person.reads("h1", "Editar producto");
    person.types("Precio", "99.95");
    person.presses("Guardar cambios");
    person.reads("[role=status]", "Producto actualizado exitosamente");
    let row = person.row("Azúcar");
    assert!(row.contains("99.95") && row.contains("40") && row.contains("De caña"), "{row}");
    // A new name moves it, and the old one brings it back.
    for (from, to, database) in [("Azúcar", "Panela", "DB2"), ("Panela", "Azúcar", "DB1")] {
        person.presses(&format!("Editar {from}"));
        person.types("Nombre", to);
        person.presses("Guardar cambios");
        person.reads("[role=status]", &format!("ahora está en {database}"));
        assert!(person.row(to).contains(database));
    }
}

fn searches(person: &Person, scripts: Scripts) {
    person.chooses("Categoría", "Despensa");
    if scripts == Scripts::Off {
        person.presses("Buscar");
    }
    person.sees("1 producto con esta búsqueda");
    person.presses("Quitar filtros");
    person.row("Sal");
    person.types("Buscar", "azucar");
    person.presses("Buscar");
    person.sees("1 producto con esta búsqueda");
    assert!(person.row("Azúcar").contains("DB1"));
    person.does_not_see("Sal");
    person.types("Buscar", "nada de esto");
    person.presses("Buscar");
    person.sees("Ningún producto coincide");
    person.presses("Quitar filtros");
    person.row("Sal");
}

fn deletes(person: &Person, scripts: Scripts) {
    person.presses("Eliminar Sal");
    person.sees("¿Eliminar «Sal» de DB2?");
    assert_eq!(person.path() == "/dashboard", scripts == Scripts::On, "a dialog with scripts, a page without");
    person.presses("Cancelar");
    person.row("Sal");
    person.presses("Eliminar Sal");
    person.sees("¿Eliminar «Sal» de DB2?");
    person.presses("Eliminar");
    person.reads("[role=status]", "Producto eliminado exitosamente de DB2");
    person.row("Azúcar");
    person.sees("1 producto, en 2 bases de datos");
}

fn registers(person: &Person) {
    person.presses("Usuarios");
    assert!(person.row("admin").contains("administrador"));
    person.presses("Registrar usuario");
    person.types("Usuario", DEMO);
    person.types("Correo", "Demo@Example.com ");
    person.types("Contraseña", DEMO_PASSWORD);
    person.presses("Registrar");
    person.reads("[role=status]", "Usuario demo registrado exitosamente");
    let row = person.row(DEMO);
    assert!(row.contains("demo@example.com") && row.contains("usuario"), "{row}");
    // A second one of that name is refused, with what was typed.
    person.presses("Registrar usuario");
    person.types("Usuario", DEMO);
    person.types("Correo", "otra@example.com");
    person.types("Contraseña", DEMO_PASSWORD);
    person.presses("Registrar");
    person.reads("[role=alert]", "");
    assert_eq!((person.value_of("Usuario"), person.value_of("Correo")), (DEMO.into(), "otra@example.com".into()));
    person.presses("Cerrar sesión");
    person.reads("[role=status]", "Sesión cerrada");
    // Nothing of the session is left.
    person.opens("/dashboard");
    person.reads("h1", "Iniciar sesión");
}

fn is_nobody_special(person: &Person) {
    person.logs_in(DEMO, DEMO_PASSWORD);
    person.reads("h1", "Productos");
    assert!(person.row("Azúcar").contains("99.95"));
    person.presses("Usuarios");
    person.sees("Solo los administradores");
    person.does_not_see("admin@");
    person.does_not_see("Eliminar");
    person.presses("API");
    person.reads("h1", "Documentación de la API");
    person.sees("POST /auth/login");
    person.presses("Cerrar sesión");
    person.reads("[role=status]", "Sesión cerrada");
}

fn forgets(person: &Person, scripts: Scripts) {
    person.reads("h1", "Productos");
    person.presses("Usuarios");
    person.presses("Eliminar demo");
    person.sees("¿Eliminar al usuario «demo»?");
    assert_eq!(person.path() == "/users-page", scripts == Scripts::On, "a dialog with scripts, a page without");
    person.presses("Eliminar");
    person.reads("[role=status]", "Usuario demo eliminado exitosamente");
    person.sees("1 usuario");
}
