import type { Box } from "../model/regions";
import type { Mode } from "./editor";

const GAP = 8;

/** The places of the pictures on the stage, in CSS pixels. `after` is there side by side alone. */
export interface Layout {
  before: Box;
  after?: Box;
}

/** Fit pictures of that shape into the stage. */
export function layout(width: number, height: number, aspect: number, mode: Mode): Layout {
  if (mode !== "both") return { before: fitted(0, 0, width, height, aspect) };
  if (width / height < aspect) {
    const half = (height - GAP) / 2;
    return { before: fitted(0, 0, width, half, aspect), after: fitted(0, half + GAP, width, half, aspect) };
  }
  const half = (width - GAP) / 2;
  return { before: fitted(0, 0, half, height, aspect), after: fitted(half + GAP, 0, half, height, aspect) };
}

function fitted(x: number, y: number, width: number, height: number, aspect: number): Box {
  const w = Math.max(1, Math.floor(Math.min(width, height * aspect)));
  const h = Math.max(1, Math.floor(w / aspect));
  return { x: x + Math.floor((width - w) / 2), y: y + Math.floor((height - h) / 2), width: w, height: h };
}
