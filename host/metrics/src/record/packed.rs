//! Histograms as the interval log holds them: only their cells, written as base64 of the HDR V2 format, deflated where
//! that is smaller (a third to a half of it for what a busy operation leaves in a second).
//!
//! The format is read here and not by `hdrhistogram`, which allocates whatever range a header claims: a damaged or
//! hostile log must cost no more memory than a small multiple of its own size.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{HISTOGRAM_DIGITS, Histogram};

/// First bytes of HDR V2, with the nibble that says "words of variable length".
const COOKIE: u32 = 0x1c84_9313;

/// The same of a deflated histogram.
const DEFLATED_COOKIE: u32 = 0x1c84_9314;

/// Bytes before the deflated ones.
const DEFLATED_HEADER_BYTES: usize = 8;

/// Shorter histograms are written as they are: deflating one takes longer than all the rest and saves a few bytes.
const WORTH_DEFLATING: usize = 256;

/// How many times its deflated size a histogram may have. Measured ones reach 2; without a bound a hostile line of
/// megabytes could unfold to gigabytes.
const MOST_INFLATION: usize = 4;

/// Bytes before the counts.
const HEADER_BYTES: usize = 40;

/// Values told apart within a power of two: three digits need at least 1,000.
const HALF: u32 = 1_024;

/// Cells of a histogram that reaches up to `u64::MAX`.
const CELLS: u32 = 53 * HALF + 2 * HALF;

/// A histogram of three digits as its cells that are not 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedHistogram {
    /// Index of a cell and its count, in ascending order; no count is 0.
    cells: Vec<(u32, u64)>,
}

/// A cell that is not 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// The greatest value it counts: what percentiles report.
    pub(crate) greatest: u64,
    /// The value in its middle: what means are made of.
    pub(crate) middle: u64,
    /// Number of values it counts alike.
    pub(crate) width: u64,
    /// How often one of them came.
    pub(crate) count: u64,
}

/// The cell that counts `value`.
const fn cell_of(value: u64) -> u32 {
    let bucket = (u64::BITS - value.leading_zeros()).saturating_sub(HALF.ilog2() + 1);
    bucket * HALF + (value >> bucket) as u32
}

/// The least value a cell counts, and the power of two that is the number of values it counts.
const fn span_of(cell: u32) -> (u64, u32) {
    if cell < 2 * HALF {
        return (cell as u64, 0);
    }
    let bucket = cell / HALF - 1;
    (((cell % HALF + HALF) as u64) << bucket, bucket)
}

/// The greatest value a cell counts: what percentiles report.
const fn greatest_of(cell: u32) -> u64 {
    let (least, bucket) = span_of(cell);
    least + ((1 << bucket) - 1)
}

impl PackedHistogram {
    /// The cells of `histogram`, which must have three digits as all of this crate do.
    pub fn of(histogram: &Histogram) -> Self {
        let cells = histogram.iter_recorded();
        Self { cells: cells.map(|cell| (cell_of(cell.value_iterated_to()), cell.count_at_value())).collect() }
    }

