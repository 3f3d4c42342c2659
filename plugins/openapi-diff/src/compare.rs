//! Comparing documents: which operations are which.

use std::collections::{HashMap, HashSet};

use stresshost_openapi::{Operation, Spec};

use crate::report::{Comparison, Report};
use crate::rules::Single;
use crate::{request, response, security};

/// What changed between two documents, and what of it breaks clients that kept to the base.
pub fn compare(base: &Spec, revision: &Spec) -> Comparison {
    let mut report = Report::new();
    let index = Index::of(revision);
    let paths: HashSet<String> = revision.operations.iter().map(|one| template(&one.path)).collect();
    let mut taken = HashSet::new();
    let mut compared = 0;
    for old in &base.operations {
        let Some(at) = index.find(old, &taken) else {
            removed(&mut report, old, paths.contains(&template(&old.path)));
            continue;
        };
        taken.insert(at);
        compared += 1;
        operation(&mut report, (base, old), (revision, &revision.operations[at]));
    }
    for (at, new) in revision.operations.iter().enumerate() {
        if !taken.contains(&at) {
            let rule = Single::EndpointAdded.rule();
            report.rule(rule, &new.name(), "", "the operation was added".to_owned());
        }
    }
    report.finish(compared)
}

/// Operations by what tells them apart for a client, to whom names of parameters in a path mean nothing.
struct Index<'a> {
    spec: &'a Spec,
    by_template: HashMap<(&'a str, String), Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(spec: &'a Spec) -> Self {
        let mut by_template: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, one) in spec.operations.iter().enumerate() {
            by_template.entry((one.method.as_str(), template(&one.path))).or_default().push(at);
        }
        Self { spec, by_template }
    }

    /// The same operation: with the same path as written, else with another name of a parameter in it.
    fn find(&self, old: &Operation, taken: &HashSet<usize>) -> Option<usize> {
        let all = self.by_template.get(&(old.method.as_str(), template(&old.path)))?;
        let mut free = all.iter().copied().filter(|at| !taken.contains(at));
        let exact = free.clone().find(|at| self.spec.operations[*at].path == old.path);
        exact.or_else(|| free.next())
    }
}

/// A path without the names of its parameters.
fn template(path: &str) -> String {
    let mut parts = path.split('{');
    let mut template = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        template.push_str("{}");
        template.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    template
}

/// Names of the parameters in a path, in their order.
pub(crate) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

fn removed(report: &mut Report, old: &Operation, has_path: bool) {
    let single = match (has_path, old.deprecated) {
        (true, false) => Single::OperationRemoved,
        (true, true) => Single::OperationRemovedDeprecated,
        (false, false) => Single::PathRemoved,
        (false, true) => Single::PathRemovedDeprecated,
    };
    let what = if has_path { "operation" } else { "path" };
    let how = if old.deprecated { "; it was deprecated" } else { "" };
    report.rule(single.rule(), &old.name(), "", format!("the {what} was removed{how}"));
}

fn operation(report: &mut Report, base: (&Spec, &Operation), revision: (&Spec, &Operation)) {
    let (old, new) = (base.1, revision.1);
    let name = old.name();
    match (old.deprecated, new.deprecated) {
        (false, true) => {
            let rule = Single::EndpointDeprecated.rule();
            report.rule(rule, &name, "", "the operation should no longer be used".to_owned());
        }
        (true, false) => {
            let rule = Single::EndpointReactivated.rule();
            report.rule(rule, &name, "", "the operation may be used again".to_owned());
        }
        _ => {}
    }
    match (&old.id, &new.id) {
        (Some(old), None) => {
            let message = format!("the operationId `{old}` was removed");
            report.rule(Single::OperationIdRemoved.rule(), &name, "", message);
        }
        (None, Some(new)) => {
            let message = format!("the operationId `{new}` was added");
            report.rule(Single::OperationIdAdded.rule(), &name, "", message);
        }
        (Some(old), Some(new)) if old != new => {
            let message = format!("the operationId is `{new}`; it was `{old}`");
            report.rule(Single::OperationIdRemoved.rule(), &name, "", message);
        }
        _ => {}
    }
    security::compare(report, &name, base, revision);
    request::compare(report, &name, old, new);
    response::compare(report, &name, old, new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_in_paths_mean_nothing() {
        assert_eq!(template("/a/{id}/b-{x}.json"), "/a/{}/b-{}.json");
        assert_eq!(template("/a/{id"), "/a/{}", "a path that is wrong has an end");
        assert_eq!(placeholders("/a/{id}/{x}").collect::<Vec<_>>(), ["id", "x"]);
    }
}
