import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { S } from "../strings";
import { Button } from "./Button";

interface Props {
  title: string;
  wide?: boolean;
  children: ComponentChildren;
  onClose: () => void;
}

export function Dialog({ title, wide, children, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "wide" : ""} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button icon="dismiss" label={S.close} onClick={() => dialog.current?.close()} />
      </header>
      {children}
    </dialog>
  );
}
