// The chat page: what is shown, and what each button does.

import { Answer } from "./answer.js";
import * as kept from "./conversations.js";
import { button, by, element, tell } from "./dom.js";
import * as exporting from "./export.js";
import { Question } from "./question.js";
import * as worker from "./stream.js";
import { htmlLanguage, otherLanguage, words } from "./words.js";

let current = null;
let running = null;
let rated = false;

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
  by("export").hidden = !current?.messages.length;
  by("export").firstElementChild.textContent = w.export;
  by("drawer").setAttribute("aria-label", w.conversations);
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
  by("talk").setAttribute("aria-label", words().talk);
  const messages = current?.messages ?? [];
  by("talk").replaceChildren(...messages.map((message, at) => {
    if (message.role === "user") {
      // The end of a running answer shows everything anew, and would take away what is being written.
      return new Question(message.content, !running && ((text) => askAgain(at, text))).box;
    }
    return answerAt(message, at).box;
  }));
}

function answerAt(message, at) {
  const last = at === current.messages.length - 1 && !running;
  const question = current.messages[at - 1]?.content ?? "";
  return new Answer(message, { conversation: current, question, rated, again: last && retry });
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
  const view = answerAt(message, conversation.messages.length - 1);
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

/// Asks another question instead of an earlier one; what came after that is dropped.
function askAgain(at, text) {
  if (at === 0) kept.rename(current, text);
  current.messages.length = at;
  ask(text);
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
  } else if (by("export").open) {
    by("export").open = false;
    by("export").firstElementChild.focus();
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
for (const kind of ["markdown", "json"]) {
  by(`export-${kind}`).addEventListener("click", () => {
    exporting.save(current, kind);
    by("export").open = false;
    by("export").firstElementChild.focus();
  });
}
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
rated = takes;
if (health.model) {
  by("release").textContent = `${health.model.name} · ${health.embedding.name} · ${health.knowledge.tag}`;
}
if (rated && !running) render();
