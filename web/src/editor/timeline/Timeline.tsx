import { effect, signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { listed } from "../../model/decisions";
import { clock } from "../../model/frames";
import { Button } from "../../parts/Button";
import { theme } from "../../parts/theme";
import { S } from "../../strings";
import type { Editor } from "../editor";
import { Density } from "./density";
import { GUTTER, paint, ROW, rowsOf, RULER, type Bar, type Colours, type Content } from "./painter";
import { Scale } from "./scale";

const DRAGGED = 4; // pixels from which a press on the ruler marks a stretch
const ZOOM = 1.6;

const NAMES: Record<keyof Colours, string> = {
  background: "--surface-1",
  stripe: "--surface-2",
  line: "--stroke",
  text: "--text-1",
  faint: "--text-2",
  covered: "--covered",
  shown: "--shown",
  added: "--added",
  doubt: "--doubt",
  cut: "--text-3",
  density: "--density",
  selected: "--text-1",
  selection: "--selection",
};

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    Object.entries(NAMES).map(([name, variable]) => [name, style.getPropertyValue(variable).trim()]),
  ) as unknown as Colours;
}

export function Timeline({ editor }: { editor: Editor }) {
  const box = useRef<HTMLDivElement>(null);
  const lanes = useRef<HTMLCanvasElement>(null);
  const head = useRef<HTMLCanvasElement>(null);
  const scale = useMemo(() => signal(new Scale(editor.frames.duration, 1)), [editor]);
  const scroll = useSignal(0);
  const height = useSignal(200);
  const density = useMemo(() => {
    const counts = new Uint16Array(editor.frames.count);
    for (let frame = 0; frame < counts.length; frame++) counts[frame] = editor.regions.density(frame);
    return new Density(counts);
  }, [editor]);

  const most = () => {
    const { lanes: top } = rowsOf(content(editor, density));
    return Math.max(0, editor.everybody.value.length * ROW - (height.value - top));
  };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      for (const canvas of [lanes.current, head.current]) {
        if (!canvas) continue;
        canvas.width = element.clientWidth * devicePixelRatio;
        canvas.height = element.clientHeight * devicePixelRatio;
      }
      height.value = element.clientHeight;
      const width = Math.max(1, element.clientWidth - GUTTER - 12);
      const before = scale.value;
      scale.value = before.width === 1 ? new Scale(editor.frames.duration, width) : before.resized(width);
      redraw.value++;
    });
    const redraw = signal(0);
    observer.observe(element);
    let pending = 0;
    const stops = [
      effect(() => {
        void redraw.value;
        void theme.value;
        const shown = content(editor, density);
        const [now, top, tall] = [scale.value, scroll.value, height.value];
        cancelAnimationFrame(pending);
        pending = requestAnimationFrame(() => {
          const context = lanes.current?.getContext("2d", { alpha: false });
          if (!context) return;
          context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
          paint(context, element.clientWidth, tall, now, top, shown, colours());
        });
      }),
      effect(() => {
        void redraw.value;
        void theme.value;
        const context = head.current?.getContext("2d");
        if (!context || !head.current) return;
        const time = editor.frames.start(editor.frame.value);
        context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
        context.clearRect(0, 0, element.clientWidth, element.clientHeight);
        const x = scale.value.x(time);
        if (x < -1 || x > scale.value.width + 1) return;
        context.fillStyle = context.strokeStyle = getComputedStyle(element).getPropertyValue("--playhead");
        context.lineWidth = 2;
        context.beginPath();
        context.moveTo(GUTTER + x, 10);
        context.lineTo(GUTTER + x, element.clientHeight);
        context.stroke();
        context.beginPath();
        context.roundRect(GUTTER + x - 5, 2, 10, 12, 3);
        context.fill();
      }),
      effect(() => {
        const time = editor.frames.start(editor.frame.value);
        scale.value = scale.peek().showing(time);
      }),
      effect(() => {
        // Scroll to the person who was selected.
        const index = editor.everybody.value.findIndex((one) => one.id === editor.people.value.at(-1));
        if (index < 0) return;
        const visible = height.peek() - rowsOf(content(editor, density)).lanes;
        const least = (index + 1) * ROW - visible;
        scroll.value = Math.max(0, Math.min(Math.max(scroll.peek(), least), index * ROW));
      }),
    ];
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const x = event.clientX - element.getBoundingClientRect().left - GUTTER;
      if (event.ctrlKey || event.metaKey) scale.value = scale.value.zoomed(Math.exp(-event.deltaY / 300), x);
      else if (event.shiftKey || event.deltaX) scale.value = scale.value.panned(event.deltaX || event.deltaY);
      else scroll.value = Math.min(Math.max(0, scroll.value + event.deltaY), most());
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      observer.disconnect();
      stops.forEach((stop) => stop());
      element.removeEventListener("wheel", wheel);
      cancelAnimationFrame(pending);
    };
  }, [editor]);

  const press = (event: PointerEvent) => {
    const element = box.current;
    if (!element || event.button) return;
    const edge = element.getBoundingClientRect();
    const at = (one: PointerEvent) => editor.frames.at(scale.value.seconds(one.clientX - edge.left - GUTTER));
    const [x, y] = [event.clientX - edge.left - GUTTER, event.clientY - edge.top];
    element.setPointerCapture(event.pointerId);
    const picked = pickedAt(editor, density, x, y, scroll.value, scale.value);
    if (picked === "gutter" || x < 0) return;
    const start = at(event);
    if (picked !== "jumped") editor.seek(start);
    const move = (one: PointerEvent) => {
      if (y < RULER && Math.abs(one.clientX - event.clientX) > DRAGGED) {
        const end = at(one);
        editor.marks.value = { first: Math.min(start, end), last: Math.max(start, end) };
      } else if (y >= RULER) editor.seek(at(one));
    };
    const up = () => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
  };

  useEffect(() => {
    const zoom = (event: Event) => {
      const factor = (event as CustomEvent<number>).detail;
      const middle = scale.value.x(editor.frames.start(editor.frame.value));
      scale.value = factor ? scale.value.zoomed(factor, middle) : scale.value.fitted();
    };
    document.addEventListener("zoom-timeline", zoom);
    return () => document.removeEventListener("zoom-timeline", zoom);
  }, [editor]);

  return (
    <section class="timeline" aria-label={S.timeline}>
      <div class="timeline-bar">
        <Position editor={editor} />
        <Marks editor={editor} />
        <span class="grow" />
        <Button icon="zoomOut" label={S.zoomOut} keys="−" onClick={() => zoomTimeline(1 / ZOOM)} />
        <Button icon="zoomIn" label={S.zoomIn} keys="+" onClick={() => zoomTimeline(ZOOM)} />
        <Button icon="arrowFitIn" label={S.zoomFit} keys="0" onClick={() => zoomTimeline(0)} />
      </div>
      <div class="timeline-box" ref={box} onPointerDown={press}>
        <canvas ref={lanes} aria-hidden="true" />
        <canvas ref={head} aria-hidden="true" />
        <Slider editor={editor} />
      </div>
    </section>
  );
}

