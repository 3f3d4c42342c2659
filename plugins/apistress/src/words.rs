//! What names of paths, fields and actions say to people.

/// Lower-case words of a name: `/cart/addItem` is `cart`, `add`, `item`; names in braces are left out.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut depth) = (String::new(), 0_u32);
    let mut was_lower = false;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth > 0 => continue,
            _ => {}
        }
        if c.is_ascii_uppercase() && was_lower && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A noun without the ending of its plural.
pub(crate) fn singular(word: &str) -> &str {
    match word.strip_suffix("ies") {
        Some(_) => word,
        None => word.strip_suffix('s').filter(|rest| rest.len() > 2 && !rest.ends_with('s')).unwrap_or(word),
    }
}

/// Whether two nouns are the same but for their number.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let plain = |word: &str| match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => singular(word).to_owned(),
    };
    plain(a) == plain(b)
}

/// The variable that a value in a path stands for: `{product_id}`, or `{id}` after `/products`, is `product_id`.
pub(crate) fn variable(path: &str, parameter: &str) -> String {
    let plain = words(parameter).join("_");
    if !["id", "uuid", "key", "number"].contains(&plain.as_str()) {
        return plain;
    }
    let before = path.split(&format!("{{{parameter}}}")).next().unwrap_or_default();
    let before = words(before);
    let noun = before.iter().rev().find(|word| !matches!(word.as_str(), "by" | "id"));
    noun.map_or_else(|| plain.clone(), |noun| format!("{}_id", base(noun)))
}

fn base(noun: &str) -> String {
    match noun.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => singular(noun).to_owned(),
    }
}

/// What a request is for, as far as its method and path tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Makes an account.
    Register,
    /// Exchanges a name and a password for a token.
    LogIn,
    /// Pays.
    Pay,
    /// Puts something into a cart.
    AddToCart,
    /// Looks for something by a text.
    Search,
    /// Anything else.
    Other,
}

/// The purpose of a method and a path.
pub(crate) fn purpose(method: &str, path: &str) -> Purpose {
    let words = words(path);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let ends = |any: &[&str]| words.last().is_some_and(|last| any.contains(&last.as_str()));
    let has_value = path.contains('{');
    match method {
        "POST" if ends(&["register", "signup", "registration"]) => Purpose::Register,
        "POST" if ends(&["users", "accounts"]) && !has_value => Purpose::Register,
        "POST" if ends(&["login", "signin", "token", "session", "sessions", "authenticate", "auth"]) => {
            Purpose::LogIn
        }
        "POST" if has(&["checkout", "pay", "payment", "payments", "purchase"]) => Purpose::Pay,
        "POST" if has(&["cart", "basket"]) && !has_value => Purpose::AddToCart,
        "GET" if ends(&["search", "find", "query"]) => Purpose::Search,
        _ => Purpose::Other,
    }
}

/// Words of actions that ask for a method.
const READ: [&str; 12] =
    ["search", "list", "browse", "view", "get", "show", "read", "fetch", "see", "open", "find", "check"];
const MAKE: [&str; 13] = [
    "add", "create", "register", "post", "submit", "checkout", "login", "buy", "pay", "place", "sign",
    "send", "purchase",
];
const CHANGE: [&str; 5] = ["update", "edit", "change", "set", "modify"];
const REMOVE: [&str; 4] = ["delete", "remove", "cancel", "clear"];
/// Words of actions that tell nothing apart.
const FILLERS: [&str; 11] = ["to", "a", "an", "the", "of", "for", "from", "details", "detail", "page", "all"];

/// Methods that an action's first word asks for; none: any.
pub(crate) fn methods(action: &str) -> &'static [&'static str] {
    match words(action).first().map(String::as_str) {
        Some(word) if READ.contains(&word) => &["GET"],
        Some(word) if MAKE.contains(&word) => &["POST", "PUT"],
        Some(word) if CHANGE.contains(&word) => &["PUT", "PATCH", "POST"],
        Some(word) if REMOVE.contains(&word) => &["DELETE", "POST"],
        _ => &[],
    }
}

/// How well a path is what an action is about; None: not at all. Each word of the action that is in the path counts for
/// it, each other word of the path a little against it.
pub(crate) fn likeness(action: &str, path: &str) -> Option<i64> {
    let (action, path) = (words(action), words(path));
    let meant = action.iter().filter(|word| !FILLERS.contains(&word.as_str()));
    let hits = meant.filter(|word| path.iter().any(|known| same(word, known))).count();
    let others = path.iter().filter(|word| !action.iter().any(|known| same(word, known))).count();
    let (hits, others) = (i64::try_from(hits).unwrap_or(0), i64::try_from(others).unwrap_or(0));
    (hits > 0).then_some(hits * 10 - others * 3)
}

/// The nouns of an action: its words without the first one when that only tells what is done.
pub(crate) fn nouns(action: &str) -> Vec<String> {
    let verbs = |word: &str| {
        READ.contains(&word) || MAKE.contains(&word) || CHANGE.contains(&word) || REMOVE.contains(&word)
    };
    let words = words(action).into_iter().enumerate();
    let meant =
        words.filter(|(index, word)| !(FILLERS.contains(&word.as_str()) || *index == 0 && verbs(word)));
    meant.map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(words("/cart/addItem/{item_id}"), ["cart", "add", "item"]);
        assert_eq!(words("view_product_details"), ["view", "product", "details"]);
        assert!(same("products", "product") && same("categories", "category") && !same("address", "addres"));
        for (path, parameter, expected) in [
            ("/products/{product_id}", "product_id", "product_id"),
            ("/products/{id}/stock", "id", "product_id"),
            ("/categories/{id}", "id", "category_id"),
            ("/users/{userId}/profile", "userId", "user_id"),
            ("/{id}", "id", "id"),
        ] {
            assert_eq!(variable(path, parameter), expected, "{path}");
        }
    }

    #[test]
    fn an_action_is_about_the_path_with_most_of_its_words() {
        let paths = [
            "/products/search",
            "/products/{product_id}",
            "/cart/add",
            "/cart/checkout",
            "/users/{user_id}/profile",
        ];
        let best = |action: &str| {
            let scored = paths.iter().filter_map(|path| Some((likeness(action, path)?, *path)));
            scored.max().map(|(_, path)| path)
        };
        for (action, expected) in [
            ("search_products", Some("/products/search")),
            ("view_product_details", Some("/products/{product_id}")),
            ("add_to_cart", Some("/cart/add")),
            ("checkout", Some("/cart/checkout")),
            ("juggle", None),
        ] {
            assert_eq!(best(action), expected, "{action}");
        }
        assert_eq!((methods("view_cart"), nouns("view_cart")), (&["GET"][..], vec!["cart".to_owned()]));
    }

    #[test]
    fn purposes_are_told_by_method_and_path() {
        for (method, path, expected) in [
            ("POST", "/users/register", Purpose::Register),
            ("POST", "/users", Purpose::Register),
            ("POST", "/auth/token", Purpose::LogIn),
            ("POST", "/users/login", Purpose::LogIn),
            ("POST", "/cart/add", Purpose::AddToCart),
            ("POST", "/cart/checkout", Purpose::Pay),
            ("GET", "/products/search", Purpose::Search),
            ("GET", "/users/login", Purpose::Other),
        ] {
            assert_eq!(purpose(method, path), expected, "{method} {path}");
        }
    }
}
