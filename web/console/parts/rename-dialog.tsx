import { type FormEvent, useState } from 'react'
import { RenameTokenDocument, type TokenCardFragment } from '../api/operations.ts'
import { useAction } from '../auth/action.ts'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { Field } from './field.tsx'
import { useSay } from './toasts.tsx'

/** Gives a device or a token another name. */
export function RenameDialog({ token, onClose }: { token: TokenCardFragment; onClose: () => void }) {
  const [name, setName] = useState(token.name)
  const action = useAction(RenameTokenDocument)
  const say = useSay()

  async function rename(event: FormEvent): Promise<void> {
    event.preventDefault()
    if ((await action.run({ id: token.id, name })) === null) return
    say(`Renamed to “${name}”.`)
    onClose()
  }

  return (
    <Dialog title="Rename" onClose={onClose}>
      <form onSubmit={rename}>
        <Field
          label="Name"
          value={name}
          onChange={setName}
          problem={action.problem?.text}
          required
          maxLength={100}
          autoComplete="off"
          autoFocus
          onFocus={(event) => event.target.select()}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={action.isRunning}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
