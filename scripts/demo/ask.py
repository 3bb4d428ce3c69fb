"""Asks one question at the front door and prints the answer with its citations.

usage: ask.py URL [--slot SLOT] [--cites FILE] [--says PATTERN] QUESTION

Exits 1 when the answer is empty, or does not come from SLOT, does not cite FILE, or its
text does not match PATTERN (a regular expression).
"""

import argparse
import json
import re
import sys
import urllib.error
import urllib.request


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--slot", help="the slot that must answer")
    parser.add_argument("--cites", metavar="FILE", help="a file that must be among the citations")
    parser.add_argument("--says", metavar="PATTERN", help="what the answer's text must match")
    parser.add_argument("question")
    arguments = parser.parse_args()

    body = {"temperature": 0, "messages": [{"role": "user", "content": arguments.question}]}
    request = urllib.request.Request(
        arguments.url + "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=180) as response:
            slot, release = (response.headers.get(f"x-switchyard-{name}") for name in ("slot", "release"))
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"error: HTTP {error.code}: {error.read().decode(errors='replace')}")

    text = answer["choices"][0]["message"]["content"].strip()
    print(f"\n? {arguments.question}\n{text}   [{slot}: {release}]")
    for citation in answer["citations"]:
        place = f"page {citation['page']}" if citation["page"] else citation["heading"]
        print(f"  [{citation['n']}] {citation['file']}, {place}  ({citation['score']:.2f})")

    if not text:
        sys.exit("error: the answer is empty")
    if arguments.slot and slot != arguments.slot:
        sys.exit(f"error: {slot} answered, not {arguments.slot}")
    files = [citation["file"] for citation in answer["citations"]]
    if arguments.cites and arguments.cites not in files:
        sys.exit(f"error: the answer cites {files}, and not {arguments.cites}")
    if arguments.says and not re.search(arguments.says, text):
        sys.exit(f"error: the answer does not say {arguments.says}")


main()
