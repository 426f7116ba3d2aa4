import type { Box } from "./regions";

/** The decisions document, see the schema `urn:redactor:decisions:1`. Times are in ticks, ends are excluded. */
export interface Decisions {
  version: number;
  timescale: number;
  video: object;
  annotations?: object;
  people?: Person[];
  merges?: Merge[];
  splits?: Split[];
  removals?: Removal[];
  drawings?: Drawing[];
  zones?: Zone[];
  sound?: Silence[];
}

export interface Signed {
  reason?: string;
  by?: string;
  at?: string;
}

export interface Stretch {
  start?: number;
  end?: number;
}

export interface Person extends Signed {
  id: number;
  action: "show" | "hide";
}

export interface Merge extends Signed {
  ids: number[];
}

export interface Split extends Signed {
  id: number;
  time: number;
  into: number;
}

export interface Removal extends Signed, Stretch {
  id: number;
}

export interface Keyframe {
  time: number;
  box: Box;
}

export interface Drawing extends Signed, Stretch {
  keyframes: Keyframe[];
  follow: boolean;
  label?: string;
}

export interface Zone extends Signed, Stretch {
  action: "cover" | "show";
  box?: Box;
  id?: number;
  label?: string;
}

export interface Silence extends Signed {
  action: "mute" | "bleep";
  start: number;
  end: number;
}

export interface Lists {
  people: Person;
  merges: Merge;
  splits: Split;
  removals: Removal;
  drawings: Drawing;
  zones: Zone;
  sound: Silence;
}

export type ListName = keyof Lists;

/** One decision that is added (no `before`), changed, or taken back (no `after`). */
export interface Change<N extends ListName = ListName> {
  list: N;
  before?: Lists[N];
  after?: Lists[N];
}

/** What one action of a person changes. */
export interface Edit {
  name: string;
  changes: Change[];
}

export function change<N extends ListName>(list: N, before?: Lists[N], after?: Lists[N]): Change {
  return { list, ...(before && { before }), ...(after && { after }) } as Change;
}

/** Return the list of a document, which is empty if it is absent. */
export function listed<N extends ListName>(decisions: Decisions, list: N): Lists[N][] {
  return (decisions[list] ?? []) as unknown as Lists[N][];
}

/**
 * Return the document after an edit.
 *
 * A decision is found by its value. If somebody else changed it meanwhile, the new value is added beside theirs, and a
 * decision that is to be taken back stays as they left it.
 */
export function edited(decisions: Decisions, edit: Edit): Decisions {
  let result = decisions;
  for (const one of edit.changes) {
    const values = [...listed(result, one.list)] as object[];
    const at = one.before ? find(values, one.before) : -1;
    if (at >= 0) values.splice(at, 1, ...(one.after ? [one.after] : []));
    else if (one.after && find(values, one.after) < 0) values.push(one.after);
    const rest: Decisions = { ...result, [one.list]: single(one.list, values) };
    if (!values.length) delete rest[one.list];
    result = rest;
  }
  return result;
}

/** Return the edit that takes an edit back. */
export function reversed(edit: Edit): Edit {
  return { name: edit.name, changes: edit.changes.map((one) => change(one.list, one.after, one.before)).reverse() };
}

function find(values: object[], wanted: object): number {
  const text = canonical(wanted);
  return values.findIndex((value) => canonical(value) === text);
}

/** Keep the last decision on each person: two people may have decided on one at the same time. */
function single(list: ListName, values: object[]): object[] {
  if (list !== "people") return values;
  return [...new Map((values as Person[]).map((one) => [one.id, one])).values()];
}

/** Return a value's JSON with its members in one order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    member && typeof member === "object" && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
