//! Adobe's character collections: the text of a glyph number, and the way back.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::names::unpack;

/// One of the collections that the predefined character maps draw from (PDF 1.7, 9.7.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    Gb1,
    Cns1,
    Japan1,
    Korea1,
}

/// A collection, unpacked when it is first asked for.
struct Table {
    texts: Vec<&'static str>,
    numbers: HashMap<char, u32>,
}

macro_rules! table {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Table> =
            LazyLock::new(|| Table::new(include_bytes!(concat!("../../data/", $file))));
    };
}

table!(GB1, "adobe-gb1.z");
table!(CNS1, "adobe-cns1.z");
table!(JAPAN1, "adobe-japan1.z");
table!(KOREA1, "adobe-korea1.z");

impl Table {
    /// One line for each glyph number, its text or nothing; made by `scripts/pdf-tables`.
    fn new(packed: &[u8]) -> Self {
        let text: &'static str = Box::leak(unpack(packed).into_boxed_str());
        let texts: Vec<&'static str> = text.split('\n').collect();
        let mut numbers = HashMap::with_capacity(texts.len());
        for (number, text) in (0..).zip(&texts) {
            if let Some(first) = text.chars().next() {
                numbers.entry(first).or_insert(number);
            }
        }
        Self { texts, numbers }
    }
}

impl Collection {
    /// By the `Ordering` of a `CIDSystemInfo`.
    pub(crate) fn from_ordering(ordering: &[u8]) -> Option<Self> {
        match ordering {
            b"GB1" => Some(Self::Gb1),
            b"CNS1" => Some(Self::Cns1),
            b"Japan1" | b"Japan2" => Some(Self::Japan1),
            b"Korea1" => Some(Self::Korea1),
            _ => None,
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Gb1 => &GB1,
            Self::Cns1 => &CNS1,
            Self::Japan1 => &JAPAN1,
            Self::Korea1 => &KOREA1,
        }
    }

    /// The text of a glyph.
    pub(crate) fn text(self, cid: u32) -> Option<&'static str> {
        self.table().texts.get(cid as usize).copied().filter(|text| !text.is_empty())
    }

    /// The first glyph of a character.
    pub(crate) fn cid(self, character: char) -> Option<u32> {
        self.table().numbers.get(&character).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_give_text_and_take_it_back() {
        for (collection, cid, text) in [
            (Collection::Gb1, 34, "A"),
            (Collection::Gb1, 4559, "中"),
            (Collection::Cns1, 661, "中"),
            (Collection::Japan1, 3284, "日"),
            (Collection::Korea1, 1086, "가"),
        ] {
            assert_eq!(collection.text(cid), Some(text), "{collection:?}");
            assert_eq!(collection.cid(text.chars().next().unwrap()), Some(cid), "{collection:?}");
        }
        assert_eq!(Collection::Gb1.text(u32::MAX), None);
        assert_eq!(Collection::Gb1.text(0), None);
    }
}
