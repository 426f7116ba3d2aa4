import { describe, expect, test } from "vitest";
import { clock, Frames } from "../src/model/frames";

describe("frames of a variable rate", () => {
  const frames = new Frames(new Float64Array([0, 0.04, 0.12, 0.121, 1]));

  test("each is found at its start, in its middle, and just before its end", () => {
    for (let frame = 0; frame < frames.count; frame++) {
      expect(frames.at(frames.start(frame))).toBe(frame);
      expect(frames.at(frames.middle(frame))).toBe(frame);
      expect(frames.at(frames.start(frame + 1) - 0.0004)).toBe(frame);
    }
  });

  test("times outside the video are its first and last frame", () => {
    expect(frames.at(-1)).toBe(0);
    expect(frames.at(99)).toBe(3);
  });
});

test("a clock does not round up to sixty seconds", () => {
  expect(clock(59.9999)).toBe("0:59.999");
  expect(clock(3600 + 61.5, 1)).toBe("1:01:01.5");
});
