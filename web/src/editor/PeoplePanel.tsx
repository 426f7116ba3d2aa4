import { listed } from "../model/decisions";
import { clock } from "../model/frames";
import type { Someone } from "../model/people";
import { Button } from "../parts/Button";
import { Icon } from "../parts/Icon";
import { S } from "../strings";
import type { Editor } from "./editor";
import { Portrait } from "./Portrait";
import type { Portraits } from "./portraits";
import { Reasons } from "./Reasons";

interface Props {
  editor: Editor;
  portraits: Portraits;
}

export function PeoplePanel({ editor, portraits }: Props) {
  const people = editor.everybody.value;
  const selected = editor.people.value;
  const locked = editor.locked.value;
  const all = people.map((one) => one.id);
  return (
    <div class="panel-content">
      <div class="panel-head">
        <span>{S.peopleCount(people.length)}</span>
        <span class="grow" />
        <Button label={S.coverAll} small disabled={locked || !people.length} onClick={() => editor.decide(all, "hide")} />
        <Button label={S.showAll} small disabled={locked || !people.length} onClick={() => editor.decide(all, "show")} />
      </div>
      {!people.length && <p class="hint">{S.nobody}</p>}
      <ul class="wall">
        {people.map((one) => (
          <Card key={one.id} one={one} editor={editor} portraits={portraits} />
        ))}
      </ul>
      <div class="panel-foot">
        {selected.length > 1 ? <Merging editor={editor} ids={selected} /> : <Details editor={editor} portraits={portraits} />}
      </div>
    </div>
  );
}

function Card({ one, editor, portraits }: Props & { one: Someone }) {
  const shown = editor.shown.value.has(one.id);
  const selected = editor.people.value.includes(one.id);
  const name = S.person(one.id);
  const best = one.views[0];
  return (
    <li class={`card ${shown ? "is-shown" : "is-covered"} ${selected ? "selected" : ""}`} data-person={one.id}>
      <button
        type="button"
        class="card-face"
        aria-label={S.select(name)}
        aria-pressed={selected}
        onClick={(event) => editor.pickPerson(one.id, event.ctrlKey || event.metaKey || event.shiftKey)}
        onDblClick={() => editor.goToPerson(one)}
      >
        {best && <Portrait portraits={portraits} frame={best.frame} box={editor.regions.box(best.index)} label={name} />}
        {!shown && <span class="card-veil" aria-hidden="true" />}
      </button>
      <div class="card-text">
        <strong>{name}</strong>
        <span class="faint" title={S.onScreen}>
          {S.seconds(one.seconds)}
          {S.firstAt(clock(editor.frames.start(one.intervals[0]?.first ?? 0), 0))}
        </span>
      </div>
      <button
        type="button"
        class={`state ${shown ? "shown" : "covered"}`}
        aria-label={`${name}: ${shown ? S.shown : S.covered}`}
        title={shown ? S.cover : S.show}
        disabled={editor.locked.value}
        onClick={() => editor.toggle(one.id)}
      >
        <Icon name={shown ? "eye" : "eyeOff"} />
        {shown ? S.shown : S.covered}
      </button>
    </li>
  );
}

function Merging({ editor, ids }: { editor: Editor; ids: readonly number[] }) {
  return (
    <section class="details" aria-label={S.merge}>
      <h2>{ids.map(S.person).join(", ")}</h2>
      <Button
        kind="outline"
        icon="merge"
        text
        keys="M"
        label={S.mergeCount(ids.length)}
        disabled={editor.locked.value}
        onClick={() => editor.merge(ids)}
      />
    </section>
  );
}

function Details({ editor, portraits }: Props) {
  const one = editor.everybody.value.find((each) => each.id === editor.people.value[0]);
  if (!one) return <p class="hint">{S.mergeHint}</p>;
  const locked = editor.locked.value;
  const who = editor.identities.value;
  const decision = listed(editor.decisions.value, "people").find((each) => who.root(each.id) === one.id);
  return (
    <section class="details" aria-label={S.person(one.id)}>
      <h2>
        {S.person(one.id)} <span class="faint">{S.appearances(one.intervals.length)}</span>
      </h2>
      {one.ids.length > 1 && <p class="faint">{S.ids(one.ids)}</p>}
      <ul class="views">
        {one.views.map((view) => {
          const time = clock(editor.frames.start(view.frame), 1);
          return (
            <li key={view.frame}>
              <button type="button" title={S.showDoubt(time)} aria-label={S.showDoubt(time)} onClick={() => editor.seek(view.frame)}>
                <Portrait portraits={portraits} frame={view.frame} box={editor.regions.box(view.index)} label={time} />
              </button>
            </li>
          );
        })}
      </ul>
      <div class="row">
        <Button icon="chevronLeft" label={S.previousAppearance} keys="Shift + A" onClick={() => editor.nextAppearance(-1)} />
        <Button icon="chevronRight" label={S.nextAppearance} keys="A" onClick={() => editor.nextAppearance(1)} />
        <Button icon="splitVertical" text label={S.split} keys="X" disabled={locked} onClick={() => editor.split(one.id)} />
        <Button icon="personDelete" text label={S.noFace} keys="F" disabled={locked} onClick={() => editor.remove(one.id)} />
      </div>
      <Reasons
        editor={editor}
        value={decision?.reason}
        by={decision}
        onChange={(reason) => editor.setPersonReason(one.id, reason)}
      />
    </section>
  );
}
