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
    bytes: u64,
    read: usize,
    bytes_read: u64,
    /// Of the documents read so far.
    passages: usize,
    done: usize,
    taken_over: usize,
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
                bytes: 0,
                read: 0,
                bytes_read: 0,
                passages: 0,
                done: 0,
                taken_over: 0,
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
            Event::Found { documents, bytes } => {
                (state.documents, state.bytes) = (documents, bytes);
                state.start("{bar:30} {percent}% {msg}");
            }
            Event::TakenUp { passages } => {
                let line =
                    format!("an earlier build was stopped: {passages} passages are taken up");
                state.note(&line);
            }
            Event::Read { bytes, passages, .. } => {
                state.read += 1;
                state.bytes_read += bytes;
                state.passages += passages;
                state.draw();
            }
            Event::Failed { file, reason } => {
                state.note(&render::plain(&format!("skipped: {file}: {reason}")));
                state.read += 1;
                state.draw();
            }
            Event::Embedded { done, taken_over } => {
                (state.done, state.taken_over) = (done, taken_over);
                state.draw();
            }
            Event::Indexing => {
                let line = state.line();
                state.say(&line, true);
                state.start("finishing the indexes");
            }
        }
    }
}

impl State {
    fn start(&mut self, template: &str) {
        self.since = Instant::now();
        if let Some(old) = self.bar.take() {
            old.finish_and_clear();
            let bar = ProgressBar::new(1000);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.tick();
            self.bar = Some(bar);
        }
    }

    /// The passages there will be, as far as the documents read so far tell.
    fn expected(&self) -> f64 {
        let share = self.bytes_read as f64 / self.bytes.max(1) as f64;
        self.passages as f64 / share.clamp(0.001, 1.0)
    }

    fn line(&self) -> String {
        let made = self.done.saturating_sub(self.taken_over);
        let rate = made as f64 / self.since.elapsed().as_secs_f64().max(0.001);
        let taken_over = match self.taken_over {
            0 => String::new(),
            n => format!(" ({n} taken over)"),
        };
        let left = if rate > 0.0 && self.read < self.documents {
            format!(", about {:.0} s left", (self.expected() - self.done as f64).max(0.0) / rate)
        } else {
            String::new()
        };
        format!(
            "{} of {} documents read, {} passages embedded{taken_over}, {rate:.1}/s{left}",
            self.read, self.documents, self.done
        )
    }

    fn draw(&mut self) {
        let line = self.line();
        if let Some(bar) = &self.bar {
            let share = self.done as f64 / self.expected().max(1.0);
            bar.set_position((share * 1000.0) as u64);
            bar.set_message(line.clone());
        }
        self.say(&line, false);
    }

    /// A line above the bar, or in the pipe.
    fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| render::note(line)),
            None => render::note(line),
        }
    }

    /// A line in a pipe, when it is due or `now`.
    fn say(&mut self, line: &str, now: bool) {
        if self.bar.is_none() && (now || self.last_line.elapsed() >= BETWEEN_LINES) {
            render::note(line);
            self.last_line = Instant::now();
        }
    }
}
