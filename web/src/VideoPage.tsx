import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "./api";
import { Editor } from "./editor/editor";
import { EditorPage } from "./editor/EditorPage";
import { Regions } from "./model/regions";
import { Button } from "./parts/Button";
import { Icon } from "./parts/Icon";
import { S } from "./strings";

const POLL_MS = 1000;
const VIEWER = crypto.randomUUID();
const READY = ["open", "redacting", "verifying", "approved"];

interface Props {
  id: string;
  session: api.Session;
  help: Signal<boolean>;
  editor: Signal<Editor | undefined>;
  onLost: (error: unknown) => void;
}

/** One video, whatever its state. The back end is asked for news while the page is visible. */
export function VideoPage({ id, session, help, editor, onLost }: Props) {
  const video = useSignal<api.Video | undefined>(undefined);

  useEffect(() => {
    let gone = false;
    let timer = 0;
    let loading = false;
    const load = async (first: api.Video) => {
      if (loading || editor.value) return;
      loading = true;
      try {
        const [regions, doubts] = await Promise.all([api.regions(id), api.doubts(id)]);
        const made = new Editor(video as Signal<api.Video>, Regions.parse(regions), doubts, session);
        await made.saving.load();
        if (gone) return;
        editor.value = made;
        document.title = `${first.name} – ${S.title}`;
      } finally {
        loading = false;
      }
    };
    const poll = async () => {
      try {
        const news = await api.video(id, VIEWER);
        if (gone) return;
        onLost(undefined);
        video.value = news;
        if (READY.includes(news.state)) await load(news);
        if (news.tag) await editor.value?.saving.refresh(news.tag);
      } catch (error) {
        onLost(error);
      }
      if (!gone) timer = window.setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      gone = true;
      clearTimeout(timer);
      editor.value = undefined;
      document.title = S.title;
    };
  }, [id]);

  if (editor.value) return <EditorPage editor={editor.value} help={help} />;
  const news = video.value;
  if (!news) return <Waiting text={S.loading} />;
  if (news.state === "analyzing") {
    return (
      <Waiting text={S.activities["analyzing"] ?? ""} {...(news.progress && { percent: news.progress.percent })}>
        <p class="faint">{S.analyzingHint}</p>
        <Button kind="outline" label={S.stop} onClick={() => void api.stop(id)} />
      </Waiting>
    );
  }
  if (news.state === "new" || news.state === "failed") {
    return (
      <main class="waiting">
        <Icon name={news.error ? "errorCircle" : "videoClip"} />
        <h2>{news.name}</h2>
        {news.error && (
          <p class="note error" role="alert">
            {news.error}
          </p>
        )}
        <Button
          kind="primary"
          label={news.state === "new" ? S.analyze : S.analyzeAgain}
          onClick={() => void api.analyze(id)}
        />
      </main>
    );
  }
  return <Waiting text={S.loading} />;
}

function Waiting({ text, percent, children }: { text: string; percent?: number; children?: preact.ComponentChildren }) {
  return (
    <main class="waiting" aria-busy="true">
      <h2>{text}</h2>
      <progress {...(percent === undefined ? {} : { value: percent })} max="100" aria-label={text} />
      {percent !== undefined && <p role="status">{S.percent(percent)}</p>}
      {children}
    </main>
  );
}
