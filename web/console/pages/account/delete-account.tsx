import { type FormEvent, useState } from 'react'
import { DeleteViewerDocument } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useDoor } from '../../auth/door.tsx'
import { useViewer } from '../../auth/viewer.tsx'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { Notice } from '../../parts/states.tsx'

/** Ends the account for good, once its name was typed. */
export function DeleteAccount() {
  const [isAsking, setAsking] = useState(false)
  return (
    <Section title="Delete account" about="Your account and what is personal about it are deleted for good.">
      <Button kind="danger" onClick={() => setAsking(true)}>
        Delete account
      </Button>
      {isAsking && <DeleteDialog onClose={() => setAsking(false)} />}
    </Section>
  )
}

function DeleteDialog({ onClose }: { onClose: () => void }) {
  const { username } = useViewer()
  const { leave } = useDoor()
  const [typed, setTyped] = useState('')
  const action = useAction(DeleteViewerDocument)

  async function end(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (typed !== username) return
    if ((await action.run({})) !== null) leave()
  }

  return (
    <Dialog title="Delete your account?" onClose={onClose}>
      <form onSubmit={end}>
        <p>
          Every device is signed out, and nobody can bring the account back. To go on, type{' '}
          <strong>{username}</strong>.
        </p>
        <Field
          label="Your username"
          value={typed}
          onChange={setTyped}
          autoComplete="off"
          autoCapitalize="none"
          autoFocus
        />
        {action.problem && <Notice tone="bad">{action.problem.text}</Notice>}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={action.isRunning} disabled={typed !== username}>
            Delete for good
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
