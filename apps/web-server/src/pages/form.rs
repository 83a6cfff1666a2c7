//! The form of a product: what was typed, and what is wrong with it.

use axum::http::StatusCode;
use serde_json::{Map, Number, Value};

use crate::products::Product;
use crate::products::input::{Fields as Checked, Wrong};

use super::guard::Fields;

/// What stands in the fields of a product's form.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ProductForm {
    pub name: String,
    pub description: String,
    pub price: String,
    pub stock: String,
    pub category: String,
    wrong: Vec<Wrong>,
}

impl ProductForm {
    /// What was typed.
    pub fn typed(fields: &Fields) -> Self {
        Self {
            name: fields.get("name").to_owned(),
            // Browsers end lines as the mail does.
            description: fields.get("description").replace("\r\n", "\n"),
            price: fields.get("price").to_owned(),
            stock: fields.get("stock").to_owned(),
            category: fields.get("category").to_owned(),
            wrong: Vec::new(),
        }
    }

    /// A product as it is.
    pub fn of(product: &Product<'_>) -> Self {
        Self {
            name: product.name.to_owned(),
            description: product.description.to_owned(),
            price: price(product.price),
            stock: product.stock.to_string(),
            category: product.category.to_owned(),
            wrong: Vec::new(),
        }
    }

    /// Checks what was typed as the API checks what is sent; what is wrong stays with its field.
    pub fn check(&mut self) -> Option<Checked> {
        match Checked::of_new(&self.sent()) {
            Ok(fields) => Some(fields),
            Err(wrong) => {
                self.wrong = wrong;
                None
            }
        }
    }

    /// Marks a field by hand.
    pub fn blame(&mut self, field: &'static str, message: &str) {
        self.wrong.push(Wrong { field, message: message.to_owned() });
    }

    /// What is wrong with a field, to be shown beside it.
    pub fn error(&self, field: &str) -> Option<&str> {
        let wrong = self.wrong.iter().find(|wrong| wrong.field == field)?;
        Some(if wrong.message.starts_with("Campo requerido") { "Este campo es obligatorio" } else { &wrong.message })
    }

    /// The status of the page that shows the form again.
    pub fn status(&self) -> StatusCode {
        if self.wrong.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
    }

    fn sent(&self) -> Map<String, Value> {
        let typed = [
            ("name", Some(Value::from(self.name.as_str())).filter(|_| !self.name.is_empty())),
            ("description", Some(self.description.as_str().into())),
            ("price", number(&self.price)),
            ("stock", number(&self.stock)),
            ("category", Some(self.category.as_str().into())),
        ];
        typed.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect()
    }
}

/// Reads a number as people type it, with a point or a comma; what is none stays text, so that it is refused as such.
fn number(typed: &str) -> Option<Value> {
    let text = typed.trim();
    if text.is_empty() {
        return None;
    }
    let plain = text.replace(',', ".");
    let digits = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let whole = || plain.parse::<i64>().ok().map(Number::from);
    let broken = || plain.parse::<f64>().ok().and_then(Number::from_f64);
    let number = is_plain.then(|| whole().or_else(broken)).flatten();
    Some(number.map_or_else(|| Value::from(text), Value::Number))
}

/// A price with two digits after the point, or as many as it has.
pub fn price(price: f64) -> String {
    let cents = format!("{price:.2}");
    if cents.parse() == Ok(price) { cents } else { price.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_as_typed() {
        for (typed, read) in [
            ("12,50", json!(12.5)),
            (" 12.50 ", json!(12.5)),
            ("7", json!(7)),
            ("-1", json!(-1)),
            ("+3", json!(3)),
            (",5", json!(0.5)),
            ("1.234,56", json!("1.234,56")),
            ("1e5", json!("1e5")),
            ("inf", json!("inf")),
            ("NaN", json!("NaN")),
            ("doce", json!("doce")),
            ("-", json!("-")),
        ] {
            assert_eq!(number(typed), Some(read), "{typed}");
        }
        assert_eq!(number("  "), None);
    }

    #[test]
    fn errors_stay_with_their_fields() {
        let mut form = ProductForm { name: "  ".into(), price: "x".into(), ..ProductForm::default() };
        assert_eq!(form.check(), None);
        assert_eq!(form.error("name"), Some("El nombre no puede estar vacío"));
        assert_eq!(form.error("price"), Some("El precio debe ser un número"));
        assert_eq!(form.error("stock"), Some("Este campo es obligatorio"));
        assert_eq!(form.error("category"), None);
        assert_eq!(form.status(), 400);
    }

    #[test]
    fn prices_have_cents() {
        assert_eq!([price(4.5), price(12.0), price(0.125)], ["4.50", "12.00", "0.125"]);
    }
}
