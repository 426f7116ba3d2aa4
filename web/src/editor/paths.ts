import { effect, signal, type ReadonlySignal } from "@preact/signals";
import * as api from "../api";
import { canonical, listed, type Decisions, type Drawing } from "../model/decisions";
import type { Box, Regions } from "../model/regions";

export type Found = { state: "following" } | { state: "failed"; message: string } | { state: "found"; path: api.Path };

/** The places of drawn things, frame by frame, as the engine follows them. */
export class Paths {
  private readonly found = signal<ReadonlyMap<string, Found>>(new Map());
  private readonly aborts = new Map<string, AbortController>();

  constructor(
    private readonly id: string,
    private readonly regions: Regions,
    decisions: ReadonlySignal<Decisions>,
  ) {
    effect(() => {
      const wanted = new Map(listed(decisions.value, "drawings").map((one) => [key(one), one]));
      for (const [name, abort] of this.aborts) {
        if (!wanted.has(name)) abort.abort();
      }
      for (const [name, drawing] of wanted) {
        if (!this.found.peek().has(name)) void this.follow(name, drawing);
      }
    });
  }

  /** Let an effect run again when something has been followed. */
  watch(): void {
    void this.found.value;
  }

  state(drawing: Drawing): Found | undefined {
    return this.found.value.get(key(drawing));
  }

  /** Return the thing's place in a frame, or undefined if it is not there. Key frames are known at once. */
  at(drawing: Drawing, frame: number): Box | undefined {
    const state = this.found.value.get(key(drawing));
    if (state?.state === "found") {
      const box = state.path.boxes[frame - state.path.first];
      return box ? { x: box[0], y: box[1], width: box[2], height: box[3] } : undefined;
    }
    const { frames, head } = this.regions;
    return drawing.keyframes.find((one) => frames.at(one.time / head.timescale) === frame)?.box;
  }

  /** Return the first and the last frame with the thing. */
  extent(drawing: Drawing): { first: number; last: number } {
    const state = this.found.value.get(key(drawing));
    if (state?.state === "found") {
      return { first: state.path.first, last: state.path.first + state.path.boxes.length - 1 };
    }
    const { frames, head } = this.regions;
    const known = drawing.keyframes.map((one) => frames.at(one.time / head.timescale));
    return { first: Math.min(...known), last: Math.max(...known) };
  }

  private async follow(name: string, drawing: Drawing): Promise<void> {
    const abort = new AbortController();
    this.aborts.set(name, abort);
    this.set(name, { state: "following" });
    try {
      this.set(name, { state: "found", path: await api.follow(this.id, drawing, abort.signal) });
    } catch (error) {
      if (abort.signal.aborted) this.forget(name);
      else this.set(name, { state: "failed", message: error instanceof Error ? error.message : "" });
    } finally {
      this.aborts.delete(name);
    }
  }

  private set(name: string, found: Found): void {
    this.found.value = new Map(this.found.peek()).set(name, found);
  }

  private forget(name: string): void {
    const left = new Map(this.found.peek());
    left.delete(name);
    this.found.value = left;
  }
}

function key({ keyframes, follow, start, end }: Drawing): string {
  return canonical({ keyframes, follow, start, end });
}
