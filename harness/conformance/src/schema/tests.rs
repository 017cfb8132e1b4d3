//! The schema against every scenario and every wrong file of the repository.

use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use walkdir::WalkDir;

use super::device_json;
use crate::diagnostic::Code;
use crate::parse::fields::{Plain, resolve};
use crate::parse::sink::Sink;
use crate::parse::{is_device_table, parse};
use crate::yaml::{self, Content, Node};

/// What an editor makes of YAML.
fn value(node: &Node<'_>) -> Value {
    match &node.content {
        Content::Scalar { text, plain: false } => json!(text),
        Content::Scalar { text, plain: true } => match resolve(text) {
            Plain::Null => Value::Null,
            Plain::Bool(value) => json!(value),
            Plain::Int(number) => json!(number),
            Plain::Huge | Plain::OddNumber => json!(1.5),
            Plain::Text => json!(text),
        },
        Content::List(items) => items.iter().map(value).collect(),
        Content::Map(entries) => {
            let pairs = entries.iter().map(|entry| (entry.key.to_string(), value(&entry.value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Content::Broken => Value::Null,
    }
}

fn instance(text: &str) -> Option<Value> {
    yaml::load(text.strip_prefix('\u{FEFF}').unwrap_or(text), &mut Sink::default()).map(|root| value(&root))
}

fn validator(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "the schema is one itself");
    jsonschema::validator_for(&schema).unwrap()
}

/// Path and text of each YAML file below a folder of the repository.
fn files(folder: &str) -> Vec<(String, String)> {
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let paths = WalkDir::new(top).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_scenario_and_every_table_fits() {
    let (scenarios, tables) = (validator(&super::json()), validator(&device_json()));
    let all = files("scenarios");
    assert!(all.len() > 100, "{} files", all.len());
    for (path, text) in all {
        let validator = if is_device_table(&text) { &tables } else { &scenarios };
        let instance = instance(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&instance)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
    let every_form = instance(include_str!("../../tests/every_form.yaml")).unwrap();
    assert!(scenarios.is_valid(&every_form), "{:?}", scenarios.iter_errors(&every_form).collect::<Vec<_>>());
}

#[test]
fn what_the_parser_says_of_shapes_the_schema_says_too() {
    const OF_SHAPES: [Code; 9] = [
        Code::BadAddress,
        Code::BadCover,
        Code::BadName,
        Code::UnknownField,
        Code::MissingField,
        Code::UnknownStep,
        Code::UnknownWord,
        Code::NumberRange,
        Code::WrongType,
    ];
    let scenarios = validator(&super::json());
    for code in OF_SHAPES {
        let name = format!("{}.yaml", code.as_str());
        let all = files("fixtures/wrong");
        let (path, text) = all.iter().find(|(path, _)| path.ends_with(&name)).unwrap();
        assert!(parse(path, "x", text).is_err());
        assert!(!scenarios.is_valid(&instance(text).unwrap()), "{path}");
    }
}

#[test]
fn every_field_is_described() {
    let schema: Value = serde_json::from_str(&super::json()).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    assert!(definitions.len() > 30, "{}", definitions.len());
    for (name, definition) in definitions {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(
                description.ends_with('.') && !description.contains('\n'),
                "{name}.{key}: {description:?}"
            );
        }
    }
}
