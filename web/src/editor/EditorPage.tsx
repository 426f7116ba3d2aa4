import { useComputed, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import * as api from "../api";
import { Button } from "../parts/Button";
import { Icon } from "../parts/Icon";
import type { IconName } from "../parts/icons";
import { S } from "../strings";
import { AddedPanel } from "./AddedPanel";
import { Approval } from "./Approval";
import { DoubtsPanel } from "./DoubtsPanel";
import { Editor, type Mode } from "./editor";
import { Help } from "./Help";
import { keys } from "./keys";
import { Outcome } from "./Outcome";
import { PeoplePanel } from "./PeoplePanel";
import { Portraits } from "./portraits";
import { Stage, type Draft } from "./Stage";
import { Timeline } from "./timeline/Timeline";

interface Props {
  editor: Editor;
  help: Signal<boolean>;
}

export function EditorPage({ editor, help }: Props) {
  const asking = useSignal(false);
  const result = useSignal(false);
  const draft = useSignal<Draft | undefined>(undefined);
  const muted = useSignal(false);
  const { value: video } = editor.video;
  const media = useComputed(() => editor.video.value.media);
  const portraits = usePortraits(editor, media);

  useEffect(() => {
    editor.askApproval = () => {
      if (!editor.locked.value) asking.value = true;
    };
    const handler = keys(editor, draft, () => (help.value = true));
    document.addEventListener("keydown", handler);
    const leave = (event: BeforeUnloadEvent) => {
      if (!editor.history.isSaved.value) event.preventDefault();
    };
    addEventListener("beforeunload", leave);
    return () => {
      document.removeEventListener("keydown", handler);
      removeEventListener("beforeunload", leave);
      editor.saving.close();
    };
  }, [editor]);
  useEffect(() => {
    if (isDone(video) && video.result) result.value = true;
  }, [isDone(video)]);

  if (result.value && video.result && isDone(video)) {
    const cover = async (face: api.BareFace) => {
      await api.reopen(video.id);
      editor.video.value = { ...editor.video.value, state: "open" };
      result.value = false;
      editor.drawIn(face.frame, { x: face.x, y: face.y, width: face.width, height: face.height });
      editor.seek(face.frame);
    };
    return (
      <Outcome
        video={video}
        result={video.result}
        onBack={() => (result.value = false)}
        onCover={(face) => void cover(face)}
      />
    );
  }
  return (
    <main class="editor">
      <Working editor={editor} />
      <div class="workspace">
        <div class="picture">
          <Stage editor={editor} draft={draft} muted={muted} />
          <Controls editor={editor} draft={draft} muted={muted} onApprove={() => (asking.value = true)} onResult={() => (result.value = true)} />
        </div>
        <Panel editor={editor} portraits={portraits} />
      </div>
      <Timeline editor={editor} />
      {asking.value && <Approval editor={editor} onClose={() => (asking.value = false)} />}
      {help.value && <Help onClose={() => (help.value = false)} />}
      <p class="visually-hidden" role="status">
        {editor.message.value}
      </p>
    </main>
  );
}

/** A result is there. It may be looked at while it is being verified. */
function isDone(video: api.Video): boolean {
  return video.state === "approved" || video.state === "verifying";
}

function usePortraits(editor: Editor, media: ReadonlySignal<string | undefined>): Portraits {
  const portraits = useMemo(() => new Portraits(editor.frames, media.value ?? ""), [editor, media.value]);
  useEffect(() => () => portraits.close(), [portraits]);
  return portraits;
}

/** The step that the back end is at, if it is at one. */
function Working({ editor }: { editor: Editor }) {
  const { state, progress, error, id } = editor.video.value;
  if (error) {
    return (
      <p class="banner error" role="alert">
        <Icon name="errorCircle" /> {S.failed}: {error}
      </p>
    );
  }
  if (!progress || (state !== "redacting" && state !== "verifying")) return null;
  const activity = S.activities[progress.activity] ?? progress.activity;
  return (
    <div class="banner" role="status">
      <span>{S.stepOf(activity, S.percent(progress.percent))}</span>
      <progress max="100" value={progress.percent} aria-label={activity} />
      <Button kind="outline" small label={S.stop} onClick={() => void api.stop(id)} />
    </div>
  );
}

const MODES: [Mode, string][] = [
  ["before", "1"],
  ["after", "2"],
  ["both", "3"],
  ["slider", "4"],
];

interface ControlsProps {
  editor: Editor;
  draft: Signal<Draft | undefined>;
  muted: Signal<boolean>;
  onApprove: () => void;
  onResult: () => void;
}

function Controls({ editor, draft, muted, onApprove, onResult }: ControlsProps) {
  const playing = editor.playing.value;
  const locked = editor.locked.value;
  const { state, id } = editor.video.value;
  const tool = editor.tool.value;
  const choose = (wanted: "draw" | "zone") => {
    draft.value = undefined;
    editor.tool.value = tool === wanted ? undefined : wanted;
  };
  const tools: [IconName, string, string, () => void, boolean, string?][] = [
    ["drawShape", S.draw, "B", () => choose("draw"), tool === "draw", S.short.draw],
    ["squareAdd", S.drawZone, "Z", () => choose("zone"), tool === "zone", S.short.zone],
    ["fullScreenMaximize", S.coverWhole, "W", () => editor.addZone("cover"), false],
    ["eye", S.leaveBare, "U", () => editor.addZone("show"), false],
    ["speakerMute", S.muteStretch, "S", () => editor.addSound("mute"), false],
    ["pulse", S.bleepStretch, "Shift + S", () => editor.addSound("bleep"), false],
  ];
  return (
    <div class="controls">
      <div class="group" role="group" aria-label={S.video}>
        <Button icon="arrowPrevious" label={S.previousFrame} keys="←" onClick={() => editor.seek(editor.frame.value - 1)} />
        <Button
          icon={playing ? "pause" : "play"}
          label={playing ? S.pause : S.play}
          keys="Space"
          onClick={() => editor.playOrPause()}
        />
        <Button icon="arrowNext" label={S.nextFrame} keys="→" onClick={() => editor.seek(editor.frame.value + 1)} />
        <Button
          icon={muted.value ? "speakerMute" : "speaker2"}
          label={muted.value ? S.playSound : S.muteSound}
          onClick={() => (muted.value = !muted.value)}
        />
      </div>
      <fieldset class="segments">
        <legend class="visually-hidden">{S.view}</legend>
        {MODES.map(([mode, key]) => (
          <label key={mode} title={`${S.modes[mode]} (${key})`} class={editor.mode.value === mode ? "chosen" : ""}>
            <input
              type="radio"
              name="mode"
              checked={editor.mode.value === mode}
              onChange={() => (editor.mode.value = mode)}
            />
            {S.modes[mode]}
          </label>
        ))}
      </fieldset>
      <div class="group" role="group" aria-label={S.tools}>
        {tools.map(([icon, label, key, action, pressed, short]) => (
          <Button
            key={label}
            icon={icon}
            label={label}
            {...(short && { short })}
            keys={key}
            disabled={locked}
            {...(icon === "drawShape" || icon === "squareAdd" ? { pressed } : {})}
            onClick={action}
          />
        ))}
      </div>
      <div class="group">
        <Button
          icon="arrowUndo"
          label={editor.history.nextUndo.value ? S.undoOf(editor.history.nextUndo.value) : S.undo}
          keys="Ctrl + Z"
          disabled={locked || !editor.history.nextUndo.value}
          onClick={() => editor.undo()}
        />
        <Button
          icon="arrowRedo"
          label={editor.history.nextRedo.value ? S.redoOf(editor.history.nextRedo.value) : S.redo}
          keys="Ctrl + Y"
          disabled={locked || !editor.history.nextRedo.value}
          onClick={() => editor.redo()}
        />
      </div>
      <span class="grow" />
      {isDone(editor.video.value) ? (
        <>
          <Button icon="lockOpen" text label={S.reopen} disabled={state === "verifying"} onClick={() => void api.reopen(id)} />
          <Button icon="shieldCheckmark" kind="primary" text label={S.result} onClick={onResult} />
        </>
      ) : (
        <Button
          icon="shieldCheckmark"
          kind="primary"
          text
          label={S.approve}
          keys="Ctrl + Enter"
          disabled={locked}
          onClick={onApprove}
        />
      )}
      {tool && (
        <p class="hint wide" role="status">
          {S.drawHint}
        </p>
      )}
    </div>
  );
}

function Panel({ editor, portraits }: { editor: Editor; portraits: Portraits }) {
  const tabs = [
    ["people", S.people, editor.everybody.value.length],
    ["doubts", S.doubts, editor.doubts.length],
    ["added", S.added, addedCount(editor)],
  ] as const;
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const here = tabs.findIndex(([name]) => name === editor.tab.value);
    const next = tabs[(here + by + tabs.length) % tabs.length];
    if (!next) return;
    editor.tab.value = next[0];
    document.getElementById(`tab-${next[0]}`)?.focus();
  };
  return (
    <aside class="panel">
      <div role="tablist" class="tabs" onKeyDown={step}>
        {tabs.map(([name, text, count]) => {
          const chosen = editor.tab.value === name;
          return (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={chosen}
              aria-controls="panel"
              tabIndex={chosen ? 0 : -1}
              onClick={() => (editor.tab.value = name)}
            >
              {text} <span class="count">{count}</span>
            </button>
          );
        })}
      </div>
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${editor.tab.value}`} tabIndex={0}>
        {editor.tab.value === "people" && <PeoplePanel editor={editor} portraits={portraits} />}
        {editor.tab.value === "doubts" && <DoubtsPanel editor={editor} portraits={portraits} />}
        {editor.tab.value === "added" && <AddedPanel editor={editor} />}
      </div>
    </aside>
  );
}

function addedCount(editor: Editor): number {
  const { drawings, zones, sound, removals, merges, splits } = editor.decisions.value;
  return [drawings, zones, sound, removals, merges, splits].reduce((sum, list) => sum + (list?.length ?? 0), 0);
}
