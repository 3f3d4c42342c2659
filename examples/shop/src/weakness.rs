//! What can be made vulnerable on purpose. Every weakness is off by default: the shop is then its own patched twin.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

/// A weakness that can be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Weakness {
    /// `GET /products/search` concatenates `q` into its SQL and shows the errors of SQLite.
    SqlInjection,
    /// `POST /newsletter` concatenates the e-mail into its SQL, which knows `sleep(seconds)`, and shows no error.
    BlindSqlInjection,
    /// The page of `GET /products/search` shows the query without escaping it.
    ReflectedXss,
    /// Orders and profiles are served to every authenticated caller, whosever they are.
    Bola,
    /// `GET /admin/users` serves every authenticated caller.
    Bfla,
    /// Orders and profiles are served without looking at the token.
    MissingAuth,
    /// Logins may fail any number of times: no account is locked.
    MissingRateLimit,
    /// Registration and profiles accept the undocumented field `role` and ignore other unknown fields.
    MassAssignment,
    /// `price_cents` of a product, and `total_count` of even pages of a search, are strings.
    SchemaDeviation,
    /// `POST /users/register` answers 200 instead of 201.
    WrongStatus,
    /// Malformed bodies and numbers are answered 500 with the text of a panic and its backtrace.
    StackTrace,
    /// `GET /products/search` waits 400 ms before it answers.
    SlowEndpoint,
    /// Every `Origin` may read every answer, with credentials.
    CorsReflection,
    /// `TRACE` echoes the head of the request.
    TraceMethod,
    /// The headers tell the software and its versions.
    VerboseServer,
    /// `GET /users/{id}/profile` shows the password.
    UndocumentedField,
}

impl Weakness {
    /// Every weakness.
    pub const ALL: [Self; 16] = [
        Self::SqlInjection,
        Self::BlindSqlInjection,
        Self::ReflectedXss,
        Self::Bola,
        Self::Bfla,
        Self::MissingAuth,
        Self::MissingRateLimit,
        Self::MassAssignment,
        Self::SchemaDeviation,
        Self::WrongStatus,
        Self::StackTrace,
        Self::SlowEndpoint,
        Self::CorsReflection,
        Self::TraceMethod,
        Self::VerboseServer,
        Self::UndocumentedField,
    ];

    /// The name in flags and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::SqlInjection => "sql_injection",
            Self::BlindSqlInjection => "blind_sql_injection",
            Self::ReflectedXss => "reflected_xss",
            Self::Bola => "bola",
            Self::Bfla => "bfla",
            Self::MissingAuth => "missing_auth",
            Self::MissingRateLimit => "missing_rate_limit",
            Self::MassAssignment => "mass_assignment",
            Self::SchemaDeviation => "schema_deviation",
            Self::WrongStatus => "wrong_status",
            Self::StackTrace => "stack_trace",
            Self::SlowEndpoint => "slow_endpoint",
            Self::CorsReflection => "cors_reflection",
            Self::TraceMethod => "trace_method",
            Self::VerboseServer => "verbose_server",
            Self::UndocumentedField => "undocumented_field",
        }
    }

    fn bit(self) -> u32 {
        1 << self as u8
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of weaknesses; in JSON, the list of their names. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Weakness>", into = "Vec<Weakness>")]
pub struct Weaknesses(u32);

impl Weaknesses {
    /// No weakness: the patched twin.
    pub const NONE: Self = Self(0);

    /// Every weakness.
    pub fn all() -> Self {
        Weakness::ALL.into_iter().collect()
    }

    /// Whether `weakness` is in the set.
    pub fn contains(self, weakness: Weakness) -> bool {
        self.0 & weakness.bit() != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The weaknesses in the set, in the order of [`Weakness::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Weakness> {
        Weakness::ALL.into_iter().filter(move |weakness| self.contains(*weakness))
    }
}

impl FromIterator<Weakness> for Weaknesses {
    fn from_iter<I: IntoIterator<Item = Weakness>>(weaknesses: I) -> Self {
        Self(weaknesses.into_iter().fold(0, |bits, weakness| bits | weakness.bit()))
    }
}

impl From<Weakness> for Weaknesses {
    fn from(weakness: Weakness) -> Self {
        Self(weakness.bit())
    }
}

impl From<Vec<Weakness>> for Weaknesses {
    fn from(weaknesses: Vec<Weakness>) -> Self {
        weaknesses.into_iter().collect()
    }
}

impl From<Weaknesses> for Vec<Weakness> {
    fn from(weaknesses: Weaknesses) -> Self {
        weaknesses.iter().collect()
    }
}

/// A name that no weakness has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no weakness {name:?}; choose all or one of {}", Weakness::ALL.map(Weakness::name).join(", "))]
pub struct UnknownWeakness {
    /// The name asked for.
    pub name: String,
}

impl FromStr for Weaknesses {
    type Err = UnknownWeakness;

    /// Reads the name of one weakness, or `all`.
    fn from_str(name: &str) -> Result<Self, UnknownWeakness> {
        if name == "all" {
            return Ok(Self::all());
        }
        let named = Weakness::ALL.into_iter().find(|weakness| weakness.name() == name);
        named.map(Self::from).ok_or_else(|| UnknownWeakness { name: name.to_owned() })
    }
}

/// The weaknesses in force: set live, read without a lock.
pub(crate) struct Live(AtomicU32);

impl Live {
    pub(crate) fn new(weaknesses: Weaknesses) -> Self {
        Self(AtomicU32::new(weaknesses.0))
    }

    pub(crate) fn get(&self) -> Weaknesses {
        Weaknesses(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, weaknesses: Weaknesses) {
        self.0.store(weaknesses.0, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, weakness: Weakness) -> bool {
        self.get().contains(weakness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weakness_has_one_name_and_one_bit() {
        for weakness in Weakness::ALL {
            assert_eq!(serde_json::to_value(weakness).unwrap(), weakness.name());
            let only: Weaknesses = weakness.name().parse().unwrap();
            assert_eq!(only.iter().collect::<Vec<_>>(), [weakness]);
        }
        assert_eq!("all".parse(), Ok(Weaknesses::all()));
        assert_eq!(Weaknesses::all().iter().count(), Weakness::ALL.len());
        assert!("sqli".parse::<Weaknesses>().unwrap_err().to_string().contains("sql_injection, blind"));
    }

    #[test]
    fn a_set_is_a_list_of_names() {
        let set: Weaknesses = serde_json::from_str(r#"["bola","bfla","bola"]"#).unwrap();
        assert_eq!(set, [Weakness::Bfla, Weakness::Bola].into_iter().collect());
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["bola","bfla"]"#);
        assert!(serde_json::from_str::<Weaknesses>(r#"["bolt"]"#).is_err());
        let live = Live::new(Weaknesses::NONE);
        live.set(set);
        assert!(live.has(Weakness::Bola) && !live.has(Weakness::SqlInjection));
    }
}
