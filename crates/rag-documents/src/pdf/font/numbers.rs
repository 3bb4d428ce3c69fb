//! Glyph numbers that have a meaning by convention, for fonts that say nothing of their glyphs.

use std::collections::HashMap;

use super::super::names;

/// The fonts of Windows whose glyphs are in Apple's standard order (`TrueType` reference, `post` table, format 1), by the beginnings
/// of their names.
const FAMILIES: [&str; 12] = [
    "Arial",
    "CenturyGothic",
    "ComicSans",
    "CourierNew",
    "Georgia",
    "Helvetica",
    "Impact",
    "Tahoma",
    "TimesNewRoman",
    "Trebuchet",
    "Verdana",
    "BookAntiqua",
];

/// The order from 226 on, where it leaves that of the Macintosh's codes.
const TAIL: &str = "ŁłŠšŽž¦ÐðÝýÞþ−×¹²³½¼¾₣ĞğİŞşĆćČčđ";

/// What the glyph numbers of a font are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Unknown,
    /// Unicode: the file has a table from them to the glyphs of its program.
    Unicode,
    /// Places in Apple's standard order.
    Standard,
    /// Codes of ASCII less this many; behind them each foundry goes on in its own way.
    Ascii {
        less: u32,
    },
    /// Places in Calibri.
    Calibri,
}

/// The ligatures of Calibri by their places, which programs that name its other glyphs often leave out.
const CALIBRI: [(u32, &str); 5] =
    [(332, "ft"), (414, "tf"), (415, "ti"), (425, "tt"), (427, "tti")];

/// How many less than in ASCII: in Apple's order, in Adobe's of a font's glyphs, and from the space on.
const OFFSETS: [u32; 3] = [29, 31, 32];

impl Numbers {
    /// Of a font called `name` with these widths by glyph number. One that is not in the file has the numbers that it has on every
    /// machine; one that is in it, but without names (`silent`), may have been renumbered, and only its widths tell. With a table from
    /// numbers to the glyphs of the program (`mapped`) the numbers are Unicode, if they are not those from before.
    pub(super) fn of_program(
        name: &str,
        silent: bool,
        mapped: bool,
        widths: &HashMap<u32, f32>,
    ) -> Self {
        let plain = name.split_once('+').map_or(name, |(_, name)| name).replace([' ', ','], "");
        let known = FAMILIES.iter().any(|family| plain.starts_with(family));
        let likely = |less: u32| plausible(widths, less) == Some(true);
        let ascii = OFFSETS.into_iter().find(|less| likely(*less));
        let unseen = plausible(widths, 29).is_none() && !mapped && !name.contains('+');
        match ascii {
            _ if plain.starts_with("Calibri") && !mapped => Self::Calibri,
            _ if !silent => Self::Unknown,
            Some(29) if known => Self::Standard,
            Some(less) => Self::Ascii { less },
            None if mapped && likely(0) => Self::Unicode,
            None if known && unseen => Self::Standard,
            None => Self::Unknown,
        }
    }

    /// The text of a glyph number.
    pub(super) fn text(self, number: u32) -> Option<String> {
        let standard = |code: u32| names::meaning(names::encoding("MacRoman")?.get(code as usize)?);
        match (self, number) {
            (Self::Unicode, _) => {
                char::from_u32(number).filter(|c| !c.is_control()).map(String::from)
            }
            (Self::Ascii { less }, _) => {
                let code = number.checked_add(less).filter(|code| (0x20..0x7F).contains(code));
                code.and_then(char::from_u32).map(String::from)
            }
            (Self::Calibri, _) => {
                let ligature = CALIBRI.iter().find(|(at, _)| *at == number);
                ligature.map(|(_, text)| (*text).to_owned())
            }
            (Self::Standard, 3..=97) => standard(number + 29),
            (Self::Standard, 98..=225) => standard(number + 30),
            (Self::Standard, 226..) => TAIL.chars().nth(number as usize - 226).map(String::from),
            _ => None,
        }
    }
}

/// Whether glyphs have the widths that letters have at their places so far before their codes: narrow ones that `i` is one of, wide
/// ones that `m` is one of. `None` when too few are known.
fn plausible(widths: &HashMap<u32, f32>, less: u32) -> Option<bool> {
    const ENOUGH: usize = 6;
    let width =
        |letter: char| widths.get(&(u32::from(letter) - less)).copied().filter(|w| *w > 0.0);
    let pairs = ".,:;'!ijlftI".chars().filter_map(width).flat_map(|narrow| {
        "mwMWOGQ@ANUD".chars().filter_map(width).map(move |wide| narrow < 0.8 * wide)
    });
    let pairs: Vec<bool> = pairs.collect();
    (pairs.len() >= ENOUGH).then(|| pairs.iter().all(|apart| *apart))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_order_is_told_by_name_or_by_widths() {
        let none = HashMap::new();
        for (name, silent, mapped, expected) in [
            ("Times New Roman", true, false, Numbers::Standard),
            ("ABCDEF+TimesNewRoman", true, false, Numbers::Unknown),
            ("Arial,Bold", false, false, Numbers::Unknown),
            ("ABCDEF+Calibri-Bold", false, false, Numbers::Calibri),
            ("Calibri", true, true, Numbers::Unknown),
        ] {
            assert_eq!(Numbers::of_program(name, silent, mapped, &none), expected, "{name}");
        }
        let letters = |text: &str, width: f32| -> Vec<(u32, f32)> {
            text.chars().map(|c| (u32::from(c) - 29, width)).collect()
        };
        let real: HashMap<u32, f32> =
            letters("ilt.", 278.0).into_iter().chain(letters("mwM", 830.0)).collect();
        assert_eq!(
            Numbers::of_program("ABCDEF+PTSans", true, true, &real),
            Numbers::Ascii { less: 29 }
        );
        let counted: HashMap<u32, f32> =
            letters("ilt.", 830.0).into_iter().chain(letters("mwM", 278.0)).collect();
        assert_eq!(Numbers::of_program("ABCDEF+PTSans", true, false, &counted), Numbers::Unknown);
        let unicode: HashMap<u32, f32> =
            real.iter().map(|(number, width)| (number + 29, *width)).collect();
        assert_eq!(Numbers::of_program("Calibri", true, true, &unicode), Numbers::Unicode);
        assert_eq!(Numbers::of_program("Cambria", true, false, &unicode), Numbers::Unknown);
        assert_eq!(Numbers::Calibri.text(415).as_deref(), Some("ti"));
        for (number, expected) in [
            (3, Some(" ")),
            (36, Some("A")),
            (112, Some("é")),
            (227, Some("ł")),
            (0, None),
            (999, None),
        ] {
            assert_eq!(Numbers::Standard.text(number).as_deref(), expected, "{number}");
        }
        assert_eq!(Numbers::Ascii { less: 29 }.text(112), None);
        assert_eq!(Numbers::Unicode.text(0x4A).as_deref(), Some("J"));
    }
}
