import { signal } from "@preact/signals";
import type { Editor, Mode } from "./editor";
import { nudged } from "./dragging";
import { finish, type Draft } from "./Stage";
import type { Signal } from "@preact/signals";
import { zoomTimeline } from "./timeline/Timeline";
import { placesIn } from "./places";
import type { Box } from "../model/regions";

const STORED = "single-keys";
const MODES: Mode[] = ["before", "after", "both", "slider"];
const ZOOM = 1.6;
const FIRST: Box = { x: 0.4, y: 0.4, width: 0.2, height: 0.2 }; // of a box that is drawn by keys

/** Shortcuts of one character can be turned off (WCAG 2.1.4): speech input may type them unmeant. */
export const singleKeys = signal(localStorage.getItem(STORED) !== "off");

export function setSingleKeys(on: boolean): void {
  localStorage.setItem(STORED, on ? "on" : "off");
  singleKeys.value = on;
}

/** Return a handler of keys for an editor. */
export function keys(editor: Editor, draft: Signal<Draft | undefined>, help: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (target.matches("input:not([type=checkbox]), select, textarea") && event.key !== "Escape") return;
    const action = event.ctrlKey || event.metaKey ? chord(editor, event) : plain(editor, draft, help, event, target);
    if (!action) return;
    event.preventDefault();
    action();
  };
}

type Action = (() => void) | undefined;

function chord(editor: Editor, event: KeyboardEvent): Action {
  switch (event.key.toLowerCase()) {
    case "z":
      return () => (event.shiftKey ? editor.redo() : editor.undo());
    case "y":
      return () => editor.redo();
    case "enter":
      return () => editor.askApproval();
  }
  const picked = editor.picked.value;
  if (picked?.list !== "drawings") return undefined;
  // Ctrl and arrows move the selected box, by a key frame.
  const place = placesIn(editor, editor.frame.value).places.find((one) => one.picked?.value === picked.value);
  const box = place && nudged(place.box, event.key, event.shiftKey, event.altKey);
  return box && (() => editor.moveTo(picked.value, box));
}

function plain(
  editor: Editor,
  draft: Signal<Draft | undefined>,
  help: () => void,
  event: KeyboardEvent,
  target: HTMLElement,
): Action {
  if (editor.tool.value) {
    const box = nudged(draft.value?.box ?? FIRST, event.key, event.shiftKey, event.altKey);
    if (box) return () => (draft.value = { box });
    if (event.key === "Enter") {
      return () => {
        const done = draft.value ?? { box: FIRST };
        draft.value = undefined;
        finish(editor, done);
      };
    }
  }
  const step = event.shiftKey ? -1 : 1;
  const one = editor.people.value.at(-1);
  const seconds = (by: number) => () => editor.seekSeconds(editor.frames.start(editor.frame.value) + by);
  const isButton = target.matches("button, summary, a, input");
  switch (event.key) {
    case "ArrowLeft":
      return event.shiftKey ? seconds(-1) : () => editor.seek(editor.frame.value - 1);
    case "ArrowRight":
      return event.shiftKey ? seconds(1) : () => editor.seek(editor.frame.value + 1);
    case "PageUp":
      return seconds(-10);
    case "PageDown":
      return seconds(10);
    case "Home":
      return () => editor.seek(0);
    case "End":
      return () => editor.seek(editor.frames.count - 1);
    case "Escape":
      return () => {
        draft.value = undefined;
        editor.clear();
      };
    case "Enter":
      return isButton || one === undefined ? undefined : () => editor.toggle(one);
    case " ":
      return isButton ? undefined : () => editor.playOrPause();
    case "Delete":
    case "Backspace":
      return () => editor.delete();
  }
  if (!singleKeys.value || event.altKey) return undefined;
  switch (event.key.toLowerCase()) {
    case "p":
      return () => editor.nextPerson(step);
    case "n":
      return () => editor.nextDoubt(step);
    case "a":
      return () => editor.nextAppearance(step);
    case "h":
      return () => editor.decide(editor.people.value, "hide");
    case "k":
      return () => editor.decide(editor.people.value, "show");
    case "m":
      return () => editor.merge(editor.people.value);
    case "x":
      return one === undefined ? undefined : () => editor.split(one);
    case "f":
      return one === undefined ? undefined : () => editor.remove(one);
    case "b":
    case "z":
      return () => {
        editor.tool.value = event.key.toLowerCase() === "b" ? "draw" : "zone";
        draft.value = { box: FIRST };
      };
    case "i":
      return () => editor.mark("first");
    case "o":
      return () => editor.mark("last");
    case "w":
      return () => editor.addZone("cover");
    case "u":
      return () => editor.addZone("show");
    case "s":
      return () => editor.addSound(event.shiftKey ? "bleep" : "mute");
    case "+":
    case "=":
      return () => zoomTimeline(ZOOM);
    case "-":
    case "−":
      return () => zoomTimeline(1 / ZOOM);
    case "0":
      return () => zoomTimeline(0);
    case "?":
      return help;
  }
  const mode = MODES[Number(event.key) - 1];
  return mode && (() => (editor.mode.value = mode));
}
