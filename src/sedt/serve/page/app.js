// Begins here: the model, the list of recordings, their way through the server.
import { model as askModel, plainName, setToken, takeTokenFromAddress } from "./api.js";
import { paint, setClasses, spoken } from "./colours.js";
import { Detecting } from "./detecting.js";
import { byId, element, tell } from "./dom.js";
import { Editor } from "./editor.js";
import { offerExport } from "./export.js";
import { drawFiles, takeFiles } from "./files.js";
import { listenToKeys, showHelp } from "./keys.js";
import { Live } from "./live.js";
import { Recording } from "./recording.js";
import { drop, load } from "./sound.js";
import { forget, keep, KEPT_AUDIO_BYTES, keepSetting, readAll, readSetting } from "./storage.js";
import { followTheme } from "./theme.js";
import { ThresholdSlider } from "./threshold.js";

const MOST_CHIPS = 24;
const FORM_BYTES = 4096; // of an upload, around the file

let model = { classes: [], formats: [], thresholds: {}, fingerprint: "" };
let recordings = [];
let url = null; // of the audio that plays
let soundNumber = 0;

const newId = () => `${Date.now()}-${Math.random()}`; // crypto.randomUUID wants https

const slider = new ThresholdSlider(() => editor.refresh(), () => drawList());
const editor = new Editor(() => slider.value);
editor.onrecording = (way) => {
  const next = recordings[recordings.indexOf(editor.recording) + way];
  if (next) choose(next);
};
const detecting = new Detecting(
  { change: () => drawList(), fail, token: askToken },
  () => recordings.find((one) => one.state === "waiting" && one.file),
);
new Live((file, heard) => take([file], heard), () => Math.min(KEPT_AUDIO_BYTES, (detecting.limitBytes || Infinity) - FORM_BYTES));

const actions = { choose, remove, again: (recording) => detecting.add(recording) };

const drawList = () =>
  drawFiles(recordings, editor.recording, (one) => one.visible(slider.value).length, isOutdated, actions);

/** Whether another model found what is shown: one that was trained since, perhaps. */
const isOutdated = (recording) =>
  recording.state === "done" && recording.found.size > 1 && recording.model !== model.fingerprint;

/** New files; one that is in the list already is shown instead. `heard`: what the microphone's events were. */
function take(files, heard = null) {
  for (const file of files) {
    const name = plainName(file.name);
    // Recorders give the same name to many recordings of one size.
    const isIt = (one) => one.name === name && one.size === file.size && one.modified === file.lastModified;
    const known = recordings.find(isIt);
    const recording = known ?? new Recording(newId(), name, file);
    if (!known) recordings.push(recording);
    const lackedAudio = !recording.file;
    recording.file = file;
    watch(recording);
    recording.heard = heard;
    if (heard?.isCut) settle(recording);
    keep(recording);
    if (recording.state !== "done" || isOutdated(recording)) detecting.add(recording);
    if (file === files[0]) choose(recording, lackedAudio);
  }
  drawList();
}

/** What was heard as it came stands for what would be found in the file. */
function settle(recording) {
  recording.model = model.fingerprint;
  recording.setFound(new Map([[null, recording.heard.events]]), recording.heard.duration);
}

function watch(recording) {
  recording.onchange = () => {
    if (recording === editor.recording) editor.refresh();
    if (recording === editor.recording && recording.duration && !editor.view.duration) {
      editor.tracks.setSound(url ?? "", { duration: recording.duration });
    }
    drawList();
    if (recordings.includes(recording)) keep(recording);
  };
}

async function choose(recording, isNewAudio = false) {
  if (recording === editor.recording && !isNewAudio) return;
  byId("welcome").hidden = true;
  byId("editor").hidden = false;
  byId("events").hidden = false;
  editor.open(recording);
  keepSetting("recording", recording.id);
  drawList();
  await showSound(recording);
}

