import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../api";
import { clock } from "../model/frames";
import { Button } from "../parts/Button";
import { Icon } from "../parts/Icon";
import { S } from "../strings";

/** The redacted video beside the original, and what its verification found. */
interface Props {
  video: api.Video;
  result: api.Outcome;
  onBack: () => void;
  /** Cover a face that the verification found, and go back to the editor. */
  onCover: (face: api.BareFace) => void;
}

export function Outcome({ video, result, onBack, onCover }: Props) {
  const before = useRef<HTMLVideoElement>(null);
  const after = useRef<HTMLVideoElement>(null);
  const playing = useSignal(false);
  const time = useSignal(0);
  const duration = useSignal(1);

  useEffect(() => {
    const [one, other] = [before.current, after.current];
    if (!one || !other) return;
    let callback = 0;
    const picture = (_: number, { mediaTime }: VideoFrameCallbackMetadata) => {
      time.value = mediaTime;
      // The original follows, without a jump unless it is more than two frames off.
      if (Math.abs(one.currentTime - other.currentTime) > 0.08 && !one.seeking) one.currentTime = other.currentTime;
      callback = other.requestVideoFrameCallback(picture);
    };
    callback = other.requestVideoFrameCallback(picture);
    const stop = () => {
      one.pause();
      playing.value = false;
    };
    other.addEventListener("ended", stop);
    return () => {
      other.cancelVideoFrameCallback(callback);
      other.removeEventListener("ended", stop);
    };
  }, []);

  const both = () => [before.current, after.current].filter((one) => one !== null);
  const seek = (to: number) => both().forEach((one) => (one.currentTime = to));
  const toggle = () => {
    playing.value = !playing.value;
    both().forEach((one) => (playing.value ? void one.play() : one.pause()));
  };
  const found = result.verification;
  return (
    <main class="outcome">
      <header>
        <h2>{S.resultTitle}</h2>
        <span class="faint">{S.approvedBy(result.by, new Date(result.at).toLocaleString())}</span>
        <span class="grow" />
        <Button icon="arrowLeft" text label={S.backToEditor} onClick={onBack} />
        <a class="button outline" href={result.media} download={result.name}>
          <Icon name="arrowDownload" />
          <span>{S.download}</span>
        </a>
      </header>
      <div class="pair">
        <figure>
          <figcaption>{S.original}</figcaption>
          <video ref={before} src={video.media} muted playsInline tabIndex={-1} aria-label={S.original} />
        </figure>
        <figure>
          <figcaption>{S.redacted}</figcaption>
          <video
            ref={after}
            src={result.media}
            playsInline
            tabIndex={-1}
            aria-label={S.redacted}
            onLoadedMetadata={(event) => (duration.value = event.currentTarget.duration)}
          />
        </figure>
      </div>
      <div class="transport">
        <Button
          icon={playing.value ? "pause" : "play"}
          kind="primary"
          label={playing.value ? S.pause : S.play}
          onClick={toggle}
        />
        <input
          type="range"
          min="0"
          max={duration.value}
          step="0.01"
          value={time.value}
          aria-label={S.timeline}
          aria-valuetext={clock(time.value, 1)}
          onInput={(event) => seek(Number(event.currentTarget.value))}
        />
        <span class="position">
          {clock(time.value, 1)} / {clock(duration.value, 1)}
        </span>
      </div>
      <section class="verdict" aria-label={S.verdict}>
        {!found && (
          <div class="note" role="status" data-testid="verdict">
            {video.progress && video.state === "verifying" ? (
              <>
                <span>{S.stepOf(S.activities["verifying"] ?? "", S.percent(video.progress.percent))}</span>
                <progress max="100" value={video.progress.percent} aria-label={S.activities["verifying"]} />
                <Button kind="outline" small label={S.stop} onClick={() => void api.stop(video.id)} />
              </>
            ) : (
              <>
                <span>{S.notVerified}</span>
                <Button kind="outline" small label={S.verify} onClick={() => void api.verify(video.id)} />
              </>
            )}
          </div>
        )}
        {found && (
          <div class={`note ${found.bareFaces ? "warning" : "good"}`} role="status" data-testid="verdict">
            <Icon name={found.bareFaces ? "warning" : "checkmarkCircle"} />
            <div>
              <strong>{found.bareFaces ? S.resultBare(found.bareFaces) : S.resultOk}</strong>
              <span>{S.resultLooked(found.frames, found.tracks)}</span>
            </div>
          </div>
        )}
        <p class="faint">{S.resultFile(result.name, S.size(result.size))}</p>
        {found && found.bare.length > 0 && (
          <ul class="items">
            {found.bare.map((one) => (
              <li key={`${one.firstFrame} ${one.x}`} class="item found">
                <button type="button" class="item-main" onClick={() => seek((one.start + one.end) / 2)}>
                  <Icon name="warning" />
                  <span>{S.showDoubt(clock(one.start, 1))}</span>
                </button>
                <Button
                  kind="outline"
                  icon="eyeOff"
                  text
                  label={S.coverFound}
                  disabled={video.state !== "approved"}
                  onClick={() => onCover(one)}
                />
              </li>
            ))}
          </ul>
        )}
      </section>
    </main>
  );
}
