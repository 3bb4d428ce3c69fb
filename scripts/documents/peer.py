#!/usr/bin/env python3
"""Reads documents with another reader: `peer.py READER FILE...`.

Readers of PDFs are pypdf, pypdfium2, pymupdf and pdftotext; readers of DOCX files are docx2txt, mammoth, python-docx and docx2python.
Prints one line of JSON for each file: how many seconds reading took, and the text of each page, or the error. A DOCX is one page,
without headers and footers.
"""

import json
import logging
import subprocess
import sys
import time
import zipfile


def pypdf(file):
    import pypdf as library

    return [page.extract_text() for page in library.PdfReader(file).pages]


def pypdfium2(file):
    import pypdfium2 as library

    document = library.PdfDocument(file)
    return [document[at].get_textpage().get_text_range() for at in range(len(document))]


def pymupdf(file):
    import pymupdf as library

    library.TOOLS.mupdf_display_errors(False)
    with library.open(file) as document:
        return [page.get_text() for page in document]


def pdftotext(file):
    run = subprocess.run(["pdftotext", "-enc", "UTF-8", file, "-"], capture_output=True, timeout=300, check=True)
    return run.stdout.decode("utf-8", "replace").removesuffix("\f").split("\f")


def docx2txt(file):
    import docx2txt as library

    # Its own entry point puts headers and footers in, which are compared nowhere.
    with zipfile.ZipFile(file) as container:
        return [library.docx2txt.xml2text(container.read("word/document.xml"))]


def mammoth(file):
    import mammoth as library

    with open(file, "rb") as opened:
        return [library.extract_raw_text(opened).value]


def python_docx(file):
    import docx as library

    def lines(parent):
        for item in parent.iter_inner_content():
            if hasattr(item, "rows"):
                for row in item.rows:
                    cells, seen = [], set()
                    for cell in row.cells:
                        # Merged cells come once for each column.
                        if id(cell._tc) not in seen:
                            seen.add(id(cell._tc))
                            cells.append(" ".join(lines(cell)))
                    yield " | ".join(cells)
            else:
                yield item.text

    return ["\n".join(lines(library.Document(file)))]


def docx2python(file):
    from docx2python import docx2python as library
    from docx2python.iterators import iter_paragraphs

    with library(file, duplicate_merged_cells=False) as document:
        tables = document.body + document.footnotes + document.endnotes
        return ["\n".join(iter_paragraphs(tables))]


def main():
    logging.disable(logging.CRITICAL)
    readers = [pypdf, pypdfium2, pymupdf, pdftotext, docx2txt, mammoth, python_docx, docx2python]
    reader = {reader.__name__.replace("_", "-"): reader for reader in readers}[sys.argv[1]]
    for file in sys.argv[2:]:
        begun = time.perf_counter()
        try:
            result = {"pages": reader(file)}
        except Exception as error:  # A reader may fail in any way; that is what is measured.
            result = {"error": f"{type(error).__name__}: {error}"[:200]}
        seconds = time.perf_counter() - begun
        text = json.dumps({"file": file, "seconds": seconds, **result})
        sys.stdout.write(text.encode("utf-8", "replace").decode() + "\n")


main()
