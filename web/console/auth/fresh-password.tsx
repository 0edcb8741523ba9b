import { createContext, type FormEvent, type ReactNode, useContext, useRef, useState } from 'react'
import { useClient } from 'urql'
import { ConfirmPasswordDocument } from '../api/operations.ts'
import { explain, type Problem } from '../api/problems.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { PasswordField } from '../parts/field.tsx'

type AskForPassword = () => Promise<boolean>

const FreshPasswordContext = createContext<AskForPassword>(async () => false)

/** Asks for the password in a dialog; true once it was proven, false where the person would rather not. */
export function useFreshPassword(): AskForPassword {
  return useContext(FreshPasswordContext)
}

/** Keeps the dialog of `useFreshPassword`. */
export function FreshPassword({ children }: { children: ReactNode }) {
  const answer = useRef<(proven: boolean) => void>(() => {})
  const [isOpen, setOpen] = useState(false)

  const ask = useRef<AskForPassword>(() => {
    setOpen(true)
    return new Promise((resolve) => {
      answer.current = resolve
    })
  })
  function close(proven: boolean): void {
    setOpen(false)
    answer.current(proven)
  }

  return (
    <FreshPasswordContext value={ask.current}>
      {children}
      {isOpen && <FreshPasswordDialog onClose={close} />}
    </FreshPasswordContext>
  )
}

function FreshPasswordDialog({ onClose }: { onClose: (proven: boolean) => void }) {
  const client = useClient()
  const [password, setPassword] = useState('')
  const [isRunning, setRunning] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)

  async function confirm(event: FormEvent): Promise<void> {
    event.preventDefault()
    setRunning(true)
    const { error } = await client.mutation(ConfirmPasswordDocument, { password }).toPromise()
    setRunning(false)
    if (error === undefined) onClose(true)
    else setProblem(explain(error))
  }

  return (
    <Dialog title="Confirm your password" onClose={() => onClose(false)}>
      <form onSubmit={confirm}>
        <p>You signed in a while ago. To go on, show that it is you.</p>
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          problem={problem?.text}
          autoFocus
        />
        <div className="dialog-actions">
          <Button onClick={() => onClose(false)}>Cancel</Button>
          <Button kind="primary" type="submit" busy={isRunning}>
            Confirm
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
