import { listed, type Decisions, type Removal, type Split } from "./decisions";
import type { Regions } from "./regions";

/** A person's time on screen without a break. Both frames are included. */
export interface Interval {
  first: number;
  last: number;
}

/** A frame in which a person can be seen well. `index` is the region's. */
export interface View {
  frame: number;
  index: number;
  area: number;
}

/** One person after merges, splits and removals. `id` is the smallest of the merged ids. */
export interface Someone {
  id: number;
  ids: number[];
  intervals: Interval[];
  frames: number;
  seconds: number;
  views: View[];
}

const VIEWS = 4;
const BREAK = 2; // frames without a region that do not end an interval

/** The ids of the analysis, after merges, splits and removals. */
export class Identities {
  private readonly splits = new Map<number, Split[]>();
  private readonly removals = new Map<number, Removal[]>();
  private readonly roots = new Map<number, number>();

  constructor(decisions: Decisions) {
    for (const split of listed(decisions, "splits")) push(this.splits, split.id, split);
    for (const list of this.splits.values()) list.sort((a, b) => b.time - a.time);
    for (const removal of listed(decisions, "removals")) push(this.removals, removal.id, removal);
    for (const merge of listed(decisions, "merges")) {
      const roots = merge.ids.map((id) => this.root(id));
      const least = Math.min(...roots);
      for (const root of roots) if (root !== least) this.roots.set(root, least);
    }
  }

  /** Return the id at a time, in ticks, after splits and before merges. */
  own(id: number, ticks: number): number {
    for (let turns = 0; turns <= this.splits.size; turns++) {
      const split = this.splits.get(id)?.find((one) => one.time <= ticks);
      if (!split) break;
      id = split.into;
    }
    return id;
  }

  /** Return the smallest id of the merged ones. */
  root(id: number): number {
    let root = id;
    for (let next = this.roots.get(root); next !== undefined; next = this.roots.get(root)) root = next;
    return root;
  }

  /** Return the person at a time, in ticks, or undefined if the region is no face. */
  at(id: number, ticks: number): number | undefined {
    const own = this.own(id, ticks);
    return this.isRemoved(own, ticks) ? undefined : this.root(own);
  }

  isRemoved(own: number, ticks: number): boolean {
    const removed = this.removals.get(own);
    return removed !== undefined && removed.some((one) => ticks >= (one.start ?? 0) && ticks < (one.end ?? Infinity));
  }

  /** Return the parts of a document that change who is who, as a key. */
  static key(decisions: Decisions): string {
    return JSON.stringify([decisions.merges, decisions.splits, decisions.removals]);
  }
}

/** Return all people in order of their first appearance. */
export function everybody(regions: Regions, identities: Identities): Someone[] {
  const { frames, head, ids, offsets } = regions;
  const found = new Map<number, Someone & { bucket: View & { number: number } }>();
  const members = new Map<number, Set<number>>();
  const half = Math.max(1, Math.round(head.rate / 2));
  for (let frame = 0; frame < frames.count; frame++) {
    const ticks = Math.round(frames.start(frame) * head.timescale);
    for (let index = offsets[frame] ?? 0; index < (offsets[frame + 1] ?? 0); index++) {
      const own = identities.own(ids[index] ?? 0, ticks);
      if (identities.isRemoved(own, ticks)) continue;
      const id = identities.root(own);
      let one = found.get(id);
      if (!one) {
        const bucket = { frame, index, area: -1, number: -1 };
        one = { id, ids: [], intervals: [], frames: 0, seconds: 0, views: [], bucket };
        found.set(id, one);
        members.set(id, new Set());
      }
      members.get(id)?.add(own);
      one.frames++;
      one.seconds += frames.start(frame + 1) - frames.start(frame);
      const last = one.intervals.at(-1);
      if (last && frame - last.last <= BREAK) last.last = frame;
      else one.intervals.push({ first: frame, last: frame });
      note(one, frame, index, regions, Math.floor(frame / half));
    }
  }
  return [...found.values()].map(({ bucket, ...one }) => {
    if (bucket.area >= 0) one.views.push(bucket);
    const best = one.views.sort((a, b) => b.area - a.area).slice(0, VIEWS);
    return { ...one, views: best, ids: [...(members.get(one.id) ?? [])].sort((a, b) => a - b) };
  });
}

/** Note a view: the largest of each half second. Faces that leave the picture are the last choice. */
function note(
  one: { views: View[]; bucket: View & { number: number } },
  frame: number,
  index: number,
  regions: Regions,
  number: number,
): void {
  const { x, y, width, height } = regions.box(index);
  const inside = x >= 0 && y >= 0 && x + width <= 1 && y + height <= 1;
  const area = width * height * (inside ? 1 : 0.01);
  if (one.bucket.number !== number) {
    if (one.bucket.area >= 0) keep(one.views, one.bucket);
    one.bucket = { frame, index, area, number };
  } else if (area > one.bucket.area) {
    one.bucket = { frame, index, area, number };
  }
}

function keep(views: View[], view: View): void {
  views.push({ frame: view.frame, index: view.index, area: view.area });
  if (views.length > 8 * VIEWS) {
    views.sort((a, b) => b.area - a.area);
    views.length = VIEWS;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Return the index of the first interval that ends at or after a frame. */
export function intervalFrom(intervals: readonly Interval[], frame: number): number {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((intervals[middle]?.last ?? 0) < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}
