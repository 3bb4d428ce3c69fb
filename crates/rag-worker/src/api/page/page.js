// The chat page: what is shown, and what each button does.

import * as kept from "./conversations.js";
import { show } from "./markdown.js";
import * as worker from "./stream.js";
import { htmlLanguage, otherLanguage, words } from "./words.js";

const by = (id) => document.getElementById(id);
let current = null;
let running = null;
let feedback = false;

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function button(className, text, label, action) {
  const node = element("button", className, text);
  node.type = "button";
  if (label) {
    node.setAttribute("aria-label", label);
    node.title = label;
  }
  node.addEventListener("click", action);
  return node;
}

function tell(text) {
  by("news").textContent = text;
}

/// Everything anew: after another language, another conversation, a finished answer.
function render() {
  const w = words();
  document.documentElement.lang = htmlLanguage();
  by("skip").textContent = w.skip;
  by("language").textContent = w.other;
  by("language").lang = w.other === "中文" ? "zh-CN" : "en";
  by("new").textContent = w.new;
  by("menu").setAttribute("aria-label", w.menu);
  by("conversations").setAttribute("aria-label", w.conversations);
  by("question").placeholder = w.placeholder;
  by("question").setAttribute("aria-label", w.placeholder);
  by("send").textContent = running ? w.stop : w.send;
  by("empty").hidden = Boolean(current?.messages.length);
  by("empty").firstElementChild.textContent = w.empty;
  renderList();
  renderTalk();
}

function renderList() {
  const w = words();
  const items = kept.conversations().map((conversation) => {
    const item = element("li");
    if (conversation === current) item.setAttribute("aria-current", "true");
    const title = conversation.title || w.untitled;
    item.append(
      button("open", title, "", () => open(conversation)),
      button("remove", "✕", w.remove(title), () => drop(conversation)),
    );
    return item;
  });
  by("conversations").firstElementChild.replaceChildren(...items);
}

function renderTalk() {
  const messages = current?.messages ?? [];
  by("talk").replaceChildren(...messages.map((message, at) => {
    if (message.role === "user") return element("div", "asked", message.content);
    return new Answer(message, at).box;
  }));
}

/// One answer on the page.
class Answer {
  constructor(message, at) {
    this.message = message;
    this.at = at;
    this.box = element("article", "answer");
    this.text = element("div", "text");
    this.sources = element("ol", "sources");
    this.note = element("p", "note");
    this.tools = element("div", "tools");
    this.box.append(this.text, this.note, this.sources, this.tools);
    this.update();
  }

  update() {
    const w = words();
    const { content, citations, stopped, failed, running } = this.message;
    this.box.classList.toggle("running", Boolean(running));
    show(this.text, content, (n) => this.reference(n));
    this.note.className = failed ? "note failed" : "note";
    if (failed) this.note.setAttribute("role", "alert");
    this.note.textContent = running && !content ? w.searching
      : failed ? `${w.failed}: ${failed}` : stopped ? w.stopped : "";
    this.note.hidden = !this.note.textContent;
    this.sources.hidden = !citations?.length || (running && !content);
    this.sources.setAttribute("aria-label", w.sources);
    if (this.shown !== citations) {
      this.shown = citations;
      this.sources.replaceChildren(...(citations ?? []).map((citation) => source(citation)));
    }
    this.tools.hidden = Boolean(running);
    if (!running) this.tools.replaceChildren(...this.buttons());
  }

  reference(n) {
    const at = this.message.citations?.findIndex((citation) => citation.n === n) ?? -1;
    if (at < 0) return null;
    return button("cite", String(n), words().source(n), () => {
      const details = this.sources.children[at].firstElementChild;
      details.open = true;
      details.firstElementChild.focus();
      details.scrollIntoView({ block: "nearest" });
    });
  }

  buttons() {
    const w = words();
    const { slot, release, id, rating, content } = this.message;
    const buttons = [];
    if (content) buttons.push(button("copy", w.copy, "", () => this.copy()));
    if (this.at === current.messages.length - 1 && !running) {
      buttons.push(button("retry", w.retry, "", retry));
    }
    if (feedback && id && content) {
      for (const kind of ["up", "down"]) {
        const rate = button(kind, w[kind], "", () => this.rate(kind));
        rate.setAttribute("aria-pressed", String(rating === kind));
        buttons.push(rate);
      }
    }
    const from = [slot, release].filter(Boolean).join(" · ");
    if (from) buttons.push(element("span", "from", from));
    return buttons;
  }

  async copy() {
    const { content, citations } = this.message;
    const sources = (citations ?? []).map((citation) => `[${citation.n}] ${place(citation)}`);
    await copyText([content, ...(sources.length ? ["", ...sources] : [])].join("\n"));
    tell(words().copied);
    const copy = this.tools.querySelector(".copy");
    if (copy) copy.textContent = words().copied;
  }

