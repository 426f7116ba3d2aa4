import type { Frames } from "../model/frames";
import type { Box } from "../model/regions";

const SIDE = 144;
const ROOM = 1.7; // side of the picture against the box's longer one

interface Request {
  frame: number;
  box: Box;
  done: (picture: HTMLCanvasElement) => void;
}

/** Cuts pictures of faces out of the video, by a second element that nobody sees. */
export class Portraits {
  private readonly video = document.createElement("video");
  private readonly kept = new Map<string, Promise<HTMLCanvasElement>>();
  private readonly waiting: Request[] = [];
  private shift: number | undefined;
  private busy = false;

  constructor(
    private readonly frames: Frames,
    media: string,
  ) {
    this.video.muted = true;
    this.video.preload = "auto";
    this.video.src = media;
    this.video.requestVideoFrameCallback((_, { mediaTime }) => {
      this.shift = mediaTime - frames.start(0);
      this.next();
    });
  }

  close(): void {
    this.waiting.length = 0;
    this.video.removeAttribute("src");
    this.video.load();
  }

  of(frame: number, box: Box): Promise<HTMLCanvasElement> {
    const key = `${frame} ${box.x} ${box.y}`;
    const known = this.kept.get(key);
    if (known) return known;
    const made = new Promise<HTMLCanvasElement>((done) => {
      this.waiting.push({ frame, box, done });
      this.next();
    });
    this.kept.set(key, made);
    return made;
  }

  private next(): void {
    if (this.busy || this.shift === undefined) return;
    const request = this.waiting.shift();
    if (!request) return;
    this.busy = true;
    const time = this.frames.middle(request.frame) + this.shift;
    const cut = () => {
      request.done(this.cut(request.box));
      this.busy = false;
      this.next();
    };
    this.video.addEventListener("seeked", () => this.afterPicture(cut), { once: true });
    this.video.currentTime = time;
  }

  /** Call back once the picture of the last seek can be drawn. */
  private afterPicture(then: () => void): void {
    if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) then();
    else this.video.addEventListener("canplay", then, { once: true });
  }

  private cut(box: Box): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const { videoWidth, videoHeight } = this.video;
    const side = Math.max(box.width * videoWidth, box.height * videoHeight) * ROOM;
    const x = (box.x + box.width / 2) * videoWidth - side / 2;
    const y = (box.y + box.height / 2) * videoHeight - side / 2;
    const context = canvas.getContext("2d");
    if (!context) return canvas;
    context.fillStyle = "#1b1b1b";
    context.fillRect(0, 0, SIDE, SIDE);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.video, x, y, side, side, 0, 0, SIDE, SIDE);
    return canvas;
  }
}
