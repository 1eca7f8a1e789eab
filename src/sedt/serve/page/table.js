// The list of events. Only rows that are seen are in the page, so that thousands cost nothing.
import { paint, spoken } from "./colours.js";
import { byId, element, onceAFrame } from "./dom.js";
import { clock } from "./time.js";

const ROW_PIXELS = 32; // as in style.css
const SPARE_ROWS = 6;

export class EventTable {
  /** `choose(id)` is called when a row is clicked. */
  constructor(choose) {
    Object.assign(this, { scroller: byId("table-scroll"), body: byId("table-body"), events: [], chosen: null });
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-id]");
      if (row) choose(Number(row.dataset.id));
    });
    this.scroller.addEventListener("scroll", onceAFrame(() => this.draw()));
    new ResizeObserver(onceAFrame(() => this.draw())).observe(this.scroller);
  }

  set(events, chosen, emptyText) {
    const moved = chosen !== this.chosen;
    this.events = events;
    this.chosen = chosen;
    byId("event-count").textContent = events.length || "";
    byId("table-empty").textContent = emptyText;
    byId("table-empty").hidden = events.length > 0;
    if (moved) this.reveal();
    this.draw();
  }

  reveal() {
    const place = this.events.findIndex((event) => event.id === this.chosen);
    if (place < 0) return;
    const { scroller } = this;
    const [top, head] = [place * ROW_PIXELS, ROW_PIXELS];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    const seen = scroller.clientHeight - head;
    if (top + ROW_PIXELS > scroller.scrollTop + seen) scroller.scrollTop = top + ROW_PIXELS - seen;
  }

  draw() {
    const { scroller, events } = this;
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW_PIXELS) - SPARE_ROWS);
    const count = Math.ceil(scroller.clientHeight / ROW_PIXELS) + 2 * SPARE_ROWS;
    const last = Math.min(events.length, first + count);
    const rows = events.slice(first, last).map((event) => this.row(event));
    this.body.replaceChildren(spacer(first), ...rows, spacer(events.length - last));
  }

  row(event) {
    const dot = element("span", { className: "swatch" });
    paint(dot, event.event_label);
    const button = element("button", { className: "row-button ellipsis", tabIndex: -1 }, spoken(event.event_label));
    const row = element(
      "tr",
      { className: event.id === this.chosen ? "chosen" : "" },
      element("td", {}, element("span", { className: "label-cell" }, dot, button)),
      element("td", { className: "number" }, clock(event.onset, 2)),
      element("td", { className: "number" }, clock(event.offset, 2)),
      element("td", { className: "number" }, event.score === null ? "✎" : event.score.toFixed(2)),
    );
    if (event.score === null) row.lastChild.title = "corrected by a person";
    row.dataset.id = event.id;
    row.setAttribute("aria-selected", String(event.id === this.chosen));
    return row;
  }
}

function spacer(rows) {
  const made = element("tr", { className: "spacer" });
  made.setAttribute("aria-hidden", "true");
  made.style.height = `${rows * ROW_PIXELS}px`;
  return made;
}
