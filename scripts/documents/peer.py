#!/usr/bin/env python3
"""Reads PDFs with another reader: `peer.py pypdf|pypdfium2|pdftotext FILE...`.

Prints one line of JSON for each file: how many seconds reading took, and the text of each page, or the error.
"""

import json
import logging
import subprocess
import sys
import time


def pypdf(file):
    import pypdf as library

    return [page.extract_text() for page in library.PdfReader(file).pages]


def pypdfium2(file):
    import pypdfium2 as library

    document = library.PdfDocument(file)
    return [document[at].get_textpage().get_text_range() for at in range(len(document))]


def pdftotext(file):
    run = subprocess.run(["pdftotext", "-enc", "UTF-8", file, "-"], capture_output=True, timeout=300, check=True)
    return run.stdout.decode("utf-8", "replace").removesuffix("\f").split("\f")


def main():
    logging.disable(logging.CRITICAL)
    reader = {"pypdf": pypdf, "pypdfium2": pypdfium2, "pdftotext": pdftotext}[sys.argv[1]]
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
