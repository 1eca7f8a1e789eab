// Events as boxes, a lane for each label. Only boxes that are seen are in the page.
import { paint, spoken } from "./colours.js";
import { clock } from "./time.js";

const LEAST_PIXELS = 4;
const LEAST_TEXT_PIXELS = 44; // a narrower box shows its colour only; the lane has the name

export class Lanes {
  constructor(container, names, view) {
    Object.assign(this, { container, names, view, events: [], labels: [], chosen: null });
    this.boxes = new Map(); // id -> element
  }

  /** The events to show, in order of time, and the chosen one's id. */
  set(events, chosen) {
    this.events = events;
    this.chosen = chosen;
    if (chosen === null) this.container.removeAttribute("aria-activedescendant");
    const labels = [...new Set(events.map((event) => event.event_label))].sort();
    if (labels.join("\n") !== this.labels.join("\n")) this.setLanes(labels);
    this.draw();
  }

  setLanes(labels) {
    this.labels = labels;
    this.container.style.setProperty("--lanes", labels.length + 1); // the last one is empty: a place to add
    const lanes = labels.map((label) => this.lane(label));
    this.names.replaceChildren(...lanes.map(({ name }) => name));
    this.container.replaceChildren(...lanes.map(({ strip }) => strip), this.emptyLane());
    this.boxes.clear();
  }

  lane(label) {
    const strip = document.createElement("div");
    strip.className = "lane";
    strip.dataset.label = label;
    strip.dataset.name = spoken(label);
    const name = document.createElement("span");
    name.className = "lane-name ellipsis";
    name.textContent = spoken(label);
    name.title = spoken(label);
    paint(name, label);
    paint(strip, label);
    return { strip, name };
  }

  emptyLane() {
    const strip = document.createElement("div");
    strip.className = "lane empty";
    strip.dataset.name = "drag here to add";
    return strip;
  }

  draw() {
    const { view } = this;
    const seen = this.events.filter((event) => event.offset >= view.start && event.onset <= view.end);
    const drawn = this.apart(seen);
    const ids = new Set(drawn.map((event) => event.id));
    for (const [id, box] of this.boxes) {
      if (ids.has(id)) continue;
      box.remove();
      if (this.container.getAttribute("aria-activedescendant") === box.id) this.container.removeAttribute("aria-activedescendant");
      this.boxes.delete(id);
    }
    for (const event of drawn) this.place(event);
  }

  /** Without those too short and too close to the one before to be told apart; zooming in brings them. */
  apart(events) {
    const least = LEAST_PIXELS / this.view.pixelsPerSecond;
    const last = new Map(); // label -> onset of the last that is drawn
    return events.filter((event) => {
      const isLost = event.offset - event.onset < least && event.onset - last.get(event.event_label) < least;
      if (isLost && event.id !== this.chosen) return false;
      last.set(event.event_label, event.onset);
      return true;
    });
  }

  place(event) {
    let box = this.boxes.get(event.id);
    if (!box) {
      box = this.makeBox(event.id);
      this.boxes.set(event.id, box);
    }
    const strip = this.container.children[this.labels.indexOf(event.event_label)];
    if (box.parentElement !== strip) strip.append(box);
    const x = this.view.x(event.onset);
    const width = Math.max(LEAST_PIXELS - 1, this.view.x(event.offset) - x);
    box.style.transform = `translateX(${x}px)`;
    box.style.width = `${width}px`;
    box.classList.toggle("tiny", width < LEAST_TEXT_PIXELS);
    const seenFrom = Math.max(0, -x); // the text stays in sight where the box begins outside
    box.style.setProperty("--inset", `${Math.min(seenFrom, width - LEAST_PIXELS + 1)}px`);
    if (box.event === event && box.isChosen === (event.id === this.chosen)) return;
    this.describe(box, event);
  }

  makeBox(id) {
    const box = document.createElement("div");
    box.className = "box";
    box.dataset.id = id;
    box.id = `box-${id}`;
    box.setAttribute("role", "option");
    const text = document.createElement("span");
    text.className = "ellipsis";
    const [left, right] = ["onset", "offset"].map((edge) => {
      const handle = document.createElement("i");
      handle.className = `handle ${edge}`;
      handle.dataset.edge = edge;
      return handle;
    });
    box.append(left, text, right);
    return box;
  }

  describe(box, event) {
    box.event = event;
    box.isChosen = event.id === this.chosen;
    paint(box, event.event_label);
    const score = event.score === null ? "corrected" : `score ${event.score.toFixed(2)}`;
    box.children[1].textContent = spoken(event.event_label);
    box.classList.toggle("corrected", event.score === null);
    box.setAttribute("aria-selected", String(box.isChosen));
    const from = clock(event.onset, 2);
    box.setAttribute("aria-label", `${spoken(event.event_label)}, ${from} to ${clock(event.offset, 2)}, ${score}`);
    box.title = `${spoken(event.event_label)}  ${from} to ${clock(event.offset, 2)}  ${score}`;
    if (box.isChosen) this.container.setAttribute("aria-activedescendant", box.id);
  }
}
