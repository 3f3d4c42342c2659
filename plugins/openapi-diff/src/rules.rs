//! Every rule: its id, its level and what it says.
//!
//! Ids are those of oasdiff where it has the same rule, so that exceptions written for it can be kept.

/// What a change means for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// No client that kept to the base is affected.
    Info,
    /// Some clients may be affected; the documents do not decide it.
    Warning,
    /// A client that kept to the base is refused, or gets what it was never told of.
    Breaking,
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, such as `request-parameter-removed`.
    pub id: &'static str,
    /// Level of its changes. A warning becomes breaking where it is proven.
    pub level: Level,
    /// When it applies, in a sentence.
    pub description: &'static str,
}

/// What a schema describes, which is the middle of a rule's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Parameter,
    RequestBody,
    RequestProperty,
    ResponseBody,
    ResponseProperty,
    Header,
}

impl Subject {
    const COUNT: usize = 6;

    /// Whether clients send it.
    pub(crate) fn is_request(self) -> bool {
        matches!(self, Self::Parameter | Self::RequestBody | Self::RequestProperty)
    }

    /// What a part of it is.
    pub(crate) fn part(self) -> Self {
        match self {
            Self::RequestBody => Self::RequestProperty,
            Self::ResponseBody => Self::ResponseProperty,
            other => other,
        }
    }
}

/// What a change does to the set of values that a schema allows.
enum Effect {
    /// It becomes smaller.
    Narrows,
    /// It becomes larger.
    Widens,
    /// It loses some and gains others.
    Differs,
    /// Nobody can tell.
    Unknown,
    /// It stays.
    Keeps,
}

const fn level(effect: &Effect, is_request: bool) -> Level {
    match effect {
        Effect::Narrows if is_request => Level::Breaking,
        Effect::Widens if !is_request => Level::Breaking,
        Effect::Differs => Level::Breaking,
        Effect::Unknown => Level::Warning,
        Effect::Narrows | Effect::Widens | Effect::Keeps => Level::Info,
    }
}

/// One rule per subject of an aspect.
macro_rules! aspect {
    ($aspect:literal, $effect:ident, $text:literal) => {{
        const REQUEST: Level = level(&Effect::$effect, true);
        const RESPONSE: Level = level(&Effect::$effect, false);
        [
            Rule {
                id: concat!("request-parameter-", $aspect),
                level: REQUEST,
                description: concat!("A parameter of a request: ", $text),
            },
            Rule {
                id: concat!("request-body-", $aspect),
                level: REQUEST,
                description: concat!("The body of a request: ", $text),
            },
            Rule {
                id: concat!("request-property-", $aspect),
                level: REQUEST,
                description: concat!("A part of the body of a request: ", $text),
            },
            Rule {
                id: concat!("response-body-", $aspect),
                level: RESPONSE,
                description: concat!("The body of a response: ", $text),
            },
            Rule {
                id: concat!("response-property-", $aspect),
                level: RESPONSE,
                description: concat!("A part of the body of a response: ", $text),
            },
            Rule {
                id: concat!("response-header-", $aspect),
                level: RESPONSE,
                description: concat!("A header of a response: ", $text),
            },
        ]
    }};
}

macro_rules! rules {
    (
        single { $($single:ident $id:literal $level:ident $description:literal)* }
        schema { $($name:ident $aspect:literal $effect:ident $text:literal)* }
    ) => {
        /// A rule about one thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Single { $($single),* }

        /// What may change of a schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Aspect { $($name),* }

        const SINGLES: &[Rule] =
            &[$(Rule { id: $id, level: Level::$level, description: $description }),*];
        const ASPECTS: &[[Rule; Subject::COUNT]] = &[$(aspect!($aspect, $effect, $text)),*];
    };
}

