//! Kinds of files that are not read: how they are told, and what their owner can do instead.

use crate::format::Format;

/// A kind of file that is not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// What it is, as in "it is …".
    pub(crate) found: &'static str,
    /// What to do, as in "…, which is not read; …".
    advice: &'static str,
    /// Its usual extensions.
    extensions: &'static [&'static str],
    /// Bytes that its files have at a place.
    magic: &'static [(usize, &'static [u8])],
}

const OFFICE_TEXT: &str = "save it as DOCX or PDF";
const OFFICE_TABLE: &str = "save it as CSV or PDF";
const OFFICE_SLIDES: &str = "save it as PDF";
const ARCHIVE: &str = "unpack it and name the documents in it";
const IMAGE: &str = "make a PDF with a text layer of it (OCR)";
const RECORDING: &str = "write down what is said in it";
const BOOK: &str = "convert it to HTML or PDF";
const PAGE: &str = "save it as HTML or PDF";
const NOTHING: &str = "leave it out";
const TEXT: &str = "save what it says as text, Markdown or PDF";

const fn kind(
    found: &'static str,
    advice: &'static str,
    extensions: &'static [&'static str],
    magic: &'static [(usize, &'static [u8])],
) -> Foreign {
    Foreign { found, advice, extensions, magic }
}

/// How containers of OLE begin; the DOCX reader tells by their streams what is in them.
const OLE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// Where the first entry of a zip container has its content, when that is called `mimetype`.
const MIMETYPE: usize = 38;

/// Kinds told by their first bytes. The first that fits counts.
#[rustfmt::skip]
const KINDS: &[Foreign] = &[
    kind("an OpenDocument text (.odt)", OFFICE_TEXT, &["odt", "ott", "fodt"], &[(MIMETYPE, b"application/vnd.oasis.opendocument.text")]),
    kind("an OpenDocument spreadsheet (.ods)", OFFICE_TABLE, &["ods", "fods"], &[(MIMETYPE, b"application/vnd.oasis.opendocument.spreadsheet")]),
    kind("an OpenDocument presentation (.odp)", OFFICE_SLIDES, &["odp", "fodp"], &[(MIMETYPE, b"application/vnd.oasis.opendocument.presentation")]),
    kind("an EPUB book", BOOK, &["epub"], &[(MIMETYPE, b"application/epub+zip")]),
    kind("a Rich Text file (.rtf)", OFFICE_TEXT, &["rtf"], &[(0, b"{\\rtf")]),
    kind("a PNG image", IMAGE, &["png"], &[(0, b"\x89PNG\r\n")]),
    kind("a JPEG image", IMAGE, &["jpg", "jpeg"], &[(0, b"\xFF\xD8\xFF")]),
    kind("a GIF image", IMAGE, &["gif"], &[(0, b"GIF8")]),
    kind("a TIFF image", IMAGE, &["tif", "tiff"], &[(0, b"II*\0")]),
    kind("a TIFF image", IMAGE, &[], &[(0, b"MM\0*")]),
    kind("a WebP image", IMAGE, &["webp"], &[(0, b"RIFF"), (8, b"WEBP")]),
    kind("a HEIF image", IMAGE, &["heic", "heif", "avif"], &[(4, b"ftyp"), (8, b"hei")]),
    kind("a bitmap image", IMAGE, &["bmp"], &[(0, b"BM"), (6, b"\0\0\0\0")]),
    kind("a DjVu scan", IMAGE, &["djvu", "djv"], &[(0, b"AT&TFORM")]),
    kind("a Photoshop image", IMAGE, &["psd"], &[(0, b"8BPS")]),
    kind("a gzip archive", ARCHIVE, &["gz", "tgz"], &[(0, b"\x1F\x8B\x08")]),
    kind("a 7z archive", ARCHIVE, &["7z"], &[(0, b"7z\xBC\xAF\x27\x1C")]),
    kind("a RAR archive", ARCHIVE, &["rar"], &[(0, b"Rar!\x1A\x07")]),
    kind("an xz archive", ARCHIVE, &["xz"], &[(0, b"\xFD7zXZ\0")]),
    kind("a bzip2 archive", ARCHIVE, &["bz2"], &[(0, b"BZh"), (4, b"1AY&SY")]),
    kind("a Zstandard archive", ARCHIVE, &["zst"], &[(0, b"\x28\xB5\x2F\xFD")]),
    kind("a tar archive", ARCHIVE, &["tar"], &[(257, b"ustar")]),
    kind("a Kindle book", BOOK, &["mobi", "azw", "azw3"], &[(60, b"BOOKMOBI")]),
    kind("a compiled help file (.chm)", BOOK, &["chm"], &[(0, b"ITSF\x03\0")]),
    kind("a PostScript file", OFFICE_SLIDES, &["ps", "eps"], &[(0, b"%!PS-Adobe")]),
    kind("a web archive (.mhtml)", PAGE, &["mht", "mhtml"], &[(0, b"From: <Saved by")]),
    kind("an MP3 recording", RECORDING, &["mp3"], &[(0, b"ID3\x02")]),
    kind("an MP3 recording", RECORDING, &[], &[(0, b"ID3\x03")]),
    kind("an MP3 recording", RECORDING, &[], &[(0, b"ID3\x04")]),
    kind("an MP4 recording", RECORDING, &["mp4", "m4a", "mov", "m4v"], &[(4, b"ftyp")]),
    kind("a WAV recording", RECORDING, &["wav"], &[(0, b"RIFF"), (8, b"WAVE")]),
    kind("an Ogg recording", RECORDING, &["ogg", "oga", "opus"], &[(0, b"OggS")]),
    kind("a Matroska recording", RECORDING, &["mkv", "webm"], &[(0, b"\x1A\x45\xDF\xA3")]),
    kind("an AVI recording", RECORDING, &["avi"], &[(0, b"RIFF"), (8, b"AVI ")]),
    kind("an SQLite database", NOTHING, &["sqlite", "db"], &[(0, b"SQLite format 3\0")]),
    kind("a program", NOTHING, &["so", "bin"], &[(0, b"\x7FELF")]),
    kind("a program", NOTHING, &["exe", "dll"], &[(0, b"MZ"), (2, b"\x90\0\x03")]),
    kind("a font", NOTHING, &["otf"], &[(0, b"OTTO\0")]),
    kind("a font", NOTHING, &["ttf"], &[(0, b"\0\x01\0\0\0")]),
    kind("a font", NOTHING, &["woff"], &[(0, b"wOFF\0\x01")]),
    kind("a font", NOTHING, &["woff2"], &[(0, b"wOF2\0\x01")]),
];

