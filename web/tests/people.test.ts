import { describe, expect, test } from "vitest";
import type { Decisions } from "../src/model/decisions";
import { everybody, Identities } from "../src/model/people";
import { Regions } from "../src/model/regions";

const HEAD: Decisions = { version: 1, timescale: 10, video: {} };

/** Ten frames a second; `frames` lists the ids in each. */
function regions(frames: number[][]): Regions {
  const ids = frames.flat();
  const head = { frames: frames.length, regions: ids.length, timescale: 10, width: 100, height: 100, rate: 10, cuts: [] };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const start = Math.ceil((4 + text.length) / 8) * 8;
  const size = start + 8 * (frames.length + 1) + 4 * (frames.length + 1) + 20 * ids.length;
  const buffer = new ArrayBuffer(size);
  new DataView(buffer).setUint32(0, text.length, true);
  new Uint8Array(buffer, 4).set(text);
  const times = new Float64Array(buffer, start, frames.length + 1);
  const offsets = new Uint32Array(buffer, start + times.byteLength, frames.length + 1);
  let total = 0;
  for (let frame = 0; frame <= frames.length; frame++) {
    times[frame] = frame / 10;
    offsets[frame] = total;
    total += frames[frame]?.length ?? 0;
  }
  new Uint32Array(buffer, start + times.byteLength + offsets.byteLength, ids.length).set(ids);
  const boxes = new Float32Array(buffer, size - 16 * ids.length, 4 * ids.length);
  for (let index = 0; index < ids.length; index++) boxes.set([0.1, 0.2, 0.3, 0.4], 4 * index);
  return Regions.parse(buffer);
}

const people = (frames: number[][], decisions: Partial<Decisions> = {}) =>
  everybody(regions(frames), new Identities({ ...HEAD, ...decisions })).map((one) => [one.id, one.intervals]);

describe("people", () => {
  const frames = [[1], [1, 2], [1, 2], [2], [], [], [], [1]];

  test("have an interval for each time on screen", () => {
    expect(people(frames)).toEqual([
      [1, [{ first: 0, last: 2 }, { first: 7, last: 7 }]],
      [2, [{ first: 1, last: 3 }]],
    ]);
  });

  test("who are merged are one, with the smallest id", () => {
    expect(people(frames, { merges: [{ ids: [2, 1] }] })).toEqual([[1, [{ first: 0, last: 3 }, { first: 7, last: 7 }]]]);
  });

  test("who are split are another from that frame on, and can be merged as such", () => {
    const splits = [{ id: 1, time: 7, into: 3 }];
    expect(people(frames, { splits }).map(([id]) => id)).toEqual([1, 2, 3]);
    expect(people(frames, { splits, merges: [{ ids: [2, 3] }] })).toEqual([
      [1, [{ first: 0, last: 2 }]],
      [2, [{ first: 1, last: 3 }, { first: 7, last: 7 }]],
    ]);
  });

  test("who are no faces are gone, in the stretch that was removed", () => {
    expect(people(frames, { removals: [{ id: 2 }] }).map(([id]) => id)).toEqual([1]);
    expect(people(frames, { removals: [{ id: 1, start: 5 }] })[0]).toEqual([1, [{ first: 0, last: 2 }]]);
  });
});
