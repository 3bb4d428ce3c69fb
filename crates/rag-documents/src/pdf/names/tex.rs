//! The glyphs of TeX's fonts, by name and, where names are no more than codes, by code.
//!
//! Sources: the encodings OT1, T1, TS1, T2A and OMS as LaTeX documents them, and the names in the Computer Modern and AMS fonts.

use std::sync::LazyLock;

/// What a name means that Adobe's list does not have. Brackets and operators come in sizes, with a name for each.
pub(super) fn meaning(name: &str) -> Option<&'static str> {
    known(name).or_else(|| {
        let (name, _) = counted(name);
        let sizes = ["display", "text", "bigg", "Bigg", "big", "Big", "oldstyle"];
        let stem = sizes.iter().find_map(|size| name.strip_suffix(size))?;
        known(stem).or_else(|| plain(stem))
    })
}

/// How far below its origin, in thousandths of the font size, a bracket or an operator begins to stand on the line, where TeX's
/// fonts of large signs let it hang: its middle is at the height of a minus then. Half its depth (cmex10; for counted sizes that of
/// MathDesign), and the 250 of the minus; none for other names.
pub(super) fn hang(name: &str) -> Option<f32> {
    const DEPTHS: [(&str, f32); 6] = [
        ("Bigg", 3000.0),
        ("bigg", 2400.0),
        ("Big", 1800.0),
        ("big", 1200.0),
        ("display", 1400.0),
        ("text", 1000.0),
    ];
    let (name, count) = counted(name);
    let (stem, size, depth) =
        DEPTHS.iter().find_map(|(size, depth)| Some((name.strip_suffix(size)?, *size, *depth)))?;
    known(stem).or_else(|| plain(stem))?;
    let depth = match (size, count) {
        // Fonts that count the sizes of brackets go from the smallest to the largest in six steps.
        ("big", Some(count @ 1..=6)) => depth + 360.0 * f32::from(count - 1),
        ("display", _) if stem.ends_with("integral") => 2222.0,
        ("text", _) if stem.ends_with("integral") => 1111.0,
        _ => depth,
    };
    Some(depth / 2.0 + 250.0)
}

/// A name without the number behind it, and the number.
fn counted(name: &str) -> (&str, Option<u8>) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name.get(stem.len()..).and_then(|count| count.parse().ok()))
}

fn known(name: &str) -> Option<&'static str> {
    let at = GLYPHS.binary_search_by_key(&name, |(name, _)| *name).ok()?;
    GLYPHS.get(at).map(|(_, text)| *text)
}

/// Names of Adobe's list that come in sizes.
fn plain(stem: &str) -> Option<&'static str> {
    Some(match stem {
        "parenleft" => "(",
        "parenright" => ")",
        "bracketleft" => "[",
        "bracketright" => "]",
        "braceleft" => "{",
        "braceright" => "}",
        "slash" => "/",
        "backslash" => "\\",
        "zero" => "0",
        "one" => "1",
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        _ => return None,
    })
}

