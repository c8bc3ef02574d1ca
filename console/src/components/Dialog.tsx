import { type ReactNode, useEffect, useRef } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

/**
 * A question on top of the page: focus stays in it, Escape closes it, and focus goes back to where it was. A click beside
 * it does nothing: what was typed would be lost by it.
 */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const box = useRef<HTMLElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    // A button that was pressed and is of no use now takes the focus with it: out of the dialog, and out of its keys.
    const lost = (event: KeyboardEvent) => {
      if (document.activeElement !== document.body) return;
      if (event.key === "Escape") close.current();
      else box.current?.focus();
    };
    document.addEventListener("keydown", lost);
    return () => document.removeEventListener("keydown", lost);
  }, []);
  return (
    <ModalOverlay className="modal-overlay" isOpen onOpenChange={(open) => !open && onClose()}>
      <Modal className="modal">
        <AriaDialog ref={box}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
