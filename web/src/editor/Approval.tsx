import { useSignal } from "@preact/signals";
import * as api from "../api";
import { listed } from "../model/decisions";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { S } from "../strings";
import type { Editor } from "./editor";

/** Asks once more, says what will be done, and starts the redaction. */
export function Approval({ editor, onClose }: { editor: Editor; onClose: () => void }) {
  const problem = useSignal("");
  const overwrite = useSignal(false);
  const busy = useSignal(false);
  const { value: video } = editor.video;
  const people = editor.everybody.value.length;
  const shown = editor.everybody.value.filter((one) => editor.shown.value.has(one.id)).length;
  const added = (["drawings", "zones", "sound"] as const).reduce(
    (sum, list) => sum + listed(editor.decisions.value, list).length,
    0,
  );
  const output = video.existing ?? video.output;

  const go = async () => {
    busy.value = true;
    try {
      await editor.saving.settled();
      await api.approve(video.id, editor.saving.tag, overwrite.value);
      onClose();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    } finally {
      busy.value = false;
    }
  };

  return (
    <Dialog title={S.approveTitle} onClose={onClose}>
      <ul class="facts">
        <li>{S.approveText(people - shown, shown)}</li>
        {added > 0 && <li>{S.approveAdded(added)}</li>}
        {editor.doubts.length > 0 && <li>{S.approveDoubts(editor.doubts.length)}</li>}
        <li>{S.approveFile(output)}</li>
      </ul>
      {video.existing && (
        <div class="note warning" role="alert">
          {S.approveExists(video.existing)}
          <label class="check">
            <input
              type="checkbox"
              checked={overwrite.value}
              onChange={(event) => (overwrite.value = event.currentTarget.checked)}
            />
            {S.approveOverwrite}
          </label>
        </div>
      )}
      {problem.value && (
        <p class="note error" role="alert">
          {problem.value}
        </p>
      )}
      <footer>
        <Button kind="outline" label={S.cancel} onClick={onClose} />
        <Button
          kind="primary"
          icon="shieldCheckmark"
          text
          label={S.approveGo}
          disabled={busy.value || (video.existing !== undefined && !overwrite.value)}
          onClick={() => void go()}
        />
      </footer>
    </Dialog>
  );
}
