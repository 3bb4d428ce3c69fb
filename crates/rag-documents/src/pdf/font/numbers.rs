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
    /// The same for its ligatures alone.
    CalibriLigatures,
}

/// Calibri's glyphs by their places, as the maps of many documents tell them, but for the digits, which stand from 1004 on. XeTeX
/// and macOS write documents without such maps, and other readers show them as Ă ď Đ for a b c.
#[rustfmt::skip]
const CALIBRI: [(u32, &str); 102] = [
    (3, " "), (4, "A"), (17, "B"), (18, "C"), (24, "D"), (28, "E"), (38, "F"), (39, "G"), (44, "H"),
    (47, "I"), (58, "J"), (60, "K"), (62, "L"), (68, "M"), (69, "N"), (75, "O"), (87, "P"), (89, "Q"),
    (90, "R"), (94, "S"), (100, "T"), (104, "U"), (115, "V"), (116, "W"), (121, "X"), (122, "Y"),
    (127, "Z"), (258, "a"), (259, "à"), (261, "â"), (271, "b"), (272, "c"), (277, "ç"), (282, "d"),
    (286, "e"), (287, "è"), (288, "é"), (289, "ê"), (296, "f"), (299, "ff"), (302, "fi"), (312, "ffi"),
    (327, "fl"), (332, "ft"), (336, "g"), (346, "h"), (349, "i"), (352, "î"), (354, "ï"), (361, "j"),
    (364, "k"), (367, "l"), (373, "m"), (374, "n"), (381, "o"), (384, "ô"), (393, "p"), (395, "q"),
    (396, "r"), (400, "s"), (410, "t"), (414, "tf"), (415, "ti"), (425, "tt"), (427, "tti"), (437, "u"),
    (440, "û"), (448, "v"), (449, "w"), (454, "x"), (455, "y"), (460, "z"), (842, "!"), (845, "?"),
    (853, ","), (854, ";"), (855, ":"), (856, "."), (857, "…"), (859, "’"), (862, "“"), (863, "”"),
    (872, "«"), (873, "»"), (876, "/"), (882, "-"), (884, "–"), (890, "_"), (891, "•"), (894, "("),
    (895, ")"), (910, "*"), (918, "'"), (919, "\""), (920, "&"), (923, "@"), (931, "°"), (936, "$"),
    (951, "#"), (1016, "²"), (1081, "%"), (1085, "+"),
];

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
        let likely = |less: u32| plausible(widths, |c| (c as u32).checked_sub(less)) == Some(true);
        let ascii = OFFSETS.into_iter().find(|less| likely(*less));
        let unseen = plausible(widths, |c| (c as u32).checked_sub(29)).is_none()
            && !mapped
            && !name.contains('+');
        match ascii {
            _ if plain.starts_with("Calibri") && !mapped => {
                // In a part of it with numbers of its own, the first ones are those of other letters.
                let own = plausible(widths, place_in_calibri) != Some(true);
                if own { Self::CalibriLigatures } else { Self::Calibri }
            }
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
            (Self::Calibri, 1004..=1013) => char::from_digit(number - 1004, 10).map(String::from),
            (Self::Calibri | Self::CalibriLigatures, _) => {
                let at = CALIBRI.binary_search_by_key(&number, |(at, _)| *at).ok()?;
                let (_, text) = CALIBRI.get(at)?;
                let known = self == Self::Calibri || text.len() > 1 && text.is_ascii();
                known.then(|| (*text).to_owned())
            }
            (Self::Standard, 3..=97) => standard(number + 29),
            (Self::Standard, 98..=225) => standard(number + 30),
            (Self::Standard, 226..) => TAIL.chars().nth(number as usize - 226).map(String::from),
            _ => None,
        }
    }
}

fn place_in_calibri(letter: char) -> Option<u32> {
    let found = CALIBRI.iter().find(|(_, text)| text.chars().eq([letter]));
    found.map(|(at, _)| *at)
}

/// Whether glyphs have the widths that letters have at their places: narrow ones that `i` is one of, wide ones that `m` is one of.
/// `None` when too few are known.
fn plausible(
    widths: &HashMap<u32, f32>,
    place: impl Fn(char) -> Option<u32> + Copy,
) -> Option<bool> {
    const ENOUGH: usize = 6;
    let width = |letter: char| widths.get(&place(letter)?).copied().filter(|w| *w > 0.0);
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
            ("ABCDEF+Calibri-Bold", false, false, Numbers::CalibriLigatures),
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
        let calibri: HashMap<u32, f32> =
            [(349, 229.0), (367, 229.0), (410, 335.0), (373, 799.0), (449, 715.0), (4, 579.0)]
                .into();
        assert!(CALIBRI.is_sorted());
        assert_eq!(Numbers::of_program("Calibri", false, false, &calibri), Numbers::Calibri);
        for (number, whole, ligature) in [
            (415, Some("ti"), Some("ti")),
            (258, Some("a"), None),
            (1005, Some("1"), None),
            (259, Some("à"), None),
            (5, None, None),
        ] {
            assert_eq!(Numbers::Calibri.text(number).as_deref(), whole, "{number}");
            assert_eq!(Numbers::CalibriLigatures.text(number).as_deref(), ligature, "{number}");
        }
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
