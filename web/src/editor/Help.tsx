import { Dialog } from "../parts/Dialog";
import { S } from "../strings";
import { setSingleKeys, singleKeys } from "./keys";

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={S.help} wide onClose={onClose}>
      <label class="check">
        <input
          type="checkbox"
          checked={singleKeys.value}
          onChange={(event) => setSingleKeys(event.currentTarget.checked)}
        />
        {S.singleKeys}
      </label>
      <dl class="keys">
        {S.keys.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
