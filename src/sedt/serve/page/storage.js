// Work outlives a reload: recordings in IndexedDB (audio too unless it is large), small settings in localStorage.

export const KEPT_AUDIO_BYTES = 100e6; // of one recording; about 17 minutes of a microphone
const VERSION = 2;
const RECORDINGS = "recordings";
const AUDIO = "audio"; // written once, where a recording is written after every change

let opened;
const hasAudio = new Set(); // ids

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("sedt", VERSION);
    request.onupgradeneeded = () => {
      const { result } = request;
      for (const name of [...result.objectStoreNames]) result.deleteObjectStore(name);
      result.createObjectStore(RECORDINGS, { keyPath: "id" });
      result.createObjectStore(AUDIO);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

function wanted(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function store(name, mode) {
  return (await open()).transaction(name, mode).objectStore(name);
}

/** All kept recordings, oldest first: [record, file or null]. None where the browser keeps nothing (some private windows). */
export async function readAll() {
  try {
    const records = await wanted((await store(RECORDINGS, "readonly")).getAll());
    const files = await Promise.all(records.map(async ({ id }) => wanted((await store(AUDIO, "readonly")).get(id))));
    records.forEach(({ id }, place) => files[place] && hasAudio.add(id));
    return records.map((record, place) => [record, files[place] ?? null]);
  } catch {
    return [];
  }
}

/** Keep a recording; without its audio where that is large or the browser's quota is full. */
export async function keep(recording) {
  const { id, file, size } = recording;
  try {
    await wanted((await store(RECORDINGS, "readwrite")).put(recording.toRecord()));
    if (!file || hasAudio.has(id) || size > KEPT_AUDIO_BYTES) return;
    hasAudio.add(id);
    await wanted((await store(AUDIO, "readwrite")).put(file, id));
  } catch {
    // nothing more can be kept here: the page works on, a reload loses what is not
  }
}

export async function forget(id) {
  hasAudio.delete(id);
  try {
    for (const name of [RECORDINGS, AUDIO]) await wanted((await store(name, "readwrite")).delete(id));
  } catch {
    // as above
  }
}

export function readSetting(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`sedt-${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keepSetting(name, value) {
  try {
    localStorage.setItem(`sedt-${name}`, JSON.stringify(value));
  } catch {
    // as above
  }
}
