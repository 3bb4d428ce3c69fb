//! ONNX models written down as bytes: the few messages of onnx.proto that a small graph needs.
//!
//! Each function makes one message, and names the fields it sets by their numbers in onnx.proto.

/// Types of elements, `TensorProto.DataType`.
#[derive(Clone, Copy)]
pub enum Element {
    Float = 1,
    Int64 = 7,
    Bool = 9,
}

/// One dimension of a tensor: a number, or a name where it is not known.
pub enum Dimension {
    Known(u64),
    Called(&'static str),
}

/// `ModelProto`: ir_version 1, graph 7, opset_import 8; `OperatorSetIdProto`: version 2;
/// `GraphProto`: node 1, name 2, initializer 5, input 11, output 12.
pub fn model(
    nodes: &[Vec<u8>],
    constants: &[Vec<u8>],
    inputs: &[Vec<u8>],
    output: &[u8],
) -> Vec<u8> {
    let all = |field: u64, messages: &[Vec<u8>]| -> Vec<u8> {
        messages.iter().flat_map(|message| bytes(field, message)).collect()
    };
    let graph =
        [all(1, nodes), bytes(2, b"graph"), all(5, constants), all(11, inputs), bytes(12, output)];
    [number(1, 8), bytes(7, &graph.concat()), bytes(8, &number(2, 13))].concat()
}

/// `NodeProto`: input 1, output 2, op_type 4, attribute 5.
pub fn node(operation: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| bytes(1, input.as_bytes())).collect();
    node.extend(bytes(2, output.as_bytes()));
    node.extend(bytes(4, operation.as_bytes()));
    node
}

/// The same with an attribute that is an integer; `AttributeProto`: name 1, i 3, type 20 (2 is INT).
pub fn node_with(
    operation: &str,
    inputs: &[&str],
    output: &str,
    attribute: (&str, u64),
) -> Vec<u8> {
    let (name, value) = attribute;
    let attribute = [bytes(1, name.as_bytes()), number(3, value), number(20, 2)].concat();
    [node(operation, inputs, output), bytes(5, &attribute)].concat()
}

/// `TensorProto`: dims 1, data_type 2, name 8, raw_data 9.
pub fn integers(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    constant(name, Element::Int64, values.len(), &raw)
}

/// Likewise.
pub fn floats(name: &str, values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    constant(name, Element::Float, values.len(), &raw)
}

fn constant(name: &str, element: Element, length: usize, raw: &[u8]) -> Vec<u8> {
    let dims = number(1, length as u64);
    [dims, number(2, element as u64), bytes(8, name.as_bytes()), bytes(9, raw)].concat()
}

/// `ValueInfoProto`: name 1, type 2; `TypeProto`: tensor_type 1; `TypeProto.Tensor`: elem_type 1, shape 2;
/// `TensorShapeProto`: dim 1; `Dimension`: dim_value 1, dim_param 2.
pub fn value(name: &str, element: Element, shape: &[Dimension]) -> Vec<u8> {
    let dimension = |dimension: &Dimension| match dimension {
        Dimension::Known(length) => number(1, *length),
        Dimension::Called(name) => bytes(2, name.as_bytes()),
    };
    let shape: Vec<u8> = shape.iter().flat_map(|one| bytes(1, &dimension(one))).collect();
    let tensor = [number(1, element as u64), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// A field that holds a number: protobuf's wire type 0.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field that holds bytes, a text or a message: protobuf's wire type 2.
fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn varint(mut value: u64) -> Vec<u8> {
    let mut varint = Vec::new();
    while value >= 0x80 {
        varint.push(value as u8 | 0x80);
        value >>= 7;
    }
    varint.push(value as u8);
    varint
}
