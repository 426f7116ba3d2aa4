import { describe, expect, test } from "vitest";
import { Density } from "../src/editor/timeline/density";
import { Scale } from "../src/editor/timeline/scale";

describe("the scale", () => {
  const scale = new Scale(3600, 1000);

  test("keeps the time under the pointer when it zooms", () => {
    const zoomed = scale.zoomed(8, 700);
    expect(zoomed.seconds(700)).toBeCloseTo(scale.seconds(700), 6);
    expect(zoomed.span).toBeCloseTo(450, 6);
  });

  test("never leaves the video", () => {
    for (const other of [scale.zoomed(100, 999).panned(1e9), scale.zoomed(100, 0).panned(-1e9), scale.zoomed(0.01, 5)]) {
      expect(other.start).toBeGreaterThanOrEqual(0);
      expect(other.start + other.span).toBeLessThanOrEqual(3600 + 1e-6);
    }
  });

  test("is the same while a time is visible, and moves when it is not", () => {
    const zoomed = scale.zoomed(10, 0);
    expect(zoomed.showing(10)).toBe(zoomed);
    const moved = zoomed.showing(2000);
    expect(moved.x(2000)).toBeGreaterThan(0);
    expect(moved.x(2000)).toBeLessThan(1000);
  });

  test("has labels at a distance that can be read", () => {
    for (const factor of [1, 3, 50, 5000]) {
      const zoomed = scale.zoomed(factor, 0);
      expect((zoomed.step(80) / zoomed.span) * 1000).toBeGreaterThanOrEqual(80 * 0.99);
    }
  });
});

test("the density is the maximum of any range", () => {
  const counts = Uint16Array.from({ length: 1003 }, (_, index) => (index * 7919) % 23);
  const density = new Density(counts);
  expect(density.most).toBe(22);
  for (let first = 0; first < 1003; first += 37) {
    for (const end of [first, first + 1, first + 5, first + 64, first + 333, 1003, 2000]) {
      expect(density.between(first, end)).toBe(Math.max(0, ...counts.slice(first, end)));
    }
  }
});
