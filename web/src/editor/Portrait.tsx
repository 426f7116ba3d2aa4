import { useEffect, useRef } from "preact/hooks";
import type { Box } from "../model/regions";
import type { Portraits } from "./portraits";

/** A picture of a face in a frame, made when it comes into sight. */
export function Portrait({ portraits, frame, box, label }: { portraits: Portraits; frame: number; box: Box; label: string }) {
  const holder = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = holder.current;
    if (!canvas) return;
    let gone = false;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      void portraits.of(frame, box).then((picture) => {
        if (gone) return;
        canvas.width = picture.width;
        canvas.height = picture.height;
        canvas.getContext("2d")?.drawImage(picture, 0, 0);
        canvas.dataset["made"] = "true";
      });
    });
    observer.observe(canvas);
    return () => {
      gone = true;
      observer.disconnect();
    };
  }, [portraits, frame, box.x, box.y]);
  return <canvas class="portrait" ref={holder} role="img" aria-label={label} />;
}
