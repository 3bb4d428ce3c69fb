//! Characters of symbol fonts by what they mean. Their codes stand at U+F000 and above, or as they
//! are, below U+0100.

/// Where Windows puts the characters of symbol fonts.
const PRIVATE: u32 = 0xF000;

/// `Symbol` from 0x20 and from 0xA1 on (PDF 1.7, annex D.6).
const SYMBOL: [(u32, &str); 2] = [
    (
        0x20,
        " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    ),
    (
        0xA0,
        "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪\u{FFFD}〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
    ),
];

/// `Wingdings`: the nearest signs that fonts usually have.
const WINGDINGS: [(u32, &str); 3] = [
    (
        0x20,
        " ✏✂✁👓🔔📖🕯☎✆✉🖃📪📫📬📭📁📂📄🗏🗐🗄⌛⌨🖰🖲💻🖴💾🖬✇✍🖎✌👌👍👎☜☞☝☟✋☺😐☹💣☠🏳🏱✈☼💧❄🕆✞🕈✠✡☪☯ॐ☸♈♉♊♋♌♍♎♏♐♑♒♓🙰🙵●❍■□🞐❑❒⬧⧫◆❖⬥⌧⮹⌘🏵🏶❝❞",
    ),
    (0x80, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿🙢🙠🙡🙣🙞🙜🙝🙟·•"),
    (
        0xA0,
        "▪○🞆🞈◉◎🔿▪☐🟁✦★✶✴✹✵⯐⌖⟡⌑⯑✪✰🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛⮰⮱⮲⮳⮴⮵⮶⮷🙪🙫🙕🙔🙗🙖🙐🙑🙒🙓⌫⌦⮘➢⮙⮛➲⮊⮉⮋←→↑↓↖↗↙↘🡸➔🡹🡻🡼🡽🡿🡾⇦⇨⇧⇩⬄⇳⬁⬀⬃⬂🢬🢭✗✓☒☑",
    ),
];

/// `Wingdings 2`: ticks, boxes and circled digits.
const WINGDINGS_2: [(u32, &str); 3] =
    [(0x4F, "✗✓☒☑☒☒"), (0x69, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"), (0x98, "●")];
/// `Wingdings 2` further on.
const WINGDINGS_2_BOXES: [(u32, &str); 2] = [(0xA2, "■□"), (0xA4, "☐")];

/// `Wingdings 3`: arrows and triangles.
const WINGDINGS_3: [(u32, &str); 2] = [(0x21, "←→↑↓↖↗↙↘"), (0x70, "▲▼△▽◀▶◁▷◣◢")];

/// `Webdings`: ticks and boxes.
const WEBDINGS: [(u32, &str); 5] =
    [(0x33, "◀▶▲▼"), (0x61, "✓"), (0x63, "□"), (0x67, "■"), (0x72, "✗")];

/// The font that LibreOffice shows the signs of all these fonts with. Which of them a document names is lost, so it means what
/// word processors make bullets, ticks and arrows of, from Symbol and from Wingdings.
pub(crate) const ANY: &str = "opensymbol";
const BULLET: u32 = 0xB7;
const OF_WINGDINGS: [u32; 12] =
    [0x6E, 0x6F, 0x71, 0x76, 0xA7, 0xA8, 0xD8, 0xE0, 0xE8, 0xFB, 0xFC, 0xFE];

/// What a character of a font means; `None` when that is not known. `code` is how the document has
/// it.
pub(crate) fn meaning(font: &str, code: u32) -> Option<char> {
    let low = code.checked_sub(PRIVATE).unwrap_or(code);
    let ranges: &[&[(u32, &str)]] = match font.trim().to_ascii_lowercase().as_str() {
        "symbol" | "symbolmt" => &[&SYMBOL],
        ANY if low == BULLET => &[&SYMBOL],
        ANY if OF_WINGDINGS.contains(&low) => &[&WINGDINGS],
        ANY => &[],
        "wingdings" => &[&WINGDINGS],
        "wingdings 2" => &[&WINGDINGS_2, &WINGDINGS_2_BOXES],
        "wingdings 3" => &[&WINGDINGS_3],
        "webdings" => &[&WEBDINGS],
        // Any other font has the character that the code says.
        _ => return char::from_u32(code).filter(|c| !is_private(*c)),
    };
    if code > 0xFF && low > 0xFF {
        return char::from_u32(code).filter(|c| !is_private(*c));
    }
    let found = ranges.iter().flat_map(|ranges| ranges.iter()).find_map(|(first, signs)| {
        let at = usize::try_from(low.checked_sub(*first)?).ok()?;
        signs.chars().nth(at)
    });
    found.filter(|c| *c != char::REPLACEMENT_CHARACTER)
}

/// The fonts that drawings of LaTeX and of Xy-pic are put together of: lines, arcs and the tips of arrows.
const LINES: [&str; 13] = [
    "lcircle", "line10", "linew10", "xyatip", "xybtip", "xybsql", "xycirc", "xydash", "xyline",
    "xycmat", "xycmbt", "xyeuat", "xyeubt",
];

/// Whether nothing in a font that a PDF calls `name` says anything, since drawings are made of it.
pub(crate) fn draws_lines(name: &str) -> bool {
    let name = plain(name);
    LINES.into_iter().any(|start| name.starts_with(start))
}

/// The font of signs that a PDF calls `name`, as `ABCDEF+Wingdings-Regular`; `None` for a font of letters.
pub(crate) fn family(name: &str) -> Option<&'static str> {
    let name = plain(name);
    let families = [
        ("wingdings2", "wingdings 2"),
        ("wingdings3", "wingdings 3"),
        ("wingdings", "wingdings"),
        ("webdings", "webdings"),
        ("symbol", "symbol"),
        (ANY, ANY),
    ];
    families.into_iter().find(|(start, _)| name.starts_with(start)).map(|(_, family)| family)
}

/// A font's name without the letters of a subset, in small letters and digits.
fn plain(name: &str) -> String {
    let name = name.split_once('+').map_or(name, |(_, name)| name).to_ascii_lowercase();
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Whether a character means only what its font says.
pub(crate) fn is_private(c: char) -> bool {
    ('\u{E000}'..='\u{F8FF}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_characters_of_symbol_fonts() {
        for (font, code, meant) in [
            ("Symbol", 0xF061, Some('α')),
            ("Symbol", 0x61, Some('α')),
            ("Symbol", 0xF0B7, Some('•')),
            ("Symbol", 0xF0B1, Some('±')),
            ("Symbol", 0xF0A3, Some('≤')),
            ("Symbol", 0xF0D6, Some('√')),
            ("Symbol", 0xF0DE, Some('⇒')),
            ("Symbol", 0xF0E5, Some('∑')),
            ("Symbol", 0xF0F0, None),
            ("Symbol", 0xF0F2, Some('∫')),
            ("Symbol", 0xF0FE, Some('⎭')),
            ("Wingdings", 0xF028, Some('☎')),
            ("Wingdings", 0xF04A, Some('☺')),
            ("Wingdings", 0xF06C, Some('●')),
            ("Wingdings", 0xF06E, Some('■')),
            ("Wingdings", 0xF076, Some('❖')),
            ("Wingdings", 0xF081, Some('①')),
            ("Wingdings", 0xF09F, Some('•')),
            ("Wingdings", 0xF0A8, Some('☐')),
            ("Wingdings", 0xF0AB, Some('★')),
            ("Wingdings", 0xF0C2, Some('🕛')),
            ("Wingdings", 0xF0D8, Some('➢')),
            ("Wingdings", 0xF0DF, Some('←')),
            ("Wingdings", 0xF0E0, Some('→')),
            ("wingdings", 0xF0E8, Some('➔')),
            ("Wingdings", 0xF0FC, Some('✓')),
            ("Wingdings", 0xF0FE, Some('☑')),
            ("Wingdings 2", 0xF050, Some('✓')),
            ("Wingdings 2", 0xF052, Some('☑')),
            ("Wingdings 2", 0xF0A3, Some('□')),
            ("Wingdings 3", 0xF075, Some('▶')),
            ("Webdings", 0xF061, Some('✓')),
            ("Webdings", 0xF0FF, None),
            ("OpenSymbol", 0xF0B7, Some('•')),
            ("OpenSymbol", 0xF0D8, Some('➢')),
            ("OpenSymbol", 0xF0A3, None),
            ("OpenSymbol", 0x2022, Some('•')),
            ("MS Gothic", 0x2610, Some('☐')),
            ("Unheard of", 0xF041, None),
        ] {
            assert_eq!(meaning(font, code), meant, "{font} {code:X}");
        }
    }

    #[test]
    fn fonts_of_signs_are_known_by_their_names() {
        for (name, expected) in [
            ("ABCDEF+SymbolMT", Some("symbol")),
            ("Wingdings-Regular", Some("wingdings")),
            ("BCDEEE+Wingdings-2", Some("wingdings 2")),
            ("CAAAAA+OpenSymbol", Some(ANY)),
            ("Arial", None),
        ] {
            assert_eq!(family(name), expected, "{name}");
        }
        assert!(draws_lines("HNSLOU+LCIRCLE10"));
        assert!(!draws_lines("LinLibertine"));
    }
}
