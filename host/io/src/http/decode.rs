//! Undoes content codings, within a limit.

use std::io::{self, Read};

use super::limits::MAX_CODINGS;
use super::response::BodyError;

/// Bytes a decoder reads ahead.
const DECODER_BUFFER_BYTES: usize = 4096;

/// Undoes the codings named by a `content-encoding` value; `None` when there are none.
pub(crate) fn decode(body: &[u8], codings: &[u8], limit: usize) -> Result<Option<Vec<u8>>, BodyError> {
    let mut decoded: Option<Vec<u8>> = None;
    let names = codings.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    // Listed in the order they were applied, so undone from the last.
    for (index, name) in names.rev().enumerate() {
        if index >= MAX_CODINGS {
            return Err(BodyError::Decode(format!("more than {MAX_CODINGS} content codings")));
        }
        let input = decoded.as_deref().unwrap_or(body);
        if let Some(output) = undo(input, &name.to_ascii_lowercase(), limit)? {
            decoded = Some(output);
        }
    }
    Ok(decoded)
}

fn undo(input: &[u8], name: &[u8], limit: usize) -> Result<Option<Vec<u8>>, BodyError> {
    let result = match name {
        b"identity" => return Ok(None),
        b"gzip" | b"x-gzip" => read(flate2::bufread::MultiGzDecoder::new(input), limit),
        b"deflate" if is_zlib(input) => read(flate2::bufread::ZlibDecoder::new(input), limit),
        // Some servers leave the zlib wrapper out.
        b"deflate" => read(flate2::bufread::DeflateDecoder::new(input), limit),
        b"br" => read(brotli_decompressor::Decompressor::new(input, DECODER_BUFFER_BYTES), limit),
        _ => {
            let name = name.escape_ascii();
            return Err(BodyError::Decode(format!(
                "content coding `{name}` is not one of gzip, deflate, br"
            )));
        }
    };
    match result {
        Ok(output) if output.len() > limit => Err(BodyError::TooLarge { limit }),
        Ok(output) => Ok(Some(output)),
        Err(error) => Err(BodyError::Decode(format!("not valid {}: {error}", name.escape_ascii()))),
    }
}

/// Reads at most one byte more than `limit`.
fn read(decoder: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    decoder.take((limit as u64).saturating_add(1)).read_to_end(&mut output)?;
    Ok(output)
}

/// RFC 1950: compression method 8 and a check value over the first two bytes.
fn is_zlib(input: &[u8]) -> bool {
    match input {
        [first, second, ..] => first & 15 == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::bufread::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    fn all(mut encoder: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.read_to_end(&mut out).unwrap();
        out
    }

    /// "hello" by the `brotli` command.
    const BROTLI: &[u8] = &[0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

    #[test]
    fn undoes_each_coding() {
        let text: &[u8] = b"hello hello hello hello";
        let gzip = all(GzEncoder::new(text, Compression::fast()));
        let zlib = all(ZlibEncoder::new(text, Compression::fast()));
        let raw = all(DeflateEncoder::new(text, Compression::fast()));
        let twice = all(GzEncoder::new(zlib.as_slice(), Compression::fast()));
        for (input, codings) in [
            (&gzip, "gzip"),
            (&gzip, "X-GZIP"),
            (&zlib, "deflate"),
            (&raw, "deflate"),
            (&twice, "deflate, gzip"),
            (&gzip, "gzip, identity"),
        ] {
            let decoded = decode(input, codings.as_bytes(), 1000).unwrap().unwrap();
            assert_eq!(decoded, text, "{codings}");
        }
        assert_eq!(decode(text, b"identity", 1000).unwrap(), None);
        assert_eq!(decode(text, b"", 1000).unwrap(), None);
    }

    #[test]
    fn undoes_brotli() {
        assert_eq!(decode(BROTLI, b"br", 1000).unwrap().unwrap(), b"hello".as_slice());
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0_u8; 1_000_000];
        let gzip = all(GzEncoder::new(zeros.as_slice(), Compression::best()));
        assert_eq!(decode(&gzip, b"gzip", 1000).unwrap_err(), BodyError::TooLarge { limit: 1000 });
        assert_eq!(decode(&gzip, b"gzip", 1_000_000).unwrap().unwrap().len(), 1_000_000);
    }

    #[test]
    fn broken_bodies_are_errors() {
        let gzip = all(GzEncoder::new(b"hello".as_slice(), Compression::fast()));
        for (input, codings) in [
            (&gzip[..gzip.len() - 3], "gzip"),
            (b"plain", "gzip"),
            (b"plain", "br"),
            (b"plain", "zstd"),
            (&gzip, "gzip,gzip,gzip,gzip"),
        ] {
            assert!(
                matches!(decode(input, codings.as_bytes(), 1000), Err(BodyError::Decode(_))),
                "{codings}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(input: Vec<u8>, coding in "(gzip|deflate|br)(, (gzip|br))?") {
            let result = decode(&input, coding.as_bytes(), 10_000);
            prop_assert!(result.is_err() || result.is_ok_and(|out| out.is_some_and(|out| out.len() <= 10_000)));
        }
    }
}
