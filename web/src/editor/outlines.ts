import type { Box } from "../model/regions";
import type { Place } from "./places";

const HANDLE = 9;

export interface Outlines {
  covered: string;
  shown: string;
  added: string;
  zone: string;
  doubt: string;
  removed: string;
}

/** Colours over pictures: they do not follow the theme, and each line has a dark one below it. */
export const OUTLINES: Outlines = {
  covered: "#62b6ff",
  shown: "#7be07b",
  added: "#ffb14a",
  zone: "#d6a2ff",
  doubt: "#ffe14a",
  removed: "#b5b5b5",
};

/** Outline places over a picture. Covered ones have a full line, others a dashed one. */
export function outline(context: CanvasRenderingContext2D, places: readonly Place[], picture: Box, onlySelected: boolean): void {
  for (const place of places) {
    if (onlySelected && !place.selected) continue;
    const box = onto(place.box, picture);
    const colour = colourOf(place);
    context.setLineDash(place.kind === "doubt" ? [2, 3] : place.covered ? [] : [7, 5]);
    context.lineJoin = "round";
    for (const [width, style] of [
      [place.selected ? 6 : 4, "rgba(0, 0, 0, 0.55)"],
      [place.selected ? 3.5 : 2, colour],
    ] as const) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.strokeRect(box.x, box.y, box.width, box.height);
    }
    context.setLineDash([]);
    if (place.label) tag(context, place.label, box, colour);
    if (place.selected && place.kind === "drawing") handles(context, box, place.keyed ?? false, colour);
  }
}

export function onto(box: Box, picture: Box): Box {
  return {
    x: picture.x + box.x * picture.width,
    y: picture.y + box.y * picture.height,
    width: box.width * picture.width,
    height: box.height * picture.height,
  };
}

function colourOf({ kind, covered }: Place): string {
  if (kind === "drawing") return OUTLINES.added;
  if (kind === "zone") return covered ? OUTLINES.zone : OUTLINES.shown;
  if (kind === "doubt") return OUTLINES.doubt;
  if (kind === "removed") return OUTLINES.removed;
  return covered ? OUTLINES.covered : OUTLINES.shown;
}

function tag(context: CanvasRenderingContext2D, text: string, box: Box, colour: string): void {
  context.font = '600 12px "Segoe UI", system-ui, sans-serif';
  const width = context.measureText(text).width + 10;
  const y = box.y >= 18 ? box.y - 18 : box.y;
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(box.x - 1, y, width, 17, 3);
  context.fill();
  context.fillStyle = "#111";
  context.textBaseline = "middle";
  context.fillText(text, box.x + 4, y + 9);
}

function handles(context: CanvasRenderingContext2D, box: Box, keyed: boolean, colour: string): void {
  for (const [x, y] of corners(box)) {
    context.fillStyle = keyed ? colour : "#111";
    context.strokeStyle = keyed ? "#111" : colour;
    context.lineWidth = 2;
    context.fillRect(x - HANDLE / 2, y - HANDLE / 2, HANDLE, HANDLE);
    context.strokeRect(x - HANDLE / 2, y - HANDLE / 2, HANDLE, HANDLE);
  }
}

function corners({ x, y, width, height }: Box): [number, number][] {
  return [
    [x, y],
    [x + width, y],
    [x, y + height],
    [x + width, y + height],
  ];
}

/** Return the index of the corner under a point: left top, right top, left bottom, right bottom. */
export function cornerAt(box: Box, x: number, y: number): number {
  return corners(box).findIndex(([left, top]) => Math.abs(left - x) <= HANDLE && Math.abs(top - y) <= HANDLE);
}
