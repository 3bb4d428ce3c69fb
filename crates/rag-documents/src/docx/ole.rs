//! What an OLE container holds ([MS-CFB]): an old Office file, or a new one that is encrypted.

/// Bytes of an entry in a container's directory; entries stand at multiples of it.
const ENTRY: usize = 128;
/// Where an entry has the length of its name, in bytes with the final zero ([MS-CFB] 2.6.1).
const NAME_LENGTH_AT: usize = 64;

/// Streams that only one kind of file has.
const STREAMS: [(&str, &str); 7] = [
    ("WordDocument", "an old Word document (.doc)"),
    ("Workbook", "an old Excel workbook (.xls)"),
    ("Book", "an old Excel workbook (.xls)"),
    ("PowerPoint Document", "an old PowerPoint presentation (.ppt)"),
    ("VisioDocument", "an old Visio drawing (.vsd)"),
    ("__properties_version1.0", "an Outlook message (.msg)"),
    ("HwpSummaryInformation", "a Hangul document (.hwp)"),
];

/// What an OLE container is; nothing when it is a new document that is encrypted.
pub(crate) fn kind(bytes: &[u8]) -> Option<&'static str> {
    // An encrypted document keeps itself in a stream of this name ([MS-OFFCRYPTO] 2.1.5).
    if has_stream(bytes, "EncryptedPackage") {
        return None;
    }
    let kind = STREAMS.iter().find(|(stream, _)| has_stream(bytes, stream));
    Some(kind.map_or("an old Office file", |(_, kind)| kind))
}

fn has_stream(bytes: &[u8], name: &str) -> bool {
    let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let length = (name.len() as u16).to_le_bytes();
    bytes.chunks_exact(ENTRY).any(|entry| {
        // Some names begin with a control character.
        let plain = entry.starts_with(&name)
            && entry.get(NAME_LENGTH_AT..NAME_LENGTH_AT + 2) == Some(&length[..]);
        plain || entry.get(2..).is_some_and(|rest| entry[0] < 32 && rest.starts_with(&name))
    })
}
