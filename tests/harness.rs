//! What the tests of real binaries share.

pub mod browser;
pub mod cross_encoder;
pub mod fake_worker;
pub mod gateway;
pub mod http;
pub mod memory;
pub mod node;
pub mod onnx;
pub mod peers;
pub mod processes;
pub mod python;
pub mod rag_worker;
pub mod report;
pub mod sse;
