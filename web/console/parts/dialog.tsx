import { type ReactNode, useEffect, useId, useRef } from 'react'
import type { Action } from '../auth/action.ts'
import { Button } from './button.tsx'
import { Notice } from './states.tsx'

/** A dialog over the page, which is out of reach meanwhile. Escape closes it, and the focus goes back where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string
  onClose: () => void
  children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

/**
 * Asks before something that cannot be taken back. It says what will be, the safe answer has the focus, and a second press
 * while the first is under way does nothing.
 */
export function ConfirmDialog<Data, Variables>({
  title,
  children,
  confirm,
  action,
  variables,
  onDone,
  onClose,
}: {
  title: string
  children: ReactNode
  /** What the button that does it says. */
  confirm: string
  action: Action<Data, Variables>
  variables: Variables
  onDone: (data: Data) => void
  onClose: () => void
}) {
  async function run(): Promise<void> {
    const data = await action.run(variables)
    if (data !== null) onDone(data)
  }
  function close(): void {
    action.forget()
    onClose()
  }
  return (
    <Dialog title={title} onClose={close}>
      {children}
      {action.problem && <Notice tone="bad">{action.problem.text}</Notice>}
      <div className="dialog-actions">
        <Button onClick={close} autoFocus>
          Cancel
        </Button>
        <Button kind="danger" onClick={run} busy={action.isRunning}>
          {confirm}
        </Button>
      </div>
    </Dialog>
  )
}
