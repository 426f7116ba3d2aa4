/** The most faces in a frame, over any range of frames, in a few steps: maxima of 1, 4, 16, ... frames. */
export class Density {
  readonly most: number;
  private readonly levels: Uint16Array[];

  constructor(counts: Uint16Array) {
    this.levels = [counts];
    for (let level = counts; level.length > 4; ) {
      const above = new Uint16Array(Math.ceil(level.length / 4));
      level.forEach((count, index) => {
        if (count > (above[index >> 2] ?? 0)) above[index >> 2] = count;
      });
      this.levels.push(above);
      level = above;
    }
    this.most = Math.max(0, ...(this.levels.at(-1) ?? []));
  }

  /** Return the most faces in the frames from `first` up to `end`. */
  between(first: number, end: number): number {
    let most = 0;
    let left = Math.max(0, first);
    let right = Math.min(end, this.levels[0]?.length ?? 0);
    for (const level of this.levels) {
      const isLast = level === this.levels.at(-1);
      while (left < right && (isLast || left & 3)) most = Math.max(most, level[left++] ?? 0);
      while (left < right && right & 3) most = Math.max(most, level[--right] ?? 0);
      left >>= 2;
      right >>= 2;
    }
    return most;
  }
}
