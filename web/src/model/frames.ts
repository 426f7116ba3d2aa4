/** The times of a video's frames, in seconds. Rates may vary. */
export class Frames {
  /** `times` has one more value than there are frames: the last is the end of the last frame. */
  constructor(readonly times: Float64Array) {}

  get count(): number {
    return this.times.length - 1;
  }

  /** The end of the last frame, in seconds. */
  get duration(): number {
    return this.times[this.count] ?? 0;
  }

  start(frame: number): number {
    return this.times[Math.min(Math.max(frame, 0), this.count)] ?? 0;
  }

  /** The time to seek to for a frame: its middle, so that no rounding shows the frame beside it. */
  middle(frame: number): number {
    return (this.start(frame) + this.start(frame + 1)) / 2;
  }

  /** Return the frame that is shown at a time. Before the first frame it is 0, after the last one the last. */
  at(seconds: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.start(middle) <= seconds + 1e-4) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}

/** Format seconds as 0:07.480, or 1:02:07.480. */
export function clock(seconds: number, decimals = 3): string {
  const shown = Math.max(0, seconds);
  const scale = 10 ** decimals;
  const units = Math.floor(shown * scale + 1e-6);
  const whole = Math.floor(units / scale);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  const fraction = decimals ? `.${String(units % scale).padStart(decimals, "0")}` : "";
  return hours
    ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}${fraction}`
    : `${minutes}:${rest}${fraction}`;
}
