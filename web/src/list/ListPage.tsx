import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api";
import { Icon } from "../parts/Icon";
import { S } from "../strings";

const POLL_MS = 2000;

/** All videos, with their states. */
export function ListPage() {
  const videos = useSignal<api.Video[] | undefined>(undefined);
  const text = useSignal("");
  const state = useSignal("");
  useEffect(() => {
    const load = () => void api.videos().then((all) => (videos.value = all)).catch(() => undefined);
    load();
    const timer = setInterval(() => document.visibilityState === "visible" && load(), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  const wanted = text.value.trim().toLowerCase();
  const found = videos.value?.filter(
    (one) => one.name.toLowerCase().includes(wanted) && (!state.value || one.state === state.value),
  );
  return (
    <main class="list">
      <h2>{S.list}</h2>
      <div class="filters">
        <label class="search">
          <Icon name="search" />
          <span class="visually-hidden">{S.search}</span>
          <input
            type="search"
            placeholder={S.search}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <label>
          <span class="visually-hidden">{S.filter}</span>
          <select value={state.value} onChange={(event) => (state.value = event.currentTarget.value)}>
            <option value="">{S.everyState}</option>
            {Object.entries(S.states).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </div>
      <table>
        <thead>
          <tr>
            <th scope="col">{S.columns.name}</th>
            <th scope="col">{S.columns.state}</th>
            <th scope="col">{S.columns.people}</th>
            <th scope="col">{S.columns.doubts}</th>
            <th scope="col">{S.columns.changed}</th>
          </tr>
        </thead>
        <tbody>
          {found?.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <a href={`#/videos/${encodeURIComponent(one.id)}`}>{one.name}</a>
                <span class="faint"> {S.size(one.size)}</span>
              </th>
              <td>
                <span class={`badge ${one.state}`}>{S.states[one.state]}</span>
                {one.progress && (
                  <span class="inline-progress">
                    <progress max="100" value={one.progress.percent} aria-label={S.states[one.state]} />
                    {S.percent(one.progress.percent)}
                  </span>
                )}
                {one.error && <span class="faint"> {one.error}</span>}
              </td>
              <td>{one.people ?? "–"}</td>
              <td>{one.doubts ?? "–"}</td>
              <td>{new Date(one.changed).toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found && !found.length && <p class="hint">{S.noVideos}</p>}
    </main>
  );
}
