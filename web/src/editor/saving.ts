import { effect, signal } from "@preact/signals";
import * as api from "../api";
import type { History } from "../model/history";
import { S } from "../strings";

const RETRY_MS = 2000;

/** Saves the decisions at every change. Edits of others are taken over, and never overwritten. */
export class Saving {
  readonly state = signal<"saved" | "saving" | "unsaved">("saved");
  tag = "";
  private running = false;
  private loaded = false;
  private readonly storage: string;
  private readonly stopWatching: () => void;

  constructor(
    private readonly id: string,
    private readonly history: History,
    private readonly report: (message: string) => void,
  ) {
    this.storage = `history/${id}`;
    const watches = [
      effect(() => {
        if (!this.history.isSaved.value) void this.save();
      }),
      effect(() => this.remember(this.history.dump())),
    ];
    this.stopWatching = () => watches.forEach((stop) => stop());
  }

  async load(): Promise<void> {
    const { document, tag } = await api.decisions(this.id);
    const remembered = sessionStorage.getItem(this.storage);
    this.history.load(document);
    this.tag = tag;
    if (remembered) this.history.restore(remembered);
    this.loaded = true;
  }

  /** Take over the server's decisions if they are newer than those here. */
  async refresh(tag: string): Promise<void> {
    if (this.running || tag === this.tag) return;
    const loaded = await api.decisions(this.id);
    if (this.running || loaded.tag === this.tag) return;
    this.history.load(loaded.document);
    this.tag = loaded.tag;
    this.report(S.changedByOther);
  }

  /** Wait until everything is saved. */
  async settled(): Promise<void> {
    while (!this.history.isSaved.value) {
      await this.save();
      if (this.state.value === "unsaved") throw new Error(S.unsaved);
    }
  }

  close(): void {
    this.stopWatching();
  }

  private async save(): Promise<void> {
    if (this.running) {
      await new Promise((done) => setTimeout(done, 20));
      return;
    }
    this.running = true;
    this.state.value = "saving";
    try {
      while (!this.history.isSaved.value) {
        const { document, landed } = this.history.pending();
        const tag = await api.save(this.id, document, this.tag);
        if (tag !== undefined) {
          this.tag = tag;
          landed();
          continue;
        }
        const newer = await api.decisions(this.id);
        this.history.load(newer.document);
        this.tag = newer.tag;
        this.report(S.changedByOther);
      }
      this.state.value = "saved";
    } catch (error) {
      this.state.value = "unsaved";
      if (error instanceof api.ApiError && error.status) this.report(error.message);
      setTimeout(() => void this.save(), RETRY_MS);
    } finally {
      this.running = false;
    }
  }

  private remember(text: string): void {
    if (!this.loaded) return;
    try {
      sessionStorage.setItem(this.storage, text);
    } catch {
      sessionStorage.removeItem(this.storage); // it is full; undoing begins anew after a reload
    }
  }
}
