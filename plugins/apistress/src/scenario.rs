//! Named scenarios: a request that differs from the usual one, held against what is expected of its answer.

use stresshost_sdk::prelude::Finding;
use stresshost_sdk::serde_json::{self, Value, json};

use crate::case::{Case, Input};
use crate::client::{Call, Client, Heard, curl};
use crate::document::{Meaning, Named, Operation, Workload};
use crate::identity::{Identity, beginning};
use crate::load::pointers;
use crate::prober::Report;
use crate::words::{Purpose, purpose, same, words};

/// Wrong passwords after which a right one should be refused.
const WRONG_PASSWORDS: usize = 10;

/// A number that no object has.
const NO_OBJECT: &str = "999999999";

/// A card that test modes of payment services decline.
const DECLINED_CARD: &str = "4000000000000002";

/// Objects of which much is asked for, so that one of them runs out.
const WANTED_OBJECTS: u64 = 20;

/// Who acts in a scenario.
pub(crate) struct Actor<'a> {
    pub(crate) client: &'a mut dyn Client,
    pub(crate) workload: &'a Workload,
    pub(crate) owner: Identity,
    /// Tells what this actor makes from what others make.
    pub(crate) name: String,
    /// Names made so far.
    pub(crate) drawn: u64,
}

/// What does not hold: a sentence without what varies, and what shows it.
type Broken = (String, String);

/// Runs a scenario of an operation.
pub(crate) fn run(named: &Named, index: usize, actor: &mut Actor<'_>) -> Report {
    let Some(operation) = actor.workload.operations.get(index) else { return Report::default() };
    let outcome = actor.act(named, operation);
    let mut report =
        Report { checks: vec![(format!("scenario {}", named.name), outcome.is_ok())], ..Report::default() };
    if let Err((message, evidence)) = outcome {
        report.findings.push(Finding {
            rule: "test_scenario".to_owned(),
            severity: "medium".to_owned(),
            message: format!("scenario `{}`: {message}", named.name),
            location: operation.name.clone(),
            evidence,
            ..Finding::default()
        });
    }
    report
}

