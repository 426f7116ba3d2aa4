import { render } from "preact";
import * as api from "./api";
import { App } from "./App";
import "./look/tokens.css";
import "./look/parts.css";
import "./look/editor.css";
import { Icon } from "./parts/Icon";
import "./parts/theme";
import { S } from "./strings";

const TOKEN = /^#token=([\w-]+)$/;

/** Enter by the link's token, if there is one, and take it out of the address and of the browser's history. */
async function start(): Promise<void> {
  const token = TOKEN.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname);
    await api.enter(token).catch(() => undefined);
  }
  const session = await api.session();
  if (!location.hash) {
    const [only, ...others] = await api.videos();
    if (only && !others.length) history.replaceState(null, "", `#/videos/${encodeURIComponent(only.id)}`);
  }
  render(<App session={session} />, document.body);
}

start().catch((error: unknown) => {
  const status = error instanceof api.ApiError ? error.status : 0;
  render(
    <main class="waiting">
      <Icon name="lockClosed" />
      <h1>{S.title}</h1>
      <p role="alert">{status === 401 ? S.noAccess : status ? String(error) : S.gone}</p>
    </main>,
    document.body,
  );
});
