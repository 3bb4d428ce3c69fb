//! What a document holds that its text does not show, counted, so that nothing is lost silently.

/// Something that is left out of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// An image without words beside it that say what it shows.
    Image,
    /// An object of another program.
    Object,
    /// An equation kept as an object, as programs before Word 2007 wrote them.
    EquationObject,
    /// A whole other document put in, to be merged by the program that opens it.
    InsertedDocument,
    /// A document of its own that this one is the master of.
    Subdocument,
    /// A button or field of a form with a program behind it.
    Control,
    /// A chart whose part is missing or broken.
    Chart,
    /// A diagram whose part is missing or broken.
    Diagram,
    /// A character of a symbol font whose meaning is not known.
    Symbol,
}

const NAMES: [(LeftOut, &str, &str); 9] = [
    (LeftOut::Image, "1 image has no text", "images have no text"),
    (LeftOut::Object, "1 embedded object is left out", "embedded objects are left out"),
    (
        LeftOut::EquationObject,
        "1 equation is an embedded object and left out",
        "equations are embedded objects and left out",
    ),
    (
        LeftOut::InsertedDocument,
        "1 inserted document is left out",
        "inserted documents are left out",
    ),
    (LeftOut::Subdocument, "1 subdocument is left out", "subdocuments are left out"),
    (LeftOut::Control, "1 form control is left out", "form controls are left out"),
    (LeftOut::Chart, "1 chart cannot be read", "charts cannot be read"),
    (LeftOut::Diagram, "1 diagram cannot be read", "diagrams cannot be read"),
    (LeftOut::Symbol, "1 symbol has no known meaning", "symbols have no known meaning"),
];

/// How often each was met.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    counts: [usize; NAMES.len()],
}

impl Counts {
    pub(crate) fn add(&mut self, what: LeftOut) {
        if let Some(count) = self.place(what) {
            *count += 1;
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    fn place(&mut self, what: LeftOut) -> Option<&mut usize> {
        NAMES.iter().zip(&mut self.counts).find(|((own, ..), _)| *own == what).map(|(_, n)| n)
    }

    /// One clause for each kind that was met.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let met = NAMES.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        met.map(|((_, one, many), count)| match count {
            1 => (*one).to_owned(),
            count => format!("{count} {many}"),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_one_clause() {
        let mut counts = Counts::default();
        assert_eq!(counts.warnings(), [""; 0]);
        for what in [LeftOut::Symbol, LeftOut::Image, LeftOut::Image] {
            counts.add(what);
        }
        assert_eq!(counts.warnings(), ["2 images have no text", "1 symbol has no known meaning"]);
    }
}
