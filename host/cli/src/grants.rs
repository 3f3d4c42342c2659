//! What a run may reach: what the user named, and what `--allow` adds.

use std::sync::Arc;

use serde_json::Value;
use stresshost_io::{EgressRule, Origin, Scheme};
use stresshost_plan::{Breadth, Plan, TargetPattern, may_lead_to};

use crate::exit::{Exit, coded, usage};

/// The granted targets of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    patterns: Vec<TargetPattern>,
    /// As written, for `run.json`.
    pub(crate) texts: Vec<String>,
}

impl Grants {
    /// Grants the `--allow` patterns.
    pub(crate) fn new(allow: &[String]) -> anyhow::Result<Self> {
        let mut grants = Self::default();
        for text in allow {
            if is_file(text) {
                grants.name_url(text);
                continue;
            }
            let pattern = TargetPattern::parse(text).map_err(|error| usage(format!("--allow: {error}")))?;
            grants.patterns.push(pattern);
            grants.texts.push(text.clone());
        }
        Ok(grants)
    }

    /// Grants the origin of a URL the user wrote. Texts that are no URL name nothing.
    pub(crate) fn name_url(&mut self, text: &str) {
        let Ok(origin) = Origin::of_url(text) else { return };
        let text = origin.to_string();
        if origin.path.is_some() {
            if !self.texts.contains(&text) {
                self.texts.push(text);
            }
        } else if let Ok(pattern) = TargetPattern::parse(&text)
            && !self.patterns.contains(&pattern)
        {
            self.patterns.push(pattern);
            self.texts.push(text);
        }
    }

    /// Grants the origin of every URL in a config the user passed.
    pub(crate) fn name_urls_in(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.name_url(text),
            Value::Array(items) => items.iter().for_each(|item| self.name_urls_in(item)),
            Value::Object(map) => map.values().for_each(|item| self.name_urls_in(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The granted targets for people.
    pub(crate) fn describe(&self) -> String {
        if self.texts.is_empty() { "nothing".to_owned() } else { self.texts.join(", ") }
    }

    /// How the origin's host was named by what grants it most exactly; `None` when nothing does.
    fn coverage(&self, origin: &Origin) -> Option<Breadth> {
        // Sockets and databases in files are of this machine: only their own path grants them.
        if origin.path.is_some() {
            return self.texts.contains(&origin.to_string()).then_some(Breadth::Named);
        }
        let covers =
            |pattern: &&TargetPattern| pattern.matches(origin.scheme.name(), &origin.host, origin.port);
        let breadth = self.patterns.iter().filter(covers).map(TargetPattern::breadth).min()?;
        // What is an address already needs no look-up to be judged.
        let fits = origin.host.parse().map_or(true, |address| may_lead_to(breadth, &origin.host, address));
        fits.then_some(breadth)
    }

    fn covers(&self, origin: &Origin) -> bool {
        self.coverage(origin).is_some()
    }

    /// Refuses a plan whose targets the user has not named.
    pub(crate) fn check_plan(&self, plan: &Plan) -> anyhow::Result<()> {
        for target in &plan.targets {
            let origin =
                Origin::of_url(target).map_err(|error| usage(format!("target `{target}`: {error}")))?;
            if !self.covers(&origin) {
                let message =
                    format!("the plan's target `{origin}` was not named by you; add `--allow {origin}`");
                return Err(coded(Exit::Denied, message));
            }
        }
        Ok(())
    }

    /// The rule the protocol engines ask before they connect: by name, then for each resolved address.
    pub(crate) fn egress(&self) -> Arc<EgressRule> {
        let grants = self.clone();
        Arc::new(move |origin, address| match (grants.coverage(origin), address) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(breadth), Some(address)) => may_lead_to(breadth, &origin.host, address),
        })
    }
}

/// Whether a text names a database's file.
fn is_file(text: &str) -> bool {
    Origin::of_url(text).is_ok_and(|origin| origin.scheme == Scheme::Sqlite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of_url(url).expect("url")
    }

    #[test]
    fn urls_in_a_config_are_named_and_nothing_else() {
        let mut grants = Grants::new(&["https://*.example:443".into()]).expect("pattern");
        grants.name_urls_in(
            &serde_json::json!({ "a": ["http://shop.test:81/x", 3], "b": { "c": "not a url" } }),
        );
        assert!(grants.covers(&origin("http://shop.test:81/other")));
        assert!(!grants.covers(&origin("http://shop.test/")));
        assert!(grants.covers(&origin("https://api.example/")));
        assert!(!grants.covers(&origin("http+unix://%2Frun%2Fa.sock/")));
        grants.name_url("http+unix://%2Frun%2Fa.sock/");
        assert!(grants.covers(&origin("http+unix://%2Frun%2Fa.sock/x")));
        grants.name_url("postgres://user:secret@db.test/shop");
        assert!(
            grants.covers(&origin("postgresql://db.test:5432"))
                && !grants.covers(&origin("mysql://db.test:5432"))
        );
        grants.name_url("sqlite:/tmp/shop.db?mode=ro");
        assert!(
            grants.covers(&origin("sqlite:/tmp/shop.db")) && !grants.covers(&origin("sqlite:/etc/other.db"))
        );
        assert!(!grants.describe().contains("secret"), "{}", grants.describe());
        assert!(!grants.covers(&origin("http+unix://%2Frun%2Fb.sock/x")));
    }

    #[test]
    fn a_name_that_leads_to_a_metadata_address_is_refused() {
        let mut grants = Grants::default();
        grants.name_url("http://innocent.test/");
        grants.name_url("http://169.254.169.254/");
        let rule = grants.egress();
        let metadata = Some("169.254.169.254".parse().expect("address"));
        assert!(rule(&origin("http://innocent.test/"), None));
        assert!(!rule(&origin("http://innocent.test/"), metadata));
        assert!(rule(&origin("http://169.254.169.254/"), metadata));
        assert!(rule(&origin("http://innocent.test/"), Some("10.0.0.1".parse().expect("address"))));
    }

    #[test]
    fn a_wildcard_does_not_lead_into_the_users_network() {
        let grants = Grants::new(&["http://*.test:*".into(), "https://*:*".into()]).expect("patterns");
        let rule = grants.egress();
        let at = |text: &str| Some(text.parse().expect("address"));
        assert!(rule(&origin("http://a.test/"), at("93.184.216.34")));
        assert!(!rule(&origin("http://a.test/"), at("10.0.0.1")));
        assert!(!rule(&origin("http://a.test/"), at("127.0.0.1")));
        assert!(rule(&origin("https://a.example/"), None) && rule(&origin("https://127.0.0.1/"), None));
        assert!(rule(&origin("https://a.example/"), at("127.0.0.1")));
        assert!(!rule(&origin("https://a.example/"), at("93.184.216.34")), "it must be named");
        assert!(!rule(&origin("https://93.184.216.34/"), None), "it must be named");
        // Naming the host lifts that.
        let named = Grants::new(&["http://*.test:*".into(), "http://a.test".into()]).expect("patterns");
        assert!(named.egress()(&origin("http://a.test/"), at("10.0.0.1")));
    }

    #[test]
    fn a_plan_for_somewhere_else_is_denied_with_the_flag() {
        let plan = Plan { targets: vec!["http://victim.test".into()], ..Plan::default() };
        let error = Grants::default().check_plan(&plan).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Denied);
        assert!(error.to_string().contains("--allow http://victim.test"), "{error}");
    }
}
