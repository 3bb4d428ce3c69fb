#!/usr/bin/env python3
"""Makes PDFs whose text is known: `make.py MANUALS TRUTH OUTPUT OUTPUT_TRUTH`.

MANUALS holds DOCX files as scripts/documents/fetch makes them, TRUTH their texts. OUTPUT gets the PDFs, OUTPUT_TRUTH the text of each
under the same name. Four kinds, by the beginning of the name:

  cmap-          a text of characters in each of Adobe's predefined maps, without a font in the file and without /ToUnicode
  reportlab-     columns of filled lines, with embedded and with Adobe's own Asian fonts
  qpdf-          one of them encrypted, turned, and with its objects in streams
  libreoffice-   a whole manual

qpdf and soffice must be installed, and the fonts of fonts-dejavu-core and fonts-wqy-zenhei.
"""

import pathlib
import subprocess
import sys
import tempfile

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph

# Predefined maps (ISO 32000-1, table 118), the codec that writes their codes, the collection and the manual.
JIS = "project-history.ja"
KSC = "project-history.ko"
GB, CNS = "debmake-doc.zh-cn", "debmake-doc.zh-tw"
MAPS = [
    ("GB-EUC-H", "gb2312", "GB1", GB),
    ("GBpc-EUC-H", "gb2312", "GB1", GB),
    ("GBK-EUC-H", "gbk", "GB1", GB),
    ("GBKp-EUC-H", "gbk", "GB1", GB),
    ("GBK2K-H", "gb18030", "GB1", GB),
    ("UniGB-UCS2-H", "utf-16-be", "GB1", GB),
    ("UniGB-UTF16-H", "utf-16-be", "GB1", GB),
    ("B5pc-H", "big5", "CNS1", CNS),
    ("ETen-B5-H", "big5", "CNS1", CNS),
    ("ETenms-B5-H", "big5", "CNS1", CNS),
    ("HKscs-B5-H", "big5hkscs", "CNS1", CNS),
    ("UniCNS-UCS2-H", "utf-16-be", "CNS1", CNS),
    ("UniCNS-UTF16-H", "utf-16-be", "CNS1", CNS),
    ("83pv-RKSJ-H", "shift_jis", "Japan1", JIS),
    ("90ms-RKSJ-H", "cp932", "Japan1", JIS),
    ("90msp-RKSJ-H", "cp932", "Japan1", JIS),
    ("90pv-RKSJ-H", "shift_jis", "Japan1", JIS),
    ("Add-RKSJ-H", "shift_jis", "Japan1", JIS),
    ("Ext-RKSJ-H", "shift_jis", "Japan1", JIS),
    ("EUC-H", "euc_jp", "Japan1", JIS),
    ("H", "jis", "Japan1", JIS),
    ("UniJIS-UCS2-H", "utf-16-be", "Japan1", JIS),
    ("UniJIS-UTF16-H", "utf-16-be", "Japan1", JIS),
    ("KSC-EUC-H", "euc_kr", "Korea1", KSC),
    ("KSCms-UHC-H", "cp949", "Korea1", KSC),
    ("KSCpc-EUC-H", "euc_kr", "Korea1", KSC),
    ("UniKS-UCS2-H", "utf-16-be", "Korea1", KSC),
    ("UniKS-UTF16-H", "utf-16-be", "Korea1", KSC),
]
CHARACTERS = 1500
LINE = 30
LINES = 40

COLUMNS = [("en", 2), ("en", 3), ("de", 2), ("fr", 2), ("ru", 2), ("ja", 2)]
QPDF = {
    "rc4-40": ["--allow-weak-crypto", "--encrypt", "", "owner", "40", "--"],
    "rc4-128": ["--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--"],
    "aes-128": ["--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--"],
    "aes-256": ["--encrypt", "", "owner", "256", "--"],
    "turned-90": ["--rotate=+90"],
    "turned-180": ["--rotate=+180"],
    "object-streams": ["--object-streams=generate"],
    "linearized": ["--linearize"],
}
WHOLE = ["project-history.en", "project-history.fr", "project-history.ru", "project-history.ja", "debmake-doc.zh-cn"]


def jis(character):
    """The two bytes of JIS X 0208, as `H` takes them."""
    code = character.encode("iso2022_jp")
    if len(code) != 8:  # escape, two bytes, escape
        raise UnicodeEncodeError("jis", character, 0, 1, "not in JIS X 0208")
    return code[3:5]


def encoded(character, codec):
    return jis(character) if codec == "jis" else character.encode(codec)


def in_map(text, codec):
    """The letters of the text that the codec knows, outside of ASCII, where maps give a backslash or a currency another place."""
    for character in text:
        if ord(character) > 0x7F and not character.isspace():
            try:
                code = encoded(character, codec)
            except UnicodeEncodeError:
                continue
            # Half-width forms and what is outside of the two-byte table differ from map to map.
            if len(code) == 2:
                yield character, code