rules! {
    single {
        EndpointAdded "endpoint-added" Info "An operation was added."
        EndpointDeprecated "endpoint-deprecated" Info "An operation should no longer be used."
        EndpointReactivated "endpoint-reactivated" Info "An operation may be used again."
        PathRemoved "api-path-removed-without-deprecation" Breaking "A path was removed with an operation that was not deprecated."
        PathRemovedDeprecated "api-path-removed-with-deprecation" Warning "A path was removed with an operation that was deprecated."
        OperationRemoved "api-removed-without-deprecation" Breaking "An operation that was not deprecated was removed; its path stays."
        OperationRemovedDeprecated "api-removed-with-deprecation" Warning "An operation that was deprecated was removed; its path stays."
        OperationIdRemoved "api-operation-id-removed" Info "The `operationId` was removed or replaced; code generated from it gets other names."
        OperationIdAdded "api-operation-id-added" Info "An `operationId` was added."

        SecurityAdded "api-security-added" Breaking "Anybody was let in, and now credentials are needed."
        SecurityRemoved "api-security-removed" Breaking "A way to be let in was removed, or needs more."
        SecurityAlternativeAdded "api-security-alternative-added" Info "Another way to be let in was added."
        SecurityDropped "api-security-no-longer-required" Info "Credentials were needed, and now anybody is let in."

        ParameterRequiredAdded "new-required-request-parameter" Breaking "A required parameter was added."
        ParameterOptionalAdded "new-optional-request-parameter" Info "An optional parameter was added."
        ParameterRemoved "request-parameter-removed" Warning "A parameter was removed; a server may refuse it or pass over it."
        ParameterBecameRequired "request-parameter-became-required" Breaking "An optional parameter became required."
        ParameterBecameOptional "request-parameter-became-optional" Info "A required parameter became optional."

        BodyRequiredAdded "request-body-added-required" Breaking "A required body was added to a request."
        BodyOptionalAdded "request-body-added-optional" Info "An optional body was added to a request."
        BodyRemoved "request-body-removed" Breaking "The body of a request was removed."
        BodyBecameRequired "request-body-became-required" Breaking "The body of a request became required."
        BodyBecameOptional "request-body-became-optional" Info "The body of a request became optional."
        BodyMediaTypeRemoved "request-body-media-type-removed" Breaking "A media type of a request was removed."
        BodyMediaTypeAdded "request-body-media-type-added" Info "A media type of a request was added."

        RequestRequiredPropertyAdded "new-required-request-property" Breaking "A required property was added to a request."
        RequestOptionalPropertyAdded "new-optional-request-property" Info "An optional property was added to a request."
        RequestPropertyRemoved "request-property-removed" Warning "A property of a request was removed; breaking where other properties are forbidden."
        RequestPropertyBecameRequired "request-property-became-required" Breaking "An optional property of a request became required."
        RequestPropertyBecameOptional "request-property-became-optional" Info "A required property of a request became optional."

        SuccessStatusRemoved "response-success-status-removed" Breaking "A success status was removed."
        SuccessStatusAdded "response-success-status-added" Info "A success status was added."
        OtherStatusRemoved "response-non-success-status-removed" Info "A status that is no success was removed."
        OtherStatusAdded "response-non-success-status-added" Info "A status that is no success was added."
        MediaTypeRemoved "response-media-type-removed" Breaking "A media type of a response was removed."
        MediaTypeAdded "response-media-type-added" Info "A media type of a response was added."

        HeaderRequiredRemoved "required-response-header-removed" Breaking "A header that a response always had was removed."
        HeaderOptionalRemoved "optional-response-header-removed" Warning "A header that a response may have was removed."
        HeaderAdded "response-header-added" Info "A header of a response was added."
        HeaderBecameOptional "response-header-became-optional" Breaking "A header that a response always had became optional."
        HeaderBecameRequired "response-header-became-required" Info "A header that a response may have became required."

        ResponseRequiredPropertyRemoved "response-required-property-removed" Breaking "A required property of a response was removed."
        ResponseOptionalPropertyRemoved "response-optional-property-removed" Info "An optional property of a response was removed."
        ResponseRequiredPropertyAdded "response-required-property-added" Info "A required property was added to a response; breaking where the base forbade other properties."
        ResponseOptionalPropertyAdded "response-optional-property-added" Info "An optional property was added to a response; breaking where the base forbade other properties."
        ResponsePropertyBecameOptional "response-property-became-optional" Breaking "A required property of a response became optional."
        ResponsePropertyBecameRequired "response-property-became-required" Info "An optional property of a response became required."
    }
    schema {
        TypeChanged "type-changed" Differs "its type became another one, or its types fewer or more in the direction that breaks."
        TypeCompatible "type-compatible" Keeps "its type or format changed in the direction that breaks nobody."
        FormatChanged "format-changed" Unknown "its format changed; whether formats are checked is the server's choice."
        BecameNullable "became-nullable" Widens "it may be null."
        BecameNotNullable "became-not-nullable" Narrows "it may no longer be null."
        BecameEnum "became-enum" Narrows "it became one of some values."
        BecameNotEnum "became-not-enum" Widens "it is no longer one of some values."
        EnumValueRemoved "enum-value-removed" Narrows "a value is no longer allowed."
        EnumValueAdded "enum-value-added" Widens "a value was added to those allowed."

        MinIncreased "min-increased" Narrows "the least value became larger."
        MinDecreased "min-decreased" Widens "the least value became smaller."
        MinSet "min-set" Narrows "it got a least value."
        MinUnset "min-unset" Widens "it has no least value any longer."
        MaxIncreased "max-increased" Widens "the greatest value became larger."
        MaxDecreased "max-decreased" Narrows "the greatest value became smaller."
        MaxSet "max-set" Narrows "it got a greatest value."
        MaxUnset "max-unset" Widens "it has no greatest value any longer."
        MinLengthIncreased "min-length-increased" Narrows "the least length became larger."
        MinLengthDecreased "min-length-decreased" Widens "the least length became smaller."
        MinLengthSet "min-length-set" Narrows "it got a least length."
        MinLengthUnset "min-length-unset" Widens "it has no least length any longer."
        MaxLengthIncreased "max-length-increased" Widens "the greatest length became larger."
        MaxLengthDecreased "max-length-decreased" Narrows "the greatest length became smaller."
        MaxLengthSet "max-length-set" Narrows "it got a greatest length."
        MaxLengthUnset "max-length-unset" Widens "it has no greatest length any longer."
        MinItemsIncreased "min-items-increased" Narrows "the least number of items became larger."
        MinItemsDecreased "min-items-decreased" Widens "the least number of items became smaller."
        MinItemsSet "min-items-set" Narrows "it got a least number of items."
        MinItemsUnset "min-items-unset" Widens "it has no least number of items any longer."
        MaxItemsIncreased "max-items-increased" Widens "the greatest number of items became larger."
        MaxItemsDecreased "max-items-decreased" Narrows "the greatest number of items became smaller."
        MaxItemsSet "max-items-set" Narrows "it got a greatest number of items."
        MaxItemsUnset "max-items-unset" Widens "it has no greatest number of items any longer."
        MinPropertiesIncreased "min-properties-increased" Narrows "the least number of properties became larger."
        MinPropertiesDecreased "min-properties-decreased" Widens "the least number of properties became smaller."
        MinPropertiesSet "min-properties-set" Narrows "it got a least number of properties."
        MinPropertiesUnset "min-properties-unset" Widens "it has no least number of properties any longer."
        MaxPropertiesIncreased "max-properties-increased" Widens "the greatest number of properties became larger."
        MaxPropertiesDecreased "max-properties-decreased" Narrows "the greatest number of properties became smaller."
        MaxPropertiesSet "max-properties-set" Narrows "it got a greatest number of properties."
        MaxPropertiesUnset "max-properties-unset" Widens "it has no greatest number of properties any longer."

        MultipleOfSet "multiple-of-set" Narrows "it must be a multiple of something."
        MultipleOfUnset "multiple-of-unset" Widens "it need not be a multiple of anything any longer."
        MultipleOfChanged "multiple-of-changed" Differs "what it must be a multiple of changed."
        MultipleOfCompatible "multiple-of-compatible" Keeps "what it must be a multiple of changed in the direction that breaks nobody."
        PatternAdded "pattern-added" Narrows "it must match a pattern."
        PatternRemoved "pattern-removed" Widens "it need not match a pattern any longer."
        PatternChanged "pattern-changed" Unknown "its pattern changed; breaking where a value proves it."
        UniqueItemsSet "unique-items-set" Narrows "its items must differ."
        UniqueItemsUnset "unique-items-unset" Widens "its items need not differ any longer."
        AdditionalPropertiesForbidden "additional-properties-forbidden" Narrows "properties that are not described are forbidden."
        AdditionalPropertiesAllowed "additional-properties-allowed" Widens "properties that are not described are no longer forbidden."

        OneOfAdded "one-of-added" Widens "an alternative was added to its `oneOf`."
        OneOfRemoved "one-of-removed" Narrows "an alternative was removed from its `oneOf`."
        AnyOfAdded "any-of-added" Widens "an alternative was added to its `anyOf`."
        AnyOfRemoved "any-of-removed" Narrows "an alternative was removed from its `anyOf`."

        DefaultAdded "default-value-added" Keeps "it got a default."
        DefaultChanged "default-value-changed" Keeps "its default changed."
        DefaultRemoved "default-value-removed" Keeps "it has no default any longer."
        Deprecated "deprecated" Keeps "it should no longer be used."
        Reactivated "reactivated" Keeps "it may be used again."
    }
}

