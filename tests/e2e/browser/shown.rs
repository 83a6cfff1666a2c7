//! What the pages show of what they were given: as it was typed, and all of it.

use serde_json::json;

use super::person::{Scripts, browse};
use super::stage;

#[test]
fn what_is_typed_is_shown_and_never_run() {
    let stage = stage();
    let password = stage.password();
    let name = "Zumo <script>document.title=1</script><img src=x onerror=document.title=1>";
    browse(Scripts::On, |person| {
        person.logs_in("admin", &password);
        person.reads("h1", "Productos");
        person.adds(name, "1", "1", ["<b>frutas</b>", "{{ 7*7 }} <script>document.title=1</script>"]);
        let row = person.row(name);
        assert!(row.contains("<b>frutas</b>") && row.contains("{{ 7*7 }} <script>"), "{row}");
        person.presses(&format!("Editar {name}"));
        assert_eq!(person.value_of("Nombre"), name);
        person.presses("Cancelar");
        person.presses(&format!("Eliminar {name}"));
        person.reads("dialog", name);
        let found = person.runs("return [document.title, document.scripts.length, document.images.length]");
        assert_eq!(found, json!(["Productos · Plataforma de Productos", 1, 0]));
        assert_eq!(person.runs("return document.cookie"), "", "scripts can read the session");
        person.presses("Eliminar");
        person.reads("[role=status]", "Producto eliminado exitosamente");
    });
}

#[test]
fn more_products_than_a_page_shows() {
    let stage = stage();
    let password = stage.password();
    browse(Scripts::On, |person| {
        person.logs_in("admin", &password);
        person.reads("h1", "Productos");
        person.opens("/add-product");
        person.reads("h1", "Agregar producto");
        // As the form would send it, without the typing.
        let sent = person.awaits(
            "const csrf = document.querySelector('main [name=csrf]').value;
             const send = number => fetch('/add-product', { method: 'POST', body: new URLSearchParams(
                 { csrf, name: `${number % 2 ? 'Arroz' : 'Trigo'} ${number}`, price: 1, stock: 1 }) });
             (async () => { for (let i = 100; i < 130; i++) await send(i); })().then(done, wrong => done(`${wrong}`));",
        );
        assert!(sent.is_null(), "{sent}");
        let mut seen = Vec::new();
        person.opens("/dashboard");
        person.sees("30 productos, en 2 bases de datos");
        for page in [25, 5] {
            let names = "return [...document.querySelectorAll('tbody th')].map(name => name.textContent)";
            let names = person.runs(names).as_array().unwrap().clone();
            assert_eq!(names.len(), page);
            seen.extend(names);
            if page == 25 {
                person.presses("Siguiente");
                person.reads("nav", "Volver al principio");
            }
        }
        seen.sort_by_key(ToString::to_string);
        seen.dedup();
        assert_eq!(seen.len(), 30, "pages overlap");
        person.presses("Volver al principio");
        person.reads("nav", "Siguiente");
    });
}
