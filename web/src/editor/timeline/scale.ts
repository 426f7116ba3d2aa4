/** The visible part of a time axis. Immutable; `start` and `span` are in seconds. */
export class Scale {
  static readonly LEAST_SPAN = 0.5;

  constructor(
    readonly duration: number,
    readonly width: number,
    readonly start = 0,
    readonly span = duration,
  ) {}

  private moved(start: number, span: number): Scale {
    const most = Math.max(this.duration, Scale.LEAST_SPAN);
    const kept = Math.min(Math.max(span, Scale.LEAST_SPAN), most);
    return new Scale(this.duration, this.width, Math.min(Math.max(start, 0), most - kept), kept);
  }

  resized(width: number): Scale {
    return new Scale(this.duration, width, this.start, this.span);
  }

  x(seconds: number): number {
    return ((seconds - this.start) / this.span) * this.width;
  }

  seconds(x: number): number {
    return this.start + (x / this.width) * this.span;
  }

  /** Zoom by a factor; the time at `x` stays where it is. */
  zoomed(factor: number, x: number): Scale {
    const span = Math.min(Math.max(this.span / factor, Scale.LEAST_SPAN), Math.max(this.duration, Scale.LEAST_SPAN));
    return this.moved(this.seconds(x) - (x / this.width) * span, span);
  }

  panned(pixels: number): Scale {
    return this.moved(this.start + (pixels / this.width) * this.span, this.span);
  }

  fitted(): Scale {
    return new Scale(this.duration, this.width);
  }

  /** Return a scale that shows a time: the same one if it does already. */
  showing(seconds: number): Scale {
    if (seconds >= this.start && seconds <= this.start + this.span) return this;
    return this.moved(seconds - this.span / 10, this.span);
  }

  /** Return the distance of the ruler's labels, in seconds, so that they are at least `least` pixels apart. */
  step(least: number): number {
    const wanted = (least / this.width) * this.span;
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    return steps.find((step) => step >= wanted) ?? 3600 * Math.ceil(wanted / 3600);
  }
}
