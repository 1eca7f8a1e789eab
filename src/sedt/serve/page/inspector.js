// The chosen event in fields: for exact times, for fingers, for screen readers.
import { labelsInUse, spoken } from "./colours.js";
import { byId, element } from "./dom.js";

const NEW = "\u0000new";

export class Inspector {
  /** `actions`: play(), remove(), relabel(), change(changes). */
  constructor(actions) {
    this.event = null;
    byId("inspector").onsubmit = (event) => event.preventDefault();
    byId("event-play").onclick = () => actions.play();
    byId("event-delete").onclick = () => actions.remove();
    byId("event-label").onchange = ({ target }) => {
      if (target.value !== NEW) return actions.change({ event_label: target.value });
      target.value = this.event.event_label;
      actions.relabel();
    };
    for (const edge of ["onset", "offset"]) {
      byId(`event-${edge}`).onchange = ({ target }) => {
        if (target.value === "" || !target.checkValidity?.call) return this.set(this.event);
        actions.change({ [edge]: Number(target.value) });
        this.set(this.event); // shows what it was fitted to
      };
    }
  }

  set(event) {
    this.event = event;
    byId("inspector-empty").hidden = event !== null;
    byId("inspector-fields").hidden = event === null;
    if (event === null) return;
    byId("event-onset").value = event.onset.toFixed(3);
    byId("event-offset").value = event.offset.toFixed(3);
    const labels = [...labelsInUse()].sort();
    byId("event-label").replaceChildren(
      ...labels.map((label) => element("option", { value: label, selected: label === event.event_label }, spoken(label))),
      element("option", { value: NEW }, "New label …"),
    );
    byId("event-origin").textContent = origin(event);
  }
}

function origin(event) {
  if (event.score !== null) return `score ${event.score.toFixed(2)}`;
  return event.was === undefined || event.was === null ? "added" : `corrected, was ${event.was.toFixed(2)}`;
}
