import { computed, effect, signal, type Signal } from "@preact/signals";
import * as api from "../api";
import {
  canonical,
  change,
  listed,
  type Change,
  type Drawing,
  type Edit,
  type Keyframe,
  type ListName,
  type Lists,
  type Signed,
} from "../model/decisions";
import { History } from "../model/history";
import { everybody, Identities, intervalFrom, type Someone } from "../model/people";
import type { Box, Regions } from "../model/regions";
import { S } from "../strings";
import { Paths } from "./paths";
import { Saving } from "./saving";

export type Mode = "before" | "after" | "both" | "slider";
export type Tool = "draw" | "zone";

/** A decision that is selected, by its value. */
export type Picked = { [N in ListName]: { list: N; value: Lists[N] } }[ListName];

/** Frames from `first` to `last`, both included. */
export interface Range {
  first: number;
  last: number;
}

/** Everything that the editor of one video shows and does. */
export class Editor {
  readonly history = new History();
  readonly saving: Saving;
  readonly paths: Paths;

  /** The frame that was asked for. */
  readonly frame = signal(0);
  /** The frame whose picture is shown, once one is. */
  readonly presented = signal<number | undefined>(undefined);
  readonly playing = signal(false);
  readonly mode = signal<Mode>("before");
  readonly tool = signal<Tool | undefined>(undefined);
  readonly marks = signal<{ first?: number; last?: number }>({});
  readonly people = signal<readonly number[]>([]);
  readonly picked = signal<Picked | undefined>(undefined);
  readonly doubt = signal<number | undefined>(undefined);
  readonly tab = signal<"people" | "doubts" | "added">("people");
  readonly message = signal("");

  /** Set by the player. */
  seekTo: (frame: number) => void = (frame) => (this.frame.value = frame);
  playOrPause: () => void = () => undefined;
  askApproval: () => void = () => undefined;

  readonly decisions = this.history.current;
  private readonly identityKey = computed(() => Identities.key(this.decisions.value));
  readonly identities = computed(() => {
    void this.identityKey.value; // other decisions do not change who is who
    return new Identities(this.decisions.peek());
  });
  readonly everybody: Signal<Someone[]>;
  readonly shown = computed(() => {
    const who = this.identities.value;
    const shown = new Set<number>();
    const hidden = new Set<number>();
    for (const one of listed(this.decisions.value, "people")) (one.action === "show" ? shown : hidden).add(who.root(one.id));
    for (const id of hidden) shown.delete(id);
    return shown;
  });
  readonly locked = computed(() => this.video.value.state !== "open");

  constructor(
    readonly video: Signal<api.Video>,
    readonly regions: Regions,
    readonly doubts: readonly api.Doubt[],
    readonly session: api.Session,
  ) {
    this.everybody = computed(() => everybody(this.regions, this.identities.value));
    this.paths = new Paths(video.value.id, regions, this.decisions);
    this.saving = new Saving(video.value.id, this.history, (text) => (this.message.value = text));
    effect(() => {
      // What is selected may be gone after an undo, or after another person's edit.
      const ids = new Set(this.everybody.value.map((one) => one.id));
      const left = this.people.peek().filter((id) => ids.has(id));
      if (left.length !== this.people.peek().length) this.people.value = left;
      const picked = this.picked.peek();
      if (picked && !this.has(picked)) this.picked.value = undefined;
    });
  }

  get frames() {
    return this.regions.frames;
  }

  ticks(frame: number): number {
    return Math.round(this.frames.start(frame) * this.regions.head.timescale);
  }

  frameAt(ticks: number): number {
    return this.frames.at(ticks / this.regions.head.timescale);
  }

  // Moving about

  seek(frame: number): void {
    this.seekTo(Math.min(Math.max(frame, 0), this.frames.count - 1));
  }

  seekSeconds(seconds: number): void {
    this.seek(this.frames.at(seconds));
  }

