import type { Signed } from "../model/decisions";
import { S } from "../strings";
import type { Editor } from "./editor";

interface Props {
  editor: Editor;
  value: string | undefined;
  by: Signed | undefined;
  onChange: (reason: string) => void;
}

/** The reason of a decision, from the list of the settings, and who decided. */
export function Reasons({ editor, value, by, onChange }: Props) {
  const { reasons } = editor.session;
  const known = reasons.some((one) => one.code === value);
  return (
    <div class="reason">
      <label>
        <span>{S.reason}</span>
        <select
          value={value ?? ""}
          disabled={editor.locked.value}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          <option value="">{S.noReason}</option>
          {value && !known && <option value={value}>{value}</option>}
          {reasons.map((one) => (
            <option key={one.code} value={one.code}>
              {one.code}: {one.text}
            </option>
          ))}
        </select>
      </label>
      {by?.by && by.at && <p class="faint">{S.byAt(by.by, new Date(by.at).toLocaleString())}</p>}
    </div>
  );
}