def with_map(name, codec, collection, text):
    """A PDF that shows characters by their codes in a predefined map, and what it says."""
    letters = [pair for pair, _ in zip(in_map(text, codec), range(CHARACTERS))]
    lines = [letters[at:at + LINE] for at in range(0, len(letters), LINE)]
    pages = [lines[at:at + LINES] for at in range(0, len(lines), LINES)]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"",
               f"<< /Type /Font /Subtype /Type0 /BaseFont /Known-{name} /Encoding /{name} /DescendantFonts [4 0 R] >>".encode(),
               f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Known /DW 1000 /CIDSystemInfo << /Registry (Adobe) "
               f"/Ordering ({collection}) /Supplement 2 >> /FontDescriptor 5 0 R >>".encode(),
               b"<< /Type /FontDescriptor /FontName /Known /Flags 4 /FontBBox [0 -120 1000 880] /ItalicAngle 0 /Ascent 880 "
               b"/Descent -120 /CapHeight 880 /StemV 80 >>"]
    kids = []
    for page in pages:
        shown = " ".join(f"<{b''.join(code for _, code in line).hex()}> Tj T*" for line in page)
        content = f"BT /F 12 Tf 16 TL 72 780 Td {shown} ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R "
                       "/Resources << /Font << /F 3 0 R >> >> >>".encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    said = "\n\f".join("\n".join("".join(letter for letter, _ in line) for line in page) for page in pages)
    return bytes(out), said


def in_columns(file, text, columns, font):
    """A PDF of paragraphs in columns, lines filled."""
    width, height = A4
    edge, gap = 50, 18
    each = (width - 2 * edge - (columns - 1) * gap) / columns
    frames = [Frame(edge + at * (each + gap), edge, each, height - 2 * edge, 0, 0, 0, 0) for at in range(columns)]
    style = ParagraphStyle("body", fontName=font, fontSize=9, leading=12, alignment=4, spaceAfter=6,
                           wordWrap="CJK" if font in {"Zen", "STSong-Light", "HeiseiMin-W3", "HYSMyeongJo-Medium"} else None)
    document = BaseDocTemplate(str(file), pagesize=A4, invariant=1)
    document.addPageTemplates(PageTemplate(frames=frames))
    escaped = (line.replace("&", "&amp;").replace("<", "&lt;") for line in text.splitlines())
    document.build([Paragraph(line, style) for line in escaped if line.strip()])


def prose(text):
    """The long lines of a manual, which no table or program is among."""
    long = [line.strip() for line in text.splitlines() if len(line) > 60 and not line.startswith(" ")]
    return "\n".join(long)[:12_000].rsplit("\n", 1)[0]


def main():
    manuals, truth, out, out_truth = map(pathlib.Path, sys.argv[1:])
    said = {file.stem: file.read_text() for file in truth.glob("*.txt")}

    def made(name, text):
        (out_truth / f"{name}.txt").write_text(text)
        return out / f"{name}.pdf"

    for name, codec, collection, manual in MAPS:
        pdf, text = with_map(name, codec, collection, said[manual])
        made(f"cmap-{name}", text).write_bytes(pdf)

    pdfmetrics.registerFont(TTFont("DejaVu", "DejaVuSerif.ttf"))
    pdfmetrics.registerFont(TTFont("Zen", "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"))
    for language, columns in COLUMNS:
        text = prose(said[f"project-history.{language}"])
        font = "Zen" if language == "ja" else "DejaVu"
        in_columns(made(f"reportlab-columns-{columns}-{language}", text), text, columns, font)
    for font, manual in [("STSong-Light", GB), ("HeiseiMin-W3", JIS), ("HYSMyeongJo-Medium", KSC)]:
        pdfmetrics.registerFont(UnicodeCIDFont(font))
        text = prose(said[manual])
        in_columns(made(f"reportlab-{font}", text), text, 1, font)

    source = out / "reportlab-columns-2-en.pdf"
    for name, options in QPDF.items():
        file = made(f"qpdf-{name}", (out_truth / "reportlab-columns-2-en.txt").read_text())
        subprocess.run(["qpdf", "--deterministic-id" if "--encrypt" not in options else "--static-id", *options, source, file], check=True)

    for name in WHOLE:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["soffice", "--headless", "--convert-to", "pdf", "--outdir", folder, manuals / f"pandoc-{name}.docx"],
                           check=True, stdout=subprocess.DEVNULL)
            file = made(f"libreoffice-{name}", said[name])
            file.write_bytes((pathlib.Path(folder) / f"pandoc-{name}.pdf").read_bytes())


main()