    /// Adds everything to `histogram`, which grows as needed.
    pub fn add_to(&self, histogram: &mut Histogram) {
        // The greatest first, so that it grows once.
        for &(cell, count) in self.cells.iter().rev() {
            let added = histogram.record_n(span_of(cell).0, count);
            debug_assert!(added.is_ok(), "auto-resizing histograms take every value");
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Number of recorded values.
    pub fn count(&self) -> u64 {
        self.cells.iter().fold(0, |sum, &(_, count)| sum.saturating_add(count))
    }

    /// Bytes a [`Histogram`] of these values takes.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        self.cells.last().map_or(0, |&(cell, _)| u64::from(cell + HALF) * 8)
    }

    /// Every cell in ascending order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.cells.iter().map(|&(cell, count)| {
            let (least, bucket) = span_of(cell);
            let width = 1 << bucket;
            Cell { greatest: greatest_of(cell), middle: least + (width >> 1), width, count }
        })
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        if self.cells.is_empty() {
            self.cells.clone_from(&other.cells);
            return;
        }
        let mut merged = Vec::with_capacity(self.cells.len().max(other.cells.len()));
        let (mut left, mut right) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        while let (Some(&&(a, a_count)), Some(&&(b, b_count))) = (left.peek(), right.peek()) {
            let count = match a.cmp(&b) {
                std::cmp::Ordering::Less => a_count,
                std::cmp::Ordering::Greater => b_count,
                std::cmp::Ordering::Equal => a_count.saturating_add(b_count),
            };
            merged.push((a.min(b), count));
            left.next_if(|_| a <= b);
            right.next_if(|_| b <= a);
        }
        merged.extend(left.chain(right));
        self.cells = merged;
    }

    /// HDR V2, deflated or not, whichever is smaller; readable by any implementation of it.
    pub fn encode(&self) -> Vec<u8> {
        let plain = self.encode_plain();
        if plain.len() < WORTH_DEFLATING {
            return plain;
        }
        match deflate(&plain) {
            Ok(deflated) if (deflated.len()..=inflated_limit(deflated.len())).contains(&plain.len()) => {
                deflated
            }
            _ => plain,
        }
    }

    fn encode_plain(&self) -> Vec<u8> {
        let mut counts = Vec::new();
        let mut next = 0;
        for &(cell, count) in &self.cells {
            match cell - next {
                0 => {}
                1 => put(&mut counts, 0),
                empty => put(&mut counts, -i64::from(empty)),
            }
            put(&mut counts, i64::try_from(count).unwrap_or(i64::MAX));
            next = cell + 1;
        }
        let greatest = self.cells.last().map_or(0, |&(cell, _)| greatest_of(cell)).max(2);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + counts.len());
        bytes.extend(COOKIE.to_be_bytes());
        bytes.extend((counts.len() as u32).to_be_bytes());
        bytes.extend(0_u32.to_be_bytes());
        bytes.extend(u32::from(HISTOGRAM_DIGITS).to_be_bytes());
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(greatest.to_be_bytes());
        bytes.extend(1_f64.to_be_bytes());
        bytes.append(&mut counts);
        bytes
    }

    /// Reads HDR V2 of three digits, deflated or not.
    ///
    /// # Errors
    /// What is wrong with `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.starts_with(&DEFLATED_COOKIE.to_be_bytes()) {
            return Self::decode_plain(&inflate(bytes)?);
        }
        Self::decode_plain(bytes)
    }

    fn decode_plain(bytes: &[u8]) -> Result<Self, &'static str> {
        let (header, mut counts) =
            bytes.split_at_checked(HEADER_BYTES).ok_or("a histogram is shorter than its header")?;
        let word = |at: usize| header[at..].first_chunk().map_or(0, |word| u32::from_be_bytes(*word));
        if word(0) != COOKIE {
            return Err("a histogram is not in HDR V2 format");
        }
        if word(4) as usize != counts.len() {
            return Err("a histogram is cut short");
        }
        if word(12) != u32::from(HISTOGRAM_DIGITS) || word(8) != 0 || (word(16), word(20)) != (0, 1) {
            return Err("a histogram has another resolution than three digits from 1 on");
        }
        let mut cells = Vec::new();
        let mut next = 0_u64;
        while !counts.is_empty() {
            let number = take(&mut counts).ok_or("a count of a histogram is cut short")?;
            if let Ok(count @ 1..) = u64::try_from(number) {
                let cell = u32::try_from(next).ok().filter(|cell| *cell < CELLS);
                cells.push((cell.ok_or("a histogram is longer than its range")?, count));
            }
            next = next.saturating_add(if number < 0 { number.unsigned_abs() } else { 1 });
        }
        Ok(Self { cells })
    }
}

/// Greatest size a histogram of so many deflated bytes may have.
const fn inflated_limit(deflated_bytes: usize) -> usize {
    deflated_bytes.saturating_mul(MOST_INFLATION).saturating_add(HEADER_BYTES)
}

fn deflate(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut bytes = DEFLATED_COOKIE.to_be_bytes().to_vec();
    bytes.extend([0; 4]);
    let mut encoder = ZlibEncoder::new(bytes, Compression::fast());
    encoder.write_all(plain)?;
    let mut bytes = encoder.finish()?;
    let length = (bytes.len() - DEFLATED_HEADER_BYTES) as u32;
    bytes[4..DEFLATED_HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (header, deflated) =
        bytes.split_at_checked(DEFLATED_HEADER_BYTES).ok_or("a histogram is shorter than its header")?;
    if header[4..] != (deflated.len() as u32).to_be_bytes() {
        return Err("a histogram is cut short");
    }
    let limit = inflated_limit(bytes.len());
    let mut plain = Vec::new();
    let read = ZlibDecoder::new(deflated).take(limit as u64 + 1).read_to_end(&mut plain);
    read.map_err(|_| "a histogram cannot be inflated")?;
    if plain.len() > limit { Err("a histogram inflates too far") } else { Ok(plain) }
}

/// Writes a number in zig-zag LEB128 of at most nine bytes, whose last one has no continuation bit.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    for _ in 0..8 {
        if rest < 0x80 {
            break;
        }
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Takes such a number from the front; `None` when it is cut short.
fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for position in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let whole = position == 8 || byte < 0x80;
        let bits = if position == 8 { byte } else { byte & 0x7f };
        number |= u64::from(bits) << (7 * position);
        if whole {
            break;
        }
    }
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

impl Serialize for PackedHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.encode()))
    }
}

