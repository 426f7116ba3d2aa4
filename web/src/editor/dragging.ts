import type { Box } from "../model/regions";

const LEAST = 0.004; // share of the picture, below which a box is no box

/** Return the box between two points, or undefined if it is too small to be meant. */
export function between(x0: number, y0: number, x1: number, y1: number): Box | undefined {
  const box = { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
  return box.width >= LEAST && box.height >= LEAST ? box : undefined;
}

/** Move one corner of a box: left top, right top, left bottom, right bottom. */
export function resized(box: Box, corner: number, dx: number, dy: number): Box {
  const left = box.x + (corner % 2 ? 0 : dx);
  const right = box.x + box.width + (corner % 2 ? dx : 0);
  const top = box.y + (corner < 2 ? dy : 0);
  const bottom = box.y + box.height + (corner < 2 ? 0 : dy);
  return between(left, top, right, bottom) ?? box;
}

export function moved(box: Box, dx: number, dy: number): Box {
  return { ...box, x: box.x + dx, y: box.y + dy };
}

const STEP = 0.01;
const FINE = 0.002;

/** Return the box after an arrow key: it moves, or with Shift its right and lower edges do. */
export function nudged(box: Box, key: string, resize: boolean, fine: boolean): Box | undefined {
  const step = fine ? FINE : STEP;
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key] ?? [];
  if (dx === undefined || dy === undefined) return undefined;
  return resize ? resized(box, 3, dx, dy) : moved(box, dx, dy);
}
