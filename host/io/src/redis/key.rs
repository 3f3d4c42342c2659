//! Which node of a cluster a command belongs to: its key and the key's hash slot.
//!
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, "Key distribution model".

/// Hash slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// Where a command's key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// It has none: any node will do.
    Nowhere,
    /// The word of an index.
    Word(usize),
}

impl KeyPlace {
    /// The place that the option `key` names: the index of a word, or `none`.
    pub(crate) fn named(value: &str, words: usize) -> Result<Self, String> {
        match value.trim() {
            "none" => Ok(Self::Nowhere),
            index => index.parse().ok().filter(|&index| index < words).map(Self::Word).ok_or_else(|| {
                format!("`{value}` is neither `none` nor the index of a word, 0 for the command itself")
            }),
        }
    }
}

/// Commands whose first key is not the word after their name; the others' is. By name, and by how the key is found.
const ELSEWHERE: &[(&str, Find)] = &[
    ("ACL", Find::None),
    ("ASKING", Find::None),
    ("AUTH", Find::None),
    ("BITOP", Find::At(2)),
    ("BLMPOP", Find::At(3)),
    ("BZMPOP", Find::At(3)),
    ("CLIENT", Find::None),
    ("CLUSTER", Find::None),
    ("COMMAND", Find::None),
    ("CONFIG", Find::None),
    ("DBSIZE", Find::None),
    ("DEBUG", Find::None),
    ("DISCARD", Find::None),
    ("ECHO", Find::None),
    ("EVAL", Find::Counted(2)),
    ("EVALSHA", Find::Counted(2)),
    ("EVALSHA_RO", Find::Counted(2)),
    ("EVAL_RO", Find::Counted(2)),
    ("EXEC", Find::None),
    ("FCALL", Find::Counted(2)),
    ("FCALL_RO", Find::Counted(2)),
    ("FLUSHALL", Find::None),
    ("FLUSHDB", Find::None),
    ("FUNCTION", Find::None),
    ("HELLO", Find::None),
    ("INFO", Find::None),
    ("KEYS", Find::None),
    ("LATENCY", Find::None),
    ("LMPOP", Find::At(2)),
    ("MEMORY", Find::At(2)),
    ("MULTI", Find::None),
    ("OBJECT", Find::At(2)),
    ("PING", Find::None),
    ("PUBLISH", Find::None),
    ("RANDOMKEY", Find::None),
    ("SCAN", Find::None),
    ("SCRIPT", Find::None),
    ("SINTERCARD", Find::At(2)),
    ("SLOWLOG", Find::None),
    ("TIME", Find::None),
    ("UNWATCH", Find::None),
    ("WAIT", Find::None),
    ("XGROUP", Find::At(2)),
    ("XINFO", Find::At(2)),
    ("XREAD", Find::After("STREAMS")),
    ("XREADGROUP", Find::After("STREAMS")),
    ("ZDIFF", Find::At(2)),
    ("ZINTER", Find::At(2)),
    ("ZINTERCARD", Find::At(2)),
    ("ZMPOP", Find::At(2)),
    ("ZUNION", Find::At(2)),
];

#[derive(Clone, Copy)]
enum Find {
    None,
    /// At an index.
    At(usize),
    /// After the number of keys, which stands at an index; none when it is 0.
    Counted(usize),
    /// After a word.
    After(&'static str),
}

/// Where the first key of a command stands.
pub(crate) fn key_place(words: &[Vec<u8>]) -> KeyPlace {
    let name = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let find = ELSEWHERE.iter().find(|(command, _)| command.as_bytes() == name).map(|(_, find)| *find);
    let index = match find.unwrap_or(Find::At(1)) {
        Find::None => None,
        Find::At(index) => Some(index),
        Find::Counted(count) => {
            let is_zero = words.get(count).is_some_and(|count| count == b"0");
            (!is_zero).then_some(count + 1)
        }
        Find::After(word) => {
            let is_word = |other: &Vec<u8>| other.eq_ignore_ascii_case(word.as_bytes());
            words.iter().position(is_word).map(|index| index + 1)
        }
    };
    index.filter(|&index| index < words.len()).map_or(KeyPlace::Nowhere, KeyPlace::Word)
}

/// The hash slot of a key: of what stands between its first `{` and the `}` after it, if that is anything.
pub(crate) fn hash_slot(key: &[u8]) -> u16 {
    let tag = memchr::memchr(b'{', key).and_then(|open| {
        let after = key.get(open + 1..)?;
        let close = memchr::memchr(b'}', after)?;
        after.get(..close).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // From a server's CLUSTER KEYSLOT.
        for (key, slot) in [("foo", 12_182), ("bar", 5_061), ("hello", 866), ("", 0)] {
            assert_eq!(hash_slot(key.as_bytes()), slot, "{key}");
        }
        for (key, tag) in [
            ("{user}.a", "user"),
            ("x{user}{b}", "user"),
            ("a{}{b}", "a{}{b}"),
            ("a{b", "a{b"),
            ("{{b}", "{b"),
        ] {
            assert_eq!(hash_slot(key.as_bytes()), crc16(tag.as_bytes()) % SLOTS, "{key}");
        }
    }

    #[test]
    fn keys_are_found() {
        for (words, place) in [
            ("GET a", KeyPlace::Word(1)),
            ("mset a 1 b 2", KeyPlace::Word(1)),
            ("PING", KeyPlace::Nowhere),
            ("GET", KeyPlace::Nowhere),
            ("EVAL s 1 a", KeyPlace::Word(3)),
            ("EVAL s 0 a", KeyPlace::Nowhere),
            ("XREAD COUNT 2 streams a b 0 0", KeyPlace::Word(4)),
            ("BITOP AND a b c", KeyPlace::Word(2)),
        ] {
            let words: Vec<_> = words.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            assert_eq!(key_place(&words), place, "{words:?}");
        }
        assert_eq!(KeyPlace::named("2", 3), Ok(KeyPlace::Word(2)));
        assert_eq!(KeyPlace::named("none", 1), Ok(KeyPlace::Nowhere));
        assert!(KeyPlace::named("3", 3).is_err());
    }
}
