// Work outlives a reload: recordings in IndexedDB (audio too unless it is large), small settings in localStorage.

const KEPT_AUDIO_BYTES = 100e6;
const STORE = "recordings";

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("sedt", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
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

async function store(mode) {
  return (await open()).transaction(STORE, mode).objectStore(STORE);
}

/** All kept recordings, oldest first; none where the browser keeps nothing (private windows of some). */
export async function readAll() {
  try {
    return await wanted((await store("readonly")).getAll());
  } catch {
    return [];
  }
}

/** Keep a recording; without its audio where that is large or the browser's quota is full. */
export async function keep(recording) {
  try {
    await wanted((await store("readwrite")).put(recording.toRecord(recording.size <= KEPT_AUDIO_BYTES)));
  } catch {
    try {
      await wanted((await store("readwrite")).put(recording.toRecord(false)));
    } catch {
      // nothing can be kept here: the page works on, a reload loses the work
    }
  }
}

export async function forget(id) {
  try {
    await wanted((await store("readwrite")).delete(id));
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
