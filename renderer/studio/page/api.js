/* Requests to the server of this page. */

const PATIENCE = 20_000; // milliseconds that an answer may take
const STRANGE = "The studio was started anew since this page was opened: open the address that it has printed";

/* What the server says is wrong: `error` is a sentence; `matching`: another mosaic is needed; `forgotten`: send the look
   again; `away`: it did not answer. */
export class Refused extends Error {
  constructor(status, told) {
    super(told.error ?? (status === 401 ? STRANGE : `The server answered with ${status}`));
    Object.assign(this, { status, ...told });
  }
}

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
  } catch {
    throw new Refused(0, { error: "The studio does not answer: it was ended, or is busy. Trying again…", away: true });
  }
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response;
}

/* Exchanges the token of the address for a cookie. */
export const open = (token) => answered("/open", { method: "POST", body: token });

export const get = async (path) => (await answered(`/api/${path}`)).json();

export const post = async (path, value) =>
  (await answered(`/api/${path}`, { method: "POST", body: JSON.stringify(value ?? {}) })).json();

/* Returns a frame as a bitmap; null if a newer request replaced it. */
export async function frame(look, number, [width, height], options = {}) {
  const query = new URLSearchParams({ w: width, h: height, ...options });
  const response = await answered(`/api/frame/${look}/${number}?${query}`);
  return response.status === 204 ? null : createImageBitmap(await response.blob());
}
