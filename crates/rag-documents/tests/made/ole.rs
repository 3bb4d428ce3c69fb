//! OLE containers, as far as telling them apart goes.

/// A container whose directory has one stream of this name ([MS-CFB] 2.6.1).
pub(crate) fn with_stream(stream: &str) -> Vec<u8> {
    let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    bytes.resize(512, 0);
    let name: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.extend(&name);
    bytes.resize(512 + 64, 0);
    bytes.extend((name.len() as u16 + 2).to_le_bytes());
    bytes.resize(640, 0);
    bytes
}
