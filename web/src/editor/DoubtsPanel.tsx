import { useEffect, useRef } from "preact/hooks";
import { clock } from "../model/frames";
import { Button } from "../parts/Button";
import { S } from "../strings";
import type { Editor } from "./editor";
import { Portrait } from "./Portrait";
import type { Portraits } from "./portraits";

export function DoubtsPanel({ editor, portraits }: { editor: Editor; portraits: Portraits }) {
  const list = useRef<HTMLUListElement>(null);
  const here = editor.doubt.value;
  useEffect(() => {
    if (here !== undefined) list.current?.children[here]?.scrollIntoView({ block: "nearest" });
  }, [here]);
  if (!editor.doubts.length) return <p class="hint panel-content">{S.doubtsNone}</p>;
  return (
    <ul class="items panel-content" ref={list}>
      {editor.doubts.map((doubt, index) => {
        const time = clock(editor.frames.start(doubt.firstFrame), 1);
        const text = S.doubtReasons[doubt.reason] ?? doubt.reason;
        return (
          <li key={index} class={`item ${index === here ? "selected" : ""}`}>
            <button type="button" class="item-main" aria-pressed={index === here} onClick={() => editor.goToDoubt(index)}>
              <Portrait portraits={portraits} frame={doubt.frame} box={doubt} label="" />
              <span>
                <strong>{text}</strong>
                <span class="faint">{S.showDoubt(time)}</span>
              </span>
            </button>
            {index === here && doubt.reason === "refused" && (
              <Button
                kind="outline"
                icon="eyeOff"
                text
                label={S.coverDoubt}
                disabled={editor.locked.value}
                onClick={() => editor.drawIn(doubt.frame, { x: doubt.x, y: doubt.y, width: doubt.width, height: doubt.height })}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}