/** Zoom all timelines of the page; 0 shows the whole video. */
export function zoomTimeline(factor: number): void {
  document.dispatchEvent(new CustomEvent("zoom-timeline", { detail: factor }));
}

/** The timeline for those who do not see it, and the target of the keyboard's focus. */
function Slider({ editor }: { editor: Editor }) {
  const frame = editor.frame.value;
  return (
    <div
      class="timeline-slider"
      role="slider"
      tabIndex={0}
      aria-label={S.timeline}
      aria-description={S.timelineHint}
      aria-valuemin={1}
      aria-valuemax={editor.frames.count}
      aria-valuenow={frame + 1}
      aria-valuetext={`${clock(editor.frames.start(frame))}, ${S.frame(frame, editor.frames.count)}`}
    />
  );
}

function Position({ editor }: { editor: Editor }) {
  const { frame, frames } = editor;
  return (
    <span class="position">
      <strong data-testid="time">{clock(frames.start(frame.value))}</strong>
      <span class="faint"> / {clock(frames.duration)}</span>
      <span class="faint" data-testid="frame">
        {S.frame(frame.value, frames.count)}
      </span>
    </span>
  );
}

function Marks({ editor }: { editor: Editor }) {
  const { first, last } = editor.marks.value;
  if (first === undefined && last === undefined) return null;
  const { frames } = editor;
  const text = S.range(
    first === undefined ? "…" : clock(frames.start(first)),
    last === undefined ? "…" : clock(frames.start(last + 1)),
  );
  return (
    <span class="marks">
      {text}
      <Button icon="dismiss" label={S.clearRange} small onClick={() => (editor.marks.value = {})} />
    </span>
  );
}

