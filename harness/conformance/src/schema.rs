//! The scenario language as a JSON Schema (draft 2020-12), for editors: completion, descriptions, and
//! most mistakes as one types.
//!
//! It is made of the parser's own tables. What it cannot say (names that must exist, lengths, the order
//! of steps) only the parser reports.

use serde_json::{Map, Value, json};

use crate::att_error;
use crate::language::device::{SCENARIO, TABLE};
use crate::language::steps::STEP;
use crate::language::values::HEX;
use crate::language::{BYTES, Field, Kind, Shape};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const NAME: &str = "[a-z][a-z0-9_]{0,39}";
/// Pairs of hex digits with white space between them.
const HEX_PAIRS: &str = r"^\s*([0-9A-Fa-f]{2}\s+)*([0-9A-Fa-f]{2})?\s*$";

/// The schema of scenario files.
#[must_use]
pub fn json() -> String {
    document(&SCENARIO, "gattest scenario")
}

/// The schema of files that hold a device table, for `device: lamp.yaml`.
#[must_use]
pub fn device_json() -> String {
    document(&TABLE, "gattest device table")
}

fn document(root: &'static Shape, title: &str) -> String {
    let mut definitions = Definitions { shapes: Vec::new(), written: Vec::new(), step: false };
    let mut schema = definitions.object(root, false);
    definitions.write_all();
    let mut written = Map::new();
    for (name, definition) in definitions.written {
        written.insert(name, definition);
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!(DRAFT));
        schema.insert("title".to_owned(), json!(title));
        schema.insert("$defs".to_owned(), Value::Object(written));
    }
    format!("{schema:#}\n")
}

/// Shapes that the schema refers to by name: some hold themselves.
struct Definitions {
    /// With their names, in the order in which they were met; the flag says that it is a step's.
    shapes: Vec<(&'static Shape, String, bool)>,
    written: Vec<(String, Value)>,
    /// Some shape has steps.
    step: bool,
}

impl Definitions {
    /// Writes what was referred to, and what that refers to.
    fn write_all(&mut self) {
        if self.step {
            let step = self.kind(&STEP, true);
            self.written.push(("step".to_owned(), step));
        }
        let mut next = 0;
        while let Some((shape, name, in_step)) = self.shapes.get(next).cloned() {
            let object = self.object(shape, in_step);
            self.written.push((name, object));
            next += 1;
        }
    }

    fn reference(&mut self, shape: &'static Shape, in_step: bool) -> Value {
        let known = self.shapes.iter().find(|(known, _, _)| std::ptr::eq(*known, shape));
        let name = match known {
            Some((_, name, _)) => name.clone(),
            None => {
                let name = self.free_name(shape);
                self.shapes.push((shape, name.clone(), in_step));
                name
            }
        };
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// The shape's noun as one word; numbered where another has the same.
    fn free_name(&self, shape: &Shape) -> String {
        let noun = shape.what.trim_start_matches("a ").trim_start_matches("an ");
        let words: Vec<&str> = noun
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|it| !it.is_empty())
            .collect();
        let name = words.join("_");
        let is_taken = |name: &str| self.shapes.iter().any(|(_, known, _)| known == name);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }

    fn object(&mut self, shape: &'static Shape, in_step: bool) -> Value {
        let required: Vec<&str> = shape
            .fields
            .iter()
            .filter(|field| field.required.is_some() && field.unless.is_none())
            .map(|field| field.key)
            .collect();
        let properties = self.properties(shape.fields, in_step);
        let mut object = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("description".to_owned(), json!(shape.doc)),
            ("properties".to_owned(), properties),
            ("required".to_owned(), json!(required)),
            ("additionalProperties".to_owned(), json!(false)),
        ]);
        if let Some((key, other)) = shape.fields.iter().find_map(|field| Some((field.key, field.unless?))) {
            object.insert("anyOf".to_owned(), json!([{ "required": [key] }, { "required": [other] }]));
        }
        Value::Object(object)
    }

    fn properties(&mut self, fields: &'static [Field], in_step: bool) -> Value {
        let mut properties = Map::new();
        for field in fields {
            let mut kind = self.kind(&field.kind, in_step);
            if let Some(kind) = kind.as_object_mut() {
                kind.insert("description".to_owned(), json!(field.doc));
            }
            properties.insert(field.key.to_owned(), kind);
        }
        Value::Object(properties)
    }

    /// `in_step`: a loop's `$name` may stand wherever one value does.
    fn kind(&mut self, kind: &'static Kind, in_step: bool) -> Value {
        let scalar = |schema: Value| match in_step {
            true => json!({ "anyOf": [schema, { "type": "string", "pattern": format!(r"^\${NAME}$") }] }),
            false => schema,
        };
        match kind {
            Kind::Text => json!({ "type": "string", "minLength": 1 }),
            Kind::Shaped(pattern) => json!({ "type": "string", "pattern": pattern }),
            Kind::Name => json!({ "type": "string", "pattern": format!("^{NAME}$") }),
            Kind::Known => json!({ "type": "string", "pattern": format!(r"^\$?{NAME}$") }),
            Kind::Integer(range) => {
                scalar(json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }))
            }
            Kind::Boolean => scalar(json!({ "type": "boolean" })),
            Kind::Value | Kind::ClientValue => {
                let byte = json!({ "type": "integer", "minimum": BYTES.start(), "maximum": BYTES.end() });
                let bytes = json!({ "type": "array", "items": byte });
                let hex = self.reference(&HEX, in_step);
                json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }, bytes, hex] })
            }
            // Two decimal digits without quotes are a number to editors.
            Kind::Hex => scalar(json!({ "anyOf": [
                { "type": "string", "pattern": HEX_PAIRS },
                { "type": "integer", "minimum": 10, "maximum": 99 },
            ] })),
            Kind::Uuid => scalar(json!({ "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                { "type": "string", "minLength": 16, "maxLength": 36 },
            ] })),
            Kind::ErrorCode => scalar(json!({ "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": 255 },
                { "enum": att_error::names().collect::<Vec<_>>() },
            ] })),
            Kind::Duration => scalar(json!({ "type": "string", "pattern": "^[0-9]+(ms|s)$" })),
            Kind::Exactly(word) => json!({ "const": word }),
            Kind::Word(words) => scalar(json!({ "enum": words() })),
            Kind::Words(words) => {
                json!({ "type": "array", "uniqueItems": true, "items": { "enum": words() } })
            }
            Kind::List(item) => json!({ "type": "array", "items": self.kind(item, in_step) }),
            Kind::FilledList(item) => {
                json!({ "type": "array", "minItems": 1, "items": self.kind(item, in_step) })
            }
            Kind::Map(shape) => self.reference(shape, in_step),
            Kind::OneKey(fields) => json!({
                "type": "object",
                "properties": self.properties(fields, in_step),
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            }),
            Kind::Steps => {
                self.step = true;
                json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" } })
            }
            Kind::Either(kinds) => {
                let kinds: Vec<Value> = kinds.iter().map(|kind| self.kind(kind, in_step)).collect();
                json!({ "anyOf": kinds })
            }
        }
    }
}

#[cfg(test)]
mod tests;
