import type { Editor } from "./editor";
import { listed } from "../model/decisions";
import { within } from "./places";

/**
 * Drives a video element frame by frame.
 *
 * The element reports the time of each picture that it presents (`requestVideoFrameCallback`), and the table of frames
 * says which frame that is. Seeks go to the middle of a frame. While one is under way, only the newest request waits.
 * Once a video is there, it is sought to the editor's frame.
 */
export class Player {
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
    video.addEventListener("emptied", this.emptied);
    this.callback = video.requestVideoFrameCallback(this.picture);
  }

  close(): void {
    const { video } = this;
    video.cancelVideoFrameCallback(this.callback);
    video.removeEventListener("play", this.changed);
    video.removeEventListener("pause", this.changed);
    video.removeEventListener("ended", this.changed);
    video.removeEventListener("seeked", this.seeked);
    video.removeEventListener("emptied", this.emptied);
    this.editor.seekTo = (frame) => (this.editor.frame.value = frame);
    this.editor.playOrPause = () => undefined;
    this.editor.presented.value = undefined;
    this.editor.playing.value = false;
  }

  private seek(frame: number): void {
    this.editor.frame.value = frame;
    if (this.shift === undefined) return; // its first picture says where to seek
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

  private readonly emptied = () => {
    this.shift = this.waiting = undefined;
    this.editor.presented.value = undefined;
  };

  private readonly changed = () => {
    const { editor, video } = this;
    editor.playing.value = !video.paused && !video.ended;
    const presented = editor.presented.peek();
    if (!editor.playing.value && !video.seeking && presented !== undefined) editor.frame.value = presented;
  };

  private readonly picture = (_: number, { mediaTime }: VideoFrameCallbackMetadata) => {
    const { editor, video } = this;
    const isFirst = this.shift === undefined;
    // The first picture is the first frame: containers' clocks may begin elsewhere than the engine's.
    this.shift ??= video.currentTime < 1e-6 ? mediaTime - editor.frames.start(0) : 0;
    const presented = editor.frames.at(mediaTime - this.shift);
    editor.presented.value = presented;
    if (isFirst && editor.frame.peek() !== presented) this.go(editor.frame.peek());
    else if (!video.paused) {
      editor.frame.value = presented;
      const ticks = editor.ticks(presented);
      video.muted = this.muted || listed(editor.decisions.peek(), "sound").some((one) => within(one, ticks));
    }
    this.onPicture();
    this.callback = video.requestVideoFrameCallback(this.picture);
  };
}
