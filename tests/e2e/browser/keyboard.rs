//! The pages without a mouse.

use super::person::{ENTER, ESCAPE, Person, Scripts, TAB, browse};
use super::stage;

#[test]
fn the_keyboard_is_enough() {
    let stage = stage();
    let password = stage.password();
    browse(Scripts::On, |person| {
        person.opens("/login");
        goes_to(person, "Usuario");
        person.keys("admin");
        goes_to(person, "Contraseña");
        person.keys(&format!("{password}{ENTER}"));
        person.reads("h1", "Productos");
        goes_to(person, "Agregar producto");
        person.keys(ENTER);
        person.reads("h1", "Agregar producto");
        for (label, text) in [("Nombre", "Ñandú"), ("Precio", "1"), ("Stock", "2")] {
            goes_to(person, label);
            person.keys(text);
        }
        goes_to(person, "Guardar producto");
        person.keys(ENTER);
        person.reads("[role=status]", "Producto creado exitosamente en DB2 (N-Z)");
        goes_to(person, "Eliminar Ñandú");
        person.keys(ENTER);
        person.reads("dialog", "¿Eliminar «Ñandú» de DB2?");
        person.keys(ESCAPE);
        // Whoever leaves the question is where they were.
        assert_eq!(person.focus().0, "Eliminar Ñandú");
        person.keys(ENTER);
        goes_to(person, "Eliminar");
        person.keys(ENTER);
        person.reads("[role=status]", "Producto eliminado exitosamente de DB2");
    });
}

/// Presses Tab until something has the focus; all that has it on the way is seen to have it.
#[track_caller]
fn goes_to(person: &Person, name: &str) {
    let mut passed = Vec::new();
    while person.focus().0 != name {
        assert!(passed.len() < 40, "Tab does not lead to '{name}', but to {passed:?}");
        person.keys(TAB);
        let (name, seen) = person.focus();
        assert!(seen || name.is_empty(), "'{name}' is not seen to have the focus");
        passed.push(name);
    }
}