async function showSound(recording) {
  const number = ++soundNumber;
  note("Reading the sound …");
  await editor.tracks.setSound("", { duration: recording.duration });
  if (url) URL.revokeObjectURL(url);
  url = recording.file ? URL.createObjectURL(recording.file) : null;
  drop();
  let sound = null;
  let line = "Open this file again to see and hear it.";
  if (recording.file) {
    line = "";
    try {
      sound = await load(recording.file, model.sample_rate);
    } catch {
      line = "This browser cannot decode this file: events without a picture.";
    }
  }
  if (number !== soundNumber) return; // another one was chosen meanwhile
  note(line);
  recording.duration ||= sound?.duration ?? 0;
  await editor.tracks.setSound(url ?? "", sound ?? { duration: recording.duration });
}

function note(text) {
  byId("stage-note").textContent = text;
  byId("stage-note").hidden = !text;
}

function remove(recording) {
  const place = recordings.indexOf(recording);
  recordings = recordings.filter((one) => one !== recording);
  recording.leaving?.abort();
  forget(recording.id);
  tell(`${recording.name} is no longer in the list.`, "info", { label: "Undo", run: () => bringBack(recording, place) });
  if (recording === editor.recording) {
    editor.view.pause();
    editor.recording = null;
    const next = recordings[place] ?? recordings[place - 1];
    for (const id of ["editor", "events"]) byId(id).hidden = !next;
    byId("welcome").hidden = Boolean(next);
    if (next) choose(next);
  }
  drawList();
  const entries = document.querySelectorAll("#file-list .file");
  (entries[Math.min(place, entries.length - 1)] ?? byId("notice-action")).focus(); // the button that had it is gone
}

function bringBack(recording, place) {
  recordings.splice(place, 0, recording);
  keep(recording);
  if (recording.state !== "done" && recording.file) detecting.add(recording);
  choose(recording);
}

function fail(recording, line, status = 0) {
  const { name } = recording;
  if (recording.heard && status >= 400 && status < 500) {
    tell(`${name}: ${line}. What was heard as it came is kept.`);
    return settle(recording);
  }
  recording.state = "failed";
  recording.error = line.startsWith(`${name}: `) ? line.slice(name.length + 2) : line; // the server names it too
  tell(`${name}: ${recording.error}`);
  drawList();
}

/** Whether a person gave one; Escape gives none. */
function askToken() {
  const dialog = byId("token-dialog");
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const isGiven = dialog.returnValue === "ok";
      if (isGiven) setToken(byId("token").value.trim());
      resolve(isGiven);
    };
  });
}

async function loadModel() {
  for (;;) {
    try {
      return await askModel();
    } catch (error) {
      if (error.status !== 401 || !(await askToken())) throw error;
    }
  }
}

async function restore() {
  for (const [record, file] of await readAll()) {
    const recording = Recording.fromRecord(record, file);
    recordings.push(recording);
    watch(recording);
    if (recording.state === "waiting" && !recording.file) recording.error = "open the file again to go on";
  }
  drawList();
  const last = recordings.find((one) => one.id === readSetting("recording", null)) ?? recordings[0];
  if (last) choose(last);
  const unfinished = recordings.find((one) => one.state === "waiting" && one.file);
  if (unfinished) detecting.add(unfinished);
}

function showClasses(classes) {
  const chips = classes.slice(0, MOST_CHIPS).map((label) => {
    const swatch = element("span", { className: "swatch" });
    paint(swatch, label);
    return element("li", {}, swatch, spoken(label));
  });
  if (classes.length > MOST_CHIPS) chips.push(element("li", {}, `and ${classes.length - MOST_CHIPS} more`));
  byId("classes").replaceChildren(...chips);
}

async function start() {
  takeTokenFromAddress();
  followTheme(() => editor.tracks.recolour());
  byId("help").onclick = showHelp;
  listenToKeys(editor);
  takeFiles(take);
  try {
    model = await loadModel();
  } catch (error) {
    tell(error.message, "error", { label: "Try again", run: () => location.reload() });
    return;
  }
  setClasses(model.classes);
  byId("model").textContent = `${model.name} · ${model.classes.length} classes`;
  showClasses(model.classes);
  slider.setModel(model);
  detecting.limitBytes = model.max_upload_bytes ?? 0;
  detecting.model = model.fingerprint;
  offerExport(model, () => ({ recording: editor.recording, events: editor.events }), (error) => tell(error.message));
  await restore();
  document.documentElement.dataset.ready = "yes";
}

start();
