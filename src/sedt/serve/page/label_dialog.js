// Which label? Type to find one, arrows and Enter to take it; what is not there yet becomes a new label.
import { labelsInUse, paint, spoken } from "./colours.js";
import { byId, element } from "./dom.js";

const dialog = byId("label-dialog");
const filter = byId("label-filter");
const choices = byId("label-choices");

let place = 0;

/** The label, or null where the dialog was given up. */
export function askLabel(before = "") {
  filter.value = "";
  list(before);
  dialog.showModal();
  filter.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "ok" ? chosen() : null);
    dialog.returnValue = "";
  });
}

byId("label-cancel").onclick = () => dialog.close("");
filter.oninput = () => list();
filter.onkeydown = (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  mark(place + by);
};
choices.onclick = (event) => {
  const item = event.target.closest("li");
  if (!item) return;
  mark([...choices.children].indexOf(item));
  dialog.close("ok");
};

function chosen() {
  return choices.children[place]?.dataset.label ?? null;
}

/** Labels that hold what is typed; then that itself, as a new one. */
function list(before = "") {
  const typed = filter.value.trim().replace(/\s+/g, " ");
  const plain = (text) => spoken(text).toLowerCase();
  const begins = (label) => plain(label).startsWith(plain(typed));
  const found = labelsInUse()
    .filter((label) => plain(label).includes(plain(typed)))
    .sort((a, b) => begins(b) - begins(a)); // keeps the order otherwise
  const isNew = typed !== "" && !found.some((label) => plain(label) === plain(typed));
  choices.replaceChildren(...found.map((label) => choice(label)), ...(isNew ? [choice(typed, "new: ")] : []));
  mark(Math.max(0, found.indexOf(before)));
}

function choice(label, prefix = "") {
  const swatch = element("span", { className: "swatch" });
  if (!prefix) paint(swatch, label);
  const made = element("li", { id: `choice-${label}` }, swatch, prefix + spoken(label));
  made.setAttribute("role", "option");
  made.dataset.label = label;
  return made;
}

function mark(next) {
  const items = [...choices.children];
  place = items.length ? (next + items.length) % items.length : 0;
  items.forEach((item, i) => item.setAttribute("aria-selected", String(i === place)));
  items[place]?.scrollIntoView({ block: "nearest" });
  filter.setAttribute("aria-activedescendant", items[place]?.id ?? "");
}
