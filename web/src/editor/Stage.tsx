import { effect, useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../api";
import type { Drawing } from "../model/decisions";
import type { Box } from "../model/regions";
import { S } from "../strings";
import { cover } from "./covering";
import { between, moved, resized } from "./dragging";
import type { Editor } from "./editor";
import { layout } from "./layout";
import { cornerAt, onto, outline, OUTLINES } from "./outlines";
import { placeAt, placesIn } from "./places";
import { Player } from "./player";

/** A box that is being drawn or dragged, and the drawing that it belongs to. */
export interface Draft {
  box: Box;
  drawing?: Drawing;
}

interface Props {
  editor: Editor;
  draft: Signal<Draft | undefined>;
  muted: Signal<boolean>;
}

export function Stage({ editor, draft, muted }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const videoElement = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal({ width: 1, height: 1 });
  const slider = useSignal(50);
  const broken = useSignal(false);
  const coded = editor.regions.head;
  const aspect = useSignal(coded.width / coded.height); // as displayed, once the browser knows it
  const places = layout(size.value.width, size.value.height, aspect.value, editor.mode.value);

  useEffect(() => {
    const [video, element] = [videoElement.current, stage.current];
    if (!video || !element) return;
    const redraw = () => {
      const context = canvas.current?.getContext("2d");
      const at = { ...size.peek(), aspect: aspect.peek() };
      if (context) draw(context, video, editor, editor.presented.peek() ?? 0, at, slider.peek(), draft.peek());
    };
    const player = new Player(video, editor, redraw);
    const observer = new ResizeObserver(() => {
      size.value = { width: element.clientWidth, height: element.clientHeight };
    });
    observer.observe(element);
    const stops = [
      effect(() => {
        player.muted = video.muted = muted.value;
      }),
      effect(() => {
        const { width, height } = size.value;
        if (!canvas.current) return;
        canvas.current.width = width * devicePixelRatio;
        canvas.current.height = height * devicePixelRatio;
      }),
      effect(() => {
        // Everything but the frame, which the player reports once its picture is there.
        void [size.value, aspect.value, editor.mode.value, slider.value, draft.value, editor.decisions.value, editor.everybody.value];
        void [editor.people.value, editor.picked.value, editor.doubt.value];
        editor.paths.watch();
        redraw();
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      observer.disconnect();
      player.close();
    };
  }, [editor]);

  const press = (event: PointerEvent) => {
    if (event.button || event.target instanceof HTMLInputElement) return;
    const element = stage.current;
    if (!element) return;
    const edge = element.getBoundingClientRect();
    const picture = places.before;
    const at = (one: PointerEvent): [number, number] => [
      (one.clientX - edge.left - picture.x) / picture.width,
      (one.clientY - edge.top - picture.y) / picture.height,
    ];
    const [x, y] = at(event);
    const shown = placesIn(editor, editor.presented.value ?? editor.frame.value).places; // what the person sees
    const drawing = editor.picked.value?.list === "drawings" ? editor.picked.value.value : undefined;
    const own = drawing && shown.find((one) => one.picked?.value === drawing);
    const corner = own ? cornerAt(onto(own.box, picture), event.clientX - edge.left, event.clientY - edge.top) : -1;
    const inside = own && placeAt([own], x, y) !== undefined;
    let follow: ((x: number, y: number) => Box | undefined) | undefined;
    if (editor.tool.value) follow = (toX, toY) => between(x, y, toX, toY);
    else if (own && corner >= 0) follow = (toX, toY) => resized(own.box, corner, toX - x, toY - y);
    else if (own && inside) follow = (toX, toY) => moved(own.box, toX - x, toY - y);
    if (follow && !editor.locked.value && !editor.isSeen()) return;
    if (!follow || editor.locked.value) {
      const place = placeAt(shown, x, y);
      const more = event.ctrlKey || event.metaKey || event.shiftKey;
      if (place?.person !== undefined) editor.pickPerson(place.person, more);
      else if (place?.picked) editor.pick(place.picked);
      else if (!place) editor.clear();
      return;
    }
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    draft.value = undefined;
    const move = (one: PointerEvent) => {
      const box = follow(...at(one));
      draft.value = box && { box, ...(own && drawing && !editor.tool.value && { drawing }) };
    };
    const up = () => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      const done = draft.value;
      draft.value = undefined;
      if (done) finish(editor, done);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
  };

  const twice = (event: MouseEvent) => {
    const edge = stage.current?.getBoundingClientRect();
    if (!edge || editor.tool.value) return;
    const picture = places.before;
    const x = (event.clientX - edge.left - picture.x) / picture.width;
    const y = (event.clientY - edge.top - picture.y) / picture.height;
    const place = placeAt(placesIn(editor, editor.presented.value ?? editor.frame.value).places, x, y);
    if (place?.person !== undefined) editor.toggle(place.person);
  };

  const failed = () => {
    // The back end makes a version that every browser plays, and then gives another address.
    broken.value = true;
    if (!editor.video.value.media?.includes("proxy")) void api.proxy(editor.video.value.id).catch(() => undefined);
  };

  // Browsers turn the picture upright, and stretch pixels that are not square.
  const reshaped = ({ currentTarget: { videoWidth, videoHeight } }: { currentTarget: HTMLVideoElement }) => {
    if (videoWidth && videoHeight) aspect.value = videoWidth / videoHeight;
  };

  const { x, y, width: w, height: h } = places.before;
  const at = { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` };
  const media = editor.video.value.media;
  useEffect(() => void (broken.value = false), [media]);
  return (
    <div
      class={`stage ${editor.tool.value ? "drawing" : ""}`}
      ref={stage}
      role="group"
      aria-label={S.stage}
      data-presented={editor.presented.value}
      onPointerDown={press}
      onDblClick={twice}
    >
      <video
        ref={videoElement}
        src={media}
        preload="auto"
        playsInline
        disablePictureInPicture
        tabIndex={-1}
        aria-label={S.video}
        onError={failed}
        onLoadedMetadata={reshaped}
        onResize={reshaped}
        style={at}
      />
      <canvas ref={canvas} aria-hidden="true" />
      {editor.mode.value === "slider" && (
        <input
          class="slider"
          type="range"
          min="0"
          max="100"
          aria-label={S.slider}
          value={slider.value}
          onInput={(event) => (slider.value = Number(event.currentTarget.value))}
          style={at}
        />
      )}
      {(!media || broken.value) && (
        <p class="stage-note" role="status">
          {broken.value && !editor.video.value.progress ? S.cannotPlay : S.activities["proxy"]}
          {editor.video.value.progress && ` ${S.percent(editor.video.value.progress.percent)}`}
        </p>
      )}
    </div>
  );
}

/** Make a decision of a box that was drawn or dragged. */
export function finish(editor: Editor, { box, drawing }: Draft): void {
  const tool = editor.tool.value;
  if (!editor.isSeen()) return;
  if (drawing) editor.moveTo(drawing, box);
  else if (tool === "draw") editor.draw(box);
  else if (tool === "zone") editor.addZone("cover", box);
  editor.tool.value = undefined;
}

function draw(
  context: CanvasRenderingContext2D,
  video: HTMLVideoElement,
  editor: Editor,
  frame: number,
  size: { width: number; height: number; aspect: number },
  slider: number,
  draft: Draft | undefined,
): void {
  const mode = editor.mode.peek();
  const { head } = editor.regions;
  const { before, after } = layout(size.width, size.height, size.aspect, mode);
  const { places, whole } = placesIn(editor, frame);
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  const there = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  if (mode !== "before" && there) {
    const picture = after ?? before;
    const border = mode === "slider" ? (slider / 100) * picture.width : 0;
    context.save();
    context.beginPath();
    context.rect(picture.x + border, picture.y, picture.width - border, picture.height);
    context.clip();
    context.translate(0, picture.y);
    if (after) context.drawImage(video, picture.x, 0, picture.width, picture.height);
    cover(context, video, places, whole, picture.x, picture.width, picture.height, head);
    context.restore();
    if (mode === "slider") {
      context.fillStyle = "#fff";
      context.fillRect(picture.x + border - 1, picture.y, 2, picture.height);
    }
  }
  context.save();
  context.beginPath();
  context.rect(before.x, before.y, before.width, before.height);
  context.clip();
  outline(context, places, before, mode === "after" || mode === "slider");
  if (draft) {
    const { x, y, width, height } = onto(draft.box, before);
    context.lineWidth = 5;
    context.strokeStyle = "rgba(0, 0, 0, 0.6)";
    context.strokeRect(x, y, width, height);
    context.lineWidth = 2.5;
    context.strokeStyle = OUTLINES.added;
    context.strokeRect(x, y, width, height);
  }
  context.restore();
}
