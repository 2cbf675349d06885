/** A word with an explanation for the other trade: dotted underline, opened by pointer, keyboard or touch, closed by Escape. */
import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { GLOSSARY, type Entry, type GlossaryKey } from "../words/glossary";

export function Term({ k, children }: { k: GlossaryKey; children?: ReactNode }) {
  const entry: Entry = GLOSSARY[k];
  const id = useId();
  const word = useRef<HTMLButtonElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);

  const show = () => {
    const box = tip.current;
    const at = word.current?.getBoundingClientRect();
    if (!box || !at) return;
    // The top layer is never clipped by a scrolling table.
    if (!box.matches(":popover-open")) box.showPopover?.();
    const size = box.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, window.innerWidth - size.width - 8));
    const below = at.bottom + 6 + size.height < window.innerHeight;
    box.style.left = `${left}px`;
    box.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - size.height - 6)}px`;
    setOpen(true);
  };
  const hide = () => {
    if (tip.current?.matches(":popover-open")) tip.current.hidePopover?.();
    setOpen(false);
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "Escape" && open) {
      e.stopPropagation();
      hide();
    }
  };

  return (
    <span className="term-wrap" onPointerEnter={show} onPointerLeave={hide}>
      <button ref={word} type="button" className="term" aria-describedby={id} onFocus={show} onBlur={hide} onClick={show} onKeyDown={key}>
        {children ?? entry.word}
      </button>
      <span ref={tip} id={id} role="tooltip" popover="manual" className="tip">
        {entry.text}
      </span>
    </span>
  );
}
