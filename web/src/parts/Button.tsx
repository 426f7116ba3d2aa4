import type { ComponentChildren } from "preact";
import { Icon } from "./Icon";
import type { IconName } from "./icons";

interface Props {
  label: string;
  icon?: IconName;
  /** The shortcut that does the same. */
  keys?: string;
  kind?: "subtle" | "primary" | "outline" | "danger";
  pressed?: boolean;
  disabled?: boolean;
  small?: boolean;
  /** Show the label beside the icon. */
  text?: boolean;
  /** A word that is shown beside the icon in place of the label. */
  short?: string;
  children?: ComponentChildren;
  onClick: (event: MouseEvent) => void;
}

export function Button({ label, icon, keys, kind = "subtle", pressed, disabled, small, text, short, children, onClick }: Props) {
  const written = text || short !== undefined || !icon;
  return (
    <button
      type="button"
      class={`button ${kind} ${small ? "small" : ""} ${written ? "" : "square"}`}
      aria-label={written && !short ? undefined : label}
      aria-pressed={pressed}
      title={keys ? `${label} (${keys})` : written && !short ? undefined : label}
      disabled={disabled}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {written && <span>{short ?? label}</span>}
      {children}
    </button>
  );
}
