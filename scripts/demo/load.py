"""Keeps the front door busy until a file appears, and counts what failed.

usage: load.py URL --until FILE

Four clients ask for the list of models again and again over kept connections, and one asks questions
and reads the streamed answers to their `[DONE]`. Prints the counts; exits 1 when anything failed.
"""

import argparse
import http.client
import json
import os
import sys
import threading
import urllib.parse

LONGEST = 600  # seconds, should the file never appear


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--until", required=True, metavar="FILE")
    arguments = parser.parse_args()
    address = urllib.parse.urlsplit(arguments.url).netloc
    counts = {"requests": 0, "streams": 0, "failed": 0}
    lock, stop = threading.Lock(), threading.Event()

    def count(what, failure=None):
        with lock:
            counts[what] += 1
            if failure:
                counts["failed"] += 1
                print(f"{what}: {failure}", flush=True)

    def quick():
        connection = http.client.HTTPConnection(address, timeout=60)
        while not stop.is_set():
            try:
                connection.request("GET", "/v1/models")
                response = connection.getresponse()
                response.read()
                count("requests", None if response.status == 200 else f"HTTP {response.status}")
            except OSError as error:
                count("requests", repr(error))
                connection.close()
            stop.wait(0.05)

    def streaming():
        body = json.dumps({"stream": True, "max_tokens": 40, "messages": [
            {"role": "user", "content": "When are salaries paid?"}]})
        while not stop.is_set():
            connection = http.client.HTTPConnection(address, timeout=180)
            try:
                connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
                response = connection.getresponse()
                text = response.read().decode()
                ended = response.status == 200 and text.rstrip().endswith("data: [DONE]")
                count("streams", None if ended else f"HTTP {response.status}, cut after {text[-80:]!r}")
            except (OSError, http.client.HTTPException) as error:
                count("streams", repr(error))
            finally:
                connection.close()

    threads = [threading.Thread(target=quick) for _ in range(4)]
    threads += [threading.Thread(target=streaming)]
    for thread in threads:
        thread.start()
    for _ in range(LONGEST * 10):
        if os.path.exists(arguments.until):
            break
        stop.wait(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    print("load: {requests} requests and {streams} streamed answers, {failed} failed".format(**counts))
    sys.exit(1 if counts["failed"] else 0)


main()
