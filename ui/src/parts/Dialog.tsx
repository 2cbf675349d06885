/** A modal dialog on the browser's own element: focus is kept inside, Escape closes, focus returns. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useLayoutEffect, useRef, type ReactNode } from "react";
import { ErrorBox } from "./Messages";

export function Dialog(props: { title: string; onClose: () => void; children: ReactNode; testId?: string; busy?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before the element leaves the page: only then does closing it give the focus back to where it was.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      data-testid={props.testId}
      onCancel={(e) => {
        e.preventDefault();
        if (!props.busy) props.onClose();
      }}
    >
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** Asks before something is done, says what it means, and shows what went wrong. */
export function Confirm(props: {
  title: string;
  children: ReactNode;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
  busy?: boolean;
  error?: ReactNode;
}) {
  return (
    <Dialog title={props.title} onClose={props.onClose} busy={props.busy ?? false}>
      {props.children}
      {props.error}
      <div className="actions">
        <button type="button" className="primary" disabled={props.busy} onClick={props.onConfirm}>
          {props.action}
        </button>
        <button type="button" disabled={props.busy} onClick={props.onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

/** Asks, does it, renews the list that it changes, and closes; stays open with the reason when it was refused. */
export function ConfirmAct(props: { title: string; action: string; act: () => Promise<unknown>; renews: string; onClose: () => void; children: ReactNode }) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: props.act,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: [props.renews] });
      props.onClose();
    },
  });
  return (
    <Confirm
      title={props.title}
      action={props.action}
      onConfirm={() => act.mutate()}
      onClose={props.onClose}
      busy={act.isPending}
      error={act.error && <ErrorBox error={act.error} />}
    >
      {props.children}
    </Confirm>
  );
}