  nextDoubt(step: 1 | -1): void {
    if (!this.doubts.length) return;
    const here = this.doubt.value;
    let next: number;
    if (here !== undefined) next = here + step;
    else if (step > 0) next = this.doubts.findIndex((one) => one.lastFrame >= this.frame.value);
    else next = this.doubts.findLastIndex((one) => one.firstFrame < this.frame.value);
    this.goToDoubt((next + this.doubts.length) % this.doubts.length);
  }

  goToDoubt(index: number): void {
    const doubt = this.doubts[index];
    if (!doubt) return;
    this.doubt.value = index;
    this.tab.value = "doubts";
    this.seek(doubt.frame);
  }

  nextPerson(step: 1 | -1): void {
    const all = this.everybody.value;
    if (!all.length) return;
    const here = all.findIndex((one) => one.id === this.people.value.at(-1));
    const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : (here + step + all.length) % all.length];
    if (next) this.goToPerson(next);
  }

  goToPerson(one: Someone): void {
    this.pickPerson(one.id);
    const there = one.intervals[intervalFrom(one.intervals, this.frame.value)];
    if (there && there.first <= this.frame.value) return;
    this.seek(one.views[0]?.frame ?? one.intervals[0]?.first ?? 0);
  }

  nextAppearance(step: 1 | -1): void {
    const one = this.everybody.value.find((each) => each.id === this.people.value.at(-1));
    if (!one) return;
    const frame = this.frame.value;
    const found =
      step > 0
        ? one.intervals.find((interval) => interval.first > frame)
        : one.intervals.findLast((interval) => interval.first < frame);
    if (found) this.seek(found.first);
  }

  /** Return true if the picture of this frame is shown. Report that it is not: nothing is decided on another picture. */
  isSeen(): boolean {
    const seen = this.presented.value === this.frame.value;
    if (!seen) this.message.value = S.notSeen;
    else if (this.message.value === S.notSeen) this.message.value = "";
    return seen;
  }

  // Selecting

  pickPerson(id: number, more = false): void {
    const ids = this.people.value;
    if (!more) this.people.value = [id];
    else this.people.value = ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id];
    this.picked.value = undefined;
    this.tab.value = "people";
  }

  pick(picked: Picked): void {
    this.picked.value = picked;
    this.people.value = [];
    this.tab.value = "added";
  }

  clear(): void {
    if (this.tool.value) this.tool.value = undefined;
    else if (this.marks.value.first !== undefined || this.marks.value.last !== undefined) this.marks.value = {};
    else {
      this.people.value = [];
      this.picked.value = undefined;
      this.doubt.value = undefined;
    }
  }

  private has(picked: Picked): boolean {
    const text = canonical(picked.value);
    return listed(this.decisions.value, picked.list).some((one) => canonical(one) === text);
  }

  // Marks

  mark(end: "first" | "last"): void {
    if (!this.isSeen()) return;
    const marks = { ...this.marks.value, [end]: this.frame.value };
    if (marks.first !== undefined && marks.last !== undefined && marks.first > marks.last) {
      if (end === "first") delete marks.last;
      else delete marks.first;
    }
    this.marks.value = marks;
  }

  /** The marked frames. Without marks it is from here to the end of the scene or the video, at most five seconds. */
  range(): Range {
    const { first = this.frame.value, last } = this.marks.value;
    if (last !== undefined) return { first: Math.min(this.marks.value.first ?? 0, last), last };
    const cut = this.regions.head.cuts.find((one) => one > first) ?? this.frames.count;
    return { first, last: Math.min(cut - 1, this.frames.at(this.frames.start(first) + 5)) };
  }

  // Deciding

  private signed(): Signed {
    return { by: this.session.user, at: new Date().toISOString() };
  }

  private apply(edit: Edit): void {
    if (this.locked.value) {
      this.message.value = S.locked;
      return;
    }
    this.history.apply(edit);
  }

  undo(): void {
    if (!this.locked.value) this.history.undo();
  }

  redo(): void {
    if (!this.locked.value) this.history.redo();
  }

  /** Show or cover people. Covered is the rule, so it needs no decision of its own unless somebody is shown. */
  decide(ids: readonly number[], action: "show" | "hide"): void {
    const who = this.identities.value;
    const changes: Change[] = [];
    for (const id of ids) {
      const before = listed(this.decisions.value, "people").filter((one) => who.root(one.id) === id);
      if ((action === "show") === this.shown.value.has(id)) continue;
      const reason = before.find((one) => one.id === id)?.reason;
      changes.push(...before.map((one) => change("people", one)));
      changes.push(change("people", undefined, { id, action, ...(reason && { reason }), ...this.signed() }));
    }
    const [only] = ids;
    const name = ids.length > 1 || only === undefined ? S.undoNames.all : S.undoNames[action](only);
    this.apply({ name, changes });
  }

  toggle(id: number): void {
    this.decide([id], this.shown.value.has(id) ? "hide" : "show");
  }

  merge(roots: readonly number[]): void {
    if (roots.length < 2) return;
    const who = this.identities.value;
    const wanted = new Set(roots);
    const merges = listed(this.decisions.value, "merges").filter((one) => wanted.has(who.root(one.ids[0] ?? -1)));
    const people = listed(this.decisions.value, "people").filter((one) => wanted.has(who.root(one.id)));
    const ids = [...new Set([...roots, ...merges.flatMap((one) => one.ids)])].sort((a, b) => a - b);
    const root = Math.min(...ids);
    // Who is shown stays shown only if all of them were: a merge never uncovers a face.
    const shown = roots.every((id) => this.shown.value.has(id));
    const changes = [
      ...merges.map((one) => change("merges", one)),
      ...people.map((one) => change("people", one)),
      change("merges", undefined, { ids, ...this.signed() }),
    ];
    if (shown) changes.push(change("people", undefined, { id: root, action: "show", ...this.signed() }));
    this.apply({ name: S.undoNames.merge, changes });
    this.people.value = [root];
  }

  /** From this frame on, the person is somebody else. */
  split(id: number): void {
    if (!this.isSeen()) return;
    const here = this.regions.of(this.frame.value);
    const ticks = this.ticks(this.frame.value);
    const who = this.identities.value;
    const there = here.find((region) => who.at(region.id, ticks) === id);
    const ids = this.everybody.value.find((one) => one.id === id)?.ids ?? [];
    const own = there ? who.own(there.id, ticks) : ids[0];
    if (own === undefined) return;
    const into = Math.max(0, ...this.regions.ids, ...listed(this.decisions.value, "splits").map((one) => one.into)) + 1;
    this.apply({
      name: S.undoNames.split,
      changes: [change("splits", undefined, { id: own, time: ticks, into, ...this.signed() })],
    });
    this.people.value = [into];
  }

  /** The person is no face, and is neither covered nor listed any more. */
  remove(id: number): void {
    const one = this.everybody.value.find((each) => each.id === id);
    if (!one) return;
    const people = listed(this.decisions.value, "people").filter((each) => one.ids.includes(each.id));
    this.apply({
      name: S.undoNames.remove,
      changes: [
        ...people.map((each) => change("people", each)),
        ...one.ids.map((own) => change("removals", undefined, { id: own, ...this.signed() })),
      ],
    });
  }

  /** Draw a box in this frame. */
  draw(box: Box): void {
    if (this.isSeen()) this.drawIn(this.frame.value, box);
  }

  /** Draw a box in a frame in which the engine saw something. */
  drawIn(frame: number, box: Box): void {
    const value: Drawing = {
      keyframes: [{ time: this.ticks(frame), box: rounded(box) }],
      follow: true,
      ...this.signed(),
    };
    this.apply({ name: S.undoNames.draw, changes: [change("drawings", undefined, value)] });
    if (!this.locked.value) this.pick({ list: "drawings", value });
  }

  /** Put a drawn thing somewhere else in this frame, by a key frame. */
  moveTo(drawing: Drawing, box: Box): void {
    if (!this.isSeen()) return;
    const time = this.ticks(this.frame.value);
    const others = drawing.keyframes.filter((key) => key.time !== time);
    const key: Keyframe = { time, box: rounded(box) };
    const keyframes = [...others, key].sort((a, b) => a.time - b.time);
    this.replace("drawings", drawing, { ...drawing, keyframes }, S.undoNames.move);
  }

  removeKeyframe(drawing: Drawing): void {
    if (!this.isSeen()) return;
    const keyframes = drawing.keyframes.filter((key) => key.time !== this.ticks(this.frame.value));
    if (keyframes.length && keyframes.length < drawing.keyframes.length) {
      this.replace("drawings", drawing, { ...drawing, keyframes }, S.undoNames.keyframe);
    }
  }

  addZone(action: "cover" | "show", box?: Box): void {
    if (!this.isSeen()) return;
    const stretch = this.stretch(this.range());
    const value = { action, ...stretch, ...(box && { box: rounded(box) }), ...this.signed() };
    const name = box ? S.undoNames.zone : action === "cover" ? S.undoNames.whole : S.undoNames.bare;
    this.apply({ name, changes: [change("zones", undefined, value)] });
    if (!this.locked.value) this.pick({ list: "zones", value });
  }

  addSound(action: "mute" | "bleep"): void {
    if (!this.isSeen()) return;
    const value = { action, ...this.stretch(this.range()), ...this.signed() };
    this.apply({ name: S.undoNames.sound, changes: [change("sound", undefined, value)] });
    if (!this.locked.value) this.pick({ list: "sound", value });
  }

  stretch(range: Range): { start: number; end: number } {
    return { start: this.ticks(range.first), end: this.ticks(range.last + 1) };
  }

  /** Replace a decision, and keep it selected. */
  replace<N extends ListName>(list: N, before: Lists[N], after: Lists[N], name: string): void {
    const signed = { ...after, ...this.signed() };
    this.apply({ name, changes: [change(list, before, signed)] });
    if (!this.locked.value) this.picked.value = { list, value: signed } as unknown as Picked;
  }

  /** Remove what is selected. */
  delete(): void {
    const picked = this.picked.value;
    if (!picked) return;
    const changes = [change(picked.list, picked.value)];
    if (picked.list === "splits") changes.unshift(...this.decisionsOn(picked.value.into));
    this.apply({ name: S.undoNames.delete, changes });
  }

  /** Return the changes that take back all decisions on an id, which is about to be nobody's. */
  private decisionsOn(id: number): Change[] {
    const { value } = this.decisions;
    return [
      ...listed(value, "people").filter((one) => one.id === id).map((one) => change("people", one)),
      ...listed(value, "removals").filter((one) => one.id === id).map((one) => change("removals", one)),
      ...listed(value, "zones").filter((one) => one.id === id).map((one) => change("zones", one)),
      ...listed(value, "merges").filter((one) => one.ids.includes(id)).map((one) => change("merges", one)),
      ...listed(value, "splits")
        .filter((one) => one.id === id)
        .flatMap((one) => [...this.decisionsOn(one.into), change("splits", one)]),
    ];
  }

  setPersonReason(id: number, reason: string): void {
    const who = this.identities.value;
    const before = listed(this.decisions.value, "people").find((one) => who.root(one.id) === id);
    const action = this.shown.value.has(id) ? "show" : "hide";
    const after = { id: before?.id ?? id, action, ...(reason && { reason }), ...this.signed() } as const;
    this.apply({ name: S.undoNames.reason, changes: [change("people", before, after)] });
  }
}

/** Round a box as the engine does, so that saved decisions are found again by their values. */
export function rounded(box: Box): Box {
  const round = (share: number) => Math.round(share * 1e6) / 1e6;
  return { x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) };
}
