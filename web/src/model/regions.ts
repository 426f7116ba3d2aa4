import { Frames } from "./frames";

/** A place in shares of the upright picture. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One face in one frame, by the id of the analysis. */
export interface Region {
  id: number;
  box: Box;
}

interface Head {
  frames: number;
  regions: number;
  timescale: number;
  width: number;
  height: number;
  rate: number;
  cuts: number[];
}

/**
 * The faces of all frames, as the analysis saw them.
 *
 * The document is small for its content, about 24 bytes a face: a head in JSON, with its length as a 32-bit number
 * before it, then columns. All numbers are little-endian.
 */
export class Regions {
  readonly frames: Frames;

  private constructor(
    readonly head: Head,
    times: Float64Array,
    readonly offsets: Uint32Array,
    readonly ids: Uint32Array,
    private readonly boxes: Float32Array,
  ) {
    this.frames = new Frames(times);
  }

  static parse(buffer: ArrayBuffer): Regions {
    const length = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Head;
    let at = Math.ceil((4 + length) / 8) * 8;
    const times = new Float64Array(buffer, at, head.frames + 1);
    at += times.byteLength;
    const offsets = new Uint32Array(buffer, at, head.frames + 1);
    at += offsets.byteLength;
    const ids = new Uint32Array(buffer, at, head.regions);
    at += ids.byteLength;
    return new Regions(head, times, offsets, ids, new Float32Array(buffer, at, 4 * head.regions));
  }

  box(index: number): Box {
    const at = 4 * index;
    return {
      x: this.boxes[at] ?? 0,
      y: this.boxes[at + 1] ?? 0,
      width: this.boxes[at + 2] ?? 0,
      height: this.boxes[at + 3] ?? 0,
    };
  }

  /** Return the faces of a frame. */
  of(frame: number): Region[] {
    const found: Region[] = [];
    for (let index = this.offsets[frame] ?? 0; index < (this.offsets[frame + 1] ?? 0); index++) {
      found.push({ id: this.ids[index] ?? 0, box: this.box(index) });
    }
    return found;
  }

  /** Return the number of faces in a frame. */
  density(frame: number): number {
    return (this.offsets[frame + 1] ?? 0) - (this.offsets[frame] ?? 0);
  }
}
