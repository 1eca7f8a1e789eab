// Begins here: the model, the list of recordings, their way through the server.
import { detect, model as askModel, plainName, setToken, takeTokenFromAddress } from "./api.js";
import { paint, setClasses, spoken } from "./colours.js";
import { afterQuiet, byId, element, tell } from "./dom.js";
import { Editor } from "./editor.js";
import { offerExport } from "./export.js";
import { drawFiles, takeFiles } from "./files.js";
import { listenToKeys, showHelp } from "./keys.js";
import { Live } from "./live.js";
import { Recording, passes } from "./recording.js";
import { drop, load } from "./sound.js";
import { forget, keep, keepSetting, readAll, readSetting } from "./storage.js";
import { followTheme } from "./theme.js";
import { ThresholdSlider } from "./threshold.js";
import { bytes } from "./time.js";

const MOST_CHIPS = 24;
const MOST_TRIES = 5; // where the server's queue is full

let model = { classes: [], formats: [], thresholds: {} };
let recordings = [];
let isDetecting = false;
let url = null; // of the audio that plays

const newId = () => `${Date.now()}-${Math.random()}`; // crypto.randomUUID wants https

const slider = new ThresholdSlider(() => editor.refresh(), () => drawList());
const editor = new Editor(() => slider.state);
editor.onrecording = (way) => {
  const next = recordings[recordings.indexOf(editor.recording) + way];
  if (next) choose(next);
};
new Live((file) => take([file]));

const drawList = () =>
  drawFiles(recordings, editor.recording, (one) => one.events.filter((event) => passes(event, slider.state.value, slider.state.own)).length, {
    choose,
    remove,
    again: (recording) => queue(recording),
  });

/** New files; one that is in the list already is shown instead. */
function take(files) {
  for (const file of files) {
    const known = recordings.find((one) => one.name === plainName(file.name) && one.size === file.size);
    const recording = known ?? new Recording(newId(), plainName(file.name), file);
    if (!known) recordings.push(recording);
    const lackedAudio = !recording.file;
    recording.file = file;
    watch(recording);
    if (recording.state !== "done") queue(recording);
    if (file === files[0]) choose(recording, lackedAudio);
  }
  drawList();
}

function watch(recording) {
  const keepSoon = afterQuiet(() => recordings.includes(recording) && keep(recording), 250);
  recording.onchange = () => {
    if (recording === editor.recording) editor.refresh();
    drawList();
    keepSoon();
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
  note("Reading the sound …");
  await editor.setSound("", [new Float32Array(1), new Float32Array(1)], recording.duration, 0);
  if (url) URL.revokeObjectURL(url);
  url = recording.file ? URL.createObjectURL(recording.file) : null;
  drop();
  let sound = null;
  try {
    if (recording.file) sound = await load(recording.file, model.sample_rate);
    if (recording.file && !sound) return; // another one was chosen meanwhile
  } catch {
    // the server may read what this browser can't: events without a picture
  }
  if (recording !== editor.recording) return;
  note(sound ? "" : recording.file ? "This browser cannot decode this file: events without a picture." : "Open this file again to see and hear it.");
  const { peaks = null, duration = recording.duration, topHz = 0 } = sound ?? {};
  if (!recording.duration) recording.duration = duration;
  await editor.setSound(url ?? "", peaks ?? [new Float32Array(1), new Float32Array(1)], duration, topHz);
}

function note(text) {
  byId("stage-note").textContent = text;
  byId("stage-note").hidden = !text;
}

function remove(recording) {
  const place = recordings.indexOf(recording);
  recordings = recordings.filter((one) => one !== recording);
  recording.abort?.abort();
  forget(recording.id);
  if (recording === editor.recording) {
    editor.view.pause();
    editor.recording = null;
    const next = recordings[place] ?? recordings[place - 1];
    for (const id of ["editor", "events"]) byId(id).hidden = !next;
    byId("welcome").hidden = Boolean(next);
    if (next) choose(next);
  }
  drawList();
}

/** Into the line of those that wait for the server, which takes one at a time. */
async function queue(recording) {
  recording.state = "waiting";
  recording.error = "";
  recording.tries = 0;
  drawList();
  if (isDetecting) return;
  isDetecting = true;
  for (let next = recording; next; next = recordings.find((one) => one.state === "waiting" && one.file)) await send(next);
  isDetecting = false;
}

async function send(recording) {
  const limit = model.max_upload_bytes;
  if (limit && recording.size > limit) return fail(recording, `${bytes(recording.size)}: this server takes up to ${bytes(limit)}.`);
  recording.abort = new AbortController();
  try {
    const found = await detect(recording.file, recording.name, (share) => progress(recording, share), recording.abort.signal);
    recording.model = found.model ?? model.name;
    recording.setCandidates(found.events, found.duration);
  } catch (error) {
    if (!recordings.includes(recording)) return;
    if (error.status === 401) {
      recording.state = "waiting";
      return askToken();
    }
    if (error.status === 503 && ++recording.tries < MOST_TRIES) {
      recording.state = "waiting";
      recording.error = "the server is busy, waiting …";
      drawList();
      return new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(30, error.retryAfter || 2)));
    }
    fail(recording, error.message);
  }
}

function progress(recording, share) {
  recording.state = share < 1 ? "uploading" : "detecting";
  recording.progress = share;
  drawList();
}

function fail(recording, line) {
  recording.state = "failed";
  recording.error = line;
  tell(`${recording.name}: ${line}`);
  drawList();
}

function askToken() {
  const dialog = byId("token-dialog");
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      setToken(byId("token").value.trim());
      resolve();
    };
  });
}

async function loadModel() {
  for (;;) {
    try {
      return await askModel();
    } catch (error) {
      if (error.status !== 401) throw error;
      await askToken();
    }
  }
}

async function restore() {
  for (const record of await readAll()) {
    const recording = Recording.fromRecord(record);
    recordings.push(recording);
    watch(recording);
    if (recording.state === "waiting" && !recording.file) recording.error = "open the file again to go on";
  }
  drawList();
  const last = recordings.find((one) => one.id === readSetting("recording", null)) ?? recordings[0];
  if (last) choose(last);
  const unfinished = recordings.find((one) => one.state === "waiting" && one.file);
  if (unfinished) queue(unfinished);
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
  followTheme(() => editor.recolour());
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
  offerExport(model, () => ({ recording: editor.recording, events: editor.events }), (error) => tell(error.message));
  await restore();
  document.documentElement.dataset.ready = "yes";
}

start();