function content(editor: Editor, density: Density): Content {
  const picked = editor.picked.value?.value;
  const decisions = editor.decisions.value;
  const last = editor.frames.count - 1;
  const ends = (one: { start?: number; end?: number }) => ({
    first: one.start === undefined ? 0 : editor.frameAt(one.start),
    last: one.end === undefined ? last : Math.max(0, editor.frameAt(one.end - 1)),
  });
  const added: Bar[] = [
    ...listed(decisions, "drawings").map(
      (one, index) => ({ ...editor.paths.extent(one), kind: "cover", selected: one === picked, index }) as const,
    ),
    ...listed(decisions, "zones").map(
      (one, index) => ({ ...ends(one), kind: one.action, selected: one === picked, index }) as const,
    ),
  ];
  return {
    people: editor.everybody.value,
    shown: editor.shown.value,
    selected: editor.people.value,
    doubts: editor.doubts,
    doubt: editor.doubt.value,
    cuts: editor.regions.head.cuts,
    added,
    sound: listed(decisions, "sound").map(
      (one, index) => ({ ...ends(one), kind: "sound", selected: one === picked, index }) as const,
    ),
    marks: editor.marks.value,
    density,
    times: (frame) => editor.frames.start(frame),
    frameAt: (seconds) => editor.frames.at(seconds),
  };
}

/** Select what is at a point of the timeline. */
function pickedAt(
  editor: Editor,
  density: Density,
  x: number,
  y: number,
  scroll: number,
  scale: Scale,
): "gutter" | "jumped" | undefined {
  const shown = content(editor, density);
  const rows = rowsOf(shown);
  const frame = editor.frames.at(scale.seconds(x));
  const near = (bar: Bar) => bar.first <= frame && bar.last >= frame;
  if (y >= rows.lanes) {
    const one = shown.people[Math.floor((y - rows.lanes + scroll) / ROW)];
    if (one) editor.pickPerson(one.id);
    if (one && x < 0) editor.goToPerson(one);
    return x < 0 ? "gutter" : undefined;
  }
  if (rows.added !== undefined && y >= rows.added && y < rows.added + ROW) {
    const drawings = listed(editor.decisions.value, "drawings");
    const index = shown.added.findIndex(near);
    const value = drawings[index];
    const zone = listed(editor.decisions.value, "zones")[index - drawings.length];
    if (value) editor.pick({ list: "drawings", value });
    else if (zone) editor.pick({ list: "zones", value: zone });
  } else if (rows.sound !== undefined && y >= rows.sound && y < rows.sound + ROW) {
    const value = listed(editor.decisions.value, "sound")[shown.sound.findIndex(near)];
    if (value) editor.pick({ list: "sound", value });
  } else if (y >= rows.marks && x >= 0) {
    const at = (index: number) => {
      const doubt = editor.doubts[index];
      return doubt ? scale.x((editor.frames.start(doubt.firstFrame) + editor.frames.start(doubt.lastFrame + 1)) / 2) : 0;
    };
    const index = editor.doubts.findIndex((_, each) => Math.abs(at(each) - x) < 7);
    if (index >= 0) {
      editor.goToDoubt(index);
      return "jumped";
    }
  }
  return undefined;
}
