//! Keys and values by number: who knows the number knows both, so that any answer can be checked.

/// Begins every key, so that nobody else's is touched.
const PREFIX: &str = "stresshost:";

/// Fills values up.
const FILLING: u8 = b'.';

/// The key of a number.
pub fn key(number: u64) -> String {
    format!("{PREFIX}{number}")
}

/// The value of a key: the key itself, filled up or cut to `length` bytes.
pub fn value(key: &[u8], length: usize) -> Vec<u8> {
    let mut value = key.to_vec();
    value.resize(length, FILLING);
    value
}

/// Whether a value is that of a key.
pub fn is_value(value: &[u8], key: &[u8], length: usize) -> bool {
    let (named, filling) = value.split_at(key.len().min(value.len()));
    value.len() == length && key.starts_with(named) && filling.iter().all(|&byte| byte == FILLING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_its_key_only() {
        for length in [1, 11, 12, 13, 100] {
            let own = value(b"stresshost:7", length);
            assert_eq!(own.len(), length);
            assert!(is_value(&own, b"stresshost:7", length));
            assert!(!is_value(&own, b"stresshost:7", length + 1));
            assert_eq!(is_value(&own, b"stresshost:8", length), length < 12, "a cut value is many keys'");
        }
        assert!(!is_value(b"stresshost:7.x", b"stresshost:7", 14));
    }
}
