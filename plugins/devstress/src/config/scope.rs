//! Which variables a request may use.

use stresshost_sdk::documents::{Feed, nearest};

use crate::document::Source;

/// Variables that are always there.
const BUILT_IN: [&str; 3] = ["vu", "iteration", "uuid"];

/// The variables of a journey at one of its requests.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    feeds: &'a [Feed],
    /// Extracted so far, by index.
    extracted: Vec<String>,
    /// Feeds used so far, by index.
    pub(crate) feeds_used: Vec<usize>,
}

impl<'a> Scope<'a> {
    pub(crate) const fn new(feeds: &'a [Feed]) -> Self {
        Self { feeds, extracted: Vec::new(), feeds_used: Vec::new() }
    }

    /// Number of variables extracted.
    pub(crate) fn variables(&self) -> usize {
        self.extracted.len()
    }

    /// Makes an extracted variable known to the requests after this one; its index.
    pub(crate) fn extract(&mut self, name: &str) -> usize {
        self.extracted.iter().position(|known| known == name).unwrap_or_else(|| {
            self.extracted.push(name.to_owned());
            self.extracted.len() - 1
        })
    }

    /// Whether a name is taken by a variable that cannot be extracted.
    pub(crate) fn is_reserved(name: &str) -> bool {
        name.contains('.') || name == "random" || BUILT_IN.contains(&name)
    }

    /// Where a variable's value comes from; else what there is instead.
    pub(crate) fn source(&mut self, name: &str) -> Result<Source, String> {
        match name {
            "vu" => return Ok(Source::Vu),
            "iteration" => return Ok(Source::Iteration),
            "uuid" => return Ok(Source::Uuid),
            _ => {}
        }
        if let Some(index) = self.extracted.iter().position(|known| known == name) {
            return Ok(Source::Extracted { index, name: name.to_owned() });
        }
        let Some((before, after)) = name.split_once('.') else { return Err(self.hint(name)) };
        if before == "random" {
            return random(after)
                .ok_or_else(|| "write `random.100` for 0 to 99 or `random.1-6` for 1 to 6".to_owned());
        }
        let Some(feed) = self.feeds.iter().position(|feed| feed.name == before) else {
            return Err(self.hint(name));
        };
        let columns = &self.feeds[feed].columns;
        let Some(column) = columns.iter().position(|column| column == after) else {
            return Err(format!("the columns of `{before}` are: {}", columns.join(", ")));
        };
        if !self.feeds_used.contains(&feed) {
            self.feeds_used.push(feed);
        }
        Ok(Source::Feed { feed, column })
    }

    fn hint(&self, name: &str) -> String {
        let columns = self
            .feeds
            .iter()
            .flat_map(|feed| feed.columns.iter().map(move |column| format!("{}.{column}", feed.name)));
        let known: Vec<String> = self
            .extracted
            .iter()
            .cloned()
            .chain(columns)
            .chain(BUILT_IN.iter().map(|&name| name.to_owned()))
            .chain(["random.N".to_owned()])
            .collect();
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        match nearest(name, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "known here: {}; a request must extract a variable before another uses it",
                names.join(", ")
            ),
        }
    }
}

/// The range of `random.N` or `random.A-B`.
fn random(range: &str) -> Option<Source> {
    let (min, max) = match range.split_once('-') {
        None => (0, range.parse::<u64>().ok()?.checked_sub(1)?),
        Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
    };
    (min <= max).then_some(Source::Random { min, max })
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::documents::FeedOrder;

    use super::*;

    #[test]
    fn resolves_every_kind_of_variable() {
        let feeds = [Feed {
            name: "users".into(),
            columns: vec!["email".into()],
            rows: vec![vec!["a".into()]],
            order: FeedOrder::Sequential,
        }];
        let mut scope = Scope::new(&feeds);
        assert_eq!(scope.extract("token"), 0);
        assert_eq!(scope.extract("id"), 1);
        assert_eq!(scope.extract("token"), 0);
        for (name, source) in [
            ("vu", Source::Vu),
            ("uuid", Source::Uuid),
            ("id", Source::Extracted { index: 1, name: "id".into() }),
            ("random.10", Source::Random { min: 0, max: 9 }),
            ("random.5-5", Source::Random { min: 5, max: 5 }),
            ("users.email", Source::Feed { feed: 0, column: 0 }),
        ] {
            assert_eq!(scope.source(name), Ok(source), "{name}");
        }
        assert_eq!(scope.feeds_used, [0]);
        for (name, hint) in [
            ("tokn", "did you mean `token`?"),
            ("users.mail", "the columns of `users` are: email"),
            ("random.0", "write `random.100`"),
            ("random.9-1", "write `random.100`"),
            ("nothing_like_it", "known here: token, id, users.email, vu"),
        ] {
            let given = scope.source(name).unwrap_err();
            assert!(given.starts_with(hint), "{name}: {given}");
        }
    }
}