/// Kinds that other readers tell, or only the extension does.
const TOLD: &[Foreign] = &[
    kind("an old Word document (.doc)", OFFICE_TEXT, &["doc", "dot"], &[]),
    kind("an old Excel workbook (.xls)", OFFICE_TABLE, &["xls"], &[]),
    kind("an old PowerPoint presentation (.ppt)", OFFICE_SLIDES, &["ppt"], &[]),
    kind("an Outlook message (.msg)", TEXT, &["msg"], &[]),
    kind("an old Office file", OFFICE_TEXT, &["wps"], &[]),
    kind("an Excel workbook", OFFICE_TABLE, &["xlsx", "xlsm", "xlsb"], &[]),
    kind("a PowerPoint presentation", OFFICE_SLIDES, &["pptx", "pptm", "ppsx"], &[]),
    kind("an OpenDocument or EPUB file", OFFICE_TEXT, &[], &[]),
    kind("an OpenDocument file", OFFICE_TEXT, &["odg", "odf"], &[]),
    kind("a Visio drawing", OFFICE_SLIDES, &["vsdx"], &[]),
    kind("an old Visio drawing (.vsd)", OFFICE_SLIDES, &["vsd"], &[]),
    kind("a Hangul document (.hwp)", OFFICE_TEXT, &["hwp", "hwpx"], &[]),
    kind("a Pages document", OFFICE_TEXT, &["pages"], &[]),
    kind("a Java archive", NOTHING, &["jar"], &[]),
    kind("a Word file without its text", OFFICE_TEXT, &[], &[]),
    kind("a package without a Word document", OFFICE_TEXT, &[], &[]),
    kind("a zip archive", ARCHIVE, &["zip"], &[]),
    kind("binary data", NOTHING, &["dat"], &[]),
    kind("an e-mail", TEXT, &["eml"], &[]),
    kind("a JSON file", TEXT, &["json", "jsonl"], &[]),
    kind("an XML file", PAGE, &["xml"], &[]),
    kind("a YAML file", TEXT, &["yaml", "yml"], &[]),
    kind("a TeX source", OFFICE_SLIDES, &["tex"], &[]),
    kind(
        UNKNOWN,
        "PDF, DOCX, Markdown, HTML, text and CSV are; a text can be renamed to .txt",
        &[],
        &[],
    ),
];

const UNKNOWN: &str = "of an unknown kind";
/// What content is called that is no text and no known kind of anything else.
pub(crate) const BINARY: &str = "binary data";

fn all() -> impl Iterator<Item = &'static Foreign> {
    KINDS.iter().chain(TOLD)
}

/// The kind whose first bytes these are.
pub(crate) fn by_content(bytes: &[u8]) -> Option<&'static Foreign> {
    let has =
        |(at, magic): &(usize, &[u8])| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    // The content of an entry called otherwise may say anything.
    let named = bytes.get(30..MIMETYPE) == Some(b"mimetype");
    KINDS.iter().find(|kind| {
        let in_zip = kind.magic.first().is_some_and(|(at, _)| *at == MIMETYPE);
        (named || !in_zip) && kind.magic.iter().all(has)
    })
}

pub(crate) fn is_ole(bytes: &[u8]) -> bool {
    bytes.starts_with(OLE)
}

/// The kind of this name; one of an unknown kind when there is none.
pub(crate) fn named(found: &str) -> &'static Foreign {
    static NONE: Foreign = kind(UNKNOWN, NOTHING, &[], &[]);
    all().find(|kind| kind.found == found).unwrap_or(&NONE)
}

/// What a file is called that its extension, in lower case, tells more about than its content.
pub(crate) fn by_extension(extension: &str) -> &'static str {
    all().find(|kind| kind.extensions.contains(&extension)).map_or(UNKNOWN, |kind| kind.found)
}

/// What to do with a file that is `found`.
pub(crate) fn advice(found: &str) -> &'static str {
    named(found).advice
}

/// The same words as a constant, for an error that comes from another process.
pub(crate) fn known(found: &str) -> &'static str {
    let formats = Format::ALL.iter().map(|format| format.article_and_name());
    all().map(|kind| kind.found).chain(formats).find(|known| *known == found).unwrap_or(UNKNOWN)
}
