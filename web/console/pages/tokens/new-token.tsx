import { type FormEvent, useState } from 'react'
import { CreateTokenDocument, type CreateTokenMutation, type Scope } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useViewer } from '../../auth/viewer.tsx'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Choice, Field } from '../../parts/field.tsx'
import { Notice } from '../../parts/states.tsx'

/** A token that was just made. */
export type IssuedToken = NonNullable<CreateTokenMutation['createToken']> & { token: string }

const lives = [
  ['7d', '7 days'],
  ['30d', '30 days'],
  ['90d', '90 days'],
  ['365d', '1 year'],
] as const

const scopesOfUsers: [scope: Scope, about: string][] = [
  ['ACCOUNT', 'Read and change your profile, email address and password'],
  ['TOKENS', 'List, make and revoke your devices and tokens'],
]

const scopesOfAdmins: typeof scopesOfUsers = [['ADMIN', 'Look after all accounts']]

/** Makes a personal token, which the API wants a fresh proof of the password for. */
export function NewToken({
  onClose,
  onIssued,
}: {
  onClose: () => void
  onIssued: (issued: IssuedToken) => void
}) {
  const { role } = useViewer()
  const action = useAction(CreateTokenDocument, ['Token'])
  const [name, setName] = useState('')
  const [expiresIn, setExpiresIn] = useState<(typeof lives)[number][0]>('90d')
  const [scopes, setScopes] = useState<Scope[]>([])
  const offered = role === 'ADMIN' ? [...scopesOfUsers, ...scopesOfAdmins] : scopesOfUsers

  async function make(event: FormEvent): Promise<void> {
    event.preventDefault()
    const data = await action.run({ name, scopes, expiresIn })
    const issued = data?.createToken
    if (issued?.token) onIssued({ ...issued, token: issued.token })
  }
  function toggle(scope: Scope): void {
    setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope])
  }

  return (
    <Dialog title="New personal token" onClose={onClose}>
      <form onSubmit={make}>
        <Field
          label="Name"
          hint="What it is for, such as “Nightly backup”."
          value={name}
          onChange={setName}
          problem={action.problem?.field === 'name' ? action.problem.text : null}
          required
          maxLength={100}
          autoComplete="off"
          autoFocus
        />
        <Choice label="Works for" value={expiresIn} onChange={setExpiresIn} options={lives} />
        <fieldset className="scopes">
          <legend>What it may do</legend>
          {offered.map(([scope, about]) => (
            <label key={scope} className="check">
              <input type="checkbox" checked={scopes.includes(scope)} onChange={() => toggle(scope)} />
              <span>
                <code>{scope}</code>
                {about}
              </span>
            </label>
          ))}
          <p className="hint">
            With none it may say who you are, and what this server leaves open to everyone signed in.
          </p>
        </fieldset>
        {action.problem && action.problem.field !== 'name' && (
          <Notice tone="bad">{action.problem.text}</Notice>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={action.isRunning}>
            Make token
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
