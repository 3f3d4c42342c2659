//! Texts that look like what people enter. They are nobody's: made of common words and numbers.

use stresshost_sdk::random;
use stresshost_sdk::serde::{Deserialize, Serialize};

/// What a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Fake {
    Name,
    Email,
    Word,
    Sentence,
    City,
    Phone,
    Uuid,
    Date,
    Timestamp,
}

const ALL: [Fake; 9] = [
    Fake::Name,
    Fake::Email,
    Fake::Word,
    Fake::Sentence,
    Fake::City,
    Fake::Phone,
    Fake::Uuid,
    Fake::Date,
    Fake::Timestamp,
];

const FIRST: [&str; 16] = [
    "Ada", "Ben", "Cora", "Dan", "Elif", "Finn", "Grace", "Hugo", "Ines", "Jun", "Kira", "Liam", "Mia",
    "Noor", "Omar", "Pia",
];
const LAST: [&str; 16] = [
    "Abel", "Berg", "Costa", "Diaz", "Evans", "Faber", "Gupta", "Horn", "Ito", "Jansen", "Khan", "Lopez",
    "Moreau", "Novak", "Olsen", "Park",
];
const WORDS: [&str; 24] = [
    "amber", "basket", "cotton", "delta", "ember", "fabric", "garden", "harbor", "indigo", "jacket",
    "kettle", "lantern", "marble", "nectar", "orchid", "pepper", "quartz", "ribbon", "silver", "timber",
    "umbrella", "velvet", "willow", "zephyr",
];
const CITIES: [&str; 12] = [
    "Aarhus", "Bergen", "Cork", "Dakar", "Exeter", "Fukuoka", "Graz", "Hanoi", "Izmir", "Jena", "Kyoto",
    "Lyon",
];

fn one<'a>(list: &[&'a str]) -> &'a str {
    usize::try_from(random::below(list.len() as u64))
        .ok()
        .and_then(|place| list.get(place))
        .copied()
        .unwrap_or_default()
}

impl Fake {
    /// Words that name a kind.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> {
        ALL.into_iter().map(Self::name)
    }

    /// The kind of a word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.name() == word)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Word => "word",
            Self::Sentence => "sentence",
            Self::City => "city",
            Self::Phone => "phone",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// The next text. Dates lie in 2024, so that a run is the same on any day.
    pub(crate) fn draw(self) -> String {
        let date = || format!("2024-{:02}-{:02}", random::between(1, 12), random::between(1, 28));
        match self {
            Self::Name => format!("{} {}", one(&FIRST), one(&LAST)),
            Self::Email => {
                format!("{}.{}.{:08x}@example.com", one(&FIRST), one(&LAST), random::below(1 << 32))
                    .to_lowercase()
            }
            Self::Word => one(&WORDS).to_owned(),
            Self::Sentence => {
                let count = random::between(4, 10);
                let words: Vec<&str> = (0..count).map(|_| one(&WORDS)).collect();
                words.join(" ")
            }
            Self::City => one(&CITIES).to_owned(),
            Self::Phone => format!("+1 555 01{:02} {:04}", random::below(100), random::below(10_000)),
            Self::Uuid => random::uuid(),
            Self::Date => date(),
            Self::Timestamp => {
                let (hour, minute, second) = (random::below(24), random::below(60), random::below(60));
                format!("{} {hour:02}:{minute:02}:{second:02}", date())
            }
        }
    }

    /// What a column of texts holds, by its name.
    pub(crate) fn of_column(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |word: &str| name.contains(word);
        match () {
            () if has("email") || has("mail") => Self::Email,
            () if has("phone") || has("mobile") => Self::Phone,
            () if has("city") || has("town") => Self::City,
            () if has("uuid") || has("guid") => Self::Uuid,
            () if has("description") || has("comment") || has("note") || has("text") || has("body") => {
                Self::Sentence
            }
            () if has("name") && !has("file") => Self::Name,
            () => Self::Word,
        }
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::testing::FakeHost;

    use super::*;

    #[test]
    fn every_kind_has_a_word_and_makes_texts() {
        let _host = FakeHost::new();
        for word in Fake::words() {
            let kind = Fake::of_word(word).unwrap();
            assert_eq!(kind.name(), word);
            assert!(!kind.draw().is_empty());
        }
        assert!(Fake::Email.draw().ends_with("@example.com"));
        assert_eq!(Fake::of_column("billing_email"), Fake::Email);
        assert_eq!(Fake::of_column("status"), Fake::Word);
    }
}
