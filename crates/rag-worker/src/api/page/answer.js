// One answer on the page: its text, its sources, and what can be done with it.

import * as kept from "./conversations.js";
import { button, copyText, element, tell } from "./dom.js";
import { show } from "./markdown.js";
import * as worker from "./stream.js";
import { words } from "./words.js";

export class Answer {
  /// `about` says of it: its `conversation`, its `question`, whether answers are `rated`, and how it is asked `again`, where it can be.
  constructor(message, about) {
    this.message = message;
    this.about = about;
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
    if (this.about.again) buttons.push(button("retry", w.retry, "", this.about.again));
    if (this.about.rated && id && content) {
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
    try {
      await worker.rate({
        id, rating, question: this.about.question, answer: content,
        conversation_id: this.about.conversation.id, slot: slot ?? "", release: release ?? "",
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

/// Where a passage stands, for people.
export function place(citation) {
  const page = citation.page_label ?? citation.page;
  return [citation.file, page && words().page(page), citation.heading].filter(Boolean).join(" · ");
}

function source(citation) {
  const item = element("li");
  const details = element("details");
  const summary = element("summary", "", `[${citation.n}] ${place(citation)} `);
  summary.append(element("span", "score", citation.score.toFixed(2)));
  const passage = element("blockquote", "", citation.text);
  // A long one scrolls, by keyboard, too.
  passage.tabIndex = 0;
  details.append(summary, passage);
  item.append(details);
  return item;
}
