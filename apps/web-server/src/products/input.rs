//! What clients send of a product, and what is wrong with it.

use fragmentation::letter;
use serde_json::{Map, Value};

/// The longest name, in characters.
pub const NAME: usize = 200;

/// The longest description, in characters.
pub const DESCRIPTION: usize = 2_000;

/// The longest category, in characters.
pub const CATEGORY: usize = 100;

/// The largest stock: what every JSON reader can hold exactly, 2^53 - 1.
pub const STOCK: i64 = (1 << 53) - 1;

/// The fields that a client sent, each checked.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Fields {
    /// The name, without the space around it.
    pub name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The price: finite, not negative.
    pub price: Option<f64>,
    /// The stock: from 0 to [`STOCK`].
    pub stock: Option<i64>,
    /// The category, without the space around it.
    pub category: Option<String>,
}

/// A field that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Which one, as clients write it.
    pub field: &'static str,
    /// Why, to be shown.
    pub message: String,
}

/// The fields that a new product must have.
const REQUIRED: [&str; 3] = ["name", "price", "stock"];

impl Fields {
    /// Reads what was sent of a new product; fields that we don't know are left aside.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the fields; never empty.
    pub fn of_new(sent: &Map<String, Value>) -> Result<Self, Vec<Wrong>> {
        Self::read(sent, &REQUIRED)
    }

    /// Reads what was sent of a product that is there.
    ///
    /// # Errors
    /// Everything that is wrong; also that nothing was sent.
    pub fn of_change(sent: &Map<String, Value>) -> Result<Self, Vec<Wrong>> {
        let fields = Self::read(sent, &[])?;
        match fields == Self::default() {
            true => Err(vec![Wrong { field: "", message: "No se envió ningún campo que actualizar".to_owned() }]),
            false => Ok(fields),
        }
    }

