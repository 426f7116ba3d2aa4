import { listed, type Drawing, type Keyframe, type Zone } from "../model/decisions";
import type { Box } from "../model/regions";
import type { Editor, Picked } from "./editor";

/** A place in a frame that is outlined and, if `covered`, hidden in the result. */
export interface Place {
  kind: "person" | "drawing" | "zone" | "doubt" | "removed";
  box: Box;
  covered: boolean;
  label: string;
  person?: number;
  picked?: Picked;
  doubt?: number;
  selected: boolean;
  /** True if the box is a key frame of a drawing. */
  keyed?: boolean;
}

export interface FramePlaces {
  places: Place[];
  /** The whole picture is covered. */
  whole: boolean;
}

/**
 * Return everything to outline or to cover in a frame.
 *
 * Of two decisions the same one wins as in the engine: the whole picture covered, nothing covered, zones and drawn
 * things, a zone that shows faces, a person who is shown.
 */
export function placesIn(editor: Editor, frame: number): FramePlaces {
  const ticks = editor.ticks(frame);
  const who = editor.identities.value;
  const decisions = editor.decisions.value;
  const picked = editor.picked.value?.value;
  const zones = listed(decisions, "zones").filter((one) => within(one, ticks));
  const bare = zones.filter((one) => one.action === "show");
  const places: Place[] = [];
  for (const { id, box } of editor.regions.of(frame)) {
    const own = who.own(id, ticks);
    const person = who.root(own);
    if (who.isRemoved(own, ticks)) {
      places.push({ kind: "removed", box, covered: false, label: "", selected: false });
      continue;
    }
    const covered = !editor.shown.value.has(person) && !bare.some((zone) => uncovers(zone, box, person, who.root.bind(who)));
    const selected = editor.people.value.includes(person);
    places.push({ kind: "person", box, covered, label: String(person), person, selected });
  }
  for (const value of listed(decisions, "drawings")) {
    const box = editor.paths.at(value, frame);
    if (!box) continue;
    const selected = value === picked;
    const one = { list: "drawings", value } as const;
    const keyed = isKeyed(value, ticks);
    places.push({ kind: "drawing", box, covered: true, label: value.label ?? "", picked: one, selected, keyed });
  }
  let whole = false;
  for (const value of zones) {
    if (!value.box) {
      whole ||= value.action === "cover";
      continue;
    }
    const one = { list: "zones", value } as const;
    const covered = value.action === "cover";
    places.push({ kind: "zone", box: value.box, covered, label: value.label ?? "", picked: one, selected: value === picked });
  }
  const nothing = !whole && bare.some((zone) => !zone.box && zone.id === undefined);
  if (nothing) for (const place of places) place.covered = false;
  const index = editor.doubt.value;
  const doubt = index === undefined ? undefined : editor.doubts[index];
  if (doubt && frame >= doubt.firstFrame && frame <= doubt.lastFrame && doubt.reason === "refused") {
    places.push({ kind: "doubt", box: doubt, covered: false, label: "?", doubt: index ?? 0, selected: true });
  }
  return { places, whole };
}

export function isKeyed(drawing: Drawing, ticks: number): boolean {
  return drawing.keyframes.some((one: Keyframe) => one.time === ticks);
}

export function within(stretch: { start?: number; end?: number }, ticks: number): boolean {
  return ticks >= (stretch.start ?? 0) && ticks < (stretch.end ?? Infinity);
}

const WITHIN = 0.5; // share of a face inside a zone from which the zone shows it, as in the engine

function uncovers(zone: Zone, box: Box, person: number, root: (id: number) => number): boolean {
  if (zone.id !== undefined && root(zone.id) !== person) return false;
  if (!zone.box) return true;
  const width = Math.min(box.x + box.width, zone.box.x + zone.box.width) - Math.max(box.x, zone.box.x);
  const height = Math.min(box.y + box.height, zone.box.y + zone.box.height) - Math.max(box.y, zone.box.y);
  return width > 0 && height > 0 && width * height >= WITHIN * box.width * box.height;
}

/** Return the place under a point, given in shares of the picture. The smallest one wins. */
export function placeAt(places: readonly Place[], x: number, y: number): Place | undefined {
  return places
    .filter(({ box }) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height)
    .sort((a, b) => a.box.width * a.box.height - b.box.width * b.box.height)[0];
}
