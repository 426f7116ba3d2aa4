import { computed, signal } from "@preact/signals";
import { edited, reversed, type Decisions, type Edit } from "./decisions";

/** A document that is saved elsewhere, with edits that are not saved yet, and all edits of this person to undo. */
export class History {
  private readonly saved = signal<Decisions>({ version: 1, timescale: 1, video: {} });
  private readonly unsaved = signal<Edit[]>([]);
  private readonly done = signal<Edit[]>([]);
  private readonly undone = signal<Edit[]>([]);

  readonly current = computed(() => this.unsaved.value.reduce(edited, this.saved.value));
  readonly isSaved = computed(() => !this.unsaved.value.length);
  readonly nextUndo = computed(() => this.done.value.at(-1)?.name);
  readonly nextRedo = computed(() => this.undone.value.at(-1)?.name);

  /** Take over the saved document of the server. Edits that are not saved yet are kept. */
  load(document: Decisions): void {
    this.saved.value = document;
  }

  apply(edit: Edit): void {
    if (!edit.changes.length) return;
    this.done.value = [...this.done.value, edit];
    this.undone.value = [];
    this.unsaved.value = [...this.unsaved.value, edit];
  }

  undo(): Edit | undefined {
    const last = this.done.value.at(-1);
    if (!last) return undefined;
    this.done.value = this.done.value.slice(0, -1);
    this.undone.value = [...this.undone.value, last];
    this.unsaved.value = [...this.unsaved.value, reversed(last)];
    return last;
  }

  redo(): Edit | undefined {
    const last = this.undone.value.at(-1);
    if (!last) return undefined;
    this.undone.value = this.undone.value.slice(0, -1);
    this.done.value = [...this.done.value, last];
    this.unsaved.value = [...this.unsaved.value, last];
    return last;
  }

  /** Return the document to save, and a function to call once it is saved. */
  pending(): { document: Decisions; landed: () => void } {
    const document = this.current.value;
    const count = this.unsaved.value.length;
    return {
      document,
      landed: () => {
        this.saved.value = document;
        this.unsaved.value = this.unsaved.value.slice(count);
      },
    };
  }

  /** All edits as text, to continue after a reload of the page. */
  dump(): string {
    return JSON.stringify([this.done.value, this.undone.value]);
  }

  restore(text: string): void {
    [this.done.value, this.undone.value] = JSON.parse(text) as [Edit[], Edit[]];
  }
}
