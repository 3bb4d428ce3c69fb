//! A chart as the table it was drawn from: titles, then a row for each category.

use std::collections::BTreeMap;

use super::{plain, words};
use crate::document::DocumentError;
use crate::docx::space::Space;
use crate::docx::xml::Xml;

/// Series of a chart: more cannot be told apart.
const MOST_SERIES: usize = 256;
/// Points of a series.
const MOST_POINTS: usize = 10_000;
/// Significant decimal digits that survive a number of eight bytes (IEEE 754), and that spreadsheets show.
const EXACT: usize = 15;

/// Texts by their place.
type Points = BTreeMap<u32, String>;

#[derive(Default)]
struct Chart {
    titles: Vec<String>,
    series: Vec<Series>,
}

#[derive(Default)]
struct Series {
    name: String,
    categories: Points,
    values: Points,
}

/// The lines of the chart at whose root `xml` stands.
///
/// # Errors
/// When the part is broken or too large.
pub(crate) fn read(xml: &mut Xml<'_>) -> Result<Vec<String>, DocumentError> {
    let mut chart = Chart::default();
    chart.walk(xml)?;
    Ok(chart.lines())
}

impl Chart {
    fn walk(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Chart, "title") => {
                let mut title = String::new();
                heading(xml, &mut title)?;
                if !title.trim().is_empty() {
                    self.titles.push(title.trim().to_owned());
                }
                Ok(())
            }
            (Space::Chart, "ser") => {
                if self.series.len() >= MOST_SERIES {
                    let why = format!("a chart with more than {MOST_SERIES} series");
                    return Err(DocumentError::TooLarge(why));
                }
                self.series.push(Series::read(xml)?);
                Ok(())
            }
            // A newer kind of chart keeps its data apart from its series.
            (Space::Chart, "strDim" | "numDim") => {
                let mut points = Points::new();
                collect(xml, &mut points)?;
                let values: Vec<&str> = points.values().map(String::as_str).collect();
                self.titles.push(values.join(" | "));
                Ok(())
            }
            (_, "extLst") => Ok(()),
            _ => self.walk(xml),
        })
    }

    fn lines(mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.titles);
        if self.series.iter().any(|series| !series.name.is_empty()) {
            lines.push(row(std::iter::once("").chain(self.series.iter().map(|s| s.name.as_str()))));
        }
        let mut categories = Points::new();
        for series in &mut self.series {
            for (place, category) in std::mem::take(&mut series.categories) {
                categories.entry(place).or_insert(category);
            }
            for place in series.values.keys() {
                categories.entry(*place).or_default();
            }
        }
        for (place, category) in &categories {
            let values = self.series.iter().map(|series| series.values.get(place));
            let values = values.map(|value| value.map_or("", String::as_str));
            lines.push(row(std::iter::once(category.as_str()).chain(values)));
        }
        lines.retain(|line| !line.trim().is_empty());
        lines
    }
}

impl Series {
    fn read(xml: &mut Xml<'_>) -> Result<Self, DocumentError> {
        let mut series = Self::default();
        xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Chart, "tx") => {
                let mut points = Points::new();
                collect(xml, &mut points)?;
                series.name = points.into_values().collect::<Vec<_>>().join(" ");
                Ok(())
            }
            (Space::Chart, "cat" | "xVal") => collect(xml, &mut series.categories),
            (Space::Chart, "val" | "yVal") => collect(xml, &mut series.values),
            _ => Ok(()),
        })?;
        series.values.values_mut().for_each(|value| *value = rounded(value));
        Ok(series)
    }
}

/// A number as the table shows it that a chart was drawn from: with the 15 digits that it is exact to, where it is
/// kept with more.
fn rounded(value: &str) -> String {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    match value.trim().parse::<f64>() {
        Ok(number) if digits > EXACT && value.contains('.') && number.is_finite() => {
            let rounded = format!("{number:.*e}", EXACT - 1).parse::<f64>();
            rounded.map_or_else(|_| value.to_owned(), |number| number.to_string())
        }
        _ => value.to_owned(),
    }
}

/// The words of a title, whether they are written there or come from a cell.
fn heading(xml: &mut Xml<'_>, title: &mut String) -> Result<(), DocumentError> {
    xml.children(|xml| match (xml.space(), xml.name()) {
        (Space::Chart, "rich") => {
            title.push_str(&words(xml)?);
            Ok(())
        }
        (Space::Chart, "v") => plain(xml, title),
        (_, "extLst") => Ok(()),
        _ => heading(xml, title),
    })
}

/// The cached points inside the element opened last. Of categories with levels, those of a group
/// stand before the first of the group.
fn collect(xml: &mut Xml<'_>, points: &mut Points) -> Result<(), DocumentError> {
    xml.children(|xml| match (xml.space(), xml.name()) {
        (Space::Chart, "pt") => {
            let place = xml.attribute("idx").and_then(|place| place.trim().parse().ok());
            let mut text = String::new();
            value(xml, &mut text)?;
            if points.len() >= MOST_POINTS {
                let why = format!("a chart with more than {MOST_POINTS} points");
                return Err(DocumentError::TooLarge(why));
            }
            let own = points.entry(place.unwrap_or(0)).or_default();
            *own = if own.is_empty() { text } else { format!("{text} {own}") };
            Ok(())
        }
        // A name that is no reference to cells.
        (Space::Chart, "v") => plain(xml, points.entry(0).or_default()),
        (Space::Chart, "f" | "formatCode" | "ptCount") | (_, "extLst") => Ok(()),
        _ => collect(xml, points),
    })
}

/// The value of a point, in an element of its own or right inside.
fn value(xml: &mut Xml<'_>, text: &mut String) -> Result<(), DocumentError> {
    use crate::docx::xml::Event;
    loop {
        match xml.next()? {
            Event::Open => plain(xml, text)?,
            Event::Text => text.push_str(xml.text().trim()),
            Event::Close | Event::End => return Ok(()),
        }
    }
}

fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<&str> = cells.map(str::trim).collect();
    let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    cells.get(..filled).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::super::super::xml::tests::over;
    use super::*;

    #[test]
    fn a_chart_is_its_titles_and_its_table() {
        let points = |texts: &[&str]| -> String {
            let point = |(at, text)| format!("<c:pt idx='{at}'><c:v>{text}</c:v></c:pt>");
            texts.iter().enumerate().map(point).collect()
        };
        let series = |name: &str, values: &[&str]| {
            format!(
                "<c:ser><c:tx><c:strRef><c:f>A1</c:f><c:strCache>{}</c:strCache></c:strRef></c:tx>
                <c:cat><c:strRef><c:strCache>{}</c:strCache></c:strRef></c:cat>
                <c:val><c:numRef><c:f>B1</c:f><c:numCache><c:formatCode>0</c:formatCode>{}</c:numCache></c:numRef></c:val></c:ser>",
                points(&[name]),
                points(&["一季度", "二季度"]),
                points(values)
            )
        };
        let text = format!(
            "<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>销售额</a:t></a:r></a:p></c:rich></c:tx></c:title>
            <c:plotArea><c:barChart>{}{}</c:barChart></c:plotArea></c:chart></c:chartSpace>",
            series("北区", &["1", "2"]),
            series("南区", &["3", "4.4000000000000004"])
        );
        let mut xml = over(&text);
        xml.root().unwrap();
        assert_eq!(
            read(&mut xml).unwrap(),
            ["销售额", " | 北区 | 南区", "一季度 | 1 | 3", "二季度 | 2 | 4.4"]
        );
    }
}
