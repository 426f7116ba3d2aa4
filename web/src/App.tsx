import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "./api";
import type { Editor } from "./editor/editor";
import { ListPage } from "./list/ListPage";
import { Button } from "./parts/Button";
import { Dialog } from "./parts/Dialog";
import { Icon } from "./parts/Icon";
import { chooseTheme, theme } from "./parts/theme";
import { S } from "./strings";
import { VideoPage } from "./VideoPage";

const VIDEO = /^#\/videos\/(.+)$/;

export function App({ session }: { session: api.Session }) {
  const hash = useSignal(location.hash);
  const editor = useSignal<Editor | undefined>(undefined);
  const help = useSignal(false);
  const lost = useSignal("");
  const link = useSignal("");
  const id = useComputed(() => {
    const found = VIDEO.exec(hash.value)?.[1];
    return found === undefined ? undefined : decodeURIComponent(found);
  });
  useEffect(() => {
    const changed = () => (hash.value = location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);

  const onLost = (error: unknown) => {
    if (error === undefined) {
      lost.value = "";
      return;
    }
    const status = error instanceof api.ApiError ? error.status : 0;
    lost.value = status === 401 ? S.noAccess : status ? String((error as Error).message) : S.gone;
  };

  return (
    <>
      <header class="top">
        <a class="home" href="#/" aria-label={S.back}>
          <Icon name={id.value === undefined ? "shieldCheckmark" : "arrowLeft"} />
        </a>
        <h1>{editor.value ? editor.value.video.value.name : S.title}</h1>
        {editor.value && <SaveState editor={editor.value} />}
        <span class="grow" />
        {editor.value && <Others editor={editor.value} />}
        {editor.value && <Button icon="keyboard" label={S.help} keys="?" onClick={() => (help.value = true)} />}
        {session.links && (
          <Button
            icon="link"
            label={S.copyLink}
            onClick={() => void api.link().then(({ address }) => (link.value = address))}
          />
        )}
        <Button
          icon={theme.value === "dark" ? "weatherSunny" : "weatherMoon"}
          label={theme.value === "dark" ? S.toLight : S.toDark}
          onClick={() => chooseTheme(theme.value === "dark" ? "light" : "dark")}
        />
        <span class="user">{session.user}</span>
      </header>
      {lost.value && (
        <p class="banner error" role="alert">
          <Icon name="errorCircle" /> {lost.value}
        </p>
      )}
      {id.value === undefined ? (
        <ListPage />
      ) : (
        <VideoPage
          key={id.value}
          id={id.value}
          session={session}
          help={help}
          editor={editor}
          onLost={onLost}
        />
      )}
      {link.value && (
        <Dialog title={S.copyLink} onClose={() => (link.value = "")}>
          <p>{S.linkMade}</p>
          <input class="address" readOnly value={link.value} aria-label={S.copyLink} onFocus={(e) => e.currentTarget.select()} />
        </Dialog>
      )}
    </>
  );
}

function SaveState({ editor }: { editor: Editor }) {
  const state = editor.saving.state.value;
  const text = { saved: S.saved, saving: S.saving, unsaved: S.unsaved }[state];
  return (
    <>
      <span class={`saving ${state}`} role="status" data-testid="saving" data-state={state}>
        {editor.video.value.state === "approved" ? (
          <>
            <Icon name="lockClosed" /> {S.states.approved}
          </>
        ) : (
          <>
            <Icon name={state === "unsaved" ? "warning" : "checkmark"} /> {text}
          </>
        )}
      </span>
      {editor.message.value && <span class="message">{editor.message.value}</span>}
    </>
  );
}

function Others({ editor }: { editor: Editor }) {
  const { others } = editor.video.value;
  if (!others) return null;
  return (
    <span class="others" role="status">
      <Icon name="people" /> {S.others(others)}
    </span>
  );
}
