// Everything by keyboard. The help overlay lists these same lines.
import { byId, element } from "./dom.js";
import { keepSetting, readSetting } from "./storage.js";

const NUDGE_S = 0.02;

/** [keys as shown, what they do, matching (event) => boolean, action(editor, event)] */
const KEYS = [
  ["Space", "play or pause", (e) => e.key === " ", (editor) => editor.playPause()],
  ["← →", "event before, event after", (e) => isArrow(e, "Left", "Right") && !e.shiftKey, (editor, e) => editor.chooseNext(sign(e))],
  ["Enter", "play the chosen event", (e) => e.key === "Enter", (editor) => editor.playChosen()],
  ["Shift + ← →", "move its start", (e) => isArrow(e, "Left", "Right") && e.shiftKey, (editor, e) => editor.nudge({ onset: sign(e) * NUDGE_S })],
  ["Shift + ↓ ↑", "move its end, earlier or later", (e) => isArrow(e, "Up", "Down") && e.shiftKey, (editor, e) => editor.nudge({ offset: sign(e) * NUDGE_S })],
  [", .", "move all of it", (e) => e.key === "," || e.key === ".", (editor, e) => nudgeBoth(editor, e.key === "," ? -1 : 1)],
  ["L", "relabel it", (e) => e.key.toLowerCase() === "l", (editor) => editor.relabel()],
  ["Delete", "delete it", (e) => e.key === "Delete" || e.key === "Backspace", (editor) => editor.remove()],
  ["A", "add an event where the playback is", (e) => e.key.toLowerCase() === "a", (editor) => editor.addHere()],
  ["Ctrl + Z", "undo", (e) => isControl(e) && e.key.toLowerCase() === "z" && !e.shiftKey, (editor) => editor.undo()],
  ["Ctrl + Y", "redo", (e) => isControl(e) && (e.key.toLowerCase() === "y" || (e.key.toLowerCase() === "z" && e.shiftKey)), (editor) => editor.redo()],
  ["+ −", "zoom", (e) => ["+", "=", "-"].includes(e.key), (editor, e) => editor.zoom(e.key === "-" ? -1 : 1)],
  ["0", "the whole recording", (e) => e.key === "0", (editor) => editor.fit()],
  ["N P", "next or previous recording", (e) => ["n", "p"].includes(e.key.toLowerCase()), (editor, e) => editor.onrecording(e.key.toLowerCase() === "n" ? 1 : -1)],
  ["Esc", "give up a drag, choose nothing", (e) => e.key === "Escape", (editor) => editor.escape()],
];

const POINTER = [
  ["Click", "on a box: hear it; elsewhere: go there"],
  ["Drag", "a box or its edge: move it; an empty place: add an event"],
  ["Ctrl + wheel", "zoom; with Shift: scroll"],
];

const isControl = (event) => event.ctrlKey || event.metaKey;
const isArrow = (event, ...ways) => ways.some((way) => event.key === `Arrow${way}`) && !isControl(event) && !event.altKey;
const sign = (event) => (event.key === "ArrowLeft" || event.key === "ArrowDown" ? -1 : 1);
const nudgeBoth = (editor, way) => editor.nudge({ onset: way * NUDGE_S, offset: way * NUDGE_S });

export function showHelp() {
  const lines = [...KEYS.map(([keys, text]) => [keys, text]), ["?", "this help"], ...POINTER];
  byId("key-list").replaceChildren(
    ...lines.flatMap(([keys, text]) => [element("dt", {}, element("kbd", {}, keys)), element("dd", {}, text)]),
  );
  byId("plain-keys").checked = hasPlainKeys();
  byId("plain-keys").onchange = ({ target }) => keepSetting("plain-keys", target.checked);
  byId("help-dialog").showModal();
}

/** Whether keys of one letter or sign are listened to: who speaks to their computer may not want them. */
const hasPlainKeys = () => readSetting("plain-keys", true);

/** Does the key belong to a field or a button that has the focus? */
function isTaken(event) {
  const { target } = event;
  if (document.querySelector("dialog[open]")) return true;
  if (target.matches?.("select, textarea, input:not([type=range])")) return true;
  if (target.matches?.("input[type=range]")) return event.key.startsWith("Arrow") || ["Home", "End"].includes(event.key);
  const isElsewhere = !target.closest?.("#editor, #events") && target.matches?.("button, a, summary");
  if (isElsewhere && (event.key === "Delete" || event.key === "Backspace")) return true;
  return target.matches?.("button, a, summary") && (event.key === " " || event.key === "Enter");
}

export function listenToKeys(editor) {
  addEventListener("keydown", (event) => {
    if (isTaken(event) || event.altKey) return;
    if (event.key.length === 1 && event.key !== " " && !isControl(event) && !hasPlainKeys()) return;
    if (event.key === "?") return showHelp();
    if (editor.recording === null) return;
    const found = KEYS.find(([, , matches]) => matches(event));
    if (!found || (isControl(event) && !found[0].startsWith("Ctrl"))) return;
    event.preventDefault();
    found[3](editor, event);
  });
}
