import type { Editor } from "./editor";
import { listed } from "../model/decisions";
import { within } from "./places";

/**
 * Drives a video element frame by frame.
 *
 * The element reports the time of each picture that it presents (`requestVideoFrameCallback`), and the table of frames
 * says which frame that is. Seeks go to the middle of a frame. While one is under way, only the newest request waits.
 */
export class Player {
  /** The frame whose picture is shown. */
  presented = 0;
  muted = false;
  private shift: number | undefined;
  private waiting: number | undefined;
  private callback = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly editor: Editor,
    private readonly onPicture: () => void,
  ) {
    editor.seekTo = (frame) => this.seek(frame);
    editor.playOrPause = () => (video.paused ? void video.play() : video.pause());
    video.addEventListener("play", this.changed);
    video.addEventListener("pause", this.changed);
    video.addEventListener("ended", this.changed);
    video.addEventListener("seeked", this.seeked);
    this.callback = video.requestVideoFrameCallback(this.picture);
  }

  close(): void {
    const { video } = this;
    video.cancelVideoFrameCallback(this.callback);
    video.removeEventListener("play", this.changed);
    video.removeEventListener("pause", this.changed);
    video.removeEventListener("ended", this.changed);
    video.removeEventListener("seeked", this.seeked);
  }

  private seek(frame: number): void {
    this.editor.frame.value = frame;
    if (this.video.seeking) this.waiting = frame;
    else this.go(frame);
  }

  private go(frame: number): void {
    this.waiting = undefined;
    this.video.currentTime = this.editor.frames.middle(frame) + (this.shift ?? 0);
  }

  private readonly seeked = () => {
    if (this.waiting !== undefined) this.go(this.waiting);
  };

  private readonly changed = () => {
    const playing = !this.video.paused && !this.video.ended;
    this.editor.playing.value = playing;
    if (!playing && !this.video.seeking) this.editor.frame.value = this.presented;
  };

  private readonly picture = (_: number, { mediaTime }: VideoFrameCallbackMetadata) => {
    const { editor, video } = this;
    // The first picture is the first frame: containers' clocks may begin elsewhere than the engine's.
    this.shift ??= video.currentTime < 1e-6 ? mediaTime - editor.frames.start(0) : 0;
    this.presented = editor.frames.at(mediaTime - this.shift);
    if (!video.paused) {
      editor.frame.value = this.presented;
      const ticks = editor.ticks(this.presented);
      video.muted = this.muted || listed(editor.decisions.peek(), "sound").some((one) => within(one, ticks));
    }
    this.onPicture();
    this.callback = video.requestVideoFrameCallback(this.picture);
  };
}
