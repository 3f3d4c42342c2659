//! Generators for parameters that nobody declared: values that the collection has in that field.

use stresshost_sdk::mongo::{Connection, Value};
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::serde_json::{Value as Json, json};

use crate::document::{Filled, Step};
use crate::generator::Generator;
use crate::generator::fake::Fake;
use crate::limits::MAX_SAMPLES;
use crate::statement::{Parameter, Role};

/// Part of a field's range that a range of a query spans.
const SPAN: f64 = 0.1;

/// Fills in the generators that a step lacks, and resolves those that stand for a field.
pub(super) fn fill(step: &mut Step, connection: Connection) -> Result<(), Failure> {
    for place in 0..step.parameters.len() {
        let (earlier, later) = step.parameters.split_at_mut(place);
        let Some(filled) = later.first_mut() else { continue };
        let (by, why) = match &filled.by {
            Some(Generator::Column { table, column }) => {
                let (by, why) = existing(connection, table, column)?;
                (by, format!("declared: {why}"))
            }
            Some(_) => continue,
            None => infer(&filled.is, earlier, connection)?,
        };
        *filled = Filled { by: Some(by), why, ..filled.clone() };
    }
    Ok(())
}

fn infer(
    parameter: &Parameter,
    earlier: &[Filled],
    connection: Connection,
) -> Result<(Generator, String), Failure> {
    let of_field = parameter.table.as_deref().zip(parameter.column.as_deref());
    if parameter.role == Role::High
        && let Some(above) = above(parameter, earlier)
    {
        return Ok(above);
    }
    Ok(match (parameter.role, of_field) {
        (Role::Limit, _) => (Generator::Constant { value: json!(20) }, "a page of 20 documents".to_owned()),
        (Role::Offset, _) => (Generator::Uniform { min: 0, max: 100 }, "one of the first pages".to_owned()),
        (Role::Step, _) => (Generator::Constant { value: json!(1) }, "a step of 1".to_owned()),
        (Role::Assigned, Some((_, "_id"))) => {
            (Generator::Fake { of: Fake::Uuid }, "a new id each time".to_owned())
        }
        (role, Some((collection, field))) => {
            let (by, why) = existing(connection, collection, field)?;
            match by {
                Generator::Constant { .. } if role == Role::Assigned => {
                    (Generator::Fake { of: Fake::Word }, why)
                }
                by => (by, why),
            }
        }
        (_, None) => (Generator::Constant { value: Json::Null }, "it stands beside no field".to_owned()),
    })
}

/// The upper end of a range whose lower end is a number: above it by up to a part of what was seen.
fn above(parameter: &Parameter, earlier: &[Filled]) -> Option<(Generator, String)> {
    let is_low = |filled: &Filled| {
        filled.is.role == Role::Low
            && filled.is.column == parameter.column
            && filled.is.table == parameter.table
    };
    let place = earlier.iter().position(is_low)?;
    let Some(Generator::Values { values, .. }) = earlier.get(place)?.by.as_ref() else { return None };
    let numbers: Vec<f64> = values.iter().filter_map(Json::as_f64).collect();
    let (least, most) = numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), one| (least.min(*one), most.max(*one)));
    let is_range = numbers.len() == values.len() && most > least;
    let by = Generator::Above { parameter: place + 1, span: (most - least) * SPAN };
    is_range.then(|| (by, "a tenth of the range that was seen".to_owned()))
}

/// Values of a field, in the order in which the server has them.
fn existing(connection: Connection, collection: &str, field: &str) -> Result<(Generator, String), Failure> {
    let text = r#"{"find": "$1", "projection": "$2", "limit": "$3", "singleBatch": true}"#;
    let find = connection.command("setup sample", text).prepare()?;
    let mut projection = json!({});
    projection[field] = json!(1);
    let projection = projection.to_string();
    let limit = i64::try_from(MAX_SAMPLES).unwrap_or(i64::MAX);
    let values = [Value::Text(collection), Value::Json(&projection), Value::Integer(limit)];
    let documents = super::asked(find.execute(&values))?.documents()?;
    let mut values: Vec<Json> = Vec::new();
    for document in &documents {
        let value = field.split('.').try_fold(document, |document, part| document.get(part));
        values.extend(value.filter(|value| !values.contains(value)).cloned());
    }
    if values.is_empty() {
        let why = format!("{collection}.{field} is empty or not there");
        return Ok((Generator::Constant { value: Json::Null }, why));
    }
    let why = format!("{} values that {collection}.{field} has", values.len());
    Ok((Generator::Values { values, exponent: None }, why))
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::mongo::Target;
    use stresshost_sdk::testing::{FakeHost, MongoReply};

    use super::*;

    fn inferred(host: &FakeHost, role: Role, column: Option<&str>) -> (String, String) {
        let documents =
            [json!({ "a": { "b": 5 } }), json!({ "a": { "b": 6 } }), json!({ "a": { "b": 5 } }), json!({})];
        host.mongo_reply("setup sample", MongoReply::documents(documents));
        let connection = Target::new("mongodb://h/d").open().unwrap();
        let (column, table) = (column.map(str::to_owned), column.map(|_| "users".to_owned()));
        let (by, why) = infer(&Parameter { role, column, table }, &[], connection).unwrap();
        (by.describe(), why)
    }

    #[test]
    fn generators_fit_the_command_and_the_data() {
        let host = FakeHost::new();
        for (role, column, by, why) in [
            (Role::Equal, Some("a.b"), "one of 2 values", "2 values that users.a.b has"),
            (Role::Low, Some("c"), "always null", "users.c is empty or not there"),
            (Role::Limit, None, "always 20", "a page of 20 documents"),
            (Role::Offset, None, "uniform 0..100", "one of the first pages"),
            (Role::Step, Some("a"), "always 1", "a step of 1"),
            (Role::Assigned, Some("_id"), "made-up uuid", "a new id each time"),
            (Role::Assigned, Some("c"), "made-up word", "users.c is empty or not there"),
            (Role::Other, None, "always null", "it stands beside no field"),
        ] {
            assert_eq!(inferred(&host, role, column), (by.to_owned(), why.to_owned()), "{role:?} {column:?}");
        }
        let sent = host.mongo_commands();
        assert_eq!(
            sent[0].document(),
            json!({ "find": "users", "projection": { "a.b": 1 }, "limit": MAX_SAMPLES, "singleBatch": true })
        );
    }

    #[test]
    fn the_upper_end_of_a_range_is_above_its_lower_end() {
        let host = FakeHost::new();
        host.mongo_reply("setup sample", MongoReply::documents([json!({ "age": 20 }), json!({ "age": 70 })]));
        let connection = Target::new("mongodb://h/d").open().unwrap();
        let filled = |role| {
            let (table, column) = (Some("users".to_owned()), Some("age".to_owned()));
            Filled { is: Parameter { role, column, table }, ..Filled::default() }
        };
        let mut step = Step {
            name: String::new(),
            text: String::new(),
            weight: 1,
            class: crate::statement::Class::Read,
            tables: Vec::new(),
            parameters: vec![filled(Role::Low), filled(Role::High)],
            returning: Vec::new(),
            keeps_row: false,
            place: String::new(),
        };
        fill(&mut step, connection).unwrap();
        let told: Vec<String> =
            step.parameters.iter().map(|one| one.by.as_ref().unwrap().describe()).collect();
        assert_eq!(told, ["one of 2 values", "$1 and up to 5.00 more"]);
    }
}
