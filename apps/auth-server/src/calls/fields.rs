//! The fields of a body. Only strings are taken: an object in their place could be an operator of the database.

use serde_json::{Map, Value};
use serving::Refusal;

/// A body that is a JSON object.
pub type Fields = Map<String, Value>;

/// A field that must be a string, and not a blank one.
pub fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Err(Refusal::bad_request(format!("Campo requerido: {name}"))),
        Some(Value::String(text)) if text.trim().is_empty() => {
            Err(Refusal::bad_request(format!("Campo requerido: {name}")))
        }
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Refusal::bad_request(format!("El campo {name} debe ser un texto"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_strings_only() {
        let body = json!({ "a": "x", "b": " ", "c": { "$ne": null }, "d": 7, "e": null, "f": ["x"], "g": true });
        let fields = body.as_object().unwrap();
        assert_eq!(text(fields, "a").unwrap(), "x");
        for (name, message) in [
            ("b", "Campo requerido: b"),
            ("c", "El campo c debe ser un texto"),
            ("d", "El campo d debe ser un texto"),
            ("e", "Campo requerido: e"),
            ("f", "El campo f debe ser un texto"),
            ("g", "El campo g debe ser un texto"),
            ("h", "Campo requerido: h"),
        ] {
            assert_eq!(text(fields, name).unwrap_err().message(), message);
        }
    }
}
