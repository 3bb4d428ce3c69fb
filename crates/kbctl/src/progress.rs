//! How a build is going: a bar on a terminal, plain lines in a pipe.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rag_knowledge::build::{Event, Observer};

use crate::render;

/// The least time between two lines in a pipe.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

pub(crate) struct Progress {
    state: Mutex<State>,
}

struct State {
    /// `None` in a pipe.
    bar: Option<ProgressBar>,
    documents: usize,
    read: usize,
    passages: usize,
    since: Instant,
    last_line: Instant,
}

impl Progress {
    /// Draws on stderr.
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::hidden);
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                bar,
                documents: 0,
                read: 0,
                passages: 0,
                since: now,
                last_line: now,
            }),
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.state.lock().unwrap_or_else(PoisonError::into_inner).bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Found { documents } => {
                state.documents = documents;
                state.start(documents, "reading   {bar:30} {pos}/{len} documents");
            }
            Event::Read { .. } => state.one_more(),
            Event::Failed { file, reason } => {
                let line = render::plain(&format!("skipped: {file}: {reason}"));
                match &state.bar {
                    Some(bar) => bar.suspend(|| render::note(&line)),
                    None => render::note(&line),
                }
                state.one_more();
            }
            Event::Embedding { passages } => {
                state.passages = passages;
                state.say(|s| format!("read {} documents, {} passages", s.read, s.passages), true);
                state.start(
                    passages,
                    "embedding {bar:30} {pos}/{len} passages, {per_sec}, {eta} left",
                );
            }
            Event::Embedded { done } => {
                if let Some(bar) = &state.bar {
                    bar.set_position(done as u64);
                }
                let last = done == state.passages;
                state.say(
                    |s| {
                        let rate = done as f64 / s.since.elapsed().as_secs_f64().max(0.001);
                        let left = s.passages.saturating_sub(done) as f64 / rate.max(0.001);
                        format!(
                            "embedded {done} of {} passages, {rate:.1}/s, about {left:.0} s left",
                            s.passages
                        )
                    },
                    last,
                );
            }
            Event::Indexing => state.start(0, "making the index"),
        }
    }
}

impl State {
    fn start(&mut self, length: usize, template: &str) {
        self.since = Instant::now();
        if let Some(old) = self.bar.take() {
            old.finish_and_clear();
            let bar = ProgressBar::new(length as u64);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.tick();
            self.bar = Some(bar);
        }
    }

    fn one_more(&mut self) {
        self.read += 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        self.say(|s| format!("read {} of {} documents", s.read, s.documents), false);
    }

    /// A line in a pipe, when it is due or `now`.
    fn say(&mut self, line: impl Fn(&Self) -> String, now: bool) {
        if self.bar.is_none() && (now || self.last_line.elapsed() >= BETWEEN_LINES) {
            render::note(&line(self));
            self.last_line = Instant::now();
        }
    }
}
