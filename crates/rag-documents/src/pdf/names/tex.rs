//! The glyphs of TeX's fonts, by name and, where names are no more than codes, by code.
//!
//! Sources: the encodings OT1, T1, TS1, T2A and OMS as LaTeX documents them, and the names in the Computer Modern and AMS fonts.

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

/// An encoding of TeX's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Letters {
    /// OT1, of the first fonts, with accents and few letters besides ASCII's.
    Old,
    /// T1, for the languages of Europe, or one that is not known.
    Western,
    /// T2A.
    Cyrillic,
    /// TS1: signs beside the letters.
    Companion,
}

/// The character of a code in an encoding of TeX's; where it may be T1 or OT1, ligatures of both.
pub(super) fn letter(code: u8, encoding: Letters) -> Option<&'static str> {
    if encoding == Letters::Old
        && let Some((_, letter)) = OLD.iter().find(|(old, _)| *old == code)
    {
        return Some(letter);
    }
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
            let signs = match encoding {
                Letters::Cyrillic => CYRILLIC,
                Letters::Companion => COMPANION,
                Letters::Old | Letters::Western => WESTERN,
            };
            let (at, sign) = signs.char_indices().nth(usize::from(code) - 0x80)?;
            match sign {
                ' ' => return None,
                // A capital that is two.
                'ẞ' => "SS",
                _ => signs.get(at..at + sign.len_utf8())?,
            }
        }
        _ => return None,
    })
}

/// What OT1 has in places of its own.
const OLD: [(u8, &str); 38] = [
    (0, "Γ"),
    (1, "Δ"),
    (2, "Θ"),
    (3, "Λ"),
    (4, "Ξ"),
    (5, "Π"),
    (6, "Σ"),
    (7, "Υ"),
    (8, "Φ"),
    (9, "Ψ"),
    (10, "Ω"),
    (16, "ı"),
    (17, "ȷ"),
    (18, "`"),
    (19, "´"),
    (20, "ˇ"),
    (21, "˘"),
    (22, "¯"),
    (23, "˚"),
    (24, "¸"),
    (25, "ß"),
    (26, "æ"),
    (27, "œ"),
    (28, "ø"),
    (29, "Æ"),
    (30, "Œ"),
    (31, "Ø"),
    (b'"', "”"),
    (b'<', "¡"),
    (b'>', "¿"),
    (b'\\', "“"),
    (b'^', "ˆ"),
    (b'_', "˙"),
    (b'{', "–"),
    (b'|', "—"),
    (b'}', "˝"),
    (b'~', "˜"),
    (0x7F, "¨"),
];

/// From 0x80 on; spaces are what is not known.
const WESTERN: &str = concat!(
    "ĂĄĆČĎĚĘĞĹĽŁŃŇ ŐŔŘŚŠŞŤŢŰŮŸŹŽŻĲİđ§ăąćčďěęğĺľłńň őŕřśšşťţűůÿźžżĳ¡¿£",
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖŒØÙÚÛÜÝÞẞàáâãäåæçèéêëìíîïðñòóôõöœøùúûüýþß",
);
const CYRILLIC: &str = concat!(
    "ҐҒЂЋҺҖҘЉЇҚҠҜӔҢҤЅӨҪЎҮҰҲЏҸҶЄӘЊЁ№ §ґғђћһҗҙљїқҡҝӕңҥѕөҫўүұҳџҹҷєәњё„«»",
    "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
);
const COMPANION: &str = concat!(
    "˘ˇ˝ †‡‖‰•℃$¢ƒ₡₩₦₲₱₤℞‽⸘₫™‱¶฿№⁒℮◦℠⁅⁆¢£¤¥¦§¨©ª ¬℗®¯°±²³´µ¶·※¹º√¼½¾€",
    "                      ×                               ÷",
);

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
    ("arrowhookleft", "↪"),
    ("arrowhookright", "↩"),
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
