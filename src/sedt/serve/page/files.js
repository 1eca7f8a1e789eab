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

/** Draw the list. `actions`: choose(recording), remove(recording), again(recording). */
export function drawFiles(recordings, current, count, actions) {
  byId("files").hidden = recordings.length === 0;
  byId("file-count").textContent = recordings.length > 1 ? recordings.length : "";
  const focused = document.activeElement?.closest?.("#file-list li")?.dataset.id;
  byId("file-list").replaceChildren(...recordings.map((one) => item(one, one === current, count(one), actions)));
  if (focused) document.querySelector(`#file-list li[data-id="${focused}"] .file`)?.focus();
}

function item(recording, isCurrent, count, actions) {
  const name = element("span", { className: "ellipsis", title: recording.name }, recording.name);
  const line = statusOf(recording, count);
  const status = element("span", { className: "small muted ellipsis", title: line }, line);
  const choose = element("button", { className: "file", onclick: () => actions.choose(recording) }, name, status);
  if (isCurrent) choose.setAttribute("aria-current", "true");
  const made = element("li", {}, choose);
  if (recording.state === "failed" && recording.file) {
    made.append(element("button", { className: "quiet", onclick: () => actions.again(recording) }, "Again"));
  }
  const remove = element("button", { className: "icon", title: "Remove from the list" }, icon("close"));
  remove.setAttribute("aria-label", `Remove ${recording.name} from the list`);
  remove.onclick = () => actions.remove(recording);
  made.append(remove);
  if (recording.state === "uploading" || recording.state === "detecting") made.append(bar(recording));
  made.dataset.id = recording.id;
  made.classList.toggle("failed", recording.state === "failed");
  return made;
}

function bar(recording) {
  const made = element("progress", { max: 1 });
  if (recording.state === "uploading") made.value = recording.progress;
  made.setAttribute("aria-label", statusOf(recording));
  return made;
}

/** What is happening to a recording, in words. */
export function statusOf(recording, count = 0) {
  switch (recording.state) {
    case "waiting":
      return recording.error || "waiting";
    case "uploading":
      return `uploading, ${Math.floor(100 * recording.progress)} %`;
    case "detecting":
      return "detecting …";
    case "failed":
      return recording.error;
    default:
      return `${clock(recording.duration, 0)} · ${count} ${count === 1 ? "event" : "events"} · ${bytes(recording.size)}`;
  }
}
