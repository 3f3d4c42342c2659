//! Loads that scenarios share by weight.

use stresshost_sdk::config::{Fields, Found, Node};
use stresshost_sdk::documents::{Executor, MAX_MIXES, Mix, nearest};
use stresshost_sdk::serde_json::Value;

use crate::config::load::{Load, start_ms};
use crate::document::Think;

/// Name of a mix that has none.
const DEFAULT_NAME: &str = "mix";

/// The mixes of a config.
#[derive(Debug, Default)]
pub(crate) struct Mixes {
    list: Vec<Draft>,
    /// Whether one of the config could not be read, so that a name may be of that one.
    is_partial: bool,
}

/// A mix before its shares are known.
#[derive(Debug)]
struct Draft {
    mix: Mix,
    think: Option<Think>,
    path: String,
}

/// What a share takes from its mix.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) is_open: bool,
    pub(crate) think: Option<Think>,
}

impl Mixes {
    /// Reads `mix`, or the list `mixes`. Without both, scenarios that have a weight share the load of the top level.
    pub(crate) fn read(
        top: &Fields<'_>,
        list: Option<&Node<'_>>,
        flags: &Load,
        defaults: &Load,
        found: &mut Found,
    ) -> Self {
        let (mut mixes, before) = (Self::default(), found.problems.len());
        match top.one_of(found, &["mix", "mixes"]) {
            Some(("mix", node)) => mixes.add(node, Some(DEFAULT_NAME), flags, defaults, found),
            Some((_, node)) => {
                for item in node.items(found, "a list of mixes", MAX_MIXES) {
                    mixes.add(&item, None, flags, defaults, found);
                }
            }
            None if list.is_some_and(has_shares) => {
                mixes.push(DEFAULT_NAME.to_owned(), &top.path, 0, &Load::default(), (flags, defaults), found);
            }
            None => {}
        }
        mixes.is_partial = found.problems.len() > before;
        mixes
    }

    fn add(
        &mut self,
        node: &Node<'_>,
        default_name: Option<&str>,
        flags: &Load,
        defaults: &Load,
        found: &mut Found,
    ) {
        let known = [&["name", "start"], Load::keys().as_slice()].concat();
        let Some(fields) = node.fields(found, "a mix: a mapping with a load", &known) else { return };
        let given = fields.get("name").map(|node| node.text(found, "the mix's name").unwrap_or_default());
        let Some(name) = given.or_else(|| default_name.map(str::to_owned)) else {
            found.problem(&fields.path, "the mix has no `name`");
            return;
        };
        if self.list.iter().any(|other| other.mix.name == name) {
            found.problem(&fields.path, format!("the name `{name}` is taken"));
        }
        let own = Load::read(&fields, found);
        let start_ms = start_ms(&fields, found).unwrap_or(0);
        self.push(name, &fields.path, start_ms, &own, (flags, defaults), found);
    }

    fn push(
        &mut self,
        name: String,
        path: &str,
        start_ms: u64,
        own: &Load,
        (flags, defaults): (&Load, &Load),
        found: &mut Found,
    ) {
        let (load, executor) = flags.over(&own.or(defaults), &format!("mix `{name}`"), path, found);
        let pause = load.pause();
        let mix = Mix { name, phase: String::new(), start_ms, executor, pause, part: 0 };
        self.list.push(Draft { mix, think: load.think, path: path.to_owned() });
    }

    /// The mix that a scenario has a share of, by its key `mix` when there are several.
    pub(crate) fn of(&self, fields: &Fields<'_>, found: &mut Found) -> Option<Shared> {
        let shared = |draft: &Draft| Shared {
            name: draft.mix.name.clone(),
            is_open: draft.mix.executor.is_open(),
            think: draft.think,
        };
        let names = || self.list.iter().map(|draft| draft.mix.name.as_str());
        let Some(node) = fields.get("mix") else {
            if let [only] = self.list.as_slice() {
                return Some(shared(only));
            }
            if self.is_partial {
                return None;
            }
            let hint = format!("write `mix:` and one of {}", names().collect::<Vec<_>>().join(", "));
            found.problem_with_hint(
                &fields.path,
                "the scenario does not say of which mix it is a share",
                hint,
            );
            return None;
        };
        let name = node.text(found, "the name of a mix")?;
        let draft = self.list.iter().find(|draft| draft.mix.name == name);
        if draft.is_none() && !self.is_partial {
            let hint = match nearest(&name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            found.problem_with_hint(&node.path, format!("there is no mix `{name}`"), hint);
        }
        draft.map(shared)
    }

    /// The mixes with where they stand. One that no scenario has a share of is a problem.
    pub(crate) fn finish(self, shares: impl Fn(&str) -> bool, found: &mut Found) -> Vec<(Mix, String)> {
        for draft in self.list.iter().filter(|draft| !shares(&draft.mix.name)) {
            let message = format!("no scenario has a share of the mix `{}`", draft.mix.name);
            found.problem_with_hint(&draft.path, message, "give scenarios a `weight` in place of a load");
        }
        self.list.into_iter().map(|draft| (draft.mix, draft.path)).collect()
    }
}

/// Whether any scenario of a list is a share of a mix.
fn has_shares(list: &Node<'_>) -> bool {
    let is_share =
        |item: &Value| item.get("weight").or_else(|| item.get("mix")).is_some_and(|value| !value.is_null());
    list.value.as_array().is_some_and(|items| items.iter().any(is_share))
}

/// The mix that an executor is a share of.
pub(crate) fn mix_of(executor: &Executor) -> Option<&str> {
    match executor {
        Executor::MixShare(share) => Some(&share.mix),
        _ => None,
    }
}
