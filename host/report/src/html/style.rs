//! The looks of the page and its one small script.

/// Colours, type and layout.
pub(super) const STYLE: &str = include_str!("style.css");

/// Shows values under the pointer in a box of the page's own in place of the browser's slow tooltips. Free of `<` and
/// `&`, which well-formed XML would need escaped and HTML would not.
pub(super) const SCRIPT: &str = include_str!("tips.js");
