//! HTML: whether a client prefers it, and what a page is sent with.

use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderMap};
use axum::response::{Html, IntoResponse, Response};

/// A page that loads and runs nothing.
pub(super) fn page(html: String) -> Response {
    ([(CONTENT_SECURITY_POLICY, "default-src 'none'")], Html(html)).into_response()
}

/// The text with every character that HTML gives a meaning escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether the Accept headers prefer HTML to JSON: by weight, and of equal weights by what comes first.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let accepted: Vec<(&str, f32)> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(range)
        .collect();
    let Some((html, html_weight)) = weight(&accepted, ["text/html", "text/*", "*/*"]) else { return false };
    let Some((json, json_weight)) = weight(&accepted, ["application/json", "application/*", "*/*"]) else {
        return html_weight > 0.0;
    };
    html_weight > json_weight || (html_weight > 0.0 && html_weight == json_weight && html < json)
}

/// A media range and its weight; one that cannot be read weighs nothing.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (media, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
}

/// Position and weight of the first of the ranges, from the most to the least specific, that is accepted.
fn weight(accepted: &[(&str, f32)], ranges: [&str; 3]) -> Option<(usize, f32)> {
    let find = |range: &str| accepted.iter().position(|(media, _)| media.eq_ignore_ascii_case(range));
    let position = ranges.into_iter().find_map(find)?;
    accepted.get(position).map(|(_, weight)| (position, *weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preference_is_the_clients() {
        for (accept, html) in [
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/html, application/json", true),
            ("application/json, text/html", false),
            ("application/json;q=0.5, text/html", true),
            ("application/json, text/html;q=0.9", false),
            ("*/*", false),
            ("text/*", true),
            ("text/html;q=0", false),
            ("text/html;q=x", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(prefers_html(&headers), html, "{accept}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(escaped("<a href='x'>\"&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
    }
}