impl Actor<'_> {
    fn act(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        match named.meaning {
            None | Some(Meaning::Usual) => self.usual(named, operation),
            Some(Meaning::Anonymous) => {
                let case = self.case(operation, named);
                self.expect(named, &case.call(None))
            }
            Some(Meaning::InvalidBody) => self.invalid_body(named, operation),
            Some(Meaning::Duplicate) => {
                let call = self.case(operation, named).call(Some(&self.owner.variables));
                self.succeed("the first request", &call)?;
                self.expect(named, &call)
            }
            Some(Meaning::WrongPassword) => {
                let case = self.case(operation, named);
                let call = with_password(&case, "wrong-password").call(None);
                self.expect(named, &call)
            }
            Some(Meaning::Locked) => self.locked(named, operation),
            Some(Meaning::NotThere) => self.not_there(named, operation),
            Some(Meaning::WrongReference) => self.wrong_reference(named, operation),
            Some(Meaning::NumberLimits) => self.number_limits(named, operation),
            Some(Meaning::Pages) => self.pages(operation),
            Some(Meaning::Filter) => self.filter(named, operation),
            Some(Meaning::Range) => self.range(named, operation),
            Some(Meaning::Declined) => {
                self.before(named)?;
                let case = self.case(operation, named);
                let call = with_card(&case).call(Some(&self.owner.variables));
                self.expect(named, &call)
            }
            Some(Meaning::Shortage) => self.shortage(named, operation),
        }
    }

    /// The usual request with a name of its own for what it makes, and with the scenario's own values.
    fn case<'o>(&mut self, operation: &'o Operation, named: &Named) -> Case<'o> {
        self.drawn += 1;
        let mut variables = self.owner.variables.clone();
        variables.set("unique", format!("{}x{}", self.name, self.drawn));
        let mut case = Case::usual(operation, &variables);
        if let Some(body) = &named.body {
            case.body = Some(crate::case::filled(body, &variables));
        }
        for (name, value) in &named.values {
            case = case.named(name, &crate::case::filled(value, &variables));
        }
        case
    }

    fn usual(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        self.before(named)?;
        let case = self.case(operation, named);
        let call = case.call(Some(&self.owner.variables).filter(|_| !named.anonymous));
        let heard = self.client.send(&call);
        let expected = if named.statuses.is_empty() {
            operation.expected_status.into_iter().collect()
        } else {
            named.statuses.clone()
        };
        self.hold(&expected, &call, &heard)?;
        for (pointer, wanted) in &named.expect {
            let body: Option<Value> = serde_json::from_str(&heard.body).ok();
            let given = body.as_ref().and_then(|body| body.pointer(pointer));
            if given != Some(wanted) {
                let given = given.map_or_else(|| "nothing".to_owned(), Value::to_string);
                return Err(self.broken(
                    format!("{wanted} is expected at {pointer}"),
                    &format!("{given} is there"),
                    &call,
                ));
            }
        }
        Ok(())
    }

    /// Sends what comes before, and keeps the numbers of objects it tells.
    fn before(&mut self, named: &Named) -> Result<(), Broken> {
        for index in &named.before {
            let Some(operation) = self.workload.operations.get(*index) else { continue };
            let call = self.case(operation, &Named::default()).call(Some(&self.owner.variables));
            let heard = self.succeed("what comes before", &call)?;
            let mut nouns = words(&operation.path);
            nouns.dedup();
            for noun in nouns {
                let noun = crate::words::singular(&noun).to_owned();
                let variable = format!("{noun}_id");
                if let Some(value) = found(&heard.body, &pointers(&variable, &noun)) {
                    self.owner.variables.set(&variable, value);
                }
            }
        }
        Ok(())
    }

    fn succeed(&mut self, what: &str, call: &Call) -> Result<Heard, Broken> {
        let heard = self.client.send(call);
        if heard.succeeded() {
            return Ok(heard);
        }
        Err(self.broken(format!("{what} does not succeed: `{}`", call.name), &answered(&heard), call))
    }

    fn expect(&mut self, named: &Named, call: &Call) -> Result<(), Broken> {
        let heard = self.client.send(call);
        self.hold(&named.statuses, call, &heard)
    }

    /// Whether the status is one of those expected; without any it is a success.
    fn hold(&self, expected: &[u16], call: &Call, heard: &Heard) -> Result<(), Broken> {
        let holds = if expected.is_empty() { heard.succeeded() } else { expected.contains(&heard.status) };
        if holds {
            return Ok(());
        }
        let expected: Vec<String> = expected.iter().map(u16::to_string).collect();
        let expected = if expected.is_empty() { "a success".to_owned() } else { expected.join(" or ") };
        let given =
            if heard.status == 0 { "no answer came".to_owned() } else { format!("{} came", heard.status) };
        Err(self.broken(format!("{expected} is expected, {given}"), &answered(heard), call))
    }

    fn broken(&self, message: String, evidence: &str, call: &Call) -> Broken {
        (message, format!("{evidence}; {}", curl(self.client.base_url(), call)))
    }

    /// Each field left out, and each of another type, is refused.
    fn invalid_body(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let case = self.case(operation, named);
        for input in top_fields(&case) {
            let label = case.label(&input);
            let wrong = if case.body_value(&input).is_some_and(Value::is_string) {
                json!({ "not": "a text" })
            } else {
                json!("text")
            };
            for (what, changed) in
                [("is left out", case.without(&input)), ("is of another type", case.with_json(&input, wrong))]
            {
                let call = changed.call(Some(&self.owner.variables));
                self.expect(named, &call)
                    .map_err(|(message, evidence)| (format!("{label} {what}: {message}"), evidence))?;
            }
        }
        Ok(())
    }

    fn locked(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        self.drawn += 1;
        let name = format!("{}l{}", self.name, self.drawn);
        let mut victim = Identity::named(self.workload, &name);
        let register = self.workload.session.as_ref().and_then(|session| session.register);
        if let Some(register) = register.and_then(|index| self.workload.operations.get(index)) {
            let call = Case::usual(register, &victim.variables).call(None);
            self.succeed("making the account", &call)?;
        } else {
            victim = self.owner.clone();
        }
        let case = Case::usual(operation, &victim.variables);
        let wrong = with_password(&case, "wrong-password").call(None);
        for _ in 0..WRONG_PASSWORDS {
            let heard = self.client.send(&wrong);
            if [423, 429].contains(&heard.status) {
                break;
            }
        }
        let call = case.call(None);
        self.expect(named, &call).map_err(|(message, evidence)| {
            (format!("after {WRONG_PASSWORDS} wrong passwords {message}"), evidence)
        })
    }

    fn not_there(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let case = self.case(operation, named);
        let inputs = case.inputs().into_iter();
        let changed = inputs
            .filter(|input| case.is_in_path(input))
            .fold(case.clone(), |changed, input| changed.with(&input, NO_OBJECT));
        let call = changed.call(Some(&self.owner.variables));
        self.expect(named, &call)
    }

    fn wrong_reference(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let case = self.case(operation, named);
        let nouns = words(&named.name);
        let about = |input: &Input| {
            words(&case.label(input))
                .iter()
                .any(|word| nouns.iter().any(|noun| noun != "invalid" && same(word, noun)))
        };
        let input = case.inputs().into_iter().find(|input| about(input));
        let Some(input) = input else {
            return Err(("no field of the request is what the scenario names".to_owned(), String::new()));
        };
        let wrong: Value = if case.body_value(&input).is_none_or(Value::is_number) {
            json!(999_999_999)
        } else {
            json!(NO_OBJECT)
        };
        let call = case.with_json(&input, wrong).call(Some(&self.owner.variables));
        self.expect(named, &call)
    }

    fn number_limits(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let case = self.case(operation, named);
        let numbers = top_fields(&case).into_iter().filter(|input| {
            let is_number = case.body_value(input).is_some_and(Value::is_number);
            is_number && !case.label(input).contains("_id") && !case.label(input).contains("/id")
        });
        for input in numbers.collect::<Vec<_>>() {
            for wrong in [json!(0), json!(-1), json!(1_000_000_000)] {
                let label = format!("{} is {wrong}", case.label(&input));
                let call = case.with_json(&input, wrong).call(Some(&self.owner.variables));
                self.expect(named, &call)
                    .map_err(|(message, evidence)| (format!("{label}: {message}"), evidence))?;
            }
        }
        Ok(())
    }

    /// The objects that an answer lists, and the call that asked for them.
    fn list(&mut self, case: &Case<'_>) -> Result<(Vec<Value>, Call), Broken> {
        let call = case.call(Some(&self.owner.variables));
        let heard = self.succeed("the request", &call)?;
        let items = serde_json::from_str::<Value>(&heard.body).ok().and_then(|body| items(&body).cloned());
        match items {
            Some(items) => Ok((items, call)),
            None => Err(self.broken("the answer lists nothing".to_owned(), &beginning(&heard), &call)),
        }
    }

    fn pages(&mut self, operation: &Operation) -> Result<(), Broken> {
        let case = self.case(operation, &Named::default());
        let page = parameter(&case, &["page", "page_number"], "page");
        let size = parameter(&case, &["per_page", "page_size", "limit", "size"], "per_page");
        let of = |number: u64| case.named(&size, &json!(2)).named(&page, &json!(number));
        let (first, call) = self.list(&of(1))?;
        if first.len() > 2 {
            let evidence = format!("{} came for `{size}=2`", first.len());
            return Err(self.broken(
                "a page has more entries than were asked for".to_owned(),
                &evidence,
                &call,
            ));
        }
        let (second, call) = self.list(&of(2))?;
        let repeated = second.iter().filter(|item| first.contains(item)).count();
        if repeated > 0 {
            let evidence = format!("{repeated} of {} entries were on the page before", second.len());
            return Err(self.broken("pages overlap".to_owned(), &evidence, &call));
        }
        Ok(())
    }

    fn filter(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let noun = words(&named.name).into_iter().next().unwrap_or_default();
        let case = self.case(operation, &Named::default());
        let (all, call) = self.list(&case)?;
        let known = all
            .iter()
            .find_map(|item| item.get(&noun))
            .filter(|value| !value.is_object() && !value.is_array());
        let Some(wanted) = known.cloned() else {
            let evidence = format!("none of {} entries has `{noun}`", all.len());
            return Err(self.broken("there is no value to filter by".to_owned(), &evidence, &call));
        };
        let name = parameter(&case, &[&noun], &noun);
        let (some, call) = self.list(&case.named(&name, &wanted))?;
        let others = some.iter().filter(|item| item.get(&noun) != Some(&wanted)).count();
        if others > 0 || some.is_empty() {
            let evidence = format!("{others} of {} entries have another `{noun}` than {wanted}", some.len());
            return Err(self.broken("the filter does not hold".to_owned(), &evidence, &call));
        }
        Ok(())
    }

    fn range(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let noun = words(&named.name).into_iter().next().unwrap_or_default();
        let case = self.case(operation, &Named::default());
        let (all, call) = self.list(&case)?;
        let value = |item: &Value| {
            let fields = item.as_object()?.iter();
            let of = fields.filter(|(name, _)| words(name).first().is_some_and(|word| *word == noun));
            of.filter_map(|(_, value)| value.as_f64()).next()
        };
        let mut values: Vec<f64> = all.iter().filter_map(value).collect();
        values.sort_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (values.first(), values.get(values.len() / 2)) else {
            let evidence = format!("none of {} entries has a number for `{noun}`", all.len());
            return Err(self.broken("there is nothing to choose a range from".to_owned(), &evidence, &call));
        };
        let name = |side: &str| {
            parameter(
                &case,
                &[&format!("{side}_{noun}"), &format!("{noun}_{side}")],
                &format!("{side}_{noun}"),
            )
        };
        let within = case.named(&name("min"), &number(least)).named(&name("max"), &number(most));
        let (some, call) = self.list(&within)?;
        let outside = some.iter().filter_map(value).filter(|value| !(least..=most).contains(value)).count();
        if outside > 0 || some.is_empty() {
            let evidence = format!("{outside} of {} entries lie outside {least} to {most}", some.len());
            return Err(self.broken("the range does not hold".to_owned(), &evidence, &call));
        }
        Ok(())
    }

    /// Puts much of many things into the cart; then the purchase is refused.
    fn shortage(&mut self, named: &Named, operation: &Operation) -> Result<(), Broken> {
        let known = |index: &&usize| {
            let operation = self.workload.operations.get(**index);
            operation.is_some_and(|one| purpose(&one.method, &one.path) == Purpose::AddToCart)
        };
        let add = named.before.iter().find(known).and_then(|index| self.workload.operations.get(*index));
        let Some(add) = add else {
            return Err(("no operation before it puts anything into a cart".to_owned(), String::new()));
        };
        for id in 1..=WANTED_OBJECTS {
            let mut variables = self.owner.variables.clone();
            variables.set("product_id", id.to_string());
            let case = Case::usual(add, &variables).named("quantity", &json!(99));
            let case = match case.inputs().iter().find(|input| case.label(input).contains("product")) {
                Some(input) => case.with_json(input, json!(id)),
                None => case,
            };
            self.client.send(&case.call(Some(&self.owner.variables)));
        }
        let call = self.case(operation, named).call(Some(&self.owner.variables));
        self.expect(named, &call)
    }
}

