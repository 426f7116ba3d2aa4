import { describe, expect, test } from "vitest";
import { change, edited, listed, reversed, type Decisions } from "../src/model/decisions";
import { History } from "../src/model/history";

const EMPTY: Decisions = { version: 1, timescale: 25, video: {} };
const show = (id: number) => change("people", undefined, { id, action: "show", at: `t${id}` });
const mute = { action: "mute", start: 0, end: 25 } as const;

function loaded(): History {
  const history = new History();
  history.load(EMPTY);
  return history;
}

test("undoing everything leaves the document as it was, and redoing everything brings it back", () => {
  const history = loaded();
  for (let id = 1; id <= 300; id++) history.apply({ name: "show", changes: [show(id)] });
  const after = history.current.value;
  while (history.undo());
  expect(history.current.value).toEqual(EMPTY);
  while (history.redo());
  expect(history.current.value).toEqual(after);
});

describe("edits that are not saved yet", () => {
  test("stay when the server's document changes, beside the other person's", () => {
    const history = loaded();
    history.apply({ name: "show", changes: [show(1)] });
    history.load(edited(EMPTY, { name: "other", changes: [show(2)] }));
    expect(listed(history.current.value, "people").map((one) => one.id)).toEqual([2, 1]);
  });

  test("that were made during a save are saved next", () => {
    const history = loaded();
    history.apply({ name: "show", changes: [show(1)] });
    const first = history.pending();
    history.apply({ name: "show", changes: [show(2)] });
    first.landed();
    expect(history.isSaved.value).toBe(false);
    const second = history.pending();
    expect(listed(second.document, "people").map((one) => one.id)).toEqual([1, 2]);
    second.landed();
    expect(history.isSaved.value).toBe(true);
  });
});

test("an undo takes back one's own edit alone", () => {
  const history = loaded();
  history.apply({ name: "show", changes: [show(1)] });
  history.pending().landed();
  history.load(edited(history.current.value, { name: "other", changes: [change("sound", undefined, mute)] }));
  history.undo();
  expect(listed(history.current.value, "people")).toEqual([]);
  expect(listed(history.current.value, "sound")).toEqual([mute]);
});

test("two decisions on one person become the later one", () => {
  const hide = change("people", undefined, { id: 1, action: "hide" });
  const both = edited(edited(EMPTY, { name: "a", changes: [show(1)] }), { name: "b", changes: [hide] });
  expect(listed(both, "people")).toEqual([{ id: 1, action: "hide" }]);
});

test("a reversed edit takes its changes back in the other order", () => {
  const edit = { name: "merge", changes: [show(1), change("merges", undefined, { ids: [1, 2] })] };
  expect(edited(edited(EMPTY, edit), reversed(edit))).toEqual(EMPTY);
});

test("a dumped history goes on after a reload", () => {
  const history = loaded();
  history.apply({ name: "show", changes: [show(1)] });
  const again = new History();
  again.load(history.current.value);
  again.restore(history.dump());
  again.undo();
  expect(again.current.value).toEqual(EMPTY);
});
