//! Equations as linear text, close to UnicodeMath (Unicode Technical Note 28): `(a+b)/c`, `x_i^2`,
//! `√(x+1)`, `∑_(i=1)^n x_i` (ECMA-376-1, 22.1).

mod operands;

use super::space::Space;
use super::xml::{Event, Xml};
use crate::document::DocumentError;
use operands::Operands;

/// Reads the equation at whose beginning `xml` stands.
///
/// # Errors
/// Those of [`Xml::next`].
pub(crate) fn linear(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    Ok(object(xml)?.trim().to_owned())
}

/// Everything inside the element opened last.
fn sequence(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    let mut text = String::new();
    xml.children(|xml| {
        text.push_str(&object(xml)?);
        Ok(())
    })?;
    Ok(text)
}

fn object(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    let name = xml.name();
    match (xml.space(), name) {
        (Space::Math | Space::Word, "t") => text(xml),
        (Space::Word, "del" | "moveFrom" | "delText") => Ok(String::new()),
        (Space::Word, "br" | "cr" | "tab") => Ok(" ".to_owned()),
        (Space::Math, "m") => matrix(xml),
        (Space::Math, "oMathPara") => paragraph(xml),
        (
            Space::Math,
            "f" | "sSub" | "sSup" | "sSubSup" | "sPre" | "rad" | "nary" | "d" | "eqArr" | "acc"
            | "bar" | "groupChr" | "limLow" | "limUpp" | "func" | "phant",
        ) => {
            let name = name.to_owned();
            Ok(compose(&name, &Operands::read(xml)?))
        }
        // Properties: those of runs, controls, arguments, and of what is read through.
        (_, name) if name.ends_with("Pr") => Ok(String::new()),
        _ => sequence(xml),
    }
}

fn text(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    let mut text = String::new();
    loop {
        match xml.next()? {
            Event::Text => text.extend(xml.text().chars().filter(|c| !c.is_control())),
            Event::Open => xml.children(|_| Ok(()))?,
            Event::Close | Event::End => return Ok(text),
        }
    }
}

/// Equations that stand on lines of their own.
fn paragraph(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    let mut lines = Vec::new();
    xml.children(|xml| {
        let line = object(xml)?;
        if !line.trim().is_empty() {
            lines.push(line.trim().to_owned());
        }
        Ok(())
    })?;
    Ok(lines.join("\n"))
}

/// A matrix: cells parted by commas, rows by semicolons.
fn matrix(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    let mut rows = Vec::new();
    xml.children(|xml| {
        if xml.name() == "mr" {
            let mut cells = Vec::new();
            xml.children(|xml| {
                cells.push(sequence(xml)?);
                Ok(())
            })?;
            rows.push(cells.join(", "));
        }
        Ok(())
    })?;
    Ok(rows.join("; "))
}

fn compose(name: &str, of: &Operands) -> String {
    match name {
        "f" => fraction(of),
        "sSub" => format!("{}_{}", one(of.get("e")), one(of.get("sub"))),
        "sSup" => raised(of.get("e"), of.get("sup")),
        "sSubSup" => {
            format!("{}_{}^{}", one(of.get("e")), one(of.get("sub")), one(of.get("sup")))
        }
        "sPre" => format!("_{}^{}{}", one(of.get("sub")), one(of.get("sup")), of.get("e")),
        "rad" => radical(of),
        "nary" => n_ary(of),
        "d" => {
            let parted = of.all("e").join(of.property("sepChr").unwrap_or("|"));
            let (left, right) = (of.property("begChr"), of.property("endChr"));
            format!("{}{parted}{}", left.unwrap_or("("), right.unwrap_or(")"))
        }
        "eqArr" => of.all("e").join("; "),
        "acc" => accented(of.get("e"), of.property("chr").unwrap_or("\u{302}")),
        "bar" => {
            let line = if of.property("pos") == Some("top") { "\u{305}" } else { "\u{332}" };
            accented(of.get("e"), line)
        }
        // A brace above or below only groups.
        "groupChr" => of.get("e").to_owned(),
        "limLow" => format!("{}_{}", of.get("e").trim_end(), one(of.get("lim"))),
        "limUpp" => format!("{}^{}", of.get("e").trim_end(), one(of.get("lim"))),
        "func" => {
            let (function, argument) = (of.get("fName").trim(), of.get("e").trim());
            let gap = if argument.starts_with(['(', '[', '{', '|']) { "" } else { " " };
            format!("{function}{gap}{argument}")
        }
        // What only takes up space is not shown.
        "phant" if of.off("show") => String::new(),
        _ => of.all("e").concat(),
    }
}

fn fraction(of: &Operands) -> String {
    let (above, below) = (of.get("num"), of.get("den"));
    match of.property("type") {
        // A binomial coefficient.
        Some("noBar") => format!("{}¦{}", one(above), one(below)),
        _ => format!("{}/{}", one(above), one(below)),
    }
}

fn raised(base: &str, power: &str) -> String {
    match power.trim() {
        // Primes, stars and degrees stand as they are.
        "′" | "'" | "″" | "‴" | "°" | "†" => format!("{}{}", one(base), power.trim()),
        power => format!("{}^{}", one(base), one(power)),
    }
}

fn radical(of: &Operands) -> String {
    let under = of.get("e").trim();
    let hidden = of.on("degHide");
    match of.get("deg").trim() {
        degree if hidden || degree.is_empty() => format!("√{}", one(under)),
        "3" => format!("∛{}", one(under)),
        "4" => format!("∜{}", one(under)),
        degree => format!("√({degree}&{under})"),
    }
}