    fn read(sent: &Map<String, Value>, required: &[&'static str]) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut take = |field: &'static str| match sent.get(field) {
            None | Some(Value::Null) if required.contains(&field) => {
                wrong.push(Wrong { field, message: format!("Campo requerido: {field}") });
                None
            }
            found => found,
        };
        let [name, price, stock] = REQUIRED.map(&mut take);
        let (description, category) = (take("description"), take("category"));
        let mut check = |outcome: Result<(), (&'static str, String)>| {
            wrong.extend(outcome.err().map(|(field, message)| Wrong { field, message }));
        };
        let mut fields = Self::default();
        check(read("name", name, read_name, &mut fields.name));
        check(read("price", price, read_price, &mut fields.price));
        check(read("stock", stock, read_stock, &mut fields.stock));
        let describe = |value: &Value| read_text(value, "La descripción", DESCRIPTION);
        check(read("description", description, describe, &mut fields.description));
        let categorize = |value: &Value| read_text(value, "La categoría", CATEGORY).map(|text| text.trim().to_owned());
        check(read("category", category, categorize, &mut fields.category));
        if wrong.is_empty() { Ok(fields) } else { Err(wrong) }
    }
}

fn read<T>(
    field: &'static str,
    sent: Option<&Value>,
    reader: impl Fn(&Value) -> Result<T, String>,
    into: &mut Option<T>,
) -> Result<(), (&'static str, String)> {
    *into = sent.map(reader).transpose().map_err(|message| (field, message))?;
    Ok(())
}

fn read_name(value: &Value) -> Result<String, String> {
    let name = read_text(value, "El nombre", NAME)?;
    // What shows nothing belongs to no fragment.
    letter(&name).map_err(|_| "El nombre no puede estar vacío".to_owned())?;
    Ok(name.trim().to_owned())
}

fn read_price(value: &Value) -> Result<f64, String> {
    let price = value.as_f64().filter(|price| price.is_finite()).ok_or("El precio debe ser un número")?;
    // A negative zero is none: it becomes the usual one.
    if price < 0.0 { Err("El precio no puede ser negativo".to_owned()) } else { Ok(price + 0.0) }
}

fn read_stock(value: &Value) -> Result<i64, String> {
    let number = value.as_number().ok_or("El stock debe ser un número entero")?;
    if number.as_f64().is_some_and(|stock| stock < 0.0) {
        return Err("El stock no puede ser negativo".to_owned());
    }
    match number.as_i64() {
        Some(stock) if stock <= STOCK => Ok(stock),
        None if number.is_f64() => Err("El stock debe ser un número entero".to_owned()),
        _ => Err(format!("El stock no puede ser mayor que {STOCK}")),
    }
}

fn read_text(value: &Value, what: &str, most: usize) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| format!("{what} debe ser un texto"))?;
    if text.chars().count() > most {
        return Err(format!("{what} no puede tener más de {most} caracteres"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_new(sent: Value) -> Result<Fields, Vec<Wrong>> {
        Fields::of_new(sent.as_object().unwrap())
    }

    fn first(sent: Value) -> String {
        of_new(sent).unwrap_err().remove(0).message
    }

    #[test]
    fn a_good_one_is_taken() {
        let sent = json!({"name": " Azúcar ", "price": 12, "stock": 0, "category": " x ", "role": "admin", "_id": 7});
        let fields = of_new(sent).unwrap();
        assert_eq!(fields.name.as_deref(), Some("Azúcar"));
        assert_eq!((fields.price, fields.stock, fields.category.as_deref()), (Some(12.0), Some(0), Some("x")));
        assert_eq!(fields.description, None);
        assert_eq!(of_new(json!({"name": "a", "price": -0.0, "stock": 1})).unwrap().price.unwrap().to_string(), "0");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(first(json!({})), "Campo requerido: name");
        assert_eq!(first(json!({"name": "a"})), "Campo requerido: price");
        assert_eq!(first(json!({"name": "a", "price": 1, "stock": null})), "Campo requerido: stock");
        assert_eq!(of_new(json!({})).unwrap_err().len(), 3);
    }

    #[test]
    fn wrong_values_are_refused() {
        let with = |field: &str, value: Value| {
            let mut sent = json!({"name": "a", "price": 1, "stock": 1});
            sent[field] = value;
            first(sent)
        };
        for blank in ["", "   ", "\u{200b}", "\t\n", "\u{a0}"] {
            assert_eq!(with("name", blank.into()), "El nombre no puede estar vacío", "{blank:?}");
        }
        assert_eq!(with("name", json!({"$gt": ""})), "El nombre debe ser un texto");
        assert_eq!(with("name", json!(["a"])), "El nombre debe ser un texto");
        assert_eq!(with("name", "ñ".repeat(201).into()), "El nombre no puede tener más de 200 caracteres");
        assert_eq!(with("price", json!(-0.01)), "El precio no puede ser negativo");
        assert_eq!(with("price", "12".into()), "El precio debe ser un número");
        assert_eq!(with("price", json!({"$gt": 0})), "El precio debe ser un número");
        assert_eq!(with("price", json!(true)), "El precio debe ser un número");
        assert_eq!(with("stock", json!(-1)), "El stock no puede ser negativo");
        assert_eq!(with("stock", json!(1.5)), "El stock debe ser un número entero");
        assert_eq!(with("stock", "1".into()), "El stock debe ser un número entero");
        assert_eq!(with("stock", json!(u64::MAX)), "El stock no puede ser mayor que 9007199254740991");
        assert_eq!(with("stock", json!(1_i64 << 53)), "El stock no puede ser mayor que 9007199254740991");
        assert_eq!(with("description", json!(7)), "La descripción debe ser un texto");
        assert_eq!(
            with("description", "x".repeat(2_001).into()),
            "La descripción no puede tener más de 2000 caracteres"
        );
        assert_eq!(with("category", json!(null)), "La categoría debe ser un texto");
    }

    #[test]
    fn a_change_has_any_of_the_fields() {
        let change = |sent: Value| Fields::of_change(sent.as_object().unwrap());
        assert_eq!(change(json!({"price": 3})).unwrap(), Fields { price: Some(3.0), ..Fields::default() });
        assert!(change(json!({})).is_err());
        assert!(change(json!({"unknown": 1})).is_err());
        assert_eq!(change(json!({"price": null})).unwrap_err()[0].message, "El precio debe ser un número");
    }
}
