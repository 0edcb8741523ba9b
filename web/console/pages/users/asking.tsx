import { type ReactNode, useState } from 'react'
import { Button } from '../../parts/button.tsx'

/** A button that opens a dialog, which it gives a way to close. */
export function Asking({
  label,
  name = label,
  kind,
  children,
}: {
  label: string
  /** What it says to who does not see what it stands beside. */
  name?: string
  kind?: 'danger'
  children: (close: () => void) => ReactNode
}) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button {...(kind ? { kind } : {})} aria-label={name} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {isOpen && children(() => setOpen(false))}
    </>
  )
}
