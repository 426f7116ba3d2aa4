import { clock } from "../../model/frames";
import { intervalFrom, type Interval, type Someone } from "../../model/people";
import { S } from "../../strings";
import type { Density } from "./density";
import type { Scale } from "./scale";

export const GUTTER = 132;
export const RULER = 24;
export const ROW = 22;
const DENSITY = 30;
const MARK = 18;

export interface Colours {
  background: string;
  stripe: string;
  line: string;
  text: string;
  faint: string;
  covered: string;
  shown: string;
  added: string;
  doubt: string;
  cut: string;
  density: string;
  selected: string;
  selection: string;
}

export interface Bar extends Interval {
  kind: "cover" | "show" | "sound";
  selected: boolean;
  index: number;
}

export interface Content {
  people: readonly Someone[];
  shown: ReadonlySet<number>;
  selected: readonly number[];
  doubts: readonly { firstFrame: number; lastFrame: number }[];
  doubt: number | undefined;
  cuts: readonly number[];
  added: readonly Bar[];
  sound: readonly Bar[];
  marks: { first?: number; last?: number };
  density: Density;
  times: (frame: number) => number;
  frameAt: (seconds: number) => number;
}

/** The rows above the lanes: each with its top and height. */
export interface Rows {
  density: number;
  marks: number;
  added: number | undefined;
  sound: number | undefined;
  lanes: number;
}

export function rowsOf(content: Pick<Content, "added" | "sound">): Rows {
  const density = RULER;
  const marks = density + DENSITY;
  let top = marks + MARK;
  const row = (wanted: boolean) => {
    if (!wanted) return undefined;
    top += ROW;
    return top - ROW;
  };
  const added = row(content.added.length > 0);
  const sound = row(content.sound.length > 0);
  return { density, marks, added, sound, lanes: top + 2 };
}

/** Draw the timeline without its playhead. Only what is visible is looked at. */
export function paint(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  scale: Scale,
  scroll: number,
  content: Content,
  colours: Colours,
): void {
  const rows = rowsOf(content);
  context.fillStyle = colours.background;
  context.fillRect(0, 0, width, height);
  context.font = '12px "Segoe UI", system-ui, sans-serif';
  context.textBaseline = "middle";
  context.save();
  context.beginPath();
  context.rect(0, rows.lanes, width, height - rows.lanes);
  context.clip();
  lanes(context, width, height, rows.lanes, scroll, scale, content, colours);
  context.restore();
  ruler(context, width, scale, colours);
  density(context, scale, content, rows, colours);
  places(context, scale, content, rows, colours);
  for (const [top, name, bars] of [
    [rows.added, S.laneAdded, content.added],
    [rows.sound, S.laneSound, content.sound],
  ] as const) {
    if (top === undefined) continue;
    label(context, name, top, ROW, colours.text);
    for (const one of bars) bar(context, scale, content, one, top, addedStyle(one, colours));
  }
  marked(context, height, scale, content, colours);
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  for (const top of [RULER, rows.marks, rows.lanes - 2]) line(context, 0, top + 0.5, width, top + 0.5);
  line(context, GUTTER - 0.5, 0, GUTTER - 0.5, height);
}

interface Style {
  fill: string;
  hollow: boolean;
  selected: boolean;
  outline: string;
}

function addedStyle(one: Bar, colours: Colours): Style {
  const fill = one.kind === "show" ? colours.shown : colours.added;
  return { fill, hollow: one.kind === "show", selected: one.selected, outline: colours.selected };
}

function lanes(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  top: number,
  scroll: number,
  scale: Scale,
  content: Content,
  colours: Colours,
): void {
  const first = Math.max(0, Math.floor(scroll / ROW));
  const end = Math.min(content.people.length, Math.ceil((scroll + height - top) / ROW));
  const from = content.frameAt(scale.start);
  for (let index = first; index < end; index++) {
    const one = content.people[index];
    if (!one) continue;
    const y = top + index * ROW - scroll;
    const selected = content.selected.includes(one.id);
    if (selected || index % 2) {
      context.fillStyle = selected ? colours.selection : colours.stripe;
      context.fillRect(0, y, width, ROW);
    }
    const shown = content.shown.has(one.id);
    label(context, S.person(one.id), y, ROW, selected ? colours.text : colours.faint);
    const style = { fill: shown ? colours.shown : colours.covered, hollow: shown, selected: false, outline: "" };
    let drawn = -Infinity; // pixels that are drawn already, where many intervals share one
    for (let at = intervalFrom(one.intervals, from); at < one.intervals.length; at++) {
      const interval = one.intervals[at];
      if (!interval) break;
      const left = scale.x(content.times(interval.first));
      if (left > scale.width) break;
      const right = scale.x(content.times(interval.last + 1));
      if (right <= drawn) continue;
      drawn = bar(context, scale, content, interval, y, style);
    }
  }
}