fn n_ary(of: &Operands) -> String {
    let mut text = of.property("chr").unwrap_or("∫").to_owned();
    for (sign, name, hide) in [('_', "sub", "subHide"), ('^', "sup", "supHide")] {
        let limit = of.get(name).trim();
        if !limit.is_empty() && !of.on(hide) {
            text.push(sign);
            text.push_str(&one(limit));
        }
    }
    format!("{text} {}", of.get("e").trim())
}

/// An accent over one letter is a combining character; over more it stands behind brackets.
fn accented(base: &str, accent: &str) -> String {
    let base = base.trim();
    if base.chars().count() <= 1 { format!("{base}{accent}") } else { format!("({base}){accent}") }
}

/// An operand as one thing: in brackets unless it is a word, a number or in brackets already.
fn one(operand: &str) -> String {
    let operand = operand.trim();
    let word =
        operand.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '\u{300}'..='\u{36F}'));
    let single = operand.chars().count() == 1;
    if word || single || bracketed(operand) { operand.to_owned() } else { format!("({operand})") }
}

/// Whether the first bracket closes at the very end.
fn bracketed(text: &str) -> bool {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at > 0 && at + c.len_utf8() == text.len();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::xml::tests::over;
    use super::*;

    fn r(text: &str) -> String {
        format!("<m:r><m:rPr><m:sty m:val='p'/></m:rPr><w:rPr/><m:t>{text}</m:t></m:r>")
    }

    fn of(name: &str, properties: &str, operands: &[(&str, &str)]) -> String {
        let inner: String =
            operands.iter().map(|(n, text)| format!("<m:{n}>{text}</m:{n}>")).collect();
        format!("<m:{name}><m:{name}Pr>{properties}<m:ctrlPr/></m:{name}Pr>{inner}</m:{name}>")
    }

    fn check(inner: &str, expected: &str) {
        let text = format!("<m:oMath>{inner}</m:oMath>");
        let mut xml = over(&text);
        xml.root().unwrap();
        assert_eq!(linear(&mut xml).unwrap(), expected);
    }

    #[test]
    fn equations_are_linear_text() {
        let (a, b, sum, two) = (r("a"), r("b"), r("a+b"), r("2"));
        check(&of("f", "", &[("num", &sum), ("den", &two)]), "(a+b)/2");
        check(
            &of("f", "", &[("num", &a), ("den", &of("sSup", "", &[("e", &b), ("sup", &two)]))]),
            "a/(b^2)",
        );
        check(&of("sSub", "", &[("e", &a), ("sub", &r("n+1"))]), "a_(n+1)");
        check(&of("sSubSup", "", &[("e", &a), ("sub", &b), ("sup", &two)]), "a_b^2");
        check(&of("sPre", "", &[("sub", &a), ("sup", &b), ("e", &r("X"))]), "_a^bX");
        check(&of("rad", "<m:degHide m:val='1'/>", &[("deg", ""), ("e", &sum)]), "√(a+b)");
        check(&of("rad", "", &[("deg", &r("3")), ("e", &a)]), "∛a");
        check(&of("rad", "", &[("deg", &r("n")), ("e", &a)]), "√(n&a)");
        let limits = [("sub", &*r("i=1")), ("sup", &*r("n")), ("e", &*a)];
        check(&of("nary", "<m:chr m:val='∑'/>", &limits), "∑_(i=1)^n a");
        check(&of("nary", "<m:subHide m:val='on'/><m:supHide/>", &limits), "∫ a");
        check(&of("d", "", &[("e", &sum)]), "(a+b)");
        check(
            &of("d", "<m:begChr m:val='['/><m:endChr m:val=''/>", &[("e", &a), ("e", &b)]),
            "[a|b",
        );
        check(&of("acc", "", &[("e", &r("x"))]), "x\u{302}");
        check(&of("acc", "<m:chr m:val='⃗'/>", &[("e", &r("AB"))]), "(AB)\u{20d7}");
        check(&of("bar", "<m:pos m:val='top'/>", &[("e", &r("x"))]), "x\u{305}");
        check(&of("func", "", &[("fName", &r("sin")), ("e", &r("x"))]), "sin x");
        let limit = of("limLow", "", &[("e", &r("lim")), ("lim", &r("x→0"))]);
        check(&of("func", "", &[("fName", &limit), ("e", &r("(x)"))]), "lim_(x→0)(x)");
        check(&of("eqArr", "", &[("e", &r("x=1")), ("e", &r("y=2"))]), "x=1; y=2");
        check(&of("phant", "<m:show m:val='0'/>", &[("e", &a)]), "");
        check(&of("borderBox", "", &[("e", &a)]), "a");
    }

    #[test]
    fn a_matrix_has_rows_and_columns() {
        let row = |one: &str, two: &str| {
            format!("<m:mr><m:e>{}</m:e><m:e>{}</m:e></m:mr>", r(one), r(two))
        };
        let matrix = format!("<m:m><m:mPr/>{}{}</m:m>", row("a", "b"), row("c", "d"));
        check(&of("d", "", &[("e", &matrix)]), "(a, b; c, d)");
    }

    #[test]
    fn tracked_changes_in_an_equation_are_accepted() {
        check(&format!("<w:ins>{}</w:ins><w:del>{}</w:del>{}", r("a"), r("b"), r("=1")), "a=1");
    }

    #[test]
    fn brackets_are_only_added_where_they_are_needed() {
        for (operand, shown) in [
            ("x", "x"),
            ("12.5", "12.5"),
            ("(a)(b)", "((a)(b))"),
            ("(ab)", "(ab)"),
            ("α", "α"),
            ("", ""),
        ] {
            assert_eq!(one(operand), shown);
        }
    }
}
