// Out of the page: label files in every format of the server, and corrections for training.
import { convert, saveCorrections } from "./api.js";
import { byId, download, element, tell } from "./dom.js";
import { Recording } from "./recording.js";

const NAMES = {
  tsv: "TSV (DCASE)",
  csv: "CSV",
  json: "JSON",
  jsonl: "JSON lines",
  audacity: "Audacity",
  raven: "Raven",
  rttm: "RTTM",
  textgrid: "Praat TextGrid",
  elan: "ELAN",
  jams: "JAMS",
  label_studio: "Label Studio",
  webvtt: "WebVTT",
  scores: "Score table",
};

/** `current()` gives {recording, events}: what is seen; `report(error)` tells of failures. */
export function offerExport(model, current, report) {
  byId("format").replaceChildren(...model.formats.map((name) => element("option", { value: name }, NAMES[name] ?? name)));
  if (model.formats.includes("tsv")) byId("format").value = "tsv";
  byId("export").onclick = () => write(byId("format").value, current(), report);
  byId("save").onclick = () => (model.saves_corrections ? save(current(), report) : offerDownload(current, report));
}

async function write(format, { recording, events }, report) {
  try {
    const { blob, name } = await convert(format, recording.name, Recording.plain(events));
    download(blob, name);
  } catch (error) {
    report(error);
  }
}

async function save({ recording, events }, report) {
  if (!recording.file) return tell("The audio is no longer kept here: open the file again, then save.");
  if (!recording.isAnswered) return tell("Not yet: what the model finds in this recording belongs to its labels.", "info");
  const button = byId("save");
  button.disabled = true;
  try {
    const saved = await saveCorrections(recording.file, recording.name, Recording.plain(events));
    tell(`Saved as ${saved}: ${events.length} ${events.length === 1 ? "event" : "events"}, ready for sedt new.`, "info");
  } catch (error) {
    report(error);
  } finally {
    button.disabled = false;
  }
}

function offerDownload(current, report) {
  const action = { label: "Download TSV", run: () => write("tsv", current(), report) };
  tell("This server keeps no corrections (sedt serve --corrections DIR does). The labels as a file:", "info", action);
}