/** Draw a bar and return its right edge. */
function bar(
  context: CanvasRenderingContext2D,
  scale: Scale,
  content: Content,
  { first, last }: Interval,
  top: number,
  style: Style,
): number {
  const left = Math.max(scale.x(content.times(first)), -4);
  const right = Math.min(Math.max(scale.x(content.times(last + 1)), left + 2), scale.width + 4);
  if (right < 0 || left > scale.width) return right;
  const x = GUTTER + left;
  const y = top + 4;
  const height = ROW - 8;
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, scale.width, 1e6);
  context.clip();
  context.fillStyle = context.strokeStyle = style.fill;
  context.beginPath();
  context.roundRect(x, y, right - left, height, 3);
  if (style.hollow && right - left > 4) {
    context.globalAlpha = 0.22;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.setLineDash([4, 3]);
    context.stroke();
    context.setLineDash([]);
  } else {
    context.fill();
  }
  if (style.selected) {
    context.strokeStyle = style.outline;
    context.lineWidth = 2;
    context.stroke();
  }
  context.restore();
  return right;
}

function ruler(context: CanvasRenderingContext2D, width: number, scale: Scale, colours: Colours): void {
  context.fillStyle = colours.background;
  context.fillRect(0, 0, width, RULER);
  const step = scale.step(84);
  const decimals = step < 1 ? 1 : 0;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  for (let time = Math.ceil(scale.start / step) * step; time <= scale.start + scale.span; time += step) {
    const x = GUTTER + scale.x(time);
    line(context, x, RULER - 8, x, RULER);
    context.fillStyle = colours.faint;
    context.fillText(clock(time, decimals), x + 4, RULER / 2);
  }
}

function density(context: CanvasRenderingContext2D, scale: Scale, content: Content, rows: Rows, colours: Colours): void {
  label(context, S.faces, rows.density, DENSITY, colours.faint);
  const most = Math.max(1, content.density.most);
  context.fillStyle = colours.density;
  let frame = content.frameAt(scale.seconds(0));
  for (let x = 0; x < scale.width; x += 2) {
    const end = Math.max(frame + 1, content.frameAt(scale.seconds(x + 2)));
    const count = content.density.between(frame, end);
    if (scale.seconds(x) > scale.duration) break;
    if (count) {
      const height = 3 + (count / most) * (DENSITY - 8);
      context.fillRect(GUTTER + x, rows.density + DENSITY - 2 - height, 2, height);
    }
    frame = Math.max(frame, end - 1);
  }
}

function places(context: CanvasRenderingContext2D, scale: Scale, content: Content, rows: Rows, colours: Colours): void {
  label(context, S.lanePlaces, rows.marks, MARK, colours.faint);
  const middle = rows.marks + MARK / 2;
  context.strokeStyle = colours.cut;
  context.lineWidth = 1;
  let last = -Infinity;
  for (const cut of content.cuts) {
    const x = Math.round(scale.x(content.times(cut)));
    if (x < 0 || x > scale.width || x === last) continue;
    last = x;
    line(context, GUTTER + x + 0.5, rows.marks + 2, GUTTER + x + 0.5, rows.marks + MARK - 2);
  }
  content.doubts.forEach((doubt, index) => {
    const x = GUTTER + scale.x((content.times(doubt.firstFrame) + content.times(doubt.lastFrame + 1)) / 2);
    if (x < GUTTER || x > GUTTER + scale.width) return;
    const size = index === content.doubt ? 6 : 4.5;
    context.fillStyle = colours.doubt;
    context.beginPath();
    context.moveTo(x, middle - size);
    context.lineTo(x + size, middle + size);
    context.lineTo(x - size, middle + size);
    context.closePath();
    context.fill();
    if (index === content.doubt) {
      context.strokeStyle = colours.selected;
      context.lineWidth = 1.5;
      context.stroke();
    }
  });
}

function marked(context: CanvasRenderingContext2D, height: number, scale: Scale, content: Content, colours: Colours): void {
  const { first, last } = content.marks;
  if (first === undefined && last === undefined) return;
  const left = Math.max(0, first === undefined ? 0 : scale.x(content.times(first)));
  const right = Math.min(scale.width, last === undefined ? scale.width : scale.x(content.times(last + 1)));
  if (right <= left) return;
  context.fillStyle = colours.selection;
  context.globalAlpha = 0.5;
  context.fillRect(GUTTER + left, 0, right - left, height);
  context.globalAlpha = 1;
  context.strokeStyle = colours.selected;
  context.lineWidth = 1.5;
  if (first !== undefined) line(context, GUTTER + left, 0, GUTTER + left, height);
  if (last !== undefined) line(context, GUTTER + right, 0, GUTTER + right, height);
}

function label(context: CanvasRenderingContext2D, text: string, top: number, height: number, colour: string): void {
  context.fillStyle = colour;
  context.fillText(text, 12, top + height / 2 + 0.5, GUTTER - 20);
}

function line(context: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number): void {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}