  async rate(rating) {
    const { id, slot, release, content } = this.message;
    const question = current.messages[this.at - 1]?.content ?? "";
    try {
      await worker.rate({
        id, rating, question, answer: content, conversation_id: current.id,
        slot: slot ?? "", release: release ?? "",
      });
      this.message.rating = rating;
      kept.save();
      tell(words().thanks);
      this.update();
      this.tools.querySelector(`.${rating}`)?.focus();
    } catch (error) {
      this.note.textContent = error.message;
      this.note.hidden = false;
    }
  }
}

function place(citation) {
  const page = citation.page_label ?? citation.page;
  return [citation.file, page && words().page(page), citation.heading].filter(Boolean).join(" · ");
}

function source(citation) {
  const item = element("li");
  const details = element("details");
  const summary = element("summary", "", `[${citation.n}] ${place(citation)} `);
  summary.append(element("span", "score", citation.score.toFixed(2)));
  details.append(summary, element("blockquote", "", citation.text));
  item.append(details);
  return item;
}

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS the browser keeps the clipboard from pages, but not from a selection.
  const area = element("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

async function answer() {
  const conversation = current;
  const message = { role: "assistant", content: "", running: true };
  const said = conversation.messages.map(({ role, content }) => ({ role, content }));
  conversation.messages.push(message);
  kept.touch(conversation);
  const aborted = new AbortController();
  running = aborted;
  render();
  const view = new Answer(message, conversation.messages.length - 1);
  by("talk").lastElementChild.replaceWith(view.box);
  let frame = 0;
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      const stage = by("talk").parentElement;
      const atEnd = stage.scrollHeight - stage.scrollTop - stage.clientHeight < 120;
      view.update();
      if (atEnd) stage.scrollTo({ top: stage.scrollHeight });
    });
  };
  by("talk").parentElement.scrollTo({ top: 1e9 });
  try {
    for await (const chunk of worker.ask(said, conversation.id, aborted.signal, words().cut)) {
      if ("slot" in chunk) Object.assign(message, chunk);
      else {
        message.id = chunk.id;
        message.citations = chunk.citations?.length ? chunk.citations : message.citations;
        message.content += chunk.choices?.[0]?.delta?.content ?? "";
      }
      draw();
    }
    tell(words().done);
  } catch (error) {
    if (error.name === "AbortError") message.stopped = true;
    else message.failed = error.message;
  }
  cancelAnimationFrame(frame);
  delete message.running;
  // Another one may be running since: this one was stopped for it.
  if (running === aborted) running = null;
  if (kept.save()) tell(words().full);
  render();
  by("question").focus();
}

function ask(question) {
  current ??= kept.begin(question);
  current.messages.push({ role: "user", content: question });
  kept.save();
  return answer();
}

function retry() {
  if (running || !current) return;
  if (current.messages.at(-1)?.role === "assistant") current.messages.pop();
  answer();
}

function stop() {
  running?.abort();
  running = null;
}

function open(conversation) {
  stop();
  current = conversation;
  showDrawer(false);
  render();
  by("talk").parentElement.scrollTo({ top: 1e9 });
  by("question").focus();
}

function drop(conversation) {
  if (conversation === current) {
    stop();
    current = null;
  }
  kept.remove(conversation);
  render();
  by("new").focus();
}

/// Lays the list of conversations over the page, where it is narrow.
function showDrawer(shown) {
  document.body.classList.toggle("drawn", shown);
  by("menu").setAttribute("aria-expanded", String(shown));
  if (shown) by("new").focus();
}

by("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) return;
  const question = by("question").value.trim();
  if (!question) return;
  by("question").value = "";
  ask(question);
});
by("question").addEventListener("keydown", (event) => {
  // A return that ends an input method's composition is no question yet; Safari says 229 instead.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && !event.shiftKey && !running) {
    event.preventDefault();
    by("ask").requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  if (document.body.classList.contains("drawn")) {
    showDrawer(false);
    by("menu").focus();
  } else running?.abort();
});
by("send").addEventListener("click", (event) => {
  // Without a question the browser would ask for one instead of stopping.
  if (running) {
    event.preventDefault();
    running.abort();
  }
});
by("new").addEventListener("click", () => open(null));
by("menu").addEventListener("click", () => showDrawer(!document.body.classList.contains("drawn")));
by("shade").addEventListener("click", () => showDrawer(false));
by("language").addEventListener("click", () => {
  otherLanguage();
  render();
});

// An answer that was running when the page was left is not running any more.
for (const conversation of kept.conversations()) {
  for (const message of conversation.messages) {
    if (message.running) {
      delete message.running;
      message.stopped = true;
    }
  }
}
render();
by("question").focus();
const [health, takes] = await Promise.all([worker.health(), worker.takesFeedback()]);
feedback = takes;
if (health.model) {
  by("release").textContent = `${health.model.name} · ${health.embedding.name} · ${health.knowledge.tag}`;
}
if (feedback && !running) render();
