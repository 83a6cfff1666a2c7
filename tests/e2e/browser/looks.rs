//! How every page looks, wide and narrow, light and dark: no part hangs over, and axe-core finds nothing that keeps
//! people out. Pictures of all of them are in target/screenshots, for a person to look at.

use std::path::PathBuf;
use std::process::Command;

use super::person::{Person, Scripts, browse};
use super::stage;
use crate::harness::{Lab, Ran};

/// Width of the window in pixels, and the colours that its owner likes.
const WAYS: [(u32, &str); 4] = [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")];

#[test]
fn every_page_looks_well() {
    let stage = stage();
    let password = stage.password();
    browse(Scripts::On, |person| {
        let mut looker = Looker::new(person);
        person.opens("/login");
        looker.looks_at("login", "Iniciar sesión");
        person.opens("/docs");
        looker.looks_at("docs", "Documentación de la API");
        person.logs_in("admin", "no-es-esta");
        person.reads("[role=alert]", "Credenciales inválidas");
        looker.looks_at("login-refused", "Iniciar sesión");
        person.logs_in("admin", &password);
        person.reads("h1", "Productos");
        looker.looks_at("dashboard-empty", "Productos");
        fills(person);
        looks_at_products(person, &mut looker);
        looks_at_forms(person, &mut looker);
        looks_at_users(person, &mut looker);
        person.opens("/nowhere");
        looker.looks_at("nowhere", "No encontrado");
        looker.found_nothing();
    });
}

fn fills(person: &Person) {
    person.adds("Azúcar", "12.50", "40", ["Despensa", "De caña, en bolsas de un kilo."]);
    person.adds("Sal", "3", "1200", ["Despensa", ""]);
    person.adds("7 Mares, sardinas", "1999999.99", "0", ["Conservas y otros alimentos de larga duración", ""]);
    person.adds(&"Ñ".repeat(120), "1", "1", ["", &"una descripción muy larga ".repeat(20)]);
}

fn looks_at_products(person: &Person, looker: &mut Looker<'_>) {
    looker.looks_at("dashboard-added", "Productos");
    person.opens("/dashboard");
    looker.looks_at("dashboard", "Productos");
    person.presses("Eliminar Sal");
    person.reads("dialog", "¿Eliminar «Sal» de DB2?");
    looker.looks_at("dashboard-question", "Productos");
    person.opens("/dashboard?q=nada");
    looker.looks_at("dashboard-nothing-found", "Productos");
}

fn looks_at_forms(person: &Person, looker: &mut Looker<'_>) {
    person.opens("/add-product");
    looker.looks_at("add-product", "Agregar producto");
    let edges = "return ['name', 'price'].map(field => getComputedStyle(document.getElementById(field)).borderColor)";
    person.types("Nombre", "Azúcar");
    person.types("Precio", "-1");
    person.presses("Guardar producto");
    person.reads("#price-error", "negativo");
    let edges = person.runs(edges);
    assert_ne!(edges[0], edges[1], "a field that is wrong looks like one that is not");
    looker.looks_at("add-product-wrong", "Agregar producto");
    person.opens("/dashboard");
    person.presses("Editar Azúcar");
    looker.looks_at("edit-product", "Editar producto");
    person.opens(&person.path().replace("edit", "delete"));
    looker.looks_at("delete-product", "¿Eliminar");
}

fn looks_at_users(person: &Person, looker: &mut Looker<'_>) {
    person.opens("/users-page");
    looker.looks_at("users", "Usuarios");
    person.opens("/register-user");
    looker.looks_at("register-user", "Registrar usuario");
}

/// Looks at pages in all ways, and keeps what is wrong with them.
pub struct Looker<'a> {
    person: &'a Person,
    axe: String,
    pictures: PathBuf,
    found: Vec<String>,
}

impl<'a> Looker<'a> {
    pub fn new(person: &'a Person) -> Self {
        let axe = Ran::of(&mut Command::new(Lab::project_file(".ci/axe"))).ended_with(0);
        let pictures = Lab::project_file("target/screenshots");
        std::fs::create_dir_all(&pictures).unwrap();
        Self { person, axe: std::fs::read_to_string(axe.stdout.trim()).unwrap(), pictures, found: Vec::new() }
    }

    /// Looks at the page that is shown, which has this heading.
    #[track_caller]
    pub fn looks_at(&mut self, name: &str, heading: &str) {
        self.person.reads("h1", heading);
        for (width, scheme) in WAYS {
            let way = format!("{name}-{width}-{scheme}");
            self.person.is_at(width, scheme);
            std::fs::write(self.pictures.join(format!("{way}.png")), self.person.picture()).unwrap();
            let wide = self.person.runs("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]");
            if wide[0].as_u64() > wide[1].as_u64() {
                self.found.push(format!("{way}: {} pixels in a window of {}", wide[0], wide[1]));
            }
            self.asks_axe(&way);
        }
        self.person.is_at(1280, "light");
    }

    fn asks_axe(&mut self, way: &str) {
        self.person.runs(&self.axe);
        let said = self.person.awaits(
            "const told = one => [one.impact, one.id, one.help, one.nodes.map(node => node.html).join(' ')];
             axe.run().then(said => done([said.passes.length, said.violations.map(told)]), wrong => done([0, `${wrong}`]));",
        );
        // The emptiest page keeps more rules than that.
        assert!(said[0].as_u64() > Some(15), "axe-core has hardly looked: {said}");
        for violation in said[1].as_array().unwrap() {
            let told = format!("{way}: {violation}");
            if ["serious", "critical"].iter().any(|impact| violation[0] == *impact) {
                self.found.push(told);
            } else {
                eprintln!("{told}");
            }
        }
    }

    /// Fails with all that was found.
    #[track_caller]
    pub fn found_nothing(self) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
    }
}
