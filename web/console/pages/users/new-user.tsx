import { type FormEvent, useState } from 'react'
import { CreateUserDocument, type OneTimePasswordFragment, type Role } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Choice, Field } from '../../parts/field.tsx'
import { Notice } from '../../parts/states.tsx'
import { OneTimePassword } from './one-time-password.tsx'

const roles = [
  ['USER', 'User'],
  ['ADMIN', 'Administrator'],
] as const

/** Creates an account with a temporary password, which its user has to replace. */
export function NewUser({ onClose }: { onClose: () => void }) {
  const [username, setUsername] = useState('')
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('USER')
  const [made, setMade] = useState<OneTimePasswordFragment | null>(null)
  const action = useAction(CreateUserDocument, ['User'])
  const { problem } = action
  const problemOf = (field: string) => (problem?.field === field ? problem.text : null)

  async function create(event: FormEvent): Promise<void> {
    event.preventDefault()
    const data = await action.run({ username, role, email: email === '' ? null : email })
    setMade(data?.createUser?.temporaryPassword ?? null)
  }

  if (made !== null) return <OneTimePassword username={username} made={made} onClose={onClose} />
  return (
    <Dialog title="New user" onClose={onClose}>
      <form onSubmit={create}>
        <Field
          label="Username"
          value={username}
          onChange={setUsername}
          problem={problemOf('username')}
          required
          maxLength={150}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
        />
        <Field
          label="Email address (optional)"
          type="email"
          value={email}
          onChange={setEmail}
          problem={problemOf('email')}
          autoComplete="off"
        />
        <Choice label="Role" value={role} onChange={setRole} options={roles} />
        {problem && !['username', 'email'].includes(problem.field ?? '') && (
          <Notice tone="bad">{problem.text}</Notice>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={action.isRunning}>
            Create user
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