impl<'de> Deserialize<'de> for PackedHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text).map_err(|_| de::Error::custom("a histogram is not base64"))?;
        Self::decode(&bytes).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;
    use crate::block::{add, histogram};

    /// Values of every magnitude.
    fn values() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let value = (any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift);
        prop::collection::vec((value, 1..1_000_000_u64), 0..60)
    }

    fn filled(values: &[(u64, u64)]) -> Histogram {
        let mut filled = histogram();
        for &(value, count) in values {
            filled.record_n(value, count).unwrap();
        }
        filled
    }

    #[test]
    fn cells_are_those_of_the_library() {
        let histogram = filled(&[(u64::MAX, 1)]);
        for shift in 0..64 {
            for value in
                [1_u64 << shift, (1 << shift) - 1, (1 << shift) + (1 << shift >> 3), u64::MAX >> shift]
            {
                let cell = cell_of(value);
                assert!(cell < CELLS);
                assert_eq!(span_of(cell).0, histogram.lowest_equivalent(value), "{value}");
                assert_eq!(greatest_of(cell), histogram.highest_equivalent(value), "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(values in values()) {
            let histogram = filled(&values);
            let packed = PackedHistogram::of(&histogram);
            prop_assert_eq!(packed.count(), histogram.len());
            let mut back = crate::block::histogram();
            packed.add_to(&mut back);
            prop_assert_eq!(&back, &histogram);
            prop_assert_eq!((back.min(), back.max()), (histogram.min(), histogram.max()));
            prop_assert!(back.mean().total_cmp(&histogram.mean()).is_eq());
            prop_assert_eq!(PackedHistogram::decode(&packed.encode()), Ok(packed));
        }

        #[test]
        fn the_library_reads_and_writes_the_same(values in values()) {
            let histogram = filled(&values);
            let packed = PackedHistogram::of(&histogram);
            let read: Histogram = Deserializer::new().deserialize(&mut &packed.encode()[..]).unwrap();
            prop_assert_eq!(PackedHistogram::of(&read), packed.clone());
            let mut written = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut written).unwrap();
            prop_assert_eq!(PackedHistogram::decode(&written), Ok(packed.clone()));
            prop_assert_eq!(PackedHistogram::decode(&packed.encode_plain()), Ok(packed.clone()));
            let read: Histogram = Deserializer::new().deserialize(&mut &deflate(&written).unwrap()[..]).unwrap();
            prop_assert_eq!(PackedHistogram::of(&read), packed);
        }

        #[test]
        fn merging_is_adding(a in values(), b in values()) {
            let (mut left, right) = (filled(&a), filled(&b));
            let mut packed = PackedHistogram::of(&left);
            packed.merge(&PackedHistogram::of(&right));
            add(&mut left, &right);
            prop_assert_eq!(packed, PackedHistogram::of(&left));
        }

        #[test]
        fn damaged_bytes_never_panic(values in values(), at in any::<prop::sample::Index>(), byte: u8, cut: prop::sample::Index) {
            let mut bytes = PackedHistogram::of(&filled(&values)).encode();
            let index = at.index(bytes.len());
            bytes[index] = byte;
            if let Ok(read) = PackedHistogram::decode(&bytes) {
                prop_assert_eq!(PackedHistogram::decode(&read.encode()), Ok(read));
            }
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(PackedHistogram::decode(&bytes).is_err());
        }
    }

    #[test]
    fn what_deflates_well_is_deflated_and_bombs_are_refused() {
        let busy: Vec<_> = (0..2_000).map(|index| (index * index % 3_989, 1 + index % 4)).collect();
        let packed = PackedHistogram::of(&filled(&busy));
        let bytes = packed.encode();
        assert!(bytes.starts_with(&DEFLATED_COOKIE.to_be_bytes()));
        assert!(bytes.len() < packed.encode_plain().len());
        assert_eq!(PackedHistogram::decode(&bytes), Ok(packed));
        let even: Vec<_> = (0..50_000).map(|index| (index, 1)).collect();
        let packed = PackedHistogram::of(&filled(&even));
        assert_eq!(PackedHistogram::decode(&packed.encode()), Ok(packed.clone()));
        let bomb = deflate(&packed.encode_plain()).unwrap();
        assert_eq!(PackedHistogram::decode(&bomb), Err("a histogram inflates too far"));
    }

    #[test]
    fn a_claimed_range_costs_nothing_and_cells_out_of_it_are_refused() {
        let mut bytes = PackedHistogram::of(&filled(&[(5, 1)])).encode_plain();
        bytes[24..32].fill(0xff);
        assert_eq!(PackedHistogram::decode(&bytes).map(|read| read.unpacked_bytes()), Ok((5 + 1_024) * 8));
        let mut counts = Vec::new();
        put(&mut counts, i64::MIN);
        put(&mut counts, 1);
        bytes.truncate(HEADER_BYTES);
        bytes[4..8].copy_from_slice(&(counts.len() as u32).to_be_bytes());
        bytes.extend(counts);
        assert_eq!(PackedHistogram::decode(&bytes), Err("a histogram is longer than its range"));
    }
}
