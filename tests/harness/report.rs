//! What a benchmark prints: one table, as text, JSON and a section of docs/BENCHMARKS.md.

use std::path::Path;

use serde_json::{Value, json};

/// A finished benchmark.
pub struct Report {
    /// The benchmark's name, as in `scripts/bench <name>`.
    pub name: &'static str,
    /// What was done, one sentence.
    pub work: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

impl Report {
    /// Prints the table, or JSON when `--output json` is among the arguments, and with `--write` puts the
    /// table into docs/BENCHMARKS.md.
    #[expect(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
    pub fn publish(&self, arguments: &[String]) {
        let json = arguments.windows(2).any(|pair| pair == ["--output", "json"]);
        println!("{}", if json { self.json().to_string() } else { self.markdown() });
        if arguments.iter().any(|argument| argument == "--write") {
            self.write();
        }
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                self.columns
                    .iter()
                    .zip(row)
                    .map(|(name, cell)| ((*name).to_owned(), json!(cell)))
                    .collect()
            })
            .collect();
        json!({ "benchmark": self.name, "work": self.work, "machine": machine(), "rows": rows })
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("{}\n\nMeasured on {}.\n\n", self.work, machine());
        text += &line(&self.columns.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        text += &format!("|{}\n", "---|".repeat(self.columns.len()));
        for row in &self.rows {
            text += &line(row);
        }
        text
    }

    fn write(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/BENCHMARKS.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (begin, end) =
            (format!("<!-- {} -->\n", self.name), format!("<!-- /{} -->", self.name));
        let start = text.find(&begin).unwrap() + begin.len();
        let stop = text.find(&end).unwrap();
        let text = format!("{}\n{}\n{}", &text[..start], self.markdown(), &text[stop..]);
        std::fs::write(path, text).unwrap();
    }
}

/// The processor, the cores, the load at this moment and the day.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "))
        .unwrap_or("?")
        .to_owned();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = read("/proc/loadavg");
    let day = std::process::Command::new("date").arg("-uI").output().unwrap();
    let day = String::from_utf8_lossy(&day.stdout).trim().to_owned();
    format!(
        "{cores} cores of {model}, load {} at the end, {day}",
        load.split(' ').next().unwrap_or("?")
    )
}

/// The middle value; of an even number the lower of the two.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The smallest value that at least `share` (0.0–1.0) of the values do not exceed (nearest rank). NaN of none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// The number after an option such as `--rounds`.
pub fn number(arguments: &[String], option: &str, default: usize) -> usize {
    let given = arguments
        .iter()
        .position(|argument| argument == option)
        .and_then(|at| arguments.get(at + 1));
    given.map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{option} takes a number, not {text}"))
    })
}
