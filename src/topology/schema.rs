//! The JSON Schema of the file, for editors.

use schemars::generate::SchemaSettings;

use super::Topology;

/// The JSON Schema (draft 2020-12) of `topology.yaml`, indented.
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Topology>();
    // Keys for anchors, as Compose has them.
    schema.insert("patternProperties".to_owned(), serde_json::json!({ "^x-": true }));
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
