"""Does what the web pages of Langchain-Chatchat 0.3 do with their server. usage: chatchat_client.py SERVER_URL"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import openai

base = sys.argv[1]


def send(path, body=None, kind="application/json"):
    """The text of an answer whatever its status, as its pages take it: they look into the JSON."""
    request = urllib.request.Request(base + path, body, {"content-type": kind} if body is not None else {})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def get(path, **query):
    return json.loads(send(f"{path}?{urllib.parse.urlencode(query)}" if query else path))


def post(path, body):
    return json.loads(send(path, json.dumps(body).encode()))


question = "How long is the probation period?"


def error_of(data):
    """What its pages show as an error: the `msg` of whatever has a `code` that is not 200."""
    return data["msg"] if isinstance(data, dict) and "code" in data and data["code"] != 200 else ""


# The chat page: which knowledge bases there are, then OpenAI's client with the base URL of one of them.
names = [entry["kb_name"] for entry in get("/knowledge_base/list_knowledge_bases").get("data", [])]
assert names == ["samples"], names
client = openai.OpenAI(base_url=f"{base}/knowledge_base/local_kb/{names[0]}", api_key="NONE", max_retries=0)
extra = {"top_k": 3, "score_threshold": 2.0, "temperature": 0.1, "prompt_name": "default", "return_direct": False}
history = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]
sources, text = None, ""
stream = client.chat.completions.create(
    messages=history + [{"role": "user", "content": question}], model="glm4-chat", stream=True, max_tokens=30, extra_body=extra)
for chunk in stream:
    # The first is taken for its sources alone.
    if sources is None:
        sources = "\n\n".join(chunk.docs)
        assert not chunk.choices[0].delta.content
        continue
    text += chunk.choices[0].delta.content or ""
assert "employee-handbook.pdf" in sources and "four months" in sources, sources
assert "month" in text, text

# "Only what was found": the first event is all there is.
direct = list(client.chat.completions.create(
    messages=[{"role": "user", "content": question}], model="glm4-chat", stream=True, extra_body={**extra, "return_direct": True}))
assert len(direct) == 1 and len(direct[0].docs) >= 1, direct

# Uploaded files and search engines: the client raises what the server says.
for mode, name in (("temp_kb", "0123"), ("search_engine", "bing")):
    other = openai.OpenAI(base_url=f"{base}/knowledge_base/{mode}/{name}", api_key="NONE", max_retries=0)
    try:
        other.chat.completions.create(messages=[{"role": "user", "content": question}], model="x", stream=True, extra_body=extra)
        raise AssertionError(f"{mode} was answered")
    except openai.InternalServerError as error:
        assert error.status_code == 501 and error.body["code"] == "not_covered", error.body

# The page of a knowledge base: its files, the passages of one of them, a search.
files = get("/knowledge_base/list_files", knowledge_base_name="samples").get("data", [])
assert [file["No"] for file in files] == [1, 2, 3, 4], files
for file in files:
    for column in ("kb_name", "file_name", "document_loader", "text_splitter", "docs_count", "in_folder", "in_db"):
        assert column in file, (column, file)
wanted = {"query": "", "knowledge_base_name": "samples", "top_k": 3, "score_threshold": 2.0, "metadata": {}}
rows = post("/knowledge_base/search_docs", {**wanted, "file_name": "employee-handbook.pdf"})
assert len(rows) == next(file["docs_count"] for file in files if file["file_name"] == "employee-handbook.pdf")
for row in rows:
    assert row["id"] and row["page_content"] and row["type"] == "Document", row
    assert row["metadata"].get("source") == "employee-handbook.pdf" and json.dumps(row["metadata"]), row
assert len({row["id"] for row in rows}) == len(rows)
found = post("/knowledge_base/search_docs", {**wanted, "query": question, "file_name": ""})
assert len(found) == 3 and "four months" in found[0]["page_content"], found
assert post("/knowledge_base/search_docs", {**wanted, "file_name": ""}) == []

# What it cannot do is shown as an error, also where the page goes through a list or an object.
refused = post("/knowledge_base/update_docs", {"knowledge_base_name": "samples", "file_names": ["a.pdf"]})
assert "kbctl build" in error_of(refused), refused
part = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n\r\ntext\r\n--x--\r\n'
uploaded = json.loads(send("/knowledge_base/upload_temp_docs", part, "multipart/form-data; boundary=x"))
assert error_of(uploaded) and uploaded.get("data", {}).get("id") is None, uploaded
missing = get("/knowledge_base/list_files", knowledge_base_name="other")
assert error_of(missing) and missing.get("data", []) == [], missing

# Its own endpoint of earlier pages and of scripts: every event is JSON.
told = send("/chat/kb_chat", json.dumps({
    "query": question, "mode": "local_kb", "kb_name": "samples", "stream": True, "history": history, "max_tokens": 30,
    "temperature": 0}).encode())
events = [json.loads(line[len("data: "):]) for line in told.splitlines() if line.startswith("data: ")]
assert events[0]["docs"] and not any("docs" in event for event in events[1:])
assert "month" in "".join(event["choices"][0]["delta"]["content"] for event in events)
print("all checks held")
