// One question on the page, which can be changed and asked again.

import { button, element } from "./dom.js";
import { words } from "./words.js";

export class Question {
  /// `askAgain(text)` asks another question in its place; without it the question stays.
  constructor(text, askAgain) {
    this.content = text;
    this.askAgain = askAgain;
    this.box = element("div", "question");
    this.show();
  }

  show() {
    const w = words();
    this.box.replaceChildren(element("div", "asked", this.content));
    if (this.askAgain) {
      this.box.append(button("edit", w.edit, `${w.edit}: ${this.content}`, () => this.edit()));
    }
  }

  edit() {
    const w = words();
    const form = element("form", "editing");
    const area = element("textarea");
    area.value = this.content;
    area.required = true;
    area.maxLength = 20000;
    area.setAttribute("aria-label", w.editing);
    const send = element("button", "primary", w.again);
    send.type = "submit";
    const cancel = button("cancel", w.cancel, "", () => this.leave());
    form.append(area, cancel, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = area.value.trim();
      if (text) this.askAgain(text);
    });
    form.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter" && !event.shiftKey && event.target === area) {
        event.preventDefault();
        form.requestSubmit();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        this.leave();
      }
    });
    this.box.replaceChildren(form);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }

  leave() {
    this.show();
    this.box.querySelector(".edit").focus();
  }
}
