import { canonical, listed, type Drawing, type ListName, type Lists, type Stretch } from "../model/decisions";
import { clock } from "../model/frames";
import { Button } from "../parts/Button";
import { Icon } from "../parts/Icon";
import type { IconName } from "../parts/icons";
import { S } from "../strings";
import type { Editor, Picked } from "./editor";
import { isKeyed } from "./places";
import { Reasons } from "./Reasons";

interface Item {
  picked: Picked;
  name: string;
  icon: IconName;
  first: number;
  last: number;
}

/** Everything that people added to the analysis, in order of time. */
export function AddedPanel({ editor }: { editor: Editor }) {
  const items = itemsOf(editor);
  const picked = editor.picked.value;
  if (!items.length) return <p class="hint panel-content">{S.addedNone}</p>;
  return (
    <div class="panel-content">
      <ul class="items">
        {items.map((item) => {
          const selected = picked !== undefined && item.picked.value === picked.value;
          return (
            <li key={item.picked.list + canonical(item.picked.value)} class={`item ${selected ? "selected" : ""}`}>
              <button
                type="button"
                class="item-main"
                aria-pressed={selected}
                onClick={() => {
                  editor.pick(item.picked);
                  if (editor.frame.value < item.first || editor.frame.value > item.last) editor.seek(item.first);
                }}
              >
                <Icon name={item.icon} />
                <span>
                  <strong>{item.name}</strong>
                  <span class="faint">
                    {clock(editor.frames.start(item.first), 1)} – {clock(editor.frames.start(item.last + 1), 1)}
                  </span>
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      {picked && <Details editor={editor} picked={picked} />}
    </div>
  );
}

function Details({ editor, picked }: { editor: Editor; picked: Picked }) {
  const locked = editor.locked.value;
  const { value } = picked;
  const hasStretch = picked.list === "drawings" || picked.list === "zones" || picked.list === "sound";
  const replace = (after: object, name: string) =>
    editor.replace(picked.list, value as Lists[ListName], { ...value, ...after } as Lists[ListName], name);
  const stretch = (end: "start" | "end") => {
    if (!editor.isSeen()) return;
    const frame = editor.frame.value;
    const at: Stretch = end === "start" ? { start: editor.ticks(frame) } : { end: editor.ticks(frame + 1) };
    const all = { ...(value as Stretch), ...at };
    if ((all.start ?? 0) < (all.end ?? Infinity)) replace(at, S.undoNames.stretch);
  };
  return (
    <section class="details panel-foot" aria-label={S.added}>
      {picked.list === "drawings" && <Following editor={editor} drawing={picked.value} />}
      <div class="row">
        {hasStretch && (
          <>
            <Button text label={S.setStart} disabled={locked} onClick={() => stretch("start")} />
            <Button text label={S.setEnd} disabled={locked} onClick={() => stretch("end")} />
          </>
        )}
        <span class="grow" />
        <Button icon="delete" text label={S.remove} keys="Delete" disabled={locked} onClick={() => editor.delete()} />
      </div>
      <Reasons
        editor={editor}
        value={value.reason}
        by={value}
        onChange={(reason) => {
          const { reason: _, ...rest } = value;
          const after = { ...rest, ...(reason && { reason }) } as Lists[ListName];
          editor.replace(picked.list, value as Lists[ListName], after, S.undoNames.reason);
        }}
      />
    </section>
  );
}

function Following({ editor, drawing }: { editor: Editor; drawing: Drawing }) {
  const state = editor.paths.state(drawing);
  const keyed = isKeyed(drawing, editor.ticks(editor.frame.value));
  return (
    <div class="following">
      <label class="check">
        <input
          type="checkbox"
          checked={drawing.follow}
          disabled={editor.locked.value}
          onChange={(event) => {
            const follow = event.currentTarget.checked;
            editor.replace("drawings", drawing, { ...drawing, follow }, S.undoNames.follow);
          }}
        />
        {S.follow}
      </label>
      <p class="faint" role="status" data-following={state?.state}>
        {state?.state === "following" && S.following}
        {state?.state === "failed" && `${S.followFailed}: ${state.message}`}
        {state?.state === "found" && S.keyframes(drawing.keyframes.length)}
      </p>
      {keyed && drawing.keyframes.length > 1 && (
        <Button
          text
          small
          label={S.removeKeyframe}
          disabled={editor.locked.value}
          onClick={() => editor.removeKeyframe(drawing)}
        />
      )}
    </div>
  );
}

function itemsOf(editor: Editor): Item[] {
  const decisions = editor.decisions.value;
  const end = editor.frames.count - 1;
  const frames = (one: Stretch) => ({
    first: one.start === undefined ? 0 : editor.frameAt(one.start),
    last: one.end === undefined ? end : Math.max(0, editor.frameAt(one.end - 1)),
  });
  const items: Item[] = [];
  for (const value of listed(decisions, "drawings")) {
    const name = value.label ?? S.drawing;
    items.push({ picked: { list: "drawings", value }, name, icon: "drawShape", ...editor.paths.extent(value) });
  }
  for (const value of listed(decisions, "zones")) {
    const covers = value.action === "cover";
    const name = value.label ?? (value.box ? S.zone : covers ? S.whole : S.bare);
    const icon = value.box ? "squareAdd" : covers ? "fullScreenMaximize" : "eye";
    items.push({ picked: { list: "zones", value }, name, icon, ...frames(value) });
  }
  for (const value of listed(decisions, "sound")) {
    const [name, icon] = value.action === "mute" ? ([S.mute, "speakerMute"] as const) : ([S.bleep, "pulse"] as const);
    items.push({ picked: { list: "sound", value }, name, icon, ...frames(value) });
  }
  for (const value of listed(decisions, "removals")) {
    items.push({ picked: { list: "removals", value }, name: S.removal(value.id), icon: "personDelete", ...frames(value) });
  }
  for (const value of listed(decisions, "merges")) {
    items.push({ picked: { list: "merges", value }, name: S.mergeOf(value.ids), icon: "merge", first: 0, last: end });
  }
  for (const value of listed(decisions, "splits")) {
    const first = editor.frameAt(value.time);
    const name = S.splitOf(value.id, value.into);
    items.push({ picked: { list: "splits", value }, name, icon: "splitVertical", first, last: end });
  }
  return items.sort((a, b) => a.first - b.first);
}