const COUNT: usize = SINGLES.len() + ASPECTS.len() * Subject::COUNT;

const fn table() -> [Rule; COUNT] {
    let mut table = [SINGLES[0]; COUNT];
    let mut at = 0;
    while at < COUNT {
        table[at] = if at < SINGLES.len() {
            SINGLES[at]
        } else {
            let at = at - SINGLES.len();
            ASPECTS[at / Subject::COUNT][at % Subject::COUNT]
        };
        at += 1;
    }
    table
}

static TABLE: [Rule; COUNT] = table();

/// Every rule.
pub static RULES: &[Rule] = &TABLE;

impl Single {
    pub(crate) fn rule(self) -> &'static Rule {
        &TABLE[self as usize]
    }
}

impl Aspect {
    pub(crate) fn rule(self, subject: Subject) -> &'static Rule {
        &TABLE[SINGLES.len() + self as usize * Subject::COUNT + subject as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_told_apart_and_descriptions_are_sentences() {
        let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.description.ends_with('.')));
    }

    #[test]
    fn levels_follow_the_direction() {
        for (subject, expected) in [
            (Subject::Parameter, Level::Breaking),
            (Subject::RequestProperty, Level::Breaking),
            (Subject::ResponseBody, Level::Info),
            (Subject::Header, Level::Info),
        ] {
            assert_eq!(Aspect::MaxLengthDecreased.rule(subject).level, expected);
        }
        assert_eq!(Aspect::Reactivated.rule(Subject::Header).id, "response-header-reactivated");
        assert_eq!(Single::EndpointAdded.rule().id, "endpoint-added");
    }
}
