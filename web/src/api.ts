// The interface to a back end, see docs/review-api.md. Addresses are relative to the page.

import type { Decisions, Drawing } from "./model/decisions";
import type { Box } from "./model/regions";

export type State = "new" | "analyzing" | "open" | "redacting" | "verifying" | "approved" | "failed";

export interface Session {
  user: string;
  reasons: { code: string; text: string }[];
  /** True if a link for another browser can be made. */
  links: boolean;
}

export interface BareFace extends Box {
  firstFrame: number;
  lastFrame: number;
  start: number;
  end: number;
  frame: number;
  detail: number;
}

export interface Verification {
  frames: number;
  tracks: number;
  bareFaces: number;
  bareFrames: number;
  bare: BareFace[];
}

export interface Outcome {
  name: string;
  size: number;
  /** Address of the redacted video. */
  media: string;
  by: string;
  at: string;
  seconds: number;
  verification?: Verification;
}

export interface Video {
  id: string;
  name: string;
  size: number;
  state: State;
  progress?: { percent: number; activity: string };
  error?: string;
  people?: number;
  doubts?: number;
  changed: string;
  /** Address of a video that browsers play, once there is one. */
  media?: string;
  result?: Outcome;
  /** Version of the decisions. */
  tag?: string;
  /** Other browsers in which the video is open. */
  others: number;
  /** Name of the file that an approval writes. */
  output: string;
  /** The same, if it is there already. */
  existing?: string;
}

export interface Doubt extends Box {
  reason: string;
  score: number;
  firstFrame: number;
  lastFrame: number;
  start: number;
  end: number;
  frame: number;
}

/** A thing that the engine followed, frame by frame from `first` on: x, y, width and height, or null where it is not. */
export interface Path {
  first: number;
  boxes: ([number, number, number, number] | null)[];
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch {
    throw new ApiError(0, "");
  }
  if (!response.ok) {
    const body = (await response.json().catch(() => ({}))) as { error?: { message?: string } };
    throw new ApiError(response.status, body.error?.message ?? response.statusText);
  }
  return response;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

function posted(method: string, body?: unknown): RequestInit {
  return body === undefined
    ? { method }
    : { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

const of = (id: string) => `api/videos/${encodeURIComponent(id)}`;

/** Exchange a link's token for a cookie. */
export const enter = (token: string) => request("api/session", posted("POST", { token }));
export const session = () => json<Session>("api/session");
export const link = () => json<{ address: string }>("api/links", posted("POST"));

export const videos = () => json<Video[]>("api/videos");
/** `viewer` names this browser's tab, so that others see that somebody is here. */
export const video = (id: string, viewer: string) => json<Video>(`${of(id)}?viewer=${viewer}`);
export const analyze = (id: string) => request(`${of(id)}/analysis`, posted("POST"));
export const stop = (id: string) => request(`${of(id)}/work`, posted("DELETE"));
export const regions = async (id: string) => (await request(`${of(id)}/regions`)).arrayBuffer();
export const doubts = async (id: string) => (await json<{ places: Doubt[] }>(`${of(id)}/doubts`)).places;
export const thumbnail = (id: string, person: number) => `${of(id)}/people/${person}/thumbnail`;
export const proxy = (id: string) => request(`${of(id)}/proxy`, posted("POST"));

export async function decisions(id: string): Promise<{ document: Decisions; tag: string }> {
  const response = await request(`${of(id)}/decisions`);
  return { document: (await response.json()) as Decisions, tag: response.headers.get("ETag") ?? "" };
}

/** Save the decisions if `tag` is still their version. Return the new version, or undefined if it is not. */
export async function save(id: string, document: Decisions, tag: string): Promise<string | undefined> {
  const init = posted("PUT", document);
  try {
    const response = await request(`${of(id)}/decisions`, { ...init, headers: { ...init.headers, "If-Match": tag } });
    return response.headers.get("ETag") ?? "";
  } catch (error) {
    if (error instanceof ApiError && error.status === 412) return undefined;
    throw error;
  }
}

/** Follow a drawn thing through the video. */
export const follow = (id: string, drawing: Drawing, abort: AbortSignal) =>
  json<Path>(`${of(id)}/path`, { ...posted("POST", drawing), signal: abort });

export const approve = (id: string, tag: string, overwrite: boolean) =>
  request(`${of(id)}/approval`, posted("POST", { tag, overwrite }));
export const reopen = (id: string) => request(`${of(id)}/approval`, posted("DELETE"));
export const verify = (id: string) => request(`${of(id)}/verification`, posted("POST"));
