// The list of recordings, and the ways in: the button, a drop.
import { byId, element, icon } from "./dom.js";
import { bytes, clock } from "./time.js";

/** `take(files)` gets what is opened or dropped. */
export function takeFiles(take) {
  const chooser = byId("chooser");
  byId("open").onclick = () => chooser.click();
  chooser.onchange = () => {
    take([...chooser.files]);
    chooser.value = "";
  };
  const veil = byId("drop-veil");
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0; // dragenter and dragleave come for every element on the way
  addEventListener("dragenter", (event) => holdsFiles(event) && (depth++, (veil.hidden = false)));
  addEventListener("dragleave", (event) => holdsFiles(event) && --depth <= 0 && ((depth = 0), (veil.hidden = true)));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    take([...(event.dataTransfer?.files ?? [])]);
  });
}

const items = new Map(); // id -> list item: kept, so that a click or the focus outlives a change beside it

/**
 * Draw the list. `count(recording)` gives its events, `isOutdated(recording)` whether another model found them;
 * `actions`: choose(recording), remove(recording), again(recording).
 */
export function drawFiles(recordings, current, count, isOutdated, actions) {
  byId("files").hidden = recordings.length === 0;
  byId("file-count").textContent = recordings.length > 1 ? recordings.length : "";
  const ids = new Set(recordings.map((one) => one.id));
  for (const [id, item] of items) {
    if (ids.has(id)) continue;
    item.remove();
    items.delete(id);
  }
  const list = byId("file-list");
  recordings.forEach((one, place) => {
    if (!items.has(one.id)) items.set(one.id, makeItem(one, actions));
    const item = items.get(one.id);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    update(item, one, one === current, statusOf(one, count(one), isOutdated(one)), isOutdated(one));
  });
}

function makeItem(recording, actions) {
  const name = element("span", { className: "ellipsis", title: recording.name }, recording.name);
  const status = element("span", { className: "status small muted ellipsis" });
  const choose = element("button", { className: "file", onclick: () => actions.choose(recording) }, name, status);
  const again = element("button", { className: "again quiet", onclick: () => actions.again(recording) }, "Again");
  const remove = element("button", { className: "icon", title: "Remove from the list" }, icon("close"));
  remove.setAttribute("aria-label", `Remove ${recording.name} from the list`);
  remove.onclick = () => actions.remove(recording);
  return element("li", {}, choose, again, remove, element("progress", { max: 1 }));
}

function update(item, recording, isCurrent, line, isOutdated) {
  const { state } = recording;
  const part = (selector) => item.querySelector(selector);
  const [status, bar] = [part(".status"), part("progress")];
  if (status.textContent !== line) status.textContent = status.title = line;
  if (isCurrent) part(".file").setAttribute("aria-current", "true");
  else part(".file").removeAttribute("aria-current");
  part(".again").hidden = !recording.file || !(state === "failed" || isOutdated);
  bar.hidden = state !== "uploading" && state !== "detecting";
  if (state === "uploading") bar.value = recording.progress;
  else bar.removeAttribute("value");
  bar.setAttribute("aria-label", line);
  item.classList.toggle("failed", state === "failed");
}

/** What is happening to a recording, in words. */
function statusOf(recording, count, isOutdated) {
  switch (recording.state) {
    case "waiting":
      return recording.error || "waiting";
    case "uploading":
      return `uploading, ${Math.floor(100 * recording.progress)} %`;
    case "detecting":
      return "detecting …";
    case "failed":
      return recording.error;
    default: {
      const facts = [clock(recording.duration, 0), `${count} ${count === 1 ? "event" : "events"}`, bytes(recording.size)];
      return [...(isOutdated ? ["by another model"] : []), ...facts].join(" · ");
    }
  }
}
