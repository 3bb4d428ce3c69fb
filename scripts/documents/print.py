#!/usr/bin/env python3
"""Prints documents to PDF, as their readers would: `print.py PAGES DOCX OUTPUT OUTPUT_TRUTH`.

PAGES holds folders of web pages, DOCX holds documents of Word. OUTPUT gets the PDFs, OUTPUT_TRUTH what the program that printed
each shows of it, under the same name. Two kinds, by the beginning of the name:

  chromium-      a web page; two of three are tagged, as Chromium prints them by itself
  libreoffice-   a document, tagged

chromium and soffice must be installed.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import Error, sync_playwright

PAGES = 8
SMALLEST, LARGEST = 4_000, 120_000
TAGGED = '{"UseTaggedPDF":{"type":"boolean","value":"true"}}'


def web_pages(folder):
    """Some of a folder's pages, as far from each other as they can be."""
    fits = (file for file in folder.rglob("*.html") if SMALLEST < file.stat().st_size < LARGEST and not file.is_symlink())
    files = sorted(fits)
    step = max(1, len(files) // PAGES)
    return files[::step][:PAGES]


def with_chromium(pages, out, truth):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for folder in sorted(pages.iterdir()):
            for at, file in enumerate(web_pages(folder)):
                name = f"chromium-{folder.name}-{at}"
                page = browser.new_page()
                try:
                    page.goto(file.resolve().as_uri())
                    page.emulate_media(media="print")
                    said = page.inner_text("body")
                    page.pdf(path=out / f"{name}.pdf", format="A4", tagged=at % 3 > 0, display_header_footer=at % 2 > 0)
                    (truth / f"{name}.txt").write_text(said)
                except Error as error:
                    print(f"{file}: {error.message.splitlines()[0]}", file=sys.stderr)
                page.close()
        browser.close()


def with_libreoffice(documents, out, truth):
    files = sorted(documents.glob("*.docx"))
    for filter_, into, end in [(f"pdf:writer_pdf_Export:{TAGGED}", out, "pdf"), ("txt:Text (encoded):UTF8", truth, "txt")]:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["soffice", "--headless", "--convert-to", filter_, "--outdir", folder, *files], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for made in pathlib.Path(folder).glob(f"*.{end}"):
                shutil.copyfile(made, into / f"libreoffice-{made.name}")


def main():
    pages, documents, out, truth = map(pathlib.Path, sys.argv[1:])
    with_chromium(pages, out, truth)
    with_libreoffice(documents, out, truth)


main()