/// The character of a code in TeX's encodings: ASCII, with the ligatures of OT1 and T1, and the letters of T1 or, when `cyrillic`,
/// of T2A.
pub(super) fn letter(code: u8, cyrillic: bool) -> Option<&'static str> {
    static LETTERS: LazyLock<[[String; 128]; 2]> = LazyLock::new(|| {
        let high = |at: usize| char::from(at as u8 + 0x80);
        let western = std::array::from_fn(|at| match at + 0x80 {
            // The bullet of TS1, where T1 has a rare letter.
            0x88 => "•".to_owned(),
            0xBD => "¡".to_owned(),
            0xBE => "¿".to_owned(),
            0xBF => "£".to_owned(),
            0xD7 => "Œ".to_owned(),
            0xDF => "SS".to_owned(),
            0xF7 => "œ".to_owned(),
            0xFF => "ß".to_owned(),
            0xC0.. => high(at).to_string(),
            _ => String::new(),
        });
        // Letters of other languages than Russian: capitals, and 0x20 behind each its small one.
        const OTHERS: &str = "ҐҒЂЋҺҖҘЉЇҚҠҜӔҢҤЅӨҪЎҮҰҲЏҸҶЄӘЊ";
        let other = |at: usize| OTHERS.chars().nth(at).map(String::from).unwrap_or_default();
        let cyrillic = std::array::from_fn(|at| match at + 0x80 {
            code @ ..0x9C => other(code - 0x80),
            code @ 0xA0..0xBC => other(code - 0xA0).to_lowercase(),
            0x9C => "Ё".to_owned(),
            0x9D => "№".to_owned(),
            0xBC => "ё".to_owned(),
            0xBD => "„".to_owned(),
            0xBE => "«".to_owned(),
            0xBF => "»".to_owned(),
            code @ 0xC0.. => {
                char::from_u32(0x410 + code as u32 - 0xC0).map(String::from).unwrap_or_default()
            }
            _ => String::new(),
        });
        [western, cyrillic]
    });
    Some(match code {
        11 | 27 => "ff",
        12 | 28 => "fi",
        13 | 29 => "fl",
        14 | 30 => "ffi",
        15 | 31 => "ffl",
        16 => "“",
        17 => "”",
        18 => "„",
        19 => "«",
        20 => "»",
        21 => "–",
        22 => "—",
        0x21..=0x7E => ASCII.get(usize::from(code) - 0x21..usize::from(code) - 0x20)?,
        0x80.. => {
            let letters = LETTERS.get(usize::from(cyrillic))?;
            letters.get(usize::from(code) - 0x80).filter(|text| !text.is_empty())?
        }
        _ => return None,
    })
}

/// From 0x21 on.
const ASCII: &str = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/// The sign of a code in TeX's font of symbols, of which publishers' fonts have names such as `C14`.
pub(super) fn symbol(code: usize) -> Option<&'static str> {
    let (at, sign) = SYMBOLS.char_indices().nth(code)?;
    SYMBOLS.get(at..at + sign.len_utf8())
}

/// From code 0 on (OMS).
const SYMBOLS: &str = "−⋅×∗÷⋄±∓⊕⊖⊗⊘⊙◯◦•≍≡⊆⊇≤≥⪯⪰∼≈⊂⊃≪≫≺≻←→↑↓↔↗↘≃⇐⇒⇑⇓⇔↖↙∝′∞∈∋△▽";

