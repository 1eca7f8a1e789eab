// What the server is asked; every failure becomes a ServerError whose message is one line for a person.

const BASE = new URL(".", document.baseURI);
const TOKEN = "sedt-token";
const MOST_NAME_BYTES = 180;

export class ServerError extends Error {
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter; // seconds; 0 where the server named none
  }
}

/** Take the token out of the address, so that it is not in the history or in a copied link. */
export function takeTokenFromAddress() {
  const here = new URL(location.href);
  const token = here.searchParams.get("token");
  if (!token) return;
  setToken(token);
  here.searchParams.delete("token");
  history.replaceState(null, "", here);
}

export const setToken = (token) => sessionStorage.setItem(TOKEN, token);

function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** A name that the server takes: no path, no colon, no control characters, no dot before it, not too long. */
export function plainName(name) {
  let plain = name.replace(/[/\\:]|\p{C}/gu, "_").replace(/^\.+/, "") || "recording";
  while (new TextEncoder().encode(plain).length > MOST_NAME_BYTES) plain = plain.slice(1); // the ending stays
  return plain;
}

/** The model: name, classes, thresholds, formats, limits. */
export const model = async () => (await ask("model")).json();

/** Events as a label file: {blob, name}. */
export async function convert(format, filename, events) {
  const response = await ask(`convert?format=${encodeURIComponent(format)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ filename, events }),
  });
  const named = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") ?? "");
  return { blob: await response.blob(), name: named ? decodeURIComponent(named[1]) : `${filename}.${format}` };
}

/** Saves recording and labels for training; the name they got. */
export async function saveCorrections(file, filename, events) {
  const form = new FormData();
  form.append("file", file, filename);
  form.append("events", JSON.stringify(events));
  return (await (await ask("corrections", { method: "POST", body: form })).json()).saved;
}

/**
 * What is found in a recording, at the model's own thresholds and at those of a sweep. `fetch` tells nothing of an upload's progress, hence XMLHttpRequest.
 * `onProgress` gets 0..1 while uploading, then 1 while the model works.
 */
export function detect(file, filename, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", new URL("detect?sweep=true", BASE));
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.upload.onload = () => onProgress(1);
    request.onerror = () => reject(new ServerError("The server does not answer: is it running?", 0));
    request.onabort = () => reject(new ServerError("Stopped.", 0));
    request.onload = () => {
      const answer = request.status === 200 ? parsed(request.responseText) : null;
      if (answer) return resolve(answer);
      reject(failure(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file, filename);
    request.send(form);
  });
}

/** A WebSocket that takes 16-bit samples and sends events. */
export function stream(sampleRate) {
  const url = new URL("stream", BASE);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("sample_rate", String(sampleRate));
  url.searchParams.set("format", "s16");
  const token = sessionStorage.getItem(TOKEN); // a browser's WebSocket can send no header
  if (token) url.searchParams.set("token", token);
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  return socket;
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(new URL(path, BASE), { ...options, headers: { ...headers(), ...options.headers } });
  } catch {
    throw new ServerError("The server does not answer: is it running?", 0);
  }
  if (response.ok) return response;
  throw failure(response.status, await response.text(), response.headers.get("Retry-After"));
}

/** JSON, or null: a proxy between may answer in HTML. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failure(status, text, retryAfter) {
  const detail = parsed(text)?.detail;
  const line = typeof detail === "string" ? detail : `What answers (status ${status}) is not this server.`;
  return new ServerError(line, status, Number(retryAfter) || 0);
}
