//! `scripts/bench gateway`: plain proxying, ours beside nginx and HAProxy: as fast as it goes, at a fixed rate, and with
//! many idle streams.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

mod peak;
mod rate;
mod streams;

use switchyard_tests::harness::report::number;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let report = match (number(&arguments, "--rate", 0), number(&arguments, "--streams", 0)) {
        (0, 0) => peak::run(&arguments).await,
        (rate, 0) => rate::run(&arguments, rate).await,
        (_, streams) => streams::run(&arguments, streams).await,
    };
    report.publish(&arguments);
}