/// Sorted by name.
const GLYPHS: &[(&str, &str)] = &[
    ("Delta1", "∆"),
    ("Germandbls", "SS"),
    ("Ifractur", "ℑ"),
    ("Omega1", "Ω"),
    ("Rfractur", "ℜ"),
    ("SS", "SS"),
    ("angbracketleft", "⟨"),
    ("angbracketright", "⟩"),
    ("arrowbothv", "↕"),
    ("arrowdblbothv", "⇕"),
    ("arrowdblright", "⇒"),
    ("arrowhookleft", "↩"),
    ("arrowhookright", "↪"),
    ("arrowleftbothalf", "↽"),
    ("arrowlefttophalf", "↼"),
    ("arrownortheast", "↗"),
    ("arrownorthwest", "↖"),
    ("arrowrightbothalf", "⇁"),
    ("arrowrighttophalf", "⇀"),
    ("arrowsoutheast", "↘"),
    ("arrowsouthwest", "↙"),
    ("bardbl", "‖"),
    ("barex", "|"),
    ("because", "∵"),
    ("bigcircle", "◯"),
    ("blacksquare", "■"),
    ("braceex", "⎪"),
    ("braceleftbt", "⎩"),
    ("braceleftmid", "⎨"),
    ("bracelefttp", "⎧"),
    ("bracerightbt", "⎭"),
    ("bracerightmid", "⎬"),
    ("bracerighttp", "⎫"),
    ("bracketleftbt", "⎣"),
    ("bracketleftex", "⎢"),
    ("bracketlefttp", "⎡"),
    ("bracketrightbt", "⎦"),
    ("bracketrightex", "⎥"),
    ("bracketrighttp", "⎤"),
    ("ceilingleft", "⌈"),
    ("ceilingright", "⌉"),
    ("check", "✓"),
    ("checkmark", "✓"),
    ("circleR", "®"),
    ("circlecopyrt", "©"),
    ("circledivide", "⊘"),
    ("circledot", "⊙"),
    ("circleminus", "⊖"),
    ("circlemultiply", "⊗"),
    ("circleplus", "⊕"),
    ("contintegral", "∮"),
    ("coproduct", "∐"),
    ("defines", "≜"),
    ("diamondmath", "⋄"),
    ("diamondsolid", "⬧"),
    ("dotlessj", "ȷ"),
    ("dotmath", "⋅"),
    ("element", "∈"),
    ("emptysetstress", "∅"),
    ("epsilon1", "ϵ"),
    ("equivasymptotic", "≍"),
    ("flat", "♭"),
    ("floorleft", "⌊"),
    ("floorright", "⌋"),
    ("follows", "≻"),
    ("followsequal", "⪰"),
    ("greatermuch", "≫"),
    ("greaterorequalslant", "⩾"),
    ("greaterorsimilar", "≳"),
    ("hatwide", "̂"),
    ("hyphenchar", "-"),
    ("integral", "∫"),
    ("intersection", "⋂"),
    ("intersectionsq", "⊓"),
    ("latticetop", "⊤"),
    ("leadsto", "⇝"),
    ("lessmuch", "≪"),
    ("lessorequalslant", "⩽"),
    ("lessorsimilar", "≲"),
    ("logicaland", "⋀"),
    ("logicalor", "⋁"),
    ("lscript", "ℓ"),
    ("maltesecross", "✠"),
    ("mapsto", "↦"),
    ("multicloseleft", "⋉"),
    ("multicloseright", "⋊"),
    ("nabla", "∇"),
    ("natural", "♮"),
    ("negationslash", "̸"),
    ("nequal", "≠"),
    ("ohm", "Ω"),
    ("openbullet", "◦"),
    ("owner", "∋"),
    ("parenleftbt", "⎝"),
    ("parenleftex", "⎜"),
    ("parenlefttp", "⎛"),
    ("parenrightbt", "⎠"),
    ("parenrightex", "⎟"),
    ("parenrighttp", "⎞"),
    ("perpendicular", "⊥"),
    ("perthousandzero", "‰"),
    ("pi1", "ϖ"),
    ("planckover2pi", "ℏ"),
    ("planckover2pi1", "ℏ"),
    ("precedesequal", "⪯"),
    ("prime", "′"),
    ("product", "∏"),
    ("punctdash", "—"),
    ("radical", "√"),
    ("radicallow", "√"),
    ("rangedash", "–"),
    ("rho1", "ϱ"),
    ("sharp", "♯"),
    ("simequal", "≃"),
    ("similarequal", "≃"),
    ("square", "□"),
    ("squaremultiply", "⊠"),
    ("squaresolid", "■"),
    ("squaresquare", "⧈"),
    ("star", "⋆"),
    ("subsetsqequal", "⊑"),
    ("summation", "∑"),
    ("supersetsqequal", "⊒"),
    ("suppress", "̷"),
    ("therefore", "∴"),
    ("tie", "⁀"),
    ("tildewide", "̃"),
    ("triangle", "△"),
    ("triangledownsld", "▼"),
    ("triangleinv", "▽"),
    ("triangleleft", "◁"),
    ("triangleright", "▷"),
    ("trianglerightsld", "▶"),
    ("trianglesolid", "▲"),
    ("turnstileleft", "⊢"),
    ("turnstileright", "⊣"),
    ("twelveudash", "—"),
    ("union", "⋃"),
    ("unionmulti", "⊎"),
    ("unionsq", "⊔"),
    ("vector", "→"),
    ("vextenddouble", "‖"),
    ("vextendsingle", "|"),
    ("visiblespace", "␣"),
    ("wreathproduct", "≀"),
    ("yen", "¥"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(GLYPHS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