fn answered(heard: &Heard) -> String {
    match heard.status {
        0 => format!("no answer: {}", heard.error),
        status => format!("status {status}: {}", beginning(heard)),
    }
}

fn number(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is a whole number of some size that people write"
    )]
    let whole = value as i64;
    if (whole as f64 - value).abs() < f64::EPSILON { json!(whole) } else { json!(value) }
}

/// The list of objects in an answer: itself, or the first list in it.
fn items(body: &Value) -> Option<&Vec<Value>> {
    match body {
        Value::Array(items) => Some(items),
        Value::Object(map) => map.values().find_map(Value::as_array),
        _ => None,
    }
}

/// The name of the first parameter there is; else the usual one.
fn parameter(case: &Case<'_>, names: &[&str], usual: &str) -> String {
    let known = names.iter().find(|name| case.parameter(name).is_some());
    known.map_or_else(|| usual.to_owned(), |name| (*name).to_owned())
}

/// Fields of the body that do not stand in others.
fn top_fields(case: &Case<'_>) -> Vec<Input> {
    let Some(Value::Object(map)) = &case.body else { return Vec::new() };
    map.keys().map(|key| Input::Body(format!("/{}", key.replace('~', "~0").replace('/', "~1")))).collect()
}

fn with_password<'o>(case: &Case<'o>, password: &str) -> Case<'o> {
    let input =
        case.inputs().into_iter().find(|input| case.label(input).to_ascii_lowercase().contains("password"));
    input.map_or_else(|| case.clone(), |input| case.with(&input, password))
}

fn with_card<'o>(case: &Case<'o>) -> Case<'o> {
    let about = |input: &Input| {
        let label = case.label(input).to_ascii_lowercase();
        ["card", "payment", "token"].iter().any(|word| label.contains(word))
    };
    match case.inputs().into_iter().find(|input| about(input)) {
        Some(input) => case.with(&input, DECLINED_CARD),
        None => case.named("card", &json!(DECLINED_CARD)),
    }
}

/// The first value at any of the pointers, `*` being any of the first items.
fn found(body: &str, pointers: &[String]) -> Option<String> {
    let first: Vec<String> = pointers.iter().map(|pointer| pointer.replace('*', "0")).collect();
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    crate::identity::found(body, &first)
}
