import type { Box } from "../model/regions";
import { onto } from "./outlines";
import type { Place } from "./places";

// The engine's margin of a second pass and its shape: redactor/faces/effort.py and redactor/masks/masking.py.
const SHARE = 1.25;
const PIXELS = 3;
const CHIN = 0.15;
const CORNERS = 4;
const PROPORTIONAL = 1280;
const CELLS = 5;

const scratch = document.createElement("canvas");

/** Return the mask's box for a face's box, in pixels of a picture that is shown `width` by `height` pixels large. */
export function grown(box: Box, width: number, height: number, real: { width: number; height: number }): Box {
  const longer = Math.max(real.width, real.height);
  const pixels = (PIXELS * Math.max(1, longer / PROPORTIONAL) * width) / real.width;
  const w = box.width * width * SHARE;
  const h = box.height * height * SHARE;
  const x = (box.x + box.width / 2) * width - w / 2 - pixels;
  const y = (box.y + box.height / 2) * height - h / 2 - pixels;
  return { x, y, width: w + 2 * pixels, height: h + 2 * pixels + (CHIN * box.height * height) / 2 };
}

/** Draw a preview of the covering over a picture that fills the canvas from `left` on. */
export function cover(
  context: CanvasRenderingContext2D,
  video: HTMLVideoElement,
  places: readonly Place[],
  whole: boolean,
  left: number,
  width: number,
  height: number,
  real: { width: number; height: number },
): void {
  for (const { box, covered, kind } of places) {
    if (!covered) continue;
    const face = kind === "person";
    // What people drew is covered as drawn, without a margin.
    const place = face ? grown(box, width, height, real) : onto(box, { x: 0, y: 0, width, height });
    mosaic(context, video, place, left, width, height, face);
  }
  if (whole) mosaic(context, video, { x: 0, y: 0, width, height }, left, width, height, false);
}

function mosaic(
  context: CanvasRenderingContext2D,
  video: HTMLVideoElement,
  box: Box,
  left: number,
  width: number,
  height: number,
  round = true,
): void {
  const side = Math.min(box.width, box.height) / CELLS;
  const across = Math.max(1, Math.round(box.width / side));
  const down = Math.max(1, Math.round(box.height / side));
  const small = scratch.getContext("2d");
  if (!small || box.width < 1 || box.height < 1) return;
  scratch.width = across;
  scratch.height = down;
  const x = video.videoWidth / width;
  const y = video.videoHeight / height;
  small.imageSmoothingEnabled = true;
  small.imageSmoothingQuality = "high";
  small.drawImage(video, box.x * x, box.y * y, box.width * x, box.height * y, 0, 0, across, down);
  context.save();
  if (round) {
    context.beginPath();
    superellipse(context, left + box.x, box.y, box.width, box.height);
    context.clip();
  }
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#808080";
  context.fillRect(left + box.x, box.y, box.width, box.height);
  context.drawImage(scratch, left + box.x, box.y, box.width, box.height);
  context.restore();
}

function superellipse(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  const steps = 48;
  for (let step = 0; step < steps; step++) {
    const angle = (2 * Math.PI * step) / steps;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const px = x + (width / 2) * (1 + Math.sign(cos) * Math.abs(cos) ** (2 / CORNERS));
    const py = y + (height / 2) * (1 + Math.sign(sin) * Math.abs(sin) ** (2 / CORNERS));
    if (step) context.lineTo(px, py);
    else context.moveTo(px, py);
  }
  context.closePath();
}
