//! What a component says of the contract it was built for, in its custom section `stresshost:api`.

/// The section's content: JSON.
pub const TEXT: &str =
    concat!(r#"{"api":"0.1.0","sdk":"stresshost-sdk/"#, env!("CARGO_PKG_VERSION"), r#"","language":"rust"}"#);

/// The section's content as an array, which is what a linker section is made of.
pub const SECTION: [u8; TEXT.len()] = bytes();

const fn bytes() -> [u8; TEXT.len()] {
    let mut bytes = [0; TEXT.len()];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = TEXT.as_bytes()[index];
        index += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_json_and_names_the_contract() {
        let section: serde_json::Value = serde_json::from_slice(&SECTION).unwrap();
        let world = include_str!("../../../wit/world.wit");
        let api = section["api"].as_str().unwrap();
        assert!(world.starts_with(&format!("package stresshost:workload@{api};")), "{api}");
        assert_eq!(section["language"], "rust");
    }
}
